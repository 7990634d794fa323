//! A run read the plain way: every number bit by bit, every group in full. Written from
//! `FORMAT.md`, only for good runs.

use crate::base::varint::{take, unzigzag};
use crate::model::number::Number;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plain {
    /// Bits.
    Float(u64),
    Long(i64),
    Text(String),
}

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u64 {
        let byte = self.0[0];
        self.0 = &self.0[1..];
        u64::from(byte)
    }

    fn number(&mut self) -> u64 {
        let (number, len) = take(self.0).expect("a number");
        self.0 = &self.0[len..];
        number
    }

    fn signed(&mut self) -> i64 {
        unzigzag(self.number())
    }

    fn packed(&mut self, count: usize, width: usize) -> Vec<u64> {
        let bit = |i: usize| u64::from(self.0[i / 8] >> (i % 8) & 1);
        let code = |i: usize| (0..width).map(|b| bit(i * width + b) << b).sum();
        let codes = (0..count).map(code).collect();
        self.0 = &self.0[(count * width).div_ceil(8)..];
        codes
    }

    fn patched(&mut self, count: usize, width: usize) -> Vec<u64> {
        let mut codes = self.packed(count, width);
        for _ in 0..self.byte() {
            let place = self.byte() as usize;
            codes[place] += self.number() << width;
        }
        codes
    }

    fn integers(&mut self, codec: u64, width: usize, count: usize) -> Vec<i64> {
        let start = self.signed();
        let sums = |deltas: Vec<i64>| {
            let mut values = vec![start];
            for delta in deltas {
                values.push(values[values.len() - 1].wrapping_add(delta));
            }
            values
        };
        let offset = |code: u64| start.wrapping_add(code as i64);
        match codec {
            0 => vec![start; count],
            1 => self.packed(count, width).into_iter().map(offset).collect(),
            2 => self.patched(count, width).into_iter().map(offset).collect(),
            3 => {
                let least = self.signed();
                let codes = self.packed(count - 1, width);
                sums(
                    codes
                        .iter()
                        .map(|&code| least.wrapping_add(code as i64))
                        .collect(),
                )
            }
            4 => {
                let codes = self.patched(count - 1, width);
                sums(codes.iter().map(|&code| unzigzag(code)).collect())
            }
            other => panic!("codec {other}"),
        }
    }

    fn floats(&mut self, width: usize, count: usize) -> Vec<u64> {
        let first = (0..8).map(|i| self.byte() << (8 * i)).sum();
        let shift = self.byte();
        let mut floats: Vec<u64> = vec![first];
        for code in self.packed(count - 1, width) {
            floats.push(floats[floats.len() - 1] ^ (code << shift));
        }
        floats
    }

    fn texts(&mut self, width: usize, count: usize) -> Vec<String> {
        let distinct = (0..self.number()).map(|_| {
            let len = self.number() as usize;
            let text = String::from_utf8(self.0[..len].to_vec()).expect("a text");
            self.0 = &self.0[len..];
            text
        });
        let distinct: Vec<String> = distinct.collect();
        let codes = self.packed(count, width).into_iter();
        codes.map(|code| distinct[code as usize].clone()).collect()
    }

    /// Times of a group, and the step that is kept for the next.
    fn times(&mut self, mode: u64, count: usize, from: From) -> (Vec<i64>, i64) {
        let (unit, step_kept) = if mode == 1 { (1000, 0) } else { (1, from.step) };
        if mode == 0 {
            let last = from.last.expect("not the first group");
            let times = (1..=count as i64).map(|i| last + i * step_kept);
            return (times.collect(), step_kept);
        }
        let start = match from.last {
            Some(last) => last.wrapping_add(self.number() as i64 * unit),
            None => from.base.wrapping_add(self.signed() * unit),
        };
        if mode != 3 {
            let step = self.number() as i64 * unit;
            return (
                (0..count as i64)
                    .map(|i| start.wrapping_add(i * step))
                    .collect(),
                step,
            );
        }
        let unit = self.number();
        let span = self.number() * unit;
        let least = self.number();
        let width = self.byte();
        let codes = match width & 0x80 {
            0 => self.packed(count - 1, width as usize),
            _ => self.patched(count - 1, width as usize & 0x7F),
        };
        let mut times = vec![start];
        for code in codes {
            times.push(times[times.len() - 1].wrapping_add(((code + least) * unit) as i64));
        }
        assert_eq!(times[count - 1].wrapping_sub(start) as u64, span);
        (times, unit as i64)
    }
}

#[derive(Clone, Copy)]
struct From {
    base: i64,
    last: Option<i64>,
    step: i64,
}

/// Time, stamp if the run has them, and value of each point of a good run.
pub(super) fn plain(run: &[u8], base: i64) -> Vec<(i64, Option<u64>, Plain)> {
    let mut bytes = Bytes(run);
    let head = bytes.byte();
    let mut from = From {
        base,
        last: None,
        step: 0,
    };
    let mut points = Vec::new();
    while !bytes.0.is_empty() {
        let bits = bytes.byte() + 256 * bytes.byte();
        let (codec, mode) = (bits % 8, bits / 8 % 4);
        let (scale, width) = ((bits / 32 % 16) as u8, (bits / 512) as usize);
        let count = bytes.byte() as usize + 1;
        let (times, step) = bytes.times(mode, count, from);
        from.step = step;
        from.last = times.last().copied();
        let stamps: Vec<Option<u64>> = if head & 8 == 0 {
            vec![None; count]
        } else {
            let bits = bytes.byte() + 256 * bytes.byte();
            let stamps = bytes.integers(bits % 8, (bits / 512) as usize, count);
            stamps.into_iter().map(|stamp| Some(stamp as u64)).collect()
        };
        let float = |mantissa| Plain::Float(Number::decimal(mantissa, scale).to_f64().to_bits());
        let values: Vec<Plain> = match (head % 4, codec) {
            (0, 5) => bytes
                .floats(width, count)
                .into_iter()
                .map(Plain::Float)
                .collect(),
            (0, _) => bytes
                .integers(codec, width, count)
                .into_iter()
                .map(float)
                .collect(),
            (1, _) => bytes
                .integers(codec, width, count)
                .into_iter()
                .map(Plain::Long)
                .collect(),
            (2, 6) => bytes
                .texts(width, count)
                .into_iter()
                .map(Plain::Text)
                .collect(),
            other => panic!("kind and codec {other:?}"),
        };
        let stamped = times.into_iter().zip(stamps).zip(values);
        points.extend(stamped.map(|((time, stamp), value)| (time, stamp, value)));
    }
    points
}
