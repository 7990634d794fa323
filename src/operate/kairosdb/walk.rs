//! The way through a metric: slices of time, each so large that its answer is neither.
//!
//! A server holds an answer as a whole and this side reads it as it comes, so a slice is made for the server:
//! one that answers with too much, too late or not at all is asked for less, one that answers with little for
//! more. Where nothing is, the next point is asked for. A moment that cannot be answered as a whole is asked
//! for by values of one tag; what cannot be answered even so is told and stepped over.

use std::time::Instant;

use super::source::{Slice, Source, Span, Taker};
use super::trouble::Trouble;

/// Points that a slice should have.
const POINTS_WANTED: u64 = 100_000;
/// The first slice of a metric; what is behind is unknown then.
const FIRST_MS: u64 = 60_000;
/// By how much a slice grows when its answer is small, and shrinks when there is none.
const GROWTH: u64 = 4;
const SHRINKING: u64 = 16;
/// Answers that fail one after the other, and moments that cannot be copied, until a metric is given up.
const FAILURES_MAX: u32 = 200;
const MOMENTS_MAX: usize = 100;
/// Tags of one metric.
pub(super) const KEYS_MAX: usize = 10_000;
/// A slice whose answer takes longer than this part of the time it may take grows no more.
const SLOW_PART: u32 = 8;

/// Takes what is copied.
pub(super) trait Sink: Taker {
    /// All of a slice was given: when this returns it is kept for good.
    fn settle(&mut self) -> Result<(), Trouble>;
    /// What was given since the last [`Sink::settle`] comes again.
    fn forget(&mut self);
}

/// Is told how far the walk is.
pub(super) trait Course {
    /// `slice` is settled. With it all of the metric between two times is, both included; or some of that,
    /// where that is `None`. `keys` are the tags known so far.
    fn settled(
        &mut self,
        whole: Option<(i64, i64)>,
        slice: &Slice,
        keys: &[String],
    ) -> Result<(), Trouble>;
    /// The next slice is not behind the last one, or there is none.
    fn ends(&mut self, keys: &[String]) -> Result<(), Trouble>;
}

/// Some series of a metric.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// Those that have this tag with one of these values; else all.
    pub(super) filter: Option<(String, Vec<String>)>,
    /// But for those with one of these tags, which are in other parts.
    pub(super) without: Vec<String>,
}

/// How a metric was walked.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// Times at which something cannot be copied, and why.
    pub(super) moments: Vec<(i64, String)>,
    /// Whether there are points behind the end.
    pub(super) is_later: bool,
}

/// One metric on its way.
pub(super) struct Walk<'a> {
    pub(super) source: &'a mut Source,
    pub(super) sink: &'a mut dyn Sink,
    pub(super) course: &'a mut dyn Course,
    pub(super) metric: &'a str,
    /// Tags by which answers are grouped: all that the metric has, as far as they are known.
    pub(super) keys: Vec<String>,
    pub(super) walked: Walked,
    failures: u32,
    /// Whether there was an answer to any slice.
    has_answered: bool,
}

impl<'a> Walk<'a> {
    /// Of `metric`, whose tags are asked for.
    pub(super) fn new(
        source: &'a mut Source,
        sink: &'a mut dyn Sink,
        course: &'a mut dyn Course,
        metric: &'a str,
    ) -> Result<Walk<'a>, Trouble> {
        let keys = match source.tags(metric) {
            Ok(tags) => tags.into_iter().map(|(key, _)| key).collect(),
            // Answers tell them too, only later.
            Err(Trouble::Refused(_) | Trouble::Broken(_)) => Vec::new(),
            Err(fatal) => return Err(fatal),
        };
        Ok(Walk {
            source,
            sink,
            course,
            metric,
            keys,
            walked: Walked::default(),
            failures: 0,
            has_answered: false,
        })
    }

    /// Copy all points from `from` to `until`.
    ///
    /// # Errors
    /// What ends all copying; or refused, when this metric is given up.
    pub(super) fn run(&mut self, from: i64, until: i64) -> Result<(), Trouble> {
        let all = Part::default();
        // Times before 1970 on their own: older KairosDBs find nothing in a range over both.
        if from < 0 {
            self.part(&all, from, until.min(-1), true)?;
            self.course.ends(&self.keys)?;
        }
        if until < 0 {
            return Ok(());
        }
        self.part(&all, from.max(0), until, true)?;
        self.course.ends(&self.keys)
    }

    /// Copy a part of it. Only what `is_whole` counts as a way to go on from.
    fn part(&mut self, part: &Part, from: i64, until: i64, is_whole: bool) -> Result<(), Trouble> {
        let (mut at, mut width) = (from, FIRST_MS);
        // Whether the moment before was one that had to be taken apart.
        let mut was_apart = false;
        loop {
            let mut is_known = true;
            match self.next(part, at, until, is_whole)? {
                Next::At(time) => at = time,
                Next::Unknown => is_known = false,
                Next::None => return Ok(()),
            }
            loop {
                let last = at.saturating_add_unsigned(width - 1).min(until);
                let began = Instant::now();
                let slice = match self.slice(part, at, last) {
                    Ok(slice) => {
                        was_apart = false;
                        width = wider(
                            width,
                            &slice,
                            began.elapsed() > self.source.client.longest() / SLOW_PART,
                        );
                        slice
                    }
                    Err(trouble @ Trouble::Fatal(_)) => return Err(trouble),
                    Err(trouble) => {
                        self.fails(&trouble)?;
                        if at < last {
                            let width_now = last.abs_diff(at).saturating_add(1);
                            width = (width_now / SHRINKING).max(1);
                            continue;
                        }
                        let parts = apart(self.source, self.metric, part)?;
                        if parts.is_empty() && !is_known && !self.has_answered {
                            // It is the metric that cannot be read, not a moment of it.
                            return Err(Trouble::Refused(trouble.to_string()));
                        }
                        if parts.is_empty() {
                            self.unreadable(at, &trouble)?;
                        }
                        // One moment may have one bad value; two in a row, and it is the number of series.
                        let end = if was_apart { until } else { at };
                        for part in &parts {
                            self.part(part, at, end, false)?;
                        }
                        was_apart = !parts.is_empty();
                        if was_apart && end == until {
                            let whole = is_whole.then_some((at, until));
                            let slice = Slice::default();
                            return self.course.settled(whole, &slice, &self.keys);
                        }
                        Slice::default()
                    }
                };
                let whole = is_whole.then_some((at, last));
                self.course.settled(whole, &slice, &self.keys)?;
                if last == until {
                    return Ok(());
                }
                at = last + 1;
                if slice.points == 0 && !was_apart {
                    break;
                }
            }
        }
    }

    /// Where to go on from `at`.
    fn next(&mut self, part: &Part, at: i64, until: i64, is_whole: bool) -> Result<Next, Trouble> {
        let found = self.source.first(&Span {
            metric: self.metric,
            filter: part.filter.as_ref(),
            from: at,
            // What lies behind the end is worth knowing; before 1970 nothing is behind.
            until: Some(until).filter(|&until| until < 0 || !is_whole),
        });
        match found {
            Ok(Some(time)) if until < time => {
                self.walked.is_later = true;
                Ok(Next::None)
            }
            Ok(Some(time)) if at <= time => Ok(Next::At(time)),
            Ok(Some(time)) => Err(Trouble::Refused(format!(
                "asked for points from {at} on, it gives one of {time}"
            ))),
            Ok(None) => Ok(Next::None),
            Err(trouble @ Trouble::Fatal(_)) => Err(trouble),
            Err(trouble) => self.fails(&trouble).map(|()| Next::Unknown),
        }
    }

    fn slice(&mut self, part: &Part, at: i64, last: i64) -> Result<Slice, Trouble> {
        let span = Span {
            metric: self.metric,
            filter: part.filter.as_ref(),
            from: at,
            until: Some(last),
        };
        loop {
            let slice = self
                .source
                .slice(&span, &self.keys, &part.without, self.sink);
            match slice {
                Ok(slice) => {
                    self.sink.settle()?;
                    (self.failures, self.has_answered) = (0, true);
                    return Ok(slice);
                }
                Err(trouble) => {
                    self.sink.forget();
                    match trouble {
                        Trouble::Ungrouped(keys) if self.keys.len() < KEYS_MAX => {
                            self.keys.extend(keys);
                        }
                        other => return Err(other),
                    }
                }
            }
        }
    }

    fn fails(&mut self, trouble: &Trouble) -> Result<(), Trouble> {
        self.failures += 1;
        if FAILURES_MAX < self.failures {
            return Err(Trouble::Refused(format!(
                "given up after {FAILURES_MAX} answers in a row that were none; the last: {trouble}"
            )));
        }
        Ok(())
    }

    fn unreadable(&mut self, at: i64, trouble: &Trouble) -> Result<(), Trouble> {
        let moments = &mut self.walked.moments;
        if !moments.iter().any(|(known, _)| *known == at) {
            moments.push((at, trouble.to_string()));
        }
        if MOMENTS_MAX < moments.len() {
            return Err(Trouble::Refused(format!(
                "given up after {MOMENTS_MAX} moments that cannot be read; the last: {trouble}"
            )));
        }
        Ok(())
    }
}

/// Smaller parts that together are `part` of `metric`; none if it cannot be taken apart.
pub(super) fn apart(source: &mut Source, metric: &str, part: &Part) -> Result<Vec<Part>, Trouble> {
    if let Some((key, values)) = &part.filter {
        if values.len() < 2 {
            return Ok(Vec::new());
        }
        let halves = values.chunks(values.len().div_ceil(2));
        return Ok(halves
            .map(|half| Part {
                filter: Some((key.clone(), half.to_vec())),
                without: part.without.clone(),
            })
            .collect());
    }
    match source.tags(metric) {
        Ok(tags) => Ok(parts_of(tags)),
        Err(trouble @ Trouble::Fatal(_)) => Err(trouble),
        Err(_) => Ok(Vec::new()),
    }
}

/// A part for each tag: the series that have it, but for those of the parts before.
fn parts_of(mut tags: Vec<(String, Vec<String>)>) -> Vec<Part> {
    if tags.iter().all(|(_, values)| values.len() < 2) && tags.len() < 2 {
        return Vec::new();
    }
    tags.sort_by_key(|(_, values)| std::cmp::Reverse(values.len()));
    let mut without = Vec::new();
    let parts = tags.into_iter().map(|(key, values)| {
        let part = Part {
            filter: Some((key.clone(), values)),
            without: without.clone(),
        };
        without.push(key);
        part
    });
    parts.collect()
}

enum Next {
    /// At this time is a point, and none is before.
    At(i64),
    /// Nothing is left.
    None,
    /// The server does not say.
    Unknown,
}

/// How wide the slice behind one of `width` is.
fn wider(width: u64, slice: &Slice, is_slow: bool) -> u64 {
    if POINTS_WANTED < slice.points || is_slow {
        return (width / 2).max(1);
    }
    match slice.points.saturating_mul(GROWTH) <= POINTS_WANTED {
        true => width.saturating_mul(GROWTH),
        false => width,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_follow_the_points() {
        let slice = |points| Slice {
            points,
            ..Slice::default()
        };
        assert_eq!(wider(60, &slice(10), false), 240);
        assert_eq!(wider(60, &slice(10), true), 30);
        assert_eq!(wider(60, &slice(50_000), false), 60);
        assert_eq!(wider(60, &slice(300_000), false), 30);
        assert_eq!(wider(1, &slice(300_000), false), 1);
        assert_eq!(wider(u64::MAX, &slice(0), false), u64::MAX);
    }

    #[test]
    fn parts_are_all_series_with_a_tag_once() {
        let tag = |key: &str, values: &[&str]| {
            let values = values.iter().map(|&value| value.to_owned());
            (key.to_owned(), values.collect::<Vec<_>>())
        };
        assert_eq!(parts_of(vec![tag("h", &["a"])]), []);
        let parts = parts_of(vec![tag("dc", &["x"]), tag("h", &["a", "b"])]);
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].filter, Some(tag("h", &["a", "b"])));
        assert_eq!(parts[0].without, [""; 0]);
        assert_eq!(parts[1].filter, Some(tag("dc", &["x"])));
        assert_eq!(parts[1].without, ["h"]);
    }
}
