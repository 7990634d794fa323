use proptest::prelude::*;

use super::super::setting::Value;
use super::*;

/// `key = value` for each setting, lists in brackets.
fn shown_settings(text: &str) -> Result<Vec<String>, Wrong> {
    let beyond = |name: &str| (name == "HOME").then(|| "/home".to_owned());
    let settings = read(text, &beyond)?.settings.into_iter();
    let show = |one: Setting| match one.value {
        Value::Null => format!("{} is null", one.key),
        Value::Text(text) => format!("{} = {text}", one.key),
        Value::List(items) => format!("{} = [{}]", one.key, items.join(", ")),
    };
    Ok(settings.map(show).collect())
}

#[track_caller]
fn check(text: &str, want: &[&str]) {
    assert_eq!(shown_settings(text).expect("a file"), want, "{text}");
}

#[track_caller]
fn check_wrong(text: &str, line: usize, want: &str) {
    let wrong = read(text, &|_| None).expect_err(text);
    assert_eq!(wrong.line, line, "{text}: {}", wrong.text);
    assert!(wrong.text.contains(want), "{text}: {}", wrong.text);
}

#[test]
fn objects_and_keys() {
    check("", &[]);
    check("# a\n// b\n\n", &[]);
    check("{}", &[]);
    check("{ a: 1 } // c\n,\n", &["a = 1"]);
    check("\u{feff}a: 1", &["a = 1"]);
    check("a: { b.c: 1, d { e = 2 } }", &["a.b.c = 1", "a.d.e = 2"]);
    check("a\n{\n\tb:\n\n 1\n}", &["a.b = 1"]);
    check(
        "a.b = 1\na.c = 2\na { d = 3 }\na { b = 4 }",
        &["a.b = 4", "a.c = 2", "a.d = 3"],
    );
    check("a { b = 1 }\na = 2", &["a = 2"]);
    check("a = 2\na { b = 1 }", &["a.b = 1"]);
    check(
        "m.\"data center\" : \"x\"\nm.\"a.b\" : y",
        &["m.a.b = y", "m.data center = x"],
    );
    check("two words = 1", &["two words = 1"]);
    check("a . b = 1", &["a.b = 1"]);
    check("\"\" = 1", &[" = 1"]);
    check("a = null, b : nullable", &["a is null", "b = nullable"]);
}

#[test]
fn texts() {
    check("a = one two  three  # four", &["a = one two  three"]);
    check(
        "a = <disabled>\nb = org.x.Y-1/2",
        &["a = <disabled>", "b = org.x.Y-1/2"],
    );
    check("a = x//y", &["a = x"]);
    check(
        r#"a = "q\"\\\/\n\u00e9\ud83d\ude00" b"#,
        &["a = q\"\\/\n\u{e9}\u{1f600} b"],
    );
    check("a = \"\"\nb = \"#{}\"", &["a = ", "b = #{}"]);
    check(
        "a = \"\"\"x\n\"y\\n\"\"\"\"\"\nb = 1",
        &["a = x\n\"y\\n\"\"", "b = 1"],
    );
    check(
        "a = [1, \"b c\"\n d e,]\nb=[]",
        &["a = [1, b c, d e]", "b = []"],
    );
    check("a = [{ b = 1 }, [2]]", &["a = [, ]"]);
    check(
        "a = [1] [2]\nb { c = 1 } { d = 2 }",
        &["a = [1, 2]", "b.c = 1", "b.d = 2"],
    );
    check("a += 1\na += 2", &["a = [1, 2]"]);
    check("o { a = [0]\n a += x y }", &["o.a = [0, x y]"]);
    check(
        "o { a = [0]\n a += 1 }\np = ${o}",
        &["o.a = [0, 1]", "p.a = [0, 1]"],
    );
    check("a { b = 1 }\na = [{ b += 2 }]", &["a = []"]);
}

#[test]
fn substitutions() {
    check("a = ${HOME}/x\nb = ${?NOWHERE}", &["a = /home/x"]);
    check("a = 1\na = ${?NOWHERE}", &["a = 1"]);
    check("a = 1\nb = ${a}${a} ${a}", &["a = 1", "b = 11 1"]);
    check("o { a = 1, b = ${o.a} }", &["o.a = 1", "o.b = 1"]);
    check(
        "o { a = 1 }\np = ${o} { b = 2 }",
        &["o.a = 1", "p.a = 1", "p.b = 2"],
    );
    check(
        "o { a = 1 }\np = ${o}\np.a = 2\nq = ${p.a}",
        &["o.a = 1", "p.a = 2", "q = 2"],
    );
    check(
        "o { a = 1 }\np = ${o}\nq = ${p.a}",
        &["o.a = 1", "p.a = 1", "q = 1"],
    );
    check(
        "o { a = 1 }\np = ${o}\np.b = 2\nq = ${p.a}",
        &["o.a = 1", "p.a = 1", "p.b = 2", "q = 1"],
    );
    check("a = x\na = ${a}y\na = ${a}z", &["a = xyz"]);
    check(
        "l = [1]\nl = ${l} [2]\nm = ${?no} [3]",
        &["l = [1, 2]", "m = [3]"],
    );
    check("a = [${?no}, ${HOME}]", &["a = [/home]"]);
    check("a = ${b}\nb = ${c}\nc = 1", &["a = 1", "b = 1", "c = 1"]);
    check("a = \"${HOME}\"", &["a = ${HOME}"]);
}

#[test]
fn includes_are_told() {
    let read = read(
        "include classpath(\"x.conf\")\na { include \"y\" \n b = 1 }\ninclude = 2",
        &|_| None,
    );
    let read = read.expect("a file");
    let want = [("classpath(\"x.conf\")", 1), ("\"y\"", 2)];
    assert_eq!(
        read.includes,
        want.map(|(name, line)| (name.to_owned(), line))
    );
    assert_eq!(read.settings.len(), 2);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    check_wrong("a = 1\nb { c = 2\n\n", 2, "this `{` has no `}`");
    check_wrong("a = 1\n}", 2, "there is no `{`");
    check_wrong("{ a = 1 }\nb = 2", 2, "goes on behind its last `}`");
    check_wrong("\na = [1,\n2", 2, "this `[` has no `]`");
    check_wrong("a = [1 }", 1, "there is no `{`");
    check_wrong("[1]", 1, "the file is a list");
    check_wrong("a = 1\nb\nc = 2", 3, "has to follow the key `b`");
    check_wrong("a =\n", 2, "`a` has no value");
    check_wrong("a = ,", 1, "`a` has no value");
    check_wrong("a..b = 1", 1, "empty part");
    check_wrong(".a = 1", 1, "empty part");
    check_wrong("a. = 1", 1, "empty part");
    check_wrong("= 1", 1, "there is no key here");
    check_wrong(
        "a = 0 */1 * * * ?",
        1,
        "`*` stands in a text without quotes",
    );
    check_wrong("u = http://x", 1, "`:` stands in a text without quotes");
    check_wrong("a = \"x\ny\"", 1, "no `\"` at the end of its line");
    check_wrong("a = \"x", 1, "no `\"` at its end");
    check_wrong("a = \"\u{1}\"", 1, "has to be written as an escape");
    check_wrong("a = \"\\q\"", 1, "no such escape");
    check_wrong("a = \"\\u12\"", 1, "four hexadecimal digits");
    check_wrong("a = \"\"\"x", 1, "does not end with it");
    check_wrong(
        "\na = ${NOWHERE}",
        2,
        "neither in the file nor in the environment",
    );
    check_wrong("a = ${b\n", 1, "has no `}`");
    check_wrong("a = ${a}", 1, "stands for itself");
    check_wrong("a = ${b}\nb = ${a}", 2, "stands for itself");
    check_wrong("a = x\na = ${a} [1]", 2, "stand side by side");
}

#[test]
fn what_is_deep_or_multiplies_is_refused() {
    let deep = |open: &str, close: &str, count: usize| {
        format!("a = {}{}", open.repeat(count), close.repeat(count))
    };
    check_wrong(&deep("[", "]", 100_000), 1, "in each other");
    check_wrong(&deep("{a=", "}", 100_000), 1, "in each other");
    check_wrong(
        &format!("{}a = 1", "a.".repeat(100_000)),
        1,
        "in each other",
    );
    check_wrong(
        &format!("a = ${{{}a}}", "a.".repeat(100_000)),
        1,
        "in each other",
    );
    let chain: String = (0..10_000)
        .map(|i| format!("a{i} = ${{a{}}}\n", i + 1))
        .collect();
    let wrong = read(&format!("{chain}a10000 = 1"), &|_| None).expect_err("a long row");
    assert!(wrong.text.contains("in too long a row"));
    for value in ["x", "[x, x]", "{ y = 1, z = 2 }"] {
        let mut text = format!("a0 = {value}\n");
        for i in 1..60 {
            let twice = match value {
                "x" => "${A}${A}",
                "[x, x]" => "${A} ${A}",
                _ => "{ p = ${A}, q = ${A} }",
            };
            text.push_str(&format!(
                "a{i} = {}\n",
                twice.replace('A', &format!("a{}", i - 1))
            ));
        }
        let wrong = read(&text, &|_| None).expect_err("too much");
        assert!(wrong.text.contains("copy too much"), "{}", wrong.text);
    }
}

#[test]
fn keys_are_bounded() {
    let key = "k".repeat(KEY_BYTES_MAX - 2);
    check(&format!("a {{ {key} = 1 }}"), &[&format!("a.{key} = 1")]);
    for text in [
        format!("\na {{ {key}k = 1 }}"),
        format!("\na.{key}k = 1"),
        format!("\na = ${{?a.{key}k}}"),
        format!("\n\"{}\" = 1", "k".repeat(500_000)),
        // What is copied may be too long only where it comes to.
        format!("\no {{ {key} = 1 }}\nab = ${{o}}"),
    ] {
        check_wrong(&text, 2, "longer than 1024 bytes");
    }
}

#[test]
fn what_takes_many_times_its_file_is_refused() {
    let many = |count: usize, field: &str| -> String {
        (0..count).map(|i| format!("a{i}{field}")).collect()
    };
    let key = "k".repeat(500_000);
    check_wrong(
        &format!("{key}{{{}}}", many(80_000, ":1,")),
        1,
        "longer than 1024 bytes",
    );
    for field in [":1,", "+=1,"] {
        let text = format!("{}{{{}}}", &key[..1_000], many(80_000, field));
        check_wrong(&text, 1, "more than 65536 values");
    }
    check_wrong(
        &many(1_100, &format!("{}=1\n", ".a".repeat(60))),
        1_058,
        "more than 65536 values",
    );
    check_wrong(
        &format!("a = [{}]", "x,".repeat(80_000)),
        1,
        "more than 65536 values",
    );

    let all = many(SETTINGS_MAX, ":1\n");
    let settings = read(&all, &|_| None).expect("a file").settings;
    assert_eq!(settings.len(), SETTINGS_MAX);
    check_wrong(
        &format!("{all}b:1"),
        SETTINGS_MAX + 1,
        "more than 1000 settings",
    );
    let includes = "include \"x\"\n".repeat(SETTINGS_MAX + 1);
    check_wrong(&includes, SETTINGS_MAX + 1, "more than 1000 settings");

    // Names are copied as texts are.
    let names: String = (0..10)
        .map(|i| format!("{}{i} = 1\n", &key[..1_000]))
        .collect();
    let text = format!("{}o {{ {names} }}", many(1_800, " = ${o}\n"));
    let wrong = read(&text, &|_| None).expect_err("too much");
    assert!(wrong.text.contains("copy too much"), "{}", wrong.text);
}

proptest! {
    #[test]
    fn any_text_ends(text in "[a-c .:=+,\"\\\\#/{}\\[\\]$?\n0é]{0,80}") {
        let _ = read(&text, &|_| Some("x".to_owned()));
    }

    /// Everything that JSON can say of texts and lists is said by HOCON.
    #[test]
    fn json_is_hocon(fields in prop::collection::btree_map("[a-z]{1,5}", (".{0,10}", prop::collection::vec(".{0,5}", 0..3)), 0..5)) {
        let json: serde_json::Map<String, serde_json::Value> = fields
            .iter()
            .map(|(key, (text, list))| (key.clone(), serde_json::json!({ "t": text, "l": list })))
            .collect();
        for text in [serde_json::to_string(&json), serde_json::to_string_pretty(&json)] {
            let settings = read(&text.expect("JSON"), &|_| None).expect("a file").settings;
            let mut want = Vec::new();
            for (key, (text, list)) in &fields {
                want.push((format!("{key}.l"), Value::List(list.clone())));
                want.push((format!("{key}.t"), Value::Text(text.clone())));
            }
            let got: Vec<(String, Value)> = settings.into_iter().map(|one| (one.key, one.value)).collect();
            prop_assert_eq!(got, want);
        }
    }
}
