//! What a check found, printed as it is found.

use std::io::{self, Write};

use super::progress::Progress;

/// One place that is not as it was written.
pub(super) struct Damage<'a> {
    /// The file, by its path below the data folder.
    pub(super) file: &'a str,
    /// Where in it, if that is known.
    pub(super) offset: Option<u64>,
    /// What is wrong.
    pub(super) what: &'a str,
    /// What that means for the data.
    pub(super) means: &'a str,
    /// What to do.
    pub(super) remedy: &'a str,
}

/// What is said so far.
pub(super) struct Report<'a> {
    out: &'a mut dyn Write,
    /// How far the check is.
    pub(super) progress: Progress,
    damages: u64,
    notes: u64,
}

impl<'a> Report<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Report<'a> {
        Report {
            out,
            progress: Progress::new(),
            damages: 0,
            notes: 0,
        }
    }

    /// Something is wrong.
    pub(super) fn damage(&mut self, damage: &Damage<'_>) -> io::Result<()> {
        self.progress.clear();
        self.damages += 1;
        let Damage {
            file,
            what,
            means,
            remedy,
            ..
        } = damage;
        match damage.offset {
            Some(offset) => writeln!(self.out, "DAMAGED {file} at byte {offset}: {what}")?,
            None => writeln!(self.out, "DAMAGED {file}: {what}")?,
        }
        writeln!(self.out, "  means: {means}\n  do: {remedy}")?;
        self.out.flush()
    }

    /// Something that is worth knowing and no damage.
    pub(super) fn note(&mut self, text: &str) -> io::Result<()> {
        self.progress.clear();
        self.notes += 1;
        writeln!(self.out, "note: {text}")
    }

    /// The last lines. Whether nothing is wrong.
    pub(super) fn end(mut self, totals: &str) -> io::Result<bool> {
        self.progress.clear();
        writeln!(self.out, "{totals}; {}", self.progress.summary())?;
        match self.damages {
            0 => writeln!(self.out, "sound")?,
            1 => writeln!(self.out, "DAMAGED in 1 place, named above")?,
            count => writeln!(self.out, "DAMAGED in {count} places, named above")?,
        }
        Ok(self.damages == 0)
    }
}
