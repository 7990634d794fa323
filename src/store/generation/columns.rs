//! All points of a series in columns, as wide as the sealer needs them.

use std::ops::Range;
use std::sync::Arc;

use super::reads::Reads;
use super::unpack::Unpacked;
use crate::model::number::Number;
use crate::store::stretch::Column;

/// Points in columns.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub times: Vec<i64>,
    /// Where the series is ordered; else empty.
    pub stamps: Vec<u64>,
    mantissas: Vec<i64>,
    /// The scale of all mantissas, while `scales` is empty.
    scale: u8,
    /// The scale of each, if they differ.
    scales: Vec<u8>,
}

impl Columns {
    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    pub(super) fn clear(&mut self) {
        self.times.clear();
        self.stamps.clear();
        self.mantissas.clear();
        self.scales.clear();
    }

    /// Forget the first `count` points.
    pub(super) fn drop_first(&mut self, count: usize) {
        self.times.drain(..count);
        self.mantissas.drain(..count);
        self.stamps.drain(..count.min(self.stamps.len()));
        self.scales.drain(..count.min(self.scales.len()));
    }

    /// Append the points of a block; their stamps, where the block has them, from `reads`, and else, where
    /// one is given, `stamp` for all of them.
    pub(super) fn extend(&mut self, block: &Unpacked, reads: &Reads, stamp: Option<u64>) {
        let before = self.len();
        self.times.extend_from_slice(block.times());
        self.mantissas.extend_from_slice(block.mantissas());
        if block.ordered {
            reads.extend(block.reads(), &mut self.stamps);
        } else if let Some(stamp) = stamp {
            self.stamps.resize(self.times.len(), stamp);
        }
        match block.scale {
            Some(scale) if before == 0 => self.scale = scale,
            Some(scale) if scale == self.scale && self.scales.is_empty() => {}
            _ => {
                self.mix(before);
                self.scales.extend_from_slice(block.scales());
            }
        }
    }

    /// Append the `i`th point of `others`.
    pub(super) fn push(&mut self, others: &Columns, i: usize) {
        if others.scales.is_empty() {
            self.scale = others.scale;
        } else {
            self.scales.push(others.scales[i]);
        }
        self.times.push(others.times[i]);
        self.mantissas.push(others.mantissas[i]);
        if let Some(&stamp) = others.stamps.get(i) {
            self.stamps.push(stamp);
        }
    }

    /// From here on each mantissa has its own scale; the first `count` have the one of all.
    fn mix(&mut self, count: usize) {
        if self.scales.is_empty() {
            self.scales.resize(count, self.scale);
        }
    }

    /// The values of `range` as one column; `out` is what is used again. Where all points are wanted
    /// and can stay as they are, they move.
    pub(super) fn take_values(&mut self, range: Range<usize>, out: &mut Column) {
        if self.scales.is_empty() {
            *out = Column::Decimal {
                scale: self.scale,
                mantissas: self.take_whole(range, out),
            };
            return;
        }
        let scales = &self.scales[range.clone()];
        let scale = scales.iter().copied().max().unwrap_or_default();
        let mut mantissas = whole_of(out);
        let number = |i: usize| Number {
            mantissa: self.mantissas[i],
            scale: self.scales[i],
        };
        if scale <= Number::SCALE_MAX {
            for i in range.clone() {
                let Some(mantissa) = number(i).mantissa_at(scale) else {
                    break;
                };
                mantissas.push(mantissa);
            }
            if mantissas.len() == range.len() {
                *out = Column::Decimal { scale, mantissas };
                return;
            }
        }
        let mut floats = floats_of(out);
        floats.extend(range.map(|i| number(i).to_f64()));
        *out = Column::Float(floats);
    }

    /// The mantissas of `range`, which are the whole numbers of a series of such.
    pub(super) fn take_whole(&mut self, range: Range<usize>, out: &mut Column) -> Vec<i64> {
        let mut whole = whole_of(out);
        if range == (0..self.mantissas.len()) {
            std::mem::swap(&mut whole, &mut self.mantissas);
        } else {
            whole.extend_from_slice(&self.mantissas[range]);
        }
        whole
    }

    /// The texts whose places the mantissas of `range` are.
    pub(super) fn texts(&self, range: Range<usize>, texts: &[Arc<str>]) -> Vec<Arc<str>> {
        let places = self.mantissas[range].iter();
        places
            .map(|&place| {
                let text = usize::try_from(place).ok().and_then(|i| texts.get(i));
                text.cloned().unwrap_or_else(|| Arc::from(""))
            })
            .collect()
    }
}

/// Empty room for whole numbers: what a column had, if it had that.
fn whole_of(column: &mut Column) -> Vec<i64> {
    let mut whole = match column {
        Column::Decimal { mantissas, .. } => std::mem::take(mantissas),
        Column::Long(whole) => std::mem::take(whole),
        Column::Float(_) | Column::Text(_) => Vec::new(),
    };
    whole.clear();
    whole
}

fn floats_of(column: &mut Column) -> Vec<f64> {
    let mut floats = match column {
        Column::Float(floats) => std::mem::take(floats),
        _ => Vec::new(),
    };
    floats.clear();
    floats
}
