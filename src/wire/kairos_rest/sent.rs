//! A series as this door names it to the index: type of values, metric, tags, each with its length.
//!
//! Begins with a newline and a byte below 3, and no name of another door does: lines end at newlines, and
//! pickles are looked at.
//! So nobody reaches a series by its form but this door.

use crate::base::varint;
use crate::model::refusal::Reason;
use crate::model::series::{SeriesName, Values};

/// What every sent form begins with.
pub const MARK: u8 = b'\n';

/// Whether a name begins as a sent form does.
pub fn is_form(name: &[u8]) -> bool {
    matches!(name, [MARK, values, ..] if *values <= Values::Text as u8)
}

/// Begin the sent form of a series.
pub(super) fn begin(values: Values, metric: &str, out: &mut Vec<u8>) {
    out.extend([MARK, values as u8]);
    push(metric, out);
}

/// Append a key or a value.
pub(super) fn push(part: &str, out: &mut Vec<u8>) {
    varint::push(part.len() as u64, out);
    out.extend_from_slice(part.as_bytes());
}

/// The series that `sent` stands for: called when it is met for the first time. KairosDB's names are
/// taken as they are.
///
/// # Errors
/// The limit that is passed; [`Reason::Item`] for bytes that are no such form.
pub fn name_of(sent: &[u8]) -> Result<(SeriesName, Values), Reason> {
    let [MARK, values, rest @ ..] = sent else {
        return Err(Reason::Item);
    };
    let all = [Values::Double, Values::Long, Values::Text];
    let values = all.get(usize::from(*values)).ok_or(Reason::Item)?;
    let mut rest = rest;
    let metric = take(&mut rest).ok_or(Reason::Item)?;
    let mut tags = Vec::new();
    while !rest.is_empty() {
        let key = take(&mut rest).ok_or(Reason::Item)?;
        tags.push((key, take(&mut rest).ok_or(Reason::Item)?));
    }
    Ok((SeriesName::new(metric, tags)?, *values))
}

fn take(rest: &mut &[u8]) -> Option<String> {
    let (len, width) = varint::take(rest)?;
    let end = width.checked_add(usize::try_from(len).ok()?)?;
    let part = rest.get(width..end)?;
    *rest = &rest[end..];
    String::from_utf8(part.to_vec()).ok()
}
