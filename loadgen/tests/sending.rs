//! Whole runs of the binary against a small receiver that answers `/render` from what it received.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a test does to each line on its way in: none to lose it.
type Tamper = fn(&str) -> Option<String>;

type Store = Arc<Mutex<HashMap<String, BTreeMap<u64, String>>>>;

/// A receiver with the three doors that a run needs.
struct Receiver {
    tcp: SocketAddr,
    udp: SocketAddr,
    http: SocketAddr,
    connections: Arc<Mutex<u64>>,
}

impl Receiver {
    fn start(tamper: Tamper) -> Receiver {
        let store = Store::default();
        let connections = Arc::new(Mutex::new(0));
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let http = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Receiver {
            tcp: tcp.local_addr().unwrap(),
            udp: udp.local_addr().unwrap(),
            http: http.local_addr().unwrap(),
            connections: Arc::clone(&connections),
        };
        let lines = Arc::clone(&store);
        std::thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                *connections.lock().unwrap() += 1;
                let lines = Arc::clone(&lines);
                std::thread::spawn(move || receive(BufReader::new(stream), &lines, tamper));
            }
        });
        let lines = Arc::clone(&store);
        std::thread::spawn(move || {
            let mut buffer = [0; 65_536];
            while let Ok(count) = udp.recv(&mut buffer) {
                for line in String::from_utf8_lossy(&buffer[..count]).lines() {
                    keep(&lines, tamper, line);
                }
            }
        });
        std::thread::spawn(move || {
            for stream in http.incoming().flatten() {
                let store = Arc::clone(&store);
                std::thread::spawn(move || answer(stream, &store));
            }
        });
        receiver
    }

    fn run(&self, door: SocketAddr, flags: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_loadgen"))
            .args([
                "--json",
                "--verify-wait",
                "2",
                "--target",
                &door.to_string(),
            ])
            .args(["--verify", &format!("http://{}", self.http)])
            .args(flags.split_whitespace())
            .output()
            .unwrap()
    }
}

/// Takes lines, or frames where the first byte is that of a frame's length.
fn receive(mut reader: BufReader<TcpStream>, store: &Store, tamper: Tamper) {
    if reader
        .fill_buf()
        .is_ok_and(|bytes| bytes.first() == Some(&0))
    {
        let mut length = [0; 4];
        while reader.read_exact(&mut length).is_ok() {
            let mut payload = vec![0; u32::from_be_bytes(length) as usize];
            reader.read_exact(&mut payload).unwrap();
            let items: Vec<(String, (f64, f64))> =
                serde_pickle::from_slice(&payload, serde_pickle::DeOptions::new()).unwrap();
            for (name, (timestamp_s, value)) in items {
                keep(store, tamper, &format!("{name} {value} {timestamp_s}"));
            }
        }
        return;
    }
    for line in reader.lines().map_while(Result::ok) {
        keep(store, tamper, &line);
    }
}

fn keep(store: &Store, tamper: Tamper, line: &str) {
    let Some(line) = tamper(line) else { return };
    let fields: Vec<&str> = line.split(' ').collect();
    let timestamp_s = fields[2].parse().unwrap();
    store
        .lock()
        .unwrap()
        .entry(fields[0].to_owned())
        .or_default()
        .insert(timestamp_s, fields[1].to_owned());
}

/// Answers requests of one connection: a form with from, until and targets that are paths.
fn answer(mut stream: TcpStream, store: &Store) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut form = vec![0; length];
        reader.read_exact(&mut form).unwrap();
        let body = render(&String::from_utf8(form).unwrap(), &store.lock().unwrap());
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
    }
}

fn render(form: &str, store: &HashMap<String, BTreeMap<u64, String>>) -> String {
    let fields: Vec<(&str, &str)> = form
        .split('&')
        .filter_map(|field| field.split_once('='))
        .collect();
    let number = |name: &str| -> u64 {
        fields
            .iter()
            .find(|(key, _)| *key == name)
            .unwrap()
            .1
            .parse()
            .unwrap()
    };
    let (from, until) = (number("from") + 1, number("until"));
    let answers: Vec<String> = fields
        .iter()
        .filter(|(key, _)| *key == "target")
        .filter_map(|(_, name)| Some((name, store.get(*name)?)))
        .map(|(name, points)| {
            let cell = |at| points.get(&at).map_or("null".to_owned(), String::clone);
            let datapoints: Vec<String> = (from..=until)
                .map(|at| format!("[{}, {at}]", cell(at)))
                .collect();
            format!(
                "{{\"target\": \"{name}\", \"datapoints\": [{}]}}",
                datapoints.join(", ")
            )
        })
        .collect();
    format!("[{}]", answers.join(", "))
}

/// Runs with these flags; gives exit code and the JSON line.
fn check(output: &Output, code: i32) -> serde_json::Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{errors}{}",
        String::from_utf8_lossy(&output.stdout)
    );
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
}

fn untouched(line: &str) -> Option<String> {
    Some(line.to_owned())
}

#[test]
fn every_way_of_sending_arrives_exactly() {
    let receiver = Receiver::start(untouched);
    for (number, (flags, points)) in [
        (
            "--max --series 300 --rounds 20 --connections 3 --threads 2",
            6_000,
        ),
        (
            "--max --series 300 --rounds 20 --order shuffled --seed 9",
            6_000,
        ),
        (
            "--max --series 300 --rounds 200 --churn 20 --late 10 --late-by 7",
            60_000,
        ),
        ("--max --series 300 --rounds 4 --write 7", 1_200),
        (
            "--protocol pickle --max --series 900 --rounds 4 --connections 1",
            3_600,
        ),
        (
            "--protocol pickle --max --series 300 --rounds 4 --frame 33 --order shuffled",
            1_200,
        ),
        ("--max --series 300 --rounds 4 --reconnect 50", 1_200),
        (
            "--rate 600 --series 300 --rounds 3 --connections 100 --write 2",
            900,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let report = check(
            &receiver.run(receiver.tcp, &format!("{flags} --prefix run{number}")),
            0,
        );
        assert_eq!(report["points"], points, "{flags}");
        assert_eq!(report["verify"]["lost"], 0, "{flags}");
        assert_eq!(
            report["verify"]["sum_expected"], report["verify"]["sum_got"],
            "{flags}"
        );
    }
}

#[test]
fn a_report_for_each_connection() {
    let receiver = Receiver::start(untouched);
    check(
        &receiver.run(
            receiver.tcp,
            "--max --series 300 --connections 2 --rounds 4 --reconnect 50",
        ),
        0,
    );
    assert_eq!(*receiver.connections.lock().unwrap(), 4 * 300 / 50);
}

#[test]
fn a_schedule_is_kept_and_measured() {
    let receiver = Receiver::start(untouched);
    let report = check(
        &receiver.run(
            receiver.tcp,
            "--rate 400 --series 200 --duration 1 --write 10",
        ),
        0,
    );
    assert_eq!(report["points"], 400);
    let seconds = report["seconds"].as_f64().unwrap();
    assert!((0.8..5.0).contains(&seconds), "{seconds}");
    assert!(0.0 < report["latency_p50_us"].as_f64().unwrap());
}

#[test]
fn a_run_may_follow_another_under_the_same_names() {
    let receiver = Receiver::start(untouched);
    for start_s in [1_700_000_000, 1_700_000_013] {
        let flags =
            format!("--max --series 40 --rounds 10 --late 10 --late-by 3 --start {start_s}");
        let report = check(&receiver.run(receiver.tcp, &flags), 0);
        assert_eq!(report["verify"]["series"], 40);
    }
}

#[test]
fn a_run_goes_on_behind_another() {
    let receiver = Receiver::start(untouched);
    let common = "--series 100 --start 1700000000 --connections 3";
    check(
        &receiver.run(receiver.tcp, &format!("{common} --max --rounds 20")),
        0,
    );
    for (pace, rounds_before) in [
        ("--max --order shuffled", 20),
        ("--rate 2000 --step 1 --write 10", 35),
    ] {
        let flags = format!("{common} {pace} --rounds 15 --resume {rounds_before}");
        let report = check(&receiver.run(receiver.tcp, &flags), 0);
        assert_eq!(report["points"], 1_500, "{pace}");
        assert_eq!(report["rounds_min"], rounds_before + 15, "{pace}");
        // All rounds are asked back, also those of the runs before.
        assert_eq!(
            report["verify"]["points"],
            100 * (rounds_before + 15),
            "{pace}"
        );
    }
}

#[test]
fn one_lost_point_fails_and_is_named() {
    let receiver = Receiver::start(|line| {
        if line.contains("h000003.cpu.c01.idle") && line.ends_with("1700000005") {
            None
        } else {
            untouched(line)
        }
    });
    let output = receiver.run(
        receiver.tcp,
        "--max --series 300 --rounds 10 --start 1700000000",
    );
    let report = check(&output, 1);
    assert_eq!(report["verify"]["lost"], 1);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("dc1.h000003.cpu.c01.idle at 1700000005: expected "),
        "{errors}"
    );
    assert!(errors.contains("got nothing"), "{errors}");
}

#[test]
fn one_changed_value_fails_over_udp_too() {
    let receiver = Receiver::start(|line| {
        if line.contains("h000000.cpu.c00.user") && line.ends_with("1700000005") {
            Some("dc1.h000000.cpu.c00.user 1.5 1700000005".into())
        } else {
            untouched(line)
        }
    });
    let report = check(
        &receiver.run(
            receiver.udp,
            "--protocol udp --rate 2000 --series 100 --rounds 10 --start 1700000000",
        ),
        1,
    );
    assert_eq!(report["verify"]["different"], 1);
    assert_eq!(report["verify"]["first"][0]["got"], 1.5);
}

#[test]
fn lost_datagrams_are_counted_and_fail_only_if_asked() {
    let lossy: Tamper = |line| {
        if line.contains("h000001") && line.ends_with("1700000002") {
            None
        } else {
            untouched(line)
        }
    };
    let flags = "--protocol udp --rate 2000 --series 64 --rounds 10 --start 1700000000";
    let receiver = Receiver::start(lossy);
    assert_eq!(
        check(&receiver.run(receiver.udp, flags), 0)["verify"]["lost"],
        32
    );
    assert_eq!(
        check(&receiver.run(receiver.udp, &format!("{flags} --strict")), 1)["verify"]["lost"],
        32
    );
}

#[test]
fn what_cannot_be_done_says_what_to_do() {
    let refused = |flags: &str, advice: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_loadgen"))
            .args(flags.split_whitespace())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{flags}: {errors}");
        assert!(errors.contains(advice), "{flags}: {errors}");
    };
    // The socket is bound but does not listen, so that nobody else can take the port meanwhile.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    let closed = socket.local_addr().unwrap().as_socket().unwrap();
    refused(
        &format!("--target {closed}"),
        "Is corelane running? Start it with `corelane serve`",
    );
    refused("--target 192.0.2.1:2003", "--allow-remote");
    refused("--verify http://192.0.2.1:8080", "--allow-remote");
    refused(
        "--connections 20 --series 10",
        "--connections must be from 1 to --series",
    );
    refused("--mix 1,2,3,4", "20,30,30,20");
    refused("--late 200", "percentage");
    refused("--start 5", "ten digits");
}

#[test]
fn a_server_that_closes_early_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::sleep(Duration::from_millis(50));
            drop(stream);
        }
    });
    let output = Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["--max", "--duration", "5", "--target", &address.to_string()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("the server closed the connection"));
}
