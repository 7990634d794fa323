//! Decimal digits of known width.

use crate::workload::Kind;

/// The digits 00 to 99.
const PAIRS: [[u8; 2]; 100] = pairs();

const fn pairs() -> [[u8; 2]; 100] {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
}

/// The last eight digits of a number, with leading zeros.
#[inline]
pub fn eight(number: u32) -> [u8; 8] {
    let high = number / 10_000 % 10_000;
    let low = number % 10_000;
    let pair = |number: u32| PAIRS[number as usize];
    let ([a, b], [c, d]) = (pair(high / 100), pair(high % 100));
    let ([e, f], [g, h]) = (pair(low / 100), pair(low % 100));
    [a, b, c, d, e, f, g, h]
}

/// The last ten digits of a timestamp, with leading zeros.
pub fn ten(number: u64) -> [u8; 10] {
    let [a, b] = PAIRS[(number / 100_000_000 % 100) as usize];
    let [c, d, e, f, g, h, i, j] = eight((number % 100_000_000) as u32);
    [a, b, c, d, e, f, g, h, i, j]
}

/// Writes a value of `kind` into its text, which is as long as [`Kind::width`] says.
#[inline(always)]
pub fn patch_value(text: &mut [u8], kind: Kind, scaled: u32) {
    let digits = eight(scaled);
    match kind {
        Kind::Counter => text.copy_from_slice(&digits[1..8]),
        Kind::Constant | Kind::Walk => {
            text[0..3].copy_from_slice(&digits[3..6]);
            text[4..6].copy_from_slice(&digits[6..8]);
        }
        Kind::Noise => {
            text[0..2].copy_from_slice(&digits[0..2]);
            text[3..9].copy_from_slice(&digits[2..8]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_format() {
        for number in [
            0_u32, 1, 9, 10, 99, 12_345, 9_999_999, 12_345_678, 99_999_999,
        ] {
            assert_eq!(eight(number).as_slice(), format!("{number:08}").as_bytes());
        }
        for number in [1_000_000_000_u64, 1_795_232_367, 9_999_999_999] {
            assert_eq!(ten(number).as_slice(), format!("{number:010}").as_bytes());
        }
    }
}
