//! The values of a series over any rounds, without walking there from the first one each time.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::workload::Workload;

/// Rounds between two states that are remembered.
const STRIDE: u64 = 1024;

/// Millionths in a whole: every value is a whole number of them.
pub const MICRO: f64 = 1e6;

/// Values made again from the seed; remembers a state of each series now and then.
#[derive(Debug)]
pub struct Truth {
    workload: Arc<Workload>,
    /// By place: the scaled number before round 0, `STRIDE`, and so on.
    states: HashMap<u64, Vec<u32>>,
}

impl Truth {
    /// Of a workload without churn: the first generation of each place is the only one.
    pub fn new(workload: Arc<Workload>) -> Truth {
        Truth {
            workload,
            states: HashMap::new(),
        }
    }

    /// What is known.
    pub fn workload(&self) -> &Workload {
        &self.workload
    }

    /// The values of a place in these rounds, in millionths.
    pub fn values(&mut self, place: u64, rounds: Range<u64>) -> impl Iterator<Item = u64> + use<> {
        let kind = self.workload.kind(place);
        let key = self.workload.key(place, 0);
        let states = self.states.entry(place).or_default();
        if states.is_empty() {
            states.push(kind.origin(key));
        }
        let wanted = rounds.start / STRIDE;
        while (states.len() as u64) <= wanted {
            let before = (states.len() as u64 - 1) * STRIDE;
            let last = states.last().copied().unwrap_or_default();
            states.push(kind.pass(last, key, before..before + STRIDE));
        }
        let begin = wanted * STRIDE;
        let state = states.get(wanted as usize).copied().unwrap_or_default();
        let mut state = kind.pass(state, key, begin..rounds.start);
        let factor = 10_u64.pow(6 - u32::from(kind.decimals()));
        rounds.map(move |round| {
            state = kind.next(state, key, round);
            u64::from(state) * factor
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Parameters;

    #[test]
    fn any_rounds_are_as_the_workload_makes_them() {
        let workload = Arc::new(Workload::new(Parameters::default()).expect("valid"));
        let mut truth = Truth::new(Arc::clone(&workload));
        for place in 0..40 {
            let all: Vec<f64> = workload
                .points(place, 0, 0..3_000)
                .map(|(_, value)| value.as_f64())
                .collect();
            for rounds in [2_500..2_503_u64, 0..5, 1_023..1_030, 1_024..1_025, 0..3_000] {
                let range = rounds.start as usize..rounds.end as usize;
                let values: Vec<f64> = truth
                    .values(place, rounds)
                    .map(|value| value as f64 / MICRO)
                    .collect();
                assert_eq!(values, all[range], "place {place}");
            }
        }
    }
}
