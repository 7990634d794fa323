//! The configurations that the releases of KairosDB ship, read from their jars: every key of them is taken or
//! listed, and none is unknown.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use corelane::config::flags::Typed;
use corelane::config::kairosdb::setting::Setting;
use corelane::config::kairosdb::{hocon, properties};
use corelane::config::load::{Loaded, load};

use crate::harness::Scratch;
use crate::tools::{have, note_of};

/// What a release sets of what we have too, without `kairosdb.`, in the order of its keys.
const OLD: [&str; 9] = [
    "jetty.address",
    "jetty.port",
    "reporter.schedule",
    "service.http",
    "service.reporter",
    "service.telnet",
    "telnetserver.address",
    "telnetserver.max_command_size",
    "telnetserver.port",
];

/// The file `name` of a jar.
#[track_caller]
fn file_of(jar: &Path, name: &str, scratch: &Scratch) -> PathBuf {
    const UNPACK: &str =
        "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract(sys.argv[2], sys.argv[3])";
    let mut command = Command::new("python3");
    command
        .arg("-c")
        .arg(UNPACK)
        .arg(jar)
        .arg(name)
        .arg(scratch.path());
    assert!(
        command.status().expect("there is a python3").success(),
        "{jar:?} has no {name}"
    );
    scratch.path().join(name)
}

/// Read the configuration of one release: what is taken of it is `more` besides [`OLD`].
#[track_caller]
fn check(jar: &Path, name: &str, more: &[&str]) -> Loaded {
    let scratch = Scratch::new("shipped");
    let path = file_of(jar, name, &scratch);
    let typed = Typed {
        kairosdb: vec![path.clone()],
        ..Typed::default()
    };
    let loaded = load(&typed, []).unwrap_or_else(|error| panic!("{jar:?}: {error}"));
    let bytes = std::fs::read(&path).expect("it was unpacked");
    let settings: Vec<Setting> = match name.ends_with(".conf") {
        true => {
            let text = String::from_utf8(bytes).expect("UTF-8");
            hocon::read(&text, &|_| None).expect("HOCON").settings
        }
        false => properties::read(&bytes).expect("properties"),
    };
    let ignored: BTreeSet<&str> = loaded.ignored.iter().map(|one| one.key.as_str()).collect();
    let keys: BTreeSet<&str> = settings
        .iter()
        .map(|setting| setting.key.as_str())
        .collect();
    let taken = keys.iter().filter(|key| !ignored.contains(*key));
    let taken: BTreeSet<&str> = taken
        .map(|key| key.trim_start_matches("kairosdb."))
        .collect();
    let want: BTreeSet<&str> = OLD.iter().chain(more).copied().collect();
    assert_eq!(taken, want, "{jar:?}");
    assert_eq!(ignored.difference(&keys).count(), 0, "{jar:?}");
    for one in &loaded.ignored {
        assert!(!one.reason.is_warning(), "{jar:?}: {one}");
    }
    assert_eq!(
        loaded.warnings.len(),
        1,
        "only that it listens everywhere: {:?}",
        loaded.warnings
    );
    loaded
}

/// What KairosDB does by itself, in what we have too.
#[track_caller]
fn check_defaults(loaded: &Loaded, aligns: bool) {
    let config = &loaded.config;
    let doors: Vec<String> = config
        .addresses()
        .iter()
        .map(|(door, address)| format!("{} {address}", door.label()))
        .collect();
    let want = [
        "http 0.0.0.0:8080",
        "http [::]:8080",
        "kairos_telnet 0.0.0.0:4242",
        "kairos_telnet [::]:4242",
    ];
    assert_eq!(doors, want);
    assert_eq!(config.telnet.line_bytes_max, 1024);
    assert_eq!(config.kairosdb.align_sampling, aligns);
    assert!(config.kairosdb.report.on && config.kairosdb.report.seconds == 60);
    assert_eq!(config.retention.kairosdb_ttl_seconds, 0);
}

#[test]
fn the_newest_release() {
    if have("kairosdb") {
        let jar = PathBuf::from(note_of("kairosdb")).join("kairosdb-1.3.0-1.jar");
        let more = [
            "health.healthyResponseCode",
            "queries.regex_prefix",
            "queries.return_query_in_response",
            "reporter.ttl",
        ];
        check_defaults(&check(&jar, "kairosdb.conf", &more), true);
    }
}

#[test]
fn older_releases() {
    if have("kairosdb-older") {
        let folder = PathBuf::from(note_of("kairosdb-older"));
        let jar = |version: &str| folder.join(format!("kairosdb-{version}.jar"));
        let health = "health.healthyResponseCode";
        check_defaults(&check(&jar("1.0.0-1"), "kairosdb.properties", &[]), false);
        check_defaults(
            &check(&jar("1.1.3-1"), "kairosdb.properties", &[health]),
            false,
        );
        let more = [health, "reporter.ttl"];
        check_defaults(&check(&jar("1.2.1-1"), "kairosdb.properties", &more), false);
    }
}
