//! Binary forms of answers: pickle and msgpack, which hold the same lists of maps, and protobuf.
//!
//! Takes values, appends bytes, never fails; knows nothing of requests. Own code, because an answer is
//! written in pieces between which the core does other work: `serde-pickle`, `rmp-serde` and `prost` write
//! a message as a whole. Tested against what graphite-web itself reads, and against other readers.

mod msgpack;
mod pickle;
pub(super) mod protobuf;

use crate::base::decimal::integer;

/// Which of the two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// Python's pickle, protocol 2, of plain data: every Python since 2.3 reads it.
    Pickle,
    /// Msgpack as of 2013: texts are texts.
    Msgpack,
}

impl Packing {
    /// The form that a request calls so.
    pub(super) fn named(name: &str) -> Option<Packing> {
        match name {
            "pickle" => Some(Packing::Pickle),
            "msgpack" => Some(Packing::Msgpack),
            _ => None,
        }
    }

    /// Its media type, as graphite-web calls it.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Packing::Pickle => "application/pickle",
            Packing::Msgpack => "application/x-msgpack",
        }
    }

    /// What stands before the one value of a document.
    pub(super) fn begin(self, out: &mut Vec<u8>) {
        match self {
            Packing::Pickle => pickle::begin(out),
            Packing::Msgpack => {}
        }
    }

    /// What stands behind it.
    pub(super) fn end(self, out: &mut Vec<u8>) {
        match self {
            Packing::Pickle => pickle::end(out),
            Packing::Msgpack => {}
        }
    }

    /// Begin a list of `count` values, which follow; [`Packing::end_list`] stands behind them.
    pub(super) fn begin_list(self, count: usize, out: &mut Vec<u8>) {
        match self {
            Packing::Pickle => pickle::begin_list(count, out),
            Packing::Msgpack => msgpack::push_list(count, out),
        }
    }

    /// A document that is a list of nothing.
    pub(super) fn empty_list(self) -> Vec<u8> {
        let mut out = Vec::new();
        self.begin(&mut out);
        self.begin_list(0, &mut out);
        self.end_list(0, &mut out);
        self.end(&mut out);
        out
    }

    /// End a list of `count` values.
    pub(super) fn end_list(self, count: usize, out: &mut Vec<u8>) {
        match self {
            Packing::Pickle => pickle::end_list(count, out),
            Packing::Msgpack => {}
        }
    }

    /// Begin a map of `count` texts, each with its value; there is at least one.
    pub(super) fn begin_map(self, count: usize, out: &mut Vec<u8>) {
        match self {
            Packing::Pickle => pickle::begin_map(out),
            Packing::Msgpack => msgpack::push_map(count, out),
        }
    }

    /// End a map.
    pub(super) fn end_map(self, out: &mut Vec<u8>) {
        match self {
            Packing::Pickle => pickle::end_map(out),
            Packing::Msgpack => {}
        }
    }

    /// Two whole numbers: a tuple where there are tuples.
    pub(super) fn push_pair(self, pair: (i64, i64), out: &mut Vec<u8>) {
        if self == Packing::Msgpack {
            msgpack::push_list(2, out);
        }
        self.push_integer(pair.0, out);
        self.push_integer(pair.1, out);
        if self == Packing::Pickle {
            pickle::end_pair(out);
        }
    }

    /// A text.
    pub(super) fn push_text(self, text: &str, out: &mut Vec<u8>) {
        match self {
            Packing::Pickle => pickle::push_text(text, out),
            Packing::Msgpack => msgpack::push_text(text, out),
        }
    }

    /// A whole number.
    pub(super) fn push_integer(self, number: i64, out: &mut Vec<u8>) {
        match self {
            Packing::Pickle => pickle::push_integer(number, out),
            Packing::Msgpack => msgpack::push_integer(number, out),
        }
    }

    /// A float, also one that is not finite.
    pub(super) fn push_float(self, number: f64, out: &mut Vec<u8>) {
        out.push(match self {
            Packing::Pickle => pickle::FLOAT,
            Packing::Msgpack => msgpack::FLOAT,
        });
        out.extend_from_slice(&number.to_be_bytes());
    }

    /// Yes or no.
    pub(super) fn push_flag(self, flag: bool, out: &mut Vec<u8>) {
        out.push(match (self, flag) {
            (Packing::Pickle, false) => pickle::FALSE,
            (Packing::Pickle, true) => pickle::TRUE,
            (Packing::Msgpack, false) => msgpack::FALSE,
            (Packing::Msgpack, true) => msgpack::TRUE,
        });
    }

    /// Values of a series of whole numbers, and nothing in place of NaN; floats where 64 bits are too few.
    pub(super) fn push_integers(self, values: &[f64], out: &mut Vec<u8>) {
        for value in values {
            match integer(*value) {
                Some(whole) => self.push_integer(whole, out),
                None => self.push_values(&[*value], out),
            }
        }
    }

    /// Values of a series: floats, and nothing in place of NaN.
    pub(super) fn push_values(self, values: &[f64], out: &mut Vec<u8>) {
        let (float, none) = match self {
            Packing::Pickle => (pickle::FLOAT, pickle::NONE),
            Packing::Msgpack => (msgpack::FLOAT, msgpack::NONE),
        };
        for value in values {
            if value.is_nan() {
                out.push(none);
            } else {
                out.push(float);
                out.extend_from_slice(&value.to_be_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests;
