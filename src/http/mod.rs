//! Requests become documents. One table of routes, one file per API.
//!
//! Sans-I/O: takes an [`http::Request`] with its body, gives an [`http::Response`]; asks the shards
//! through [`Fleet`]. Knows neither glommio nor the disk.
#![forbid(unsafe_code)]

use std::future::Future;
use std::pin::Pin;

use crate::base::time::Millis;
use crate::query::error::QueryError;
use crate::query::plan::Plan;
use crate::query::scan::Partial;
use crate::shard::vitals::Vitals;

/// A future that stays on its core.
pub type Local<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// All shards, as one asks them.
pub trait Fleet {
    /// Send `plan` to every shard and wait for all partials, in shard order. Fails with the first
    /// error, and with `Timeout` after the plan's time.
    fn ask(&self, plan: Plan) -> Local<'_, Result<Vec<Partial>, QueryError>>;

    /// The counters of every shard, in shard order.
    fn describe(&self) -> Local<'_, Result<Vec<Vitals>, QueryError>>;

    /// The wall clock.
    fn now(&self) -> Millis;

    /// Let the core do other work; await this at least each 100 µs of computation.
    fn breathe(&self) -> Local<'_, ()>;

    /// Whether the appliance is ready to answer for everything it holds.
    fn ready(&self) -> bool;
}

/// Answer one request.
pub async fn answer(
    _request: http::Request<bytes::Bytes>,
    fleet: &dyn Fleet,
) -> http::Response<bytes::Bytes> {
    let _ = fleet.ready();
    http::Response::new(bytes::Bytes::from_static(b"corelane\n"))
}
