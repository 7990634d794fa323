//! The real binary on free ports of the loopback, for tests that talk to it as strangers do.
//!
//! Gives: an [`Appliance`] that is started, asked over HTTP, sent a SIGTERM and checked to leave
//! with 0; [`Point`]s and one [`check_points`] that compares them with what `/render` answers.
//! Limits: every wait ends after a stated time and says what it waited for.
//! Does not know: the library. What it uses of corelane is its command line and its doors.

// Each test binary uses its own part of this module.
#![allow(dead_code)]

pub(crate) mod faulty;
pub(crate) mod mounts;
pub(crate) mod restarts;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// How long the appliance may take until `/ready`.
const START_WAIT: Duration = Duration::from_secs(20);
/// How long the appliance may take to leave: what its own bounds come to (reading what was sent 5 s, running
/// requests 5 s, the last commit 10 s, waiting for the other shards 12 s), and room for a busy machine.
const STOP_WAIT: Duration = Duration::from_secs(60);
/// How long points that were sent may take until `/render` shows them.
pub(crate) const ANSWER_WAIT: Duration = Duration::from_secs(15);
/// Other tests take ports at the same time: how often a start is tried on fresh ones.
const START_TRIES: usize = 4;
/// What the appliance writes once its doors are open.
const SHARDS_UP: &str = "shards are up";

/// The doors of one appliance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// Lines over TCP.
    pub(crate) graphite: u16,
    /// Lines in datagrams.
    pub(crate) graphite_udp: u16,
    /// Pickled batches.
    pub(crate) pickle: u16,
    /// KairosDB's lines.
    pub(crate) kairos_telnet: u16,
    /// HTTP.
    pub(crate) http: u16,
}

impl Ports {
    /// Five ports that nobody held a moment ago.
    pub(crate) fn free() -> Ports {
        Ports {
            graphite: free_port(),
            graphite_udp: free_port(),
            pickle: free_port(),
            kairos_telnet: free_port(),
            http: free_port(),
        }
    }

    /// As the command line takes them.
    pub(crate) fn flags(&self) -> [String; 5] {
        [
            format!("--graphite-port={}", self.graphite),
            format!("--graphite-udp-port={}", self.graphite_udp),
            format!("--pickle-port={}", self.pickle),
            format!("--kairos-telnet-port={}", self.kairos_telnet),
            format!("--http-port={}", self.http),
        ]
    }
}

/// Start what `command_at` gives for some free ports, and wait until its shards are up: for a test
/// that drives the process itself.
#[track_caller]
pub(crate) fn start_process(
    what: &str,
    folder: &Path,
    command_at: impl Fn(&Ports) -> Command,
) -> (Running, Ports) {
    let mut log = String::new();
    for _ in 0..START_TRIES {
        let ports = Ports::free();
        let mut running = Running::start(what, folder, &mut command_at(&ports));
        let end = Instant::now() + START_WAIT;
        while Instant::now() < end && running.ended().is_none() {
            if running.log().contains(SHARDS_UP) {
                return (running, ports);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        log = running.log();
    }
    panic!("{what} does not start\n{log}");
}

/// A port that nobody holds, by TCP nor UDP, and that this process has not given out before.
///
/// Below the range from which the kernel takes ports for outgoing connections, so that no client
/// lands on it by chance.
pub(crate) fn free_port() -> u16 {
    const FIRST: u32 = 12_000;
    const COUNT: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..COUNT {
        let nth = NEXT.fetch_add(1, Ordering::Relaxed) + std::process::id().wrapping_mul(389);
        let port = u16::try_from(FIRST + nth % COUNT).expect("below 65,536 by the two constants");
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, port));
        if tcp.is_ok() && udp.is_ok() {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}

/// A folder of this test's own under the build's scratch folder; removed when dropped.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// An empty folder whose name starts with `what`.
    pub(crate) fn new(what: &str) -> Scratch {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{what}-{}-{nth}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("the build's scratch folder can be written");
        Scratch(path)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Write `text` to the file `name` in it, and give the file's path.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("the scratch folder can be written");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A process that is ended when the test ends, however it ends.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
    what: String,
}

impl Running {
    /// Start `command` with its output in `folder`.
    pub(crate) fn start(what: &str, folder: &Path, command: &mut Command) -> Running {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        let log = folder.join(format!("{what}-{nth}.log"));
        let out = std::fs::File::create(&log).expect("the scratch folder can be written");
        let err = out.try_clone().expect("a file handle can be doubled");
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .unwrap_or_else(|error| panic!("{what} did not start: {error} ({command:?})"));
        let what = what.to_owned();
        Running { child, log, what }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> i32 {
        i32::try_from(self.child.id()).expect("process ids of Linux are below 2^22")
    }

    /// What it wrote so far, both streams.
    pub(crate) fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Its status, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Send it a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        // A process that has just ended needs no signal.
        let _ = rustix::process::kill_process(id, signal);
    }

    /// Wait until it ends by itself, at most `longest`.
    #[track_caller]
    pub(crate) fn wait(&mut self, longest: Duration) -> ExitStatus {
        let end = Instant::now() + longest;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            let (what, log) = (&self.what, self.log());
            assert!(
                Instant::now() < end,
                "{what} still runs after {longest:?}\n{log}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- what {} wrote\n{}", self.what, self.log());
        }
    }
}

/// A running corelane.
#[derive(Debug)]
pub(crate) struct Appliance {
    process: Running,
    /// Its doors.
    pub(crate) ports: Ports,
    folder: Arc<Scratch>,
}

impl Appliance {
    /// Start it on free ports with two shards, and wait until it is ready.
    #[track_caller]
    pub(crate) fn start() -> Appliance {
        Appliance::start_with(&["--shards", "2"])
    }

    /// Start it on free ports with `flags`, and wait until it is ready.
    #[track_caller]
    pub(crate) fn start_with(flags: &[&str]) -> Appliance {
        Appliance::start_on(&Arc::new(Scratch::new("corelane")), flags)
    }

    /// Start it on the folder of one that has ended, or on an empty one, and wait until it is ready.
    #[track_caller]
    pub(crate) fn start_on(folder: &Arc<Scratch>, flags: &[&str]) -> Appliance {
        for _ in 1..START_TRIES {
            if let Ok(appliance) = Appliance::try_start(folder, Ports::free(), flags) {
                return appliance;
            }
        }
        let last = Appliance::try_start(folder, Ports::free(), flags);
        last.unwrap_or_else(|why| panic!("{why}"))
    }

    /// Start it on these very ports, as a restart does.
    #[track_caller]
    pub(crate) fn start_at(ports: Ports, flags: &[&str]) -> Appliance {
        let folder = Arc::new(Scratch::new("corelane"));
        Appliance::try_start(&folder, ports, flags).unwrap_or_else(|why| panic!("{why}"))
    }

    /// Ready is only what also says so itself: another test's appliance may hold a port that was free
    /// a moment ago.
    fn try_start(folder: &Arc<Scratch>, ports: Ports, flags: &[&str]) -> Result<Appliance, String> {
        let mut appliance = Appliance::begin(folder, ports, flags);
        let end = Instant::now() + START_WAIT;
        loop {
            if let Some(status) = appliance.process.ended() {
                let log = appliance.process.log();
                return Err(format!("corelane left with {status} at its start\n{log}"));
            }
            if appliance.process.log().contains(SHARDS_UP)
                && appliance
                    .try_get("/ready")
                    .is_ok_and(|(code, _)| code == 200)
            {
                return Ok(appliance);
            }
            if Instant::now() > end {
                let log = appliance.process.log();
                return Err(format!("corelane not ready after {START_WAIT:?}\n{log}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Start it and do not wait for anything.
    pub(crate) fn begin(folder: &Arc<Scratch>, ports: Ports, flags: &[&str]) -> Appliance {
        let mut command = Command::new(env!("CARGO_BIN_EXE_corelane"));
        command.arg("serve").arg("--data").arg(folder.path());
        command.args(ports.flags()).args(flags);
        // What the caller's shell has set for an appliance of its own is no matter of this one.
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("CORELANE_") {
                command.env_remove(key);
            }
        }
        Appliance {
            process: Running::start("corelane", folder.path(), &mut command),
            ports,
            folder: Arc::clone(folder),
        }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> i32 {
        self.process.id()
    }

    /// What it wrote so far.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// The folder it was given as `--data`.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// GET `path`: status and body.
    pub(crate) fn try_get(&self, path: &str) -> Result<(u16, String), String> {
        let url = format!("http://127.0.0.1:{}{path}", self.ports.http);
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .into();
        let mut answer = agent.get(&url).call().map_err(|error| error.to_string())?;
        let mut body = String::new();
        let mut reader = answer.body_mut().as_reader();
        reader
            .read_to_string(&mut body)
            .map_err(|error| error.to_string())?;
        Ok((answer.status().as_u16(), body))
    }

    /// GET `path`, which must be answered with 200.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> String {
        match self.try_get(path) {
            Ok((200, body)) => body,
            other => panic!("GET {path}: {other:?}"),
        }
    }

    /// Everything that `/render?format=json` gives for `targets` between two seconds.
    #[track_caller]
    pub(crate) fn render(&self, targets: &[String], from: i64, until: i64) -> Vec<Rendered> {
        let mut path = format!("/render?format=json&from={from}&until={until}");
        for target in targets {
            let _ = write!(path, "&target={}", percent_encoded(target));
        }
        let body = self.get(&path);
        let answer: Value = serde_json::from_str(&body)
            .unwrap_or_else(|error| panic!("{path} answered no JSON ({error}): {body}"));
        let list = answer
            .as_array()
            .unwrap_or_else(|| panic!("{path} answered no list: {body}"));
        list.iter().map(Rendered::of).collect()
    }

    /// The names of all series.
    #[track_caller]
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let body = self.get("/metrics/index.json");
        let names: Vec<String> = serde_json::from_str(&body)
            .unwrap_or_else(|error| panic!("index.json is no list of names ({error}): {body}"));
        names.into_iter().collect()
    }

    /// The sum over the shards of the counter `name` whose labels contain all of `labels`.
    #[track_caller]
    pub(crate) fn counter(&self, name: &str, labels: &[&str]) -> u64 {
        let page = self.get("/metrics");
        let mut sum = 0.0;
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else {
                continue;
            };
            let bare = series.split('{').next().unwrap_or_default();
            if bare == name && labels.iter().all(|label| series.contains(label)) {
                sum += value.parse::<f64>().unwrap_or_else(|_| panic!("{line}"));
            }
        }
        sum as u64
    }

    /// Points accepted by all doors.
    pub(crate) fn accepted(&self) -> u64 {
        self.counter("corelane_points_accepted_total", &[])
    }

    /// What was refused for `reason`, by all doors.
    pub(crate) fn refused(&self, reason: &str) -> u64 {
        let label = format!("reason=\"{reason}\"");
        self.counter("corelane_refused_total", &[&label])
    }

    /// What was refused for any reason, by all doors.
    pub(crate) fn refused_in_all(&self) -> u64 {
        self.counter("corelane_refused_total", &[])
    }

    /// Its folder, for one that is started after it.
    pub(crate) fn data(&self) -> Arc<Scratch> {
        Arc::clone(&self.folder)
    }

    /// Its status, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// Kill it: it gets no chance to do anything more. Gives its folder.
    pub(crate) fn kill(mut self) -> Arc<Scratch> {
        self.process.signal(rustix::process::Signal::KILL);
        let _ = self.process.wait(STOP_WAIT);
        Arc::clone(&self.folder)
    }

    /// POST an empty body to `path`: status and body.
    pub(crate) fn try_post(&self, path: &str) -> Result<(u16, String), String> {
        self.try_post_body(path, "")
    }

    /// POST a body to `path`: status and body.
    pub(crate) fn try_post_body(&self, path: &str, sent: &str) -> Result<(u16, String), String> {
        let url = format!("http://127.0.0.1:{}{path}", self.ports.http);
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into();
        let mut answer = agent
            .post(&url)
            .send(sent)
            .map_err(|error| error.to_string())?;
        let mut body = String::new();
        let mut reader = answer.body_mut().as_reader();
        reader
            .read_to_string(&mut body)
            .map_err(|error| error.to_string())?;
        Ok((answer.status().as_u16(), body))
    }

    /// Send it a SIGTERM, wait, and check that it leaves with 0. Gives what it wrote.
    #[track_caller]
    pub(crate) fn stop(mut self) -> String {
        self.process.signal(rustix::process::Signal::TERM);
        let status = self.process.wait(STOP_WAIT);
        let log = self.process.log();
        assert!(status.success(), "corelane left with {status}\n{log}");
        assert!(!log.contains("panicked"), "corelane panicked\n{log}");
        log
    }
}

/// One series of a `/render` answer.
#[derive(Clone, Debug)]
pub(crate) struct Rendered {
    /// The name under `target`.
    pub(crate) name: String,
    /// Value (or none) and second of every slot.
    pub(crate) slots: Vec<(Option<f64>, i64)>,
}

impl Rendered {
    #[track_caller]
    fn of(value: &Value) -> Rendered {
        let read = || -> Option<Rendered> {
            let name = value.get("target")?.as_str()?.to_owned();
            let mut slots = Vec::new();
            for slot in value.get("datapoints")?.as_array()? {
                let [value, at] = slot.as_array()?.as_slice() else {
                    return None;
                };
                slots.push((value.as_f64(), at.as_i64()?));
            }
            Some(Rendered { name, slots })
        };
        read().unwrap_or_else(|| panic!("no series of Graphite's JSON: {value}"))
    }

    /// Seconds between two slots.
    pub(crate) fn step_seconds(&self) -> i64 {
        match self.slots.as_slice() {
            [(_, first), (_, second), ..] => second - first,
            _ => 1,
        }
    }

    /// The slots that hold a value.
    pub(crate) fn values(&self) -> BTreeMap<i64, f64> {
        let full = |&(value, at): &(Option<f64>, i64)| value.map(|value| (at, value));
        self.slots.iter().filter_map(full).collect()
    }
}

/// A point that was sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    /// Canonical name, tags included.
    pub(crate) name: String,
    /// Seconds since 1970, maybe with a fraction.
    pub(crate) at_seconds: f64,
    /// The value.
    pub(crate) value: f64,
}

impl Point {
    /// A point of `name`.
    pub(crate) fn new(name: &str, at_seconds: f64, value: f64) -> Point {
        let name = name.to_owned();
        Point {
            name,
            at_seconds,
            value,
        }
    }
}

/// How far outside the first and the last point is asked, so that a slot at either edge shows.
const EDGE_SECONDS: i64 = 90;
/// Points further apart than this are asked for by two requests.
const GAP_SECONDS: i64 = 600;
/// Targets in one request.
const TARGETS_MAX: usize = 40;

/// Check that `/render` gives exactly `points` (in arrival order, the last one of a slot wins):
/// every value in its slot, and no other value near them. Waits for the last of them.
#[track_caller]
pub(crate) fn check_points(appliance: &Appliance, points: &[Point]) {
    wait_until("the points in /render", ANSWER_WAIT, || {
        differences(appliance, points)
    });
}

/// Wait until `probe` has nothing to complain of; after `longest` fail with its last complaint.
#[track_caller]
pub(crate) fn wait_until(
    what: &str,
    longest: Duration,
    mut probe: impl FnMut() -> Result<(), String>,
) {
    let end = Instant::now() + longest;
    loop {
        match probe() {
            Ok(()) => return,
            Err(why) if Instant::now() > end => panic!("no {what} after {longest:?}: {why}"),
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Points of many series, cut where nothing happened for long: name, first and last second.
type Stretch<'a> = (&'a str, Vec<&'a Point>);

fn differences(appliance: &Appliance, points: &[Point]) -> Result<(), String> {
    let mut windows: BTreeMap<(i64, i64), Vec<Stretch<'_>>> = BTreeMap::new();
    for (name, points) in by_name(points) {
        for stretch in stretches(points) {
            let seconds = || stretch.iter().map(|point| point.at_seconds.floor() as i64);
            let first = seconds().min().unwrap_or_default();
            let last = seconds().max().unwrap_or_default();
            // Rounded, so that many series share one request.
            let from = (first - EDGE_SECONDS).div_euclid(60) * 60;
            let until = (last + EDGE_SECONDS).div_euclid(60) * 60 + 60;
            windows
                .entry((from, until))
                .or_default()
                .push((name, stretch));
        }
    }
    for ((from, until), series) in windows {
        for some in series.chunks(TARGETS_MAX) {
            differences_between(appliance, from, until, some)?;
        }
    }
    Ok(())
}

fn differences_between(
    appliance: &Appliance,
    from: i64,
    until: i64,
    series: &[Stretch<'_>],
) -> Result<(), String> {
    let targets: Vec<String> = series.iter().map(|(name, _)| target_of(name)).collect();
    let answers = appliance.render(&targets, from, until);
    for (name, points) in series {
        let mut found = answers.iter().filter(|answer| answer.name == *name);
        let (Some(answer), None) = (found.next(), found.next()) else {
            let got: Vec<&str> = answers.iter().map(|answer| &*answer.name).collect();
            return Err(format!("{name} must be answered once; answered: {got:?}"));
        };
        let step = answer.step_seconds();
        let mut want = BTreeMap::new();
        for point in points {
            let slot = (point.at_seconds.floor() as i64).div_euclid(step) * step;
            want.insert(slot, point.value);
        }
        let got = answer.values();
        if !same_values(&want, &got) {
            return Err(format!("{name}, step {step} s: want {want:?}, got {got:?}"));
        }
    }
    Ok(())
}

/// Equal, but for the last bit that two roundings of one decimal text may differ by.
fn same_values(want: &BTreeMap<i64, f64>, got: &BTreeMap<i64, f64>) -> bool {
    want.len() == got.len()
        && want.iter().zip(got).all(|((at, want), (slot, got))| {
            at == slot && (want - got).abs() <= want.abs() * f64::EPSILON
        })
}

fn by_name(points: &[Point]) -> BTreeMap<&str, Vec<&Point>> {
    let mut names: BTreeMap<&str, Vec<&Point>> = BTreeMap::new();
    for point in points {
        names.entry(&point.name).or_default().push(point);
    }
    names
}

fn stretches(points: Vec<&Point>) -> Vec<Vec<&Point>> {
    let mut seconds: Vec<i64> = points.iter().map(|point| point.at_seconds as i64).collect();
    seconds.sort_unstable();
    seconds.dedup();
    let mut starts = vec![seconds.first().copied().unwrap_or_default()];
    for pair in seconds.windows(2) {
        if pair[1] - pair[0] > GAP_SECONDS {
            starts.push(pair[1]);
        }
    }
    let mut out = vec![Vec::new(); starts.len()];
    for point in points {
        let nth = starts.partition_point(|&start| start <= point.at_seconds as i64);
        out[nth - 1].push(point);
    }
    out
}

/// The target that gives the series `name` and, at most, others whose names differ.
fn target_of(name: &str) -> String {
    let Some((path, tags)) = name.split_once(';') else {
        // A literal `{`, `[` or `*` in a name is matched by a star in its place.
        return name.replace(
            ['{', '}', '[', ']', '?', '(', ')', '\'', '"', ',', ' '],
            "*",
        );
    };
    let mut target = format!("seriesByTag('name={path}'");
    for tag in tags.split(';') {
        let _ = write!(target, ",'{tag}'");
    }
    target + ")"
}

/// `text` as it may stand in a query.
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
                out.push(char::from(byte))
            }
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

/// Seconds since 1970, now.
pub(crate) fn now_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.expect("the clock stands after 1970");
    i64::try_from(since.as_secs()).expect("the clock stands before the year 292 billion")
}
