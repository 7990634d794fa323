//! Runs written the plain way, in forms that the format allows and the encoder may never choose: bit by
//! bit, at more width than needed, by any codec that can hold the values.

use super::*;
use crate::base::varint::{push, zigzag};

fn push_packed(codes: &[u64], width: usize, out: &mut Vec<u8>) {
    let bits: Vec<u64> = codes
        .iter()
        .flat_map(|code| (0..width).map(move |b| code >> b & 1))
        .collect();
    for byte in bits.chunks(8) {
        out.push(
            byte.iter()
                .rev()
                .fold(0, |byte, &bit| byte << 1 | bit as u8),
        );
    }
}

/// Some width that holds all `codes`.
fn some_width(codes: &[u64], random: &mut Random) -> usize {
    let most = codes.iter().copied().max().unwrap_or(0);
    let least = 64 - most.leading_zeros() as usize;
    least + random.below(65 - least as u64) as usize
}

/// Codes at too small a width, and patches for what is above.
fn push_patched(codes: &[u64], width: usize, out: &mut Vec<u8>) {
    push_packed(codes, width, out);
    let high: Vec<(usize, u64)> = codes.iter().map(|code| code >> width).enumerate().collect();
    let patches = high.iter().filter(|(_, high)| *high > 0);
    out.push(patches.clone().count() as u8);
    for &(place, high) in patches {
        out.push(place as u8);
        push(high, out);
    }
}

/// Append `values` by some codec; gives it and the width.
fn push_integers(values: &[i64], random: &mut Random, out: &mut Vec<u8>) -> (usize, usize) {
    let deltas: Vec<i64> = values
        .windows(2)
        .map(|pair| pair[1].wrapping_sub(pair[0]))
        .collect();
    let least = deltas.iter().copied().min().unwrap_or(0);
    let codec = 1 + random.below(4) as usize;
    let start = values
        .iter()
        .copied()
        .min()
        .filter(|_| codec < 3)
        .unwrap_or(values[0]);
    push(zigzag(start), out);
    let codes: Vec<u64> = match codec {
        1 | 2 => values
            .iter()
            .map(|value| value.wrapping_sub(start) as u64)
            .collect(),
        3 => deltas
            .iter()
            .map(|delta| delta.wrapping_sub(least) as u64)
            .collect(),
        _ => deltas.iter().map(|&delta| zigzag(delta)).collect(),
    };
    if codec == 3 {
        push(zigzag(least), out);
    }
    if codec == 2 || codec == 4 {
        let width = random.below(64) as usize;
        push_patched(&codes, width, out);
        return (codec, width);
    }
    let width = some_width(&codes, random);
    push_packed(&codes, width, out);
    (codec, width)
}

/// Append times one by one, told from `start`; at most 2^40 apart.
fn push_times(times: &[i64], start: u64, random: &mut Random, out: &mut Vec<u8>) {
    push(start, out);
    let deltas: Vec<u64> = times
        .windows(2)
        .map(|pair| (pair[1] - pair[0]) as u64)
        .collect();
    let least = random.below(1 + deltas.iter().copied().min().unwrap_or(0));
    push(1, out);
    push(deltas.iter().sum(), out);
    push(least, out);
    let codes: Vec<u64> = deltas.iter().map(|delta| delta - least).collect();
    if random.chance(50) {
        let width = random.below(64) as usize;
        out.push(width as u8 | 0x80);
        return push_patched(&codes, width, out);
    }
    let width = some_width(&codes, random);
    out.push(width as u8);
    push_packed(&codes, width, out);
}

#[test]
fn what_the_format_allows_is_read() {
    for seed in 0..2000 {
        let mut random = Random::new(seed);
        let mut run = vec![1];
        let (mut want, mut last) = (Vec::new(), None);
        for _ in 0..1 + random.below(3) {
            let count = 2 + random.below(127) as usize;
            let mut time = last.unwrap_or(BASE.0 - 500_000) + 1 + random.below(5000) as i64;
            let times: Vec<i64> = (0..count)
                .map(|_| {
                    time += 1 + (random.next_u64() >> (24 + random.below(40))) as i64;
                    time
                })
                .collect();
            let values = integers(&mut random, count, 64);
            let start = match last {
                Some(last) => (times[0] - last) as u64,
                None => zigzag(times[0] - BASE.0),
            };
            let mut body = vec![count as u8 - 1];
            push_times(&times, start, &mut random, &mut body);
            let (codec, width) = push_integers(&values, &mut random, &mut body);
            run.extend_from_slice(&((codec | 3 << 3 | width << 9) as u16).to_le_bytes());
            run.extend(body);
            last = times.last().copied();
            want.extend(
                times
                    .into_iter()
                    .zip(values)
                    .map(|(time, value)| (time, None, Plain::Long(value))),
            );
        }
        assert_eq!(plain(&run, BASE.0), want, "seed {seed}");
        let back = decode_all(&run, BASE).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        assert_eq!(points_of(&back), want, "seed {seed}");
        let mut joined = Vec::new();
        join_any(&[&run], BASE, &mut joined).expect("a good run");
        assert_eq!(joined, run, "seed {seed}");
    }
}
