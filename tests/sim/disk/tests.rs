//! The rules of the simulated disk, shown over many seeds: what must hold always does, and what may
//! happen does now and then.

use std::collections::BTreeSet;

use corelane::seam::Disk;
use corelane::seam::disk::{Outcome, Room};

use super::*;
use crate::requests::{create, name, rename, sync, write};

const SEEDS: u64 = 300;

fn start(disk: &SimDisk, number: u64, request: Request) {
    disk.start(0, Job { owner: 1, number }, request);
}

/// Ask for one thing and bring it to its end, when nothing else is under way.
fn ask(disk: &SimDisk, request: Request) -> Result<Outcome, Fault> {
    assert_eq!(disk.in_flight(), 0);
    start(disk, 1, request);
    disk.complete().expect("it is under way").result
}

fn done(disk: &SimDisk, request: Request) {
    let what = format!("{request:?}");
    assert_eq!(ask(disk, request), Ok(Outcome::Done), "{what}");
}

fn content(disk: &SimDisk, text: &str) -> Option<Vec<u8>> {
    disk.read(text).expect("no faults are set")
}

/// A file `log/a` of two blocks of zeros, the first overwritten with ones and synced.
fn with_file(seed: u64) -> SimDisk {
    let disk = SimDisk::new(seed);
    done(&disk, create("log/a", 8192));
    done(&disk, write("log/a", 0, vec![1; 4096]));
    done(&disk, sync("log/a"));
    disk
}

fn blocks(first: u8, second: u8) -> Vec<u8> {
    [vec![first; 4096], vec![second; 4096]].concat()
}

#[test]
fn what_was_synced_survives_a_crash_and_the_rest_may_or_may_not() {
    let (mut kept, mut lost, mut torn) = (0, 0, 0);
    for seed in 0..SEEDS {
        let disk = with_file(seed);
        done(&disk, write("log/a", 4096, vec![2; 4096]));
        assert_eq!(content(&disk, "log/a"), Some(blocks(1, 2)), "seed {seed}");
        disk.crash();
        let found = content(&disk, "log/a").expect("it was made durable");
        assert_eq!(found[..4096], vec![1; 4096], "seed {seed}");
        let sectors: BTreeSet<&[u8]> = found[4096..].chunks(512).collect();
        for sector in &sectors {
            let first = sector[0];
            assert!(first == 0 || first == 2, "seed {seed}: {first}");
            assert!(sector.iter().all(|&byte| byte == first), "seed {seed}");
        }
        match sectors.len() {
            2 => torn += 1,
            _ if found[4096] == 2 => kept += 1,
            _ => lost += 1,
        }
    }
    assert!(30 < kept && 30 < lost && 30 < torn, "{kept} {lost} {torn}");
}

#[test]
fn a_killed_process_loses_nothing_that_was_done() {
    let mut differ = BTreeSet::new();
    for seed in 0..SEEDS {
        let disk = with_file(seed);
        done(&disk, write("log/a", 4096, vec![2; 4096]));
        start(&disk, 1, write("log/a", 0, vec![3; 4096]));
        disk.kill();
        assert_eq!(disk.in_flight(), 0);
        let found = content(&disk, "log/a").expect("it is there");
        assert_eq!(found[4096..], vec![2; 4096], "seed {seed}");
        assert!(
            found[..4096].iter().all(|&byte| byte == 1 || byte == 3),
            "seed {seed}"
        );
        differ.insert(found);
    }
    assert!(differ.contains(&blocks(1, 2)) && differ.contains(&blocks(3, 2)));
    assert!(
        10 < differ.len(),
        "torn writes of many kinds: {}",
        differ.len()
    );
}

#[test]
fn writes_of_one_place_are_never_mixed_below_sectors() {
    let mut found = BTreeSet::new();
    for seed in 0..SEEDS {
        let disk = with_file(seed);
        done(&disk, write("log/a", 4096, vec![2; 4096]));
        done(&disk, write("log/a", 4096, vec![3; 4096]));
        disk.crash();
        let bytes = content(&disk, "log/a").expect("it was made durable");
        bytes
            .chunks(512)
            .for_each(|sector| assert!(sector.iter().all(|&byte| byte == sector[0])));
        found.extend(bytes[4096..].iter().copied());
    }
    assert_eq!(found, BTreeSet::from([0, 2, 3]));
}

#[test]
fn a_sync_takes_what_was_done_before_it_began() {
    let mut later = BTreeSet::new();
    for seed in 0..SEEDS {
        let disk = with_file(seed);
        done(&disk, write("log/a", 0, vec![2; 4096]));
        start(&disk, 2, sync("log/a"));
        start(&disk, 3, write("log/a", 4096, vec![3; 4096]));
        while let Some(completion) = disk.complete() {
            assert_eq!(completion.result, Ok(Outcome::Done), "seed {seed}");
        }
        disk.crash();
        let found = content(&disk, "log/a").expect("it was made durable");
        assert_eq!(found[..4096], vec![2; 4096], "seed {seed}");
        later.insert(found[4096]);
    }
    assert_eq!(later, BTreeSet::from([0, 3]));
}

#[test]
fn a_failed_sync_is_not_mended_by_the_next_one() {
    let mut lost = 0;
    for seed in 0..SEEDS {
        let disk = with_file(seed);
        done(&disk, write("log/a", 4096, vec![2; 4096]));
        disk.set_faults(Faults {
            sync: 1000,
            ..Faults::default()
        });
        assert!(matches!(ask(&disk, sync("log/a")), Err(Fault::Broken(_))));
        disk.set_faults(Faults::default());
        done(&disk, sync("log/a"));
        assert_eq!(
            content(&disk, "log/a"),
            Some(blocks(1, 2)),
            "it is still seen"
        );
        // What is written once more is durable again, and nothing older comes back over it.
        done(&disk, write("log/a", 0, vec![5; 4096]));
        done(&disk, sync("log/a"));
        disk.crash();
        let found = content(&disk, "log/a").expect("it was made durable");
        assert_eq!(found[..4096], vec![5; 4096], "seed {seed}");
        lost += u64::from(found[4096..] != vec![2; 4096]);
    }
    assert!(SEEDS / 3 < lost, "{lost}");
    for seed in 0..SEEDS {
        let disk = with_file(seed);
        done(&disk, write("log/a", 0, blocks(2, 2)));
        disk.set_faults(Faults {
            sync: 1000,
            ..Faults::default()
        });
        assert!(ask(&disk, sync("log/a")).is_err());
        disk.set_faults(Faults::default());
        done(&disk, write("log/a", 0, blocks(3, 3)));
        done(&disk, sync("log/a"));
        disk.crash();
        assert_eq!(content(&disk, "log/a"), Some(blocks(3, 3)), "seed {seed}");
    }
}

#[test]
fn a_sync_that_lies_shows_after_a_crash() {
    let mut lost = 0;
    for seed in 0..SEEDS {
        let disk = with_file(seed);
        disk.set_faults(Faults {
            lie: 1000,
            ..Faults::default()
        });
        done(&disk, write("log/a", 4096, vec![2; 4096]));
        done(&disk, sync("log/a"));
        disk.crash();
        lost += u64::from(content(&disk, "log/a") != Some(blocks(1, 2)));
    }
    assert!(SEEDS / 3 < lost, "{lost}");
}

#[test]
fn names_are_durable_when_done_and_either_way_when_not() {
    let mut ways = BTreeSet::new();
    for seed in 0..SEEDS {
        let disk = with_file(seed);
        done(&disk, rename("log/a", "segments/b"));
        done(
            &disk,
            Request::Link {
                from: name("segments/b"),
                to: name("snapshots/s/b"),
            },
        );
        done(&disk, create("log/c", 4096));
        done(
            &disk,
            Request::Remove {
                name: name("log/none"),
            },
        );
        start(&disk, 9, rename("log/c", "log/d"));
        disk.crash();
        assert_eq!(content(&disk, "log/a"), None, "seed {seed}");
        for file in ["segments/b", "snapshots/s/b"] {
            assert_eq!(content(&disk, file), Some(blocks(1, 0)), "seed {seed}");
        }
        ways.insert(["log/c", "log/d"].map(|file| content(&disk, file).is_some()));
    }
    assert!(
        ways.contains(&[true, false]) && ways.contains(&[false, true]),
        "{ways:?}"
    );
    let missing = SimDisk::new(1);
    assert_eq!(ask(&missing, rename("a", "b")), Err(Fault::Missing));
    assert_eq!(ask(&missing, sync("a")), Err(Fault::Missing));
    assert_eq!(
        ask(&missing, write("a", 0, vec![0; 4096])),
        Err(Fault::Missing)
    );
}

#[test]
fn a_fault_at_a_name_leaves_it_either_way() {
    let mut ways = BTreeSet::new();
    for seed in 0..SEEDS {
        let disk = with_file(seed);
        disk.set_faults(Faults {
            name: 1000,
            ..Faults::default()
        });
        assert!(matches!(
            ask(&disk, rename("log/a", "log/b")),
            Err(Fault::Broken(_))
        ));
        disk.set_faults(Faults::default());
        let seen = content(&disk, "log/b").is_some();
        disk.crash();
        ways.insert((
            seen,
            content(&disk, "log/a").is_some(),
            content(&disk, "log/b").is_some(),
        ));
    }
    for way in [
        (false, true, false),
        (true, true, false),
        (true, false, true),
    ] {
        assert!(ways.contains(&way), "{ways:?}");
    }
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    for seed in 0..SEEDS {
        let disk = with_file(seed);
        disk.set_room(Some(16_384));
        assert_eq!(ask(&disk, create("log/b", 12_288)), Err(Fault::Full));
        assert_eq!(
            ask(&disk, write("log/a", 8192, vec![1; 12_288])),
            Err(Fault::Full)
        );
        done(&disk, write("log/a", 4096, vec![1; 4096]));
        assert!(disk.replace("manifest", &[1; 9000]).is_err());
        let length = content(&disk, "log/a").expect("it is there").len() as u64;
        let room = Room {
            total_bytes: 16_384,
            free_bytes: 16_384 - length,
        };
        assert_eq!(
            ask(&disk, Request::Room),
            Ok(Outcome::Room(room)),
            "seed {seed}"
        );
        done(
            &disk,
            Request::Remove {
                name: name("log/a"),
            },
        );
        done(&disk, create("log/b", 12_288));
        // Made anew, it takes the room of what had its name.
        done(&disk, create("log/b", 16_384));
    }
}

#[test]
fn reads_fail_and_turn_bits_as_often_as_told() {
    let disk = with_file(1);
    let read = || Request::Read {
        name: name("log/a"),
        offset: 0,
        bytes: 1 << 20,
    };
    assert_eq!(ask(&disk, read()), Ok(Outcome::Bytes(blocks(1, 0))));
    disk.set_faults(Faults {
        read: 500,
        ..Faults::default()
    });
    let failed = (0..1000).filter(|_| ask(&disk, read()).is_err()).count();
    assert!((400..600).contains(&failed), "{failed}");
    disk.set_faults(Faults {
        flip: 1000,
        ..Faults::default()
    });
    for _ in 0..100 {
        let Ok(Outcome::Bytes(read)) = ask(&disk, read()) else {
            panic!("a read that fails")
        };
        let bits: u32 = read
            .iter()
            .zip(blocks(1, 0))
            .map(|(a, b)| (a ^ b).count_ones())
            .sum();
        assert_eq!(bits, 1);
    }
    disk.set_faults(Faults::default());
    assert_eq!(ask(&disk, read()), Ok(Outcome::Bytes(blocks(1, 0))));
    assert!(disk.rot("log/a", 5000, 3) && !disk.rot("log/a", 9000, 3) && !disk.rot("b", 0, 0));
    disk.crash();
    assert_eq!(content(&disk, "log/a").map(|bytes| bytes[5000]), Some(8));
}

#[test]
fn an_outage_comes_at_any_effect_and_nothing_follows_it() {
    for after in 0..6 {
        let disk = with_file(after);
        disk.set_outage_after(after);
        let mut calls = 0;
        for number in 0..3 {
            start(&disk, number, write("log/a", 0, vec![9; 4096]));
            calls += u64::from(disk.complete().is_some());
            calls += u64::from(disk.list("log").is_ok());
        }
        assert_eq!(calls, after);
        assert!(disk.is_out() && disk.complete().is_none());
        assert!(disk.replace("x", b"y").is_err() && disk.rename("log/a", "b").is_err());
        disk.crash();
        assert!(!disk.is_out());
        let listed = disk.list("log").expect("the power is back");
        assert_eq!(listed, [("a".to_owned(), 8192)]);
    }
}

#[test]
fn small_files_are_replaced_whole() {
    for seed in 0..SEEDS {
        let disk = SimDisk::new(seed);
        disk.replace("manifest", b"one").expect("room");
        disk.replace("manifest", b"three").expect("room");
        disk.crash();
        assert_eq!(content(&disk, "manifest"), Some(b"three".to_vec()));
        disk.set_faults(Faults {
            write: 1000,
            ..Faults::default()
        });
        assert!(disk.replace("manifest", b"four").is_err());
        disk.crash();
        disk.set_faults(Faults::default());
        assert_eq!(
            content(&disk, "manifest"),
            Some(b"three".to_vec()),
            "seed {seed}"
        );
        assert_eq!(disk.read_at("manifest", 1, 3).expect("there"), b"hre");
        disk.rename("manifest", "quarantine/m").expect("there");
        assert_eq!(
            disk.list("")
                .expect("listed")
                .iter()
                .filter(|(n, _)| n == "manifest")
                .count(),
            0
        );
        assert_eq!(
            disk.list("quarantine").expect("listed"),
            [("m".to_owned(), 5)]
        );
        assert_eq!(disk.list("none").expect("listed"), []);
    }
}

/// The same seed gives the same run; other seeds give other orders.
#[test]
fn a_seed_replays_exactly() {
    let run = |seed: u64| {
        let disk = SimDisk::new(seed);
        disk.set_faults(Faults {
            write: 100,
            sync: 100,
            read: 100,
            flip: 100,
            name: 100,
            lie: 100,
            lie_in: "",
        });
        let mut told = Vec::new();
        for number in 0..40 {
            let file = ["log/a", "log/b"][(number % 2) as usize];
            start(
                &disk,
                number,
                match number {
                    0 | 1 => create(file, 4096 * number),
                    _ if number % 7 == 0 => sync(file),
                    _ => write(file, number * 4096, vec![number as u8; 8192]),
                },
            );
            if 4 < disk.in_flight() {
                told.extend(disk.complete());
            }
            if number == 20 {
                disk.crash();
            }
        }
        while let Some(completion) = disk.complete() {
            told.push(completion);
        }
        let order: Vec<u64> = told
            .iter()
            .map(|completion| completion.job.number)
            .collect();
        disk.crash();
        disk.set_faults(Faults::default());
        let found = ["log/a", "log/b"].map(|file| content(&disk, file));
        (
            format!("{told:?}"),
            order,
            found,
            disk.names(),
            disk.written_bytes(),
        )
    };
    let mut orders = BTreeSet::new();
    for seed in 0..40 {
        let (one, two) = (run(seed), run(seed));
        assert!(one == two, "seed {seed}");
        orders.insert(one.1);
    }
    assert!(30 < orders.len());
}

#[test]
fn bytes_are_counted_by_folder() {
    let disk = with_file(1);
    done(&disk, create("segments/a", 4096));
    assert_eq!(disk.written_bytes_in("log"), 8192 + 4096);
    assert_eq!(disk.written_bytes(), 8192 + 4096 + 4096);
}

#[test]
#[should_panic(expected = "two shards write log/a")]
fn two_writers_are_caught() {
    let disk = with_file(1);
    disk.start(
        1,
        Job {
            owner: 0,
            number: 0,
        },
        write("log/a", 0, vec![0; 4096]),
    );
}

#[test]
#[should_panic(expected = "offset: 100")]
fn parts_of_blocks_are_caught() {
    start(&with_file(1), 0, write("log/a", 100, vec![0; 4096]));
}

/// A build that trusted its bytes as long as the checksum is right is fooled by this.
#[test]
fn a_checksum_does_not_tell_what_is_to_be_unseen() {
    let disk = with_file(1);
    let before = content(&disk, "log/a").expect("the file");
    disk.rot_unseen("log/a", 77);
    let after = content(&disk, "log/a").expect("the file");
    assert_ne!(before, after);
    assert_eq!(crc32c::crc32c(&before), crc32c::crc32c(&after));
}
