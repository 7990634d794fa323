//! Graphite's path patterns.

/// A path pattern.
#[derive(Clone, Debug)]
pub struct Pattern {}

impl Pattern {
    /// Read a pattern. Every text is one.
    pub fn new(_text: &str) -> Pattern {
        Pattern {}
    }
}
