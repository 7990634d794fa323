//! What is read back is what was told, up to some entry that all acknowledged ones are before: by chance,
//! on a disk that fails, with crashes; and whatever a file holds, it is read or refused.

use std::cell::RefCell;

use super::entry::{Entry, push, take};
use super::*;
use crate::base::random::Random;
use crate::model::event::{Event, EventRefused};
use crate::model::metadata::Place;
use crate::model::rollup::{Backfill, Progress, TaskId};
use crate::seam::disk::{BLOCK_BYTES, Jobs};
use crate::store::chained;
use crate::store::fake_disk::FakeDisk;

fn event(random: &mut Random) -> Event {
    let text = |random: &mut Random, most: u64| {
        let len = random.below(most);
        (0..len)
            .map(|_| ['a', '\u{fc}', ' ', '"'][random.below(4) as usize])
            .collect::<String>()
    };
    let data = if random.chance(5) { 9_000 } else { 30 };
    Event {
        id: 0,
        when: random.next_u64() as i64,
        what: text(random, 20),
        tags: (0..random.below(4)).map(|_| text(random, 9)).collect(),
        data: text(random, data),
    }
}

/// Anything that can be told: a few places and tasks, so that they meet again.
fn entry(random: &mut Random) -> Entry {
    let name = |random: &mut Random| ["", "a", "b\u{fc}"][random.below(3) as usize].to_owned();
    let place = |random: &mut Random| Place {
        service: name(random),
        service_key: name(random),
        key: name(random),
    };
    let id = TaskId(u128::from(random.below(4)) << 100);
    match random.below(7) {
        0 => Entry::Event(event(random)),
        1 => Entry::Metadata(place(random), event(random).data),
        2 => Entry::NoMetadata(place(random)),
        3 => Entry::Task(id, event(random).data),
        4 => Entry::NoTask(id),
        5 => {
            let backfill = Backfill {
                rollup: random.below(3) as u32,
                next_ms: random.next_u64() as i64,
                from_ms: random.next_u64() as i64,
                until_ms: random.next_u64() as i64,
            };
            Entry::Backfill(id, random.chance(70).then_some(backfill))
        }
        _ => {
            let progress = Progress {
                rollup: random.below(3) as u32,
                metric: name(random),
                next_ms: random.next_u64() as i64,
                executed_ms: random.next_u64() as i64,
                points: random.below(1000),
                took_ms: random.below(1000),
                error: name(random),
            };
            Entry::Progress(id, progress)
        }
    }
}

struct Rig {
    disk: RefCell<FakeDisk>,
    jobs: Jobs,
    writer: Writer,
}

impl Rig {
    fn new(seed: u64) -> Rig {
        Rig {
            disk: RefCell::new(FakeDisk::new(seed)),
            jobs: Jobs::default(),
            writer: Writer::new(None),
        }
    }

    /// One thing of the disk. False if there is none.
    fn step(&mut self) -> bool {
        self.writer.poll(&mut self.jobs.desk(1));
        let disk = self.disk.get_mut();
        disk.gather(&mut self.jobs);
        let Some((job, result)) = disk.step() else {
            return false;
        };
        self.writer.done(job, result);
        true
    }

    fn rest(&mut self) {
        while self.step() {}
    }

    fn tell(&mut self, event: &Event) -> (u64, ControlTicket) {
        self.writer.take(Entry::Event(event.clone())).expect("room")
    }

    /// The power goes, and an appliance starts on what is left.
    fn crash(&mut self) {
        self.disk.get_mut().crash();
        self.jobs = Jobs::default();
        let loaded = open(&self.disk).unwrap_or_else(|error| panic!("{error}"));
        self.writer = Writer::new(loaded);
    }

    fn events(&self) -> Vec<Event> {
        let control = self.writer.committed();
        control
            .events
            .iter()
            .map(|event| (**event).clone())
            .collect()
    }
}

/// An event with this id; anything else as it is.
fn numbered(entry: Entry, id: u64) -> Entry {
    match entry {
        Entry::Event(event) => Entry::Event(Event { id, ..event }),
        other => other,
    }
}

#[test]
fn entries_go_there_and_back_and_a_cut_one_is_none() {
    let mut random = Random::new(1);
    for id in 1..600 {
        let entry = numbered(entry(&mut random), id);
        let mut bytes = Vec::new();
        push(7 + id, entry.item(), &mut bytes);
        if bytes.len() < 200 {
            for cut in 0..bytes.len() {
                assert_eq!(take(&mut &bytes[..cut]), None, "{entry:?} at {cut}");
            }
        }
        bytes.push(9);
        let mut rest = &bytes[..];
        assert_eq!(take(&mut rest), Some((7 + id, entry)));
        assert_eq!(rest, [9]);
    }
}

#[test]
fn hostile_bytes_are_no_entry_or_one_that_reads_back() {
    let mut random = Random::new(2);
    let mut taken = 0;
    for round in 0..100_000 {
        let mut bytes = Vec::new();
        if random.chance(60) {
            let id = 1 + random.below(9);
            let entry = numbered(entry(&mut random), id);
            push(random.below(9), entry.item(), &mut bytes);
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << random.below(8);
        } else {
            let len = random.below(40);
            bytes.extend([1 + random.below(7) as u8, 1, random.below(40) as u8]);
            bytes.extend((0..len).map(|_| random.next_u64() as u8));
        }
        if let Some((generation, entry)) = take(&mut &bytes[..]) {
            let mut again = Vec::new();
            push(generation, entry.item(), &mut again);
            let entry = Some((generation, entry));
            assert_eq!(take(&mut &again[..]), entry, "round {round}");
            taken += 1;
        }
    }
    assert!(taken > 1000, "{taken} of them were entries");
}

#[test]
fn what_is_told_counts_when_it_is_on_the_disk() {
    let mut rig = Rig::new(1);
    let mut random = Random::new(1);
    rig.rest();
    assert_eq!(rig.disk.borrow().names(), [""; 0], "nothing told, no file");
    let first = event(&mut random);
    let (id, ticket) = rig.tell(&first);
    assert_eq!((id, rig.writer.is_committed(ticket)), (1, false));
    assert_eq!(rig.events(), []);
    rig.rest();
    assert!(rig.writer.is_committed(ticket));
    assert_eq!(rig.writer.committed().generation, 1);
    let told = Event { id: 1, ..first };
    assert_eq!(rig.events(), std::slice::from_ref(&told));
    rig.crash();
    assert_eq!(rig.events(), [told]);
    assert_eq!(rig.disk.borrow().names(), [CONTROL_FILE]);
    let (id, ticket) = rig.tell(&event(&mut random));
    rig.rest();
    assert!(id == 2 && rig.writer.is_committed(ticket));
    let bytes = rig.writer.durable_bytes().expect("a file");
    assert_eq!(bytes, 3 * BLOCK_BYTES as u64);
}

#[test]
fn a_start_that_finds_a_cut_record_makes_a_new_file() {
    let mut rig = Rig::new(1);
    let mut random = Random::new(1);
    for _ in 0..3 {
        rig.tell(&event(&mut random));
        rig.rest();
    }
    let want = rig.events();
    let whole = rig
        .disk
        .borrow_mut()
        .content(CONTROL_FILE)
        .expect("a file")
        .clone();
    for cut in (BLOCK_BYTES..whole.len()).step_by(511) {
        let mut rig = Rig::new(1);
        rig.disk.get_mut().put(CONTROL_FILE, whole[..cut].to_vec());
        rig.crash();
        let left = (cut / BLOCK_BYTES).saturating_sub(1);
        assert_eq!(rig.events(), want[..left], "cut at {cut}");
        let (id, ticket) = rig.tell(&event(&mut random));
        rig.rest();
        assert!(rig.writer.is_committed(ticket) && id == left as u64 + 1);
        let events = rig.events();
        rig.crash();
        assert_eq!(rig.events(), events, "cut at {cut}");
    }
}

#[test]
fn damage_is_told_with_its_place() {
    let mut rig = Rig::new(1);
    let mut random = Random::new(1);
    for _ in 0..4 {
        rig.tell(&event(&mut random));
        rig.rest();
    }
    let whole = rig
        .disk
        .borrow_mut()
        .content(CONTROL_FILE)
        .expect("a file")
        .clone();
    for _ in 0..500 {
        let mut bytes = whole.clone();
        let at = random.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << random.below(8);
        match read(&bytes, |_| {}) {
            Ok(loaded) => {
                assert!(loaded.is_cut && at >= whole.len() - BLOCK_BYTES, "at {at}");
            }
            Err(ControlError::Damaged { at: place, .. }) => {
                assert_eq!(place as usize, at - at % BLOCK_BYTES, "at {at}");
            }
            Err(ControlError::Header(_)) => assert!(at < BLOCK_BYTES, "at {at}"),
            Err(error) => panic!("{error}"),
        }
    }
    let mut lines = Vec::new();
    let read_at = |offset: u64, bytes: usize| {
        let from = whole.len().min(offset as usize);
        Ok(whole[from..whole.len().min(from + bytes)].to_vec())
    };
    dump(read_at, |line| lines.push(line.to_owned())).expect("a sound file");
    assert_eq!(lines.len(), 9);
    assert!(
        lines[0].starts_with("record at 4096, 4096 bytes"),
        "{lines:?}"
    );
    let told = "end at 20480: 4 records; generation 4, 4 events, 0 metadata, 0 roll-up tasks";
    assert_eq!(lines[8], told);
}

/// The checksums are right, but what is behind them is not to be trusted.
#[test]
fn entries_out_of_order_are_damage() {
    let file = |entries: &[(u64, u64)]| {
        let (mut bytes, link) = chained::header(&KIND, 0);
        let mut record = chained::begin();
        for &(generation, id) in entries {
            let event = Event {
                id,
                ..event(&mut Random::new(id))
            };
            push(generation, Entry::Event(event).item(), &mut record);
        }
        chained::seal(&mut record, link);
        bytes.append(&mut record);
        read(&bytes, |_| {})
    };
    assert!(file(&[(1, 1), (2, 2)]).is_ok());
    assert!(file(&[(1, 1), (9, 7)]).is_ok());
    for wrong in [
        &[(1, 1), (1, 2)][..],
        &[(2, 1), (1, 2)][..],
        &[(1, 2), (2, 1)][..],
        &[(1, 1), (2, 1)][..],
        &[(0, 1)][..],
        &[(GENERATION_MAX + 1, 1)][..],
        &[(1, 1 << 60)][..],
    ] {
        assert!(
            matches!(file(wrong), Err(ControlError::Damaged { at: 4096, .. })),
            "{wrong:?}"
        );
    }
}

#[test]
fn limits_are_told_and_change_nothing() {
    let mut writer = Writer::new(None);
    let mut random = Random::new(1);
    let long = Event {
        data: "x".repeat(crate::model::event::EVENT_BYTES_MAX + 1),
        ..event(&mut random)
    };
    let told = writer.take(Entry::Event(long)).expect_err("too long");
    assert_eq!(told, ControlRefused::Event(EventRefused::Long));
    let large = Event {
        data: "x".repeat(50_000),
        ..event(&mut random)
    };
    let mut taken = 0;
    let refused = loop {
        match writer.take(Entry::Event(large.clone())) {
            Ok((id, _)) => taken = id,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, ControlRefused::Busy);
    assert!((20..25).contains(&taken), "{taken}");
}

#[test]
fn a_file_that_is_mostly_padding_is_packed() {
    let mut rig = Rig::new(1);
    let mut random = Random::new(1);
    let mut most = 0;
    for _ in 0..1_500 {
        let small = Event {
            data: String::new(),
            ..event(&mut random)
        };
        rig.tell(&small);
        rig.rest();
        most = most.max(rig.writer.durable_bytes().expect("a file"));
    }
    assert!((4 << 20..5 << 20).contains(&most), "{most}");
    let events = rig.events();
    rig.crash();
    rig.rest();
    assert_eq!(rig.events(), events);
    let bytes = rig.writer.durable_bytes().expect("a file");
    assert!(bytes < 500 * BLOCK_BYTES as u64, "{bytes}");
    rig.tell(&event(&mut random));
    rig.rest();
    rig.crash();
    assert_eq!(rig.events().len(), events.len() + 1);
    assert_eq!(rig.writer.committed().generation, 1_501);
}

/// What is kept, apart from how many entries it took.
fn kept(rig: &Rig) -> Control {
    Control {
        generation: 0,
        ..(*rig.writer.committed()).clone()
    }
}

#[test]
fn acknowledged_entries_survive_faults_and_crashes() {
    let (mut crashes, mut acknowledged) = (0, 0);
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let mut rig = Rig::new(seed);
        rig.disk.get_mut().faults_percent = random.below(3) * 6;
        // What there is after each entry.
        let mut states = vec![Control::default()];
        let mut tickets: Vec<(ControlTicket, usize)> = Vec::new();
        let mut durable = 0;
        for _ in 0..400 {
            match random.below(12) {
                0..=2 => {
                    let entry = entry(&mut random);
                    let mut next = states[states.len() - 1].clone();
                    let check = next.check(&entry);
                    match rig.writer.take(entry.clone()) {
                        Ok((id, ticket)) => {
                            if next.knows(&entry) {
                                continue;
                            }
                            assert!(next.add(numbered(entry, id)), "seed {seed}");
                            next.generation = 0;
                            states.push(next);
                            tickets.push((ticket, states.len() - 1));
                        }
                        Err(ControlRefused::Full) => assert!(rig.writer.is_full(), "seed {seed}"),
                        Err(refused) => assert_eq!(check, Err(refused), "seed {seed}"),
                    }
                }
                3 => rig.writer.retry(),
                4 if random.chance(20) => {
                    rig.crash();
                    crashes += 1;
                    let left = kept(&rig);
                    let at = states.iter().rposition(|state| *state == left);
                    let at = at.unwrap_or_else(|| panic!("seed {seed}: {left:?}"));
                    assert!(
                        durable <= at,
                        "seed {seed}: {durable} were durable, {at} are left"
                    );
                    states.truncate(at + 1);
                    tickets.clear();
                }
                5 if random.chance(20) => {
                    let disk = rig.disk.get_mut();
                    disk.is_full = !disk.is_full;
                }
                _ => {
                    rig.step();
                }
            }
            let done = tickets
                .iter()
                .filter(|(ticket, _)| rig.writer.is_committed(*ticket));
            let newest = done.map(|&(_, at)| at).max().unwrap_or(durable);
            durable = newest.max(durable);
            let visible = kept(&rig);
            assert!(states[durable..].contains(&visible), "seed {seed}");
        }
        let disk = rig.disk.get_mut();
        (disk.is_full, disk.faults_percent) = (false, 0);
        for _ in 0..5 {
            rig.writer.retry();
            rig.rest();
        }
        let last = &states[states.len() - 1];
        assert_eq!(kept(&rig), *last, "seed {seed}");
        rig.crash();
        assert_eq!(kept(&rig), *last, "seed {seed}");
        acknowledged += states.len();
        assert_eq!(rig.disk.borrow().writes_after_fault, 0, "seed {seed}");
    }
    assert!(
        crashes > 200 && acknowledged > 2_000,
        "{crashes} {acknowledged}"
    );
}

/// What changes again and again, as the progress of a roll-up does, must not fill the disk.
#[test]
fn a_file_of_what_counts_no_more_is_made_anew_while_it_runs() {
    let mut rig = Rig::new(1);
    let id = TaskId(7);
    let tell = |rig: &mut Rig, entry: Entry| {
        rig.writer.take(entry).expect("room");
        rig.rest();
        rig.writer.durable_bytes().expect("a file")
    };
    tell(&mut rig, Entry::Task(id, "{}".to_owned()));
    let mut most = 0;
    for round in 0..2_500 {
        let progress = Progress {
            next_ms: round,
            ..Progress::default()
        };
        most = most.max(tell(&mut rig, Entry::Progress(id, progress)));
    }
    assert!((4 << 20..5 << 20).contains(&most), "{most}");
    rig.crash();
    let control = rig.writer.committed();
    let task = control.tasks.get(id).expect("it is kept");
    assert_eq!(task.progress[0].next_ms, 2_499);
    assert_eq!(control.generation, 2_501);
}

#[test]
fn what_is_so_already_is_not_written_again() {
    let mut rig = Rig::new(1);
    let place = Place::default();
    let set = Entry::Metadata(place.clone(), "x".to_owned());
    for entry in [
        Entry::NoTask(TaskId(1)),
        set.clone(),
        set,
        Entry::NoMetadata(place),
    ] {
        let (_, ticket) = rig.writer.take(entry).expect("room");
        rig.rest();
        assert!(rig.writer.is_committed(ticket));
    }
    assert_eq!(rig.writer.committed().generation, 2);
}
