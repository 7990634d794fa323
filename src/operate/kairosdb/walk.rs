//! The way through a metric: slices of time, each so large that its answer is neither.
//!
//! A server holds an answer as a whole and this side reads it as it comes, so a slice is made for the server:
//! one that answers with too much, too late or not at all is asked for less, one that answers with little for
//! more. Where nothing is, the next point is asked for. A moment that cannot be answered as a whole is asked
//! for by values of tags, one tag after the other; what cannot be answered even so is asked for again after
//! a while, and then told and stepped over.

use std::thread;
use std::time::Duration;

use super::parts::{Part, apart};
use super::shown_time;
use super::source::{Slice, Source, Span, TRIES_MAX, Taker};
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
/// Moments of a metric that cannot be read until none is waited for any more.
const MOMENTS_PATIENT: usize = 3;
/// Tags of one metric.
pub(super) const KEYS_MAX: usize = 10_000;
/// A slice whose answer takes longer than this part of the time it may take grows no more, and shrinks if it
/// had more than so many points; with fewer, they are not why it is slow.
const SLOW_PART: u32 = 8;
const SLOW_POINTS_MIN: u64 = 1000;
/// Before what cannot be made smaller is asked for again; each time four times as long.
const PAUSE: Duration = Duration::from_millis(250);

/// Takes what is copied.
pub(super) trait Sink: Taker {
    /// All of a slice was given: when this returns it is kept for good, but for what it counts as lost.
    fn settle(&mut self) -> Result<u64, Trouble>;
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
    /// A moment is stepped over, because it cannot be read.
    fn skipped(&mut self);
    /// The next slice is not behind the last one, or there is none.
    fn ends(&mut self, keys: &[String]) -> Result<(), Trouble>;
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
    /// Points that were read and are wanted.
    read: u64,
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
        let span = Span {
            metric,
            filter: &[],
            from: 0,
            until: None,
        };
        let keys = match source.tags(&span) {
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
            read: 0,
            failures: 0,
            has_answered: false,
        })
    }

    /// Copy all points from `from` to `until`; none are left where it is behind that.
    ///
    /// # Errors
    /// What ends all copying; or refused, when this metric is given up.
    pub(super) fn run(&mut self, from: i64, until: i64) -> Result<(), Trouble> {
        if until < from {
            return self.course.ends(&self.keys);
        }
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
        // One moment may have one bad value; two in a row, and it is the number of series: then as much time
        // goes by parts. 0 if the moment before was not taken apart.
        let mut apart_ms = 0;
        loop {
            let is_known = match self.next(part, at, until, is_whole)? {
                Next::At(time) => {
                    at = time;
                    true
                }
                Next::Unknown => false,
                Next::None => return Ok(()),
            };
            loop {
                let mut last = at.saturating_add_unsigned(width - 1).min(until);
                let slice = match self.slice(part, at, last) {
                    Ok(slice) => {
                        if slice.points > 0 {
                            apart_ms = 0;
                        }
                        let client = &self.source.client;
                        width = wider(width, &slice, client.took() > client.longest() / SLOW_PART);
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
                        let end = at.saturating_add_unsigned(apart_ms).min(until);
                        let parts = apart(self.source, self.metric, part, at, end)?;
                        if parts.is_empty() {
                            self.moment(part, at, is_known)?
                        } else {
                            self.by_parts(part, &parts, at, end)?;
                            apart_ms = FIRST_MS.max(apart_ms.saturating_mul(SHRINKING));
                            last = end;
                            Slice::default()
                        }
                    }
                };
                let whole = is_whole.then_some((at, last));
                self.course.settled(whole, &slice, &self.keys)?;
                if last == until {
                    return Ok(());
                }
                at = last + 1;
                if slice.points == 0 {
                    break;
                }
            }
        }
    }

    /// How often is asked what cannot be made smaller. Where several moments stayed as they were, it is not
    /// that the server is out of breath.
    fn tries(&self) -> usize {
        match self.walked.moments.len() < MOMENTS_PATIENT {
            true => TRIES_MAX,
            false => 1,
        }
    }

    /// A moment that could not be read and cannot be taken apart, once more.
    fn moment(&mut self, part: &Part, at: i64, is_known: bool) -> Result<Slice, Trouble> {
        match patiently(self.tries(), || self.slice(part, at, at)) {
            Err(trouble @ Trouble::Fatal(_)) => Err(trouble),
            // It is the metric that cannot be read, not a moment of it.
            Err(trouble) if !is_known && !self.has_answered => {
                Err(Trouble::Refused(trouble.to_string()))
            }
            Err(trouble) => self
                .unreadable(at, &trouble.to_string())
                .map(|()| Slice::default()),
            done => done,
        }
    }

    /// Copy `parts`, which should be all of `whole`, from `at` to `end`. Series without a tag that all others
    /// have are in no part, and no filter finds them: that there are some, only a count tells.
    fn by_parts(&mut self, whole: &Part, parts: &[Part], at: i64, end: i64) -> Result<(), Trouble> {
        let span = whole.span(self.metric, at, end);
        let wanted = match patiently(self.tries(), || self.source.count(&span, &whole.without)) {
            Err(trouble @ Trouble::Fatal(_)) => return Err(trouble),
            wanted => wanted.ok(),
        };
        let (before, told) = (self.read, self.walked.moments.len());
        for part in parts {
            // Of several tags the first may be on all series; then nothing is in the parts of the others.
            if wanted == Some(self.read - before) {
                break;
            }
            self.part(part, at, end, false)?;
        }
        let read = self.read - before;
        match wanted {
            Some(wanted) if read < wanted && told == self.walked.moments.len() => {
                let text = format!(
                    "it cannot answer as a whole, and by values of tags it gives only {read} of {wanted} \
                     points up to {}",
                    shown_time(end)
                );
                self.unreadable(at, &text)
            }
            _ => Ok(()),
        }
    }

    /// Where to go on from `at`.
    fn next(&mut self, part: &Part, at: i64, until: i64, is_whole: bool) -> Result<Next, Trouble> {
        let found = self.source.first(&Span {
            metric: self.metric,
            filter: &part.filter,
            from: at,
            // What lies behind the end is worth knowing; before 1970 nothing is behind.
            until: Some(until).filter(|&until| until < 0 || !is_whole),
        });
        match found {
            Ok(Some(time)) if until < time => {
                // Before 1970 this only says that the server knows no end there.
                self.walked.is_later |= is_whole && 0 <= until;
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
        let span = part.span(self.metric, at, last);
        loop {
            let slice = self
                .source
                .slice(&span, &self.keys, &part.without, self.sink);
            match slice {
                Ok(mut slice) => {
                    slice.lost = self.sink.settle()?;
                    self.read += slice.taken + slice.strange;
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

    fn unreadable(&mut self, at: i64, why: &str) -> Result<(), Trouble> {
        let moments = &mut self.walked.moments;
        if !moments.iter().any(|(known, _)| *known == at) {
            moments.push((at, why.to_owned()));
            self.course.skipped();
        }
        if MOMENTS_MAX < moments.len() {
            return Err(Trouble::Refused(format!(
                "given up after {MOMENTS_MAX} moments that cannot be read; the last: {why}"
            )));
        }
        Ok(())
    }
}

/// Ask, and where no answer comes ask again after a while: a server may only be out of breath.
pub(super) fn patiently<T>(
    tries: usize,
    mut ask: impl FnMut() -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let mut pause = PAUSE;
    for _ in 1..tries {
        match ask() {
            Err(Trouble::Refused(_) | Trouble::Broken(_)) => thread::sleep(pause),
            done => return done,
        }
        pause *= 4;
    }
    ask()
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
    if POINTS_WANTED < slice.points || (is_slow && SLOW_POINTS_MIN < slice.points) {
        return (width / 2).max(1);
    }
    match !is_slow && slice.points.saturating_mul(GROWTH) <= POINTS_WANTED {
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
        assert_eq!(wider(60, &slice(10), true), 60);
        assert_eq!(wider(60, &slice(2000), true), 30);
        assert_eq!(wider(60, &slice(50_000), false), 60);
        assert_eq!(wider(60, &slice(300_000), false), 30);
        assert_eq!(wider(1, &slice(300_000), false), 1);
        assert_eq!(wider(u64::MAX, &slice(0), false), u64::MAX);
    }

    #[test]
    fn a_server_that_is_out_of_breath_is_asked_again() {
        let mut asked = 0;
        let mut ask = |good: usize| {
            asked = 0;
            patiently(TRIES_MAX, || {
                asked += 1;
                match asked == good {
                    true => Ok(asked),
                    false => Err(Trouble::Refused("later".to_owned())),
                }
            })
        };
        assert_eq!(ask(TRIES_MAX), Ok(TRIES_MAX));
        assert!(ask(TRIES_MAX + 1).is_err());
        let fatal = Trouble::Fatal("gone".to_owned());
        assert_eq!(
            patiently(TRIES_MAX, || Err::<(), _>(fatal.clone())),
            Err(fatal)
        );
    }
}
