//! The life of one data folder: appliances start on it, take points, are asked, and end in all the ways
//! that there are; what they tell is held against the model.

use std::rc::Rc;

use corelane::base::random::Random;
use corelane::base::time::Step;
use corelane::store::Options;
use corelane::store::log::{Ticket, TicketState};

use crate::arrivals::START_S;
use crate::cells;
use crate::disk::{Faults, SimDisk};
use crate::model::{FOR_EVER, Model, Run};
use crate::questions::{Posted, Told};
use crate::traffic::{self, Traffic};
use crate::world::{Clock, World};

/// All times.
const ALWAYS: (i64, i64) = (i64::MIN, i64::MAX);
const HOUR_MS: i64 = 3_600_000;
/// How long a life stands still at its end, and how far the wall clock is then ahead of all points.
const LAST_HOURS_MICROS: u64 = 7 * 3_600_000_000;
const LAST_DAYS_MS: i64 = 3 * 86_400_000;
/// Faults of the disk that a running appliance must get over.
const FAULTS: Faults = Faults {
    write: 60,
    sync: 60,
    read: 0,
    flip: 0,
    name: 60,
    lie: 0,
    lie_in: "",
};

/// What a life has seen, for comparing two of one seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) starts: u32,
    pub(crate) points: u64,
    pub(crate) acknowledged: u64,
    pub(crate) times: usize,
    pub(crate) written_bytes: u64,
    pub(crate) stamp: u64,
}

/// What somebody waits for.
enum Promise {
    Ticket(Ticket),
    Posted(Posted),
}

/// Somebody waits for a commit.
struct Awaited {
    shard: usize,
    promise: Promise,
    points: u64,
    with_earlier: bool,
}

/// See the head of this module.
pub(crate) struct Life {
    random: Random,
    pub(crate) disk: Rc<SimDisk>,
    pub(crate) model: Model,
    traffic: Traffic,
    options: Options,
    clock: Clock,
    shards: usize,
    awaited: Vec<Awaited>,
    /// Whether it is known what the present appliance has found.
    settled: bool,
    /// Faults that the disk has all the time.
    broken: Faults,
    pub(crate) seen: Seen,
}

/// What came of a start on a folder that may be damaged.
pub(crate) enum Reopened {
    /// It does not start, and says why.
    Refused(#[expect(dead_code, reason = "for whoever looks at a seed")] String),
    /// All points, and whether it was said that some may be missing.
    Told {
        told: Told,
        now: u64,
        is_flagged: bool,
        /// Whether something was told to be torn or damaged at the end of a file.
        has_end: bool,
    },
}

/// Small, so that everything happens within few points.
fn small(random: &mut Random) -> Options {
    let mut one_of = |values: &[u64]| values[random.below(values.len() as u64) as usize];
    Options {
        head_bytes_max: 1 << 20,
        seal_bytes: one_of(&[2 << 10, 8 << 10, 64 << 10]) as usize,
        seal_micros: 2_000_000,
        windows_max: 64,
        window: Step::from_millis(one_of(&[300_000, 600_000, 3_600_000]) as i64).expect("positive"),
        cell: Step::MINUTE,
        cache_bytes_max: one_of(&[8 << 10, 64 << 10, 1 << 20]) as usize,
        commit_micros: 2_000,
        log_bytes_max: one_of(&[32 << 10, 1 << 20]),
        log_file_bytes: 300 << 10,
        unwritten_bytes_max: 128 << 10,
        raw_disk_percent: 100,
        raw_at_least: Step::SIX_HOURS,
        kairos_ttl_seconds: 0,
    }
}

/// Live through one seed, on a disk that is `broken` all the time.
pub(crate) fn live(seed: u64, broken: Faults) -> Result<Seen, String> {
    let mut life = Life::new(seed, broken);
    for _ in 0..2 + life.random.below(4) {
        let world = life.start()?;
        let world = life.days(world)?;
        life.end(world);
    }
    life.last_days()?;
    Ok(life.seen)
}

impl Life {
    pub(crate) fn new(seed: u64, broken: Faults) -> Life {
        let mut random = Random::new(seed);
        let disk = Rc::new(SimDisk::new(random.next_u64()));
        Life {
            disk,
            model: Model::default(),
            traffic: Traffic::new(&mut random),
            options: small(&mut random),
            clock: Clock {
                // Late points come from behind it, never from ahead.
                wall_ms: (START_S + 10 * 86_400) * 1000,
                stamp: 0,
            },
            shards: 1 + random.below(3) as usize,
            awaited: Vec::new(),
            settled: false,
            broken,
            seen: Seen::default(),
            random,
        }
    }

    /// The run of a shard of the present appliance.
    fn run(&self, shard: usize) -> Run {
        Run {
            start: self.seen.starts,
            shard,
        }
    }

    /// Start, however often it is cut off before everything is back, and see what is there.
    pub(crate) fn start(&mut self) -> Result<World, String> {
        if self.random.chance(40) {
            self.shards = 1 + self.random.below(4) as usize;
        }
        let mut cuts = self.random.below(3) * self.random.below(2);
        loop {
            self.seen.starts += 1;
            self.settled = false;
            self.disk.set_room(None);
            let faulty = self.random.chance(20);
            self.disk
                .set_faults(if faulty { self.faults() } else { self.broken });
            if 0 < cuts {
                cuts -= 1;
                self.disk.set_outage_after(self.random.below(120));
            }
            if let Some(world) = self.open(faulty)? {
                let told = world.points(&traffic::names(), ALWAYS);
                if let Some(told) = told {
                    if told.damaged {
                        return Err(format!("damaged: {:?}", world.take_troubles()));
                    }
                    let start = self.seen.starts;
                    let settled = self.model.survive(&told.points, start, told.now);
                    settled
                        .map_err(|wrong| format!("after start {}: {wrong}", self.seen.starts))?;
                    self.settled = true;
                    return Ok(world);
                }
                self.end(world);
            }
        }
    }

    /// Some faults, besides those that are there all the time.
    fn faults(&self) -> Faults {
        Faults {
            lie: self.broken.lie,
            lie_in: self.broken.lie_in,
            ..FAULTS
        }
    }

    /// One try to start; none where the power went before all points were back.
    fn open(&mut self, faulty: bool) -> Result<Option<World>, String> {
        let seed = self.random.next_u64();
        let disk = Rc::clone(&self.disk);
        let opened = World::open(seed, disk, self.shards, self.options, self.clock);
        let mut world = match opened {
            Ok((world, notes)) if notes.is_empty() => world,
            Ok((_, notes)) => return Err(format!("it starts with notes: {notes:?}")),
            // A disk that fails meanwhile may be told of instead.
            Err(_) if faulty || self.disk.is_out() => {
                self.cut_off();
                return Ok(None);
            }
            Err(error) => return Err(format!("it does not start: {error}")),
        };
        if self.random.chance(50) {
            // Senders do not wait until everything is back.
            for _ in 0..1 + self.random.below(3) {
                self.receive(&mut world)?;
                world.run(self.random.below(100));
            }
        }
        if !world.until("all points are back", |world| !world.is_recovering()) {
            self.end(world);
            return Ok(None);
        }
        Ok(Some(world))
    }

    /// Some lines arrive at one of the shards, and perhaps somebody waits for their commit.
    fn receive(&mut self, world: &mut World) -> Result<(), String> {
        let shard = self.random.below(self.shards as u64) as usize;
        if world.is_blocked(shard) {
            return Ok(());
        }
        let by_post = self.random.chance(25);
        let mut burst = if by_post {
            self.traffic.posted(&mut self.random)
        } else if self.random.chance(25) {
            self.traffic.decoded(&mut self.random)
        } else {
            self.traffic.burst(&mut self.random)
        };
        let (accepted, refused) = (world.accepted(), world.refused());
        let (mut posted, mut until) = (None, FOR_EVER);
        if let Some(samples) = &mut burst.samples {
            let stamp = world.take_samples(shard, &burst.text, samples);
            if burst.ttl_seconds != 0 {
                until = stamp + u64::from(burst.ttl_seconds) * 1_000_000;
            }
        } else if by_post {
            let body = String::from_utf8(burst.text).expect("JSON");
            posted = Some(world.post(shard, body));
        } else {
            world.take(shard, &burst.text);
        }
        let more = (world.accepted() - accepted, world.refused() - refused);
        if more != (burst.points.len() as u64, 0) {
            let sent = burst.points.len();
            return Err(format!(
                "of {sent} points {} were taken, {} refused",
                more.0, more.1
            ));
        }
        let run = self.run(shard);
        for &(key, value) in &burst.points {
            self.model.take(run, key, value, until);
        }
        self.seen.points += burst.points.len() as u64;
        let is_awaited = posted.is_some() || self.random.chance(40);
        if is_awaited {
            let ticket = || Promise::Ticket(world.ticket(shard));
            self.awaited.push(Awaited {
                shard,
                promise: posted.map_or_else(ticket, Promise::Posted),
                points: self.model.points(run),
                with_earlier: self.settled,
            });
        }
        Ok(())
    }

    /// Who waits for a commit hears of it.
    fn acknowledge(&mut self, world: &World) {
        let start = self.seen.starts;
        let (model, seen) = (&mut self.model, &mut self.seen);
        self.awaited.retain_mut(|awaited| {
            let shard = awaited.shard;
            let state = match &mut awaited.promise {
                Promise::Ticket(ticket) => world.state(shard, *ticket),
                Promise::Posted(posted) => match posted.status() {
                    Some(204) => TicketState::Committed,
                    Some(503) => return false,
                    Some(status) => panic!("points are answered with {status}"),
                    None => TicketState::Pending,
                },
            };
            if state == TicketState::Committed {
                model.acknowledge(Run { start, shard }, awaited.points, awaited.with_earlier);
                seen.acknowledged += 1;
            }
            state != TicketState::Committed
        });
    }

    /// An appliance at work, until it is to end or the power goes.
    pub(crate) fn days(&mut self, mut world: World) -> Result<World, String> {
        if self.random.chance(50) {
            self.disk.set_outage_after(self.random.below(4_000));
        }
        for _ in 0..10 + self.random.below(50) {
            self.something(&mut world)?;
            world.run(self.random.below(80));
            self.acknowledge(&world);
            if self.disk.is_out() {
                return Ok(world);
            }
        }
        if self.random.chance(30) {
            self.stop(&world);
        }
        Ok(world)
    }

    fn something(&mut self, world: &mut World) -> Result<(), String> {
        match self.random.below(100) {
            0..55 => self.receive(world)?,
            55..68 => world.run(self.random.below(1_000)),
            68..80 => self.ask(world)?,
            80..90 => {
                let micros = [1_000, 100_000, 2_000_000][self.random.below(3) as usize];
                let jump_ms = [0, 0, HOUR_MS, -HOUR_MS][self.random.below(4) as usize];
                world.pass(micros, jump_ms);
            }
            90..93 => {
                self.disk.set_room(None);
                self.disk.set_faults(self.broken);
                let merge = self.random.chance(50);
                world.settle(merge);
            }
            93..96 => self.disk.set_faults(self.faults()),
            96..98 => self.disk.set_faults(self.broken),
            98 => self
                .disk
                .set_room(Some(self.disk.used_bytes() + self.random.below(50_000))),
            _ => self.disk.set_room(None),
        }
        Ok(())
    }

    /// What is told of some time, or of all of it, must be right.
    fn ask(&mut self, world: &World) -> Result<(), String> {
        let range = if self.random.chance(50) {
            ALWAYS
        } else {
            let from = self.traffic.now_ms() - self.random.below(7_200_000) as i64;
            (from, from + self.random.below(7_200_000) as i64)
        };
        match world.points(&traffic::names(), range) {
            Some(told) if told.damaged => Err(format!("damaged: {:?}", world.take_troubles())),
            Some(told) => {
                let checked = self.model.check(&told.points, range, told.now);
                checked.map_err(|wrong| format!("asked after start {}: {wrong}", self.seen.starts))
            }
            None => Ok(()),
        }
    }

    /// As a stop does it: what was taken is committed first.
    fn stop(&mut self, world: &World) {
        self.disk.set_room(None);
        self.disk.set_faults(self.broken);
        for shard in 0..self.shards {
            self.awaited.push(Awaited {
                shard,
                promise: Promise::Ticket(world.ticket(shard)),
                points: self.model.points(self.run(shard)),
                with_earlier: true,
            });
        }
        let tickets = self
            .awaited
            .iter()
            .filter_map(|awaited| match awaited.promise {
                Promise::Ticket(ticket) => Some((awaited.shard, ticket)),
                Promise::Posted(_) => None,
            });
        let tickets: Vec<(usize, Ticket)> = tickets.collect();
        world.until("everything is committed", |world| {
            let mut states = tickets
                .iter()
                .map(|&(shard, ticket)| world.state(shard, ticket));
            states.all(|state| state == TicketState::Committed)
        });
        self.acknowledge(world);
    }

    /// The process is killed, or the power goes.
    pub(crate) fn end(&mut self, world: World) {
        self.acknowledge(&world);
        self.clock = world.end();
        self.model.over(self.clock.stamp);
        self.cut_off();
        // The machine may be off for long, and its clock be set meanwhile.
        let jump_ms = [0, HOUR_MS, -HOUR_MS][self.random.below(3) as usize];
        self.clock.wall_ms += jump_ms;
        self.clock.stamp = 0;
    }

    fn cut_off(&mut self) {
        self.awaited.clear();
        if self.random.chance(50) {
            self.disk.kill();
        } else {
            self.disk.crash();
        }
    }

    /// Have everything written into segments.
    pub(crate) fn settle(&mut self, world: &World) {
        self.disk.set_room(None);
        self.disk.set_faults(self.broken);
        world.settle(false);
    }

    /// Start on a healthy disk whatever is on it, and ask for all.
    pub(crate) fn reopen(&mut self) -> Reopened {
        self.seen.starts += 1;
        self.disk.set_room(None);
        self.disk.set_faults(Faults::default());
        let seed = self.random.next_u64();
        let disk = Rc::clone(&self.disk);
        let opened = World::open(seed, disk, self.shards, self.options, self.clock);
        let (world, notes) = match opened {
            Ok(opened) => opened,
            Err(error) => return Reopened::Refused(error.to_string()),
        };
        world.until("all points are back", |world| !world.is_recovering());
        let answer = world.points(&traffic::names(), ALWAYS);
        let answer = answer.expect("the disk works");
        let troubles = world.take_troubles();
        Reopened::Told {
            told: answer.points,
            now: answer.now,
            has_end: !world.ends.is_empty(),
            is_flagged: answer.damaged || !notes.is_empty() || !troubles.is_empty(),
        }
    }

    /// Whether what is told can be what has survived.
    pub(crate) fn survive(&mut self, told: &Told, now: u64) -> Result<(), String> {
        self.model.survive(told, self.seen.starts, now)
    }

    /// Everything becomes segments, one for each window, and is there once more after a start.
    fn last_days(&mut self) -> Result<(), String> {
        let world = self.start()?;
        self.disk.set_outage_after(u64::MAX);
        self.disk.set_room(None);
        self.disk.set_faults(self.broken);
        self.ask(&world)?;
        // Of a window to which nothing came for hours one file is left, also where one has nearly all points.
        world.pass(LAST_HOURS_MICROS, LAST_DAYS_MS);
        world.settle(true);
        self.model.acknowledge_all();
        self.ask(&world)?;
        self.end(world);
        cells::check(&self.disk)?;
        let most = cells::most_of_a_window(&self.disk);
        if most > 1 {
            return Err(format!("{most} segments of one window are left"));
        }
        let world = self.start()?;
        self.ask(&world)?;
        self.seen.times = self.model.times();
        self.seen.written_bytes = self.disk.written_bytes();
        self.seen.stamp = world.end().stamp;
        Ok(())
    }
}
