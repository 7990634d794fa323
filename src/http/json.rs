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
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    let mut rest = text;
    loop {
        // Nearly all of nearly all texts.
        let plain = rest.bytes().take_while(|&byte| is_plain(byte)).count();
        let (some, others) = rest.split_at(plain);
        out.extend_from_slice(some.as_bytes());
        let mut others = others.chars();
        let Some(c) = others.next() else {
            break;
        };
        push_char(c, beyond, out);
        rest = others.as_str();
    }
    out.push(b'"');
}

fn push_char(c: char, beyond: Beyond, out: &mut Vec<u8>) {
    match c {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\u{8}' => out.extend_from_slice(b"\\b"),
        '\u{c}' => out.extend_from_slice(b"\\f"),
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

fn push_unit(unit: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        let digit = (unit >> shift & 0xf) as usize;
        out.push(b"0123456789abcdef"[digit]);
    }
}

/// JSON under way to lines for people, as Python's writer indents it by two. Blanks between tokens are
/// its own, whatever the text it is made from had.
#[derive(Debug, Default)]
pub(super) struct Indented {
    /// What there is so far.
    pub(super) text: Vec<u8>,
    depth: usize,
    /// Whether the last token opened an array or object.
    opened: bool,
    in_text: bool,
    escaped: bool,
}

impl Indented {
    /// What comes next of the text, cut anywhere.
    pub(super) fn push(&mut self, json: &[u8]) {
        for &byte in json {
            if self.in_text {
                self.text.push(byte);
                self.in_text = self.escaped || byte != b'"';
                self.escaped = !self.escaped && byte == b'\\';
            } else {
                self.push_outside(byte);
            }
        }
    }

    fn push_outside(&mut self, byte: u8) {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => return,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if !self.opened {
                    self.line();
                }
            }
            _ if self.opened => self.line(),
            _ => {}
        }
        self.text.push(byte);
        self.opened = matches!(byte, b'{' | b'[');
        match byte {
            b'{' | b'[' => self.depth += 1,
            b',' => self.line(),
            b':' => self.text.push(b' '),
            _ => {}
        }
        self.in_text = byte == b'"';
    }

    fn line(&mut self) {
        self.text.push(b'\n');
        self.text.resize(self.text.len() + 2 * self.depth, b' ');
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
    fn lines_for_people() {
        let indented = |json: &str, piece: usize| {
            let mut lines = Indented::default();
            json.as_bytes()
                .chunks(piece)
                .for_each(|some| lines.push(some));
            String::from_utf8(lines.text).expect("UTF-8")
        };
        let json = r#"[{"a": "b, [c] \\\"d\": {", "e": [], "f": {}}, [1.5, null], [[2]]]"#;
        let want = concat!(
            "[\n  {\n    \"a\": \"b, [c] \\\\\\\"d\\\": {\",\n    \"e\": [],\n    \"f\": {}\n  },\n",
            "  [\n    1.5,\n    null\n  ],\n  [\n    [\n      2\n    ]\n  ]\n]",
        );
        for piece in 1..json.len() {
            assert_eq!(indented(json, piece), want, "{piece}");
        }
        assert_eq!(indented(want, 7), want);
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(read(want), read(json));
        assert_eq!(
            (indented("[]", 1), indented("5", 1)),
            ("[]".to_owned(), "5".to_owned())
        );
    }

    #[test]
    fn callbacks() {
        assert!(is_callback("jQuery1.cb_2[0]"));
        assert!(!is_callback("alert(1)//"));
        assert!(!is_callback(""));
    }
}
