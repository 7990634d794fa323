//! What bodies and answers of KairosDB's API take in memory, however large they are and however many at once.

use std::fmt::Write as _;
use std::io::Read;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::bodies::post_chunks;
use crate::harness::{Appliance, Scratch, wait_until};
use crate::hostile::resident_bytes;

const MIB: u64 = 1 << 20;

/// Each of these tests takes much of the machine: one after the other.
static ALONE: Mutex<()> = Mutex::new(());

/// All of `size` where the machine is there for it, `CI` is `true`; else a tenth, as other tests run beside
/// this.
fn sized(size: usize) -> usize {
    match std::env::var("CI").is_ok_and(|value| value == "true") {
        true => size,
        false => size / 10,
    }
}

/// The most that was resident since the last call.
fn peak_bytes(process: i32) -> u64 {
    let path = format!("/proc/{process}");
    let status = std::fs::read_to_string(format!("{path}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok());
    std::fs::write(format!("{path}/clear_refs"), "5").expect("a child's own counters can be reset");
    kib.expect("the kernel tells") * 1024
}

/// An appliance with this configuration.
fn start(config: &str) -> (Appliance, Scratch) {
    let scratch = Scratch::new("memory");
    let file = scratch.write("corelane.toml", &format!("shards = 2\n{config}"));
    let appliance = Appliance::start_with(&["--config", file.to_str().expect("plain text")]);
    (appliance, scratch)
}

/// Send points of so many seconds, in one body; times are of a day in 2023 and behind.
fn send(appliance: &Appliance, name: &'static str, points: usize) {
    const PIECE: usize = 20_000;
    let piece = move |from: usize| {
        let mut text = String::with_capacity(PIECE * 20);
        text.push(if from == 0 { '[' } else { ',' });
        let _ = write!(
            text,
            r#"{{"name":"{name}","tags":{{"a":"b"}},"datapoints":["#
        );
        for at in from..points.min(from + PIECE) {
            let comma = if at == from { "" } else { "," };
            let _ = write!(text, "{comma}[{},{}]", 1_700_000_000_000 + at, at % 1000);
        }
        text.push_str("]}");
        text.into_bytes()
    };
    let pieces = (0..points).step_by(PIECE).map(piece);
    let pieces = pieces.chain(std::iter::once(b"]".to_vec()));
    let told = post_chunks(appliance.ports.http, "", pieces);
    assert_eq!(told, (204, String::new()));
}

/// Ask for a metric; the status, the header that says when to come again, and how many bytes came, or the
/// text where it is no good answer.
fn ask(appliance: &Appliance, name: &str, rest: &str) -> (u16, String, u64, String) {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .new_agent();
    let url = format!(
        "http://127.0.0.1:{}/api/v1/datapoints/query",
        appliance.ports.http
    );
    let body = format!(r#"{{"start_absolute":0,"metrics":[{{"name":"{name}"{rest}}}]}}"#);
    let mut answer = agent.post(&url).send(body).expect("an answer");
    let status = answer.status().as_u16();
    let again = answer
        .headers()
        .get("Retry-After")
        .and_then(|value| value.to_str().ok());
    let again = again.unwrap_or_default().to_owned();
    let mut reader = answer.body_mut().as_reader();
    let (mut bytes, mut piece, mut told) = (0, vec![0; 1 << 20], String::new());
    loop {
        let read = reader.read(&mut piece).expect("a whole answer");
        if read == 0 {
            return (status, again, bytes, told);
        }
        if status != 200 {
            told.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        bytes += read as u64;
    }
}

#[test]
fn a_body_of_a_gibibyte() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (appliance, _scratch) = start("");
    let id = appliance.id();
    peak_bytes(id);
    let before = resident_bytes(id);
    let filler = "x".repeat((MIB - 2_000) as usize);
    let piece = |i: usize| {
        let points: Vec<String> = (100 * i..100 * i + 100)
            .map(|at| format!("[{at},{at}]"))
            .collect();
        let points = points.join(",");
        let first = if i == 0 { '[' } else { ',' };
        let name = r#"{"name":"gibibyte","tags":{"a":"b"}"#;
        format!(
            r#"{first}{name},"comment":"{filler}","datapoints":[{points}]}}{:1000}"#,
            ""
        )
        .into_bytes()
    };
    let pieces = (0..sized(1024))
        .map(piece)
        .chain(std::iter::once(b"]".to_vec()));
    let told = post_chunks(appliance.ports.http, "", pieces);
    assert_eq!(told, (204, String::new()));
    let more = peak_bytes(id).saturating_sub(before);
    assert!(more < 64 * MIB, "{} MiB more than before", more / MIB);
    let count = r#","aggregators":[{"name":"count","sampling":{"value":1,"unit":"years"}}]"#;
    let (status, _, bytes, _) = ask(&appliance, "gibibyte", count);
    assert!(status == 200 && bytes < 1_000, "{status} {bytes}");
    appliance.stop();
}

#[test]
fn a_query_of_ten_million_points() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let points = sized(10_000_000);
    let (appliance, _scratch) = start("");
    let id = appliance.id();
    send(&appliance, "many", points);
    // Sealing takes memory of its own.
    let sealed = appliance.try_post("/admin/seal");
    assert_eq!(sealed.map(|(status, _)| status), Ok(200));
    let before = resident_bytes(id);
    peak_bytes(id);
    let minutes = r#","aggregators":[{"name":"sum","sampling":{"value":1,"unit":"minutes"}}]"#;
    // Behind this one no shard folds.
    let differences = r#","aggregators":[{"name":"diff"}]"#;
    // Bytes of the answer for each point at least, and what is held for each at most: the points as shards
    // give them, then as a stream, and the text. Where shards fold, the points of a series before that.
    for (rest, bytes_min, held_max) in [(minutes, 0, 30), ("", 17, 90), (differences, 15, 140)] {
        let (status, _, bytes, told) = ask(&appliance, "many", rest);
        assert_eq!(status, 200, "{told}");
        assert!((bytes_min * points) as u64 <= bytes, "{bytes}");
        let (more, slack) = (peak_bytes(id).saturating_sub(before), 32 * MIB);
        let most = (held_max * points) as u64 + slack;
        assert!(
            more < most,
            "{} MiB more than before for {rest:?}",
            more / MIB
        );
        // And nothing of it is kept.
        wait_until(
            "its memory is given back",
            Duration::from_secs(20),
            || match resident_bytes(id).saturating_sub(before) / MIB {
                kept if kept < 200 => Ok(()),
                kept => Err(format!("{kept} MiB are kept")),
            },
        );
    }
    appliance.stop();
}

#[test]
fn many_large_queries_at_once() {
    const POINTS: usize = 100_000;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (appliance, _scratch) = start("[query]\nall_bytes_max = 16777216\nmillis_max = 120000\n");
    let id = appliance.id();
    send(&appliance, "crowd", POINTS);
    let before = resident_bytes(id);
    peak_bytes(id);
    let (good, crowded) = (AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..4 {
                    let (status, again, _, told) =
                        ask(&appliance, "crowd", r#","aggregators":[{"name":"diff"}]"#);
                    if status == 200 {
                        good.fetch_add(1, Ordering::Relaxed);
                        continue;
                    }
                    assert_eq!((status, again.as_str()), (503, "1"), "{told}");
                    assert!(told.contains("query.all_bytes_max"), "{told}");
                    crowded.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let (good, crowded) = (good.into_inner(), crowded.into_inner());
    assert!(good > 0 && crowded > 0, "{good} good, {crowded} crowded");
    let more = peak_bytes(id).saturating_sub(before) / MIB;
    // With what waits for readers that are slower than the rest: an answer takes 2 MB.
    assert!(more < 120, "{more} MiB more than before");
    // What would need more than that by itself has to ask for less, and not to come again.
    let twelve: String = (0..12)
        .map(|_| r#"{"name":"crowd","aggregators":[{"name":"diff"}]},"#)
        .collect();
    let body = format!(
        r#","aggregators":[{{"name":"diff"}}]}},{}{{"name":"crowd""#,
        twelve
    );
    let (status, again, _, told) = ask(&appliance, "crowd", &body);
    assert_eq!((status, again.as_str()), (400, ""), "{told}");
    assert!(told.contains("query.all_bytes_max"), "{told}");
    // When the crowd is gone there is room.
    for _ in 0..3 {
        assert_eq!(ask(&appliance, "crowd", "").0, 200);
    }
    appliance.stop();
}
