//! An appliance that holds nothing, for targets that send it requests.

use std::cell::Cell;
use std::future::{Future, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use corelane::base::time::Millis;
use corelane::http::{Deletion, Fleet, HttpOptions, Local, Sender, Unstored, answer};
use corelane::model::refusal::Protocol;
use corelane::model::sample::Samples;
use corelane::query::error::QueryError;
use corelane::query::plan::Plan;
use corelane::query::scan::Partial;
use corelane::shard::vitals::Vitals;
use corelane::store::control::{Control, Entry};

/// Sunday 2015-03-08T12:00:00Z.
const NOW: Millis = Millis(1_425_816_000_000);

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

    fn snapshot(&self, name: String) -> Local<'_, Result<Result<String, String>, QueryError>> {
        Box::pin(ready(Ok(Err(name))))
    }

    fn ingest(
        &self,
        _sender: Sender,
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

/// What it says.
pub fn ask(request: http::Request<Bytes>) -> http::Response<Bytes> {
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
