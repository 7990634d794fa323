//! What a kill, a stop, a seal and another number of shards leave of the points: the real binary on a
//! real folder, asked the same questions before and after.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loadgen::send::{Pace, Plan, Protocol, Transport};
use loadgen::wire::json::Form;
use loadgen::wire::{Grouping, Order};
use loadgen::workload::{Parameters, Workload};

use crate::harness::{ANSWER_WAIT, Appliance, Ports, Running, Scratch, wait_until};

const TWO: [&str; 4] = ["--shards", "2", "--steering", "flow"];
const ONE: [&str; 2] = ["--shards", "1"];

const START: i64 = 1_700_000_000;
const SERIES: i64 = 30;

/// Send `seconds` of all series over several connections, so that every shard gets a part. Some points
/// are late, some come twice with another value, one series is tagged.
fn send(appliance: &Appliance, seconds: std::ops::Range<i64>) {
    let before = appliance.accepted();
    let mut sent = 0;
    let mut streams: Vec<TcpStream> = (0..8).map(|_| connect(appliance)).collect();
    for second in seconds {
        let mut text = String::new();
        for series in 0..SERIES {
            let (at, value) = (START + 7 * second, series * 1000 + second % 50);
            let _ = writeln!(text, "keep.s{series:02} {value}.{:02} {at}", second % 100);
            sent += 1;
        }
        let late = START - 86_400 * (second % 40);
        let _ = writeln!(
            text,
            "late.x {second} {late}\ntags;b=2;a=1 {second}e20 {late}"
        );
        sent += 2;
        let nth = second as usize % streams.len();
        streams[nth].write_all(text.as_bytes()).expect("sent");
        if second % 20 == 0 {
            // The order in which two connections are read is nobody's to say.
            until_accepted(appliance, before + sent);
        }
    }
    until_accepted(appliance, before + sent);
}

fn connect(appliance: &Appliance) -> TcpStream {
    TcpStream::connect((Ipv4Addr::LOCALHOST, appliance.ports.graphite)).expect("a connection")
}

#[track_caller]
fn until_accepted(appliance: &Appliance, points: u64) {
    wait_until("points accepted", ANSWER_WAIT, || {
        match appliance.accepted() {
            accepted if accepted == points => Ok(()),
            accepted => Err(format!("{accepted} of {points}")),
        }
    });
}

/// Everything it has been sent is on stable storage, the commit interval being over.
#[track_caller]
fn until_committed(appliance: &Appliance) {
    wait_until("commit", ANSWER_WAIT, || {
        match appliance.counter("corelane_log_unwritten_bytes", &[]) {
            0 => Ok(()),
            bytes => Err(format!("{bytes} bytes are not written")),
        }
    });
}

#[track_caller]
fn post(appliance: &Appliance, path: &str) -> String {
    let (status, text) = appliance.try_post(path).expect("an answer");
    assert_eq!(status, 200, "{path}: {text}");
    text
}

/// What it says to a few questions that together see every point.
fn answers(appliance: &Appliance) -> Vec<String> {
    let ask = |rest: &str, from: i64| {
        appliance.get(&format!("{rest}&from={from}&until={}", START + 4_000))
    };
    let long_ago = START - 86_400 * 41;
    let mut names: Vec<String> = appliance.names().into_iter().collect();
    names.sort_unstable();
    vec![
        names.join("\n"),
        ask("/render?format=json&target=keep.*", START - 60),
        ask("/render?format=csv&target=late.*", long_ago),
        ask("/render?format=raw&target=seriesByTag(%27a=1%27)", long_ago),
        ask(
            "/render?format=json&target=sumSeries(keep.*)&maxDataPoints=300",
            START - 60,
        ),
    ]
}

#[track_caller]
fn check_same(what: &str, got: &[String], want: &[String]) {
    for (nth, (got, want)) in got.iter().zip(want).enumerate() {
        if got != want {
            let at = got
                .bytes()
                .zip(want.bytes())
                .take_while(|(a, b)| a == b)
                .count();
            let from = at.saturating_sub(200);
            let piece = |text: &str| {
                text.get(from..)
                    .unwrap_or("")
                    .chars()
                    .take(400)
                    .collect::<String>()
            };
            panic!(
                "{what}: answer {nth} differs at byte {at} of {} and {}:\n{}\n--- instead of\n{}",
                got.len(),
                want.len(),
                piece(got),
                piece(want)
            );
        }
    }
}

/// The log says that nothing was lost, and nothing went wrong.
#[track_caller]
fn check_quiet(log: &str) {
    // That it may open few files is the machine's matter.
    let mut lines = log.lines().filter(|line| !line.contains("ulimit -n"));
    let bad = |line: &&str| {
        ["WARN", "ERROR", "panicked"]
            .iter()
            .any(|word| line.contains(word))
    };
    assert_eq!(lines.find(bad), None, "{log}");
}

#[test]
fn points_survive_kills_once_they_are_committed() {
    let mut appliance = Appliance::start_with(&TWO);
    for round in 0..4 {
        send(&appliance, 100 * round..100 * (round + 1));
        let want = answers(&appliance);
        until_committed(&appliance);
        appliance = Appliance::start_on(&appliance.kill(), &TWO);
        check_same(&format!("round {round}"), &answers(&appliance), &want);
    }
    // What came before and after a start is one series.
    check_quiet(&appliance.stop());
}

#[test]
fn points_survive_a_stop_at_once() {
    let appliance = Appliance::start_with(&TWO);
    send(&appliance, 0..50);
    let data = appliance.data();
    let mut stream = connect(&appliance);
    for second in 0..100 {
        let at = START + 60 * second;
        stream
            .write_all(format!("last.x {second} {at}\n").as_bytes())
            .expect("sent");
    }
    appliance.stop();
    let appliance = Appliance::start_on(&data, &TWO);
    let got = appliance.render(&["last.x".to_owned()], START - 120, START + 6000);
    let values: Vec<f64> = got[0].slots.iter().filter_map(|slot| slot.0).collect();
    assert_eq!(values, (0..100).map(f64::from).collect::<Vec<f64>>());
    assert_eq!(appliance.names().len() as i64, SERIES + 3);
    check_quiet(&appliance.stop());
}

#[track_caller]
fn seal(appliance: &Appliance) {
    let told = appliance.try_post("/admin/seal");
    assert!(
        matches!(told, Ok((200, _))),
        "{told:?}\n{}",
        appliance.log()
    );
}

#[test]
fn what_is_sealed_answers_the_same() {
    let mut appliance = Appliance::start_with(&TWO);
    for round in 0..3 {
        send(&appliance, 100 * round..100 * (round + 1));
        let want = answers(&appliance);
        seal(&appliance);
        assert!(0 < appliance.counter("corelane_segments", &[]));
        check_same(
            &format!("round {round}, sealed"),
            &answers(&appliance),
            &want,
        );
        let data = if round % 2 == 0 {
            appliance.kill()
        } else {
            let data = appliance.data();
            check_quiet(&appliance.stop());
            data
        };
        appliance = Appliance::start_on(&data, &TWO);
        assert_eq!(appliance.counter("corelane_log_replayed_points", &[]), 0);
        check_same(
            &format!("round {round}, started"),
            &answers(&appliance),
            &want,
        );
    }
    check_quiet(&appliance.stop());
}

#[test]
fn the_number_of_shards_may_change() {
    for seals in [false, true] {
        let mut appliance = Appliance::start_with(&ONE);
        let starts = [&TWO[..], &ONE[..], &TWO[..], &ONE[..]];
        for (round, flags) in (0..).zip(starts) {
            send(&appliance, 60 * round..60 * (round + 1));
            let want = answers(&appliance);
            if seals && round % 2 == 0 {
                seal(&appliance);
            }
            until_committed(&appliance);
            appliance = Appliance::start_on(&appliance.kill(), flags);
            let what = format!("round {round}, now {flags:?}, sealed: {seals}");
            check_same(&what, &answers(&appliance), &want);
        }
        check_quiet(&appliance.stop());
    }
}

/// A snapshot is a folder that an appliance starts from, with what was there when it was asked for.
#[test]
fn a_snapshot_can_be_started_from() {
    let appliance = Appliance::start_with(&TWO);
    send(&appliance, 0..100);
    let want = answers(&appliance);
    let told = appliance
        .try_post("/admin/snapshot?name=one")
        .expect("an answer");
    assert_eq!(told.0, 200, "{}\n{}", told.1, appliance.log());
    send(&appliance, 100..150);
    let folder = told.1.lines().next().expect("a folder");
    let copy = Arc::new(Scratch::new("snapshot"));
    let copied = Command::new("cp")
        .arg("-a")
        .arg(format!("{}/.", appliance.folder().join(folder).display()))
        .arg(copy.path())
        .status();
    assert!(copied.is_ok_and(|status| status.success()));
    let second = Appliance::start_on(&copy, &TWO);
    check_same("the snapshot", &answers(&second), &want);
    second.stop();
    check_quiet(&appliance.stop());
}

#[test]
fn a_second_start_on_one_folder_is_refused() {
    let first = Appliance::start_with(&ONE);
    let mut second = Appliance::begin(&first.data(), Ports::free(), &ONE);
    wait_until("end of the second", ANSWER_WAIT, || match second.ended() {
        Some(status) if status.code() == Some(1) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let told = second.log();
    let holder = format!("in use by another corelane (process {})", first.id());
    assert!(told.contains(&holder) && told.contains("--data"), "{told}");
    send(&first, 0..10);
    first.stop();
}

/// A folder that this user may only read: told before anything is accepted, with what to do.
#[test]
fn a_read_only_folder_is_told() {
    let scratch = Scratch::new("read-only");
    let place = std::env::temp_dir().join(format!("corelane-read-only-{}", std::process::id()));
    let data = place.join("data");
    std::fs::create_dir_all(&data).expect("a folder");
    let binary = place.join("corelane");
    std::fs::copy(env!("CARGO_BIN_EXE_corelane"), &binary).expect("a copy");
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o555)).expect("its owner");
    let mut command = Command::new(&binary);
    command.arg("--data").arg(&data).args(Ports::free().flags());
    if rustix::process::geteuid().is_root() {
        const NOBODY: u32 = 65_534;
        command.uid(NOBODY).gid(NOBODY);
    }
    let mut running = Running::start("read-only", scratch.path(), &mut command);
    let status = running.wait(Duration::from_secs(20));
    let _ = std::fs::remove_dir_all(&place);
    let told = running.log();
    assert_eq!(status.code(), Some(1), "{told}");
    assert!(told.contains("cannot use the data folder"), "{told}");
    assert!(told.contains("make it writable for this user"), "{told}");
}

/// After a kill the doors are open before all points are back; until then it is not ready, and says that
/// answers may lack some.
#[test]
fn it_is_not_ready_while_points_come_back() {
    let appliance = Appliance::start_with(&TWO);
    let parameters = Parameters {
        series: 2_000,
        ..Parameters::default()
    };
    let rounds = 2_000;
    let plan = Plan {
        workload: Arc::new(Workload::new(parameters).expect("a workload")),
        target: SocketAddr::from((Ipv4Addr::LOCALHOST, appliance.ports.graphite)),
        protocol: Protocol::Plaintext,
        form: Form::default(),
        transport: Transport::Tcp,
        grouping: Grouping {
            items_max: 1_000,
            bytes_max: 1 << 20,
        },
        order: Order::Stable,
        write_each_message: false,
        reconnect: false,
        pace: Pace::Max {
            duration: Duration::from_secs(60),
        },
        rounds,
        connections: 4,
        threads: 1,
        pin: Vec::new(),
        first_round: 0,
        board: None,
    };
    let points = plan.run(&Arc::default()).expect("sent").points;
    until_accepted(&appliance, points);
    until_committed(&appliance);
    let data = appliance.kill();
    let appliance = Appliance::begin(&data, Ports::free(), &TWO);
    let (began, mut unready) = (Instant::now(), 0);
    loop {
        match appliance.try_get("/ready") {
            Ok((200, _)) => break,
            Ok((503, _)) => unready += 1,
            // Its doors are not open yet.
            _ => {}
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{}",
            appliance.log()
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(0 < unready, "its doors are open before all points are back");
    assert_eq!(
        appliance.counter("corelane_log_replayed_points", &[]),
        points
    );
    check_quiet(&appliance.stop());
}

#[test]
fn events_survive_kills_once_they_are_answered() {
    let mut appliance = Appliance::start_with(&TWO);
    for round in 0..4 {
        for nth in 0..5 {
            let event = format!(
                "{{\"what\": \"e{round}.{nth}\", \"tags\": \"a b\", \"when\": {}}}",
                START + 10 * round + nth
            );
            let (status, text) = appliance
                .try_post_body("/events/", &event)
                .expect("an answer");
            assert_eq!((status, text.as_str()), (200, ""));
            // Connections go to either shard.
            let told = appliance.get("/events/get_data?tags=a+b");
            assert!(told.contains(&format!("\"e{round}.{nth}\"")), "{told}");
        }
        appliance = Appliance::start_on(&appliance.kill(), &TWO);
        let told = appliance.get("/events/get_data");
        assert_eq!(
            told.matches("\"what\"").count() as i64,
            5 * (round + 1),
            "{told}"
        );
    }
    post(&appliance, "/admin/snapshot?name=one");
    let folder = appliance.folder().join("snapshots/one/control.log");
    assert!(folder.is_file());
    let one = appliance.get("/events/20");
    assert!(one.contains("\"what\": \"e3.4\""), "{one}");
    check_quiet(&appliance.stop());
}

#[test]
fn deletes_survive_kills_once_they_are_answered() {
    let mut appliance = Appliance::start_with(&TWO);
    let lists = |appliance: &Appliance| {
        let find = appliance.get("/metrics/find?query=keep.*&format=completer");
        let tags = appliance.get("/tags/autoComplete/values?tag=a");
        (appliance.names(), find.matches("keep.s").count(), tags)
    };
    send(&appliance, 0..100);
    for round in 0..4 {
        if round % 2 == 1 {
            seal(&appliance);
        }
        until_committed(&appliance);
        let deleted = post(&appliance, "/admin/delete?query=keep.s0*");
        assert_eq!(deleted, "{\"deleted\": 10}", "round {round}");
        assert_eq!(
            post(&appliance, "/tags/delSeries?path=tags;b=2;a=1"),
            "true"
        );
        let want = lists(&appliance);
        assert!(!want.0.contains("keep.s05") && want.0.contains("keep.s15"));
        assert_eq!((want.1, want.2.as_str()), (20, "[]"), "round {round}");
        appliance = Appliance::start_on(&appliance.kill(), &TWO);
        assert_eq!(lists(&appliance), want, "round {round}");
        let told = appliance.get("/render?format=json&target=keep.s0*&from=-1h");
        assert_eq!(told, "[]", "round {round}");

        let second = 100 + 10 * round as i64;
        send(&appliance, second..second + 10);
        until_committed(&appliance);
        let want = lists(&appliance);
        assert!(want.0.contains("keep.s05"), "what came later shows");
        assert_eq!((want.1, want.2.as_str()), (30, "[\"1\"]"), "round {round}");
        let (from, until) = (START - 60, START + 9_000);
        let url = format!("/render?format=csv&target=keep.s05&from={from}&until={until}");
        let points = appliance.get(&url);
        appliance = Appliance::start_on(&appliance.kill(), &TWO);
        assert_eq!(lists(&appliance), want, "round {round}");
        assert_eq!(appliance.get(&url), points, "round {round}");
    }
}
