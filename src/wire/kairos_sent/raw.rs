//! The names of the telnet door, as they were sent: metric, a blank, and all that stands behind the value.
//!
//! Nobody looks at tags line by line: the same bytes are the same series, so a line costs a copy and a
//! comparison, and its tags are read and checked when these bytes are met for the first time. Tags in
//! another order, or with other blanks, are another form of the same series. A line whose tags are bad
//! never becomes a series, so it is refused each time it comes.

use std::borrow::Cow;
use std::fmt;

use super::Sent;
use super::tokens::Tokens;
use crate::model::refusal::Reason;
use crate::model::series::{SERIES_BYTES_MAX, SeriesName, Values};

/// Bytes of a form: twice those of the longest name, for blanks and quotes.
pub const BYTES_MAX: usize = 2 * SERIES_BYTES_MAX;

/// The tag that is none but says how long a point stays, in seconds.
const TTL: &str = "kairos_opt.ttl";

/// Which tag a series has that was sent without.
const NO_TAG: (&str, &str) = ("add", "tag");

/// How the letters of a line are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8; other bytes are refused.
    #[default]
    Utf8,
    /// ISO-8859-1: every byte is a letter.
    Latin1,
}

impl Charset {
    /// Every one, with its name.
    pub const ALL: [(&'static str, Charset); 2] =
        [("utf-8", Charset::Utf8), ("latin1", Charset::Latin1)];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Charset::Utf8 => "utf-8",
            Charset::Latin1 => "latin1",
        }
    }

    /// `bytes` as text; `None` where they are none.
    pub fn text(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Charset::Utf8 => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Charset::Latin1 if bytes.is_ascii() => Charset::Utf8.text(bytes),
            Charset::Latin1 => Some(bytes.iter().map(|&byte| char::from(byte)).collect()),
        }
    }
}

/// Where the kinds of raw forms begin, behind those of canonical ones.
const FIRST: u8 = Values::Text as u8 + 1;

/// The second byte of a raw form.
pub fn kind(values: Values, charset: Charset) -> u8 {
    let charset = match charset {
        Charset::Utf8 => 0,
        Charset::Latin1 => Values::Text as u8 + 1,
    };
    FIRST + charset + values as u8
}

/// What a form says behind its first two bytes.
pub fn behind_kind(form: &[u8]) -> &[u8] {
    form.get(2..).unwrap_or_default()
}

/// The highest second byte of a raw form.
pub(super) const KIND_MAX: u8 = FIRST + 2 * (Values::Text as u8 + 1) - 1;

/// What a second byte says.
pub(super) fn told_by(byte: u8) -> Option<(Values, Charset)> {
    let charsets = [Charset::Utf8, Charset::Latin1].into_iter();
    let mut all = charsets.flat_map(|charset| super::ALL.map(|values| (values, charset)));
    all.find(|&(values, charset)| kind(values, charset) == byte)
}

/// What is wrong with a name. Tags are counted from 0, without those that say how long points stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A metric without letters.
    MetricEmpty,
    /// A tag without a value.
    TagForm(usize),
    /// A tag without a name.
    TagName(usize),
    /// A tag with nothing between the first two equals signs.
    TagValue(usize),
    /// A second tag of one name.
    TagTwice(usize),
    /// A time to live that is no whole number of 32 bits.
    Ttl,
    /// A limit, or bytes that are no text.
    Limit(Reason),
}

impl Fault {
    /// What it counts as.
    pub fn reason(self) -> Reason {
        match self {
            Fault::MetricEmpty => Reason::NameEmpty,
            Fault::Limit(reason) => reason,
            _ => Reason::Tag,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::MetricEmpty => write!(f, "metricName may not be empty."),
            Fault::TagForm(tag) => {
                write!(f, "tag[{tag}] must be in the format 'name=value'.")
            }
            Fault::TagName(tag) => write!(f, "tag[{tag}].name may not be empty."),
            Fault::TagValue(tag) => write!(f, "tag[{tag}].value may not be empty."),
            Fault::TagTwice(tag) => write!(f, "tag[{tag}].name is there twice."),
            Fault::Ttl => write!(f, "tag[{TTL}] must be a number"),
            Fault::Limit(reason) => write!(f, "the name breaks a limit: {}", reason.label()),
        }
    }
}

/// The series that `metric` and what stands behind the value mean: `raw` is both, with a blank between.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn read(raw: &[u8], values: Values, charset: Charset) -> Result<Sent, Fault> {
    if BYTES_MAX < raw.len() {
        return Err(Fault::Limit(Reason::SeriesLong));
    }
    let text = charset.text(raw).ok_or(Fault::Limit(Reason::NameUtf8))?;
    let mut words = Tokens::of(text.as_bytes()).map(|token| {
        let (start, len) = (token.text.start as usize, token.text.len as usize);
        // Words end at blanks and quotes, so never inside a letter.
        text.get(start..start + len).unwrap_or_default()
    });
    let metric = words.next().filter(|metric| !metric.is_empty());
    let metric = metric.ok_or(Fault::MetricEmpty)?;
    let (mut tags, mut ttl_seconds) = (Vec::<(String, String)>::new(), 0);
    for word in words {
        let number = tags.len();
        // As if split at every equals sign, with empty pieces at the end left out.
        let mut pieces = word.trim_end_matches('=').split('=');
        let key = pieces.next().unwrap_or_default();
        let value = pieces.next().ok_or(Fault::TagForm(number))?;
        if key == TTL {
            let seconds: i32 = value.parse().map_err(|_| Fault::Ttl)?;
            // For ever, as 0 is.
            ttl_seconds = u32::try_from(seconds).unwrap_or(0);
            continue;
        }
        if key.is_empty() {
            return Err(Fault::TagName(number));
        }
        if value.is_empty() {
            return Err(Fault::TagValue(number));
        }
        if tags.iter().any(|(known, _)| known == key) {
            return Err(Fault::TagTwice(number));
        }
        tags.push((key.to_owned(), value.to_owned()));
    }
    if tags.is_empty() {
        tags.push((NO_TAG.0.to_owned(), NO_TAG.1.to_owned()));
    }
    let name = SeriesName::new(metric.to_owned(), tags).map_err(Fault::Limit)?;
    Ok(Sent {
        name,
        values,
        ttl_seconds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, want: Result<(&str, u32), &str>) {
        let got = read(raw.as_bytes(), Values::Long, Charset::Utf8);
        let got = got.map(|sent| (sent.name.text(), sent.ttl_seconds));
        assert_eq!(
            got.map_err(|fault| fault.to_string()),
            want.map(|(text, ttl)| (text.to_owned(), ttl))
                .map_err(str::to_owned),
            "{raw:?}"
        );
    }

    #[test]
    fn names_and_tags() {
        check("m a=b c=d", Ok(("m;a=b;c=d", 0)));
        check("m  c=d   a=b ", Ok(("m;a=b;c=d", 0)));
        check("m ", Ok(("m;add=tag", 0)));
        check("m k=a=b", Ok(("m;k=a", 0)));
        check("m k=a==", Ok(("m;k=a", 0)));
        check("m \"k=a b\"", Ok(("m;k=a b", 0)));
        check("\"m n\" k=a", Ok(("m n;k=a", 0)));
        check("你好 a=b:c d:e=f", Ok(("你好;a=b:c;d:e=f", 0)));
        check("m h=h kairos_opt.ttl=30", Ok(("m;h=h", 30)));
        check(
            "m kairos_opt.ttl=30 kairos_opt.ttl=40",
            Ok(("m;add=tag", 40)),
        );
        check("m kairos_opt.ttl=-3 a=b", Ok(("m;a=b", 0)));
        check("\"\" a=b", Err("metricName may not be empty."));
        let form = |i: usize| format!("tag[{i}] must be in the format 'name=value'.");
        for bad in ["k", "k=", "=", "fum-x"] {
            check(&format!("m {bad}"), Err(&form(0)));
            check(&format!("m a=b {bad}"), Err(&form(1)));
        }
        check("m a=b =v", Err("tag[1].name may not be empty."));
        check("m k==v", Err("tag[0].value may not be empty."));
        check("m a=b c=d a=e", Err("tag[2].name is there twice."));
        let ttl = "tag[kairos_opt.ttl] must be a number";
        check("m kairos_opt.ttl=x", Err(ttl));
        check("m kairos_opt.ttl=3000000000", Err(ttl));
        // Those that say how long points stay are not counted.
        check("m kairos_opt.ttl=1 k", Err(&form(0)));
    }

    #[test]
    fn letters_and_limits() {
        let latin = read(b"caf\xe9 k=\xfc", Values::Text, Charset::Latin1).expect("text");
        assert_eq!(latin.name.text(), "café;k=ü");
        let utf8 = read(b"caf\xe9 k=v", Values::Text, Charset::Utf8);
        assert_eq!(utf8, Err(Fault::Limit(Reason::NameUtf8)));
        let long = [b"m ", &[b' '; BYTES_MAX][..]].concat();
        let got = read(&long, Values::Long, Charset::Utf8);
        assert_eq!(got, Err(Fault::Limit(Reason::SeriesLong)));
        let many: String = (0..33).map(|i| format!(" k{i}=v")).collect();
        let got = read(format!("m{many}").as_bytes(), Values::Long, Charset::Utf8);
        assert_eq!(got, Err(Fault::Limit(Reason::TagsMany)));
    }

    #[test]
    fn every_kind_is_one_of_its_own() {
        let mut kinds = std::collections::HashSet::new();
        for (_, charset) in Charset::ALL {
            for values in super::super::ALL {
                let kind = kind(values, charset);
                assert!((FIRST..=KIND_MAX).contains(&kind));
                assert_eq!(told_by(kind), Some((values, charset)));
                assert!(kinds.insert(kind));
            }
        }
        assert_eq!(told_by(KIND_MAX + 1), None);
        assert_eq!(told_by(0), None);
    }
}
