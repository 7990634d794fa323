//! What an answer must say, made again from the seed.
//!
//! Takes a panel and the window that it was asked for, gives for each slot of each series the least
//! and the most that its value may be, and whether it must be there. Of a slot whose points must all
//! be visible these two are one number. Sums are made of whole millionths, so they are exact, and
//! only the server's own rounding is left to be granted ([`TOLERANCE`]).

use std::collections::BTreeSet;

use super::Window;
use super::panel::{Kind, MOVING_POINTS, Panel, SUMMARIZED_POINTS};
use super::truth::{MICRO, Truth};

/// How far a computed value may be off, as a share of it: a thousand floats added in any order stay
/// well below.
pub const TOLERANCE: f64 = 1e-12;

/// What an answer must be.
#[derive(Debug, Clone, PartialEq)]
pub enum Want {
    /// Of `/render`.
    Series(Vec<Line>),
    /// Of `/metrics/find`: the id of each node, and whether all must be there.
    Nodes(BTreeSet<String>, bool),
}

/// One series.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it is called; none where it is the only one, and its name is the server's choice.
    pub name: Option<String>,
    /// Time of its first slot, seconds since 1970.
    pub start_s: u64,
    /// Seconds from one slot to the next.
    pub step_s: u64,
    /// Its slots.
    pub slots: Vec<Bounds>,
}

/// What may be in a slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
    /// True if the slot must have a value.
    pub sure: bool,
}

/// Points that are made into one value.
#[derive(Debug, Clone, Copy)]
struct Heap {
    /// Sum, least and most in millionths of all, and how many there are.
    sum: u64,
    least: u64,
    most: u64,
    count: u64,
    /// How many must be visible.
    sure: u64,
}

const EMPTY: Heap = Heap {
    sum: 0,
    least: u64::MAX,
    most: 0,
    count: 0,
    sure: 0,
};

impl Heap {
    fn add(&mut self, value: u64, sure: bool) {
        self.sum += value;
        self.least = self.least.min(value);
        self.most = self.most.max(value);
        self.count += 1;
        self.sure += u64::from(sure);
    }

    fn join(&mut self, other: &Heap) {
        self.sum += other.sum;
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
        self.count += other.count;
        self.sure += other.sure;
    }

    /// What the average of those that are visible may be.
    fn average(&self) -> Bounds {
        let average = self.sum as f64 / MICRO / self.count.max(1) as f64;
        self.bounds(average, self.least as f64 / MICRO, self.most as f64 / MICRO)
    }

    /// What their sum may be.
    fn sum(&self) -> Bounds {
        let sum = self.sum as f64 / MICRO;
        self.bounds(sum, self.least as f64 / MICRO, sum)
    }

    fn bounds(&self, whole: f64, least: f64, most: f64) -> Bounds {
        let (least, most) = if self.sure == self.count {
            (whole, whole)
        } else {
            (least, most)
        };
        Bounds {
            least: least * (1.0 - TOLERANCE),
            most: most * (1.0 + TOLERANCE),
            sure: 0 < self.sure,
        }
    }
}

/// What the answer to a panel's question for this window must be.
pub fn want(panel: &Panel, truth: &mut Truth, window: Window) -> Want {
    if let Kind::FindLevel | Kind::FindGlob = panel.kind() {
        let nodes = panel.nodes(truth.workload()).into_iter().collect();
        return Want::Nodes(nodes, 0 < window.settled);
    }
    let series = panel.series(truth.workload());
    let lines = series.into_iter().map(|(name, places)| Line {
        name,
        ..line(panel.kind(), truth, &places, window)
    });
    Want::Series(lines.collect())
}

fn line(kind: Kind, truth: &mut Truth, places: &[u64], window: Window) -> Line {
    let lead = if kind == Kind::Moving {
        // The first slots look back behind the window's start.
        window.first.min(MOVING_POINTS - 1)
    } else {
        0
    };
    let first = window.first - lead;
    let heaps = heaps(truth, places, first, window);
    let parameters = truth.workload().parameters();
    let (start_s, step_s) = (
        truth.workload().timestamp_s(window.first),
        parameters.step_s,
    );
    let slots: Vec<Bounds> = match kind {
        Kind::Sum => heaps.iter().map(Heap::sum).collect(),
        Kind::Group => heaps.iter().map(Heap::average).collect(),
        Kind::Summarize => return summarized(&heaps, start_s, step_s),
        Kind::Moving => (lead as usize..heaps.len())
            .map(|last| {
                let begin = (last + 1).saturating_sub(MOVING_POINTS as usize);
                joined(heaps.get(begin..=last).unwrap_or_default()).average()
            })
            .collect(),
        _ => heaps.iter().map(exactly).collect(),
    };
    Line {
        name: None,
        start_s,
        step_s,
        slots,
    }
}

/// The one point of a slot, to the last bit.
fn exactly(heap: &Heap) -> Bounds {
    let value = heap.sum as f64 / MICRO;
    Bounds {
        least: value,
        most: value,
        sure: 0 < heap.sure,
    }
}

/// For each round from `first` to the window's end the points of all these places.
fn heaps(truth: &mut Truth, places: &[u64], first: u64, window: Window) -> Vec<Heap> {
    let mut heaps = vec![EMPTY; window.end.saturating_sub(first) as usize];
    let sure = window.settled.saturating_sub(first) as usize;
    for &place in places {
        let values = truth.values(place, first..window.end);
        for (at, (heap, value)) in heaps.iter_mut().zip(values).enumerate() {
            heap.add(value, at < sure);
        }
    }
    heaps
}

fn joined(heaps: &[Heap]) -> Heap {
    heaps.iter().fold(EMPTY, |mut all, heap| {
        all.join(heap);
        all
    })
}

/// Buckets begin at multiples of their length, so the first may be a part of one.
fn summarized(heaps: &[Heap], start_s: u64, step_s: u64) -> Line {
    let interval_s = step_s * SUMMARIZED_POINTS;
    let head = (interval_s - start_s % interval_s) / step_s;
    let (part, rest) = heaps.split_at(heaps.len().min(head as usize));
    let buckets = std::iter::once(part).chain(rest.chunks(SUMMARIZED_POINTS as usize));
    Line {
        name: None,
        start_s: start_s - start_s % interval_s,
        step_s: interval_s,
        slots: buckets.map(|bucket| joined(bucket).average()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::workload::{Parameters, Workload};

    fn workload() -> Arc<Workload> {
        let parameters = Parameters {
            series: 3_200,
            ..Parameters::default()
        };
        Arc::new(Workload::new(parameters).expect("valid"))
    }

    fn lines(kind: Kind, window: Window) -> (Vec<Line>, Vec<Vec<Vec<f64>>>) {
        let workload = workload();
        let panel = Panel::new(kind, 3, &workload);
        let mut truth = Truth::new(Arc::clone(&workload));
        let Want::Series(lines) = want(&panel, &mut truth, window) else {
            panic!("series are wanted");
        };
        let sent = panel.series(&workload).into_iter().map(|(_, places)| {
            let values = |place| {
                let points = workload.points(place, 0, 0..window.end);
                points.map(|(_, value)| value.as_f64()).collect()
            };
            places.into_iter().map(values).collect()
        });
        let sent = sent.collect();
        (lines, sent)
    }

    fn settled(first: u64, end: u64) -> Window {
        Window {
            first,
            end,
            settled: end,
        }
    }

    #[track_caller]
    fn near(bounds: Bounds, value: f64) {
        assert!(bounds.sure);
        let range = bounds.least * (1.0 - 1e-11)..=bounds.most * (1.0 + 1e-11);
        assert!(range.contains(&value), "{value} {bounds:?}");
        assert!(bounds.most - bounds.least <= 1e-11 * value, "{bounds:?}");
    }

    #[test]
    fn raw_values_are_exact() {
        let (lines, sent) = lines(Kind::Raw, settled(5, 25));
        assert_eq!(lines.len(), 32);
        for (line, sent) in lines.iter().zip(&sent) {
            assert_eq!(line.start_s, 1_700_000_005);
            let values: Vec<f64> = line.slots.iter().map(|slot| slot.least).collect();
            assert_eq!(values, sent[0][5..25]);
            assert!(line.slots.iter().all(|slot| slot.least == slot.most));
        }
    }

    #[test]
    fn sums_and_averages_are_those_of_the_points() {
        let (sums, sent) = lines(Kind::Sum, settled(5, 25));
        assert_eq!(sent[0].len(), 100);
        for (at, slot) in sums[0].slots.iter().enumerate() {
            near(*slot, sent[0].iter().map(|values| values[5 + at]).sum());
        }
        let (groups, sent) = lines(Kind::Group, settled(0, 9));
        assert_eq!(groups.len(), 10);
        for (line, sent) in groups.iter().zip(&sent) {
            let sum: f64 = sent.iter().map(|values| values[8]).sum();
            near(line.slots[8], sum / 32.0);
        }
    }

    #[test]
    fn buckets_begin_at_multiples() {
        // 1,700,000,005 is 25 s behind a whole minute.
        let (lines, sent) = lines(Kind::Summarize, settled(5, 105));
        let line = &lines[0];
        assert_eq!(
            (line.start_s, line.step_s, line.slots.len()),
            (1_699_999_980, 60, 3)
        );
        let average = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        near(line.slots[0], average(&sent[0][0][5..40]));
        near(line.slots[1], average(&sent[0][0][40..100]));
        near(line.slots[2], average(&sent[0][0][100..105]));
    }

    #[test]
    fn moving_averages_look_back_behind_the_start() {
        let average = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        for first in [0, 3, 9, 50] {
            let (lines, sent) = lines(Kind::Moving, settled(first, first + 20));
            assert_eq!(lines[0].slots.len(), 20);
            for (at, slot) in lines[0].slots.iter().enumerate() {
                let last = first as usize + at;
                let begin = (last + 1).saturating_sub(10);
                near(*slot, average(&sent[0][0][begin..=last]));
            }
        }
    }

    #[test]
    fn what_may_be_on_its_way_may_be_missing() {
        let window = Window {
            first: 0,
            end: 20,
            settled: 15,
        };
        let (raw, _) = lines(Kind::Raw, window);
        let sure: Vec<bool> = raw[0].slots.iter().map(|slot| slot.sure).collect();
        assert_eq!(sure.iter().filter(|sure| **sure).count(), 15);
        let (sums, sent) = lines(Kind::Sum, window);
        let slot = sums[0].slots[17];
        assert!(!slot.sure && slot.least < slot.most);
        let part: f64 = sent[0].iter().take(50).map(|values| values[17]).sum();
        assert!((slot.least..=slot.most).contains(&part));
        let (moving, _) = lines(Kind::Moving, window);
        assert!(moving[0].slots[17].sure, "some of its points must be there");
        let (summarized, _) = lines(Kind::Summarize, window);
        assert!(summarized[0].slots.iter().all(|slot| slot.sure));
    }
}
