//! A series as KairosDB's doors name it to the index: type of values, time to live, metric, tags, each text
//! with its length.
//!
//! Begins with a newline and a small byte, and no name of another door does: lines end at newlines, and
//! pickles are looked at.
//! So nobody reaches a series by its form but these doors. The telnet door has a form of its own, [`raw`],
//! with what was sent as it was sent.

pub mod raw;
pub mod tokens;

use crate::base::varint;
use crate::model::refusal::Reason;
use crate::model::series::{SeriesName, Values};

/// What a sent form says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Metric and tags, as they were sent.
    pub name: SeriesName,
    /// What its values are.
    pub values: Values,
    /// Seconds after its arrival for which a point stays; 0 is for ever.
    pub ttl_seconds: u32,
}

/// What every sent form begins with.
pub const MARK: u8 = b'\n';

/// What values there are, in the order of their bytes.
const ALL: [Values; 3] = [Values::Double, Values::Long, Values::Text];

/// The second bytes of doubles and longs by paths of Graphite, see [`typed`](super::carbon_tags::typed). No
/// blanks, for a pickle may have names that begin with some.
pub(super) const PATHS: [u8; 2] = [14, 15];

/// Whether a name begins as a sent form does.
pub fn is_form(name: &[u8]) -> bool {
    matches!(name, [MARK, kind, ..] if *kind <= raw::KIND_MAX || PATHS.contains(kind))
}

/// Begin the sent form of a series whose points stay for `ttl_seconds`, 0 for ever. Its keys and values
/// follow by [`push`], in the order of their keys.
pub(super) fn begin(values: Values, ttl_seconds: u32, metric: impl AsRef<[u8]>, out: &mut Vec<u8>) {
    out.extend([MARK, values as u8]);
    varint::push(u64::from(ttl_seconds), out);
    push(metric, out);
}

/// Append a key or a value.
#[inline]
pub(super) fn push(part: impl AsRef<[u8]>, out: &mut Vec<u8>) {
    let part = part.as_ref();
    varint::push(part.len() as u64, out);
    out.extend_from_slice(part);
}

/// Append the sent form of a series whose points stay for `ttl_seconds`, 0 for ever; `tags` in the order of
/// their keys.
pub fn form<'a>(
    values: Values,
    ttl_seconds: u32,
    metric: &str,
    tags: impl IntoIterator<Item = (&'a str, &'a str)>,
    out: &mut Vec<u8>,
) {
    begin(values, ttl_seconds, metric, out);
    for (key, value) in tags {
        push(key, out);
        push(value, out);
    }
}

/// The series that `sent` stands for: called when it is met for the first time. KairosDB's names are
/// taken as they are.
///
/// # Errors
/// The limit that is passed; [`Reason::Item`] for bytes that are no such form.
pub fn name_of(sent: &[u8]) -> Result<Sent, Reason> {
    let [MARK, kind, rest @ ..] = sent else {
        return Err(Reason::Item);
    };
    if let Some((values, charset)) = raw::told_by(*kind) {
        return raw::read(rest, values, charset).map_err(raw::Fault::reason);
    }
    let values = ALL.get(usize::from(*kind)).ok_or(Reason::Item)?;
    let mut rest = rest;
    let (ttl_seconds, width) = varint::take(rest).ok_or(Reason::Item)?;
    let ttl_seconds = u32::try_from(ttl_seconds).map_err(|_| Reason::Item)?;
    rest = &rest[width..];
    let metric = take(&mut rest).ok_or(Reason::Item)?;
    let mut tags = Vec::new();
    while !rest.is_empty() {
        let key = take(&mut rest).ok_or(Reason::Item)?;
        tags.push((key, take(&mut rest).ok_or(Reason::Item)?));
    }
    Ok(Sent {
        name: SeriesName::new(metric, tags)?,
        values: *values,
        ttl_seconds,
    })
}

fn take(rest: &mut &[u8]) -> Option<String> {
    let (len, width) = varint::take(rest)?;
    let end = width.checked_add(usize::try_from(len).ok()?)?;
    let part = rest.get(width..end)?;
    *rest = &rest[end..];
    String::from_utf8(part.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn sent_forms_are_read_with_care() {
        let mut sent = Vec::new();
        begin(Values::Long, 300, "m", &mut sent);
        push("k", &mut sent);
        push("v", &mut sent);
        let read = name_of(&sent).expect("a good form");
        assert_eq!(read.name.text(), "m;k=v");
        assert_eq!((read.values, read.ttl_seconds), (Values::Long, 300));
        let mut random = Random::new(5);
        for cut in 0..sent.len() {
            let _ = name_of(&sent[..cut]).map(|read| assert_eq!(read.name.text(), "m"));
            let mut wrong = sent.clone();
            wrong[cut] = random.below(256) as u8;
            let _ = name_of(&wrong);
        }
    }
}
