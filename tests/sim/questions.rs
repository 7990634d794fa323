//! What is asked of a world: through the same HTTP layer as in production, and point by point.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use corelane::base::time::{Millis, Stamp};
use corelane::http::{Deletion, Fleet, HttpOptions, Local, Sender, Unstored, answer};
use corelane::model::refusal::Protocol;
use corelane::model::sample::Samples;
use corelane::model::series::{TenantId, Values};
use corelane::query::error::QueryError;
use corelane::query::limits::Limits;
use corelane::query::merge::{Merge, Merged};
use corelane::query::plan::{Plan, Selector, Want};
use corelane::query::scan::Partial;
use corelane::shard::mail::{Mail, Reply};
use corelane::shard::vitals::Vitals;
use corelane::store::control::{Control, Entry};
use corelane::store::log::TicketState;

use crate::traffic::{TEXTS, number_of};
use crate::world::{Inner, World};

/// Points of all series that were asked for, by name and time.
pub(crate) type Told = BTreeMap<(String, i64), f64>;

/// All that is in a range of time.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) points: Told,
    /// Whether a shard says that some are missing.
    pub(crate) damaged: bool,
    /// The clock of arrivals when it was asked.
    pub(crate) now: u64,
}

impl World {
    /// Status and body of a GET.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.ask("GET", path)
    }

    /// Status and body of a request without a body of its own.
    pub(crate) fn ask(&self, method: &str, path: &str) -> (u16, String) {
        let path = path.replace('\'', "%27");
        let request = http::Request::builder().method(method).uri(&path);
        let request = request.body(Bytes::new()).expect("a request");
        let options = HttpOptions::default();
        let fleet = SimulatedFleet {
            inner: self.inner.clone(),
            shard: 0,
        };
        let mut future = Box::pin(answer(request, &fleet, &options));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..1_000_000 {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(response) => {
                    let body = String::from_utf8(response.body().to_vec()).expect("text");
                    return (response.status().as_u16(), body);
                }
                Poll::Pending => self.inner.borrow_mut().step(),
            }
        }
        panic!("no answer to {path}: the shards have come to rest");
    }

    /// Post points to a shard by the door that acknowledges them. What becomes of it is known when the
    /// status is there; all of it is taken when this returns, if anything is.
    pub(crate) fn post(&self, shard: usize, body: String) -> Posted {
        let fleet = SimulatedFleet {
            inner: self.inner.clone(),
            shard,
        };
        let request = http::Request::post("/api/v1/datapoints").body(Bytes::from(body));
        let request = request.expect("a request");
        let mut posted = Posted(Box::pin(async move {
            answer(request, &fleet, &HttpOptions::default())
                .await
                .status()
                .as_u16()
        }));
        let before = self.accepted();
        for _ in 0..100 {
            if posted.status().is_some() || before < self.accepted() {
                break;
            }
        }
        posted
    }

    /// Every point of these series with `from_ms <= time <= until_ms`; none where the disk gives out.
    pub(crate) fn points(&self, names: &[&str], (from_ms, until_ms): (i64, i64)) -> Option<Answer> {
        let selectors = names.iter().map(|&name| Selector::Path(name.to_owned()));
        let want = Want::Points {
            selectors: selectors.collect(),
            from: Millis(from_ms),
            until: Millis(until_ms),
            last_slots: Arc::new([]),
        };
        let mut answer = self.answer(want)?;
        let texts = Want::Points {
            selectors: Arc::new([Selector::Metric {
                name: TEXTS.to_owned(),
                filters: Vec::new(),
            }]),
            from: Millis(from_ms),
            until: Millis(until_ms),
            last_slots: Arc::new([]),
        };
        let texts = self.answer(texts)?;
        answer.damaged |= texts.damaged;
        answer.points.extend(texts.points);
        Some(answer)
    }

    /// All that a question is answered.
    fn answer(&self, want: Want) -> Option<Answer> {
        let plan = Plan::new(TenantId::DEFAULT, want, Limits::default());
        let shards = self.shards();
        let now = self.now();
        let ticket = self.inner.borrow_mut().ask(shards, |ticket| Mail::Scan {
            from: 0,
            ticket,
            plan: plan.clone(),
            now,
        });
        let replies = RefCell::new(None);
        let answered = self.until("all shards have answered", |world| {
            *replies.borrow_mut() = world.inner.borrow_mut().take_answers(ticket);
            replies.borrow().is_some()
        });
        if !answered {
            return None;
        }
        let replies = replies.into_inner().expect("they have answered");
        let parts: Vec<Partial> = replies.into_iter().map(part).collect();
        let damaged = parts.iter().any(|part| match part {
            Partial::Points(found) => found.damaged,
            _ => false,
        });
        let mut merge = Merge::new(&plan, parts);
        let merged = loop {
            if let Some(merged) = merge.step(1_000) {
                break merged.expect("within all limits");
            }
        };
        let Merged::Points(merged) = merged else {
            panic!("points were asked for");
        };
        let mut points = Told::new();
        for series in merged.series {
            let all = series.points.times.iter().zip(&series.points.values);
            for (&time, &value) in all {
                let value = match series.values {
                    Values::Text => number_of(&series.texts[value.to_bits() as usize]),
                    _ => value,
                };
                let twice = points.insert((series.name.clone(), time), value);
                assert_eq!(twice, None, "{} at {time} is told twice", series.name);
            }
        }
        let now = now.0;
        Some(Answer {
            points,
            damaged,
            now,
        })
    }
}

/// A request under way.
pub(crate) struct Posted(Pin<Box<dyn Future<Output = u16>>>);

impl Posted {
    /// The status of the answer, once it is there; not to be asked again then.
    pub(crate) fn status(&mut self) -> Option<u16> {
        let mut context = Context::from_waker(Waker::noop());
        match self.0.as_mut().poll(&mut context) {
            Poll::Ready(status) => Some(status),
            Poll::Pending => None,
        }
    }
}

fn part(reply: Reply) -> Partial {
    match reply {
        Reply::Part(part) => part.expect("within all limits"),
        other => panic!("a scan is answered with a part, not {other:?}"),
    }
}

/// The shards as one of them asks them.
struct SimulatedFleet {
    inner: Rc<RefCell<Inner>>,
    shard: usize,
}

impl SimulatedFleet {
    async fn answers(&self, shards: Option<usize>, mail: impl Fn(u64) -> Mail) -> Vec<Reply> {
        let shards = shards.unwrap_or_else(|| self.inner.borrow().shards());
        let ticket = self.inner.borrow_mut().ask(shards, mail);
        poll_fn(|_| match self.inner.borrow_mut().take_answers(ticket) {
            Some(replies) => Poll::Ready(replies),
            None => Poll::Pending,
        })
        .await
    }
}

impl Fleet for SimulatedFleet {
    fn ask(&self, plan: Plan) -> Local<'_, Result<Vec<Partial>, QueryError>> {
        Box::pin(async move {
            let now = Stamp(self.inner.borrow().clock.stamp);
            let scan = |ticket| Mail::Scan {
                from: 0,
                ticket,
                plan: plan.clone(),
                now,
            };
            let replies = self.answers(None, scan).await;
            Ok(replies.into_iter().map(part).collect())
        })
    }

    fn describe(&self) -> Local<'_, Result<Vec<Vitals>, QueryError>> {
        Box::pin(async move {
            let describe = |ticket| Mail::Describe { from: 0, ticket };
            let replies = self.answers(None, describe).await;
            let vitals = replies.into_iter().map(|reply| match reply {
                Reply::Vitals(vitals) => *vitals,
                other => panic!("a description is answered with vitals, not {other:?}"),
            });
            Ok(vitals.collect())
        })
    }

    fn settle(&self, merge: bool) -> Local<'_, Result<(), QueryError>> {
        Box::pin(async move {
            let settle = |ticket| Mail::Settle {
                from: 0,
                ticket,
                merge,
            };
            self.answers(None, settle).await;
            Ok(())
        })
    }

    fn delete(&self, deletion: Deletion) -> Local<'_, Result<(), QueryError>> {
        Box::pin(async move {
            let part = |ticket| Mail::Part { from: 0, ticket };
            let parted = self.answers(None, part).await;
            let stamps = parted.into_iter().map(|reply| match reply {
                Reply::Parted(stamp) => stamp.0,
                other => panic!("not a stamp: {other:?}"),
            });
            let tombstones = deletion.tombstones(stamps.max().unwrap_or_default());
            let entomb = |ticket| Mail::Entomb {
                from: 0,
                ticket,
                tombstones: tombstones.clone(),
            };
            let tombstones = match self.answers(Some(1), entomb).await.pop() {
                Some(Reply::Entombed(Ok(tombstones))) => tombstones,
                other => panic!("it is not taken: {other:?}"),
            };
            let wait = |ticket| Mail::Await {
                from: 0,
                ticket,
                tombstones,
                generation: 0,
            };
            self.answers(None, wait).await;
            Ok(())
        })
    }

    fn record(&self, entry: Entry) -> Local<'_, Result<u64, QueryError>> {
        Box::pin(async move {
            let record = |ticket| Mail::Record {
                from: 0,
                ticket,
                entry: Box::new(entry.clone()),
            };
            let (id, generation) = match self.answers(Some(1), record).await.pop() {
                Some(Reply::Recorded(Ok(recorded))) => recorded,
                other => panic!("it is not taken: {other:?}"),
            };
            let wait = |ticket| Mail::Await {
                from: 0,
                ticket,
                tombstones: 0,
                generation,
            };
            self.answers(None, wait).await;
            Ok(id)
        })
    }

    fn control(&self) -> Arc<Control> {
        self.inner.borrow().control(self.shard)
    }

    fn snapshot(&self, name: String) -> Local<'_, Result<Result<String, String>, QueryError>> {
        Box::pin(async move {
            let snapshot = |ticket| Mail::Snapshot {
                from: 0,
                ticket,
                name: name.clone(),
            };
            match self.answers(Some(1), snapshot).await.pop() {
                Some(Reply::Snapshot(made)) => Ok(made),
                other => panic!("a snapshot is answered with its folder, not {other:?}"),
            }
        })
    }

    fn ingest(
        &self,
        _sender: Sender,
        protocol: Protocol,
        text: &[u8],
        samples: &mut Samples,
    ) -> Local<'_, Result<(), Unstored>> {
        let later = |told: &str| Unstored::Later(told.to_owned());
        let mut inner = self.inner.borrow_mut();
        let taken = inner.ingest(self.shard, protocol, text, samples);
        drop(inner);
        let Some(ticket) = taken else {
            return Box::pin(std::future::ready(Err(later("blocked"))));
        };
        Box::pin(poll_fn(move |_| {
            match self.inner.borrow().state(self.shard, ticket) {
                TicketState::Pending => Poll::Pending,
                TicketState::Committed => Poll::Ready(Ok(())),
                TicketState::Failed => Poll::Ready(Err(later("the disk does not take it"))),
            }
        }))
    }

    fn now(&self) -> Millis {
        Millis(self.inner.borrow().clock.wall_ms)
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn breathe(&self) -> Local<'_, ()> {
        let mut breathed = false;
        Box::pin(poll_fn(move |_| {
            if std::mem::replace(&mut breathed, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }))
    }

    fn ready(&self) -> bool {
        true
    }
}
