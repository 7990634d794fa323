//! The points of one group on their way through aggregators.

use std::sync::Arc;

/// What the values of a stream are. Whole numbers and floats are of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Numbers.
    Number,
    /// Texts.
    Text,
}

impl Kind {
    /// KairosDB's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Number => "number",
            Kind::Text => "text",
        }
    }
}

/// One value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A whole number, exact.
    Long(i64),
    /// A float.
    Double(f64),
    /// A text, by its place in the [`Texts`] of the query.
    Text(u32),
    /// Nothing: what `gaps` tells of a bucket without points.
    Null,
}

/// One point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Milliseconds since the epoch.
    pub time: i64,
    /// Its value.
    pub value: Value,
}

/// Points in the order of their times, or against it where the query says so; of one time there may be
/// several.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    /// What the values are.
    pub kind: Kind,
    /// The points.
    pub points: Vec<Point>,
}

/// The texts that the values of a query refer to.
#[derive(Clone, Debug, Default)]
pub struct Texts(Vec<Arc<str>>);

impl Texts {
    /// Take one in; gives its place.
    pub fn push(&mut self, text: Arc<str>) -> u32 {
        self.0.push(text);
        (self.0.len() - 1) as u32
    }

    /// The text at a place that [`Texts::push`] gave.
    pub fn get(&self, place: u32) -> &str {
        &self.0[place as usize]
    }
}
