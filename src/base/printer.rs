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
/// Values of [`Printer::points`].
pub const TOGETHER: usize = 8;
/// Bytes that a point of those is written within.
const POINT_BYTES: usize = 64;
/// Places in them at which something begins: all are below.
const BEGINS_BELOW: usize = 32;

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

    /// Print each of `values`, and behind it its time: the same text as one by one. Or print nothing and say
    /// so, where one of them is not finite, or not a decimal of as many places as the last float. The first
    /// steps are taken for all of them at once, so that lanes can do them.
    #[inline(always)]
    pub fn points(&mut self, values: &[f64; TOGETHER], times: &[TickText; TOGETHER]) -> bool {
        let places = self.places.min(PLACES_MAX);
        let tens = TENS[places];
        let (mut mantissas, mut fit, mut all) = ([0; TOGETHER], true, 0);
        for (mantissa, value) in mantissas.iter_mut().zip(values) {
            let size = value.abs();
            let scaled = size * tens;
            let rounded = scaled + WHOLE;
            *mantissa = rounded.to_bits() & MANTISSA_BITS;
            fit &= (rounded - WHOLE) / tens == size;
            fit &= scaled < MANTISSA_BELOW;
            fit &= (PLAIN_FROM <= size) | (size == 0.0);
            all |= *mantissa;
        }
        if !fit {
            return false;
        }
        // No mantissa is above all of their bits.
        if all < EIGHT_DIGITS && places < 8 {
            let digits = digits_together(mantissas.map(|it| it as u32));
            for ((digits, value), time) in digits.iter().zip(values).zip(times) {
                self.short_point(*digits, places, value.is_sign_negative(), time);
            }
        } else {
            let high = digits_together(mantissas.map(|it| (it / EIGHT_DIGITS) as u32));
            let low = digits_together(mantissas.map(|it| (it % EIGHT_DIGITS) as u32));
            let digits = high.iter().zip(low);
            for (((&high, low), value), time) in digits.zip(values).zip(times) {
                self.long_point((high, low), places, value.is_sign_negative(), time);
            }
        }
        true
    }

    /// A point whose value has these digits, fewer than eight of them behind the dot.
    #[inline(always)]
    fn short_point(&mut self, digits: u64, places: usize, negative: bool, time: &TickText) {
        let Some(room) = self.point() else {
            return;
        };
        let before = 8 - places;
        // Blanks in front of the first digit, but for the last before the dot.
        let blank = (digits.trailing_zeros() as usize / 8).min(before - 1);
        let text = (digits + ZEROS) >> (8 * blank);
        let whole = before - blank;
        let zeros = digits.leading_zeros() as usize / 8;
        let behind = places.saturating_sub(zeros).max(1);
        // The dot in place of the last digit in front of it, which is written before.
        let fraction = (text >> (8 * (whole - 1))) & !0xFF | u64::from(b'.');
        let fraction = fraction | if places == 0 { u64::from(b'0') << 8 } else { 0 };
        let sign = usize::from(negative);
        room[0] = b'-';
        write(room, sign, &text.to_le_bytes());
        write(room, sign + whole, &fraction.to_le_bytes());
        let end = sign + whole + 1 + behind;
        write(room, end, time);
        self.at += end + time.len();
    }

    /// A point whose value has these digits, eight and eight, 15 of them at most.
    #[inline(always)]
    fn long_point(
        &mut self,
        (high, low): (u64, u64),
        places: usize,
        negative: bool,
        time: &TickText,
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
        let behind = places
            .saturating_sub(low.leading_zeros() as usize / 8)
            .max(1);
        let fraction = match places {
            0 => u64::from(b'0'),
            _ => (low + ZEROS) >> (8 * (8 - places)),
        };
        let sign = usize::from(negative);
        room[0] = b'-';
        write(room, sign, &text.to_le_bytes());
        write(room, sign + whole, b".");
        write(room, sign + whole + 1, &fraction.to_le_bytes());
        let end = sign + whole + 1 + behind;
        write(room, end, time);
        self.at += end + time.len();
    }

    /// Room for a point.
    #[inline(always)]
    fn point(&mut self) -> Option<&mut [u8; POINT_BYTES]> {
        self.room.get_mut(self.at..)?.first_chunk_mut()
    }

    /// Print a decimal of up to eight digits and fewer places, with its dot.
    #[inline]
    fn short(&mut self, mantissa: u64) {
        let digits = eight_digits(mantissa as u32);
        let before = 8 - self.places;
        // Blanks in front of the first digit, but for the last before the dot.
        let blank = (digits.trailing_zeros() as usize / 8).min(before - 1);
        let text = (digits + ZEROS) >> (8 * blank);
        let whole = before - blank;
        let zeros = digits.leading_zeros() as usize / 8;
        let behind = self.places.saturating_sub(zeros).max(1);
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

/// Put `text` where it begins in the room of a point.
#[inline(always)]
fn write<const N: usize>(room: &mut [u8; POINT_BYTES], at: usize, text: &[u8; N]) {
    // Always below; so said, nothing has to be looked at.
    let at = at % BEGINS_BELOW;
    if let Some(room) = room.get_mut(at..at + N) {
        room.copy_from_slice(text);
    }
}

/// What [`Printer::tick`] prints of a time of ten digits.
pub type TickText = [u8; 16];

/// Times that ascend evenly. Of those with ten digits, as all seconds of our days have, the digits of each
/// are told from those of the one before, all at once and without a division.
#[derive(Clone, Debug)]
pub struct Ticks {
    next: i64,
    step: i64,
    /// Text of the first two digits.
    above: u16,
    /// The others, one in each byte, the last in the lowest; `None` where they have to be found anew.
    below: Option<u64>,
    /// The step's.
    step_digits: Option<u64>,
}

/// What makes a byte of ten run over.
const TO_TENS: u64 = 0xF6F6_F6F6_F6F6_F6F6;

impl Ticks {
    /// From `start` on.
    pub fn new(start: i64, step: i64) -> Ticks {
        let is_short = (0..EIGHT_DIGITS as i64).contains(&step);
        Ticks {
            next: start,
            step,
            above: 0,
            below: None,
            step_digits: is_short.then(|| eight_digits(step as u32).swap_bytes()),
        }
    }

    /// Pass the next `count`.
    #[inline]
    pub fn pass(&mut self, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.next = self.next.saturating_add(self.step.saturating_mul(count));
        self.below = None;
    }

    fn next_time(&mut self) -> i64 {
        let time = self.next;
        self.below = None;
        self.next = time.saturating_add(self.step);
        time
    }

    /// Text of the first two digits of the next, and its other digits. Where it is `None` nothing is passed.
    #[inline(always)]
    fn next_digits(&mut self) -> Option<(u16, u64)> {
        let step_digits = self.step_digits?;
        let below = match self.below {
            Some(below) => below,
            None => self.find()?,
        };
        self.next = self.next.saturating_add(self.step);
        let sum = below.wrapping_add(step_digits);
        let (tens, runs_over) = sum.overflowing_add(TO_TENS);
        // Bytes that did not run over are too large by what was added to them.
        let stayed = (tens & 0x8080_8080_8080_8080) >> 7;
        self.below = (!runs_over).then(|| tens.wrapping_sub(stayed * 0xF6));
        Some((self.above, below))
    }

    /// Texts of the next [`TOGETHER`]. Where it is `None`, because not all of them have ten digits and share
    /// the first two, nothing is passed.
    pub fn texts(&mut self) -> Option<[TickText; TOGETHER]> {
        // Small enough for all that follows.
        self.step_digits?;
        let time = u64::try_from(self.next).ok()?;
        let (above, first) = (time / EIGHT_DIGITS, (time % EIGHT_DIGITS) as u32);
        let last = u64::from(first) + (TOGETHER as u64 - 1) * self.step as u64;
        if !(10..100).contains(&above) || EIGHT_DIGITS <= last {
            return None;
        }
        let (step, mut times) = (self.step as u32, [first; TOGETHER]);
        for (i, time) in times.iter_mut().enumerate() {
            *time += i as u32 * step;
        }
        self.next += TOGETHER as i64 * self.step;
        self.below = None;
        let mut text = *b", 00        ], [";
        let [_, _, tens, ones, ..] = &mut text;
        (*tens, *ones) = (b'0' + (above / 10) as u8, b'0' + (above % 10) as u8);
        Some(digits_together(times).map(|digits| {
            let mut text = text;
            if let Some(room) = text.get_mut(4..12) {
                room.copy_from_slice(&(digits + ZEROS).to_le_bytes());
            }
            text
        }))
    }

    #[cold]
    fn find(&mut self) -> Option<u64> {
        let time = u64::try_from(self.next).ok()?;
        let above = time / EIGHT_DIGITS;
        if !(10..100).contains(&above) {
            return None;
        }
        self.above = u16::from_le_bytes([b'0' + (above / 10) as u8, b'0' + (above % 10) as u8]);
        Some(eight_digits((time % EIGHT_DIGITS) as u32).swap_bytes())
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
