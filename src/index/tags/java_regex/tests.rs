//! What `java.util.regex.Pattern.matches` says, and what is refused.

use super::*;

/// What Java says, of the values that match and those that do not.
#[track_caller]
fn check(pattern: &str, matching: &[&str], others: &[&str]) {
    let regex = JavaRegex::new(pattern);
    let regex = regex.unwrap_or_else(|unfit| panic!("{pattern}: {unfit:?}"));
    for (values, want) in [(matching, true), (others, false)] {
        for value in values {
            assert_eq!(regex.matches(value), Ok(want), "{pattern} on {value:?}");
        }
    }
}

#[test]
fn what_java_patterns_match() {
    check("web", &["web"], &["web1", "xweb", "WEB", "web\n"]);
    check(
        "web.*|db1",
        &["web", "web1", "db1"],
        &["db12", "web\n2", "web\r", ""],
    );
    check("(?s)web.*", &["web\n2"], &[]);
    check("(?i)WEB\\d", &["web1", "Web2"], &["web\u{663}"]);
    check("^web1$", &["web1"], &["web1\n"]);
    check("web1\\Z", &["web1"], &["web1\n"]);
    check("", &[""], &["a"]);
    check("\\w{3}1", &["web1"], &["w\u{e9}b1"]);
    check("[\\w.]+", &["a.b_1"], &["a-b"]);
    check("[^\\W]+", &["web1"], &["w-1"]);
    check("[a-z&&[^w]]+\\d", &["db1"], &["web1"]);
    check("[]a]+", &["]a"], &["b"]);
    check("[+--]", &["+", ",", "-"], &["."]);
    check("\\h*web1", &["web1", "\u{a0}\tweb1"], &["fweb1", "\nweb1"]);
    check("a\\vb", &["a\nb", "a\u{2028}b"], &["a b"]);
    check("\\Qa.b\\E.", &["a.bx"], &["axbx"]);
    check("\\Q(*", &["(*"], &["("]);
    check("[\\Q^-]\\E]", &["^", "-", "]"], &["\\", "x"]);
    check("\\p{Alpha}+\\d", &["web1"], &["\u{e9}1"]);
    check("\\P{Digit}+", &["web"], &["web1"]);
    check("\\p{L}+", &["w\u{e9}b"], &["1"]);
    check("\\pL\\p{javaDigit}", &["w1"], &["11"]);
    check("\\x77eb\\u0031", &["web1"], &["web"]);
    check("\\uD83D\\uDE00", &["\u{1F600}"], &["x"]);
    check("\\0167eb\\061", &["web1"], &["web"]);
    check("\\cA", &["\u{1}"], &["A"]);
    check("\\<a\\-b\\>", &["<a-b>"], &["a-b"]);
    check(
        "(?x) web # all of them\n 1 # the first",
        &["web1"],
        &["web 1"],
    );
    check("(?x:a b)c d", &["abc d"], &["abcd"]);
    check("(?x)a +(?-x:b )c#", &["aab c"], &["aabc"]);
    check("(?:(?x)a b)c d#", &["abc d#"], &["abcd"]);
    check("(?s:a.)b.", &["a\nbx"], &["a\nb\n"]);
    check("(?x)\\#\\ ", &["# "], &["#"]);
    check("(?u)w(?-i:e)b", &["web"], &["wEb"]);
    check("web\\d{1,2}?", &["web1", "web12"], &["web123"]);
    check("(?<n>web)1", &["web1"], &["web"]);
    check("[\\--a]", &["-", "A", "a"], &["b", ","]);
    check("[\\~-~a]", &["~", "a"], &["-", "b"]);
    check("[a~~b]+", &["ab~"], &["c"]);
    check("[[:alpha:]]+", &["alpha:", "p"], &["b", "["]);
    check("[^:]+", &["a"], &[":"]);
    check("(?x)[a b]", &["a", "b"], &[" "]);
    check("(?x)[a # one\n b]", &["a", "b"], &["#", "o"]);
    check("(?x)[ ]a]", &["]", "a"], &[" "]);
    check("(?x)[ ^a]", &["^", "a"], &["b"]);
    check("(?x)[[ :alpha:]]", &[":", "a"], &["b"]);
    check("(?x)x[\\ ]y", &["x y"], &["xy"]);
}

#[test]
fn what_only_going_back_finds() {
    check("(?!web).*", &["db1", ""], &["web1", "web"]);
    check("web(?=1)1", &["web1"], &["web2"]);
    check(".*(?<!test)", &["web", "db1"], &["webtest"]);
    check("(?>a|ab)c", &["ac"], &["abc"]);
    check("a++a", &[], &["aa", "aaa"]);
    check("a*+b?+", &["aab", ""], &["aba"]);
    check("web\\d{1,2}+1", &["web111"], &["web11"]);
    check("(w)eb\\1", &["webw"], &["webx"]);
    check("(a)\\11", &["aa1"], &["aa", "aaaaaaaaaaaa"]);
    check("(?<n>a)(b)\\2\\10", &["abba0"], &["abb"]);
    check(
        "(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)\\11",
        &["abcdefghijkk"],
        &["abcdefghijka1"],
    );
    check("(?<n>[ab])-\\k<n>", &["a-a", "b-b"], &["a-b"]);
    check("(?!x)a.c", &["abc"], &["a\nc", "xbc"]);
}

#[test]
fn what_is_none_is_refused() {
    for pattern in [
        "(",
        "a)|(b",
        ")",
        "[a",
        "*a",
        "\\",
        "\\y",
        "\\x1",
        "\\u12",
        "\\08",
        "(?P<n>a)",
        "(?q)a",
        "\\p{NoSuch}",
        "\\uD83D",
        "(a",
        "\\c",
    ] {
        let refused = JavaRegex::new(pattern).expect_err(pattern);
        assert!(matches!(refused, Unfit::Wrong(_)), "{pattern}: {refused:?}");
    }
    let large = JavaRegex::new("(?:.{1000}){1000}").expect_err("a million states");
    assert_eq!(large, Unfit::Large);
    assert!(JavaRegex::new(&format!("{}x{}", "(".repeat(900), ")".repeat(900))).is_err());
    let deep = format!("(?=a){}x{}", "(".repeat(2000), ")".repeat(2000));
    assert!(JavaRegex::new(&deep).is_err());
}

#[test]
fn going_back_has_an_end() {
    let regex = JavaRegex::new("(?:(x+)\\1?)+y").expect("a good pattern");
    let went_back = |backtracks, bytes| Err(TooMuch::WentBack { backtracks, bytes });
    assert_eq!(regex.matches(&"x".repeat(60)), went_back(10_000, 60));
    assert!(regex.backtracking_cost(60).is_some_and(|cost| 0 < cost));
    let linear = JavaRegex::new("x.*").expect("good");
    assert_eq!(linear.backtracking_cost(60), None);
    // What stands in a look-around is searched along the value again and again.
    let long = "x".repeat(4_000);
    let looks = |count: usize| format!(".*{}(?=.*y).*z", "(?=.*x.*x)".repeat(count));
    let regex = JavaRegex::new(&looks(0)).expect("good");
    assert_eq!(regex.matches(&long), went_back(156, 4_000));
    assert_eq!(regex.matches("xxyz"), Ok(true));
    let regex = JavaRegex::new(&looks(40)).expect("good");
    assert_eq!(regex.matches(&long), Err(TooMuch::Looks { bytes: 4_000 }));
    assert_eq!(regex.matches("xxyz"), Ok(true));
    let told = JavaRegex::new(&looks(400)).expect_err("too many");
    let wrong = |told: &Unfit| matches!(told, Unfit::Wrong(why) if why.contains("look-arounds"));
    assert!(wrong(&told), "{told:?}");
}
