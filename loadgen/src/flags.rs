//! The command line, and the plan that follows from it.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::crash_flags::CrashFlags;
use crate::query_flags::QueryFlags;
use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use loadgen::send::{Pace, Plan, Protocol, Transport};
use loadgen::wire::json::Form;
use loadgen::wire::{Grouping, Order};
use loadgen::workload::{Naming, Parameters, SHARE_WHOLE, TIMESTAMP_MIN_S, Workload};

/// Points a second that no receiver reaches: from it follows how far in the past a `--max` run
/// begins by default.
const RATE_CEILING: f64 = 40e6;

/// Length of a run that names neither rounds nor a duration.
pub(crate) const DURATION_DEFAULT_S: f64 = 10.0;

/// Most bytes of a message where nothing else limits it.
const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// Lines of one write in a run on a schedule.
const WRITE_LINES_DEFAULT: usize = 100;

/// The command line. Its comments are what `--help` says.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version, about = ABOUT, long_about = None, after_help = EXAMPLES)]
pub(crate) struct Flags {
    /// How points are sent
    #[arg(long, value_enum, default_value = "plaintext")]
    pub(crate) protocol: Door,
    /// Where to: HOST:PORT [default: 127.0.0.1:2003, for pickle port 2004, kairos-rest 8080,
    /// telnet, telnet-millis and opentsdb-http 4242]
    #[arg(long, value_name = "ADDR")]
    pub(crate) target: Option<String>,
    /// Allow a target that is not this machine
    #[arg(long)]
    pub(crate) allow_remote: bool,
    /// As fast as the server takes it (the default)
    #[arg(long, conflicts_with = "rate")]
    pub(crate) max: bool,
    /// Points a second over all connections, on a schedule that does not wait for the server
    #[arg(long, value_name = "POINTS_PER_SECOND")]
    pub(crate) rate: Option<f64>,
    /// Make the bytes but send them nowhere: measures the sender itself
    #[arg(long)]
    pub(crate) dry: bool,

    /// Number of series
    #[arg(long, default_value_t = 10_000)]
    pub(crate) series: u64,
    /// Number of connections (or UDP sockets); each has its own series
    #[arg(long, default_value_t = 4)]
    pub(crate) connections: u64,
    /// Number of sending threads
    #[arg(long, default_value_t = 1)]
    pub(crate) threads: usize,
    /// Cores to pin the threads to, for example 2,3
    #[arg(long, value_name = "CORES", value_delimiter = ',')]
    pub(crate) pin: Vec<usize>,
    /// Rounds to send: each is one point of every series
    #[arg(long)]
    pub(crate) rounds: Option<u64>,
    /// Seconds to send, whole rounds [default: 10 if --rounds is not given]
    #[arg(long, alias = "seconds", value_name = "SECONDS")]
    pub(crate) duration: Option<f64>,

    /// Send tagged names: cpu.user;core=c03;host=h000012 (telnet and JSON doors always do)
    #[arg(long)]
    pub(crate) tags: bool,
    /// Tags of a tagged name besides those two
    #[arg(long, value_name = "TAGS", default_value_t = 0)]
    pub(crate) more_tags: u64,
    /// Put before every name, with a dot: keeps runs apart
    #[arg(long, default_value = "")]
    pub(crate) prefix: String,
    /// Percent of constant, counter, random-walk and noise series
    #[arg(
        long,
        value_name = "C,N,W,R",
        value_delimiter = ',',
        default_value = "20,30,30,20"
    )]
    pub(crate) mix: Vec<u32>,
    /// Order of the series within a round
    #[arg(long, value_enum, default_value = "stable")]
    pub(crate) order: Sequence,
    /// Percent of the series that get a new name each minute of timestamps
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    pub(crate) churn: f64,
    /// Percent of the points that carry an older timestamp
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    pub(crate) late: f64,
    /// How much older those are
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) late_by: u64,
    /// Everything random follows from it
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// First timestamp, seconds since 1970 [default: so far back that no timestamp lies in the future]
    #[arg(long, value_name = "SECONDS", conflicts_with = "ago")]
    pub(crate) start: Option<u64>,
    /// First timestamp, seconds before now
    #[arg(long, value_name = "SECONDS")]
    pub(crate) ago: Option<u64>,
    /// Rounds that an earlier run with the same flags has sent from --start: go on behind them
    #[arg(
        long,
        value_name = "ROUNDS",
        default_value_t = 0,
        requires = "start",
        conflicts_with = "crash"
    )]
    pub(crate) resume: u64,
    /// Seconds between the timestamps of two rounds [default: 1, with --rate the seconds that a
    /// round takes]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) step: Option<u64>,

    /// Lines of each write call [default: with --rate 100, with --max as many as fit]
    #[arg(long, value_name = "LINES")]
    pub(crate) write: Option<usize>,
    /// Open a connection for each report of this many lines and close it behind it
    #[arg(long, value_name = "LINES", conflicts_with = "write")]
    pub(crate) reconnect: Option<usize>,
    /// Most bytes of a datagram, filled with whole lines
    #[arg(long, value_name = "BYTES", default_value_t = 1400)]
    pub(crate) datagram: usize,
    /// Points of a pickle frame
    #[arg(long, value_name = "ITEMS", default_value_t = 500)]
    pub(crate) frame: usize,
    /// Points of a request of kairos-rest and opentsdb-http
    #[arg(long, value_name = "POINTS", default_value_t = 100)]
    pub(crate) batch: usize,
    /// Tell KairosDB how many seconds points are to stay
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) ttl: u32,
    /// Name the type of each value in requests of kairos-rest
    #[arg(long)]
    pub(crate) typed: bool,
    /// Pack the bodies of requests
    #[arg(long)]
    pub(crate) gzip: bool,

    /// Ask the appliance at this address back over HTTP and compare every series exactly
    #[arg(long, value_name = "URL")]
    pub(crate) verify: Option<String>,
    /// Longest wait for points to become visible before they count as lost
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    pub(crate) verify_wait: f64,
    /// Also fail when datagrams were lost
    #[arg(long)]
    pub(crate) strict: bool,

    /// Print one line of JSON instead of the table
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) ask: QueryFlags,
    #[command(flatten)]
    pub(crate) kill: CrashFlags,
}

const ABOUT: &str = "Sends metrics as fast as they are taken (--max) or on a schedule (--rate), can prove that each arrived (--verify), and asks as dashboards do (--query)";

const EXAMPLES: &str = "\
Examples:
  loadgen --max --series 100000 --duration 10
  loadgen --rate 10000 --series 10000 --duration 60 --verify http://127.0.0.1:8080
  loadgen --protocol pickle --max --rounds 100
  loadgen --rate 1000000 --series 1000000 --connections 2000 --write 100
  loadgen --max --reconnect 300 --connections 64
  loadgen --protocol telnet --max --series 100000 --verify http://127.0.0.1:8080
  loadgen --protocol kairos-rest --rate 100000 --connections 64 --verify http://127.0.0.1:8080
  loadgen --rate 100000 --series 100000 --duration 60 --query http://127.0.0.1:8080 --query-panels 200
  loadgen --series 100000 --start 1700000000 --rounds 3600 --query-only --query http://127.0.0.1:8080
  loadgen --crash 'corelane serve --data DIR' --crash-loops 50 --series 1000 --seed 7

Exit code: 0 all well, 1 points were lost, refused or differ, 2 nothing could be said (bad flags, no connection).";

/// Protocol and transport as one choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Door {
    /// Graphite lines over TCP
    Plaintext,
    /// Graphite lines in datagrams
    Udp,
    /// Carbon's pickle frames over TCP
    Pickle,
    /// KairosDB's and OpenTSDB's `put` lines over TCP
    Telnet,
    /// KairosDB's `putm` lines, in milliseconds
    TelnetMillis,
    /// KairosDB's POST /api/v1/datapoints: JSON over HTTP, every request answered
    KairosRest,
    /// OpenTSDB's POST /api/put: the same for a rival
    OpentsdbHttp,
}

impl Door {
    /// True if points travel in requests that are answered.
    pub(crate) fn answers(self) -> bool {
        matches!(self, Door::KairosRest | Door::OpentsdbHttp)
    }

    /// True if points are lines of KairosDB.
    fn is_telnet(self) -> bool {
        matches!(self, Door::Telnet | Door::TelnetMillis)
    }
}

/// Order of the series within a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sequence {
    /// The same in every round
    Stable,
    /// Another one in every round
    Shuffled,
}

impl Flags {
    /// The plan that these flags ask for.
    pub(crate) fn plan(&self) -> Result<Plan> {
        self.check()?;
        let target = self.target_address()?;
        let now_s = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock stands before 1970")?
            .as_secs();
        let rounds = self.rounds_expected();
        let step_s = self.step_s();
        let start_s = match (self.start, self.ago) {
            (Some(start_s), _) => start_s,
            (None, Some(ago_s)) => now_s.saturating_sub(ago_s),
            (None, None) => self.start_default_s(now_s, rounds, step_s),
        };
        let mix_percent = <[u32; 4]>::try_from(self.mix.as_slice())
            .ok()
            .context("--mix needs four numbers, for example 20,30,30,20")?;
        let workload = Workload::new(Parameters {
            series: self.series,
            seed: self.seed,
            naming: Naming {
                prefix: self.prefix.clone(),
                tagged: self.tags || self.protocol.answers() || self.protocol.is_telnet(),
                more_tags: self.more_tags,
            },
            mix_percent,
            churn_share: share(self.churn, "--churn")?,
            late_share: share(self.late, "--late")?,
            late_by_s: self.late_by,
            start_s,
            step_s,
        })
        .map_err(anyhow::Error::msg)?;
        let duration_s = self.duration_s();
        let pace = match self.rate {
            Some(points_per_second) => Pace::Rate { points_per_second },
            None => Pace::Max {
                duration: Duration::from_secs_f64(duration_s.unwrap_or(1e9)),
            },
        };
        let rounds_max = if self.rate.is_some() {
            rounds
        } else {
            self.rounds.unwrap_or(u64::MAX)
        };
        if workload.rounds_max() <= self.resume {
            bail!("the rounds of --resume leave no timestamp of ten digits");
        }
        Ok(Plan {
            first_round: self.resume,
            rounds: rounds_max
                .saturating_add(self.resume)
                .min(workload.rounds_max()),
            workload: Arc::new(workload),
            target,
            protocol: match self.protocol {
                Door::Plaintext | Door::Udp => Protocol::Plaintext,
                Door::Pickle => Protocol::Pickle,
                Door::Telnet => Protocol::Telnet,
                Door::TelnetMillis => Protocol::TelnetMillis,
                Door::KairosRest => Protocol::KairosRest,
                Door::OpentsdbHttp => Protocol::OpenTsdbHttp,
            },
            form: Form {
                typed: self.typed,
                ttl_seconds: self.ttl,
                gzip: self.gzip,
            },
            transport: match self.protocol {
                _ if self.dry => Transport::Nowhere,
                Door::Udp => Transport::Udp,
                _ => Transport::Tcp,
            },
            grouping: self.grouping(),
            order: if self.order == Sequence::Shuffled {
                Order::Shuffled
            } else {
                Order::Stable
            },
            write_each_message: self.write.is_some(),
            reconnect: self.reconnect.is_some(),
            pace,
            connections: self.connections,
            threads: self.threads,
            pin: self.pin.clone(),
            board: None,
        })
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.connections == 0 || self.series < self.connections {
            bail!(
                "each connection needs a series of its own: --connections must be from 1 to --series"
            );
        }
        if self.threads == 0 {
            bail!("--threads must be 1 or more");
        }
        if self
            .rate
            .is_some_and(|rate| !rate.is_finite() || rate <= 0.0)
        {
            bail!("--rate must be a number of points above 0");
        }
        if self
            .duration
            .is_some_and(|seconds| !seconds.is_finite() || seconds <= 0.0 || 1e9 < seconds)
        {
            bail!("--duration must be a number of seconds above 0");
        }
        if self.rounds == Some(0)
            || self.frame == 0
            || self.batch == 0
            || self.write == Some(0)
            || self.reconnect == Some(0)
        {
            bail!("--rounds, --frame, --batch, --write and --reconnect must be 1 or more");
        }
        if self.prefix.len() > 200
            || !self
                .prefix
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        {
            bail!("--prefix takes at most 200 letters, digits, dots, underscores and dashes");
        }
        if self.protocol == Door::Udp
            && (self.reconnect.is_some() || !(200..=65_507).contains(&self.datagram))
        {
            bail!(
                "UDP has no connections to open anew, and --datagram must be from 200 to 65507 bytes"
            );
        }
        if self.protocol.answers() && (self.reconnect.is_some() || self.write.is_some()) {
            bail!(
                "requests are sized by --batch and keep their connection: leave out --write and --reconnect"
            );
        }
        let is_kairos = self.protocol == Door::KairosRest;
        if self.typed && !is_kairos
            || self.ttl > 0 && !is_kairos && !self.protocol.is_telnet()
            || self.gzip && (self.dry || !self.protocol.answers())
        {
            bail!(
                "--typed is for kairos-rest, --ttl for that and the telnet doors, --gzip for requests that are sent"
            );
        }
        if self.dry && self.verify.is_some() {
            bail!("--dry sends nothing, so --verify would find nothing: use only one of them");
        }
        Ok(())
    }

    fn grouping(&self) -> Grouping {
        let lines = self.reconnect.or(self.write);
        match self.protocol {
            Door::KairosRest | Door::OpentsdbHttp => Grouping {
                items_max: self.batch,
                bytes_max: usize::MAX,
            },
            Door::Pickle => Grouping {
                items_max: lines.unwrap_or(self.frame),
                bytes_max: usize::MAX,
            },
            Door::Udp => Grouping {
                items_max: lines.unwrap_or(usize::MAX),
                bytes_max: self.datagram,
            },
            Door::Plaintext | Door::Telnet | Door::TelnetMillis => match lines {
                Some(lines) => Grouping {
                    items_max: lines,
                    bytes_max: usize::MAX,
                },
                None if self.rate.is_some() => Grouping {
                    items_max: WRITE_LINES_DEFAULT,
                    bytes_max: usize::MAX,
                },
                None => Grouping {
                    items_max: usize::MAX,
                    bytes_max: MESSAGE_BYTES_MAX,
                },
            },
        }
    }

    /// Seconds to send, none where the rounds alone decide.
    fn duration_s(&self) -> Option<f64> {
        self.duration.or(if self.rounds.is_none() {
            Some(DURATION_DEFAULT_S)
        } else {
            None
        })
    }

    /// Rounds that will be sent; with `--max` a number that is not reached.
    fn rounds_expected(&self) -> u64 {
        let per_second = self.rate.unwrap_or(RATE_CEILING) / self.series.max(1) as f64;
        let by_time = self
            .duration_s()
            .map(|seconds| ((seconds * per_second).round() as u64).max(1));
        by_time
            .unwrap_or(u64::MAX)
            .min(self.rounds.unwrap_or(u64::MAX))
    }

    fn step_s(&self) -> u64 {
        let round_s = self.rate.map_or(1.0, |rate| self.series as f64 / rate);
        self.step.unwrap_or((round_s.round() as u64).max(1))
    }

    /// A start from which no timestamp of the run lies in the future when it is sent.
    fn start_default_s(&self, now_s: u64, rounds: u64, step_s: u64) -> u64 {
        let advance_s = rounds.saturating_mul(step_s);
        let run_s =
            self.rate
                .map_or(0.0, |rate| rounds as f64 * self.series as f64 / rate) as u64;
        let ago_s = advance_s.saturating_sub(run_s);
        let late_s = if 0.0 < self.late { self.late_by } else { 0 };
        now_s.saturating_sub(ago_s).max(TIMESTAMP_MIN_S + late_s)
    }

    fn target_address(&self) -> Result<SocketAddr> {
        let default = match self.protocol {
            Door::Plaintext | Door::Udp => "127.0.0.1:2003",
            Door::Pickle => "127.0.0.1:2004",
            Door::KairosRest => "127.0.0.1:8080",
            Door::OpentsdbHttp | Door::Telnet | Door::TelnetMillis => "127.0.0.1:4242",
        };
        let text = self.target.as_deref().unwrap_or(default);
        resolve(text, self.allow_remote)
    }
}

/// Resolves HOST:PORT; refuses other machines unless they are allowed.
pub(crate) fn resolve(text: &str, allow_remote: bool) -> Result<SocketAddr> {
    let address = text
        .to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next())
        .with_context(|| {
            format!("`{text}` is not an address: write HOST:PORT, for example 127.0.0.1:2003")
        })?;
    if !address.ip().is_loopback() && !allow_remote {
        bail!(
            "{address} is not this machine, and a load generator can hurt others: \
             add --allow-remote if that server is yours to load"
        );
    }
    Ok(address)
}

fn share(percent: f64, flag: &str) -> Result<u32> {
    if !(0.0..=100.0).contains(&percent) {
        bail!("{flag} is a percentage from 0 to 100");
    }
    Ok((percent / 100.0 * f64::from(SHARE_WHOLE)).round() as u32)
}
