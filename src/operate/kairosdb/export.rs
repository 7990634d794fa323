//! What a server holds, as the lines of KairosDB's own export tool.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::batch::{Batch, Form};
use super::point::{Series, Type};
use super::source::{Slice, Source, Taker};
use super::trouble::Trouble;
use super::walk::{Course, Sink, Walk};
use super::{Export, Failure, Verdict, shown_time};
use crate::operate::progress::Line;

/// Export from a server.
pub(super) fn export(export: &Export, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let Some(path) = &export.out else {
        return run(export, out, &mut io::stderr());
    };
    // Under its name there is only ever a whole file.
    let part = with_ending(path, ".part");
    let unwritable =
        |error: io::Error| Failure::Unreadable(format!("cannot write {}: {error}", part.display()));
    let file = BufWriter::new(File::create(&part).map_err(unwritable)?);
    let is_packed = path.extension().is_some_and(|ending| ending == "gz");
    let verdict = if is_packed {
        let mut packed = GzEncoder::new(file, Compression::fast());
        let verdict = run(export, &mut packed, out)?;
        let file = packed.finish().map_err(unwritable)?;
        whole(file).map_err(unwritable)?;
        verdict
    } else {
        let mut file = file;
        let verdict = run(export, &mut file, out)?;
        whole(file).map_err(unwritable)?;
        verdict
    };
    fs::rename(&part, path).map_err(unwritable)?;
    Ok(verdict)
}

fn with_ending(path: &Path, ending: &str) -> std::path::PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

fn whole(file: BufWriter<File>) -> io::Result<()> {
    file.into_inner()
        .map_err(|error| error.into_error())?
        .sync_data()
}

/// Write lines to `lines`, and what there is to tell to `told`.
fn run(export: &Export, lines: &mut dyn Write, told: &mut dyn Write) -> Result<Verdict, Failure> {
    let selection = &export.selection;
    let mut source = Source {
        client: selection.client(&export.from)?,
    };
    let names = selection.of(source.names()?)?;
    let until = selection.end_ms.unwrap_or(i64::MAX);
    let mut writer = Lines {
        batch: Batch::new(Form::Lines),
        out: lines,
        unfit: 0,
    };
    let mut way = Way {
        line: Line::new(),
        began: Instant::now(),
        points: 0,
        strange: 0,
        unfit: 0,
        done: 0,
        all: names.len(),
    };
    let mut wrong = 0;
    for name in &names {
        let mut walk = Walk::new(&mut source, &mut writer, &mut way, name)?;
        let ran = walk.run(selection.start_ms.unwrap_or(i64::MIN), until);
        let moments = std::mem::take(&mut walk.walked.moments);
        way.done += 1;
        way.line.clear();
        for (at, why) in moments {
            wrong += 1;
            writeln!(
                told,
                "NOT WRITTEN {name} at {} ({at}): {why}",
                shown_time(at)
            )?;
        }
        match ran {
            Ok(()) => {}
            Err(trouble @ Trouble::Fatal(_)) => return Err(trouble.into()),
            Err(trouble) => {
                wrong += 1;
                writeln!(told, "NOT WRITTEN {name}, or not all of it: {trouble}")?;
            }
        }
    }
    let seconds = way.began.elapsed().as_secs_f64();
    writeln!(
        told,
        "{} metrics, {} points written in {seconds:.1} s",
        way.all, way.points
    )?;
    for (count, what) in [
        (way.unfit, "numbers that are not finite"),
        (way.strange, "values that are neither number nor text"),
    ] {
        if count > 0 {
            wrong += count;
            writeln!(told, "{count} {what} are not written")?;
        }
    }
    Ok(match wrong {
        0 => Verdict::Sound,
        _ => Verdict::Damaged,
    })
}

/// Writes a slice once it is whole.
struct Lines<'a> {
    batch: Batch,
    out: &'a mut dyn Write,
    /// Numbers of this slice that are not finite.
    unfit: u64,
}

impl Taker for Lines<'_> {
    fn begin(&mut self, series: &Series) -> Result<(), Trouble> {
        self.batch.begin(series);
        Ok(())
    }

    fn point(&mut self, at: i64, kind: Type, value: &str) -> Result<(), Trouble> {
        if self.batch.push(at, kind, value).is_none() {
            self.unfit += 1;
        }
        Ok(())
    }
}

impl Sink for Lines<'_> {
    fn settle(&mut self) -> Result<u64, Trouble> {
        let written = self.out.write_all(&self.batch.take());
        written.map_err(|error| Trouble::Fatal(format!("cannot write the lines: {error}")))?;
        Ok(std::mem::take(&mut self.unfit))
    }

    fn forget(&mut self) {
        self.batch.clear();
        self.unfit = 0;
    }
}

/// How far an export is.
struct Way {
    line: Line,
    began: Instant,
    points: u64,
    strange: u64,
    unfit: u64,
    done: usize,
    all: usize,
}

impl Course for Way {
    fn settled(
        &mut self,
        _: Option<(i64, i64)>,
        slice: &Slice,
        _: &[String],
    ) -> Result<(), Trouble> {
        self.points += slice.taken;
        self.strange += slice.strange;
        self.unfit += slice.lost;
        let (done, all, points) = (self.done, self.all, self.points);
        let seconds = self.began.elapsed().as_secs_f64().max(1e-6);
        self.line.show(|| {
            let rate = points as f64 / seconds;
            format!("{done} of {all} metrics, {points} points, {rate:.0}/s")
        });
        Ok(())
    }

    fn skipped(&mut self) {}

    fn ends(&mut self, _: &[String]) -> Result<(), Trouble> {
        Ok(())
    }
}
