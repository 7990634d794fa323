//! A run becomes points again.

use std::ops::Range;

use super::Corrupt;
use super::bits::CODES_MAX;
use super::group::{Group, Kind, Values, Walk};
use crate::base::time::Millis;
use crate::model::number::Number;
use crate::model::points::{Duplicates, Points};
use crate::store::stretch::{Column, Stretch};

/// Append the points of a run from `from` to `until`, both included. Each has its own stamp if the run
/// keeps stamps, else `stamp`. A whole number of a series of such comes as `f64::from_bits(it as u64)`.
///
/// # Errors
/// Where the run is damaged, or has texts, which are no floats: see [`decode_stretch`]. `out` is then as
/// it was. What lies outside of the range is looked at only as far as it must be passed.
pub fn decode(
    run: &[u8],
    base: Millis,
    from: Millis,
    until: Millis,
    stamp: u64,
    out: &mut Points,
) -> Result<(), Corrupt> {
    let before = out.len();
    let done = append(run, base, from, until, stamp, out);
    if done.is_err() {
        out.truncate(before);
    }
    done
}

fn append(
    run: &[u8],
    base: Millis,
    from: Millis,
    until: Millis,
    stamp: u64,
    out: &mut Points,
) -> Result<(), Corrupt> {
    let mut walk = Walk::new(run, base.0)?;
    if walk.head.kind == Kind::Texts {
        return Err(Corrupt("texts are no floats; read them as a stretch"));
    }
    let mut room = Room::new();
    while let Some(group) = walk.next()? {
        if until.0 < group.times.first_ms {
            break;
        }
        if group.times.last_ms < from.0 {
            continue;
        }
        let wanted = room.times(&group, walk.head.all, from, until)?;
        if wanted.is_empty() {
            continue;
        }
        out.times.extend_from_slice(&room.times[wanted.clone()]);
        match &group.stamps {
            Some(stamps) => {
                stamps.unpack(group.count, &mut room.integers);
                let stamps = &room.integers[wanted.clone()];
                out.stamps.extend(stamps.iter().map(|&stamp| stamp as u64));
            }
            None => out.stamps.resize(out.times.len(), stamp),
        }
        room.floats(&group, walk.head.kind)?;
        out.values.extend_from_slice(&room.floats[wanted]);
    }
    Ok(())
}

/// All of a run.
///
/// # Errors
/// Where it is damaged.
pub fn decode_all(run: &[u8], base: Millis) -> Result<Stretch, Corrupt> {
    decode_stretch(run, base, Millis::MIN, Millis::MAX)
}

/// The points of a run from `from` to `until`, both included, as a stretch of their kind; the stamps
/// only if the run keeps them. Decimals of several scales come at the largest, or as floats where that
/// has no room for them.
///
/// # Errors
/// Where the run is damaged.
pub fn decode_stretch(
    run: &[u8],
    base: Millis,
    from: Millis,
    until: Millis,
) -> Result<Stretch, Corrupt> {
    let mut walk = Walk::new(run, base.0)?;
    let all = walk.head.all;
    let mut stretch = Stretch {
        times: Vec::new(),
        stamps: Vec::new(),
        values: match walk.head.kind {
            Kind::Numbers => Column::Decimal {
                scale: scale_of(run, base, from, until)?,
                mantissas: Vec::new(),
            },
            Kind::Longs => Column::Long(Vec::new()),
            Kind::Texts => Column::Text(Vec::new()),
        },
        duplicates: if all {
            Duplicates::All
        } else {
            Duplicates::Last
        },
    };
    let mut room = Room::new();
    while let Some(group) = walk.next()? {
        if until.0 < group.times.first_ms {
            break;
        }
        if group.times.last_ms < from.0 {
            continue;
        }
        let wanted = room.times(&group, all, from, until)?;
        stretch.times.extend_from_slice(&room.times[wanted.clone()]);
        if let Some(stamps) = &group.stamps {
            stamps.unpack(group.count, &mut room.integers);
            let stamps = &room.integers[wanted.clone()];
            stretch
                .stamps
                .extend(stamps.iter().map(|&stamp| stamp as u64));
        }
        push_values(
            &group,
            wanted,
            walk.head.kind,
            &mut room,
            &mut stretch.values,
        )?;
    }
    Ok(stretch)
}

/// The largest scale of the groups that have points in a range.
fn scale_of(run: &[u8], base: Millis, from: Millis, until: Millis) -> Result<u8, Corrupt> {
    let mut walk = Walk::new(run, base.0)?;
    let mut scale = 0;
    while let Some(group) = walk.next()? {
        if group.times.first_ms <= until.0 && from.0 <= group.times.last_ms {
            scale = group.head.scale.max(scale);
        }
    }
    Ok(scale)
}

fn push_values(
    group: &Group<'_>,
    wanted: Range<usize>,
    kind: Kind,
    room: &mut Room,
    column: &mut Column,
) -> Result<(), Corrupt> {
    match (&group.values, &mut *column) {
        (Values::Texts(texts), Column::Text(values)) => {
            let texts = texts.unpack(group.count)?;
            values.extend(texts.into_iter().skip(wanted.start).take(wanted.len()));
        }
        (Values::Integers(integers), Column::Long(values)) => {
            integers.unpack(group.count, &mut room.integers);
            values.extend_from_slice(&room.integers[wanted]);
        }
        (Values::Integers(integers), Column::Decimal { scale, mantissas }) => {
            integers.unpack(group.count, &mut room.integers);
            let kept = mantissas.len();
            for &mantissa in &room.integers[wanted.clone()] {
                check_mantissa(mantissa)?;
                match Number::decimal(mantissa, group.head.scale).mantissa_at(*scale) {
                    Some(mantissa) => mantissas.push(mantissa),
                    None => {
                        mantissas.truncate(kept);
                        return push_floats(group, wanted, kind, room, column);
                    }
                }
            }
        }
        _ => push_floats(group, wanted, kind, room, column)?,
    }
    Ok(())
}

/// Append values as floats, and make floats of those before them.
fn push_floats(
    group: &Group<'_>,
    wanted: Range<usize>,
    kind: Kind,
    room: &mut Room,
    column: &mut Column,
) -> Result<(), Corrupt> {
    if let Column::Decimal { scale, mantissas } = column {
        let float = |&mantissa: &i64| Number::decimal(mantissa, *scale).to_f64();
        *column = Column::Float(mantissas.iter().map(float).collect());
    }
    room.floats(group, kind)?;
    if let Column::Float(values) = column {
        values.extend_from_slice(&room.floats[wanted]);
    }
    Ok(())
}

fn check_mantissa(mantissa: i64) -> Result<(), Corrupt> {
    if mantissa.unsigned_abs() > Number::MANTISSA_MAX as u64 {
        return Err(Corrupt("a decimal has too many digits"));
    }
    Ok(())
}

/// Where one group is unpacked.
struct Room {
    times: [i64; CODES_MAX],
    integers: [i64; CODES_MAX],
    floats: [f64; CODES_MAX],
}

impl Room {
    fn new() -> Room {
        Room {
            times: [0; CODES_MAX],
            integers: [0; CODES_MAX],
            floats: [0.0; CODES_MAX],
        }
    }

    /// Unpack the times of `group`; gives which of them are wanted.
    fn times(
        &mut self,
        group: &Group<'_>,
        all: bool,
        from: Millis,
        until: Millis,
    ) -> Result<Range<usize>, Corrupt> {
        let times = &mut self.times[..group.count];
        group.times.unpack(all, times)?;
        let before = |end: i64| {
            if group.times.first_ms < end {
                times.partition_point(|&time| time < end)
            } else {
                0
            }
        };
        let start = before(from.0);
        let end = if group.times.last_ms <= until.0 {
            group.count
        } else {
            times.partition_point(|&time| time <= until.0)
        };
        Ok(start..end.max(start))
    }

    /// Unpack the values of `group`, which are no texts.
    fn floats(&mut self, group: &Group<'_>, kind: Kind) -> Result<(), Corrupt> {
        let floats = &mut self.floats[..group.count];
        match &group.values {
            Values::Texts(_) => return Err(Corrupt("texts are no floats; read them as a stretch")),
            Values::Floats(values) => values.unpack(group.count, &mut self.floats),
            Values::Integers(integers) => {
                integers.unpack(group.count, &mut self.integers);
                let integers = &self.integers[..group.count];
                match (kind, group.head.scale) {
                    (Kind::Longs, _) => fill(floats, integers, |long| f64::from_bits(long as u64)),
                    (_, 0) => fill(floats, integers, |whole| whole as f64),
                    (_, scale) => {
                        let tens = Number::tens(scale);
                        fill(floats, integers, |mantissa| mantissa as f64 / tens);
                    }
                }
            }
        }
        Ok(())
    }
}

#[inline(always)]
fn fill(floats: &mut [f64], integers: &[i64], of: impl Fn(i64) -> f64) {
    for (float, &integer) in floats.iter_mut().zip(integers) {
        *float = of(integer);
    }
}
