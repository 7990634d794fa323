use std::cell::RefCell;
use std::collections::BTreeSet;

use super::*;
use crate::base::random::Random;
use crate::model::series::{Identity, TenantId};
use crate::seam::disk::Jobs;
use crate::store::fake_disk::FakeDisk;
use crate::store::info::SegmentInfo;
use crate::store::tombstone::{Target, Tombstone};

mod faults;
mod folder;
mod hostile;
mod model;

const HOUR_MS: i64 = 3_600_000;

fn info(file: u64, book: u32, hour: i64, stamps: (u64, u64)) -> SegmentInfo {
    SegmentInfo {
        file,
        book,
        window_start_ms: hour * HOUR_MS,
        window_ms: HOUR_MS,
        first_stamp: stamps.0,
        last_stamp: stamps.1,
        points: 10,
        series: 1,
        bytes: 8192,
        first_ms: hour * HOUR_MS,
        last_ms: hour * HOUR_MS + 1000,
        ..SegmentInfo::default()
    }
}

fn tombstone(stamp: u64) -> Tombstone {
    Tombstone {
        tenant: TenantId::DEFAULT,
        target: Target::Metric("web".to_owned()),
        from_ms: 0,
        to_ms: HOUR_MS,
        stamp,
    }
}

fn seal(log: u32, floor: u64, added: Vec<SegmentInfo>) -> Edit {
    let book = added.first().map_or(0, |info| info.book);
    Edit::Seal {
        log,
        floor,
        book,
        numbers: 0,
        book_bytes: 0,
        added,
    }
}

/// A manifest and its disk.
struct Rig {
    disk: RefCell<FakeDisk>,
    jobs: Jobs,
    manifest: Manifest,
}

impl Rig {
    fn new(seed: u64) -> Rig {
        let disk = RefCell::new(FakeDisk::new(seed));
        let manifest = Manifest::open(&disk).expect("a new folder");
        Rig {
            disk,
            jobs: Jobs::default(),
            manifest,
        }
    }

    /// One slice of work, or one result of the disk.
    fn step(&mut self) -> bool {
        if self.manifest.poll(&mut self.jobs.desk(1)) {
            return true;
        }
        let mut disk = self.disk.borrow_mut();
        disk.gather(&mut self.jobs);
        let Some((job, result)) = disk.step() else {
            return false;
        };
        self.manifest.done(job, result);
        true
    }

    fn settle(&mut self) {
        while self.step() {}
    }

    fn reopen(&mut self) -> Result<(), ManifestError> {
        self.jobs = Jobs::default();
        self.manifest = Manifest::open(&self.disk)?;
        Ok(())
    }

    fn commit(&mut self, edit: Edit) -> EditTicket {
        let ticket = self.manifest.edit(edit).expect("an edit that fits");
        self.settle();
        assert!(self.manifest.is_committed(ticket));
        ticket
    }
}

#[test]
fn what_is_committed_is_there_after_a_start() {
    let mut rig = Rig::new(1);
    assert_eq!(rig.manifest.numbers(1), None, "none is put aside yet");
    rig.settle();
    let numbers = rig.manifest.numbers(3).expect("numbers");
    assert_eq!(numbers, 0..3);
    rig.commit(Edit::AddBook { book: 0 });
    let before = rig.manifest.committed();
    let ticket = rig.manifest.edit(seal(
        0,
        5,
        vec![info(0, 0, 3, (1, 9)), info(1, 0, 2, (1, 9))],
    ));
    let ticket = ticket.expect("a seal");
    assert!(!rig.manifest.is_committed(ticket));
    assert_eq!(
        rig.manifest.committed().totals().files,
        0,
        "not before it is on the disk"
    );
    rig.settle();
    assert_eq!(before.totals().files, 0, "a version never changes");
    rig.commit(Edit::Entomb(tombstone(20)));
    rig.commit(Edit::Stamp(77));
    let last = rig.manifest.committed();
    rig.disk.borrow_mut().crash();
    rig.reopen().expect("a good manifest");
    let now = rig.manifest.committed();
    assert_eq!(now, last);
    assert_eq!(
        (now.floor(0), now.clock(), now.tombstones().len()),
        (5, 77, 1)
    );
    let files: Vec<u64> = now.segments(0, 0, i64::MAX).map(|info| info.file).collect();
    assert_eq!(files, [1, 0], "by window");
    rig.settle();
    assert!(
        rig.manifest.numbers(1).expect("numbers").start >= 3,
        "none twice"
    );
    let names = rig.disk.borrow().names();
    assert_eq!(names, [MANIFEST_FILE], "nothing is left beside it");
}

#[test]
fn what_does_not_fit_is_refused_whole() {
    let mut rig = Rig::new(2);
    rig.settle();
    rig.manifest.numbers(10).expect("numbers");
    rig.commit(Edit::AddBook { book: 0 });
    rig.commit(seal(
        0,
        5,
        vec![info(0, 0, 3, (1, 9)), info(1, 0, 2, (10, 19))],
    ));
    rig.commit(Edit::Entomb(tombstone(10)));
    let before = rig.manifest.committed();
    let mut check = |edit: Edit, want: Refused| {
        assert_eq!(rig.manifest.edit(edit.clone()), Err(want), "{edit:?}");
    };
    let merge = |removed: &[u64], added: Vec<SegmentInfo>, tombstones| Edit::Merge {
        removed: removed.to_vec(),
        added,
        tombstones,
    };
    check(Edit::AddBook { book: 0 }, Refused::BookThere(0));
    check(
        merge(&[0, 7], vec![info(2, 0, 2, (1, 19))], 1),
        Refused::NotListed(7),
    );
    check(
        merge(&[0, 0], vec![info(2, 0, 2, (1, 19))], 1),
        Refused::NotListed(0),
    );
    check(
        merge(&[0], vec![info(1, 0, 2, (1, 19))], 1),
        Refused::Listed(1),
    );
    check(
        merge(&[0, 1], vec![info(2, 0, 2, (1, 19))], 0),
        Refused::Unmasked(0),
    );
    let twice = vec![info(2, 0, 2, (1, 19)), info(2, 0, 2, (1, 19))];
    check(merge(&[0, 1], twice, 1), Refused::Listed(2));
    check(
        seal(0, 4, vec![info(2, 0, 2, (1, 19))]),
        Refused::FloorLower(0),
    );
    check(seal(0, 6, vec![info(2, 9, 2, (1, 19))]), Refused::NoBook(9));
    check(
        seal(0, 6, vec![info(9_999, 0, 2, (1, 19))]),
        Refused::NotGiven(9_999),
    );
    check(
        seal(0, 6, vec![info(2, 0, 2, (20, 19))]),
        Refused::Contradiction(2),
    );
    check(
        Edit::Retain {
            removed: vec![1, 5],
        },
        Refused::NotListed(5),
    );
    check(
        Edit::Forget {
            tombstones: vec![3],
        },
        Refused::NoTombstone(3),
    );
    check(Edit::Pardon { file: 0 }, Refused::Listed(0));
    rig.settle();
    assert_eq!(rig.manifest.committed(), before);
    rig.commit(merge(&[0, 1], vec![info(2, 0, 2, (1, 19))], 1));
    assert_eq!(rig.manifest.counts().refused, 13);
}

#[test]
fn files_stay_while_a_version_that_lists_them_is_held() {
    let mut rig = Rig::new(3);
    rig.settle();
    rig.manifest.numbers(10).expect("numbers");
    rig.commit(Edit::AddBook { book: 0 });
    rig.commit(seal(
        0,
        1,
        vec![info(0, 0, 3, (1, 9)), info(1, 0, 2, (10, 19))],
    ));
    let held = rig.manifest.committed();
    let has_lost = |new: &Version, old: &Version| new.departures().are_more_than(old.departures());
    assert!(
        !has_lost(&held, &Version::default()),
        "a seal loses nothing"
    );
    rig.commit(Edit::Retain { removed: vec![1] });
    let later = rig.manifest.committed();
    assert!(has_lost(&later, &held) && !has_lost(&held, &later));
    rig.commit(Edit::Quarantine {
        file: 0,
        page: None,
        reason: "checksum".to_owned(),
    });
    assert!(has_lost(&rig.manifest.committed(), &later));
    assert_eq!(rig.manifest.removable(), []);
    drop(held);
    let first = Leaving {
        file: 1,
        fate: Fate::Removed,
    };
    assert_eq!(rig.manifest.removable(), [first]);
    assert_eq!(rig.manifest.removable(), [], "given once");
    rig.manifest.still_there(first);
    assert_eq!(
        rig.manifest.removable(),
        [first],
        "unless it could not be done"
    );
    rig.manifest.gone(1);
    drop(later);
    let second = Leaving {
        file: 0,
        fate: Fate::Quarantined,
    };
    assert_eq!(rig.manifest.removable(), [second]);
    // That 1 is gone goes with the next record; that 0 is not, is known after a start.
    rig.commit(Edit::Stamp(100));
    rig.disk.borrow_mut().crash();
    rig.reopen().expect("a good manifest");
    assert_eq!(rig.manifest.removable(), [], "not before it is settled");
    rig.settle();
    assert_eq!(rig.manifest.removable(), [second]);
    let version = rig.manifest.committed();
    let found: Vec<_> = version.quarantined().collect();
    assert_eq!(found, [((0, None), "checksum")]);
}

#[test]
fn a_page_in_quarantine_is_told_until_its_file_goes() {
    let mut rig = Rig::new(4);
    rig.settle();
    rig.manifest.numbers(10).expect("numbers");
    rig.commit(Edit::AddBook { book: 0 });
    rig.commit(seal(0, 1, vec![info(0, 0, 3, (1, 9))]));
    rig.commit(Edit::Quarantine {
        file: 0,
        page: Some(4096),
        reason: "é".repeat(2000),
    });
    let version = rig.manifest.committed();
    assert!(version.is_quarantined(0, 4096) && !version.is_quarantined(0, 8192));
    assert_eq!(version.totals().files, 1);
    rig.commit(Edit::Retain { removed: vec![0] });
    assert_eq!(rig.manifest.committed().quarantined().count(), 0);
}

#[test]
fn a_big_version_is_encoded_in_slices_and_read_back() {
    let mut rig = Rig::new(5);
    rig.settle();
    rig.manifest.numbers(1).expect("numbers");
    rig.commit(Edit::AddBook { book: 0 });
    rig.manifest.raise_numbers(30_000);
    rig.settle();
    let files: Vec<SegmentInfo> = (0..20_000u64)
        .map(|i| info(i, 0, i as i64 / 3, (i, i)))
        .collect();
    rig.commit(seal(0, 1, files));
    rig.reopen().expect("a good manifest");
    let mut slices = 0;
    while rig.manifest.poll(&mut rig.jobs.desk(1)) {
        slices += 1;
    }
    assert!(slices > 15, "{slices} slices");
    rig.settle();
    let last = rig.manifest.committed();
    assert_eq!(last.totals().files, 20_000);
    rig.reopen().expect("a good manifest");
    assert_eq!(rig.manifest.committed(), last);
}

#[test]
fn edits_by_the_thousand_turn_the_file_over() {
    let mut rig = Rig::new(6);
    rig.settle();
    for i in 0..1000 {
        rig.commit(Edit::Stamp(i + 1));
    }
    let counts = rig.manifest.counts();
    assert!((3..=8).contains(&counts.files), "{counts:?}");
    let bytes = rig
        .disk
        .borrow_mut()
        .content(MANIFEST_FILE)
        .expect("it")
        .len();
    assert!(bytes < 2 << 20, "{bytes} bytes");
    rig.reopen().expect("a good manifest");
    assert_eq!(rig.manifest.committed().clock(), 1000);
}
