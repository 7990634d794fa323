//! Familiar objects, one behind the other, on lanes.

use super::super::familiar::{Asked, Course, Familiar, Order, Parts, Shape, behind};
use super::super::number::leading_decimal;
use super::quick::{self, MILLIS_DIGITS, Pairs};
use super::usual::{self, of_kind};
use super::{BATCH_SAMPLES, BATCH_TEXT_BYTES};
use crate::model::number::Number;
use crate::model::sample::{Samples, Span};
use crate::model::series::Values;
use crate::simd::{Lanes, Work};

/// Bytes of an object that is read in one go, as [`Usual`](usual::Usual) does it.
const OBJECT_BYTES_MAX: usize = usual::BYTES_MAX;

/// Bytes of a name that are copied at once, whether it has so many or not.
const NAME_STRIDE: usize = 64;

/// How far familiar objects go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) objects: usize,
    /// Behind the last of them.
    pub(super) end: usize,
}

/// What is known of a body, and which of its samples the next to learn of.
#[derive(Default)]
pub(super) struct Body {
    pub(super) course: Course,
    time: Time,
    pub(super) asked: Vec<Asked>,
}

/// The last timestamp: senders repeat it object after object, so most are known by their text.
#[derive(Clone, Copy, Debug)]
struct Time {
    text: [u8; MILLIS_DIGITS],
    time_ms: i64,
}

impl Default for Time {
    fn default() -> Time {
        Time {
            text: *b"1000000000000",
            time_ms: 1_000_000_000_000,
        }
    }
}

/// Read familiar objects, the first of which has its brace at `at`, up to `until` or so; no more than one if
/// it stands `alone`. Their samples are appended to `out`, the names of those whose series is not known to
/// `text`.
pub(super) fn read(
    familiar: &mut Familiar,
    json: &[u8],
    (at, until): (usize, usize),
    alone: bool,
    body: &mut Body,
    text: &mut Vec<u8>,
    out: &mut Samples,
) -> Read {
    if !familiar.begin(&mut body.course) {
        return Read {
            objects: 0,
            end: at,
        };
    }
    reserve(familiar, json, (at, until), body, text, out);
    let read = familiar.scanner().run(Objects {
        familiar,
        json,
        at,
        until,
        alone,
        body,
        text,
        out,
    });
    familiar.has_read(read.objects, &mut body.course);
    read
}

/// Make room for what most likely comes, if all objects are like the next, up to a batch.
fn reserve(
    familiar: &Familiar,
    json: &[u8],
    (at, until): (usize, usize),
    body: &Body,
    text: &mut Vec<u8>,
    out: &mut Samples,
) {
    let next = familiar.expected(&body.course);
    let Some((_, next)) = next.filter(|(_, next)| next.order != Order::Points) else {
        return;
    };
    let parts = [next.head, next.middle, next.tail].map(usize::from);
    let object = parts.iter().sum::<usize>() + MILLIS_DIGITS + 1;
    let in_bytes = |end: usize, most: usize| (end.saturating_sub(at) / object + 1).min(most);
    // For all that is here, not for a slice: what grows slice by slice is copied as often.
    out.reserve(in_bytes(
        json.len(),
        BATCH_SAMPLES.saturating_sub(out.len()),
    ));
    let is_known = |values| next.series(values).is_some();
    if !is_known(Values::Double) && !is_known(Values::Long) {
        let objects = in_bytes(json.len().min(until), BATCH_SAMPLES);
        text.reserve(objects * usize::from(next.name) + NAME_STRIDE);
    }
}

/// Time and value of an object, and where it ends.
type One = (i64, (Values, Number), usize);

/// Familiar objects, on lanes.
struct Objects<'a> {
    familiar: &'a Familiar,
    json: &'a [u8],
    at: usize,
    until: usize,
    alone: bool,
    body: &'a mut Body,
    text: &'a mut Vec<u8>,
    out: &'a mut Samples,
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
        let mut expected = familiar.expected(&self.body.course);
        loop {
            let Some((next, shape)) = expected else {
                return read;
            };
            let (texts, samples) = (self.text.len(), self.out.len());
            let asked = self.body.asked.len();
            let Some(end) = self.object::<L>((next, shape), brace) else {
                self.text.truncate(texts);
                self.out.truncate(samples);
                self.body.asked.truncate(asked);
                return read;
            };
            self.body.course.after = next;
            expected = familiar.next_of(shape);
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

impl Objects<'_> {
    /// The end of an object of that shape, if there is one at `brace`.
    #[inline(always)]
    fn object<L: Lanes>(
        &mut self,
        (number_of_shape, shape): (u32, &Shape),
        brace: usize,
    ) -> Option<usize> {
        let short = self.short_object::<L>(shape, brace);
        let (time_ms, (values, number), end) = match short {
            Some(read) => read,
            None if shape.order == Order::Points => {
                return self.points::<L>((number_of_shape, shape), brace);
            }
            None => self.any_object::<L>(shape, brace)?,
        };
        let (values, number) = of_kind(values, number, shape.kind)?;
        let name = match shape.series(values) {
            Some(known) => known,
            None => {
                let asked = self.familiar.ask(number_of_shape, values, self.out.len());
                self.body.asked.push(asked);
                push_name(self.familiar.name(shape)?, shape, values, self.text)?
            }
        };
        self.out.push(name, time_ms, number);
        Some(end)
    }

    /// Time, value and end of the object, if it is short and more stands behind it. Most are.
    #[inline(always)]
    fn short_object<L: Lanes>(&mut self, shape: &Shape, brace: usize) -> Option<One> {
        let json = self.json;
        let blocks = self.familiar.blocks(shape)?;
        blocks.begins::<L>(json, brace)?;
        if usize::from(shape.time) != MILLIS_DIGITS {
            return None;
        }
        let (time_ms, _) = self.body.time.read(json, brace + usize::from(shape.head))?;
        let value = brace + blocks.value_at;
        let (values, number, end) = leading_decimal::<L>(json, value)?;
        Some((time_ms, (values, number), blocks.behind::<L>(json, end)?))
    }

    /// The same of any object with a time and a value.
    #[inline(always)]
    fn any_object<L: Lanes>(&mut self, shape: &Shape, brace: usize) -> Option<One> {
        let json = self.json;
        let Parts { head, middle, tail } = self.familiar.parts(shape)?;
        let at = behind(json, brace, head)?;
        let (time_ms, number, end) = match shape.order {
            Order::ValueTime => {
                let (values, number, at) = leading_decimal::<L>(json, at)?;
                let at = behind(json, at, middle)?;
                let (time_ms, at) = self.body.time.read(json, at)?;
                (time_ms, (values, number), at)
            }
            _ => {
                let (time_ms, at) = self.body.time.read(json, at)?;
                let at = behind(json, at, middle)?;
                let (values, number, at) = leading_decimal::<L>(json, at)?;
                (time_ms, (values, number), at)
            }
        };
        Some((time_ms, number, behind(json, end, tail)?))
    }

    /// The end of an object with a list of points.
    #[inline(always)]
    fn points<L: Lanes>(
        &mut self,
        (number_of_shape, shape): (u32, &Shape),
        brace: usize,
    ) -> Option<usize> {
        let Parts { head, tail, .. } = self.familiar.parts(shape)?;
        let at = behind(self.json, brace, head)?;
        let end = self.json.len().min(brace + OBJECT_BYTES_MAX);
        let json = self.json.get(..end)?;
        let (text, out) = (&mut *self.text, &mut *self.out);
        let (familiar, questions) = (self.familiar, &mut self.body.asked);
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
                    *known = shape.series(values).or_else(|| {
                        let name = familiar.name(shape)?;
                        questions.push(familiar.ask(number_of_shape, values, out.len()));
                        push_name(name, shape, values, text)
                    });
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
