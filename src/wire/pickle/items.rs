//! From what a pickle left on the machine's stack to samples: a list (or tuple, or set) of
//! `(name, (timestamp, value))`, or of `(name, (timestamp, value), (timestamp, value), …)`.
//!
//! Limits: a pickle may refer to one object many times, so that few bytes unfold to many points.
//! Points (and refused items) are bounded by half the payload's bytes, and the names of all points
//! together by [`NAME_BYTES_PER_BYTE_MAX`] for each, and long numbers by one for each; a frame beyond
//! is refused as a whole.

use super::machine::{Kind, Machine, Object};
use super::scalar;
use crate::base::time::Millis;
use crate::model::number::Number;
use crate::model::refusal::Reason;
use crate::model::sample::{Samples, Span, TimeRule};
use crate::wire::kairos_sent as sent;

/// Points and refused items that every payload may have; beyond it, one for two of its bytes, which
/// is what a reference to a whole item takes.
const SPARE_POINTS: usize = 64;

/// Bytes of names per byte of payload. A name of 200 bytes that is only referred to costs 18.
const NAME_BYTES_PER_BYTE_MAX: usize = 64;

/// Bytes of names, and of long numbers, that every payload may have.
const SPARE_BYTES: usize = 64 * 1024;

/// A number up to here costs no more to read than a point does anyway. Longer ones are bounded
/// together by the payload's bytes, so that each is read about once.
const SHORT_NUMBER_BYTES: usize = 32;

/// Where the objects are and how to read them.
pub(super) struct Source<'a> {
    /// What ran the payload.
    pub(super) machine: &'a Machine,
    /// What it ran.
    pub(super) payload: &'a [u8],
    /// Where the payload starts in the text that names are spans into.
    pub(super) names_from: usize,
    /// Arrival.
    pub(super) now: Millis,
    /// Which timestamps may stand.
    pub(super) times: TimeRule,
}

/// What is left of the limits of a frame.
struct Left {
    points: usize,
    name_bytes: usize,
    number_bytes: usize,
}

impl Left {
    fn point(&mut self) -> Option<()> {
        self.points = self.points.checked_sub(1)?;
        Some(())
    }

    fn name(&mut self, name: Span) -> Option<()> {
        self.name_bytes = self.name_bytes.checked_sub(name.len as usize)?;
        Some(())
    }

    /// A list's span has no length, and costs nothing.
    fn number(&mut self, number: Object) -> Option<()> {
        let bytes = number.span.len as usize;
        if bytes > SHORT_NUMBER_BYTES {
            self.number_bytes = self.number_bytes.checked_sub(bytes)?;
        }
        Some(())
    }
}

/// Append to `out` the samples of the batch `top`. `None` if `top` is no batch, or unfolds beyond the
/// limits; then `out` holds something and the caller has to take it back.
pub(super) fn collect(source: &Source, top: Object, out: &mut Samples) -> Option<()> {
    let mut left = Left {
        points: source.payload.len() / 2 + SPARE_POINTS,
        name_bytes: source.payload.len() * NAME_BYTES_PER_BYTE_MAX + SPARE_BYTES,
        number_bytes: source.payload.len() + SPARE_BYTES,
    };
    if !matches!(
        top.kind,
        Kind::List | Kind::Tuple | Kind::Set | Kind::FrozenSet
    ) {
        return None;
    }
    for item in source.machine.members(top) {
        source.item(item, &mut left, out)?;
    }
    Some(())
}

impl Source<'_> {
    fn item(&self, item: Object, left: &mut Left, out: &mut Samples) -> Option<()> {
        let mut members = self.machine.members(item);
        let name = match item.kind {
            Kind::List | Kind::Tuple => members.next().and_then(|object| self.name(object)),
            _ => None,
        };
        let mut points = members.peekable();
        let (Some(name), Some(_)) = (name, points.peek()) else {
            left.point()?;
            out.refuse(Reason::Item);
            return Some(());
        };
        for point in points {
            left.point()?;
            left.name(name)?;
            match self.point(point, left)? {
                Ok((time_ms, number)) => out.push(name, time_ms, number),
                Err(reason) => out.refuse(reason),
            }
        }
        Some(())
    }

    /// Where the name is in the text that names are spans into. None begins as KairosDB's sent forms do:
    /// whoever sends one of those by this door does not mean the series of that form.
    fn name(&self, object: Object) -> Option<Span> {
        let text = match object.kind {
            Kind::Unescaped => self.machine.text(),
            _ => self.payload,
        };
        match object.kind {
            Kind::Text | Kind::Unescaped
                if text
                    .get(object.span.start as usize..)
                    .is_some_and(sent::is_form) =>
            {
                None
            }
            Kind::Text => Some(Span {
                start: object.span.start + self.names_from as u32,
                len: object.span.len,
            }),
            Kind::Unescaped => Some(object.span),
            _ => None,
        }
    }

    /// `None` beyond the limits.
    fn point(&self, point: Object, left: &mut Left) -> Option<Result<(i64, Number), Reason>> {
        let Some((time, value)) = self.machine.pair(point) else {
            return Some(Err(Reason::Item));
        };
        left.number(time)?;
        left.number(value)?;
        let scalar = |object| self.machine.scalar(object, self.payload);
        let point = scalar::point(scalar(time), scalar(value), self.now, self.times);
        Some(point)
    }
}
