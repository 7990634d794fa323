//! The binary: flags become a plan, the plan is sent and, if asked, verified; the report and the
//! exit code say how it went.

mod crash_flags;
mod flags;
mod query_flags;
mod query_report;
mod report;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use loadgen::crash::host::Process;
use loadgen::crash::{self, Breach};
use loadgen::query;
use loadgen::send::{Outcome, Plan, Transport};
use loadgen::verify::{Inquiry, Verdict, verify};

use flags::Flags;
use query_report::{Only, QueryReport};
use report::{Bar, Report};

fn main() -> ExitCode {
    let flags = Flags::parse();
    match run(&flags) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("loadgen: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// True if nothing was lost, as far as that was asked for.
fn run(flags: &Flags) -> Result<bool> {
    if let Some(command) = &flags.kill.crash {
        return kill_and_verify(flags, command);
    }
    let mut plan = flags.plan()?;
    let asking = flags.query_plan(&mut plan)?;
    if let Some(asking) = asking.as_ref().filter(|_| flags.ask.query_only) {
        return ask_only(flags, asking);
    }
    if let Some(url) = &flags.verify {
        check_url(url, "--verify", flags.allow_remote)?;
    }
    let (outcome, asked) = send_and_ask(&plan, asking.as_ref())?;
    let verdict = flags
        .verify
        .as_deref()
        .map(|url| ask_back(flags, &plan, &outcome, url))
        .transpose()?;
    let passed = verdict
        .as_ref()
        .is_none_or(|verdict| passes(flags, &plan, verdict));
    for finding in verdict.iter().flat_map(|verdict| &verdict.first) {
        eprintln!("loadgen: {finding}");
    }
    let refusal = outcome
        .answers
        .as_ref()
        .and_then(|answers| answers.first_refusal.clone());
    if let Some(text) = &refusal {
        eprintln!("loadgen: a request was refused, its points are not there: {text}");
    }
    let answered = asked.as_ref().is_none_or(|(_, outcome)| told(outcome));
    let query = asked.map(|(plan, outcome)| QueryReport::new(plan, &outcome));
    let report = Report::new(flags, &plan, &outcome, verdict, query.transpose()?);
    let text = if flags.json {
        report.json().context("cannot write JSON")? + "\n"
    } else {
        report.table()
    };
    print(&text)?;
    Ok(passed && answered && refusal.is_none())
}

/// Sends, and asks meanwhile if that is planned: from the first rounds on until all is sent.
fn send_and_ask<'a>(
    plan: &Plan,
    asking: Option<&'a query::Plan>,
) -> Result<(Outcome, Option<(&'a query::Plan, query::Outcome)>)> {
    let progress = Arc::new(AtomicU64::new(0));
    let answers = Arc::new(AtomicU64::new(0));
    let bar = Bar::of_points(plan, &progress, asking.map(|_| &answers));
    let Some(asking) = asking else {
        return Ok((plan.run(&progress)?, None));
    };
    let stop = AtomicBool::new(false);
    let (outcome, asked) = std::thread::scope(|scope| {
        let asker = scope.spawn(|| asking.run(&stop, &answers));
        let outcome = plan.run(&progress);
        stop.store(true, Ordering::Relaxed);
        (outcome, asker.join())
    });
    drop(bar);
    let asked = asked.map_err(|_| anyhow::anyhow!("asking panicked"))?;
    Ok((outcome?, Some((asking, asked?))))
}

/// Asks about what an earlier run has sent. True if all is answered as it was sent.
fn ask_only(flags: &Flags, asking: &query::Plan) -> Result<bool> {
    let answers = Arc::new(AtomicU64::new(0));
    let bar = Bar::of_answers(&answers);
    let outcome = asking.run(&AtomicBool::new(false), &answers)?;
    drop(bar);
    let right = told(&outcome);
    let report = QueryReport::new(asking, &outcome)?;
    print(&if flags.json {
        serde_json::to_string(&Only { query: &report }).context("cannot write JSON")? + "\n"
    } else {
        report.table()
    })?;
    Ok(right)
}

/// Tells the first faults; true if there are none.
fn told(outcome: &query::Outcome) -> bool {
    for fault in &outcome.told {
        eprintln!("loadgen: {fault}");
    }
    let all = outcome
        .kinds
        .iter()
        .map(|(_, tally)| tally.answered + tally.failed);
    if all.sum::<u64>() == 0 {
        eprintln!("loadgen: nothing was asked: sending was too short for --query");
    }
    outcome.is_right()
}

fn print(text: &str) -> Result<()> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write the report")
}

/// Kills the server that `command` starts, again and again. True if it kept every promise.
fn kill_and_verify(flags: &Flags, command: &str) -> Result<bool> {
    let plan = flags.crash_plan()?;
    let mut out = std::io::stdout();
    let mut say = |text: &str| {
        // A reader that left must not end the run.
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    };
    say(&format!(
        "seed {}, timestamps from {}",
        plan.seed, plan.start_s
    ));
    let outcome = crash::run(&plan, &mut Process::new(command), &mut say);
    let summary = match outcome {
        Ok(summary) => summary,
        Err(error) => {
            let Some(breach) = error.downcast_ref::<Breach>() else {
                return Err(error);
            };
            say(&format!("FAILED with seed {}: {breach}", plan.seed));
            eprintln!("loadgen: {breach} (seed {})", plan.seed);
            return Ok(false);
        }
    };
    say(&if flags.json {
        serde_json::to_string(&summary).context("cannot write JSON")?
    } else {
        summary.to_string()
    });
    Ok(true)
}

fn ask_back(flags: &Flags, plan: &Plan, outcome: &Outcome, url: &str) -> Result<Verdict> {
    let inquiry = Inquiry {
        url: url.to_owned(),
        wait: Duration::try_from_secs_f64(flags.verify_wait)
            .context("--verify-wait is a number of seconds")?,
        lossy: plan.transport == Transport::Udp,
    };
    verify(&plan.workload, &outcome.rounds, &inquiry)
}

fn passes(flags: &Flags, plan: &Plan, verdict: &Verdict) -> bool {
    let losses_allowed = plan.transport == Transport::Udp && !flags.strict;
    if losses_allowed {
        verdict.is_true()
    } else {
        verdict.is_exact()
    }
}

/// Refuses an address of a flag that cannot be meant or is not this machine; gives where it is.
pub(crate) fn check_url(url: &str, flag: &str, allow_remote: bool) -> Result<SocketAddr> {
    let example = format!("write {flag} http://HOST:PORT, for example http://127.0.0.1:8080");
    let uri: ureq::http::Uri = url
        .parse()
        .with_context(|| format!("`{url}` is not an address: {example}"))?;
    if uri.scheme_str() != Some("http") {
        anyhow::bail!("`{url}` does not begin with http:// : {example}");
    }
    let host = uri
        .host()
        .with_context(|| format!("`{url}` names no host: {example}"))?;
    flags::resolve(
        &format!("{host}:{}", uri.port_u16().unwrap_or(80)),
        allow_remote,
    )
}
