//! The real binary is killed at any moment, again and again, while points flow into it; what it has
//! acknowledged is there after each start, exactly.
//!
//! The settings are small, so that kills fall into seals, merges, writes of the manifest and recoveries.
//! `CRASH_LOOPS` in the environment is the number of loops, `CRASH_SEED` the seed.

#[path = "../harness/mod.rs"]
mod harness;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use harness::restarts::{Restarts, post};
use harness::{Scratch, now_seconds};
use loadgen::crash::senders::Lines;
use loadgen::crash::{Plan, Summary, run};

/// One run at a time: how much of the lines is lost is a matter of time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Between two orders to seal and merge everything.
const SEAL_EVERY: Duration = Duration::from_millis(130);

/// Kill it `loops` times, each time with the next number of shards; lines are of that form.
fn check(what: &str, shards: &[usize], line_form: Lines, loops: u64) -> Summary {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let number = |key: &str| std::env::var(key).ok().and_then(|value| value.parse().ok());
    let scratch = Scratch::new(what);
    let settings = [
        ("head.seal_seconds", "1"),
        ("head.seal_bytes", "150000"),
        ("head.window_seconds", "120"),
        ("store.commit_ms", "20"),
        ("ingest.connections_max", "100"),
        ("steering.mode", "flow"),
    ];
    let data = scratch.path().join("data");
    let mut host = Restarts::new(&data, scratch.path(), &settings).with_shards(shards);
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let loops = number("CRASH_LOOPS").unwrap_or(loops);
    let plan = Plan {
        rest: Some(at(host.ports.http)),
        lines: Some(at(match line_form {
            Lines::Graphite => host.ports.graphite,
            Lines::Telnet => host.ports.kairos_telnet,
        })),
        line_form,
        url: host.address(""),
        loops,
        flow_max: Duration::from_millis(500),
        points_per_second: 8_000.0,
        series: 120,
        connections: 3,
        batch: 20,
        write: 30,
        prefix: "crash".to_owned(),
        seed: number("CRASH_SEED").unwrap_or(now_seconds() as u64),
        start_s: (now_seconds() as u64).saturating_sub(200 * loops),
        lost_max: Duration::from_millis(100),
        ready_max: Duration::from_secs(20),
    };
    let mut said = vec![format!("CRASH_SEED={} CRASH_LOOPS={loops}", plan.seed)];
    let outcome = while_sealing(&host.address("/admin/seal"), || {
        run(&plan, &mut host, &mut |text| said.push(text.to_owned()))
    });
    let (said, log) = (said.join("\n"), host.log());
    let summary = outcome.unwrap_or_else(|error| {
        // What is left is worth a look.
        std::mem::forget(scratch);
        panic!(
            "{what}: {error:#}\n{said}\n{log}\nleft in {}",
            data.display()
        )
    });
    for word in ["panicked", " WARN ", " ERROR "] {
        let line = log.lines().find(|line| line.contains(word));
        assert_eq!(line, None, "{what}\n{said}\n{log}");
    }
    assert!(loops <= summary.kills && 0 < summary.acknowledged && 0 < summary.lines);
    eprintln!("{what}: {summary}");
    summary
}

/// Do `work` while somebody orders to seal and to merge all the time.
fn while_sealing<T>(address: &str, work: impl FnOnce() -> T) -> T {
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                // It is dead half of the time.
                let _ = post(address, "", Duration::from_secs(1));
                std::thread::sleep(SEAL_EVERY);
            }
        });
        let _over = Over(&over);
        work()
    })
}

#[test]
fn nothing_acknowledged_is_lost_by_kills() {
    check("kills", &[1], Lines::Graphite, 50);
}

#[test]
fn nothing_acknowledged_is_lost_by_kills_of_two_shards() {
    check("kills-two", &[2], Lines::Telnet, 20);
}

#[test]
fn nothing_acknowledged_is_lost_where_the_number_of_shards_changes() {
    check("kills-changing", &[2, 1, 1, 2], Lines::Graphite, 20);
}
