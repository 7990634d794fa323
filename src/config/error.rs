//! What is wrong with a configuration, told so that it can be put right.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line of the configuration file, the first being 1.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// Its line.
        line: usize,
    },
    /// A line of a configuration of KairosDB.
    KairosDb {
        /// The file as it was named.
        path: PathBuf,
        /// Its line.
        line: usize,
    },
    /// What KairosDB does where its configuration says nothing.
    KairosDbDefault,
    /// An environment variable that KairosDB goes by.
    KairosDbEnvironment(String),
    /// An environment variable.
    Environment(String),
    /// A flag, with its dashes.
    Flag(String),
}

impl Origin {
    /// Whether KairosDB's configuration says it, or how it is read.
    pub fn is_kairosdb(&self) -> bool {
        matches!(
            self,
            Origin::KairosDb { .. } | Origin::KairosDbDefault | Origin::KairosDbEnvironment(_)
        )
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => write!(out, "default"),
            Origin::File { path, line } => write!(out, "{}:{line}", path.display()),
            Origin::KairosDb { path, line } => {
                write!(out, "{}:{line} (KairosDB's)", path.display())
            }
            Origin::KairosDbDefault => write!(out, "KairosDB's own default"),
            Origin::KairosDbEnvironment(name) => {
                write!(out, "environment variable {name} (KairosDB's)")
            }
            Origin::Environment(name) => write!(out, "environment variable {name}"),
            Origin::Flag(flag) => write!(out, "flag {flag}"),
        }
    }
}

/// One thing that is wrong: where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it was written.
    pub origin: Origin,
    /// What is wrong, what was expected.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.origin, self.text)
    }
}

/// Everything that is wrong with a configuration, so that one start shows it all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one fault, in the order they were met.
    pub faults: Vec<Fault>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the configuration cannot be used")?;
        for fault in &self.faults {
            write!(out, "\n  {fault}")?;
        }
        write!(
            out,
            "\nEvery key with its meaning and default is shown by `corelane --print-config` \
             without a file."
        )
    }
}

impl std::error::Error for ConfigError {}
