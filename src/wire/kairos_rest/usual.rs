//! Objects as nearly everybody sends them, in one pass.
//!
//! Fields of strict JSON, each at most once, texts without escapes, tags without fault. The samples are
//! given out while the points are read; what belongs to the whole object, its name, is put into them at its
//! end. Whatever is unusual, wrong, or more than [`BYTES_MAX`] makes it as if nothing had been read: the
//! other reader decides what that means. So this one knows no error, and nothing here may give out what
//! that one would not.
//!
//! Senders repeat themselves: tags that are byte for byte those of the object before are not read again.

use super::super::familiar::Numbers;
use super::super::json::{Kind, Scalar};
use super::super::kairos_sent as sent;
use super::cursor::{Cursor, Stop, Word};
use super::object::append;
use super::quick;
use super::values::{self, Value};
use crate::model::number::Number;
use crate::model::sample::{Samples, Span};
use crate::model::series::{
    NAME_BYTES_MAX, SERIES_BYTES_MAX, TAG_KEY_BYTES_MAX, TAG_VALUE_BYTES_MAX, TAGS_MAX, Values,
};
use crate::simd::Scanner;

/// Bytes of an object that is read in one go: below 100 µs of work.
pub(super) const BYTES_MAX: usize = 64 * 1024;

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// An object that ends before this byte.
    Object(usize),
    /// Nothing for this reader.
    Unusual,
    /// The text ends before the object does.
    Cut,
}

/// What is kept between objects.
#[derive(Default)]
pub(super) struct Usual {
    tags: Vec<(Word, Word)>,
    /// The last good tags in the JSON, their form in the text, and what they count to the series' bytes.
    last: Option<LastTags>,
    /// Where the numbers of the last object are, and the type that it names, if another with the same name
    /// may differ from it in nothing else.
    numbers: Option<(Numbers, Option<Values>)>,
}

#[derive(Clone, Copy)]
struct LastTags {
    sent: Word,
    form: Span,
    bytes: usize,
}

/// The fields of one object as far as they are read.
#[derive(Default)]
struct Fields {
    name: Option<Word>,
    tags: Option<LastTags>,
    time_ms: Option<i64>,
    value: Option<Read>,
    kind: Option<Values>,
    ttl_seconds: Option<u32>,
    has_points: bool,
    /// Where they are.
    time_at: [usize; 2],
    value_at: [usize; 2],
    points_at: [usize; 2],
}

/// A value that is given out later.
#[derive(Clone, Copy)]
enum Read {
    Number(Values, Number),
    Scalar(Scalar),
}

/// Where an attempt writes to.
struct Out<'a> {
    text: &'a mut Vec<u8>,
    samples: &'a mut Samples,
    /// Samples that were there before.
    first: usize,
    scanner: Scanner,
}

impl Usual {
    /// Places in the JSON or in the text are no longer what they were.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    /// Where the numbers of the object that was read last are, in bytes from its brace on, and the type of
    /// values that it names: if all of them are numbers, and it has either one point or a list.
    pub(super) fn numbers(&self) -> Option<(Numbers, Option<Values>)> {
        self.numbers
    }

    /// Read the object whose brace is at `at`; append its samples to `samples`, their names and texts to
    /// `text`.
    pub(super) fn read(
        &mut self,
        json: &[u8],
        at: usize,
        scanner: Scanner,
        text: &mut Vec<u8>,
        samples: &mut Samples,
    ) -> Met {
        let end = json.len().min(at.saturating_add(BYTES_MAX));
        let mut cursor = Cursor::new(json.get(..end).unwrap_or_default(), at + 1);
        let (text_before, first) = (text.len(), samples.len());
        let has_texts = samples.has_texts;
        let mut out = Out {
            text,
            samples,
            first,
            scanner,
        };
        self.numbers = None;
        let stop = match self.object(&mut cursor, &mut out) {
            Ok(fields) => {
                self.numbers = fields.numbers(at);
                return Met::Object(cursor.at());
            }
            Err(stop) => stop,
        };
        text.truncate(text_before);
        samples.truncate(first);
        samples.has_texts = has_texts;
        // Its form may have been among what was cut off.
        self.last = None;
        match stop {
            Stop::Cut if end == json.len() => Met::Cut,
            Stop::Cut | Stop::Unusual => Met::Unusual,
        }
    }

    fn object(&mut self, cursor: &mut Cursor, out: &mut Out) -> Result<Fields, Stop> {
        let mut fields = Fields::default();
        loop {
            let name = cursor.word()?;
            cursor.colon()?;
            self.field(cursor, name, &mut fields, out)?;
            match cursor.token()? {
                b',' => cursor.blanks()?,
                b'}' => break,
                _ => return Err(Stop::Unusual),
            }
        }
        if let (false, Some(value)) = (fields.has_points, fields.value) {
            put_one(cursor.json(), &fields, value, out)?;
        }
        let is_half = fields.time_ms.is_some() != fields.value.is_some();
        let (Some(name), Some(tags), false) = (fields.name, fields.tags, is_half) else {
            return Err(Stop::Unusual);
        };
        if SERIES_BYTES_MAX < name.len() + tags.bytes {
            return Err(Stop::Unusual);
        }
        put_names(name.of(cursor.json()), tags, &fields, out);
        Ok(fields)
    }

    fn field(
        &mut self,
        cursor: &mut Cursor,
        name: Word,
        fields: &mut Fields,
        out: &mut Out,
    ) -> Result<(), Stop> {
        match name.of(cursor.json()) {
            b"name" if fields.name.is_none() => {
                let name = cursor.word()?;
                if name.is_empty() || NAME_BYTES_MAX < name.len() {
                    return Err(Stop::Unusual);
                }
                fields.name = Some(name);
            }
            b"timestamp" | b"time" if fields.time_ms.is_none() && !fields.has_points => {
                let start = cursor.at();
                fields.time_ms = Some(cursor.time(values::field_time)?);
                fields.time_at = [start, cursor.at()];
            }
            b"value" if fields.value.is_none() && !fields.has_points => {
                let start = cursor.at();
                fields.value = Some(match cursor.number()? {
                    Some((values, number)) => Read::Number(values, number),
                    None => Read::Scalar(cursor.scalar()?),
                });
                fields.value_at = [start, cursor.at()];
            }
            b"tags" if fields.tags.is_none() => fields.tags = Some(self.tags(cursor, out)?),
            b"datapoints" if !fields.has_points => {
                // A single point goes before all others.
                match (fields.time_ms, fields.value) {
                    (Some(_), Some(value)) => put_one(cursor.json(), fields, value, out)?,
                    (None, None) => {}
                    _ => return Err(Stop::Unusual),
                }
                fields.has_points = true;
                fields.points_at = points(cursor, fields.kind, out)?;
            }
            b"type" if fields.kind.is_none() && !fields.has_points => {
                fields.kind = Some(cursor.kind()?);
            }
            b"ttl" if fields.ttl_seconds.is_none() => {
                let seconds = cursor.time(values::field_time)?;
                fields.ttl_seconds = Some(match i32::try_from(seconds) {
                    Ok(seconds) => seconds.max(0).unsigned_abs(),
                    Err(_) => return Err(Stop::Unusual),
                });
            }
            _ => return Err(Stop::Unusual),
        }
        Ok(())
    }

    /// The tags, sorted, as they stand in a sent form.
    fn tags(&mut self, cursor: &mut Cursor, out: &mut Out) -> Result<LastTags, Stop> {
        let json = cursor.json();
        if let Some(last) = self.last
            && cursor.passes(last.sent.of(json))
        {
            return Ok(last);
        }
        let start = cursor.at();
        if cursor.token()? != b'{' {
            return Err(Stop::Unusual);
        }
        cursor.blanks()?;
        self.tags.clear();
        let mut bytes = 0;
        loop {
            let key = cursor.word()?;
            cursor.colon()?;
            let value = cursor.word()?;
            let is_good = (1..=TAG_KEY_BYTES_MAX).contains(&key.len())
                && (1..=TAG_VALUE_BYTES_MAX).contains(&value.len())
                && self.tags.len() < TAGS_MAX;
            if !is_good {
                return Err(Stop::Unusual);
            }
            bytes += key.len() + value.len() + 2;
            self.insert(json, key, value)?;
            match cursor.token()? {
                b',' => cursor.blanks()?,
                b'}' => break,
                _ => return Err(Stop::Unusual),
            }
        }
        let form = out.text.len();
        for (key, value) in &self.tags {
            sent::push(key.of(json), out.text);
            sent::push(value.of(json), out.text);
        }
        let last = LastTags {
            sent: Word::between(start, cursor.at()),
            form: Span {
                start: form as u32,
                len: (out.text.len() - form) as u32,
            },
            bytes,
        };
        self.last = Some(last);
        Ok(last)
    }

    /// Put a tag where it belongs among those before it, which are sorted; usually that is the end.
    fn insert(&mut self, json: &[u8], key: Word, value: Word) -> Result<(), Stop> {
        let bytes = key.of(json);
        let mut place = self.tags.len();
        while let Some((before, _)) = place.checked_sub(1).and_then(|at| self.tags.get(at)) {
            match before.of(json).cmp(bytes) {
                std::cmp::Ordering::Less => break,
                std::cmp::Ordering::Equal => return Err(Stop::Unusual),
                std::cmp::Ordering::Greater => place -= 1,
            }
        }
        self.tags.insert(place, (key, value));
        Ok(())
    }
}

impl Fields {
    /// See [`Usual::numbers`]; `at` is the place of its brace.
    fn numbers(&self, at: usize) -> Option<(Numbers, Option<Values>)> {
        let from = |[start, end]: [usize; 2]| [start - at, end - at];
        let (time, value, points) = (self.time_at, self.value_at, self.points_at);
        let numbers = match (self.value, self.has_points) {
            (None, true) => Numbers::Points(from(points)),
            (Some(value), false) if !value.is_number() => return None,
            (Some(_), false) if time < value => Numbers::TimeValue(from(time), from(value)),
            (Some(_), false) => Numbers::ValueTime(from(value), from(time)),
            _ => return None,
        };
        (self.kind != Some(Values::Text)).then_some((numbers, self.kind))
    }
}

impl Read {
    fn is_number(self) -> bool {
        match self {
            Read::Number(..) => true,
            Read::Scalar(scalar) => scalar.kind == Kind::Number,
        }
    }
}

fn put_one(json: &[u8], fields: &Fields, value: Read, out: &mut Out) -> Result<(), Stop> {
    let time_ms = fields.time_ms.ok_or(Stop::Unusual)?;
    let scalar = match value {
        Read::Number(values, number) => match of_kind(values, number, fields.kind) {
            Some((values, number)) => {
                out.push(values, time_ms, number);
                return Ok(());
            }
            None => return Err(Stop::Unusual),
        },
        Read::Scalar(scalar) => scalar,
    };
    put_scalar(json, time_ms, scalar, fields.kind, out)
}

/// A number as the type of its object wants it, unless that is a matter for the other reader.
pub(super) fn of_kind(
    values: Values,
    number: Number,
    kind: Option<Values>,
) -> Option<(Values, Number)> {
    match (kind, values) {
        (None, _) => Some((values, number)),
        (Some(kind), _) if kind == values => Some((values, number)),
        // `5` as a double is the decimal 5, if a double has all its digits.
        (Some(Values::Double), Values::Long) => {
            let is_exact = number.mantissa.unsigned_abs() <= Number::MANTISSA_MAX as u64;
            is_exact.then_some((Values::Double, number))
        }
        _ => None,
    }
}

fn put_scalar(
    json: &[u8],
    time_ms: i64,
    scalar: Scalar,
    kind: Option<Values>,
    out: &mut Out,
) -> Result<(), Stop> {
    if values::is_empty(scalar, kind == Some(Values::Text), json) {
        return Err(Stop::Unusual);
    }
    let kind = kind.map(|kind| match kind {
        Values::Long => "long",
        Values::Double => "double",
        Values::Text => "string",
    });
    match values::value_of(json, scalar, kind) {
        Ok(Value::Number(values, number)) => out.push(values, time_ms, number),
        Ok(Value::Text(text)) => {
            let span = append(text.as_bytes(), out.text);
            out.samples
                .push_text(name_later(Values::Text), time_ms, span);
        }
        Err(_) => return Err(Stop::Unusual),
    }
    Ok(())
}

/// The elements of `datapoints`, from its bracket on: from behind it to the one that ends them.
fn points(cursor: &mut Cursor, kind: Option<Values>, out: &mut Out) -> Result<[usize; 2], Stop> {
    if cursor.token()? != b'[' {
        return Err(Stop::Unusual);
    }
    let start = cursor.at();
    cursor.blanks()?;
    if cursor.peek()? == b']' {
        cursor.token()?;
        return Ok([start, cursor.at() - 1]);
    }
    // As far as all of them are as most are.
    let scanner = out.scanner;
    let each = |time_ms, values, number| match of_kind(values, number, kind) {
        Some((values, number)) => {
            out.push(values, time_ms, number);
            true
        }
        None => false,
    };
    let list = (cursor.at(), true);
    let (at, first) = quick::pairs(scanner, cursor.json(), list, usize::MAX, each);
    cursor.go(at);
    if !first {
        match cursor.token()? {
            b',' => cursor.blanks()?,
            b']' => return Ok([start, cursor.at() - 1]),
            _ => return Err(Stop::Unusual),
        }
    }
    loop {
        let time_ms = quick::pair_time(cursor)?;
        let value = match cursor.number()? {
            Some((values, number)) => Read::Number(values, number),
            None => Read::Scalar(cursor.scalar()?),
        };
        let kind = match cursor.token()? {
            b']' => kind,
            b',' => {
                cursor.blanks()?;
                let own = cursor.kind()?;
                if cursor.token()? != b']' {
                    return Err(Stop::Unusual);
                }
                Some(own)
            }
            _ => return Err(Stop::Unusual),
        };
        match value {
            Read::Number(values, number) => {
                let (values, number) = of_kind(values, number, kind).ok_or(Stop::Unusual)?;
                out.push(values, time_ms, number);
            }
            Read::Scalar(scalar) => put_scalar(cursor.json(), time_ms, scalar, kind, out)?,
        }
        match cursor.token()? {
            b',' => cursor.blanks()?,
            b']' => return Ok([start, cursor.at() - 1]),
            _ => return Err(Stop::Unusual),
        }
    }
}

impl Out<'_> {
    #[inline]
    fn push(&mut self, values: Values, time_ms: i64, number: Number) {
        self.samples.push(name_later(values), time_ms, number);
    }
}

/// What stands for the name of a series of such values until the object has ended.
#[inline]
fn name_later(values: Values) -> Span {
    Span {
        start: values as u32,
        len: 0,
    }
}

/// Give the samples of an object their names: one for each type of values that it has.
fn put_names(metric: &[u8], tags: LastTags, fields: &Fields, out: &mut Out) {
    let mut names = [None; 3];
    let ttl_seconds = fields.ttl_seconds.unwrap_or(0);
    let spans = out.samples.names.get_mut(out.first..).unwrap_or_default();
    for span in spans {
        let values = match span.start {
            0 => Values::Double,
            1 => Values::Long,
            _ => Values::Text,
        };
        *span = match names[values as usize] {
            Some(name) => name,
            None => {
                let name = form(values, ttl_seconds, metric, tags, out.text);
                names[values as usize] = Some(name);
                name
            }
        };
    }
}

/// Append the sent form of a series to `text`, in which its tags stand already.
fn form(
    values: Values,
    ttl_seconds: u32,
    metric: &[u8],
    tags: LastTags,
    text: &mut Vec<u8>,
) -> Span {
    let start = text.len();
    sent::begin(values, ttl_seconds, metric, text);
    let form = tags.form.start as usize;
    text.extend_from_within(form..form + tags.form.len as usize);
    Span {
        start: start as u32,
        len: (text.len() - start) as u32,
    }
}
