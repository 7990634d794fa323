//! Reads the pages of one kind of one file from front to back, a window ahead.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Asking, WINDOW_BYTES};
use crate::seam::disk::{BLOCK_BYTES, Job, Request};
use crate::store::segment::{Corrupt, Entry, Page};

/// The one that is read from, and the one behind it.
const WINDOWS_MAX: usize = 2;

struct Window {
    job: Job,
    offset: u64,
    /// The entry behind its last.
    end: usize,
    bytes: Option<Vec<u8>>,
}

/// Where a merge is in the pages of one kind of one file.
#[derive(Default)]
pub(super) struct Cursor {
    name: Arc<str>,
    entries: Vec<Entry>,
    /// Entries that were asked for.
    asked: usize,
    /// Entries that became a page.
    opened: usize,
    windows: VecDeque<Window>,
    page: Option<Page<Vec<u8>>>,
    place: usize,
}

impl Cursor {
    pub(super) fn new(name: Arc<str>, entries: Vec<Entry>) -> Cursor {
        Cursor {
            name,
            entries,
            ..Cursor::default()
        }
    }

    /// Whether [`Cursor::number`] can be told; else a result is missing.
    pub(super) fn ready(&mut self, asking: &mut Asking<'_, '_>) -> Result<bool, Corrupt> {
        if self
            .page
            .as_ref()
            .is_some_and(|page| self.place < page.len())
        {
            return Ok(true);
        }
        self.page = None;
        self.look_ahead(asking);
        let Some(entry) = self.entries.get(self.opened) else {
            return Ok(true);
        };
        let Some(window) = self.windows.front() else {
            return Ok(false);
        };
        let Some(bytes) = &window.bytes else {
            return Ok(false);
        };
        let start = (entry.offset - window.offset) as usize;
        let Some(page) = bytes.get(start..start + entry.bytes as usize) else {
            return Err(Corrupt::new(entry.offset, "the file ends inside a page"));
        };
        self.page = Some(Page::take(page.to_vec(), entry)?);
        self.place = 0;
        self.opened += 1;
        if self.opened == window.end {
            self.windows.pop_front();
            self.look_ahead(asking);
        }
        Ok(true)
    }

    /// Series of the run at hand; none behind the last. Known once it is [`Cursor::ready`].
    pub(super) fn number(&self) -> Option<u32> {
        self.page.as_ref()?.number(self.place)
    }

    /// The run at hand.
    pub(super) fn run(&self) -> Option<&[u8]> {
        self.page.as_ref()?.run_at(self.place)
    }

    /// The page of the run at hand.
    pub(super) fn entry(&self) -> Option<&Entry> {
        self.entries.get(self.opened.checked_sub(1)?)
    }

    /// Whether the run behind the one at hand is of the same series.
    pub(super) fn goes_on(&self) -> bool {
        let Some(page) = &self.page else {
            return false;
        };
        let next = match page.number(self.place + 1) {
            Some(number) => Some(number),
            None => self.entries.get(self.opened).map(|entry| entry.first),
        };
        next.is_some() && next == page.number(self.place)
    }

    /// Go on to the next run.
    pub(super) fn pass(&mut self) {
        self.place += 1;
    }

    /// Take what was read.
    pub(super) fn done(&mut self, job: Job, bytes: Vec<u8>) {
        if let Some(window) = self.windows.iter_mut().find(|window| window.job == job) {
            window.bytes = Some(bytes);
        }
    }

    /// Whether it waits for this job.
    pub(super) fn asked(&self, job: Job) -> bool {
        self.windows.iter().any(|window| window.job == job)
    }

    fn look_ahead(&mut self, asking: &mut Asking<'_, '_>) {
        while self.windows.len() < WINDOWS_MAX
            && let Some(first) = self.entries.get(self.asked)
        {
            let start = first.read().0;
            let mut end = first.end();
            self.asked += 1;
            while let Some(next) = self.entries.get(self.asked)
                && next.offset == end
                && next.end() - start <= WINDOW_BYTES as u64
            {
                end = next.end();
                self.asked += 1;
            }
            let job = asking.ask(Request::Read {
                name: self.name.clone(),
                offset: start,
                bytes: (end - start).next_multiple_of(BLOCK_BYTES as u64) as usize,
            });
            self.windows.push_back(Window {
                job,
                offset: start,
                end: self.asked,
                bytes: None,
            });
        }
    }
}
