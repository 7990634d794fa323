//! The points of one series in a file, packed: a *run*; and the cells of its steps of time.
//!
//! Takes stretches and bytes, gives bytes and points. Pure functions; reads no file, checks no
//! checksum, and does not know which series it packs. `FORMAT.md` beside it gives the bytes.
//!
//! Decimals are packed as the whole numbers they were sent as, floats bit for bit, in groups of up to
//! 128 points of which each says how it is packed. So a reader passes what it does not want without
//! unpacking it, and [`join`] copies groups as they are.
//!
//! A reader trusts nothing: whatever the bytes, it gives an error or points, in ascending order, and
//! takes memory only for points that the bytes really have. The twin that the tests compare with reads
//! and writes bit by bit.

mod bits;
mod cells;
mod cursor;
mod decode;
mod encode;
mod floats;
mod group;
mod integers;
mod join;
mod parts;
mod texts;
mod times;

#[cfg(test)]
mod tests;

use thiserror::Error;

use crate::base::time::Millis;

pub(super) use cells::prefetch_lines;
pub use cells::{
    Cell, CellTimes, CellValue, Cells, SealedCell, decode_cells, encode_cells, join_cells,
};
pub use decode::{decimals, decode, decode_all, decode_stretch, decode_texts};
pub use encode::encode;
pub use group::{is_stamped, keeps_all, start_of};
pub use join::join;
pub use parts::{PART_POINTS, Part, Parts};

/// Points of a run. More than an hour of a point each millisecond; less than what would fill the
/// memory if a hostile file claimed them all.
pub const POINTS_MAX: usize = 1 << 22;

/// What is wrong with the bytes of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Corrupt(pub &'static str);

impl Corrupt {
    const SHORT: Corrupt = Corrupt("it ends too early");
    const NUMBER: Corrupt = Corrupt("a number ends too early, or is none");
    const TIME: Corrupt = Corrupt("a time is out of range or out of order");
}

/// What is known of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Points.
    pub count: u32,
    /// Time of the first, milliseconds since the epoch.
    pub first_ms: i64,
    /// Time of the last.
    pub last_ms: i64,
    /// Least value; not a number where there are only texts, or where it is not known. A whole number
    /// beyond 2^53 is rounded.
    pub min: f64,
    /// Greatest value.
    pub max: f64,
}

impl Summary {
    /// Count and times of a run told from `base`; the least and greatest value are only known to who
    /// encodes it.
    ///
    /// # Errors
    /// Where a group cannot be passed.
    pub fn of(run: &[u8], base: Millis) -> Result<Summary, Corrupt> {
        let mut walk = group::Walk::new(run, base.0)?;
        let mut ends: Option<(i64, i64)> = None;
        while let Some(group) = walk.next()? {
            let first = ends.map_or(group.times.first_ms, |(first, _)| first);
            ends = Some((first, group.times.last_ms));
        }
        let (first_ms, last_ms) = ends.ok_or(Corrupt::SHORT)?;
        Ok(Summary {
            count: walk.points as u32,
            first_ms,
            last_ms,
            min: f64::NAN,
            max: f64::NAN,
        })
    }

    /// Widen the least and greatest value.
    fn include(&mut self, value: f64) {
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }
}
