//! What stands where in a file: one entry for each page, in memory as long as the file is open.

use super::fields::Fields;
use super::page::Kind;
use super::{Corrupt, Extent, Footer, PAGE_BYTES_MAX};
use crate::base::time::Step;
use crate::base::varint;
use crate::seam::disk::BLOCK_BYTES;

/// Bytes of the shortest entry: what a count of entries is checked against.
const ENTRY_BYTES_MIN: usize = 27;

/// One page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// What it holds.
    pub kind: Kind,
    /// Where it starts in the file.
    pub offset: u64,
    /// Its bytes.
    pub bytes: u32,
    /// Number of its first series.
    pub first: u32,
    /// Number of its last series, which may go on in the next page.
    pub last: u32,
    /// What its points lie between; those of its cells for a page of cells.
    pub extent: Extent,
    /// Its checksum.
    pub crc: u32,
}

impl Entry {
    /// Where to read, and how many bytes, so that both are whole blocks and the page is in it.
    pub fn read(&self) -> (u64, usize) {
        let start = self.offset - self.offset % BLOCK_BYTES as u64;
        let end = self.offset + u64::from(self.bytes);
        (
            start,
            (end - start).next_multiple_of(BLOCK_BYTES as u64) as usize,
        )
    }

    /// The page in what [`Entry::read`] asked for.
    pub fn cut<'a>(&self, read: &'a [u8]) -> Option<&'a [u8]> {
        let start = (self.offset % BLOCK_BYTES as u64) as usize;
        read.get(start..start + self.bytes as usize)
    }

    /// Where it ends in the file.
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.bytes)
    }
}

/// Entries on their way into a file.
#[derive(Default)]
pub(super) struct IndexMaker {
    entries: Vec<u8>,
    last: [u32; 2],
    /// Entries by kind.
    pub(super) counts: [u32; 2],
    /// Their bytes by kind.
    pub(super) bytes: [u64; 2],
}

impl IndexMaker {
    pub(super) fn push(&mut self, entry: &Entry, window_start_ms: i64) {
        let (kind, out) = (entry.kind as usize, &mut self.entries);
        let before = out.len();
        let extent = &entry.extent;
        out.push(entry.kind as u8);
        varint::push(u64::from(entry.first.wrapping_sub(self.last[kind])), out);
        varint::push(u64::from(entry.last - entry.first), out);
        varint::push(u64::from(entry.bytes), out);
        varint::push(extent.points, out);
        let first = extent.first_ms.wrapping_sub(window_start_ms);
        varint::push(varint::zigzag(first), out);
        let span = extent.last_ms.wrapping_sub(extent.first_ms);
        varint::push(span as u64, out);
        out.extend(extent.min.to_le_bytes());
        out.extend(extent.max.to_le_bytes());
        out.extend(entry.crc.to_le_bytes());
        self.last[kind] = entry.last;
        self.counts[kind] += 1;
        self.bytes[kind] += (out.len() - before) as u64;
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.entries
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// The pages of one file, by series.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    raw: Vec<Entry>,
    cells: Vec<Entry>,
    cell_step: Option<Step>,
}

impl Index {
    /// Where to read, and how many bytes, so that both are whole blocks and the index is in it.
    pub fn read(footer: &Footer) -> (u64, usize) {
        let start = footer.index_offset - footer.index_offset % BLOCK_BYTES as u64;
        let end = footer.index_offset + u64::from(footer.index_bytes);
        (
            start,
            (end - start).next_multiple_of(BLOCK_BYTES as u64) as usize,
        )
    }

    /// The index from what [`Index::read`] asked for.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn take(read: &[u8], footer: &Footer) -> Result<Index, Corrupt> {
        let start = (footer.index_offset % BLOCK_BYTES as u64) as usize;
        let entries = read.get(start..start + footer.index_bytes as usize);
        let taken = match entries {
            Some(entries) if crc32c::crc32c(entries) == footer.index_crc => {
                take_entries(entries, footer)
            }
            Some(_) => Err(Corrupt::new(0, "the checksum of the index is wrong")),
            None => Err(Corrupt::new(0, "the index is cut short")),
        };
        taken.map_err(|wrong| wrong.moved(footer.index_offset))
    }

    /// All pages of points, in the order of their series.
    pub fn raw(&self) -> &[Entry] {
        &self.raw
    }

    /// All pages of cells, in the order of their series.
    pub fn cells(&self) -> &[Entry] {
        &self.cells
    }

    /// How long the cells are, if the file has any.
    pub fn cell_step(&self) -> Option<Step> {
        self.cell_step
    }

    /// Take the index apart: pages of points, pages of cells.
    pub fn into_parts(self) -> (Vec<Entry>, Vec<Entry>) {
        (self.raw, self.cells)
    }

    /// The pages that may have points of a series within `from_ms..=until_ms`.
    pub fn raw_pages(
        &self,
        number: u32,
        from_ms: i64,
        until_ms: i64,
    ) -> impl Iterator<Item = &Entry> {
        let first = self.first_page(Kind::Raw, number, 0);
        self.pages_from(Kind::Raw, first, number, (from_ms, until_ms))
    }

    /// The place of the first page of a kind that may have something of a series. `likely` is that of a
    /// series with a smaller number not far away.
    pub fn first_page(&self, kind: Kind, number: u32, likely: usize) -> usize {
        let entries = self.of(kind);
        let ends_before = |entry: &Entry| entry.last < number;
        let likely = likely.min(entries.len());
        let before = likely.checked_sub(1).and_then(|before| entries.get(before));
        if !before.is_none_or(ends_before) {
            return entries.partition_point(ends_before);
        }
        let rest = entries.get(likely..).unwrap_or_default();
        let mut bound = 1;
        while rest.get(bound - 1).is_some_and(ends_before) {
            bound *= 2;
        }
        // Those in front of half of the bound end before.
        let (begin, end) = (bound / 2, bound.min(rest.len()));
        let between = rest.get(begin..end).unwrap_or_default();
        likely + begin + between.partition_point(ends_before)
    }

    /// The entry at a place of a kind.
    pub fn entry(&self, kind: Kind, place: usize) -> Option<&Entry> {
        self.of(kind).get(place)
    }

    /// The pages of a kind that may have something of a series within `from_ms..=until_ms`; `first` is what
    /// [`Index::first_page`] gives.
    pub fn pages_from(
        &self,
        kind: Kind,
        first: usize,
        number: u32,
        (from_ms, until_ms): (i64, i64),
    ) -> impl Iterator<Item = &Entry> {
        let from_there = self.of(kind).get(first..).unwrap_or_default().iter();
        from_there
            .take_while(move |entry| entry.first <= number)
            .filter(move |entry| entry.extent.meets(from_ms, until_ms))
    }

    /// The pages that may have cells of points of a series within `from_ms..=until_ms`.
    pub fn cell_pages(
        &self,
        number: u32,
        from_ms: i64,
        until_ms: i64,
    ) -> impl Iterator<Item = &Entry> {
        let first = self.first_page(Kind::Cells, number, 0);
        self.pages_from(Kind::Cells, first, number, (from_ms, until_ms))
    }

    fn of(&self, kind: Kind) -> &[Entry] {
        match kind {
            Kind::Raw => &self.raw,
            Kind::Cells => &self.cells,
        }
    }
}

fn take_entries(bytes: &[u8], footer: &Footer) -> Result<Index, Corrupt> {
    let wrong = |text: &'static str| Corrupt::new(0, text);
    let (raw_pages, cell_pages) = (footer.raw_pages as usize, footer.cell_pages as usize);
    if raw_pages.saturating_add(cell_pages) > bytes.len() / ENTRY_BYTES_MIN {
        return Err(wrong("the footer tells of more pages than the index has"));
    }
    let mut index = Index {
        raw: Vec::with_capacity(raw_pages),
        cells: Vec::with_capacity(cell_pages),
        cell_step: Step::from_millis(footer.about.cell_step_ms),
    };
    let mut rest = Fields(bytes);
    let mut offset = BLOCK_BYTES as u64;
    let mut last = [0u32; 2];
    let mut points = 0u64;
    while !rest.0.is_empty() {
        let entry = take_entry(&mut rest, offset, &mut last, footer)?;
        offset = entry.end();
        match entry.kind {
            Kind::Raw => {
                points = points.saturating_add(entry.extent.points);
                index.raw.push(entry);
            }
            Kind::Cells => index.cells.push(entry),
        }
    }
    let counts = (index.raw.len(), index.cells.len(), points, offset);
    if counts
        != (
            raw_pages,
            cell_pages,
            footer.info.points,
            footer.index_offset,
        )
    {
        return Err(wrong("the index does not fit the footer"));
    }
    Ok(index)
}

fn take_entry(
    rest: &mut Fields<'_>,
    offset: u64,
    last: &mut [u32; 2],
    footer: &Footer,
) -> Result<Entry, Corrupt> {
    let wrong = |text: &'static str| Corrupt::new(0, text);
    let [kind] = rest.bytes()?;
    let kind = Kind::of(kind)?;
    let Some(first) = last[kind as usize].checked_add(rest.varint_u32()?) else {
        return Err(wrong("a page of the index begins behind the last series"));
    };
    let Some(end) = first.checked_add(rest.varint_u32()?) else {
        return Err(wrong("a page of the index ends behind the last series"));
    };
    last[kind as usize] = end;
    let bytes = rest.varint_u32()?;
    let points = rest.varint()?;
    let first_ms = footer.about.window_start_ms;
    let first_ms = first_ms.wrapping_add(varint::unzigzag(rest.varint()?));
    let last_ms = first_ms.wrapping_add(rest.varint()? as i64);
    let (min, max) = (rest.f64()?, rest.f64()?);
    let crc = rest.u32()?;
    if bytes == 0 || bytes as usize > PAGE_BYTES_MAX {
        return Err(wrong("a page of the index is empty or too large"));
    }
    if last_ms < first_ms {
        return Err(wrong("a page of the index ends before it begins"));
    }
    let extent = Extent {
        points,
        first_ms,
        last_ms,
        min,
        max,
    };
    Ok(Entry {
        kind,
        offset,
        bytes,
        first,
        last: end,
        extent,
        crc,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn the_first_page_is_found_from_anywhere() {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let mut number = 0;
            let page = |_| {
                let first = number + random.below(3) as u32;
                number = first + random.below(6) as u32;
                Entry {
                    kind: Kind::Raw,
                    offset: 0,
                    bytes: 1,
                    first,
                    last: number,
                    extent: Extent::EMPTY,
                    crc: 0,
                }
            };
            let raw: Vec<Entry> = (0..seed as usize).map(page).collect();
            let index = Index {
                raw,
                cells: Vec::new(),
                cell_step: None,
            };
            for _ in 0..300 {
                let wanted = random.below(u64::from(number) + 4) as u32;
                let want = index.raw.partition_point(|entry| entry.last < wanted);
                let likely = random.below(index.raw.len() as u64 + 3) as usize;
                let got = index.first_page(Kind::Raw, wanted, likely);
                assert_eq!(got, want, "seed {seed}");
            }
        }
    }
}
