//! What is read back is what was told, up to some entry that all acknowledged ones are before: by chance,
//! on a disk that fails, with crashes; and whatever a file holds, it is read or refused.

use std::cell::RefCell;

use super::entry::{Entry, push_event, take};
use super::*;
use crate::base::random::Random;
use crate::model::event::{Event, EventRefused};
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
        self.writer.take_event(event.clone()).expect("room")
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

#[test]
fn entries_go_there_and_back_and_a_cut_one_is_none() {
    let mut random = Random::new(1);
    for id in 1..300 {
        let event = Event {
            id,
            ..event(&mut random)
        };
        let mut bytes = Vec::new();
        push_event(7 + id, &event, &mut bytes);
        if bytes.len() < 200 {
            for cut in 0..bytes.len() {
                assert_eq!(take(&mut &bytes[..cut]), None, "{event:?} at {cut}");
            }
        }
        bytes.push(9);
        let mut rest = &bytes[..];
        assert_eq!(take(&mut rest), Some((7 + id, Entry::Event(event))));
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
            let event = Event {
                id: 1 + random.below(9),
                ..event(&mut random)
            };
            push_event(random.below(9), &event, &mut bytes);
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << random.below(8);
        } else {
            let len = random.below(40);
            bytes.extend([1, 1, random.below(40) as u8]);
            bytes.extend((0..len).map(|_| random.next_u64() as u8));
        }
        if let Some((generation, Entry::Event(event))) = take(&mut &bytes[..]) {
            let mut again = Vec::new();
            push_event(generation, &event, &mut again);
            let entry = Some((generation, Entry::Event(event)));
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
    let told = "end at 20480: 4 records; generation 4, 4 events";
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
            push_event(generation, &event, &mut record);
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
    let told = writer.take_event(long).expect_err("too long");
    assert_eq!(told, ControlRefused::Event(EventRefused::Long));
    let large = Event {
        data: "x".repeat(50_000),
        ..event(&mut random)
    };
    let mut taken = 0;
    let refused = loop {
        match writer.take_event(large.clone()) {
            Ok((id, _)) => taken = id,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, ControlRefused::Busy);
    assert!((20..25).contains(&taken), "{taken}");
}

#[test]
fn a_file_that_is_mostly_padding_is_packed_at_a_start() {
    let mut rig = Rig::new(1);
    let mut random = Random::new(1);
    for _ in 0..1_500 {
        let small = Event {
            data: String::new(),
            ..event(&mut random)
        };
        rig.tell(&small);
        rig.rest();
    }
    let bytes = rig.writer.durable_bytes().expect("a file");
    assert_eq!(bytes, 1_501 * BLOCK_BYTES as u64);
    let events = rig.events();
    rig.crash();
    rig.rest();
    assert_eq!(rig.events(), events);
    let bytes = rig.writer.durable_bytes().expect("a file");
    assert!(bytes < 100 * BLOCK_BYTES as u64, "{bytes}");
    rig.tell(&event(&mut random));
    rig.rest();
    rig.crash();
    assert_eq!(rig.events().len(), events.len() + 1);
    assert_eq!(rig.writer.committed().generation, 1_501);
}

#[test]
fn acknowledged_entries_survive_faults_and_crashes() {
    let (mut crashes, mut acknowledged) = (0, 0);
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let mut rig = Rig::new(seed);
        rig.disk.get_mut().faults_percent = random.below(3) * 6;
        let mut told: Vec<Event> = Vec::new();
        let mut tickets: Vec<(ControlTicket, usize)> = Vec::new();
        let mut durable = 0;
        for _ in 0..300 {
            match random.below(12) {
                0..=2 => {
                    let event = event(&mut random);
                    let (id, ticket) = rig.tell(&event);
                    told.push(Event { id, ..event });
                    tickets.push((ticket, told.len()));
                }
                3 => rig.writer.retry(),
                4 if random.chance(20) => {
                    rig.crash();
                    crashes += 1;
                    let left = rig.events();
                    assert!(durable <= left.len(), "seed {seed}: {durable} were durable");
                    assert_eq!(left, told[..left.len()], "seed {seed}");
                    told.truncate(left.len());
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
            durable = done
                .map(|&(_, len)| len)
                .max()
                .unwrap_or(durable)
                .max(durable);
            let visible = rig.events();
            assert_eq!(visible, told[..visible.len()], "seed {seed}");
        }
        let disk = rig.disk.get_mut();
        (disk.is_full, disk.faults_percent) = (false, 0);
        for _ in 0..5 {
            rig.writer.retry();
            rig.rest();
        }
        assert_eq!(rig.events(), told, "seed {seed}");
        rig.crash();
        assert_eq!(rig.events(), told, "seed {seed}");
        acknowledged += told.len();
        assert_eq!(rig.disk.borrow().writes_after_fault, 0, "seed {seed}");
    }
    assert!(
        crashes > 200 && acknowledged > 2_000,
        "{crashes} {acknowledged}"
    );
}
