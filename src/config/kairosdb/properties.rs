//! `kairosdb.properties`: the properties files of Java, as KairosDB 1.0 to 1.2 is configured.
//!
//! Takes the bytes of a file, which are Latin-1 with `\uXXXX` for all other letters; gives its settings in
//! their order. A key ends at the first `=`, `:` or blank that has no backslash before it; a line that ends
//! with a backslash goes on in the next one, without the blanks at its begin.
//!
//! Its limits: lines of [`SETTINGS_MAX`] settings, keys of [`KEY_BYTES_MAX`].

use super::setting::{KEY_BYTES_MAX, SETTINGS_MAX, Setting, Value, Wrong, unicode};

/// The settings of a file.
///
/// # Errors
/// The first line that Java would not read either, that is no text, or that is beyond a limit.
pub fn read(bytes: &[u8]) -> Result<Vec<Setting>, Wrong> {
    let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
    let mut settings = Vec::new();
    let mut lines = Lines {
        rest: &text,
        line: 0,
    };
    while let Some((line, whole)) = lines.logical() {
        if whole.contains('\0') {
            return Err(Wrong::new(line, "this is no text; is it the right file?"));
        }
        let setting = setting(&whole, line)?;
        if KEY_BYTES_MAX < setting.key.len() {
            return Err(Wrong::long_key(line, &setting.key));
        }
        if SETTINGS_MAX <= settings.len() {
            return Err(Wrong::too_many(line));
        }
        settings.push(setting);
    }
    Ok(settings)
}

/// What stands between the words of a line.
fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\x0c')
}

struct Lines<'a> {
    rest: &'a str,
    /// The line that was read last.
    line: usize,
}

impl<'a> Lines<'a> {
    fn natural(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        self.line += 1;
        let Some(end) = self.rest.find(['\n', '\r']) else {
            return Some(std::mem::take(&mut self.rest));
        };
        let (line, rest) = self.rest.split_at(end);
        let rest = rest.strip_prefix("\r\n").or_else(|| rest.get(1..));
        self.rest = rest.unwrap_or_default();
        Some(line)
    }

    /// The next line that says something, joined with those that it goes on in, and the number of its first.
    fn logical(&mut self) -> Option<(usize, String)> {
        loop {
            let first = self.natural()?.trim_start_matches(is_blank);
            if first.is_empty() || first.starts_with(['#', '!']) {
                continue;
            }
            let (line, mut whole) = (self.line, String::new());
            let mut piece = first;
            while let Some(more) = goes_on(piece) {
                whole.push_str(more);
                piece = self
                    .natural()
                    .unwrap_or_default()
                    .trim_start_matches(is_blank);
            }
            whole.push_str(piece);
            if !whole.is_empty() {
                return Some((line, whole));
            }
        }
    }
}

/// What a line says that goes on in the next one: an even number of backslashes are letters.
fn goes_on(line: &str) -> Option<&str> {
    let slashes = line.len() - line.trim_end_matches('\\').len();
    line.strip_suffix('\\').filter(|_| slashes % 2 == 1)
}

fn setting(line: &str, number: usize) -> Result<Setting, Wrong> {
    let mut is_escaped = false;
    let end = line.find(|letter| {
        let ends = !is_escaped && (matches!(letter, '=' | ':') || is_blank(letter));
        is_escaped = letter == '\\' && !is_escaped;
        ends
    });
    let (key, rest) = line.split_at(end.unwrap_or(line.len()));
    let rest = rest.trim_start_matches(is_blank);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    let value = rest.trim_start_matches(is_blank);
    Ok(Setting {
        key: unescaped(key, number)?,
        value: Value::Text(unescaped(value, number)?),
        line: number,
    })
}

fn unescaped(text: &str, line: usize) -> Result<String, Wrong> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let mut letters = escape.chars();
        letters.next();
        let Some(letter) = letters.next() else {
            // A backslash at the end of a file stands for nothing.
            return Ok(out);
        };
        rest = letters.as_str();
        out.push(match letter {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\x0c',
            'u' => {
                let four = "four hexadecimal digits have to follow `\\u`, as \\u00e9; a backslash of the \
                            text itself is written `\\\\`";
                let (letter, taken) = unicode(rest).ok_or_else(|| Wrong::new(line, four))?;
                rest = rest.get(taken..).unwrap_or_default();
                letter
            }
            letter => letter,
        });
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, want: &[(&str, &str, usize)]) {
        let bytes: Vec<u8> = text.chars().map(|letter| letter as u8).collect();
        let read = read(&bytes).expect("a file");
        let want = want.iter().map(|&(key, value, line)| Setting {
            key: key.to_owned(),
            value: Value::Text(value.to_owned()),
            line,
        });
        assert_eq!(read, want.collect::<Vec<_>>(), "{text:?}");
    }

    #[test]
    fn lines_are_read_as_java_reads_them() {
        check("", &[]);
        check("# a\n! b=c\n\n \t\x0c\n", &[]);
        check("a=b", &[("a", "b", 1)]);
        check(
            "a = b \r\nc:d\re f\n\tg",
            &[("a", "b ", 1), ("c", "d", 2), ("e", "f", 3), ("g", "", 4)],
        );
        check(
            "a==b\nc = :d\ne  :=f",
            &[("a", "=b", 1), ("c", ":d", 2), ("e", "=f", 3)],
        );
        check("a\\=\\:\\ b=c", &[("a=: b", "c", 1)]);
        check("a=b\\\n   c\\\n\n d=e", &[("a", "bc", 1), ("d", "e", 4)]);
        check("a=b\\\\\nc=d", &[("a", "b\\", 1), ("c", "d", 2)]);
        check("a=b\\\\\\\nc=d", &[("a", "b\\c=d", 1)]);
        check("# no more \\\na=b", &[("a", "b", 2)]);
        check("a=b \\\n # c", &[("a", "b # c", 1)]);
        check("\\\n\\\n", &[]);
        check(
            "a\\tb=\\n\\q\\u00e9\\ud83d\\ude00\\ud83dx",
            &[("a\tb", "\nq\u{e9}\u{1f600}\u{fffd}x", 1)],
        );
        check("caf\u{e9}=\u{ff}", &[("caf\u{e9}", "\u{ff}", 1)]);
        check("=b", &[("", "b", 1)]);
        check("a=\\", &[("a", "", 1)]);
    }

    #[test]
    fn what_java_does_not_read_is_told_with_its_line() {
        for text in [
            "\n\na=\\u12",
            "\n\na=\\u12g4",
            "\n\na=\\u\u{e9}\u{e9}\u{e9}\u{e9}",
        ] {
            let wrong = read(text.as_bytes()).expect_err("an error");
            assert_eq!(wrong.line, 3);
            assert!(wrong.text.contains("four hexadecimal digits"));
        }
        assert_eq!(read(b"a=b\n\0\0").expect_err("an error").line, 2);
    }

    #[test]
    fn settings_and_keys_are_bounded() {
        let all = "a=b\n".repeat(SETTINGS_MAX);
        assert_eq!(read(all.as_bytes()).expect("a file").len(), SETTINGS_MAX);
        let wrong = read(format!("{all}\nc\nd").as_bytes()).expect_err("one too many");
        assert_eq!(wrong, Wrong::too_many(SETTINGS_MAX + 2));
        let key = "k".repeat(KEY_BYTES_MAX);
        assert!(read(format!("{key}=1").as_bytes()).is_ok());
        let wrong = read(format!("a=b\n{key}k=1").as_bytes()).expect_err("a long key");
        assert!(
            wrong.line == 2 && wrong.text.contains("longer than 1024 bytes"),
            "{wrong:?}"
        );
    }

    /// As `Properties.store` writes it.
    fn written(text: &str, is_key: bool) -> String {
        let mut out = String::new();
        for (i, letter) in text.chars().enumerate() {
            match letter {
                ' ' if is_key || i == 0 => out.push_str("\\ "),
                '\t' => out.push_str("\\t"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\x0c' => out.push_str("\\f"),
                '\\' | '=' | ':' | '#' | '!' => out.extend(['\\', letter]),
                ' '..='~' => out.push(letter),
                _ => {
                    let mut units = [0; 2];
                    for unit in letter.encode_utf16(&mut units) {
                        out.push_str(&format!("\\u{unit:04X}"));
                    }
                }
            }
        }
        out
    }

    proptest! {
        #[test]
        fn what_java_writes_is_read_back(pairs in prop::collection::vec((".{1,20}", ".{0,20}"), 0..8)) {
            let pairs: Vec<(String, String)> =
                pairs.into_iter().filter(|(key, value)| !format!("{key}{value}").contains('\0')).collect();
            let line = |(key, value): &(String, String)| {
                format!("{}={}\n", written(key, true), written(value, false))
            };
            let lines = pairs.iter().map(line);
            let read = read(lines.collect::<String>().as_bytes()).expect("a file");
            let read: Vec<(String, String)> = read
                .into_iter()
                .map(|one| (one.key, one.value.text().unwrap_or_default().to_owned()))
                .collect();
            prop_assert_eq!(read, pairs);
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }
    }
}
