//! What a query is told that makes no sense: every text of KairosDB's, with its status, and always one.

use super::*;

#[track_caller]
fn check(fleet: &TestFleet, text: &str, status: u16, told: &str) {
    let told = format!(
        "{{\"errors\":[{}]}}",
        serde_json::to_string(told).expect("a text")
    );
    assert_eq!(query(fleet, text), (status, told), "{text}");
}

#[test]
fn of_the_query() {
    let fleet = fleet();
    let bad = |text: &str, told: &str| check(&fleet, text, 400, told);
    let m = r#""metrics":[{"name":"m"}]"#;
    let start = "query.metric[0].start_time relative or absolute time must be set";
    bad(&format!("{{{m}}}"), start);
    let end = "query.metric[0].end_time must be greater than the start time";
    bad(
        &format!(r#"{{"start_absolute":5,"end_absolute":4,{m}}}"#),
        end,
    );
    let none = "query.metric[] must have a size of at least 1";
    bad(r#"{"start_absolute":5}"#, none);
    bad(r#"{"start_absolute":5,"metrics":null}"#, none);
    // A bad name hides a missing start.
    bad(
        r#"{"metrics":[{}]}"#,
        "query.metric[0].name may not be null",
    );
    bad(
        r#"{"metrics":[{"name":""}]}"#,
        "query.metric[0].name may not be empty",
    );
    let cache = "cache_time must be greater than or equal to 0";
    bad(r#"{"cache_time":-1,"metrics":[]}"#, cache);
    for which in ["start", "end"] {
        let name = format!("{which}_relative");
        let told = format!("{name}.value must be greater than or equal to 0");
        bad(
            &format!(r#"{{"{name}":{{"value":-1,"unit":"days"}},{m}}}"#),
            &told,
        );
        let told = format!("{name}.unit may not be null");
        bad(&format!(r#"{{"{name}":{{"value":1}},{m}}}"#), &told);
        let told = "query.bogus is not a valid time unit, must be one of \
                    MILLISECONDS,SECONDS,MINUTES,HOURS,DAYS,WEEKS,MONTHS,YEARS";
        bad(
            &format!(r#"{{"{name}":{{"value":1,"unit":"bogus"}},{m}}}"#),
            told,
        );
    }
    bad(
        r#"{"plugins":[{"name":"x"}],"metrics":[]}"#,
        ".plugins[0].x invalid query plugin name",
    );
    for (text, told) in [
        ("", "null"),
        (" ", "null"),
        ("null", "null"),
        (" [] ", "[]"),
        ("5", "5"),
        ("[ 1,{'a':'b'}]", r#"[1,{"a":"b"}]"#),
        ("\"x\"", "\"x\""),
    ] {
        check(&fleet, text, 500, &format!("Not a JSON Object: {told}"));
    }
    let nothing = (200, r#"{"queries":[]}"#.to_owned());
    assert_eq!(query(&fleet, r#"{"metrics":[]}"#), nothing);
    for zone in [
        "Europe/Paris",
        "EST",
        "US/Eastern",
        "Etc/GMT+5",
        "+02:00",
        "",
    ] {
        let text = format!(r#"{{"time_zone":"{zone}","metrics":[]}}"#);
        assert_eq!(query(&fleet, &text), nothing, "{zone}");
    }
    for zone in ["bogus", "Z", "UTC+2", "europe/paris"] {
        let (status, told) = query(&fleet, &format!(r#"{{"time_zone":"{zone}","metrics":[]}}"#));
        assert_eq!(status, 400);
        let begins = format!("query.{zone} is not a valid time zone, must be one of [");
        assert!(
            told.contains(&begins) && told.contains("Europe/Paris"),
            "{told}"
        );
    }
}

#[test]
fn of_a_metric() {
    let fleet = fleet();
    let within = |rest: &str, told: &str| {
        let text = format!(r#"{{"start_absolute":0,"metrics":[{{"name":"m"{rest}}}]}}"#);
        check(&fleet, &text, 400, &format!("query.metric[0].{told}"));
    };
    within(r#","tags":{"":"x"}"#, "tags[0] name must not be empty");
    for empty in ["null", "\"\"", "[\"a\",\"\"]", "[null]"] {
        within(
            &format!(r#","tags":{{"host":{empty}}}"#),
            "tags[0].host value must not be null or empty",
        );
    }
    within(r#","tags":[]"#, "tags must be an object");
    within(r#","tags":null"#, "tags must be an object");
    within(r#","order":"up""#, "order must be either 'asc' or 'desc'");
    within(r#","order":null"#, "order must be a text");
    within(
        r#","plugins":[{"name":"x"}]"#,
        "plugins[0].x invalid query plugin name",
    );
    within(r#","exclude_tags":1"#, "exclude_tags must be true or false");
    within(
        r#","limit":"abc""#,
        "limit must be a whole number of 64 bits",
    );
    let aggregator = |json: &str, told: &str| {
        within(
            &format!(r#","aggregators":[{json}]"#),
            &format!("aggregators[0]{told}"),
        );
    };
    aggregator(r#"{}"#, " must have a name");
    aggregator(r#"{"name":""}"#, " must have a name");
    aggregator("null", " must be an object");
    aggregator(r#"{"name":"bogus"}"#, ".bogus invalid aggregators name");
    aggregator(
        r#"{"name":"sum","sampling":{"value":-1,"unit":"days"}}"#,
        ".sampling.value must be greater than or equal to 0",
    );
    aggregator(
        r#"{"name":"sum","sampling":{"value":1}}"#,
        ".sampling.unit may not be null",
    );
    aggregator(
        r#"{"name":"sum","sampling":{"value":1,"unit":"bogus"}}"#,
        ".bogus is not a valid time unit, must be one of \
         MILLISECONDS,SECONDS,MINUTES,HOURS,DAYS,WEEKS,MONTHS,YEARS",
    );
    aggregator(r#"{"name":"div"}"#, ".m_divisor may not be zero");
    aggregator(
        r#"{"name":"div","divisor":"0.0"}"#,
        ".m_divisor may not be zero",
    );
    aggregator(r#"{"name":"score"}"#, ".thresholds may not be null");
    aggregator(r#"{"name":"percentile"}"#, ".percentile may not be zero");
    aggregator(
        r#"{"name":"percentile","percentile":"0.0.0"}"#,
        ".percentile multiple points",
    );
    aggregator(
        r#"{"name":"scale","factor":"x"}"#,
        ".factor For input string: \"x\"",
    );
    aggregator(
        r#"{"name":"trim","trim":"foo"}"#,
        ".foo is not a valid trim type, must be 'first', 'last' or 'both'.",
    );
    aggregator(
        r#"{"name":"filter","filter_op":"foo"}"#,
        ".foo is not a valid trim type, must be 'lte', 'lt', 'gte', 'gt', 'equal' or 'ne'.",
    );
    aggregator(
        r#"{"name":"sum","align_sampling":5}"#,
        ".align_sampling must be true or false",
    );
    let grouper = |json: &str, told: &str| {
        within(
            &format!(r#","group_by":[{json}]"#),
            &format!("group_by[0]{told}"),
        );
    };
    grouper(r#"{}"#, " must have a name");
    grouper(r#"{"name":"bogus"}"#, ".bogus invalid group_by name");
    grouper(r#"{"name":"tag"}"#, ".tags may not be null");
    grouper(r#"{"name":"tag","tags":[]}"#, ".tags may not be empty");
    grouper(
        r#"{"name":"time","group_count":1}"#,
        ".rangeSize may not be null",
    );
    grouper(
        r#"{"name":"time","range_size":{"value":1,"unit":"days"}}"#,
        ".groupCount must be greater than or equal to 1",
    );
    grouper(
        r#"{"name":"time","range_size":{"value":-1,"unit":"days"},"group_count":1}"#,
        ".range_size.value must be greater than or equal to 0",
    );
    grouper(
        r#"{"name":"value","range_size":0}"#,
        ".rangeSize must be greater than or equal to 1",
    );
    grouper(r#"{"name":"bin"}"#, ".bins may not be null");
}

#[test]
fn unknown_properties() {
    let fleet = fleet();
    let told = |list: &str, name: &str, class: &str| {
        let text = format!(
            r#"{{"start_absolute":0,"metrics":[{{"name":"m","{list}":[{{"name":"{name}","foo":1}}]}}]}}"#
        );
        let told = format!(
            "Property 'foo' was specified for object '{name}' but no matching setter was found on \
             'class org.kairosdb.core.{class}'"
        );
        check(&fleet, &text, 400, &told);
    };
    for (name, class) in [
        ("sum", "SumAggregator"),
        ("gaps", "DataGapsMarkingAggregator"),
        ("dev", "StdAggregator"),
        ("div", "DivideAggregator"),
        ("rate", "RateAggregator"),
    ] {
        told("aggregators", name, &format!("aggregator.{class}"));
    }
    told("group_by", "tag", "groupby.TagGroupBy");
    told("group_by", "bin", "groupby.BinGroupBy");
    let text = r#"{"start_absolute":0,"metrics":[{"name":"m","aggregators":[{"name":"sampler","sampling":{}}]}]}"#;
    assert_eq!(query(&fleet, text).0, 400);
}

#[test]
fn of_the_text() {
    let fleet = fleet();
    for broken in [
        "{",
        "{}x",
        "{\"metrics\":[}",
        "{,}",
        "{\"metrics\":[{\"name\":\"m\",}]}",
        "{\"start_absolute\":0,\"metrics\":[{\"name\":\"m\"},]}",
        "{\"start_absolute\":0,\"metrics\":{}}",
        "{\"start_absolute\":0,\"metrics\":[5]}",
        "{\"start_absolute\":0,\"metrics\":[{\"name\":{}}]}",
        "{\"start_absolute\":true,\"metrics\":[{\"name\":\"m\"}]}",
        "{\"start_absolute\":0,\"metrics\":[{\"name\":\"m\",\"tags\":{\"a\":\"regex:(\"}}]}",
        "{\"start_absolute\":0,\"metrics\":[{\"name\":\"m\",\"aggregators\":{}}]}",
    ] {
        let (status, told) = query(&fleet, broken);
        assert_eq!(status, 400, "{broken}");
        assert!(
            told.starts_with("{\"errors\":[\"") && told.ends_with("\"]}"),
            "{told}"
        );
        assert_eq!(told.matches("\",\"").count(), 0, "{told}");
    }
}

/// Whatever is long, deep or many has an end, and an error that tells it.
#[test]
fn of_size() {
    let fleet = fleet();
    let m = |rest: &str| format!(r#"{{"start_absolute":0,"metrics":[{{"name":"m"{rest}}}]}}"#);
    let many = |one: &str, count: usize| vec![one; count].join(",");
    let keys: Vec<String> = (0..70).map(|i| format!(r#""k{i}":"v""#)).collect();
    for (text, told) in [
        (
            format!("{{\"metrics\":{}{}}}", "[".repeat(70), "]".repeat(70)),
            "nested 64 deep",
        ),
        (
            format!("{{\"metrics\":[{}]}}", "0,".repeat(100_001)),
            "at most 100000 values",
        ),
        (
            format!("{{\"metrics\":[{}]}}", many("{}", 1_001)),
            "at most 1000 metrics",
        ),
        (
            m(&format!(
                r#","aggregators":[{}]"#,
                many(r#"{"name":"diff"}"#, 101)
            )),
            "more than 100 entries",
        ),
        (
            m(&format!(
                r#","group_by":[{}]"#,
                many(r#"{"name":"value","range_size":1}"#, 33)
            )),
            "more than 32 entries",
        ),
        (
            m(&format!(r#","tags":{{{}}}"#, keys.join(","))),
            "more than 60 keys",
        ),
        (
            m(&format!(r#","tags":{{"a":[{}]}}"#, many("\"regex:a\"", 9))),
            "more than 8 regular expressions",
        ),
        (
            m(r#","tags":{"a":"regex:((((a{1,99}){1,99}){1,99}){1,99})"}"#),
            "use a simpler one",
        ),
        (
            m(&format!(
                r#","group_by":[{{"name":"bin","bins":[{}]}}]"#,
                many("1", 10_001)
            )),
            "more than 10000 entries",
        ),
    ] {
        let (status, answer) = query(&fleet, &text);
        assert_eq!(status, 400, "{told}");
        assert!(answer.contains(told), "{told}: {answer}");
        assert!(answer.len() < 2_000);
    }
    let long = m(&format!(
        r#","aggregators":[{{"name":"{}"}}]"#,
        "x".repeat(1 << 20)
    ));
    let (status, answer) = query(&fleet, &long);
    assert!(status == 400 && answer.len() < 70_000);
}
