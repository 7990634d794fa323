//! Points of one series as text, many at once.

use super::number::{Clock, Java, print_double};
use crate::base::printer::{NUMBER_BYTES, Printer, TOGETHER};
use crate::simd::{Lanes, Work};

/// What stands in front of a value: `[`, a time of thirteen digits, as all of our days have, and `,`.
pub(super) type Front = [u8; 15];
/// What stands behind it: the comma behind the last point of all has to be taken away.
pub(super) const BACK: &[u8; 2] = b"],";
/// What a point of a number never takes more than.
pub(super) const POINT_BYTES_MAX: usize = 2 * NUMBER_BYTES + 16;

/// Times of thirteen digits.
const THIRTEEN_DIGITS: std::ops::Range<i64> = 1_000_000_000_000..10_000_000_000_000;
/// So many fronts are kept: 1.5 MiB with their times.
const FRONTS_MAX: usize = 1 << 16;

/// The fronts of points, which series that have points at the same times share.
#[derive(Default)]
pub(super) struct Fronts {
    clock: Clock,
    /// As many as texts.
    times: Vec<i64>,
    texts: Vec<Front>,
    /// Of one piece of a long list.
    piece: Vec<Front>,
}

impl Fronts {
    /// The fronts of `times`, which come behind `first` others in their list; `None` if one has not thirteen
    /// digits.
    pub(super) fn of(&mut self, first: usize, times: &[i64]) -> Option<&[Front]> {
        let end = first.saturating_add(times.len());
        if self.times.get(first..end) == Some(times) {
            return self.texts.get(first..end);
        }
        if !times.iter().all(|time| THIRTEEN_DIGITS.contains(time)) {
            return None;
        }
        let clock = &mut self.clock;
        let fronts = times.iter().map(|&time| front(clock, time));
        if self.times.len() < first || FRONTS_MAX < end {
            self.piece.clear();
            self.piece.extend(fronts);
            return Some(&self.piece);
        }
        self.times.truncate(first);
        self.times.extend_from_slice(times);
        self.texts.truncate(first);
        self.texts.extend(fronts);
        self.texts.get(first..end)
    }
}

fn front(clock: &mut Clock, time_ms: i64) -> Front {
    let mut text = [b'['; 15];
    let mut printer = Printer::new(&mut text, 0);
    printer.text(b"[");
    clock.print(time_ms, &mut printer);
    printer.text(b",");
    text
}

/// Floats to be printed behind `text`, each between its front and [`BACK`].
pub(super) struct Doubles<'a> {
    pub(super) values: &'a [f64],
    /// As many.
    pub(super) fronts: &'a [Front],
    /// Decimal places to begin with, and of the last value.
    pub(super) places: &'a mut usize,
    pub(super) text: &'a mut Vec<u8>,
}

impl Work for Doubles<'_> {
    /// The place of one that is not finite, at which the printing ended.
    type Output = Option<usize>;

    #[inline(always)]
    fn run<L: Lanes>(self) -> Option<usize> {
        let mut room = [0; TOGETHER * POINT_BYTES_MAX];
        let mut printer = Printer::new(&mut room, *self.places);
        let (values, fronts) = (self.values.chunks(TOGETHER), self.fronts.chunks(TOGETHER));
        for (i, (values, fronts)) in values.zip(fronts).enumerate() {
            let all = (values.first_chunk(), fronts.first_chunk());
            let together = match all {
                (Some(values), Some(fronts)) => {
                    printer.points::<Java, 15, 2>(values, fronts, &[*BACK; TOGETHER])
                }
                _ => false,
            };
            if !together {
                for (j, (&value, front)) in values.iter().zip(fronts).enumerate() {
                    if !value.is_finite() {
                        return Some(i * TOGETHER + j);
                    }
                    printer.text(front);
                    print_double(value, &mut printer);
                    printer.text(BACK);
                }
            }
            printer.hand_on(self.text);
        }
        *self.places = printer.places();
        None
    }
}

/// Print whole numbers, the bits of an [`i64`] each, in the same way.
pub(super) fn push_longs(values: &[f64], fronts: &[Front], text: &mut Vec<u8>) {
    let mut room = [0; POINT_BYTES_MAX];
    let mut printer = Printer::new(&mut room, 0);
    for (value, front) in values.iter().zip(fronts) {
        printer.text(front);
        printer.integer(value.to_bits() as i64);
        printer.text(BACK);
        printer.hand_on(text);
    }
}

#[cfg(test)]
mod tests {
    use super::super::number::push_double;
    use super::*;
    use crate::base::random::Random;
    use crate::simd::Scanner;

    /// Lists of a few grids, in pieces, print as their points do one by one.
    #[test]
    fn many_at_once_are_those_one_by_one() {
        for seed in 0..300 {
            let mut random = Random::new(seed);
            let mut fronts = Fronts::default();
            let (mut got, mut want) = (Vec::new(), Vec::new());
            let grids =
                [1, 1_000, 60_000].map(|step| (1_700_000_000_000 + random.below(99_999_999), step));
            for _ in 0..1 + random.below(6) {
                let (start, step) = grids[random.below(3) as usize];
                let start = match random.below(20) {
                    0 => random.next_u64() as i64 >> 1,
                    _ => start as i64,
                };
                let count = match random.below(60) {
                    0 => FRONTS_MAX as u64 + 900,
                    _ => random.below(1_500),
                };
                let gaps = if random.chance(30) { 5 } else { 0 };
                let mut time = start;
                let times: Vec<i64> = (0..count)
                    .map(|_| {
                        time = time.saturating_add(step + i64::from(random.chance(gaps)));
                        time
                    })
                    .collect();
                let are_long = random.chance(30);
                let tens = 10_f64.powi(random.below(6) as i32);
                let values: Vec<f64> = (0..count)
                    .map(|_| match (are_long, random.below(50)) {
                        (true, _) => f64::from_bits(random.next_u64() >> random.below(64)),
                        (false, 0) => -(random.next_u64() as f64),
                        (false, _) => random.below(1_000_000) as f64 / tens,
                    })
                    .collect();
                let mut places = 0;
                let size = 1 + random.below(600) as usize;
                let mut first = 0;
                for (times, values) in times.chunks(size).zip(values.chunks(size)) {
                    let together = fronts.of(first, times);
                    assert_eq!(
                        together.is_some(),
                        times.iter().all(|time| time.to_string().len() == 13)
                    );
                    first += times.len();
                    let Some(fronts) = together else {
                        continue;
                    };
                    if are_long {
                        push_longs(values, fronts, &mut got);
                    } else {
                        let ended = Scanner::widest().run(Doubles {
                            values,
                            fronts,
                            places: &mut places,
                            text: &mut got,
                        });
                        assert_eq!(ended, None);
                    }
                    for (time, &value) in times.iter().zip(values) {
                        want.extend_from_slice(format!("[{time},").as_bytes());
                        match are_long {
                            true => want.extend((value.to_bits() as i64).to_string().bytes()),
                            false => push_double(value, &mut want),
                        }
                        want.extend_from_slice(BACK);
                    }
                }
            }
            assert!(got == want, "seed {seed}");
        }
    }

    #[test]
    fn what_is_not_finite_is_found() {
        for place in 0..30 {
            let mut values = [0.5; 30];
            values[place] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][place % 3];
            let times: Vec<i64> = (0..30).map(|i| 1_700_000_000_000 + i).collect();
            let mut fronts = Fronts::default();
            let ended = Scanner::widest().run(Doubles {
                values: &values,
                fronts: fronts.of(0, &times).expect("thirteen digits"),
                places: &mut 1,
                text: &mut Vec::new(),
            });
            assert_eq!(ended, Some(place));
        }
    }
}
