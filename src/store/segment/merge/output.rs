//! The file that a merge writes: made, written a few pieces at a time, synced.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Asking, Failure, WRITE_BYTES};
use crate::seam::disk::{Fault, Job, Outcome, Request};
use crate::store::info::SegmentInfo;
use crate::store::segment::{About, Extent, Refused, Writer};

/// Writes in flight.
const WRITES_MAX: usize = 2;

pub(super) struct Output {
    name: Arc<str>,
    file: u64,
    pub(super) about: About,
    writer: Option<Writer>,
    /// What is left once the writer is finished.
    tail: VecDeque<Vec<u8>>,
    offset: u64,
    making: Option<Job>,
    made: bool,
    writes: Vec<Job>,
    syncing: Option<Job>,
    synced: bool,
    info: Option<SegmentInfo>,
}

impl Output {
    pub(super) fn new(name: Arc<str>, file: u64) -> Output {
        Output {
            name,
            file,
            about: About::default(),
            writer: None,
            tail: VecDeque::new(),
            offset: 0,
            making: None,
            made: false,
            writes: Vec::new(),
            syncing: None,
            synced: false,
            info: None,
        }
    }

    pub(super) fn name(&self) -> Arc<str> {
        self.name.clone()
    }

    pub(super) fn file(&self) -> u64 {
        self.file
    }

    pub(super) fn create(&mut self, asking: &mut Asking<'_, '_>) {
        let name = self.name();
        self.making = Some(asking.ask(Request::Create { name, bytes: 0 }));
    }

    pub(super) fn is_made(&self) -> bool {
        self.made
    }

    pub(super) fn begin(&mut self, about: About) {
        self.about = about;
        self.writer = Some(Writer::new(about));
    }

    /// What is added from now on is of a series with this ttl.
    pub(super) fn set_ttl(&mut self, ttl_seconds: u32) {
        if let Some(writer) = &mut self.writer {
            writer.set_ttl(ttl_seconds);
        }
    }

    pub(super) fn add_run(
        &mut self,
        number: u32,
        run: &[u8],
        extent: &Extent,
    ) -> Result<(), Failure> {
        let added = self
            .writer
            .as_mut()
            .map(|writer| writer.add_run(number, run, extent));
        added
            .unwrap_or(Ok(()))
            .map_err(|refused| self.refused(refused))
    }

    pub(super) fn add_cells(
        &mut self,
        number: u32,
        cells: &[u8],
        extent: &Extent,
    ) -> Result<(), Failure> {
        let added = self
            .writer
            .as_mut()
            .map(|writer| writer.add_cells(number, cells, extent));
        added
            .unwrap_or(Ok(()))
            .map_err(|refused| self.refused(refused))
    }

    /// Write what is there to write. Whether there is room for more.
    pub(super) fn write(&mut self, asking: &mut Asking<'_, '_>) -> bool {
        while self.writes.len() < WRITES_MAX {
            let Some(bytes) = self.next_piece() else {
                return true;
            };
            let offset = self.offset;
            self.offset += bytes.len() as u64;
            let name = self.name();
            self.writes.push(asking.ask(Request::Write {
                name,
                offset,
                bytes,
            }));
        }
        false
    }

    /// No more series come.
    pub(super) fn close(&mut self) {
        let Some(writer) = self.writer.take() else {
            return;
        };
        let (mut bytes, info) = writer.finish();
        while bytes.len() > WRITE_BYTES {
            let rest = bytes.split_off(WRITE_BYTES);
            self.tail.push_back(bytes);
            bytes = rest;
        }
        self.tail.push_back(bytes);
        self.info = Some(info);
    }

    /// What the manifest keeps of it, once all of it is on stable storage.
    pub(super) fn closed(&mut self, asking: &mut Asking<'_, '_>) -> Option<SegmentInfo> {
        self.write(asking);
        if self.tail.is_empty() && self.writes.is_empty() && self.syncing.is_none() && !self.synced
        {
            let name = self.name();
            self.syncing = Some(asking.ask(Request::Sync { name }));
        }
        self.info.filter(|_| self.synced)
    }

    /// Whether it waits for this job.
    pub(super) fn asked(&self, job: Job) -> bool {
        self.writes.contains(&job) || self.making == Some(job) || self.syncing == Some(job)
    }

    /// Take the result of a job that was asked here.
    pub(super) fn done(&mut self, job: Job, result: Result<Outcome, Fault>) -> Result<(), Failure> {
        self.writes.retain(|&own| own != job);
        if self.making == Some(job) {
            self.made = result.is_ok();
        } else if self.syncing == Some(job) {
            self.synced = result.is_ok();
        }
        let name = self.name();
        result
            .map(drop)
            .map_err(|fault| Failure::Fault { name, fault })
    }

    fn next_piece(&mut self) -> Option<Vec<u8>> {
        let piece = self
            .writer
            .as_mut()
            .and_then(|writer| writer.chunk(WRITE_BYTES));
        piece.or_else(|| self.tail.pop_front())
    }

    fn refused(&self, refused: Refused) -> Failure {
        Failure::Refused {
            name: self.name(),
            refused,
        }
    }
}
