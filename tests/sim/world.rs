//! Shards, their mail and their callers, one step at a time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use corelane::base::buffer::ReadBuffer;
use corelane::base::random::Random;
use corelane::base::time::{Arrival, Millis, Stamp, Step};
use corelane::http::{Fleet, HttpOptions, Local, Unstored, answer};
use corelane::index::Bounds;
use corelane::model::refusal::Protocol;
use corelane::model::sample::{Samples, TimeRule};
use corelane::model::series::{SeriesName, TenantId};
use corelane::query::error::QueryError;
use corelane::query::plan::Plan;
use corelane::query::scan::Partial;
use corelane::seam::Post;
use corelane::shard::feed::Feed;
use corelane::shard::mail::{Mail, Reply};
use corelane::shard::sources::Source;
use corelane::shard::vitals::Vitals;
use corelane::shard::{Options, Shard};
use corelane::simd::Isa;
use corelane::store::head;

use crate::arrivals::{Read, START_S};

/// The appliance: everything that happens in it is one of a few steps, chosen by the seed.
pub(crate) struct World {
    inner: Rc<RefCell<Inner>>,
    buffer: ReadBuffer,
    feeds: Vec<Feed>,
}

struct Inner {
    random: Random,
    shards: Vec<Shard>,
    /// Mail under way; any of it may arrive next.
    under_way: Vec<(usize, Mail)>,
    /// Answers by ticket, one place a shard.
    answers: HashMap<u64, Vec<Option<Reply>>>,
    next_ticket: u64,
}

impl World {
    pub(crate) fn new(seed: u64, shards: usize) -> World {
        let shard = |number| {
            Shard::new(
                number,
                Options {
                    line_bytes_max: 64 * 1024,
                    frame_bytes_max: 1 << 24,
                    buffered_bytes_max: 1 << 24,
                    times: TimeRule::default(),
                    index: Bounds::series(10_000),
                    head: head::Options {
                        bytes_max: 64 << 20,
                        windows_max: 4096,
                        window: Step::from_millis(300_000).expect("positive"),
                    },
                    rollup_step: Step::MINUTE,
                    seed: 99,
                    isa: Isa::available()[0],
                },
            )
        };
        let inner = Inner {
            random: Random::new(seed ^ 0x5eed),
            shards: (0..shards).map(shard).collect(),
            under_way: Vec::new(),
            answers: HashMap::new(),
            next_ticket: 0,
        };
        World {
            inner: Rc::new(RefCell::new(inner)),
            buffer: ReadBuffer::default(),
            feeds: (0..shards)
                .map(|_| Feed::new(Protocol::Graphite, Source::default()))
                .collect(),
        }
    }

    /// A read arrives at a shard.
    pub(crate) fn receive(&mut self, shard: usize, read: &Read) {
        let at = Arrival {
            now: Millis((START_S + 86_400) * 1000),
            stamp: Stamp(read.stamp),
        };
        self.buffer.read_area()[..read.text.len()].copy_from_slice(&read.text);
        let inner = &mut *self.inner.borrow_mut();
        inner.shards[shard].take(
            &mut self.feeds[shard],
            &mut self.buffer,
            read.text.len(),
            at,
        );
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.inner.borrow().shards.iter().map(Shard::accepted).sum()
    }

    /// Start second, count and sum of a series' previous and open cell on shard 0.
    pub(crate) fn cells(&self, name: &str) -> Vec<(i64, u64, f64)> {
        let name = SeriesName::from_text(name).expect("a canonical text");
        let cells = self.inner.borrow().shards[0].recent_cells(TenantId::DEFAULT, &name);
        let cells = cells.into_iter().flatten().flatten();
        cells
            .map(|cell| (cell.start.seconds(), cell.of.count, cell.of.sum()))
            .collect()
    }

    /// Status and body of a GET.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let path = path.replace('\'', "%27");
        let request = http::Request::get(&path)
            .body(Bytes::new())
            .expect("a request");
        let options = HttpOptions::default();
        let fleet = SimulatedFleet(self.inner.clone());
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
}

impl Inner {
    /// One thing happens somewhere.
    fn step(&mut self) {
        if !self.under_way.is_empty() && self.random.chance(50) {
            let which = self.random.below(self.under_way.len() as u64) as usize;
            let (to, mail) = self.under_way.swap_remove(which);
            match mail {
                Mail::Answer {
                    from,
                    ticket,
                    reply,
                } => {
                    if let Some(places) = self.answers.get_mut(&ticket) {
                        places[from] = Some(reply);
                    }
                }
                mail => self.shards[to].open_mail(mail),
            }
        } else {
            let shard = self.random.below(self.shards.len() as u64) as usize;
            let post = Postbag {
                shards: self.shards.len(),
                mail: RefCell::default(),
            };
            self.shards[shard].work(&post);
            self.under_way.extend(post.mail.into_inner());
        }
    }

    fn ask_all(&mut self, mail: impl Fn(u64) -> Mail) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.answers
            .insert(ticket, self.shards.iter().map(|_| None).collect());
        let to_all = (0..self.shards.len()).map(|to| (to, mail(ticket)));
        self.under_way.extend(to_all);
        ticket
    }

    fn take_answers(&mut self, ticket: u64) -> Option<Vec<Reply>> {
        let all = self
            .answers
            .get(&ticket)
            .is_some_and(|places| places.iter().all(Option::is_some));
        all.then(|| {
            self.answers
                .remove(&ticket)
                .unwrap_or_default()
                .into_iter()
                .flatten()
                .collect()
        })
    }
}

/// Takes mail in; what happens to it is for the world to choose.
struct Postbag {
    shards: usize,
    mail: RefCell<Vec<(usize, Mail)>>,
}

impl Post<Mail> for Postbag {
    fn shards(&self) -> usize {
        self.shards
    }

    fn send(&self, to: usize, mail: Mail) -> Result<(), Mail> {
        self.mail.borrow_mut().push((to, mail));
        Ok(())
    }
}

struct SimulatedFleet(Rc<RefCell<Inner>>);

impl SimulatedFleet {
    async fn answers(&self, ticket: u64) -> Vec<Reply> {
        poll_fn(|_| match self.0.borrow_mut().take_answers(ticket) {
            Some(replies) => Poll::Ready(replies),
            None => Poll::Pending,
        })
        .await
    }
}

impl Fleet for SimulatedFleet {
    fn ask(&self, plan: Plan) -> Local<'_, Result<Vec<Partial>, QueryError>> {
        let ticket = self.0.borrow_mut().ask_all(|ticket| Mail::Scan {
            from: 0,
            ticket,
            plan: plan.clone(),
        });
        Box::pin(async move {
            let parts = self
                .answers(ticket)
                .await
                .into_iter()
                .map(|reply| match reply {
                    Reply::Part(part) => part,
                    Reply::Vitals(_) => unreachable!("a scan is answered with a part"),
                });
            parts.collect()
        })
    }

    fn ingest(
        &self,
        _protocol: Protocol,
        _text: &[u8],
        samples: &mut Samples,
    ) -> Local<'_, Result<(), Unstored>> {
        samples.clear();
        let told = "nothing is promised here";
        Box::pin(std::future::ready(Err(Unstored::Later(told.to_owned()))))
    }

    fn describe(&self) -> Local<'_, Result<Vec<Vitals>, QueryError>> {
        let ticket = self
            .0
            .borrow_mut()
            .ask_all(|ticket| Mail::Describe { from: 0, ticket });
        Box::pin(async move {
            let vitals = self
                .answers(ticket)
                .await
                .into_iter()
                .map(|reply| match reply {
                    Reply::Vitals(vitals) => *vitals,
                    Reply::Part(_) => unreachable!("a description is answered with vitals"),
                });
            Ok(vitals.collect())
        })
    }

    fn now(&self) -> Millis {
        Millis((START_S + 86_400) * 1000)
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
