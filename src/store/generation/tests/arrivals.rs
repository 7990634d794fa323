//! Points of all kinds: even, jittered, missed, late, equal, far away, at the ends of time.

use crate::base::random::Random;
use crate::model::number::Number;

/// A point as it was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub series: u32,
    pub time: i64,
    pub stamp: u64,
    pub value: Number,
}

/// What kind of times a series has.
fn times(random: &mut Random) -> impl FnMut(&mut Random) -> i64 + use<> {
    let habit = random.below(12);
    let step = [1000, 10_000, 60_000, 250, 7, 3_600_000, 1 << 33][random.below(7) as usize];
    let mut time = match random.below(4) {
        0 => -(random.below(10_000_000) as i64),
        _ => 1_700_000_000_000 + random.below(1_000_000) as i64,
    };
    if habit == 11 {
        time = [i64::MAX - 20 * step, i64::MIN, i64::MIN + 1][random.below(3) as usize];
    }
    move |random| {
        time = time.saturating_add(step);
        match habit {
            0 => time + random.below(20) as i64 - 10,
            1 if random.chance(5) => {
                time += step * random.below(5) as i64;
                time
            }
            2 if random.chance(10) => time - random.below(20_000_000) as i64,
            3 => random.below(20_000_000) as i64 + 1_690_000_000_000,
            4 if random.chance(30) => time - step * random.below(4) as i64,
            5 if random.chance(3) => {
                time -= step * random.below(100) as i64;
                time
            }
            6 => 1_700_000_000_000,
            7 => -time,
            8 if random.chance(2) => [i64::MIN, i64::MAX, 0][random.below(3) as usize],
            9 => random.next_u64() as i64,
            10 => time + (random.below(2) * random.below(2)) as i64,
            _ => time,
        }
    }
}

/// What kind of values a series has.
fn values(random: &mut Random) -> impl FnMut(&mut Random) -> Number + use<> {
    let habit = random.below(8);
    let scale = random.below(7) as u8;
    let mut mantissa = random.below(1_000_000) as i64;
    move |random| match habit {
        0 => Number::decimal(mantissa, scale),
        1 => {
            mantissa += random.below(200) as i64 - 100;
            Number::decimal(mantissa, scale)
        }
        2 => Number::decimal(random.below(1_000_000) as i64, random.below(16) as u8),
        3 if random.chance(10) => Number::float(-0.0),
        3 => Number::float(f64::from_bits(random.next_u64() >> 2)),
        4 => Number::long(random.next_u64() as i64),
        5 if random.chance(2) => Number::decimal(5, scale + 1),
        6 => Number::decimal((random.next_u64() >> (11 + random.below(50))) as i64, 2),
        _ => Number::decimal(random.below(256) as i64 - 128, scale),
    }
}

/// Points of `series` series, in the order of their stamps, which rise by read.
pub(super) fn arrivals(random: &mut Random, series: u32, each: u64) -> Vec<Sent> {
    let mut kinds: Vec<_> = (0..series)
        .map(|_| (times(random), values(random)))
        .collect();
    let mut stamp = 1_000_000u64;
    let mut sent = Vec::new();
    for _ in 0..each {
        for (series, (time, value)) in kinds.iter_mut().enumerate() {
            sent.push(Sent {
                series: series as u32,
                time: time(random),
                stamp,
                value: value(random),
            });
            if random.chance(30) {
                stamp += 1 + random.below(3000);
            }
        }
        if random.chance(1) {
            stamp += 5_000_000_000;
        }
    }
    sent
}
