//! Why something did not go, by what helps.

/// Why one call, or the reading of its answer, failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    /// Nothing goes on: what happened, and what to do.
    #[error("{0}")]
    Fatal(String),
    /// The server will not answer this; it may answer less.
    #[error("{0}")]
    Refused(String),
    /// The answer came too late, broke off, is no answer, or is too large; less of it may be one.
    #[error("{0}")]
    Broken(String),
    /// The answer has tags by which was not grouped.
    #[error("it has tags that it did not list: {0:?}")]
    Ungrouped(Vec<String>),
}

impl Trouble {
    /// The same with more about it.
    pub(super) fn about(self, what: &str) -> Trouble {
        match self {
            Trouble::Fatal(text) => Trouble::Fatal(text),
            other => Trouble::Fatal(format!("{what}: {other}")),
        }
    }
}
