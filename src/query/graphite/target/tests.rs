//! Targets: examples of what is read and refused, and generated ones printed and read back.

use super::*;
use crate::base::random::Random;
use crate::query::error::QueryError;

fn read(text: &str) -> Result<String, QueryError> {
    parse(text, &[]).map(|target| target.to_string())
}

#[track_caller]
fn check(text: &str, want: &str) {
    assert_eq!(read(text), Ok(want.to_owned()), "{text}");
}

#[track_caller]
fn check_refused(text: &str, want: &str) {
    match read(text) {
        Err(QueryError::Invalid(got) | QueryError::Limit(got)) => {
            assert!(got.contains(want), "{text}: {got}");
        }
        other => panic!("{text} gives {other:?}, not an error with {want:?}"),
    }
}

#[test]
fn paths() {
    for path in [
        "a",
        "web.cpu",
        "web*.{a,b}.[a-z]?",
        "web{1,}",
        "x{a,{b,c}}y",
        "disk;dc=dc1;host=a",
        "$x.y",
        "inf.cpu",
        "true",
        "2",
        "1.2.cpu",
        "日本.é",
        "a-b:c#d%e",
        "**.c",
    ] {
        check(path, path);
    }
    check(" \t\r\n a.b \n", "a.b");
    check("a\\,b.c\\(d\\)", "a\\,b.c\\(d\\)");
    check("a\\.b", "a.b");
    check("f(\\{a\\,b\\})", "f({a,b})");
}

#[test]
fn calls_pipes_and_literals() {
    check("sum ( a.b , c )", "sum(a.b,c)");
    check("sum()", "sum()");
    check("a|f(x)", "f(a,x)");
    check("a | f(x) | g(1)", "g(f(a,x),1)");
    check("g(true|f(1),2|h())", "g(true|f(1),2|h())");
    check("group(s.a|scale(2),s.b)", "group(scale(s.a,2),s.b)");
    check("s.a|scale(factor=2)", "scale(s.a,factor=2)");
    check("f( a , k = \"v\" , l=b)", "f(a,k=\"v\",l=b)");
    check("f(TRUE,fAlse,None,INF)", "f(true,false,none,inf)");
    check("f(-1,2.50,1E-1,1e3,007)", "f(-1,2.5,0.1,1000.0,7)");
    check("f(99999999999999999999)", "f(1e20)");
    check("f(+2,1e,0x10,NaN)", "f(+2,1e,0x10,NaN)");
    check_refused("f(.5)", "character 3: expected a path");
    check_refused("f(2.)", "character 5: expected a path");
    check("f(a\\=b)", "f(a\\=b)");
    check("f(a=b)", "f(a=b)");
}

#[test]
fn text_is_verbatim() {
    check("f(\"it's\")", "f(\"it's\")");
    check(r#"f("q\"uote")"#, r#"f("q\"uote")"#);
    check(r#"f('say "x"')"#, r#"f('say "x"')"#);
    check("f('it''s')", "f(\"it''s\")");
    check("f(\"\",'')", "f(\"\",\"\")");
    check(r"f('(\d+)','\1')", r#"f("(\d+)","\1")"#);
    check(
        "seriesByTag( 'a=b' , \"c!=~d\" )",
        "seriesByTag( 'a=b' , \"c!=~d\" )",
    );
}

#[test]
fn refusals_say_where_and_what() {
    check_refused(
        "",
        "character 1: expected a path or a function, the target ends",
    );
    check_refused(
        "scale(s.a,2",
        "character 12: expected \",\" or \")\", the target ends",
    );
    check_refused(
        "scale(s.a,2)garbage",
        "character 13: expected \"|\" or the end, found 'g'",
    );
    check_refused(
        "s.a,s.b",
        "character 4: expected \"|\" or the end, found ','",
    );
    check_refused("\"str\"", "character 1: expected a path");
    check_refused("()", "character 1: expected a path");
    check_refused("|f(x)", "character 1: expected a path");
    check_refused("a|f", "character 4: expected \"(\"");
    check_refused("a|", "character 3: expected the name of a function");
    check_refused("a..b", "character 3: expected a path");
    check_refused("a.", "character 3: expected a path");
    check_refused(
        "sum(s.{a, b})",
        "character 10: expected \",\" or \"}\", found ' '",
    );
    check_refused("s.{a.b}", "character 5: expected");
    check_refused("s.{a", "character 3: no } closes this brace");
    check_refused("s.a}", "character 4: expected");
    check_refused("f(\"x)", "character 3: no \" ends this text");
    check_refused("f(a,k=1,b)", "character 9: expected name=value");
    check_refused("f(k=1,k=2)", "character 7: argument k is given twice");
    check_refused("f(a,)", "character 5: expected a path");
    check_refused("é(a)", "character 2: expected");
    check_refused("a\\b", "character 3: expected one of");
    check_refused("a|template(b)", "template takes nothing from a pipe");
    check_refused(
        "seriesByTag(a)",
        "character 13: expected a tag expression in quotes",
    );
    check_refused("seriesByTag()", "seriesByTag needs a tag expression");
}

#[test]
fn limits_hold() {
    check_refused(&"a".repeat(BYTES_MAX + 1), "at most 65536 bytes");
    let nested = |depth: usize| format!("{}a{}", "f(".repeat(depth), ")".repeat(depth));
    assert!(read(&nested(DEPTH_MAX - 1)).is_ok());
    check_refused(&nested(DEPTH_MAX), "at most 64 deep");
    check_refused(&"f(".repeat(20_000), "at most 64 deep");
    let piped = |depth: usize| format!("a{}", "|f()".repeat(depth));
    assert!(read(&piped(DEPTH_MAX - 1)).is_ok());
    check_refused(&piped(DEPTH_MAX), "at most 64 deep");
    check_refused(&piped(15_000), "at most 64 deep");
    let wide = |width: usize| format!("f({})", vec!["a"; width].join(","));
    assert!(read(&wide(ARGUMENTS_MAX)).is_ok());
    check_refused(&wide(ARGUMENTS_MAX + 1), "at most 1024 arguments");
    let many = vec![wide(1000); 9].join(",");
    check_refused(
        &format!("f({many})"),
        "at most 8192 calls, paths and literals",
    );
    let long = "x".repeat(1000);
    let bomb = format!("template({},x=\"{long}\")", "$x".repeat(2000));
    check_refused(&bomb, "template() makes or searches paths of more than");
    // Many variables in many paths.
    let paths = vec!["a.b"; 1_000].join(",");
    let values = vec!["1"; 1_000].join(",");
    let bomb = format!("template(g({paths}),{values})");
    check_refused(&bomb, "template() makes or searches paths of more than");
    let braces = "{".repeat(60_000);
    check_refused(&braces, "no } closes");
}

#[test]
fn templates_are_filled_in() {
    check("template(s.$1,\"b\")", "s.b");
    check("template(scale(s.$x,$f),x=\"a\",f=3)", "scale(s.a,3)");
    check("template(scale(s.a,$f),f=\"3\")", "scale(s.a,3.0)");
    check("template(alias(s.a,$n),n=\"x y\")", "alias(s.a,\"x y\")");
    check("template(s.a)", "s.a");
    check("sum(template(s.$1,\"b\"),s.c)", "sum(s.b,s.c)");
    check("template(s.$x.$x,x=1.5)", "s.1.5.1.5");
    check_refused(
        "template(s.$x,x=s.b)",
        "invalid template() syntax, only string/numeric",
    );
    check_refused(
        "template(s.$x,x=true)",
        "invalid template() syntax, only string/numeric",
    );
    check_refused("template()", "character 10: expected a path");

    let overrides = [("x".to_owned(), "b".to_owned())];
    let filled = parse("template(s.$x,x=\"a\")", &overrides).map(|t| t.to_string());
    assert_eq!(filled, Ok("s.b".to_owned()));
    let untouched = parse("s.$x", &overrides).map(|t| t.to_string());
    assert_eq!(untouched, Ok("s.$x".to_owned()));
}

#[test]
fn leaves_are_selectors_however_they_are_quoted() {
    let selector = |text: &str| parse(text, &[]).map(|target| target.expression.selector());
    let tags = Selector::Tags(vec!["n=x".to_owned(), "m=y".to_owned()]);
    assert_eq!(selector("b.*"), Ok(Some(Selector::Path("b.*".to_owned()))));
    assert_eq!(selector("seriesByTag('n=x','m=y')"), Ok(Some(tags.clone())));
    assert_eq!(selector("seriesByTag(\"n=x\",'m=y')"), Ok(Some(tags)));
    assert_eq!(selector("scale(a,2)"), Ok(None));
}

#[test]
fn first_paths_of_names() {
    for (name, want) in [
        ("sumSeries(srv.*.cpu.user)", Some("srv.*.cpu.user")),
        ("scale(offset(srv.web1.cpu,1),2)", Some("srv.web1.cpu")),
        ("summarize(a.b, \"2min\", \"sum\")", Some("a.b")),
        ("sumSeries(seriesByTag('name=disk'))", None),
        ("Load (5 min)", Some("Load")),
        ("(x)", None),
        ("randomWalk(\"x\")", None),
    ] {
        assert_eq!(first_path(name).as_deref(), want, "{name}");
    }
    let wide = format!("sumSeries(scale(a.b,2){})", ",scale(c.d,2)".repeat(10_000));
    assert_eq!(first_path(&wide).as_deref(), Some("a.b"));
}

fn pick<'a>(random: &mut Random, from: &[&'a str]) -> &'a str {
    from[random.below(from.len() as u64) as usize]
}

fn random_text(random: &mut Random, pieces: &[&str], most: u64) -> String {
    (0..random.below(most))
        .map(|_| pick(random, pieces))
        .collect()
}

/// Paths, some like numbers, of characters that may and may not stand bare.
fn random_path(random: &mut Random) -> String {
    const PIECES: [&str; 20] = [
        "a", "b", ".", "*", "?", "[a-z]", "{a,b}", "{", "}", ",", "(", ")", "'", "\"", "\\", "|",
        "=", "é", ";k=v", "$x",
    ];
    if random.chance(10) {
        // `0\.7e20` is a path that would read as a number without its backslash.
        return format!("{}.{}e2", random.below(10), random.below(100));
    }
    format!("p{}", random_text(random, &PIECES, 9))
}

fn random_expression(random: &mut Random, depth: usize) -> Expression {
    match random.below(if depth == 0 { 2 } else { 4 }) {
        0 => Expression::Path(random_path(random)),
        1 => Expression::Tagged(Tagged {
            written: "seriesByTag('a=b')".to_owned(),
            expressions: vec!["a=b".to_owned()],
        }),
        _ => Expression::Call(random_call(random, depth - 1)),
    }
}

fn random_call(random: &mut Random, depth: usize) -> Call {
    let name = pick(random, &["f", "sumSeries", "_g2", "true"]).to_owned();
    let arguments = (0..random.below(4)).map(|_| random_argument(random, depth));
    let arguments = arguments.collect();
    let named = (0..random.below(3)).map(|i| (format!("k_{i}"), random_argument(random, depth)));
    Call {
        name,
        arguments,
        named: named.collect(),
    }
}

fn random_argument(random: &mut Random, depth: usize) -> Expression {
    const TEXT: [&str; 9] = ["a", " ", "'", "\\\"", "\\'", "\\\\", "é", "(", ","];
    match random.below(9) {
        0 => Expression::Text(random_text(random, &TEXT, 6)),
        1 => Expression::Integer(random.next_u64() as i64 >> random.below(63)),
        2 => {
            let float = f64::from_bits(random.next_u64());
            Expression::Float(if float.is_nan() { 0.5 } else { float.abs() })
        }
        3 => Expression::Boolean(random.chance(50)),
        4 => Expression::None,
        _ => random_expression(random, depth),
    }
}

#[test]
fn a_path_that_looks_like_a_number_stays_a_path() {
    let target = parse("summarize(s,0\\.7e20)", &[]).expect("a target");
    assert_eq!(target.to_string(), "summarize(s,0\\.7e20)");
}

#[test]
fn what_is_printed_reads_back() {
    for seed in 0..20_000 {
        let mut random = Random::new(seed);
        let target = Target {
            expression: random_expression(&mut random, 4),
        };
        let text = target.to_string();
        assert_eq!(parse(&text, &[]), Ok(target), "seed {seed}: {text}");
    }
}

#[test]
fn nothing_panics() {
    const PIECES: [&str; 30] = [
        "a",
        "f(",
        "(",
        ")",
        ",",
        ".",
        "|",
        "{",
        "}",
        "'",
        "\"",
        "\\",
        "=",
        " ",
        "\n",
        "1",
        "-",
        "e",
        "1.5",
        "true",
        "none",
        "inf",
        "template(",
        "seriesByTag(",
        "$1",
        "é",
        "\u{0}",
        "今",
        "[",
        "",
    ];
    for seed in 0..50_000 {
        let mut random = Random::new(seed);
        let text = random_text(&mut random, &PIECES, 24);
        let overrides = [("1".to_owned(), random_text(&mut random, &PIECES, 3))];
        if let Ok(target) = parse(&text, &overrides) {
            let printed = target.to_string();
            // Templates may put any text into a path, also what no path could be read from.
            if !text.contains("template") {
                assert_eq!(parse(&printed, &[]), Ok(target), "seed {seed}: {text:?}");
            }
        }
        let _ = first_path(&text);
    }
}
