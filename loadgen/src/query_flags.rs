//! The flags of `--query`, and the plan that follows from them and the common ones.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use loadgen::query::panel::Kind;
use loadgen::query::{self, ROUNDS_MIN, STEPS_S};
use loadgen::send::board::Board;
use loadgen::send::{Plan, Transport};
use loadgen::workload::SERIES_PER_HOST;

use crate::flags::Flags;

/// Requests that a browser has under way at once.
const CONNECTIONS_A_USER: u64 = 6;

/// Most connections, where nothing else is said, and the most that can be asked for.
const CONNECTIONS_DEFAULT_MAX: u64 = 96;
const CONNECTIONS_MAX: u64 = 2_000;

/// Most panels of all users.
const PANELS_MAX: u64 = 1_000_000;

/// What `--query` adds to the command line.
#[derive(Debug, Args)]
#[command(next_help_heading = "Query and verify")]
pub(crate) struct QueryFlags {
    /// Ask the server at this address as dashboards do, while points are sent, on a schedule that does
    /// not wait for answers; each answer is compared with what was sent. What was sent less than
    /// --verify-wait before may be missing
    #[arg(long, value_name = "URL", conflicts_with_all = ["crash", "dry"])]
    pub(crate) query: Option<String>,
    /// Send nothing, for --duration: an earlier run with the same flags has sent --rounds from --start
    #[arg(long, requires_all = ["query", "rounds", "start"], conflicts_with_all = ["verify", "rate", "max", "resume"])]
    pub(crate) query_only: bool,
    /// Panels of a dashboard
    #[arg(long, value_name = "PANELS", default_value_t = 20, requires = "query")]
    pub(crate) query_panels: u64,
    /// Users, each with a dashboard of its own
    #[arg(long, value_name = "USERS", default_value_t = 1, requires = "query")]
    pub(crate) query_users: u64,
    /// Time from one refresh of a dashboard to the next
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 10.0,
        requires = "query"
    )]
    pub(crate) query_refresh: f64,
    /// Time that a panel shows, up to what is sent
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 3600,
        requires = "query"
    )]
    pub(crate) query_window: u64,
    /// Kinds of panels, used in turn [default: all that suit the names]
    #[arg(
        long,
        value_name = "KINDS",
        value_delimiter = ',',
        value_enum,
        requires = "query"
    )]
    pub(crate) query_kinds: Vec<PanelKind>,
    /// Ask for all panels of a dashboard at the same moment, not spread over the refresh time
    #[arg(long, requires = "query")]
    pub(crate) query_at_once: bool,
    /// Most requests under way [default: 6 a user, 96 at most]
    #[arg(long, value_name = "CONNECTIONS", requires = "query")]
    pub(crate) query_connections: Option<u64>,
}

/// A kind of panel on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PanelKind(pub(crate) Kind);

const KINDS: [PanelKind; 8] = {
    let mut kinds = [PanelKind(Kind::Raw); 8];
    let mut at = 0;
    while at < kinds.len() {
        kinds[at] = PanelKind(Kind::ALL[at]);
        at += 1;
    }
    kinds
};

impl ValueEnum for PanelKind {
    fn value_variants<'a>() -> &'a [PanelKind] {
        &KINDS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self.0 {
            Kind::Raw => "All series of one host as they are",
            Kind::Sum => "The sum of one state of one core over up to 1,000 hosts",
            Kind::Group => "The average of each of ten hosts",
            Kind::Summarize => "Averages of 60 points, one core of one host",
            Kind::Moving => "Moving averages of ten points, one core of one host",
            Kind::FindLevel => "/metrics/find of a level with up to 1,000 children",
            Kind::FindGlob => "/metrics/find of the cores of up to 1,000 hosts",
            Kind::Tag => "Ten series by a regular expression on a tag (with --tags)",
        };
        Some(PossibleValue::new(self.0.name()).help(help))
    }
}

impl Flags {
    /// The plan of asking beside this plan of sending, which notes its rounds on a board for it.
    pub(crate) fn query_plan(&self, plan: &mut Plan) -> Result<Option<query::Plan>> {
        let flags = &self.ask;
        let Some(url) = &flags.query else {
            return Ok(None);
        };
        crate::check_url(url, "--query", self.allow_remote)?;
        self.check_query(plan)?;
        if !flags.query_only {
            plan.board = Some(Arc::new(Board::new(plan.connections, plan.first_round)));
        }
        let duration_s = match self.duration {
            Some(seconds) => seconds,
            None if flags.query_only => crate::flags::DURATION_DEFAULT_S,
            // Sending decides.
            None => 1e9,
        };
        let connections =
            (flags.query_users.saturating_mul(CONNECTIONS_A_USER)).min(CONNECTIONS_DEFAULT_MAX);
        Ok(Some(query::Plan {
            first_round: if flags.query_only {
                plan.rounds
            } else {
                plan.first_round
            },
            workload: Arc::clone(&plan.workload),
            board: plan.board.clone(),
            url: url.clone(),
            kinds: self.panel_kinds(plan.workload.parameters().naming.tagged)?,
            panels: flags.query_panels,
            users: flags.query_users,
            refresh: Duration::try_from_secs_f64(flags.query_refresh)
                .context("--query-refresh is a number of seconds")?,
            at_once: flags.query_at_once,
            window_s: flags.query_window,
            duration: Duration::try_from_secs_f64(duration_s)
                .context("--duration is a number of seconds")?,
            grace: Duration::try_from_secs_f64(self.verify_wait)
                .context("--verify-wait is a number of seconds")?,
            connections: flags.query_connections.unwrap_or(connections),
        }))
    }

    fn check_query(&self, plan: &Plan) -> Result<()> {
        let flags = &self.ask;
        let parameters = plan.workload.parameters();
        if plan.transport == Transport::Udp || plan.workload.has_late_points() || 0.0 < self.churn {
            bail!(
                "an answer can only be compared where it is known what must be there: \
                 --query goes without --churn, --late and datagrams"
            );
        }
        if parameters.series < SERIES_PER_HOST {
            bail!("--query needs a whole host: --series must be {SERIES_PER_HOST} or more");
        }
        if !STEPS_S.contains(&parameters.step_s)
            || !parameters.start_s.is_multiple_of(parameters.step_s)
        {
            bail!(
                "--query needs a --step that servers use (1, 2, 5, 10, 15, 20, 30 s, 1, 2, 5, 10, 15, 30 min, 1 h) \
                 and a --start that is a multiple of it; {} and {} are not",
                parameters.step_s,
                parameters.start_s
            );
        }
        if flags.query_only && plan.rounds < ROUNDS_MIN {
            bail!("--query-only needs {ROUNDS_MIN} rounds that were sent before");
        }
        let panels = flags.query_users.saturating_mul(flags.query_panels);
        if panels == 0 || PANELS_MAX < panels {
            bail!("--query-users times --query-panels must be from 1 to {PANELS_MAX}");
        }
        if !(0.001..=86_400.0).contains(&flags.query_refresh) {
            bail!("--query-refresh is a number of seconds, from a thousandth to a day");
        }
        if flags.query_window == 0 {
            bail!("--query-window must be 1 second or more");
        }
        if flags
            .query_connections
            .is_some_and(|count| !(1..=CONNECTIONS_MAX).contains(&count))
        {
            bail!("--query-connections must be from 1 to {CONNECTIONS_MAX}");
        }
        Ok(())
    }

    fn panel_kinds(&self, tagged: bool) -> Result<Vec<Kind>> {
        let named: Vec<Kind> = self.ask.query_kinds.iter().map(|kind| kind.0).collect();
        if let Some(kind) = named.iter().find(|kind| !kind.suits(tagged)) {
            bail!(
                "--query-kinds {kind} suits {} names only",
                if tagged { "dotted" } else { "tagged (--tags)" }
            );
        }
        if named.is_empty() {
            return Ok(Kind::ALL
                .into_iter()
                .filter(|kind| kind.suits(tagged))
                .collect());
        }
        Ok(named)
    }
}
