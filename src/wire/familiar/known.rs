//! Stands in for the index in tests of decoders that learn series.

use std::collections::HashMap;

use crate::model::sample::{Samples, Span};

/// Names by their numbers, and the other way round.
#[derive(Default)]
pub(crate) struct Known {
    names: Vec<Vec<u8>>,
    numbers: HashMap<Vec<u8>, u32>,
}

impl Known {
    /// The name that is a span of `text`, or a number that was given out here.
    pub(crate) fn name<'a>(&'a self, name: Span, text: &'a [u8]) -> &'a [u8] {
        match name.series() {
            Some(number) => &self.names[number as usize],
            None => name.of(text),
        }
    }

    /// The number of each name of `samples`.
    pub(crate) fn series(&mut self, samples: &Samples, text: &[u8]) -> Vec<u32> {
        let number = |name: &Span| {
            if let Some(number) = name.series() {
                return number;
            }
            let name = name.of(text).to_vec();
            let next = self.names.len() as u32;
            *self.numbers.entry(name.clone()).or_insert_with(|| {
                self.names.push(name);
                next
            })
        };
        samples.names.iter().map(number).collect()
    }
}
