//! What lies beside the manifest: files that are not listed, snapshots, texts.

use super::*;
use crate::seam::Disk;

/// A folder with two listed files, one on its way out, and a book.
fn some_rig() -> Rig {
    let mut rig = Rig::new(1);
    rig.settle();
    rig.manifest.numbers(10).expect("numbers");
    rig.commit(Edit::AddBook { book: 0 });
    rig.commit(Edit::GrowBook {
        book: 0,
        numbers: 3,
        bytes: 8192,
    });
    let files = (0..4).map(|file| info(file, 0, 3, (file, file)));
    rig.commit(seal(0, 1, files.collect()));
    rig.commit(Edit::Retain {
        removed: vec![2, 3],
    });
    let mut disk = rig.disk.borrow_mut();
    for file in 0..3 {
        disk.put(&crate::store::info::segment_path(file), vec![7; 10]);
    }
    drop(disk);
    rig
}

fn seal(log: u32, floor: u64, added: Vec<SegmentInfo>) -> Edit {
    Edit::Seal {
        log,
        floor,
        book: 0,
        numbers: 3,
        book_bytes: 8192,
        added,
    }
}

#[test]
fn what_is_not_listed_is_told_apart() {
    let rig = some_rig();
    let next = rig.manifest.committed().next_file();
    {
        let mut disk = rig.disk.borrow_mut();
        disk.put("segments/0000000007.seg", vec![1; 10]);
        disk.put("segments/0000009999.seg", vec![1; 10]);
        disk.put("segments/0000000008.seg.tmp", vec![1; 10]);
        disk.put("segments/notes.txt", vec![1; 10]);
        disk.put("books/000000.book-1.tmp", vec![1; 10]);
        disk.put("books/000000.book-damaged.tmp.new", vec![1; 10]);
        disk.put("books/000000.book.new", vec![1; 10]);
        disk.put("books/mine.new", vec![1; 10]);
        disk.put("manifest-4.tmp", vec![1; 10]);
        disk.put("other.tmp", vec![1; 10]);
    }
    let version = rig.manifest.committed();
    let found = unlisted(&rig.disk, &version).expect("a list");
    let path = |text: &str| text.to_owned();
    let mut removals = found.removals.clone();
    removals.sort();
    assert_eq!(
        removals,
        [
            "books/000000.book-1.tmp",
            "books/000000.book-damaged.tmp.new",
            "books/000000.book.new",
            "manifest-4.tmp",
            "segments/0000000008.seg.tmp"
        ]
    );
    let stranger = (
        path("segments/0000009999.seg"),
        path("quarantine/0000009999.seg"),
    );
    let unfinished = (
        path("segments/0000000007.seg"),
        path("quarantine/unfinished-0000000007.seg"),
    );
    assert_eq!(found.moves, [stranger, unfinished]);
    assert_eq!(
        (found.unfinished, found.strangers, found.next_file),
        (1, 1, 10_000)
    );
    assert!(next < 9999);
    assert_eq!(found.gone, [3], "one that left is gone already");
    assert!(found.missing.is_empty());
    for (from, to) in &found.moves {
        rig.disk.rename(from, to).expect("it is there");
    }
    let again = unlisted(&rig.disk, &version).expect("a list");
    assert_eq!((again.moves.len(), again.next_file), (0, next));
    rig.disk
        .rename("segments/0000000001.seg", "lost")
        .expect("it is there");
    assert_eq!(unlisted(&rig.disk, &version).expect("a list").missing, [1]);
}

#[test]
fn crashes_cannot_fill_the_quarantine() {
    let disk = RefCell::new(FakeDisk::new(1));
    let version = Version {
        next_file: 1000,
        ..Version::default()
    };
    for file in 0..20 {
        let path = crate::store::info::segment_path(file);
        disk.borrow_mut().put(&path, vec![0; 40]);
        let found = unlisted::unlisted_within(&disk, &version, 256).expect("a list");
        for (from, to) in found.moves {
            disk.rename(&from, &to).expect("it is there");
        }
        for name in found.removals {
            disk.rename(&name, "nowhere").expect("it is there");
        }
        let kept: Vec<(String, u64)> = disk.list("quarantine").expect("a list");
        let bytes: u64 = kept.iter().map(|(_, bytes)| bytes).sum();
        assert!(bytes <= 256);
        let newest = format!("unfinished-{file:010}.seg");
        assert!(kept.iter().any(|(name, _)| *name == newest), "{kept:?}");
        assert!(kept.len() as u64 == (file + 1).min(6), "{kept:?}");
    }
}

#[test]
fn a_snapshot_lists_the_same() {
    let mut rig = some_rig();
    rig.commit(Edit::Entomb(tombstone(70)));
    let version = rig.manifest.committed();
    let plan = plan(&version, "before-update").expect("a plain name");
    assert_eq!(plan.links.len(), 2);
    let first = (
        "segments/0000000000.seg",
        "snapshots/before-update/segments/0000000000.seg",
    );
    assert_eq!((plan.links[0].0.as_str(), plan.links[0].1.as_str()), first);
    let book = (
        "books/000000.book",
        "snapshots/before-update/books/000000.book",
        8192,
    );
    let (from, to, bytes) = &plan.copies[0];
    assert_eq!((from.as_str(), to.as_str(), *bytes), book);
    assert_eq!(plan.manifest_path, "snapshots/before-update/manifest");
    let mut disk = FakeDisk::new(1);
    disk.put(MANIFEST_FILE, plan.manifest);
    let copy = Manifest::open(&RefCell::new(disk))
        .expect("a good manifest")
        .committed();
    assert_eq!(copy.leaving().count(), 0);
    let expected = Version {
        leaving: Arc::default(),
        ..(*version).clone()
    };
    assert_eq!(*copy, expected);
    for name in ["", "..", "a/b", ".hidden", "ä", &"x".repeat(101)] {
        assert_eq!(super::plan(&version, name), None, "{name}");
    }
}

#[test]
fn a_dump_shows_each_record_up_to_the_damage() {
    let mut rig = some_rig();
    rig.commit(Edit::Entomb(tombstone(70)));
    let mut bytes = rig
        .disk
        .borrow_mut()
        .content(MANIFEST_FILE)
        .expect("it")
        .clone();
    let text = |bytes: &[u8]| {
        let mut lines = Vec::new();
        let read = |offset: u64, len: usize| {
            let start = bytes.len().min(offset as usize);
            Ok(bytes[start..bytes.len().min(start + len)].to_vec())
        };
        let result = dump(read, |line| lines.push(line.to_owned()));
        (lines.join("\n"), result.is_ok())
    };
    let (lines, is_good) = text(&bytes);
    assert!(
        is_good && lines.contains("Entomb") && lines.contains("2 segments"),
        "{lines}"
    );
    bytes[5 * BLOCK_BYTES + 9] ^= 1;
    let (lines, is_good) = text(&bytes);
    assert!(
        !is_good && lines.contains("List") && !lines.contains("Entomb"),
        "{lines}"
    );
}
