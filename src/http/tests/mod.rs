//! Requests in, whole answers out, over real indexes and heads.

mod events;
mod federation;
mod find;
mod functions;
mod grafana;
mod grammar;
mod packing;
mod pages;
mod pictures;
mod render;
mod tags;

use std::cell::{Cell, RefCell};
use std::io::Read;
use std::task::Poll;

use bytes::Bytes;
use http::{Request, Response};

use super::*;
use crate::model::number::Number;
use crate::model::sample::Span;
use crate::query::testing::{Shards, run};
use crate::shard::vitals::KairosCounts;
use crate::store::control::ControlRefused;

/// Shards that answer at once. Every breath passes `breath_ms` of time.
pub(in crate::http) struct TestFleet {
    pub(in crate::http) shards: Shards,
    pub(in crate::http) count: usize,
    pub(in crate::http) now_ms: Cell<i64>,
    pub(in crate::http) elapsed_ms: Cell<u64>,
    pub(in crate::http) breath_ms: u64,
    /// How far somebody sets the wall clock at each breath.
    pub(in crate::http) clock_step_ms: i64,
    pub(in crate::http) breaths: Cell<u64>,
    pub(in crate::http) fails: Option<QueryError>,
    pub(in crate::http) is_ready: bool,
    /// Whether points are still replayed; over as soon as shards were asked.
    pub(in crate::http) is_recovering: Cell<bool>,
    /// What was taken in: sent name, milliseconds, number.
    pub(in crate::http) taken: RefCell<Vec<Taken>>,
    /// What the numbers of those that are texts are spans of.
    pub(in crate::http) texts: RefCell<Vec<u8>>,
    /// What was deleted.
    pub(in crate::http) deleted: RefCell<Vec<Deletion>>,
    /// What users have told.
    pub(in crate::http) control: RefCell<Arc<Control>>,
    /// What whoever waits for stable storage is told.
    pub(in crate::http) stored: Result<(), Unstored>,
    /// What was counted.
    pub(in crate::http) told: RefCell<KairosCounts>,
}

/// One sample that was taken in.
pub(in crate::http) type Taken = (Vec<u8>, i64, Number);

impl TestFleet {
    pub(in crate::http) fn new(count: usize, now_seconds: i64) -> TestFleet {
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
            is_recovering: Cell::new(false),
            taken: RefCell::default(),
            texts: RefCell::default(),
            deleted: RefCell::default(),
            control: RefCell::default(),
            stored: Ok(()),
            told: RefCell::default(),
        }
    }
}

impl Fleet for TestFleet {
    fn ask(&self, plan: Plan) -> Local<'_, Result<Vec<Partial>, QueryError>> {
        Box::pin(async move {
            self.is_recovering.set(false);
            match &self.fails {
                Some(error) => Err(error.clone()),
                None => self.shards.ask(&plan, 100),
            }
        })
    }

    fn settle(&self, _merge: bool) -> Local<'_, Result<(), QueryError>> {
        Box::pin(async move {
            match &self.fails {
                Some(error) => Err(error.clone()),
                None => Ok(()),
            }
        })
    }

    fn snapshot(&self, name: String) -> Local<'_, Result<Result<String, String>, QueryError>> {
        Box::pin(async move {
            match &self.fails {
                Some(error) => Err(error.clone()),
                None => Ok(Ok(format!("snapshots/{name}"))),
            }
        })
    }

    fn ingest(
        &self,
        _sender: Sender,
        _protocol: Protocol,
        text: &[u8],
        samples: &mut Samples,
    ) -> Local<'_, Result<(), Unstored>> {
        let mut taken = self.taken.borrow_mut();
        for i in 0..samples.len() {
            let name = samples.names[i].of(text).to_vec();
            let mut number = samples.numbers[i];
            if number.scale == Number::TEXT {
                let (place, mut texts) = (number.mantissa as u64, self.texts.borrow_mut());
                let (start, len) = ((place >> 32) as u32, place as u32);
                number = Number::text(texts.len() as u32, len);
                texts.extend_from_slice(Span { start, len }.of(text));
            }
            taken.push((name, samples.times[i], number));
        }
        samples.clear();
        let stored = self.stored.clone();
        Box::pin(async move {
            // The disk takes its time.
            self.breathe().await;
            stored
        })
    }

    fn delete(&self, deletion: Deletion) -> Local<'_, Result<(), QueryError>> {
        Box::pin(async move {
            self.breathe().await;
            self.deleted.borrow_mut().push(deletion);
            Ok(())
        })
    }

    fn record(&self, entry: Entry) -> Local<'_, Result<u64, QueryError>> {
        Box::pin(async move {
            if let Some(error) = &self.fails {
                return Err(error.clone());
            }
            let mut control = self.control.borrow_mut();
            let control = Arc::make_mut(&mut control);
            let (mut entry, mut id) = (entry, 0);
            if let Entry::Event(event) = &mut entry {
                id = control.events.next_id();
                event.id = id;
            }
            let refused = |error: ControlRefused| QueryError::Limit(error.to_string());
            control.check(&entry).map_err(refused)?;
            assert!(control.add(entry));
            Ok(id)
        })
    }

    fn control(&self) -> Arc<Control> {
        Arc::clone(&self.control.borrow())
    }

    fn aside(&self, errand: Errand, _millis_max: u64) -> Local<'_, Result<Made, QueryError>> {
        Box::pin(async move {
            match &self.fails {
                Some(error) => Err(error.clone()),
                None => Ok(errand()),
            }
        })
    }

    fn tell(&self, told: Told) {
        self.told.borrow_mut().add(told);
    }

    fn describe(&self) -> Local<'_, Result<Vec<Vitals>, QueryError>> {
        let vitals = |shard| Vitals {
            shard,
            kairos: match shard {
                0 => self.told.borrow().clone(),
                _ => KairosCounts::default(),
            },
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

    fn recovering(&self) -> bool {
        self.is_recovering.get()
    }
}

pub(in crate::http) fn ask(fleet: &TestFleet, request: Request<Bytes>) -> Response<Bytes> {
    run(answer(request, fleet, &HttpOptions::default()))
}

pub(in crate::http) fn request(method: &str, url: &str, kind: &str, body: &str) -> Request<Bytes> {
    let mut builder = Request::builder().method(method).uri(url);
    if !kind.is_empty() {
        builder = builder.header("Content-Type", kind);
    }
    let body = Bytes::from(body.to_owned());
    builder.body(body).expect("a request")
}

pub(in crate::http) fn get(fleet: &TestFleet, url: &str) -> Response<Bytes> {
    ask(fleet, request("GET", url, "", ""))
}

pub(in crate::http) fn body(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).expect("UTF-8")
}

pub(in crate::http) fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().expect("ASCII"))
}

/// `text` as it stands in a URL, every byte that is no letter or digit coded.
pub(in crate::http) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The text of an answer, however it is packed.
pub(in crate::http) fn unpacked(response: &Response<Bytes>) -> String {
    let bytes = &response.body()[..];
    let mut text = String::new();
    match header(response, "Content-Encoding") {
        "br" => brotli::Decompressor::new(bytes, 4096).read_to_string(&mut text),
        "gzip" => flate2::read::GzDecoder::new(bytes).read_to_string(&mut text),
        _ => (&mut &*bytes).read_to_string(&mut text),
    }
    .expect("a whole text");
    text
}
