//! Segments: immutable files of points, one book and one window of time each, series by series.
//!
//! A [`Writer`] takes the runs of series in the order of their numbers and gives the bytes of a file
//! front to back. A reader takes the [`Footer`] from the last block, the [`Index`] from where that
//! says, and then a [`Page`] wherever the index points; every one of them has a checksum. [`Merge`]
//! makes one file of several, in slices. [`Check`] reads a whole file and tells what is wrong with it,
//! [`describe`] prints it. `FORMAT.md` has the bytes.
//!
//! Knows runs only through [`super::pack`], and no disk: whoever reads hands in bytes. Truth: the
//! tests beside hold files and merges against a sorted map.

mod bits;
mod blocks;
mod check;
mod describe;
mod extent;
mod fields;
mod index;
mod mask;
pub mod merge;
mod page;
mod starts;
mod writer;

#[cfg(test)]
mod tests;

pub use blocks::{About, FOOTER_MAGIC, Footer, HEADER_MAGIC, Header};
pub use check::{Check, Checked, FAULTS_MAX, Reader, Unreadable};
pub use describe::{Detail, describe};
pub use extent::Extent;
pub use index::{Entry, Index};
pub use mask::{Mask, VEILS_MAX, Veil};
pub use merge::Merge;
pub use page::{Kind, Page};
pub use writer::{Refused, Writer};

use std::borrow::Cow;

/// A page is closed when its runs have so many bytes.
pub const PAGE_BYTES: usize = 16 * 1024;
/// Most runs of a page.
pub const PAGE_RUNS_MAX: usize = 1024;
/// Bytes of the longest run. Who has more of one series adds several runs.
pub const RUN_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of texts that are packed into one run, about: one text more fits into a run.
pub const RUN_TEXT_BYTES_MAX: usize = RUN_BYTES_MAX / 4;
/// Bytes of the largest page: the runs that fill one, then the longest one, and a directory.
pub const PAGE_BYTES_MAX: usize = PAGE_BYTES + RUN_BYTES_MAX + 16 * 1024;
/// Points that a run should have at most: whoever writes splits longer series.
pub const RUN_POINTS_MAX: usize = 8192;
/// Bytes of the largest index: some 1.5 million pages.
pub const INDEX_BYTES_MAX: u32 = 64 * 1024 * 1024;
/// So many bytes of cells are written at once.
const CELLS_GATHER_BYTES: usize = 64 * 1024;

/// Points of a series that are read as fast as their cells.
const CELLS_POINTS_MIN: u64 = 60;

/// Whether cells of so many bytes are worth their room beside so many points. Those of a few points are
/// nearly as large as these: they wait until a merge brings more.
pub fn worth_cells(cells_bytes: usize, points: u64) -> bool {
    let is_small = (cells_bytes as u64).saturating_mul(10) <= points.saturating_mul(4);
    is_small && CELLS_POINTS_MIN <= points
}

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: {text}")]
pub struct Corrupt {
    /// Where, in bytes from the start of the file.
    pub offset: u64,
    /// What.
    pub text: Cow<'static, str>,
    /// Whether nothing is wrong but that this build does not know the form.
    pub is_foreign: bool,
}

impl Corrupt {
    pub(crate) fn new(offset: u64, text: impl Into<Cow<'static, str>>) -> Corrupt {
        Corrupt {
            offset,
            text: text.into(),
            is_foreign: false,
        }
    }

    /// Of another version.
    fn foreign(offset: u64, text: String) -> Corrupt {
        Corrupt {
            is_foreign: true,
            ..Corrupt::new(offset, text)
        }
    }

    /// The same, in something that starts at `start`.
    fn moved(self, start: u64) -> Corrupt {
        Corrupt {
            offset: self.offset.saturating_add(start),
            ..self
        }
    }
}
