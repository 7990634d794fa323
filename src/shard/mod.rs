//! One core's worth of corelane: an ordinary struct without locks, because only its core touches
//! it. Events in, values out; `rt` drives it on glommio, the simulator on a seed.
#![forbid(unsafe_code)]

pub mod feed;
mod ingest;
mod landing;
pub mod mail;
pub mod sources;
pub mod vitals;

use std::collections::VecDeque;
use std::net::IpAddr;

use crate::access::Gate;
use crate::base::time::{Millis, Step};
use crate::index::{self, Follow, Index};
use crate::model::points::{Duplicates, Points};
use crate::model::refusal::Protocol;
use crate::model::sample::{Samples, TimeRule};
use crate::model::series::{SeriesId, SeriesName, TenantId, Values};
use crate::query::error::QueryError;
use crate::query::scan::Scan;
use crate::rollup::{self, Cell};
use crate::seam::Post;
use crate::simd::{Isa, Scanner};
use crate::store::head::{self, Head};
use crate::wire::{graphite, pickle};
use feed::Feed;
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
    /// Bounds of the index.
    pub index: index::Bounds,
    /// Bounds of the head.
    pub head: head::Options,
    /// Width of a cell.
    pub rollup_step: Step,
    /// Seed of the hash; the same for all shards of an appliance, for ever.
    pub seed: u64,
    /// Instruction set for finding separators.
    pub isa: Isa,
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
}

/// One shard.
pub struct Shard {
    /// Its number, 0 first.
    pub number: usize,
    options: Options,
    lines: graphite::Decoder,
    frames: pickle::Decoder,
    samples: Samples,
    landing: Landing,
    datagram_follow: Follow,
    buffered_bytes: usize,
    sources: Sources,
    scans: VecDeque<Running>,
    outbox: VecDeque<(usize, Mail)>,
}

impl Shard {
    /// An empty shard.
    pub fn new(number: usize, options: Options) -> Shard {
        let Options {
            line_bytes_max,
            frame_bytes_max,
            times,
            ..
        } = options;
        Shard {
            number,
            options,
            lines: graphite::Decoder::new(
                Scanner::new(options.isa),
                graphite::Options {
                    line_bytes_max,
                    times,
                },
            ),
            frames: pickle::Decoder::new(pickle::Options {
                frame_bytes_max,
                times,
            }),
            samples: Samples::default(),
            landing: Landing {
                gate: Gate::Open,
                index: Index::new(options.seed, options.index),
                head: Head::new(options.head),
                vitals: Vitals {
                    shard: number,
                    ..Vitals::default()
                },
                ids: Vec::new(),
            },
            datagram_follow: Follow::default(),
            buffered_bytes: 0,
            sources: Sources::default(),
            scans: VecDeque::new(),
            outbox: VecDeque::new(),
        }
    }

    /// Open one piece of mail. Answers come out of [`Shard::work`].
    pub fn open_mail(&mut self, mail: Mail) {
        match mail {
            Mail::Scan { from, ticket, plan } => {
                if SCANS_MAX <= self.scans.len() {
                    self.reply(from, ticket, Reply::Part(Err(QueryError::Busy)));
                } else {
                    self.scans.push_back(Running {
                        from,
                        ticket,
                        scan: Scan::new(plan),
                    });
                }
            }
            Mail::Describe { from, ticket } => {
                let vitals = Box::new(self.describe());
                self.reply(from, ticket, Reply::Vitals(vitals));
            }
            Mail::Forget { from, ticket } => {
                self.scans
                    .retain(|running| (running.from, running.ticket) != (from, ticket));
            }
            // For whoever keeps the tickets: `rt`, or the simulator.
            Mail::Answer { .. } => {}
        }
    }

    /// Do one slice (about 100 µs) of the scans under way, in turn, and post the answers that are
    /// ready. An answer whose box is full waits here for the next call.
    pub fn work(&mut self, post: &impl Post<Mail>) -> Progress {
        if let Some(mut running) = self.scans.pop_front() {
            match running
                .scan
                .step(&self.landing.index, &self.landing.head, SLICE_POINTS)
            {
                Some(part) => self.reply(running.from, running.ticket, Reply::Part(part)),
                None => self.scans.push_back(running),
            }
        }
        while let Some((to, mail)) = self.outbox.pop_front() {
            if let Err(mail) = post.send(to, mail) {
                self.outbox.push_front((to, mail));
                break;
            }
        }
        match (self.scans.is_empty(), self.outbox.is_empty()) {
            (false, _) => Progress::More,
            (true, false) => Progress::Blocked,
            (true, true) => Progress::Idle,
        }
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
            head,
            vitals,
            ..
        } = &self.landing;
        Vitals {
            series: index.len() as u64,
            head_bytes: head.bytes() as u64,
            index_bytes: index.bytes() as u64,
            head_windows: head.windows() as u64,
            evicted: head.evicted(),
            buffered_bytes: self.buffered_bytes as u64,
            load: self.sources.last(),
            ..vitals.clone()
        }
    }

    /// Points accepted by all doors.
    pub fn accepted(&self) -> u64 {
        self.landing.vitals.accepted.iter().sum()
    }

    /// The open cell of a series and the one before it; `None` for a series that is not here.
    pub fn recent_cells(&self, tenant: TenantId, name: &SeriesName) -> Option<[Option<Cell>; 2]> {
        let id: SeriesId = self.landing.index.lookup(tenant, name, Values::Double)?;
        let mut newest = Vec::new();
        self.landing.head.newest_times(id, 1, &mut newest);
        let newest = Millis(*newest.first()?);
        let mut points = Points::default();
        self.landing.head.read(
            id,
            rollup::recent_start(newest, self.options.rollup_step),
            newest,
            &mut points,
        );
        points.settle(Duplicates::Last);
        Some(rollup::recent(&points, self.options.rollup_step))
    }

    /// The kernel dropped so many more datagrams for want of room.
    pub fn count_dropped_datagrams(&mut self, dropped: u64) {
        self.landing.vitals.datagrams_dropped += dropped;
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
