//! What shards fold comes to the same as what is computed from all points in one place.

use serde_json::Value;

use super::*;
use crate::base::random::Random;

const SHARDS: usize = 3;
/// A Saturday, a day before the clocks of Paris change.
const BEGIN: i64 = 1_711_800_000_000;

/// Points of some series, spread over shards in any way; some arrive twice.
fn scattered(random: &mut Random) -> TestFleet {
    let mut fleet = TestFleet::new(SHARDS, BEGIN / 1000 + 1_000_000);
    let gap = [1_000, 60_000, 3_600_000, 86_400_000][random.below(4) as usize];
    let at_home = random.chance(50);
    let mut stamp = 1;
    for _ in 0..1 + random.below(6) {
        let (host, dc) = (random.below(3), random.below(2));
        let name = match random.below(4) {
            0 => format!("m1;host=h{host}"),
            1 => format!("m1;dc=d{dc};host=h{host};\\;=\\;"),
            _ => format!("m1;dc=d{dc};host=h{host}"),
        };
        let kind = random.below(9);
        let home = random.below(SHARDS as u64) as usize;
        let mut time = BEGIN - random.below(4) as i64 * gap;
        for _ in 0..random.below(60) {
            time += (random.below(3) as i64 * gap) + random.below(2) as i64;
            let shard = match at_home {
                true => home,
                false => random.below(SHARDS as u64) as usize,
            };
            let number = random.below(2_000) as i64 - 1_000;
            stamp += random.below(2);
            let shards = &mut fleet.shards;
            match kind {
                0 => shards.put_text(shard, &name, time, stamp, &number.to_string()),
                1..4 => shards.put_long(shard, &name, time, stamp, number),
                _ => shards.put(shard, &name, time, stamp, number as f64 / 4.0),
            }
        }
    }
    fleet
}

fn pick<'a>(random: &mut Random, list: &[&'a str]) -> &'a str {
    list[random.below(list.len() as u64) as usize]
}

fn aggregators(random: &mut Random) -> String {
    let names = ["avg", "sum", "min", "max", "count", "first", "last", "dev"];
    let name = pick(random, &names);
    let unit = pick(
        random,
        &["seconds", "minutes", "hours", "days", "weeks", "months"],
    );
    let value = 1 + random.below(if unit == "seconds" { 5_000 } else { 5 });
    let flag = |name: &str, random: &mut Random| match random.below(3) {
        0 => format!(r#","{name}":true"#),
        1 => format!(r#","{name}":"false""#),
        _ => String::new(),
    };
    let flags: String = ["align_sampling", "align_start_time", "align_end_time"]
        .iter()
        .map(|name| flag(name, random))
        .collect();
    let first =
        format!(r#"{{"name":"{name}","sampling":{{"value":"{value}","unit":"{unit}"}}{flags}}}"#);
    let then = [
        "",
        r#",{"name":"scale","factor":2}"#,
        r#",{"name":"sum","sampling":{"value":1,"unit":"months"}}"#,
        r#",{"name":"diff"}"#,
        r#",{"name":"gaps","sampling":{"value":1,"unit":"weeks"},"end_time":1711900000000}"#,
    ];
    first + pick(random, &then)
}

/// Whether two answers are the same but for the last bits of numbers.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().expect("a number"), b.as_f64().expect("a number"));
            (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let same = |(key, a)| b.get(key).is_some_and(|b| alike(a, b));
            a.len() == b.len() && a.iter().all(same)
        }
        (a, b) => a == b,
    }
}

#[test]
fn cells_and_points_come_to_the_same() {
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let fleet = scattered(&mut random);
        for _ in 0..6 {
            let aggregators = aggregators(&mut random);
            let group = pick(
                &mut random,
                &[
                    "",
                    r#","group_by":[{"name":"tag","tags":["host"]}]"#,
                    r#","group_by":[{"name":"tag","tags":["dc","host"]}]"#,
                    r#","group_by":[{"name":"tag","tags":["bogus"]}]"#,
                ],
            );
            let zone = pick(
                &mut random,
                &["", "Europe/Paris", "America/New_York", "+05:30"],
            );
            let filter = pick(&mut random, &["", r#","tags":{"host":["h0","h2"]}"#]);
            let start = BEGIN - 7_000_000 + random.below(20_000_000) as i64;
            let end = match random.chance(50) {
                true => format!(
                    r#","end_absolute":{}"#,
                    start + random.below(1 << 33) as i64
                ),
                false => String::new(),
            };
            let text = |limit: &str| {
                format!(
                    r#"{{"start_absolute":{start}{end},"time_zone":"{zone}","metrics":[{{"name":"m1"{filter}{group}{limit},"aggregators":[{aggregators}]}}]}}"#
                )
            };
            let (status, pushed) = query(&fleet, &text(""));
            // A limit is what shards cannot fold with; this one cuts nothing.
            let (want_status, want) = query(&fleet, &text(r#","limit":1000000"#));
            assert_eq!(
                status,
                want_status,
                "seed {seed} {} {pushed} {want}",
                text("")
            );
            let read = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
            let same = alike(&read(&pushed), &read(&want));
            assert!(same, "seed {seed} {}\n{pushed}\n{want}", text(""));
        }
    }
}

/// Longs beyond what floats can tell apart stay exact on their way through cells.
#[test]
fn first_and_last_keep_what_they_are() {
    let mut fleet = TestFleet::new(SHARDS, NOW_S);
    fleet
        .shards
        .put_long(0, "m1;a=b", 5, 1, 9_007_199_254_740_993);
    fleet.shards.put(1, "m1;a=c", 7, 1, 0.5);
    let (status, answer) = query(
        &fleet,
        r#"{"start_absolute":0,"metrics":[{"name":"m1","aggregators":[{"name":"first","sampling":{"value":1,"unit":"days"}}]}]}"#,
    );
    assert_eq!(status, 200);
    assert!(answer.contains("[[5,9007199254740993]]"), "{answer}");
    assert!(answer.contains(r#""tags":{"a":["b","c"]}"#), "{answer}");
    assert!(answer.contains(r#""sample_size":2"#), "{answer}");
}
