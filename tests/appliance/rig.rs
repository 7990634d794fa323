//! A whole appliance inside the test: real sockets on ports of the kernel's choice, real shards.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use corelane::index::Bounds;
use corelane::model::refusal::Protocol;
use corelane::model::sample::TimeRule;
use corelane::query::result_cache;
use corelane::rt::boot::ServeError;
use corelane::rt::folder::Folder;
use corelane::rt::options::Doors;
use corelane::rt::{self, Options, Running};
use corelane::shard::{self, Shard};
use corelane::simd::Isa;
use corelane::store;
use corelane::store::recover;
use corelane::wire::kairos_telnet;

/// How long anything may take to show.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An appliance under test.
pub(crate) struct Rig {
    running: Option<Running>,
    data: PathBuf,
}

/// Options with ports that the kernel chooses, on `ip`.
pub(crate) fn options(ip: &str) -> Options {
    Options {
        listen: vec![ip.parse().expect("an address")],
        listen_is_default: false,
        doors: Doors {
            graphite_tcp: Some(0),
            graphite_udp: Some(0),
            pickle: Some(0),
            kairos_telnet: Some(0),
            http: Some(0),
        },
        ..Options::default()
    }
}

/// A folder of its own for each rig.
pub(crate) fn scratch() -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let own = format!(
        "corelane-appliance-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    std::env::temp_dir().join(own)
}

/// Bounds for a small shard.
fn shard_options() -> shard::Options {
    shard::Options {
        line_bytes_max: 64 << 10,
        frame_bytes_max: 1 << 20,
        buffered_bytes_max: 64 << 20,
        times: TimeRule::default(),
        telnet: kairos_telnet::Options::default(),
        index: Bounds::series(100_000),
        store: store::Options {
            head_bytes_max: 64 << 20,
            seal_bytes: 8 << 20,
            ..store::Options::default()
        },
        results: result_cache::Options {
            bytes_max: 1 << 20,
            points_min: 0,
        },
        seed: 1,
        isa: Isa::Scalar,
    }
}

/// Start on the folder at `data`; `around` is told the number of each shard before it is made.
pub(crate) fn start_on(
    options: Options,
    data: &Path,
    around: impl Fn(usize) + Send + Sync + 'static,
) -> Result<Running, ServeError> {
    let folder = Arc::new(Folder::open(data).expect("a data folder"));
    let cores = rt::boot::cores().expect("cores").len();
    let shards = options.shards.unwrap_or(cores);
    let found = recover::open(&*folder, shards).expect("a folder that can be read");
    let (highest, starts) = (found.highest, Mutex::new(found.starts));
    let disk = Arc::clone(&folder);
    rt::start(options, folder, highest, move |number| {
        around(number);
        let start = starts.lock().expect("no panic with it").remove(&number);
        let start = start.ok_or("it was started before")?;
        Shard::new(shard_options(), start, &*disk).map_err(|error| error.to_string())
    })
}

impl Rig {
    /// Start with `options`.
    pub(crate) fn start(options: Options) -> Rig {
        let data = scratch();
        let running = match start_on(options, &data, |_| {}) {
            Ok(running) => running,
            Err(error) => panic!("the appliance does not start here: {error}"),
        };
        let rig = Rig {
            running: Some(running),
            data,
        };
        rig.until("ready", |rig| rig.get("/ready").starts_with("HTTP/1.1 200"));
        rig
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("it runs")
    }

    /// How many shards.
    pub(crate) fn shards(&self) -> usize {
        self.running().shards()
    }

    /// Where a door is.
    pub(crate) fn door(&self, protocol: Protocol) -> SocketAddr {
        let bound = &self.running().bound;
        let found = bound.iter().find(|(own, _)| *own == protocol);
        found.expect("an open door").1
    }

    /// A connection to a door.
    pub(crate) fn connect(&self, protocol: Protocol) -> TcpStream {
        TcpStream::connect(self.door(protocol)).expect("a connection")
    }

    /// The whole answer to a GET.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut http = self.connect(Protocol::Http);
        http.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        http.write_all(request.as_bytes()).expect("asked");
        let mut answer = String::new();
        http.read_to_string(&mut answer).expect("answered");
        answer
    }

    /// A counter from `/metrics`, for each shard.
    pub(crate) fn counter(&self, name: &str, protocol: &str) -> Vec<u64> {
        let text = self.get("/metrics");
        (0..self.shards())
            .map(|shard| {
                let starts = format!("{name}{{");
                let own = format!("shard=\"{shard}\"");
                let lines = text.lines().filter(|line| {
                    line.starts_with(&starts) && line.contains(&own) && line.contains(protocol)
                });
                let values = lines.filter_map(|line| line.rsplit(' ').next());
                values.filter_map(|value| value.parse::<u64>().ok()).sum()
            })
            .collect()
    }

    /// Points accepted by a door, for each shard.
    pub(crate) fn accepted(&self, protocol: Protocol) -> Vec<u64> {
        let label = format!("protocol=\"{}\"", protocol.label());
        self.counter("corelane_points_accepted_total", &label)
    }

    /// Wait until something holds.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Rig) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            assert!(
                began.elapsed() < PATIENCE,
                "never: {what}\n{}",
                self.get("/metrics")
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Wait until a door has accepted `points`; one more or less fails.
    #[track_caller]
    pub(crate) fn until_accepted(&self, protocol: Protocol, points: u64) {
        self.until(&format!("{points} points"), |rig| {
            points <= rig.accepted(protocol).iter().sum()
        });
        assert_eq!(self.accepted(protocol).iter().sum::<u64>(), points);
    }

    /// Stop, and wait for the end.
    pub(crate) fn stop(mut self) {
        let running = self.running.take().expect("it runs");
        running.stop();
        running.wait().expect("a clean end");
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop();
            // A test that fails already says why.
            let _ = running.wait();
        }
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

/// A socket that sends from `ip`.
pub(crate) fn connect_from(ip: &str, to: SocketAddr) -> TcpStream {
    let domain = socket2::Domain::for_address(to);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None).expect("a socket");
    let ip: IpAddr = ip.parse().expect("an address");
    socket
        .bind(&SocketAddr::new(ip, 0).into())
        .expect("a source");
    socket.connect(&to.into()).expect("a connection");
    socket.into()
}
