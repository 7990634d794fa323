//! Batches against plain lists, and bytes that are none.

use super::super::batch::Batch;
use super::super::columns::{Columns, Damage, Point};
use super::{definition, some_token};
use crate::base::random::Random;
use crate::base::varint;
use crate::model::number::Number;
use crate::model::series::TEXT_BYTES_MAX;
use crate::store::definition::Definition;
use crate::store::token::{self, Last, Short, TEXT_AGAIN, Token};

type Points = Vec<(Point, Vec<u8>)>;

fn read(columns: &Columns<'_>, slice: u64) -> Result<Points, Damage> {
    let (mut cursor, mut points) = (columns.cursor(), Vec::new());
    let mut visit = |point, values: &[u8]| {
        let len = token::pass(values)?;
        points.push((point, values[..len].to_vec()));
        Some(len)
    };
    while !cursor.run(columns, slice, &mut visit)? {}
    Ok(points)
}

/// Numbers and times in one of the ways in which senders have them.
fn next(way: u64, at: u64, random: &mut Random) -> (u32, i64) {
    let start_ms = 1_700_000_000_000;
    match way {
        0 => ((at % 50) as u32, start_ms + (at / 50 * 1000) as i64),
        1 => (
            random.below(1 << 20) as u32,
            start_ms + random.below(10_000) as i64,
        ),
        2 => (7, start_ms + at as i64 * 60_000),
        3 => ((at / 2) as u32, start_ms - (at % 2) as i64 * 3000),
        4 => (random.next_u64() as u32, random.next_u64() as i64),
        5 => (
            *[0, u32::MAX].get(random.below(2) as usize).expect("two"),
            [i64::MIN, i64::MAX][random.below(2) as usize],
        ),
        _ => (
            (at + random.below(8) / 7) as u32,
            start_ms + random.below(2) as i64,
        ),
    }
}

/// A token, with so many percent of zeros among them.
fn token_or_zero(zeros: u64, random: &mut Random) -> Token {
    if random.chance(zeros) {
        Token::from(TEXT_AGAIN)
    } else {
        some_token(random)
    }
}

#[test]
fn what_goes_in_comes_out() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut batch = Batch::default();
        let mut stamp = random.below(1 << 40);
        let zeros = [0, 10, 60, 100][random.below(4) as usize];
        // Several times, for a batch must leave nothing behind but how many bits values have.
        for round in 0..3 {
            let (mut points, mut definitions) = (Points::new(), Vec::<Definition>::new());
            batch.begin_read(stamp);
            let mut way = random.below(7);
            for at in 0..random.below(3000) {
                if batch.is_full() {
                    break;
                }
                if random.chance(2) {
                    stamp += random.below(1 << 20);
                    batch.begin_read(stamp);
                    if random.chance(30) {
                        way = random.below(7);
                    }
                }
                if random.chance(2) {
                    definitions.push(definition(at as u32));
                    let last = definitions.last().expect("one");
                    assert!(batch.fits(last.bytes_max()));
                    batch.define(last);
                }
                let (number, time_ms) = next(way, at, &mut random);
                let long = if random.chance(3) { TEXT_BYTES_MAX } else { 20 };
                let text = "é".repeat(random.below(long as u64 / 2 + 1) as usize);
                let bytes = if random.chance(3) && batch.fits(token::text_bytes(text.len())) {
                    batch.push_text(number, time_ms, &text);
                    let mut token = Vec::new();
                    token::push_text(&text, &mut token);
                    token
                } else {
                    let token = token_or_zero(zeros, &mut random);
                    let last = &mut Last::default();
                    let value = token::take(token.bytes(), &mut last.clone());
                    let short = value.and_then(|(value, _)| Short::new(last, value));
                    match short.filter(|&short| Token::from(short) == token) {
                        Some(short) if random.chance(50) => {
                            batch.push_short(number, time_ms, short);
                        }
                        _ => batch.push(number, time_ms, &token),
                    }
                    token.bytes().to_vec()
                };
                let point = Point {
                    stamp,
                    number,
                    time_ms,
                };
                points.push((point, bytes));
            }
            assert_eq!(batch.points(), points.len(), "seed {seed}");
            let mut payload = Vec::new();
            let (first, last) = batch.close(&mut payload);
            assert!(batch.is_empty() && batch.bytes() == 0);
            if let (Some(a), Some(b)) = (points.first(), points.last()) {
                assert!(first <= a.0.stamp && last >= b.0.stamp, "seed {seed}");
            }
            payload.resize(payload.len() + random.below(3) as usize * 100, 0);
            let columns = Columns::open(&payload, first).expect("columns");
            let slice = [u64::MAX, 1, 100][random.below(3) as usize];
            assert_eq!(
                read(&columns, slice),
                Ok(points),
                "seed {seed} round {round}"
            );
            let back: Vec<_> = columns
                .definitions()
                .map(|one| one.expect("whole"))
                .collect();
            assert_eq!(back, definitions, "seed {seed}");
        }
    }
}

#[test]
fn a_full_batch_fits_a_block() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let mut batch = Batch::default();
        let (way, zeros) = (random.below(7), 80 * (seed % 2));
        for _ in 0..2 {
            let mut at = 0;
            while !batch.is_full() {
                if random.chance(50) {
                    batch.begin_read(at * 1_000_000);
                }
                let (number, time_ms) = next(way, at, &mut random);
                batch.push(number, time_ms, &token_or_zero(zeros, &mut random));
                at += 1;
            }
            let mut payload = Vec::new();
            batch.close(&mut payload);
            let most = super::super::block::PAYLOAD_BYTES_MAX;
            assert!(payload.len() <= most, "seed {seed}");
            assert!(payload.len() > most - 600, "seed {seed}");
        }
    }
}

#[test]
fn in_order_only_values_cost() {
    let mut batch = Batch::default();
    // From the second on it is known how many bits they have.
    for (value, bits) in [(0, 2), (0, 1), (1, 9), (1, 3)] {
        for round in 0..10 {
            batch.begin_read(round);
            for number in 0..1000 {
                let token = Token::new(&mut Last::default(), Number::long(value));
                batch.push(number, 1_700_000_000_000 + round as i64 * 1000, &token);
            }
        }
        assert_eq!(batch.points(), 10_000);
        let mut payload = Vec::new();
        batch.close(&mut payload);
        let most = 10_000 * bits / 8 + 150;
        assert!(payload.len() < most, "{value}: {}", payload.len());
    }
}

/// Blocks of before there were codes: all tokens among the values, and those that are the byte 0 left out
/// where bits say so.
#[test]
fn blocks_without_codes_are_read() {
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let (mut batch, mut tokens, mut stamp) = (Batch::default(), Vec::new(), 0);
        let way = random.below(7);
        for at in 0..1 + random.below(500) {
            if at == 0 || random.chance(10) {
                stamp += random.below(50);
                batch.begin_read(stamp);
            }
            let (number, time_ms) = next(way, at, &mut random);
            let token = token_or_zero(40, &mut random);
            batch.push(number, time_ms, &token);
            tokens.push(token);
        }
        let mut payload = Vec::new();
        let (first, _) = batch.close(&mut payload);
        let want = read(&Columns::open(&payload, first).expect("columns"), u64::MAX);
        let (zeros, old) = old_form(&payload, &tokens, seed % 2 == 0);
        let columns = Columns::open(&old, first).expect("columns");
        assert_eq!(read(&columns, 1 + random.below(300)), want, "seed {seed}");
        if zeros > 0 {
            // Codes and zeros do not stand together.
            let both = [&payload[..], &[8, 1, 1]].concat();
            assert_eq!(Columns::open(&both, first).err(), Some(Damage::Columns));
        }
    }
}

/// A payload without its values and codes, and all `tokens` as they were written before; and how many bytes
/// of bits say which are left out.
fn old_form(payload: &[u8], tokens: &[Token], leaves_zeros_out: bool) -> (usize, Vec<u8>) {
    let (mut old, mut rest) = (Vec::new(), payload);
    while let Some((&kind, behind)) = rest.split_first() {
        let (len, took) = varint::take(behind).expect("a length");
        let end = 1 + took + len as usize;
        if kind < 7 {
            old.extend_from_slice(&rest[..end]);
        }
        rest = &rest[end..];
    }
    let is_zero = |token: &&Token| leaves_zeros_out && token.bytes() == [0];
    let values = tokens.iter().filter(|token| !is_zero(token));
    let values: Vec<u8> = values.flat_map(Token::bytes).copied().collect();
    let mut zeros = vec![0u8; tokens.len().div_ceil(8)];
    for (place, token) in tokens.iter().enumerate() {
        zeros[place / 8] |= u8::from(is_zero(&token)) << (place % 8);
    }
    let zeros = if leaves_zeros_out { zeros } else { Vec::new() };
    for (kind, bytes) in [(7, &values), (8, &zeros)] {
        if !bytes.is_empty() {
            old.push(kind);
            varint::push(bytes.len() as u64, &mut old);
            old.extend_from_slice(bytes);
        }
    }
    (zeros.len(), old)
}

#[test]
fn hostile_bytes_are_an_error() {
    let mut good = 0;
    for seed in 0..3000 {
        let mut random = Random::new(seed);
        let mut batch = Batch::default();
        let mut payload = Vec::new();
        for _ in 0..2 {
            for at in 0..random.below(60) {
                if random.chance(20) {
                    batch.begin_read(at * 10);
                }
                let (number, time_ms) = next(random.below(7), at, &mut random);
                let token = token_or_zero(40 * (seed % 2), &mut random);
                batch.push(number, time_ms, &token);
            }
            batch.define(&definition(1));
            payload.clear();
            batch.close(&mut payload);
        }
        match random.below(3) {
            0 => payload.truncate(random.below(payload.len() as u64) as usize),
            1 => {
                let at = random.below(payload.len() as u64) as usize;
                payload[at] ^= 1 << random.below(8);
            }
            _ => payload.iter_mut().skip(3).for_each(|byte| {
                if random.chance(10) {
                    *byte = random.next_u64() as u8;
                }
            }),
        }
        if let Ok(columns) = Columns::open(&payload, u64::MAX) {
            let definitions = columns.definitions().count();
            assert!(definitions <= payload.len());
            good += u64::from(read(&columns, u64::MAX).is_ok());
        }
    }
    assert!(good > 0, "some damage cannot be seen without a checksum");
}

#[test]
fn sections_to_come_are_skipped_or_refused() {
    assert_eq!(
        Columns::open(&[200, 1, 7], 0).map(|columns| columns.sizes()[0].1),
        Ok(0)
    );
    assert_eq!(
        Columns::open(&[50, 1, 7], 0).err(),
        Some(Damage::Unknown(50))
    );
    assert_eq!(Columns::open(&[7, 9, 7], 0).err(), Some(Damage::Cut));
    assert_eq!(
        Columns::open(&[7, 1, 7, 7, 1, 7], 0).err(),
        Some(Damage::Columns)
    );
}
