//! A frozen generation becomes segment files, one for each window of time it has points in.
//!
//! Series by series in the order of their numbers, in slices; a generation with points in many windows is
//! gone through several times, so that only few files are open. When all files are on stable storage, and the
//! book with the definitions of their series too, one edit of the manifest lists them all and frees the
//! log. What fails is taken back and begun again later: the generation stays readable until its files are
//! listed.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::generation::{Next, Stretches};
use super::generations::Generation;
use super::info::SegmentInfo;
use super::output::{Output, State};
use super::pack;
use super::segment::{self, Extent, RUN_POINTS_MAX, RUN_TEXT_BYTES_MAX};
use super::stretch::Stretch;
use super::{Store, owner};
use crate::base::time::{Millis, Step as TimeStep};
use crate::model::series::{Identity, SeriesId};
use crate::seam::disk::{Fault, Job, Outcome};
use crate::store::info::segment_path;

/// Windows that are written at one time.
pub(super) const WINDOWS_AT_ONCE: usize = 64;

/// Bytes that are given to the disk in one piece.
const CHUNK_BYTES: usize = 256 << 10;

/// Ids that are looked at in one slice while the series are gathered.
const GATHERED_AT_ONCE: u32 = 20_000;

/// What a slice came to.
pub(super) enum Step {
    /// There is more to do.
    More,
    /// The disk, or the manifest, has to do something first.
    Waiting,
    /// These files are whole and on stable storage: they can be listed.
    Written,
    /// It cannot be done now; what was written is taken back.
    Failed(Fault),
}

enum Stage {
    Gather,
    Pass,
    Close,
    Written,
    /// The manifest was asked.
    Asked,
}

/// A generation on its way into files.
pub(super) struct Seal {
    pub(super) generation: u64,
    stage: Stage,
    /// `number << 32 | id`, ascending.
    order: Vec<u64>,
    gathered: u32,
    at: usize,
    windows: VecDeque<Millis>,
    files: Vec<File>,
    pub(super) infos: Vec<SegmentInfo>,
    /// All numbers of its series are below.
    pub(super) numbers: u32,
    /// Series of it that were deleted before.
    pub(super) revived: Vec<(SeriesId, Identity)>,
    stretches: Stretches,
    stretch: Stretch,
    /// Whether the series at hand was begun.
    begun: bool,
    /// The window of it that is being written: what it lies between so far, and its cells.
    window: Option<Millis>,
    whole: Extent,
    cells: Vec<u8>,
    /// Where the cells of each stretch of the window end in these.
    cells_ends: Vec<usize>,
    run: Vec<u8>,
    /// A file did not take what it must.
    refused: Option<Fault>,
}

struct File {
    window: Millis,
    writer: Option<segment::Writer>,
    output: Output,
}

impl Seal {
    pub(super) fn new(generation: &Generation) -> Seal {
        Seal {
            generation: generation.number,
            stage: Stage::Gather,
            order: Vec::with_capacity(generation.head.series()),
            gathered: 0,
            at: 0,
            windows: generation.head.windows().map(|(start, _)| start).collect(),
            files: Vec::new(),
            infos: Vec::new(),
            numbers: 0,
            revived: Vec::new(),
            stretches: Stretches::default(),
            stretch: Stretch::default(),
            begun: false,
            window: None,
            whole: Extent::EMPTY,
            cells: Vec::new(),
            cells_ends: Vec::new(),
            run: Vec::new(),
            refused: None,
        }
    }

    /// Do a slice of about `budget` points.
    pub(super) fn step(&mut self, store: &mut Store, budget: usize) -> Step {
        if let Some(fault) = self.fault() {
            return Step::Failed(fault);
        }
        match self.stage {
            Stage::Gather => {
                self.gather(store);
                Step::More
            }
            Stage::Pass => self.write(store, budget),
            Stage::Close => self.close(store),
            Stage::Written => Step::Written,
            Stage::Asked => Step::Waiting,
        }
    }

    /// Whether all is written, and only the book and the manifest are behind.
    pub(super) fn is_written(&self) -> bool {
        matches!(self.stage, Stage::Written)
    }

    /// The manifest is asked to list the files.
    pub(super) fn asked(&mut self) {
        self.stage = Stage::Asked;
    }

    /// Whether it waits for the manifest.
    pub(super) fn is_asked(&self) -> bool {
        matches!(self.stage, Stage::Asked)
    }

    fn gather(&mut self, store: &mut Store) {
        let Some(generation) = store.frozen_generation(self.generation) else {
            return;
        };
        let head = &generation.head;
        let end = head.ids_end().min(self.gathered + GATHERED_AT_ONCE);
        for id in self.gathered..end {
            if let Some(number) = head.number(SeriesId(id)) {
                self.order.push(u64::from(number) << 32 | u64::from(id));
            }
        }
        let revived = store.deleted.revived_in(head, self.gathered, end);
        self.revived.extend(revived);
        self.gathered = end;
        if end == head.ids_end() {
            // Numbers are given in the order of the ids but for series of adopted books.
            self.order.sort_unstable();
            self.numbers = self.order.last().map_or(0, |&last| (last >> 32) as u32 + 1);
            self.begin_pass(store);
        }
    }

    /// Begin the files of the next windows, or end.
    fn begin_pass(&mut self, store: &mut Store) {
        self.at = 0;
        let count = self.windows.len().min(WINDOWS_AT_ONCE);
        let windows: Vec<Millis> = self.windows.drain(..count).collect();
        self.files.clear();
        for window in windows {
            let Some(about) = store.about_file(self.generation, window) else {
                continue;
            };
            let mut desk = store.jobs.desk(owner::SEAL);
            self.files.push(File {
                window,
                output: Output::new(&segment_path(about.file), &mut desk),
                writer: Some(segment::Writer::new(about)),
            });
        }
        self.stage = if self.files.is_empty() {
            Stage::Written
        } else {
            Stage::Pass
        };
    }

    fn write(&mut self, store: &mut Store, budget: usize) -> Step {
        let mut left = budget;
        while left > 0 {
            if self
                .files
                .iter()
                .any(|file| file.output.state() == State::Busy)
            {
                return Step::Waiting;
            }
            let Some(&next) = self.order.get(self.at) else {
                self.finish_files(store);
                self.stage = Stage::Close;
                return Step::More;
            };
            let (number, id) = ((next >> 32) as u32, SeriesId(next as u32));
            if self.add(store, number, id, &mut left) {
                self.at += 1;
                self.begun = false;
            }
            for file in &mut self.files {
                if let Some(bytes) = file.writer.as_mut().and_then(|w| w.chunk(CHUNK_BYTES)) {
                    file.output.write(bytes, &mut store.jobs.desk(owner::SEAL));
                }
            }
        }
        Step::More
    }

    /// Add points of a series to the files of this pass, and take what was done from `left`. True when
    /// all of them are.
    fn add(&mut self, store: &Store, number: u32, id: SeriesId, left: &mut usize) -> bool {
        let Some(generation) = store.frozen_generation(self.generation) else {
            return true;
        };
        let head = &generation.head;
        if !self.begun {
            let about = store.series(id);
            self.stretches
                .begin(head, id, about.values, about.duplicates);
            for writer in self
                .files
                .iter_mut()
                .filter_map(|file| file.writer.as_mut())
            {
                writer.set_ttl(about.ttl_seconds);
            }
            self.begun = true;
        }
        let step = store.options.cell;
        loop {
            match self
                .stretches
                .next(&store.pool, head, left, &mut self.stretch)
            {
                Next::Stretch(window) => {
                    if self.window != Some(window) {
                        self.end_window(number, step);
                        self.window = Some(window);
                    }
                    self.add_stretch(number, window, step);
                }
                Next::Later => return false,
                Next::Done => {
                    self.end_window(number, step);
                    return true;
                }
            }
        }
    }

    /// Add a stretch as one run or several; its cells wait for the end of the window.
    fn add_stretch(&mut self, number: u32, window: Millis, step: TimeStep) {
        let file = self.files.iter_mut().find(|file| file.window == window);
        let Some(writer) = file.and_then(|file| file.writer.as_mut()) else {
            return;
        };
        for part in self.stretch.parts(RUN_POINTS_MAX, RUN_TEXT_BYTES_MAX) {
            self.run.clear();
            let extent = Extent::from(&pack::encode(&part, window, &mut self.run));
            self.whole.add(&extent);
            if let Err(refused) = writer.add_run(number, &self.run, &extent) {
                self.refused = Some(Fault::Broken(refused.to_string()));
            }
        }
        pack::encode_cells(&self.stretch, window, step, &mut self.cells);
        self.cells_ends.push(self.cells.len());
    }

    fn end_window(&mut self, number: u32, step: TimeStep) {
        let Some(window) = self.window.take() else {
            return;
        };
        let whole = std::mem::replace(&mut self.whole, Extent::EMPTY);
        let file = self.files.iter_mut().find(|file| file.window == window);
        if let Some(writer) = file.and_then(|file| file.writer.as_mut()) {
            let joined = join_cells(&self.cells, &self.cells_ends, window, step);
            let added = joined
                .map_err(|corrupt| corrupt.to_string())
                .and_then(|cells| {
                    if cells.is_empty() || !segment::worth_cells(cells.len(), whole.points) {
                        return Ok(());
                    }
                    let added = writer.add_cells(number, &cells, &whole);
                    added.map_err(|refused| refused.to_string())
                });
            if let Err(reason) = added {
                self.refused = Some(Fault::Broken(reason));
            }
        }
        self.cells.clear();
        self.cells_ends.clear();
    }

    fn finish_files(&mut self, store: &mut Store) {
        for file in &mut self.files {
            let Some(writer) = file.writer.take() else {
                continue;
            };
            let mut desk = store.jobs.desk(owner::SEAL);
            let (bytes, info) = writer.finish();
            file.output.write(bytes, &mut desk);
            file.output.close(&mut desk);
            self.infos.push(info);
        }
    }

    fn close(&mut self, store: &mut Store) -> Step {
        if self
            .files
            .iter()
            .any(|file| file.output.state() != State::Done)
        {
            return Step::Waiting;
        }
        self.begin_pass(store);
        Step::More
    }

    fn fault(&self) -> Option<Fault> {
        if self.refused.is_some() {
            return self.refused.clone();
        }
        self.files
            .iter()
            .find_map(|file| match file.output.state() {
                State::Failed(fault) => Some(fault),
                _ => None,
            })
    }

    /// A request of it is done.
    pub(super) fn done(&mut self, job: Job, result: &Result<Outcome, Fault>, store: &mut Store) {
        let mut desk = store.jobs.desk(owner::SEAL);
        for file in &mut self.files {
            if file.output.done(job, result, &mut desk) {
                return;
            }
        }
    }

    /// Take back all that was written.
    pub(super) fn remove(self, store: &mut Store) {
        let mut desk = store.jobs.desk(owner::REST);
        self.files
            .iter()
            .for_each(|file| file.output.remove(&mut desk));
        for info in &self.infos {
            desk.ask(crate::seam::disk::Request::Remove {
                name: info.path().into(),
            });
        }
    }
}

/// The cells of a window: those of its stretches, of which mostly there is one. Texts have none.
fn join_cells<'a>(
    cells: &'a [u8],
    ends: &[usize],
    window: Millis,
    step: TimeStep,
) -> Result<Cow<'a, [u8]>, pack::Corrupt> {
    if ends.len() < 2 {
        return Ok(Cow::Borrowed(cells));
    }
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let parts = starts
        .zip(ends)
        .filter_map(|(start, &end)| cells.get(start..end));
    let parts: Vec<&[u8]> = parts.filter(|part| !part.is_empty()).collect();
    let mut joined = Vec::new();
    pack::join_cells(&parts, window, step, &mut joined)?;
    Ok(Cow::Owned(joined))
}
