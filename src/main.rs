//! The appliance: flags become a configuration, that starts the shards, and how they end becomes
//! the exit code: 0 after a stop, 2 for a mistake in the configuration, 1 for anything else.
#![forbid(unsafe_code)]

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Context;
use corelane::config::error::ConfigError;
use corelane::config::flags::{self, Typed};
use corelane::config::load::{Loaded, load};
use corelane::config::print::print;

fn main() -> ExitCode {
    let typed = match flags::parse(std::env::args_os()) {
        Ok(typed) => typed,
        Err(answer) => answer.exit(),
    };
    match run(&typed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if standard error is gone.
            let _ = writeln!(std::io::stderr(), "corelane: {error:#}");
            ExitCode::from(if error.is::<ConfigError>() { 2 } else { 1 })
        }
    }
}

fn run(typed: &Typed) -> anyhow::Result<()> {
    let loaded = load(typed, environment())?;
    if typed.print_config {
        let shown = std::io::stdout().write_all(print(&loaded).as_bytes());
        return shown.context("cannot write the configuration to standard output");
    }
    start_log(&loaded);
    let data = &loaded.config.data;
    std::fs::create_dir_all(data).with_context(|| {
        let shown = data.display();
        format!("cannot make the data folder {shown}; choose another with --data, or make it yours")
    })?;
    anyhow::bail!("the runtime is not part of this build yet")
}

fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().map(|(name, value)| {
        let text = |word: std::ffi::OsString| word.to_string_lossy().into_owned();
        (text(name), text(value))
    })
}

/// Text on standard error, in colours only where somebody reads it.
fn start_log(loaded: &Loaded) {
    tracing_subscriber::fmt()
        .with_max_level(loaded.config.log.level)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .with_writer(std::io::stderr)
        .init();
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
}
