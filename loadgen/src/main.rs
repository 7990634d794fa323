//! The binary: flags become a plan, the plan is sent and, if asked, verified; the report and the
//! exit code say how it went.

mod crash_flags;
mod flags;
mod report;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use loadgen::crash::host::Process;
use loadgen::crash::{self, Breach};
use loadgen::send::{Outcome, Plan, Transport};
use loadgen::verify::{Inquiry, Verdict, verify};

use flags::Flags;
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
    let plan = flags.plan()?;
    if let Some(url) = &flags.verify {
        check_url(url, flags.allow_remote)?;
    }
    let progress = Arc::new(AtomicU64::new(0));
    let bar = Bar::start(&plan, &progress);
    let outcome = plan.run(&progress)?;
    drop(bar);
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
    let report = Report::new(flags, &plan, &outcome, verdict);
    let text = if flags.json {
        report.json().context("cannot write JSON")? + "\n"
    } else {
        report.table()
    };
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write the report")?;
    Ok(passed && refusal.is_none())
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

/// Refuses an address of verification that cannot be meant or is not this machine; gives where it is.
pub(crate) fn check_url(url: &str, allow_remote: bool) -> Result<SocketAddr> {
    let example = "write --verify http://HOST:PORT, for example http://127.0.0.1:8080";
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
