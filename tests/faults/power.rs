//! The real binary on a disk that loses power: what was acknowledged is there afterwards.

use std::path::Path;
use std::time::Duration;

use corelane::base::random::Random;

use crate::harness::faulty::{Faulty, Loss};
use crate::harness::restarts::{Restarts, post};
use crate::harness::{Scratch, now_seconds};
use crate::ledger::Ledger;

/// Until what a dead process had under way has reached the disk, or has not.
const SETTLE: Duration = Duration::from_millis(100);

/// An appliance on `faulty` that seals early.
pub(crate) fn appliance(faulty: &Faulty, logs: &Path, more: &[(&str, &str)]) -> Restarts {
    let small = [
        ("head.seal_seconds", "1"),
        ("head.seal_bytes", "60000"),
        ("ingest.connections_max", "100"),
    ];
    let settings = [&small[..], more].concat();
    Restarts::new(&faulty.path().join("data"), logs, &settings)
}

/// Kill it, and lose what a power cut loses.
pub(crate) fn cut_power(server: &mut Restarts, faulty: &Faulty, loss: Loss) {
    server.crash();
    std::thread::sleep(SETTLE);
    faulty.drop_unsynced(loss);
}

#[test]
fn what_was_acknowledged_survives_power_cuts() {
    let scratch = Scratch::new("power");
    let Some(faulty) = Faulty::mount(scratch.path()) else {
        return;
    };
    let rounds = std::env::var("POWER_CUTS")
        .ok()
        .and_then(|value| value.parse().ok());
    let seed = std::env::var("POWER_SEED")
        .ok()
        .and_then(|value| value.parse().ok());
    let seed = seed.unwrap_or(now_seconds() as u64);
    let mut random = Random::new(seed);
    let mut server = appliance(&faulty, scratch.path(), &[]).with_shards(&[1, 1, 1, 2]);
    let mut ledgers: Vec<Ledger> = Vec::new();
    for round in 0..rounds.unwrap_or(14) {
        eprintln!("POWER_SEED={seed}, cut {round}");
        server.start();
        ledgers.iter().for_each(|ledger| ledger.check(&server));
        let mut ledger = Ledger::new(&format!("power.r{round}"));
        let (points, seal) = (
            server.address("/api/v1/datapoints"),
            server.address("/admin/seal"),
        );
        let flow = Duration::from_millis(40 + random.below(360));
        let loss = match random.below(4) {
            0 => Loss::All,
            1 => Loss::TornLast,
            _ => Loss::Any(random.next_u64()),
        };
        // Both go on until it is dead.
        std::thread::scope(|scope| {
            scope.spawn(|| while ledger.send_to(&points).is_ok() {});
            scope.spawn(|| while post(&seal, "", Duration::from_secs(5)).is_ok() {});
            std::thread::sleep(flow);
            cut_power(&mut server, &faulty, loss);
        });
        if random.below(3) == 0 {
            // Once more, while it starts.
            server.begin();
            std::thread::sleep(Duration::from_millis(random.below(150)));
            cut_power(&mut server, &faulty, Loss::Any(random.next_u64()));
        }
        ledgers.push(ledger);
    }
    server.start();
    ledgers.iter().for_each(|ledger| ledger.check(&server));
    let acknowledged: usize = ledgers.iter().map(Ledger::acknowledged).sum();
    eprintln!("{acknowledged} acknowledged points are there");
    assert!(0 < acknowledged);
    server.stop();
}
