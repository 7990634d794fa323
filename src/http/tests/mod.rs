//! Requests in, whole answers out, over real indexes and heads.

mod find;
mod pages;
mod render;

use std::cell::Cell;
use std::task::Poll;

use bytes::Bytes;
use http::{Request, Response};

use super::*;
use crate::query::testing::{Shards, run};

/// Shards that answer at once. Every breath passes `breath_ms` of time.
pub(super) struct TestFleet {
    pub(super) shards: Shards,
    pub(super) count: usize,
    pub(super) now_ms: Cell<i64>,
    pub(super) elapsed_ms: Cell<u64>,
    pub(super) breath_ms: u64,
    /// How far somebody sets the wall clock at each breath.
    pub(super) clock_step_ms: i64,
    pub(super) breaths: Cell<u64>,
    pub(super) fails: Option<QueryError>,
    pub(super) is_ready: bool,
}

impl TestFleet {
    pub(super) fn new(count: usize, now_seconds: i64) -> TestFleet {
        TestFleet {
            shards: Shards::new(count),
            count,
            now_ms: Cell::new(now_seconds * 1000),
            elapsed_ms: Cell::new(0),
            breath_ms: 0,
            clock_step_ms: 0,
            breaths: Cell::new(0),
            fails: None,
            is_ready: true,
        }
    }
}

impl Fleet for TestFleet {
    fn ask(&self, plan: Plan) -> Local<'_, Result<Vec<Partial>, QueryError>> {
        Box::pin(async move {
            match &self.fails {
                Some(error) => Err(error.clone()),
                None => self.shards.ask(&plan, 100),
            }
        })
    }

    fn describe(&self) -> Local<'_, Result<Vec<Vitals>, QueryError>> {
        let vitals = |shard| Vitals {
            shard,
            ..Vitals::default()
        };
        Box::pin(async move {
            match &self.fails {
                Some(error) => Err(error.clone()),
                None => Ok((0..self.count).map(vitals).collect()),
            }
        })
    }

    fn now(&self) -> Millis {
        Millis(self.now_ms.get())
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms.get())
    }

    fn breathe(&self) -> Local<'_, ()> {
        self.breaths.set(self.breaths.get() + 1);
        self.elapsed_ms.set(self.elapsed_ms.get() + self.breath_ms);
        self.now_ms.set(self.now_ms.get() + self.clock_step_ms);
        let mut polled = false;
        Box::pin(std::future::poll_fn(move |_| {
            if std::mem::replace(&mut polled, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }))
    }

    fn ready(&self) -> bool {
        self.is_ready
    }
}

pub(super) fn ask(fleet: &TestFleet, request: Request<Bytes>) -> Response<Bytes> {
    run(answer(request, fleet, &HttpOptions::default()))
}

pub(super) fn request(method: &str, url: &str, kind: &str, body: &str) -> Request<Bytes> {
    let mut builder = Request::builder().method(method).uri(url);
    if !kind.is_empty() {
        builder = builder.header("Content-Type", kind);
    }
    let body = Bytes::from(body.to_owned());
    builder.body(body).expect("a request")
}

pub(super) fn get(fleet: &TestFleet, url: &str) -> Response<Bytes> {
    ask(fleet, request("GET", url, "", ""))
}

pub(super) fn body(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).expect("UTF-8")
}

pub(super) fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().expect("ASCII"))
}
