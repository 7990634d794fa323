//! From server to server: metric by metric, with a way to go on, and verified.

mod compared;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::{Method, StatusCode};

use super::client::{Call, Client};
use super::place::Place;
use super::source::{Slice, Source};
use super::state::{FAILED_MAX, State, StateFile, Subject};
use super::target::Target;
use super::trouble::Trouble;
use super::walk::{Course, Walk};
use super::{Failure, Import, Verdict, shown_time};
use crate::operate::progress::Line;

/// Points that are verified at a time.
const VERIFY_POINTS: u64 = 1_000_000;
/// Between two writes of the state: what lies between comes again after a kill, which changes nothing.
const STATE_EVERY: Duration = Duration::from_millis(100);
/// Metrics that fail one after the other until the import gives up.
const FAILED_IN_A_ROW_MAX: u32 = 20;
/// Lines about single moments of a metric.
const MOMENTS_TOLD_MAX: usize = 5;

/// Copy from a server.
pub(super) fn copy(import: &Import, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let selection = &import.selection;
    let client = |url: &str| selection.client(url);
    let mut source = Source {
        client: client(&import.source)?,
    };
    let mut to = client(&import.to)?;
    if source.client.place().shown() == to.place().shown() {
        let text = "source and target are the same server; name the other one with --to";
        return Err(Failure::Unreadable(text.to_owned()));
    }
    let mut subject = Subject {
        source: source.client.place().shown(),
        target: to.place().shown(),
        metrics: selection.metrics.clone(),
        from: selection.start_ms.unwrap_or(i64::MIN),
        until: selection.end_ms,
    };
    let path = import.state.clone();
    let file = StateFile::new(path.unwrap_or_else(|| default_path(source.client.place())));
    let known = file.read(&subject).map_err(Failure::Unreadable)?;
    greet(&mut to)?;
    let names = selection.of(source.names()?)?;
    let goes_on = known.is_some();
    let (state, until) = known.unwrap_or_else(|| (State::default(), now_ms()));
    let until = subject.until.unwrap_or(until);
    subject.until = Some(until);
    // They stay in the state until they are copied.
    let again = state.failed.clone();
    let at = names.partition_point(|name| *name < state.metric);
    writeln!(
        out,
        "{} metrics of {} to {}, points up to {}",
        names.len(),
        subject.source,
        subject.target,
        shown_time(until)
    )?;
    if goes_on {
        let shown = file.path().display();
        writeln!(out, "goes on with what {shown} says: {at} metrics are done")?;
    }
    out.flush()?;
    let mut sink = Target::new(to, import.ttl_seconds);
    let mut copying = Copying {
        out,
        file,
        subject,
        from: selection.start_ms.unwrap_or(i64::MIN),
        until,
        written: None,
        there: Source {
            client: client(&import.source)?,
        },
        here: Source {
            client: client(&import.to)?,
        },
        is_verified: import.is_verified,
        has_ttl: import.ttl_seconds.is_some(),
        line: Line::new(),
        began: Instant::now(),
        before: state.points,
        troubles_before: state.troubles,
        unverified: None,
        unverified_points: 0,
        state,
        metric: String::new(),
        metric_from: None,
        keeps_place: true,
        done: at,
        first: at,
        all: names.len() + again.len(),
        found: Found::default(),
        forgotten: String::new(),
    };
    let mut in_a_row = 0;
    let rest = names.get(at..).unwrap_or_default();
    let all = rest.iter().map(|name| (name, true));
    for (name, keeps_place) in all.chain(again.iter().map(|name| (name, false))) {
        match copying.metric(name, keeps_place, &mut source, &mut sink)? {
            Came::Failed => in_a_row += 1,
            Came::Whole | Came::Holed => in_a_row = 0,
        }
        if in_a_row == FAILED_IN_A_ROW_MAX {
            copying.keep(true)?;
            return Err(Failure::Unreadable(format!(
                "given up: {FAILED_IN_A_ROW_MAX} metrics in a row could not be copied, see above. Mend the \
                 source and start the same again: it goes on from {}",
                copying.file.path().display()
            )));
        }
    }
    copying.end(&sink)
}

fn default_path(place: &Place) -> PathBuf {
    let host = place.name().replace(['/', ':'], "-");
    PathBuf::from(format!("corelane-import-{host}-{}.state", place.port))
}

pub(super) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}

/// See that the target is there before anything is read.
pub(super) fn greet(client: &mut Client) -> Result<(), Failure> {
    let call = Call {
        method: Method::GET,
        path: "/api/v1/version".to_owned(),
        body: None,
        is_packed: false,
    };
    match client.call(&call)? {
        StatusCode::OK => Ok(()),
        status => Err(Failure::Unreadable(format!(
            "{} is no corelane and no KairosDB: /api/v1/version is answered with status {}. Name the HTTP \
             port of corelane with --to",
            client.place().shown(),
            status.as_u16()
        ))),
    }
}

/// What came of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    Whole,
    /// Some moments of it are missing.
    Holed,
    Failed,
}

/// What the end tells.
#[derive(Debug, Default)]
struct Found {
    /// Ranges that differ.
    mismatches: u64,
    /// Metrics that have points behind the end.
    later: u64,
    /// Metrics that could not be verified.
    unverified: u64,
    strange: u64,
    /// What the target did not take.
    lost: u64,
    /// Metrics that failed and are not among those that are tried again.
    forgotten: u64,
    /// Moments of metrics that failed for them.
    moments: u64,
    /// What else is told of metrics that are tried again.
    passing: u64,
}

impl Found {
    /// What is not as it should be, but for metrics that are tried again.
    fn troubles(&self) -> u64 {
        let all = self.mismatches + self.unverified + self.strange + self.lost + self.forgotten;
        all - self.passing
    }
}

/// An import on its way.
struct Copying<'a> {
    out: &'a mut dyn Write,
    file: StateFile,
    subject: Subject,
    from: i64,
    until: i64,
    state: State,
    /// When it was written.
    written: Option<Instant>,
    /// The two servers, for verification.
    there: Source,
    here: Source,
    is_verified: bool,
    has_ttl: bool,
    line: Line,
    began: Instant,
    /// Points that runs before this one copied, and what they told that is not as it should be.
    before: u64,
    troubles_before: u64,
    /// What is under way, and the first time of it that has points.
    metric: String,
    metric_from: Option<i64>,
    /// The first and the last time of its points that are copied and not yet verified, and how many they are.
    unverified: Option<(i64, i64)>,
    unverified_points: u64,
    /// Whether the state tells how far the metric is; not of one that is tried again.
    keeps_place: bool,
    done: usize,
    /// Metrics that were done before this run.
    first: usize,
    all: usize,
    found: Found,
    /// The last metric that was not remembered.
    forgotten: String,
}

impl Copying<'_> {
    /// Copy one; what could not be copied is told.
    fn metric(
        &mut self,
        name: &str,
        keeps_place: bool,
        source: &mut Source,
        sink: &mut Target,
    ) -> Result<Came, Failure> {
        let mut from = self.from;
        (self.unverified, self.unverified_points) = (None, 0);
        if keeps_place && self.state.metric == name {
            from = self.state.next.unwrap_or(from);
            self.unverified = self.state.unverified;
        } else if keeps_place {
            (self.state.metric, self.state.next) = (name.to_owned(), None);
        }
        name.clone_into(&mut self.metric);
        self.metric_from = None;
        let troubles = self.found.troubles();
        self.keeps_place = keeps_place;
        let until = self.until;
        let walked = Walk::new(source, sink, self, name).map(|mut walk| {
            let ran = walk.run(from, until);
            (std::mem::take(&mut walk.walked), ran)
        });
        self.done += 1;
        let (walked, ran) = walked.map_err(|trouble| self.stopped(trouble))?;
        self.found.later += u64::from(walked.is_later);
        self.found.moments += walked.moments.len() as u64;
        self.line.clear();
        for (at, why) in walked.moments.iter().take(MOMENTS_TOLD_MAX) {
            let time = shown_time(*at);
            writeln!(self.out, "NOT COPIED {name} at {time} ({at}): {why}")?;
        }
        if MOMENTS_TOLD_MAX < walked.moments.len() {
            let more = walked.moments.len() - MOMENTS_TOLD_MAX;
            writeln!(self.out, "NOT COPIED {name}: {more} more moments")?;
        }
        let came = match ran {
            Ok(()) if walked.moments.is_empty() => Came::Whole,
            Ok(()) => Came::Holed,
            Err(Trouble::Fatal(text)) => return Err(self.stopped(Trouble::Fatal(text))),
            Err(trouble) => {
                writeln!(self.out, "NOT COPIED {name}, or not all of it: {trouble}")?;
                Came::Failed
            }
        };
        self.out.flush()?;
        match came {
            Came::Whole if !keeps_place => self.state.failed.retain(|failed| failed != name),
            Came::Whole => {}
            Came::Holed | Came::Failed => {
                if self.remember() {
                    self.found.passing += self.found.troubles() - troubles;
                }
            }
        }
        Ok(came)
    }

    /// The next run tries the metric again; false if too many are remembered.
    fn remember(&mut self) -> bool {
        let (failed, name) = (&mut self.state.failed, &self.metric);
        if failed.contains(name) {
            return true;
        }
        let has_room = failed.len() < FAILED_MAX;
        if has_room {
            failed.push(name.clone());
        } else if self.forgotten != *name {
            self.forgotten.clone_from(name);
            self.found.forgotten += 1;
        }
        has_room
    }

    /// The import ends here, and can go on.
    fn stopped(&mut self, trouble: Trouble) -> Failure {
        self.line.clear();
        if let Err(error) = self.keep(true) {
            return error;
        }
        Failure::Unreadable(format!(
            "{trouble}. What was copied is safe; start the same again and it goes on from {}",
            self.file.path().display()
        ))
    }

    fn keep(&mut self, is_due: bool) -> Result<(), Failure> {
        if is_due || self.written.is_none_or(|at| STATE_EVERY <= at.elapsed()) {
            self.state.troubles = self.troubles_before + self.found.troubles();
            // Of a metric that is tried again the state has its name alone.
            self.state.unverified = self.unverified.filter(|_| self.keeps_place);
            let written = self.file.write(&self.subject, &self.state);
            written.map_err(Failure::Unreadable)?;
            self.written = Some(Instant::now());
        }
        Ok(())
    }

    fn show(&mut self) {
        let seconds = self.began.elapsed().as_secs_f64().max(1e-6);
        let inside = self
            .metric_from
            .zip(self.state.next)
            .map_or(0.0, |(from, next)| {
                let all = self.until.abs_diff(from).max(1);
                next.abs_diff(from) as f64 / all as f64
            });
        let parts = (self.done - self.first) as f64 + inside.clamp(0.0, 1.0);
        let left = (self.all - self.first) as f64 - parts;
        let points = self.state.points - self.before;
        let (done, all, metric) = (self.done, self.all, &self.metric);
        self.line.show(|| {
            format!(
                "{done} of {all} metrics, {points} points, {:.0}/s, about {} left: {metric}",
                points as f64 / seconds,
                duration(seconds * left / parts.max(1e-3))
            )
        });
    }

    /// The last lines, and whether all is well.
    fn end(mut self, sink: &Target) -> Result<Verdict, Failure> {
        self.line.clear();
        let seconds = self.began.elapsed().as_secs_f64().max(1e-6);
        let (state, found) = (&self.state, &self.found);
        let now = state.points - self.before;
        let out = &mut *self.out;
        writeln!(
            out,
            "{} metrics, {} points copied, {now} of them now in {seconds:.1} s ({:.0}/s)",
            self.all,
            state.points,
            now as f64 / seconds
        )?;
        for text in &sink.told {
            writeln!(out, "REFUSED by the target: {text}")?;
        }
        let mut wrong = 0;
        for (count, what) in [
            (
                self.troubles_before,
                "things that are not as they should be were told by runs before this one",
            ),
            (
                found.mismatches,
                "ranges whose counts or sums differ, named above as MISMATCH",
            ),
            (found.unverified, "ranges that could not be verified"),
            (
                state.failed.len() as u64,
                "metrics that could not be copied as a whole",
            ),
            (
                found.forgotten,
                "more metrics that could not be copied as a whole, which no other run tries again",
            ),
            (found.moments, "moments that the source cannot tell"),
            (
                sink.lost.refused,
                "requests of which the target refused something",
            ),
            (sink.lost.unfit, "numbers that are not finite"),
            (found.strange, "values that are neither number nor text"),
        ] {
            if count > 0 {
                wrong += count;
                writeln!(out, "{count} {what}")?;
            }
        }
        if found.later > 0 {
            writeln!(
                out,
                "note: {} metrics have points later than {}, which are not copied: see --end",
                found.later,
                shown_time(self.until)
            )?;
        }
        if state.more > 0 {
            writeln!(
                out,
                "note: in {} ranges the target has more points than the source, as when senders write to it \
                 already",
                state.more
            )?;
        }
        let is_whole = state.failed.is_empty();
        if !is_whole {
            let shown = self.file.path().display();
            writeln!(
                out,
                "note: start the same again and what could not be copied is tried again; {shown} has it"
            )?;
        }
        if !self.has_ttl {
            let text = "note: KairosDB's API does not tell times to live; all is kept for ever (see --ttl)";
            writeln!(out, "{text}")?;
        }
        if wrong == 0 {
            let end = match (self.is_verified, state.more) {
                (false, _) => "copied",
                (true, 0) => "copied and verified",
                (true, _) => "copied; verified but where the target has more",
            };
            writeln!(out, "{end}")?;
        }
        match is_whole {
            true => self.file.remove().map_err(Failure::Unreadable)?,
            false => self.keep(true)?,
        }
        Ok(if wrong == 0 {
            Verdict::Sound
        } else {
            Verdict::Damaged
        })
    }
}

impl Course for Copying<'_> {
    fn settled(
        &mut self,
        whole: Option<(i64, i64)>,
        slice: &Slice,
        keys: &[String],
    ) -> Result<(), Trouble> {
        self.state.points += slice.taken;
        self.unverified_points += slice.points;
        self.found.strange += slice.strange;
        self.found.lost += slice.lost;
        if let Some((first, last)) = slice.times {
            let known = self.unverified.unwrap_or((first, last));
            self.unverified = Some((known.0.min(first), known.1.max(last)));
            self.metric_from.get_or_insert(first);
        }
        if let Some((_, until)) = whole {
            if VERIFY_POINTS <= self.unverified_points {
                self.verify(keys)?;
            }
            if self.keeps_place {
                self.state.next = Some(until.saturating_add(1));
                self.keep(false)
                    .map_err(|error| Trouble::Fatal(error.to_string()))?;
            }
        }
        self.show();
        Ok(())
    }

    fn skipped(&mut self) {
        self.remember();
    }

    fn ends(&mut self, keys: &[String]) -> Result<(), Trouble> {
        self.verify(keys)
    }
}

pub(super) fn output(error: io::Error) -> Trouble {
    Trouble::Fatal(format!("cannot write to standard output: {error}"))
}

/// Seconds for people.
fn duration(seconds: f64) -> String {
    match seconds {
        left if left < 120.0 => format!("{left:.0} s"),
        left if left < 7200.0 => format!("{:.0} min", left / 60.0),
        left => format!("{:.1} h", left / 3600.0),
    }
}
