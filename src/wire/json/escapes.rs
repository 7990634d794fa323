//! Texts without their escapes.

/// `bytes` without its escapes, of which the reader has checked the form.
pub(super) fn unescaped(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let Some((&escape, behind)) = rest.split_first() else {
            break;
        };
        rest = behind;
        match escape {
            b'u' => rest = &rest[push_unit(rest, &mut out)..],
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'b' => out.push(8),
            b'f' => out.push(12),
            other => out.push(other),
        }
    }
    out.extend_from_slice(rest);
    match String::from_utf8(out) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

/// Append the character whose digits `rest` starts with, and of a surrogate its other half; gives the
/// bytes they take.
fn push_unit(rest: &[u8], out: &mut Vec<u8>) -> usize {
    let unit = |at: usize| -> Option<u16> {
        let digits = std::str::from_utf8(rest.get(at..at + 4)?).ok()?;
        u16::from_str_radix(digits, 16).ok()
    };
    let Some(first) = unit(0) else {
        return 0;
    };
    let second = match rest.get(4..6) {
        Some(b"\\u") => unit(6),
        _ => None,
    };
    let pair = second.and_then(|second| {
        let mut decoded = char::decode_utf16([first, second]);
        decoded.next()?.ok().filter(|c| u32::from(*c) > 0xffff)
    });
    let c = pair.or(char::from_u32(u32::from(first)));
    let c = c.unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    if pair.is_some() { 10 } else { 4 }
}
