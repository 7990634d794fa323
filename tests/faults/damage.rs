//! The real binary on a disk that gives back other bits than it was given: an answer lacks points and
//! says so, and never has a wrong one.

use std::time::Duration;

use crate::harness::faulty::{Faulty, On, Rule, Then};
use crate::harness::{Scratch, wait_until};
use crate::ledger::Ledger;
use crate::power::appliance;

/// All stays in the log for the time of a test.
const LATE_SEALS: [(&str, &str); 2] = [
    ("head.seal_seconds", "600"),
    ("head.seal_bytes", "60000000"),
];

/// A book without names is so long.
const BOOK_HEADER_BYTES: u64 = 4096;

/// A read is tried so often before its part counts as damaged.
const TRIES: u64 = 3;

#[test]
fn flipped_bits_are_never_answered() {
    let scratch = Scratch::new("flips");
    let Some(faulty) = Faulty::mount(scratch.path()) else {
        return;
    };
    let mut server = appliance(&faulty, scratch.path(), &[]);
    let mut ledger = Ledger::new("flips");
    server.start();
    for _ in 0..4 {
        ledger.send_all(&server, 100);
        assert_eq!(server.post("/admin/seal", "").status, 200);
    }
    let all = ledger.look(&server).points;
    let (mut healed, mut lacking) = (0, 0);
    for skip in 0..8 {
        for times in [1, TRIES, 1 << 40] {
            server.stop();
            faulty.clear_rules();
            server.start();
            let hits = faulty.hits();
            faulty.add_rule(Rule {
                path: "segments/".to_owned(),
                on: On::Read,
                then: Then::Flip,
                skip,
                times,
            });
            let seen = ledger.look(&server);
            let log = server.log();
            let struck = hits < faulty.hits();
            assert_eq!(0 < seen.missing, seen.partial.is_some(), "{seen:?}\n{log}");
            if seen.missing == 0 {
                healed += u64::from(struck);
                // Several parts may share the flips.
                assert!(
                    times <= TRIES || !struck,
                    "{seen:?} after {times} flips\n{log}"
                );
                continue;
            }
            lacking += 1;
            assert!(struck, "{seen:?}\n{log}");
            assert_eq!(seen.partial.as_deref(), Some("damage"));
            assert!(log.contains("is damaged at byte"), "{log}");
            assert!(0.0 < server.metric("corelane_segment_damaged"));
            // From then on it is not a matter of luck.
            faulty.clear_rules();
            assert_eq!(ledger.look(&server), seen);
        }
    }
    assert!(
        0 < healed && 0 < lacking,
        "{healed} healed, {lacking} lacking"
    );
    server.stop();
    faulty.clear_rules();
    server.start();
    // What was damaged on its way is sound on the disk.
    let seen = ledger.look(&server);
    assert_eq!(
        (seen.points, seen.missing),
        (all, 0),
        "{seen:?}\n{}",
        server.log()
    );
    server.stop();
}

/// A bit that turned on the disk costs a part of a file, and the rest of it answers.
#[test]
fn rot_costs_no_more_than_its_page() {
    let scratch = Scratch::new("rot");
    let Some(faulty) = Faulty::mount(scratch.path()) else {
        return;
    };
    let mut server = appliance(&faulty, scratch.path(), &[]);
    let mut ledger = Ledger::new("rot");
    server.start();
    ledger.send_all(&server, 150);
    assert_eq!(server.post("/admin/seal", "").status, 200);
    let all = ledger.look(&server).points;
    server.stop();
    let folder = server.data().join("segments");
    let files = std::fs::read_dir(&folder).expect("it is there");
    let sizes = files.filter_map(|file| {
        let file = file.ok()?;
        Some((file.metadata().ok()?.len(), file.path()))
    });
    let (bytes, path) = sizes.max().expect("a segment");
    let sound = std::fs::read(&path).expect("it can be read");
    let name = path
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let (mut parts, mut whole) = (0, 0);
    const PLACES: u64 = 12;
    for place in 0..PLACES {
        let offset = (bytes - 1) * place / (PLACES - 1);
        let mut rotten = sound.clone();
        rotten[offset as usize] ^= 0x10;
        std::fs::write(&path, &rotten).expect("written");
        server.start();
        let seen = ledger.look(&server);
        let log = server.log();
        assert_eq!(
            0 < seen.missing,
            seen.partial.is_some(),
            "byte {offset}: {seen:?}\n{log}"
        );
        whole += u64::from(seen.missing == 0);
        if 0 < seen.missing {
            assert_eq!(seen.partial.as_deref(), Some("damage"));
            assert!(
                log.contains(&format!("segments/{name} is damaged at byte")),
                "{log}"
            );
            assert!(0.0 < server.metric("corelane_segment_damaged"));
            // Other files, and mostly other pages of this one, are not touched.
            assert!(0 < seen.points, "byte {offset}: {seen:?}");
            parts += 1;
        }
        server.stop();
        std::fs::write(&path, &sound).expect("written");
    }
    eprintln!("{parts} of {PLACES} cost points, {whole} none");
    assert!(0 < parts);
    server.start();
    let seen = ledger.look(&server);
    assert_eq!(
        (seen.points, seen.missing),
        (all, 0),
        "{seen:?}\n{}",
        server.log()
    );
    server.stop();
}

/// Points of a ledger in one request.
const REQUEST_POINTS: usize = 200;

/// A bit that turned in the log while nobody ran costs one block of it, which is told; and of the next, what
/// comes before a value of another scale, for its differences sum up to nothing known.
#[test]
fn rot_in_a_log_costs_its_block() {
    let scratch = Scratch::new("rot-log");
    let Some(faulty) = Faulty::mount(scratch.path()) else {
        return;
    };
    let mut server = appliance(&faulty, scratch.path(), &LATE_SEALS);
    let mut ledger = Ledger::new("rotlog");
    server.start();
    ledger.send_all(&server, 30);
    // A second after the first of them, or a bit that turned could cost all names.
    let book = server.data().join("books/000000.book");
    wait_until(
        "names in the book",
        Duration::from_secs(20),
        || match std::fs::metadata(&book).map(|book| book.len()) {
            Ok(bytes) if BOOK_HEADER_BYTES < bytes => Ok(()),
            other => Err(format!("{other:?}")),
        },
    );
    server.crash();
    let log = server.data().join("log/000-000001.log");
    let sound = std::fs::read(&log).expect("it can be read");
    let manifest = server.data().join("manifest");
    let listed = std::fs::read(&manifest).expect("it can be read");
    let blocks = sound
        .chunks(4096)
        .take_while(|page| page.iter().any(|&byte| byte != 0));
    let blocks = blocks.count();
    assert!(20 < blocks, "{blocks} pages");
    for page in [1, 2, blocks / 2, blocks - 2] {
        let mut rotten = sound.clone();
        rotten[4096 * page + 100] ^= 0x10;
        std::fs::write(&log, &rotten).expect("written");
        server.start();
        let seen = ledger.look(&server);
        let log_text = server.log();
        assert!(
            seen.missing < 2 * REQUEST_POINTS,
            "page {page}: {seen:?}\n{log_text}"
        );
        assert_eq!(
            seen.partial.as_deref(),
            Some("damage"),
            "page {page}: {seen:?}\n{log_text}"
        );
        assert!(log_text.contains("has lost 1 blocks"), "{log_text}");
        assert_eq!(server.metric("corelane_log_lost_blocks"), 1.0);
        server.crash();
        // What was replayed was sealed.
        std::fs::write(&log, &sound).expect("written");
        std::fs::write(&manifest, &listed).expect("written");
    }
}

/// Reads that fail at a start are tried again; where that does not help, answers say that they lack points.
#[test]
fn a_log_that_cannot_be_read_is_told() {
    let scratch = Scratch::new("eio-log");
    let Some(faulty) = Faulty::mount(scratch.path()) else {
        return;
    };
    let mut server = appliance(&faulty, scratch.path(), &LATE_SEALS);
    let mut ledger = Ledger::new("eiolog");
    server.start();
    for (path, times) in [
        ("log/", 1),
        ("log/", TRIES - 1),
        ("books/", TRIES - 1),
        ("log/", 1 << 40),
    ] {
        ledger.send_all(&server, 30);
        server.crash();
        let hits = faulty.hits();
        faulty.add_rule(Rule {
            path: path.to_owned(),
            on: On::Read,
            then: Then::Fail(libc::EIO),
            // The head of the first file.
            skip: u64::from(path == "log/"),
            times,
        });
        server.start();
        let seen = ledger.look(&server);
        let log = server.log();
        assert!(hits < faulty.hits(), "nothing was read of {path}");
        faulty.clear_rules();
        if times < TRIES {
            assert_eq!(
                (seen.missing, &seen.partial),
                (0, &None),
                "{path}, {times}: {seen:?}\n{log}"
            );
            continue;
        }
        assert!(0 < seen.missing, "{seen:?}\n{log}");
        assert_eq!(seen.partial.as_deref(), Some("damage"), "{seen:?}\n{log}");
        assert!(log.contains("the disk cannot read"), "{log}");
        assert!(0.0 < server.metric("corelane_log_lost_blocks"));
    }
    // It goes on.
    Ledger::new("later").send_all(&server, 5);
    server.stop();
}
