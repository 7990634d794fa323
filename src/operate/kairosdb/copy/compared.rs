//! What was copied, compared on both sides, and what differs told.

use std::thread;
use std::time::Duration;

use super::{Copying, output};
use crate::operate::kairosdb::shown_time;
use crate::operate::kairosdb::source::Span;
use crate::operate::kairosdb::trouble::Trouble;
use crate::operate::kairosdb::verify::{self, Mismatch};
use crate::operate::kairosdb::walk::{KEYS_MAX, Part, apart};

/// How often a range is compared before it differs for certain, and how long between.
const COMPARED_MAX: u32 = 3;
const COMPARED_AGAIN: Duration = Duration::from_millis(700);

/// What came of a comparison.
enum Compared {
    Same,
    Not(Mismatch),
    /// One of both does not tell.
    Unknown(Trouble),
}

impl Copying<'_> {
    /// Compare what was copied since the last time. Only between points that were copied: behind them the
    /// target may have newer ones, of senders who have moved already.
    pub(super) fn verify(&mut self, keys: &[String]) -> Result<(), Trouble> {
        let Some(from) = self.state.verified.take() else {
            return Ok(());
        };
        let before = self.state.next.map_or(from, |next| next.saturating_sub(1));
        let until = self.last.take().unwrap_or(before).max(from);
        self.unverified = 0;
        let size = std::mem::take(&mut self.state.size);
        if !self.is_verified {
            return Ok(());
        }
        let metric = self.metric.clone();
        let mut keys = keys.to_vec();
        let mut parts = vec![Part::default()];
        while let Some(part) = parts.pop() {
            let span = Span {
                metric: &metric,
                filter: part.filter.as_ref(),
                from,
                until: Some(until),
            };
            let why = match self.compare(&span, &mut keys, &part.without, size)? {
                Compared::Same => continue,
                Compared::Not(mismatch) => {
                    self.found.mismatches += 1;
                    let times = format!("from {} to {}", shown_time(from), shown_time(until));
                    tell_mismatch(&metric, &times, &mismatch)
                }
                Compared::Unknown(why) => {
                    let smaller = apart(&mut self.there, &metric, &part)?;
                    if !smaller.is_empty() {
                        parts.extend(smaller);
                        continue;
                    }
                    self.found.unverified += 1;
                    let (from, until) = (shown_time(from), shown_time(until));
                    format!("NOT VERIFIED {metric} from {from} to {until}: {why}")
                }
            };
            self.line.clear();
            let written = writeln!(self.out, "{why}").and_then(|()| self.out.flush());
            written.map_err(output)?;
        }
        Ok(())
    }

    fn compare(
        &mut self,
        span: &Span<'_>,
        keys: &mut Vec<String>,
        without: &[String],
        size: f64,
    ) -> Result<Compared, Trouble> {
        let mut tries = 0;
        loop {
            match verify::compare(&mut self.there, &mut self.here, span, keys, without, size) {
                Ok(None) => return Ok(Compared::Same),
                Ok(Some(mismatch)) => {
                    tries += 1;
                    if tries == COMPARED_MAX {
                        return Ok(Compared::Not(mismatch));
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

fn tell_mismatch(metric: &str, times: &str, mismatch: &Mismatch) -> String {
    let [points_there, points_here] = mismatch.points;
    let [sum_there, sum_here] = mismatch.sums;
    format!(
        "MISMATCH {metric} {times}: the source has {points_there} points with the sum {sum_there}, the \
         target {points_here} with {sum_here}; {} series differ, one is {}",
        mismatch.series, mismatch.example
    )
}
