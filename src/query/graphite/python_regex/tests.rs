//! Against answers of Python 3.11: `cases.jsonl` has a pattern, a replacement and a text a line, and
//! what `re.search` and `re.sub` gave, or that they refused.

use super::*;
use crate::query::breath::Breathless;
use crate::query::testing::run;

const CASES: &str = include_str!("cases.jsonl");

/// Whether it matches, and what replacing makes.
fn answer(pattern: &str, replacement: &str, text: &str) -> Result<(bool, String), QueryError> {
    let pace = Pace::new(&Breathless);
    let pattern = Pattern::new(pattern)?;
    let found = run(pattern.is_in(text, &pace))?;
    let replacement = Replacement::new(replacement, &pattern)?;
    let made = run(pattern.replaced(text, &replacement, &pace))?;
    Ok((found, made))
}

#[test]
fn every_case_is_as_in_python() {
    // A file of more cases can be named, such as ones just made.
    let more = std::env::var_os("CORELANE_REGEX_CASES");
    let more = more.map(|path| std::fs::read_to_string(path).expect("a file of cases"));
    let mut faults = Vec::new();
    let mut cases = 0;
    for line in more.as_deref().unwrap_or(CASES).lines() {
        cases += 1;
        let case: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let text = |key: &str| case[key].as_str().unwrap_or_default();
        let got = match answer(text("p"), text("r"), text("t")) {
            Ok((found, made)) => format!("{found} {made:?}"),
            Err(QueryError::Invalid(_)) => "refused".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        let want = match case["made"].as_str() {
            Some(made) => format!("{} {made:?}", case["found"]),
            None => "refused".to_owned(),
        };
        if got != want {
            faults.push(format!("{line}\n  got  {got}\n  want {want}"));
        }
    }
    let count = faults.len();
    assert!(
        faults.is_empty(),
        "{count} of {cases}:\n{}",
        faults.join("\n")
    );
    assert!(1_000 < cases, "only {cases}");
}

/// What a group keeps that was repeated and matched nothing the last time: there Python differs.
#[test]
fn groups_keep_what_they_matched_last() {
    assert_eq!(
        answer("(a*)*", "[\\1]", "aa").map(|it| it.1),
        Ok("[aa][]".to_owned())
    );
}

#[track_caller]
fn check_refused(pattern: &str, replacement: &str, text: &str, want: &str) {
    let told = match answer(pattern, replacement, text) {
        Ok(made) => panic!("{pattern} makes {made:?}"),
        Err(error) => error.to_string(),
    };
    assert!(told.contains(want), "{pattern}: {told}");
}

#[test]
fn refusals_are_in_pythons_words() {
    check_refused("a)", "", "", "unbalanced parenthesis at position");
    check_refused("(a", "", "", "missing ), unterminated subpattern");
    check_refused("*a", "", "", "nothing to repeat");
    check_refused("a**", "", "", "multiple repeat");
    check_refused("[a", "", "", "unterminated character set");
    check_refused(
        "(?<=a*)b",
        "",
        "",
        "look-behind requires fixed-width pattern",
    );
    check_refused("a", "\\2", "", "invalid group reference 2");
    check_refused("(?P<n>a)", "\\g<m>", "", "unknown group name 'm'");
    check_refused("a", "\\q", "", "bad escape \\q");
    check_refused("\\N{DIGIT ONE}", "", "", "bad escape \\N");
}

#[test]
fn limits_are_named() {
    let long = "a".repeat(PATTERN_BYTES_MAX + 1);
    check_refused(&long, "", "", "at most 4096 bytes");
    check_refused("(?:a{1000}){1000}", "", "", "needs more than 1048576 bytes");
    check_refused(
        "(?=a)(?:\\w{1000}){1000}",
        "",
        "",
        "needs more than 1048576 bytes",
    );
    let deep = "(".repeat(60) + &")".repeat(60);
    check_refused(&deep, "", "", "groups in each other");
    check_refused(
        "(?:)".repeat(1000).as_str(),
        "\\g<9>",
        "",
        "invalid group reference",
    );
    let many = "()".repeat(200);
    check_refused(&many, "", "", "more than 99 groups");
    let text = "a".repeat(40);
    check_refused(
        "(?=(a+)+$)(a+)+\\1+b",
        "",
        &text,
        "goes back more than 50000 times in 40 bytes of one name",
    );
    let text = "x".repeat(4_000);
    let looks = |count: usize| format!(".*{}(?=.*y).*z", "(?=.*x)".repeat(count));
    check_refused(&looks(0), "", &text, "goes back more than 97 times");
    check_refused(&looks(50), "", &text, "would look at too much");
    check_refused(&looks(500), "", "", "more than 64 look-arounds");
    check_refused(
        "(?:(?=.*x)x?){4000000000}",
        "",
        &text,
        "would look at too much",
    );
    let text = "a".repeat(TEXT_BYTES_MAX + 1);
    check_refused("a", "", &text, "at most 262144 bytes");
    let text = "a".repeat(10_000);
    check_refused("a", &"b".repeat(100), &text, "at most 262144 bytes");
}
