//! All shards, as the HTTP server of one asks them.
//!
//! A question has a ticket; its answers come by mail, in any order, and are given in the order of
//! the shards. A question that is given up, because its time is over or its connection closed, is
//! taken back everywhere.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{Future, poll_fn, ready};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::clock;
use super::driver::Driver;
use super::errands::Errands;
use super::post::Counter;
use super::stop::Life;
use super::timer::Sleep;
use super::turn;
use crate::base::time::Millis;
use crate::http::{Deletion, Errand, Fleet, Local, Made, Sender, Unstored};
use crate::model::refusal::Protocol;
use crate::model::sample::Samples;
use crate::query::error::QueryError;
use crate::query::plan::{Plan, Purse};
use crate::query::scan::Partial;
use crate::seam::{Clock, Post};
use crate::shard::Shard;
use crate::shard::mail::{Mail, Reply};
use crate::shard::vitals::{Told, Vitals};
use crate::store::control::{Control, ControlRefused, Entry};
use crate::store::log::TicketState;
use crate::store::manifest::Refused;
use crate::wire::familiar::Familiar;

/// How long counters may take.
const DESCRIBE_MILLIS_MAX: u64 = 5_000;

/// What a sender is told whose points are not even taken.
const BLOCKED: &str =
    "the disk does not keep up, or is full, so not all points were stored: send them again later";
/// What a sender is told whose points are taken but not on the disk.
const UNWRITTEN: &str = "the disk is full or failing, so the points may not be stored: send them again \
                         later, which does no harm; see the log of the appliance";

/// How long it may take until everything is written out.
const SETTLE_MILLIS_MAX: u64 = 600_000;

/// How long each step of a delete may take: freezing what is open, writing the manifest, telling all.
const DELETE_MILLIS_MAX: u64 = 30_000;

/// Why a delete was not taken, or only in part.
fn undeleted(refused: Refused) -> QueryError {
    match refused {
        Refused::Busy => QueryError::Busy,
        refused => QueryError::Limit(format!(
            "the delete was refused: {refused}; name many series in one call instead of one in each of many"
        )),
    }
}

/// How long it may take until what was told is durable, and until all know it.
const RECORD_MILLIS_MAX: u64 = 30_000;

/// Why what was told was not taken.
fn unrecorded(refused: ControlRefused) -> QueryError {
    match refused {
        ControlRefused::Busy => QueryError::Busy,
        ControlRefused::Full => QueryError::Full("so this is not kept for sure"),
        refused => QueryError::Limit(refused.to_string()),
    }
}

/// Questions that wait for their answers.
#[derive(Default)]
pub(super) struct Tickets {
    next: Cell<u64>,
    open: RefCell<HashMap<u64, Question>>,
}

struct Question {
    answers: Vec<Option<Reply>>,
    missing: usize,
    waker: Option<Waker>,
}

impl Tickets {
    /// Hand an answer to whoever waits for it; nobody waits for one that was given up.
    pub(super) fn answer(&self, from: usize, ticket: u64, reply: Reply) {
        let mut open = self.open.borrow_mut();
        let Some(question) = open.get_mut(&ticket) else {
            return;
        };
        let Some(place) = question.answers.get_mut(from) else {
            return;
        };
        let failed = matches!(reply, Reply::Part(Err(_)));
        if place.replace(reply).is_none() {
            question.missing -= 1;
        }
        if (failed || question.missing == 0)
            && let Some(waker) = question.waker.take()
        {
            waker.wake();
        }
    }

    fn open(&self, shards: usize) -> u64 {
        let ticket = self.next.get();
        self.next.set(ticket + 1);
        let question = Question {
            answers: (0..shards).map(|_| None).collect(),
            missing: shards,
            waker: None,
        };
        self.open.borrow_mut().insert(ticket, question);
        ticket
    }

    /// The first error at once, or all answers when they are complete.
    fn poll(&self, ticket: u64, waker: &Waker) -> Poll<Result<Vec<Reply>, QueryError>> {
        let mut open = self.open.borrow_mut();
        let Some(question) = open.get_mut(&ticket) else {
            return Poll::Ready(Err(QueryError::Busy));
        };
        let error = question.answers.iter().find_map(|answer| match answer {
            Some(Reply::Part(Err(error))) => Some(error.clone()),
            _ => None,
        });
        if let Some(error) = error {
            return Poll::Ready(Err(error));
        }
        if question.missing > 0 {
            question.waker = Some(waker.clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(question.answers.drain(..).flatten().collect()))
    }
}

/// A question on its way; dropping it takes it back from the shards that have not answered.
struct Asked<'a> {
    fleet: &'a ShardFleet,
    ticket: u64,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let closed = self.fleet.tickets.open.borrow_mut().remove(&self.ticket);
        let Some(question) = closed else { return };
        let (from, ticket) = (self.fleet.shard, self.ticket);
        for (to, answer) in question.answers.iter().enumerate() {
            if answer.is_none() {
                // A box that is full loses this: then the answer comes, and is dropped.
                let _ = self.fleet.counter.send(to, Mail::Forget { from, ticket });
            }
        }
    }
}

/// However a question ends, no shard need scan for it any longer, even one whose box is too full to
/// be told.
struct Asking(Arc<Purse>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// The fleet as one shard sees it.
pub(super) struct ShardFleet {
    pub(super) shard: usize,
    pub(super) counter: Counter,
    pub(super) tickets: Rc<Tickets>,
    pub(super) life: Arc<Life>,
    pub(super) driver: Driver,
    pub(super) errands: Errands,
    pub(super) familiar: RefCell<Familiar>,
    /// Senders so far.
    pub(super) senders: Cell<u64>,
    /// Questions that are answered now, other than points.
    pub(super) questions: Cell<usize>,
}

/// A question that is answered, counted while this is held.
pub(super) struct Questioned<'a>(&'a ShardFleet);

impl Drop for Questioned<'_> {
    fn drop(&mut self) {
        self.0.questions.set(self.0.questions.get() - 1);
    }
}

/// Done.
struct AtOnce;

impl Future for AtOnce {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

impl ShardFleet {
    /// A question is answered, as long as what this gives is held.
    pub(super) fn questioned(&self) -> Questioned<'_> {
        self.questions.set(self.questions.get() + 1);
        Questioned(self)
    }

    async fn ask_all(
        &self,
        millis_max: u64,
        mail: impl Fn(u64) -> Mail,
    ) -> Result<Vec<Reply>, QueryError> {
        self.ask_first(self.counter.shards(), millis_max, mail)
            .await
    }

    /// Ask the first so many shards.
    async fn ask_first(
        &self,
        shards: usize,
        millis_max: u64,
        mail: impl Fn(u64) -> Mail,
    ) -> Result<Vec<Reply>, QueryError> {
        let ticket = self.tickets.open(shards);
        let _asked = Asked {
            fleet: self,
            ticket,
        };
        for to in 0..shards {
            self.counter
                .send(to, mail(ticket))
                .map_err(|_| QueryError::Busy)?;
        }
        let mut sleep = Sleep::over(Duration::from_millis(millis_max));
        poll_fn(|context| {
            if let Poll::Ready(answers) = self.tickets.poll(ticket, context.waker()) {
                return Poll::Ready(answers);
            }
            Pin::new(&mut sleep)
                .poll(context)
                .map(|()| Err(QueryError::Timeout(millis_max)))
        })
        .await
    }
}

impl Fleet for ShardFleet {
    fn ask(&self, plan: Plan) -> Local<'_, Result<Vec<Partial>, QueryError>> {
        Box::pin(async move {
            let from = self.shard;
            let _asking = Asking(Arc::clone(&plan.purse));
            let now = self.driver.clock().look().stamp;
            let ask = |ticket| Mail::Scan {
                from,
                ticket,
                plan: plan.clone(),
                now,
            };
            let replies = self.ask_all(plan.limits.millis_max, ask).await?;
            let parts = replies.into_iter().map(|reply| match reply {
                Reply::Part(part) => part,
                _ => Err(QueryError::Busy),
            });
            parts.collect()
        })
    }

    fn sender(&self) -> Sender {
        self.senders.set(self.senders.get() + 1);
        Sender(self.senders.get())
    }

    fn ingest(
        &self,
        sender: Sender,
        protocol: Protocol,
        text: &[u8],
        samples: &mut Samples,
    ) -> Local<'_, Result<(), Unstored>> {
        if self.driver.shard().borrow().is_blocked() {
            samples.clear();
            return Box::pin(ready(Err(Unstored::Later(BLOCKED.to_owned()))));
        }
        let at = self.driver.clock().arrival();
        let mut shard = self.driver.shard().borrow_mut();
        let (ticket, refused) = shard.take_samples(protocol, text, samples, at);
        drop(shard);
        self.driver.commit(ticket, sender);
        Box::pin(async move {
            let stored = |shard: &mut Shard| match shard.state(ticket) {
                TicketState::Pending => None,
                state => Some(state),
            };
            if self.driver.wait_for(stored).await == TicketState::Failed {
                return Err(Unstored::Later(UNWRITTEN.to_owned()));
            }
            if refused.is_empty() {
                Ok(())
            } else {
                Err(Unstored::Refused(Box::new(refused)))
            }
        })
    }

    fn with_familiar(&self, read: &mut dyn FnMut(&mut Familiar)) {
        read(&mut self.familiar.borrow_mut());
    }

    fn until_roomy(&self, millis_max: u64) -> Local<'_, bool> {
        if !self.driver.shard().borrow().is_blocked() {
            return Box::pin(ready(true));
        }
        Box::pin(async move {
            let roomy = |shard: &mut Shard| (!shard.is_blocked()).then_some(());
            let mut roomy = pin!(self.driver.wait_for(roomy));
            let mut sleep = Sleep::over(Duration::from_millis(millis_max));
            poll_fn(|context| match roomy.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(true),
                Poll::Pending => Pin::new(&mut sleep).poll(context).map(|()| false),
            })
            .await
        })
    }

    fn delete(&self, deletion: Deletion) -> Local<'_, Result<(), QueryError>> {
        Box::pin(async move {
            let from = self.shard;
            // What has arrived so far must lie apart from what comes behind it.
            let part = |ticket| Mail::Part { from, ticket };
            let parted = self.ask_all(DELETE_MILLIS_MAX, part).await?;
            let stamps = parted.iter().filter_map(|reply| match reply {
                Reply::Parted(stamp) => Some(stamp.0),
                _ => None,
            });
            let tombstones = deletion.tombstones(stamps.max().unwrap_or_default());
            let entomb = |ticket| Mail::Entomb {
                from,
                ticket,
                tombstones: tombstones.clone(),
            };
            let replies = self.ask_first(1, DELETE_MILLIS_MAX, entomb).await?;
            let tombstones = match replies.into_iter().next() {
                Some(Reply::Entombed(Ok(tombstones))) => tombstones,
                Some(Reply::Entombed(Err(refused))) => return Err(undeleted(refused)),
                _ => return Err(QueryError::Busy),
            };
            let wait = |ticket| Mail::Await {
                from,
                ticket,
                tombstones,
                generation: 0,
            };
            self.ask_all(DELETE_MILLIS_MAX, wait).await.map(drop)
        })
    }

    fn record(&self, entry: Entry) -> Local<'_, Result<u64, QueryError>> {
        Box::pin(async move {
            let from = self.shard;
            let record = |ticket| Mail::Record {
                from,
                ticket,
                entry: Box::new(entry.clone()),
            };
            let replies = self.ask_first(1, RECORD_MILLIS_MAX, record).await?;
            let (id, generation) = match replies.into_iter().next() {
                Some(Reply::Recorded(recorded)) => recorded.map_err(unrecorded)?,
                _ => return Err(QueryError::Busy),
            };
            // Whoever is asked next knows it.
            let wait = |ticket| Mail::Await {
                from,
                ticket,
                tombstones: 0,
                generation,
            };
            self.ask_all(RECORD_MILLIS_MAX, wait).await.map(|_| id)
        })
    }

    fn control(&self) -> Arc<Control> {
        Arc::clone(self.driver.shard().borrow().control())
    }

    fn tell(&self, told: Told) {
        self.driver.shard().borrow_mut().tell(told);
    }

    fn describe(&self) -> Local<'_, Result<Vec<Vitals>, QueryError>> {
        Box::pin(async move {
            let from = self.shard;
            let ask = |ticket| Mail::Describe { from, ticket };
            let replies = self.ask_all(DESCRIBE_MILLIS_MAX, ask).await?;
            let all = replies.into_iter().map(|reply| match reply {
                Reply::Vitals(vitals) => Ok(*vitals),
                _ => Err(QueryError::Busy),
            });
            all.collect()
        })
    }

    fn settle(&self, merge: bool) -> Local<'_, Result<(), QueryError>> {
        Box::pin(async move {
            let from = self.shard;
            let ask = |ticket| Mail::Settle {
                from,
                ticket,
                merge,
            };
            let replies = self.ask_all(SETTLE_MILLIS_MAX, ask).await?;
            let is_full = |reply: &Reply| matches!(reply, Reply::Settled(false));
            match replies.iter().any(is_full) {
                true => Err(QueryError::Full("so points stay in memory and in the log")),
                false => Ok(()),
            }
        })
    }

    fn snapshot(&self, name: String) -> Local<'_, Result<Result<String, String>, QueryError>> {
        Box::pin(async move {
            self.settle(false).await?;
            let from = self.shard;
            let ask = |ticket| Mail::Snapshot {
                from,
                ticket,
                name: name.clone(),
            };
            let replies = self.ask_first(1, SETTLE_MILLIS_MAX, ask).await?;
            let made = replies.into_iter().find_map(|reply| match reply {
                Reply::Snapshot(made) => Some(made),
                _ => None,
            });
            let silent = || Err("the keeper of the manifest gave no answer".to_owned());
            Ok(made.unwrap_or_else(silent))
        })
    }

    fn aside(&self, errand: Errand, millis_max: u64) -> Local<'_, Result<Made, QueryError>> {
        Box::pin(async move {
            let mut running = self.errands.run(errand).ok_or(QueryError::Busy)?;
            let mut sleep = Sleep::over(Duration::from_millis(millis_max));
            poll_fn(|context| {
                if let Poll::Ready(made) = Pin::new(&mut running).poll(context) {
                    return Poll::Ready(Ok(made));
                }
                let late = Pin::new(&mut sleep).poll(context);
                late.map(|()| Err(QueryError::Timeout(millis_max)))
            })
            .await
        })
    }

    fn now(&self) -> Millis {
        clock::now()
    }

    fn elapsed(&self) -> Duration {
        clock::elapsed()
    }

    fn breathe(&self) -> Local<'_, ()> {
        // Points give way to answers sooner than to each other.
        let longest = match self.questions.get() {
            0 => self.driver.longest_of_bodies(),
            _ => turn::SHORT,
        };
        match turn::is_over(longest) {
            true => Box::pin(turn::pass()),
            // Of no size, so that it takes no memory.
            false => Box::pin(AtOnce),
        }
    }

    fn recovering(&self) -> bool {
        !self.life.is_recovered()
    }

    fn ready(&self) -> bool {
        self.life.is_ready()
    }
}
