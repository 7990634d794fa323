//! The commands that move points in from KairosDB and out again.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::operate::Task;
use crate::operate::kairosdb::{Export, HERE, Import, Selection, TIMEOUT_SECONDS, time_of};

const IMPORT: &str = "\
SOURCE is a running KairosDB, http://[user:password@]host[:port] (port 8080 if there is none), or a file
that KairosDB's own export has written (kairosdb.sh export), plain or packed by gzip; - is standard
input.

  --to URL            the corelane that is written to (http://127.0.0.1:8080)
  --metric NAME       only this metric; with a * at its end, all that begin so. Give it again for more
  --start TIME        only points from this time on, and
  --end TIME          up to this one, both included: milliseconds since 1970, or like
                      2024-05-01T12:30:00Z. From a server, points are copied up to the moment at which
                      the import began, if no end is given
  --ttl SECONDS       time to live of all that is copied; else they stay for ever
  --state FILE        where it is kept how far the import is (corelane-import-SOURCE.state, in this
                      folder)
  --no-verify         do not compare counts and sums of both sides
  --timeout SECONDS   how long one answer of a server may take (120)

Points are read with the query API in slices that follow what the source can answer, and written with
POST /api/v1/datapoints, whose 204 means that they are on the disk. An import that was stopped (Ctrl-C, a
crash, a source that went away) is started again with the same words and goes on; to copy points twice
changes nothing. A metric of which something could not be read is tried again by the next start; the state
stays until all is there. Let the senders write to corelane before you begin: what comes to the source
later is not copied.

What KairosDB's API does not tell: times to live (see --ttl), and whether a whole number below ten
million is a long or a double; it is copied as a long. KairosDB's own export tells that: where it
matters, import its file. A corelane as source tells it too. TLS is not spoken: name a plain port, or let
stunnel speak it.

Exit code: 0 all is copied, and counts and sums of both sides show nothing missing (more points in the
target are told, and are no fault: senders may have brought them); 1 something was not copied or differs,
each is named; 2 it could not go on, which is told with what to do. Of a file that was gone on with, only
what the last run sent is compared, which is told.";

const EXPORT: &str = "\
Writes the form of KairosDB's own export: an object a line,
{\"name\":…,\"tags\":{…},\"datapoints\":[[time,value,type],…]}. KairosDB takes it with `kairosdb.sh
import -f FILE`, corelane with `corelane import kairosdb FILE`. Without METRIC all metrics are written;
with a * at its end, it is all that begin so.

  --from URL          the corelane, or the KairosDB, that is read (http://127.0.0.1:8080)
  --out FILE          where to; standard output if there is none. It appears under this name when it is
                      whole, and is packed by gzip if the name ends with .gz
  --start TIME        only points from this time on, and
  --end TIME          up to this one, both included: milliseconds since 1970, or like
                      2024-05-01T12:30:00Z
  --timeout SECONDS   how long one answer of the server may take (120)

Exit code: 0 all is written, 1 something could not be read and is named, 2 it could not go on.";

const TEMPLATE: &str =
    "{about-with-newline}\n{usage-heading} {usage}\n\n{positionals}\n{after-help}";

/// `import` and `export`.
pub(super) fn commands() -> [Command; 2] {
    let import = Command::new("kairosdb")
        .about("Copy what a KairosDB holds, or a file of its export, into a running corelane")
        .help_template(TEMPLATE)
        .override_usage("corelane import kairosdb [OPTIONS] SOURCE")
        .after_help(IMPORT)
        .arg(
            Arg::new("SOURCE")
                .required(true)
                .help("A server, a file, or - for standard input"),
        )
        .arg(Arg::new("to").long("to").default_value(HERE))
        .arg(Arg::new("metric").long("metric").action(ArgAction::Append))
        .arg(
            Arg::new("state")
                .long("state")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            Arg::new("no-verify")
                .long("no-verify")
                .action(ArgAction::SetTrue),
        )
        .arg(
            Arg::new("ttl")
                .long("ttl")
                .value_parser(value_parser!(u32).range(1..)),
        );
    let export = Command::new("kairosdb")
        .about("Write what a corelane or a KairosDB holds in the form of KairosDB's export")
        .help_template(TEMPLATE)
        .override_usage("corelane export kairosdb [OPTIONS] [METRIC]...")
        .after_help(EXPORT)
        .arg(
            Arg::new("metric")
                .value_name("METRIC")
                .num_args(0..)
                .help("A name, or the beginning of names and a *"),
        )
        .arg(Arg::new("from").long("from").default_value(HERE))
        .arg(
            Arg::new("out")
                .long("out")
                .value_parser(value_parser!(PathBuf)),
        );
    [
        group("import", "Copy points into a running corelane", import),
        group("export", "Write points of a running corelane", export),
    ]
}

fn group(name: &'static str, about: &'static str, kind: Command) -> Command {
    Command::new(name)
        .about(about)
        .help_template("{about-with-newline}\n{usage-heading} {usage}\n\n{subcommands}")
        .override_usage(format!("corelane {name} kairosdb ..."))
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .subcommand(ranged(kind))
}

/// With the flags of both.
fn ranged(command: Command) -> Command {
    let time = |name: &'static str| {
        Arg::new(name)
            .long(name)
            .allow_negative_numbers(true)
            .value_parser(|text: &str| time_of(text))
    };
    command.arg(time("start")).arg(time("end")).arg(
        Arg::new("timeout")
            .long("timeout")
            .value_parser(value_parser!(u64).range(1..=86_400)),
    )
}

/// What `import` or `export` was told to do.
pub(super) fn task_of(name: &str, words: &ArgMatches) -> Option<Task> {
    let (_, words) = words.subcommand()?;
    let text = |name: &str| words.get_one::<String>(name).cloned();
    let path = |name: &str| words.get_one::<PathBuf>(name).cloned();
    let selection = Selection {
        metrics: words
            .get_many::<String>("metric")
            .unwrap_or_default()
            .cloned()
            .collect(),
        start_ms: words.get_one::<i64>("start").copied(),
        end_ms: words.get_one::<i64>("end").copied(),
        timeout_seconds: words
            .get_one::<u64>("timeout")
            .copied()
            .unwrap_or(TIMEOUT_SECONDS),
    };
    Some(match name {
        "import" => Task::Import(Import {
            source: text("SOURCE")?,
            to: text("to")?,
            selection,
            state: path("state"),
            is_verified: !words.get_flag("no-verify"),
            ttl_seconds: words.get_one::<u32>("ttl").copied(),
        }),
        _ => Task::Export(Export {
            from: text("from")?,
            out: path("out"),
            selection,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn task(words: &str) -> Option<Task> {
        let words = format!("corelane {words}");
        let typed = parse(words.split(' ').map(Into::into)).ok()?;
        typed.task
    }

    #[test]
    fn what_is_typed_is_what_is_done() {
        let selection = Selection {
            metrics: vec!["a".to_owned(), "b*".to_owned()],
            start_ms: Some(-5),
            end_ms: Some(86_400_000),
            timeout_seconds: TIMEOUT_SECONDS,
        };
        let wanted = Task::Import(Import {
            source: "http://old".to_owned(),
            to: HERE.to_owned(),
            selection: selection.clone(),
            state: None,
            is_verified: false,
            ttl_seconds: Some(60),
        });
        let words = "import kairosdb http://old --metric a --metric b* --start -5 --end 1970-01-02 \
                     --no-verify --ttl 60";
        assert_eq!(task(words), Some(wanted));
        let wanted = Task::Export(Export {
            from: "http://here:81".to_owned(),
            out: Some("x.gz".into()),
            selection,
        });
        let words =
            "export kairosdb --from http://here:81 --out x.gz a b* --start -5 --end 1970-01-02";
        assert_eq!(task(words), Some(wanted));
        for words in [
            "import",
            "import kairosdb",
            "import graphite x",
            "import kairosdb x --ttl 0",
            "import kairosdb x --start soon",
            "import kairosdb x --data y",
        ] {
            assert_eq!(task(words), None, "{words}");
        }
    }
}
