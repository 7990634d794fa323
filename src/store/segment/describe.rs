//! Prints a file for people: what it is, its index, its pages, and what the runs in them hold.

use super::check::{Reader, Unreadable, open, read_page};
use super::{Entry, Footer, Header, Kind};
use crate::base::time::Millis;
use crate::seam::disk::BLOCK_BYTES;
use crate::store::pack::Summary;

/// How much is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What the file is.
    File,
    /// And a line for each page.
    Pages,
    /// And one for each run.
    Runs,
}

/// Print a file of so many bytes, each line through `line`. What is wrong with the header or with a page
/// is printed in its place.
///
/// # Errors
/// The disk could not, or the file cannot be opened.
pub fn describe(
    file_bytes: u64,
    detail: Detail,
    read: Reader<'_>,
    line: &mut dyn FnMut(String),
) -> Result<(), Unreadable> {
    let opened = open(file_bytes, read)?;
    match Header::take(&read(0, BLOCK_BYTES)?) {
        Ok(header) if header.about == opened.footer.about => {}
        Ok(header) => line(format!(
            "WRONG: the header is of another file: {:?}",
            header.about
        )),
        Err(wrong) => line(format!("WRONG: {wrong}")),
    }
    describe_file(&opened.footer, line);
    if detail == Detail::File {
        return Ok(());
    }
    for entry in opened.index.raw().iter().chain(opened.index.cells()) {
        describe_page(entry, line);
        if detail != Detail::Runs {
            continue;
        }
        match read_page(entry, read) {
            Ok(page) => {
                for (number, run) in page.runs() {
                    line(describe_run(number, run, entry, &opened.footer));
                }
            }
            Err(Unreadable::Corrupt(wrong)) => line(format!("  WRONG: {wrong}")),
            Err(io) => return Err(io),
        }
    }
    Ok(())
}

fn describe_file(footer: &Footer, line: &mut dyn FnMut(String)) {
    let (about, info) = (&footer.about, &footer.info);
    line(format!(
        "segment {} of book {}, level {}: {} points of {} series",
        about.file, about.book, about.level, info.points, info.series
    ));
    line(format!(
        "window from {} ms, {} ms long; points from {} to {}; cells of {} ms",
        about.window_start_ms, about.window_ms, info.first_ms, info.last_ms, about.cell_step_ms
    ));
    line(format!(
        "stamps {} to {}, log blocks {} to {}",
        about.first_stamp, about.last_stamp, about.first_log_block, about.last_log_block
    ));
    line(format!(
        "{} bytes: {} of points in {} pages, {} of cells in {} pages; index of {} at {}",
        info.bytes,
        info.raw_bytes,
        footer.raw_pages,
        info.cell_bytes,
        footer.cell_pages,
        footer.index_bytes,
        footer.index_offset
    ));
    if info.mortal_points != 0 {
        line(format!(
            "{} points have a ttl; the last of them expires at stamp {}",
            info.mortal_points, info.mortal_until
        ));
    }
    if footer.compatible != 0 {
        line(format!(
            "features that need not be known: {:#x}",
            footer.compatible
        ));
    }
}

fn describe_page(entry: &Entry, line: &mut dyn FnMut(String)) {
    let kind = match entry.kind {
        Kind::Raw => "points",
        Kind::Cells => "cells",
    };
    let extent = &entry.extent;
    line(format!(
        "page of {kind} at {}, {} bytes, crc {:08x}: series {} to {}, {} points from {} to {}, \
         values {} to {}",
        entry.offset,
        entry.bytes,
        entry.crc,
        entry.first,
        entry.last,
        extent.points,
        extent.first_ms,
        extent.last_ms,
        extent.min,
        extent.max
    ));
}

fn describe_run(number: u32, run: &[u8], entry: &Entry, footer: &Footer) -> String {
    let bytes = run.len();
    if entry.kind == Kind::Cells {
        return format!("  series {number}: {bytes} bytes of cells");
    }
    match Summary::of(run, Millis(footer.about.window_start_ms)) {
        Ok(summary) => format!(
            "  series {number}: {bytes} bytes, {} points from {} to {}",
            summary.count, summary.first_ms, summary.last_ms
        ),
        Err(wrong) => format!("  series {number}: {bytes} bytes, WRONG: {wrong}"),
    }
}
