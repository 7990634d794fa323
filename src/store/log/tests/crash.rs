//! A log at work on a disk that loses power at any step.
//!
//! The rule: what is found after a crash is what was pushed, in order, from the floor up to some place
//! behind everything acknowledged. And what is found once is found again by the next start.

use std::time::Duration;

use super::super::columns::Point;
use super::super::found::Recovered;
use super::super::scan::Scan;
use super::super::terms::{Ticket, TicketState};
use super::super::writer::Writer;
use super::disk::FakeDisk;
use super::{Entry, definition, options, replay, some_token};
use crate::base::random::Random;
use crate::seam::disk::{Job, Jobs, Request};

/// One shard and its disk.
pub(super) struct World {
    pub(super) random: Random,
    pub(super) disk: FakeDisk,
    pub(super) writer: Writer,
    jobs: Jobs,
    /// Done by the disk sooner or later.
    asked: Vec<(Job, Request)>,
    pub(super) now: Duration,
    stamp: u64,
    /// Whether stamps jump further than one block can tell.
    has_pauses: bool,
    generation: u64,
    /// All that must or may be found, from the floor on.
    pub(super) pushed: Vec<Entry>,
    /// Tickets, and how many entries they stand for.
    tickets: Vec<(Ticket, usize)>,
    /// So many were acknowledged.
    pub(super) acknowledged: usize,
    /// A cut: the floor after it, and how many entries lie before it.
    cut: Option<(u64, usize, Ticket)>,
    floor: u64,
}

impl World {
    pub(super) fn new(seed: u64) -> World {
        let found = Recovered::default();
        let mut world = World {
            random: Random::new(seed),
            disk: FakeDisk::new(seed ^ 0xD15C),
            writer: Writer::new(options(), &found.start, 1, 0),
            jobs: Jobs::default(),
            asked: Vec::new(),
            now: Duration::from_secs(100),
            stamp: 1000,
            has_pauses: false,
            generation: 1,
            pushed: Vec::new(),
            tickets: Vec::new(),
            acknowledged: 0,
            cut: None,
            floor: 0,
        };
        world.writer.begin_read(world.stamp);
        world
    }

    pub(super) fn push(&mut self, points: u64) {
        for _ in 0..points {
            if self.random.chance(2) {
                self.stamp += self.random.below(1 << 22);
                if self.has_pauses && self.random.chance(2) {
                    // Longer than a block can tell.
                    self.stamp += 5_000_000_000;
                }
                self.writer.begin_read(self.stamp);
            }
            if self.random.chance(1) {
                let definition = definition(self.random.below(1000) as u32);
                self.writer.define(&definition);
                self.pushed.push(Entry::Definition(definition));
            }
            let token = some_token(&mut self.random);
            let number = self.random.below(100) as u32;
            let time_ms = self.random.below(5) as i64 * 1000;
            self.writer.push(number, time_ms, &token);
            let point = Point {
                stamp: self.stamp,
                number,
                time_ms,
            };
            self.pushed
                .push(Entry::Point(point, token.bytes().to_vec()));
        }
    }

    pub(super) fn poll(&mut self) {
        self.writer.poll(self.now, &mut self.jobs.desk(1));
        while let Some(asked) = self.jobs.take() {
            let commits = |(_, request): &&(Job, Request)| {
                matches!(request, Request::Sync { .. } | Request::Commit { .. })
            };
            if matches!(asked.1, Request::Commit { .. }) {
                let before = self.asked.iter().filter(commits);
                assert_eq!(before.count(), 0, "one commit at a time");
            }
            self.asked.push(asked);
        }
    }

    /// The disk does one thing, and mostly tells.
    pub(super) fn disk_works(&mut self) {
        if self.asked.is_empty() {
            return;
        }
        let at = self.random.below(self.asked.len() as u64) as usize;
        let (job, request) = self.asked.swap_remove(at);
        let result = self.disk.perform(&request);
        assert!(self.writer.done(job, result));
        self.note_tickets();
    }

    fn note_tickets(&mut self) {
        for (ticket, entries) in std::mem::take(&mut self.tickets) {
            match self.writer.state(ticket) {
                TicketState::Committed => self.acknowledged = self.acknowledged.max(entries),
                TicketState::Pending => self.tickets.push((ticket, entries)),
                TicketState::Failed => {}
            }
        }
    }

    fn ticket(&mut self) {
        let ticket = self.writer.ticket();
        self.tickets.push((ticket, self.pushed.len()));
        self.note_tickets();
    }

    fn cut_or_release(&mut self) {
        match self.cut.take() {
            None => {
                let ticket = self.writer.ticket();
                let floor = self.writer.cut();
                self.generation += 1;
                assert_eq!(self.writer.generation(), self.generation);
                self.cut = Some((floor, self.pushed.len(), ticket));
            }
            Some((floor, before, ticket)) if self.writer.is_committed(ticket) => {
                // Whoever keeps the floor has made it durable.
                self.floor = floor;
                self.writer.release(floor);
                self.pushed.drain(..before);
                self.acknowledged = self.acknowledged.saturating_sub(before);
                self.tickets.clear();
            }
            cut => self.cut = cut,
        }
    }

    pub(super) fn act(&mut self) {
        match self.random.below(20) {
            0..=3 if !self.writer.is_blocked() => {
                let most = [10, 500, 5000][self.random.below(3) as usize];
                let points = self.random.below(most);
                self.push(points);
            }
            4..=5 => self.ticket(),
            6 => self.cut_or_release(),
            7..=8 => self.now += Duration::from_millis(self.random.below(100)),
            9..=12 => self.poll(),
            _ => {
                self.disk_works();
                if self.random.chance(80) {
                    self.poll();
                }
            }
        }
    }

    fn scan(&self) -> Recovered {
        Scan::run(&self.disk, 3, self.floor, Some(9)).expect("a log")
    }

    pub(super) fn crash(&mut self, what: &str) {
        // What was under way may have come to the disk, untold.
        while !self.asked.is_empty() && self.random.chance(50) {
            let at = self.random.below(self.asked.len() as u64) as usize;
            let (_, request) = self.asked.swap_remove(at);
            let _ = self.disk.perform(&request);
        }
        self.asked.clear();
        self.disk.crash();
        let found = self.check(what);
        self.generation += 1;
        self.writer = Writer::new(options(), &found.start, self.generation, 1000);
        self.writer.release(self.floor);
        self.tickets.clear();
        self.cut = None;
        self.stamp += 10_000_000;
        self.writer.begin_read(self.stamp);
    }

    /// What is found is right. It becomes what must be found from now on.
    pub(super) fn check(&mut self, what: &str) -> Recovered {
        let found = self.scan();
        assert_eq!(found, self.scan(), "{what}: a second scan");
        assert_eq!(found.report.lost_blocks(), 0, "{what}: {:?}", found.report);
        assert_eq!(found.report.mismatched_blocks, 0, "{what}");
        let slice = 1 + self.random.below(3000);
        let keep = replay(&found, &mut self.disk, slice);
        assert!(keep.damaged.is_empty(), "{what}: {:?}", keep.damaged);
        let got = keep.entries;
        let (least, most) = (self.acknowledged, self.pushed.len());
        assert!(
            (least..=most).contains(&got.len()),
            "{what}: {} entries of {least}..={most}: {:?}",
            got.len(),
            found.report
        );
        // Definitions of a block come before its points.
        let mut want = Vec::new();
        let mut rest = &self.pushed[..got.len()];
        for block in got.chunk_by(|a, b| a.0 == b.0) {
            let (here, behind) = rest.split_at(block.len());
            let is_definition = |entry: &&Entry| matches!(entry, Entry::Definition(_));
            want.extend(here.iter().filter(is_definition));
            want.extend(here.iter().filter(|entry| !is_definition(entry)));
            rest = behind;
        }
        for (at, (want, (_, got))) in want.iter().zip(&got).enumerate() {
            assert_eq!(*want, got, "{what}: entry {at}");
        }
        self.pushed.truncate(got.len());
        self.acknowledged = got.len().min(self.acknowledged);
        found
    }

    /// Everything comes to stable storage when the disk is well.
    pub(super) fn settle(&mut self, what: &str) {
        self.disk.is_full = false;
        (self.disk.write_faults, self.disk.sync_faults) = (0, 0);
        let ticket = self.writer.ticket();
        for _ in 0..1000 {
            self.poll();
            self.disk_works();
            self.now += Duration::from_millis(20);
            if self.writer.is_committed(ticket) && self.asked.is_empty() {
                break;
            }
        }
        assert_eq!(self.writer.state(ticket), TicketState::Committed, "{what}");
        assert_eq!(self.writer.unwritten_bytes(), 0, "{what}");
        self.acknowledged = self.pushed.len();
    }
}

#[test]
fn nothing_acknowledged_is_lost() {
    let mut acknowledged = 0;
    for seed in 0..40 {
        let mut world = World::new(seed);
        world.has_pauses = true;
        for life in 0..6 {
            for _ in 0..world.random.below(400) {
                world.act();
            }
            acknowledged += world.acknowledged;
            world.crash(&format!("seed {seed} life {life}"));
        }
        world.settle(&format!("seed {seed}"));
        world.crash(&format!("seed {seed} settled"));
    }
    assert!(acknowledged > 10_000, "{acknowledged}");
}

#[test]
fn nothing_acknowledged_is_lost_on_a_failing_disk() {
    let (mut full, mut broken) = (0, 0);
    for seed in 0..40 {
        let mut world = World::new(seed);
        for life in 0..4 {
            for _ in 0..world.random.below(600) {
                match world.random.below(60) {
                    0 => world.disk.is_full = !world.disk.is_full,
                    1 => world.disk.write_faults = [0, 0, 10, 90][world.random.below(4) as usize],
                    2 => world.disk.sync_faults = [0, 0, 10, 90][world.random.below(4) as usize],
                    3 => world.now += Duration::from_secs(1),
                    4 => world.writer.room_is_back(),
                    _ => world.act(),
                }
            }
            let counters = world.writer.counters();
            full += counters.full_failures;
            broken += counters.broken_failures;
            if world.random.chance(50) {
                world.settle(&format!("seed {seed} life {life}"));
            }
            world.crash(&format!("seed {seed} life {life}"));
        }
        assert_eq!(world.disk.synced_broken, 0, "seed {seed}");
    }
    assert!(full > 10 && broken > 10, "{full} {broken}");
}
