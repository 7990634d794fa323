//! Msgpack: each value in the shortest form that holds it.

/// Eight bytes of a float follow, the highest first.
pub(super) const FLOAT: u8 = 0xcb;
/// Nothing.
pub(super) const NONE: u8 = 0xc0;
/// Yes.
pub(super) const TRUE: u8 = 0xc3;
/// No.
pub(super) const FALSE: u8 = 0xc2;

/// The head of a list of `count` values.
pub(super) fn push_list(count: usize, out: &mut Vec<u8>) {
    push_head(count, 0x90, 16, None, [0xdc, 0xdd], out);
}

/// The head of a map of `count` keys, each with its value.
pub(super) fn push_map(count: usize, out: &mut Vec<u8>) {
    push_head(count, 0x80, 16, None, [0xde, 0xdf], out);
}

/// A text in UTF-8.
pub(super) fn push_text(text: &str, out: &mut Vec<u8>) {
    push_head(text.len(), 0xa0, 32, Some(0xd9), [0xda, 0xdb], out);
    out.extend_from_slice(text.as_bytes());
}

/// A count below `short_below` in one byte with `short`; a larger one behind a mark for one byte, if
/// there is such a mark, for two, or for four. No answer has more than those can tell.
fn push_head(
    count: usize,
    short: u8,
    short_below: usize,
    of_one: Option<u8>,
    [of_two, of_four]: [u8; 2],
    out: &mut Vec<u8>,
) {
    if count < short_below {
        return out.push(short | count as u8);
    }
    if let (Some(mark), Ok(count)) = (of_one, u8::try_from(count)) {
        return out.extend_from_slice(&[mark, count]);
    }
    if let Ok(count) = u16::try_from(count) {
        out.push(of_two);
        return out.extend_from_slice(&count.to_be_bytes());
    }
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    out.push(of_four);
    out.extend_from_slice(&count.to_be_bytes());
}

/// A whole number; what is not negative has no sign, as readers in Go want it.
pub(super) fn push_integer(number: i64, out: &mut Vec<u8>) {
    if let Ok(number) = u64::try_from(number) {
        return push_unsigned(number, out);
    }
    if -32 <= number {
        return out.push(number as i8 as u8);
    }
    if let Ok(number) = i8::try_from(number) {
        out.extend_from_slice(&[0xd0, number as u8]);
    } else if let Ok(number) = i16::try_from(number) {
        out.push(0xd1);
        out.extend_from_slice(&number.to_be_bytes());
    } else if let Ok(number) = i32::try_from(number) {
        out.push(0xd2);
        out.extend_from_slice(&number.to_be_bytes());
    } else {
        out.push(0xd3);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn push_unsigned(number: u64, out: &mut Vec<u8>) {
    if number < 128 {
        out.push(number as u8);
    } else if let Ok(number) = u8::try_from(number) {
        out.extend_from_slice(&[0xcc, number]);
    } else if let Ok(number) = u16::try_from(number) {
        out.push(0xcd);
        out.extend_from_slice(&number.to_be_bytes());
    } else if let Ok(number) = u32::try_from(number) {
        out.push(0xce);
        out.extend_from_slice(&number.to_be_bytes());
    } else {
        out.push(0xcf);
        out.extend_from_slice(&number.to_be_bytes());
    }
}
