//! What the tests of clients share: the set-up, and plain senders that stand where a captured
//! client stood.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::harness::{Appliance, Point, Running, check_points, now_seconds, wait_until};

/// A connection is refused while a relay still starts; this long is waited for its port.
const PORT_WAIT: Duration = Duration::from_secs(15);

/// How long a client that sends and ends may take; a JVM on a busy machine needs some.
const SCRIPT_WAIT: Duration = Duration::from_secs(60);

/// Where `setup.sh` puts what is not Debian's.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/clients")
}

/// Whether the client `part` of `setup.sh` is there. If not, says so past the test runner's
/// capture, and fails where `CI` is `true`.
#[track_caller]
pub(crate) fn have(part: &str) -> bool {
    let reason = match std::fs::read_to_string(set_up().join(format!("{part}.missing"))) {
        Ok(reason) => reason,
        Err(_) if set_up().join(format!("{part}.ready")).exists() => return true,
        Err(error) => format!("the set-up left no word about it: {error}"),
    };
    let text = format!("SKIPPED: client {part}: {}\n", reason.trim());
    // The runner captures what the macros print, but not what is written to the stream itself.
    let _ = std::io::stderr().write_all(text.as_bytes());
    let skipped = folder().join("skipped.txt");
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(skipped);
    let _ = file.and_then(|mut file| file.write_all(text.as_bytes()));
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!in_ci, "{text}In CI nothing is skipped.");
    false
}

/// What `setup.sh` noted about a part that is there.
#[track_caller]
pub(crate) fn note_of(part: &str) -> String {
    let note = std::fs::read_to_string(set_up().join(format!("{part}.ready")));
    note.expect("asked of a part that is there")
        .trim()
        .to_owned()
}

/// Run `setup.sh` once in this process, and give the folder with its findings.
fn set_up() -> &'static PathBuf {
    static DONE: OnceLock<PathBuf> = OnceLock::new();
    DONE.get_or_init(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/setup.sh");
        let output = Command::new("bash").arg(script).arg(folder()).output();
        let output = output.unwrap_or_else(|error| panic!("{script} needs bash: {error}"));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success(),
            "{script}: {}\n{text}",
            output.status
        );
        let _ = std::fs::remove_file(folder().join("skipped.txt"));
        folder().join("state")
    })
}

/// The seconds in which a script started and ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ran {
    before: i64,
    after: i64,
}

impl Ran {
    /// Wait until `process` has ended, and check that it ended well.
    #[track_caller]
    pub(crate) fn of(mut process: Running) -> Ran {
        let before = now_seconds();
        let status = process.wait(SCRIPT_WAIT);
        assert!(status.success(), "{status}\n{}", process.log());
        let after = now_seconds();
        Ran { before, after }
    }

    /// Check that each name has one point, taken at some second of the run, with this value.
    #[track_caller]
    pub(crate) fn check(&self, appliance: &Appliance, wanted: &[(&str, f64)]) {
        for &(name, value) in wanted {
            let at = self.second_of(appliance, name);
            check_points(appliance, &[Point::new(name, at as f64, value)]);
        }
    }

    #[track_caller]
    fn second_of(&self, appliance: &Appliance, name: &str) -> i64 {
        let mut at = None;
        wait_until(name, Duration::from_secs(10), || {
            let target = match name.split_once(';') {
                Some((path, _)) => format!("seriesByTag('name={path}')"),
                None => name.to_owned(),
            };
            let answers = appliance.render(&[target], self.before - 5, self.after + 5);
            let answer = answers.iter().find(|answer| answer.name == name);
            at = answer.and_then(|answer| answer.values().into_keys().next());
            if at.is_some() {
                Ok(())
            } else {
                Err(format!("{answers:?}"))
            }
        });
        let at = at.expect("waited for just now");
        // Some of them round to the nearest second.
        let seconds = self.before..=self.after + 1;
        assert!(seconds.contains(&at), "{name} at {at}, not in {seconds:?}");
        at
    }
}

/// A connection to `port` of the loopback, waited for.
#[track_caller]
pub(crate) fn connect(port: u16) -> TcpStream {
    let end = Instant::now() + PORT_WAIT;
    loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Ok(stream) => {
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) if Instant::now() > end => panic!("port {port}: {error}"),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// One connection that carries `pieces`, each by a write of its own, and ends in order.
/// Gives back what the other side said, which for Graphite's doors must be nothing.
#[track_caller]
pub(crate) fn send_pieces<'a>(port: u16, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut stream = connect(port);
    for piece in pieces {
        stream
            .write_all(piece)
            .unwrap_or_else(|error| panic!("port {port}: {error}"));
    }
    stream
        .shutdown(Shutdown::Write)
        .unwrap_or_else(|error| panic!("port {port}: {error}"));
    let mut said = Vec::new();
    let wait = Duration::from_secs(10);
    stream
        .set_read_timeout(Some(wait))
        .expect("a time above zero is taken");
    match stream.read_to_end(&mut said) {
        Ok(_) => said,
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            panic!("port {port} still open {wait:?} after its peer was done")
        }
        Err(error) => panic!("port {port}: {error}"),
    }
}

/// One connection that carries `text`.
#[track_caller]
pub(crate) fn send_text(port: u16, text: &str) {
    let said = send_pieces(port, [text.as_bytes()]);
    assert!(
        said.is_empty(),
        "a Graphite door never writes; it said {said:?}"
    );
}

/// Datagrams that are sent without a pause. A server that may not ask for a large buffer has room for
/// some hundred small ones.
const DATAGRAMS_AT_ONCE: usize = 32;

/// Datagrams, one each.
#[track_caller]
pub(crate) fn send_datagrams<'a>(port: u16, datagrams: impl IntoIterator<Item = &'a [u8]>) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("the loopback has a free port");
    for (nth, datagram) in datagrams.into_iter().enumerate() {
        if nth % DATAGRAMS_AT_ONCE == DATAGRAMS_AT_ONCE - 1 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let sent = socket.send_to(datagram, (Ipv4Addr::LOCALHOST, port));
        sent.unwrap_or_else(|error| panic!("datagram to {port}: {error}"));
    }
}
