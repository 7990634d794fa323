//! How a merge goes on, and how it ends.

use std::sync::Arc;

use super::INPUTS_MAX;
use crate::seam::disk::Fault;
use crate::store::info::SegmentInfo;
use crate::store::segment::{Corrupt, Refused};

/// How far a merge is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do at once.
    Working,
    /// It needs the result of a job.
    Waiting,
    /// The output is complete and on stable storage. It may have no points, if all were deleted.
    Done(SegmentInfo),
    /// It ended, and what it wrote is removed.
    Failed(Failure),
}

/// Why a merge ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A file holds wrong bytes: it is to be quarantined.
    #[error("{name}: {corrupt}")]
    Corrupt {
        /// Which file.
        name: Arc<str>,
        /// What is wrong, and where.
        corrupt: Corrupt,
    },
    /// The disk could not do it.
    #[error("{name}: {fault}")]
    Fault {
        /// Which file.
        name: Arc<str>,
        /// What it said.
        fault: Fault,
    },
    /// The output cannot hold it.
    #[error("{name}: {refused}")]
    Refused {
        /// Which file.
        name: Arc<str>,
        /// Why.
        refused: Refused,
    },
}

/// Files that are not to be merged with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("segments are merged by one book and one window, two to {INPUTS_MAX} at once")]
pub struct Unlike;
