//! The second look at an object: its `datapoints`, one step at a time.

use super::super::json::{Element, Fault, Kind, Reader, Scalar, Skip};
use super::object::{Held, Point};
use super::{BATCH_SAMPLES, Decoder, Stage, is_empty_array, quick, usual};
use crate::model::sample::Samples;
use crate::model::series::Values;
use crate::simd::Scanner;

impl Decoder {
    /// Read `datapoints` of a good object: the next element, or the next part of one.
    pub(super) fn points<'a>(
        &mut self,
        json: &'a [u8],
        reader: &mut Reader<'a>,
        until: usize,
        scanner: Scanner,
        out: &mut Samples,
    ) -> Result<Stage, Fault> {
        match self.stage {
            Stage::Points { first, end } => {
                let mut first = self.usual_points(json, reader, (first, until), scanner, out);
                if until <= reader.at() || BATCH_SAMPLES <= out.len() {
                    return Ok(Stage::Points { first, end });
                }
                self.object.point = Point::default();
                let kind = match reader.element(&mut first)? {
                    Element::End => {
                        *reader = Reader::new(json, end);
                        return Ok(self.next_stage(1));
                    }
                    Element::Value => reader.value()?.kind,
                    Element::Hole => Kind::Null,
                };
                match kind {
                    Kind::Array => return Ok(Stage::Point { first: true, end }),
                    Kind::Object => {
                        let skip = Skip::new(kind);
                        return Ok(Stage::NoPoint { skip, end });
                    }
                    _ => {}
                }
                self.end_point(json, out);
                Ok(Stage::Points { first, end })
            }
            Stage::Point { first, end } => {
                let mut first = first;
                let part = match reader.element(&mut first)? {
                    Element::End => {
                        self.end_point(json, out);
                        return Ok(Stage::Points { first: false, end });
                    }
                    Element::Hole => Scalar::default(),
                    Element::Value => reader.value()?,
                };
                let is_empty = is_empty_array(part, reader)?;
                self.object.point.push(part, is_empty);
                Ok(match part.kind {
                    Kind::Array | Kind::Object => Stage::InPoint {
                        skip: Skip::new(part.kind),
                        end,
                    },
                    _ => Stage::Point { first, end },
                })
            }
            Stage::InPoint { mut skip, end } => Ok(match skip.step(reader, until)? {
                true => Stage::Point { first: false, end },
                false => Stage::InPoint { skip, end },
            }),
            Stage::NoPoint { mut skip, end } => {
                if !skip.step(reader, until)? {
                    return Ok(Stage::NoPoint { skip, end });
                }
                self.end_point(json, out);
                Ok(Stage::Points { first: false, end })
            }
            other => Ok(other),
        }
    }

    /// The usual ones among them, as far as they go.
    fn usual_points<'a>(
        &mut self,
        json: &'a [u8],
        reader: &mut Reader<'a>,
        (first, until): (bool, usize),
        scanner: Scanner,
        out: &mut Samples,
    ) -> bool {
        let kind = match self.object.default_kind(json).as_deref() {
            None => None,
            Some("long") => Some(Values::Long),
            Some("double") => Some(Values::Double),
            Some(_) => return first,
        };
        if self.is_lenient {
            return first;
        }
        let mut held = Held {
            json,
            number: self.number,
            text: &mut self.text,
            errors: &mut self.errors,
            out,
        };
        let object = &mut self.object;
        let take = |time_ms, values, number| {
            let Some((values, number)) = usual::of_kind(values, number, kind) else {
                return false;
            };
            if BATCH_SAMPLES <= held.out.len() {
                return false;
            }
            object.put_number(time_ms, values, number, &mut held);
            true
        };
        let list = (reader.at(), first);
        let (at, first) = quick::pairs(scanner, json, list, until, take);
        *reader = Reader::new(json, at);
        first
    }

    fn end_point(&mut self, json: &[u8], out: &mut Samples) {
        let mut held = Held {
            json,
            number: self.number,
            text: &mut self.text,
            errors: &mut self.errors,
            out,
        };
        self.object.settle_point(&mut held);
    }
}
