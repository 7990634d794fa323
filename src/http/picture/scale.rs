//! The y axis: from which value to which, and where its labels are.
//!
//! A linear axis has steps of 1, 2 or 5 times a power of ten (powers of two for binary units). Of all
//! steps, and numbers of them that the request allows, that one is chosen which leaves least empty
//! around the data.

use super::unit::Units;
use crate::http::errors::Failure;

/// What a request says of an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Bounds {
    /// `None`: from the data, rounded down.
    pub(super) bottom: Option<f64>,
    pub(super) top: Top,
    /// The top is not above it, whatever the data are.
    pub(super) limit: Option<f64>,
    /// From label to label, above 0; `None`: what looks well.
    pub(super) step: Option<f64>,
}

/// Where an axis ends.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Top {
    /// At the data's largest value, rounded up.
    #[default]
    Round,
    /// At the data's largest value.
    Extremum,
    At(f64),
}

/// An axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    /// Below `top`, both finite.
    pub(super) bottom: f64,
    pub(super) top: f64,
    log_base: Option<f64>,
    /// From the bottom up, values with what is written beside them.
    pub(super) labels: Vec<(f64, String)>,
}

/// What the rounding of floats may add or take, in parts of a step.
const SLACK: f64 = 1e-4;
/// Beyond this values are taken for this: sums and differences of them must be finite.
const VALUE_MAX: f64 = 1e300;
/// Steps of an axis; smaller ones are not taken from the request.
const STEPS_MAX: f64 = 200.0;

impl Scale {
    /// A linear axis for `data`, its least and largest value.
    ///
    /// # Errors
    /// Bounds of which the lower is not below the upper.
    pub(super) fn linear(
        data: (f64, f64),
        bounds: &Bounds,
        divisors: &[f64],
        units: Units,
    ) -> Result<Scale, Failure> {
        let range = Range::new(data, bounds)?;
        let binary = units == Units::Binary;
        let mut step = match bounds.step {
            Some(step) => step,
            None => nice_step(range.low, range.high, divisors, binary),
        };
        let (mut bottom, mut top) = range.rounded(step);
        if bounds.step.is_some() && STEPS_MAX * step < top - bottom {
            step = nice_step(bottom, top, divisors, binary);
            (bottom, top) = range.rounded(step);
        }
        Ok(Scale {
            bottom,
            top,
            log_base: None,
            labels: linear_labels(bottom, top, step, units),
        })
    }

    /// A logarithmic axis; `base` is above 1. Data at or below 0 have no place on it, so `data` are those
    /// above.
    ///
    /// # Errors
    /// As [`Scale::linear`], and bounds at or below 0.
    pub(super) fn logarithmic(
        data: (f64, f64),
        bounds: &Bounds,
        base: f64,
        units: Units,
    ) -> Result<Scale, Failure> {
        let top = match bounds.top {
            Top::At(top) => Some(top),
            Top::Round | Top::Extremum => None,
        };
        let given = [bounds.bottom, top, bounds.limit];
        if given.into_iter().flatten().any(|bound| bound <= 0.0) {
            return Err(Failure::invalid(
                "on a logarithmic scale (logBase) yMin, yMax and yLimit must be above 0",
            ));
        }
        let range = Range::new(data, bounds)?;
        // A range is widened around its middle, which may take it below 0.
        let low = range.low.max(f64::MIN_POSITIVE);
        let first = (low.log(base) + SLACK).floor();
        let last = (range.high.log(base) - SLACK).ceil().max(first + 1.0);
        let power = |exponent: f64| {
            let power = base.powf(exponent);
            power.clamp(f64::MIN_POSITIVE, VALUE_MAX)
        };
        // Many powers of a small base: every n-th has a label.
        let every = ((last - first) / LOG_LABELS_MAX).ceil().max(1.0);
        let mut labels = Vec::new();
        let mut exponent = first;
        while exponent <= last {
            let value = power(exponent);
            labels.push((value, units.label(value, None)));
            exponent += every;
        }
        Ok(Scale {
            bottom: power(first),
            top: power(last),
            log_base: Some(base),
            labels,
        })
    }

    /// How high `value` is: 0 at the bottom, 1 at the top, and beyond. `None` where it has no place.
    pub(super) fn height(&self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            return None;
        }
        let value = value.clamp(-VALUE_MAX, VALUE_MAX);
        let height = match self.log_base {
            None => (value - self.bottom) / (self.top - self.bottom),
            Some(_) if value <= 0.0 => return None,
            Some(_) => (value.ln() - self.bottom.ln()) / (self.top.ln() - self.bottom.ln()),
        };
        height.is_finite().then_some(height)
    }

    /// How high the line is from which areas grow: 0, or the bottom of a logarithmic axis.
    pub(super) fn ground(&self) -> f64 {
        self.height(0.0).unwrap_or(0.0)
    }

    /// Where minor grid lines go, `count` of them between one label and the next.
    pub(super) fn minor(&self, count: usize) -> Vec<f64> {
        let mut minor = Vec::new();
        for pair in self.labels.windows(2) {
            let &[(low, _), (high, _)] = pair else {
                continue;
            };
            let apart = (high - low) / (count + 1) as f64;
            minor.extend((1..=count).map(|i| low + apart * i as f64));
        }
        minor
    }
}

/// Labels of a logarithmic axis.
const LOG_LABELS_MAX: f64 = 12.0;

/// What an axis must show, and which of its ends may still be rounded.
struct Range {
    low: f64,
    high: f64,
    low_is_fixed: bool,
    high_is_fixed: bool,
    limit: Option<f64>,
}

impl Range {
    fn new(data: (f64, f64), bounds: &Bounds) -> Result<Range, Failure> {
        let tame = |value: f64| value.clamp(-VALUE_MAX, VALUE_MAX);
        let top = match bounds.top {
            Top::At(top) => Some(top),
            Top::Round | Top::Extremum => None,
        };
        let limit = bounds.limit.map(tame);
        let mut range = Range {
            low: tame(bounds.bottom.unwrap_or(data.0)),
            high: tame(top.unwrap_or(data.1)),
            low_is_fixed: bounds.bottom.is_some(),
            high_is_fixed: top.is_some(),
            limit,
        };
        if let Some(limit) = limit.filter(|limit| *limit < range.high) {
            range.high = limit;
            range.high_is_fixed = true;
        }
        range.part()?;
        range.high_is_fixed |= bounds.top == Top::Extremum;
        Ok(range)
    }

    /// See that its ends are not one, nor the wrong way round.
    fn part(&mut self) -> Result<(), Failure> {
        let least = self.low.abs().max(self.high.abs()) * 1e-12;
        if self.low + least < self.high {
            return Ok(());
        }
        match (self.low_is_fixed, self.high_is_fixed) {
            (true, true) => {
                return Err(Failure::invalid(format!(
                    "yMin, {}, must be below yMax and yLimit, {}",
                    self.low, self.high
                )));
            }
            (true, false) => self.high = self.low + distance(self.low),
            (false, true) => self.low = self.high - distance(self.high),
            (false, false) => {
                let middle = f64::midpoint(self.low, self.high);
                let distance = distance(self.low.abs().max(self.high.abs()));
                (self.low, self.high) = (middle - distance, middle + distance);
            }
        }
        Ok(())
    }

    /// Bottom and top of an axis with such steps.
    fn rounded(&self, step: f64) -> (f64, f64) {
        let mut bottom = self.low;
        if !self.low_is_fixed {
            bottom = step * (self.low / step + SLACK).floor();
        }
        let mut top = self.high;
        if !self.high_is_fixed {
            top = step * (self.high / step - SLACK).ceil();
            if let Some(limit) = self.limit {
                top = top.min(limit);
            }
        }
        if bottom.is_finite() && top.is_finite() && bottom < top {
            (bottom, top)
        } else {
            (self.low, self.high)
        }
    }
}

/// How far the other end of an axis is from the one at `value`.
fn distance(value: f64) -> f64 {
    if value.abs() < 1e-9 {
        1.0
    } else {
        0.1 * value.abs()
    }
}

/// The step that leaves least empty. `low` is below `high`; `divisors` are at least 1.
fn nice_step(low: f64, high: f64, divisors: &[f64], binary: bool) -> f64 {
    let range = high - low;
    let most = divisors.iter().copied().fold(1.0, f64::max);
    let fewest = divisors.iter().copied().fold(most, f64::min);
    let mut best: Option<(f64, f64)> = None;
    for step in steps(range / most, binary) {
        if let Some((empty, _)) = best
            && 2.0 * empty + range <= step * fewest
        {
            break;
        }
        for &divisor in divisors {
            let bottom = step * (low / step + SLACK).floor();
            let top = bottom + step * divisor;
            let empty = (top - high).max(low - bottom);
            let covers = high - SLACK * step <= top;
            if covers && best.is_none_or(|(least, _)| empty < least) {
                best = Some((empty, step));
            }
        }
    }
    let step = best.map_or(range, |(_, step)| step);
    // Of a range that is very small for its place, no step may be left.
    if step.is_finite() && 0.0 < step {
        step
    } else {
        1.0
    }
}

/// Steps to try: more are never needed.
const TRIED_MAX: usize = 60;

/// Round steps from `least` up.
fn steps(least: f64, binary: bool) -> impl Iterator<Item = f64> {
    let (base, mantissas): (f64, &[f64]) = if binary {
        (2.0, &[1.0])
    } else {
        (10.0, &[1.0, 2.0, 5.0])
    };
    let first = (least.log(base) - SLACK).floor();
    let first = if first.is_finite() { first } else { 0.0 };
    (0..TRIED_MAX).flat_map(move |i| {
        let power = base.powf(first + i as f64);
        let round = mantissas.iter().map(move |mantissa| mantissa * power);
        round.filter(move |step| least * (1.0 - SLACK) <= *step)
    })
}

fn linear_labels(bottom: f64, top: f64, step: f64, units: Units) -> Vec<(f64, String)> {
    let first = step * (bottom / step - SLACK).ceil();
    let slack = SLACK * step.min(top - bottom);
    let values = (0..=STEPS_MAX as usize).map(|i| first + step * i as f64);
    values
        .skip_while(|value| *value < bottom - slack)
        .take_while(|value| *value <= top + slack)
        .map(|value| (value, units.label(value, Some(step))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    const DIVISORS: &[f64] = &[4.0, 5.0, 6.0];

    fn labels(scale: &Scale) -> String {
        let labels: Vec<&str> = scale.labels.iter().map(|(_, label)| &**label).collect();
        labels.join(" ")
    }

    #[track_caller]
    fn check(data: (f64, f64), bounds: Bounds, units: Units, want: &str) {
        let scale = Scale::linear(data, &bounds, DIVISORS, units).expect("a scale");
        let got = format!("{}..{}: {}", scale.bottom, scale.top, labels(&scale));
        assert_eq!(got, want, "{data:?} {bounds:?}");
    }

    /// What graphite-web 1.1.10 chooses for the same data.
    #[test]
    fn steps_are_those_of_the_original() {
        let none = Bounds::default();
        let si = Units::Si;
        check((0.0, 100.0), none, si, "0..100: 0 20 40 60 80 100");
        check((3.0, 17.0), none, si, "0..20: 0 5 10 15 20");
        check((0.0, 1.0), none, si, "0..1: 0 0.2 0.4 0.6 0.8 1.0");
        check(
            (5.0, 5.0),
            none,
            si,
            "4.4..5.6000000000000005: 4.4 4.6 4.8 5.0 5.2 5.4 5.6",
        );
        check((0.0, 0.0), none, si, "-1..1: -1.0 -0.5 0 0.5 1.0");
        check(
            (0.0, 2500.0),
            none,
            si,
            "0..2500: 0 500 1000 1500 2000 2500",
        );
        check((0.0, 9e6), none, si, "0..10000000: 0 2 M 4 M 6 M 8 M 10 M");
        check((-7.0, 12.0), none, si, "-10..15: -10 -5 0 5 10 15");
        check(
            (0.0, 5000.0),
            none,
            Units::Binary,
            "0..5120: 0 1 Ki 2 Ki 3 Ki 4 Ki 5 Ki",
        );
    }

    #[test]
    fn bounds_of_the_request() {
        let si = Units::Si;
        let bounds = Bounds {
            bottom: Some(3.0),
            top: Top::At(17.0),
            limit: None,
            step: Some(5.0),
        };
        check((0.0, 100.0), bounds, si, "3..17: 5 10 15");
        let limit = Bounds {
            limit: Some(45.0),
            ..Bounds::default()
        };
        check((0.0, 42.0), limit, si, "0..45: 0 10 20 30 40");
        check((0.0, 100.0), limit, si, "0..45: 0 10 20 30 40");
        let extremum = Bounds {
            top: Top::Extremum,
            ..Bounds::default()
        };
        check((0.0, 97.0), extremum, si, "0..97: 0 20 40 60 80");
        let fine = Bounds {
            step: Some(1e-9),
            ..Bounds::default()
        };
        check((0.0, 100.0), fine, si, "0..100: 0 20 40 60 80 100");
        let crossed = Bounds {
            bottom: Some(5.0),
            top: Top::At(5.0),
            ..Bounds::default()
        };
        assert!(Scale::linear((0.0, 1.0), &crossed, DIVISORS, si).is_err());
    }

    #[test]
    fn logarithms() {
        let log = |data, base, bounds: Bounds| Scale::logarithmic(data, &bounds, base, Units::Si);
        let scale = log((3.0, 4000.0), 10.0, Bounds::default()).expect("a scale");
        assert_eq!(labels(&scale), "1 10 100 1 k 10 k");
        assert_eq!(scale.height(100.0), Some(0.5));
        assert_eq!(scale.height(0.0), None);
        assert_eq!(scale.height(-5.0), None);
        let binary = log((1.0, 8.0), 2.0, Bounds::default()).expect("a scale");
        assert_eq!(labels(&binary), "1 2 4 8");
        let same = log((10.0, 10.0), 10.0, Bounds::default()).expect("a scale");
        assert!(same.bottom < same.top);
        let small = log((1e-300, 1e300), 1.01, Bounds::default()).expect("a scale");
        assert!(small.labels.len() < 20);
        let negative = Bounds {
            bottom: Some(0.0),
            ..Bounds::default()
        };
        assert!(log((1.0, 2.0), 10.0, negative).is_err());
    }

    /// No mix of numbers leads to an axis that is none.
    #[test]
    fn every_axis_is_sound() {
        let seed = 20_261_130;
        let mut random = Random::new(seed);
        let mut number = || {
            let mantissa = random.below(2_000_001) as f64 / 1e6 - 1.0;
            let exponent = match random.below(4) {
                0 => 0,
                1 => random.below(640) as i32 - 330,
                _ => random.below(12) as i32 - 6,
            };
            mantissa * 10f64.powi(exponent)
        };
        for case in 0..20_000 {
            let (a, b) = (number(), number());
            let data = (a.min(b), a.max(b));
            let mut maybe = |i: u32| (case >> i & 1 == 1).then(&mut number);
            let bounds = Bounds {
                bottom: maybe(0),
                top: maybe(1).map_or(Top::Round, Top::At),
                limit: maybe(2),
                step: maybe(3).map(f64::abs).filter(|step| 0.0 < *step),
            };
            let units = if case >> 4 & 1 == 1 {
                Units::Binary
            } else {
                Units::Si
            };
            let linear = Scale::linear(data, &bounds, DIVISORS, units);
            let above = (data.0.abs().max(1e-308), data.1.abs().max(1e-308));
            let above = (above.0.min(above.1), above.0.max(above.1));
            let log = Scale::logarithmic(above, &bounds, 2.0, units);
            for scale in [linear, log].into_iter().flatten() {
                let about = format!("seed {seed} case {case} {data:?} {bounds:?} {scale:?}");
                assert!(scale.bottom < scale.top, "{about}");
                assert!(scale.bottom.is_finite() && scale.top.is_finite(), "{about}");
                assert!(scale.labels.len() < 210, "{about}");
                for (value, _) in &scale.labels {
                    let height = scale.height(*value).expect("a place");
                    assert!((-0.01..=1.01).contains(&height), "{about}");
                }
            }
        }
    }
}
