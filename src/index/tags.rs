//! Tag lookup.
use super::TooMany;
use crate::model::series::{SeriesId, SeriesName, TenantId};

/// One test of a tag's value, as in Graphite's tag expressions.
#[derive(Clone, Debug)]
pub struct TagTest {}

/// Postings.
#[derive(Default)]
pub struct Tags {}

impl Tags {
    /// Add a tagged series; ids come in ascending order.
    pub fn insert(&mut self, _tenant: TenantId, _name: &SeriesName, _id: SeriesId) {}

    /// Series that pass all tests.
    ///
    /// # Errors
    /// Too many.
    pub fn select(
        &self,
        _tenant: TenantId,
        _tests: &[TagTest],
        _limit: usize,
    ) -> Result<Vec<SeriesId>, TooMany> {
        Ok(Vec::new())
    }
}
