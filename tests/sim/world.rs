//! Shards, their mail, their disk and their clock, one step at a time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use corelane::base::buffer::ReadBuffer;
use corelane::base::random::Random;
use corelane::base::time::{Arrival, Millis, Stamp};
use corelane::index::Bounds;
use corelane::model::refusal::Protocol;
use corelane::model::sample::{Samples, TimeRule};
use corelane::query::result_cache;
use corelane::seam::Post;
use corelane::shard::feed::Feed;
use corelane::shard::mail::{Mail, Reply};
use corelane::shard::sources::Source;
use corelane::shard::{Options, Part, Progress, Shard};
use corelane::simd::Isa;
use corelane::store::control::Control;
use corelane::store::log::{Ticket, TicketState};
use corelane::store::{self, recover};
use corelane::wire::kairos_telnet;

use crate::arrivals::{Read, START_S};
use crate::disk::SimDisk;

/// Steps after which an appliance that has not come to what is waited for never will.
const STEPS_MAX: usize = 400_000;

/// What the clocks of a machine say. They go on while no appliance runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Order of arrivals, microseconds.
    pub(crate) stamp: u64,
    /// The wall clock, which may be set, milliseconds.
    pub(crate) wall_ms: i64,
}

impl Clock {
    /// A day after the first data.
    pub(crate) fn new() -> Clock {
        Clock {
            stamp: 1,
            wall_ms: (START_S + 86_400) * 1000,
        }
    }
}

/// The appliance: everything that happens in it is one of a few steps, chosen by the seed.
pub(crate) struct World {
    pub(crate) inner: Rc<RefCell<Inner>>,
    /// What the start told of ends of files that count for nothing.
    pub(crate) ends: Vec<String>,
    buffer: ReadBuffer,
    feeds: Vec<Feed>,
}

pub(crate) struct Inner {
    random: Random,
    shards: Vec<Shard>,
    disk: Rc<SimDisk>,
    pub(crate) clock: Clock,
    /// Mail under way, from whom and to whom. What goes the same way keeps its order; else any of it may
    /// arrive next.
    mail: Vec<(usize, usize, Mail)>,
    /// Answers by ticket, one place for each shard that was asked.
    answers: HashMap<u64, Vec<Option<Reply>>>,
    next_ticket: u64,
    /// What the shards had to say.
    troubles: Vec<String>,
}

/// What every shard of a test is told, but for its store.
fn options(store: store::Options) -> Options {
    Options {
        line_bytes_max: 64 * 1024,
        frame_bytes_max: 1 << 24,
        buffered_bytes_max: 1 << 24,
        times: TimeRule::default(),
        telnet: kairos_telnet::Options::default(),
        index: Bounds::series(10_000),
        store,
        results: result_cache::Options {
            bytes_max: 1 << 20,
            points_min: 0,
        },
        seed: 99,
        isa: Isa::available()[0],
    }
}

impl World {
    /// A new appliance on a disk of its own that never fails.
    pub(crate) fn new(seed: u64, shards: usize) -> World {
        let store = store::Options {
            window: corelane::base::time::Step::from_millis(300_000).expect("positive"),
            head_bytes_max: 64 << 20,
            log_file_bytes: 1 << 20,
            ..store::Options::default()
        };
        let disk = Rc::new(SimDisk::new(seed));
        let (world, _) = World::open(seed, disk, shards, store, Clock::new())
            .expect("an empty disk without faults");
        world
    }

    /// An appliance on what the disk holds, and what it has to say of it.
    pub(crate) fn open(
        seed: u64,
        disk: Rc<SimDisk>,
        shards: usize,
        store: store::Options,
        mut clock: Clock,
    ) -> Result<(World, Vec<String>), recover::RecoverError> {
        let mut found = recover::open(&*disk, shards)?;
        clock.stamp = clock.stamp.max(found.highest.0 + 1);
        let mut all = Vec::new();
        for number in 0..shards {
            let start = found.starts.remove(&number).expect("one for each shard");
            all.push(Shard::new(options(store), start, &*disk)?);
        }
        let inner = Inner {
            random: Random::new(seed ^ 0x5eed),
            shards: all,
            disk,
            clock,
            mail: Vec::new(),
            answers: HashMap::new(),
            next_ticket: 0,
            troubles: Vec::new(),
        };
        let world = World {
            inner: Rc::new(RefCell::new(inner)),
            ends: found.ends,
            buffer: ReadBuffer::default(),
            feeds: (0..shards)
                .map(|_| Feed::new(Protocol::Graphite, Source::default()))
                .collect(),
        };
        Ok((world, found.notes))
    }

    /// A read arrives at a shard, not before its stamp.
    pub(crate) fn receive(&mut self, shard: usize, read: &Read) {
        {
            let clock = &mut self.inner.borrow_mut().clock;
            clock.stamp = clock.stamp.max(read.stamp);
        }
        self.take(shard, &read.text);
    }

    /// A read arrives at a shard now.
    pub(crate) fn take(&mut self, shard: usize, text: &[u8]) {
        self.buffer.read_area()[..text.len()].copy_from_slice(text);
        let inner = &mut *self.inner.borrow_mut();
        inner.clock.stamp += 1;
        let at = inner.arrival();
        inner.shards[shard].take(&mut self.feeds[shard], &mut self.buffer, text.len(), at);
    }

    /// The clock of arrivals.
    pub(crate) fn now(&self) -> Stamp {
        Stamp(self.inner.borrow().clock.stamp)
    }

    /// Points that were decoded already arrive at a shard. The stamp of their arrival.
    pub(crate) fn take_samples(&self, shard: usize, text: &[u8], samples: &mut Samples) -> u64 {
        let mut inner = self.inner.borrow_mut();
        inner.ingest(shard, Protocol::KairosRest, text, samples);
        inner.clock.stamp
    }

    pub(crate) fn shards(&self) -> usize {
        self.feeds.len()
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.inner.borrow().shards.iter().map(Shard::accepted).sum()
    }

    /// Lines that were refused.
    pub(crate) fn refused(&self) -> u64 {
        let inner = self.inner.borrow();
        let vitals = inner.shards.iter().map(Shard::describe);
        vitals
            .flat_map(|vitals| vitals.refused.map(|refused| refused.total()))
            .sum()
    }

    pub(crate) fn is_blocked(&self, shard: usize) -> bool {
        self.inner.borrow().shards[shard].is_blocked()
    }

    pub(crate) fn is_recovering(&self) -> bool {
        let inner = self.inner.borrow();
        inner.shards.iter().any(Shard::is_recovering)
    }

    pub(crate) fn ticket(&self, shard: usize) -> Ticket {
        self.inner.borrow_mut().shards[shard].ticket()
    }

    pub(crate) fn state(&self, shard: usize, ticket: Ticket) -> TicketState {
        self.inner.borrow().state(shard, ticket)
    }

    pub(crate) fn take_troubles(&self) -> Vec<String> {
        std::mem::take(&mut self.inner.borrow_mut().troubles)
    }

    /// So many things happen.
    pub(crate) fn run(&self, steps: u64) {
        let mut inner = self.inner.borrow_mut();
        (0..steps).for_each(|_| inner.step());
    }

    /// So much time goes by, and the wall clock besides by so much more or less. Each shard looks at the
    /// clock then, as one does each second: what is asked of it next is not answered by an old time.
    pub(crate) fn pass(&self, micros: u64, jump_ms: i64) {
        let mut inner = self.inner.borrow_mut();
        inner.clock.stamp += micros;
        inner.clock.wall_ms += micros as i64 / 1000 + jump_ms;
        (0..inner.shards.len()).for_each(|number| inner.pump(number));
    }

    /// Go on until it is so; false where the disk gives out before.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&World) -> bool) -> bool {
        for _ in 0..STEPS_MAX {
            if is_so(self) {
                return true;
            }
            if self.inner.borrow().disk.is_out() {
                return false;
            }
            self.inner.borrow_mut().step();
        }
        let troubles = self.take_troubles();
        let inner = self.inner.borrow();
        let stores: Vec<_> = inner
            .shards
            .iter()
            .map(|shard| shard.describe().store)
            .collect();
        let mail = inner.mail.len();
        panic!("it never comes to this: {what}; {mail} letters, {troubles:?}, {stores:#?}");
    }

    /// Have everything written into segments, and merged where that is said; false where the disk gives
    /// out.
    pub(crate) fn settle(&self, merge: bool) -> bool {
        loop {
            let shards = self.shards();
            let ticket = self.inner.borrow_mut().ask(shards, |ticket| Mail::Settle {
                from: 0,
                ticket,
                merge,
            });
            let done = self.until("all is settled", |world| {
                world.inner.borrow().is_answered(ticket)
            });
            let replies = self.inner.borrow_mut().answers.remove(&ticket);
            // A write that found no room may have been under way.
            let is_full = |reply: &Option<Reply>| matches!(reply, Some(Reply::Settled(false)));
            if !replies.is_some_and(|replies| replies.iter().any(is_full)) {
                return done;
            }
        }
    }

    /// The process ends; what the clocks say then.
    pub(crate) fn end(self) -> Clock {
        self.inner.borrow().clock
    }
}

impl Inner {
    fn arrival(&self) -> Arrival {
        Arrival {
            now: Millis(self.clock.wall_ms),
            stamp: Stamp(self.clock.stamp),
        }
    }

    /// One thing happens somewhere.
    pub(crate) fn step(&mut self) {
        self.clock.stamp += self.random.below(200);
        let chance = self.random.below(100);
        if chance < 35 && !self.mail.is_empty() {
            self.deliver();
        } else if chance < 65 && self.disk.in_flight() > 0 {
            self.complete();
        } else {
            let shard = self.random.below(self.shards.len() as u64) as usize;
            let progress = self.work(shard);
            let is_idle = progress == [Progress::Idle; 2];
            if is_idle && self.mail.is_empty() && self.disk.in_flight() == 0 {
                // Nothing but time makes a difference.
                self.clock.stamp += 5_000;
            }
        }
    }

    fn deliver(&mut self) {
        let which = self.random.below(self.mail.len() as u64) as usize;
        let way = |(from, to, _): &(usize, usize, Mail)| (*from, *to);
        let chosen = way(&self.mail[which]);
        let first = self.mail.iter().position(|mail| way(mail) == chosen);
        let (_, to, mail) = self.mail.remove(first.unwrap_or(which));
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
    }

    fn complete(&mut self) {
        if let Some(done) = self.disk.complete() {
            self.shards[done.shard].disk_done(done.job, done.result);
            self.pump(done.shard);
        }
    }

    /// As each core does it: work, then begin what is due.
    fn work(&mut self, shard: usize) -> [Progress; 2] {
        let post = Postbag {
            shards: self.shards.len(),
            mail: RefCell::default(),
        };
        let mut parts = Part::ALL;
        if self.random.chance(50) {
            parts.reverse();
        }
        let progress = parts.map(|part| self.shards[shard].work(part, &post));
        let sent = post.mail.into_inner().into_iter();
        self.mail.extend(sent.map(|(to, mail)| (shard, to, mail)));
        self.pump(shard);
        self.troubles.extend(self.shards[shard].take_troubles());
        progress
    }

    fn pump(&mut self, number: usize) {
        let now = self.arrival();
        let shard = &mut self.shards[number];
        shard.poll(now);
        while let Some((job, request)) = shard.take_job() {
            self.disk.start(number, job, request);
        }
    }

    /// Mail to the first so many shards, who will answer under the ticket.
    pub(crate) fn ask(&mut self, shards: usize, mail: impl Fn(u64) -> Mail) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.answers
            .insert(ticket, (0..shards).map(|_| None).collect());
        self.mail
            .extend((0..shards).map(|to| (0, to, mail(ticket))));
        ticket
    }

    pub(crate) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Points that somebody waits for; none are taken where the shard takes no more.
    pub(crate) fn ingest(
        &mut self,
        shard: usize,
        protocol: Protocol,
        text: &[u8],
        samples: &mut Samples,
    ) -> Option<Ticket> {
        if self.shards[shard].is_blocked() {
            samples.clear();
            return None;
        }
        self.clock.stamp += 1;
        let at = self.arrival();
        let (ticket, _) = self.shards[shard].take_samples(protocol, text, samples, at);
        self.shards[shard].ticket();
        self.pump(shard);
        Some(ticket)
    }

    pub(crate) fn state(&self, shard: usize, ticket: Ticket) -> TicketState {
        self.shards[shard].state(ticket)
    }

    pub(crate) fn control(&self, shard: usize) -> Arc<Control> {
        Arc::clone(self.shards[shard].control())
    }

    fn is_answered(&self, ticket: u64) -> bool {
        let places = self.answers.get(&ticket);
        places.is_some_and(|places| places.iter().all(Option::is_some))
    }

    pub(crate) fn take_answers(&mut self, ticket: u64) -> Option<Vec<Reply>> {
        if !self.is_answered(ticket) {
            return None;
        }
        let places = self.answers.remove(&ticket)?;
        Some(places.into_iter().flatten().collect())
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
