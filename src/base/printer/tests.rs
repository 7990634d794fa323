//! The fast ways print what the slow one prints.

use super::*;
use crate::base::random::Random;

fn printed(values: &[f64]) -> Vec<String> {
    let mut places = 0;
    let print = |&value: &f64| {
        let mut room = [0; NUMBER_BYTES];
        let mut printer = Printer::new(&mut room, places);
        printer.float(value);
        places = printer.places();
        let len = printer.printed();
        String::from_utf8(room[..len].to_vec()).expect("ASCII")
    };
    values.iter().map(print).collect()
}

fn slowly(value: f64) -> String {
    let mut text = Vec::new();
    decimal::push_float(value, &mut text);
    String::from_utf8(text).expect("ASCII")
}

#[test]
fn edges() {
    let values = [
        0.0,
        -0.0,
        1.0,
        -1.5,
        0.1,
        0.25,
        0.1 + 0.2,
        1e-4,
        0.00012345678,
        0.000123456789,
        1e-5,
        99_999_999.0,
        100_000_000.0,
        123_456_789.125,
        999_999_999_999_999.0,
        1e15,
        1e300,
        5e-324,
        f64::MAX,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        9_999_999.99999999,
    ];
    for (value, text) in values.iter().zip(printed(&values)) {
        assert_eq!(text, slowly(*value));
    }
}

#[test]
fn agrees_with_the_slow_way() {
    for seed in 0..50 {
        let mut random = Random::new(seed);
        let places = random.below(10) as i32;
        let values: Vec<f64> = (0..20_000)
            .map(|_| match random.below(8) {
                0 => f64::from_bits(random.next_u64()),
                1 => (random.next_u64() >> random.below(64)) as f64,
                2 => random.below(1 << 50) as f64 / 10f64.powi(random.below(12) as i32),
                3 => -(random.below(1_000_000) as f64) / 64.0,
                _ => {
                    let bits = 1 + random.below(40);
                    random.below(1 << bits) as f64 / 10f64.powi(places)
                }
            })
            .collect();
        for (value, text) in values.iter().zip(printed(&values)) {
            assert_eq!(text, slowly(*value), "seed {seed}: {value:e}");
        }
    }
}

/// Points printed together are the same text as one by one.
#[test]
fn points_together() {
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let places = random.below(10) as i32;
        let bits = 1 + random.below(52);
        let odd = random.below(10);
        let values: Vec<f64> = (0..400)
            .map(|_| match random.below(100) {
                rare if odd <= rare => {
                    let digits = random.below(1 << bits) as f64;
                    let sign = if random.chance(20) { -1.0 } else { 1.0 };
                    sign * digits / 10f64.powi(places)
                }
                0 => f64::NAN,
                1 => -0.0,
                2 => f64::NEG_INFINITY,
                3 => f64::from_bits(random.next_u64()),
                4 => 999_999_999_999_999.0,
                5 => 99_999_999.0,
                _ => random.below(1 << 30) as f64 / 1e7,
            })
            .collect();
        let start = 1_000_000_000 + random.below(5_000_000_000) as i64;
        let start = if random.chance(10) {
            9_999_999_000
        } else {
            start
        };
        let step = 1 + random.below(70) as i64;
        let mut room = vec![0; values.len() * (2 * NUMBER_BYTES + 8)];
        let mut ticks = Ticks::new(start, step);
        let mut printer = Printer::new(&mut room, 0);
        let mut together = 0;
        for some in values.chunks(TOGETHER) {
            let eight = some.first_chunk();
            let after = ticks.clone();
            if let (Some(eight), Some(times)) = (eight, ticks.texts())
                && printer.points::<Python, 0, 16>(eight, &[[]; TOGETHER], &times)
            {
                together += 1;
                continue;
            }
            ticks = after;
            for &value in some {
                printer.float(value);
                printer.tick(&mut ticks);
            }
        }
        if odd == 0 && places <= 8 && bits < 45 {
            assert!(together > 0, "seed {seed}");
        }
        let printed = printer.printed();
        let mut want = String::new();
        for (i, &value) in values.iter().enumerate() {
            let time = start + i as i64 * step;
            want += &format!("{}, {time}], [", slowly(value));
        }
        assert_eq!(
            String::from_utf8_lossy(&room[..printed]),
            want,
            "seed {seed}"
        );
    }
}

/// Whole numbers without a dot, and of another range.
enum Bare {}

fn stretch(printer: &mut Printer<'_>) -> String {
    let mut text = Vec::new();
    printer.hand_on(&mut text);
    String::from_utf8(text).expect("ASCII")
}

impl Style for Bare {
    const FROM: f64 = 1e-3;
    const BELOW: f64 = 1e7;
    const DOT: bool = false;
}

fn bare(value: f64) -> String {
    let text = slowly(value);
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

#[test]
fn numbers_of_another_style() {
    let mut random = Random::new(7);
    let mut printed = 0;
    for _ in 0..100_000 {
        let value = match random.below(5) {
            0 => f64::from_bits(random.next_u64()),
            1 => -(random.below(1 << 25) as f64),
            2 => random.below(1 << 25) as f64 / 1e6,
            3 => random.below(10_000_000) as f64 / 1e4,
            _ => (random.next_u64() >> random.below(64)) as f64 / 1e8,
        };
        let mut room = [0; NUMBER_BYTES];
        let mut printer = Printer::new(&mut room, random.below(12) as usize);
        if printer.plain::<Bare>(value) {
            assert_eq!(stretch(&mut printer), bare(value));
            assert!((1e-3..1e7).contains(&value.abs()) || value == 0.0);
            printed += 1;
        } else {
            assert_eq!(printer.printed(), 0, "{value:e}");
        }
    }
    assert!(50_000 < printed);
}

#[test]
fn points_with_texts_on_both_sides() {
    let mut together = 0;
    for seed in 0..20_000 {
        let mut random = Random::new(seed);
        let tens = 10_f64.powi(random.below(9) as i32);
        let bits = random.below(50);
        let values = std::array::from_fn(|_| {
            let value = random.below(1 << bits) as f64 / tens;
            let odd = random.chance(1);
            let value = if odd { random.next_u64() as f64 } else { value };
            if random.chance(20) { -value } else { value }
        });
        let fronts: [[u8; 16]; TOGETHER] =
            std::array::from_fn(|i| std::array::from_fn(|j| b'a' + (i + j) as u8));
        let mut room = [0; 1_000];
        let mut printer = Printer::new(&mut room, random.below(9) as usize);
        if printer.points::<Bare, 16, 1>(&values, &fronts, &[*b"]"; TOGETHER]) {
            together += 1;
            let texts = values.iter().zip(&fronts);
            let texts = texts.map(|(&value, front)| {
                format!("{}{}]", String::from_utf8_lossy(front), bare(value))
            });
            let want: String = texts.collect();
            let got = stretch(&mut printer);
            assert_eq!(got, want, "seed {seed}");
        } else {
            assert_eq!(printer.printed(), 0);
        }
    }
    assert!(5_000 < together, "{together}");
}

#[test]
fn the_last_eight_digits() {
    for (value, want) in [
        (0, "00000000"),
        (1_700_000_012_345, "00012345"),
        (u64::MAX, "09551615"),
    ] {
        let mut room = [0; NUMBER_BYTES];
        let mut printer = Printer::new(&mut room, 0);
        printer.last_eight(value);
        assert_eq!(stretch(&mut printer), want);
    }
}

#[test]
fn integers() {
    let mut random = Random::new(1);
    let some = (0..10_000).map(|_| (random.next_u64() >> random.below(64)) as i64);
    for value in some.chain([0, -1, i64::MAX, i64::MIN, 99_999_999, 100_000_000]) {
        let mut room = [0; NUMBER_BYTES];
        let mut printer = Printer::new(&mut room, 0);
        printer.integer(value);
        let len = printer.printed();
        assert_eq!(room[..len], *value.to_string().as_bytes());
    }
}

#[test]
fn ticks_are_their_times() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let start = match random.below(4) {
            0 => random.below(1 << 40) as i64 - (1 << 36),
            1 => 9_999_999_900 + random.below(100) as i64,
            2 => 999_999_900 + random.below(100) as i64,
            _ => 1_000_000_000 + random.below(5_000_000_000) as i64,
        };
        let step = match random.below(5) {
            0 => random.below(1 << 30) as i64,
            1 => 60,
            2 => 99_999_999,
            _ => 1 + random.below(9) as i64,
        };
        let mut ticks = Ticks::new(start, step);
        for i in 0..200 {
            if random.chance(5) {
                ticks.pass(1);
                continue;
            }
            let mut room = [0; NUMBER_BYTES];
            let mut printer = Printer::new(&mut room, 0);
            printer.tick(&mut ticks);
            let len = printer.printed();
            let want = format!(", {}], [", start + i * step);
            assert_eq!(String::from_utf8_lossy(&room[..len]), want, "seed {seed}");
        }
    }
}

#[test]
fn without_room_nothing_is_written_beyond_it() {
    for size in 0..20 {
        let mut room = vec![0; size];
        let mut printer = Printer::new(&mut room, 0);
        printer.float(1234.5);
        printer.integer(-12);
        printer.float(1e300);
        printer.text(b"null");
        assert!(printer.printed() <= size);
    }
}
