//! `/events`: things that happened, kept for good, with tags to find them by.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, StatusCode};

use super::errors::Failure;
use super::find::List;
use super::json::{Beyond, push_text};
use super::laid_out::{Refused, respond};
use super::question::{Question, document};
use crate::model::event::{EVENT_BYTES_MAX, EVENT_TAGS_MAX, Event};
use crate::query::error::QueryError;
use crate::query::events::{EventFilter, Join, matching};
use crate::query::graphite::time;
use crate::store::control::Entry;
use crate::wire::json::{Element, Fault, Kind, Reader, Scalar, Skip};

/// Bytes of a body with one event: its texts may be escaped.
const BODY_BYTES_MAX: usize = 2 * EVENT_BYTES_MAX + 8 * 1024;

type Answer = Result<Response<Bytes>, Failure>;

/// `/events`: a POST keeps an event, anything else lists them.
pub(super) async fn root(question: &Question<'_>) -> Answer {
    if question.method == Method::POST {
        return match recorded(question).await {
            Ok(()) => Ok(document("text/html; charset=utf-8", Bytes::new())),
            Err(refused) => respond(question, Err(refused)).await,
        };
    }
    list(question).await
}

/// `/events/get_data`
pub(super) async fn list(question: &Question<'_>) -> Answer {
    match listed(question).await {
        Ok(text) => question.json(text).await,
        Err(refused) => respond(question, Err(refused)).await,
    }
}

/// `/events/<id>`
pub(super) async fn details(question: &Question<'_>) -> Answer {
    let control = question.fleet.control();
    let event = question.rest.parse().ok();
    let event = event.and_then(|id| control.events.get(id));
    let text = event.map(|event| {
        let mut out = format!(
            "{{\"id\": {}, \"when\": \"{}\", ",
            event.id,
            instant(event.when)
        );
        out.push_str("\"what\": ");
        let mut out = out.into_bytes();
        push_text(&event.what, Beyond::Escaped, &mut out);
        out.extend_from_slice(b", \"data\": ");
        push_text(&event.data, Beyond::Escaped, &mut out);
        out.extend_from_slice(b", \"tags\": ");
        push_texts(&event.tags, &mut out);
        out.push(b'}');
        out
    });
    let none = || {
        let told = "Event matching query does not exist".to_owned();
        Refused::Said(StatusCode::NOT_FOUND, told)
    };
    respond(question, text.ok_or_else(none)).await
}

/// As Django writes a time of UTC.
fn instant(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |instant| instant.to_string())
}

async fn listed(question: &Question<'_>) -> Result<Vec<u8>, Refused> {
    let filter = filter(question)?;
    let control = question.fleet.control();
    let found = matching(&control.events, &filter, &question.pace()).await?;
    let mut list = List::new();
    for (i, event) in found.iter().enumerate() {
        push_event(event, list.item());
        list.check(question)?;
        question.breathe_every(i).await?;
        question.pace().did_series(event.bytes()).await?;
    }
    Ok(list.end())
}

fn push_event(event: &Arc<Event>, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{{\"when\": {}, \"what\": ", event.when).as_bytes());
    push_text(&event.what, Beyond::Escaped, out);
    out.extend_from_slice(b", \"data\": ");
    push_text(&event.data, Beyond::Escaped, out);
    out.extend_from_slice(b", \"tags\": ");
    push_texts(&event.tags, out);
    out.extend_from_slice(format!(", \"id\": {}}}", event.id).as_bytes());
}

fn push_texts(texts: &[String], out: &mut Vec<u8>) {
    out.push(b'[');
    for (i, text) in texts.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        push_text(text, Beyond::Escaped, out);
    }
    out.push(b']');
}

/// From the epoch to now where the request does not say; tags are parted by blanks.
fn filter(question: &Question<'_>) -> Result<EventFilter, Refused> {
    let parameters = &question.parameters;
    let now = question.began.seconds();
    let at = |name, otherwise| match parameters.last(name) {
        None => Ok(otherwise),
        Some(spec) => time::parse(spec, now, &question.options.zone),
    };
    let tags = parameters.last("tags").unwrap_or("");
    let tags: Vec<String> = tags.split_whitespace().map(str::to_owned).collect();
    if EVENT_TAGS_MAX < tags.len() {
        return Err(Refused::bad(format!(
            "more than {EVENT_TAGS_MAX} tags; use fewer"
        )));
    }
    Ok(EventFilter {
        tags,
        join: match parameters.last("set") {
            Some("union") => Join::Any,
            _ => Join::All,
        },
        from: at("from", 0)?,
        until: at("until", now)?,
    })
}

async fn recorded(question: &Question<'_>) -> Result<(), Refused> {
    let body = question.request.body();
    if BODY_BYTES_MAX < body.len() {
        return Err(Refused::bad(format!(
            "an event has {EVENT_BYTES_MAX} bytes of text at most; shorten it"
        )));
    }
    let sent = Sent::read(body)?;
    let event = Event {
        id: 0,
        when: sent.when.unwrap_or(question.began.seconds()),
        what: sent
            .what
            .ok_or_else(|| Refused::bad("\"what\" must be a string"))?,
        tags: sent.tags,
        data: sent.data,
    };
    if EVENT_BYTES_MAX < event.bytes() || EVENT_TAGS_MAX < event.tags.len() {
        return Err(Refused::bad(format!(
            "an event has {EVENT_BYTES_MAX} bytes of text and {EVENT_TAGS_MAX} tags at most; use fewer"
        )));
    }
    question
        .fleet
        .record(Entry::Event(event))
        .await
        .map(drop)
        .map_err(|error| match error {
            QueryError::Timeout(_) => QueryError::Busy.into(),
            other => other.into(),
        })
}

/// What a body says.
#[derive(Default)]
struct Sent {
    what: Option<String>,
    tags: Vec<String>,
    when: Option<i64>,
    data: String,
}

const TAGS: &str = "\"tags\" must be an array or space-separated string";

impl Sent {
    fn read(body: &[u8]) -> Result<Sent, Refused> {
        let broken = |fault: Fault| Refused::bad(fault.to_string());
        let mut reader = Reader::new(body, 0);
        if reader.value().map_err(broken)?.kind != Kind::Object {
            return Err(Refused::bad("an event is a JSON object"));
        }
        let (mut sent, mut first) = (Sent::default(), true);
        while let Some(name) = reader.member(&mut first).map_err(broken)? {
            let value = reader.value().map_err(broken)?;
            match &*name.text(body) {
                "what" => sent.what = Some(text(body, value, "\"what\" must be a string")?),
                "data" if value.kind == Kind::Null => {}
                "data" => sent.data = text(body, value, "\"data\" must be a string")?,
                "when" => sent.when = Some(when(body, value)?),
                "tags" => sent.tags = tags(body, value, &mut reader)?,
                _ if matches!(value.kind, Kind::Array | Kind::Object) => {
                    let mut skip = Skip::new(value.kind);
                    skip.step(&mut reader, usize::MAX).map_err(broken)?;
                }
                _ => {}
            }
        }
        reader.blanks();
        match reader.peek() {
            None => Ok(sent),
            Some(_) => Err(Refused::bad("there is text behind the event")),
        }
    }
}

fn text(body: &[u8], value: Scalar, told: &str) -> Result<String, Refused> {
    match value.kind {
        Kind::Text => Ok(value.text(body).into_owned()),
        _ => Err(Refused::bad(told)),
    }
}

/// Seconds since 1970; what is less than one is cut off.
fn when(body: &[u8], value: Scalar) -> Result<i64, Refused> {
    let told = "\"when\" must be seconds since 1970";
    if value.kind != Kind::Number {
        return Err(Refused::bad(told));
    }
    let seconds = value.text(body).parse::<f64>().unwrap_or(f64::NAN).floor();
    // What a calendar has years for.
    match jiff::Timestamp::from_second(seconds as i64) {
        Ok(instant) if seconds.is_finite() => Ok(instant.as_second()),
        _ => Err(Refused::bad(told)),
    }
}

/// Words, whether they come in one text or several.
fn tags(body: &[u8], value: Scalar, reader: &mut Reader) -> Result<Vec<String>, Refused> {
    let words =
        |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
    match value.kind {
        Kind::Null => return Ok(Vec::new()),
        Kind::Text => return Ok(words(&value.text(body))),
        Kind::Array => {}
        _ => return Err(Refused::bad(TAGS)),
    }
    let (mut tags, mut first) = (Vec::new(), true);
    let broken = |fault: Fault| Refused::bad(fault.to_string());
    loop {
        match reader.element(&mut first).map_err(broken)? {
            Element::End => return Ok(tags),
            Element::Hole => return Err(Refused::bad(TAGS)),
            Element::Value => {}
        }
        let tag = reader.value().map_err(broken)?;
        tags.extend(words(&text(body, tag, TAGS)?));
    }
}
