//! The appliance: flags become a configuration, that starts the shards, and how they end becomes
//! the exit code: 0 after a stop, 2 for a mistake in the configuration, 1 for anything else. What only
//! looks at files has its own codes and no configuration ([`operate`](corelane::operate)).
#![forbid(unsafe_code)]

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use corelane::config::error::ConfigError;
use corelane::config::flags::{self, Typed};
use corelane::config::load::{Loaded, load};
use corelane::config::print::print;
use corelane::config::{Config, identity, machine};
use corelane::rt::{self, folder::Folder};
use corelane::shard::Shard;
use corelane::store::recover::{self, Found};

fn main() -> ExitCode {
    let typed = match flags::parse(std::env::args_os()) {
        Ok(typed) => typed,
        Err(answer) => answer.exit(),
    };
    if let Some(task) = &typed.task {
        return task.run().into();
    }
    match run(&typed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if standard error is gone.
            let _ = writeln!(std::io::stderr(), "corelane: {}", told(&error));
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
    let config = &loaded.config;
    let folder = Arc::new(Folder::open(&config.data)?);
    let seed = identity::seed_of(&*folder, identity::fresh_seed)?;
    let cores = rt::boot::cores()?.len();
    let (shards, memory_bytes) = (config.shards_on(cores), machine::memory_bytes());
    tell_start(config, shards, memory_bytes);
    let shard_options = config.shard_options(seed, shards, memory_bytes);
    let found = recover::open(&*folder, shards)?;
    tell_found(&found);
    let parser = config.carbon.parser().map_err(anyhow::Error::msg)?;
    let (highest, starts) = (found.highest, Mutex::new(found.starts));
    let disk = Arc::clone(&folder);
    rt::serve(loaded.runtime_options(), folder, highest, move |number| {
        let mut starts = starts.lock().unwrap_or_else(PoisonError::into_inner);
        let start = starts.remove(&number).ok_or("it was started before")?;
        drop(starts);
        let shard = Shard::new(shard_options, start, &*disk);
        let mut shard = shard.map_err(|error| error.to_string())?;
        if let Some(parser) = &parser {
            shard.parse_paths(Arc::clone(parser));
        }
        Ok(shard)
    })?;
    Ok(())
}

/// An error and what caused it, each text once: many tell their cause themselves.
fn told(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !told.contains(&cause) {
            let between = if told.is_empty() { "" } else { ": " };
            told = format!("{told}{between}{cause}");
        }
    }
    told
}

/// What the data folder holds, and what the last run has left behind.
fn tell_found(found: &Found) {
    tracing::info!("{}", found.summary);
    for note in found.notes.iter().chain(&found.ends) {
        tracing::warn!("{note}");
    }
}

fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().map(|(name, value)| {
        let text = |word: std::ffi::OsString| word.to_string_lossy().into_owned();
        (text(name), text(value))
    })
}

/// What a reader of the log wants to know first; `rt` goes on with the doors once they are open.
fn tell_start(config: &Config, shards: usize, memory_bytes: u64) {
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!("corelane {version} starts with {shards} shards");
    tracing::info!("data folder {}", config.data.display());
    let head_mib = config.head.bytes_max_on(shards, memory_bytes) >> 20;
    tracing::info!("points take at most {head_mib} MiB on each shard (head.bytes_max)");
    tracing::info!("input is scanned with {}", config.isa().label());
}

/// Text on standard error, in colours only where somebody reads it.
fn start_log(loaded: &Loaded) {
    tracing_subscriber::fmt()
        .with_max_level(loaded.config.log.level)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .with_writer(std::io::stderr)
        .init();
    for note in &loaded.notes {
        tracing::info!("{note}");
    }
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
}
