//! Patterns and their replacements, written as Java has them.

use regex::{Captures, Regex, RegexBuilder};

/// Bytes that a compiled pattern may take.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// Makes one text of another that a pattern fits as a whole.
#[derive(Debug)]
pub struct Rewrite {
    pattern: Regex,
    pieces: Vec<Piece>,
}

/// A piece of a replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Group(usize),
}

/// `pattern`, to be tried where `around` puts it.
///
/// # Errors
/// What is wrong with it.
pub(super) fn compiled(around: [&str; 2], pattern: &str) -> Result<Regex, String> {
    let [before, behind] = around;
    // Looked at alone first, so that no bracket of it closes one of ours.
    let own = RegexBuilder::new(pattern)
        .size_limit(COMPILED_BYTES_MAX)
        .build();
    let whole = RegexBuilder::new(&format!("{before}(?:{pattern}){behind}"))
        .size_limit(COMPILED_BYTES_MAX)
        .build();
    own.and(whole)
        .map_err(|error| format!("the pattern `{pattern}` cannot be used: {error}"))
}

impl Rewrite {
    /// What fits `pattern` as a whole becomes `replacement`, in which `$1` is the first group, `${name}` the
    /// group of that name, and a backslash takes its meaning from what stands behind it.
    ///
    /// # Errors
    /// What is wrong with either.
    pub fn new(pattern: &str, replacement: &str) -> Result<Rewrite, String> {
        let pattern = compiled([r"\A", r"\z"], pattern)?;
        let pieces = pieces(&pattern, replacement)?;
        Ok(Rewrite { pattern, pieces })
    }

    /// What `text` becomes; `None` where the pattern does not fit.
    pub fn of(&self, text: &str) -> Option<String> {
        let groups = self.pattern.captures(text)?;
        Some(self.pieces.iter().map(|piece| piece.of(&groups)).collect())
    }
}

impl Piece {
    fn of<'a>(&'a self, groups: &Captures<'a>) -> &'a str {
        match self {
            Piece::Text(text) => text,
            Piece::Group(number) => groups.get(*number).map_or("", |group| group.as_str()),
        }
    }
}

fn pieces(pattern: &Regex, replacement: &str) -> Result<Vec<Piece>, String> {
    let wrong = |what: &str| format!("the replacement `{replacement}` {what}");
    let mut pieces = Vec::new();
    let mut put = |piece: Piece| match (pieces.last_mut(), piece) {
        (Some(Piece::Text(text)), Piece::Text(more)) => text.push_str(&more),
        (_, piece) => pieces.push(piece),
    };
    let groups = pattern.captures_len() - 1;
    let mut rest = replacement;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        match letter {
            '\\' => {
                let next = rest.chars().next();
                let next = next.ok_or_else(|| wrong("ends with a backslash"))?;
                rest = &rest[next.len_utf8()..];
                put(Piece::Text(next.to_string()));
            }
            '$' => match rest.strip_prefix('{').and_then(|name| name.split_once('}')) {
                Some((name, behind)) => {
                    let names = pattern.capture_names();
                    let number = names.enumerate().find(|(_, own)| *own == Some(name));
                    let missing = || wrong("names a group that the pattern does not have");
                    put(Piece::Group(number.ok_or_else(missing)?.0));
                    rest = behind;
                }
                None => {
                    // As many digits as still name a group, one at least.
                    let mut number: Option<usize> = None;
                    while let Some(digit) = rest.chars().next().and_then(|c| c.to_digit(10)) {
                        let longer = number.unwrap_or(0) * 10 + digit as usize;
                        if number.is_some() && groups < longer {
                            break;
                        }
                        (number, rest) = (Some(longer), &rest[1..]);
                    }
                    match number {
                        Some(number) if number <= groups => put(Piece::Group(number)),
                        Some(_) => return Err(wrong("has a group that the pattern has not")),
                        None => return Err(wrong("has a $ without a group behind it")),
                    }
                }
            },
            other => put(Piece::Text(other.to_string())),
        }
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, replacement: &str, text: &str, want: Option<&str>) {
        let rewrite = Rewrite::new(pattern, replacement).expect("a good rule");
        assert_eq!(rewrite.of(text).as_deref(), want, "{pattern} {replacement}");
    }

    #[test]
    fn rules_as_java_has_them() {
        check(r"([^.]*)\.[^.]*\.(.*)", "$1.$2", "a.b.c.d", Some("a.c.d"));
        check(r"([^.]*)\.[^.]*\.(.*)", "$1.$2", "a.b", None);
        // The whole text, also where an alternative would fit a part of it.
        check("a|ab", "x", "ab", Some("x"));
        check("a|b", "x", "ab", None);
        // A letter behind a group is no part of its name, a digit only if there is such a group.
        check("(a)(b)", "$1_$2", "ab", Some("a_b"));
        check("(a)(b)", "$12", "ab", Some("a2"));
        check("(a)(b)", r"\$1\\$2", "ab", Some(r"$1\b"));
        check("(?P<host>a)(b)?", "${host}$2!$0", "a", Some("a!a"));
        for (pattern, replacement) in [
            ("(", ""),
            ("a)(b", ""),
            ("a", "$1"),
            ("a", "$"),
            ("a", "${x}"),
            ("a", "\\"),
            (r"(?=a)", ""),
            ("(?:a{1000}){1000}", ""),
        ] {
            let refused = Rewrite::new(pattern, replacement);
            assert!(refused.is_err(), "{pattern} {replacement}");
        }
    }
}
