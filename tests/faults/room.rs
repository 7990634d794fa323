//! The real binary on disks that end: it says so to whoever waits, lets lines stay with their senders,
//! goes on answering, and recovers by itself when there is room again.

use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::faulty::Faulty;
use crate::harness::mounts::SmallDisk;
use crate::harness::restarts::Restarts;
use crate::harness::{Scratch, now_seconds, wait_until};
use crate::ledger::Ledger;
use crate::power::appliance;

/// Longest time until an appliance has noticed that there is room.
const RECOVER_MAX: Duration = Duration::from_secs(20);
/// A sender whose socket takes nothing for so long is paused.
const PAUSED: Duration = Duration::from_secs(1);

/// Memory for few points, so that a full disk is soon felt.
const SMALL_HEAD: &[(&str, &str)] = &[
    ("head.bytes_max", "1048576"),
    ("store.unwritten_bytes_max", "4194304"),
];

/// A sender of lines that are hard to pack, over one connection.
struct Sender {
    series: u64,
    /// Points of each series.
    rounds: u64,
    begin_s: i64,
    step_s: i64,
}

/// How far a sender is.
#[derive(Default)]
struct Progress {
    lines: AtomicU64,
    is_done: AtomicBool,
}

impl Sender {
    fn value(&self, series: u64, round: u64) -> f64 {
        let mut word = (series + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ round.wrapping_mul(0xd1b5_4a32_d192_ed03);
        word ^= word >> 29;
        word = word.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (word >> 44) as f64 / 100.0
    }

    /// Send everything, however long it takes; a paused socket is written to again.
    fn send(&self, port: u16, progress: &Progress) {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a connection");
        let short = Some(Duration::from_millis(50));
        stream.set_write_timeout(short).expect("a timeout");
        let mut text = String::new();
        for round in 0..self.rounds {
            text.clear();
            let at_s = self.begin_s + round as i64 * self.step_s;
            for series in 0..self.series {
                let value = self.value(series, round);
                text += &format!("room.s{series} {value} {at_s}\n");
            }
            let mut rest = text.as_bytes();
            while !rest.is_empty() {
                match stream.write(rest) {
                    Ok(taken) => rest = &rest[taken..],
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => panic!("a paused sender was dropped: {error}"),
                }
            }
            progress.lines.fetch_add(self.series, Ordering::Relaxed);
        }
        progress.is_done.store(true, Ordering::Relaxed);
    }

    /// All points of one series that are there.
    fn points(&self, server: &Restarts, series: u64) -> Vec<(i64, f64)> {
        let body = json!({"start_absolute": 0, "metrics": [{"name": format!("room.s{series}")}]});
        let answer = server.post("/api/v1/datapoints/query", &body.to_string());
        assert_eq!((answer.status, &answer.partial), (200, &None), "{answer:?}");
        let parsed: Value = serde_json::from_str(&answer.text).expect("JSON");
        let values = parsed["queries"][0]["results"][0]["values"]
            .as_array()
            .cloned();
        let values = values.unwrap_or_default();
        let point = |point: &Value| Some((point[0].as_i64()? / 1000, point[1].as_f64()?));
        values.iter().filter_map(point).collect()
    }

    /// Everything since `from_s` is there, as it was sent, and nothing else.
    fn differences(&self, server: &Restarts, from_s: i64) -> Result<(), String> {
        for series in 0..self.series {
            let rounds = (0..self.rounds).map(|round| {
                (
                    self.begin_s + round as i64 * self.step_s,
                    self.value(series, round),
                )
            });
            let want: Vec<(i64, f64)> = rounds.filter(|(at_s, _)| from_s <= *at_s).collect();
            let mut got = self.points(server, series);
            got.retain(|(at_s, _)| from_s <= *at_s);
            if got != want {
                let first = got.iter().zip(&want).find(|(got, want)| got != want);
                return Err(format!(
                    "s{series}: {} of {} points, {first:?}",
                    got.len(),
                    want.len()
                ));
            }
        }
        Ok(())
    }
}

/// Wait until senders are paused, and see that they really are; what is there is still answered, and
/// whoever waits is told to come back.
fn check_paused(server: &Restarts, progress: &Progress, ledger: &mut Ledger) {
    wait_until("pause of the senders", Duration::from_secs(60), || {
        let blocked = server.metric("corelane_blocked");
        if blocked == 1.0 {
            Ok(())
        } else {
            Err(format!("corelane_blocked {blocked}"))
        }
    });
    let mut last = (progress.lines.load(Ordering::Relaxed), Instant::now());
    wait_until("full socket", Duration::from_secs(20), || {
        let lines = progress.lines.load(Ordering::Relaxed);
        if lines != last.0 {
            last = (lines, Instant::now());
        }
        if PAUSED <= last.1.elapsed() {
            Ok(())
        } else {
            Err(format!("{lines} lines taken"))
        }
    });
    assert!(
        !progress.is_done.load(Ordering::Relaxed),
        "there was room for everything"
    );
    let refused = ledger.send(server).expect("an answer");
    assert_eq!(refused.status, 503, "{refused:?}\n{}", server.log());
    assert!(refused.retry_after.is_some(), "{refused:?}");
    ledger.check(server);
}

/// Whoever asks for something that needs room hears at once that there is none.
fn check_told(server: &Restarts) {
    let event = json!({"what": "an event"}).to_string();
    for (path, body) in [
        ("/events/", &*event),
        ("/admin/seal", ""),
        ("/admin/snapshot?name=full", ""),
    ] {
        let began = Instant::now();
        let refused = server.post(path, body);
        let told = refused.status == 503 && refused.retry_after.is_some();
        assert!(
            told && refused.text.contains("the disk is full"),
            "{path}: {refused:?}"
        );
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{path}: {:?}",
            began.elapsed()
        );
    }
}

/// After room has come back: all senders are done, and all is there.
fn check_recovered(server: &Restarts, sender: &Sender, progress: &Progress, ledger: &mut Ledger) {
    wait_until("acknowledgement", RECOVER_MAX, || {
        match ledger.send(server)? {
            answer if answer.status == 204 => Ok(()),
            answer => Err(format!("{answer:?}\n{}", server.log())),
        }
    });
    wait_until("end of the sender", Duration::from_secs(60), || {
        let lines = progress.lines.load(Ordering::Relaxed);
        if progress.is_done.load(Ordering::Relaxed) {
            Ok(())
        } else {
            Err(format!("{lines} lines\n{}", server.log()))
        }
    });
    wait_until("points of the sender", RECOVER_MAX, || {
        sender.differences(server, 0)
    });
    ledger.check(server);
}

/// Bytes that the files on `faulty` take.
fn used_bytes(faulty: &Faulty) -> u64 {
    const PLENTY: u64 = 1 << 40;
    faulty.set_room(Some(PLENTY));
    let about = rustix::fs::statvfs(faulty.path()).expect("it is mounted");
    PLENTY - about.f_bavail * about.f_frsize
}

#[test]
fn segments_that_find_no_room_pause_senders_until_there_is_some() {
    let scratch = Scratch::new("room-segments");
    let Some(faulty) = Faulty::mount(scratch.path()) else {
        return;
    };
    let mut server = appliance(&faulty, scratch.path(), SMALL_HEAD);
    let mut ledger = Ledger::new("ledger");
    server.start();
    ledger.send_all(&server, 10);
    assert_eq!(server.post("/admin/seal", "").status, 200);
    ledger.send_all(&server, 10);
    std::thread::sleep(Duration::from_secs(1));
    faulty.set_room(Some(used_bytes(&faulty)));
    let sender = Sender {
        series: 50,
        rounds: 16_000,
        begin_s: now_seconds() - 20_000,
        step_s: 1,
    };
    let progress = Progress::default();
    let port = server.ports.graphite;
    std::thread::scope(|scope| {
        scope.spawn(|| sender.send(port, &progress));
        check_paused(&server, &progress, &mut ledger);
        check_told(&server);
        faulty.set_room(None);
        check_recovered(&server, &sender, &progress, &mut ledger);
    });
    server.crash();
    server.start();
    ledger.check(&server);
    assert_eq!(sender.differences(&server, 0), Ok(()));
    server.stop();
}

#[test]
fn a_log_that_finds_no_room_refuses_until_there_is_some() {
    let scratch = Scratch::new("room-log");
    let Some(faulty) = Faulty::mount(scratch.path()) else {
        return;
    };
    // Not even the first file of the log fits.
    faulty.set_room(Some(8 << 20));
    let mut server = appliance(&faulty, scratch.path(), SMALL_HEAD);
    let mut ledger = Ledger::new("ledger");
    server.start();
    let refused = ledger.send(&server).expect("an answer");
    assert_eq!(refused.status, 503, "{refused:?}\n{}", server.log());
    assert!(refused.retry_after.is_some(), "{refused:?}");
    assert_eq!(server.metric("corelane_log_trouble"), 1.0);
    ledger.check(&server);
    faulty.set_room(None);
    wait_until("acknowledgement", RECOVER_MAX, || {
        match ledger.send(&server)? {
            answer if answer.status == 204 => Ok(()),
            answer => Err(format!("{answer:?}\n{}", server.log())),
        }
    });
    ledger.send_all(&server, 5);
    server.crash();
    server.start();
    ledger.check(&server);
    server.stop();
}

#[test]
fn a_small_disk_is_filled_and_freed_and_old_windows_make_room() {
    let scratch = Scratch::new("small-disk");
    let Some(disk) = SmallDisk::ext4(scratch.path(), 256) else {
        return;
    };
    let raw_percent = 1;
    let settings = [
        ("head.bytes_max", "1048576"),
        ("head.seal_bytes", "200000"),
        ("head.seal_seconds", "1"),
        ("ingest.connections_max", "100"),
        ("retention.raw_disk", "1"),
        ("retention.raw_hours_min", "2"),
    ];
    let mut server = Restarts::new(&disk.path().join("data"), scratch.path(), &settings);
    let mut ledger = Ledger::new("ledger");
    server.start();
    ledger.send_all(&server, 10);
    std::thread::sleep(Duration::from_secs(1));
    let filler = disk.fill(0);
    let hours = 12;
    let sender = Sender {
        series: 50,
        rounds: 24_000,
        begin_s: now_seconds() - hours * 3600,
        step_s: hours * 3600 / 24_000,
    };
    let progress = Progress::default();
    let port = server.ports.graphite;
    std::thread::scope(|scope| {
        scope.spawn(|| sender.send(port, &progress));
        check_paused(&server, &progress, &mut ledger);
        std::fs::remove_file(filler).expect("it is there");
        wait_until("end of the sender", Duration::from_secs(60), || {
            let lines = progress.lines.load(Ordering::Relaxed);
            if progress.is_done.load(Ordering::Relaxed) {
                Ok(())
            } else {
                Err(format!("{lines} lines\n{}", server.log()))
            }
        });
    });
    let young_s = now_seconds() - 2 * 3600;
    assert_eq!(server.post("/admin/seal", "").status, 200);
    let budget_bytes = (256 << 20) as f64 * f64::from(raw_percent) / 100.0;
    wait_until(
        "room made by itself",
        Duration::from_secs(40),
        || match server.metric("corelane_segment_bytes") {
            bytes if bytes < budget_bytes => Ok(()),
            bytes => Err(format!("{bytes} bytes of {budget_bytes}")),
        },
    );
    // The young are all there; of the old, whole windows from the oldest on are gone.
    assert_eq!(sender.differences(&server, young_s), Ok(()));
    let boundary_s = server.metric("corelane_retention_boundary_seconds") as i64;
    assert!(
        sender.begin_s + 3600 < boundary_s && boundary_s < young_s,
        "{boundary_s}"
    );
    assert_eq!(sender.differences(&server, boundary_s), Ok(()));
    for series in 0..sender.series {
        let oldest = sender.points(&server, series).first().map(|point| point.0);
        assert!(
            oldest.is_some_and(|oldest| boundary_s <= oldest),
            "{oldest:?} {boundary_s}"
        );
    }
    server.stop();
}
