use std::cell::RefCell;

use super::*;
use crate::base::random::Random;
use crate::model::points::Duplicates;
use crate::model::series::{Kind as SeriesKind, Properties, SeriesName, TenantId, Values};
use crate::seam::Disk;
use crate::seam::disk::{BLOCK_BYTES, Fault, Jobs};
use crate::store::definition::{Definition, Told};
use crate::store::fake_disk::FakeDisk;
use crate::store::manifest::BookInfo;

fn definition(number: u32, random: &mut Random) -> Definition {
    let long = if random.chance(2) { 4000 } else { 10 };
    let metric = format!("web.{number}.{}", "x".repeat(random.below(long) as usize));
    let tags = vec![("host".to_owned(), format!("h;{}", random.below(1000)))];
    Definition {
        number,
        tenant: TenantId(random.below(3) as u32),
        properties: Properties {
            ttl_seconds: number % 3 * 60,
            values: [Values::Double, Values::Long, Values::Text][random.below(3) as usize],
            kind: SeriesKind::Counter,
            duplicates: Duplicates::All,
            base_step_seconds: random.below(61) as u32,
        },
        name: SeriesName::new(metric, tags).expect("a name"),
    }
}

fn read_all(
    disk: &impl Disk,
    book: u32,
    needed: BookInfo,
) -> Result<(Vec<Definition>, Reader), BookError> {
    let (mut reader, mut all) = (Reader::new(book, needed), Vec::new());
    while reader.step_on(disk, &mut all)? {}
    Ok((all, reader))
}

fn settle(writer: &mut Writer, disk: &RefCell<FakeDisk>, jobs: &mut Jobs) {
    while step(writer, disk, jobs) {}
}

fn step(writer: &mut Writer, disk: &RefCell<FakeDisk>, jobs: &mut Jobs) -> bool {
    writer.poll(&mut jobs.desk(1));
    let mut disk = disk.borrow_mut();
    disk.gather(jobs);
    let Some((job, result)) = disk.step() else {
        return false;
    };
    writer.done(job, result);
    true
}

/// Writes by chance over a disk that fails by chance, and crashes at any step.
fn run(seed: u64) -> (usize, usize) {
    let mut random = Random::new(seed);
    let disk = RefCell::new(FakeDisk::new(seed));
    disk.borrow_mut().faults_percent = random.below(3) * 5;
    let (mut writer, mut jobs) = (Writer::new(7, 0), Jobs::default());
    let (mut history, mut starts) = (Vec::<Definition>::new(), 0);
    let mut told = BookInfo::default();
    for _ in 0..300 {
        match random.below(12) {
            0..=3 => {
                for _ in 0..random.below(60) {
                    let number = writer.next_number() + u32::from(random.chance(5));
                    let definition = definition(number, &mut random);
                    writer.append(&definition).expect("a rising number");
                    history.push(definition);
                }
            }
            4 => writer.retry(),
            5 if random.chance(10) => {
                let mut disk = disk.borrow_mut();
                disk.is_full = !disk.is_full;
            }
            6 if random.chance(15) => {
                starts += 1;
                disk.borrow_mut().crash();
                jobs = Jobs::default();
                let read = read_all(&disk, 7, told);
                let (all, reader) = read.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
                assert!(
                    history.starts_with(&all),
                    "seed {seed}: not what was appended"
                );
                assert!(
                    reader.next_number() >= told.numbers,
                    "seed {seed}: some are lost"
                );
                history.truncate(all.len());
                writer = reader.into_writer(starts as u64);
            }
            _ => {
                step(&mut writer, &disk, &mut jobs);
            }
        }
        told = writer.durable();
    }
    (disk.borrow_mut().is_full, disk.borrow_mut().faults_percent) = (false, 0);
    settle(&mut writer, &disk, &mut jobs);
    writer.retry();
    settle(&mut writer, &disk, &mut jobs);
    assert!(writer.is_idle() && writer.fault().is_none(), "seed {seed}");
    assert_eq!(
        writer.durable().numbers,
        writer.next_number(),
        "seed {seed}"
    );
    assert_eq!(disk.borrow().writes_after_fault, 0, "seed {seed}");
    disk.borrow_mut().crash();
    let (all, _) = read_all(&disk, 7, writer.durable()).expect("a good book");
    assert!(all == history, "seed {seed}: all is there in the end");
    let names = disk.borrow().names();
    let is_known = |name: &String| *name == book_path(7) || name.ends_with(".tmp");
    assert!(names.iter().all(is_known), "seed {seed}: {names:?}");
    (starts, history.len())
}

#[test]
fn what_is_read_back_is_what_was_appended_first() {
    let (mut starts, mut read) = (0, 0);
    for seed in 0..120 {
        let (some_starts, some_read) = run(seed);
        starts += some_starts;
        read += some_read;
    }
    assert!(
        starts > 100 && read > 50_000,
        "{starts} starts, {read} definitions"
    );
}

/// A book on a disk, and what is in it.
fn some_book() -> (Vec<Definition>, Vec<u8>, BookInfo) {
    let (mut random, disk) = (Random::new(4), RefCell::new(FakeDisk::new(4)));
    let (mut writer, mut jobs) = (Writer::new(3, 9), Jobs::default());
    let all: Vec<Definition> = (0..1000)
        .map(|number| definition(number, &mut random))
        .collect();
    for definition in &all {
        writer.append(definition).expect("a rising number");
    }
    settle(&mut writer, &disk, &mut jobs);
    let bytes = disk
        .borrow_mut()
        .content(&book_path(3))
        .expect("it")
        .clone();
    (all, bytes, writer.durable())
}

fn read_bytes(bytes: &[u8], needed: BookInfo) -> Result<Vec<Definition>, BookError> {
    let mut disk = FakeDisk::new(1);
    disk.put(&book_path(3), bytes.to_vec());
    read_all(&RefCell::new(disk), 3, needed).map(|(all, _)| all)
}

#[test]
fn a_cut_or_a_flip_is_never_another_definition() {
    let (all, bytes, needed) = some_book();
    assert_eq!(needed.bytes, bytes.len() as u64);
    assert!(read_bytes(&bytes, needed).expect("a good book") == all);
    for seed in 0..600 {
        let mut random = Random::new(seed);
        let mut harmed = bytes.clone();
        let at = random.below(bytes.len() as u64) as usize;
        if random.chance(50) {
            harmed.truncate(at);
        } else {
            harmed[at] ^= 1 << random.below(8);
        }
        assert!(
            read_bytes(&harmed, needed).is_err(),
            "seed {seed}: {at} is needed"
        );
        match read_bytes(&harmed, BookInfo::default()) {
            Ok(some) => assert!(
                all.starts_with(&some) && some.len() < all.len(),
                "seed {seed}"
            ),
            Err(error) => panic!("seed {seed}: {at}: {error}"),
        }
    }
}

#[test]
fn the_texts_say_what_to_do() {
    let (_, mut bytes, needed) = some_book();
    let error = read_bytes(&bytes[..BLOCK_BYTES], needed)
        .expect_err("cut")
        .to_string();
    assert!(
        error.contains("byte 4096") && error.contains("books/000003.book"),
        "{error}"
    );
    let error = read_all(&RefCell::new(FakeDisk::new(1)), 3, needed).expect_err("missing");
    assert!(error.to_string().contains("book 3"), "{error}");
    let (header, _) = chained::header(&KIND, 4);
    bytes[..BLOCK_BYTES].copy_from_slice(&header);
    let error = read_bytes(&bytes, needed).expect_err("another").to_string();
    assert!(error.contains("of book 4, not of book 3"), "{error}");
}

#[test]
fn two_books_that_changed_places_are_not_salvaged() {
    let mut random = Random::new(5);
    let all: Vec<Definition> = (0..200)
        .map(|number| definition(number, &mut random))
        .collect();
    let needed = BookInfo {
        numbers: 200,
        bytes: BLOCK_BYTES as u64,
    };
    let mut disk = FakeDisk::new(1);
    disk.put(&book_path(3), whole(4, 1, needed, &all));
    disk.put(&book_path(4), whole(3, 1, needed, &all));
    let disk = RefCell::new(disk);
    for (book, other) in [(3, 4), (4, 3u32)] {
        let read = read_all(&disk, book, needed).expect_err("another");
        assert!(!read.is_of_place(), "{read}");
        let salvaged = salvage(&disk, book, needed).expect_err("another");
        for error in [read, salvaged] {
            let is_told = |error: &BookError| {
                matches!(*error, BookError::Another { book: own, found }
                    if own == book && found == u64::from(other))
            };
            assert!(is_told(&error), "{error}");
        }
    }
}

/// Numbers that were left out between definitions that are there were never those of a series.
#[test]
fn what_was_never_given_is_not_lost() {
    let mut random = Random::new(6);
    let (mut bytes, mut link) = chained::header(&KIND, 3);
    let records: [&[u32]; 4] = [&[2, 3, 7], &[10, 11], &[15, 20], &[21, 30]];
    for numbers in records {
        let (mut record, mut told) = (chained::begin(), Told::default());
        record.push(1);
        for &number in numbers {
            definition(number, &mut random).push(&mut told, &mut record);
        }
        link = chained::seal(&mut record, link);
        bytes.extend(record);
    }
    let needed = BookInfo {
        numbers: 40,
        bytes: bytes.len() as u64,
    };
    let pages = bytes.len() / BLOCK_BYTES;
    assert_eq!(pages, 5, "a page each");
    // By damaged page, what may be lost: of the last one also what was left out at its end.
    for (page, lost) in [(0, 2), (1, 10), (2, 7), (3, 9), (4, 19)] {
        let mut harmed = bytes.clone();
        harmed[page * BLOCK_BYTES + 30] ^= 4;
        let mut disk = FakeDisk::new(1);
        disk.put(&book_path(3), harmed);
        let left = salvage(&RefCell::new(disk), 3, needed).expect("its own");
        assert_eq!(left.lost(40), lost, "page {page}");
    }
    let mut disk = FakeDisk::new(1);
    disk.put(&book_path(3), bytes);
    let left = salvage(&RefCell::new(disk), 3, needed).expect("its own");
    assert_eq!((left.lost(40), left.definitions.len()), (0, 9));
}

#[test]
fn chance_is_no_definition() {
    for seed in 0..2000 {
        let mut random = Random::new(seed);
        let (mut bytes, link) = chained::header(&KIND, 3);
        let mut record = chained::begin();
        let len = random.below(60);
        record.extend((0..len).map(|_| (random.next_u64() >> random.below(64)) as u8));
        chained::seal(&mut record, link);
        bytes.extend(record);
        // It may be one by chance; it must not end the process.
        let _ = read_bytes(&bytes, BookInfo::default());
    }
}

#[test]
fn numbers_rise_and_have_an_end() {
    let mut random = Random::new(1);
    let mut writer = Writer::new(0, 0);
    writer
        .append(&definition(5, &mut random))
        .expect("the first");
    let again = writer.append(&definition(5, &mut random));
    assert_eq!(again, Err(BookRefused::Order(5)));
    let above = writer.append(&definition(NUMBERS_MAX, &mut random));
    assert_eq!(above, Err(BookRefused::Full(NUMBERS_MAX)));
}

#[test]
fn a_broken_disk_bounds_what_waits() {
    let (mut random, disk) = (Random::new(2), RefCell::new(FakeDisk::new(2)));
    let (mut writer, mut jobs) = (Writer::new(0, 0), Jobs::default());
    disk.borrow_mut().faults_percent = 100;
    let mut one = definition(0, &mut random);
    // Names that share nothing with the one before: each takes its bytes.
    let names = ["x", "y"].map(|letter| SeriesName::new(letter.repeat(4096), Vec::new()));
    let names = names.map(|name| name.expect("a name"));
    let refused = loop {
        one.name = names[one.number as usize % 2].clone();
        if let Err(refused) = writer.append(&one) {
            break refused;
        }
        one.number += 1;
    };
    assert_eq!(refused, BookRefused::Busy);
    assert!(writer.queue_bytes() < QUEUE_BYTES_MAX + (1 << 20));
    settle(&mut writer, &disk, &mut jobs);
    assert_eq!(writer.fault(), Some(&Fault::Broken("EIO".to_owned())));
    assert_eq!(writer.durable(), BookInfo::default());
}

#[test]
fn a_dump_shows_each_series() {
    let (all, bytes, needed) = some_book();
    let mut lines = Vec::new();
    let read = |offset: u64, len: usize| {
        let start = bytes.len().min(offset as usize);
        Ok(bytes[start..bytes.len().min(start + len)].to_vec())
    };
    let series = dump(3, needed, read, |line| lines.push(line.to_owned())).expect("a good book");
    assert_eq!(series, all.len() as u64);
    assert_eq!(lines.len(), all.len() + 1);
    assert!(lines[2].starts_with("2: web.2."), "{}", lines[2]);
}
