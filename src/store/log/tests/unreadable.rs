//! What a page that the disk cannot read costs: the block that was there, and no more.

use std::sync::Arc;
use std::time::Duration;

use super::super::block::{self, FileHeader, Header};
use super::super::found::Recovered;
use super::super::names;
use super::super::scan::Scan;
use super::super::writer::Writer;
use super::disk::FakeDisk;
use super::options;
use crate::base::random::Random;
use crate::seam::disk::{BLOCK_BYTES, Jobs, Request};

const PAGE: u64 = BLOCK_BYTES as u64;

/// Files of a log, made by hand.
struct Made {
    disk: FakeDisk,
    previous: u32,
}

/// A block: its number, and its pages.
type Block = (u64, u8);

impl Made {
    fn new() -> Made {
        Made {
            disk: FakeDisk::new(1),
            previous: 0,
        }
    }

    /// A file of such blocks, each durable before the next is written, and zeros behind them.
    fn file(&mut self, number: u32, blocks: &[Block], zeros: u64) -> Arc<str> {
        let header = FileHeader {
            shard: 3,
            epoch: u64::from(number),
            first_sequence: blocks.first().map_or(1, |block| block.0),
        };
        let mut all = header.to_bytes().to_vec();
        for &(sequence, pages) in blocks {
            let mut bytes = block::begin();
            bytes.resize(usize::from(pages) * BLOCK_BYTES, 0);
            let header = Header {
                shard: 3,
                book: 9,
                epoch: u64::from(number),
                sequence,
                generation: 1,
                pages,
                previous: self.previous,
                ..Header::default()
            };
            self.previous = block::seal(&header, &mut bytes);
            all.extend(bytes);
        }
        all.resize(all.len() + (zeros * PAGE) as usize, 0);
        self.put(&names::path(3, number), all)
    }

    fn put(&mut self, name: &str, bytes: Vec<u8>) -> Arc<str> {
        let name: Arc<str> = name.into();
        let made = self.disk.perform(&Request::Create {
            name: name.clone(),
            bytes: 0,
        });
        made.expect("made");
        self.disk.damage(&name, |content| *content = bytes);
        name
    }

    fn scan(&self, floor: u64) -> Recovered {
        Scan::run(&self.disk, 3, floor, None).expect("a log")
    }
}

fn numbers(found: &Recovered) -> Vec<u64> {
    let all = found.blocks.iter();
    all.map(|block| block.header.sequence).collect()
}

#[test]
fn a_bad_page_costs_its_block_and_no_other() {
    const ZEROS: u64 = 150;
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let blocks: Vec<Block> = (1..=20)
            .map(|number| (number, 3 + random.below(58) as u8))
            .collect();
        let mut made = Made::new();
        let name = made.file(1, &blocks, ZEROS);
        let used: u64 = blocks.iter().map(|block| u64::from(block.1)).sum();
        // In a block, or in front of nothing: most of a window behind the last, or anywhere.
        let page = match seed % 4 {
            0 => 1 + used + 75,
            1 => 1 + used + random.below(ZEROS),
            _ => 1 + random.below(used),
        };
        let place = page * PAGE..(page + 1) * PAGE;
        made.disk.unreadable.push((name.clone(), place));
        let (mut at, mut want) = (1, Vec::new());
        for &(number, pages) in &blocks {
            let end = at + u64::from(pages);
            if !(at..end).contains(&page) {
                want.push(number);
            }
            at = end;
        }
        let found = made.scan(0);
        assert_eq!(numbers(&found), want, "seed {seed}: page {page}");
        let report = &found.report;
        assert_eq!(report.unreadable, [(name, page * PAGE)], "seed {seed}");
        assert_eq!(
            (report.lost_places, report.lost_in_all()),
            (1, 1),
            "seed {seed}"
        );
    }
}

#[test]
fn pages_of_a_hole_count_once() {
    let mut made = Made::new();
    let name = made.file(1, &[(1, 1), (2, 4), (3, 1), (4, 1), (5, 1)], 4);
    // Block 2, and one where no block was.
    for pages in [2..6, 10..11] {
        let place = pages.start * PAGE..pages.end * PAGE;
        made.disk.unreadable.push((name.clone(), place));
    }
    let report = made.scan(0).report;
    assert_eq!((report.lost_blocks(), report.lost_places), (1, 5));
    assert_eq!(report.lost_in_all(), 2);
}

/// A file that was of use long ago has a bad page. It says nothing of a commit that a crash has torn.
#[test]
fn a_stale_bad_page_makes_no_hole_of_a_tear() {
    let mut made = Made::new();
    let stale = made.file(1, &[(1, 1), (2, 1), (3, 1)], 4);
    made.file(2, &[(10, 1)], 0);
    // Of a commit of 11 to 13 the first is not there; nobody was told of it.
    let mut torn = block::begin();
    block::pad(&mut torn);
    let header = Header {
        shard: 3,
        book: 9,
        epoch: 2,
        sequence: 12,
        generation: 1,
        pages: 1,
        behind: 1,
        previous: 77,
        ..Header::default()
    };
    block::seal(&header, &mut torn);
    made.disk
        .damage(&names::path(3, 2), |bytes| bytes.extend(torn));
    made.disk.unreadable.push((stale, 4 * PAGE..5 * PAGE));
    let found = made.scan(11);
    assert_eq!(found.blocks, []);
    let report = &found.report;
    assert_eq!((report.torn_blocks, report.lost_in_all()), (1, 0));
    // One that may hold 11 does.
    made.file(1, &[(8, 1), (9, 1), (10, 1)], 4);
    let found = made.scan(11);
    assert_eq!(numbers(&found), [12]);
    let report = &found.report;
    assert_eq!((report.torn_blocks, report.lost_in_all()), (0, 1));
}

#[test]
fn a_file_that_cannot_be_read_at_all_stays_for_the_next_start() {
    let mut made = Made::new();
    let name = made.file(1, &[(1, 2), (2, 3), (3, 1)], 2);
    made.disk.unreadable.push((name.clone(), 0..u64::MAX));
    let found = made.scan(0);
    assert_eq!((found.blocks.len(), found.report.lost_places), (0, 8));
    let mut writer = Writer::new(options(), &found.start, 1, 0);
    let mut jobs = Jobs::default();
    let mut leaves = |writer: &mut Writer| {
        writer.poll(Duration::ZERO, &mut jobs.desk(1));
        let mut asked = std::iter::from_fn(|| jobs.take());
        asked.find_map(|(_, request)| match request {
            Request::Rename { from, to } => Some((from, to)),
            Request::Remove { name } => panic!("{name} is removed"),
            _ => None,
        })
    };
    assert_eq!(leaves(&mut writer), None);
    writer.release(found.start.next_sequence - 1);
    assert_eq!(leaves(&mut writer), None, "it may hold that block");
    writer.release(found.start.next_sequence);
    let to: Arc<str> = "quarantine/003-000001-8.log".into();
    assert_eq!(leaves(&mut writer), Some((name, to.clone())));
    // What lies there stays there.
    made.put(&to, vec![1]);
    let file = made.scan(0).start.files.pop().expect("a file");
    assert_eq!(file.aside.as_deref(), Some("quarantine/003-000001-8-2.log"));
    made.disk.unreadable.clear();
    assert_eq!(numbers(&made.scan(0)), [1, 2, 3]);
}
