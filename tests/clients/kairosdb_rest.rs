//! Clients of KairosDB's REST API: python-kairosdb and kairosdb-python of PyPI, kairosdb of npm, and the
//! requests of Grafana's plugin.

use std::process::Command;

use serde_json::json;

use crate::harness::{Appliance, Running, Scratch};
use crate::kairosdb::stored::{At, check_stored, post};
use crate::opentsdb::run_python;
use crate::tools::{Ran, folder, have};

/// Its package cannot be imported by any Python since 3.6, its client can. Every request has a body, a GET
/// too.
#[test]
fn python_kairosdb_sends_asks_and_deletes() {
    if !have("kairosdb-python") {
        return;
    }
    let appliance = Appliance::start();
    let file = folder().join("kairosdb-python/apart/python-kairosdb/kairosdb/client.py");
    let script = format!(
        "import importlib.util
spec = importlib.util.spec_from_file_location('client', {file:?})
"
    ) + "client = importlib.util.module_from_spec(spec); spec.loader.exec_module(client)
c = client.KairosDBAPIClient(api_endpoint='http://127.0.0.1:%d/api/v1' % http)
assert c.get('version')['version'].startswith('KairosDB '), c.get('version')
assert c.get('health/check')['return_code'] == 204
assert c.post('datapoints', data=[
    {'name': 'abc.123', 'timestamp': 1700000000000, 'value': 321, 'tags': {'host': 'h1'}},
    {'name': 'x', 'datapoints': [[1700000000000, 1], [1700000001000, 2.5]], 'tags': {'host': 'h1'}, 'ttl': 30000},
])['return_code'] == 204
assert c.get('metricnames')['results'] == ['abc.123', 'x'], c.get('metricnames')
answer = c.post('datapoints/query', data={'start_absolute': 1699999999999, 'metrics': [
    {'name': 'x', 'aggregators': [{'name': 'sum', 'sampling': {'value': 10, 'unit': 'minutes'}}]}]})
assert answer['queries'][0]['results'][0]['values'] == [[1700000000000, 3.5]], answer
assert c.delete('metric/abc.123')['return_code'] == 204
assert c.get('metricnames')['results'] == ['x'], c.get('metricnames')
bad = c.post('datapoints', data=[{'name': 'y', 'timestamp': 1, 'value': 1, 'tags': {}}])
assert bad['return_code'] == 400, bad
assert bad['errors'] == ['metric[0](name=y).tags count must be greater than or equal to 1.'], bad
";
    run_python(&appliance, "python-kairosdb", None, &script);
    let points = [
        (At::Millis(1_700_000_000_000), json!(1)),
        (At::Millis(1_700_000_001_000), json!(2.5)),
    ];
    check_stored(&appliance, "x", &[("host", "h1")], &points);
    check_stored(&appliance, "abc.123", &[], &[]);
    appliance.stop();
}

#[test]
fn kairosdb_python_asks() {
    if !have("kairosdb-python") {
        return;
    }
    let appliance = Appliance::start();
    run_python(
        &appliance,
        "kairosdb-python",
        None,
        "import httpx, time
from kairosdb import KairosDB
url = 'http://127.0.0.1:%d/' % http
now = int(time.time() * 1000)
httpx.post(url + 'api/v1/datapoints', json={'name': 'abc.123', 'timestamp': now, 'value': 5, 'tags': {'host': 'h1'}})
k = KairosDB(url)
assert k.check_health() is True
status = k.check_health_status()
assert len(status) == 2 and all(one.endswith(': OK') for one in status), status
assert k.get_metric_names('abc') == {'results': ['abc.123']}, k.get_metric_names('abc')
assert k.get_metric_names('xyz') == {'results': []}
answer = k.query({'start_relative': {'value': '1', 'unit': 'hours'}, 'metrics': [
    {'name': 'abc.123', 'tags': {'host': ['h1']}, 'group_by': [{'name': 'tag', 'tags': ['host']}]}]})
result = answer['queries'][0]['results'][0]
assert result['values'] == [[now, 5]] and result['tags'] == {'host': ['h1']}, answer
assert [one['name'] for one in k.features()] == ['group_by', 'aggregators'], k.features()
names = [one['name'] for one in k.features('aggregators')]
assert names == sorted(names) and 'avg' in names and 'save_as' in names, names
",
    );
    appliance.stop();
}

#[test]
fn kairosdb_of_npm_sends_and_asks() {
    if !have("kairosdb-npm") {
        return;
    }
    let appliance = Appliance::start();
    let scratch = Scratch::new("kairosdb-npm");
    let module = folder().join("kairosdb-npm/node_modules/kairosdb");
    let http = appliance.ports.http;
    let script = format!(
        "const client = require({module:?}).init('127.0.0.1', {http}, {{}});
const at = Date.now();
"
    ) + "const fail = (what, more) => { console.error(what, JSON.stringify(more)); process.exit(1); };
client.version((error, answer) => {
  if (error || !answer.version.startsWith('KairosDB ')) fail('version', [error, answer]);
  const point = { name: 'a.b', timestamp: at, value: 3.5, tags: { host: 'h1' } };
  client.datapoints([point], (error) => {
    if (error) fail('datapoints', error);
    const metric = { name: 'a.b', tags: { host: 'h1' },
      aggregators: [{ name: 'avg', sampling: { value: 1, unit: 'minutes' } }] };
    client.query({ start_relative: { value: 5, unit: 'minutes' }, metrics: [metric] }, (error, answer) => {
      const values = error ? error : answer.queries[0].results[0].values;
      if (JSON.stringify(values) !== JSON.stringify([[at, 3.5]])) fail('query', values);
      process.exit(0);
    });
  });
});
";
    let file = scratch.write("client.js", &script);
    let mut command = Command::new("node");
    Ran::of(Running::start("node", scratch.path(), command.arg(file)));
    let values = [(At::Now, json!(3.5))];
    check_stored(&appliance, "a.b", &[("host", "h1")], &values);
    appliance.stop();
}

/// What Grafana's plugin asks: numbers as text, a limit and a cache time of 0, filters with nothing in them,
/// tags from the beginning of time.
#[test]
fn the_requests_of_grafanas_plugin_are_answered() {
    let appliance = Appliance::start();
    let minute = 1_700_000_040_000_i64;
    let points = |first: i64| {
        let at = |nth: i64| json!([minute + 30_000 * nth, first + nth]);
        json!([at(0), at(1), at(2)])
    };
    let body = json!([
        {"name": "abc_123", "tags": {"host": "server1", "dc": "x"}, "datapoints": points(10)},
        {"name": "abc_123", "tags": {"host": "server2", "dc": "x"}, "datapoints": points(20)},
    ]);
    let sent = appliance.try_post_body("/api/v1/datapoints", &body.to_string());
    assert_eq!(sent.expect("an answer").0, 204);
    let names = appliance.get("/api/v1/metricnames");
    assert_eq!(names, r#"{"results":["abc_123"]}"#);
    let tags =
        json!({"cache_time": 0, "metrics": [{"name": "abc_123", "tags": {}}], "start_absolute": 0});
    let answer = post(&appliance, "/api/v1/datapoints/query/tags", &tags);
    assert_eq!(
        answer["queries"][0]["results"][0]["tags"],
        json!({"dc": ["x"], "host": ["server1", "server2"]})
    );
    let query = |groupers: serde_json::Value, tags: serde_json::Value| {
        let metric = json!({
            "limit": 0, "name": "abc_123", "tags": tags, "group_by": groupers,
            "aggregators": [{"name": "avg", "sampling": {"value": "1", "unit": "minutes"}, "align_start_time": true}],
        });
        let query = json!({
            "cache_time": 0, "start_absolute": minute, "end_absolute": minute + 600_000, "metrics": [metric],
        });
        post(&appliance, "/api/v1/datapoints/query", &query)["queries"][0]["results"].clone()
    };
    let by_tag = json!([{"name": "tag", "tags": ["host"]}]);
    let results = query(by_tag.clone(), json!({"host": ["server1"]}));
    assert_eq!(
        results,
        json!([{
            "name": "abc_123",
            "group_by": [
                {"name": "tag", "tags": ["host"], "group": {"host": "server1"}},
                {"name": "type", "type": "number"},
            ],
            "tags": {"dc": ["x"], "host": ["server1"]},
            "values": [[minute, 10.5], [minute + 60_000, 12]],
        }])
    );
    let groups = |results: &serde_json::Value| results.as_array().map(Vec::len);
    assert_eq!(groups(&query(by_tag, json!({}))), Some(2));
    let by_value = json!([{"name": "value", "range_size": "10"}]);
    assert_eq!(groups(&query(by_value, json!({}))), Some(2));
    let by_time = json!([{"name": "time", "group_count": "2", "range_size": {"value": "1", "unit": "minutes"}}]);
    assert_eq!(groups(&query(by_time, json!({}))), Some(2));
    appliance.stop();
}
