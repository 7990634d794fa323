//! A disk that is full, or broken.

use super::*;

#[test]
fn a_full_disk_still_takes_what_frees_it() {
    let mut rig = Rig::new(1);
    rig.settle();
    rig.manifest.numbers(10).expect("numbers");
    rig.commit(Edit::AddBook { book: 0 });
    rig.commit(seal(
        0,
        1,
        vec![info(0, 0, 3, (1, 9)), info(1, 0, 2, (10, 19))],
    ));
    rig.disk.borrow_mut().is_full = true;
    rig.commit(Edit::Retain { removed: vec![1] });
    assert_eq!(rig.manifest.removable().len(), 1);
    // After a start on the full disk too.
    rig.disk.borrow_mut().crash();
    rig.reopen().expect("a good manifest");
    rig.settle();
    assert_eq!(rig.manifest.fault(), None, "the old file served");
    rig.commit(Edit::Retain { removed: vec![0] });
    for _ in 0..1000 {
        rig.manifest.retry();
        rig.settle();
    }
    let counts = rig.manifest.counts();
    assert_eq!(
        (counts.records, counts.files),
        (2, 0),
        "trying costs no room"
    );
    rig.disk.borrow_mut().is_full = false;
    rig.manifest.retry();
    rig.settle();
    assert_eq!(rig.manifest.counts().files, 1);
    assert_eq!(rig.manifest.fault(), None);
}

#[test]
fn edits_wait_for_a_broken_disk_and_have_an_end() {
    let mut rig = Rig::new(2);
    rig.settle();
    rig.disk.borrow_mut().faults_percent = 100;
    let ticket = rig.manifest.edit(Edit::AddBook { book: 0 }).expect("taken");
    rig.settle();
    assert!(!rig.manifest.is_committed(ticket));
    assert_eq!(rig.manifest.fault(), Some(&Fault::Broken("EIO".to_owned())));
    let long = || {
        Edit::Entomb(Tombstone {
            target: Target::Series((0..10_000).map(Identity).collect()),
            ..tombstone(1)
        })
    };
    let edits = (0..1000).flat_map(|number| {
        let tombstones = vec![number];
        [long(), Edit::Forget { tombstones }]
    });
    let mut results = edits.map(|edit| rig.manifest.edit(edit));
    assert_eq!(results.find_map(Result::err), Some(Refused::Busy));
    drop(results);
    assert!(rig.manifest.queue_bytes() < QUEUE_BYTES_MAX + (1 << 20));
    rig.manifest.retry();
    rig.settle();
    assert!(!rig.manifest.is_committed(ticket), "still broken");
    rig.disk.borrow_mut().faults_percent = 0;
    rig.manifest.retry();
    rig.settle();
    assert!(rig.manifest.is_committed(ticket) && rig.manifest.is_idle());
    assert_eq!(rig.disk.borrow().writes_after_fault, 0);
    let last = rig.manifest.committed();
    rig.reopen().expect("a good manifest");
    assert_eq!(rig.manifest.committed(), last);
}
