//! Indexes and pages of segments that were read lately: what every reading of files goes through.
//!
//! Bounded in bytes; what was not asked for longest leaves first. A part that is not here is asked of the
//! disk, once however many readings wait for it. A part whose checksum is wrong is named, and from then on
//! known to be damaged: it is not read again, and everything else of its file still answers.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use super::info::{SegmentInfo, segment_path};
use super::segment::{Entry, Footer, Index, Page};
use crate::base::hash::Numbers;
use crate::seam::disk::{BLOCK_BYTES, Desk, Fault, Job, Outcome, Request};

/// Times that a part is asked of the disk again before it counts as damaged: a read may fail once.
const TRIES_MAX: u32 = 3;

/// Bytes of a block.
const BLOCK: u64 = BLOCK_BYTES as u64;

/// Bytes that a run of a page takes besides its own.
const PAGE_RUN_BYTES: usize = 2 * size_of::<u32>();

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    file: u64,
    /// Offset of a page; `INDEX` is the index.
    part: u64,
}

/// No page lies in the header of a file.
const INDEX: u64 = 0;

/// A part of a file, or why not.
#[derive(Debug)]
pub enum Got<T> {
    /// Here it is.
    Here(T),
    /// It is asked for.
    Waiting,
    /// It cannot be read.
    Damaged,
}

#[derive(Clone)]
enum Part {
    Index(Rc<Index>),
    Page(Rc<Page<Vec<u8>>>),
}

struct Held {
    part: Part,
    bytes: usize,
    /// When it was last asked for, in questions.
    asked: u64,
}

/// A read under way.
struct Under {
    key: Key,
    part: Reading,
    tries: u32,
}

/// What is being read.
enum Reading {
    /// The end of a file of so many bytes, which says where its index is.
    Footer(u64),
    Index(Box<Footer>),
    Page(Entry),
}

/// A part that no reading gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Number of the file.
    pub file: u64,
    /// Where in it; 0 is its index.
    pub offset: u64,
    /// What is wrong.
    pub reason: String,
}

/// The parts that are in memory.
pub struct Shelf {
    bytes_max: usize,
    bytes: usize,
    questions: u64,
    held: HashMap<Key, Held, Numbers>,
    /// In the order in which they came; what was asked for since goes to the back instead of out.
    order: VecDeque<(Key, u64)>,
    under_way: HashMap<Job, Under>,
    waiting: HashMap<Key, Job, Numbers>,
    damaged: HashMap<Key, Damage, Numbers>,
    told: Vec<Damage>,
    reads: u64,
}

impl Shelf {
    /// An empty shelf for so many bytes; one part is always kept.
    pub fn new(bytes_max: usize) -> Shelf {
        Shelf {
            bytes_max,
            bytes: 0,
            questions: 0,
            held: HashMap::default(),
            order: VecDeque::new(),
            under_way: HashMap::new(),
            waiting: HashMap::default(),
            damaged: HashMap::default(),
            told: Vec::new(),
            reads: 0,
        }
    }

    /// The index of a segment.
    pub fn index(&mut self, info: &SegmentInfo, desk: &mut Desk<'_>) -> Got<Rc<Index>> {
        let key = Key {
            file: info.file,
            part: INDEX,
        };
        match self.look(key) {
            Got::Here(Part::Index(index)) => Got::Here(index),
            Got::Waiting if !self.waiting.contains_key(&key) => {
                self.ask_footer(key, info.bytes, 0, desk);
                Got::Waiting
            }
            Got::Waiting => Got::Waiting,
            _ => Got::Damaged,
        }
    }

    /// A page of a segment, as the entry of its index tells.
    pub fn page(
        &mut self,
        info: &SegmentInfo,
        entry: &Entry,
        desk: &mut Desk<'_>,
    ) -> Got<Rc<Page<Vec<u8>>>> {
        let key = Key {
            file: info.file,
            part: entry.offset,
        };
        match self.look(key) {
            Got::Here(Part::Page(page)) => Got::Here(page),
            Got::Waiting if !self.waiting.contains_key(&key) => {
                let under = Under {
                    key,
                    part: Reading::Page(*entry),
                    tries: 0,
                };
                self.ask(under, entry.read(), desk);
                Got::Waiting
            }
            Got::Waiting => Got::Waiting,
            _ => Got::Damaged,
        }
    }

    /// The same, if it is in memory.
    pub fn page_if_here(&mut self, info: &SegmentInfo, entry: &Entry) -> Option<Rc<Page<Vec<u8>>>> {
        let key = Key {
            file: info.file,
            part: entry.offset,
        };
        match self.look(key) {
            Got::Here(Part::Page(page)) => Some(page),
            _ => None,
        }
    }

    fn look(&mut self, key: Key) -> Got<Part> {
        self.questions += 1;
        if !self.damaged.is_empty() && self.damaged.contains_key(&key) {
            return Got::Damaged;
        }
        match self.held.get_mut(&key) {
            Some(held) => {
                held.asked = self.questions;
                Got::Here(held.part.clone())
            }
            None => Got::Waiting,
        }
    }

    fn ask_footer(&mut self, key: Key, file_bytes: u64, tries: u32, desk: &mut Desk<'_>) {
        let offset = (file_bytes / BLOCK).saturating_sub(1) * BLOCK;
        let under = Under {
            key,
            part: Reading::Footer(file_bytes),
            tries,
        };
        self.ask(under, (offset, BLOCK_BYTES), desk);
    }

    fn ask(&mut self, under: Under, (offset, bytes): (u64, usize), desk: &mut Desk<'_>) {
        self.reads += 1;
        let name: Arc<str> = segment_path(under.key.file).into();
        let job = desk.ask(Request::Read {
            name,
            offset,
            bytes,
        });
        self.waiting.insert(under.key, job);
        self.under_way.insert(job, under);
    }

    /// A read is done. Whoever waits may ask again.
    pub fn done(&mut self, job: Job, result: Result<Outcome, Fault>, desk: &mut Desk<'_>) {
        let Some(under) = self.under_way.remove(&job) else {
            return;
        };
        self.waiting.remove(&under.key);
        let bytes = match result {
            Ok(Outcome::Bytes(bytes)) => bytes,
            Ok(_) => Vec::new(),
            Err(fault) => return self.try_again(under, fault.to_string(), desk),
        };
        match &under.part {
            Reading::Footer(_) => match Footer::take(&bytes) {
                Ok(footer) => {
                    let place = Index::read(&footer);
                    let part = Reading::Index(Box::new(footer));
                    self.ask(Under { part, ..under }, place, desk);
                }
                Err(wrong) => self.try_again(under, wrong.to_string(), desk),
            },
            Reading::Index(footer) => match Index::take(&bytes, footer) {
                Ok(index) => {
                    let pages = (footer.raw_pages + footer.cell_pages) as usize;
                    let bytes = size_of::<Index>() + pages * size_of::<Entry>();
                    self.keep(under.key, Part::Index(Rc::new(index)), bytes);
                }
                Err(wrong) => self.try_again(under, wrong.to_string(), desk),
            },
            Reading::Page(entry) => {
                let page = entry.cut(&bytes).unwrap_or_default().to_vec();
                match Page::take(page, entry) {
                    Ok(page) => {
                        let bytes = page.held_bytes() + page.len() * PAGE_RUN_BYTES;
                        self.keep(under.key, Part::Page(Rc::new(page)), bytes);
                    }
                    Err(wrong) => self.try_again(under, wrong.to_string(), desk),
                }
            }
        }
    }

    /// A disk may fail once.
    fn try_again(&mut self, under: Under, reason: String, desk: &mut Desk<'_>) {
        let tries = under.tries + 1;
        if TRIES_MAX <= tries {
            return self.damage(under.key, reason);
        }
        let place = match &under.part {
            Reading::Footer(file_bytes) => {
                return self.ask_footer(under.key, *file_bytes, tries, desk);
            }
            Reading::Index(footer) => Index::read(footer),
            Reading::Page(entry) => entry.read(),
        };
        self.ask(Under { tries, ..under }, place, desk);
    }

    fn damage(&mut self, key: Key, reason: String) {
        let damage = Damage {
            file: key.file,
            offset: key.part,
            reason,
        };
        self.told.push(damage.clone());
        self.damaged.insert(key, damage);
    }

    fn keep(&mut self, key: Key, part: Part, bytes: usize) {
        self.bytes += bytes;
        let held = Held {
            part,
            bytes,
            asked: self.questions,
        };
        self.held.insert(key, held);
        self.order.push_back((key, self.questions));
        while self.bytes_max < self.bytes && 1 < self.order.len() {
            let Some((oldest, since)) = self.order.pop_front() else {
                return;
            };
            match self.held.get(&oldest) {
                Some(held) if since < held.asked => {
                    let asked = held.asked;
                    self.order.push_back((oldest, asked));
                }
                _ => self.drop_part(oldest),
            }
        }
    }

    fn drop_part(&mut self, key: Key) {
        if let Some(held) = self.held.remove(&key) {
            self.bytes -= held.bytes;
        }
    }

    /// A file is gone.
    pub fn forget(&mut self, file: u64) {
        let keys: Vec<Key> = self
            .held
            .keys()
            .filter(|key| key.file == file)
            .copied()
            .collect();
        keys.into_iter().for_each(|key| self.drop_part(key));
        self.damaged.retain(|key, _| key.file != file);
    }

    /// What was found to be damaged since the last call, each part once.
    pub fn damages(&mut self) -> Vec<Damage> {
        std::mem::take(&mut self.told)
    }

    /// Parts known to be damaged.
    pub fn damaged(&self) -> usize {
        self.damaged.len()
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Reads asked of the disk so far.
    pub fn reads(&self) -> u64 {
        self.reads
    }
}
