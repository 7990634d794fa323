//! On the real kernel, in a folder of the system's temporary one.

mod many;
mod naive;
mod pieces;

use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use glommio::{LocalExecutorBuilder, Placement};

use super::ShardDisk;
use super::pieces::PIECE_BYTES;
use crate::base::random::Random;
use crate::seam::disk::{Fault, Job, Outcome, Request};

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let own = format!("corelane-disk-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(own);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("the temporary folder can be written");
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run<T: Send + 'static>(test: impl AsyncFnOnce() -> T + Send + 'static) -> T {
    let executor = LocalExecutorBuilder::new(Placement::Unbound)
        .io_memory(1 << 20)
        .make()
        .expect("the kernel gives an io_uring");
    executor.run(async { test().await })
}

/// On an empty folder.
fn on_disk(name: &str, test: impl AsyncFnOnce(&ShardDisk, &Path) + Send + 'static) {
    let scratch = Scratch::new(name);
    let root = scratch.0.clone();
    run(async move || {
        let disk = ShardDisk::new(&root, "log/").expect("a disk");
        test(&disk, &root).await;
        disk.close().await;
        assert_eq!(disk.in_flight(), 0);
    });
}

fn job(number: u64) -> Job {
    Job { owner: 7, number }
}

/// Ask for one thing, and wait until nothing is under way.
async fn ask(disk: &ShardDisk, request: Request) -> Result<Outcome, Fault> {
    let result = Rc::new(RefCell::new(None));
    let slot = Rc::clone(&result);
    disk.start(job(1), request, move |told, outcome| {
        assert_eq!(told, job(1));
        *slot.borrow_mut() = Some(outcome);
    });
    disk.idle().await;
    result.take().expect("idle means that all were told")
}

async fn done(disk: &ShardDisk, request: Request) {
    let told = ask(disk, request.clone()).await;
    assert_eq!(told, Ok(Outcome::Done), "{request:?}");
}

#[track_caller]
fn told_broken(told: Result<Outcome, Fault>, part: &str) {
    match told {
        Err(Fault::Broken(text)) => {
            assert!(text.contains(part), "{text:?} says nothing of {part:?}")
        }
        other => panic!("{other:?} is not broken for {part:?}"),
    }
}

fn name(text: &str) -> Arc<str> {
    Arc::from(text)
}

fn create(text: &str, bytes: u64) -> Request {
    Request::Create {
        name: name(text),
        bytes,
    }
}

fn write(text: &str, offset: u64, bytes: Vec<u8>) -> Request {
    Request::Write {
        name: name(text),
        offset,
        bytes,
    }
}

fn read(text: &str, offset: u64, bytes: usize) -> Request {
    Request::Read {
        name: name(text),
        offset,
        bytes,
    }
}

fn sync(text: &str) -> Request {
    Request::Sync { name: name(text) }
}

fn rename(from: &str, to: &str) -> Request {
    Request::Rename {
        from: name(from),
        to: name(to),
    }
}

fn link(from: &str, to: &str) -> Request {
    Request::Link {
        from: name(from),
        to: name(to),
    }
}

fn remove(text: &str) -> Request {
    Request::Remove { name: name(text) }
}

fn noise(random: &mut Random, bytes: usize) -> Vec<u8> {
    (0..bytes.div_ceil(8))
        .flat_map(|_| random.next_u64().to_le_bytes())
        .take(bytes)
        .collect()
}

#[test]
fn what_was_written_is_read_and_a_file_ends_where_it_ends() {
    on_disk("ends", async |disk, root| {
        let text = noise(&mut Random::new(1), 3 * PIECE_BYTES + 4096);
        done(disk, create("deep/er/a", 0)).await;
        done(disk, write("deep/er/a", 4096, text.clone())).await;
        done(disk, sync("deep/er/a")).await;
        let told = ask(disk, read("deep/er/a", 4096, text.len())).await;
        assert!(told == Ok(Outcome::Bytes(text.clone())), "another text");
        let told = ask(disk, read("deep/er/a", 8192, 2 * text.len())).await;
        assert!(
            told == Ok(Outcome::Bytes(text[4096..].to_vec())),
            "another rest"
        );
        let length = 4096 + text.len() as u64;
        for beyond in [length, length + 4096, 1 << 40] {
            let told = ask(disk, read("deep/er/a", beyond, 8192)).await;
            assert_eq!(told, Ok(Outcome::Bytes(Vec::new())), "at {beyond}");
        }
        assert_eq!(
            ask(disk, read("deep/er/a", 0, 0)).await,
            Ok(Outcome::Bytes(Vec::new()))
        );
        // A file that others have made may end anywhere.
        fs::write(root.join("odd"), &text[..5000]).expect("written");
        let told = ask(disk, read("odd", 4096, 8192)).await;
        assert_eq!(told, Ok(Outcome::Bytes(text[4096..5000].to_vec())));
    });
}

#[test]
fn a_created_file_is_full_of_zeros_and_new() {
    on_disk("create", async |disk, root| {
        let bytes = (2 << 20) + 12_288;
        for _ in 0..2 {
            done(disk, create("log/a", bytes)).await;
            let found = fs::read(root.join("log/a")).expect("it is there");
            assert_eq!(found.len() as u64, bytes);
            assert!(found.iter().all(|&byte| byte == 0));
            use std::os::unix::fs::MetadataExt;
            let about = fs::metadata(root.join("log/a")).expect("it is there");
            assert!(
                bytes <= about.blocks() * 512,
                "zeros that are not written: {about:?}"
            );
            done(disk, write("log/a", 4096, vec![7; 4096])).await;
            done(disk, sync("log/a")).await;
        }
        // What lives on under another name is not touched.
        done(disk, link("log/a", "snapshots/x/a")).await;
        done(disk, create("log/a", 4096)).await;
        let kept = fs::read(root.join("snapshots/x/a")).expect("it is there");
        assert_eq!((kept.len() as u64, kept[4096]), (bytes, 7));
        assert_eq!(
            ask(disk, read("log/a", 0, 8192)).await,
            Ok(Outcome::Bytes(vec![0; 4096]))
        );
    });
}

#[test]
fn room_that_is_put_aside_reads_as_zeros() {
    on_disk("reserve", async |disk, root| {
        let bytes = (1 << 20) + 8192;
        for _ in 0..2 {
            let name = name("log/a");
            done(disk, Request::Reserve { name, bytes }).await;
            let found = fs::read(root.join("log/a")).expect("it is there");
            assert_eq!(found.len() as u64, bytes);
            assert!(found.iter().all(|&byte| byte == 0));
            use std::os::unix::fs::MetadataExt;
            let about = fs::metadata(root.join("log/a")).expect("it is there");
            assert!(bytes <= about.blocks() * 512, "no room: {about:?}");
            done(disk, write("log/a", 4096, vec![7; 4096])).await;
            done(disk, sync("log/a")).await;
            assert_eq!(
                ask(disk, read("log/a", 4096, 4096)).await,
                Ok(Outcome::Bytes(vec![7; 4096]))
            );
        }
    });
}

#[test]
fn names_lead_to_what_has_them_now() {
    on_disk("names", async |disk, root| {
        for (file, byte) in [("a", 1), ("b", 2)] {
            done(disk, create(file, 0)).await;
            done(disk, write(file, 0, vec![byte; 4096])).await;
            done(disk, sync(file)).await;
        }
        let bytes = |byte: u8| Ok(Outcome::Bytes(vec![byte; 4096]));
        assert_eq!(ask(disk, read("b", 0, 4096)).await, bytes(2));
        done(disk, rename("a", "b")).await;
        assert_eq!(ask(disk, read("b", 0, 4096)).await, bytes(1));
        assert_eq!(ask(disk, read("a", 0, 4096)).await, Err(Fault::Missing));
        done(disk, write("b", 0, vec![3; 4096])).await;
        assert_eq!(
            fs::read(root.join("b")).expect("it is there"),
            vec![3; 4096]
        );

        done(disk, create("c", 4096)).await;
        done(disk, link("b", "c")).await;
        done(disk, link("b", "c")).await;
        assert_eq!(ask(disk, read("c", 0, 4096)).await, bytes(3));
        assert_eq!(ask(disk, link("none", "c")).await, Err(Fault::Missing));
        assert_eq!(ask(disk, rename("none", "c")).await, Err(Fault::Missing));
        assert_eq!(ask(disk, read("c", 0, 4096)).await, bytes(3));
        done(disk, remove("b")).await;
        done(disk, remove("b")).await;
        done(disk, remove("no/folder")).await;
        assert_eq!(
            ask(disk, write("b", 0, vec![0; 4096])).await,
            Err(Fault::Missing)
        );
        assert_eq!(ask(disk, sync("b")).await, Err(Fault::Missing));
        assert_eq!(ask(disk, read("c", 0, 4096)).await, bytes(3));
    });
}

#[test]
fn nonsense_is_refused_and_nothing_leads_out_of_the_folder() {
    on_disk("nonsense", async |disk, root| {
        done(disk, create("a", 4096)).await;
        told_broken(
            ask(disk, write("a", 1, vec![0; 4096])).await,
            "whole blocks",
        );
        told_broken(
            ask(disk, write("a", 0, vec![0; 4095])).await,
            "whole blocks",
        );
        told_broken(ask(disk, read("a", 4096, 100)).await, "whole blocks");
        told_broken(ask(disk, create("b", 100)).await, "whole blocks");
        done(disk, write("a", 0, Vec::new())).await;
        let outside = root
            .parent()
            .expect("it has one")
            .join("corelane-disk-outside");
        for bad in [
            "../corelane-disk-outside",
            "",
            "/etc/passwd",
            "a\0b",
            "x/../../y",
            ".",
        ] {
            told_broken(ask(disk, create(bad, 0)).await, "no name");
            told_broken(ask(disk, rename("a", bad)).await, "no name");
            told_broken(ask(disk, read(bad, 0, 4096)).await, "no name");
        }
        assert!(!outside.exists());
        // More than there is memory: refused by the file, not by the allocator.
        let told = ask(disk, read("a", 0, 1 << 46)).await;
        assert_eq!(told, Ok(Outcome::Bytes(vec![0; 4096])));
        told_broken(
            ask(disk, write("a", 1 << 62, vec![0; 4096])).await,
            "cannot write a",
        );
    });
}

#[test]
fn a_read_only_answer_tells_what_to_do() {
    let told = |error: rustix::io::Errno| super::fault("write", "log/a", &io::Error::from(error));
    assert_eq!(told(rustix::io::Errno::NOSPC), Fault::Full);
    assert_eq!(told(rustix::io::Errno::DQUOT), Fault::Full);
    assert_eq!(told(rustix::io::Errno::NOENT), Fault::Missing);
    told_broken(Err(told(rustix::io::Errno::ROFS)), "mount it writable");
    told_broken(Err(told(rustix::io::Errno::MFILE)), "ulimit -n");
    told_broken(Err(told(rustix::io::Errno::IO)), "cannot write log/a: ");
}
