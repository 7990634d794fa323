//! What a start makes of a folder that was damaged, or is of another time.

use super::super::block::{self, FileHeader};
use super::super::dump;
use super::super::found::{Found, Hole, Recovered, ScanError};
use super::super::scan::Scan;
use super::crash::World;
use super::{Entry, replay};
use crate::base::random::Random;
use crate::seam::Disk;

/// A log of a few blocks, all durable, each its own commit.
fn log(blocks: u64) -> World {
    let mut world = World::new(77);
    for _ in 0..blocks {
        world.push(500);
        world.settle("a block");
    }
    world
}

fn scan(world: &World) -> Recovered {
    Scan::run(&world.disk, 3, 0, None).expect("a log")
}

#[test]
fn a_hole_is_told_and_both_sides_stay() {
    let mut world = log(6);
    let whole = scan(&world);
    assert_eq!(whole.report.blocks, 6);
    let hit = &whole.blocks[2];
    world
        .disk
        .damage(&hit.name, |bytes| bytes[hit.offset as usize + 70] ^= 4);
    let found = scan(&world);
    let hole = Hole {
        first_sequence: 3,
        last_sequence: 3,
    };
    assert_eq!(found.report.holes, [hole]);
    assert_eq!(
        (found.report.lost_blocks(), found.report.damaged_blocks),
        (1, 1)
    );
    let marks: Vec<(u64, bool)> = found
        .blocks
        .iter()
        .map(|block| (block.header.sequence, block.is_behind_hole))
        .collect();
    assert_eq!(
        marks,
        [(1, false), (2, false), (4, true), (5, true), (6, true)]
    );
    let mut start = found.start.clone();
    let hurt: Vec<bool> = start
        .files
        .iter()
        .map(|file| file.aside.is_some())
        .collect();
    assert_eq!(hurt, [true, false]);
    start.files[0] = whole.start.files[0].clone();
    assert_eq!(start, whole.start);
    let keep = replay(&found, &mut world.disk, 100);
    assert!(keep.entries.len() < world.pushed.len());
    let is_pushed = |(_, entry): &(u64, Entry)| world.pushed.contains(entry);
    assert!(keep.entries.iter().all(is_pushed));
}

#[test]
fn a_damaged_last_block_is_a_torn_tail() {
    let mut world = log(4);
    let last = scan(&world).blocks[3].clone();
    world
        .disk
        .damage(&last.name, |bytes| bytes[last.offset as usize + 70] ^= 4);
    let found = scan(&world);
    assert_eq!((found.report.blocks, found.report.damaged_blocks), (3, 1));
    assert_eq!(found.report.holes, []);
    assert_eq!(found.start.last_sequence, 3);
}

#[test]
fn a_damaged_first_page_costs_nothing() {
    let mut world = log(4);
    let name = scan(&world).blocks[0].name.clone();
    world.disk.damage(&name, |bytes| bytes[17] ^= 4);
    let found = scan(&world);
    assert_eq!(found.report.blocks, 4);
    assert_eq!(found.report.damaged_files, [name]);
}

#[test]
fn other_versions_are_refused_by_name() {
    let mut world = log(2);
    let hit = scan(&world).blocks[1].clone();
    // A whole block of version 2, as a later program may write it.
    let at = hit.offset as usize;
    let len = hit.header.bytes();
    world.disk.damage(&hit.name, |bytes| {
        bytes[at + 4] = 2;
        block::sign(&mut bytes[at..at + len]);
    });
    let fault = Scan::run(&world.disk, 3, 0, None).expect_err("a version");
    let text = fault.to_string();
    assert!(
        matches!(fault, ScanError::Version { version: 2, .. }),
        "{text}"
    );
    assert!(
        text.contains(&*hit.name) && text.contains("version 2"),
        "{text}"
    );

    let mut world = log(1);
    world.disk.damage(&hit.name, |bytes| {
        bytes[8] = 9;
        block::sign(&mut bytes[..4096]);
    });
    let text = Scan::run(&world.disk, 3, 0, None)
        .expect_err("a version")
        .to_string();
    assert!(
        text.contains(&*hit.name) && text.contains("version 9"),
        "{text}"
    );

    let mut world = log(1);
    world.disk.damage(&hit.name, |bytes| {
        bytes[32] |= 4;
        block::sign(&mut bytes[..4096]);
    });
    let text = Scan::run(&world.disk, 3, 0, None)
        .expect_err("a feature")
        .to_string();
    assert!(text.contains("features 0x4"), "{text}");
}

#[test]
fn other_books_and_shards_are_left_alone() {
    let world = log(2);
    let found = Scan::run(&world.disk, 3, 0, Some(8)).expect("a log");
    assert_eq!((found.report.blocks, found.report.foreign_blocks), (0, 2));
    let found = Scan::run(&world.disk, 4, 0, None).expect("a log");
    assert_eq!(found.report.files, 0);
}

#[test]
fn a_floor_leaves_out_what_is_below() {
    let world = log(5);
    let found = Scan::run(&world.disk, 3, 4, None).expect("a log");
    let kept: Vec<u64> = found
        .blocks
        .iter()
        .map(|block| block.header.sequence)
        .collect();
    assert_eq!(kept, [4, 5]);
    assert_eq!(found.report.holes, []);
    let found = Scan::run(&world.disk, 3, 6, None).expect("a log");
    assert_eq!(found.blocks, []);
    assert_eq!(
        (found.start.last_sequence, found.start.next_sequence),
        (5, 6)
    );
}

#[test]
fn any_damage_is_seen_and_never_read() {
    let world = log(5);
    let whole = scan(&world);
    let names = world.disk.names();
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut hurt = log_again(&world);
        let end = whole
            .blocks
            .iter()
            .map(|block| block.offset as usize + block.header.bytes())
            .max();
        let end = end.expect("blocks") as u64;
        for _ in 0..1 + random.below(3) {
            let name = names[random.below(names.len() as u64) as usize].clone();
            let at = random.below(end) as usize;
            let len = 1 + random.below(2000) as usize;
            hurt.disk.damage(&name, |bytes| match random.below(3) {
                0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
                1 => bytes.truncate(at),
                _ => bytes
                    .iter_mut()
                    .skip(at)
                    .take(len)
                    .for_each(|byte| *byte = random.next_u64() as u8),
            });
        }
        let found = scan(&hurt);
        for block in &found.blocks {
            let same = |other: &&_| {
                Found {
                    is_behind_hole: false,
                    ..block.clone()
                } == **other
            };
            assert!(whole.blocks.iter().any(|other| same(&other)), "seed {seed}");
        }
        let keep = replay(&found, &mut hurt.disk, 1000);
        assert!(keep.damaged.is_empty(), "seed {seed}");
        for name in hurt.disk.names() {
            let read = |offset, bytes| hurt.disk.read_at(&name, offset, bytes);
            dump::verify(read).expect("readable");
        }
    }
}

fn log_again(world: &World) -> World {
    let mut again = World::new(77);
    again.disk = world.disk.clone();
    again
}

#[test]
fn damage_between_scan_and_replay_is_told() {
    let mut world = log(3);
    let found = scan(&world);
    let hit = &found.blocks[1];
    world
        .disk
        .damage(&hit.name, |bytes| bytes[hit.offset as usize + 100] ^= 1);
    let keep = replay(&found, &mut world.disk, 100);
    assert_eq!(keep.damaged, ["2: the checksum does not match"]);
    assert_eq!(keep.behind_hole, [3]);
    assert!(keep.entries.iter().any(|(block, _)| *block == 3));
    assert!(keep.entries.iter().all(|(block, _)| *block != 2));
}

#[test]
fn a_dump_names_every_block() {
    let mut world = log(3);
    let found = scan(&world);
    let name = found.blocks[0].name.clone();
    let text = |world: &World| {
        let mut lines = Vec::new();
        let read = |offset, bytes| world.disk.read_at(&name, offset, bytes);
        let summary = dump::describe(read, |line| lines.push(line.to_owned())).expect("readable");
        (summary, lines)
    };
    let (summary, lines) = text(&world);
    assert!(summary.is_sound(), "{summary:?}");
    assert_eq!((summary.blocks, lines.len()), (3, 4));
    assert_eq!(
        (summary.points + summary.definitions) as usize,
        world.pushed.len()
    );
    assert!(lines[0].starts_with("log file, version 1, shard 3, epoch 1, first block 1"));
    assert!(
        lines[3].contains("block 3 generation 1 book 9"),
        "{}",
        lines[3]
    );
    let hit = &found.blocks[1];
    world
        .disk
        .damage(&name, |bytes| bytes[hit.offset as usize + 100] ^= 1);
    let (summary, lines) = text(&world);
    assert_eq!(
        (summary.blocks, summary.damaged, summary.unchained),
        (2, 1, 1)
    );
    assert!(!summary.is_sound() && lines.join("\n").contains("does not follow"));
}

#[test]
fn the_first_block_after_a_start_says_so() {
    let mut world = log(2);
    world.crash("a start");
    world.push(10);
    world.settle("a block");
    let blocks = scan(&world).blocks;
    let flags: Vec<u8> = blocks.iter().map(|block| block.header.flags).collect();
    assert_eq!(flags, [block::FLAG_FIRST, 0, block::FLAG_FIRST]);
}

#[test]
fn headers_come_back() {
    let header = FileHeader {
        shard: 7,
        epoch: 1 << 50,
        first_sequence: 1 << 40,
    };
    let bytes = header.to_bytes();
    assert_eq!(FileHeader::open(&bytes), Ok(header));
    for at in [0, 8, 11, 20, 30, 40, 59, 60, 63, 64, 4095] {
        let mut hurt = bytes;
        hurt[at] ^= 1;
        assert_eq!(
            FileHeader::open(&hurt),
            Err(block::Fault::Nothing),
            "byte {at}"
        );
    }
    assert!(matches!(
        FileHeader::open(&bytes[..100]),
        Err(block::Fault::Short(_))
    ));
}
