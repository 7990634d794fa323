//! What was read before: senders repeat themselves, in the same order.
//!
//! Of a JSON object or a line all is remembered but its numbers: the bytes between them, its name as it goes
//! to the index, the series that this turned out to be, and what came behind it. What comes next is mostly
//! that one, with other numbers: the bytes are compared, the numbers read, and nothing else is looked at. The
//! same bytes around two plain numbers mean the same series, so this gives nothing that the reader which
//! taught it would not give; where anything is not as expected, it gives nothing.
//!
//! Each door that has one reads by its own rules, in `kairos_rest::familiar` and `kairos_telnet::familiar`.
//! One for each shard, whose series it names. Bounded by [`SHAPES_MAX`] and [`BYTES_MAX`]: beyond them
//! nothing new is remembered. When that has been so for long, all is forgotten and learned anew, for senders
//! and their series change.

mod blocks;
#[cfg(test)]
pub(super) mod known;

use std::ops::Range;

use crate::base::hash::Hasher;
use crate::model::sample::{NO_SERIES, Span};
use crate::model::series::Values;
use crate::simd::{self, BLOCK, Isa, Scanner};

/// Objects that are remembered.
pub const SHAPES_MAX: usize = 1 << 17;
/// Bytes of memory of what is remembered of them.
pub const BYTES_MAX: usize = 32 << 20;
/// Bytes that are remembered of one object, its name for the index included; larger ones are read anew.
const SHAPE_BYTES_MAX: usize = 4096;
/// Bytes that are allocated at once, besides a block that makes all of them the first of one: a power of two.
const CHUNK_BYTES: usize = 1 << CHUNK_BITS;
const CHUNK_BITS: u32 = 18;
/// Places where an object is looked for.
const SLOTS: usize = 2 * SHAPES_MAX;
/// Known objects of a body that came in another order, beyond as many that came in order, after which its
/// order is no longer looked at.
const MISSES_MAX: u32 = 32;
/// More of them where it is looked at again.
const MISSES_AGAIN: u32 = 224;
/// Objects that found no room, as a share of those that there is room for, after which all is forgotten.
const TURNED_AWAY_SHARE: usize = 2;
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
pub(super) enum Order {
    TimeValue,
    ValueTime,
    Points,
}

/// What is remembered of an object. Its bytes are in a chunk: before, between and behind the numbers.
pub(super) struct Shape {
    /// Chunk and place in it.
    at: u32,
    /// The same of its name.
    name_at: u32,
    /// The object that came behind it last time.
    next: u32,
    /// Which series it is, by the type of its values.
    series: [u32; 3],
    /// Bytes of each part.
    pub(super) head: u16,
    pub(super) middle: u16,
    pub(super) tail: u16,
    pub(super) name: u16,
    /// Bytes of its time, where that comes first. In the chunk there are as many between the parts.
    pub(super) time: u16,
    pub(super) order: Order,
    /// The type of values that it names.
    pub(super) kind: Option<Values>,
}

impl Shape {
    /// Where its second number begins.
    #[inline(always)]
    fn second(&self) -> usize {
        usize::from(self.head) + usize::from(self.time) + usize::from(self.middle)
    }

    /// The name of its series with such values, if somebody has told it: nobody need look that up.
    #[inline(always)]
    pub(super) fn series(&self, values: Values) -> Option<Span> {
        let series = self.series[values as usize];
        (series != NO_SERIES).then(|| Span::of_series(series))
    }
}

/// A sample of a familiar object whose series is not known yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// Which sample of its batch.
    pub(super) sample: usize,
    pub(super) values: Values,
    shape: u32,
    epoch: u32,
}

/// Objects that were read before.
pub struct Familiar {
    shapes_max: usize,
    chunks_max: usize,
    scanner: Scanner,
    hasher: Hasher,
    shapes: Vec<Shape>,
    /// The hash of each.
    hashes: Vec<u64>,
    /// Their bytes, from the front on, and their names, from the back on: those are seldom looked at, and
    /// what is read with every object should lie side by side.
    chunks: Vec<Box<[u8]>>,
    /// Between these the last chunk is free.
    free: Range<usize>,
    /// Chunks of what was forgotten.
    spare: Vec<Box<[u8]>>,
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
pub struct Course {
    /// The object before, in the numbers of this epoch.
    pub(super) after: u32,
    epoch: Option<u32>,
    held: u32,
    missed: u32,
}

impl Default for Course {
    fn default() -> Course {
        Course {
            after: NONE,
            epoch: None,
            held: 0,
            missed: 0,
        }
    }
}

impl Course {
    /// How many objects were read as familiar ones, and how many were looked for.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (u32, u32) {
        (self.held, self.missed)
    }

    /// Look again whether it keeps an order.
    pub(super) fn look_again(&mut self) {
        (self.held, self.missed) = (MISSES_AGAIN, 0);
    }

    /// Whether it keeps none, and nothing is looked for.
    pub(super) fn is_lost(&self) -> bool {
        MISSES_MAX + self.held < self.missed
    }
}

/// What stands before, between and behind the numbers.
pub(super) struct Parts<'a> {
    pub(super) head: &'a [u8],
    pub(super) middle: &'a [u8],
    pub(super) tail: &'a [u8],
}

/// An object or a line that was just read, to be remembered.
pub(super) struct Met<'a> {
    /// All of it.
    pub(super) text: &'a [u8],
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
            hashes: Vec::new(),
            chunks: Vec::new(),
            free: 0..0,
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

    /// Whether to look for what is familiar in a body or connection at `course`, which goes on behind what
    /// came last if nothing is known of it.
    pub(super) fn begin(&self, course: &mut Course) -> bool {
        if course.epoch != Some(self.epoch) {
            course.after = self.last;
            course.epoch = Some(self.epoch);
        }
        !course.is_lost()
    }

    /// What is expected next.
    #[inline(always)]
    pub(super) fn expected(&self, course: &Course) -> Option<(u32, &Shape)> {
        let last = self.shapes.get(course.after as usize)?;
        self.next_of(last)
    }

    /// What came behind `shape` last time.
    #[inline(always)]
    pub(super) fn next_of(&self, shape: &Shape) -> Option<(u32, &Shape)> {
        Some((shape.next, self.shapes.get(shape.next as usize)?))
    }

    /// So many objects were as expected.
    pub(super) fn has_read(&mut self, objects: usize, course: &mut Course) {
        course.held = course.held.saturating_add(objects as u32);
        self.last = course.after;
    }

    /// A question which series the sample with the number `sample` of the batch is.
    #[inline(always)]
    pub(super) fn ask(&self, shape: u32, values: Values, sample: usize) -> Asked {
        Asked {
            sample,
            values,
            shape,
            epoch: self.epoch,
        }
    }

    /// The series of the samples of a batch, [`NO_SERIES`] where there is none.
    pub(super) fn learn_series(&mut self, asked: &mut Vec<Asked>, series: &[u32]) {
        for one in asked.drain(..).filter(|one| one.epoch == self.epoch) {
            if let Some(shape) = self.shapes.get_mut(one.shape as usize)
                && let Some(&series) = series.get(one.sample)
            {
                shape.series[one.values as usize] = series;
            }
        }
    }

    /// Remember an object, and that it came behind the one before.
    pub(super) fn meet(&mut self, met: &Met, course: &mut Course) {
        if course.is_lost() || course.epoch != Some(self.epoch) {
            return;
        }
        let Some((order, parts)) = parts_of(met) else {
            return;
        };
        let time = match &met.numbers {
            Numbers::TimeValue(time, _) => time[1] - time[0],
            _ => 0,
        };
        self.scratch.clear();
        self.scratch.extend((time as u32).to_le_bytes());
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
            None => match self.learn(met, order, (parts, time), hash) {
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
                    let known = self.hashes.get(place as usize)?;
                    (*known == hash).then_some(Some(place))
                }
            })?
    }

    fn probe(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        (0..SLOTS as u64).map(move |step| (hash.wrapping_add(step) % SLOTS as u64) as usize)
    }

    #[cold]
    fn learn(
        &mut self,
        met: &Met,
        order: Order,
        ([head, middle, tail], time): ([&[u8]; 3], usize),
        hash: u64,
    ) -> Option<u32> {
        let bytes = head.len() + time + middle.len() + tail.len() + met.name.len();
        if SHAPE_BYTES_MAX < bytes {
            return None;
        }
        // A chunk never grows: what was put into it stays where it is.
        let has_room = bytes <= self.free.len();
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
                .push(spare.unwrap_or_else(|| vec![0; CHUNK_BYTES + BLOCK].into_boxed_slice()));
            self.free = 0..CHUNK_BYTES;
        }
        if self.slots.is_empty() {
            self.slots = vec![0; SLOTS];
        }
        let number = self.chunks.len() as u32 - 1;
        let chunk = self.chunks.last_mut()?;
        let at = number << CHUNK_BITS | self.free.start as u32;
        for (part, gap) in [(head, time), (middle, 0), (tail, 0)] {
            let end = self.free.start + part.len();
            chunk.get_mut(self.free.start..end)?.copy_from_slice(part);
            self.free.start = end + gap;
        }
        let name = self.free.end - met.name.len();
        chunk
            .get_mut(name..self.free.end)?
            .copy_from_slice(met.name);
        self.free.end = name;
        let name_at = number << CHUNK_BITS | name as u32;
        let place = self.shapes.len() as u32;
        let free = self
            .probe(hash)
            .find(|&slot| self.slots.get(slot) == Some(&0));
        *self.slots.get_mut(free?)? = place + 1;
        self.hashes.push(hash);
        self.shapes.push(Shape {
            at,
            name_at,
            next: NONE,
            series: [NO_SERIES; 3],
            head: head.len() as u16,
            middle: middle.len() as u16,
            tail: tail.len() as u16,
            name: met.name.len() as u16,
            time: time as u16,
            order,
            kind: met.kind,
        });
        Some(place)
    }

    /// Begin anew.
    pub fn forget(&mut self) {
        // Memory stays: to give back all of it is longer work than a slice.
        self.shapes.clear();
        self.hashes.clear();
        self.spare.append(&mut self.chunks);
        self.free = 0..0;
        self.slots.fill(0);
        self.last = NONE;
        self.epoch += 1;
        self.turned_away = 0;
    }

    /// The bytes of a shape.
    #[inline(always)]
    pub(super) fn parts(&self, shape: &Shape) -> Option<Parts<'_>> {
        let bytes = self.from(shape.at)?;
        let head = bytes.get(..usize::from(shape.head))?;
        let (front, behind) = bytes.split_at_checked(shape.second())?;
        let middle = front.get(head.len() + usize::from(shape.time)..)?;
        let tail = behind.get(..usize::from(shape.tail))?;
        Some(Parts { head, middle, tail })
    }

    /// Its name for the index, and all that lies behind it.
    pub(super) fn name(&self, shape: &Shape) -> Option<&[u8]> {
        self.from(shape.name_at)
    }

    /// All that lies at a place of a chunk and behind it.
    #[inline(always)]
    fn from(&self, at: u32) -> Option<&[u8]> {
        let chunk = self.chunks.get((at >> CHUNK_BITS) as usize)?;
        chunk.get(at as usize % CHUNK_BYTES..)
    }
}

/// Behind `part`, if it stands at `at`.
#[inline(always)]
pub(super) fn behind(text: &[u8], at: usize, part: &[u8]) -> Option<usize> {
    let end = at + part.len();
    simd::equal(text.get(at..end)?, part).then_some(end)
}

/// What of an object stands before, between and behind its numbers.
fn parts_of<'a>(met: &Met<'a>) -> Option<(Order, [&'a [u8]; 3])> {
    let text = met.text;
    let (order, [first, second]) = match met.numbers {
        Numbers::TimeValue(time, value) => (Order::TimeValue, [time, value]),
        Numbers::ValueTime(value, time) => (Order::ValueTime, [value, time]),
        Numbers::Points(points) => (Order::Points, [points; 2]),
    };
    let middle = match order {
        Order::Points => &[],
        _ => text.get(first[1]..second[0])?,
    };
    let (head, tail) = (text.get(..first[0])?, text.get(second[1]..)?);
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
