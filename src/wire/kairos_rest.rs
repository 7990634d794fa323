//! KairosDB's REST ingest: an array of metric objects, or one.
//!
//! Takes the whole body; gives samples whose names are spans of a text of the decoder's own, in the form of
//! [`kairos_sent`](super::kairos_sent), and the texts of what was refused, in KairosDB's words where it has
//! some. Works in slices. Of one object nothing is kept but where its fields are: points are read once the
//! object is known to be whole and good, so memory is that of the samples given out, whatever the body is.
//! An error in an object's name, tags or value costs that object, one in a point that point, and what is
//! no JSON costs the rest of the body; the good ones before and between are given out.
//!
//! Where KairosDB corrupts or fails, this says what is wrong or keeps what was meant:
//!
//! | sent | KairosDB | here |
//! |---|---|---|
//! | `1e-5` | the long 0 | a double; `1e5` is a long in both |
//! | whole numbers beyond 64 bits | another number | that point refused |
//! | `1.0e400`, `NaN`, Java's forms of doubles | stored | that point refused |
//! | texts, `true`, `type: "string"` | stored | that point refused: there is no store for texts yet |
//! | `ttl` | honoured | checked, and not used yet: points stay as long as all others |
//! | digits of other scripts | numbers | texts |
//! | `null` for a point | 500 | that point refused |
//! | `skip_validate` | no check of name, tags, value | no check of tags; a name is needed all the same |
//! | long names, many tags | stored | refused by the limits of [`series`](crate::model::series) |

mod errors;
mod fields;
mod object;
mod points;
#[cfg(test)]
mod tests;
mod values;

use super::json::{Fault, Kind, Reader, Scalar, Skip};
use crate::model::refusal::Reason;
use crate::model::sample::Samples;
pub use errors::Errors;
use object::{Held, Object};

/// Samples after which a slice ends: the caller takes them before it goes on.
pub const BATCH_SAMPLES: usize = 4_096;

/// What KairosDB says to an empty body, and twice to an array that does not end.
const NO_CONTENT: &str = "Invalid json. No content due to end of input.";

/// One body under way.
#[derive(Default)]
pub struct Decoder {
    at: usize,
    stage: Stage,
    /// Which metric object of the body it is.
    number: usize,
    /// Whether the body is one object without an array around it.
    alone: bool,
    object: Object,
    text: Vec<u8>,
    errors: Errors,
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

/// Why nothing further is read.
enum Fatal {
    /// At the level of the array.
    NoContent(usize),
    Told(String),
}

impl Decoder {
    /// Do a slice of about `budget` bytes of `json`, the same text in each call, and append its samples.
    /// True when all is read. A slice ends early at [`BATCH_SAMPLES`]; take them then.
    pub fn step(&mut self, json: &[u8], budget: usize, out: &mut Samples) -> bool {
        let mut reader = Reader::new(json, self.at);
        let mut left = budget.max(1);
        while left > 0 && out.len() < BATCH_SAMPLES {
            if matches!(self.stage, Stage::Ended) {
                return true;
            }
            let before = reader.at();
            match self.advance(json, &mut reader, before.saturating_add(left), out) {
                Ok(()) => {}
                Err(fatal) => self.end_with(fatal, out),
            }
            // Going back to an object's points costs nothing but reading them.
            left = left.saturating_sub(1 + reader.at().saturating_sub(before));
        }
        self.at = reader.at();
        matches!(self.stage, Stage::Ended)
    }

    /// What the names of the samples are spans of.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The samples given out so far were taken: their names are needed no longer.
    pub fn forget_names(&mut self) {
        self.text.clear();
        self.object.forget_names();
    }

    /// What was refused so far.
    pub fn errors(&self) -> &Errors {
        &self.errors
    }

    fn end_with(&mut self, fatal: Fatal, out: &mut Samples) {
        match fatal {
            Fatal::NoContent(times) => {
                (0..times).for_each(|_| self.errors.push(NO_CONTENT.to_owned()));
            }
            Fatal::Told(told) => self.errors.push(told),
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
        out: &mut Samples,
    ) -> Result<(), Fatal> {
        match self.stage {
            Stage::Start => self.start(json, reader),
            Stage::Objects { first } => self.next_object(reader, first),
            Stage::Fields { first } => {
                let stage = self.field(json, reader, first);
                self.stage = stage.map_err(|fault| self.in_object(fault))?;
                Ok(())
            }
            Stage::Tags { first } => self.tag(json, reader, first),
            Stage::Skipping(mut skip) => {
                let done = skip.step(reader, until);
                self.stage = match done.map_err(|fault| self.in_object(fault))? {
                    true => Stage::Fields { first: false },
                    false => Stage::Skipping(skip),
                };
                Ok(())
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
                    None => self.next_stage(),
                };
                Ok(())
            }
            Stage::Points { .. }
            | Stage::Point { .. }
            | Stage::InPoint { .. }
            | Stage::NoPoint { .. } => {
                let stage = self.points(json, reader, until, out);
                self.stage = stage.map_err(|fault| self.in_object(fault))?;
                Ok(())
            }
            Stage::Ended => Ok(()),
        }
    }

    fn in_object(&self, fault: Fault) -> Fatal {
        Fatal::Told(format!("metric[{}]: {fault}", self.number))
    }

    fn start<'a>(&mut self, json: &'a [u8], reader: &mut Reader<'a>) -> Result<(), Fatal> {
        if u32::try_from(json.len()).is_err() {
            return Err(Fatal::Told("a body has less than 4 GiB".to_owned()));
        }
        let mark = b"\xef\xbb\xbf";
        if json.starts_with(mark) {
            *reader = Reader::new(json, mark.len());
        }
        reader.blanks();
        self.stage = match reader.peek() {
            Some(b'[') => {
                reader.pass();
                Stage::Objects { first: true }
            }
            Some(b'{') => {
                self.alone = true;
                reader.pass();
                Stage::Fields { first: true }
            }
            Some(_) => return Err(Fatal::Told("Invalid start of json.".to_owned())),
            None => return Err(Fatal::NoContent(1)),
        };
        Ok(())
    }

    /// The level of the array is not lenient in KairosDB either.
    fn next_object(&mut self, reader: &mut Reader, first: bool) -> Result<(), Fatal> {
        reader.blanks();
        if reader.peek() == Some(b']') {
            self.stage = Stage::Ended;
            return Ok(());
        }
        if !first {
            match reader.peek() {
                Some(b',') => reader.pass(),
                Some(_) => return Err(self.expected(reader, "a comma or the end of the array")),
                None => return Err(Fatal::NoContent(2)),
            }
            reader.blanks();
        }
        match reader.peek() {
            Some(b'{') => {
                reader.pass();
                self.object.clear();
                self.stage = Stage::Fields { first: true };
                Ok(())
            }
            Some(_) => Err(self.expected(reader, "a metric object")),
            None => Err(Fatal::NoContent(2)),
        }
    }

    fn expected(&self, reader: &Reader, wanted: &'static str) -> Fatal {
        self.in_object(Fault::Broken {
            at: reader.at(),
            wanted,
        })
    }

    fn next_stage(&mut self) -> Stage {
        self.number += 1;
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
