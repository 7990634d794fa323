//! What the runs of a page begin with. Series that report alike have the same heads and times in their runs:
//! these stand once in the page, and each run names its own.

use super::fields::Fields;
use super::{Corrupt, bits};

/// Most starts of a page; the first is empty, for runs that have none of the others.
const STARTS_MAX: usize = 64;
/// Bytes of the longest one.
const START_BYTES_MAX: usize = 15;
/// Starts are told apart from their runs if that saves one byte in so many.
const WORTH: usize = 64;

/// The starts of some runs.
#[derive(Debug, Default)]
pub(super) struct Starts {
    /// As [`key`] makes them.
    found: Vec<u128>,
    /// That of each run.
    places: Vec<u32>,
    /// Bytes of all runs that need not be written.
    saved: usize,
}

/// A start as a number: its bytes, and in the highest how many these are.
fn key(start: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    bytes[..start.len()].copy_from_slice(start);
    bytes[START_BYTES_MAX] = start.len() as u8;
    u128::from_le_bytes(bytes)
}

fn len(key: u128) -> usize {
    (key >> 120) as usize
}

impl Starts {
    /// The start of the next run, which is empty where it has none.
    pub(super) fn push(&mut self, start: &[u8]) {
        if self.found.is_empty() {
            self.found.push(key(&[]));
        }
        let start = if START_BYTES_MAX < start.len() {
            &[]
        } else {
            start
        };
        let key = key(start);
        let place = match self.found.iter().position(|&found| found == key) {
            Some(place) => place,
            None if self.found.len() < STARTS_MAX => {
                self.found.push(key);
                self.found.len() - 1
            }
            None => 0,
        };
        self.places.push(place as u32);
        self.saved += self.found.get(place).map_or(0, |&key| len(key));
    }

    /// Whether it is worth telling them apart from runs of so many bytes.
    pub(super) fn are_worth(&self, runs_bytes: usize) -> bool {
        let table: usize = self.found.iter().map(|&key| 1 + len(key)).sum();
        let cost = 1 + table + bits::bytes(self.places.len(), self.width());
        cost + runs_bytes / WORTH < self.saved
    }

    /// Bytes of the start of the run at `place`.
    pub(super) fn len_at(&self, place: usize) -> usize {
        let start = self.places.get(place);
        let start = start.and_then(|&start| self.found.get(start as usize));
        start.map_or(0, |&key| len(key))
    }

    fn width(&self) -> u8 {
        bits::width(self.found.len().saturating_sub(1) as u32)
    }

    /// Append all of them.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.found.len() as u8);
        for &start in &self.found {
            out.push(len(start) as u8);
            out.extend_from_slice(&start.to_le_bytes()[..len(start)]);
        }
        bits::push(self.places.iter().copied(), self.width(), out);
    }

    pub(super) fn clear(&mut self) {
        self.found.clear();
        self.places.clear();
        self.saved = 0;
    }
}

/// The start of each of `count` runs.
pub(super) fn take<'a>(rest: &mut Fields<'a>, count: usize) -> Result<Vec<&'a [u8]>, Corrupt> {
    let wrong = || Corrupt::new(0, "the starts of the runs of the page are damaged");
    let [starts] = rest.bytes()?;
    let starts = usize::from(starts);
    if !(1..=STARTS_MAX).contains(&starts) {
        return Err(wrong());
    }
    let mut found = Vec::with_capacity(starts);
    for _ in 0..starts {
        let [len] = rest.bytes()?;
        let (start, behind) = rest.0.split_at_checked(len.into()).ok_or_else(wrong)?;
        if START_BYTES_MAX < start.len() {
            return Err(wrong());
        }
        found.push(start);
        rest.0 = behind;
    }
    let width = bits::width(starts as u32 - 1);
    let mut places = Vec::with_capacity(count);
    let behind = bits::take(rest.0, count, width, |place| {
        places.extend(found.get(place as usize).copied());
    });
    rest.0 = behind.ok_or_else(wrong)?;
    match places.len() == count {
        true => Ok(places),
        false => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn there_and_back_and_cut() {
        for seed in 0..500 {
            let mut random = Random::new(seed);
            let kinds = 1 + random.below(100);
            let start = |random: &mut Random| -> Vec<u8> {
                let kind = random.below(kinds) as u8;
                vec![kind; usize::from(kind % 18)]
            };
            let all: Vec<Vec<u8>> = (0..1 + random.below(300))
                .map(|_| start(&mut random))
                .collect();
            let mut starts = Starts::default();
            all.iter().for_each(|start| starts.push(start));
            let mut bytes = Vec::new();
            starts.write(&mut bytes);
            bytes.push(7);
            let mut rest = Fields(&bytes);
            let got = take(&mut rest, all.len()).expect("starts");
            assert_eq!(rest.0, [7], "seed {seed}");
            for (place, start) in all.iter().enumerate() {
                assert_eq!(got[place].len(), starts.len_at(place));
                assert!(got[place] == &start[..] || got[place].is_empty());
                let is_one_of_few = kinds <= 60 && start.len() <= START_BYTES_MAX;
                assert!(!is_one_of_few || got[place] == &start[..], "seed {seed}");
            }
            let saved: usize = got.iter().map(|start| start.len()).sum();
            assert_eq!(saved, starts.saved);
            for cut in 0..bytes.len() - 1 {
                assert!(
                    take(&mut Fields(&bytes[..cut]), all.len()).is_err(),
                    "seed {seed}"
                );
            }
        }
    }

    #[test]
    fn hostile_bytes_are_refused_or_read() {
        let mut random = Random::new(5);
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..random.below(60))
                .map(|_| random.next_u64() as u8 % 40)
                .collect();
            let count = random.below(40) as usize;
            if let Ok(starts) = take(&mut Fields(&bytes), count) {
                assert_eq!(starts.len(), count);
            }
        }
    }
}
