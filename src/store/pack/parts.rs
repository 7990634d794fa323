//! A run of numbers, a part of up to 128 points after the other, for whoever wants no more of it than what
//! is asked: times of parts that are even need no unpacking, and values may go where they are used.

use std::ops::Range;

use super::Corrupt;
use super::bits::{CODES_MAX, Codes};
use super::decode;
use super::group::{Group, Kind, Walk};
use crate::base::time::Millis;

/// Points of a part, at most.
pub const PART_POINTS: usize = CODES_MAX;

/// The parts of a run. A copy goes on from where it was made.
#[derive(Clone, Copy)]
pub struct Parts<'a>(Walk<'a>);

/// A part of a run.
pub struct Part<'a> {
    group: Group<'a>,
    kind: Kind,
    all: bool,
}

impl<'a> Parts<'a> {
    /// The parts of `run`, told from `base`.
    ///
    /// # Errors
    /// Where it is damaged, or has texts.
    pub fn new(run: &'a [u8], base: Millis) -> Result<Parts<'a>, Corrupt> {
        let walk = Walk::new(run, base.0)?;
        match walk.head.kind {
            Kind::Texts => Err(Corrupt("texts are no floats; read them as a stretch")),
            Kind::Numbers | Kind::Longs => Ok(Parts(walk)),
        }
    }

    /// Pass the next part, if there is one more: its points, and the time of the last.
    ///
    /// # Errors
    /// Where the run is damaged.
    #[inline]
    pub fn pass(&mut self) -> Result<Option<(usize, i64)>, Corrupt> {
        self.0.pass()
    }

    /// The next part, later than all before it.
    ///
    /// # Errors
    /// Where the run is damaged.
    #[inline(always)]
    pub fn next_part(&mut self) -> Result<Option<Part<'a>>, Corrupt> {
        let (kind, all) = (self.0.head.kind, self.0.head.all);
        let group = self.0.advance()?;
        Ok(group.map(|group| Part { group, kind, all }))
    }
}

impl Part<'_> {
    /// Points, at least one.
    #[inline]
    pub fn count(&self) -> usize {
        self.group.count
    }

    /// Time of the first, milliseconds since the epoch.
    #[inline]
    pub fn first_ms(&self) -> i64 {
        self.group.times.first_ms
    }

    /// Time of the last.
    #[inline]
    pub fn last_ms(&self) -> i64 {
        self.group.times.last_ms
    }

    /// How far apart the points are, if all are equally far.
    #[inline]
    pub fn gap_ms(&self) -> Option<u64> {
        let times = &self.group.times;
        times.is_even().then_some(times.step_ms)
    }

    /// Whether each point has its own stamp.
    #[inline]
    pub fn is_stamped(&self) -> bool {
        self.group.stamps.is_some()
    }

    /// The points from `from` to `until`, both included, by their places; all times into `times`.
    ///
    /// # Errors
    /// Where the run is damaged.
    pub fn times(
        &self,
        from: Millis,
        until: Millis,
        times: &mut [u64; PART_POINTS],
    ) -> Result<Range<usize>, Corrupt> {
        decode::times(&self.group, self.all, from, until, times)
    }

    /// The values at `wanted` into `out`, which has room for just so many: floats, or the bits of whole
    /// numbers of 64 bits. `room` is for what lies between.
    ///
    /// # Errors
    /// Where the run is damaged.
    #[inline]
    pub fn floats(
        &self,
        wanted: Range<usize>,
        room: &mut [u64; PART_POINTS],
        out: &mut [f64],
    ) -> Result<(), Corrupt> {
        let room: &mut Codes = room;
        decode::floats(&self.group, wanted, self.kind, room, out)
    }
}
