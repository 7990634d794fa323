//! Objects that were read before: senders repeat themselves, in the same order.
//!
//! Of an object that `Usual` has read, all is remembered but its numbers: the bytes
//! between them, its name as it goes to the index, and which object came behind it. What comes next is
//! mostly that one, with other numbers: the bytes are compared, the numbers read, and nothing else is looked
//! at. The same bytes around two plain numbers mean the same series, so this gives nothing that `Usual` would
//! not give; where anything is not as expected, it gives nothing.
//!
//! One for each shard. Bounded by [`SHAPES_MAX`] and [`BYTES_MAX`]: beyond them nothing new is remembered.
//! When that has been so for long, all is forgotten and learned anew, for senders and their series change.

mod reading;

use super::BATCH_SAMPLES;
use super::quick::MILLIS_DIGITS;
use crate::base::hash::Hasher;
use crate::model::sample::Samples;
use crate::model::series::Values;
use crate::simd::{Isa, Scanner};
use reading::Objects;

/// Objects that are remembered.
pub const SHAPES_MAX: usize = 1 << 17;
/// Bytes of memory of what is remembered of them.
pub const BYTES_MAX: usize = 32 << 20;
/// Bytes that are remembered of one object, its name for the index included; larger ones are read anew.
const SHAPE_BYTES_MAX: usize = 4096;
/// Bytes that are allocated at once: a power of two.
const CHUNK_BYTES: usize = 1 << CHUNK_BITS;
const CHUNK_BITS: u32 = 18;
/// Places where an object is looked for.
const SLOTS: usize = 2 * SHAPES_MAX;
/// Known objects of a body that came in another order, beyond as many that came in order, after which its
/// order is no longer looked at.
const MISSES_MAX: u32 = 32;
/// Objects that found no room, as a share of those that there is room for, after which all is forgotten.
const TURNED_AWAY_SHARE: usize = 2;
/// Bytes of a name that are copied at once, whether it has so many or not.
const NAME_STRIDE: usize = 64;

/// No object.
const NONE: u32 = u32::MAX;

/// Where the numbers of an object stand, in bytes from its brace on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// One point: its time, then its value.
    TimeValue([usize; 2], [usize; 2]),
    /// One point: its value, then its time.
    ValueTime([usize; 2], [usize; 2]),
    /// A list of points, from behind its bracket to the one that ends it.
    Points([usize; 2]),
}

/// The order of the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    TimeValue,
    ValueTime,
    Points,
}

/// What is remembered of an object. Its bytes are in a chunk: before, between and behind the numbers, then
/// its name.
struct Shape {
    hash: u64,
    /// Chunk and place in it.
    at: u32,
    /// The object that came behind it last time.
    next: u32,
    /// Bytes of each part.
    head: u16,
    middle: u16,
    tail: u16,
    name: u16,
    order: Order,
    /// The type of values that it names.
    kind: Option<Values>,
}

/// Objects that were read before.
pub struct Familiar {
    shapes_max: usize,
    chunks_max: usize,
    scanner: Scanner,
    hasher: Hasher,
    shapes: Vec<Shape>,
    chunks: Vec<Vec<u8>>,
    /// Chunks of what was forgotten.
    spare: Vec<Vec<u8>>,
    /// Numbers of shapes, one more each, by hash.
    slots: Vec<u32>,
    /// The object that was read last, of whatever body.
    last: u32,
    /// How often all was forgotten.
    epoch: u32,
    turned_away: usize,
    scratch: Vec<u8>,
}

/// Where a body is in the order of its objects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    /// The object before, in the numbers of this epoch.
    after: u32,
    epoch: Option<u32>,
    held: u32,
    missed: u32,
    time: Time,
}

/// The last timestamp: senders repeat it object after object, so most are known by their text.
#[derive(Clone, Copy, Debug)]
struct Time {
    text: [u8; MILLIS_DIGITS],
    time_ms: i64,
}

impl Default for Course {
    fn default() -> Course {
        Course {
            after: NONE,
            epoch: None,
            held: 0,
            missed: 0,
            time: Time {
                text: *b"1000000000000",
                time_ms: 1_000_000_000_000,
            },
        }
    }
}

impl Course {
    /// How many objects were read as familiar ones, and how many were looked for.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (u32, u32) {
        (self.held, self.missed)
    }

    fn is_lost(&self) -> bool {
        MISSES_MAX + self.held < self.missed
    }
}

/// How far familiar objects go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) objects: usize,
    /// Behind the last of them.
    pub(super) end: usize,
}

/// An object that was just read, to be remembered.
pub(super) struct Met<'a> {
    /// From its brace to behind its end.
    pub(super) json: &'a [u8],
    pub(super) numbers: Numbers,
    pub(super) kind: Option<Values>,
    /// Its name for the index.
    pub(super) name: &'a [u8],
}

impl Default for Familiar {
    fn default() -> Familiar {
        let isa = Isa::available().into_iter().next();
        Familiar::new(Scanner::new(isa.unwrap_or(Isa::Scalar)), 0)
    }
}

impl Familiar {
    /// Of nothing. `seed` is that of the hash, and keeps senders from choosing what collides.
    pub fn new(scanner: Scanner, seed: u64) -> Familiar {
        Familiar {
            shapes_max: SHAPES_MAX,
            chunks_max: BYTES_MAX / CHUNK_BYTES,
            scanner,
            hasher: Hasher::new(seed),
            shapes: Vec::new(),
            chunks: Vec::new(),
            spare: Vec::new(),
            slots: Vec::new(),
            last: NONE,
            epoch: 0,
            turned_away: 0,
            scratch: Vec::new(),
        }
    }

    /// The same with other bounds.
    #[cfg(test)]
    pub(super) fn bounded(shapes_max: usize, chunks_max: usize) -> Familiar {
        Familiar {
            shapes_max,
            chunks_max,
            ..Familiar::default()
        }
    }

    /// How many objects are remembered.
    pub fn len(&self) -> usize {
        self.shapes.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.shapes.is_empty()
    }

    /// Bytes of memory of what they are remembered by.
    pub fn bytes(&self) -> usize {
        (self.chunks.len() + self.spare.len()) * CHUNK_BYTES
    }

    /// What numbers and lists of points are read with.
    pub(super) fn scanner(&self) -> Scanner {
        self.scanner
    }

    /// Read familiar objects, the first of which has its brace at `at`, up to `until` or so; no more than one
    /// if it stands `alone`. Their samples are appended to `out`, their names to `text`.
    pub(super) fn read(
        &mut self,
        json: &[u8],
        (at, until): (usize, usize),
        alone: bool,
        course: &mut Course,
        text: &mut Vec<u8>,
        out: &mut Samples,
    ) -> Read {
        if course.epoch != Some(self.epoch) {
            // Nothing is known of its order but what came last.
            course.after = self.last;
            course.epoch = Some(self.epoch);
        }
        if course.is_lost() {
            return Read {
                objects: 0,
                end: at,
            };
        }
        self.reserve(json, (at, until), course, text, out);
        let read = self.scanner.run(Objects {
            familiar: self,
            json,
            at,
            until,
            alone,
            course,
            text,
            out,
        });
        course.held = course.held.saturating_add(read.objects as u32);
        self.last = course.after;
        read
    }

    /// Make room for what most likely comes, if all objects are like the next.
    fn reserve(
        &self,
        json: &[u8],
        (at, until): (usize, usize),
        course: &Course,
        text: &mut Vec<u8>,
        out: &mut Samples,
    ) {
        let last = self.shapes.get(course.after as usize);
        let next = last.and_then(|last| self.shapes.get(last.next as usize));
        let Some(next) = next.filter(|next| next.order != Order::Points) else {
            return;
        };
        let parts = [next.head, next.middle, next.tail].map(usize::from);
        let object = parts.iter().sum::<usize>() + MILLIS_DIGITS + 1;
        let rest = json.len().min(until).saturating_sub(at);
        let objects = (rest / object + 1).min(BATCH_SAMPLES);
        text.reserve(objects * usize::from(next.name) + NAME_STRIDE);
        out.reserve(objects);
    }

    /// Remember an object, and that it came behind the one before.
    pub(super) fn meet(&mut self, met: &Met, course: &mut Course) {
        if course.is_lost() || course.epoch != Some(self.epoch) {
            return;
        }
        let Some((order, parts)) = parts(met) else {
            return;
        };
        self.scratch.clear();
        for part in parts {
            self.scratch.extend((part.len() as u32).to_le_bytes());
            self.scratch.extend_from_slice(part);
        }
        let hash = self.hasher.hash(&self.scratch) as u64;
        let place = match self.find(hash) {
            Some(place) => {
                course.missed += 1;
                place
            }
            None => match self.learn(met, order, parts, hash) {
                Some(place) => place,
                None => {
                    course.missed += 1;
                    return;
                }
            },
        };
        if let Some(before) = self.shapes.get_mut(course.after as usize) {
            before.next = place;
        }
        course.after = place;
        self.last = place;
    }

    /// The shape with that hash.
    fn find(&self, hash: u64) -> Option<u32> {
        self.probe(hash)
            .find_map(|slot| match self.slots.get(slot) {
                None | Some(0) => Some(None),
                Some(number) => {
                    let place = number - 1;
                    let shape = self.shapes.get(place as usize)?;
                    (shape.hash == hash).then_some(Some(place))
                }
            })?
    }

    fn probe(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        (0..SLOTS as u64).map(move |step| (hash.wrapping_add(step) % SLOTS as u64) as usize)
    }

    #[cold]
    fn learn(&mut self, met: &Met, order: Order, parts: [&[u8]; 3], hash: u64) -> Option<u32> {
        let [head, middle, tail] = parts;
        let bytes = head.len() + middle.len() + tail.len() + met.name.len();
        if SHAPE_BYTES_MAX < bytes {
            return None;
        }
        let has_room = self.chunks.last().is_some_and(|chunk| {
            // A chunk never grows: what was put into it stays where it is.
            chunk.len() + bytes <= CHUNK_BYTES
        });
        let is_full = self.shapes_max <= self.shapes.len()
            || (!has_room && self.chunks_max <= self.chunks.len());
        if is_full {
            self.turned_away += 1;
            if self.shapes.len() / TURNED_AWAY_SHARE < self.turned_away {
                self.forget();
            }
            return None;
        }
        if !has_room {
            let spare = self.spare.pop();
            self.chunks
                .push(spare.unwrap_or_else(|| Vec::with_capacity(CHUNK_BYTES)));
        }
        if self.slots.is_empty() {
            self.slots = vec![0; SLOTS];
        }
        let number = self.chunks.len() as u32 - 1;
        let chunk = self.chunks.last_mut()?;
        let at = number << CHUNK_BITS | chunk.len() as u32;
        for part in [head, middle, tail, met.name] {
            chunk.extend_from_slice(part);
        }
        let place = self.shapes.len() as u32;
        let free = self
            .probe(hash)
            .find(|&slot| self.slots.get(slot) == Some(&0));
        *self.slots.get_mut(free?)? = place + 1;
        self.shapes.push(Shape {
            hash,
            at,
            next: NONE,
            head: head.len() as u16,
            middle: middle.len() as u16,
            tail: tail.len() as u16,
            name: met.name.len() as u16,
            order,
            kind: met.kind,
        });
        Some(place)
    }

    /// Begin anew.
    pub fn forget(&mut self) {
        // Memory stays: to give back all of it is longer work than a slice.
        self.shapes.clear();
        self.chunks.iter_mut().for_each(Vec::clear);
        self.spare.append(&mut self.chunks);
        self.slots.fill(0);
        self.last = NONE;
        self.epoch += 1;
        self.turned_away = 0;
    }

    /// The bytes of a shape and all that lies behind them.
    #[inline(always)]
    fn bytes_from(&self, shape: &Shape) -> Option<&[u8]> {
        let chunk = self.chunks.get((shape.at >> CHUNK_BITS) as usize)?;
        chunk.get(shape.at as usize % CHUNK_BYTES..)
    }
}

/// What of an object stands before, between and behind its numbers.
fn parts<'a>(met: &Met<'a>) -> Option<(Order, [&'a [u8]; 3])> {
    let json = met.json;
    let (order, [first, second]) = match met.numbers {
        Numbers::TimeValue(time, value) => (Order::TimeValue, [time, value]),
        Numbers::ValueTime(value, time) => (Order::ValueTime, [value, time]),
        Numbers::Points(points) => (Order::Points, [points; 2]),
    };
    let middle = match order {
        Order::Points => &[],
        _ => json.get(first[1]..second[0])?,
    };
    let (head, tail) = (json.get(..first[0])?, json.get(second[1]..)?);
    // What goes on behind a number must be none of it.
    let ends = |part: &[u8]| {
        let first = part.first();
        matches!(
            first,
            Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t')
        )
    };
    let good = ends(tail) && (order == Order::Points || ends(middle));
    good.then_some((order, [head, middle, tail]))
}
