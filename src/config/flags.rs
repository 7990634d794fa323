//! The command line, made from the table of keys.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, value_parser};

use super::keys::KEYS;
use super::sections::Config;

const EXAMPLES: &str = "\
Examples:
  corelane                                    this machine only, all cores, data in ./data
  corelane --listen 0.0.0.0 --listen ::       take metrics from the network
  corelane --http-port 8081 --pickle-port off move one door, close another
  corelane --port-offset 10000 --data ./b     a second appliance beside the first
  corelane --config corelane.toml --print-config
                                              check a file, show what is in effect

A flag goes before an environment variable (CORELANE_SECTION_KEY, such as CORELANE_INGEST_GATHER_MS),
that before the file. `corelane --print-config` shows every key with its meaning and default.";

/// What was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// The configuration file.
    pub file: Option<PathBuf>,
    /// Show the configuration instead of starting.
    pub print_config: bool,
    /// Places in [`KEYS`] and what was typed for them; a repeated flag's values joined by commas.
    pub values: Vec<(usize, String)>,
}

/// Read a command line; `words` begins with the program's name.
///
/// # Errors
/// What `clap` has to say: a mistake, or the text of `--help` or `--version`.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Typed, clap::Error> {
    let matches = command().try_get_matches_from(words)?;
    // Flags are global: after `serve` they are found in its matches, and in the outer ones too.
    let matches = matches.subcommand_matches("serve").unwrap_or(&matches);
    let mut values = Vec::new();
    for (at, key) in KEYS.iter().enumerate() {
        if key.flag.is_some() {
            let typed: Vec<&str> = matches
                .get_many::<String>(key.name)
                .unwrap_or_default()
                .map(String::as_str)
                .collect();
            if !typed.is_empty() {
                values.push((at, typed.join(",")));
            }
        }
    }
    Ok(Typed {
        file: matches.get_one::<PathBuf>("config").cloned(),
        print_config: matches.get_flag("print-config"),
        values,
    })
}

/// The command line's description.
pub fn command() -> Command {
    let mut command = Command::new("corelane")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A metrics ingestion appliance: Graphite in, Graphite out, one shard per core.")
        .after_help(EXAMPLES)
        .subcommand(
            Command::new("serve")
                .about("Start the appliance; also what no command does")
                .after_help(EXAMPLES),
        )
        .disable_help_subcommand(true)
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .global(true)
                .help("Configuration file (TOML). Default: none, all defaults"),
        )
        .arg(
            Arg::new("print-config")
                .long("print-config")
                .action(ArgAction::SetTrue)
                .global(true)
                .help("Show the configuration in effect as commented TOML, and leave"),
        );
    for key in KEYS {
        if let Some(flag) = key.flag {
            command = command.arg(
                Arg::new(key.name)
                    .long(flag)
                    .value_name(value_name(flag))
                    .action(if flag == "listen" {
                        ArgAction::Append
                    } else {
                        ArgAction::Set
                    })
                    .allow_negative_numbers(true)
                    .global(true)
                    .help(help_of(key)),
            );
        }
    }
    command
}

fn value_name(flag: &str) -> &'static str {
    match flag {
        "listen" => "ADDR",
        "data" => "DIR",
        "simd" => "SET",
        "steering" => "MODE",
        "log-level" => "LEVEL",
        "shards" | "port-offset" => "N",
        _ => "PORT|off",
    }
}

fn help_of(key: &super::keys::Key) -> String {
    let mut text = key.help.join(" ");
    if key.flag == Some("listen") {
        text = format!(
            "Address that every door listens on; give it again for more. Default: {}",
            Config::default()
                .listen
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" and ")
        );
    }
    text.trim_end_matches('.').to_owned()
}
