//! `/metadata/{service}/{serviceKey}/{key}`: texts that programs keep here. Those of services whose names
//! begin with `_` are for the appliance itself, and nobody else sees them.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};

use super::names::list;
use super::{Refused, answered, body, refusal, success, unstored, wrong};
use crate::http::parameters::Parameters;
use crate::http::question::Question;
use crate::model::metadata::{ENTRY_BYTES_MAX, MetadataRefused, Place};
use crate::store::control::Entry;

/// What the names of services begin with that nobody may see.
const OWN: char = '_';

/// Answer.
pub(in crate::http) async fn answer(question: &Question<'_>) -> Response<Bytes> {
    let parts = &question.parts;
    if parts
        .first()
        .is_some_and(|service| service.starts_with(OWN))
    {
        return success(StatusCode::UNAUTHORIZED, Vec::new());
    }
    match parts.as_slice() {
        [service] => on_list(question, service, None).await,
        [service, service_key] => on_list(question, service, Some(service_key)).await,
        [service, service_key, key] => {
            let place = Place {
                service: service.clone(),
                service_key: service_key.clone(),
                key: key.clone(),
            };
            on_entry(question, place).await
        }
        _ => wrong(StatusCode::NOT_FOUND),
    }
}

async fn on_list(
    question: &Question<'_>,
    service: &str,
    service_key: Option<&String>,
) -> Response<Bytes> {
    if !matches!(question.method, Method::GET | Method::HEAD) {
        return super::not_allowed("GET,HEAD,OPTIONS");
    }
    answered(match service_key {
        None => service_keys(question, service).await,
        Some(service_key) => keys(question, service, service_key).await,
    })
}

/// The keys of a service, each once.
async fn service_keys(question: &Question<'_>, service: &str) -> Result<Vec<u8>, Refused> {
    let control = question.fleet.control();
    let mut place = Place {
        service: service.to_owned(),
        ..Place::default()
    };
    let mut found: Vec<String> = Vec::new();
    // From key to key: what is kept below one is passed over.
    loop {
        let next = control.metadata.places_from(&place).next();
        let next = next.filter(|next| next.service == service);
        let Some(service_key) = next.map(|next| next.service_key.clone()) else {
            break;
        };
        // No text lies between a text and the same with this behind it.
        place.service_key = format!("{service_key}\0");
        found.push(service_key);
        question.breathe_every(found.len()).await?;
    }
    list(question, found.iter()).await
}

/// The keys below a key of a service.
async fn keys(
    question: &Question<'_>,
    service: &str,
    service_key: &str,
) -> Result<Vec<u8>, Refused> {
    let parameters = Parameters::of_url(question.request, &question.pace()).await;
    let parameters = parameters.map_err(|_| Refused::bad("the query of the URL cannot be read"))?;
    let prefix = parameters.last("startsWith").unwrap_or_default();
    let control = question.fleet.control();
    let first = Place {
        service: service.to_owned(),
        service_key: service_key.to_owned(),
        key: prefix.to_owned(),
    };
    let meant = control.metadata.places_from(&first).take_while(|place| {
        place.service == service
            && place.service_key == service_key
            && place.key.starts_with(prefix)
    });
    list(question, meant.map(|place| &place.key)).await
}

async fn on_entry(question: &Question<'_>, place: Place) -> Response<Bytes> {
    let done = match question.method {
        Method::GET | Method::HEAD => return read(question, &place),
        Method::POST => set(question, place).await,
        Method::DELETE => question
            .fleet
            .record(Entry::NoMetadata(place))
            .await
            .map_err(|error| unstored(error).into()),
        _ => return super::not_allowed("DELETE,GET,HEAD,OPTIONS,POST"),
    };
    match done {
        Ok(_) => success(StatusCode::NO_CONTENT, Vec::new()),
        Err(refused) => refusal(refused),
    }
}

async fn set(question: &Question<'_>, place: Place) -> Result<u64, Refused> {
    let body = body::read(question).await?;
    if ENTRY_BYTES_MAX < body.bytes.len() {
        return Err(Refused::bad(MetadataRefused::Long.to_string()));
    }
    let text = String::from_utf8_lossy(&body.bytes).into_owned();
    let entry = Entry::Metadata(place, text);
    let kept = question.fleet.record(entry).await;
    kept.map_err(|error| unstored(error).into())
}

/// The text as it was sent.
fn read(question: &Question<'_>, place: &Place) -> Response<Bytes> {
    let accept = question.request.headers().get(ACCEPT);
    let is_plain = accept.is_some_and(|accept| accept.as_bytes().starts_with(b"text/plain"));
    let control = question.fleet.control();
    let mut response = match (control.metadata.get(place), is_plain) {
        (Some(text), _) => success(StatusCode::OK, text.as_bytes().to_vec()),
        (None, true) => success(StatusCode::NOT_FOUND, Vec::new()),
        (None, false) => refusal(Refused::new(StatusCode::NOT_FOUND, "Key not found")),
    };
    if is_plain {
        let kind = HeaderValue::from_static("text/plain;charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, kind);
    }
    response
}
