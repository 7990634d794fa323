//! A run becomes points again.

use std::ops::Range;

use super::Corrupt;
use super::bits::{CODES_MAX, Codes};
use super::group::{Group, Kind, Values, Walk};
use crate::base::time::Millis;
use crate::model::number::Number;
use crate::model::points::{Duplicates, Points};
use crate::simd::{Lanes, Scanner, Work};
use crate::store::stretch::{Column, Stretch};
use crate::store::texts::DistinctTexts;

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

/// [`decode`] of a run of texts: the values are places in `texts`, which takes them in.
///
/// # Errors
/// Where the run is damaged, or has numbers. `out` is then as it was.
pub fn decode_texts(
    run: &[u8],
    base: Millis,
    (from, until): (Millis, Millis),
    stamp: u64,
    texts: &mut DistinctTexts,
    out: &mut Points,
) -> Result<(), Corrupt> {
    let stretch = decode_stretch(run, base, from, until)?;
    let Column::Text(values) = &stretch.values else {
        return Err(Corrupt("numbers are no texts"));
    };
    for (i, (&time, text)) in stretch.times.iter().zip(values).enumerate() {
        let stamp = stretch.stamps.get(i).copied().unwrap_or(stamp);
        out.push(time, stamp, texts.value_of(text));
    }
    Ok(())
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
    let room = &mut [0; CODES_MAX];
    while let Some(group) = walk.next()? {
        if until.0 < group.times.first_ms {
            break;
        }
        if group.times.last_ms < from.0 {
            continue;
        }
        let is_inside = from.0 <= group.times.first_ms && group.times.last_ms <= until.0;
        let wanted = if is_inside && group.times.is_even() {
            out.times.extend(group.times.even(group.count));
            0..group.count
        } else {
            let wanted = times(&group, walk.head.all, from, until, room)?;
            out.times.extend(signed(&room[wanted.clone()]));
            wanted
        };
        match &group.stamps {
            Some(stamps) => {
                stamps.unpack(group.count, room);
                out.stamps.extend_from_slice(&room[wanted.clone()]);
            }
            None => out.stamps.resize(out.times.len(), stamp),
        }
        push_floats(&group, wanted, walk.head.kind, room, &mut out.values)?;
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
    let room = &mut [0; CODES_MAX];
    while let Some(group) = walk.next()? {
        if until.0 < group.times.first_ms {
            break;
        }
        if group.times.last_ms < from.0 {
            continue;
        }
        let wanted = times(&group, all, from, until, room)?;
        stretch.times.extend(signed(&room[wanted.clone()]));
        if let Some(stamps) = &group.stamps {
            stamps.unpack(group.count, room);
            stretch.stamps.extend_from_slice(&room[wanted.clone()]);
        }
        push_values(&group, wanted, walk.head.kind, room, &mut stretch.values)?;
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
    room: &mut Codes,
    column: &mut Column,
) -> Result<(), Corrupt> {
    match (&group.values, &mut *column) {
        (Values::Texts(texts), Column::Text(values)) => {
            let texts = texts.unpack(group.count)?;
            values.extend(texts.into_iter().skip(wanted.start).take(wanted.len()));
        }
        (Values::Integers(integers), Column::Long(values)) => {
            integers.unpack(group.count, room);
            values.extend(signed(&room[wanted]));
        }
        (Values::Integers(integers), Column::Decimal { scale, mantissas }) => {
            integers.unpack(group.count, room);
            if !push_decimals(&room[wanted.clone()], group.head.scale, *scale, mantissas)? {
                push_as_floats(group, wanted, kind, room, column)?;
            }
        }
        _ => push_as_floats(group, wanted, kind, room, column)?,
    }
    Ok(())
}

/// Append values as floats, and make floats of those before them.
fn push_as_floats(
    group: &Group<'_>,
    wanted: Range<usize>,
    kind: Kind,
    room: &mut Codes,
    column: &mut Column,
) -> Result<(), Corrupt> {
    if let Column::Decimal { scale, mantissas } = column {
        let float = |&mantissa: &i64| Number::decimal(mantissa, *scale).to_f64();
        *column = Column::Float(mantissas.iter().map(float).collect());
    }
    match column {
        Column::Float(values) => push_floats(group, wanted, kind, room, values),
        _ => Err(Corrupt("values of two kinds in one run")),
    }
}

/// Append the `wanted` values of `group`, which are no texts.
fn push_floats(
    group: &Group<'_>,
    wanted: Range<usize>,
    kind: Kind,
    room: &mut Codes,
    out: &mut Vec<f64>,
) -> Result<(), Corrupt> {
    let start = out.len();
    out.resize(start + wanted.len(), 0.0);
    floats(group, wanted, kind, room, &mut out[start..])
}

/// The `wanted` values of `group`, which are no texts, into `out`, which has room for just so many.
pub(super) fn floats(
    group: &Group<'_>,
    wanted: Range<usize>,
    kind: Kind,
    room: &mut Codes,
    out: &mut [f64],
) -> Result<(), Corrupt> {
    let integers = match &group.values {
        Values::Texts(_) => return Err(Corrupt("texts are no floats; read them as a stretch")),
        Values::Floats(values) => {
            values.unpack(group.count, room);
            let bits = out.iter_mut().zip(&room[wanted]);
            bits.for_each(|(float, &bits)| *float = f64::from_bits(bits));
            return Ok(());
        }
        Values::Integers(integers) => integers,
    };
    let scale = group.head.scale;
    if let Some(all) = integers.constant() {
        out.fill(match kind {
            Kind::Longs => f64::from_bits(all as u64),
            _ => Number::decimal(all, scale).to_f64(),
        });
        return Ok(());
    }
    integers.unpack(group.count, room);
    let codes = &room[wanted];
    match kind {
        Kind::Longs => {
            let longs = out.iter_mut().zip(codes);
            longs.for_each(|(out, &long)| *out = f64::from_bits(long));
        }
        _ => decimals(codes.iter().copied(), scale, out),
    }
    Ok(())
}

/// The bits of mantissas of a scale that decimals have become floats.
#[inline]
pub fn decimals(codes: impl Iterator<Item = u64> + Clone, scale: u8, out: &mut [f64]) {
    Scanner::widest().run(Decimals { codes, scale, out });
}

struct Decimals<'a, I> {
    codes: I,
    scale: u8,
    out: &'a mut [f64],
}

/// What puts a number of at most 51 bits, and its sign, in front of zero.
const HALF: u64 = 1 << 51;
/// The bits of 2^52 as a float: a whole number below that in its low bits is added to it.
const WHOLE_BITS: u64 = 1075 << 52;
/// That float, and the half.
const WHOLE_AND_HALF: f64 = ((1u64 << 52) + HALF) as f64;

impl<I: Iterator<Item = u64> + Clone> Work for Decimals<'_, I> {
    type Output = ();

    /// Lanes have no way to make floats of whole numbers of 64 bits, but nearly all have 51 at most.
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let tens = Number::tens(self.scale);
        let ahead = |code: u64| code.wrapping_add(HALF);
        let codes = self.codes.clone();
        let all = codes.fold(0, |all, code| all | ahead(code));
        let decimals = self.out.iter_mut().zip(self.codes);
        if all < 2 * HALF {
            let whole = |code: u64| f64::from_bits(WHOLE_BITS | ahead(code)) - WHOLE_AND_HALF;
            match self.scale {
                0 => decimals.for_each(|(out, code)| *out = whole(code)),
                _ => decimals.for_each(|(out, code)| *out = whole(code) / tens),
            }
        } else {
            decimals.for_each(|(out, code)| *out = code as i64 as f64 / tens);
        }
    }
}

/// Append the mantissas in `room` at another scale; gives whether they fit. If not, none is appended.
fn push_decimals(
    room: &[u64],
    scale: u8,
    wanted_scale: u8,
    mantissas: &mut Vec<i64>,
) -> Result<bool, Corrupt> {
    let kept = mantissas.len();
    for mantissa in signed(room) {
        check_mantissa(mantissa)?;
        match Number::decimal(mantissa, scale).mantissa_at(wanted_scale) {
            Some(mantissa) => mantissas.push(mantissa),
            None => {
                mantissas.truncate(kept);
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn check_mantissa(mantissa: i64) -> Result<(), Corrupt> {
    if mantissa.unsigned_abs() > Number::MANTISSA_MAX as u64 {
        return Err(Corrupt("a decimal has too many digits"));
    }
    Ok(())
}

/// Unpack the times of `group`; gives which of them are wanted.
pub(super) fn times(
    group: &Group<'_>,
    all: bool,
    from: Millis,
    until: Millis,
    room: &mut Codes,
) -> Result<Range<usize>, Corrupt> {
    group.times.unpack(all, group.count, room)?;
    let times = &room[..group.count];
    let start = times.partition_point(|&time| (time as i64) < from.0);
    let end = times.partition_point(|&time| time as i64 <= until.0);
    Ok(start..end.max(start))
}

fn signed(room: &[u64]) -> impl Iterator<Item = i64> {
    room.iter().map(|&code| code as i64)
}
