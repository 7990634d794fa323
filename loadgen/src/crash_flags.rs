//! The flags of `--crash`, and the plan that follows from them and the common ones.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use loadgen::crash::Plan;
use loadgen::crash::senders::Lines;

use crate::flags::{Flags, resolve};

/// Points a second of each door, where `--rate` says nothing.
const RATE_DEFAULT: f64 = 20_000.0;

/// Where the server answers, where `--verify` says nothing.
const URL_DEFAULT: &str = "http://127.0.0.1:8080";

/// Where lines go, where `--target` says nothing.
const LINES_DEFAULT: &str = "127.0.0.1:2003";

/// Where KairosDB's lines go then.
const TELNET_DEFAULT: &str = "127.0.0.1:4242";

/// Most points of one loop over all loops, so that a plan fits into memory and its end can be awaited.
const POINTS_MAX: f64 = 4e9;

/// What `--crash` adds to the command line.
#[derive(Debug, Args)]
#[command(next_help_heading = "Kill and verify")]
pub(crate) struct CrashFlags {
    /// Start this command, kill it (SIGKILL) at random moments while points flow, start it again and
    /// verify that everything acknowledged is there. Its folder must be empty, or --prefix a new one.
    /// Lines go to --target, requests and questions to
    /// the address of --verify; --rate, --series and --connections are those of each door
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["max", "rounds", "dry", "tags", "reconnect"])]
    pub(crate) crash: Option<String>,
    /// How often it is killed and verified
    #[arg(long, value_name = "LOOPS", default_value_t = 50, requires = "crash")]
    pub(crate) crash_loops: u64,
    /// Longest time that points flow before a kill
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 2.0,
        requires = "crash"
    )]
    pub(crate) crash_flow: f64,
    /// Doors that points go through
    #[arg(
        long,
        value_enum,
        value_name = "DOORS",
        value_delimiter = ',',
        default_value = "rest,plaintext",
        requires = "crash"
    )]
    pub(crate) crash_doors: Vec<CrashDoor>,
    /// Fail if a kill loses lines sent longer before it than this
    #[arg(
        long,
        value_name = "MILLISECONDS",
        default_value_t = 100,
        requires = "crash"
    )]
    pub(crate) lost_ms_max: u64,
    /// Fail if the server is not ready so long after its start
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 60.0,
        requires = "crash"
    )]
    pub(crate) crash_ready: f64,
}

/// A door of a server that is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CrashDoor {
    /// KairosDB's POST /api/v1/datapoints; each request is acknowledged
    Rest,
    /// Graphite lines over TCP; nothing is acknowledged
    Plaintext,
    /// KairosDB's put lines instead of those
    Telnet,
}

impl Flags {
    /// The plan of a run that kills its server.
    pub(crate) fn crash_plan(&self) -> Result<Plan> {
        let flags = &self.kill;
        let rate = self.rate.unwrap_or(RATE_DEFAULT);
        self.check()?;
        if flags.crash_loops == 0 || flags.crash_doors.is_empty() {
            bail!("--crash-loops must be 1 or more, and --crash-doors must name a door");
        }
        let flow_max = seconds(flags.crash_flow, "--crash-flow")?;
        // Rounds advance by a second; half of the longest time is the mean, the rest is a reserve.
        let points = rate * flow_max.as_secs_f64() * flags.crash_loops as f64 * 2.0;
        if POINTS_MAX < points {
            bail!("that would be {points:.0} points: lower --rate, --crash-loops or --crash-flow");
        }
        let rounds = (points / self.series as f64) as u64 + 10 * flags.crash_loops;
        let now_s = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock stands before 1970")?
            .as_secs();
        let start_s = match (self.start, self.ago) {
            (Some(start_s), _) => start_s,
            (None, Some(ago_s)) => now_s.saturating_sub(ago_s),
            (None, None) => now_s.saturating_sub(rounds),
        };
        let url = self.verify.as_deref().unwrap_or(URL_DEFAULT);
        let http = crate::check_url(url, "--verify", self.allow_remote)?;
        let has = |door| flags.crash_doors.contains(&door);
        let (line_form, default) = match (has(CrashDoor::Telnet), has(CrashDoor::Plaintext)) {
            (true, true) => bail!("--crash-doors takes lines of one kind: plaintext or telnet"),
            (true, false) => (Lines::Telnet, TELNET_DEFAULT),
            (false, _) => (Lines::Graphite, LINES_DEFAULT),
        };
        let lines = resolve(self.target.as_deref().unwrap_or(default), self.allow_remote)?;
        let has_lines = has(CrashDoor::Plaintext) || has(CrashDoor::Telnet);
        Ok(Plan {
            rest: has(CrashDoor::Rest).then_some(http),
            lines: has_lines.then_some(lines),
            line_form,
            url: url.to_owned(),
            loops: flags.crash_loops,
            flow_max,
            points_per_second: rate,
            series: self.series,
            connections: self.connections,
            batch: self.batch as u64,
            write: self.write.unwrap_or(100) as u64,
            prefix: self.prefix.clone(),
            seed: self.seed,
            start_s,
            lost_max: Duration::from_millis(flags.lost_ms_max),
            ready_max: seconds(flags.crash_ready, "--crash-ready")?,
        })
    }
}

fn seconds(number: f64, flag: &str) -> Result<Duration> {
    if !(0.0..=86_400.0).contains(&number) {
        bail!("{flag} is a number of seconds up to a day");
    }
    Duration::try_from_secs_f64(number).with_context(|| format!("{flag} is a number of seconds"))
}
