//! Up to 128 codes of one width, one behind the other: code `i` takes the bits from `i * width` on,
//! where bit `b` of a stretch of bytes is bit `b % 8` of byte `b / 8`. What is left of the last byte
//! is zero.
//!
//! Eight codes of width `w` fill just `w` bytes, so work goes by eights, with every shift known when
//! it is compiled.

/// Codes that are packed at once, at most.
pub(super) const CODES_MAX: usize = 128;

/// Bytes behind eight codes that reading them may touch.
const BEHIND: usize = 16;

/// Codes on their way in or out.
pub(super) type Codes = [u64; CODES_MAX];

/// Bytes that `count` codes take.
#[inline]
pub(super) fn len(count: usize, width: u32) -> usize {
    (count * width as usize).div_ceil(8)
}

/// Bits that `code` needs.
#[inline]
pub(super) fn width(code: u64) -> u32 {
    64 - code.leading_zeros()
}

/// The lowest `width` bits.
#[inline]
pub(super) const fn mask(width: u32) -> u64 {
    match width {
        0 => 0,
        width => u64::MAX >> (64 - width),
    }
}

/// Calls `$work::<WIDTH>` for the width, which is 1 to 64; does nothing for any other.
macro_rules! for_width {
    ($width:expr, $work:ident, $arguments:tt) => {
        for_width!(@ $width, $work, $arguments,
            1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
            33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61
            62 63 64)
    };
    (@ $width:expr, $work:ident, $arguments:tt, $($each:literal)*) => {
        match $width { $($each => $work::<$each> $arguments,)* _ => {} }
    };
}

/// Append the lowest `width` bits of the first `count` codes; the codes behind them may be overwritten.
pub(super) fn pack(codes: &mut Codes, count: usize, width: u32, out: &mut Vec<u8>) {
    let count = count.min(CODES_MAX);
    let whole = count.next_multiple_of(8);
    codes[count..whole].fill(0);
    let at = out.len();
    out.resize(at + len(whole, width) + 8, 0);
    for_width!(width, pack_eights, (&codes[..whole], &mut out[at..]));
    out.truncate(at + len(count, width));
}

fn pack_eights<const WIDTH: usize>(codes: &[u64], room: &mut [u8]) {
    for (i, eight) in codes.as_chunks::<8>().0.iter().enumerate() {
        let at = i * WIDTH;
        let Some(room) = room.get_mut(at..at + WIDTH + 8) else {
            return;
        };
        let (mut word, mut filled, mut to) = (0u64, 0, 0);
        for &code in eight {
            let code = code & mask(WIDTH as u32);
            word |= code << filled;
            filled += WIDTH;
            if filled >= 64 {
                room[to..to + 8].copy_from_slice(&word.to_le_bytes());
                to += 8;
                filled -= 64;
                word = if filled == 0 {
                    0
                } else {
                    code >> (WIDTH - filled)
                };
            }
        }
        room[to..to + 8].copy_from_slice(&word.to_le_bytes());
    }
}

/// The `count` codes of `bytes`, which are [`len`] bytes; what is missing is zero.
pub(super) fn unpack(bytes: &[u8], count: usize, width: u32, codes: &mut Codes) {
    let count = count.min(CODES_MAX);
    let codes = &mut codes[..count.next_multiple_of(8)];
    if width == 0 {
        return codes.fill(0);
    }
    for_width!(width, unpack_all, (bytes, codes));
}

fn unpack_all<const WIDTH: usize>(bytes: &[u8], codes: &mut [u64]) {
    // The last eights are unpacked from a copy with zeros behind it.
    let inner = bytes.len().saturating_sub(BEHIND) / WIDTH;
    let (inside, behind) = codes.split_at_mut((inner * 8).min(codes.len()));
    unpack_eights::<WIDTH>(bytes, inside);
    let rest = bytes.get(inside.len() / 8 * WIDTH..).unwrap_or_default();
    let mut copy = [0; 4 * BEHIND + 3 * 64];
    let kept = rest.len().min(copy.len());
    copy[..kept].copy_from_slice(&rest[..kept]);
    unpack_eights::<WIDTH>(&copy, behind);
}

fn unpack_eights<const WIDTH: usize>(bytes: &[u8], codes: &mut [u64]) {
    for (i, eight) in codes.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let at = i * WIDTH;
        let Some(bytes) = bytes.get(at..at + WIDTH + BEHIND) else {
            return;
        };
        for (k, code) in eight.iter_mut().enumerate() {
            let (byte, shift) = (k * WIDTH / 8, k * WIDTH % 8);
            *code = if WIDTH + shift <= 64 {
                word(bytes, byte) >> shift
            } else {
                (word(bytes, byte) >> shift) | (word(bytes, byte + 8) << (64 - shift))
            } & mask(WIDTH as u32);
        }
    }
}

/// The eight bytes from `at` on.
#[inline(always)]
fn word(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..at + 8).and_then(|bytes| bytes.first_chunk()) {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => 0,
    }
}
