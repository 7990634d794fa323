//! What is sent: which series exist, what each is called, and which value it has in which round.
//!
//! Takes parameters and a seed, gives the name, key, value and timestamp of every point as pure
//! functions. The sender and the verification both ask here, so neither has to remember what was
//! sent. Knows no protocol and no socket.
//!
//! A workload has a fixed number of *places*. One *round* sends one point for every place. With
//! churn, the series at a place is replaced by one with a new name: the next *generation* of that
//! place.

mod name;
mod value;

use std::ops::Range;

use crate::random::{below, word_at};

pub use name::{CORES, Naming, SERIES_PER_HOST, STATES};
pub use value::{Kind, Value};

/// Earliest timestamp that can be sent, so that every timestamp has ten digits.
pub const TIMESTAMP_MIN_S: u64 = 1_000_000_000;

/// First timestamp that cannot be sent.
pub const TIMESTAMP_END_S: u64 = 10_000_000_000;

/// Whole that shares (churn, late) are parts of: hundredths of a percent.
pub const SHARE_WHOLE: u32 = 10_000;

const KIND_SALT: u64 = 0x6b69_6e64;
const LATE_SALT: u64 = 0x6c61_7465_6c61_7465;

/// What a workload is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// Number of places, each one series at a time.
    pub series: u64,
    /// Everything random follows from this number.
    pub seed: u64,
    /// Shape of names.
    pub naming: Naming,
    /// Percent of constant, counter, walk and noise series; the sum is 100.
    pub mix_percent: [u32; 4],
    /// Hundredths of a percent of the places that get a new name each minute of timestamps.
    pub churn_share: u32,
    /// Hundredths of a percent of the points that carry an older timestamp.
    pub late_share: u32,
    /// How much older.
    pub late_by_s: u64,
    /// Timestamp of the first round, seconds since 1970.
    pub start_s: u64,
    /// Seconds from one round's timestamp to the next.
    pub step_s: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            series: 10_000,
            seed: 1,
            naming: Naming {
                prefix: String::new(),
                tagged: false,
                more_tags: 0,
            },
            mix_percent: [20, 30, 30, 20],
            churn_share: 0,
            late_share: 0,
            late_by_s: 30,
            start_s: 1_700_000_000,
            step_s: 1,
        }
    }
}

/// A set of places and their values over rounds. See the module's head.
#[derive(Debug, Clone)]
pub struct Workload {
    parameters: Parameters,
}

impl Workload {
    /// Checks the parameters: says what to change where they contradict.
    pub fn new(parameters: Parameters) -> Result<Workload, String> {
        if parameters.series == 0 {
            return Err("a workload needs at least one series: set --series to 1 or more".into());
        }
        if u64::from(u32::MAX) < parameters.series {
            return Err(format!(
                "at most {} series are possible: lower --series",
                u32::MAX
            ));
        }
        if parameters.mix_percent.iter().sum::<u32>() != 100 {
            return Err(
                "the four shares of --mix must add up to 100, for example 20,30,30,20".into(),
            );
        }
        if SHARE_WHOLE < parameters.churn_share || SHARE_WHOLE < parameters.late_share {
            return Err("--churn and --late are percentages from 0 to 100".into());
        }
        if parameters.step_s == 0 {
            return Err("--step must be 1 second or more".into());
        }
        let earliest_s = if parameters.late_share == 0 {
            0
        } else {
            parameters.late_by_s
        };
        if parameters.start_s < TIMESTAMP_MIN_S.saturating_add(earliest_s)
            || TIMESTAMP_END_S <= parameters.start_s
        {
            return Err(format!(
                "timestamps must have ten digits ({TIMESTAMP_MIN_S} or later, late points included): \
                 set --start or --ago so that the first round is in that range"
            ));
        }
        Ok(Workload { parameters })
    }

    /// What it was made from.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Number of rounds whose timestamps have ten digits.
    pub fn rounds_max(&self) -> u64 {
        (TIMESTAMP_END_S - 1 - self.parameters.start_s) / self.parameters.step_s + 1
    }

    /// Timestamp of a round in seconds since 1970.
    #[inline]
    pub fn timestamp_s(&self, round: u64) -> u64 {
        self.parameters.start_s + round * self.parameters.step_s
    }

    /// Timestamp of the late points of a round.
    #[inline]
    pub fn late_timestamp_s(&self, round: u64) -> u64 {
        self.timestamp_s(round)
            .saturating_sub(self.parameters.late_by_s)
    }

    /// How the numbers at a place behave; the same for all its generations.
    pub fn kind(&self, place: u64) -> Kind {
        let drawn = below(word_at(self.parameters.seed ^ KIND_SALT, place), 100);
        let mut reached = 0;
        for (kind, percent) in Kind::ALL.into_iter().zip(self.parameters.mix_percent) {
            reached += percent;
            if drawn < reached {
                return kind;
            }
        }
        Kind::Noise
    }

    /// The key from which all values of one generation of a place follow.
    pub fn key(&self, place: u64, generation: u64) -> u64 {
        word_at(word_at(self.parameters.seed, place), generation)
    }

    /// The name of one generation of a place.
    pub fn name(&self, place: u64, generation: u64) -> String {
        self.parameters.naming.name(place, generation)
    }

    /// True where points may carry an older timestamp at all.
    pub fn has_late_points(&self) -> bool {
        0 < self.parameters.late_share
    }

    /// Whether the point of a series in a round carries an older timestamp.
    #[inline]
    pub fn is_late(&self, key: u64, round: u64) -> bool {
        below(word_at(key ^ LATE_SALT, round), SHARE_WHOLE) < self.parameters.late_share
    }

    /// How many names have been replaced since the start, before this round.
    fn replaced_before(&self, round: u64) -> u64 {
        let minutes = round * self.parameters.step_s / 60;
        let per_minute = self.replaced_per_minute();
        minutes * per_minute
    }

    fn replaced_per_minute(&self) -> u64 {
        self.parameters.series * u64::from(self.parameters.churn_share) / u64::from(SHARE_WHOLE)
    }

    /// Number of the generation that a place is at in a round; replacement goes around the places
    /// in order.
    pub fn generation(&self, place: u64, round: u64) -> u64 {
        let replaced = self.replaced_before(round);
        if replaced <= place {
            0
        } else {
            (replaced - place - 1) / self.parameters.series + 1
        }
    }

    /// A number that changes whenever some generation may have changed.
    pub fn epoch(&self, round: u64) -> u64 {
        if self.replaced_per_minute() == 0 {
            0
        } else {
            round * self.parameters.step_s / 60
        }
    }

    /// The generations of a place over `rounds` rounds, each with the rounds in which it lives.
    pub fn lives(&self, place: u64, rounds: u64) -> Vec<(u64, Range<u64>)> {
        let mut lives: Vec<(u64, Range<u64>)> = Vec::new();
        let mut round = 0;
        while round < rounds {
            let generation = self.generation(place, round);
            let end = self.next_epoch_round(round).min(rounds);
            match lives.last_mut() {
                Some((last, range)) if *last == generation => range.end = end,
                _ => lives.push((generation, round..end)),
            }
            round = end;
        }
        lives
    }

    fn next_epoch_round(&self, round: u64) -> u64 {
        if self.replaced_per_minute() == 0 {
            return u64::MAX;
        }
        let minute_end_s = (round * self.parameters.step_s / 60 + 1) * 60;
        minute_end_s.div_ceil(self.parameters.step_s)
    }

    /// The points of one generation of a place, in the order sent: timestamp in seconds and value.
    pub fn points(
        &self,
        place: u64,
        generation: u64,
        rounds: Range<u64>,
    ) -> impl Iterator<Item = (u64, Value)> + '_ {
        let kind = self.kind(place);
        let key = self.key(place, generation);
        let mut scaled = kind.origin(key);
        rounds.map(move |round| {
            scaled = kind.next(scaled, key, round);
            let late = self.has_late_points() && self.is_late(key, round);
            let timestamp_s = if late {
                self.late_timestamp_s(round)
            } else {
                self.timestamp_s(round)
            };
            (timestamp_s, kind.value(scaled))
        })
    }
}

/// Deals places to connections: contiguous blocks of equal length, give or take one.
pub fn blocks(series: u64, connections: u64) -> Vec<Range<u64>> {
    let edge = |number: u64| series * number / connections;
    (0..connections)
        .map(|connection| edge(connection)..edge(connection + 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(change: impl FnOnce(&mut Parameters)) -> Workload {
        let mut parameters = Parameters::default();
        change(&mut parameters);
        Workload::new(parameters).expect("parameters are valid")
    }

    #[test]
    fn the_mix_is_as_asked() {
        let workload = workload(|_| ());
        let mut counts = [0_u32; 4];
        for place in 0..10_000 {
            counts[workload.kind(place) as usize] += 1;
        }
        for (count, percent) in counts.into_iter().zip([20, 30, 30, 20]) {
            assert!(count.abs_diff(percent * 100) < 200, "{counts:?}");
        }
    }

    #[test]
    fn blocks_cover_every_place_once() {
        for (series, connections) in [(1, 1), (10, 3), (1_000, 7), (100_000, 4), (33, 2), (5, 5)] {
            let blocks = blocks(series, connections);
            assert_eq!(blocks.len() as u64, connections);
            assert_eq!(blocks.first().map(|block| block.start), Some(0));
            assert_eq!(blocks.last().map(|block| block.end), Some(series));
            assert!(blocks.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(
                blocks.iter().all(|block| !block.is_empty()),
                "{series} {connections} {blocks:?}"
            );
        }
    }

    #[test]
    fn churn_replaces_the_asked_share_each_minute() {
        let workload = workload(|parameters| {
            parameters.series = 1_000;
            parameters.churn_share = 1_000;
        });
        for minute in 0..25_u64 {
            let generations: u64 = (0..1_000)
                .map(|place| workload.generation(place, minute * 60 + 59))
                .sum();
            assert_eq!(generations, minute * 100);
        }
    }

    #[test]
    fn lives_agree_with_generations() {
        let workload = workload(|parameters| {
            parameters.series = 10;
            parameters.churn_share = 5_000;
            parameters.step_s = 7;
        });
        for place in 0..10 {
            let lives = workload.lives(place, 200);
            for round in 0..200 {
                let living: Vec<u64> = lives
                    .iter()
                    .filter(|(_, range)| range.contains(&round))
                    .map(|(number, _)| *number)
                    .collect();
                assert_eq!(
                    living,
                    vec![workload.generation(place, round)],
                    "place {place} round {round}"
                );
            }
        }
    }

    #[test]
    fn the_late_share_is_as_asked() {
        let workload = workload(|parameters| parameters.late_share = 500);
        let late = (0..10_000)
            .filter(|&round| workload.is_late(99, round))
            .count();
        assert!(late.abs_diff(500) < 100, "{late}");
    }
}
