//! Graphite's names: dotted paths, tags behind semicolons, or tags in OpenMetrics braces.
//!
//! Called once for each new series, never for a known one.

use crate::model::refusal::Reason;
use crate::model::series::SeriesName;

/// The canonical name that `sent` stands for: empty path nodes dropped, a leading `~` stripped, tags
/// checked, sorted, the last of equal keys kept, a tag called `name` ignored.
///
/// # Errors
/// The rule that is broken.
pub fn parse(sent: &[u8]) -> Result<SeriesName, Reason> {
    let text = std::str::from_utf8(sent).map_err(|_| Reason::NameUtf8)?;
    if text.contains('\0') {
        return Err(Reason::NameNul);
    }
    let (metric, tags) = match text.find('{') {
        Some(open) if text.ends_with("\"}") => {
            (&text[..open], braced_tags(&text[open + 1..text.len() - 1])?)
        }
        _ => {
            let (metric, rest) = text
                .split_once(';')
                .map_or((text, None), |(m, rest)| (m, Some(rest)));
            (metric, rest.map_or(Ok(Vec::new()), semicolon_tags)?)
        }
    };
    SeriesName::new(path(metric), tags)
}

/// `a..b`, `.a.b.` and `~a.b` are `a.b`.
fn path(metric: &str) -> String {
    let metric = metric.trim_start_matches('~');
    let mut path = String::with_capacity(metric.len());
    for node in metric.split('.').filter(|node| !node.is_empty()) {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(node);
    }
    path
}

fn semicolon_tags(text: &str) -> Result<Vec<(String, String)>, Reason> {
    let mut tags = Vec::new();
    for segment in text.split(';') {
        let (key, value) = segment.split_once('=').ok_or(Reason::Tag)?;
        push_tag(&mut tags, key, value.to_owned())?;
    }
    Ok(tags)
}

/// `x="1",b="2"`, with `\"` and `\\` inside the quotes.
fn braced_tags(mut text: &str) -> Result<Vec<(String, String)>, Reason> {
    let mut tags = Vec::new();
    loop {
        let (key, rest) = text.split_once("=\"").ok_or(Reason::Tag)?;
        let (value, rest) = quoted(rest)?;
        push_tag(&mut tags, key, value)?;
        if rest.is_empty() {
            return Ok(tags);
        }
        text = rest.strip_prefix(',').ok_or(Reason::Tag)?;
    }
}

/// The text up to the closing quote, and what follows the quote.
fn quoted(text: &str) -> Result<(String, &str), Reason> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => value.push(chars.next().ok_or(Reason::Tag)?.1),
            c => value.push(c),
        }
    }
    Err(Reason::Tag)
}

fn push_tag(tags: &mut Vec<(String, String)>, key: &str, value: String) -> Result<(), Reason> {
    if key.is_empty()
        || key.contains([';', '!', '^', '='])
        || value.is_empty()
        || value.starts_with('~')
    {
        return Err(Reason::Tag);
    }
    if value.contains(';') {
        return Err(Reason::Tag);
    }
    if key != "name" {
        tags.push((key.to_owned(), value));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sent: &str, want: Result<&str, Reason>) {
        assert_eq!(
            parse(sent.as_bytes()).map(|name| name.text()),
            want.map(str::to_owned),
            "{sent:?}"
        );
    }

    #[test]
    fn paths() {
        check("a.b.c", Ok("a.b.c"));
        check("a..b", Ok("a.b"));
        check(".a.b.", Ok("a.b"));
        check("~~a", Ok("a"));
        check("a/b", Ok("a/b"));
        check("127_0_0_1:2003:None.sent", Ok("127_0_0_1:2003:None.sent"));
        check("a{}", Ok("a{}"));
        check("bad name$", Ok("bad name$"));
        check("ж.x", Ok("ж.x"));
        for nothing in ["", "~", "...", ";a=b"] {
            check(nothing, Err(Reason::NameEmpty));
        }
        assert_eq!(parse(b"\xff\xfe.x"), Err(Reason::NameUtf8));
        assert_eq!(parse(b"a\0b"), Err(Reason::NameNul));
    }

    #[test]
    fn tags() {
        check("a.b;z=1;b=2", Ok("a.b;b=2;z=1"));
        check("a.b;b=2;b=3", Ok("a.b;b=3"));
        check("a.b;name=x;k=v", Ok("a.b;k=v"));
        check("~a.b;k=v", Ok("a.b;k=v"));
        check("a.b;k=v=w", Ok("a.b;k=v=w"));
        check("a;K=v;k=v", Ok("a;K=v;k=v"));
        check("cpu;host=x;az=y", Ok("cpu;az=y;host=x"));
        check("a{x=\"1\",b=\"2\"}", Ok("a;b=2;x=1"));
        check("a{x=\"q\\\"u\"}", Ok("a;x=q\"u"));
        for bad in [
            "a.b;k=",
            "a.b;k",
            "a.b;=v",
            "a.b;",
            "a.b;k=v;",
            "a.b;k=~v",
            "a.b;k!=v",
            "a.b;k^=v",
            "a{x=\"\"}",
        ] {
            check(bad, Err(Reason::Tag));
        }
        check("a{x=\"1\"b=\"2\"}", Err(Reason::Tag));
    }

    #[test]
    fn limits() {
        let tags: String = (0..33).map(|i| format!(";k{i}=v")).collect();
        check(&format!("a{tags}"), Err(Reason::TagsMany));
        check(&"x".repeat(4097), Err(Reason::NameLong));
        check(&format!("a;{}=v", "k".repeat(257)), Err(Reason::TagKeyLong));
        check(
            &format!("a;k={}", "v".repeat(4097)),
            Err(Reason::TagValueLong),
        );
    }
}
