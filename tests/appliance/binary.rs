//! The real binary: whole loads asked back exactly, an ordinary user, signals.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use corelane::simd::Isa;
use loadgen::send::{Pace, Plan, Protocol, Transport};
use loadgen::verify::{Inquiry, verify};
use loadgen::wire::json::Form;
use loadgen::wire::{Grouping, Order};
use loadgen::workload::{Parameters, Workload};

use crate::harness::{Appliance, Scratch, start_process};

/// What a load has in it.
#[derive(Clone, Copy, Debug)]
struct Load {
    protocol: Protocol,
    form: Form,
    transport: Transport,
    order: Order,
    tagged: bool,
    late_share: u32,
    churn_share: u32,
    reconnect: bool,
}

const PLAIN: Load = Load {
    protocol: Protocol::Plaintext,
    form: Form {
        typed: false,
        ttl_seconds: 0,
        gzip: false,
    },
    transport: Transport::Tcp,
    order: Order::Stable,
    tagged: false,
    late_share: 0,
    churn_share: 0,
    reconnect: false,
};

/// Send a load from many connections, so that every shard gets a part, and ask every point back.
#[track_caller]
fn check(appliance: &Appliance, name: &str, load: Load) {
    let mut parameters = Parameters {
        series: 2_000,
        ..Parameters::default()
    };
    parameters.naming.prefix = name.to_owned();
    parameters.naming.tagged = load.tagged;
    parameters.late_share = load.late_share;
    parameters.churn_share = load.churn_share;
    let workload = Arc::new(Workload::new(parameters).expect("a workload"));
    let port = match (load.protocol, load.transport) {
        (Protocol::Pickle, _) => appliance.ports.pickle,
        (Protocol::Plaintext, Transport::Udp) => appliance.ports.graphite_udp,
        (Protocol::Plaintext, _) => appliance.ports.graphite,
        (Protocol::KairosRest, _) => appliance.ports.http,
        // HTTP comes in there too.
        (Protocol::Telnet | Protocol::TelnetMillis | Protocol::OpenTsdbHttp, _) => {
            appliance.ports.kairos_telnet
        }
    };
    let rounds = 90;
    // Datagrams are lost when they come faster than they are read.
    let pace = match load.transport {
        Transport::Udp => Pace::Rate {
            points_per_second: 60_000.0,
        },
        _ => Pace::Max {
            duration: Duration::from_secs(60),
        },
    };
    let plan = Plan {
        workload,
        target: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        protocol: load.protocol,
        form: load.form,
        transport: load.transport,
        grouping: Grouping {
            items_max: 100,
            bytes_max: if load.transport == Transport::Udp {
                1_400
            } else {
                1 << 20
            },
        },
        order: load.order,
        write_each_message: false,
        reconnect: load.reconnect,
        pace,
        rounds,
        connections: 16,
        threads: 1,
        pin: Vec::new(),
        first_round: 0,
        board: None,
    };
    let outcome = plan.run(&Arc::default()).expect("sent");
    assert_eq!(outcome.points, 2_000 * rounds, "{load:?}");
    let inquiry = Inquiry {
        url: format!("http://127.0.0.1:{}", appliance.ports.http),
        wait: Duration::from_secs(15),
        lossy: false,
    };
    let verdict = verify(&plan.workload, &outcome.rounds, &inquiry).expect("asked back");
    assert!(verdict.is_exact(), "{load:?}: {:?}", verdict.first);
    assert!(0 < verdict.points);
}

#[test]
fn every_point_of_every_load_comes_back() {
    let appliance = Appliance::start_with(&["--shards", "2", "--steering", "flow"]);
    check(&appliance, "plain", PLAIN);
    check(
        &appliance,
        "late",
        Load {
            late_share: 700,
            churn_share: 2_000,
            ..PLAIN
        },
    );
    check(
        &appliance,
        "tags",
        Load {
            tagged: true,
            order: Order::Shuffled,
            ..PLAIN
        },
    );
    check(
        &appliance,
        "reports",
        Load {
            reconnect: true,
            ..PLAIN
        },
    );
    check(
        &appliance,
        "frames",
        Load {
            protocol: Protocol::Pickle,
            order: Order::Shuffled,
            ..PLAIN
        },
    );
    for (name, protocol) in [
        ("lines", Protocol::Telnet),
        ("millis", Protocol::TelnetMillis),
        ("puts", Protocol::OpenTsdbHttp),
        ("rest", Protocol::KairosRest),
    ] {
        let form = Form {
            typed: protocol == Protocol::KairosRest,
            ttl_seconds: match protocol {
                Protocol::OpenTsdbHttp => 0,
                _ => 900_000_000,
            },
            gzip: protocol == Protocol::KairosRest,
        };
        let load = Load {
            protocol,
            form,
            tagged: true,
            churn_share: 500,
            ..PLAIN
        };
        check(&appliance, name, load);
    }
    check(
        &appliance,
        "datagrams",
        Load {
            transport: Transport::Udp,
            ..PLAIN
        },
    );
    assert_eq!(appliance.refused_in_all(), 0);
    appliance.stop();
}

/// One series whose points come in over many connections, and so to both shards: merged they are
/// what one shard holds of the same points.
#[test]
fn a_series_on_two_shards_is_one_series() {
    let two = Appliance::start_with(&["--shards", "2", "--steering", "flow"]);
    let one = Appliance::start_with(&["--shards", "1"]);
    let start = 1_700_000_000;
    for appliance in [&two, &one] {
        for i in 0..60 {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, appliance.ports.graphite))
                .expect("a connection");
            // No two points share a slot: which of two racing ones is the later is nobody's to say.
            for j in 0..5 {
                let second = start + i * 5 + (i * 7 + j) % 5;
                writeln!(stream, "both.x{} {}.25 {second}", 0, i * 10 + j).expect("sent");
                writeln!(stream, "both.x{} {}.5 {second}", 1, i + j * 10).expect("sent");
            }
        }
        for _ in 0..1_000 {
            if appliance.accepted() == 600 {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(appliance.accepted(), 600);
    }
    let shares: Vec<u64> = (0..2)
        .map(|shard| {
            two.counter(
                "corelane_points_accepted_total",
                &[&format!("shard=\"{shard}\"")],
            )
        })
        .collect();
    assert!(
        shares.iter().all(|&share| 0 < share),
        "both shards took part: {shares:?}"
    );
    for target in [
        "both.*",
        "sumSeries(both.*)",
        "summarize(both.x0,'1min','max')",
    ] {
        for format in ["json", "raw", "csv"] {
            let path = format!(
                "/render?format={format}&from={}&until={}&target={target}",
                start - 60,
                start + 400
            );
            let path = path.replace('\'', "%27");
            assert_eq!(two.get(&path), one.get(&path), "{path}");
        }
    }
    two.stop();
    one.stop();
}

/// The same bytes on every instruction set of this machine.
#[test]
fn every_instruction_set_serves() {
    for isa in Isa::available() {
        let appliance = Appliance::start_with(&["--shards", "1", "--simd", isa.label()]);
        assert!(
            appliance.log().contains(isa.label()),
            "the log names the set\n{}",
            appliance.log()
        );
        check(&appliance, isa.label(), PLAIN);
        appliance.stop();
    }
}

/// 8 MiB of locked memory and no rights are enough.
#[test]
fn an_ordinary_user_can_start_it() {
    if !rustix::process::geteuid().is_root() {
        // Then every other test of this file runs it as an ordinary user.
        eprintln!("an_ordinary_user_can_start_it: not root, so there is no right to give up");
        return;
    }
    let scratch = Scratch::new("user");
    // Neither the build's folder nor the binary in it need be open to others.
    let folder = std::env::temp_dir().join(format!("corelane-user-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("data")).expect("a folder");
    let binary = folder.join("corelane");
    std::fs::copy(env!("CARGO_BIN_EXE_corelane"), &binary).expect("a copy");
    const NOBODY: u32 = 65_534;
    std::os::unix::fs::chown(folder.join("data"), Some(NOBODY), Some(NOBODY)).expect("a new owner");
    let (mut running, ports) = start_process("ordinary-user", scratch.path(), |ports| {
        let mut command = Command::new("prlimit");
        command
            .args(["--memlock=8388608:8388608", "--"])
            .arg(&binary)
            .arg("--data")
            .arg(folder.join("data"))
            .args(ports.flags())
            .uid(NOBODY)
            .gid(NOBODY);
        command
    });
    let mut stream =
        TcpStream::connect((Ipv4Addr::LOCALHOST, ports.graphite)).expect("a connection");
    stream.write_all(b"user.x 1 1700000000\n").expect("sent");
    running.signal(rustix::process::Signal::TERM);
    let status = running.wait(Duration::from_secs(20));
    let log = running.log();
    let _ = std::fs::remove_dir_all(folder);
    assert!(
        status.success() && log.contains("after 1 points"),
        "{status}\n{log}"
    );
}

/// SIGTERM while everything is still in the sockets: not a line of it is lost.
#[test]
fn a_signal_loses_nothing_that_was_sent() {
    let appliance = Appliance::start();
    let report: String = (0..2_000)
        .map(|i| format!("stop.m{i} {i} 1700000000\n"))
        .collect();
    let streams: Vec<TcpStream> = (0..60)
        .map(|_| {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, appliance.ports.graphite))
                .expect("a connection");
            stream.write_all(report.as_bytes()).expect("sent");
            stream
        })
        .collect();
    let log = appliance.stop();
    drop(streams);
    assert!(
        log.contains(&format!("after {} points", 60 * 2_000)),
        "{log}"
    );
}

/// A sender that never pauses holds a stop for its five seconds; a second signal does not wait.
#[test]
fn a_second_signal_stops_at_once() {
    let scratch = Scratch::new("signals");
    let (mut running, ports) = start_process("signals", scratch.path(), |ports| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_corelane"));
        command
            .arg("--data")
            .arg(scratch.path().join("data"))
            .args(ports.flags());
        command
    });
    // Several, so that on a busy machine not all of them pause for the 100 ms that count as quiet.
    let senders = [(); 8].map(|()| {
        let mut stream =
            TcpStream::connect((Ipv4Addr::LOCALHOST, ports.graphite)).expect("a connection");
        std::thread::spawn(move || {
            while stream.write_all(b"busy.x 1 1700000000\n").is_ok() {
                std::thread::sleep(Duration::from_millis(5));
            }
        })
    });
    std::thread::sleep(Duration::from_millis(300));
    running.signal(rustix::process::Signal::TERM);
    std::thread::sleep(Duration::from_millis(700));
    assert!(
        running.ended().is_none(),
        "it still drains\n{}",
        running.log()
    );
    running.signal(rustix::process::Signal::TERM);
    // The drain itself would end with success.
    let status = running.wait(Duration::from_secs(20));
    assert!(
        !status.success(),
        "a stop that was cut short is no clean one"
    );
    for sender in senders {
        sender.join().expect("a sender ends with its connection");
    }
}
