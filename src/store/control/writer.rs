//! Brings what was told to stable storage, one record after the other.
//!
//! What comes while a record is on its way shares the next. A file of which a write or a sync failed, or
//! which a start found cut, is never written again: all there is goes into a new file, piece by piece,
//! which is renamed over it. So does a file that holds much more padding, or entries that count no more, than
//! such as count.

use std::sync::Arc;

use super::entry::{self, Entry};
use super::reader::Loaded;
use super::{CONTROL_FILE, Control, ControlRefused, KIND};
use crate::seam::disk::{BLOCK_BYTES, Desk, Fault, Job, Outcome, Request};
use crate::store::chained::{self, Link};

/// Entries that wait for the disk, in bytes.
pub const QUEUE_BYTES_MAX: usize = 1 << 20;
/// Entries of one record of a new file, at most,
const PACKED_ENTRIES: usize = 2_000;
/// and about how many bytes: about 100 microseconds of work.
const PACKED_BYTES: usize = 128 << 10;
/// A file with less padding than this is left as it is,
const PADDING_MIN: u64 = 4 << 20;
/// and one that has less than so many times the bytes of its entries.
const PADDING_TIMES: u64 = 2;

/// Something that was taken. It counts when [`Writer::is_committed`] says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ControlTicket(u64);

/// Where the next record stands.
#[derive(Clone, Copy, Debug)]
struct OpenFile {
    link: Link,
    end: u64,
}

#[derive(Debug)]
enum Step {
    /// Make the new file.
    Create,
    /// Write entries from this one on into it.
    Pack(usize),
    /// Write one record behind others.
    Append(Vec<u8>),
    Sync,
    Rename,
}

/// A record or a new file on its way, and what there is when it has arrived.
#[derive(Debug)]
struct Flight {
    control: Arc<Control>,
    name: Arc<str>,
    file: OpenFile,
    step: Step,
    job: Option<Job>,
}

/// The control log of a running appliance.
#[derive(Debug)]
pub struct Writer {
    /// With what is not on stable storage yet.
    control: Control,
    durable: Arc<Control>,
    /// Entries that are on no record yet.
    queue: Vec<u8>,
    file: Option<OpenFile>,
    /// Whether a new file is wanted.
    wants_file: bool,
    /// Whether what a start has found must be synced before more is written.
    wants_sync: bool,
    flight: Option<Flight>,
    /// Whether to wait for [`Writer::retry`].
    is_waiting: bool,
    /// Whether the last try found no room on the disk.
    is_full: bool,
    /// New files so far, for their names.
    attempts: u64,
    faults: u64,
}

impl Writer {
    /// Go on behind what was read, or begin.
    pub fn new(loaded: Option<Loaded>) -> Writer {
        let Some(loaded) = loaded else {
            return Writer::with(Control::default(), None, false);
        };
        let file = OpenFile {
            link: loaded.link,
            end: loaded.end,
        };
        let is_loose = is_loose(&loaded.control, file);
        Writer::with(loaded.control, Some(file), loaded.is_cut || is_loose)
    }

    fn with(control: Control, file: Option<OpenFile>, wants_file: bool) -> Writer {
        Writer {
            durable: Arc::new(control.clone()),
            control,
            queue: Vec::new(),
            wants_sync: file.is_some() && !wants_file,
            file,
            wants_file,
            flight: None,
            is_waiting: false,
            is_full: false,
            attempts: 0,
            faults: 0,
        }
    }

    /// What is on stable storage.
    pub fn committed(&self) -> Arc<Control> {
        Arc::clone(&self.durable)
    }

    /// Whether something that was taken is on stable storage.
    pub fn is_committed(&self, ticket: ControlTicket) -> bool {
        ticket.0 <= self.durable.generation
    }

    /// Bytes of the file that hold what is on stable storage; nothing while a new file is on its way, and
    /// where there is none.
    pub fn durable_bytes(&self) -> Option<u64> {
        let is_new = |flight: &Flight| &*flight.name != CONTROL_FILE;
        if self.wants_file || self.flight.as_ref().is_some_and(is_new) {
            return None;
        }
        self.file.map(|file| file.end)
    }

    /// Faults of the disk so far.
    pub fn faults(&self) -> u64 {
        self.faults
    }

    /// Whether the disk has no room for what was taken: it is tried again, but nobody should wait for it.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Take an entry. Gives the id of an event, which is given here, whatever it has; 0 for others.
    ///
    /// # Errors
    /// A limit. Then nothing changes.
    pub fn take(&mut self, mut entry: Entry) -> Result<(u64, ControlTicket), ControlRefused> {
        let mut id = 0;
        if let Entry::Event(event) = &mut entry {
            id = self.control.events.next_id();
            event.id = id;
        }
        self.control.check(&entry)?;
        if self.control.knows(&entry) {
            return Ok((id, ControlTicket(self.control.generation)));
        }
        if self.is_full {
            return Err(ControlRefused::Full);
        }
        if QUEUE_BYTES_MAX <= self.queue.len() {
            return Err(ControlRefused::Busy);
        }
        let generation = self.control.generation + 1;
        entry::push(generation, entry.item(), &mut self.queue);
        self.control.add(entry);
        Ok((id, ControlTicket(generation)))
    }

    /// After a fault, try again. To be called about once a second.
    pub fn retry(&mut self) {
        self.is_waiting = false;
    }

    /// Go on: ask the disk for what is next.
    pub fn poll(&mut self, desk: &mut Desk<'_>) {
        if self.flight.is_none() && !self.is_waiting {
            self.flight = self.next_flight();
        }
        if let Some(flight) = &mut self.flight {
            flight.poll(desk);
        }
    }

    fn next_flight(&mut self) -> Option<Flight> {
        if let Some(file) = self.file.filter(|_| self.wants_sync) {
            // What waits is not in it.
            let found = Arc::clone(&self.durable);
            return Some(Flight::new(found, CONTROL_FILE, file, Step::Sync));
        }
        if self.queue.is_empty() && !self.wants_file {
            return None;
        }
        let control = Arc::new(self.control.clone());
        let mut record = chained::begin();
        record.append(&mut self.queue);
        if let Some(file) = self.file.filter(|_| !self.wants_file) {
            let step = Step::Append(record);
            return Some(Flight::new(control, CONTROL_FILE, file, step));
        }
        // All there is goes into a new file, also what waited.
        self.attempts += 1;
        let name = format!("{CONTROL_FILE}-{}.tmp", self.attempts);
        let nothing = OpenFile {
            link: Link {
                sequence: 0,
                chain: 0,
            },
            end: 0,
        };
        Some(Flight::new(control, &name, nothing, Step::Create))
    }

    /// A request is done. Then call [`Writer::poll`] again.
    pub fn done(&mut self, job: Job, result: Result<Outcome, Fault>) {
        let Some(mut flight) = self.flight.take_if(|flight| flight.job == Some(job)) else {
            return;
        };
        flight.job = None;
        if let Err(fault) = result {
            self.is_full = fault == Fault::Full;
            self.faults += 1;
            self.is_waiting = true;
            self.wants_file = true;
            self.wants_sync = false;
            self.file = None;
            return;
        }
        if flight.went_on() {
            self.flight = Some(flight);
            return;
        }
        self.file = Some(flight.file);
        self.wants_file &= &*flight.name == CONTROL_FILE;
        self.wants_file |= is_loose(&flight.control, flight.file);
        self.wants_sync = false;
        self.durable = flight.control;
        self.is_full = false;
    }
}

impl Flight {
    fn new(control: Arc<Control>, name: &str, file: OpenFile, step: Step) -> Flight {
        Flight {
            control,
            name: name.into(),
            file,
            step,
            job: None,
        }
    }

    fn poll(&mut self, desk: &mut Desk<'_>) {
        if self.job.is_some() {
            return;
        }
        let name = Arc::clone(&self.name);
        let at = self.file.end;
        let write = |name, bytes| Request::Write {
            name,
            offset: at,
            bytes,
        };
        let request = match &mut self.step {
            Step::Create => Request::Create { name, bytes: 0 },
            Step::Pack(next) => {
                let bytes = pack(&self.control, next, &mut self.file);
                write(name, bytes)
            }
            Step::Append(record) => {
                let mut record = std::mem::take(record);
                self.file.link = chained::seal(&mut record, self.file.link);
                self.file.end += record.len() as u64;
                write(name, record)
            }
            Step::Sync => Request::Sync { name },
            Step::Rename => Request::Rename {
                from: name,
                to: CONTROL_FILE.into(),
            },
        };
        self.job = Some(desk.ask(request));
    }

    /// The last request went well: on to the next. False where all is done.
    fn went_on(&mut self) -> bool {
        let is_new = &*self.name != CONTROL_FILE;
        self.step = match self.step {
            Step::Create => Step::Pack(0),
            Step::Pack(next) if next < self.control.items() => Step::Pack(next),
            Step::Pack(_) | Step::Append(_) => Step::Sync,
            Step::Sync if is_new => Step::Rename,
            Step::Sync | Step::Rename => return false,
        };
        true
    }
}

/// Whether so much of the file counts no more that a new one should be made.
fn is_loose(control: &Control, file: OpenFile) -> bool {
    let entries = control.bytes();
    let padding = file.end.saturating_sub(entries);
    PADDING_MIN < padding && PADDING_TIMES * entries < padding
}

/// The next bytes of a new file: its header first, then a record of entries from `next` on.
fn pack(control: &Control, next: &mut usize, file: &mut OpenFile) -> Vec<u8> {
    let mut bytes = Vec::new();
    if file.end == 0 {
        (bytes, file.link) = chained::header(&KIND, 0);
    }
    let mut record = chained::begin();
    // Their generations rise; the last has that of the whole.
    let before = control.generation - control.items() as u64;
    for item in control.items_from(*next).take(PACKED_ENTRIES) {
        *next += 1;
        entry::push(before + *next as u64, item, &mut record);
        if PACKED_BYTES <= record.len() {
            break;
        }
    }
    if chained::RECORD_HEAD_BYTES < record.len() {
        file.link = chained::seal(&mut record, file.link);
        bytes.append(&mut record);
    }
    file.end += bytes.len() as u64;
    debug_assert_eq!(bytes.len() % BLOCK_BYTES, 0);
    bytes
}
