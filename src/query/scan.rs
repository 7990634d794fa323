//! One shard's part of a plan.

use super::error::QueryError;
use super::plan::Plan;
use crate::index::Index;
use crate::store::head::Head;

/// What one shard found.
#[derive(Debug)]
pub enum Partial {
    /// Names.
    Names(Vec<String>),
}

/// A scan under way; made of slices so that ingest goes on between them.
pub struct Scan {}

impl Scan {
    /// Begin.
    pub fn new(_plan: Plan) -> Scan {
        Scan {}
    }

    /// Do a slice of about `points` points read or names matched; `Some` when it is done.
    pub fn step(
        &mut self,
        _index: &Index,
        _head: &Head,
        _points: usize,
    ) -> Option<Result<Partial, QueryError>> {
        Some(Ok(Partial::Names(Vec::new())))
    }
}
