//! Texts of times that ascend evenly.

use super::{EIGHT_DIGITS, TOGETHER, ZEROS, digits_together, eight_digits};

/// What [`Printer::tick`](super::Printer::tick) prints of a time of ten digits.
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

    pub(super) fn next_time(&mut self) -> i64 {
        let time = self.next;
        self.below = None;
        self.next = time.saturating_add(self.step);
        time
    }

    /// Text of the first two digits of the next, and its other digits. Where it is `None` nothing is passed.
    #[inline(always)]
    pub(super) fn next_digits(&mut self) -> Option<(u16, u64)> {
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
