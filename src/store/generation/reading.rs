//! Reading a series for a query, in slices, while points go on coming.
//!
//! First the blocks that may hold wanted points are listed, from the last to the first; then they are
//! read in the order of arrival, and put in order if they are not. What was there before the first
//! slice is in it, what comes later may be.

use super::Head;
use super::ahead::Ahead;
use super::evens::Evens;
use super::pool::{NONE, Pool};
use super::sorting::Sorting;
use super::tail::Series;
use super::unpack::Unpacked;
use crate::base::time::Millis;
use crate::model::number::Number;
use crate::model::points::Points;
use crate::model::series::{SeriesId, Values};
use crate::simd;
use crate::store::pack::decimals;
use crate::store::texts::DistinctTexts;

/// What following the chain by one block costs, in points: most blocks are not in the cache.
const WALK_COST: usize = 4;

/// Blocks that are asked for ahead with each that is read: more than one, for chains are not equally long.
const HOPS: usize = 2;

/// One series' points of a range, being read.
#[derive(Debug)]
pub struct Reading {
    id: SeriesId,
    from: Millis,
    until: Millis,
    /// Epoch of the generation and first block of the series, as they were.
    seen: Option<(u64, u32)>,
    lost: bool,
    /// Points with a stamp below have expired.
    expired_below: u64,
    stage: Stage,
    /// How points without stamps count as arrived; settled with the first slice.
    arrivals: Arrivals,
    /// Points of the blocks that were looked at.
    after: usize,
    values: Values,
    /// Points of these blocks.
    points_max: usize,
    /// Points of `out` that were there before.
    start: usize,
    room: Room,
    /// Of a series of texts, those that its points are places of.
    pub texts: DistinctTexts,
}

/// Memory that the reading of another series may have.
#[derive(Debug, Default)]
pub struct Room {
    unpacked: Option<Box<Unpacked>>,
    /// Blocks to be read, the last of them first, and how many points came after the first of each.
    blocks: Vec<(u32, usize)>,
}

/// Where the points of a reading go.
enum Out<'a> {
    Points(&'a mut Points),
    Evens(&'a mut Evens, &'a mut Ahead),
}

impl Out<'_> {
    fn points(&mut self) -> &mut Points {
        match self {
            Out::Points(points) => points,
            Out::Evens(evens, _) => evens.points(),
        }
    }
}

/// Where points without stamps count as arrived: as it was when a reading began, so that points that come
/// meanwhile do not turn the order of those before them.
#[derive(Clone, Copy, Debug, Default)]
struct Arrivals {
    first: u64,
    last: u64,
    /// Whether they did not come in the order of their times.
    disorder: bool,
}

impl Arrivals {
    /// Of the point that has so many behind it.
    fn stamp(self, behind: usize) -> u64 {
        if self.disorder {
            self.last.saturating_sub(behind as u64).max(self.first)
        } else {
            self.last
        }
    }
}

#[derive(Debug)]
enum Stage {
    Begin,
    /// This block and those before it are to be looked at.
    Walking(u32),
    Blocks,
    /// The points as they came, whose order is looked for.
    Sorting(Box<(Points, Sorting)>),
    /// It is found, and this many are written.
    Writing(Box<(Points, Sorting)>, usize),
    Done,
}

impl Reading {
    /// Read the points of `id` with `from <= time <= until`, whose values are `values`. In a generation
    /// without order all count as arrived with its last read, and where they did not come in the order
    /// of their times, shortly before, one after the other.
    pub fn new(id: SeriesId, from: Millis, until: Millis, values: Values) -> Reading {
        Reading {
            id,
            from,
            until,
            seen: None,
            lost: false,
            expired_below: 0,
            stage: Stage::Begin,
            arrivals: Arrivals::default(),
            after: 0,
            values,
            points_max: 0,
            start: 0,
            room: Room::default(),
            texts: DistinctTexts::default(),
        }
    }

    /// Leave out the points of a series with a ttl that arrived before this stamp.
    pub fn without_expired(self, expired_below: u64) -> Reading {
        Reading {
            expired_below,
            ..self
        }
    }

    /// Use the memory of another reading.
    pub fn set_room(&mut self, mut room: Room) {
        room.blocks.clear();
        self.room = room;
    }

    /// Its memory.
    pub fn into_room(self) -> Room {
        self.room
    }

    /// Do a slice of about `budget` points, and take what was done from it. True when all points are in
    /// `out`, sorted by (time, stamp) and behind what was there, duplicates not settled; `pool`, `head`
    /// and `out` must be the same each time. See [`Reading::is_lost`].
    pub fn step(&mut self, pool: &Pool, head: &Head, budget: &mut usize, out: &mut Points) -> bool {
        self.advance((pool, head), budget, Out::Points(out))
    }

    /// [`Reading::step`] with evenly spaced points as such, where they come in the order of time; `ahead`
    /// follows the chains of the series that will be read next.
    pub fn step_evenly(
        &mut self,
        (pool, head): (&Pool, &Head),
        budget: &mut usize,
        out: &mut Evens,
        ahead: &mut Ahead,
    ) -> bool {
        self.advance((pool, head), budget, Out::Evens(out, ahead))
    }

    fn advance(
        &mut self,
        (pool, head): (&Pool, &Head),
        budget: &mut usize,
        mut out: Out<'_>,
    ) -> bool {
        let series = &head.tails.series(self.id);
        let seen = (head.epoch, series.chain.first);
        if *self.seen.get_or_insert(seen) != seen && self.needs_head() {
            self.lost = true;
            self.stage = Stage::Done;
        }
        while *budget > 0 {
            let spent = match &mut self.stage {
                Stage::Begin => {
                    self.start = out.points().len();
                    let (first, last) = head.stamps.unwrap_or_default();
                    // What came before the series was ordered came before this.
                    let last = head.before_order.get(&self.id).copied().unwrap_or(last.0);
                    self.arrivals = Arrivals {
                        first: first.0.min(last),
                        last,
                        disorder: series.chain.disorder,
                    };
                    self.stage = Stage::Walking(series.tail.block);
                    1
                }
                &mut Stage::Walking(number) => self.walk(pool, series, number),
                Stage::Blocks => self.read_block(pool, head, series, &mut out),
                Stage::Sorting(unordered) => {
                    if unordered.1.step(budget) {
                        let unordered = std::mem::take(unordered);
                        self.stage = Stage::Writing(unordered, 0);
                    }
                    0
                }
                Stage::Writing(unordered, written) => {
                    let (points, sorting) = &**unordered;
                    let out = out.points();
                    let end = sorting.keys().len().min(written.saturating_add(*budget));
                    for &(time, place) in &sorting.keys()[*written..end] {
                        let place = place as usize;
                        out.push(time, points.stamps[place], points.values[place]);
                    }
                    let spent = end - *written;
                    *written = end;
                    if end == points.len() {
                        self.stage = Stage::Done;
                    }
                    spent
                }
                Stage::Done => return true,
            };
            *budget = budget.saturating_sub(spent);
        }
        matches!(self.stage, Stage::Done)
    }

    /// Whether the series was released before all its blocks were read: then points are missing, and
    /// the reader must begin again where they are now.
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    fn needs_head(&self) -> bool {
        matches!(self.stage, Stage::Walking(_) | Stage::Blocks)
    }

    fn walk(&mut self, pool: &Pool, series: &Series, number: u32) -> usize {
        let Some(block) = pool.get(number) else {
            self.stage = Stage::Blocks;
            return 1;
        };
        let (first, last) = series.range(number, block);
        let count = series.tail.count(number, block);
        if first <= self.until.0 && self.from.0 <= last {
            // Its other line is needed when it is unpacked.
            simd::prefetch(&block.payload);
            self.room.blocks.push((number, self.after + count));
            self.points_max += count;
        }
        self.after += count;
        let all_before = !series.chain.disorder && block.base_time < self.from.0;
        self.stage = Stage::Walking(if all_before { NONE } else { block.previous });
        WALK_COST
    }

    fn read_block(
        &mut self,
        pool: &Pool,
        head: &Head,
        series: &Series,
        out: &mut Out<'_>,
    ) -> usize {
        let Some((number, behind_start)) = self.room.blocks.pop() else {
            self.stage = self.order(series, out.points());
            return 1;
        };
        let Some(block) = pool.get(number) else {
            return 1;
        };
        let unpacked = self.room.unpacked.get_or_insert_default();
        unpacked.read_values(&series.tail, number, block);
        let cost = WALK_COST + unpacked.count;
        let (first, last) = series.range(number, block);
        let is_inside = self.from.0 <= first && last <= self.until.0;
        if let Out::Evens(evens, ahead) = out {
            (0..HOPS).for_each(|_| ahead.hop(pool));
            let scale = scale_of_all(unpacked, self.values);
            let in_order = !block.is_timed() && !self.arrivals.disorder;
            if let Some(scale) = scale.filter(|_| in_order) {
                let range = ((self.from, self.until), is_inside);
                if unpacked.ordered {
                    let reads = &unpacked.reads;
                    evens.extend(unpacked, scale, range, |i| head.reads.stamp(reads[i]));
                } else {
                    let stamp = self.arrivals.last;
                    evens.extend(unpacked, scale, range, |_| stamp);
                }
                return cost;
            }
        }
        if !block.is_timed() {
            unpacked.write_times();
        }
        let points = out.points();
        let before = points.len();
        // Room for all at once, or growing would copy what is there in one go.
        points.reserve(std::mem::take(&mut self.points_max));
        if !(is_inside && self.take_whole(head, points)) {
            self.take_each(head, behind_start, points);
        }
        let more = points.len() - before;
        if let Out::Evens(evens, _) = out {
            evens.note_points(more);
        }
        cost
    }

    /// Take over all points of the block that was unpacked, if they are simple numbers, and came in the order
    /// of time or know when. False where they have to be looked at one by one.
    #[inline]
    fn take_whole(&self, head: &Head, out: &mut Points) -> bool {
        let Some(unpacked) = &self.room.unpacked else {
            return false;
        };
        if !unpacked.ordered && self.arrivals.disorder {
            return false;
        }
        let before = out.len();
        let mantissas = unpacked.mantissas().iter().map(|&mantissa| mantissa as u64);
        match (self.values, scale_of_all(unpacked, self.values)) {
            (Values::Double, Some(scale)) => {
                out.values.resize(before + unpacked.count, 0.0);
                decimals(mantissas, scale, &mut out.values[before..]);
            }
            (Values::Long, _) => out.values.extend(mantissas.map(f64::from_bits)),
            _ => return false,
        }
        out.times.extend_from_slice(unpacked.times());
        if unpacked.ordered {
            head.reads.extend(unpacked.reads(), &mut out.stamps);
            out.leave_below(before, self.expired_below);
        } else {
            out.stamps.resize(out.times.len(), self.arrivals.last);
        }
        true
    }

    /// Take those points of the block that was unpacked that lie in the range.
    fn take_each(&mut self, head: &Head, behind_start: usize, out: &mut Points) {
        let Some(unpacked) = &self.room.unpacked else {
            return;
        };
        let (from, until) = (self.from.0, self.until.0);
        for i in 0..unpacked.count {
            let time = unpacked.times[i];
            if time < from || until < time {
                continue;
            }
            let stamp = if unpacked.ordered {
                let stamp = head.reads.stamp(unpacked.reads[i]);
                if stamp < self.expired_below {
                    continue;
                }
                stamp
            } else {
                self.arrivals.stamp(behind_start.saturating_sub(i + 1))
            };
            let number = unpacked.number(i);
            let value = match self.values {
                Values::Long => f64::from_bits(number.mantissa as u64),
                Values::Text => match head.text(number.mantissa) {
                    Some(text) => self.texts.value_of(text),
                    None => continue,
                },
                Values::Double => number.to_f64(),
            };
            out.push(time, stamp, value);
        }
    }

    /// All points are there, as they came: their stamps ascend.
    fn order(&self, series: &Series, out: &mut Points) -> Stage {
        if !series.chain.disorder || out.is_sorted_from(self.start) {
            return Stage::Done;
        }
        let points = out.split_off(self.start);
        let sorting = Sorting::new(&points.times);
        Stage::Sorting(Box::new((points, sorting)))
    }
}

/// The scale that all values of a block have, if they are decimals of one.
fn scale_of_all(unpacked: &Unpacked, values: Values) -> Option<u8> {
    let scale = unpacked.scale.filter(|_| values == Values::Double);
    scale.filter(|&scale| scale <= Number::SCALE_MAX)
}

impl Head {
    /// Append to `out` the points of `id` with `from <= time <= until`, sorted by (time, stamp),
    /// duplicates not settled. For long ranges see [`Reading`].
    pub fn read(
        &self,
        pool: &Pool,
        id: SeriesId,
        (from, until): (Millis, Millis),
        values: Values,
        out: &mut Points,
    ) {
        let mut reading = Reading::new(id, from, until, values);
        while !reading.step(pool, self, &mut { usize::MAX }, out) {}
    }
}
