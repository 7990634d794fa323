//! KairosDB's REST ingest: an array of metric objects, or one.
//!
//! Takes a body as it comes; gives samples whose names and texts are spans of a text of the decoder's own,
//! in the form of [`kairos_sent`](super::kairos_sent), and the texts of what was refused, in KairosDB's
//! words where it has some. Works in slices. Nothing is held of a body but its object that is not read yet
//! and what came last; [`OBJECT_BYTES_MAX`] bounds that. An error in an object's name, tags or value costs
//! that object, one in a point that point, and what is no JSON costs the rest of the body; the good ones
//! before and between are given out.
//!
//! Two readers, of which each could do all: `usual` reads the objects that nearly everybody sends, in one
//! pass; the other, in `fields` and `points`, reads whatever KairosDB's lenient parser does, in slices, and
//! keeps only where the fields are until the object is known to be whole and good. It is the truth that the
//! first is tested against; for both, trees of other JSON readers are. In front of both stands `familiar`,
//! which knows objects again that came before with other numbers.
//!
//! Where KairosDB corrupts or fails, this says what is wrong or keeps what was meant:
//!
//! | sent | KairosDB | here |
//! |---|---|---|
//! | `1e-5` | the long 0 | a double; `1e5` is a long in both |
//! | whole numbers beyond 64 bits | another number | that point refused |
//! | `1.0e400`, `NaN`, Java's forms of doubles | stored | that point refused |
//! | `ttl` below 1 | accepted, then lost | for ever |
//! | digits of other scripts | numbers | texts |
//! | `null` for a point | 500 | that point refused |
//! | `skip_validate` | no check of name, tags, value | no check of tags; a name is needed all the same |
//! | long names, many tags, long texts | stored | refused by the limits of [`series`](crate::model::series) |

mod cursor;
mod errors;
mod familiar;
mod fields;
mod joined;
mod object;
mod points;
mod quick;
#[cfg(test)]
mod tests;
mod usual;
mod values;

use super::familiar::{Familiar, Met as Seen};
use super::json::{Fault, Kind, Reader, Scalar, Skip};
use crate::model::refusal::Reason;
use crate::model::sample::{Samples, Span};
use crate::simd::Scanner;
use bytes::Bytes;
pub use errors::Errors;
use familiar::Body;
use object::{Held, Object};
use usual::{Met, Usual};

/// Samples after which a slice ends: the caller takes them before it goes on.
pub const BATCH_SAMPLES: usize = 4_096;
/// Bytes of names and texts after which a slice ends too.
pub const BATCH_TEXT_BYTES: usize = 1 << 20;
/// Bytes of one metric object. Its points cannot be given out before its end, for its name or tags may
/// stand there; whoever has more points sends them in several objects.
pub const OBJECT_BYTES_MAX: usize = 16 << 20;
/// Bytes of memory that a usual body needs for what came. What a large object needed beyond is given back
/// behind it.
const USUAL_BYTES: usize = 128 * 1024;
/// The work that a byte of a familiar object makes, as a part of that of others.
const FAMILIAR_SHARE: usize = 4;

/// What KairosDB says to an empty body, and twice to an array that does not end.
const NO_CONTENT: &str = "Invalid json. No content due to end of input.";

/// What a slice came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is used up, or there is a batch to be taken: go on.
    Going,
    /// More must come, by [`Decoder::feed`], or [`Decoder::end`].
    Hungry,
    /// Nothing further is read.
    Done,
}

/// One body under way.
#[derive(Default)]
pub struct Decoder {
    /// What came last. It is read where it is.
    piece: Bytes,
    /// Where that began within an object: what came before of that, and so much of the piece as was needed so
    /// far. Empty where reading goes on in the piece.
    joined: Vec<u8>,
    /// Bytes of the piece that are in `joined`.
    copied: usize,
    /// Bytes that came before what is read.
    passed: usize,
    /// Whether nothing follows.
    is_ended: bool,
    /// Where reading goes on.
    at: usize,
    /// Bytes there must be before it is worth trying again.
    wanted: usize,
    /// Where the object that is read began.
    began: usize,
    /// Whether that is nothing for [`Usual`], and whether nothing is.
    is_unusual: bool,
    is_lenient: bool,
    stage: Stage,
    /// Which metric object of the body it is.
    number: usize,
    /// Whether the body is one object without an array around it.
    alone: bool,
    usual: Usual,
    body: Body,
    object: Object,
    text: Vec<u8>,
    errors: Errors,
    is_too_large: bool,
}

/// What is to be read next. `first` as in [`Reader::element`].
#[derive(Clone, Copy, Default)]
enum Stage {
    #[default]
    Start,
    /// The next object of the array.
    Objects {
        first: bool,
    },
    /// An object, from its brace on.
    Object,
    /// The next field of an object.
    Fields {
        first: bool,
    },
    /// The next tag.
    Tags {
        first: bool,
    },
    /// What is inside a value that is looked at later or never.
    Skipping(Skip),
    /// All fields are read, up to here.
    Whole {
        end: usize,
    },
    /// The next element of `datapoints` of a good object that ends at `end`.
    Points {
        first: bool,
        end: usize,
    },
    /// The next part of a point.
    Point {
        first: bool,
        end: usize,
    },
    /// What is inside a value of a point.
    InPoint {
        skip: Skip,
        end: usize,
    },
    /// What is inside an object that stands where a point should.
    NoPoint {
        skip: Skip,
        end: usize,
    },
    Ended,
}

/// What a step of reading cost.
enum Work {
    Full,
    /// [`FAMILIAR_SHARE`] of that.
    Familiar,
}

/// Why reading does not go on.
enum Halt {
    /// What is here ends too early; more may come.
    Cut,
    /// At the level of the array.
    NoContent(usize),
    Told(String),
}

impl Decoder {
    /// Reads all objects by the reader that takes everything: the same, only slower.
    pub fn lenient() -> Decoder {
        Decoder {
            is_lenient: true,
            ..Decoder::default()
        }
    }

    /// Nothing follows.
    pub fn end(&mut self) {
        self.is_ended = true;
    }

    /// Bytes of memory that hold what came, beyond those of a usual body.
    pub fn held_bytes(&self) -> usize {
        self.joined.capacity().saturating_sub(USUAL_BYTES)
    }

    /// Do a slice of about `budget` bytes of what came, and append its samples. It ends early at
    /// [`BATCH_SAMPLES`] or [`BATCH_TEXT_BYTES`]; take them then.
    pub fn step(&mut self, budget: usize, familiar: &mut Familiar, out: &mut Samples) -> Progress {
        let mut left = budget.max(1);
        loop {
            self.leave_joined();
            let (joined, piece) = (
                std::mem::take(&mut self.joined),
                std::mem::take(&mut self.piece),
            );
            let (json, joint) = match joined.is_empty() {
                true => (&piece[..], usize::MAX),
                false => (&joined[..], joined.len().saturating_sub(self.copied)),
            };
            let progress = self.read(json, joint, &mut left, familiar, out);
            (self.joined, self.piece) = (joined, piece);
            match progress {
                Progress::Hungry if self.join_more() => {}
                Progress::Going if left > 0 && !self.has_batch(out) => {}
                progress => return progress,
            }
        }
    }

    /// Read until `left` is used up, or between the objects on both sides of `joint`.
    fn read(
        &mut self,
        json: &[u8],
        joint: usize,
        left: &mut usize,
        familiar: &mut Familiar,
        out: &mut Samples,
    ) -> Progress {
        while *left > 0 && !self.has_batch(out) {
            match self.stage {
                Stage::Ended => return Progress::Done,
                Stage::Objects { .. } | Stage::Object if joint <= self.at => {
                    return Progress::Going;
                }
                _ => {}
            }
            if json.len() < self.wanted && !self.is_ended {
                return Progress::Hungry;
            }
            let before = self.at;
            let mut reader = Reader::new(json, before);
            let until = before.saturating_add(*left);
            let advanced = match self.stage {
                Stage::Object => {
                    let until = before.saturating_add(left.saturating_mul(FAMILIAR_SHARE));
                    self.object(json, &mut reader, until.min(joint), familiar, out)
                }
                _ => self.advance(json, &mut reader, until, familiar.scanner(), out),
            };
            self.at = reader.at();
            let mut read = 1 + self.at.saturating_sub(before);
            match advanced {
                Ok(Work::Full) => {}
                Ok(Work::Familiar) => read = read.div_ceil(FAMILIAR_SHARE),
                Err(Halt::Cut) => self.wait(json.len(), out),
                Err(halt) => self.end_with(halt, out),
            }
            // Going back to an object's points costs nothing but reading them.
            *left = left.saturating_sub(read);
        }
        match self.stage {
            Stage::Ended => Progress::Done,
            _ => Progress::Going,
        }
    }

    /// Whether there are so many samples, or bytes of their texts, that they must be taken.
    pub fn has_batch(&self, out: &Samples) -> bool {
        BATCH_SAMPLES <= out.len() || BATCH_TEXT_BYTES <= self.text.len()
    }

    /// Let `familiar` know of which series the samples were that were given out so far; `series` has one for
    /// each, or is empty where nobody knows.
    pub fn learn(&mut self, familiar: &mut Familiar, series: &[u32]) {
        familiar.learn_series(&mut self.body.asked, series);
    }

    /// What the names of the samples, and their texts, are spans of.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The samples given out so far were taken: their names are needed no longer.
    pub fn forget_names(&mut self) {
        self.body.asked.clear();
        self.text.clear();
        self.text.shrink_to(BATCH_TEXT_BYTES / 2);
        self.object.forget_names();
        self.usual.forget();
    }

    /// It may take long until more comes: keep no memory for names, which are taken.
    pub fn rest(&mut self) {
        self.forget_names();
        self.text = Vec::new();
    }

    /// What was refused so far.
    pub fn errors(&self) -> &Errors {
        &self.errors
    }

    /// Whether reading ended because an object has more than [`OBJECT_BYTES_MAX`].
    pub fn is_too_large(&self) -> bool {
        self.is_too_large
    }

    /// More must come: go back to where the object began. What is tried again and again as it comes must
    /// not be read again each time.
    fn wait(&mut self, here: usize, out: &mut Samples) {
        match self.stage {
            Stage::Start | Stage::Objects { .. } | Stage::Object => self.began = self.at,
            _ => (self.stage, self.at) = (Stage::Object, self.began),
        }
        let bytes = here - self.began;
        if OBJECT_BYTES_MAX <= bytes {
            self.is_too_large = true;
            let number = self.number;
            let told = format!(
                "metric[{number}] has more than {OBJECT_BYTES_MAX} bytes; send its points in several objects"
            );
            return self.end_with(Halt::Told(told), out);
        }
        self.wanted = here + bytes.clamp(1, OBJECT_BYTES_MAX - bytes);
    }

    fn end_with(&mut self, halt: Halt, out: &mut Samples) {
        match halt {
            Halt::Cut => {}
            Halt::NoContent(times) => {
                (0..times).for_each(|_| self.errors.push(NO_CONTENT.to_owned()));
            }
            Halt::Told(told) => self.errors.push(told),
        }
        out.refuse(Reason::Json);
        self.stage = Stage::Ended;
    }

    /// One step of reading.
    fn advance<'a>(
        &mut self,
        json: &'a [u8],
        reader: &mut Reader<'a>,
        until: usize,
        scanner: Scanner,
        out: &mut Samples,
    ) -> Result<Work, Halt> {
        match self.stage {
            Stage::Start => self.start(json, reader)?,
            Stage::Objects { first } => self.next_object(reader, first)?,
            Stage::Fields { first } => {
                let stage = self.field(json, reader, first);
                self.stage = stage.map_err(|fault| self.in_object(fault, json, reader))?;
            }
            Stage::Tags { first } => self.tag(json, reader, first)?,
            Stage::Skipping(mut skip) => {
                if let (Some(first), false) = (skip.outer_element(), self.is_lenient) {
                    let list = (reader.at(), first);
                    let (at, _) = quick::pairs(scanner, json, list, until, |_, _, _| true);
                    if reader.at() < at {
                        *reader = Reader::new(json, at);
                        skip.passed_elements();
                    }
                }
                let done = skip.step(reader, until);
                self.stage = match done.map_err(|fault| self.in_object(fault, json, reader))? {
                    true => Stage::Fields { first: false },
                    false => Stage::Skipping(skip),
                };
            }
            Stage::Whole { end } => {
                let mut held = Held {
                    json,
                    number: self.number,
                    text: &mut self.text,
                    errors: &mut self.errors,
                    out,
                };
                self.stage = match self.object.settle(&mut held) {
                    Some(points) => {
                        *reader = Reader::new(json, points);
                        Stage::Points { first: true, end }
                    }
                    None => self.next_stage(1),
                };
            }
            Stage::Points { .. }
            | Stage::Point { .. }
            | Stage::InPoint { .. }
            | Stage::NoPoint { .. } => {
                // All of it is here, and was read once.
                let stage = self.points(json, reader, until, scanner, out);
                self.stage = stage.map_err(|fault| self.told(fault))?;
            }
            Stage::Object | Stage::Ended => {}
        }
        Ok(Work::Full)
    }

    /// What a fault comes to that was met at `reader`. Of what touches the end of what is here nobody knows
    /// yet what it will be.
    fn in_object(&self, fault: Fault, json: &[u8], reader: &Reader) -> Halt {
        let is_cut = fault == Fault::End || json.len() <= reader.at() + 1;
        if is_cut && !self.is_ended {
            return Halt::Cut;
        }
        self.told(fault)
    }

    fn told(&self, fault: Fault) -> Halt {
        let fault = match fault {
            Fault::Broken { at, wanted } => Fault::Broken {
                at: at + self.passed,
                wanted,
            },
            Fault::End => Fault::End,
        };
        Halt::Told(format!("metric[{}]: {fault}", self.number))
    }

    fn start<'a>(&mut self, json: &'a [u8], reader: &mut Reader<'a>) -> Result<(), Halt> {
        let mark = b"\xef\xbb\xbf";
        if json.starts_with(mark) && self.passed == 0 {
            *reader = Reader::new(json, mark.len());
        } else if mark.starts_with(json) && self.passed == 0 && !self.is_ended {
            return Err(Halt::Cut);
        }
        reader.blanks();
        self.stage = match reader.peek() {
            Some(b'[') => {
                reader.pass();
                Stage::Objects { first: true }
            }
            Some(b'{') => {
                self.alone = true;
                Stage::Object
            }
            Some(_) => return Err(Halt::Told("Invalid start of json.".to_owned())),
            None if !self.is_ended => return Err(Halt::Cut),
            None => return Err(Halt::NoContent(1)),
        };
        Ok(())
    }

    /// The level of the array is not lenient in KairosDB either.
    fn next_object(&mut self, reader: &mut Reader, first: bool) -> Result<(), Halt> {
        reader.blanks();
        let mut ahead = *reader;
        match ahead.peek() {
            Some(b']') => {
                self.stage = Stage::Ended;
                return Ok(());
            }
            Some(b',') if !first => {
                ahead.pass();
                ahead.blanks();
            }
            Some(_) if !first => {
                return Err(self.expected(reader, "a comma or the end of the array"));
            }
            _ => {}
        }
        match ahead.peek() {
            Some(b'{') => {
                *reader = ahead;
                self.stage = Stage::Object;
                Ok(())
            }
            Some(_) => Err(self.expected(&ahead, "a metric object")),
            None if !self.is_ended => Err(Halt::Cut),
            None => Err(Halt::NoContent(2)),
        }
    }

    /// Familiar objects up to `until`, or a whole one if it is a usual one; else its brace.
    fn object<'a>(
        &mut self,
        json: &'a [u8],
        reader: &mut Reader<'a>,
        until: usize,
        familiar: &mut Familiar,
        out: &mut Samples,
    ) -> Result<Work, Halt> {
        self.began = reader.at();
        if !self.is_unusual && !self.is_lenient {
            let (place, text) = ((self.began, until), &mut self.text);
            let read = familiar::read(familiar, json, place, self.alone, &mut self.body, text, out);
            if read.objects > 0 {
                *reader = Reader::new(json, read.end);
                self.stage = self.next_stage(read.objects);
                return Ok(Work::Familiar);
            }
            let (usual, scanner, before) = (&mut self.usual, familiar.scanner(), out.len());
            match usual.read(json, self.began, scanner, &mut self.text, out) {
                Met::Object(end) => {
                    let name = out.names.get(before).copied();
                    self.remember(json, end, name, familiar);
                    *reader = Reader::new(json, end);
                    self.stage = self.next_stage(1);
                    return Ok(Work::Full);
                }
                Met::Cut if !self.is_ended => return Err(Halt::Cut),
                Met::Cut | Met::Unusual => self.is_unusual = true,
            }
        }
        self.object.clear();
        reader.pass();
        self.stage = Stage::Fields { first: true };
        Ok(Work::Full)
    }

    /// The object that was just read ends before `end`; `name` is that of its first sample.
    fn remember(&mut self, json: &[u8], end: usize, name: Option<Span>, familiar: &mut Familiar) {
        let (Some((numbers, kind)), Some(name)) = (self.usual.numbers(), name) else {
            return;
        };
        let met = Seen {
            text: json.get(self.began..end).unwrap_or_default(),
            numbers,
            kind,
            name: name.of(&self.text),
        };
        familiar.meet(&met, &mut self.body.course);
    }

    fn expected(&self, reader: &Reader, wanted: &'static str) -> Halt {
        let at = reader.at();
        self.told(Fault::Broken { at, wanted })
    }

    /// So many objects are read.
    fn next_stage(&mut self, objects: usize) -> Stage {
        self.number += objects;
        self.is_unusual = false;
        if self.alone {
            Stage::Ended
        } else {
            Stage::Objects { first: false }
        }
    }
}

/// Whether `value` is an array whose bracket was read, with nothing in it.
fn is_empty_array(value: Scalar, reader: &Reader) -> Result<bool, Fault> {
    if value.kind != Kind::Array {
        return Ok(false);
    }
    let mut ahead = *reader;
    ahead.blanks_and_comments()?;
    Ok(ahead.peek() == Some(b']'))
}
