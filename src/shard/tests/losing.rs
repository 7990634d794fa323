//! What one bad place of a log or a book costs: itself and no more, and answers say so until the next start.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::*;
use crate::query::merge::{Merge, Merged};
use crate::store::log::Scan as LogScan;
use crate::store::log::found::Found as Block;
use crate::store::recover;

const FIRST_S: i64 = 1_700_000_000;
const SERIES: usize = 20;
/// Longer than the head's blocks begin anew with a value that is told from nothing.
const ROUNDS: i64 = 60;

/// By name, and by second.
type All = BTreeMap<(String, i64), String>;

/// One point of each series, in a block of the log of its own.
fn send(world: &mut World, round: i64) {
    let mut text = String::new();
    for series in 0..SERIES as i64 {
        let value = match series {
            0..8 => format!("{}.5", round * series % 11),
            8..14 => format!("{}", 0.123_456_789_012_3 * (round + series + 1) as f64),
            _ => format!("{}", (round * round * series) % 1000),
        };
        let _ = writeln!(text, "m.s{series} {value} {}", FIRST_S + round);
    }
    commit(world, &text);
}

fn commit(world: &mut World, text: &str) {
    let mut feed = Feed::new(Protocol::Graphite, Source::default());
    assert_eq!(world.send(&mut feed, text.as_bytes()), Verdict::Keep);
    world.shard.landing.store.ticket();
    world.rest();
    world.stamp += 2_000_000;
    world.rest();
}

fn grown() -> World {
    let mut world = World::new();
    (0..ROUNDS).for_each(|round| send(&mut world, round));
    world
}

fn all(world: &mut World) -> All {
    let shown = world.show();
    let lines = shown.lines().filter_map(|line| line.split_once(' '));
    let points = lines.flat_map(|(name, list)| {
        let points = list.split(',').filter_map(|point| point.split_once('@'));
        points.map(|(value, second)| {
            let second = second.parse().expect("a number");
            ((name.to_owned(), second), value.to_owned())
        })
    });
    points.collect()
}

/// The process ends; the next one finds this folder. `meanwhile` happens between its look at the folder and
/// the replay. Gives what it told besides.
fn again(disk: FakeDisk, meanwhile: impl FnOnce(&mut FakeDisk)) -> (World, String) {
    let disk = RefCell::new(disk);
    let mut found = recover::open(&disk, 1).expect("a folder");
    let mut told = [&found.notes[..], &found.ends].concat().join("\n");
    let start = found.starts.remove(&0).expect("the first shard");
    let shard = Shard::new(options(), start, &disk).expect("a folder");
    let mut world = World {
        shard,
        disk,
        buffer: ReadBuffer::default(),
        stamp: found.highest.0 + 1,
    };
    meanwhile(world.disk.get_mut());
    while world.shard.is_recovering() {
        world.rest();
    }
    world.rest();
    told.push_str(&world.shard.take_troubles().join("\n"));
    (world, told)
}

fn crashed(world: &World) -> FakeDisk {
    let mut disk = world.disk.borrow().clone();
    disk.crash();
    disk
}

fn blocks(world: &World) -> Vec<Block> {
    LogScan::run(&world.disk, 0, 0, None).expect("a log").blocks
}

/// Whether an answer says that it may lack points.
fn is_flagged(world: &mut World) -> bool {
    let want = Want::Points {
        selectors: Arc::new([Selector::Path("m.*".to_owned())]),
        from: Millis::MIN,
        until: Millis::MAX,
        last_slots: Arc::new([]),
    };
    let plan = Plan::new(TenantId::DEFAULT, want, Limits::default());
    let mut scan = Scan::new(plan.clone(), Stamp(world.stamp));
    let partial = loop {
        let Landing { index, store, .. } = &mut world.shard.landing;
        match scan.step(index, store, &mut world.shard.results, 1000) {
            Step::Done(found) => break found.expect("within limits"),
            Step::More => {}
            Step::Waiting => assert!(world.turn_disk(), "it waits for nothing"),
        }
    };
    let mut merge = Merge::new(&plan, vec![partial]);
    loop {
        if let Some(merged) = merge.step(1000) {
            let Ok(Merged::Points(points)) = merged else {
                panic!("points");
            };
            return points.damaged;
        }
    }
}

/// All but one round.
fn without(whole: &All, round: i64) -> All {
    let mut rest = whole.clone();
    rest.retain(|(_, second), _| *second != FIRST_S + round);
    rest
}

#[test]
fn a_bad_block_costs_itself() {
    let mut world = grown();
    let whole = all(&mut world);
    assert_eq!(whole.len(), SERIES * ROUNDS as usize);
    let blocks = blocks(&world);
    assert_eq!(blocks.len(), ROUNDS as usize);
    for round in [0, 1, 2, 7, 30, ROUNDS - 2] {
        let hit = &blocks[round as usize];
        let mut disk = crashed(&world);
        disk.content(&hit.name).expect("a file")[hit.offset as usize + 70] ^= 4;
        let (mut next, told) = again(disk, |_| {});
        assert_eq!(all(&mut next), without(&whole, round), "round {round}");
        assert!(told.contains("has lost 1 blocks"), "{told}");
        assert!(is_flagged(&mut next));
        assert_eq!(next.shard.describe().store.log_lost_blocks, 1);
        // Sealed, and all is as well as it can be.
        next.shard.landing.store.settle(false);
        next.rest();
        let (mut last, told) = again(crashed(&next), |_| {});
        assert_eq!((told.as_str(), is_flagged(&mut last)), ("", false));
        assert_eq!(all(&mut last), without(&whole, round));
        let files = last.disk.get_mut().names();
        let kept = files
            .iter()
            .filter(|name| name.starts_with("quarantine/000-000001-"));
        assert_eq!(kept.count(), 1, "{files:?}");
    }
}

/// Nobody can know whether the end of a log was damaged or torn: it is told.
#[test]
fn damage_at_the_end_is_told() {
    let mut world = grown();
    let whole = all(&mut world);
    let last = blocks(&world).pop().expect("blocks");
    let mut disk = crashed(&world);
    disk.content(&last.name).expect("a file")[last.offset as usize + 70] ^= 4;
    let (mut next, told) = again(disk, |_| {});
    assert_eq!(all(&mut next), without(&whole, ROUNDS - 1));
    assert!(
        told.contains("if no power was lost, 1 acknowledged blocks are gone"),
        "{told}"
    );
}

#[test]
fn what_the_disk_cannot_read_of_a_log_is_told_and_not_written_over() {
    let mut world = grown();
    let whole = all(&mut world);
    let blocks = blocks(&world);
    // In the midst, and at the end.
    for round in [3, ROUNDS - 1] {
        let hit = &blocks[round as usize];
        let place = |times| (hit.name.to_string(), hit.offset, times);
        let mut disk = crashed(&world);
        disk.unreadable = vec![place(u64::MAX)];
        let (mut next, told) = again(disk, |_| {});
        assert_eq!(all(&mut next), without(&whole, round), "round {round}");
        assert!(
            told.contains("cannot read 1 places") && told.contains("in 1 of them"),
            "{told}"
        );
        assert!(is_flagged(&mut next));
        assert_eq!(next.shard.describe().store.log_lost_blocks, 1);
        // What comes now is safe, whatever the disk reads later.
        send(&mut next, ROUNDS);
        let mut disk = crashed(&next);
        disk.unreadable.clear();
        let (mut last, _) = again(disk, |_| {});
        let mut want = without(&whole, round);
        want.extend(all(&mut next).split_off(&(String::new(), 0)));
        let got = all(&mut last);
        assert!(
            want.iter().all(|point| got.get(point.0) == Some(point.1)),
            "round {round}"
        );

        next.shard.landing.store.settle(false);
        next.rest();
        let files = next.disk.get_mut().names();
        assert!(
            files
                .iter()
                .any(|name| name.starts_with("quarantine/000-000001-")),
            "{files:?}"
        );

        let mut disk = crashed(&world);
        disk.unreadable = vec![place(2)];
        let (mut next, told) = again(disk, |_| {});
        assert_eq!(all(&mut next), whole, "the third read is good");
        assert!(told.is_empty() && !is_flagged(&mut next), "{told}");
    }
}

/// A controller that answers again after a new start costs nothing.
#[test]
fn a_log_that_cannot_be_read_at_one_start_is_there_at_the_next() {
    let mut world = grown();
    let whole = all(&mut world);
    let name = blocks(&world)[0].name.to_string();
    let mut disk = crashed(&world);
    let pages = ROUNDS as u64 + 5;
    disk.content(&name)
        .expect("a file")
        .truncate(4096 * pages as usize);
    let place = |page| (name.clone(), 4096 * page, u64::MAX);
    disk.unreadable = (0..pages).map(place).collect();
    let (mut next, told) = again(disk, |_| {});
    assert!(
        all(&mut next).is_empty() && told.contains("cannot read"),
        "{told}"
    );
    assert!(is_flagged(&mut next));
    let mut disk = next.disk.borrow().clone();
    disk.unreadable.clear();
    let (mut last, told) = again(disk, |_| {});
    assert_eq!(all(&mut last), whole, "{told}");
    assert!(told.is_empty() && !is_flagged(&mut last), "{told}");
}

#[test]
fn a_log_of_a_shard_that_is_no_more_stays_while_it_cannot_be_read() {
    let mut disk = crashed(&booked(1));
    let name = "log/001-000001.log".to_owned();
    disk.put(&name, vec![0; 4096 * 10]);
    disk.unreadable = (0..10)
        .map(|page| (name.clone(), 4096 * page, u64::MAX))
        .collect();
    let (mut next, told) = again(disk, |_| {});
    assert!(told.contains("of the log of shard 1"), "{told}");
    next.shard.landing.store.settle(false);
    next.rest();
    assert!(next.disk.get_mut().names().contains(&name));
    // It turns out to be one that was never used.
    let mut disk = crashed(&next);
    disk.unreadable.clear();
    let (mut last, told) = again(disk, |_| {});
    assert!(!last.disk.get_mut().names().contains(&name), "{told}");
}

#[test]
fn a_read_that_fails_while_a_log_is_replayed_costs_one_block() {
    let mut world = grown();
    let whole = all(&mut world);
    let hit = blocks(&world)[9].clone();
    for (times, lost) in [(2, false), (3, false), (u64::MAX, true)] {
        let place = (hit.name.to_string(), hit.offset, times);
        let (mut next, told) = again(crashed(&world), |disk| disk.unreadable = vec![place]);
        let want = match lost {
            true => without(&whole, 9),
            false => whole.clone(),
        };
        assert_eq!(all(&mut next), want, "{times} times");
        assert_eq!(told.contains("cannot be read"), lost, "{told}");
        assert_eq!(is_flagged(&mut next), lost);
    }
}

/// Some series in each record of the book.
fn booked(rounds: i64) -> World {
    let mut world = World::new();
    for round in 0..rounds {
        let mut text = String::new();
        for series in 0..5 {
            let _ = writeln!(text, "m.r{round}s{series} {round} {}", FIRST_S + round);
        }
        commit(&mut world, &text);
    }
    world
}

#[test]
fn a_bad_record_of_a_book_costs_its_series() {
    const RECORDS: i64 = 8;
    let mut world = booked(RECORDS);
    world.shard.landing.store.settle(false);
    world.rest();
    let whole = all(&mut world);
    let mut disk = crashed(&world);
    let book = "books/000000.book";
    assert_eq!(
        disk.content(book).expect("a book").len(),
        4096 * (1 + RECORDS as usize)
    );
    // The log is used again, and does not know them any more.
    let logs = disk
        .names()
        .into_iter()
        .filter(|name| name.starts_with("log/"));
    logs.for_each(|name| disk.content(&name).expect("a file").fill(0));
    for (page, is_unreadable) in [
        (0, false),
        (1, false),
        (4, false),
        (8, false),
        (4, true),
        (8, true),
    ] {
        let mut hurt = disk.clone();
        match is_unreadable {
            true => hurt.unreadable = vec![(book.to_owned(), 4096 * page, u64::MAX)],
            false => hurt.content(book).expect("a book")[4096 * page as usize + 30] ^= 4,
        }
        let (mut next, told) = again(hurt, |_| {});
        let mut want = whole.clone();
        want.retain(|(_, second), _| page == 0 || *second != FIRST_S + page as i64 - 1);
        let what = format!("page {page}, {is_unreadable}: {told}");
        assert_eq!(all(&mut next), want, "{what}");
        assert!(told.contains("It was made anew"), "{what}");
        assert_eq!(is_flagged(&mut next), page != 0, "{what}");
        // New ones get numbers of their own, and the next start finds a whole book.
        commit(&mut next, &format!("m.new 7 {FIRST_S}\n"));
        next.shard.landing.store.settle(false);
        next.rest();
        let mut disk = crashed(&next);
        disk.unreadable.clear();
        let (mut last, told) = again(disk, |_| {});
        want.insert(("m.new".to_owned(), FIRST_S), "7".to_owned());
        assert_eq!(all(&mut last), want, "{what}");
        assert_eq!(
            (told.as_str(), is_flagged(&mut last)),
            ("", false),
            "{what}"
        );
        let files = last.disk.get_mut().names();
        assert!(
            files
                .iter()
                .any(|name| name.starts_with("quarantine/000000-")),
            "{files:?}"
        );
    }
    // Where it is not there at all, a start is refused.
    disk.content(book).expect("a book").clear();
    let disk = RefCell::new(disk);
    let mut found = recover::open(&disk, 1).expect("a folder");
    let start = found.starts.remove(&0).expect("the first shard");
    let error = Shard::new(options(), start, &disk)
        .err()
        .expect("refused")
        .to_string();
    assert!(error.contains("cut inside its header"), "{error}");
}

/// A file that another book's stands in place of is there still, so nothing is made anew.
#[test]
fn another_book_in_its_place_stops_the_start() {
    let mut world = booked(8);
    world.shard.landing.store.settle(false);
    world.rest();
    let mut disk = crashed(&world);
    let book = "books/000000.book";
    let bytes = disk.content(book).expect("a book").len() as u64;
    let needed = store::manifest::BookInfo { numbers: 0, bytes };
    disk.put(book, store::book::whole(1, 1, needed, []));
    let names = disk.names();
    let disk = RefCell::new(disk);
    let mut found = recover::open(&disk, 1).expect("a folder");
    let start = found.starts.remove(&0).expect("the first shard");
    let refused = Shard::new(options(), start, &disk).err().expect("refused");
    assert!(
        refused.to_string().contains("of book 1, not of book 0"),
        "{refused}"
    );
    assert_eq!(disk.borrow().names(), names, "nothing is put aside");
}

/// What the log still tells is not lost with the book.
#[test]
fn a_log_tells_what_a_book_has_lost() {
    let mut world = booked(3);
    world.shard.landing.store.settle(false);
    world.rest();
    commit(&mut world, &format!("m.late 1 {FIRST_S}\n"));
    let whole = all(&mut world);
    let mut disk = crashed(&world);
    let bytes = disk.content("books/000000.book").expect("a book");
    let last = bytes.len() - 4096;
    bytes[last + 30] ^= 4;
    let (mut next, _) = again(disk, |_| {});
    assert_eq!(all(&mut next), whole);
}

/// Definitions are in the book soon, not only when a segment needs them.
#[test]
fn a_lost_block_takes_no_names() {
    let mut world = booked(4);
    let whole = all(&mut world);
    let hit = blocks(&world)[1].clone();
    let mut disk = crashed(&world);
    disk.content(&hit.name).expect("a file")[hit.offset as usize + 70] ^= 4;
    let (mut next, _) = again(disk, |_| {});
    let mut feed = Feed::new(Protocol::Graphite, Source::default());
    next.send(&mut feed, format!("m.r1s0 5 {}\n", FIRST_S + 1).as_bytes());
    assert_eq!(next.shard.landing.index.len(), 20, "no series came anew");
    let mut want = without(&whole, 1);
    want.insert(("m.r1s0".to_owned(), FIRST_S + 1), "5".to_owned());
    let got: All = all(&mut next)
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect();
    assert_eq!(got, want);
}
