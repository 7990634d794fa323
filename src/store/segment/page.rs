//! A page: the runs, or the cells, of consecutive series under one checksum.
//!
//! In front stands a directory: the distances between the numbers and the lengths of the runs, each
//! as bits above the smallest of the page. Series that all report alike cost next to nothing there. Where
//! runs are short, what many of them begin with stands there too, and not in front of each; a page that is
//! read has it in front of each again.

use super::fields::Fields;
use super::index::Entry;
use super::starts::{self, Starts};
use super::{Corrupt, Extent, PAGE_BYTES, PAGE_BYTES_MAX, PAGE_RUNS_MAX, bits};
use crate::base::varint;
use crate::simd::prefetch;
use crate::store::pack;

/// What stands for the kind of a page of points whose starts stand in front.
const STARTS_IN_FRONT: u8 = 2;

/// What a page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Points.
    Raw = 0,
    /// What they add up to, by steps of time.
    Cells = 1,
}

impl Kind {
    /// What an entry of an index says.
    pub(super) fn of(byte: u8) -> Result<Kind, Corrupt> {
        match byte {
            0 => Ok(Kind::Raw),
            1 => Ok(Kind::Cells),
            _ => Err(Corrupt::new(0, "there is no such kind of page")),
        }
    }
}

/// A page that is being filled.
pub(super) struct PageMaker {
    kind: Kind,
    numbers: Vec<u32>,
    lengths: Vec<u32>,
    runs: Vec<u8>,
    starts: Starts,
    extent: Extent,
}

impl PageMaker {
    pub(super) fn new(kind: Kind) -> PageMaker {
        PageMaker {
            kind,
            numbers: Vec::new(),
            lengths: Vec::new(),
            runs: Vec::with_capacity(PAGE_BYTES),
            starts: Starts::default(),
            extent: Extent::EMPTY,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.runs.len() >= PAGE_BYTES || self.numbers.len() >= PAGE_RUNS_MAX
    }

    /// Append a run; numbers ascend, a number may come again.
    pub(super) fn push(&mut self, number: u32, run: &[u8], extent: &Extent) {
        self.numbers.push(number);
        self.lengths.push(run.len() as u32);
        self.runs.extend_from_slice(run);
        if self.kind == Kind::Raw {
            self.starts.push(pack::start_of(run));
        }
        self.extent.add(extent);
    }

    /// Append the page to `out`, and start the next one. It is not empty.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Entry {
        let start = out.len();
        let has_starts = self.starts.are_worth(self.runs.len());
        out.extend([0; 4]);
        if has_starts {
            out.push(STARTS_IN_FRONT);
            let lengths = self.lengths.iter_mut().enumerate();
            lengths.for_each(|(place, length)| *length -= self.starts.len_at(place) as u32);
        } else {
            out.push(self.kind as u8);
        }
        let (first, last) = self.ends();
        varint::push(u64::from(first), out);
        varint::push(self.numbers.len() as u64, out);
        let gaps: Vec<u32> = self.numbers.windows(2).map(|two| two[1] - two[0]).collect();
        let gap_width = push_frame(&gaps, out);
        let length_width = push_frame(&self.lengths, out);
        push_above_least(&gaps, gap_width, out);
        push_above_least(&self.lengths, length_width, out);
        if has_starts {
            self.starts.write(out);
            let mut rest = &self.runs[..];
            for (place, &length) in self.lengths.iter().enumerate() {
                let run = rest.get(self.starts.len_at(place)..).unwrap_or_default();
                let (run, behind) = run.split_at(length as usize);
                out.extend_from_slice(run);
                rest = behind;
            }
        } else {
            out.extend_from_slice(&self.runs);
        }
        let crc = crc32c::crc32c(&out[start + 4..]);
        out[start..start + 4].copy_from_slice(&crc.to_le_bytes());
        let entry = Entry {
            kind: self.kind,
            offset: 0,
            bytes: (out.len() - start) as u32,
            first,
            last,
            extent: self.extent,
            crc,
        };
        self.numbers.clear();
        self.lengths.clear();
        self.runs.clear();
        self.starts.clear();
        self.extent = Extent::EMPTY;
        entry
    }

    fn ends(&self) -> (u32, u32) {
        let first = self.numbers.first().copied().unwrap_or_default();
        (first, self.numbers.last().copied().unwrap_or_default())
    }
}

/// Append the smallest of `numbers` and the bits that each is above it.
fn push_frame(numbers: &[u32], out: &mut Vec<u8>) -> u8 {
    let least = numbers.iter().copied().min().unwrap_or_default();
    let most = numbers.iter().copied().max().unwrap_or_default();
    let width = bits::width(most - least);
    varint::push(u64::from(least), out);
    out.push(width);
    width
}

fn push_above_least(numbers: &[u32], width: u8, out: &mut Vec<u8>) {
    let least = numbers.iter().copied().min().unwrap_or_default();
    bits::push(numbers.iter().map(|number| number - least), width, out);
}

/// A page whose checksum is right, with its directory.
#[derive(Clone, Debug)]
pub struct Page<B> {
    bytes: Bytes<B>,
    numbers: Vec<u32>,
    /// Where each run ends in `bytes`.
    ends: Vec<u32>,
    runs_start: u32,
}

/// Where the runs of a page are.
#[derive(Clone, Debug)]
enum Bytes<B> {
    /// In what was read.
    Read(B),
    /// Put together from it.
    Whole(Vec<u8>),
}

impl<B: AsRef<[u8]>> Page<B> {
    /// Read a page, which is all of `bytes`, and of which the index says `entry`.
    ///
    /// # Errors
    /// The checksum is wrong, or it is another page.
    pub fn take(bytes: B, entry: &Entry) -> Result<Page<B>, Corrupt> {
        let found = directory(bytes.as_ref(), entry);
        let mut found = found.map_err(|wrong| wrong.moved(entry.offset))?;
        Ok(Page {
            bytes: match found.whole.take() {
                Some(whole) => Bytes::Whole(whole),
                None => Bytes::Read(bytes),
            },
            numbers: found.numbers,
            ends: found.ends,
            runs_start: found.runs_start,
        })
    }

    fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Read(bytes) => bytes.as_ref(),
            Bytes::Whole(bytes) => bytes,
        }
    }

    /// Bytes of memory of its runs.
    pub fn held_bytes(&self) -> usize {
        self.bytes().len()
    }

    /// Runs in it.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether it has none, which no file has.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Number of the series of the run at `place`.
    pub fn number(&self, place: usize) -> Option<u32> {
        self.numbers.get(place).copied()
    }

    /// The run at `place`.
    pub fn run_at(&self, place: usize) -> Option<&[u8]> {
        let end = *self.ends.get(place)?;
        let start = match place.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => self.runs_start,
        };
        self.bytes().get(start as usize..end as usize)
    }

    /// The first run of a series; a long series may have more, here and in the pages behind.
    pub fn run(&self, number: u32) -> Option<&[u8]> {
        self.runs_of(number).next()
    }

    /// The runs of a series in this page, in the order of time.
    pub fn runs_of(&self, number: u32) -> impl Iterator<Item = &[u8]> {
        (self.first_run(number)..self.numbers.len())
            .take_while(move |&place| self.numbers.get(place) == Some(&number))
            .filter_map(|place| self.run_at(place))
    }

    /// Where the runs of a series would begin. Mostly a page has each number once, and all between.
    #[inline]
    fn first_run(&self, number: u32) -> usize {
        let likely = self.likely_run(number);
        let before = likely.checked_sub(1).and_then(|it| self.numbers.get(it));
        let is_it = self.numbers.get(likely) == Some(&number);
        if is_it && before != Some(&number) {
            return likely;
        }
        self.numbers.partition_point(|&other| other < number)
    }

    #[inline]
    fn likely_run(&self, number: u32) -> usize {
        let first = self.numbers.first().copied().unwrap_or_default();
        number.saturating_sub(first) as usize
    }

    /// Ask memory for what tells where the runs of a series are.
    #[inline]
    pub fn prefetch_place(&self, number: u32) {
        let place = self.likely_run(number);
        self.numbers.get(place).into_iter().for_each(prefetch);
        self.ends.get(place).into_iter().for_each(prefetch);
    }

    /// All runs with their series, in order.
    pub fn runs(&self) -> impl Iterator<Item = (u32, &[u8])> {
        (0..self.len()).filter_map(|place| Some((self.number(place)?, self.run_at(place)?)))
    }
}

/// What a page says of its runs.
struct Directory {
    numbers: Vec<u32>,
    /// Where each run ends.
    ends: Vec<u32>,
    /// Where the first begins.
    runs_start: u32,
    /// All runs with their starts, if these stand apart: what places are told from then.
    whole: Option<Vec<u8>>,
}

fn directory(bytes: &[u8], entry: &Entry) -> Result<Directory, Corrupt> {
    let wrong = |text: &'static str| Corrupt::new(0, text);
    if bytes.len() != entry.bytes as usize || bytes.len() > PAGE_BYTES_MAX {
        return Err(wrong("the page is cut short"));
    }
    let mut rest = Fields(bytes);
    let crc = rest.u32()?;
    if crc != entry.crc || crc32c::crc32c(rest.0) != crc {
        return Err(wrong("the checksum of the page is wrong"));
    }
    let [kind] = rest.bytes()?;
    let first = rest.varint_u32()?;
    let count = rest.varint()? as usize;
    let has_starts = kind == STARTS_IN_FRONT;
    let kind = if has_starts {
        Kind::Raw
    } else {
        Kind::of(kind)?
    };
    if kind != entry.kind || first != entry.first {
        return Err(wrong("it is another page than the index says"));
    }
    if count == 0 || count > PAGE_RUNS_MAX {
        return Err(wrong("the page has none or too many runs"));
    }
    let (least_gap, gap_width) = frame(&mut rest)?;
    let (least_length, length_width) = frame(&mut rest)?;
    let mut numbers = Vec::with_capacity(count);
    numbers.push(first);
    let mut number = u64::from(first);
    let behind = bits::take(rest.0, count - 1, gap_width, |gap| {
        number += u64::from(least_gap) + u64::from(gap);
        numbers.push(u32::try_from(number).unwrap_or(u32::MAX));
    });
    let behind = behind.ok_or_else(|| wrong("the directory of the page is cut short"))?;
    let mut ends = Vec::with_capacity(count);
    let mut end = 0u64;
    let runs = bits::take(behind, count, length_width, |length| {
        end += u64::from(least_length) + u64::from(length);
        ends.push(end);
    });
    let mut rest = Fields(runs.ok_or_else(|| wrong("the directory of the page is cut short"))?);
    let starts = match has_starts {
        true => Some(starts::take(&mut rest, count)?),
        false => None,
    };
    let runs = rest.0;
    if end != runs.len() as u64 || number != u64::from(entry.last) {
        return Err(wrong("the directory of the page does not fit its runs"));
    }
    // Not above the page's bytes, which were checked.
    let start = (bytes.len() - runs.len()) as u32;
    let ends: Vec<u32> = ends.into_iter().map(|end| start + end as u32).collect();
    let Some(starts) = starts else {
        return Ok(Directory {
            numbers,
            ends,
            runs_start: start,
            whole: None,
        });
    };
    let (whole, ends) = with_starts(bytes, start, &ends, &starts);
    Ok(Directory {
        numbers,
        ends,
        runs_start: 0,
        whole: Some(whole),
    })
}

/// Runs that end at `ends`, each with its start in front, and where they end then.
fn with_starts(bytes: &[u8], start: u32, ends: &[u32], starts: &[&[u8]]) -> (Vec<u8>, Vec<u32>) {
    let more: usize = starts.iter().map(|start| start.len()).sum();
    let mut whole = Vec::with_capacity(bytes.len() - start as usize + more);
    let mut from = start as usize;
    let ends = ends.iter().zip(starts).map(|(&end, start)| {
        whole.extend_from_slice(start);
        whole.extend_from_slice(bytes.get(from..end as usize).unwrap_or_default());
        from = end as usize;
        whole.len() as u32
    });
    let ends = ends.collect();
    (whole, ends)
}

fn frame(rest: &mut Fields<'_>) -> Result<(u32, u8), Corrupt> {
    let least = rest.varint_u32()?;
    let [width] = rest.bytes()?;
    Ok((least, width))
}
