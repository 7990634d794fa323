//! Functions that rename: what the table of the original cannot say.

use super::*;

#[test]
fn examples() {
    check(
        "aliasByMetric(scale(srv.web1.cpu.user,2))",
        "user [2,4,6,8]",
    );
    check(
        r"aliasSub(srv.web1.cpu.user,'^.*web(\d+).*$','W\1')",
        "W1 [1,2,3,4]",
    );
    check(r#"aliasSub(s.a, "(^.*$)", "\1 A")"#, "s.a A [1,2,·,4,5,6]");
    check(
        "seriesByTag('name=disk')|aliasByTags('host','dc')",
        "a.dc1 [1,2,3] ‖ b.dc1 [10,20,30] ‖ c.dc2 [100,·,300]",
    );
    check("aliasSub(s.a,'x*','-')", "-s-.-a- [1,2,·,4,5,6]");
}

#[test]
fn wrong_arguments() {
    check_refused(
        "aliasSub(s.a,'(','b')",
        "missing ), unterminated subpattern",
    );
    check_refused("aliasSub(s.a,'a','\\2')", "invalid group reference 2");
    check_refused(
        "aliasQuery(s.a,'a$','nosuch','%d')",
        "No series found with query: s.nosuch",
    );
    check_refused(
        "aliasQuery(s.a,'a$','null','%d')",
        "Cannot get last value of series: s.null",
    );
    check_refused("aliasQuery(s.a,'a$','(','%d')", "expected");
    check_refused(
        "aliasQuery(s.a,'a$','b','%d%d')",
        "not enough arguments for format string",
    );
    check_refused(
        "legendValue(s.a)",
        "Missing required parameter \"valuesTypes\"",
    );
    check_refused("upper(s.a,'x')", "Invalid \"integer\" value");
    check_refused("aliasByTags(s.a)", "Missing required parameter \"tags\"");
}

#[test]
fn one_name_does_not_grow_without_end() {
    let target = format!(
        "aliasSub(alias(s.a,'{}'),'.','{}')",
        "x".repeat(9_000),
        "y".repeat(99)
    );
    let answer = ask(&target, &context());
    assert!(matches!(answer, Err(QueryError::Limit(_))), "{answer:?}");
}
