//! Pickle, protocol 2: the few operations that lists of maps need. No memo, no classes.

/// Eight bytes of a float follow, the highest first.
pub(super) const FLOAT: u8 = b'G';
/// Python's `None`.
pub(super) const NONE: u8 = b'N';
/// Python's `True`.
pub(super) const TRUE: u8 = 0x88;
/// Python's `False`.
pub(super) const FALSE: u8 = 0x89;

const MARK: u8 = b'(';

/// What every pickle of this protocol begins with.
pub(super) fn begin(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0x80, 2]);
}

/// What every pickle ends with.
pub(super) fn end(out: &mut Vec<u8>) {
    out.push(b'.');
}

/// An empty list, and the mark behind which the values stand that are appended to it.
pub(super) fn begin_list(count: usize, out: &mut Vec<u8>) {
    out.push(b']');
    if count > 0 {
        out.push(MARK);
    }
}

/// Append all since the mark.
pub(super) fn end_list(count: usize, out: &mut Vec<u8>) {
    if count > 0 {
        out.push(b'e');
    }
}

/// An empty map, and the mark behind which its keys and values stand.
pub(super) fn begin_map(out: &mut Vec<u8>) {
    out.extend_from_slice(&[b'}', MARK]);
}

/// Put all since the mark into the map.
pub(super) fn end_map(out: &mut Vec<u8>) {
    out.push(b'u');
}

/// The two newest values become a tuple.
pub(super) fn end_pair(out: &mut Vec<u8>) {
    out.push(0x86);
}

/// UTF-8 behind its length. No text of an answer comes near the 4 GiB that the length can tell.
pub(super) fn push_text(text: &str, out: &mut Vec<u8>) {
    let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
    out.push(b'X');
    out.extend_from_slice(&bytes.to_le_bytes());
    out.extend_from_slice(&text.as_bytes()[..bytes as usize]);
}

/// Four bytes where they are enough, as for seconds until 2038, or else a long integer of eight.
pub(super) fn push_integer(number: i64, out: &mut Vec<u8>) {
    if let Ok(short) = i32::try_from(number) {
        out.push(b'J');
        out.extend_from_slice(&short.to_le_bytes());
    } else {
        out.extend_from_slice(&[0x8a, 8]);
        out.extend_from_slice(&number.to_le_bytes());
    }
}
