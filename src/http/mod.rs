//! Requests become documents. One table of routes, one file per API.
//!
//! Sans-I/O: takes an [`http::Request`] with its body, whole or as a [`Source`] of pieces, gives an
//! [`http::Response`]; asks the shards through [`Fleet`]. The size of a whole request is bounded by whoever
//! reads it, what is held of one in pieces by its route, the size of an answer by [`Limits::bytes_max`].
//! Knows neither glommio nor the disk.
#![forbid(unsafe_code)]

mod admin;
mod carbon;
mod dashboards;
mod delete;
mod encode;
mod errors;
mod events;
mod expand;
mod find;
mod fronts;
mod functions;
mod json;
mod json_body;
mod kairos;
mod laid_out;
mod multipart;
mod names;
mod packing;
mod parameters;
mod picture;
mod pieces;
mod plain;
mod prometheus;
mod question;
mod render;
mod routes;
mod slow;
mod tags;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crate::base::time::Millis;
use crate::model::refusal::{Protocol, Refusals};
use crate::model::sample::Samples;
use crate::model::series::{Identity, TenantId};
pub use crate::query::breath::Local;
use crate::query::error::QueryError;
use crate::query::limits::Limits;
use crate::query::plan::Plan;
use crate::query::scan::Partial;
use crate::query::together::Together;
use crate::shard::vitals::{Told, Vitals};
use crate::store::control::{Control, Entry};
use crate::store::tombstone::{self, Target, Tombstone};
use crate::wire::familiar::Familiar;
pub use kairos::{KairosOptions, QueryOptions, Report, Reporter, RollUps, Room, ServerType};
pub use pieces::{Source, Unread};

/// Somebody who waits until what it sent is stored, in one batch or many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sender(pub u64);

/// All shards, as one asks them.
pub trait Fleet {
    /// Send `plan` to every shard and wait for all partials, in shard order. Fails with the first
    /// error, and with `Timeout` after the plan's time.
    fn ask(&self, plan: Plan) -> Local<'_, Result<Vec<Partial>, QueryError>>;

    /// Write everything that was taken so far into segment files, and where `merge` is set merge those of
    /// each window as if it were quiet. Done when that is.
    fn settle(&self, merge: bool) -> Local<'_, Result<(), QueryError>>;

    /// Make a snapshot called `name`: everything that was taken before the call. Gives its folder, below
    /// the data folder, or why there is none. Fails as [`Fleet::settle`], which comes first.
    fn snapshot(&self, name: String) -> Local<'_, Result<Result<String, String>, QueryError>>;

    /// Somebody who will wait for samples to be stored, told from all others.
    fn sender(&self) -> Sender {
        Sender::default()
    }

    /// Store samples that `sender` waits for. They are taken, and `samples` is empty but for its memory,
    /// when this returns; what it gives is done when the last of them is on stable storage, or at once
    /// if there is none. The refusals in `samples` are counted. Names are spans of `text`.
    fn ingest(
        &self,
        sender: Sender,
        protocol: Protocol,
        text: &[u8],
        samples: &mut Samples,
    ) -> Local<'_, Result<(), Unstored>>;

    /// Let `read` go by what this shard remembers of KairosDB's bodies.
    ///
    /// A fleet that remembers nothing reads each as the first.
    fn with_familiar(&self, read: &mut dyn FnMut(&mut Familiar)) {
        read(&mut Familiar::default());
    }

    /// Wait until there is room for samples, which [`Fleet::ingest`] does not; false after so long.
    fn until_roomy(&self, millis_max: u64) -> Local<'_, bool> {
        let _ = millis_max;
        Box::pin(std::future::ready(true))
    }

    /// Delete points that have arrived so far. Done when that is durable and every shard goes by it.
    fn delete(&self, deletion: Deletion) -> Local<'_, Result<(), QueryError>>;

    /// Keep what was told. Done when it is durable and every shard knows it. Gives the id of an event, which
    /// has none before, and 0 for others.
    fn record(&self, entry: Entry) -> Local<'_, Result<u64, QueryError>>;

    /// What users have told.
    fn control(&self) -> Arc<Control>;

    /// Do what would hold a core for too long, on a thread that serves no shard, and wait for it. Fails
    /// with `Busy` if too much waits already, and with `Timeout` after its time.
    ///
    /// A fleet without such a thread does it at once.
    fn aside(&self, errand: Errand, millis_max: u64) -> Local<'_, Result<Made, QueryError>> {
        let _ = millis_max;
        Box::pin(std::future::ready(Ok(errand())))
    }

    /// Count what was done at the shard that answers.
    fn tell(&self, told: Told) {
        let _ = told;
    }

    /// The counters of every shard, in shard order.
    fn describe(&self) -> Local<'_, Result<Vec<Vitals>, QueryError>>;

    /// The wall clock.
    fn now(&self) -> Millis;

    /// Time since some moment in the past, by a clock that nobody sets: only differences count.
    fn elapsed(&self) -> Duration;

    /// Let the core do other work; await this at least each 100 µs of computation.
    fn breathe(&self) -> Local<'_, ()>;

    /// Whether the log is still replayed: answers may lack points.
    fn recovering(&self) -> bool {
        false
    }

    /// Whether the appliance is ready to answer for everything it holds.
    fn ready(&self) -> bool;
}

/// What is to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Whose series.
    pub tenant: TenantId,
    /// Which of them, each once.
    pub series: Vec<Identity>,
    /// The first instant; with [`Millis::MIN`] and [`Millis::MAX`] the series leave all lists too.
    pub from: Millis,
    /// The last instant.
    pub until: Millis,
}

impl Deletion {
    /// What the manifest has to be told, where arrivals with a stamp below `stamp` are deleted.
    pub fn tombstones(&self, stamp: u64) -> Vec<Tombstone> {
        let some = self.series.chunks(tombstone::SERIES_MAX);
        let tombstones = some.map(|series| Tombstone {
            tenant: self.tenant,
            target: Target::Series(series.to_vec()),
            from_ms: self.from.0,
            to_ms: self.until.0,
            stamp,
        });
        tombstones.collect()
    }
}

/// Work that needs nothing but what it brings with it.
pub type Errand = Box<dyn FnOnce() -> Made + Send>;

/// What an errand gives, or why there is nothing.
pub type Made = Result<Vec<u8>, String>;

/// Why samples are not, or not all, on stable storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unstored {
    /// Nothing can be promised now; the text says why, and what to do.
    Later(String),
    /// Limits refused so many, of each reason; all others are stored.
    Refused(Box<Refusals>),
}

/// What the operator may choose about answers.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Ceilings of each query.
    pub limits: Limits,
    /// Whose series the requests see; one tenant for all while access is off.
    pub tenant: TenantId,
    /// Questions that take as long are kept in the log; zero keeps none.
    pub slow: Duration,
    /// The zone of requests that name none.
    pub zone: jiff::tz::TimeZone,
    /// What this machine is called, as fronts of several nodes name it.
    pub node: String,
    /// The version that `/metrics` tells.
    pub version: &'static str,
    /// What stands before every path, such as `/graphite`; paths without it are known too. Empty is nothing.
    pub prefix: String,
    /// The value of `Access-Control-Allow-Origin`; `None` sends no such header.
    pub allow_origin: Option<String>,
    /// What all queries may hold together, for all shards.
    pub memory: Together,
    /// What unpacked bodies may take, for all shards.
    pub unpacking: Room,
    /// What the operator chose about KairosDB's API.
    pub kairos: KairosOptions,
    /// What the operator chose about KairosDB's queries.
    pub kairos_query: QueryOptions,
}

impl Default for HttpOptions {
    fn default() -> Self {
        HttpOptions {
            limits: Limits::default(),
            tenant: TenantId::DEFAULT,
            slow: Duration::ZERO,
            zone: jiff::tz::TimeZone::UTC,
            node: "corelane".to_owned(),
            version: env!("CARGO_PKG_VERSION"),
            prefix: String::new(),
            allow_origin: None,
            memory: Together::default(),
            unpacking: Room::default(),
            kairos: KairosOptions::default(),
            kairos_query: QueryOptions::default(),
        }
    }
}

/// Answer one request. Never fails: what goes wrong is a status and a text.
pub async fn answer(
    request: http::Request<bytes::Bytes>,
    fleet: &dyn Fleet,
    options: &HttpOptions,
) -> http::Response<bytes::Bytes> {
    routes::answer(request, None, fleet, options).await
}

/// Whether the body of such a request is read while it comes, by [`answer_pieces`], and may be of any size.
pub fn takes_pieces(method: &http::Method, path: &str, options: &HttpOptions) -> bool {
    routes::takes_pieces(method, path, options)
}

/// As [`answer`] for a request whose body comes from `source`. The answer may be there before the end of
/// the body is.
pub async fn answer_pieces(
    request: http::Request<()>,
    source: Box<dyn Source>,
    fleet: &dyn Fleet,
    options: &HttpOptions,
) -> http::Response<bytes::Bytes> {
    let request = request.map(|()| bytes::Bytes::new());
    routes::answer(request, Some(source), fleet, options).await
}
