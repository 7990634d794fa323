//! Many requests, many files, and who goes first.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::rc::Rc;

use super::super::FILES_OPEN_MAX;
use super::super::pieces::PIECE_BYTES;
use super::{ask, create, done, job, noise, on_disk, read, sync, write};
use crate::base::random::Random;
use crate::seam::disk::{Outcome, Request};

#[test]
fn a_thousand_at_once() {
    on_disk("thousand", async |disk, _| {
        const FILES: u64 = 25;
        const BLOCKS: u64 = 40;
        let told = Rc::new(RefCell::new(BTreeMap::new()));
        let start = |number: u64, request: Request| {
            let told = Rc::clone(&told);
            disk.start(job(number), request, move |job, result| {
                assert!(told.borrow_mut().insert(job.number, result).is_none());
            });
        };
        for file in 0..FILES {
            start(file, create(&format!("log/{file}"), 0));
        }
        disk.idle().await;
        assert!(
            told.take()
                .into_values()
                .all(|told| told == Ok(Outcome::Done))
        );
        let text = |number: u64| noise(&mut Random::new(number), 4096);
        let place = |number: u64| (format!("log/{}", number % FILES), number / FILES * 4096);
        for number in 0..FILES * BLOCKS {
            let (file, offset) = place(number);
            start(number, write(&file, offset, text(number)));
        }
        assert_eq!(disk.in_flight() as u64, FILES * BLOCKS);
        disk.idle().await;
        assert!(
            told.borrow()
                .values()
                .all(|told| *told == Ok(Outcome::Done))
        );
        assert_eq!(told.take().len() as u64, FILES * BLOCKS);
        disk.close().await;
        for number in 0..FILES * BLOCKS {
            let (file, offset) = place(number);
            start(number, read(&file, offset, 4096));
        }
        disk.idle().await;
        assert_eq!(disk.0.files.count() as u64, FILES, "a file is opened once");
        assert_eq!(told.borrow().len() as u64, FILES * BLOCKS);
        for (number, result) in told.take() {
            assert_eq!(result, Ok(Outcome::Bytes(text(number))), "request {number}");
        }
    });
}

#[test]
fn only_so_many_files_stay_open_and_the_unsynced_do() {
    on_disk("open", async |disk, root| {
        done(disk, create("unsynced", 0)).await;
        done(disk, write("unsynced", 0, vec![1; 4096])).await;
        for file in 0..FILES_OPEN_MAX + 20 {
            fs::write(root.join(format!("{file}")), [file as u8; 4096]).expect("written");
        }
        for file in (0..FILES_OPEN_MAX + 20).chain(0..3) {
            let told = ask(disk, read(&format!("{file}"), 0, 4096)).await;
            assert_eq!(told, Ok(Outcome::Bytes(vec![file as u8; 4096])));
        }
        assert_eq!(disk.0.files.count(), FILES_OPEN_MAX);
        let held = |what: &str| {
            let open = fs::read_dir("/proc/self/fd").expect("Linux tells what is open");
            open.flatten()
                .any(|fd| fs::read_link(fd.path()).is_ok_and(|path| path == root.join(what)))
        };
        assert!(held("unsynced"), "closed before its sync");
        done(disk, sync("unsynced")).await;
        for file in 10..FILES_OPEN_MAX + 20 {
            ask(disk, read(&format!("{file}"), 0, 4096))
                .await
                .expect("read");
        }
        disk.idle().await;
        glommio::timer::sleep(std::time::Duration::from_millis(50)).await;
        assert!(!held("unsynced"), "kept for ever");
    });
}

#[test]
fn commits_go_past_merges() {
    on_disk("lanes", async |disk, _| {
        const MERGES: u64 = 100;
        done(disk, create("log/a", 1 << 20)).await;
        done(disk, create("segments/b", 0)).await;
        let merged = Rc::new(RefCell::new(0));
        for number in 0..MERGES {
            let merged = Rc::clone(&merged);
            let bytes = vec![1; 2 * PIECE_BYTES];
            let request = write("segments/b", number * bytes.len() as u64, bytes);
            disk.start(job(number), request, move |_, told| {
                assert_eq!(told, Ok(Outcome::Done));
                *merged.borrow_mut() += 1;
            });
        }
        let before = Rc::new(RefCell::new(None));
        let (note, merges) = (Rc::clone(&before), Rc::clone(&merged));
        let inner = disk.clone();
        disk.start(
            job(0),
            write("log/a", 0, vec![2; 65_536]),
            move |_, told| {
                assert_eq!(told, Ok(Outcome::Done));
                inner.start(job(0), sync("log/a"), move |_, told| {
                    assert_eq!(told, Ok(Outcome::Done));
                    *note.borrow_mut() = Some(*merges.borrow());
                });
            },
        );
        disk.idle().await;
        assert_eq!(*merged.borrow(), MERGES);
        let before = before.take().expect("the commit was told");
        assert!(
            before < MERGES / 2,
            "{before} of {MERGES} merges went before a commit"
        );
    });
}
