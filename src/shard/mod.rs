//! One core's worth of corelane: an ordinary struct without locks, because only its core touches
//! it. Events in, values out; `rt` drives it on glommio, the simulator on a seed.
#![forbid(unsafe_code)]

pub mod feed;
mod ingest;
pub mod mail;
pub mod vitals;

use std::collections::VecDeque;

use crate::access::Gate;
use crate::base::time::{Millis, Step};
use crate::index::{Follow, Index};
use crate::model::points::{Duplicates, Points};
use crate::model::refusal::Protocol;
use crate::model::sample::{Samples, TimeRule};
use crate::model::series::{SeriesId, SeriesName, TenantId};
use crate::query::error::QueryError;
use crate::query::scan::Scan;
use crate::rollup::{self, Cell};
use crate::simd::{Isa, Scanner};
use crate::store::head::{self, Head};
use crate::wire::graphite;
use mail::{Mail, Reply};

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
    /// Which timestamps may stand.
    pub times: TimeRule,
    /// Series that the shard may hold.
    pub series_max: usize,
    /// Bounds of the head.
    pub head: head::Options,
    /// Width of a cell.
    pub rollup_step: Step,
    /// Seed of the hash; the same for all shards of an appliance, for ever.
    pub seed: u64,
    /// Instruction set for finding separators.
    pub isa: Isa,
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
    /// Its counters.
    pub vitals: vitals::Vitals,
    options: Options,
    gate: Gate,
    lines: graphite::Decoder,
    samples: Samples,
    ids: Vec<u32>,
    index: Index,
    head: Head,
    datagram_follow: Follow,
    scans: VecDeque<Running>,
    outbox: Vec<(usize, Mail)>,
}

impl Shard {
    /// An empty shard.
    pub fn new(number: usize, options: Options) -> Shard {
        let line_options = graphite::Options {
            line_bytes_max: options.line_bytes_max,
            times: options.times,
        };
        Shard {
            number,
            vitals: vitals::Vitals {
                shard: number,
                ..vitals::Vitals::default()
            },
            options,
            gate: Gate::Open,
            lines: graphite::Decoder::new(Scanner::new(options.isa), line_options),
            samples: Samples::default(),
            ids: Vec::new(),
            index: Index::new(options.seed, options.series_max),
            head: Head::new(options.head),
            datagram_follow: Follow::default(),
            scans: VecDeque::new(),
            outbox: Vec::new(),
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

    /// Do one slice (about 100 µs) of the scans under way, in turn. Gives mail to be posted as
    /// `(to, mail)`; `None` when there is nothing left to do.
    pub fn work(&mut self) -> Option<Vec<(usize, Mail)>> {
        if let Some(mut running) = self.scans.pop_front() {
            match running.scan.step(&self.index, &self.head, SLICE_POINTS) {
                Some(part) => self.reply(running.from, running.ticket, Reply::Part(part)),
                None => self.scans.push_back(running),
            }
        } else if self.outbox.is_empty() {
            return None;
        }
        Some(std::mem::take(&mut self.outbox))
    }

    fn reply(&mut self, to: usize, ticket: u64, reply: Reply) {
        self.outbox.push((
            to,
            Mail::Answer {
                from: self.number,
                ticket,
                reply,
            },
        ));
    }

    /// The counters with the gauges brought up to date.
    pub fn describe(&self) -> vitals::Vitals {
        vitals::Vitals {
            series: self.index.len() as u64,
            head_bytes: self.head.bytes() as u64,
            index_bytes: self.index.bytes() as u64,
            head_windows: self.head.windows() as u64,
            evicted: self.head.evicted(),
            ..self.vitals.clone()
        }
    }

    /// Points accepted by all doors.
    pub fn accepted(&self) -> u64 {
        self.vitals.accepted.iter().sum()
    }

    /// The open cell of a series and the one before it; `None` for a series that is not here.
    pub fn recent_cells(&self, tenant: TenantId, name: &SeriesName) -> Option<[Option<Cell>; 2]> {
        let id: SeriesId = self.index.lookup(tenant, name)?;
        let mut newest = Vec::new();
        self.head.newest_times(id, 1, &mut newest);
        let newest = Millis(*newest.first()?);
        let mut points = Points::default();
        self.head.read(
            id,
            rollup::recent_start(newest, self.options.rollup_step),
            newest,
            &mut points,
        );
        points.settle(Duplicates::Last);
        Some(rollup::recent(&points, self.options.rollup_step))
    }

    /// One connection more or less on a door.
    pub fn count_connection(&mut self, protocol: Protocol, opened: bool) {
        let open = &mut self.vitals.connections[protocol as usize];
        *open = if opened {
            *open + 1
        } else {
            open.saturating_sub(1)
        };
    }
}

#[cfg(test)]
mod tests;
