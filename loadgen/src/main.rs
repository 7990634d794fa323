//! The binary: flags become a plan, the plan is sent and, if asked, verified; the report and the exit code say how it went.

mod flags;
mod report;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
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
    let report = Report::new(flags, &plan, &outcome, verdict);
    let text = if flags.json {
        report.json().context("cannot write JSON")? + "\n"
    } else {
        report.table()
    };
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write the report")?;
    Ok(passed)
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

/// Refuses an address of verification that cannot be meant or is not this machine.
fn check_url(url: &str, allow_remote: bool) -> Result<()> {
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
    .map(drop)
}
