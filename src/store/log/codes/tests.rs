//! Tokens there and back, against a slow writer of bits.

use super::classes::*;
use super::*;
use crate::base::random::Random;
use crate::model::number::Number;
use crate::store::token::{Last, TEXT_AGAIN};

/// Bits of one token after the other, by a loop over all of them; none for one among the values.
fn slow_bits(classes: &Classes, tokens: &[Option<Token>]) -> Vec<bool> {
    let mut bits = Vec::new();
    for token in tokens {
        let wide = |code: u64| u64::BITS - code.leading_zeros();
        let plain = token.and_then(|token| token.code());
        let alone = token.and_then(|token| token.decimal_alone());
        let of_plain = plain.and_then(|code| Some((classes.best(wide(code))?.0, code)));
        let of_alone =
            alone.and_then(|(scale, code)| Some((classes.best_alone(scale, wide(code))?.0, code)));
        match of_plain.or(of_alone) {
            Some((rank, code)) => {
                bits.extend((0..rank).map(|_| true));
                bits.push(false);
                let width = classes.all()[rank as usize].width;
                bits.extend((0..width).map(|i| code >> i & 1 == 1));
            }
            None => bits.extend((0..classes.count).map(|_| true)),
        }
    }
    bits
}

#[test]
fn bits_are_those_of_a_slow_writer_and_come_back() {
    for seed in 0..500 {
        let mut random = Random::new(seed);
        let mut codes = Codes::new(1 << 16);
        let wide = 1 + random.below(64) as u32;
        for _ in 0..4 {
            let some = |random: &mut Random| {
                let code = random.next_u64() >> (64 - wide) >> random.below(8);
                let number = Number::decimal(varint::unzigzag(code), random.below(7) as u8);
                match random.below(10) {
                    0 => Token::alone(&mut Last::default(), Number::float(1.0 / 3.0)),
                    1 | 2 => Token::from(TEXT_AGAIN),
                    3 => Token::alone(&mut Last::default(), number),
                    _ => Token::new(&mut Last::default(), Number::long(number.mantissa)),
                }
            };
            let count = random.below(2000);
            let all: Vec<Token> = (0..count).map(|_| some(&mut random)).collect();
            let (mut coded, mut values) = (Vec::new(), Vec::new());
            for token in &all {
                match token.code().filter(|code| code >> WIDTH_MAX == 0) {
                    Some(code) if random.chance(50) => codes.push(code),
                    _ => codes.push_token(token),
                }
                let has_class = !slow_bits(&codes.classes, &[Some(*token)])
                    .iter()
                    .all(|one| *one);
                coded.push(has_class.then_some(*token));
                if !has_class {
                    values.extend_from_slice(token.bytes());
                }
            }
            assert!(codes.len() <= all.len() * 16);
            codes.pack();
            assert_eq!(codes.values(), values, "seed {seed}");
            let mut section = Vec::new();
            codes.push_to(&mut section);
            assert_eq!(section.len(), codes.section_bytes(), "seed {seed}");
            assert!(section.len() + values.len() <= codes.len() + HEAD_BYTES_MAX);
            let back = Coded::open(&section).expect("codes");
            assert_eq!(back.classes, codes.classes, "seed {seed}");
            let want = slow_bits(&codes.classes, &coded);
            let got = |i: usize| back.bits[i / 8] >> (i % 8) & 1 == 1;
            assert_eq!(back.bits.len(), want.len().div_ceil(8), "seed {seed}");
            assert!((0..want.len()).all(|i| got(i) == want[i]), "seed {seed}");
            let mut at = 0;
            for token in &coded {
                let got = back.take(&mut at).expect("a code");
                match (token, got) {
                    (Some(token), Code::Token(got)) => {
                        assert!(got.starts_with(token.bytes()), "seed {seed}");
                    }
                    (None, Code::Value) => {}
                    other => panic!("seed {seed}: {other:?}"),
                }
            }
            assert!(back.is_done(at), "seed {seed}");
            codes.clear(all.len());
        }
    }
}

/// A fifth constant, a good half of small steps, a fifth of noise: 11.25 bits a token as varints and a
/// bit for each zero.
#[test]
fn a_usual_mix_becomes_short() {
    let mut random = Random::new(1);
    let mut codes = Codes::new(1 << 20);
    let mut bits = 0;
    for _ in 0..20 {
        for _ in 0..20_000 {
            let code = match random.below(10) {
                0 | 1 => 0,
                2..=4 => 2 * random.below(16),
                5..=7 => random.below(51),
                _ => random.below(180_000_000),
            };
            codes.push(code);
        }
        codes.pack();
        bits = codes.section_bytes() * 8;
        codes.clear(20_000);
    }
    assert!(bits < 212_000, "{} bits a point", bits as f64 / 20_000.0);
}

#[test]
fn classes_fit_what_was_seen() {
    let widths = |sample: &Sample| Classes::plan(sample).plain().collect::<Vec<u8>>();
    let mut sample: Sample = [0; WIDTH_MAX as usize + 1];
    assert_eq!(widths(&sample), [7]);
    sample[0] = 1000;
    assert_eq!(widths(&sample), [0]);
    (sample[5], sample[28]) = (5000, 10);
    assert_eq!(widths(&sample), [5, 0, 28]);
    sample = [1; WIDTH_MAX as usize + 1];
    assert!(widths(&sample).len() <= PLAIN_MAX);
    assert!(Classes::plan(&sample).best(WIDTH_MAX).is_some());
}

/// The first of each series, at two scales: in the second block they have classes.
#[test]
fn what_is_told_from_nothing_becomes_short_too() {
    let mut codes = Codes::new(1 << 16);
    for (block, most) in [(0, 7_000), (1, 2_900)] {
        for points in 0..1000 {
            let number = Number::decimal(50_000 + points, 2 + (points % 2) as u8 * 2);
            codes.push_token(&Token::alone(&mut Last::default(), number));
        }
        codes.pack();
        assert!(codes.len() < most, "block {block}: {}", codes.len());
        codes.clear(1000);
    }
}

#[test]
fn hostile_bytes_are_no_codes() {
    let many = [vec![11], vec![1; 11]].concat();
    let wide = [vec![10], vec![1; 9], vec![48]].concat();
    for bad in [&[][..], &[0], &many, &[1, 50], &wide, &[2, 1], &[1, 65]] {
        assert!(Coded::open(bad).is_err(), "{bad:?}");
    }
    let mut random = Random::new(3);
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..random.below(40))
            .map(|_| random.next_u64() as u8 % 80)
            .collect();
        let Ok(coded) = Coded::open(&bytes) else {
            continue;
        };
        let (mut at, mut taken) = (0, 0);
        while coded.take(&mut at).is_ok() {
            taken += 1;
            assert!(taken <= bytes.len() * 8);
        }
    }
}
