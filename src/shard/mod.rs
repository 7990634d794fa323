//! One core's worth of corelane: an ordinary struct without locks, because only its core touches
//! it. Events in, values out; `rt` drives it on glommio, the simulator on a seed.
#![forbid(unsafe_code)]

pub mod feed;
mod ingest;
pub mod keeper;
mod landing;
pub mod mail;
pub mod sources;
pub mod vitals;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use crate::access::Gate;
use crate::base::time::{Arrival, Stamp};
use crate::index::{self, Follow, Index};
use crate::model::refusal::Protocol;
use crate::model::sample::{Samples, TimeRule};
use crate::model::series::SeriesId;
use crate::query::error::QueryError;
use crate::query::result_cache::{self, ResultCache};
use crate::query::scan::{Scan, Step};
use crate::seam::disk::{Fault, Job, Outcome, Request};
use crate::seam::{Disk, Post};
use crate::simd::{Isa, Scanner};
use crate::store::control::{self, Control};
use crate::store::definition::Definition;
use crate::store::manifest::{Edit, Version};
use crate::store::recover::{RecoverError, Start};
use crate::store::{self, Standing, Store, Wish, log};
use crate::wire::carbon_tags::TagParser;
use crate::wire::carbon_tags::typed::Typed;
use crate::wire::familiar::Familiar;
use crate::wire::{graphite, kairos_telnet, pickle};
use feed::Feed;
use keeper::Keeper;
use landing::Landing;
use mail::{Mail, Reply};
use sources::{Load, Sources};
use vitals::Vitals;

/// Scans that one shard has under way; one more is answered with [`QueryError::Busy`].
pub const SCANS_MAX: usize = 1024;

/// Points that one slice of a scan reads: about 100 µs.
const SLICE_POINTS: usize = 10_000;

/// What a shard is told once.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Longest line, without its newline.
    pub line_bytes_max: usize,
    /// Longest frame, without its header.
    pub frame_bytes_max: usize,
    /// Bytes of memory that all stream connections together may leave unfinished between two reads.
    pub buffered_bytes_max: usize,
    /// Which timestamps may stand.
    pub times: TimeRule,
    /// What KairosDB's lines may be.
    pub telnet: kairos_telnet::Options,
    /// Bounds of the index.
    pub index: index::Bounds,
    /// Bounds and rhythms of the store.
    pub store: store::Options,
    /// Bounds of the results that are kept for later questions.
    pub results: result_cache::Options,
    /// Seed of the hash; the same for all shards of an appliance, for ever.
    pub seed: u64,
    /// Instruction set for finding separators.
    pub isa: Isa,
}

/// What a slice of [`Shard::work`] is spent on. Each part may run beside the other, and has its own share
/// of the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Scans that began a moment ago: most are over before they are anything else.
    Answers,
    /// Scans that take longer, points on their way to files, the order of these, the log's replay.
    Rest,
}

impl Part {
    /// Both.
    pub const ALL: [Part; 2] = [Part::Answers, Part::Rest];
}

/// What [`Shard::work`] leaves to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing.
    Idle,
    /// Another slice.
    More,
    /// An answer whose box is full; try again in a while.
    Blocked,
}

/// A scan under way, and who waits for it.
struct Running {
    from: usize,
    ticket: u64,
    scan: Scan,
    /// Slices that it has used up; a look at what the disk has not brought yet is none.
    slices: u32,
    /// For the disk.
    waits: bool,
}

/// Slices, of 100 µs at most, after which a scan is one of [`Part::Rest`]: who asks for much does not keep
/// those waiting who send points. An hour of a thousand series, which is 360 slices, is below it: that is
/// what a panel of a dashboard asks for, and its others would wait behind it.
const SLICES_MAX: u32 = 600;

impl Running {
    fn is_of(&self, part: Part) -> bool {
        (self.slices < SLICES_MAX) == (part == Part::Answers)
    }
}

/// The shard that keeps the manifest.
const KEEPER: usize = 0;

/// Make a series known that was known before.
fn restore(index: &mut Index, definition: &Definition) -> Option<SeriesId> {
    let variant = definition.properties.variant();
    index.restore(definition.tenant, &definition.name, variant)
}

/// One shard.
pub struct Shard {
    /// Its number, 0 first.
    pub number: usize,
    options: Options,
    lines: graphite::Decoder,
    commands: kairos_telnet::Decoder,
    frames: pickle::Decoder,
    samples: Samples,
    landing: Landing,
    datagram_follow: Follow,
    samples_follow: Follow,
    buffered_bytes: usize,
    sources: Sources,
    scans: VecDeque<Running>,
    results: ResultCache,
    /// See [`Shard::take_handed_on`].
    handed_on: bool,
    outbox: VecDeque<(usize, Mail)>,
    keeper: Option<Keeper>,
    settling: Vec<(usize, u64)>,
    /// Deletes that wait until what is open can be frozen.
    parting: Vec<(usize, u64)>,
    /// Who waits until this shard goes by what they did.
    awaiting: Vec<Awaiting>,
    control: Arc<Control>,
    /// Whether the keeper wants to know the oldest arrival that is held.
    tells_oldest: bool,
}

/// Somebody waits; see [`Mail::Await`].
struct Awaiting {
    from: usize,
    ticket: u64,
    tombstones: u64,
    generation: u64,
}

impl Shard {
    /// A shard with what `start` found of it on the disk. The series that its files know are known when
    /// this returns; the points of its log come back in [`Shard::work`].
    ///
    /// # Errors
    /// What it has written before cannot be read; the text says what to do.
    pub fn new(options: Options, start: Start, disk: &dyn Disk) -> Result<Shard, RecoverError> {
        let number = start.place.shard;
        let Options {
            line_bytes_max,
            frame_bytes_max,
            times,
            telnet,
            seed,
            ..
        } = options;
        let mut index = Index::new(options.seed, options.index);
        let mut start = start;
        let (shards, manifest) = (start.place.shards, start.manifest.take());
        let scrap = std::mem::take(&mut start.scrap);
        let (control, loaded) = (Arc::clone(&start.control), start.loaded.take());
        let store = Store::open(options.store, start, disk, &mut |definition| {
            restore(&mut index, definition)
        })?;
        let mut store = store;
        store.note_deleted(&|identity| index.find(identity));
        index.with_siblings().for_each(|id| store.keep_order(id));
        let told = control::Writer::new(loaded);
        let keeper = |manifest| Keeper::new((manifest, told), options.store, shards, scrap);
        Ok(Shard {
            number,
            options,
            lines: graphite::Decoder::new(
                Scanner::new(options.isa),
                graphite::Options {
                    line_bytes_max,
                    times,
                },
            ),
            commands: kairos_telnet::Decoder::new(Scanner::new(options.isa), telnet, seed),
            frames: pickle::Decoder::new(pickle::Options {
                frame_bytes_max,
                times,
            }),
            samples: Samples::default(),
            landing: Landing {
                gate: Gate::Open,
                index,
                store,
                vitals: Vitals {
                    shard: number,
                    ..Vitals::default()
                },
                ids: Vec::new(),
                parser: None,
                typed: Typed::default(),
            },
            datagram_follow: Follow::default(),
            samples_follow: Follow::default(),
            buffered_bytes: 0,
            sources: Sources::default(),
            scans: VecDeque::new(),
            results: ResultCache::new(options.results),
            handed_on: false,
            outbox: VecDeque::new(),
            keeper: manifest.map(keeper),
            settling: Vec::new(),
            parting: Vec::new(),
            awaiting: Vec::new(),
            control,
            tells_oldest: false,
        })
    }

    /// What is to remember the objects of KairosDB's bodies for this shard.
    pub fn familiar(&self) -> Familiar {
        Familiar::new(Scanner::new(self.options.isa), self.options.seed)
    }

    /// Take the paths of Graphite's doors apart from now on.
    pub fn parse_paths(&mut self, parser: Arc<TagParser>) {
        self.landing.parser = Some(parser);
    }

    /// Open one piece of mail. Answers come out of [`Shard::work`].
    pub fn open_mail(&mut self, mail: Mail) {
        match mail {
            Mail::Scan {
                from,
                ticket,
                plan,
                now,
            } => {
                if SCANS_MAX <= self.scans.len() {
                    self.reply(from, ticket, Reply::Part(Err(QueryError::Busy)));
                } else {
                    self.scans.push_back(Running {
                        from,
                        ticket,
                        scan: Scan::new(plan, now),
                        slices: 0,
                        waits: false,
                    });
                }
            }
            Mail::Describe { from, ticket } => {
                let vitals = Box::new(self.describe());
                self.reply(from, ticket, Reply::Vitals(vitals));
            }
            Mail::Settle {
                from,
                ticket,
                merge,
            } => {
                self.landing.store.settle(merge);
                self.settling.push((from, ticket));
            }
            Mail::Edit { from, edit } => self.edit(from, *edit),
            Mail::Refused(edit) => self.landing.store.refused(&edit),
            Mail::Numbers { from } => self.keep(|keeper| keeper.want_numbers(from)),
            Mail::Given(numbers) => self.landing.store.take_numbers(numbers),
            Mail::Version(version) => self.adopt(&version),
            Mail::Part { from, ticket } => self.parting.push((from, ticket)),
            Mail::Entomb {
                from,
                ticket,
                tombstones,
            } => self.keep(|keeper| keeper.entomb(from, ticket, tombstones)),
            Mail::Await {
                from,
                ticket,
                tombstones,
                generation,
            } => self.awaiting.push(Awaiting {
                from,
                ticket,
                tombstones,
                generation,
            }),
            Mail::Record {
                from,
                ticket,
                entry,
            } => self.keep(|keeper| keeper.record(from, ticket, *entry)),
            Mail::Oldest => self.tells_oldest = true,
            Mail::Holds { from, oldest } => self.keep(|keeper| keeper.held(from, oldest)),
            Mail::Control(control) => self.control = control,
            Mail::Snapshot { from, ticket, name } => {
                self.keep(|keeper| keeper.want_snapshot(from, ticket, &name));
            }
            Mail::Forget { from, ticket } => {
                self.scans
                    .retain(|running| (running.from, running.ticket) != (from, ticket));
                self.parting.retain(|&asker| asker != (from, ticket));
                self.awaiting
                    .retain(|waiting| (waiting.from, waiting.ticket) != (from, ticket));
            }
            // For whoever keeps the tickets: `rt`, or the simulator.
            Mail::Answer { .. } => {}
        }
    }

    /// Only shard 0 is asked what only the keeper can do.
    fn keep(&mut self, act: impl FnOnce(&mut Keeper)) {
        if let Some(keeper) = &mut self.keeper {
            act(keeper);
        }
    }

    fn edit(&mut self, from: usize, edit: Edit) {
        let Some(keeper) = &mut self.keeper else {
            return;
        };
        if let Err(edit) = keeper.edit(edit) {
            self.outbox.push_back((from, Mail::Refused(Box::new(edit))));
        }
    }

    /// Do one slice (about 100 µs) of the scans of this part that are under way, in turn, and, in
    /// [`Part::Rest`], one of what the store has to do in the background; post the letters that are ready. A
    /// letter whose box is full waits here for the next call.
    pub fn work(&mut self, part: Part, post: &impl Post<Mail>) -> Progress {
        let more = match part {
            Part::Answers => self.scan(part),
            Part::Rest => self.recover() | self.scan(part) | self.landing.store.work(),
        };
        self.answer_settled();
        self.answer_waiting();
        if self.tells_oldest
            && let Some(oldest) = self.landing.store.oldest()
        {
            self.tells_oldest = false;
            let from = self.number;
            self.outbox
                .push_back((KEEPER, Mail::Holds { from, oldest }));
        }
        while let Some(wish) = self.landing.store.take_wish() {
            let from = self.number;
            let mail = match wish {
                Wish::Edit(edit) => Mail::Edit {
                    from,
                    edit: Box::new(edit),
                },
                Wish::Numbers => Mail::Numbers { from },
            };
            self.outbox.push_back((KEEPER, mail));
        }
        if let Some(keeper) = &mut self.keeper {
            keeper.letters(&mut self.outbox);
        }
        while let Some((to, mail)) = self.outbox.pop_front() {
            if let Err(mail) = post.send(to, mail) {
                self.outbox.push_front((to, mail));
                break;
            }
        }
        match (more, self.outbox.is_empty()) {
            (true, _) => Progress::More,
            (false, false) => Progress::Blocked,
            (false, true) => Progress::Idle,
        }
    }

    /// Whether nothing else can go on until points are in files, or back from the log.
    pub fn is_pressed(&self) -> bool {
        self.is_recovering() || self.is_blocked()
    }

    /// Whether there are scans under way.
    pub fn is_asked(&self) -> bool {
        !self.scans.is_empty()
    }

    /// Whether a scan has become one of [`Part::Rest`] since the last call.
    pub fn take_handed_on(&mut self) -> bool {
        std::mem::take(&mut self.handed_on)
    }

    /// A slice of the log's replay. True if there is more to do at once.
    fn recover(&mut self) -> bool {
        self.landing.store.is_recovering() && self.landing.store.recover()
    }

    /// A slice of the next scan of `part` that does not wait for the disk. True if there is more to do at
    /// once.
    fn scan(&mut self, part: Part) -> bool {
        let is_next = |running: &Running| !running.waits && running.is_of(part);
        let Some(at) = self.scans.iter().position(is_next) else {
            return false;
        };
        let Some(mut running) = self.scans.remove(at) else {
            return false;
        };
        let Landing { index, store, .. } = &mut self.landing;
        let results = &mut self.results;
        match running.scan.step(index, store, results, SLICE_POINTS) {
            Step::Done(found) => self.reply(running.from, running.ticket, Reply::Part(found)),
            Step::More => {
                running.slices = running.slices.saturating_add(1);
                self.handed_on |= running.slices == SLICES_MAX;
                self.scans.push_back(running);
            }
            Step::Waiting => {
                running.waits = true;
                self.scans.push_back(running);
            }
        }
        self.scans.iter().any(is_next)
    }

    fn answer_settled(&mut self) {
        let store = &self.landing.store;
        let is_done = store.is_settled();
        if self.settling.is_empty() || !(is_done || store.has_no_room()) {
            return;
        }
        for (from, ticket) in std::mem::take(&mut self.settling) {
            self.reply(from, ticket, Reply::Settled(is_done));
        }
    }

    /// What the manifest lists from now on.
    fn adopt(&mut self, version: &Arc<Version>) {
        let Landing { index, store, .. } = &mut self.landing;
        store.adopt(version);
        store.note_deleted(&|identity| index.find(identity));
    }

    fn answer_waiting(&mut self) {
        while let Some(&(from, ticket)) = self.parting.first() {
            let Some(stamp) = self.landing.store.part() else {
                break;
            };
            self.parting.remove(0);
            self.reply(from, ticket, Reply::Parted(stamp));
        }
        let tombstones = self.landing.store.version().tombstones().next();
        let generation = self.control.generation;
        let done = |waiting: &mut Awaiting| {
            waiting.tombstones <= tombstones && waiting.generation <= generation
        };
        let done: Vec<Awaiting> = self.awaiting.extract_if(.., done).collect();
        for Awaiting { from, ticket, .. } in done {
            self.reply(from, ticket, Reply::Awaited);
        }
    }

    /// What users have told, as far as this shard has heard.
    pub fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// Begin what is due: commits, seals, what the keeper has to do.
    pub fn poll(&mut self, now: Arrival) {
        self.landing.store.poll(now);
        self.keep(|keeper| keeper.poll(now));
    }

    /// When [`Shard::poll`] has something to do at the latest.
    pub fn next_due(&self) -> Option<Stamp> {
        self.landing.store.next_due()
    }

    /// The next request for the disk.
    pub fn take_job(&mut self) -> Option<(Job, Request)> {
        let store = self.landing.store.take_job();
        store.or_else(|| self.keeper.as_mut()?.take_job())
    }

    /// A request is done.
    pub fn disk_done(&mut self, job: Job, result: Result<Outcome, Fault>) {
        if Keeper::owns(job) {
            self.keep(|keeper| keeper.done(job, result));
        } else {
            self.landing.store.done(job, result);
            for running in &mut self.scans {
                running.waits = false;
                running.scan.wake();
            }
        }
    }

    /// Whether senders should wait; see [`Store::is_blocked`].
    pub fn is_blocked(&self) -> bool {
        self.landing.store.is_blocked()
    }

    /// Whether the points of the log are not all back yet: answers may lack some.
    pub fn is_recovering(&self) -> bool {
        self.landing.store.is_recovering()
    }

    /// While it stays the same, nobody finds what they wait for in [`Shard::state`] or [`Shard::is_blocked`].
    pub fn standing(&self) -> Standing {
        self.landing.store.standing()
    }

    /// Stands for everything taken so far, and begins its commit with the next [`Shard::poll`]; see
    /// [`Shard::state`].
    pub fn ticket(&mut self) -> log::Ticket {
        self.landing.store.ticket()
    }

    /// What became of a ticket.
    pub fn state(&self, ticket: log::Ticket) -> log::TicketState {
        self.landing.store.state(ticket)
    }

    /// What went wrong since the last call, in words for the log.
    pub fn take_troubles(&mut self) -> Vec<String> {
        self.landing.store.take_troubles()
    }

    fn reply(&mut self, to: usize, ticket: u64, reply: Reply) {
        self.outbox.push_back((
            to,
            Mail::Answer {
                from: self.number,
                ticket,
                reply,
            },
        ));
    }

    /// The counters with the gauges brought up to date.
    pub fn describe(&self) -> Vitals {
        let Landing {
            index,
            store,
            vitals,
            ..
        } = &self.landing;
        Vitals {
            series: index.len() as u64,
            index_bytes: index.bytes() as u64,
            buffered_bytes: self.buffered_bytes as u64,
            load: self.sources.last(),
            store: store.vitals(),
            results: self.results.counts(),
            kept: self.keeper.as_ref().map(Keeper::kept),
            ..vitals.clone()
        }
    }

    /// Points accepted by all doors.
    pub fn accepted(&self) -> u64 {
        self.landing.vitals.accepted.iter().sum()
    }

    /// The kernel dropped so many more datagrams for want of room.
    pub fn count_dropped_datagrams(&mut self, dropped: u64) {
        self.landing.vitals.datagrams_dropped += dropped;
    }

    /// Count what was done at this shard by who is no part of it.
    pub fn tell(&mut self, told: vitals::Told) {
        self.landing.vitals.kairos.add(told);
    }

    /// A connection from `address` came in by a door.
    pub fn open(&mut self, protocol: Protocol, address: IpAddr) -> Feed {
        let source = self.sources.of(address);
        self.sources.hold(source);
        self.count_connection(protocol, true);
        Feed::new(protocol, source)
    }

    /// It is gone, whoever closed it.
    pub fn close(&mut self, feed: &mut Feed) {
        self.forget(feed);
        self.sources.release(feed.source);
        self.count_connection(feed.protocol, false);
    }

    /// One connection more or less on a door.
    pub fn count_connection(&mut self, protocol: Protocol, opened: bool) {
        let open = &mut self.landing.vitals.connections[protocol as usize];
        *open = if opened {
            *open + 1
        } else {
            open.saturating_sub(1)
        };
    }

    /// A minute is over: what it brought, and from whom.
    pub fn turn_minute(&mut self) -> Load {
        self.sources.turn()
    }
}

#[cfg(test)]
mod tests;
