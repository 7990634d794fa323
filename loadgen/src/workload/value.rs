//! What the numbers of a series look like: four kinds, each a pure function of key and round.
//!
//! Every kind keeps a fixed number of digits, so that a laid-out buffer never has to move its bytes.

use std::fmt;
use std::ops::Range;

use crate::random::{below, word_at};

/// How the numbers of one series behave. Fixed for each place of the workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One number for ever: `367.61`.
    Constant,
    /// A whole number of seven digits that grows by 0 to 15 a round and starts again at 1,000,000
    /// after 9,999,999.
    Counter,
    /// 100.00 to 999.99, at most 0.25 up or down a round.
    Walk,
    /// Uniform from 10.000000 up to 100, six decimals.
    Noise,
}

/// A decimal number: `scaled` divided by ten to the power of `decimals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    /// The number without its decimal point.
    pub scaled: u32,
    /// How many of the digits are decimals: 0, 2 or 6.
    pub decimals: u8,
}

impl Kind {
    /// All kinds, in the order in which `--mix` names them.
    pub const ALL: [Kind; 4] = [Kind::Constant, Kind::Counter, Kind::Walk, Kind::Noise];

    /// Number of decimals of every value of this kind.
    #[inline]
    pub const fn decimals(self) -> u8 {
        match self {
            Kind::Counter => 0,
            Kind::Constant | Kind::Walk => 2,
            Kind::Noise => 6,
        }
    }

    /// Characters of every value of this kind as text.
    #[inline]
    pub const fn width(self) -> usize {
        match self {
            Kind::Counter => 7,
            Kind::Constant | Kind::Walk => 6,
            Kind::Noise => 9,
        }
    }

    /// The state before the first round of a series with this key.
    pub fn origin(self, key: u64) -> u32 {
        let random = word_at(key, u64::MAX);
        match self {
            Kind::Constant | Kind::Walk => 10_000 + below(random, 90_000),
            Kind::Counter => 1_000_000 + below(random, 1_000_000),
            Kind::Noise => 10_000_000,
        }
    }

    /// The scaled number of `round`, from the one before it.
    #[inline(always)]
    pub fn next(self, before: u32, key: u64, round: u64) -> u32 {
        match self {
            Kind::Constant => before,
            Kind::Counter => {
                let after = before + below(word_at(key, round), 16);
                if after < 10_000_000 {
                    after
                } else {
                    after - 9_000_000
                }
            }
            Kind::Walk => {
                let after = before + below(word_at(key, round), 51) - 25;
                if (10_000..100_000).contains(&after) {
                    after
                } else {
                    before
                }
            }
            Kind::Noise => 10_000_000 + below(word_at(key, round), 90_000_000),
        }
    }

    /// What [`Kind::next`] needs to go on behind `rounds`, from the scaled number before the
    /// first of them.
    pub fn pass(self, before: u32, key: u64, rounds: Range<u64>) -> u32 {
        match self {
            // Nothing depends on what was before.
            Kind::Constant | Kind::Noise => before,
            Kind::Counter | Kind::Walk => {
                rounds.fold(before, |state, round| self.next(state, key, round))
            }
        }
    }

    /// The value that a scaled number of this kind stands for.
    pub const fn value(self, scaled: u32) -> Value {
        Value {
            scaled,
            decimals: self.decimals(),
        }
    }
}

impl Value {
    /// The nearest `f64`: the same as parsing the text, because both parts of the division are exact.
    #[inline]
    pub fn as_f64(self) -> f64 {
        let divisor = match self.decimals {
            0 => 1.0,
            2 => 100.0,
            _ => 1_000_000.0,
        };
        f64::from(self.scaled) / divisor
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = 10_u32.pow(u32::from(self.decimals));
        if self.decimals == 0 {
            return write!(formatter, "{}", self.scaled);
        }
        let width = usize::from(self.decimals);
        write!(
            formatter,
            "{}.{:0width$}",
            self.scaled / scale,
            self.scaled % scale
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_width_and_their_exact_number() {
        for kind in Kind::ALL {
            for key in 0..50_u64 {
                let mut scaled = kind.origin(key);
                for round in 0..2_000 {
                    let before = scaled;
                    scaled = kind.next(scaled, key, round);
                    let value = kind.value(scaled);
                    let text = value.to_string();
                    assert_eq!(
                        text.len(),
                        kind.width(),
                        "{kind:?} key {key} round {round}: {text}"
                    );
                    assert_eq!(text.parse::<f64>(), Ok(value.as_f64()), "{kind:?} {text}");
                    let step = i64::from(scaled) - i64::from(before);
                    match kind {
                        Kind::Constant => assert_eq!(step, 0),
                        Kind::Counter => assert!((0..16).contains(&step)),
                        Kind::Walk => assert!((-25..=25).contains(&step)),
                        Kind::Noise => {}
                    }
                }
            }
        }
    }

    #[test]
    fn rounds_may_be_passed_at_once() {
        for kind in Kind::ALL {
            let mut walked = kind.origin(5);
            for round in 0..90 {
                walked = kind.next(walked, 5, round);
            }
            let passed = kind.pass(kind.origin(5), 5, 0..89);
            assert_eq!(kind.next(passed, 5, 89), walked, "{kind:?}");
        }
    }

    #[test]
    fn a_counter_at_its_end_starts_again_with_seven_digits() {
        let after = (0..64).map(|round| Kind::Counter.next(9_999_999, 3, round));
        assert!(
            after
                .clone()
                .all(|scaled| (1_000_000..10_000_000).contains(&scaled))
        );
        assert!(after.into_iter().any(|scaled| scaled < 1_000_020));
    }
}
