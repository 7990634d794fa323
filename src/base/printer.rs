//! Many numbers as text, fast: what [`decimal`] says, into room that is there already.
//!
//! Most floats that anybody sends are decimals of a few places, and neighbours have as many. Such a one is
//! found by rounding at the places of the one before it and looking whether the division gives the float
//! back: with up to 15 digits no shorter text reads back as the same float, so it is what the slow way
//! prints. All others go the slow way.

mod ticks;

pub use ticks::{TickText, Ticks};

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

/// How floats are written.
pub trait Style {
    /// Smaller ones, but for 0, are no plain decimals.
    const FROM: f64;
    /// From here on they are none.
    const BELOW: f64;
    /// Whether whole ones end in `.0`.
    const DOT: bool;
}

/// Python's `repr`.
#[derive(Debug)]
pub enum Python {}

impl Style for Python {
    const FROM: f64 = PLAIN_FROM;
    const BELOW: f64 = MANTISSA_BELOW;
    const DOT: bool = true;
}

/// Bytes of the longest number, and what is written beyond it.
pub const NUMBER_BYTES: usize = 40;
/// Values of [`Printer::points`].
pub const TOGETHER: usize = 8;
/// Bytes of what may stand in front of a point's value, and behind it.
const TEXT_BYTES_MAX: usize = 16;
/// Bytes that a point of those is written within.
const POINT_BYTES: usize = BEGINS_BELOW + TEXT_BYTES_MAX;
/// Places in them at which something begins: all are below.
const BEGINS_BELOW: usize = 64;

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

    /// Put what is printed behind `text`, and begin the stretch anew.
    #[inline]
    pub fn hand_on(&mut self, text: &mut Vec<u8>) {
        text.extend_from_slice(self.room.get(..self.at).unwrap_or_default());
        self.at = 0;
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
        if !self.plain::<Python>(value) {
            self.slowly(value);
        }
    }

    /// Print `value`. Or print nothing and say so, where it is no plain decimal of up to 15 digits and eight
    /// places.
    #[inline]
    pub fn plain<S: Style>(&mut self, value: f64) -> bool {
        let size = value.abs();
        let is_plain = (S::FROM..S::BELOW).contains(&size) || size == 0.0;
        let Some(mantissa) = is_plain.then(|| self.mantissa(size)).flatten() else {
            return false;
        };
        if value.is_sign_negative() {
            self.text(b"-");
        }
        self.decimal::<S>(mantissa);
        true
    }

    /// Print a decimal of as many places as the last float.
    #[inline]
    fn decimal<S: Style>(&mut self, mantissa: u64) {
        if mantissa < EIGHT_DIGITS && self.places < 8 {
            return self.short::<S>(mantissa);
        }
        let tens = WHOLE_TENS[self.places];
        self.whole(mantissa / tens);
        let rest = mantissa % tens;
        if S::DOT || rest > 0 {
            self.fraction(rest * WHOLE_TENS[PLACES_MAX - self.places]);
        }
    }

    /// Print each of `values`, what stands in front of it, and what behind: the same text as one by one. Or
    /// print nothing and say so, where one of them is no plain decimal of as many places as the last float.
    /// The first steps are taken for all of them at once, so that lanes can do them.
    #[inline(always)]
    pub fn points<S: Style, const F: usize, const B: usize>(
        &mut self,
        values: &[f64; TOGETHER],
        fronts: &[[u8; F]; TOGETHER],
        backs: &[[u8; B]; TOGETHER],
    ) -> bool {
        const { assert!(F <= TEXT_BYTES_MAX && B <= TEXT_BYTES_MAX && S::BELOW <= MANTISSA_BELOW) };
        let places = self.places.min(PLACES_MAX);
        let tens = TENS[places];
        let (mut mantissas, mut fit, mut all) = ([0; TOGETHER], true, 0);
        for (mantissa, value) in mantissas.iter_mut().zip(values) {
            let size = value.abs();
            let scaled = size * tens;
            let rounded = scaled + WHOLE;
            *mantissa = rounded.to_bits() & MANTISSA_BITS;
            fit &= (rounded - WHOLE) / tens == size;
            fit &= (scaled < MANTISSA_BELOW) & (size < S::BELOW);
            fit &= (S::FROM <= size) | (size == 0.0);
            all |= *mantissa;
        }
        if !fit {
            return false;
        }
        let texts = fronts.iter().zip(backs);
        // No mantissa is above all of their bits.
        if all < EIGHT_DIGITS && places < 8 {
            let digits = digits_together(mantissas.map(|it| it as u32));
            for ((digits, value), texts) in digits.iter().zip(values).zip(texts) {
                self.short_point::<S, F, B>(*digits, places, value.is_sign_negative(), texts);
            }
        } else {
            let high = digits_together(mantissas.map(|it| (it / EIGHT_DIGITS) as u32));
            let low = digits_together(mantissas.map(|it| (it % EIGHT_DIGITS) as u32));
            let digits = high.iter().zip(low);
            for (((&high, low), value), texts) in digits.zip(values).zip(texts) {
                self.long_point::<S, F, B>((high, low), places, value.is_sign_negative(), texts);
            }
        }
        true
    }

    /// A point whose value has these digits, fewer than eight of them behind the dot.
    #[inline(always)]
    fn short_point<S: Style, const F: usize, const B: usize>(
        &mut self,
        digits: u64,
        places: usize,
        negative: bool,
        (front, back): (&[u8; F], &[u8; B]),
    ) {
        let Some(room) = self.point() else {
            return;
        };
        let before = 8 - places;
        // Blanks in front of the first digit, but for the last before the dot.
        let blank = (digits.trailing_zeros() as usize / 8).min(before - 1);
        let text = (digits + ZEROS) >> (8 * blank);
        let whole = before - blank;
        let behind = places.saturating_sub(digits.leading_zeros() as usize / 8);
        // The dot in place of the last digit in front of it, which is written before.
        let fraction = (text >> (8 * (whole - 1))) & !0xFF | u64::from(b'.');
        let fraction = fraction | if places == 0 { u64::from(b'0') << 8 } else { 0 };
        let begin = F + usize::from(negative);
        write(room, F, b"-");
        write(room, 0, front);
        write(room, begin, &text.to_le_bytes());
        write(room, begin + whole, &fraction.to_le_bytes());
        let end = begin + whole + dotted::<S>(behind);
        write(room, end, back);
        self.at += end + B;
    }

    /// A point whose value has these digits, eight and eight, 15 of them at most.
    #[inline(always)]
    fn long_point<S: Style, const F: usize, const B: usize>(
        &mut self,
        (high, low): (u64, u64),
        places: usize,
        negative: bool,
        (front, back): (&[u8; F], &[u8; B]),
    ) {
        let Some(room) = self.point() else {
            return;
        };
        let digits = u128::from(high) | u128::from(low) << 64;
        let zeros = u128::from(ZEROS) | u128::from(ZEROS) << 64;
        let before = 16 - places;
        let blank = (digits.trailing_zeros() as usize / 8).min(before - 1);
        let text = (digits + zeros) >> (8 * blank);
        let whole = before - blank;
        let behind = places.saturating_sub(low.leading_zeros() as usize / 8);
        let fraction = match places {
            0 => u64::from(b'0'),
            _ => (low + ZEROS) >> (8 * (8 - places)),
        };
        let begin = F + usize::from(negative);
        write(room, F, b"-");
        write(room, 0, front);
        write(room, begin, &text.to_le_bytes());
        write(room, begin + whole, b".");
        write(room, begin + whole + 1, &fraction.to_le_bytes());
        let end = begin + whole + dotted::<S>(behind);
        write(room, end, back);
        self.at += end + B;
    }

    /// Room for a point.
    #[inline(always)]
    fn point(&mut self) -> Option<&mut [u8; POINT_BYTES]> {
        self.room.get_mut(self.at..)?.first_chunk_mut()
    }

    /// [`Printer::decimal`] of up to eight digits and fewer places.
    #[inline]
    fn short<S: Style>(&mut self, mantissa: u64) {
        let digits = eight_digits(mantissa as u32);
        let before = 8 - self.places;
        // Blanks in front of the first digit, but for the last before the dot.
        let blank = (digits.trailing_zeros() as usize / 8).min(before - 1);
        let text = (digits + ZEROS) >> (8 * blank);
        let whole = before - blank;
        let zeros = digits.leading_zeros() as usize / 8;
        let behind = self.places.saturating_sub(zeros);
        if !S::DOT && behind == 0 {
            return self.word(text, whole);
        }
        let behind = behind.max(1);
        if whole + 1 + behind <= 8 {
            // All of it is one word: the dot goes between.
            let dot = 8 * whole;
            let front = text & ((1 << dot) - 1);
            let back = match self.places {
                0 => u64::from(b'0'),
                _ => text >> dot,
            };
            let word = front | u64::from(b'.') << dot | back << (dot + 8);
            return self.word(word, whole + 1 + behind);
        }
        self.word(text, whole);
        self.text(b".");
        if self.places == 0 {
            return self.text(b"0");
        }
        self.word(text >> (8 * whole), behind);
    }

    /// Print `, `, the next of `ticks`, and `], [`.
    #[inline]
    pub fn tick(&mut self, ticks: &mut Ticks) {
        match ticks.next_digits() {
            Some((above, below)) => {
                let below = (below + ZEROS).swap_bytes();
                let comma = u64::from(u16::from_le_bytes(*b", "));
                let bracket = u64::from(u32::from_le_bytes(*b"], ["));
                let first = comma | u64::from(above) << 16 | below << 32;
                let second = below >> 32 | bracket << 32;
                if let Some(room) = self.room.get_mut(self.at..self.at + 16) {
                    let both = u128::from(first) | u128::from(second) << 64;
                    room.copy_from_slice(&both.to_le_bytes());
                    self.at += 16;
                }
            }
            None => {
                self.text(b", ");
                self.integer(ticks.next_time());
                self.text(b"], [");
            }
        }
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
        let above = value / EIGHT_DIGITS;
        if above < EIGHT_DIGITS {
            self.leading(above as u32);
        } else {
            self.leading((above / EIGHT_DIGITS) as u32);
            self.last_eight(above);
        }
        self.last_eight(value);
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

    /// Print the last eight digits of `value`, zeros in front too.
    #[inline]
    pub fn last_eight(&mut self, value: u64) {
        self.word(eight_digits((value % EIGHT_DIGITS) as u32) + ZEROS, 8);
    }

    /// Print the first `len` bytes of `text`, lowest first; there must be room for all eight.
    #[inline]
    pub fn word(&mut self, text: u64, len: usize) {
        if let Some(room) = self.room.get_mut(self.at..self.at + 8) {
            room.copy_from_slice(&text.to_le_bytes());
            self.at += len;
        }
    }

    #[cold]
    fn slowly(&mut self, value: f64) {
        let mut text = Vec::with_capacity(NUMBER_BYTES);
        decimal::push_float(value, &mut text);
        self.bytes(&text);
    }

    /// Print a text.
    pub fn bytes(&mut self, text: &[u8]) {
        if let Some(room) = self.room.get_mut(self.at..self.at + text.len()) {
            room.copy_from_slice(text);
            self.at += text.len();
        }
    }
}

/// Bytes of a dot and so many digits behind it; there may have to be one.
#[inline(always)]
fn dotted<S: Style>(digits: usize) -> usize {
    match digits {
        0 if !S::DOT => 0,
        0 => 2,
        digits => digits + 1,
    }
}

/// Put `text` where it begins in the room of a point.
#[inline(always)]
fn write<const N: usize>(room: &mut [u8; POINT_BYTES], at: usize, text: &[u8; N]) {
    // Always below; so said, nothing has to be looked at.
    let at = at % BEGINS_BELOW;
    if let Some(room) = room.get_mut(at..at + N) {
        room.copy_from_slice(text);
    }
}

/// Adding this to a smaller float leaves nothing behind its point: the whole number is in the low bits.
const WHOLE: f64 = (1u64 << 52) as f64;
/// Those low bits.
const MANTISSA_BITS: u64 = (1 << 52) - 1;

/// The digits of `size` at so many places, if it has no more.
#[inline]
fn mantissa_at(size: f64, places: usize) -> Option<u64> {
    let tens = TENS[places];
    let scaled = size * tens;
    if scaled >= MANTISSA_BELOW {
        return None;
    }
    let rounded = scaled + WHOLE;
    let mantissa = rounded.to_bits() & MANTISSA_BITS;
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
#[inline(always)]
fn eight_digits(value: u32) -> u64 {
    let fours = u64::from(value / 10_000) | u64::from(value % 10_000) << 32;
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let twos = hundreds | (fours - 100 * hundreds) << 16;
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (twos - 10 * tens) << 8
}

/// [`eight_digits`] of each, in steps that lanes can do.
#[inline(always)]
fn digits_together(values: [u32; TOGETHER]) -> [u64; TOGETHER] {
    let mut fours = [[0u32; TOGETHER]; 2];
    let [high, low] = &mut fours;
    for ((high, low), value) in high.iter_mut().zip(low).zip(values) {
        *high = value / 10_000;
        *low = value - 10_000 * *high;
    }
    for four in fours.as_flattened_mut() {
        let hundreds = (*four * 10_486) >> 20;
        let twos = hundreds | (*four - 100 * hundreds) << 16;
        let tens = ((twos * 103) >> 10) & 0x000f_000f;
        *four = tens | (twos - 10 * tens) << 8;
    }
    let [high, low] = fours;
    let mut digits = [0; TOGETHER];
    for ((digits, high), low) in digits.iter_mut().zip(high).zip(low) {
        *digits = u64::from(high) | u64::from(low) << 32;
    }
    digits
}

#[cfg(test)]
mod tests;
