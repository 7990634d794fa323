//! Reads and verifies a whole data folder.

use std::io::{self, Write};
use std::path::Path;

use super::log::{self, Held};
use super::report::{Damage, Report};
use super::{Failure, Verdict};
use crate::config::identity::{self, IDENTITY_FILE, IdentityError};
use crate::rt::folder::{Folder, FolderError};
use crate::seam::Disk;
use crate::store::book::{BookError, Reader, book_path};
use crate::store::control::{self, CONTROL_FILE, ControlError, Loaded};
use crate::store::info::SegmentInfo;
use crate::store::log::names;
use crate::store::manifest::{BookInfo, MANIFEST_FILE, Manifest, Version, unlisted};
use crate::store::segment::{Check, Checked, Corrupt, Unreadable};

const FROM_SNAPSHOT: &str = "with corelane stopped, put the file back from a snapshot or a copy; without one \
                             leave it: corelane steps over what it cannot read";

/// Check the data folder at `path`.
pub(super) fn check(path: &Path, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let shown = path.display();
    let has = |name| path.join(name).is_file();
    if !has(MANIFEST_FILE) && !has(IDENTITY_FILE) {
        return Err(Failure::Unreadable(format!(
            "{shown} is no data folder of corelane: there is neither `{MANIFEST_FILE}` nor \
             `{IDENTITY_FILE}` in it"
        )));
    }
    let folder = Folder::look(path).map_err(|error| {
        Failure::Unreadable(match error {
            FolderError::Held(path, process) => format!(
                "the data folder {} is in use by another corelane{process}; stop that one. A snapshot of it \
                 can be checked while it runs",
                path.display()
            ),
            FolderError::Unusable(path, error) => format!("cannot read {}: {error}", path.display()),
        })
    })?;
    let text = |error: &dyn std::fmt::Display| Failure::Unreadable(format!("{shown}: {error}"));
    let manifest = Manifest::open(&folder).map_err(|error| text(&error))?;
    let version = manifest.committed();
    let mut report = Report::new(out);
    let logs = expect(&folder, &version, &mut report).map_err(|error| text(&error))?;
    if let Some(text) = manifest.end_in_words() {
        report.note(text)?;
    }
    check_identity(&folder, &mut report)?;
    check_control(&folder, &mut report)?;
    let mut series = 0;
    for (book, needed) in version.books() {
        series += check_book(&folder, book, needed, &mut report)?;
    }
    for info in version.all_segments() {
        check_segment(&folder, info, &mut report)?;
    }
    let mut held = Held::default();
    for &shard in &logs {
        let log = log::check(&folder, shard, version.floor(u32::from(shard)), &mut report)?;
        held.blocks += log.blocks;
        held.points += log.points;
    }
    tell_aside(&folder, &version, &mut report)?;
    let totals = version.totals();
    let sound = report.end(&format!(
        "{} segments with {} points, {} books with {series} series, {} logs with {} blocks and {} points \
         that are not in segments yet",
        totals.files,
        totals.points,
        version.books().count(),
        logs.len(),
        held.blocks,
        held.points
    ))?;
    Ok(if sound {
        Verdict::Sound
    } else {
        Verdict::Damaged
    })
}

/// Tell how much there is to read. Gives the logs.
fn expect(folder: &Folder, version: &Version, report: &mut Report<'_>) -> io::Result<Vec<u16>> {
    let logs = folder.list(names::FOLDER)?;
    let shards = names::shards(logs.iter().map(|(name, _)| name.as_str()));
    let of_logs: u64 = logs.iter().map(|(_, bytes)| bytes).sum();
    let of_books: u64 = version.books().map(|(_, info)| info.bytes).sum();
    report
        .progress
        .plan(of_logs + of_books + version.totals().bytes);
    Ok(shards)
}

fn check_identity(folder: &Folder, report: &mut Report<'_>) -> Result<(), Failure> {
    let what = match folder.read(IDENTITY_FILE) {
        Ok(Some(bytes)) => match identity::parse(&bytes) {
            Ok(_) => return Ok(()),
            Err(error @ IdentityError::Version(_)) => return Err(foreign(&error)),
            Err(error) => error.to_string(),
        },
        Ok(None) => "it is missing".to_owned(),
        Err(error) => format!("the disk cannot read it: {error}"),
    };
    report.damage(&Damage {
        file: IDENTITY_FILE,
        offset: None,
        what: &what,
        means: "no point is lost, but a start is refused while it is damaged or missing; with a new one in \
                its place what was deleted and is still in files would show again",
        remedy: "put it back from a snapshot of this folder; it never changes",
    })?;
    Ok(())
}

/// A file is of another version: nothing is wrong with it, and nothing can be said of it.
fn foreign(error: &dyn std::fmt::Display) -> Failure {
    Failure::Unreadable(format!(
        "{error}. Check the folder with the corelane that wrote it, or a newer one"
    ))
}

/// Check what users told.
fn check_control(folder: &Folder, report: &mut Report<'_>) -> Result<(), Failure> {
    let error = match control::open(folder) {
        Ok(loaded) => {
            let end = loaded.as_ref().and_then(Loaded::end_in_words);
            return Ok(end.map_or(Ok(()), |text| report.note(text))?);
        }
        Err(error) => error,
    };
    let offset = match &error {
        ControlError::Header(header) if header.is_foreign() => return Err(foreign(&error)),
        ControlError::Damaged { at, .. } => Some(*at),
        _ => None,
    };
    report.damage(&Damage {
        file: CONTROL_FILE,
        offset,
        what: &error.to_string(),
        means: "no point is lost, but a start is refused while it is damaged; it holds the events",
        remedy: "put it back from a snapshot of this folder, or move it aside: then all events are lost",
    })?;
    Ok(())
}

/// Check a book. Gives how many series it has.
fn check_book(
    folder: &Folder,
    book: u32,
    needed: BookInfo,
    report: &mut Report<'_>,
) -> Result<u64, Failure> {
    let (path, mut reader) = (book_path(book), Reader::new(book, needed));
    let (mut definitions, mut series, mut done) = (Vec::new(), 0, 0);
    loop {
        let step = reader.step_on(folder, &mut definitions);
        series += definitions.drain(..).count() as u64;
        report
            .progress
            .advance(reader.end().saturating_sub(done), &path);
        done = reader.end();
        let error = match step {
            Ok(true) => continue,
            Ok(false) => return Ok(series),
            Err(error) => error,
        };
        let (offset, what) = match &error {
            BookError::Header(_, header) if header.is_foreign() => return Err(foreign(&error)),
            BookError::Damaged { at, what, .. } => (Some(*at), (*what).to_owned()),
            BookError::Another { found, .. } => (None, format!("it is the file of book {found}")),
            error => (None, error.to_string()),
        };
        let means = match &error {
            BookError::Another { .. } => {
                "the points of its series cannot be found, and a start is refused".to_owned()
            }
            _ => format!(
                "series in the record there have no names, perhaps all from number {} on, so their points in \
                 segments cannot be found. The next start makes it anew of what can be read of it and of the \
                 log, says how many numbers have lost their names, and goes on; without any book it is \
                 refused",
                reader.next_number()
            ),
        };
        report.damage(&Damage {
            file: &path,
            offset,
            what: &what,
            means: &means,
            remedy: "put the book back from a copy of this state of the folder. An older one, of a snapshot, \
                     is taken too: series that came after it have no names then",
        })?;
        return Ok(series);
    }
}

/// Check a segment that is listed, a page at a time.
fn check_segment(
    folder: &Folder,
    info: &SegmentInfo,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    let path = info.path();
    let all = format!(
        "its {} points from {} to {} are missing from answers",
        info.points,
        instant(info.first_ms),
        instant(info.last_ms)
    );
    let lost = |report: &mut Report<'_>, wrong: &Corrupt| -> Result<(), Failure> {
        if wrong.is_foreign {
            return Err(foreign(&format!("{path}: {wrong}")));
        }
        report.damage(&Damage {
            file: &path,
            offset: Some(wrong.offset),
            what: &wrong.text,
            means: &all,
            remedy: FROM_SNAPSHOT,
        })?;
        Ok(())
    };
    let bytes = match std::fs::metadata(folder.path().join(&path)) {
        Ok(about) => about.len(),
        Err(error) => {
            let what = match error.kind() {
                io::ErrorKind::NotFound => "it is listed but not there".to_owned(),
                _ => format!("the disk cannot find it: {error}"),
            };
            report.damage(&Damage {
                file: &path,
                offset: None,
                what: &what,
                means: &all,
                remedy: "with corelane stopped, put the file back from a snapshot or a copy",
            })?;
            return Ok(());
        }
    };
    let mut read = |offset, bytes| folder.read_at(&path, offset, bytes);
    let (mut check, mut done) = (Check::new(bytes), 0);
    let found = loop {
        match check.step(&mut read) {
            Ok(Checked::Some(now)) => {
                report.progress.advance(now.saturating_sub(done), &path);
                done = now;
            }
            Ok(Checked::All(found)) => break found,
            Err(Unreadable::Corrupt(wrong)) => return lost(report, &wrong),
            Err(Unreadable::Io(error)) => {
                let text = format!("the disk cannot read it: {error}");
                return lost(report, &Corrupt::new(done, text));
            }
        }
    };
    for wrong in check.faults() {
        report.damage(&Damage {
            file: &path,
            offset: Some(wrong.offset),
            what: &wrong.text,
            means: "what is here is missing from answers; the rest of the file answers",
            remedy: FROM_SNAPSHOT,
        })?;
    }
    if check.faults_more() > 0 {
        report.note(&format!(
            "{path} is damaged in {} places more",
            check.faults_more()
        ))?;
    }
    if check.faults().is_empty() && found != *info {
        lost(
            report,
            &Corrupt::new(
                bytes,
                "it is another file than the manifest lists under this number",
            ),
        )?;
    }
    Ok(())
}

/// What lies beside the list, and what was found damaged earlier.
fn tell_aside(folder: &Folder, version: &Version, report: &mut Report<'_>) -> io::Result<()> {
    for ((file, page), reason) in version.quarantined() {
        let page = page.map_or_else(String::new, |page| format!(", its page at byte {page}"));
        report.note(&format!(
            "segment {file}{page} was found damaged earlier: {reason}"
        ))?;
    }
    let found = unlisted(folder, version)?;
    let mut tell = |count: usize, text: &str| match count {
        0 => Ok(()),
        count => report.note(&format!("{count} {text}")),
    };
    tell(
        found.unfinished as usize,
        "segments that were begun and never listed; the next start puts them \
         into the folder quarantine, their points are in the log or in other files",
    )?;
    tell(
        found.strangers as usize,
        "segments that the manifest never knew; the next start puts them into \
         the folder quarantine. Was `manifest` replaced by an older one?",
    )?;
    tell(
        found.removals.len(),
        "files that were begun and never finished; the next start removes them",
    )?;
    let leaving = version.leaving().count() - found.gone.len();
    tell(
        leaving,
        "segments that are not listed any more and not yet removed",
    )?;
    tell(
        folder.list("quarantine")?.len(),
        "files in the folder quarantine; nothing reads them",
    )
}

fn instant(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis)
        .map_or_else(|_| format!("{millis} ms"), |instant| instant.to_string())
}
