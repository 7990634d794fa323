//! Reads a whole file and tells all that is wrong with it, a page at a time.

use std::io;

use super::{Corrupt, Entry, Extent, Footer, Header, Index, Kind, Page};
use crate::base::time::{Millis, Step};
use crate::seam::disk::BLOCK_BYTES;
use crate::store::info::SegmentInfo;
use crate::store::pack::{self, Summary};

/// Faults of one file that are told one by one; more are only counted.
pub const FAULTS_MAX: usize = 100;

/// Reads so many bytes at an offset, or fewer where the file ends. Both are whole blocks.
pub type Reader<'a> = &'a mut dyn FnMut(u64, usize) -> io::Result<Vec<u8>>;

/// Why a file could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The disk could not.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What opens it is wrong.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
}

/// A file that is opened for looking at.
pub(super) struct Opened {
    pub(super) footer: Footer,
    pub(super) index: Index,
}

/// Read what opens a file of so many bytes.
pub(super) fn open(file_bytes: u64, read: Reader<'_>) -> Result<Opened, Unreadable> {
    let block = BLOCK_BYTES as u64;
    if file_bytes < 2 * block || !file_bytes.is_multiple_of(block) {
        let text = "no segment file: it is not at least two whole blocks";
        return Err(Corrupt::new(0, text).into());
    }
    let at = file_bytes - block;
    let footer = Footer::take(&read(at, BLOCK_BYTES)?).map_err(|wrong| wrong.moved(at))?;
    if footer.info.bytes != file_bytes {
        return Err(Corrupt::new(at, "the footer tells of another length of the file").into());
    }
    let (offset, bytes) = Index::read(&footer);
    let index = Index::take(&read(offset, bytes)?, &footer)?;
    Ok(Opened { footer, index })
}

/// Read one page.
pub(super) fn read_page(entry: &Entry, read: Reader<'_>) -> Result<Page<Vec<u8>>, Unreadable> {
    let (offset, bytes) = entry.read();
    let blocks = read(offset, bytes)?;
    let page = entry.cut(&blocks).map(<[u8]>::to_vec);
    let page = page.ok_or_else(|| Corrupt::new(entry.offset, "the file ends inside a page"))?;
    Ok(Page::take(page, entry)?)
}

/// A check under way.
pub struct Check {
    file_bytes: u64,
    opened: Option<Opened>,
    /// Pages that were checked.
    pages: usize,
    checked_bytes: u64,
    series: u32,
    last: Option<u32>,
    faults: Vec<Corrupt>,
    faults_more: u64,
}

/// How far a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// So many bytes of the file are checked.
    Some(u64),
    /// All of them.
    All(SegmentInfo),
}

impl Check {
    /// Check a file of so many bytes.
    pub fn new(file_bytes: u64) -> Check {
        Check {
            file_bytes,
            opened: None,
            pages: 0,
            checked_bytes: 0,
            series: 0,
            last: None,
            faults: Vec::new(),
            faults_more: 0,
        }
    }

    /// Check what opens the file, then a page at each call.
    ///
    /// # Errors
    /// The disk could not, or the file cannot be opened: there is nothing more to check.
    pub fn step(&mut self, read: Reader<'_>) -> Result<Checked, Unreadable> {
        let Some(opened) = &self.opened else {
            return self.open(read);
        };
        let pages = opened.index.raw().iter().chain(opened.index.cells());
        let Some(&entry) = pages.clone().nth(self.pages) else {
            return Ok(self.end());
        };
        let footer = opened.footer;
        self.pages += 1;
        self.checked_bytes += u64::from(entry.bytes);
        match read_page(&entry, read) {
            Ok(page) => self.page(&page, &entry, &footer),
            Err(Unreadable::Corrupt(wrong)) => self.fault(wrong),
            Err(io) => return Err(io),
        }
        Ok(Checked::Some(self.checked_bytes))
    }

    /// What is wrong, as far as it is checked.
    pub fn faults(&self) -> &[Corrupt] {
        &self.faults
    }

    /// Faults beyond the [`FAULTS_MAX`] that are told.
    pub fn faults_more(&self) -> u64 {
        self.faults_more
    }

    fn open(&mut self, read: Reader<'_>) -> Result<Checked, Unreadable> {
        let opened = open(self.file_bytes, read)?;
        match Header::take(&read(0, BLOCK_BYTES)?) {
            Ok(header) if header.about == opened.footer.about => {}
            Ok(_) => self.fault(Corrupt::new(0, "header and footer are of different files")),
            Err(wrong) => self.fault(wrong),
        }
        self.checked_bytes = (2 * BLOCK_BYTES) as u64 + u64::from(opened.footer.index_bytes);
        self.opened = Some(opened);
        Ok(Checked::Some(self.checked_bytes))
    }

    fn end(&mut self) -> Checked {
        let info = self
            .opened
            .as_ref()
            .map_or_else(SegmentInfo::default, |opened| opened.footer.info);
        if self.faults.is_empty() && self.series != info.series {
            self.fault(Corrupt::new(
                0,
                "it has another number of series than its footer tells",
            ));
        }
        Checked::All(info)
    }

    fn page(&mut self, page: &Page<Vec<u8>>, entry: &Entry, footer: &Footer) {
        let mut all = Extent::EMPTY;
        for (number, run) in page.runs() {
            let found = match entry.kind {
                Kind::Raw => check_run(run, footer, &mut all),
                Kind::Cells => check_cells(run, footer),
            };
            if let Err(wrong) = found {
                let text = format!("in the page here, series {number}: {}", wrong.0);
                self.fault(Corrupt::new(entry.offset, text));
            }
            if entry.kind == Kind::Raw && self.last != Some(number) {
                self.series += 1;
                self.last = Some(number);
            }
        }
        if entry.kind == Kind::Raw
            && !(entry.extent.covers(&all) && entry.extent.points == all.points)
        {
            let text = "the index tells of other points than the page here has";
            self.fault(Corrupt::new(entry.offset, text));
        }
    }

    fn fault(&mut self, wrong: Corrupt) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(wrong);
        } else {
            self.faults_more += 1;
        }
    }
}

fn check_run(run: &[u8], footer: &Footer, all: &mut Extent) -> Result<(), pack::Corrupt> {
    let base = Millis(footer.about.window_start_ms);
    let summary = Summary::of(run, base)?;
    let stretch = pack::decode_all(run, base)?;
    let ends = (stretch.times.first(), stretch.times.last());
    let told = (
        summary.count as usize,
        Some(&summary.first_ms),
        Some(&summary.last_ms),
    );
    if (stretch.times.len(), ends.0, ends.1) != told {
        return Err(pack::Corrupt("it tells of other points than it has"));
    }
    let mut points = Extent::from(&summary);
    (points.min, points.max) = bounds(&stretch);
    all.add(&points);
    Ok(())
}

/// The smallest and the largest number of a stretch; infinities where there is none.
fn bounds(stretch: &crate::store::stretch::Stretch) -> (f64, f64) {
    use crate::model::number::Number;
    use crate::store::stretch::Column;
    let start = (Extent::EMPTY.min, Extent::EMPTY.max);
    let widen = |(min, max): (f64, f64), value: f64| (min.min(value), max.max(value));
    match &stretch.values {
        Column::Decimal { scale, mantissas } => mantissas
            .iter()
            .map(|&mantissa| Number::decimal(mantissa, *scale).to_f64())
            .fold(start, widen),
        Column::Float(floats) => floats.iter().copied().fold(start, widen),
        Column::Long(longs) => longs.iter().map(|&long| long as f64).fold(start, widen),
        Column::Text(_) => start,
    }
}

fn check_cells(cells: &[u8], footer: &Footer) -> Result<(), pack::Corrupt> {
    let base = Millis(footer.about.window_start_ms);
    let Some(step) = Step::from_millis(footer.about.cell_step_ms) else {
        return Err(pack::Corrupt("it has cells, and the footer tells of none"));
    };
    let mut out = Vec::new();
    pack::decode_cells(cells, base, step, Millis::MIN, Millis::MAX, 0, &mut out)
}
