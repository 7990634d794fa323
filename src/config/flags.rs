//! The command line, made from the table of keys.

mod moving;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::keys::KEYS;
use super::sections::Config;
use crate::operate::{Detail, Task};

const EXAMPLES: &str = "\
Examples:
  corelane                                    this machine only, all cores, data in ./data
  corelane --listen 0.0.0.0 --listen ::       take metrics from the network
  corelane --http-port 8081 --pickle-port off move one door, close another
  corelane --port-offset 10000 --data ./b     a second appliance beside the first
  corelane --kairosdb-conf conf/kairosdb.conf take the place of a KairosDB
  corelane --config corelane.toml --print-config
                                              check a file, show what is in effect
  corelane check ./data                       verify all files of a stopped appliance
  corelane dump ./data/manifest               print one of them
  corelane import kairosdb http://old:8080    copy all that a KairosDB holds into the corelane of this machine
  corelane export kairosdb --out all.json.gz  write all points as KairosDB's own export does

A flag goes before an environment variable (CORELANE_SECTION_KEY, such as CORELANE_INGEST_GATHER_MS),
that before the file, and that before what --kairosdb-conf says.
`corelane --print-config` shows every key with its meaning and default.";

const DUMP: &str = "\
The file is known by how it starts, whatever its name. --detail says how much is printed:
  summary  what it is, and its totals
  parts    and a line for each page, block, series or record (the default)
  all      and for each run of a segment, each change of a manifest

Exit code: 0 it is whole, 1 something in it is damaged, 2 it cannot be read at all.";

const CHECK: &str = "\
Verifies the manifest, every page of every listed segment, the books, the logs block by block, and tells
what is missing and what lies beside. Nothing is changed. To check a snapshot, name its folder.

Exit code: 0 it is sound, 1 something is damaged (each place is named, with what it means and what to
do), 2 it cannot be read at all.";

/// What was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// The configuration file.
    pub file: Option<PathBuf>,
    /// Configurations of a KairosDB whose place is taken, the later over the earlier.
    pub kairosdb: Vec<PathBuf>,
    /// Show the configuration instead of starting.
    pub print_config: bool,
    /// Something else than to serve.
    pub task: Option<Task>,
    /// Places in [`KEYS`] and what was typed for them; a repeated flag's values joined by commas.
    pub values: Vec<(usize, String)>,
}

/// Read a command line; `words` begins with the program's name.
///
/// # Errors
/// What `clap` has to say: a mistake, or the text of `--help` or `--version`.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Typed, clap::Error> {
    let matches = command().try_get_matches_from(words)?;
    let task = matches
        .subcommand()
        .and_then(|(name, words)| task_of(name, words));
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
    let typed = Typed {
        file: matches.get_one::<PathBuf>("config").cloned(),
        kairosdb: matches
            .get_many::<PathBuf>("kairosdb-conf")
            .unwrap_or_default()
            .cloned()
            .collect(),
        print_config: matches.get_flag("print-config"),
        task,
        values,
    };
    let is_plain = typed.file.is_none()
        && typed.kairosdb.is_empty()
        && !typed.print_config
        && typed.values.is_empty();
    if typed.task.is_some() && !is_plain {
        let text = "a command that does something else than serve takes none of the flags of the appliance";
        return Err(command().error(ErrorKind::ArgumentConflict, text));
    }
    Ok(typed)
}

fn task_of(name: &str, words: &ArgMatches) -> Option<Task> {
    let path = |name| words.get_one::<PathBuf>(name).cloned();
    match name {
        "dump" => Some(Task::Dump {
            file: path("FILE")?,
            detail: words
                .get_one::<String>("detail")
                .and_then(|typed| Detail::WORDS.iter().find(|(word, _)| word == typed))
                .map_or_else(Detail::default, |&(_, detail)| detail),
        }),
        "check" => Some(Task::Check {
            folder: path("DIR")?,
        }),
        "import" | "export" => moving::task_of(name, words),
        _ => None,
    }
}

/// A command that looks at files; its help leaves out the flags of the appliance.
fn tool(
    name: &'static str,
    about: &'static str,
    path: &'static str,
    help: &'static str,
) -> Command {
    Command::new(name)
        .about(about)
        .help_template(
            "{about-with-newline}\n{usage-heading} {usage}\n\n{positionals}\n{after-help}",
        )
        .arg(
            Arg::new(path)
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help(help),
        )
}

/// The command line's description.
pub fn command() -> Command {
    let mut command = Command::new("corelane")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A metrics ingestion appliance: takes and answers Graphite and KairosDB, one shard per core.")
        .after_help(EXAMPLES)
        .subcommand(
            Command::new("serve")
                .about("Start the appliance; also what no command does")
                .after_help(EXAMPLES),
        )
        .subcommand(
            tool(
                "dump",
                "Print a file of a data folder",
                "FILE",
                "Log, segment, book, manifest or identity",
            )
            .override_usage("corelane dump [--detail summary|parts|all] FILE")
            .after_help(DUMP)
            .arg(
                Arg::new("detail")
                    .long("detail")
                    .value_parser(Detail::WORDS.map(|(word, _)| word)),
            ),
        )
        .subcommand(
            tool(
                "check",
                "Read and verify a whole data folder",
                "DIR",
                "The folder, of no running appliance",
            )
            .override_usage("corelane check DIR")
            .after_help(CHECK),
        )
        .subcommands(moving::commands())
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
            Arg::new("kairosdb-conf")
                .long("kairosdb-conf")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .action(ArgAction::Append)
                .global(true)
                .help(
                    "kairosdb.conf or kairosdb.properties of a KairosDB whose place is taken: its ports, \
                     addresses and limits count, what is ignored is listed. Give it again for the files of \
                     plugins",
                ),
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
