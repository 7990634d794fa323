//! Any bytes as a request, by its path, its URL's parameters and a body of every kind that is read, asked of
//! an appliance that holds nothing: no panic, an answer in a bounded number of breaths, and packed or not it
//! is the same.
#![no_main]

use std::cell::Cell;
use std::future::{Future, ready};
use std::io::Read;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use corelane::base::time::Millis;
use corelane::http::{Deletion, Fleet, HttpOptions, Local, Unstored, answer};
use corelane::model::refusal::Protocol;
use corelane::model::sample::Samples;
use corelane::query::error::QueryError;
use corelane::query::plan::Plan;
use corelane::query::scan::Partial;
use corelane::shard::vitals::Vitals;
use corelane::store::control::{Control, Entry};
use libfuzzer_sys::fuzz_target;

/// Sunday 2015-03-08T12:00:00Z.
const NOW: Millis = Millis(1_425_816_000_000);

const PATHS: [&str; 16] = [
    "/render",
    "/render/",
    "/metrics/find",
    "/metrics/expand",
    "/metrics/index.json",
    "/metrics",
    "/functions",
    "/functions/scale",
    "/dashboard/load/x/y",
    "/tags/autoComplete/values",
    "/tags/tagMultiSeries",
    "/events/",
    "/events/get_data",
    "/api/v1/datapoints",
    "/api/v1/datapoints/query",
    "/version",
];

const KINDS: [&str; 6] = [
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x1",
    "application/json",
    "application/json; charset=utf-8",
    "text/plain",
    "application/gzip",
];

/// No shards: each question is answered by nobody.
#[derive(Default)]
struct Nobody {
    breaths: Cell<u64>,
}

impl Fleet for Nobody {
    fn ask(&self, _plan: Plan) -> Local<'_, Result<Vec<Partial>, QueryError>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn settle(&self, _merge: bool) -> Local<'_, Result<(), QueryError>> {
        Box::pin(ready(Ok(())))
    }

    fn snapshot(&self, name: String) -> Local<'_, Result<String, String>> {
        Box::pin(ready(Err(name)))
    }

    fn ingest(
        &self,
        _protocol: Protocol,
        _text: &[u8],
        samples: &mut Samples,
    ) -> Local<'_, Result<(), Unstored>> {
        samples.clear();
        Box::pin(ready(Ok(())))
    }

    fn delete(&self, _deletion: Deletion) -> Local<'_, Result<(), QueryError>> {
        Box::pin(ready(Ok(())))
    }

    fn record(&self, _entry: Entry) -> Local<'_, Result<u64, QueryError>> {
        Box::pin(ready(Ok(1)))
    }

    fn control(&self) -> Arc<Control> {
        Arc::default()
    }

    fn describe(&self) -> Local<'_, Result<Vec<Vitals>, QueryError>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn now(&self) -> Millis {
        NOW
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn breathe(&self) -> Local<'_, ()> {
        self.breaths.set(self.breaths.get() + 1);
        assert!(self.breaths.get() < 100_000, "it goes on");
        Box::pin(ready(()))
    }

    fn ready(&self) -> bool {
        true
    }
}

fn ask(request: http::Request<Bytes>) -> http::Response<Bytes> {
    let (fleet, options) = (Nobody::default(), HttpOptions::default());
    let mut answering = pin!(answer(request, &fleet, &options));
    match answering
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(response) => response,
        Poll::Pending => panic!("nobody is waited for"),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let [path, kind, rest @ ..] = bytes else {
        return;
    };
    let path = PATHS[usize::from(*path) % PATHS.len()];
    let kind = KINDS[usize::from(*kind) % KINDS.len()];
    let end = rest
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(rest.len());
    let (query, body) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
    let method = if body.is_empty() { "GET" } else { "POST" };
    let uri = format!("{path}?{}", String::from_utf8_lossy(query));
    let request = |coding: &str| {
        http::Request::builder()
            .method(method)
            .uri(&uri)
            .header("Content-Type", kind)
            .header("Accept-Encoding", coding)
            .body(Bytes::copy_from_slice(body))
    };
    let (Ok(plain), Ok(gzip), Ok(brotli)) = (request(""), request("gzip"), request("br")) else {
        return;
    };
    let plain = ask(plain);
    for packed in [ask(gzip), ask(brotli)] {
        let (body, mut text) = (&packed.body()[..], Vec::new());
        let coding = packed.headers().get("Content-Encoding");
        let read = match coding.and_then(|coding| coding.to_str().ok()) {
            Some("gzip") => flate2::read::GzDecoder::new(body).read_to_end(&mut text),
            Some("br") => brotli::Decompressor::new(body, 4096).read_to_end(&mut text),
            _ => (&mut &*body).read_to_end(&mut text),
        };
        read.expect("what was packed unpacks");
        assert!(text == plain.body()[..] && packed.status() == plain.status());
    }
});
