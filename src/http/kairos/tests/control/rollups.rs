//! Roll-ups and `save_as`.

use super::*;
use crate::http::RollUps;
use crate::model::rollup::TaskId;
use crate::model::series::SeriesName;

fn rolling() -> HttpOptions {
    HttpOptions {
        kairos: KairosOptions {
            rollups: true,
            ..KairosOptions::default()
        },
        ..HttpOptions::default()
    }
}

const TASK: &str = r#"{"name":"t1","execution_interval":{"value":1,"unit":"hours"},
    "rollups":[{"save_as":"m_sum","query":{"start_relative":{"value":1,"unit":"hours"},
    "metrics":[{"name":"m","tags":{},"group_by":[{"name":"tag","tags":["host"]}],
    "aggregators":[{"name":"sum","align_start_time":true,
    "sampling":{"value":10,"unit":"minutes"}}]}]}}]}"#;

fn rollups(fleet: &TestFleet, method: &str, path: &str, text: &str) -> (u16, String) {
    let path = format!("/rollups{path}");
    call_with(fleet, &rolling(), method, &path, text)
}

fn create(fleet: &TestFleet, text: &str) -> String {
    let (status, told) = rollups(fleet, "POST", "/", text);
    assert_eq!(status, 200, "{told}");
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    told["id"].as_str().expect("an id").to_owned()
}

#[test]
fn tasks_are_kept_changed_and_forgotten() {
    let fleet = fleet();
    let (_, told) = rollups(&fleet, "POST", "", TASK);
    let id = told.get(7..43).expect("an id").to_owned();
    assert!(id.parse::<TaskId>().is_ok(), "{id}");
    let want =
        format!(r#"{{"id":"{id}","name":"t1","attributes":{{"url":"/api/v1/rollups/{id}"}}}}"#);
    assert_eq!(told, want);
    let compact: String = TASK.split_whitespace().collect();
    let kept = format!(r#"{{"id":"{id}",{}"#, &compact[1..]);
    let get = |path: &str| rollups(&fleet, "GET", path, "");
    assert_eq!(get(&format!("/{id}")), (200, kept.clone()));
    assert_eq!(get(""), (200, format!("[{kept}]")));
    let changed = TASK
        .replace("t1", "t2")
        .replacen("{\"name\"", "{\"id\":\"x\",\"name\"", 1);
    let (status, told) = rollups(&fleet, "PUT", &format!("/{id}/"), &changed);
    assert_eq!((status, told), (200, want.replace("t1", "t2")));
    assert_eq!(get(&format!("/{id}")).1, kept.replace("t1", "t2"));
    let other = create(&fleet, TASK);
    assert_ne!(other, id);
    let jobs = call_with(&fleet, &rolling(), "GET", "/admin/scheduledjobs", "");
    assert!(
        jobs.1.contains(&id) && jobs.1.contains(&other),
        "{}",
        jobs.1
    );
    assert_eq!(rollups(&fleet, "DELETE", &format!("/{other}"), "").0, 204);
    assert_eq!(get(""), (200, format!("[{}]", kept.replace("t1", "t2"))));
    for id in ["bogus", other.as_str()] {
        let told = format!(r#"{{"errors":["Resource not found for id {id}"]}}"#);
        for method in ["GET", "PUT", "DELETE"] {
            let got = rollups(&fleet, method, &format!("/{id}"), TASK);
            assert_eq!(got, (404, told.clone()), "{method}");
        }
        let told = format!(r#"{{"errors":["Status not found for id {id}"]}}"#);
        assert_eq!(get(&format!("/status/{id}")), (404, told));
    }
}

#[test]
fn what_is_wrong_with_a_task_is_told() {
    let fleet = fleet();
    let check = |text: &str, status: u16, want: &[&str]| {
        let (got, told) = rollups(&fleet, "POST", "", text);
        let errors: Vec<String> = want.iter().map(|one| format!("\"{one}\"")).collect();
        let want = format!("{{\"errors\":[{}]}}", errors.join(","));
        assert_eq!((got, told), (status, want), "{text}");
    };
    check(
        "{}",
        400,
        &["name may not be null", "executionInterval may not be null"],
    );
    check(
        r#"{"name":"","rollups":[]}"#,
        400,
        &["name may not be empty", "executionInterval may not be null"],
    );
    check("[]", 500, &["Not a JSON Object: []"]);
    check("x", 500, &[r#"Not a JSON Object: \"x\""#]);
    let unit = "is not a valid time unit, must be one of \
                MILLISECONDS,SECONDS,MINUTES,HOURS,DAYS,WEEKS,MONTHS,YEARS";
    check(
        r#"{"name":"t","execution_interval":{"value":1,"unit":"bogus"},"rollups":[]}"#,
        500,
        &[unit],
    );
    let named = |rollups: &str| {
        format!(
            r#"{{"name":"t","execution_interval":{{"value":1,"unit":"hours"}},"rollups":[{rollups}]}}"#
        )
    };
    check(&named("{}"), 400, &["rollup[0].saveAs may not be null"]);
    check(
        &named(r#"{"save_as":""}"#),
        400,
        &["rollup[0].saveAs may not be empty"],
    );
    check(
        &named(r#"{"save_as":"x","query":{"metrics":[{"name":"m"}]}}"#),
        400,
        &["rollup[0].query.metric[0].start_time relative or absolute time must be set"],
    );
    check(
        &named(r#"{"save_as":"x","query":{"start_absolute":1,"metrics":[{"name":"m"}]}}"#),
        400,
        &["rollup[0].query[0].aggregator At least one aggregator must be a range aggregator"],
    );
    check(
        &named(r#"{"save_as":"x","query":{}}"#),
        400,
        &["rollup[0]query.metric[] must have a size of at least 1"],
    );
    let zone = named(r#"{"save_as":"x","time_zone":"bogus","query":{}}"#);
    let (status, told) = rollups(&fleet, "POST", "", &zone);
    let want = r#"{"errors":["is not a valid time zone, must be one of ["#;
    assert!(
        status == 500 && told.starts_with(want),
        "{status} {}",
        &told[..99]
    );
    check("", 500, &["Not a JSON Object: null"]);
    let (status, told) = rollups(&fleet, "POST", "", &TASK.replace("hours", "bogus"));
    assert_eq!(status, 500, "{told}");
    assert!(
        told.contains("is not a valid time unit, must be one of"),
        "{told}"
    );
    assert_eq!(rollups(&fleet, "POST", "", &named("")).0, 200);
}

/// What was written: series, times and values, sorted.
fn written(fleet: &TestFleet) -> Vec<(String, i64, f64)> {
    let taken = std::mem::take(&mut *fleet.taken.borrow_mut());
    let mut written: Vec<(String, i64, f64)> = taken
        .into_iter()
        .map(|(name, time_ms, number)| {
            let sent = sent::name_of(&name).expect("a good form");
            (SeriesName::text(&sent.name), time_ms, number.to_f64())
        })
        .collect();
    written.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    written.dedup();
    written
}

const MINUTE: i64 = 60_000;
/// A whole ten minutes before the now of the tests.
const BASE: i64 = NOW_S * 1000 / (10 * MINUTE) * (10 * MINUTE);

fn turn(rollups: &mut RollUps, fleet: &TestFleet) {
    while run(rollups.turn(fleet, &rolling())) {}
}

/// A fleet with a point a minute on two hosts in `minutes` before the base.
fn minutes(minutes: i64) -> TestFleet {
    let mut fleet = fleet();
    for minute in 0..minutes {
        let at = BASE - (minute + 1) * MINUTE;
        for (shard, host) in ["a", "b"].iter().enumerate() {
            let name = format!("m;host={host};x=y");
            fleet.shards.put(shard, &name, at, 1 + minute as u64, 1.0);
        }
    }
    fleet
}

#[test]
fn a_task_is_run_when_it_is_due_and_makes_up_for_what_was_left_out() {
    let fleet = minutes(300);
    let id = create(&fleet, TASK);
    let mut running = RollUps::default();
    turn(&mut running, &fleet);
    // An interval and a bucket back: seven buckets, and the one of now, which is empty.
    let bucket = |host: &str, back: i64, value: f64| {
        let name = format!("m_sum;host={host};saved_from=m");
        (name, BASE - back * 10 * MINUTE, value)
    };
    let of = |back: std::ops::RangeInclusive<i64>| {
        let hosts = ["a", "b"].iter();
        hosts
            .flat_map(|host| back.clone().rev().map(move |back| bucket(host, back, 10.0)))
            .collect::<Vec<_>>()
    };
    let hour_ago = (NOW_S * 1000 - 70 * MINUTE - BASE)
        .div_euclid(10 * MINUTE)
        .abs();
    assert_eq!(written(&fleet), of(1..=hour_ago));
    turn(&mut running, &fleet);
    assert_eq!(written(&fleet), [], "not due");
    let path = format!("/status/{id}");
    let (_, told) = rollups(&fleet, "GET", &path, "");
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    let one = &told["statuses"][0];
    assert_eq!(one["metric_name"], "m", "the metric that is rolled up");
    assert_eq!(one["last_execution_time"], NOW_S * 1000);
    assert_eq!(one["data_point_count"], 2 * hour_ago);
    assert_eq!(one["last_executed"], "14 Nov 2023 10:13:20 PM");
    assert!(one.get("error_message").is_none());
    assert_eq!(told["executing_host"], "corelane");
    assert_eq!(told["next_scheduled"], "14 Nov 2023 11:13:20 PM");

    // Somebody else goes on three hours later, as after a start: nothing is left out.
    fleet.now_ms.set(NOW_S * 1000 + 180 * MINUTE);
    let mut fleet = fleet;
    let late = BASE + 25 * MINUTE;
    fleet.shards.put(0, "m;host=a;x=y", BASE, 1_000, 5.0);
    fleet.shards.put(0, "m;host=a;x=y", late, 1_001, 7.0);
    turn(&mut RollUps::default(), &fleet);
    let got = written(&fleet);
    assert_eq!(got, [bucket("a", 0, 5.0), bucket("a", -2, 7.0)]);
}

#[test]
fn a_run_that_fails_is_told_and_made_up_for() {
    let mut fleet = minutes(30);
    let id = create(&fleet, TASK);
    let told = "the disk is full";
    fleet.stored = Err(Unstored::Later(told.to_owned()));
    let mut running = RollUps::default();
    turn(&mut running, &fleet);
    let status = |fleet: &TestFleet| rollups(fleet, "GET", &format!("/status/{id}"), "").1;
    assert!(
        status(&fleet).contains("\"error_message\":\""),
        "{}",
        status(&fleet)
    );
    written(&fleet);
    fleet.stored = Ok(());
    fleet.now_ms.set(NOW_S * 1000 + 61 * MINUTE);
    turn(&mut running, &fleet);
    assert_eq!(written(&fleet).len(), 2 * 3);
    assert!(
        !status(&fleet).contains("error_message"),
        "{}",
        status(&fleet)
    );
}

#[test]
fn a_backfill_does_a_stretch_of_time_again() {
    let fleet = minutes(600);
    let id = create(&fleet, TASK);
    let mut running = RollUps::default();
    turn(&mut running, &fleet);
    written(&fleet);
    let fill = |query: &str| rollups(&fleet, "GET", &format!("/backfill/{id}{query}"), "");
    assert_eq!(fill("").0, 500);
    let told = r#"{"errors":["Unparseable date: \"yesterday\""]}"#;
    assert_eq!(fill("?startTime=yesterday"), (500, told.to_owned()));
    let from = "?startTime=2023-11-14-12-30-00-000&endTime=2023-11-14-13-29-59-999";
    assert_eq!(fill(from), (204, String::new()));
    turn(&mut running, &fleet);
    turn(&mut running, &fleet);
    turn(&mut running, &fleet);
    let got = written(&fleet);
    let times: Vec<i64> = got.iter().map(|(_, at, _)| *at / MINUTE).collect();
    let first = 1_699_965_000_000 / MINUTE;
    let want: Vec<i64> = (0..6).map(|i| first + 10 * i).collect();
    assert_eq!(times, [want.clone(), want].concat());
    assert!(got.iter().all(|(_, _, value)| *value == 10.0), "{got:?}");
    let task = id.parse::<TaskId>().expect("an id");
    let control = crate::http::Fleet::control(&fleet);
    assert_eq!(control.tasks.get(task).and_then(|task| task.backfill), None);
}

#[test]
fn many_buckets_are_several_runs_and_only_one_shard_answers_for_each() {
    let fleet = minutes(20);
    let text = TASK
        .replace("\"minutes\"", "\"milliseconds\"")
        .replace("\"value\":10", "\"value\":1000");
    let id: TaskId = create(&fleet, &text).parse().expect("an id");
    let mut running = RollUps::default();
    assert!(run(running.turn(&fleet, &rolling())), "there is more");
    let progress = |fleet: &TestFleet| -> Progress {
        let control = crate::http::Fleet::control(fleet);
        control.tasks.get(id).expect("it is kept").progress[0].clone()
    };
    let first = progress(&fleet);
    let start = NOW_S * 1000 - 60 * MINUTE - 1000;
    assert_eq!(first.next_ms, start + 1_000 * 1_000);
    turn(&mut running, &fleet);
    assert_eq!(progress(&fleet).next_ms, NOW_S * 1000);
    assert_eq!(written(&fleet).len(), 2 * 20);
}

#[test]
fn save_as_keeps_the_tags_that_group() {
    let fleet = holding(
        r#"[{"name":"m","timestamp":1,"value":1,"tags":{"host":"bob","host2":"x","other":"z"}},
            {"name":"m","timestamp":2,"value":2.5,"tags":{"host":"bob","host2":"x","other":"w"}}]"#,
    );
    let saved = |more: &str| {
        let text = format!(
            r#"{{"start_absolute":0,"metrics":[{{"name":"m",
                "group_by":[{{"name":"tag","tags":["host"]}}],
                "aggregators":[{{"name":"save_as","metric_name":"n","ttl":42{more}}}]}}]}}"#
        );
        query(&fleet, &text)
    };
    let forms = |fleet: &TestFleet| -> Vec<(String, u32, i64, Values)> {
        let taken = std::mem::take(&mut *fleet.taken.borrow_mut());
        let forms = taken.into_iter().map(|(name, time_ms, _)| {
            let sent = sent::name_of(&name).expect("a good form");
            (sent.name.text(), sent.ttl_seconds, time_ms, sent.values)
        });
        forms.collect()
    };
    assert_eq!(saved("").0, 200);
    let name = || "n;host=bob;saved_from=m".to_owned();
    let want = [
        (name(), 42, 1, Values::Long),
        (name(), 42, 2, Values::Double),
    ];
    assert_eq!(forms(&fleet), want);
    assert_eq!(saved(r#","add_saved_from":false,"tags":{"a":"b"}"#).0, 200);
    assert_eq!(forms(&fleet)[0].0, "n;a=b;host=bob");
    let told = r#"{"errors":["Multiple entries with same key: host=q and host=bob"]}"#;
    assert_eq!(saved(r#","tags":{"host":"q"}"#), (500, told.to_owned()));
    assert_eq!(forms(&fleet), []);
    // A second grouper by tags groups nothing; what it names is kept where the group has one value of it.
    let by_two = |tag: &str| {
        let text = format!(
            r#"{{"start_absolute":0,"metrics":[{{"name":"m",
                "group_by":[{{"name":"tag","tags":["host"]}},{{"name":"tag","tags":["{tag}"]}}],
                "aggregators":[{{"name":"save_as","metric_name":"n"}}]}}]}}"#
        );
        assert_eq!(query(&fleet, &text).0, 200);
        forms(&fleet)[0].0.clone()
    };
    assert_eq!(by_two("host2"), "n;host2=x;host=bob;saved_from=m");
    assert_eq!(by_two("other"), "n;host=bob;saved_from=m", "of two values");
}
