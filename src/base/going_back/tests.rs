//! What patterns are reckoned to cost, and that searches keep to it.

use std::time::{Duration, Instant};

use super::*;

const BOUNDS: Bounds = Bounds {
    backtracks: 10_000,
    bytes: 1024 * 1024,
    optimize: true,
};

/// The coefficients of what each going back and what one path costs, and how many pieces there are.
#[track_caller]
fn check(pattern: &str, each: [u64; 2], path: [u64; 2], pieces: usize) {
    let got = reckoning::reckon(pattern);
    let of = |[one, first]: [u64; 2], bytes: u64| one + first * (bytes + 1);
    for bytes in [0, 9, 999] {
        let (length, text) = (bytes as usize, format!("{pattern} of {bytes}"));
        assert_eq!(got.each.of(length), of(each, bytes), "{text}");
        assert_eq!(got.path.of(length), of(path, bytes), "{text}");
    }
    assert_eq!(got.pieces, pieces, "{pattern}");
}

#[test]
fn what_patterns_cost() {
    check("(?!web)a", [10, 0], [10, 0], 2);
    check(".*(?=.*y).*z", [0, 5], [0, 5], 3);
    // Each turn is paid for by its going back.
    check("(?:(?!x).)*y", [3, 0], [3, 2], 2);
    // There is none.
    check("(?:(?=x)){1000}", [1000, 0], [1000, 0], 2);
    check("(?:(?=x)){2}{3}", [6, 0], [6, 0], 2);
    // What is thrown away is not gone back to.
    check("(?=(?:(?=x)y)*z)", [3, 2], [3, 2], 3);
    check("(a+)\\1", [0, 2], [0, 2], 2);
    check("a|b(?=c)|d", [2, 0], [2, 0], 5);
    check("x++y", [1, 1], [1, 1], 2);
    check("(?:a|b|c)[(|(?=)]\\(?=x", [49, 0], [49, 0], 1);
    check("(?=\\w{20})", [0, 20], [0, 20], 2);
    check("(?=(?i)\\p{L}(?i:a))", [4, 0], [4, 0], 2);
}

#[test]
fn a_flat_pattern_has_all_pieces() {
    let flat = |pattern: &str| reckoning::reckon(pattern).flat;
    assert_eq!(
        flat("(?<=a)b(?>c|d)\\1\\k<n>(?(1)e|f)[(?=[]]]g++h{2}+(?<n>i)"),
        "(?:a)b(?:c|d)(?:)(?:)(?:e|f)[(?=[]]]g+h{2}(?<n>i)"
    );
    // What goes back is compiled once, however often it is there.
    assert_eq!(flat("(?:(?!a)b){9}c{9}"), "(?:(?:a)b)*c{9}");
}

#[test]
fn costs_do_not_wrap() {
    let huge = "(?:".repeat(40) + "(?=.*x)" + &"){4000000000}".repeat(40);
    let nested = "(?=(?:".repeat(40) + "x(?=y)" + &")*)".repeat(40);
    for pattern in [huge, nested] {
        let got = reckoning::reckon(&pattern);
        assert!(WORK_MAX < got.path.of(10), "{pattern}: {got:?}");
    }
}

#[test]
fn searches_keep_to_their_bound() {
    let text = "x".repeat(4_000);
    for pattern in [
        ".*(?=.*y).*z".to_owned(),
        format!(".*{}(?=.*y).*z", "(?=.*x)".repeat(40)),
        "(?:(?=.*x)){4000000000}".to_owned(),
        "(?:(?=.*x)x?){4000000000}".to_owned(),
        "(?:(?:(?:x?)(?=.*x)){1000}){1000}y".to_owned(),
        "(?:(?:(x?)\\1){1000}){1000}y".to_owned(),
        "(?:(?=.*x)x)*(?:(?=.*x)x)*y".to_owned(),
        "(?>(?:(?=.*x)x)*)(?:(?=.*x)x)*y".to_owned(),
        ".*(?=[wx]*x[wx]{300}y).*z".to_owned(),
    ] {
        let began = Instant::now();
        match Backtracking::new(pattern.clone(), BOUNDS, false) {
            Err(refused) => assert!(
                matches!(refused, Refused::Wrong(_)),
                "{pattern}: {refused:?}"
            ),
            Ok(compiled) => {
                let found = compiled.for_text(text.len());
                let found =
                    found.and_then(|(regex, too_much)| regex.is_match(&text).map_err(|_| too_much));
                assert_ne!(found, Ok(true), "{pattern}");
            }
        }
        // Some 20 ms where it is optimized.
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "{pattern}: {:?}",
            began.elapsed()
        );
    }
}

#[test]
fn pieces_share_the_limits() {
    let new = |pattern: String| Backtracking::new(pattern, BOUNDS, false).map(|_| ());
    assert_eq!(
        new("(?=\\p{L}{20})".repeat(580) + "x*"),
        Err(Refused::Pieces)
    );
    let many = (20..60).map(|count| format!("(?=\\p{{L}}{{{count}}})"));
    assert_eq!(new(many.collect()), Err(Refused::Large));
    assert_eq!(new("(?=\\p{L}+)x*".to_owned()), Ok(()));
    let letters: Vec<String> = (0..100).map(|nth| format!("a{nth}")).collect();
    assert_eq!(new(format!("(?!x)(?:{})", letters.join("|"))), Ok(()));
}
