//! The real binary starts with other options than those its log was written with.

use crate::harness::Scratch;
use crate::harness::restarts::Restarts;
use crate::ledger::Ledger;

/// All of the log comes back although memory for points is much smaller than it, they lie in more windows
/// than a head may have, and senders press on meanwhile.
#[test]
fn a_log_comes_back_into_a_smaller_head() {
    let scratch = Scratch::new("smaller");
    let data = scratch.path().join("data");
    let many_windows = ("head.window_seconds", "600");
    let mut large = Restarts::new(&data, scratch.path(), &[many_windows]);
    let mut ledger = Ledger::new("before");
    large.start();
    ledger.send_all(&large, 2_500);
    large.crash();
    let settings = [
        many_windows,
        ("head.bytes_max", "1048576"),
        ("head.seal_bytes", "100000000"),
        ("head.windows_max", "2"),
    ];
    let mut small = Restarts::new(&data, scratch.path(), &settings);
    let mut meanwhile = Ledger::new("meanwhile");
    small.begin();
    // Some come through before all is there, some are told to come back.
    for _ in 0..200 {
        if meanwhile.send(&small).is_err() {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
    small.wait_ready();
    ledger.check(&small);
    meanwhile.check(&small);
    assert!(0 < meanwhile.acknowledged());
    small.crash();
    small.start();
    ledger.check(&small);
    meanwhile.check(&small);
    small.stop();
}
