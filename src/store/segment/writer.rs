//! Series in the order of their numbers become the bytes of a file, front to back.

use super::index::{Entry, IndexMaker};
use super::page::{Kind, PageMaker};
use super::{About, CELLS_GATHER_BYTES, Extent, Footer, Header, INDEX_BYTES_MAX, RUN_BYTES_MAX};
use crate::seam::disk::BLOCK_BYTES;
use crate::store::info::SegmentInfo;

/// Why a run was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Numbers must ascend.
    #[error("series {0} comes behind a later one")]
    Order(u32),
    /// A run is longer than [`RUN_BYTES_MAX`].
    #[error("a run of series {0} is too long for a page; split it")]
    Long(u32),
    /// The index is at its limit; finish this file.
    #[error("the index of the file is full")]
    Full,
}

/// A file in the making. Holds a few pages, the index, and what was not yet taken with
/// [`Writer::chunk`].
pub struct Writer {
    about: About,
    /// What was not yet taken.
    out: Vec<u8>,
    /// Where `out` begins in the file.
    offset: u64,
    raw: PageMaker,
    cells: PageMaker,
    /// Finished pages of cells: written a few at a time, so that points lie together.
    held: Vec<u8>,
    held_entries: Vec<Entry>,
    index: IndexMaker,
    last: Option<u32>,
    series: u32,
    whole: Extent,
    page_bytes: [u64; 2],
    /// Of the series that is being added.
    ttl_seconds: u32,
    /// The longest so far, and points of series that have one.
    ttl_seconds_max: u32,
    mortal_points: u64,
}

impl Writer {
    /// An empty file.
    pub fn new(about: About) -> Writer {
        Writer {
            out: Header::block(&about),
            about,
            offset: 0,
            raw: PageMaker::new(Kind::Raw),
            cells: PageMaker::new(Kind::Cells),
            held: Vec::new(),
            held_entries: Vec::new(),
            index: IndexMaker::default(),
            last: None,
            series: 0,
            whole: Extent::EMPTY,
            page_bytes: [0; 2],
            ttl_seconds: 0,
            ttl_seconds_max: 0,
            mortal_points: 0,
        }
    }

    /// What is added from now on is of a series whose points stay so long, 0 for ever.
    pub fn set_ttl(&mut self, ttl_seconds: u32) {
        self.ttl_seconds = ttl_seconds;
    }

    /// Add all points of a series as one run, and its cells; no bytes for none. Numbers ascend.
    ///
    /// # Errors
    /// See [`Refused`]; the file is as it was.
    pub fn add(
        &mut self,
        number: u32,
        run: &[u8],
        extent: &Extent,
        cells: &[u8],
    ) -> Result<(), Refused> {
        self.admit(number, cells)?;
        self.add_run(number, run, extent)?;
        if cells.is_empty() {
            return Ok(());
        }
        self.add_cells(number, cells, extent)
    }

    /// Add the next points of a series, behind those that it has; the cells of all of them come last,
    /// with [`Writer::add_cells`].
    ///
    /// # Errors
    /// See [`Refused`]; the file is as it was.
    pub fn add_run(&mut self, number: u32, run: &[u8], extent: &Extent) -> Result<(), Refused> {
        self.admit(number, run)?;
        if self.last != Some(number) {
            self.series += 1;
        }
        self.last = Some(number);
        self.whole.add(extent);
        if self.ttl_seconds != 0 {
            self.mortal_points += extent.points;
            self.ttl_seconds_max = self.ttl_seconds_max.max(self.ttl_seconds);
        }
        if !self.raw.is_empty() && run.len() >= super::PAGE_BYTES {
            self.close_raw();
        }
        self.raw.push(number, run, extent);
        if self.raw.is_full() {
            self.close_raw();
        }
        Ok(())
    }

    /// Add the cells of the series that was added last; `extent` is that of all its points.
    ///
    /// # Errors
    /// See [`Refused`]; the file is as it was.
    pub fn add_cells(&mut self, number: u32, cells: &[u8], extent: &Extent) -> Result<(), Refused> {
        self.admit(number, cells)?;
        if self.last != Some(number) {
            return Err(Refused::Order(number));
        }
        if !self.cells.is_empty() && cells.len() >= super::PAGE_BYTES {
            self.close_cells();
        }
        self.cells.push(number, cells, extent);
        if self.cells.is_full() {
            self.close_cells();
        }
        Ok(())
    }

    /// The next bytes to write, behind those taken before: whole blocks, and none as long as there
    /// are fewer than `min_bytes`.
    pub fn chunk(&mut self, min_bytes: usize) -> Option<Vec<u8>> {
        let whole = self.out.len() - self.out.len() % BLOCK_BYTES;
        if whole < min_bytes.max(BLOCK_BYTES) {
            return None;
        }
        let mut rest = Vec::with_capacity(whole + BLOCK_BYTES);
        rest.extend_from_slice(&self.out[whole..]);
        self.out.truncate(whole);
        self.offset += whole as u64;
        Some(std::mem::replace(&mut self.out, rest))
    }

    /// Points so far.
    pub fn points(&self) -> u64 {
        self.whole.points
    }

    /// Bytes so far, without what is not yet in a page.
    pub fn bytes(&self) -> u64 {
        self.offset + self.out.len() as u64
    }

    /// The rest of the bytes, index and footer included, and what the manifest keeps of the file.
    pub fn finish(mut self) -> (Vec<u8>, SegmentInfo) {
        self.close_raw();
        self.close_cells();
        self.place_cells();
        let index_offset = self.offset + self.out.len() as u64;
        let counts = self.index.counts;
        let [raw_index, cell_index] = self.index.bytes;
        let index = std::mem::take(&mut self.index).finish();
        self.out.extend_from_slice(&index);
        let padded = self.out.len().next_multiple_of(BLOCK_BYTES);
        self.out.resize(padded, 0);
        let empty = self.whole.points == 0;
        let info = SegmentInfo {
            points: self.whole.points,
            series: self.series,
            bytes: self.offset + (padded + BLOCK_BYTES) as u64,
            raw_bytes: self.page_bytes[0] + raw_index,
            cell_bytes: self.page_bytes[1] + cell_index,
            first_ms: if empty { 0 } else { self.whole.first_ms },
            last_ms: if empty { 0 } else { self.whole.last_ms },
            mortal_points: self.mortal_points,
            mortal_until: self.mortal_until(),
            ..self.about.info()
        };
        let footer = Footer {
            about: self.about,
            compatible: 0,
            info,
            raw_pages: counts[0],
            cell_pages: counts[1],
            index_offset,
            index_bytes: index.len() as u32,
            index_crc: crc32c::crc32c(&index),
        };
        self.out.extend_from_slice(&footer.block());
        (self.out, info)
    }

    /// No point with a ttl arrived after the last that the file covers.
    fn mortal_until(&self) -> u64 {
        match self.mortal_points {
            0 => 0,
            _ => {
                let micros = u64::from(self.ttl_seconds_max) * 1_000_000;
                self.about.last_stamp.saturating_add(micros)
            }
        }
    }

    fn admit(&self, number: u32, run: &[u8]) -> Result<(), Refused> {
        if self.last.is_some_and(|last| number < last) {
            return Err(Refused::Order(number));
        }
        if run.len() > RUN_BYTES_MAX {
            return Err(Refused::Long(number));
        }
        // Room for the entries of the pages that are open or held.
        if self.index.len() + 64 * 1024 > INDEX_BYTES_MAX as usize {
            return Err(Refused::Full);
        }
        Ok(())
    }

    fn close_raw(&mut self) {
        if self.raw.is_empty() {
            return;
        }
        let entry = self.raw.finish(&mut self.out);
        self.page_bytes[0] += u64::from(entry.bytes);
        self.index.push(&entry, self.about.window_start_ms);
    }

    fn close_cells(&mut self) {
        if self.cells.is_empty() {
            return;
        }
        let entry = self.cells.finish(&mut self.held);
        self.page_bytes[1] += u64::from(entry.bytes);
        self.held_entries.push(entry);
        if self.held.len() >= CELLS_GATHER_BYTES {
            self.place_cells();
        }
    }

    fn place_cells(&mut self) {
        self.out.append(&mut self.held);
        for entry in self.held_entries.drain(..) {
            self.index.push(&entry, self.about.window_start_ms);
        }
    }
}
