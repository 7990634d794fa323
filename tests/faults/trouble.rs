//! The real binary on a disk that refuses single writes and syncs: it goes on elsewhere or tries again,
//! and loses nothing that was acknowledged.

use std::time::{Duration, Instant};

use crate::harness::faulty::{Faulty, Loss, On};
use crate::harness::restarts::Restarts;
use crate::harness::{Scratch, wait_until};
use crate::ledger::Ledger;
use crate::power::{appliance, cut_power};

/// More often than anything is tried.
const ALWAYS: u64 = 1 << 40;
/// The log has what it wants when nothing has changed for so long.
const QUIET: Duration = Duration::from_millis(400);

fn on_faulty(what: &str, test: impl FnOnce(&Faulty, &mut Restarts, &mut Ledger)) {
    let scratch = Scratch::new(what);
    let Some(faulty) = Faulty::mount(scratch.path()) else {
        return;
    };
    let mut server = appliance(&faulty, scratch.path(), &[]);
    let mut ledger = Ledger::new(what);
    server.start();
    ledger.send_all(&server, 5);
    wait_for_reserve(&server);
    test(&faulty, &mut server, &mut ledger);
    ledger.check(&server);
    cut_power(&mut server, &faulty, Loss::All);
    server.start();
    ledger.check(&server);
    ledger.send_all(&server, 1);
    server.stop();
}

/// Until the log has its files in reserve: without one, a failing disk is first met by who makes it.
fn wait_for_reserve(server: &Restarts) {
    let mut last = (Vec::new(), Instant::now());
    wait_until("log files in reserve", Duration::from_secs(20), || {
        let files = std::fs::read_dir(server.data().join("log"));
        let files = files.map_err(|error| error.to_string())?;
        let mut sizes: Vec<u64> = files
            .filter_map(|file| Some(file.ok()?.metadata().ok()?.len()))
            .collect();
        sizes.sort_unstable();
        if sizes != last.0 {
            last = (sizes, Instant::now());
        }
        let sizes = &last.0;
        let whole = 2 <= sizes.len() && sizes.first() == sizes.last();
        if whole && QUIET <= last.1.elapsed() {
            Ok(())
        } else {
            Err(format!("{sizes:?}"))
        }
    });
}

fn log_that_fails_once(what: &str, on: On) {
    on_faulty(what, |faulty, server, ledger| {
        faulty.fail("log/", on, libc::EIO, 1);
        // The same points go to the file in reserve, and whoever waits does not notice.
        ledger.send_all(server, 20);
        assert_eq!(faulty.hits(), 1);
    });
}

#[test]
fn a_log_write_that_fails_once_goes_to_another_file() {
    log_that_fails_once("eio-write", On::Write);
}

#[test]
fn a_log_sync_that_fails_once_goes_to_another_file() {
    log_that_fails_once("eio-sync", On::Sync);
}

#[test]
fn a_log_that_fails_for_a_while_refuses_for_so_long() {
    on_faulty("eio-while", |faulty, server, ledger| {
        faulty.fail("log/", On::Sync, libc::EIO, ALWAYS);
        let began = Instant::now();
        let refused = ledger.send(server).expect("an answer");
        assert_eq!(refused.status, 503, "{refused:?}\n{}", server.log());
        assert!(refused.retry_after.is_some(), "{refused:?}");
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(server.metric("corelane_log_trouble"), 1.0);
        // What was acknowledged still answers.
        ledger.check(server);
        faulty.clear_rules();
        wait_until(
            "acknowledgement",
            Duration::from_secs(10),
            || match ledger.send(server)? {
                answer if answer.status == 204 => Ok(()),
                answer => Err(format!("{answer:?}")),
            },
        );
        assert_eq!(server.metric("corelane_log_trouble"), 0.0);
        ledger.send_all(server, 5);
    });
}

/// Everything is sealed although `times` requests of a kind fail.
fn sealing_that_fails(what: &str, path: &str, on: On, times: u64) {
    on_faulty(what, |faulty, server, ledger| {
        // Of new series, so that the book has something to write too.
        let mut others = [Ledger::new("second"), Ledger::new("third")];
        for other in &mut others {
            // The book is written soon after they came.
            let hits = faulty.hits();
            faulty.fail(path, on, libc::EIO, times);
            ledger.send_all(server, 20);
            other.send_all(server, 20);
            let sealed = server.post("/admin/seal", "");
            assert_eq!(sealed.status, 200, "{sealed:?}\n{}", server.log());
            assert!(hits < faulty.hits(), "{path} is not asked for {on:?}");
            faulty.clear_rules();
            ledger.check(server);
            other.check(server);
        }
        cut_power(server, faulty, Loss::All);
        server.start();
        others.iter().for_each(|other| other.check(server));
    });
}

#[test]
fn segment_writes_that_fail_are_done_again() {
    sealing_that_fails("seal-write", "segments/", On::Write, 2);
}

#[test]
fn segment_syncs_that_fail_are_done_again() {
    sealing_that_fails("seal-sync", "segments/", On::Sync, 2);
}

#[test]
fn manifest_writes_that_fail_are_done_again() {
    sealing_that_fails("manifest-write", "manifest", On::Write, 2);
}

#[test]
fn manifest_syncs_that_fail_are_done_again() {
    sealing_that_fails("manifest-sync", "manifest", On::Sync, 2);
}

#[test]
fn books_that_fail_are_written_again() {
    sealing_that_fails("book-sync", "books/", On::Sync, 1);
}
