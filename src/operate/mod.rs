//! What an operator does besides starting the appliance: print a file of a data folder ([`Task::Dump`]),
//! verify all of them ([`Task::Check`]), move in from KairosDB and out again ([`kairosdb`]).
//!
//! Takes what was typed; gives lines of text and a [`Verdict`], which is the exit code. What looks at a
//! folder changes nothing but its lock, and what the bytes mean is told by the readers in
//! [`store`](crate::store), the same that the appliance reads with; what moves points talks to running
//! servers. Truth of its tests: folders that a real appliance wrote, damaged by hand; the real KairosDB.
#![forbid(unsafe_code)]

mod check;
mod dump;
pub mod kairosdb;
mod log;
mod progress;
mod report;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// What to do instead of serving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Print a file.
    Dump {
        /// Which.
        file: PathBuf,
        /// How much of it.
        detail: Detail,
    },
    /// Read and verify a data folder.
    Check {
        /// Which.
        folder: PathBuf,
    },
    /// Copy from a KairosDB.
    Import(kairosdb::Import),
    /// Write what a KairosDB or a corelane holds.
    Export(kairosdb::Export),
}

/// How much of a file is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// What it is, and its totals.
    Summary,
    /// And a line for each of its parts.
    #[default]
    Parts,
    /// And what is in them.
    All,
}

impl Detail {
    /// The words of the command line, and what they stand for.
    pub const WORDS: [(&str, Detail); 3] = [
        ("summary", Detail::Summary),
        ("parts", Detail::Parts),
        ("all", Detail::All),
    ];
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// All is as it was written, or is copied.
    Sound = 0,
    /// Something is damaged, lost or not copied; it was named.
    Damaged = 1,
    /// It cannot be read at all, or the copying stopped.
    Unreadable = 2,
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> ExitCode {
        ExitCode::from(verdict as u8)
    }
}

/// Why a task could not be done.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The file or folder, and what to do.
    #[error("{0}")]
    Unreadable(String),
    /// Nobody takes what is printed.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
}

impl Task {
    /// Do it: text to standard output, progress and failures to standard error.
    pub fn run(&self) -> Verdict {
        let mut out = BufWriter::new(io::stdout().lock());
        let done = match self {
            Task::Dump { file, detail } => dump::dump(file, *detail, &mut out),
            Task::Check { folder } => check::check(folder, &mut out),
            Task::Import(import) => kairosdb::import(import, &mut out),
            Task::Export(export) => kairosdb::export(export, &mut out),
        };
        let flushed = out.flush();
        match done.and_then(|verdict| flushed.map(|()| verdict).map_err(Failure::from)) {
            Ok(verdict) => verdict,
            Err(failure) => {
                // Who has read enough, as `head` does, needs no text; and without standard error
                // nobody is left to tell.
                let quiet = matches!(&failure, Failure::Output(error)
                    if error.kind() == io::ErrorKind::BrokenPipe);
                if !quiet {
                    let _ = writeln!(io::stderr(), "corelane: {failure}");
                }
                Verdict::Unreadable
            }
        }
    }
}
