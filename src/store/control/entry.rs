//! The entries of a control log, byte by byte.

use crate::base::varint::{self, unzigzag, zigzag};
use crate::model::event::{EVENT_BYTES_MAX, EVENT_TAGS_MAX, Event};

/// One thing that was told. In front of it stand varints: its type, its generation, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// `1`: `id`, the zigzag of `when`, `bytes` and what, `count` and of each tag `bytes` and text,
    /// `bytes` and data
    Event(Event),
}

const EVENT: u64 = 1;
/// What every reader of JSON keeps exactly.
const ID_MAX: u64 = 1 << 53;

/// Append the bytes of an event.
pub(super) fn push_event(generation: u64, event: &Event, out: &mut Vec<u8>) {
    let mut body = Vec::with_capacity(event.bytes() + 32);
    varint::push(event.id, &mut body);
    varint::push(zigzag(event.when), &mut body);
    put_text(&event.what, &mut body);
    varint::push(event.tags.len() as u64, &mut body);
    event.tags.iter().for_each(|tag| put_text(tag, &mut body));
    put_text(&event.data, &mut body);
    varint::push(EVENT, out);
    varint::push(generation, out);
    varint::push(body.len() as u64, out);
    out.extend_from_slice(&body);
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    varint::push(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// The entry at the start of `bytes`, which then start behind it, and its generation. `None` where none
/// that this program knows does.
pub(super) fn take(bytes: &mut &[u8]) -> Option<(u64, Entry)> {
    let kind = number(bytes)?;
    let generation = number(bytes)?;
    let len = usize::try_from(number(bytes)?).ok()?;
    let (mut body, rest) = bytes.split_at_checked(len)?;
    let entry = match kind {
        EVENT => Entry::Event(take_event(&mut body)?),
        _ => return None,
    };
    *bytes = rest;
    body.is_empty().then_some((generation, entry))
}

fn take_event(body: &mut &[u8]) -> Option<Event> {
    let (id, when, what) = (number(body)?, unzigzag(number(body)?), text(body)?);
    let count = usize::try_from(number(body)?).ok()?;
    if EVENT_TAGS_MAX < count {
        return None;
    }
    let mut tags = Vec::new();
    for _ in 0..count {
        tags.push(text(body)?);
    }
    let data = text(body)?;
    let event = Event {
        id,
        when,
        what,
        tags,
        data,
    };
    let fits = event.bytes() <= EVENT_BYTES_MAX && (1..=ID_MAX).contains(&id);
    fits.then_some(event)
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    let (number, len) = varint::take(bytes)?;
    *bytes = bytes.get(len..)?;
    Some(number)
}

fn text(bytes: &mut &[u8]) -> Option<String> {
    let len = usize::try_from(number(bytes)?).ok()?;
    let (text, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(std::str::from_utf8(text).ok()?.to_owned())
}
