//! The fields of a metric object and its tags, one step at a time.

use super::super::json::{Fault, Kind, Reader, Scalar, Skip};
use super::{Decoder, Halt, Stage, errors, is_empty_array, values};
use crate::model::series::TAGS_MAX;

impl Decoder {
    /// One field of an object, or its end. Of a field that is there twice the last counts.
    pub(super) fn field(
        &mut self,
        json: &[u8],
        reader: &mut Reader,
        first: bool,
    ) -> Result<Stage, Fault> {
        let mut first = first;
        let Some(name) = reader.member(&mut first)? else {
            return Ok(Stage::Whole { end: reader.at() });
        };
        reader.blanks_and_comments()?;
        let at = reader.at();
        let broken = |wanted| Err(Fault::Broken { at, wanted });
        let value = reader.value()?;
        let is_plain = !matches!(value.kind, Kind::Array | Kind::Object);
        let object = &mut self.object;
        match &*name.text(json) {
            "name" if is_plain => object.name = unless_null(value),
            "name" => return broken("a text, the name"),
            "type" if is_plain => object.kind = unless_null(value),
            "type" => return broken("a text, the type"),
            "timestamp" => match values::whole_field(json, value) {
                Some(time_ms) => object.timestamp_ms = time_ms,
                None => return broken("a whole number of 64 bits, the timestamp"),
            },
            "time" => match values::whole_field(json, value) {
                Some(time_ms) => object.time_ms = time_ms,
                None => return broken("a whole number of 64 bits, the time"),
            },
            "ttl" => {
                let seconds = values::whole_field(json, value);
                let seconds = seconds.and_then(|s| i32::try_from(s.unwrap_or(0)).ok());
                match seconds {
                    Some(seconds) => object.ttl_seconds = seconds,
                    None => return broken("a whole number of 32 bits, the ttl in seconds"),
                }
            }
            "skip_validate" => {
                let is_true = value.bytes(json).eq_ignore_ascii_case(b"true");
                object.skip_validate = value.kind == Kind::Bool && is_true;
            }
            "value" => object.value = Some((value, is_empty_array(value, reader)?)),
            "datapoints" => match value.kind {
                Kind::Null => object.datapoints = None,
                Kind::Array => object.datapoints = Some(reader.at()),
                _ => return broken("an array of points"),
            },
            "tags" => {
                object.clear_tags();
                match value.kind {
                    Kind::Null => {}
                    Kind::Object => return Ok(Stage::Tags { first: true }),
                    Kind::Array if is_empty_array(value, reader)? => {}
                    _ => return broken("an object of tags"),
                }
            }
            _ => {}
        }
        Ok(if is_plain {
            Stage::Fields { first: false }
        } else {
            Stage::Skipping(Skip::new(value.kind))
        })
    }

    pub(super) fn tag(
        &mut self,
        json: &[u8],
        reader: &mut Reader,
        first: bool,
    ) -> Result<(), Halt> {
        let mut first = first;
        let read = reader.member(&mut first).and_then(|name| match name {
            Some(name) => Ok(Some((name, reader.value()?))),
            None => Ok(None),
        });
        let Some((key, value)) = read.map_err(|fault| self.in_object(fault, json, reader))? else {
            self.stage = Stage::Fields { first: false };
            return Ok(());
        };
        if matches!(value.kind, Kind::Array | Kind::Object) {
            return Err(self.expected(reader, "a text, the tag's value"));
        }
        if self.object.tags.len() < TAGS_MAX {
            let known = &self.object.tags;
            if known.iter().any(|tag| tag.0.text(json) == key.text(json)) {
                let key = errors::shortened(&key.text(json));
                return Err(Halt::Told(format!("duplicate key: {key}")));
            }
            self.object.tags.push((key, unless_null(value)));
        } else {
            self.object.has_more_tags = true;
        }
        self.stage = Stage::Tags { first: false };
        Ok(())
    }
}

fn unless_null(value: Scalar) -> Option<Scalar> {
    Some(value).filter(|value| value.kind != Kind::Null)
}
