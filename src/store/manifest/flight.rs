//! One version on its way to the disk: as a record behind others, or as a new file.

use std::sync::Arc;

use super::MANIFEST_FILE;
use super::encode::{self, Encoder};
use super::version::Version;
use crate::seam::disk::{BLOCK_BYTES, Desk, Fault, Job, Outcome, Request};
use crate::store::chained::{self, Link};

/// Bytes of one write of a new file.
const WRITE_BYTES: usize = 256 * 1024;
/// Zeros behind the first record of a new file: twice its bytes, but no less and no more than this.
const ROOM_BYTES: (u64, u64) = (1 << 20, 8 << 20);
/// With less room than this in the file a new one is wanted.
pub(super) const ROOM_LOW_BYTES: u64 = 128 * 1024;

/// A file whose records end at a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenFile {
    /// The link of the next record.
    pub(super) link: Link,
    /// Where that is to stand.
    pub(super) end: u64,
    /// Bytes of the file.
    pub(super) capacity: u64,
}

impl OpenFile {
    /// Bytes behind the last record.
    pub(super) fn room(&self) -> u64 {
        self.capacity.saturating_sub(self.end)
    }
}

/// What a flight carries beyond the version before it.
#[derive(Debug)]
pub(super) struct Taken {
    /// The changes, in case it fails.
    pub(super) changes: Vec<u8>,
    /// How many edits were taken until then.
    pub(super) edits: u64,
    /// Whether they are worth a record.
    pub(super) is_urgent: bool,
}

#[derive(Debug)]
enum Step {
    Encode(Encoder),
    Create,
    /// From this byte on.
    Write(usize),
    Sync,
    Rename,
}

/// A version on its way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) version: Arc<Version>,
    pub(super) taken: Taken,
    /// The new file, or the one that is there.
    name: Arc<str>,
    /// What is written at `at`.
    bytes: Vec<u8>,
    at: u64,
    /// How the file will be.
    file: OpenFile,
    step: Step,
    job: Option<Job>,
    is_new: bool,
}

/// What came of a result.
pub(super) enum Told {
    /// It goes on, or the result was none of its.
    Nothing,
    /// The version is on stable storage.
    Written(OpenFile),
    /// It is not.
    Failed(Fault),
}

/// Remove a file that was begun. What comes of it does not matter.
pub(super) fn remove(name: Arc<str>, desk: &mut Desk<'_>) {
    desk.ask(Request::Remove { name });
}

impl Flight {
    /// As a new file of that name, renamed when it is whole.
    pub(super) fn new_file(name: Arc<str>, version: Arc<Version>, taken: Taken) -> Flight {
        Flight {
            step: Step::Encode(Encoder::new(Arc::clone(&version))),
            version,
            taken,
            name,
            bytes: Vec::new(),
            at: 0,
            file: OpenFile {
                link: Link {
                    sequence: 0,
                    chain: 0,
                },
                end: 0,
                capacity: 0,
            },
            job: None,
            is_new: true,
        }
    }

    /// As a record at the end of `file`.
    pub(super) fn append(mut file: OpenFile, version: Arc<Version>, taken: Taken) -> Flight {
        let (mut bytes, at) = (chained::begin(), file.end);
        encode::head_of(&version, 0).push(&mut bytes);
        bytes.extend_from_slice(&taken.changes);
        file.link = chained::seal(&mut bytes, file.link);
        file.end += bytes.len() as u64;
        Flight {
            version,
            taken,
            name: MANIFEST_FILE.into(),
            bytes,
            at,
            file,
            step: Step::Write(0),
            job: None,
            is_new: false,
        }
    }

    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Whether, now that it failed, the file `manifest` may be another than it was, or end otherwise.
    pub(super) fn leaves_file_unknown(&self) -> bool {
        !self.is_new || matches!(self.step, Step::Rename)
    }

    /// What is left when it failed: the changes, and the file that it began.
    pub(super) fn into_rest(self) -> (Vec<u8>, Option<Arc<str>>) {
        (self.taken.changes, self.is_new.then_some(self.name))
    }

    /// Go on. True if there is more to do at once.
    pub(super) fn poll(&mut self, desk: &mut Desk<'_>) -> bool {
        if self.job.is_some() {
            return false;
        }
        if let Step::Encode(encoder) = &mut self.step {
            let Some(record) = encoder.step() else {
                return true;
            };
            self.make(record);
        }
        let name = Arc::clone(&self.name);
        let request = match self.step {
            Step::Encode(_) => return true,
            Step::Create => Request::Create {
                name,
                bytes: self.file.capacity,
            },
            Step::Write(from) => {
                let end = self.bytes.len().min(from + WRITE_BYTES);
                Request::Write {
                    name,
                    offset: self.at + from as u64,
                    bytes: self.bytes[from..end].to_vec(),
                }
            }
            Step::Sync => Request::Sync { name },
            Step::Rename => Request::Rename {
                from: name,
                to: MANIFEST_FILE.into(),
            },
        };
        self.job = Some(desk.ask(request));
        false
    }

    /// Of the record that holds all, make the file.
    fn make(&mut self, record: Vec<u8>) {
        let (bytes, link) = encode::sealed(record);
        let len = bytes.len() as u64;
        let room = (2 * len).clamp(ROOM_BYTES.0, ROOM_BYTES.1);
        self.file = OpenFile {
            link,
            end: len,
            capacity: (len + room).next_multiple_of(BLOCK_BYTES as u64),
        };
        self.bytes = bytes;
        self.step = Step::Create;
    }

    /// A request is done.
    pub(super) fn done(&mut self, job: Job, result: Result<Outcome, Fault>) -> Told {
        if self.job != Some(job) {
            return Told::Nothing;
        }
        self.job = None;
        if let Err(fault) = result {
            return Told::Failed(fault);
        }
        self.step = match self.step {
            Step::Create => Step::Write(0),
            Step::Write(from) if from + WRITE_BYTES < self.bytes.len() => {
                Step::Write(from + WRITE_BYTES)
            }
            Step::Write(_) => Step::Sync,
            Step::Sync if self.is_new => Step::Rename,
            Step::Sync | Step::Rename => return Told::Written(self.file),
            // It asks for nothing.
            Step::Encode(_) => return Told::Nothing,
        };
        Told::Nothing
    }
}
