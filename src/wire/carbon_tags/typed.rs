//! Names of the doors of Graphite for the index of an appliance that parses paths: the path as it was sent,
//! with what the values are in front.

use super::super::kairos_sent::{MARK, PATHS};
use super::super::number;
use crate::model::number::Number;
use crate::model::refusal::Reason;
use crate::model::sample::{self, Samples, Span};
use crate::model::series::Values;

/// Bytes of names after which a batch ends, so that the names of a frame that says one name a million times
/// do not all lie in memory.
const BATCH_BYTES: usize = 256 * 1024;

/// How the values of samples are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// By the word behind the name in a line: a dot makes a double.
    Lines,
    /// By the number itself: what is a float, or has a fraction, is a double.
    Items,
}

/// What is said in front of a path, and the path; `None` of any other name.
pub fn path_of(name: &[u8]) -> Option<(Values, &[u8])> {
    match name {
        [MARK, byte, path @ ..] if *byte == PATHS[0] => Some((Values::Double, path)),
        [MARK, byte, path @ ..] if *byte == PATHS[1] => Some((Values::Long, path)),
        _ => None,
    }
}

/// What is in front of a path.
fn kind(values: Values) -> u8 {
    PATHS[usize::from(values == Values::Long)]
}

/// Samples of Graphite's decoders on their way to their new names.
#[derive(Default)]
pub struct Typed {
    text: Vec<u8>,
    samples: Samples,
}

impl Typed {
    /// Take some of `samples`, from `from` on, whose names are spans of `text`; give where to go on, and
    /// what to land. Whole numbers that are none are refused. Call until all are taken.
    pub fn step(
        &mut self,
        source: Source,
        text: &[u8],
        samples: &mut Samples,
        from: usize,
    ) -> (usize, &[u8], &mut Samples) {
        sample::clear(&mut self.text);
        let mut at = from;
        while at < samples.len() && self.text.len() < BATCH_BYTES {
            let (name, time_ms, number) =
                (samples.names[at], samples.times[at], samples.numbers[at]);
            at += 1;
            let told = match source {
                Source::Lines => of_word(value_behind(text, name), number),
                Source::Items => Some(of_number(number)),
            };
            let Some((values, number)) = told else {
                self.samples.refuse(Reason::Value);
                continue;
            };
            let start = self.text.len();
            self.text.extend_from_slice(&[MARK, kind(values)]);
            self.text.extend_from_slice(name.of(text));
            let name = Span {
                start: start as u32,
                len: (self.text.len() - start) as u32,
            };
            self.samples.push(name, time_ms, number);
        }
        if at == samples.len() {
            samples.clear();
            self.samples.refusals.absorb(&mut samples.refusals);
        }
        (at, &self.text, &mut self.samples)
    }
}

/// The word behind a name in its line.
fn value_behind(text: &[u8], name: Span) -> &[u8] {
    let rest = text
        .get((name.start + name.len) as usize..)
        .unwrap_or_default();
    let start = rest
        .iter()
        .position(|&byte| byte > b' ')
        .unwrap_or(rest.len());
    let rest = &rest[start..];
    let len = rest
        .iter()
        .position(|&byte| byte <= b' ')
        .unwrap_or(rest.len());
    &rest[..len]
}

fn of_word(word: &[u8], number: Number) -> Option<(Values, Number)> {
    if word.contains(&b'.') {
        return Some((Values::Double, number));
    }
    Some((Values::Long, Number::long(number::long(word)?)))
}

fn of_number(number: Number) -> (Values, Number) {
    match number.scale {
        0 => (Values::Long, number),
        _ => (Values::Double, number),
    }
}
