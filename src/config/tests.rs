use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::flags::{self, Typed};
use super::keys::KEYS;
use super::load::{Loaded, load};
use super::print::print;
use super::sections::{Config, Steer};
use super::{file, value::Kind};
use crate::query::limits::Limits;

/// A file that is gone when the test ends.
struct File(PathBuf);

impl File {
    fn new(text: &str) -> File {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "corelane-config-{}-{}.toml",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).expect("written");
        File(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn typed(words: &str) -> Typed {
    let words = words.split_whitespace().map(OsString::from);
    flags::parse([OsString::from("corelane")].into_iter().chain(words)).expect("a command line")
}

fn all(file: &str, environment: &[(&str, &str)], words: &str) -> Result<Loaded, ConfigError> {
    let file = File::new(file);
    let mut typed = typed(words);
    typed.file = Some(file.0.clone());
    load(
        &typed,
        environment
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned())),
    )
}

/// What a configuration says, or what is wrong with it.
#[track_caller]
fn check(file: &str, environment: &[(&str, &str)], words: &str, want: &str) {
    let got = match all(file, environment, words) {
        Ok(loaded) => print(&loaded),
        Err(error) => error.to_string(),
    };
    assert!(got.contains(want), "wanted: {want}\ngot: {got}");
}

#[test]
fn the_sample_is_complete_and_says_the_defaults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tuning/corelane.toml");
    let printed = print(&Loaded::default());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &printed).expect("written");
    }
    let sample = std::fs::read_to_string(&path).expect("tuning/corelane.toml");
    let (mut loaded, mut faults) = (Loaded::default(), Vec::new());
    loaded.config.doors.http = None; // so that a sample without a key would be noticed
    file::apply(&path, &sample, &mut loaded, &mut faults);
    assert_eq!(faults, []);
    assert_eq!(loaded.config, Config::default());
    for (key, origin) in KEYS.iter().zip(&loaded.origins) {
        assert_ne!(
            *origin,
            super::error::Origin::Default,
            "{} is not in the sample",
            key.name
        );
    }
    assert_eq!(
        sample, printed,
        "write it anew: BLESS=1 cargo test --lib config"
    );
}

#[test]
fn what_is_printed_can_be_read_back() {
    let words = "--listen 0.0.0.0 --listen :: --data /a\"b\\c --shards 3 --port-offset 100 \
                 --steering flow --graphite-port off --graphite-udp-port 1 --pickle-port 65000 \
                 --http-port 80 --simd scalar --log-level trace";
    let environment = [
        ("CORELANE_STEERING_SPREAD", "10.0.0.0/8, fd00::/8"),
        ("CORELANE_INGEST_MILLIS_BY_DIGITS", "true"),
    ];
    let first = all("", &environment, words).expect("a configuration");
    let second = all(&print(&first), &[], "").expect("a configuration");
    assert_ne!(first.config, Config::default());
    assert_eq!(second.config, first.config);
}

#[test]
fn every_number_can_be_set_in_every_way() {
    for key in KEYS {
        let Kind::Whole { min, max, .. } = key.kind else {
            continue;
        };
        // An offset that moves every port out of range is refused as a whole; try what is possible.
        let most = if key.name == "doors.port_offset" {
            57_455
        } else {
            max
        };
        let least = if matches!(key.name, "head.bytes_max" | "series.index_bytes_max") {
            1 << 20
        } else {
            min
        };
        let line = |number: u64| match key.section() {
            "" => format!("{} = {number}", key.bare()),
            section => format!("[{section}]\n{} = {number}", key.bare()),
        };
        let want = |number: u64| format!("\n{} = {number}\n", key.bare());
        check(&line(least), &[], "", &want(least));
        check(&line(most), &[], "", &want(most));
        check("", &[(&key.variable(), &most.to_string())], "", &want(most));
        let range = format!("from {min} to {max}");
        check(&line(max + 1), &[], "", &range);
        check("", &[(&key.variable(), &(max + 1).to_string())], "", &range);
        check("", &[(&key.variable(), "many")], "", &range);
        if let Some(below) = min.checked_sub(1) {
            check(&line(below), &[], "", &range);
        }
        if let Some(flag) = key.flag {
            check("", &[], &format!("--{flag} {most}"), &want(most));
            check("", &[], &format!("--{flag} -1"), &range);
        }
    }
}

#[test]
fn the_later_goes_before_the_earlier() {
    let file = "shards = 1\nsimd = \"scalar\"\n[ingest]\ngather_ms = 7\n";
    check(file, &[], "", "shards = 1");
    let environment = [("CORELANE_SHARDS", "2"), ("PATH", "/bin")];
    check(
        file,
        &environment,
        "",
        "# Set by environment variable CORELANE_SHARDS.\nshards = 2",
    );
    check(
        file,
        &environment,
        "--shards 3",
        "# Set by flag --shards.\nshards = 3",
    );
    check(file, &environment, "serve --shards 3", "shards = 3");
    check(file, &environment, "--shards 3 serve", "shards = 3");
    check(file, &environment, "--shards 3", "gather_ms = 7");
    check(
        file,
        &[("CORELANE_DOORS_HTTP", "off")],
        "",
        "http = \"off\"",
    );
}

#[test]
fn an_unknown_key_names_the_nearest() {
    check(
        "[ingest]\n\ngahter_ms = 2",
        &[],
        "",
        ".toml:3: there is no key `ingest.gahter_ms`; did you mean `ingest.gather_ms`?",
    );
    check(
        "[ingest]\ngather = 2",
        &[],
        "",
        "did you mean `ingest.gather_ms`?",
    );
    check("gather_ms = 2", &[], "", "did you mean `ingest.gather_ms`?");
    check("shard = 2", &[], "", "did you mean `shards`?");
    check(
        "[ingset]\ngather_ms = 2",
        &[],
        "",
        ".toml:1: there is no section [ingset]; did you mean [ingest]?",
    );
    check(
        "[entirely]\nelse = 2",
        &[],
        "",
        "there is no section [entirely]; there are doors, steering",
    );
    check(
        "[doors]\nzzzzzzzzzzzzzzzzzzzz = 2",
        &[],
        "",
        "there is no key `doors.zzzzzzzzzzzzzzzzzzzz`\n",
    );
    check(
        "ingest = 2",
        &[],
        "",
        "`ingest` is a section; write [ingest]",
    );
    check(
        "[shards]\nn = 2",
        &[],
        "",
        "`shards`: a table is the wrong type; expected a whole number",
    );
    check(
        "",
        &[("CORELANE_SHARD", "2")],
        "",
        "did you mean CORELANE_SHARDS?",
    );
}

#[test]
fn a_variable_of_somebody_else_only_warns() {
    let loaded = all("", &[("CORELANE_SERVICE_HOST_OF_A_PLATFORM", "x")], "").expect("it starts");
    assert_eq!(loaded.warnings.len(), 1);
    assert!(loaded.warnings[0].contains("CORELANE_SERVICE_HOST_OF_A_PLATFORM"));
}

#[test]
fn a_wrong_type_names_key_value_and_what_is_expected() {
    check(
        "shards = \"two\"",
        &[],
        "",
        ".toml:1: `shards`: the text \"two\" is the wrong type; expected a whole number from 0 to 1024",
    );
    check(
        "shards = 1.5",
        &[],
        "",
        "the fraction 1.5 is the wrong type",
    );
    check("shards = -1", &[], "", "-1 is out of range");
    check("shards = true", &[], "", "true is the wrong type");
    check("shards = 99999999999999999999999", &[], "", "out of range");
    check(
        "listen = \"::1\"",
        &[],
        "",
        "the text \"::1\" is the wrong type; expected IP addresses",
    );
    check(
        "listen = [1]",
        &[],
        "",
        "the whole number 1 in the list is the wrong type",
    );
    check(
        "listen = [\"localhost\"]",
        &[],
        "",
        "`localhost` is no IP address",
    );
    check("data = \"\"", &[], "", "the path is empty");
    check(
        "[doors]\nhttp = 0",
        &[],
        "",
        "0 is no port; expected a port from 1 to 65535, or \"off\"",
    );
    check(
        "[doors]\nhttp = \"of\"",
        &[],
        "",
        "the text \"of\" is the wrong type",
    );
    check(
        "[steering]\nmode = \"sauce\"",
        &[],
        "",
        "`sauce` is not known; expected one of source, cpu, flow",
    );
    check(
        "[steering]\nspread = [\"10.1.0.0/8\"]",
        &[],
        "",
        "the network is 10.0.0.0/8",
    );
    check(
        "[ingest]\nmillis_by_digits = 1",
        &[],
        "",
        "expected true or false",
    );
    check(
        "[http]\nallow_origin = \"a\\nb\"",
        &[],
        "",
        "the text is too long or not printable",
    );
    check("shards = ", &[], "", ".toml:1: this is not TOML");
    check(
        "\n\nshards = 1\nshards = 2",
        &[],
        "",
        ".toml:4: this is not TOML: duplicate key",
    );
    check(
        "",
        &[],
        "--http-port 70000",
        "flag --http-port: `doors.http`: 70000 is no port",
    );
}

#[test]
fn every_fault_is_told_at_once() {
    let error = all(
        "shards = \"a\"\nlisten = 1\n",
        &[("CORELANE_SIMD", "x")],
        "--http-port no",
    )
    .expect_err("four faults");
    assert_eq!(error.faults.len(), 4, "{error}");
}

#[test]
fn values_must_fit_together() {
    check(
        "[doors]\npickle = 2003",
        &[],
        "",
        ".toml:2: `doors.pickle`: `doors.graphite_tcp` has TCP port 2003 already",
    );
    check(
        "[doors]\ngraphite_tcp = 8080",
        &[],
        "",
        ".toml:2: `doors.graphite_tcp`: `doors.http` has TCP port 8080 already",
    );
    check(
        "[doors]\ngraphite_tcp = \"off\"\npickle = \"off\"\nhttp = \"off\"",
        &[],
        "",
        "graphite_udp = 2003",
    );
    check(
        "[doors]\ngraphite_udp = 8080",
        &[],
        "",
        "graphite_udp = 8080",
    );
    check(
        "",
        &[],
        "--graphite-port off --graphite-udp-port off --pickle-port off --kairos-telnet-port off --http-port off",
        "every door is off",
    );
    check(
        "",
        &[],
        "--port-offset 60000",
        "8080 and `doors.port_offset` 60000 make no port",
    );
    check(
        "listen = []",
        &[],
        "",
        "0 addresses; from 1 to 16 are possible",
    );
    check(
        "listen = [\"0.0.0.0\", \"127.0.0.1\"]",
        &[],
        "",
        "0.0.0.0 and 127.0.0.1 are the same door twice",
    );
    check(
        "listen = [\"127.0.0.1\", \"0.0.0.0\"]",
        &[],
        "",
        "the same door twice",
    );
    check(
        "listen = [\"::1\", \"::1\"]",
        &[],
        "",
        "the same door twice",
    );
    check(
        "listen = [\"0.0.0.0\", \"::\"]",
        &[],
        "",
        "listen = [\"0.0.0.0\", \"::\"]",
    );
    check(
        "[head]\nbytes_max = 5",
        &[],
        "",
        "0 for the default, or at least 1048576 bytes",
    );
    let networks: Vec<String> = (0..65).map(|n| format!("\"10.{n}.0.0/16\"")).collect();
    let many = format!("[steering]\nspread = [{}]", networks.join(","));
    check(&many, &[], "", "at most 64 networks");
    let foreign = if cfg!(target_arch = "x86_64") {
        "neon"
    } else {
        "avx2"
    };
    check(
        "",
        &[],
        &format!("--simd {foreign}"),
        &format!("this machine has no {foreign}; it has "),
    );
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let typed = typed("--config /does/not/exist.toml");
    let error = load(&typed, []).expect_err("no file").to_string();
    assert!(
        error.contains("flag --config: cannot read /does/not/exist.toml"),
        "{error}"
    );
    let variable = ("CORELANE_CONFIG".to_owned(), "/neither.toml".to_owned());
    let error = load(&Typed::default(), [variable])
        .expect_err("no file")
        .to_string();
    assert!(
        error.contains("environment variable CORELANE_CONFIG: cannot read"),
        "{error}"
    );
}

#[test]
fn parts_get_what_they_need() {
    let config = Config::default();
    assert_eq!(config.query.limits(), Limits::default());
    assert_eq!(config.ingest.time_rule(), Default::default());
    assert_eq!(config.shards_on(6), 6);
    assert_eq!(
        Config {
            shards: 2,
            ..Config::default()
        }
        .shards_on(6),
        2
    );
    assert_eq!(config.head.bytes_max_on(4, 16 << 30), 512 << 20);
    assert_eq!(config.head.window().millis(), 3_600_000);
    assert_eq!(config.rollup.step().millis(), 60_000);
    assert_eq!(config.steering.mode, Steer::Source);
    assert_eq!(config.http_options().allow_origin, None);
    let open = all("[http]\nallow_origin = \"*\"", &[], "")
        .expect("good")
        .config;
    assert_eq!(open.http_options().allow_origin.as_deref(), Some("*"));
    let below = all("[http]\nprefix = \"/graphite\"", &[], "")
        .expect("good")
        .config;
    assert_eq!(below.http_options().prefix, "/graphite");
    let shard = config.shard_options(7, 2, 8 << 30);
    assert_eq!((shard.seed, shard.index.series_max), (7, 4_000_000));
    assert_eq!(shard.index.bytes_max, 1 << 30);
    assert_eq!(
        (shard.line_bytes_max, shard.frame_bytes_max),
        (64 << 10, 16 << 20)
    );
    assert_eq!(
        (shard.store.head_bytes_max, shard.store.seal_bytes),
        (512 << 20, (512 << 20) / 12)
    );
    assert_eq!(config.steering.spread.len(), 2);
    let moved = all("[doors]\npickle = \"off\"", &[], "--port-offset 1000")
        .expect("good")
        .config
        .doors
        .moved();
    assert_eq!(
        (
            moved.graphite_tcp,
            moved.graphite_udp,
            moved.pickle,
            moved.http
        ),
        (Some(3003), Some(3003), None, Some(9080))
    );
}

#[test]
fn help_explains_itself() {
    let text = flags::command().render_long_help().to_string();
    for want in [
        "--graphite-port",
        "Default 2003",
        "--print-config",
        "Examples:",
        "--log-level",
        "serve",
    ] {
        assert!(text.contains(want), "{want}: {text}");
    }
    assert!(flags::parse(["corelane".into(), "--no-such-flag".into()]).is_err());
}

#[test]
fn doors_have_addresses() {
    let show = |words: &str| {
        let config = all("", &[], words).expect("a configuration").config;
        let addresses = config.addresses().into_iter();
        let shown: Vec<String> = addresses
            .map(|(protocol, address)| format!("{} {address}", protocol.label()))
            .collect();
        shown.join(", ")
    };
    assert_eq!(
        show("--listen 10.0.0.1 --port-offset 10"),
        "graphite 10.0.0.1:2013, graphite_udp 10.0.0.1:2013, pickle 10.0.0.1:2014, http 10.0.0.1:8090, \
         kairos_telnet 10.0.0.1:4252"
    );
    assert_eq!(
        show(
            "--graphite-port off --graphite-udp-port off --pickle-port off --kairos-telnet-port off"
        ),
        "http 127.0.0.1:8080, http [::1]:8080"
    );
}

/// The pages that people read name the keys, flags and defaults there are.
#[test]
fn pages_agree_with_the_table() {
    let page = |path: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        std::fs::read_to_string(path).expect("a page")
    };
    let (readme, architecture) = (page("README.md"), page("src/ARCHITECTURE.md"));
    for key in KEYS {
        if let (Kind::Port { .. }, Some(flag)) = (&key.kind, key.flag) {
            let port = key.kind.show(&Config::default());
            let row = readme
                .lines()
                .find(|line| line.contains(&format!("`{}`", key.name)));
            let row = row.unwrap_or_else(|| panic!("README.md has no row for {}", key.name));
            assert!(row.contains(&format!("| {port} ")), "{row}");
            assert!(row.contains(&format!("`--{flag}`")), "{row}");
        }
        if key.name.contains("max") || key.name.contains("timeout") {
            let named = architecture.contains(&format!("`{}`", key.name));
            assert!(
                named,
                "the limits of ARCHITECTURE.md do not tell of {}",
                key.name
            );
        }
    }
}
