//! The faulty disk itself: it does what it is told, and nothing else goes wrong.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::harness::Scratch;
use crate::harness::faulty::{Faulty, Loss, On, Rule, Then};

fn on_faulty(what: &str, test: impl FnOnce(&Faulty, &Path)) {
    let scratch = Scratch::new(what);
    if let Some(faulty) = Faulty::mount(scratch.path()) {
        test(&faulty, faulty.path());
    }
}

fn sync_folder(folder: &Path) {
    let folder = File::open(folder).expect("it is there");
    folder.sync_all().expect("no rule forbids it");
}

/// A file of synced ones, whose name is synced.
fn with_file(folder: &Path, bytes: usize) -> File {
    let path = folder.join("a");
    let mut options = File::options();
    let file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path);
    let mut file = file.expect("it can be made");
    file.write_all(&vec![1; bytes]).expect("written");
    file.sync_data().expect("synced");
    sync_folder(folder);
    file
}

fn content(folder: &Path) -> Vec<u8> {
    fs::read(folder.join("a")).expect("it is there")
}

#[test]
fn it_is_a_file_system() {
    on_faulty("faulty-plain", |_, root| {
        fs::create_dir_all(root.join("x/y")).expect("made");
        for nth in 0..300 {
            fs::write(root.join(format!("x/y/{nth:03}")), nth.to_string()).expect("written");
        }
        let listed = fs::read_dir(root.join("x/y")).expect("listed");
        let mut names: Vec<_> = listed
            .map(|entry| entry.expect("entry").file_name())
            .collect();
        names.sort();
        assert_eq!(names.len(), 300);
        assert!(
            names
                .iter()
                .enumerate()
                .all(|(nth, name)| *name == *format!("{nth:03}"))
        );
        fs::rename(root.join("x/y/007"), root.join("x/seven")).expect("renamed");
        fs::hard_link(root.join("x/seven"), root.join("x/8")).expect("linked");
        fs::remove_file(root.join("x/seven")).expect("removed");
        assert_eq!(fs::read_to_string(root.join("x/8")).expect("read"), "7");
        assert!(fs::read(root.join("x/seven")).is_err());
        assert!(fs::remove_dir(root.join("x")).is_err());
        fs::remove_dir_all(root.join("x")).expect("removed");
        assert_eq!(fs::read_dir(root).expect("listed").count(), 0);
    });
}

#[test]
fn what_was_synced_survives_and_what_was_not_does_not() {
    on_faulty("faulty-lose", |faulty, root| {
        let file = with_file(root, 10_000);
        file.write_all_at(&[2; 100], 4000).expect("written");
        file.write_all_at(&[3; 5000], 12_000).expect("written");
        fs::write(root.join("unsynced name"), "x").expect("written");
        assert_eq!(content(root).len(), 17_000);
        drop(file);
        faulty.drop_unsynced(Loss::All);
        assert_eq!(content(root), vec![1; 10_000]);
        assert!(!root.join("unsynced name").exists());
        // And once more, from what was left.
        let file = with_file(root, 9_000);
        file.write_all_at(&[2; 4096], 0).expect("written");
        file.sync_data().expect("synced");
        file.write_all_at(&[3; 4096], 0).expect("written");
        drop(file);
        faulty.drop_unsynced(Loss::All);
        let want = [vec![2; 4096], vec![1; 9_000 - 4096]].concat();
        assert_eq!(content(root), want);
    });
}

#[test]
fn a_write_is_durable_where_the_file_was_opened_for_that() {
    on_faulty("faulty-durable", |faulty, root| {
        let plain = with_file(root, 16_384);
        let mut options = File::options();
        let durable = options.write(true).custom_flags(libc::O_DSYNC);
        let durable = durable.open(root.join("a")).expect("it is there");
        durable.write_all_at(&[3; 4096], 8192).expect("written");
        plain.write_all_at(&[2; 4096], 0).expect("written");
        drop((plain, durable));
        assert_eq!(faulty.counts("a").commits, 1, "the flag has come here");
        faulty.drop_unsynced(Loss::All);
        let want = [vec![1; 8192], vec![3; 4096], vec![1; 4096]].concat();
        assert!(content(root) == want, "that write and no other");
    });
}

#[test]
fn a_file_that_was_cut_is_whole_again() {
    on_faulty("faulty-cut", |faulty, root| {
        let file = with_file(root, 10_000);
        file.set_len(5_000).expect("cut");
        file.write_all_at(&[2; 10], 6_000).expect("written");
        assert_eq!(content(root)[5_000..6_000], vec![0; 1_000]);
        drop(file);
        faulty.drop_unsynced(Loss::All);
        assert_eq!(content(root), vec![1; 10_000]);
    });
}

#[test]
fn names_are_stored_by_the_sync_of_their_folder() {
    on_faulty("faulty-names", |faulty, root| {
        fs::create_dir(root.join("log")).expect("made");
        sync_folder(root);
        with_file(root, 10);
        fs::rename(root.join("a"), root.join("log/b")).expect("renamed");
        faulty.drop_unsynced(Loss::All);
        assert_eq!(content(root), vec![1; 10], "an unsynced rename is undone");
        fs::rename(root.join("a"), root.join("log/b")).expect("renamed");
        sync_folder(&root.join("log"));
        faulty.drop_unsynced(Loss::All);
        assert!(!root.join("a").exists(), "a rename is stored whole");
        assert_eq!(fs::read(root.join("log/b")).expect("read"), vec![1; 10]);
        // An unsynced removal brings the file back.
        fs::remove_file(root.join("log/b")).expect("removed");
        faulty.drop_unsynced(Loss::All);
        assert_eq!(fs::read(root.join("log/b")).expect("read"), vec![1; 10]);
        // A file's own sync does not store its name.
        let file = File::create(root.join("log/c")).expect("made");
        file.sync_all().expect("synced");
        drop(file);
        faulty.drop_unsynced(Loss::All);
        assert!(!root.join("log/c").exists());
    });
}

#[test]
fn the_last_write_is_torn() {
    on_faulty("faulty-torn", |faulty, root| {
        let file = with_file(root, 8192);
        file.write_all_at(&[2; 4096], 8192).expect("written");
        file.write_all_at(&[3; 16_384], 12_288).expect("written");
        drop(file);
        faulty.drop_unsynced(Loss::TornLast);
        let want = [vec![1; 8192], vec![2; 4096], vec![3; 8192]].concat();
        assert_eq!(content(root), want);
        let file = with_file(root, 8192);
        file.write_all_at(&[2; 4096], 4096).expect("written");
        drop(file);
        faulty.drop_unsynced(Loss::TornLast);
        let want = [vec![1; 4096], vec![2; 2048], vec![1; 2048]].concat();
        assert_eq!(content(root), want);
    });
}

#[test]
fn any_part_may_be_lost_as_the_seed_says() {
    on_faulty("faulty-any", |faulty, root| {
        let mut lengths = std::collections::BTreeSet::new();
        for seed in 0..40 {
            let file = with_file(root, 8192);
            file.write_all_at(&[2; 12_288], 4096).expect("written");
            drop(file);
            faulty.drop_unsynced(Loss::Any(seed));
            let found = content(root);
            assert!(8192 <= found.len(), "seed {seed}");
            assert_eq!(found[..4096], vec![1; 4096], "seed {seed}");
            for (nth, sector) in found.chunks(512).enumerate() {
                let old = u8::from(nth < 16);
                assert!(
                    sector[0] == 2 || sector[0] == old,
                    "seed {seed}, sector {nth}"
                );
                assert!(sector.iter().all(|&byte| byte == sector[0]), "seed {seed}");
            }
            lengths.insert(found.len());
        }
        assert!(5 < lengths.len(), "{lengths:?}");
    });
}

#[test]
fn rules_strike_where_and_as_often_as_told() {
    on_faulty("faulty-rules", |faulty, root| {
        let file = with_file(root, 8192);
        let number = |error: std::io::Error| error.raw_os_error();
        faulty.fail("a", On::Write, libc::EIO, 1);
        let told = file.write_all_at(&[2; 4096], 0).map_err(number);
        assert_eq!(told, Err(Some(libc::EIO)));
        file.write_all_at(&[2; 4096], 0).expect("once only");
        fs::write(root.join("b"), "x").expect("another file");
        assert_eq!(faulty.counts("b").writes, 1);
        faulty.add_rule(Rule {
            path: "a".to_owned(),
            on: On::Sync,
            then: Then::Fail(libc::EIO),
            skip: 1,
            times: 1,
        });
        file.sync_data().expect("the first is let through");
        file.write_all_at(&[3; 4096], 0).expect("written");
        assert_eq!(file.sync_data().map_err(number), Err(Some(libc::EIO)));
        // The next one says yes, and stores nothing of what the failed one had.
        file.sync_data().expect("no rule any more");
        assert_eq!(content(root)[..4096], vec![3; 4096]);
        drop(file);
        faulty.drop_unsynced(Loss::All);
        assert_eq!(content(root), [vec![2; 4096], vec![1; 4096]].concat());
        faulty.add_rule(Rule {
            path: "a".to_owned(),
            on: On::Read,
            then: Then::Flip,
            skip: 0,
            times: 1,
        });
        let bits = |bytes: &[u8]| bytes.iter().map(|byte| byte.count_ones()).sum::<u32>();
        assert_ne!(bits(&content(root)), 8192);
        assert_eq!(bits(&content(root)), 8192);
        assert_eq!(faulty.hits(), 3);
        faulty.fail("a", On::Read, libc::EIO, u64::MAX);
        assert!(fs::read(root.join("a")).is_err());
        faulty.clear_rules();
        assert_eq!(content(root).len(), 8192);
        assert_eq!(faulty.counts("a").syncs, 4);
    });
}

#[test]
fn room_ends_and_comes_back() {
    on_faulty("faulty-room", |faulty, root| {
        let file = with_file(root, 8192);
        faulty.set_room(Some(12_288));
        let about = rustix::fs::statvfs(root).expect("statvfs");
        assert_eq!(about.f_bavail * about.f_frsize, 4096);
        let told = file
            .write_all_at(&[2; 8192], 8192)
            .map_err(|error| error.raw_os_error());
        assert_eq!(told, Err(Some(libc::ENOSPC)));
        assert_eq!(content(root).len(), 8192, "all or nothing");
        file.write_all_at(&[2; 8192], 0).expect("no growth");
        fs::write(root.join("b"), [0; 4096]).expect("it fits");
        assert!(fs::write(root.join("c"), [0; 4096]).is_err());
        fs::remove_file(root.join("b")).expect("removed");
        fs::write(root.join("c"), [0; 4096]).expect("it fits again");
        faulty.set_room(None);
        fs::write(root.join("d"), [0; 65_536]).expect("no limit");
    });
}
