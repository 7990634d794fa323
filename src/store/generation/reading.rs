//! Reading a series for a query, in slices, while points go on coming.
//!
//! First the blocks that may hold wanted points are listed, from the last to the first; then they are
//! read in the order of arrival, and put in order if they are not. What was there before the first
//! slice is in it, what comes later may be.

use super::Head;
use super::pool::{NONE, Pool};
use super::sorting::Sorting;
use super::tail::Series;
use super::unpack::Unpacked;
use crate::base::time::Millis;
use crate::model::number::Number;
use crate::model::points::Points;
use crate::model::series::{SeriesId, Values};
use crate::simd;
use crate::store::texts::DistinctTexts;

/// What following the chain by one block costs, in points: most blocks are not in the cache.
const WALK_COST: usize = 4;

/// Blocks that a search for the newest times looks at.
const NEWEST_BLOCKS_MAX: usize = 1_000;

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
    /// Blocks to be read, the last of them first, and how many points came after the first of each.
    blocks: Vec<(u32, usize)>,
    /// Points of the blocks that were looked at.
    after: usize,
    values: Values,
    /// Points of these blocks.
    points_max: usize,
    /// Points of `out` that were there before.
    start: usize,
    unpacked: Box<Unpacked>,
    /// Of a series of texts, those that its points are places of.
    pub texts: DistinctTexts,
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
            blocks: Vec::new(),
            after: 0,
            values,
            points_max: 0,
            start: 0,
            unpacked: Box::default(),
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

    /// Do a slice of about `budget` points, and take what was done from it. True when all points are in
    /// `out`, sorted by (time, stamp) and behind what was there, duplicates not settled; `pool`, `head`
    /// and `out` must be the same each time. See [`Reading::is_lost`].
    pub fn step(&mut self, pool: &Pool, head: &Head, budget: &mut usize, out: &mut Points) -> bool {
        let series = &head.tails.series(self.id);
        let seen = (head.epoch, series.chain.first);
        if *self.seen.get_or_insert(seen) != seen && self.needs_head() {
            self.lost = true;
            self.stage = Stage::Done;
        }
        while *budget > 0 {
            let spent = match &mut self.stage {
                Stage::Begin => {
                    self.start = out.len();
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
                Stage::Blocks => self.read_block(pool, head, series, out),
                Stage::Sorting(unordered) => {
                    if unordered.1.step(budget) {
                        let unordered = std::mem::take(unordered);
                        self.stage = Stage::Writing(unordered, 0);
                    }
                    0
                }
                Stage::Writing(unordered, written) => {
                    let (points, sorting) = &**unordered;
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
            self.blocks.push((number, self.after + count));
            self.points_max += count;
        }
        self.after += count;
        let all_before = !series.chain.disorder && block.base_time < self.from.0;
        self.stage = Stage::Walking(if all_before { NONE } else { block.previous });
        WALK_COST
    }

    /// Take over all points of the block that was unpacked, if they are simple decimals that came in order of
    /// time. False where they have to be looked at one by one.
    #[inline]
    fn take_whole(&self, is_inside: bool, out: &mut Points) -> bool {
        let unpacked = &self.unpacked;
        let is_plain = is_inside && !unpacked.ordered && !self.arrivals.disorder;
        let scale = unpacked.scale.filter(|&scale| scale <= Number::SCALE_MAX);
        let (true, Values::Double, Some(scale)) = (is_plain, self.values, scale) else {
            return false;
        };
        let tens = Number::tens(scale);
        out.times.extend_from_slice(unpacked.times());
        let mantissas = unpacked.mantissas().iter();
        out.values
            .extend(mantissas.map(|&mantissa| mantissa as f64 / tens));
        out.stamps.resize(out.times.len(), self.arrivals.last);
        true
    }

    fn read_block(&mut self, pool: &Pool, head: &Head, series: &Series, out: &mut Points) -> usize {
        let Some((number, behind_start)) = self.blocks.pop() else {
            self.stage = self.order(series, out);
            return 1;
        };
        let Some(block) = pool.get(number) else {
            return 1;
        };
        // Room for all at once, or growing would copy what is there in one go.
        out.reserve(std::mem::take(&mut self.points_max));
        let unpacked = &mut self.unpacked;
        unpacked.read(&series.tail, number, block);
        let (from, until) = (self.from.0, self.until.0);
        let (first, last) = series.range(number, block);
        if self.take_whole(from <= first && last <= until, out) {
            return WALK_COST + self.unpacked.count;
        }
        let unpacked = &self.unpacked;
        for i in 0..unpacked.count {
            let time = unpacked.times[i];
            if from <= time && time <= until {
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
        WALK_COST + unpacked.count
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

    /// Append to `out` up to `n` of the newest distinct timestamps of `id` (milliseconds), newest
    /// first. Of a series whose points do not come in order, only its last blocks are looked at.
    pub fn newest_times(&self, pool: &Pool, id: SeriesId, n: usize, out: &mut Vec<i64>) {
        let series = self.tails.series(id);
        let mut unpacked = Unpacked::default();
        let (mut number, mut newest) = (series.tail.block, Vec::with_capacity(n));
        for _ in 0..NEWEST_BLOCKS_MAX {
            let enough = newest.len() == n;
            let Some(block) = pool
                .get(number)
                .filter(|_| !enough || series.chain.disorder)
            else {
                break;
            };
            let last = series.range(number, block).1;
            if !enough || newest.last().is_some_and(|&time| time < last) {
                unpacked.read(&series.tail, number, block);
                newest.extend(unpacked.times().iter().rev());
                // Mostly they came in the order of their times.
                let descends =
                    |all: &[i64]| all.windows(2).fold(true, |so, two| so & (two[1] < two[0]));
                if !descends(&newest) {
                    newest.sort_unstable_by(|a, b| b.cmp(a));
                    newest.dedup();
                }
                newest.truncate(n);
            }
            number = block.previous;
        }
        out.append(&mut newest);
    }
}
