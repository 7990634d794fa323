//! The keeper of the manifest, on shard 0: all shards mail their edits to it, and it mails every new
//! version to all of them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::mail::{Mail, Reply};
use crate::base::time::{Arrival, Stamp};
use crate::seam::disk::{Fault, Job, Jobs, Outcome, Request, Room};
use crate::store::control::{self, Control, ControlRefused, ControlTicket, Entry};
use crate::store::manifest::{Edit, EditTicket, Leaving, Manifest, Refused, Version};
use crate::store::retain::{self, Budget};
use crate::store::snapshot;
use crate::store::tombstone::Tombstone;
use crate::store::{OWNERS_END, Options};

/// Owners of requests to the disk.
const MANIFEST: u32 = OWNERS_END;
const REMOVALS: u32 = OWNERS_END + 1;
const ROOM: u32 = OWNERS_END + 2;
const SNAPSHOT: u32 = OWNERS_END + 3;
const CONTROL: u32 = OWNERS_END + 4;

/// Numbers for files that are given at once.
const NUMBERS_AT_ONCE: u64 = 256;
/// Between two looks at what may be removed and whether a faulty disk works again, in microseconds.
const LOOK_MICROS: u64 = 1_000_000;
/// Between two looks at how full the disk is, in microseconds.
const ROOM_MICROS: u64 = 10_000_000;

/// Between two looks for deletes that nobody needs any more, in microseconds.
const IDLE_MICROS: u64 = 60_000_000;

/// What the keeper knows, for `/metrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Kept {
    /// Segment files.
    pub segments: u64,
    /// Bytes of their points and indexes of these.
    pub raw_bytes: u64,
    /// Bytes of their cells and indexes of these.
    pub cell_bytes: u64,
    /// Points in them.
    pub points: u64,
    /// The oldest instant of which they have points, milliseconds since the epoch; 0 where there is none.
    pub boundary_ms: i64,
    /// The disk of the data folder, as last heard.
    pub room: Room,
    /// Files and pages in quarantine.
    pub quarantined: u64,
    /// Edits that became durable.
    pub records: u64,
    /// Faults of the disk while writing the manifest and the control log.
    pub faults: u64,
}

/// The id of an event and what tells when it is durable, or why it was not taken.
type Recorded = Result<(u64, ControlTicket), ControlRefused>;

/// Who keeps the manifest.
pub(super) struct Keeper {
    manifest: Manifest,
    control: control::Writer,
    told_control: Option<Arc<Control>>,
    /// What is to become durable of what was told: who asked under which ticket, and what was taken.
    recording: Vec<(usize, u64, Recorded)>,
    options: Options,
    shards: usize,
    /// What the last run has left behind.
    scrap: Vec<String>,
    jobs: Jobs,
    told: Option<Arc<Version>>,
    /// Shards that wait for numbers of files.
    numberless: VecDeque<usize>,
    leaving: HashMap<Job, Leaving>,
    looked_at: u64,
    room_asked_at: u64,
    room: Option<Room>,
    snapshot: Option<Snapshot>,
    refused_snapshots: Vec<(usize, u64, String)>,
    /// Deletes that are to become durable: who asked, and the edit that has to be.
    entombing: Vec<(usize, u64, Result<EditTicket, Refused>)>,
    idle_looked_at: u64,
    /// While it is looked for deletes that nobody needs: whether the shards have been asked what they hold,
    /// and what each has said.
    holdings: Option<(bool, Vec<Option<Option<Stamp>>>)>,
}

struct Snapshot {
    from: usize,
    ticket: u64,
    making: snapshot::Making,
}

impl Keeper {
    pub(super) fn new(
        (manifest, control): (Manifest, control::Writer),
        options: Options,
        shards: usize,
        scrap: Vec<String>,
    ) -> Keeper {
        Keeper {
            scrap,
            manifest,
            control,
            told_control: None,
            recording: Vec::new(),
            options,
            shards,
            jobs: Jobs::default(),
            told: None,
            numberless: VecDeque::new(),
            leaving: HashMap::new(),
            looked_at: 0,
            room_asked_at: 0,
            room: None,
            snapshot: None,
            refused_snapshots: Vec::new(),
            entombing: Vec::new(),
            idle_looked_at: 0,
            holdings: None,
        }
    }

    /// Whether a request is its own.
    pub(super) fn owns(job: Job) -> bool {
        OWNERS_END <= job.owner
    }

    pub(super) fn take_job(&mut self) -> Option<(Job, Request)> {
        self.jobs.take()
    }

    /// Take an edit; the edit comes back where it does not fit.
    pub(super) fn edit(&mut self, edit: Edit) -> Result<(), Edit> {
        self.manifest.edit(edit.clone()).map(drop).map_err(|_| edit)
    }

    /// Take deletes, and answer when they are durable.
    pub(super) fn entomb(&mut self, from: usize, ticket: u64, tombstones: Vec<Tombstone>) {
        let mut last = Err(Refused::TooMany("deletes of nothing"));
        for tombstone in tombstones {
            last = self.manifest.edit(Edit::Entomb(tombstone));
            if last.is_err() {
                break;
            }
        }
        self.entombing.push((from, ticket, last));
    }

    /// Keep what was told, and answer when it is durable.
    pub(super) fn record(&mut self, from: usize, ticket: u64, entry: Entry) {
        let taken = self.control.take(entry);
        self.recording.push((from, ticket, taken));
    }

    pub(super) fn want_numbers(&mut self, from: usize) {
        self.numberless.push_back(from);
    }

    pub(super) fn want_snapshot(&mut self, from: usize, ticket: u64, name: &str) {
        if self.snapshot.is_some() {
            let busy = "another snapshot is being made; try again when it is there".to_owned();
            return self.refused_snapshots.push((from, ticket, busy));
        }
        let told = self.control.committed().generation;
        let control_bytes = match self.control.durable_bytes() {
            None if told > 0 => {
                let busy = "the control log is being written anew; try again in a moment";
                return self.refused_snapshots.push((from, ticket, busy.to_owned()));
            }
            bytes => bytes.unwrap_or(0),
        };
        match snapshot::Making::new(self.manifest.committed(), control_bytes, name) {
            Ok(making) => {
                self.snapshot = Some(Snapshot {
                    from,
                    ticket,
                    making,
                });
            }
            Err(error) => self
                .refused_snapshots
                .push((from, ticket, error.to_string())),
        }
    }

    /// Begin what is due.
    pub(super) fn poll(&mut self, now: Arrival) {
        let micros = now.stamp.0;
        if self.looked_at + LOOK_MICROS <= micros {
            self.looked_at = micros;
            self.manifest.retry();
            self.control.retry();
            self.remove_leaving();
        }
        if self.room_asked_at + ROOM_MICROS <= micros {
            self.room_asked_at = micros;
            self.jobs.ask(ROOM, Request::Room);
            self.retain(now);
        }
        if self.idle_looked_at + IDLE_MICROS <= micros {
            self.idle_looked_at = micros;
            let is_there = !self.manifest.committed().tombstones().is_empty();
            self.holdings = is_there.then(|| (false, vec![None; self.shards]));
        }
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.making.poll(&mut self.jobs.desk(SNAPSHOT));
        }
        while self.manifest.poll(&mut self.jobs.desk(MANIFEST)) {}
        self.control.poll(&mut self.jobs.desk(CONTROL));
    }

    /// Files that nobody reads any more go.
    fn remove_leaving(&mut self) {
        if self.manifest.is_settled() {
            for name in self.scrap.drain(..) {
                self.jobs.ask(ROOM, Request::Remove { name: name.into() });
            }
        }
        for leaving in self.manifest.removable() {
            let (name, aside) = leaving.paths();
            let name = name.into();
            let request = match aside {
                None => Request::Remove { name },
                Some(to) => Request::Rename {
                    from: name,
                    to: to.into(),
                },
            };
            let job = self.jobs.ask(REMOVALS, request);
            self.leaving.insert(job, leaving);
        }
    }

    /// The oldest windows leave where points take more of the disk than they may.
    fn retain(&mut self, now: Arrival) {
        let version = self.manifest.committed();
        let Some(room) = self.room else {
            return;
        };
        let Options {
            raw_disk_percent,
            raw_at_least,
            ..
        } = &self.options;
        let budget = Budget::of_room(room, *raw_disk_percent, raw_at_least.millis(), now.now.0);
        let removed = retain::expired(&version, budget);
        if !removed.is_empty() {
            // One that was merged meanwhile is looked at again the next time.
            let _ = self.manifest.edit(Edit::Retain { removed });
        }
    }

    /// A shard has told the oldest arrival that it holds. When all have, deletes go that nobody needs any
    /// more: what a shard does not hold any more was listed before it said so.
    pub(super) fn held(&mut self, from: usize, oldest: Option<Stamp>) {
        let Some((_, holdings)) = &mut self.holdings else {
            return;
        };
        if let Some(told) = holdings.get_mut(from) {
            *told = Some(oldest);
        }
        let told: Option<Vec<Option<Stamp>>> = holdings.iter().copied().collect();
        let Some(told) = told else {
            return;
        };
        self.holdings = None;
        let oldest = told.into_iter().flatten().min();
        let version = self.manifest.committed();
        let listed = version.all_segments();
        let tombstones = version
            .tombstones()
            .idle(listed, oldest.map(|stamp| stamp.0));
        if !tombstones.is_empty() {
            // What has changed meanwhile is looked at again the next time.
            let _ = self.manifest.edit(Edit::Forget { tombstones });
        }
    }

    /// A request is done.
    pub(super) fn done(&mut self, job: Job, result: Result<Outcome, Fault>) {
        match job.owner {
            MANIFEST => {
                self.manifest.done(job, result);
                while self.manifest.poll(&mut self.jobs.desk(MANIFEST)) {}
            }
            CONTROL => {
                self.control.done(job, result);
                self.control.poll(&mut self.jobs.desk(CONTROL));
            }
            REMOVALS => {
                if let Some(leaving) = self.leaving.remove(&job) {
                    match result {
                        Ok(_) | Err(Fault::Missing) => self.manifest.gone(leaving.file),
                        Err(_) => self.manifest.still_there(leaving),
                    }
                }
            }
            ROOM => {
                if let Ok(Outcome::Room(room)) = result {
                    self.room = Some(room);
                }
            }
            _ => {
                if let Some(snapshot) = &mut self.snapshot {
                    snapshot.making.done(job, result);
                    snapshot.making.poll(&mut self.jobs.desk(SNAPSHOT));
                }
            }
        }
    }

    /// What is to be mailed.
    pub(super) fn letters(&mut self, letters: &mut VecDeque<(usize, Mail)>) {
        let version = self.manifest.committed();
        let news = self.manifest.is_settled()
            && self
                .told
                .as_ref()
                .is_none_or(|told| !Arc::ptr_eq(told, &version));
        if news {
            let all = (0..self.shards).map(|to| (to, Mail::Version(Arc::clone(&version))));
            letters.extend(all);
            self.told = Some(version);
        }
        if let Some((is_asked, _)) = &mut self.holdings
            && !*is_asked
        {
            *is_asked = true;
            letters.extend((0..self.shards).map(|to| (to, Mail::Oldest)));
        }
        self.tell_control(letters);
        // Behind the version that has them.
        let told = self.told.as_ref().map(|told| told.tombstones().next());
        let manifest = &self.manifest;
        let over = |(_, _, edit): &mut (usize, u64, Result<EditTicket, Refused>)| match edit {
            Ok(edit) => manifest.is_committed(*edit),
            Err(_) => true,
        };
        for (to, ticket, edit) in self.entombing.extract_if(.., over) {
            let reply = Reply::Entombed(edit.map(|_| told.unwrap_or_default()));
            let from = 0;
            letters.push_back((
                to,
                Mail::Answer {
                    from,
                    ticket,
                    reply,
                },
            ));
        }
        while let Some(&to) = self.numberless.front() {
            let Some(numbers) = self.manifest.numbers(NUMBERS_AT_ONCE) else {
                break;
            };
            self.numberless.pop_front();
            letters.push_back((to, Mail::Given(numbers)));
        }
        let mut answer = |from: usize, ticket, told| {
            let reply = Reply::Snapshot(told);
            letters.push_back((
                from,
                Mail::Answer {
                    from: 0,
                    ticket,
                    reply,
                },
            ));
        };
        for (from, ticket, told) in self.refused_snapshots.drain(..) {
            answer(from, ticket, Err(told));
        }
        if let Some(told) = self.snapshot.as_ref().and_then(|s| s.making.outcome())
            && let Some(snapshot) = self.snapshot.take()
        {
            answer(
                snapshot.from,
                snapshot.ticket,
                told.map_err(|error| error.to_string()),
            );
        }
    }

    /// What is durable of what users told, to all; and behind it the answers to those who did.
    fn tell_control(&mut self, letters: &mut VecDeque<(usize, Mail)>) {
        let control = self.control.committed();
        let is_news = self
            .told_control
            .as_ref()
            .is_none_or(|told| !Arc::ptr_eq(told, &control));
        if is_news {
            let all = (0..self.shards).map(|to| (to, Mail::Control(Arc::clone(&control))));
            letters.extend(all);
            self.told_control = Some(control);
        }
        let writer = &self.control;
        let generation = writer.committed().generation;
        let over = |(_, _, taken): &mut (usize, u64, Recorded)| match taken {
            Ok((_, ticket)) => writer.is_committed(*ticket) || writer.is_full(),
            Err(_) => true,
        };
        for (to, ticket, taken) in self.recording.extract_if(.., over) {
            let recorded = taken.and_then(|(id, ticket)| match writer.is_committed(ticket) {
                true => Ok((id, generation)),
                false => Err(ControlRefused::Full),
            });
            let reply = Reply::Recorded(recorded);
            let from = 0;
            letters.push_back((
                to,
                Mail::Answer {
                    from,
                    ticket,
                    reply,
                },
            ));
        }
    }

    /// What it knows.
    pub(super) fn kept(&self) -> Kept {
        let version = self.manifest.committed();
        let (totals, counts) = (version.totals(), self.manifest.counts());
        Kept {
            segments: totals.files,
            raw_bytes: totals.raw_bytes,
            cell_bytes: totals.cell_bytes,
            points: totals.points,
            boundary_ms: version.earliest_ms().unwrap_or(0),
            room: self.room.unwrap_or_default(),
            quarantined: version.quarantined().count() as u64,
            records: counts.records,
            faults: counts.faults + self.control.faults(),
        }
    }
}
