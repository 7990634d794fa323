//! The entries of a control log, byte by byte.

use crate::base::varint::{self, unzigzag, zigzag};
use crate::model::event::{EVENT_BYTES_MAX, EVENT_TAGS_MAX, Event};
use crate::model::metadata::Place;
use crate::model::rollup::{Backfill, Progress, TaskId};

/// One thing that is told. In front of it stand varints: its type, its generation, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// `1`: `id`, the zigzag of `when`, `bytes` and what, `count` and of each tag `bytes` and text,
    /// `bytes` and data
    Event(Event),
    /// `2`: `bytes` and text of service, service key, key and what is kept under them
    Metadata(Place, String),
    /// `3`: the same without the last: it is not kept any more
    NoMetadata(Place),
    /// `4`: the id, 16 bytes; `bytes` and text of the roll-up task
    Task(TaskId, String),
    /// `5`: the id: the task is not there any more
    NoTask(TaskId),
    /// `6`: the id, the number of the roll-up, the zigzags of where its next run begins and of when it ran,
    /// points, milliseconds, `bytes` and metric, `bytes` and error
    Progress(TaskId, Progress),
    /// `7`: the id, 0 for nothing to be done again; or 1, the number of the roll-up, the zigzags of where it
    /// goes on, of the first and of the last instant
    Backfill(TaskId, Option<Backfill>),
}

/// An entry that somebody else holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item<'a> {
    Event(&'a Event),
    Metadata(&'a Place, &'a str),
    NoMetadata(&'a Place),
    Task(TaskId, &'a str),
    NoTask(TaskId),
    Progress(TaskId, &'a Progress),
    Backfill(TaskId, Option<Backfill>),
}

const EVENT: u64 = 1;
const METADATA: u64 = 2;
const NO_METADATA: u64 = 3;
const TASK: u64 = 4;
const NO_TASK: u64 = 5;
const PROGRESS: u64 = 6;
const BACKFILL: u64 = 7;

/// What every reader of JSON keeps exactly.
const ID_MAX: u64 = 1 << 53;

impl Entry {
    pub(super) fn item(&self) -> Item<'_> {
        match self {
            Entry::Event(event) => Item::Event(event),
            Entry::Metadata(place, text) => Item::Metadata(place, text),
            Entry::NoMetadata(place) => Item::NoMetadata(place),
            Entry::Task(id, text) => Item::Task(*id, text),
            Entry::NoTask(id) => Item::NoTask(*id),
            Entry::Progress(id, progress) => Item::Progress(*id, progress),
            Entry::Backfill(id, backfill) => Item::Backfill(*id, *backfill),
        }
    }
}

/// Append the bytes of an entry.
pub(super) fn push(generation: u64, item: Item<'_>, out: &mut Vec<u8>) {
    let mut body = Vec::new();
    let kind = match item {
        Item::Event(event) => {
            body.reserve(event.bytes() + 32);
            varint::push(event.id, &mut body);
            varint::push(zigzag(event.when), &mut body);
            put_text(&event.what, &mut body);
            varint::push(event.tags.len() as u64, &mut body);
            event.tags.iter().for_each(|tag| put_text(tag, &mut body));
            put_text(&event.data, &mut body);
            EVENT
        }
        Item::Metadata(place, text) => {
            put_place(place, &mut body);
            put_text(text, &mut body);
            METADATA
        }
        Item::NoMetadata(place) => {
            put_place(place, &mut body);
            NO_METADATA
        }
        Item::Task(id, text) => {
            body.extend_from_slice(&id.0.to_be_bytes());
            put_text(text, &mut body);
            TASK
        }
        Item::NoTask(id) => {
            body.extend_from_slice(&id.0.to_be_bytes());
            NO_TASK
        }
        Item::Progress(id, progress) => {
            body.extend_from_slice(&id.0.to_be_bytes());
            varint::push(progress.rollup.into(), &mut body);
            varint::push(zigzag(progress.next_ms), &mut body);
            varint::push(zigzag(progress.executed_ms), &mut body);
            varint::push(progress.points, &mut body);
            varint::push(progress.took_ms, &mut body);
            put_text(&progress.metric, &mut body);
            put_text(&progress.error, &mut body);
            PROGRESS
        }
        Item::Backfill(id, backfill) => {
            body.extend_from_slice(&id.0.to_be_bytes());
            varint::push(backfill.is_some().into(), &mut body);
            if let Some(backfill) = backfill {
                varint::push(backfill.rollup.into(), &mut body);
                varint::push(zigzag(backfill.next_ms), &mut body);
                varint::push(zigzag(backfill.from_ms), &mut body);
                varint::push(zigzag(backfill.until_ms), &mut body);
            }
            BACKFILL
        }
    };
    varint::push(kind, out);
    varint::push(generation, out);
    varint::push(body.len() as u64, out);
    out.extend_from_slice(&body);
}

fn put_place(place: &Place, out: &mut Vec<u8>) {
    put_text(&place.service, out);
    put_text(&place.service_key, out);
    put_text(&place.key, out);
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
        METADATA => Entry::Metadata(place(&mut body)?, text(&mut body)?),
        NO_METADATA => Entry::NoMetadata(place(&mut body)?),
        TASK => Entry::Task(task_id(&mut body)?, text(&mut body)?),
        NO_TASK => Entry::NoTask(task_id(&mut body)?),
        PROGRESS => Entry::Progress(task_id(&mut body)?, take_progress(&mut body)?),
        BACKFILL => Entry::Backfill(task_id(&mut body)?, take_backfill(&mut body)?),
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

fn take_progress(body: &mut &[u8]) -> Option<Progress> {
    Some(Progress {
        rollup: u32::try_from(number(body)?).ok()?,
        next_ms: unzigzag(number(body)?),
        executed_ms: unzigzag(number(body)?),
        points: number(body)?,
        took_ms: number(body)?,
        metric: text(body)?,
        error: text(body)?,
    })
}

fn take_backfill(body: &mut &[u8]) -> Option<Option<Backfill>> {
    match number(body)? {
        0 => Some(None),
        1 => Some(Some(Backfill {
            rollup: u32::try_from(number(body)?).ok()?,
            next_ms: unzigzag(number(body)?),
            from_ms: unzigzag(number(body)?),
            until_ms: unzigzag(number(body)?),
        })),
        _ => None,
    }
}

fn place(body: &mut &[u8]) -> Option<Place> {
    Some(Place {
        service: text(body)?,
        service_key: text(body)?,
        key: text(body)?,
    })
}

fn task_id(body: &mut &[u8]) -> Option<TaskId> {
    let (id, rest) = body.split_first_chunk::<16>()?;
    *body = rest;
    Some(TaskId(u128::from_be_bytes(*id)))
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
