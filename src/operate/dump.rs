//! Prints one file, recognised by how it starts.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::{Detail, Failure, Verdict};
use crate::config::identity;
use crate::rt::folder::LOCK_FILE;
use crate::seam::disk::BLOCK_BYTES;
use crate::store::manifest::BookInfo;
use crate::store::segment::{self, Check, Checked};
use crate::store::{book, control, log, manifest};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Log,
    Segment,
    Book,
    Manifest,
    Control,
    Identity,
    /// A file of a log that was never used.
    Spare,
    Lock,
}

/// Print `path`.
pub(super) fn dump(path: &Path, detail: Detail, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let shown = path.display();
    let unreadable = |error| Failure::Unreadable(format!("cannot read {shown}: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if about.is_dir() {
        return Err(Failure::Unreadable(format!(
            "{shown} is a folder; name a file in it, or verify all of it with `corelane check {shown}`"
        )));
    }
    let opened = Opened {
        file,
        bytes: about.len(),
    };
    let form = opened.form(path).map_err(unreadable)?.ok_or_else(|| {
        Failure::Unreadable(format!(
            "{shown} is no file of corelane: it starts like no log, segment, book, manifest, control log or \
             identity"
        ))
    })?;
    writeln!(out, "{shown}: {} bytes", opened.bytes)?;
    let lines = Lines::new(out, form, detail);
    let verdict = match form {
        Form::Log => opened.log(&lines),
        Form::Segment => opened.segment(detail, &lines),
        Form::Book => opened.book(&lines),
        Form::Manifest => opened.manifest(&lines),
        Form::Control => opened.control(&lines),
        Form::Identity => opened.identity(&lines),
        Form::Spare => opened.spare(&lines),
        Form::Lock => opened.lock(&lines),
    };
    // A reader that was stopped because nobody listens has no tale of its own.
    match lines.failed.into_inner() {
        Some(error) => Err(Failure::Output(error)),
        None => verdict.map_err(|reason| Failure::Unreadable(format!("{shown}: {reason}"))),
    }
}

/// Prints the lines that are wanted. After a failure it prints no more.
struct Lines<'a> {
    out: RefCell<&'a mut dyn Write>,
    failed: RefCell<Option<io::Error>>,
    form: Form,
    detail: Detail,
}

impl<'a> Lines<'a> {
    fn new(out: &'a mut dyn Write, form: Form, detail: Detail) -> Lines<'a> {
        Lines {
            out: RefCell::new(out),
            failed: RefCell::new(None),
            form,
            detail,
        }
    }

    /// A line of a reader, if it is wanted.
    fn offer(&self, text: &str) {
        let first = text.bytes().next().unwrap_or_default();
        // Readers print parts with their offset or number in front, and what is in them indented.
        let (is_part, is_inside) = match self.form {
            Form::Log => (first == b' ' || first.is_ascii_digit(), false),
            Form::Book => (first.is_ascii_digit(), false),
            Form::Manifest | Form::Control => (text.starts_with("record "), first == b' '),
            Form::Segment | Form::Identity | Form::Spare | Form::Lock => (false, false),
        };
        let is_wanted = match self.detail {
            Detail::All => true,
            Detail::Parts => !is_inside,
            Detail::Summary => !is_inside && !is_part,
        };
        if is_wanted {
            self.print(text);
        }
    }

    fn print(&self, text: &str) {
        let mut failed = self.failed.borrow_mut();
        if failed.is_none() {
            *failed = writeln!(self.out.borrow_mut(), "{text}").err();
        }
    }

    /// Stops whoever reads when nobody takes the lines any more.
    fn go_on(&self) -> io::Result<()> {
        match *self.failed.borrow() {
            Some(_) => Err(io::Error::from(io::ErrorKind::BrokenPipe)),
            None => Ok(()),
        }
    }
}

struct Opened {
    file: File,
    bytes: u64,
}

impl Opened {
    /// Up to so many bytes from an offset, less at the end of the file.
    fn read(&self, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let left = self.bytes.saturating_sub(offset);
        let wanted = usize::try_from(left).map_or(bytes, |left| left.min(bytes));
        let mut read = vec![0; wanted];
        self.file.read_exact_at(&mut read, offset)?;
        Ok(read)
    }

    /// What it is, by how it starts; of a file full of zeros and of the lock the name tells it.
    fn form(&self, path: &Path) -> io::Result<Option<Form>> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.unwrap_or_default();
        let start = self.read(0, 128)?;
        let behind = self.read(BLOCK_BYTES as u64, 8)?;
        let last = self.bytes.saturating_sub(BLOCK_BYTES as u64);
        let end = self.read(last, 8)?;
        let form = if start.starts_with(&log::block::FILE_MAGIC)
            || behind.starts_with(&log::block::MAGIC)
        {
            Form::Log
        } else if start.starts_with(&segment::HEADER_MAGIC)
            || end.starts_with(&segment::FOOTER_MAGIC)
        {
            Form::Segment
        } else if start.starts_with(&book::MAGIC) {
            Form::Book
        } else if start.starts_with(&manifest::MAGIC) {
            Form::Manifest
        } else if start.starts_with(&control::MAGIC) {
            Form::Control
        } else if self.bytes < 128 && identity::looks_like_one(&start) {
            Form::Identity
        } else if log::names::parse(name).is_some()
            && start.iter().chain(&behind).all(|&byte| byte == 0)
        {
            Form::Spare
        } else if name == LOCK_FILE && self.bytes < 128 {
            Form::Lock
        } else {
            return Ok(None);
        };
        Ok(Some(form))
    }

    fn log(&self, lines: &Lines<'_>) -> Result<Verdict, String> {
        let read = |offset, bytes| {
            lines.go_on()?;
            self.read(offset, bytes)
        };
        let summary = log::dump::describe(read, |text| lines.offer(text))
            .map_err(|error| error.to_string())?;
        lines.print(&format!(
            "{} blocks, {} points, {} definitions; {} damaged blocks, {} that do not follow the one \
             before, {} of earlier lives of the file",
            summary.blocks,
            summary.points,
            summary.definitions,
            summary.damaged,
            summary.unchained,
            summary.stale
        ));
        if summary.is_sound() {
            return Ok(Verdict::Sound);
        }
        if !summary.has_header && summary.blocks == 0 {
            return Err("there is no log in it that this program can read".to_owned());
        }
        lines.print(
            "DAMAGED; at the end of the newest log of a shard that is usual after a crash: \
             `corelane check` on the data folder tells",
        );
        Ok(Verdict::Damaged)
    }

    fn segment(&self, detail: Detail, lines: &Lines<'_>) -> Result<Verdict, String> {
        let detail = match detail {
            Detail::Summary => segment::Detail::File,
            Detail::Parts => segment::Detail::Pages,
            Detail::All => segment::Detail::Runs,
        };
        let mut read = |offset, bytes| {
            lines.go_on()?;
            self.read(offset, bytes)
        };
        segment::describe(self.bytes, detail, &mut read, &mut |text| {
            lines.print(&text)
        })
        .map_err(|error| error.to_string())?;
        let mut check = Check::new(self.bytes);
        while let Checked::Some(_) = check.step(&mut read).map_err(|error| error.to_string())? {}
        for fault in check.faults() {
            lines.print(&format!("DAMAGED {fault}"));
        }
        if check.faults_more() > 0 {
            lines.print(&format!("and {} places more", check.faults_more()));
        }
        Ok(if check.faults().is_empty() {
            lines.print("all pages are whole");
            Verdict::Sound
        } else {
            Verdict::Damaged
        })
    }

    fn book(&self, lines: &Lines<'_>) -> Result<Verdict, String> {
        let header = self
            .read(0, BLOCK_BYTES)
            .map_err(|error| error.to_string())?;
        let number = book::number_in(&header).map_err(|error| error.to_string())?;
        lines.print(&format!("book {number}"));
        // How much of it is needed only the manifest knows; that it has a header is known.
        let needed = BookInfo {
            numbers: 0,
            bytes: BLOCK_BYTES as u64,
        };
        let read = |offset, bytes| {
            lines.go_on()?;
            self.read(offset, bytes)
        };
        match book::dump(number, needed, read, |text| lines.offer(text)) {
            Ok(_) => Ok(Verdict::Sound),
            Err(damaged @ book::BookError::Damaged { .. }) => {
                lines.print(&format!("DAMAGED: {damaged}"));
                Ok(Verdict::Damaged)
            }
            Err(error) => Err(error.to_string()),
        }
    }

    fn manifest(&self, lines: &Lines<'_>) -> Result<Verdict, String> {
        let read = |offset, bytes| {
            lines.go_on()?;
            self.read(offset, bytes)
        };
        match manifest::dump(read, |text| lines.offer(text)) {
            Ok(()) => Ok(Verdict::Sound),
            Err(damaged @ manifest::ManifestError::Damaged { .. }) => {
                lines.print(&format!("DAMAGED: {damaged}"));
                Ok(Verdict::Damaged)
            }
            Err(error) => Err(error.to_string()),
        }
    }

    fn control(&self, lines: &Lines<'_>) -> Result<Verdict, String> {
        let read = |offset, bytes| {
            lines.go_on()?;
            self.read(offset, bytes)
        };
        match control::dump(read, |text| lines.offer(text)) {
            Ok(()) => Ok(Verdict::Sound),
            Err(damaged @ control::ControlError::Damaged { .. }) => {
                lines.print(&format!("DAMAGED: {damaged}"));
                Ok(Verdict::Damaged)
            }
            Err(error) => Err(error.to_string()),
        }
    }

    fn spare(&self, lines: &Lines<'_>) -> Result<Verdict, String> {
        let mut offset = 0;
        loop {
            let piece = self
                .read(offset, 1 << 20)
                .map_err(|error| error.to_string())?;
            if piece.iter().any(|&byte| byte != 0) {
                return Err(
                    "it starts with zeros, and something else stands behind them".to_owned(),
                );
            }
            if piece.is_empty() {
                lines.print("a file of a log that was not used yet, full of zeros");
                return Ok(Verdict::Sound);
            }
            offset += piece.len() as u64;
        }
    }

    fn lock(&self, lines: &Lines<'_>) -> Result<Verdict, String> {
        let bytes = self.read(0, 128).map_err(|error| error.to_string())?;
        let process = String::from_utf8_lossy(&bytes).trim().to_owned();
        lines.print(&format!(
            "the lock of a data folder: process {process} has held it last, or holds it"
        ));
        Ok(Verdict::Sound)
    }

    fn identity(&self, lines: &Lines<'_>) -> Result<Verdict, String> {
        let bytes = self.read(0, 128).map_err(|error| error.to_string())?;
        identity::parse(&bytes).map_err(|error| error.to_string())?;
        lines.print(
            "identity of a data folder, version 1, whole; its seed is not shown: who knows it can \
             choose names that collide",
        );
        Ok(Verdict::Sound)
    }
}
