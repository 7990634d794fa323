//! What KairosDB's API keeps besides points: the real binary on a real folder, killed and started again.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crate::harness::{ANSWER_WAIT, Appliance, Scratch, now_seconds, wait_until};

/// Two shards that roll up, on a folder of their own.
struct Rolling {
    appliance: Appliance,
    flags: Vec<String>,
    _settings: Arc<Scratch>,
}

impl Rolling {
    fn start() -> Rolling {
        let settings = Arc::new(Scratch::new("kairosdb"));
        let file = settings.write("corelane.toml", "[kairosdb]\nrollups = true\n");
        let file = file.display().to_string();
        let flags = ["--shards", "2", "--steering", "flow", "--config", &file];
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let borrowed: Vec<&str> = flags.iter().map(String::as_str).collect();
        Rolling {
            appliance: Appliance::start_with(&borrowed),
            flags,
            _settings: settings,
        }
    }

    fn killed(self) -> Rolling {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        let appliance = Appliance::start_on(&self.appliance.kill(), &flags);
        Rolling {
            appliance,
            flags: self.flags.clone(),
            _settings: self._settings,
        }
    }

    /// The status and body of what a call is answered.
    #[track_caller]
    fn call(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let to = (Ipv4Addr::LOCALHOST, self.appliance.ports.http);
        let mut stream = TcpStream::connect(to).expect("a connection");
        stream
            .set_read_timeout(Some(ANSWER_WAIT))
            .expect("a socket");
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("sent");
        let mut told = String::new();
        stream.read_to_string(&mut told).expect("an answer");
        let (head, body) = told.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        (status.expect("a status"), body.to_owned())
    }

    #[track_caller]
    fn good(&self, method: &str, path: &str, body: &str) -> String {
        let (status, told) = self.call(method, path, body);
        assert!(
            status == 200 || status == 204,
            "{method} {path}: {status} {told}"
        );
        told
    }

    /// How many points a query finds of a metric.
    #[track_caller]
    fn points(&self, metric: &str) -> usize {
        self.values(metric).as_array().map_or(0, Vec::len)
    }

    /// Them.
    #[track_caller]
    fn values(&self, metric: &str) -> serde_json::Value {
        let query = format!(r#"{{"start_absolute":0,"metrics":[{{"name":"{metric}"}}]}}"#);
        let told = self.good("POST", "/datapoints/query", &query);
        let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        told["queries"][0]["results"][0]["values"].clone()
    }
}

fn task(name: &str) -> String {
    format!(
        r#"{{"name":"{name}","execution_interval":{{"value":1,"unit":"seconds"}},"rollups":[
           {{"save_as":"{name}.count","query":{{"start_absolute":0,"metrics":[{{"name":"{name}",
           "aggregators":[{{"name":"count","align_start_time":true,
           "sampling":{{"value":1,"unit":"minutes"}}}}]}}]}}}}]}}"#
    )
}

#[test]
fn metadata_tasks_and_deletes_survive_kills_once_they_are_answered() {
    let mut rolling = Rolling::start();
    for round in 0..3 {
        let path = format!("/metadata/service/key/k{round}");
        rolling.good("POST", &path, &format!("text {round}"));
        rolling.good("DELETE", "/metadata/service/key/k0", "");
        let told = rolling.good("POST", "/rollups", &task(&format!("t{round}")));
        assert!(told.contains("/api/v1/rollups/"), "{told}");
        let points = format!(
            r#"[{{"name":"kept","timestamp":{round},"value":1,"tags":{{"a":"{round}"}}}},
               {{"name":"gone","timestamp":1,"value":1,"tags":{{"a":"b"}}}},
               {{"name":"part","datapoints":[[1,1],[2,2.5],[3,3]],"tags":{{"a":"b"}}}}]"#
        );
        rolling.good("POST", "/datapoints", &points);
        assert_eq!(
            rolling.points("gone"),
            1,
            "what comes behind a delete is there at once"
        );
        assert_eq!(rolling.points("part"), 3);
        rolling.good("DELETE", "/metric/gone", "");
        let part =
            r#"{"start_absolute":2,"end_absolute":3,"metrics":[{"name":"part","tags":{"a":"b"}}]}"#;
        rolling.good("POST", "/datapoints/delete", part);
        let state = |rolling: &Rolling| {
            (
                rolling.good("GET", "/metadata/service/key", ""),
                rolling.good("GET", "/metricnames", ""),
                rolling
                    .good("GET", "/rollups", "")
                    .matches("\"id\"")
                    .count(),
                ["kept", "gone", "part"].map(|name| rolling.values(name).to_string()),
            )
        };
        let want = state(&rolling);
        assert_eq!(want.1, r#"{"results":["kept","part"]}"#);
        assert_eq!(want.2, round + 1);
        let kept: Vec<String> = (0..=round).map(|round| format!("[{round},1]")).collect();
        let kept = format!("[{}]", kept.join(","));
        assert_eq!(want.3, [kept, "[]".to_owned(), "[[1,1]]".to_owned()]);
        rolling = rolling.killed();
        assert_eq!(state(&rolling), want, "round {round}");
    }
    let keys = rolling.good("GET", "/metadata/service/key", "");
    assert_eq!(keys, r#"{"results":["k1","k2"]}"#);
    assert_eq!(
        rolling.good("GET", "/metadata/service/key/k2", ""),
        "text 2"
    );
    assert_eq!(rolling.call("GET", "/metadata/_x", "").0, 401);
    rolling.appliance.stop();
}

#[test]
fn roll_ups_run_on_schedule_and_make_up_for_a_stop() {
    let rolling = Rolling::start();
    let now = now_seconds() * 1000;
    let minute = |back: i64| now - now % 60_000 - back * 60_000;
    let send = |rolling: &Rolling, back: std::ops::Range<i64>| {
        let points: Vec<String> = back
            .flat_map(|back| (1..=5).map(move |i| (back, i)))
            .map(|(back, i)| format!("[{},{i}]", minute(back) + i * 1000))
            .collect();
        let text = format!(
            r#"[{{"name":"m","tags":{{"a":"b"}},"datapoints":[{}]}}]"#,
            points.join(",")
        );
        rolling.good("POST", "/datapoints", &text);
    };
    send(&rolling, 1..30);
    let told = rolling.good("POST", "/rollups", &task("m"));
    let id = told.get(7..43).expect("an id").to_owned();
    let at_least = |rolling: &Rolling, count: usize| {
        wait_until(
            "points that were rolled up",
            Duration::from_secs(60),
            || match rolling.points("m.count") {
                points if count <= points => Ok(()),
                points => Err(format!("{points} of {count}")),
            },
        );
    };
    // The first run goes one bucket back.
    at_least(&rolling, 1);
    let from = "2020-01-01-00-00-00-000";
    rolling.good(
        "GET",
        &format!("/rollups/backfill/{id}?startTime={from}"),
        "",
    );
    // Some are done, and then somebody pulls the plug.
    let rolling = rolling.killed();
    rolling.good("DELETE", &format!("/rollups/{id}"), "");
    assert_eq!(
        rolling.call("GET", &format!("/rollups/status/{id}"), "").0,
        404
    );

    let told = rolling.good("POST", "/rollups", &task("m"));
    let id = told.get(7..43).expect("an id").to_owned();
    let from = jiff::Timestamp::from_millisecond(minute(29)).expect("a time");
    let from = from.strftime("%Y-%m-%d-%H-%M-%S-000").to_string();
    rolling.good(
        "GET",
        &format!("/rollups/backfill/{id}?startTime={from}"),
        "",
    );
    let rolling = rolling.killed();
    at_least(&rolling, 29);
    let status = rolling.good("GET", &format!("/rollups/status/{id}"), "");
    assert!(status.contains("\"metric_name\":\"m\""), "{status}");
    assert!(!status.contains("error_message"), "{status}");
    rolling.appliance.stop();
}
