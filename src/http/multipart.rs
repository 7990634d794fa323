//! Forms as `multipart/form-data` (RFC 7578), as graphite-web sends them to its storage nodes.
//!
//! Takes a whole body, gives its fields one by one. Files, transfer encodings and nested parts are
//! for others: every part is a text field.

use std::fmt;

use memchr::memmem::Finder;

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The content type names no boundary.
    NoBoundary,
    /// The body does not end with the closing boundary.
    Cut,
    /// A part's head has no end or no field name.
    Head,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::NoBoundary => "its content type names no boundary",
            Fault::Cut => "its closing boundary is missing",
            Fault::Head => "a part names no field",
        })
    }
}

/// The fields of a body, one after the other.
pub(super) struct Fields<'b> {
    delimiter: Finder<'static>,
    rest: &'b [u8],
}

impl<'b> Fields<'b> {
    /// Begin to read `body`, whose `Content-Type` is `kind`.
    ///
    /// # Errors
    /// Where there is no first boundary.
    pub(super) fn new(kind: &str, body: &'b [u8]) -> Result<Fields<'b>, Fault> {
        let boundary = parameter(kind, "boundary").filter(|boundary| !boundary.is_empty());
        let delimiter = format!("--{}", boundary.ok_or(Fault::NoBoundary)?);
        let delimiter = Finder::new(delimiter.as_bytes()).into_owned();
        let first = delimiter.find(body).ok_or(Fault::Cut)?;
        let rest = &body[first + delimiter.needle().len()..];
        Ok(Fields { delimiter, rest })
    }

    /// The next field. Bytes that are no UTF-8 become the replacement character.
    ///
    /// # Errors
    /// Where the body breaks the form.
    pub(super) fn next(&mut self) -> Result<Option<(String, String)>, Fault> {
        if self.rest.starts_with(b"--") {
            return Ok(None);
        }
        let end = self.delimiter.find(self.rest).ok_or(Fault::Cut)?;
        let part = self.rest[..end].strip_suffix(b"\n").ok_or(Fault::Cut)?;
        let field = field(part.strip_suffix(b"\r").unwrap_or(part))?;
        self.rest = &self.rest[end + self.delimiter.needle().len()..];
        Ok(Some(field))
    }
}

/// One part: the rest of the delimiter's line, head lines, an empty line, the value.
fn field(part: &[u8]) -> Result<(String, String), Fault> {
    let mut lines = part.splitn(2, |&b| b == b'\n');
    lines.next();
    let mut rest = lines.next().ok_or(Fault::Head)?;
    let mut name = None;
    loop {
        let end = memchr::memchr(b'\n', rest).ok_or(Fault::Head)?;
        let line = rest[..end].trim_ascii();
        rest = &rest[end + 1..];
        if line.is_empty() {
            break;
        }
        let line = String::from_utf8_lossy(line);
        if let Some((head, value)) = line.split_once(':')
            && head.trim().eq_ignore_ascii_case("content-disposition")
        {
            name = parameter(value, "name");
        }
    }
    let value = String::from_utf8_lossy(rest).into_owned();
    Ok((name.ok_or(Fault::Head)?, value))
}

/// The value of `; name=value` or `; name="value"` in a header.
fn parameter(header: &str, name: &str) -> Option<String> {
    let mut rest = &header[header.find(';')? + 1..];
    loop {
        let (key, behind) = rest.split_once('=')?;
        let (value, behind) = quoted_or_token(behind.trim_start());
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = &behind[behind.find(';')? + 1..];
    }
}

fn quoted_or_token(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        return (text[..end].trim_end().to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    fn fields(kind: &str, body: &[u8]) -> Result<Vec<(String, String)>, Fault> {
        let mut fields = Fields::new(kind, body)?;
        std::iter::from_fn(|| fields.next().transpose()).collect()
    }

    const KIND: &str = "multipart/form-data; boundary=x1";

    #[track_caller]
    fn check(kind: &str, body: &str, want: Result<&[(&str, &str)], Fault>) {
        let want = want.map(|list| {
            let owned = list.iter().map(|&(n, v)| (n.to_owned(), v.to_owned()));
            owned.collect::<Vec<_>>()
        });
        assert_eq!(fields(kind, body.as_bytes()), want);
    }

    #[test]
    fn forms_as_urllib3_sends_them() {
        let body = "--x1\r\nContent-Disposition: form-data; name=\"target\"\r\n\r\na.*\r\n\
                    --x1\r\nContent-Disposition: form-data; name=\"from\"\r\n\r\n-1h\r\n--x1--\r\n";
        check(KIND, body, Ok(&[("target", "a.*"), ("from", "-1h")]));
    }

    #[test]
    fn odd_but_whole() {
        let body = "preamble\r\n--x1\r\ncontent-type: text/plain\r\nCONTENT-DISPOSITION: form-data; \
                    filename=\"a;b\"; name=\"q\\\"1\"\r\n\r\nline\r\nline\r\n--x1--";
        check(KIND, body, Ok(&[("q\"1", "line\r\nline")]));
        check(KIND, "--x1--\r\n", Ok(&[]));
        let quoted = "multipart/form-data; charset=utf-8; boundary=\"x1\"";
        check(
            quoted,
            "--x1\nContent-Disposition: form-data; name=a\n\n\n--x1--",
            Ok(&[("a", "")]),
        );
    }

    #[test]
    fn broken() {
        check("multipart/form-data", "--x1--", Err(Fault::NoBoundary));
        check(
            "multipart/form-data; boundary=",
            "--x1--",
            Err(Fault::NoBoundary),
        );
        check(KIND, "", Err(Fault::Cut));
        check(KIND, "--x1", Err(Fault::Cut));
        check(
            KIND,
            "--x1\r\nContent-Disposition: form-data; name=a\r\n\r\nv",
            Err(Fault::Cut),
        );
        check(
            KIND,
            "--x1\r\nContent-Disposition: form-data\r\n\r\nv\r\n--x1--",
            Err(Fault::Head),
        );
        check(KIND, "--x1\r\nno end of head\r\n--x1--", Err(Fault::Head));
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let seed = 20_260_819;
        let mut random = Random::new(seed);
        let pieces: [&[u8]; 8] = [
            b"--x1",
            b"--",
            b"\r\n",
            b"\n",
            b"name=\"",
            b"Content-Disposition: form-data; ",
            b"\xff",
            b";=",
        ];
        for _ in 0..20_000 {
            let count = random.below(20);
            let body: Vec<u8> = (0..count)
                .flat_map(|_| pieces[random.below(pieces.len() as u64) as usize].to_vec())
                .collect();
            let kind = String::from_utf8_lossy(&body).into_owned();
            let _ = fields(KIND, &body);
            let _ = fields(&kind, &body);
        }
    }
}
