//! OpenTSDB's `POST /api/put`: one object `{"metric", "timestamp", "value", "tags"}`, or an array of them.
//!
//! Takes the whole body; gives samples whose names are spans of a text of the decoder's own, in the form of
//! [`kairos_sent`](super::kairos_sent), and what failed with why, in OpenTSDB's words where it has some.
//! Works in slices, and of one object keeps nothing but where its fields are. What is wrong with an object
//! costs that object; what is no JSON costs the rest of the body.
//!
//! A value with a dot or an exponent is a double, any other a whole number of 64 bits; both may be texts.
//! A timestamp above 9999999999 is in milliseconds, others are in seconds, whose fraction is cut off.

mod datapoint;
#[cfg(test)]
mod tests;

use super::json::{Fault, Kind, Reader, Skip};
use crate::model::refusal::Reason;
use crate::model::sample::Samples;
use crate::model::series::TAGS_MAX;
use datapoint::Datapoint;
pub use datapoint::Failed;

/// Samples after which a slice ends: the caller takes them before it goes on.
pub const BATCH_SAMPLES: usize = 4_096;

/// Failed datapoints that are kept to be told.
const FAILED_MAX: usize = 100;
/// Bytes of their texts.
const FAILED_BYTES_MAX: usize = 64 * 1024;

/// One body under way.
#[derive(Default)]
pub struct Decoder {
    at: usize,
    stage: Stage,
    /// Whether the body is one object without an array around it.
    alone: bool,
    datapoint: Datapoint,
    text: Vec<u8>,
    report: Report,
}

/// What became of the objects of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Given out.
    pub good: u64,
    /// Refused.
    pub failed: u64,
    /// The first of those that were refused.
    pub told: Vec<Failed>,
    told_bytes: usize,
    /// Why nothing further was read, if the body is no such JSON.
    pub broken: Option<String>,
}

impl Report {
    fn fail(&mut self, failed: Failed) {
        self.failed += 1;
        let bytes = failed.bytes();
        if self.told.len() < FAILED_MAX && self.told_bytes + bytes <= FAILED_BYTES_MAX {
            self.told_bytes += bytes;
            self.told.push(failed);
        }
    }
}

/// What is to be read next. `first` as in [`Reader::element`].
#[derive(Clone, Copy, Default)]
enum Stage {
    #[default]
    Start,
    Objects {
        first: bool,
    },
    Fields {
        first: bool,
    },
    Tags {
        first: bool,
    },
    /// What is inside a value that nobody wants.
    Skipping(Skip),
    Ended,
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
                Ok(stage) => self.stage = stage,
                Err(fault) => {
                    self.report.broken = Some(fault.to_string());
                    out.refuse(Reason::Json);
                    self.stage = Stage::Ended;
                }
            }
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
    }

    /// What became of the objects so far.
    pub fn report(&self) -> &Report {
        &self.report
    }

    fn advance<'a>(
        &mut self,
        json: &'a [u8],
        reader: &mut Reader<'a>,
        until: usize,
        out: &mut Samples,
    ) -> Result<Stage, Fault> {
        match self.stage {
            Stage::Start => self.start(json, reader),
            Stage::Objects { first } => self.next_object(reader, first),
            Stage::Fields { first } => self.field(json, reader, first, out),
            Stage::Tags { first } => self.tag(reader, first),
            Stage::Skipping(mut skip) => Ok(match skip.step(reader, until)? {
                true => Stage::Fields { first: false },
                false => Stage::Skipping(skip),
            }),
            Stage::Ended => Ok(Stage::Ended),
        }
    }

    fn start<'a>(&mut self, json: &'a [u8], reader: &mut Reader<'a>) -> Result<Stage, Fault> {
        let broken = |at, wanted| Err(Fault::Broken { at, wanted });
        if u32::try_from(json.len()).is_err() {
            return broken(0, "less than 4 GiB");
        }
        let mark = b"\xef\xbb\xbf";
        if json.starts_with(mark) {
            *reader = Reader::new(json, mark.len());
        }
        reader.blanks();
        match reader.peek() {
            Some(b'[') => {
                reader.pass();
                Ok(Stage::Objects { first: true })
            }
            Some(b'{') => {
                self.alone = true;
                reader.pass();
                Ok(Stage::Fields { first: true })
            }
            Some(_) => broken(reader.at(), "an object or an array of objects"),
            None => Err(Fault::End),
        }
    }

    fn next_object(&mut self, reader: &mut Reader, first: bool) -> Result<Stage, Fault> {
        let mut first = first;
        reader.blanks();
        if reader.peek() == Some(b']') {
            return Ok(Stage::Ended);
        }
        reader.element(&mut first)?;
        let at = reader.at();
        if reader.value()?.kind != Kind::Object {
            let wanted = "an object";
            return Err(Fault::Broken { at, wanted });
        }
        self.datapoint.clear();
        Ok(Stage::Fields { first: true })
    }

    /// One field of an object, or its end. Of a field that is there twice the last counts.
    fn field(
        &mut self,
        json: &[u8],
        reader: &mut Reader,
        first: bool,
        out: &mut Samples,
    ) -> Result<Stage, Fault> {
        let mut first = first;
        let Some(name) = reader.member(&mut first)? else {
            match self.datapoint.settle(json, &mut self.text, out) {
                Ok(()) => self.report.good += 1,
                Err(failed) => self.report.fail(failed),
            }
            return Ok(match self.alone {
                true => Stage::Ended,
                false => Stage::Objects { first: false },
            });
        };
        let value = reader.value()?;
        let datapoint = &mut self.datapoint;
        match name.bytes(json) {
            b"metric" => datapoint.metric = value,
            b"timestamp" => datapoint.timestamp = value,
            b"value" => datapoint.value = value,
            b"tags" => {
                datapoint.clear_tags();
                if value.kind == Kind::Object {
                    return Ok(Stage::Tags { first: true });
                }
            }
            _ => {}
        }
        Ok(match value.kind {
            Kind::Array | Kind::Object => Stage::Skipping(Skip::new(value.kind)),
            _ => Stage::Fields { first: false },
        })
    }

    fn tag(&mut self, reader: &mut Reader, first: bool) -> Result<Stage, Fault> {
        let mut first = first;
        let Some(key) = reader.member(&mut first)? else {
            return Ok(Stage::Fields { first: false });
        };
        let at = reader.at();
        let value = reader.value()?;
        if matches!(value.kind, Kind::Array | Kind::Object) {
            let wanted = "a text, the tag's value";
            return Err(Fault::Broken { at, wanted });
        }
        let datapoint = &mut self.datapoint;
        if datapoint.tags.len() < TAGS_MAX {
            datapoint.tags.push((key, value));
        } else {
            datapoint.has_more_tags = true;
        }
        Ok(Stage::Tags { first: false })
    }
}
