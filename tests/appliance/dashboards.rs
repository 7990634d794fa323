//! Dashboards of the load generator on the real binary: every kind of panel, of dotted and of tagged
//! names, about what was sent before and what is being sent, each answer as it must be.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use loadgen::query;
use loadgen::query::panel::Kind;
use loadgen::send::board::Board;
use loadgen::send::{Pace, Plan, Protocol, Transport};
use loadgen::wire::json::Form;
use loadgen::wire::{Grouping, Order};
use loadgen::workload::{Naming, Parameters, Workload};

use crate::harness::{ANSWER_WAIT, Appliance};

const SERIES: u64 = 1_600;
const CONNECTIONS: u64 = 5;
/// Rounds that are sent before, and while dashboards are asked for.
const BEFORE: u64 = 130;
const MEANWHILE: u64 = 40;

fn workload(tagged: bool) -> Arc<Workload> {
    let naming = Naming {
        prefix: "board.s".into(),
        tagged,
        more_tags: 0,
    };
    let parameters = Parameters {
        series: SERIES,
        naming,
        ..Parameters::default()
    };
    Arc::new(Workload::new(parameters).expect("a workload"))
}

/// All rounds up to `rounds`, those before `first_round` were sent before.
fn sending(appliance: &Appliance, tagged: bool, first_round: u64, rounds: u64, pace: Pace) -> Plan {
    Plan {
        workload: workload(tagged),
        target: SocketAddr::from((Ipv4Addr::LOCALHOST, appliance.ports.graphite)),
        protocol: Protocol::Plaintext,
        form: Form::default(),
        transport: Transport::Tcp,
        grouping: Grouping {
            items_max: 100,
            bytes_max: 1 << 20,
        },
        order: Order::Stable,
        write_each_message: false,
        reconnect: false,
        pace,
        first_round,
        rounds,
        connections: CONNECTIONS,
        threads: 1,
        pin: Vec::new(),
        board: Some(Arc::new(Board::new(CONNECTIONS, first_round))),
    }
}

fn asking(appliance: &Appliance, tagged: bool, board: Option<Arc<Board>>) -> query::Plan {
    let kinds = Kind::ALL.into_iter().filter(|kind| kind.suits(tagged));
    query::Plan {
        workload: workload(tagged),
        first_round: BEFORE,
        board,
        url: format!("http://127.0.0.1:{}", appliance.ports.http),
        kinds: kinds.collect(),
        panels: 21,
        users: 2,
        refresh: Duration::from_secs(1),
        at_once: false,
        window_s: 100,
        duration: Duration::from_secs(2),
        // Twice what it may take, for a busy machine.
        grace: Duration::from_secs(1),
        connections: 6,
    }
}

#[track_caller]
fn right(outcome: &query::Outcome, what: &str) {
    assert!(outcome.is_right(), "{what}: {:#?}", outcome.told);
    for (kind, tally) in &outcome.kinds {
        assert!(0 < tally.answered && 0 < tally.compared, "{what}: {kind}");
    }
}

#[track_caller]
fn check(tagged: bool) {
    let appliance = Appliance::start_with(&["--shards", "2", "--steering", "flow"]);
    let at_once = Pace::Max {
        duration: Duration::from_secs(60),
    };
    let history = sending(&appliance, tagged, 0, BEFORE, at_once);
    history.run(&Arc::default()).expect("sent");
    let end = std::time::Instant::now() + ANSWER_WAIT;
    while appliance.accepted() < SERIES * BEFORE && std::time::Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    let (stop, answers) = (AtomicBool::new(false), AtomicU64::new(0));
    let alone = asking(&appliance, tagged, None).run(&stop, &answers);
    right(&alone.expect("asked"), "alone");
    assert_eq!(answers.load(Ordering::Relaxed), 2 * 2 * 21);

    let on_time = Pace::Rate {
        points_per_second: (SERIES * MEANWHILE) as f64 / 2.5,
    };
    let live = sending(&appliance, tagged, BEFORE, BEFORE + MEANWHILE, on_time);
    let board = live.board.clone();
    let (sent, beside) = std::thread::scope(|scope| {
        let asker = scope.spawn(|| asking(&appliance, tagged, board).run(&stop, &answers));
        let sent = live.run(&Arc::default());
        (sent, asker.join().expect("no panic"))
    });
    assert_eq!(sent.expect("sent").points, SERIES * MEANWHILE);
    right(&beside.expect("asked"), "beside");
    appliance.stop();
}

#[test]
fn dashboards_of_dotted_names_show_what_was_sent() {
    check(false);
}

#[test]
fn dashboards_of_tagged_names_show_what_was_sent() {
    check(true);
}
