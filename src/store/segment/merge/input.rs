//! One file that is merged: opened by its footer and its index, then read by two cursors.

use std::sync::Arc;

use super::cursor::Cursor;
use super::{Asking, Failure};
use crate::seam::disk::{BLOCK_BYTES, Fault, Job, Outcome, Request};
use crate::store::info::SegmentInfo;
use crate::store::segment::{About, Corrupt, Extent, Footer, Index};

enum Opening {
    Closed,
    Footer(Job),
    Index(Job, Box<Footer>),
    Open,
}

pub(super) struct Input {
    pub(super) info: SegmentInfo,
    /// Known once it is open.
    pub(super) about: Option<About>,
    pub(super) raw: Cursor,
    pub(super) cells: Cursor,
    name: Arc<str>,
    opening: Opening,
    /// What the job of `opening` read.
    read: Option<Vec<u8>>,
}

impl Input {
    pub(super) fn new(info: &SegmentInfo) -> Input {
        Input {
            info: *info,
            about: None,
            raw: Cursor::default(),
            cells: Cursor::default(),
            name: info.path().into(),
            opening: Opening::Closed,
            read: None,
        }
    }

    /// Whether it is open; else a result is missing.
    pub(super) fn open(&mut self, asking: &mut Asking<'_, '_>) -> Result<bool, Failure> {
        match &self.opening {
            Opening::Open => return Ok(true),
            Opening::Closed => {
                let offset = self.info.bytes.saturating_sub(BLOCK_BYTES as u64);
                self.opening = Opening::Footer(self.ask(asking, offset, BLOCK_BYTES));
            }
            Opening::Footer(_) => {
                let Some(read) = self.read.take() else {
                    return Ok(false);
                };
                let footer = self.footer(&read).map_err(|wrong| self.corrupt(wrong))?;
                let (offset, bytes) = Index::read(&footer);
                let job = self.ask(asking, offset, bytes);
                self.opening = Opening::Index(job, Box::new(footer));
            }
            Opening::Index(_, footer) => {
                let Some(read) = self.read.take() else {
                    return Ok(false);
                };
                let index = Index::take(&read, footer).map_err(|wrong| self.corrupt(wrong))?;
                self.about = Some(footer.about);
                let (raw, cells) = index.into_parts();
                self.raw = Cursor::new(self.name.clone(), raw);
                self.cells = Cursor::new(self.name.clone(), cells);
                self.opening = Opening::Open;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the run at hand is known.
    pub(super) fn ready(&mut self, asking: &mut Asking<'_, '_>) -> Result<bool, Failure> {
        let ready = self.raw.ready(asking);
        ready.map_err(|wrong| self.corrupt(wrong))
    }

    /// Whether it is known what cells `number` has.
    pub(super) fn cells_ready(
        &mut self,
        number: u32,
        asking: &mut Asking<'_, '_>,
    ) -> Result<bool, Failure> {
        loop {
            match self.cells.ready(asking) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(wrong) => return Err(self.corrupt(wrong)),
            }
            match self.cells.number() {
                Some(other) if other < number => self.cells.pass(),
                _ => return Ok(true),
            }
        }
    }

    /// The run at hand, if it is of `number`.
    pub(super) fn run_of(&self, number: u32) -> Option<&[u8]> {
        let run = self.raw.run();
        run.filter(|_| self.raw.number() == Some(number))
    }

    /// The cells of `number`, if it has some of `step_ms`.
    pub(super) fn cells_of(&self, number: u32, step_ms: i64) -> Option<&[u8]> {
        let fits = self
            .about
            .is_some_and(|about| about.cell_step_ms == step_ms);
        let cells = self.cells.run();
        cells.filter(|_| fits && self.cells.number() == Some(number))
    }

    /// Leave `number` behind.
    pub(super) fn pass(&mut self, number: u32) {
        if self.raw.number() == Some(number) {
            self.raw.pass();
        }
        if self.cells.number() == Some(number) {
            self.cells.pass();
        }
    }

    /// What the values of the run at hand lie between, as far as its page tells.
    pub(super) fn bounds(&self) -> Extent {
        self.raw.entry().map_or(Extent::EMPTY, |entry| entry.extent)
    }

    /// The failure that something at the run at hand is wrong.
    pub(super) fn wrong_run(&self, number: u32, text: &str) -> Failure {
        let offset = self.raw.entry().map_or(0, |entry| entry.offset);
        let text = format!("in the page here, the run of series {number}: {text}");
        self.corrupt(Corrupt::new(offset, text))
    }

    /// The failure that the cells at hand are wrong.
    pub(super) fn wrong_cells(&self, number: u32, text: &str) -> Failure {
        let offset = self.cells.entry().map_or(0, |entry| entry.offset);
        let text = format!("in the page here, the cells of series {number}: {text}");
        self.corrupt(Corrupt::new(offset, text))
    }

    /// Whether it waits for this job.
    pub(super) fn asked(&self, job: Job) -> bool {
        self.opens_by(job) || self.raw.asked(job) || self.cells.asked(job)
    }

    /// Take the result of a job that was asked here.
    pub(super) fn done(&mut self, job: Job, result: Result<Outcome, Fault>) -> Result<(), Failure> {
        let bytes = match result {
            Ok(Outcome::Bytes(bytes)) => bytes,
            Ok(_) => return Err(self.fault(Fault::Broken("no bytes came".to_owned()))),
            Err(fault) => return Err(self.fault(fault)),
        };
        if self.opens_by(job) {
            self.read = Some(bytes);
        } else if self.raw.asked(job) {
            self.raw.done(job, bytes);
        } else {
            self.cells.done(job, bytes);
        }
        Ok(())
    }

    fn opens_by(&self, job: Job) -> bool {
        match self.opening {
            Opening::Footer(own) | Opening::Index(own, _) => own == job,
            _ => false,
        }
    }

    fn footer(&self, block: &[u8]) -> Result<Footer, Corrupt> {
        let offset = self.info.bytes.saturating_sub(BLOCK_BYTES as u64);
        let footer = Footer::take(block).map_err(|wrong| wrong.moved(offset))?;
        if footer.info != self.info {
            return Err(Corrupt::new(
                offset,
                "it is another file than the manifest lists",
            ));
        }
        Ok(footer)
    }

    fn ask(&self, asking: &mut Asking<'_, '_>, offset: u64, bytes: usize) -> Job {
        asking.ask(Request::Read {
            name: self.name.clone(),
            offset,
            bytes,
        })
    }

    fn corrupt(&self, corrupt: Corrupt) -> Failure {
        Failure::Corrupt {
            name: self.name.clone(),
            corrupt,
        }
    }

    fn fault(&self, fault: Fault) -> Failure {
        Failure::Fault {
            name: self.name.clone(),
            fault,
        }
    }
}
