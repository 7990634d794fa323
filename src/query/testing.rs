//! For tests: real indexes and heads, one pair a shard, without sockets and without mail.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::error::QueryError;
use super::plan::Plan;
use super::scan::{Partial, Scan};
use crate::base::time::{Millis, Stamp, Step};
use crate::index::{Bounds, Follow, Index};
use crate::model::series::{SeriesName, TenantId, Values};
use crate::store::head::{Head, Options};

/// Poll until it is done.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
    }
}

/// The shards of a test.
pub(crate) struct Shards(Vec<(Index, Head)>);

impl Shards {
    /// So many empty shards.
    pub(crate) fn new(count: usize) -> Shards {
        let shard = || {
            let options = Options {
                bytes_max: 64 << 20,
                windows_max: 4096,
                window: Step::from_millis(300_000).expect("positive"),
            };
            (Index::new(7, Bounds::series(100_000)), Head::new(options))
        };
        Shards((0..count).map(|_| shard()).collect())
    }

    /// Make the series of floats known.
    pub(crate) fn define(&mut self, shard: usize, name: &str) {
        self.define_as(shard, name, Values::Double);
    }

    /// Make the series known.
    pub(crate) fn define_as(&mut self, shard: usize, name: &str, values: Values) {
        let (index, head) = &mut self.0[shard];
        let series = SeriesName::from_text(name).expect("a canonical text");
        let id = index.intern(
            TenantId::DEFAULT,
            &series,
            values,
            format!("{name} {values:?}").as_bytes(),
            &mut Follow::default(),
        );
        head.admit(id.expect("room for the series"));
    }

    /// One point arrives. Stamps must not fall from call to call.
    pub(crate) fn put(&mut self, shard: usize, name: &str, time_ms: i64, stamp: u64, value: f64) {
        self.put_as(shard, name, Values::Double, time_ms, stamp, value);
    }

    /// One point of a series of whole numbers arrives.
    pub(crate) fn put_long(
        &mut self,
        shard: usize,
        name: &str,
        time_ms: i64,
        stamp: u64,
        value: i64,
    ) {
        let value = f64::from_bits(value as u64);
        self.put_as(shard, name, Values::Long, time_ms, stamp, value);
    }

    fn put_as(
        &mut self,
        shard: usize,
        name: &str,
        values: Values,
        time_ms: i64,
        stamp: u64,
        value: f64,
    ) {
        self.define_as(shard, name, values);
        let (index, head) = &mut self.0[shard];
        let series = SeriesName::from_text(name).expect("a canonical text");
        let id = index
            .lookup(TenantId::DEFAULT, &series, values)
            .expect("defined");
        head.append(id, Millis(time_ms), Stamp(stamp), value)
            .expect("room for the point");
    }

    /// What every shard says, scanning in slices of `budget`.
    pub(crate) fn ask(&self, plan: &Plan, budget: usize) -> Result<Vec<Partial>, QueryError> {
        self.0
            .iter()
            .map(|shard| scan(shard, plan, budget).0)
            .collect()
    }

    /// How many slices the first shard's scan takes.
    pub(crate) fn slices(&self, plan: &Plan, budget: usize) -> usize {
        scan(&self.0[0], plan, budget).1
    }
}

/// What a scan says, and in how many slices.
fn scan(
    (index, head): &(Index, Head),
    plan: &Plan,
    budget: usize,
) -> (Result<Partial, QueryError>, usize) {
    let mut scan = Scan::new(plan.clone());
    let mut slices = 1;
    loop {
        if let Some(done) = scan.step(index, head, budget) {
            return (done, slices);
        }
        slices += 1;
    }
}
