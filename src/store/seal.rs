//! A frozen generation becomes segment files, one for each window of time it has points in.
//!
//! Series by series in the order of their numbers, in slices; a generation with points in many windows is
//! gone through several times, so that only few files are open. When all files are on stable storage, and the
//! book with the definitions of their series too, one edit of the manifest lists them all and frees the
//! log. What fails is taken back and begun again later: the generation stays readable until its files are
//! listed.

use std::collections::VecDeque;

use super::generations::Generation;
use super::output::{Output, State};
use super::pack;
use super::segment::{self, Extent, RUN_BYTES_MAX};
use super::stretch::Stretch;
use super::info::SegmentInfo;
use super::{Store, owner};
use crate::base::time::Millis;
use crate::model::series::SeriesId;
use crate::seam::disk::{Fault, Job, Outcome};
use crate::store::info::segment_path;

/// Windows that are written at one time.
const WINDOWS_AT_ONCE: usize = 16;

/// Bytes that are given to the disk in one piece.
const CHUNK_BYTES: usize = 256 << 10;

/// Ids that are looked at in one slice while the series are gathered.
const GATHERED_AT_ONCE: u32 = 20_000;

/// What a series costs besides its points, in points.
const SERIES_COST: usize = 20;

/// Points of one run; longer stretches become several.
const RUN_POINTS_MAX: usize = 32 * 1024;

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
    stretches: Vec<(Millis, Stretch)>,
    run: Vec<u8>,
    cells: Vec<u8>,
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
            stretches: Vec::new(),
            run: Vec::new(),
            cells: Vec::new(),
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
        self.gathered = end;
        if end == head.ids_end() {
            // Numbers are given in the order of the ids but for series of adopted books.
            self.order.sort_unstable();
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
            if self.files.iter().any(|file| file.output.state() == State::Busy) {
                return Step::Waiting;
            }
            let Some(&next) = self.order.get(self.at) else {
                self.finish_files(store);
                self.stage = Stage::Close;
                return Step::More;
            };
            self.at += 1;
            let (number, id) = ((next >> 32) as u32, SeriesId(next as u32));
            let points = self.add(store, number, id);
            left = left.saturating_sub(SERIES_COST + points);
            for file in &mut self.files {
                if let Some(bytes) = file.writer.as_mut().and_then(|w| w.chunk(CHUNK_BYTES)) {
                    file.output.write(bytes, &mut store.jobs.desk(owner::SEAL));
                }
            }
        }
        Step::More
    }

    /// Add all points of a series to the files of this pass. Gives their number.
    fn add(&mut self, store: &Store, number: u32, id: SeriesId) -> usize {
        let Some(generation) = store.frozen_generation(self.generation) else {
            return 0;
        };
        let about = store.series(id);
        let first = self.files.first().map_or(Millis(0), |file| file.window);
        let last = self.files.last().map_or(Millis(0), |file| file.window);
        self.stretches.clear();
        generation.head.stretches(&store.pool, id, about, &mut self.stretches);
        let mut points = 0;
        for (window, stretch) in &self.stretches {
            if *window < first || last < *window {
                continue;
            }
            points += stretch.times.len();
            let file = self.files.iter_mut().find(|file| file.window == *window);
            if let Some(writer) = file.and_then(|file| file.writer.as_mut()) {
                add_stretch(
                    writer,
                    number,
                    *window,
                    stretch,
                    store,
                    (&mut self.run, &mut self.cells),
                );
            }
        }
        points
    }

    fn finish_files(&mut self, store: &mut Store) {
        for file in &mut self.files {
            let Some(writer) = file.writer.take() else {
                continue;
            };
            let mut desk = store.jobs.desk(owner::SEAL);
            let (bytes, info) = writer.finish();
            if info.points > 0 {
                file.output.write(bytes, &mut desk);
                file.output.close(&mut desk);
                self.infos.push(info);
            }
        }
    }

    fn close(&mut self, store: &mut Store) -> Step {
        if self.files.iter().any(|file| file.output.state() != State::Done) {
            return Step::Waiting;
        }
        self.begin_pass(store);
        Step::More
    }

    fn fault(&self) -> Option<Fault> {
        self.files.iter().find_map(|file| match file.output.state() {
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
        self.files.iter().for_each(|file| file.output.remove(&mut desk));
        for info in &self.infos {
            desk.ask(crate::seam::disk::Request::Remove {
                name: info.path().into(),
            });
        }
    }
}

/// Add a stretch as one run or several, and its cells.
fn add_stretch(
    writer: &mut segment::Writer,
    number: u32,
    window: Millis,
    stretch: &Stretch,
    store: &Store,
    (run, cells): (&mut Vec<u8>, &mut Vec<u8>),
) {
    let mut whole = Extent::EMPTY;
    for part in stretch.parts(RUN_POINTS_MAX) {
        run.clear();
        let summary = pack::encode(&part, window, run);
        let extent = Extent::of(&summary);
        whole.add(&extent);
        // Numbers ascend, and so few points are far below the bytes of a run.
        debug_assert!(run.len() <= RUN_BYTES_MAX);
        let added = writer.add_run(number, run, &extent);
        debug_assert!(added.is_ok(), "{added:?}");
    }
    cells.clear();
    pack::encode_cells(stretch, window, store.options.cell, cells);
    let added = writer.add_cells(number, cells, &whole);
    debug_assert!(added.is_ok(), "{added:?}");
}
