use std::path::PathBuf;

use super::super::flags::Typed;
use super::super::load::load;
use super::super::print::print;
use super::*;

/// Files of one test, gone when it ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let nth = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("corelane-kairosdb-{}-{nth}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("made");
        Folder(path)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What comes of `files` (names and bytes), an environment and lines of a file of our own.
fn all(files: &[(&str, &[u8])], environment: &[(&str, &str)], own: &str) -> Result<Loaded, String> {
    let folder = Folder::new();
    let typed = Typed {
        file: Some(folder.write("own.toml", own.as_bytes())),
        kairosdb: files
            .iter()
            .map(|(name, bytes)| folder.write(name, bytes))
            .collect(),
        ..Typed::default()
    };
    let environment = environment
        .iter()
        .map(|&(name, text)| (name.to_owned(), text.to_owned()));
    load(&typed, environment).map_err(|error| without(&folder, error.to_string()))
}

/// A text without the names of a test's folders.
fn without(folder: &Folder, text: String) -> String {
    let begin = folder.0.to_string_lossy();
    let begin = begin.rsplit_once('-').map_or(&*begin, |(begin, _)| begin);
    let mut parts = text.split(begin);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let part = part.trim_start_matches(|letter: char| letter == '-' || letter.is_ascii_digit());
        out.push_str(part);
    }
    out
}

fn conf(text: &str) -> Loaded {
    all(&[("k.conf", text.as_bytes())], &[], "").expect("a configuration")
}

/// A line of what is printed.
#[track_caller]
fn check(files: &[(&str, &str)], environment: &[(&str, &str)], own: &str, wants: &[&str]) {
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|&(name, text)| (name, text.as_bytes()))
        .collect();
    let got = match all(&files, environment, own) {
        Ok(loaded) => without(&Folder::new(), print(&loaded)),
        Err(error) => error,
    };
    for want in wants {
        assert!(got.contains(want), "wanted: {want}\ngot: {got}");
    }
}

#[track_caller]
fn check_conf(text: &str, wants: &[&str]) {
    check(&[("k.conf", text)], &[], "", wants);
}

const TELNET: &str = "kairosdb.telnetserver.port = 4343\n";

#[test]
fn nothing_said_is_what_kairosdb_does() {
    let loaded = conf("kairosdb.jetty.show_stacktrace = false");
    let config = &loaded.config;
    let addresses: Vec<String> = config
        .addresses()
        .iter()
        .map(|(_, address)| address.to_string())
        .collect();
    assert_eq!(
        addresses,
        ["0.0.0.0:8080", "[::]:8080", "0.0.0.0:4242", "[::]:4242"]
    );
    assert!(!config.telnet.http && config.kairosdb.align_sampling && config.kairosdb.report.on);
    assert_eq!(
        config.telnet.line_bytes_max,
        64 << 10,
        "what is better here stays"
    );
    let options = loaded.runtime_options();
    assert!(options.own_listen.http.may_lack);
    let aloud = loaded.warnings.join("\n");
    assert!(
        aloud.contains("listens on all addresses of the machine: http 0.0.0.0:8080"),
        "{aloud}"
    );
}

#[test]
fn doors_and_limits_are_taken() {
    check_conf(
        "kairosdb { telnetserver { port: 4343, address: \"10.1.2.3\", max_command_size: 2048 }\n\
         jetty { port = 8181\naddress = localhost } }",
        &[
            "# Set by /k.conf:1 (KairosDB's).\nkairos_telnet = 4343",
            "kairos_telnet_listen = [\"10.1.2.3\"]",
            "\nline_bytes_max = 2048",
            "# Set by /k.conf:2 (KairosDB's).\nhttp = 8181",
            "# Set by /k.conf:3 (KairosDB's).\nhttp_listen = [\"127.0.0.1\", \"::1\"]",
            "# Set by KairosDB's own default.\ngraphite_tcp = \"off\"",
        ],
    );
    check_conf("kairosdb.jetty.port: 0", &["\nhttp = \"off\""]);
    check_conf(
        "kairosdb.service.telnet: <disabled>",
        &["\nkairos_telnet = \"off\""],
    );
    check_conf(
        "kairosdb.service { telnet: \"\", http: \"<disabled>\" }",
        &["every door is off"],
    );
    check_conf(
        "kairosdb.datastore.cassandra { datapoint_ttl = 600, query_limit = 1000, query_time_limit_sec = 7 }",
        &[
            "kairosdb_ttl_seconds = 600",
            "points_read_max = 1000",
            "millis_max = 7000",
        ],
    );
    check_conf(
        "kairosdb.datastore.cassandra { query_limit = 0, query_time_limit_sec = 0 }",
        &["points_read_max = 200000000", "millis_max = 30000"],
    );
    check_conf(
        "kairosdb { server.type = \"INGEST, QUERY\", health.healthyResponseCode = 200\n\
         metric_index_filter.prefix = [\"kairosdb.\"], service.rollups = org.kairosdb.rollup.RollUpModule\n\
         queries { regex_prefix = \"\", return_query_in_response = true } }",
        &[
            "server_type = [\"INGEST\", \"QUERY\"]",
            "health_code = 200",
            "hidden_metrics = [\"kairosdb.\"]",
            "rollups = true",
            "regex_prefix = \"\"",
            "return_query = true",
        ],
    );
    check_conf(
        "kairosdb { hostname = node7, metric-prefix = \"k.\", reporter { schedule = \"0 */5 * * * ?\", ttl = 99 }\n\
         metrics.custom_tags { region = eu, \"data center\" = \"US 1\" } }",
        &[
            "report = true",
            "report_seconds = 300",
            "report_ttl_seconds = 99",
            "report_prefix = \"k.\"",
            "report_host = \"node7\"",
            "report_tags = [\"data center=US 1\", \"region=eu\"]",
        ],
    );
    check_conf(
        "kairosdb.service.reporter = <disabled>",
        &["\nreport = false"],
    );
}

#[test]
fn numbers_that_we_cannot_have_become_the_nearest() {
    let loaded = conf(
        "kairosdb { telnetserver.max_command_size = 9999999, reporter.schedule = \"0 0 12 ? * SUN\" }",
    );
    assert_eq!(loaded.config.telnet.line_bytes_max, 64 << 10);
    let told = loaded.warnings.join("\n");
    assert!(
        told.contains("`kairosdb.telnetserver.max_command_size`: 9999999 becomes 65536"),
        "{told}"
    );
    assert!(
        told.contains("is not a plain period and becomes each minute"),
        "{told}"
    );
}

#[test]
fn the_carbon_plugin_opens_its_doors() {
    let plugin = "kairosdb { service.carbon = org.kairosdb.plugin.carbon.CarbonServerModule\n\
                  carbon { text { port = 2103, address = \"127.0.0.1\", max_size = 4096 }\n\
                  pickle.max_size = 8192\n templates_tag_parser.templates = [\"^a .metric.host\"]\n";
    check(
        &[
            ("k.conf", TELNET),
            ("kairos-carbon.conf", &format!("{plugin} }} }}")),
        ],
        &[],
        "",
        &[
            "# /kairos-carbon.conf:4 (KairosDB's): kairosdb.carbon.templates_tag_parser.templates is ignored: of a \
             part that",
            "graphite_tcp = 2103",
            "graphite_udp = 2103",
            "pickle = 2004",
            "graphite_listen = [\"127.0.0.1\"]",
            "pickle_listen = [\"0.0.0.0\", \"::\"]",
            "line_bytes_max = 4096",
            "frame_bytes_max = 8192",
            "tag_parser = \"host\"",
            "kairos_telnet = 4343",
        ],
    );
    let templates =
        format!("{plugin} tag_parser = \"org.kairosdb.plugin.carbon.TemplatesTagParser\" }} }}");
    check_conf(
        &templates,
        &[
            "tag_parser = \"templates\"",
            "templates = [\"^a .metric.host\"]",
        ],
    );
    let old = "kairosdb.service.carbon=x.CarbonServerModule\n\
               kairosdb.carbon.tagparser=x.CustomTagParser\n\
               kairosdb.carbon.multitagparser.patterns=(a)[.].*; (b)[.].*\n\
               kairosdb.carbon.multitagparser.replacements=$1; $1\n\
               kairosdb.carbon.multitagparser.tags=x;y\n\
               kairosdb.carbon.multitagparser.tagscase=lower\n\
               kairosdb.carbon.ttl=8640\n";
    check(
        &[("k.properties", old)],
        &[],
        "",
        &[
            "tag_parser = \"multi\"",
            "patterns = [\"(a)[.].*\", \"(b)[.].*\"]",
            "replacements = [\"$1\", \"$1\"]",
            "tags = [\"x\", \"y\"]",
            "letters = \"lower\"",
            "ttl_seconds = 8640",
        ],
    );
    check_conf(
        &format!("{plugin} tag_parser = x.OtherParser }} }}"),
        &[
            "/k.conf:5 (KairosDB's): `kairosdb.carbon.tag_parser`: there is no tag parser x.OtherParser here",
        ],
    );
    check_conf(
        "kairosdb.carbon.text.port = 1",
        &["kairosdb.carbon.text.port is ignored: of a part that"],
    );
}

#[test]
fn older_versions_do_not_align() {
    let old =
        |text: &str| all(&[("k.properties", text.as_bytes())], &[], "").expect("a configuration");
    let port = "kairosdb.telnetserver.port=4343\n";
    assert!(!old(port).config.kairosdb.align_sampling);
    let newer = format!("{port}kairosdb.datastore.cassandra.write_cluster.name=x\n");
    assert!(old(&newer).config.kairosdb.align_sampling);
    let both: [(&str, &[u8]); 2] = [
        ("k.conf", TELNET.as_bytes()),
        ("p.properties", b"kairosdb.jetty.port=1"),
    ];
    let both = all(&both, &[], "").expect("a configuration");
    assert!(both.config.kairosdb.align_sampling && both.config.doors.http == Some(1));
}

#[test]
fn what_is_ignored_is_listed_with_its_reason() {
    let text = "include \"more.conf\"\n\
                kairosdb.jetty.prot = 1\n\
                kairosdb.jetty.ssl.port = 443\n\
                kairosdb.datastore.cassandra.row_key_cache_size = 5\n\
                kairosdb.queue_processor.page_size = 5\n\
                kairosdb.jetty.threads.max = 5\n\
                kairosdb.datapoints.factory.long = \"org.kairosdb.core.datapoints.LongDataPointFactoryImpl\"\n\
                kairosdb.datapoints.factory.complex = x\n\
                kairosdb.service.mine = my.Module\n\
                kairosdb.filter.list = []\n\
                kairosdb.filter.prefix = [a]\n\
                akka.loglevel = x\n\
                kairosdb.zzzzzzzzzzzzzzzzzzzzzzzzzzz = x\n\
                kairosdb.datastore.cassandra.auth.password = eat_me\n";
    let loaded = conf(text);
    let reasons: Vec<(&str, &Reason)> = loaded
        .ignored
        .iter()
        .map(|one| (one.key.trim_start_matches("kairosdb."), &one.reason))
        .collect();
    let unsupported = |key: &str| {
        let mut all = reasons.iter();
        let found = all
            .find(|(known, _)| *known == key)
            .map(|(_, reason)| *reason);
        matches!(found, Some(Reason::Unsupported(_)))
    };
    for key in [
        "jetty.ssl.port",
        "datapoints.factory.complex",
        "service.mine",
        "filter.prefix",
    ] {
        assert!(unsupported(key), "{key}: {reasons:?}");
    }
    for (key, reason) in [
        ("include \"more.conf\"", Reason::Include),
        ("jetty.prot", Reason::Unknown(Some("jetty.port"))),
        ("zzzzzzzzzzzzzzzzzzzzzzzzzzz", Reason::Unknown(None)),
        ("datastore.cassandra.row_key_cache_size", Reason::Store),
        ("queue_processor.page_size", Reason::Threads),
        ("jetty.threads.max", Reason::Web),
        ("datapoints.factory.long", Reason::Same),
        ("filter.list", Reason::Same),
        ("akka.loglevel", Reason::Foreign),
    ] {
        assert!(reasons.contains(&(key, &reason)), "{key}: {reasons:?}");
    }
    let (warnings, notes) = told(&loaded.ignored);
    assert_eq!(warnings.len(), 8);
    assert!(warnings.iter().any(|line| {
        line.contains("k.conf:2 (KairosDB's): kairosdb.jetty.prot is ignored: unknown")
    }));
    assert!(
        notes
            .iter()
            .any(|line| line.contains("of KairosDB's stores") && line.contains("auth.password"))
    );
    let all = format!(
        "{}{}{}",
        print(&loaded),
        loaded.warnings.join(""),
        loaded.notes.join("")
    );
    assert!(
        !all.contains("eat_me"),
        "values of what is ignored are not shown"
    );
}

#[test]
fn what_asks_for_passwords_stays_on_this_machine() {
    let guarded = |key: &str, own: &str| {
        let text = format!("kairosdb.{key} = x\nkairosdb.jetty.address = \"0.0.0.0\"");
        let loaded = all(&[("k.conf", text.as_bytes())], &[], own).expect("a configuration");
        let http = loaded.config.addresses().into_iter();
        let http = http.filter(|(door, _)| door.label() == "http");
        assert!(
            loaded
                .warnings
                .iter()
                .any(|line| line.contains("no access control"))
        );
        http.map(|(_, address)| address.ip().to_string())
            .collect::<Vec<String>>()
    };
    for key in [
        "jetty.auth_module_name",
        "jetty.basic_auth.user",
        "service.oauth",
    ] {
        assert_eq!(guarded(key, ""), GUARDED, "{key}");
    }
    assert_eq!(guarded("service.oauth", "listen = [\"10.0.0.1\"]"), GUARDED);
    let chosen = "[doors]\nhttp_listen = [\"10.0.0.1\"]";
    assert_eq!(guarded("service.oauth", chosen), ["10.0.0.1"]);
    assert!(!conf("kairosdb.service.oauth = <disabled>").is_guarded);
}

#[test]
fn the_later_goes_before_the_earlier() {
    let files = [("k.conf", TELNET)];
    let variable = [
        ("KAIROSDB_TELNETSERVER_PORT", "4444"),
        ("KAIROSDB_JETTY_PORT", "8484"),
        ("KAIROSDB_X", "1"),
    ];
    check(
        &files,
        &variable,
        "",
        &[
            "# Set by environment variable KAIROSDB_TELNETSERVER_PORT (KairosDB's).\nkairos_telnet = 4444",
            "http = 8484",
        ],
    );
    let own = "[doors]\nkairos_telnet = 4545";
    check(
        &files,
        &variable,
        own,
        &["own.toml:2.\nkairos_telnet = 4545"],
    );
    let ours = [
        ("CORELANE_DOORS_KAIROS_TELNET", "4646"),
        ("KAIROSDB_TELNETSERVER_PORT", "4444"),
    ];
    check(&files, &ours, own, &["\nkairos_telnet = 4646"]);
    // Who chooses where all doors listen chooses it for KairosDB's, too.
    check(
        &files,
        &[],
        "listen = [\"10.0.0.1\"]",
        &["\nlisten = [\"10.0.0.1\"]", "\nhttp_listen = []"],
    );
    let two = [
        ("k.conf", "kairosdb.jetty.port = 1"),
        ("p.conf", "kairosdb.jetty.port = 2"),
    ];
    check(
        &two,
        &[],
        "",
        &["# Set by /p.conf:1 (KairosDB's).\nhttp = 2"],
    );
    let own = [("CORELANE_KAIROSDB_CONF", "/nowhere/k.conf")];
    check(
        &[],
        &own,
        "",
        &["environment variable CORELANE_KAIROSDB_CONF: cannot read /nowhere/k.conf"],
    );
    check(&[], &variable, "", &["\nkairos_telnet = 4242"]);
}

#[test]
fn substitutions_see_what_kairosdb_would() {
    let text = "kairosdb { telnetserver.max_command_size = ${kairosdb.telnetserver.port}, jetty.address = ${?ADDRESS}\n\
                hostname = ${NODE} }";
    let environment = [("NODE", "n1")];
    check(
        &[("k.conf", text)],
        &environment,
        "",
        &[
            "line_bytes_max = 4242",
            "report_host = \"n1\"",
            "http_listen = [\"0.0.0.0\", \"::\"]",
        ],
    )
}

#[test]
fn mistakes_tell_file_line_and_what_to_do() {
    let mistake = |name: &str, bytes: &[u8], want: &str| {
        let error = all(&[(name, bytes)], &[], "").expect_err(want);
        assert!(error.contains(want), "{error}");
        assert!(error.len() < 1000, "{error}");
    };
    mistake(
        "k.conf",
        b"a = 1\nkairosdb {",
        "/k.conf:2 (KairosDB's): this `{` has no `}`",
    );
    mistake(
        "k.properties",
        b"\nkairosdb.a=\\u1",
        "/k.properties:2 (KairosDB's): four hexadecimal digits",
    );
    mistake(
        "k.conf",
        b"kairosdb.jetty.port = 70000",
        "`kairosdb.jetty.port`: 70000 is no port; expected a port",
    );
    mistake(
        "k.conf",
        b"\nkairosdb.jetty.port = [1]",
        "/k.conf:2 (KairosDB's): `kairosdb.jetty.port`: a list is",
    );
    mistake(
        "k.conf",
        b"kairosdb.jetty.address = db1",
        "`db1` is no IP address (names are not looked up)",
    );
    mistake(
        "k.conf",
        b"kairosdb.server.type = ALLES",
        "`kairosdb.server_type`: there is no class `ALLES`",
    );
    mistake(
        "k.conf",
        b"kairosdb.reporter.ttl = x",
        "`kairosdb.reporter.ttl`: `x` is no whole number",
    );
    mistake("k.yaml", b"kairosdb: 1", "ends neither with .conf");
    mistake(
        "k.conf",
        b"",
        "has no key of KairosDB; is it the right file?",
    );
    mistake("k.conf", b"server { port = 1 }", "has no key of KairosDB");
    mistake(
        "k.conf",
        b"\xff\xfe\x00k",
        "is not UTF-8 text; is it the right file?",
    );
    mistake("k.conf", b"kairosdb.a = \0", "is not UTF-8 text");
    mistake(
        "k.properties",
        b"\x7fELF\0\0",
        "this is no text; is it the right file?",
    );
    mistake(
        "k.conf",
        &vec![b' '; (1 << 20) + 1],
        "is longer than 1048576 bytes",
    );
    let many: String = (0..2_000).map(|i| format!("kairosdb.x{i} = 1\n")).collect();
    mistake("k.conf", many.as_bytes(), "more than 1000 settings");
    mistake("k.properties", many.as_bytes(), "more than 1000 settings");
    let some = |from: usize| -> String {
        let fields = (from..from + 600).map(|i| format!("kairosdb.x{i} = 1\n"));
        fields.collect()
    };
    let (some, more) = (some(0), some(600));
    let files = [("a.conf", some.as_bytes()), ("b.conf", more.as_bytes())];
    let error = all(&files, &[], "").expect_err("too many").to_string();
    assert!(error.contains("more than 1000 settings"), "{error}");
    let folder = Folder::new();
    let typed = Typed {
        kairosdb: vec![
            folder.0.join("none.conf"),
            PathBuf::from("/dev/zero"),
            folder.0.clone(),
        ],
        ..Typed::default()
    };
    let error = load(&typed, []).expect_err("three mistakes").to_string();
    for want in [
        "none.conf: No such file",
        "/dev/zero is longer than",
        "flag --kairosdb-conf: cannot read",
    ] {
        assert!(error.contains(want), "{error}");
    }
}

#[test]
fn files_of_plugins_that_nobody_named_are_told() {
    let folder = Folder::new();
    for (name, text) in [
        ("k.conf", "kairosdb.jetty.port = 1"),
        ("named.properties", "kairosdb.reporter.ttl=1"),
        ("plugin.properties", "kairosdb.carbon.text.port=1"),
        ("kairosdb_guid.properties", "kairosdb.server.guid=1"),
        ("other.conf", "port = 1"),
        ("notes.txt", "kairosdb."),
    ] {
        folder.write(name, text.as_bytes());
    }
    let named = ["k.conf", "named.properties"].map(|name| folder.0.join(name));
    let typed = Typed {
        kairosdb: named.to_vec(),
        ..Typed::default()
    };
    let loaded = load(&typed, []).expect("a configuration");
    let told = loaded
        .warnings
        .iter()
        .filter(|line| line.starts_with("KairosDB would read"));
    let told: Vec<&String> = told.collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("plugin.properties, too; give it with another --kairosdb-conf"));
}

#[test]
fn names_are_shown_without_what_a_terminal_goes_by() {
    let loaded =
        all(&[("k.properties", b"kairosdb.\\u001b[31mx\\n=1")], &[], "").expect("a configuration");
    let all = loaded.warnings.join("\n") + &print(&loaded);
    assert!(all.contains("kairosdb.\\u{1b}[31mx\\n is ignored"), "{all}");
    assert!(!all.contains('\u{1b}'));
    let long = format!("kairosdb.{} = 1", "x".repeat(1_000));
    let loaded = conf(&long);
    assert!(loaded.warnings.join("").len() < 2_000);
}
