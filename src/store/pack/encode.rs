//! A stretch becomes a run.

use super::bits::{CODES_MAX, Codes};
use super::group::{Head, Kind, RunHead};
use super::times::{self, Clock};
use super::{POINTS_MAX, Summary, floats, integers, texts};
use crate::base::time::Millis;
use crate::model::number::Number;
use crate::model::points::Duplicates;
use crate::store::stretch::{Column, Stretch};

/// Most decimals that are looked for in floats.
const FOUND_SCALE_MAX: u8 = 9;

/// Append `stretch` as one run, told from `base`: any fixed time near it.
///
/// # Panics
/// Where there are no points or more than [`POINTS_MAX`], or the columns differ in length: a caller
/// splits what is longer.
pub fn encode(stretch: &Stretch, base: Millis, out: &mut Vec<u8>) -> Summary {
    let count = stretch.times.len();
    let stamped = !stretch.stamps.is_empty();
    assert!((1..=POINTS_MAX).contains(&count), "{count} points in a run");
    assert!(
        !stamped || stretch.stamps.len() == count,
        "a stamp for each time"
    );
    let kind = match &stretch.values {
        Column::Decimal { mantissas, .. } => (Kind::Numbers, mantissas.len()),
        Column::Float(values) => (Kind::Numbers, values.len()),
        Column::Long(values) => (Kind::Longs, values.len()),
        Column::Text(values) => (Kind::Texts, values.len()),
    };
    assert!(kind.1 == count, "a value for each time");
    let all = stretch.duplicates == Duplicates::All;
    let head = RunHead {
        kind: kind.0,
        all,
        stamped,
    };
    out.push(head.byte());
    let mut summary = Summary {
        count: count as u32,
        first_ms: stretch.times[0],
        last_ms: stretch.times[count - 1],
        min: f64::NAN,
        max: f64::NAN,
    };
    let (mut clock, mut scale) = (Clock::new(base.0, all), 0);
    let codes = &mut [0; CODES_MAX];
    for start in (0..count).step_by(CODES_MAX) {
        let place = start..count.min(start + CODES_MAX);
        let times = &stretch.times[place.clone()];
        let (head_at, mut head) = write_times(&mut clock, times, out);
        if stamped {
            write_stamps(&stretch.stamps[place.clone()], codes, out);
        }
        match &stretch.values {
            Column::Decimal { scale, mantissas } => {
                write_integers(
                    &mantissas[place],
                    *scale,
                    &mut head,
                    &mut summary,
                    codes,
                    out,
                );
            }
            Column::Long(values) => {
                write_integers(&values[place], 0, &mut head, &mut summary, codes, out);
            }
            Column::Float(values) => {
                write_floats(
                    &values[place],
                    &mut scale,
                    &mut head,
                    &mut summary,
                    codes,
                    out,
                );
            }
            Column::Text(values) => {
                head.codec = texts::DICTIONARY;
                head.width = texts::write(&values[place], out);
            }
        }
        out[head_at..head_at + 2].copy_from_slice(&head.bits().to_le_bytes());
    }
    summary
}

/// Append room for a group's head, its count and its times. Gives where the head goes.
fn write_times(clock: &mut Clock, times: &[i64], out: &mut Vec<u8>) -> (usize, Head) {
    let at = out.len();
    let plan = clock.plan(times);
    let head = Head {
        codec: 0,
        mode: plan.mode(clock, times),
        scale: 0,
        width: 0,
    };
    out.extend_from_slice(&[0, 0, (times.len() - 1) as u8]);
    let step = match plan {
        times::Plan::Continued => clock.step_ms(),
        times::Plan::Even(step) => {
            clock.write_even(times[0], step, out);
            step
        }
        times::Plan::Uneven => {
            clock.write_start(times[0], out);
            times::write_uneven(times, out)
        }
    };
    clock.pass(times[times.len() - 1], step);
    (at, head)
}

fn write_stamps(stamps: &[u64], codes: &mut Codes, out: &mut Vec<u8>) {
    let mut signed = [0; CODES_MAX];
    for (signed, &stamp) in signed.iter_mut().zip(stamps) {
        *signed = stamp as i64;
    }
    let signed = &signed[..stamps.len()];
    let plan = integers::Plan::of(signed);
    let head = Head {
        codec: plan.codec,
        mode: 0,
        scale: 0,
        width: plan.width,
    };
    out.extend_from_slice(&head.bits().to_le_bytes());
    plan.write(signed, codes, out);
}

fn write_integers(
    values: &[i64],
    scale: u8,
    head: &mut Head,
    summary: &mut Summary,
    codes: &mut Codes,
    out: &mut Vec<u8>,
) {
    let plan = integers::Plan::of(values);
    plan.write(values, codes, out);
    (head.codec, head.width, head.scale) = (plan.codec, plan.width, scale);
    summary.include(Number::decimal(plan.least, scale).to_f64());
    summary.include(Number::decimal(plan.most, scale).to_f64());
}

/// Append `values` as decimals, of `scale` if they are, of the first that fits all if there is one, or
/// bit for bit.
fn write_floats(
    values: &[f64],
    scale: &mut u8,
    head: &mut Head,
    summary: &mut Summary,
    codes: &mut Codes,
    out: &mut Vec<u8>,
) {
    let mut mantissas = [0; CODES_MAX];
    if let Some(found) = decimals(values, *scale, &mut mantissas) {
        *scale = found;
        return write_integers(&mantissas[..values.len()], found, head, summary, codes, out);
    }
    values.iter().for_each(|&value| summary.include(value));
    head.codec = floats::XOR;
    head.width = floats::write(values, out);
}

/// The scale at which all `values` are decimals, and their mantissas.
fn decimals(values: &[f64], likely: u8, mantissas: &mut [i64; CODES_MAX]) -> Option<u8> {
    let mut fill = |scale: u8| {
        mantissas.iter_mut().zip(values).all(|(mantissa, &value)| {
            let found = Number::at(value, scale);
            *mantissa = found.map_or(0, |number| number.mantissa);
            found.is_some()
        })
    };
    let mut scales = std::iter::once(likely).chain(0..=FOUND_SCALE_MAX);
    scales.find(|&scale| fill(scale))
}
