//! For tests: real indexes and stores, one pair a shard, without sockets, without mail and with nothing
//! on the disk.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::error::QueryError;
use super::plan::Plan;
use super::result_cache::{self, ResultCache};
use super::scan::{Partial, Scan, Step};
use crate::base::time::{Millis, Stamp};
use crate::index::{Bounds, Follow, Index};
use crate::model::number::Number;
use crate::model::series::{Identity, Properties, SeriesName, TenantId, Values};
use crate::store::definition::Definition;
use crate::store::fake_disk::FakeDisk;
use crate::store::recover::Start;
use crate::store::{Options, Store};

/// Each shard keeps whatever it can.
const RESULTS: result_cache::Options = result_cache::Options {
    bytes_max: 8 << 20,
    points_min: 0,
};

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
pub(crate) struct Shards(Vec<Pair>);

struct Pair {
    index: Index,
    store: RefCell<Store>,
    cache: RefCell<ResultCache>,
    /// The last stamp.
    now: Cell<Stamp>,
}

impl Shards {
    /// So many empty shards.
    pub(crate) fn new(count: usize) -> Shards {
        let disk = RefCell::new(FakeDisk::new(1));
        let shard = |_| {
            // As one of several: points keep their stamps.
            let start = Start::fresh(count.max(2));
            let store = Store::open(Options::default(), start, &disk, &mut |_| None);
            Pair {
                index: Index::new(7, Bounds::series(100_000)),
                store: RefCell::new(store.expect("a disk without files")),
                cache: RefCell::new(ResultCache::new(RESULTS)),
                now: Cell::default(),
            }
        };
        Shards((0..count).map(shard).collect())
    }

    /// Make the series of floats known.
    pub(crate) fn define(&mut self, shard: usize, name: &str) {
        self.define_as(shard, name, Values::Double);
    }

    /// Make the series known.
    pub(crate) fn define_as(&mut self, shard: usize, name: &str, values: Values) {
        let Pair { index, store, .. } = &mut self.0[shard];
        let name = SeriesName::from_text(name).expect("a canonical text");
        let tenant = TenantId::DEFAULT;
        let sent = format!("{} {values:?}", name.text());
        let id = index.intern(
            tenant,
            &name,
            values,
            sent.as_bytes(),
            &mut Follow::default(),
        );
        let properties = Properties {
            values,
            ..Properties::default()
        };
        let id = id.expect("room for the series");
        store.get_mut().admit(id, properties, |number| Definition {
            number,
            tenant,
            properties,
            name,
        });
    }

    /// One point arrives. Stamps must not fall from call to call.
    pub(crate) fn put(&mut self, shard: usize, name: &str, time_ms: i64, stamp: u64, value: f64) {
        self.put_as(
            shard,
            name,
            time_ms,
            stamp,
            (Values::Double, Number::float(value)),
        );
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
        self.put_as(
            shard,
            name,
            time_ms,
            stamp,
            (Values::Long, Number::long(value)),
        );
    }

    /// One point of a series of texts arrives.
    pub(crate) fn put_text(
        &mut self,
        shard: usize,
        name: &str,
        time_ms: i64,
        stamp: u64,
        text: &str,
    ) {
        self.define_as(shard, name, Values::Text);
        let Pair {
            index, store, now, ..
        } = &mut self.0[shard];
        let series = SeriesName::from_text(name).expect("a canonical text");
        let id = index.lookup(TenantId::DEFAULT, &series, Values::Text);
        let store = store.get_mut();
        now.set(Stamp(stamp));
        store.begin_read(Stamp(stamp));
        store
            .append_text(id.expect("defined"), Millis(time_ms), text)
            .expect("room for the point");
    }

    fn put_as(
        &mut self,
        shard: usize,
        name: &str,
        time_ms: i64,
        stamp: u64,
        (values, number): (Values, Number),
    ) {
        self.define_as(shard, name, values);
        let Pair {
            index, store, now, ..
        } = &mut self.0[shard];
        let series = SeriesName::from_text(name).expect("a canonical text");
        let id = index
            .lookup(TenantId::DEFAULT, &series, values)
            .expect("defined");
        let store = store.get_mut();
        now.set(Stamp(stamp));
        store.begin_read(Stamp(stamp));
        store
            .append(id, Millis(time_ms), number)
            .expect("room for the point");
    }

    /// The names of these series, sorted.
    pub(crate) fn names_of(&self, series: &[Identity]) -> Vec<String> {
        let name = |&identity: &Identity| {
            let all = self.0.iter();
            let mut of = all.filter_map(|pair| {
                let id = pair.index.find(identity)?;
                Some(pair.index.text(id).to_owned())
            });
            of.next().expect("some shard knows it")
        };
        let mut names: Vec<String> = series.iter().map(name).collect();
        names.sort();
        names
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
fn scan(pair: &Pair, plan: &Plan, budget: usize) -> (Result<Partial, QueryError>, usize) {
    let (mut store, mut cache) = (pair.store.borrow_mut(), pair.cache.borrow_mut());
    let mut scan = Scan::new(plan.clone(), pair.now.get());
    let mut slices = 1;
    loop {
        match scan.step(&pair.index, &mut store, &mut cache, budget) {
            Step::Done(done) => return (done, slices),
            Step::More => slices += 1,
            Step::Waiting => panic!("nothing is on the disk"),
        }
    }
}
