//! Lines of KairosDB's own export tool, read into a server.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use super::copy::{greet, output};
use super::point::{Series, Type};
use super::source::{Source, Span, Taker, Total};
use super::state::{State, StateFile, Subject};
use super::target::Target;
use super::tokens::Tokens;
use super::trouble::Trouble;
use super::verify::is_near;
use super::walk::Sink;
use super::{Failure, Import, Verdict, shown_time};
use crate::operate::progress::Progress;
use crate::wire::json::Kind;

/// Metrics whose totals are kept for the comparison.
const METRICS_MAX: usize = 200_000;
/// Bytes of lines between two places to go on from.
const SETTLE_BYTES: u64 = 4 << 20;
/// How gzip begins.
const GZIP: &[u8] = &[0x1f, 0x8b];
/// How far two sums may differ for their order, as a part of the sizes that were added.
const PART: f64 = 1e-9;

/// Import a file.
pub(super) fn import(import: &Import, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let is_stdin = import.source == "-";
    let shown = match is_stdin {
        true => "standard input",
        false => import.source.as_str(),
    };
    let unreadable =
        |error: io::Error| Failure::Unreadable(format!("cannot read {shown}: {error}"));
    let (stream, bytes): (Box<dyn Read>, u64) = match is_stdin {
        true => (Box::new(io::stdin().lock()), 0),
        false => {
            let file = File::open(&import.source).map_err(unreadable)?;
            let bytes = file.metadata().map_err(unreadable)?.len();
            (Box::new(file), bytes)
        }
    };
    let mut client = import.selection.client(&import.to)?;
    greet(&mut client)?;
    let file = (!is_stdin).then(|| StateFile::new(state_path(import)));
    let subject = Subject {
        source: format!("{}, {bytes} bytes", import.source),
        target: client.place().shown(),
        metrics: import.selection.metrics.clone(),
        from: import.selection.start_ms.unwrap_or(i64::MIN),
        until: Some(import.selection.end_ms.unwrap_or(i64::MAX)),
    };
    let known = file.as_ref().map(|file| file.read(&subject)).transpose();
    let known = known.map_err(Failure::Unreadable)?.flatten();
    let (state, _) = known.unwrap_or_default();
    let troubles_before = state.troubles;
    let (read, mut progress) = (Rc::new(Cell::new(0)), Progress::new());
    progress.plan(bytes);
    let mut stream = unpacked(Counted(stream, Rc::clone(&read))).map_err(unreadable)?;
    let skipped = u64::try_from(state.next.unwrap_or(0)).unwrap_or(0);
    if skipped > 0 {
        writeln!(
            out,
            "goes on behind {skipped} bytes of lines, which are done"
        )?;
        io::copy(&mut stream.by_ref().take(skipped), &mut io::sink()).map_err(unreadable)?;
    }
    let mut reading = Reading {
        import,
        shown,
        sink: Target::new(client, import.ttl_seconds),
        totals: HashMap::new(),
        is_all: true,
        points: 0,
        strange: 0,
        passed: 0,
    };
    let mut keeping = Keeping {
        file,
        subject,
        state,
        skipped,
        troubles_before,
    };
    let done = reading.run(stream, &mut keeping, &mut progress, &read);
    progress.clear();
    done?;
    reading.end(out, keeping)
}

fn state_path(import: &Import) -> PathBuf {
    import.state.clone().unwrap_or_else(|| {
        let name = Path::new(&import.source).file_name();
        let name = name.map_or_else(Default::default, |name| name.to_string_lossy().into_owned());
        PathBuf::from(format!("corelane-import-{name}.state"))
    })
}

/// A stream that tells how much of it was read.
struct Counted(Box<dyn Read>, Rc<Cell<u64>>);

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let filled = self.0.read(into)?;
        self.1.set(self.1.get() + filled as u64);
        Ok(filled)
    }
}

fn unpacked(stream: Counted) -> io::Result<Box<dyn Read>> {
    let mut stream = BufReader::new(stream);
    let is_packed = stream.fill_buf()?.starts_with(GZIP);
    Ok(match is_packed {
        true => Box::new(MultiGzDecoder::new(stream)),
        false => Box::new(stream),
    })
}

/// Where to go on from.
struct Keeping {
    file: Option<StateFile>,
    subject: Subject,
    state: State,
    /// Bytes of lines that were done before, and what was told of them that is not as it should be.
    skipped: u64,
    troubles_before: u64,
}

/// What was sent of a metric.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    count: u64,
    sum: f64,
    size: f64,
    first: i64,
    last: i64,
}

/// An import of lines on its way.
struct Reading<'a> {
    import: &'a Import,
    shown: &'a str,
    sink: Target,
    totals: HashMap<String, Totals>,
    /// Whether all metrics are among them.
    is_all: bool,
    points: u64,
    strange: u64,
    /// Points that are not selected.
    passed: u64,
}

impl Reading<'_> {
    /// Read all lines.
    fn run(
        &mut self,
        stream: Box<dyn Read>,
        keeping: &mut Keeping,
        progress: &mut Progress,
        read: &Cell<u64>,
    ) -> Result<(), Failure> {
        let mut tokens = Tokens::new(stream, u64::MAX).behind(keeping.skipped);
        let (mut settled, mut told) = (keeping.skipped, 0);
        loop {
            match tokens.is_end().and_then(|is_end| match is_end {
                true => Ok(false),
                false => self.object(&mut tokens).map(|()| true),
            }) {
                Ok(true) => {}
                Ok(false) => break,
                Err(trouble @ Trouble::Fatal(_)) => return Err(trouble.into()),
                Err(trouble) => {
                    self.sink.settle()?;
                    return Err(Failure::Unreadable(format!(
                        "{} cannot be read further, {trouble}. What stands before is copied",
                        self.shown
                    )));
                }
            }
            progress.advance(read.get() - told, self.shown);
            told = read.get();
            if settled + SETTLE_BYTES <= tokens.passed() {
                settled = tokens.passed();
                self.sink.settle()?;
                keeping.keep(settled, self.lost())?;
            }
        }
        self.sink.settle()?;
        Ok(())
    }

    /// What was read and is not in the target.
    fn lost(&self) -> u64 {
        self.sink.lost.all() + self.strange
    }

    /// One line: `{"name":…,"tags":{…},"datapoints":[[time,value,"type"],…]}`.
    fn object<R: Read>(&mut self, tokens: &mut Tokens<R>) -> Result<(), Trouble> {
        tokens.open(Kind::Object)?;
        let (mut series, mut is_read, mut first) = (Series::default(), false, true);
        while let Some(field) = tokens.member(&mut first)? {
            match field.as_str() {
                "name" | "tags" if is_read => {
                    let text = format!("`{field}` stands behind the points");
                    return Err(Trouble::Broken(text));
                }
                "name" => series.name = tokens.scalar()?,
                "tags" => {
                    tokens.open(Kind::Object)?;
                    let mut first = true;
                    while let Some(key) = tokens.member(&mut first)? {
                        series.tags.push((key, tokens.scalar()?));
                    }
                }
                "datapoints" => {
                    self.points(tokens, &series)?;
                    is_read = true;
                }
                _ => tokens.skip()?,
            }
        }
        Ok(())
    }

    fn points<R: Read>(&mut self, tokens: &mut Tokens<R>, series: &Series) -> Result<(), Trouble> {
        let selection = &self.import.selection;
        let is_wanted = selection.has(&series.name);
        let from = selection.start_ms.unwrap_or(i64::MIN);
        let times = from..=selection.end_ms.unwrap_or(i64::MAX);
        let (mut value, mut named) = (String::new(), String::new());
        let mut totals = None;
        let mut first = true;
        self.sink.begin(series)?;
        tokens.open(Kind::Array)?;
        while tokens.element(&mut first)? {
            let (at, kind) = tokens.point(&mut value, &mut named)?;
            if !is_wanted || !times.contains(&at) {
                self.passed += 1;
                continue;
            }
            let Some(kind) = type_of(&named, kind, &value) else {
                self.strange += 1;
                continue;
            };
            self.points += 1;
            self.sink.point(at, kind, &value)?;
            let totals = totals.get_or_insert(Totals {
                first: at,
                last: at,
                ..Totals::default()
            });
            totals.count += 1;
            totals.first = totals.first.min(at);
            totals.last = totals.last.max(at);
            if kind != Type::Text {
                let value = value.parse::<f64>().unwrap_or_default();
                totals.sum += value;
                totals.size += value.abs();
            }
        }
        if let Some(totals) = totals {
            self.add(&series.name, totals);
        }
        Ok(())
    }

    fn add(&mut self, metric: &str, more: Totals) {
        if let Some(known) = self.totals.get_mut(metric) {
            known.count += more.count;
            known.sum += more.sum;
            known.size += more.size;
            known.first = known.first.min(more.first);
            known.last = known.last.max(more.last);
        } else if self.totals.len() < METRICS_MAX {
            self.totals.insert(metric.to_owned(), more);
        } else {
            self.is_all = false;
        }
    }

    /// Compare what was sent with what the server has, tell it, and whether all is well.
    fn end(self, out: &mut dyn Write, keeping: Keeping) -> Result<Verdict, Failure> {
        let mut wrong = self.lost() + keeping.troubles_before;
        let lost = self.sink.lost;
        let (points, metrics) = (self.points, self.totals.len());
        writeln!(
            out,
            "{points} points of {metrics} metrics sent, {} not selected",
            self.passed
        )?;
        for text in &self.sink.told {
            writeln!(out, "REFUSED by the target: {text}")?;
        }
        for (count, what) in [
            (
                keeping.troubles_before,
                "things that are not as they should be were told by runs before this one",
            ),
            (
                lost.refused,
                "requests of which the target refused something",
            ),
            (
                lost.unfit,
                "numbers that are not finite, or no numbers of their type",
            ),
            (
                self.strange,
                "values of types that only a plugin of KairosDB knows, or that are no JSON",
            ),
        ] {
            if count > 0 {
                writeln!(out, "{count} {what}")?;
            }
        }
        let client = self.import.selection.client(&self.import.to)?;
        let mut here = Source { client };
        let mut totals: Vec<(String, Totals)> = self.totals.into_iter().collect();
        totals.retain(|_| self.import.is_verified);
        totals.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let mut is_compared = self.is_all;
        for (metric, sent) in &totals {
            let told = match compared(&mut here, metric, sent)? {
                Compared::Same => continue,
                Compared::More(told) => {
                    is_compared = false;
                    told
                }
                Compared::Wrong(told) => {
                    wrong += 1;
                    told
                }
            };
            writeln!(out, "{told}").map_err(output)?;
        }
        if self.import.is_verified && !self.is_all {
            writeln!(
                out,
                "note: only the first {METRICS_MAX} metrics were verified"
            )?;
        }
        if wrong == 0 {
            let end = match self.import.is_verified {
                false => "copied",
                true if !is_compared => "copied; not all of it could be compared",
                true if keeping.skipped > 0 => "copied; only what this run sent was compared",
                true => "copied and verified",
            };
            writeln!(out, "{end}")?;
        }
        if let Some(file) = keeping.file {
            file.remove().map_err(Failure::Unreadable)?;
        }
        Ok(match wrong {
            0 => Verdict::Sound,
            _ => Verdict::Damaged,
        })
    }
}

impl Keeping {
    /// `passed` bytes of lines are settled, those of earlier runs included; this run lost `lost` of them.
    fn keep(&mut self, passed: u64, lost: u64) -> Result<(), Failure> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        self.state.next = i64::try_from(passed).ok();
        self.state.troubles = self.troubles_before + lost;
        let written = file.write(&self.subject, &self.state);
        written.map_err(Failure::Unreadable)
    }
}

/// What came of a comparison, and what there is to say about it.
enum Compared {
    Same,
    /// The server has more, so that nothing can be compared.
    More(String),
    Wrong(String),
}

/// Compare a metric, of which `sent` was sent. The server may have had more of it before.
fn compared(here: &mut Source, metric: &str, sent: &Totals) -> Result<Compared, Failure> {
    let span = Span {
        metric,
        filter: &[],
        from: sent.first,
        until: Some(sent.last),
    };
    let mut told = [0.0; 2];
    for (total, told) in [Total::Count, Total::Sum].into_iter().zip(&mut told) {
        let asked = here.totals(&span, &[], total, |_, value| {
            *told += value;
            Ok(())
        });
        match asked {
            Ok(()) => {}
            Err(trouble @ Trouble::Fatal(_)) => return Err(trouble.into()),
            Err(trouble) => {
                let told = format!("NOT VERIFIED {metric}: {trouble}");
                return Ok(Compared::Wrong(told));
            }
        }
    }
    let [count, sum] = told;
    let wanted = sent.count as f64;
    if wanted < count {
        return Ok(Compared::More(format!(
            "NOT VERIFIED {metric} from {} to {}: {wanted} points were sent, the target has {count}",
            shown_time(sent.first),
            shown_time(sent.last)
        )));
    }
    if wanted == count && is_near(sum, sent.sum, sent.size * PART) {
        return Ok(Compared::Same);
    }
    Ok(Compared::Wrong(format!(
        "MISMATCH {metric} from {} to {}: {wanted} points with the sum {} were sent, the target has {count} \
         with {sum}; a file that has points twice looks like this too",
        shown_time(sent.first),
        shown_time(sent.last),
        sent.sum
    )))
}

/// The type that a line names, or that the value shows; `None` if no plain KairosDB has it.
fn type_of(named: &str, kind: Kind, value: &str) -> Option<Type> {
    let by_name = Type::ALL.into_iter().find(|kind| kind.name() == named);
    match kind {
        Kind::Array | Kind::Object | Kind::Null => None,
        _ if !named.is_empty() => by_name,
        Kind::Number if value.contains(['.', 'e', 'E']) => Some(Type::Double),
        Kind::Number => Some(Type::Long),
        _ => Some(Type::Text),
    }
}
