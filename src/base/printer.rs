//! Many numbers as text, fast: what [`decimal`] says, into room that is there already.
//!
//! Most floats that anybody sends are decimals of a few places, and neighbours have as many. Such a one is
//! found by rounding at the places of the one before it and looking whether the division gives the float
//! back: with up to 15 digits no shorter text reads back as the same float, so it is what the slow way
//! prints. All others go the slow way.

use super::decimal;

/// Places that are tried.
const PLACES_MAX: usize = 8;
/// Mantissas below this have 15 digits at most.
const MANTISSA_BELOW: f64 = 1e15;
/// Smaller floats are printed with an exponent.
const PLAIN_FROM: f64 = 1e-4;
const TENS: [f64; PLACES_MAX + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];
/// What has at most eight digits is below this.
const EIGHT_DIGITS: u64 = 100_000_000;
const WHOLE_TENS: [u64; PLACES_MAX + 1] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

/// Bytes of the longest number, and what is written beyond it.
pub const NUMBER_BYTES: usize = 40;

/// Prints numbers, one behind the other, into a stretch of bytes.
#[derive(Debug)]
pub struct Printer<'a> {
    room: &'a mut [u8],
    at: usize,
    /// Places of the last float.
    places: usize,
}

impl<'a> Printer<'a> {
    /// A printer into `room`, of which it must have [`NUMBER_BYTES`] for each number and each text besides
    /// those of the texts; what finds no room is left out. `places` is where to begin: what
    /// [`Printer::places`] said of the stretch before.
    pub fn new(room: &'a mut [u8], places: usize) -> Printer<'a> {
        Printer {
            room,
            at: 0,
            places: places.min(PLACES_MAX),
        }
    }

    /// Bytes that are printed.
    pub fn printed(&self) -> usize {
        self.at
    }

    /// Decimal places of the last float.
    pub fn places(&self) -> usize {
        self.places
    }

    /// Print a short text that is known beforehand.
    #[inline]
    pub fn text<const N: usize>(&mut self, text: &[u8; N]) {
        if let Some(room) = self.room.get_mut(self.at..self.at + N) {
            room.copy_from_slice(text);
            self.at += N;
        }
    }

    /// Print `value` as [`decimal::push_float`] does.
    #[inline]
    pub fn float(&mut self, value: f64) {
        let size = value.abs();
        let plain = (PLAIN_FROM..MANTISSA_BELOW).contains(&size) || size == 0.0;
        match plain.then(|| self.mantissa(size)).flatten() {
            Some(mantissa) => {
                if value.is_sign_negative() {
                    self.text(b"-");
                }
                if mantissa < EIGHT_DIGITS && self.places < 8 {
                    self.short(mantissa);
                } else {
                    let tens = WHOLE_TENS[self.places];
                    self.whole(mantissa / tens);
                    self.fraction(mantissa % tens * WHOLE_TENS[PLACES_MAX - self.places]);
                }
            }
            None => self.slowly(value),
        }
    }

    /// Print a decimal of up to eight digits and fewer places, with its dot.
    #[inline]
    fn short(&mut self, mantissa: u64) {
        let digits = eight_digits(mantissa as u32);
        let whole = 8 - self.places;
        // Blanks in front of the first digit, but for the last before the dot.
        let blank = (digits.trailing_zeros() as usize / 8).min(whole - 1);
        let text = digits + ZEROS;
        self.word(text >> (8 * blank), whole - blank);
        self.text(b".");
        if self.places == 0 {
            return self.text(b"0");
        }
        let zeros = digits.leading_zeros() as usize / 8;
        let len = self.places.saturating_sub(zeros).max(1);
        self.word(text >> (8 * whole), len);
    }

    /// Print `value` in decimal.
    #[inline]
    pub fn integer(&mut self, value: i64) {
        if value < 0 {
            self.text(b"-");
        }
        self.whole(value.unsigned_abs());
    }

    /// The digits of `size` at as many places as it takes.
    #[inline]
    fn mantissa(&mut self, size: f64) -> Option<u64> {
        if let Some(mantissa) = mantissa_at(size, self.places) {
            return Some(mantissa);
        }
        let (places, mantissa) = found(size)?;
        self.places = places;
        Some(mantissa)
    }

    #[inline]
    fn whole(&mut self, value: u64) {
        if value < EIGHT_DIGITS {
            return self.leading(value as u32);
        }
        let (above, below) = (value / EIGHT_DIGITS, (value % EIGHT_DIGITS) as u32);
        if above < EIGHT_DIGITS {
            self.leading(above as u32);
        } else {
            self.leading((above / EIGHT_DIGITS) as u32);
            self.word(eight_digits((above % EIGHT_DIGITS) as u32) + ZEROS, 8);
        }
        self.word(eight_digits(below) + ZEROS, 8);
    }

    /// Up to eight digits, without zeros in front.
    #[inline]
    fn leading(&mut self, value: u32) {
        let digits = eight_digits(value);
        let blank = (digits.trailing_zeros() / 8).min(7);
        self.word((digits + ZEROS) >> (8 * blank), 8 - blank as usize);
    }

    /// A dot and the digits of `hundred_millionths`, at least one, without zeros behind.
    #[inline]
    fn fraction(&mut self, hundred_millionths: u64) {
        self.text(b".");
        let digits = eight_digits(hundred_millionths as u32);
        let len = (8 - digits.leading_zeros() as usize / 8).max(1);
        self.word(digits + ZEROS, len);
    }

    /// The first `len` bytes of `text`, lowest first.
    #[inline]
    fn word(&mut self, text: u64, len: usize) {
        if let Some(room) = self.room.get_mut(self.at..self.at + 8) {
            room.copy_from_slice(&text.to_le_bytes());
            self.at += len;
        }
    }

    #[cold]
    fn slowly(&mut self, value: f64) {
        let mut text = Vec::with_capacity(NUMBER_BYTES);
        decimal::push_float(value, &mut text);
        if let Some(room) = self.room.get_mut(self.at..self.at + text.len()) {
            room.copy_from_slice(&text);
            self.at += text.len();
        }
    }
}

/// Adding this to a smaller float leaves nothing behind its point: the whole number is in the low bits.
const WHOLE: f64 = (1u64 << 52) as f64;

/// The digits of `size` at so many places, if it has no more.
#[inline]
fn mantissa_at(size: f64, places: usize) -> Option<u64> {
    let tens = TENS[places];
    let scaled = size * tens;
    if scaled >= MANTISSA_BELOW {
        return None;
    }
    let rounded = scaled + WHOLE;
    let mantissa = rounded.to_bits() & ((1 << 52) - 1);
    ((rounded - WHOLE) / tens == size).then_some(mantissa)
}

/// The least places that are enough, and the digits.
fn found(size: f64) -> Option<(usize, u64)> {
    (0..=PLACES_MAX).find_map(|places| Some((places, mantissa_at(size, places)?)))
}

/// `0` in each byte.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The eight digits of a number below 100,000,000 as bytes, the highest digit in the lowest byte: halves,
/// then quarters, then single digits, side by side in one word.
#[inline]
fn eight_digits(value: u32) -> u64 {
    let fours = u64::from(value / 10_000) | u64::from(value % 10_000) << 32;
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let twos = hundreds | (fours - 100 * hundreds) << 16;
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (twos - 10 * tens) << 8
}

#[cfg(test)]
mod tests {
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
}
