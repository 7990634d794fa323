//! The disk of a shard on disks that fail, end, are read-only, or have no direct I/O.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use corelane::rt::disk::ShardDisk;
use corelane::seam::disk::{Fault, Job, Outcome, Request, Room};
use glommio::{LocalExecutorBuilder, Placement};

use crate::harness::Scratch;
use crate::harness::faulty::{Faulty, Loss, On};
use crate::harness::mounts::SmallDisk;
use crate::requests::{commit, create, name, read, remove, rename, sync, write};

/// One after the other, on an executor that lives as long as this.
struct Asker<'a>(&'a ShardDisk);

impl Asker<'_> {
    async fn ask(&self, request: Request) -> Result<Outcome, Fault> {
        let result = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&result);
        let job = Job {
            owner: 0,
            number: 0,
        };
        self.0
            .start(job, request, move |_, told| *slot.borrow_mut() = Some(told));
        self.0.idle().await;
        result.take().expect("idle means that all were told")
    }

    async fn done(&self, request: Request) {
        let what = format!("{request:.200?}");
        assert_eq!(self.ask(request).await, Ok(Outcome::Done), "{what:.200}");
    }

    async fn broken(&self, request: Request, part: &str) {
        match self.ask(request).await {
            Err(Fault::Broken(text)) => assert!(text.contains(part), "{text:?} without {part:?}"),
            other => panic!("{other:?} is not broken by {part:?}"),
        }
    }

    async fn room(&self) -> Room {
        match self.ask(Request::Room).await {
            Ok(Outcome::Room(room)) => room,
            other => panic!("{other:?} is no room"),
        }
    }
}

/// Run `test` on a disk for `root`; all files are closed when this returns.
fn with_disk(root: &Path, test: impl AsyncFnOnce(Asker<'_>)) {
    let executor = LocalExecutorBuilder::new(Placement::Unbound)
        .io_memory(1 << 20)
        .make();
    executor.expect("the kernel gives an io_uring").run(async {
        let disk = ShardDisk::new(root, "log/").expect("a disk");
        test(Asker(&disk)).await;
        disk.close().await;
        glommio::timer::sleep(std::time::Duration::from_millis(20)).await;
    });
}

#[test]
fn what_was_told_to_be_durable_survives_a_power_cut() {
    let scratch = Scratch::new("disk-cut");
    let Some(faulty) = Faulty::mount(scratch.path()) else {
        return;
    };
    with_disk(faulty.path(), async |disk| {
        disk.done(create("log/a", 1 << 20)).await;
        disk.done(write("log/a", 4096, vec![1; 700 << 10])).await;
        disk.done(sync("log/a")).await;
        // Durable at once, by one write that says so to the file system.
        let committed = commit("log/a", 720 << 10, vec![3; 16 << 10]);
        disk.done(committed).await;
        disk.done(write("log/a", 0, vec![2; 4096])).await;
        let counts = faulty.counts("log/a");
        assert_eq!((counts.commits, counts.syncs), (1, 1 + 1 + 1));
        disk.done(create("deep/er/b.new", 4096)).await;
        disk.done(rename("deep/er/b.new", "segments/b")).await;
        disk.done(Request::Link {
            from: name("log/a"),
            to: name("snapshots/s/a"),
        })
        .await;
        disk.done(create("books/c.new", 4096)).await;
        disk.done(rename("books/c.new", "books/c")).await;
        disk.done(create("gone", 4096)).await;
        disk.done(remove("gone")).await;
        // What is longer than a piece is written, and then synced.
        disk.done(create("log/b", 1 << 20)).await;
        disk.done(commit("log/b", 4096, vec![4; 600 << 10])).await;
        let counts = faulty.counts("log/b");
        let asked = (counts.writes, counts.commits, counts.syncs);
        assert_eq!(asked, (1 + 2, 0, 1 + 1));
        // Every piece is one write to the kernel: see the trap of short answers.
        assert_eq!(faulty.counts("log/a").writes, 1 + 2 + 1 + 1);
    });
    faulty.drop_unsynced(Loss::All);
    let found = std::fs::read(faulty.path().join("log/a")).expect("it is there");
    let want = [
        vec![0; 4096],
        vec![1; 700 << 10],
        vec![0; (20 << 10) - 4096],
        vec![3; 16 << 10],
        vec![0; 288 << 10],
    ]
    .concat();
    assert!(found == want, "the synced bytes and no others");
    assert_eq!(
        std::fs::read(faulty.path().join("snapshots/s/a")).expect("there"),
        want
    );
    let found = std::fs::read(faulty.path().join("log/b")).expect("it is there");
    assert!(
        found[4096..4096 + (600 << 10)]
            .iter()
            .all(|&byte| byte == 4)
    );
    assert_eq!(
        std::fs::read(faulty.path().join("segments/b")).expect("there"),
        [0; 4096]
    );
    assert_eq!(
        std::fs::read(faulty.path().join("books/c")).expect("there"),
        [0; 4096]
    );
    assert!(!faulty.path().join("books/c.new").exists());
    assert!(!faulty.path().join("deep/er/b.new").exists());
    assert!(!faulty.path().join("gone").exists());
}

#[test]
fn faults_of_the_device_are_told_and_pass() {
    let scratch = Scratch::new("disk-eio");
    let Some(faulty) = Faulty::mount(scratch.path()) else {
        return;
    };
    with_disk(faulty.path(), async |disk| {
        disk.done(create("log/a", 8192)).await;
        faulty.fail("log/a", On::Write, libc::EIO, 1);
        disk.broken(write("log/a", 0, vec![1; 4096]), "cannot write log/a: ")
            .await;
        disk.done(write("log/a", 0, vec![1; 4096])).await;
        faulty.fail("log/a", On::Sync, libc::EIO, 1);
        disk.broken(sync("log/a"), "cannot sync log/a: ").await;
        disk.done(sync("log/a")).await;
        faulty.fail("log/a", On::Sync, libc::EIO, 1);
        disk.broken(
            commit("log/a", 4096, vec![1; 4096]),
            "cannot commit log/a: ",
        )
        .await;
        disk.done(commit("log/a", 4096, vec![1; 4096])).await;
        faulty.fail("log/a", On::Read, libc::EIO, 1);
        disk.broken(read("log/a", 0, 4096), "cannot read log/a: ")
            .await;
        assert_eq!(
            disk.ask(read("log/a", 0, 4096)).await,
            Ok(Outcome::Bytes(vec![1; 4096]))
        );
        faulty.fail("segments/b", On::Sync, libc::EIO, 1);
        disk.broken(create("segments/b", 4096), "cannot create segments/b: ")
            .await;
        assert_eq!(
            disk.ask(read("segments/b", 0, 4096)).await,
            Err(Fault::Missing)
        );
        faulty.fail("log/a", On::Write, libc::EROFS, 1);
        disk.broken(write("log/a", 0, vec![1; 4096]), "mounted read-only")
            .await;
        faulty.fail("log/a", On::Write, libc::EDQUOT, 1);
        assert_eq!(
            disk.ask(write("log/a", 0, vec![1; 4096])).await,
            Err(Fault::Full)
        );
    });
    assert_eq!(faulty.hits(), 7);
}

#[test]
fn a_limit_of_room_is_full_until_it_is_lifted() {
    let scratch = Scratch::new("disk-room");
    let Some(faulty) = Faulty::mount(scratch.path()) else {
        return;
    };
    faulty.set_room(Some(3 << 20));
    with_disk(faulty.path(), async |disk| {
        disk.done(create("log/a", 1 << 20)).await;
        let room = Room {
            total_bytes: 3 << 20,
            free_bytes: 2 << 20,
        };
        assert_eq!(disk.room().await, room);
        assert_eq!(disk.ask(create("log/b", 4 << 20)).await, Err(Fault::Full));
        assert_eq!(disk.room().await, room, "half a file holds no room");
        disk.done(write("log/a", 4096, vec![1; 4096])).await;
        let long = vec![1; 4 << 20];
        assert_eq!(
            disk.ask(write("log/a", 1 << 20, long.clone())).await,
            Err(Fault::Full)
        );
        faulty.set_room(None);
        disk.done(write("log/a", 1 << 20, long)).await;
        disk.done(sync("log/a")).await;
    });
}

/// To the last byte of a real file system, and back.
fn fill_and_free(small: &SmallDisk) {
    with_disk(small.path(), async |disk| {
        disk.done(create("log/a", 1 << 20)).await;
        let filler = small.fill(2 << 20);
        let room = disk.room().await;
        assert!(
            room.free_bytes <= 2 << 20 && (8 << 20) < room.total_bytes,
            "{room:?}"
        );
        assert_eq!(disk.ask(create("log/b", 8 << 20)).await, Err(Fault::Full));
        let after = disk.room().await;
        assert!(
            room.free_bytes - (128 << 10) <= after.free_bytes,
            "{after:?} of {room:?}"
        );
        let (mut at, mut written) = (1 << 20, Vec::new());
        while disk.ask(write("log/a", at, vec![3; 256 << 10])).await == Ok(Outcome::Done) {
            written.push(at);
            at += 256 << 10;
        }
        assert!((2..64).contains(&written.len()), "{written:?}");
        assert_eq!(
            disk.ask(write("log/a", at, vec![3; 256 << 10])).await,
            Err(Fault::Full)
        );
        // What is there can be written over, synced and read.
        disk.done(write("log/a", 0, vec![4; 1 << 20])).await;
        disk.done(sync("log/a")).await;
        for at in written {
            let told = disk.ask(read("log/a", at, 256 << 10)).await;
            assert!(told == Ok(Outcome::Bytes(vec![3; 256 << 10])), "at {at}");
        }
        std::fs::remove_file(filler).expect("removed");
        disk.done(write("log/a", at, vec![5; 256 << 10])).await;
        disk.done(create("log/b", 1 << 20)).await;
    });
}

#[test]
fn a_real_disk_fills_and_recovers() {
    let scratch = Scratch::new("disk-ext4");
    let Some(small) = SmallDisk::ext4(scratch.path(), 32) else {
        return;
    };
    fill_and_free(&small);
    small.set_read_only(true);
    with_disk(small.path(), async |disk| {
        disk.broken(create("log/c", 4096), "mounted read-only")
            .await;
        disk.broken(write("log/a", 0, vec![1; 4096]), "mounted read-only")
            .await;
        disk.broken(remove("log/a"), "mounted read-only").await;
        disk.broken(rename("log/a", "log/c"), "mounted read-only")
            .await;
        let told = disk.ask(read("log/a", 0, 4096)).await;
        assert_eq!(told, Ok(Outcome::Bytes(vec![4; 4096])));
    });
    small.set_read_only(false);
    with_disk(small.path(), async |disk| {
        disk.done(create("log/c", 4096)).await
    });
}

#[test]
fn memory_serves_as_a_disk_too() {
    let scratch = Scratch::new("disk-tmpfs");
    if let Some(small) = SmallDisk::tmpfs(scratch.path(), 16) {
        fill_and_free(&small);
    }
}

#[test]
fn without_direct_io_all_goes_through_the_page_cache() {
    let scratch = Scratch::new("disk-ramfs");
    let Some(small) = SmallDisk::ramfs(scratch.path()) else {
        return;
    };
    with_disk(small.path(), async |disk| {
        let text: Vec<u8> = (0..3 << 20).map(|nth| (nth / 4096) as u8).collect();
        disk.done(create("log/a", (1 << 20) + 4096)).await;
        let told = disk.ask(read("log/a", 1 << 20, 8192)).await;
        assert_eq!(told, Ok(Outcome::Bytes(vec![0; 4096])));
        disk.done(write("log/a", 8192, text.clone())).await;
        disk.done(sync("log/a")).await;
        let told = disk.ask(read("log/a", 8192, 4 << 20)).await;
        assert!(told == Ok(Outcome::Bytes(text)), "another text");
    });
}
