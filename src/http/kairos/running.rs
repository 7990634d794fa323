//! Queries that are running, so that one can see them and end them: the same list for all shards, which
//! touch it when a query of a metric begins and ends, and when somebody asks.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Response, StatusCode};

use super::success;
use crate::base::hash::Hasher;
use crate::http::question::Question;
use crate::query::plan::Purse;

/// Queries that are listed; further ones run unlisted.
const LISTED_MAX: usize = 1_000;
/// Bytes of a query's JSON that are kept to be shown; a longer one is shown as `null`.
const QUERY_BYTES_MAX: usize = 64 * 1024;
/// Seed of the names of queries: they are no secret.
const SEED: u64 = 6;

/// What ends a query early.
#[derive(Debug, Default)]
pub(in crate::http) struct Kill {
    is_killed: AtomicBool,
    /// What the shards look at that scan for it.
    purse: Mutex<Option<Arc<Purse>>>,
}

impl Kill {
    /// Whether it is to end.
    pub(in crate::http) fn is_killed(&self) -> bool {
        self.is_killed.load(Relaxed)
    }

    /// The shards are asked, with this purse.
    pub(in crate::http) fn watch(&self, purse: &Arc<Purse>) {
        let mut watched = lock(&self.purse);
        if self.is_killed() {
            purse.give_up();
        }
        *watched = Some(Arc::clone(purse));
    }

    fn kill(&self) {
        let watched = lock(&self.purse);
        self.is_killed.store(true, Relaxed);
        if let Some(purse) = &*watched {
            purse.give_up();
        }
    }
}

#[derive(Debug, Default)]
struct Listed {
    next: u64,
    queries: BTreeMap<u64, One>,
}

#[derive(Clone, Debug)]
struct One {
    /// Which query it is; the same for two that are the same.
    hash: String,
    metric: String,
    json: Option<Arc<str>>,
    kill: Arc<Kill>,
}

/// The queries that are running.
#[derive(Clone, Debug, Default)]
pub struct Running(Arc<Mutex<Listed>>);

/// A query that is listed until this is dropped.
#[derive(Debug)]
pub(in crate::http) struct Listing<'a> {
    running: &'a Running,
    number: Option<u64>,
}

impl Running {
    /// A query of `metric` begins, as part of what `json` asks; `kill` ends it.
    pub(in crate::http) fn begin(
        &self,
        metric: &str,
        json: &[u8],
        kill: &Arc<Kill>,
    ) -> Listing<'_> {
        let hash = Hasher::new(SEED).hash(&[metric.as_bytes(), b"\0", json].concat());
        let shown = std::str::from_utf8(json).ok();
        let shown = shown.filter(|json| json.len() <= QUERY_BYTES_MAX);
        let one = One {
            hash: format!("{hash:032x}"),
            metric: metric.to_owned(),
            json: shown.map(Arc::from),
            kill: Arc::clone(kill),
        };
        let mut listed = lock(&self.0);
        let number = (listed.queries.len() < LISTED_MAX).then_some(listed.next);
        if let Some(number) = number {
            listed.next += 1;
            listed.queries.insert(number, one);
        }
        Listing {
            running: self,
            number,
        }
    }

    /// End all queries of that name.
    fn kill(&self, hash: &str) {
        let all = self.all();
        let meant = all.iter().filter(|one| one.hash == hash);
        meant.for_each(|one| one.kill.kill());
    }

    fn all(&self) -> Vec<One> {
        lock(&self.0).queries.values().cloned().collect()
    }
}

impl Drop for Listing<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            lock(&self.running.0).queries.remove(&number);
        }
    }
}

/// Whoever panicked with the lock left it whole: nothing here stops halfway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `GET /admin/runningqueries`
pub(in crate::http) async fn list(question: &Question<'_>) -> Response<Bytes> {
    let mut text = b"{\"queries\":[".to_vec();
    for (i, one) in question.options.kairos.running.all().iter().enumerate() {
        if i > 0 {
            text.push(b',');
        }
        text.extend_from_slice(b"{\"query hash\":");
        super::push_text(&one.hash, &mut text);
        text.extend_from_slice(b",\"metric name\":");
        super::push_text(&one.metric, &mut text);
        text.extend_from_slice(b",\"query JSON\":");
        text.extend_from_slice(one.json.as_deref().unwrap_or("null").as_bytes());
        text.push(b'}');
        // It says that time is over only where the answer would be late.
        if question.breathe_every(i).await.is_err() {
            break;
        }
    }
    text.extend_from_slice(b"],\"queries waiting\":0}");
    success(StatusCode::OK, text)
}

/// `GET /admin/killquery/{hash}`
pub(in crate::http) async fn kill(question: &Question<'_>) -> Response<Bytes> {
    question.options.kairos.running.kill(&question.rest);
    success(StatusCode::NO_CONTENT, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::series::TenantId;
    use crate::query::limits::Limits;
    use crate::query::plan::{Plan, Want};

    fn purse() -> Arc<Purse> {
        Plan::new(TenantId::DEFAULT, Want::Names, Limits::default()).purse
    }

    #[test]
    fn queries_are_listed_while_they_run_and_end_when_they_are_killed() {
        let running = Running::default();
        let (first, second) = (Arc::new(Kill::default()), Arc::new(Kill::default()));
        let one = running.begin("m", b"{}", &first);
        let (before, behind) = (purse(), purse());
        first.watch(&before);
        {
            let _two = running.begin("n", b"{}", &second);
            let _same = running.begin("m", b"{}", &second);
            let names: Vec<String> = running.all().into_iter().map(|one| one.metric).collect();
            assert_eq!(names, ["m", "n", "m"]);
        }
        let all = running.all();
        assert_eq!(all.len(), 1);
        running.kill("nosuch");
        assert!(!first.is_killed() && !before.is_given_up());
        running.kill(&all[0].hash);
        assert!(first.is_killed() && before.is_given_up());
        first.watch(&behind);
        assert!(behind.is_given_up(), "what is asked after the end");
        assert!(!second.is_killed());
        drop(one);
        assert_eq!(running.all().len(), 0);
    }

    #[test]
    fn the_list_has_an_end() {
        let running = Running::default();
        let kill = Arc::new(Kill::default());
        let long = "x".repeat(QUERY_BYTES_MAX + 1);
        let all: Vec<Listing> = (0..LISTED_MAX + 5)
            .map(|_| running.begin("m", long.as_bytes(), &kill))
            .collect();
        assert_eq!(running.all().len(), LISTED_MAX);
        assert!(running.all()[0].json.is_none());
        drop(all);
        assert_eq!(running.all().len(), 0);
    }
}
