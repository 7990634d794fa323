//! Familiar objects, one behind the other, on lanes.

use super::super::quick::{self, MILLIS_DIGITS, Pairs};
use super::super::usual::{self, of_kind};
use super::super::{BATCH_SAMPLES, BATCH_TEXT_BYTES};
use super::{Course, Familiar, NAME_STRIDE, NONE, Order, Read, Shape, Time};
use crate::model::sample::{Samples, Span};
use crate::model::series::Values;
use crate::simd::{self, Lanes, Work};

/// Bytes of an object that is read in one go, as [`Usual`](usual::Usual) does it.
const OBJECT_BYTES_MAX: usize = usual::BYTES_MAX;

/// Familiar objects, on lanes.
pub(super) struct Objects<'a> {
    pub(super) familiar: &'a Familiar,
    pub(super) json: &'a [u8],
    pub(super) at: usize,
    pub(super) until: usize,
    pub(super) alone: bool,
    pub(super) course: &'a mut Course,
    pub(super) text: &'a mut Vec<u8>,
    pub(super) out: &'a mut Samples,
}

impl Work for Objects<'_> {
    type Output = Read;

    #[inline(always)]
    fn run<L: Lanes>(mut self) -> Read {
        let (familiar, json) = (self.familiar, self.json);
        let mut read = Read {
            objects: 0,
            end: self.at,
        };
        let mut brace = self.at;
        loop {
            let last = familiar.shapes.get(self.course.after as usize);
            let next = last.map_or(NONE, |last| last.next);
            let Some(shape) = familiar.shapes.get(next as usize) else {
                return read;
            };
            let (texts, samples) = (self.text.len(), self.out.len());
            let Some(end) = self.object::<L>(shape, brace) else {
                self.text.truncate(texts);
                self.out.truncate(samples);
                return read;
            };
            self.course.after = next;
            read = Read {
                objects: read.objects + 1,
                end,
            };
            let is_enough = self.until <= end
                || BATCH_SAMPLES <= self.out.len()
                || BATCH_TEXT_BYTES <= self.text.len();
            if self.alone || is_enough {
                return read;
            }
            // To the next object: mostly there is but a comma between.
            brace = match json.get(end..end + 2) {
                Some(b",{") => end + 1,
                Some([b',', b' ' | b'\n' | b'\r' | b'\t']) => match behind_blanks(json, end + 1) {
                    Some(brace) => brace,
                    None => return read,
                },
                _ => return read,
            };
        }
    }
}

/// The brace behind blanks.
fn behind_blanks(json: &[u8], at: usize) -> Option<usize> {
    let rest = json.get(at..)?;
    let blanks = rest
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'));
    let brace = at + blanks.count();
    (json.get(brace) == Some(&b'{')).then_some(brace)
}

/// Behind `part`, if it stands at `at`.
#[inline(always)]
fn behind(json: &[u8], at: usize, part: &[u8]) -> Option<usize> {
    let end = at + part.len();
    simd::equal(json.get(at..end)?, part).then_some(end)
}

impl Objects<'_> {
    /// The end of an object of that shape, if there is one at `brace`.
    #[inline(always)]
    fn object<L: Lanes>(&mut self, shape: &Shape, brace: usize) -> Option<usize> {
        let json = self.json;
        let bytes = self.familiar.bytes_from(shape)?;
        let (head, bytes) = bytes.split_at_checked(usize::from(shape.head))?;
        let (middle, bytes) = bytes.split_at_checked(usize::from(shape.middle))?;
        let (tail, name) = bytes.split_at_checked(usize::from(shape.tail))?;
        let at = behind(json, brace, head)?;
        let (time_ms, read, end) = match shape.order {
            Order::TimeValue => {
                let (time_ms, at) = self.course.time.read(json, at)?;
                let at = behind(json, at, middle)?;
                let (values, number, at) = quick::decimal::<L>(json, at)?;
                (time_ms, (values, number), at)
            }
            Order::ValueTime => {
                let (values, number, at) = quick::decimal::<L>(json, at)?;
                let at = behind(json, at, middle)?;
                let (time_ms, at) = self.course.time.read(json, at)?;
                (time_ms, (values, number), at)
            }
            Order::Points => return self.points::<L>(shape, (brace, at), tail, name),
        };
        let end = behind(json, end, tail)?;
        let (values, number) = of_kind(read.0, read.1, shape.kind)?;
        let name = push_name(name, shape, values, self.text)?;
        self.out.push(name, time_ms, number);
        Some(end)
    }

    /// The same of a list of points behind a bracket that ends before `at`.
    #[inline(always)]
    fn points<L: Lanes>(
        &mut self,
        shape: &Shape,
        (brace, at): (usize, usize),
        tail: &[u8],
        name: &[u8],
    ) -> Option<usize> {
        let end = self.json.len().min(brace + OBJECT_BYTES_MAX);
        let json = self.json.get(..end)?;
        let (text, out) = (&mut *self.text, &mut *self.out);
        let mut names = [None; 3];
        let pairs = Pairs {
            json,
            at,
            first: true,
            until: usize::MAX,
            each: |time_ms, values, number| {
                let Some((values, number)) = of_kind(values, number, shape.kind) else {
                    return false;
                };
                let known = &mut names[values as usize];
                if known.is_none() {
                    *known = push_name(name, shape, values, text);
                }
                let Some(name) = *known else {
                    return false;
                };
                out.push(name, time_ms, number);
                true
            },
        };
        let (mut at, _) = pairs.run::<L>();
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = json.get(at) {
            at += 1;
        }
        behind(json, at, tail)
    }
}

/// Append the name of a shape for such values. `name` begins with it.
#[inline(always)]
fn push_name(name: &[u8], shape: &Shape, values: Values, text: &mut Vec<u8>) -> Option<Span> {
    let (start, len) = (text.len(), usize::from(shape.name));
    match name.first_chunk::<NAME_STRIDE>() {
        Some(more) if len <= NAME_STRIDE => {
            text.extend_from_slice(more);
            text.truncate(start + len);
        }
        _ => text.extend_from_slice(name.get(..len)?),
    }
    // The type is in its second byte.
    *text.get_mut(start + 1)? = values as u8;
    Some(Span {
        start: start as u32,
        len: len as u32,
    })
}

impl Time {
    /// A timestamp of as many digits as those of our days have, and where it ends.
    #[inline(always)]
    fn read(&mut self, json: &[u8], at: usize) -> Option<(i64, usize)> {
        let digits = json.get(at..)?.first_chunk::<MILLIS_DIGITS>()?;
        if *digits != self.text {
            self.time_ms = quick::millis(json, at)?;
            self.text = *digits;
        }
        Some((self.time_ms, at + MILLIS_DIGITS))
    }
}
