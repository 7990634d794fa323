//! What was copied, compared on both sides, and what differs told.

use std::thread;
use std::time::Duration;

use super::{Copying, output};
use crate::operate::kairosdb::parts::{Part, apart};
use crate::operate::kairosdb::shown_time;
use crate::operate::kairosdb::source::Span;
use crate::operate::kairosdb::trouble::Trouble;
use crate::operate::kairosdb::verify::{self, Difference};
use crate::operate::kairosdb::walk::KEYS_MAX;

/// How often a range is compared before it differs for certain, and how long between.
const COMPARED_MAX: u32 = 3;
const COMPARED_AGAIN: Duration = Duration::from_millis(700);

/// What came of a comparison.
enum Compared {
    Same,
    Not(Difference),
    /// One of both does not tell.
    Unknown(Trouble),
}

impl Copying<'_> {
    /// Compare what was copied since the last time. Only between points that were copied: behind them the
    /// target may have newer ones, of senders who have moved already.
    pub(super) fn verify(&mut self, keys: &[String]) -> Result<(), Trouble> {
        let Some((from, until)) = self.unverified.filter(|_| self.is_verified) else {
            (self.unverified, self.unverified_points) = (None, 0);
            return Ok(());
        };
        let metric = self.metric.clone();
        let times = format!("from {} to {}", shown_time(from), shown_time(until));
        let mut keys = keys.to_vec();
        let mut parts = vec![Part::default()];
        // Counted at the end: what is stopped before is compared anew.
        let (mut mismatches, mut more, mut unknown) = (0, 0, 0);
        while let Some(part) = parts.pop() {
            let span = part.span(&metric, from, until);
            if !part.without.is_empty() && self.there.count(&span, &part.without) == Ok(0) {
                continue;
            }
            let told = match self.compare(&span, &mut keys, &part.without)? {
                Compared::Same => continue,
                Compared::Not(difference) => {
                    match difference.is_more {
                        true => more += 1,
                        false => mismatches += 1,
                    }
                    tell(&metric, &times, &difference)
                }
                Compared::Unknown(why) => {
                    let why = match apart(&mut self.there, &metric, &part, from, until) {
                        Ok(smaller) if !smaller.is_empty() => {
                            parts.extend(smaller);
                            continue;
                        }
                        Err(trouble @ Trouble::Fatal(_)) => return Err(trouble),
                        Ok(_) => why,
                        Err(trouble) => trouble,
                    };
                    unknown += 1;
                    format!("NOT VERIFIED {metric} {times}: {why}")
                }
            };
            self.line.clear();
            let written = writeln!(self.out, "{told}").and_then(|()| self.out.flush());
            written.map_err(output)?;
        }
        (self.unverified, self.unverified_points) = (None, 0);
        self.found.mismatches += mismatches;
        self.found.unverified += unknown;
        self.state.more += more;
        Ok(())
    }

    fn compare(
        &mut self,
        span: &Span<'_>,
        keys: &mut Vec<String>,
        without: &[String],
    ) -> Result<Compared, Trouble> {
        let mut tries = 0;
        loop {
            match verify::compare(&mut self.there, &mut self.here, span, keys, without) {
                Ok(None) => return Ok(Compared::Same),
                Ok(Some(difference)) => {
                    tries += 1;
                    if difference.is_more || tries == COMPARED_MAX {
                        return Ok(Compared::Not(difference));
                    }
                    // A KairosDB shows what it took only after a while.
                    thread::sleep(COMPARED_AGAIN);
                }
                Err(Trouble::Ungrouped(more)) if keys.len() < KEYS_MAX => keys.extend(more),
                Err(trouble @ Trouble::Fatal(_)) => return Err(trouble),
                Err(trouble) => return Ok(Compared::Unknown(trouble)),
            }
        }
    }
}

fn tell(metric: &str, times: &str, difference: &Difference) -> String {
    let [points_there, points_here] = difference.points;
    let [sum_there, sum_here] = difference.sums;
    let what = match difference.is_more {
        true => "MORE in the target, as when senders write to it already:",
        false => "MISMATCH",
    };
    format!(
        "{what} {metric} {times}: the source has {points_there} points with the sum {sum_there}, the \
         target {points_here} with {sum_here}; {} series differ, one is {}",
        difference.series, difference.example
    )
}
