//! Texts in JSON, in the style of Python's writer: ASCII only unless the reader takes UTF-8.

/// How characters beyond ASCII are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beyond {
    /// As `\uXXXX`, pairs of them above U+FFFF.
    Escaped,
    /// As they are.
    Utf8,
}

/// Append `text` with its quotes.
pub(super) fn push_text(text: &str, beyond: Beyond, out: &mut Vec<u8>) {
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            ' '..='~' => out.push(c as u8),
            '\u{a0}'.. if beyond == Beyond::Utf8 => {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            c => {
                for &unit in c.encode_utf16(&mut [0; 2]).iter() {
                    push_unit(unit, out);
                }
            }
        }
    }
    out.push(b'"');
}

fn push_unit(unit: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        let digit = (unit >> shift & 0xf) as usize;
        out.push(b"0123456789abcdef"[digit]);
    }
}

/// Whether `name` may wrap a JSONP answer: names and dots and nothing that could be a program.
pub(super) fn is_callback(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= CALLBACK_BYTES_MAX
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_$.[]".contains(&b))
}

/// Bytes of a JSONP callback's name.
pub(super) const CALLBACK_BYTES_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, beyond: Beyond, want: &str) {
        let mut out = Vec::new();
        push_text(text, beyond, &mut out);
        assert_eq!(String::from_utf8(out).expect("UTF-8"), want);
        let read: String = serde_json::from_str(want).expect("JSON");
        assert_eq!(read, text);
    }

    #[test]
    fn texts() {
        check("a.b", Beyond::Escaped, r#""a.b""#);
        check(
            "q\"b\\s\n\u{1}\u{7f}",
            Beyond::Escaped,
            r#""q\"b\\s\n\u0001\u007f""#,
        );
        check("grün 😀", Beyond::Escaped, r#""gr\u00fcn \ud83d\ude00""#);
        check("grün 😀", Beyond::Utf8, r#""grün 😀""#);
    }

    #[test]
    fn callbacks() {
        assert!(is_callback("jQuery1.cb_2[0]"));
        assert!(!is_callback("alert(1)//"));
        assert!(!is_callback(""));
    }
}
