//! Python senders of PyPI: plain lines with tags, one connection a metric, and pickles of the
//! protocols 1, 2 and 4, some with values as strings.

use std::process::Command;

use crate::harness::{Appliance, Point, Running, Scratch, check_points};
use crate::tools::{Ran, folder, have};

/// Run `script` with the doors in the variables `graphite`, `udp` and `pickle`, and check that it
/// ends well.
#[track_caller]
fn run(appliance: &Appliance, name: &str, script: &str) -> Ran {
    let scratch = Scratch::new(name);
    let ports = appliance.ports;
    let head = format!(
        "graphite, udp, pickle = {}, {}, {}\n",
        ports.graphite, ports.graphite_udp, ports.pickle
    );
    let file = scratch.write("client.py", &(head + script));
    let mut command = Command::new(folder().join("venv/bin/python"));
    Ran::of(Running::start(name, scratch.path(), command.arg(file)))
}

#[test]
fn graphyte_with_a_connection_a_metric() {
    if !have("python") {
        return;
    }
    let appliance = Appliance::start();
    let ran = run(
        &appliance,
        "graphyte",
        "import graphyte
s = graphyte.Sender('127.0.0.1', port=graphite, prefix='APIKEY.app')
s.send('requests.count', 42)
s.send('resp.time', 0.1234, timestamp=1700000000.5)
s.send('tagged.metric', 7, tags={'host': 'web01', 'dc': 'ams'})
b = graphyte.Sender('127.0.0.1', port=graphite, prefix='APIKEY', interval=0.2, tags={'env': 'prod'})
for i in range(5): b.send('batched.%d' % i, i, timestamp=1700000000)
b.stop()
u = graphyte.Sender('127.0.0.1', port=udp, protocol='udp', prefix='APIKEY')
u.send('udp.metric', 1)
",
    );
    ran.check(
        &appliance,
        &[
            ("APIKEY.app.requests.count", 42.0),
            ("APIKEY.app.tagged.metric;dc=ams;host=web01", 7.0),
            ("APIKEY.udp.metric", 1.0),
        ],
    );
    let mut points = vec![Point::new("APIKEY.app.resp.time", 1_700_000_000.0, 0.1234)];
    for nth in 0..5 {
        let name = format!("APIKEY.batched.{nth};env=prod");
        points.push(Point::new(&name, 1_700_000_000.0, f64::from(nth)));
    }
    check_points(&appliance, &points);
    assert_eq!((appliance.accepted(), appliance.refused_in_all()), (9, 0));
    appliance.stop();
}

#[test]
fn graphitesend_with_strings_in_pickle_4() {
    if !have("python") {
        return;
    }
    let appliance = Appliance::start();
    let ran = run(
        &appliance,
        "graphitesend",
        "import graphitesend
g = graphitesend.init(graphite_server='127.0.0.1', graphite_port=graphite, prefix='text', system_name='web01')
g.send('metric', 45); g.send_dict({'a': 1, 'b': 2.5}); g.send_list([('x', 54), ('y', 123, 1700000000)])
g.disconnect(); graphitesend.reset()
p = graphitesend.GraphitePickleClient(graphite_server='127.0.0.1', graphite_port=pickle,
                                      prefix='pickle', system_name='web01')
p.send('metric', 45); p.send_dict({'a': 1, 'b': 2.5}); p.send_list([('x', 54), ('y', 123, 1700000000)])
p.disconnect()
",
    );
    for prefix in ["text", "pickle"] {
        for (name, value) in [("metric", 45.0), ("a", 1.0), ("b", 2.5), ("x", 54.0)] {
            ran.check(&appliance, &[(&format!("{prefix}.web01.{name}"), value)]);
        }
        let old = Point::new(&format!("{prefix}.web01.y"), 1_700_000_000.0, 123.0);
        check_points(&appliance, &[old]);
    }
    assert_eq!((appliance.accepted(), appliance.refused_in_all()), (10, 0));
    appliance.stop();
}

#[test]
fn aiographite_in_lines_and_pickle_2() {
    if !have("python") {
        return;
    }
    let appliance = Appliance::start();
    run(
        &appliance,
        "aiographite",
        "import asyncio
from aiographite.aiographite import connect
from aiographite.protocol import PlaintextProtocol, PickleProtocol
async def main():
    doors = (graphite, PlaintextProtocol(), 'line'), (pickle, PickleProtocol(), 'pickle')
    for port, protocol, name in doors:
        c = await connect('127.0.0.1', port, protocol)
        await c.send('aio.%s.a' % name, 1, 1700000000)
        await c.send_multiple([('aio.%s.b' % name, 2, 1700000000), ('aio.%s.c' % name, 3.25, 1700000000)])
        await c.close()
asyncio.run(main())
",
    );
    let mut points = Vec::new();
    for protocol in ["line", "pickle"] {
        for (name, value) in [("a", 1.0), ("b", 2.0), ("c", 3.25)] {
            points.push(Point::new(
                &format!("aio.{protocol}.{name}"),
                1_700_000_000.0,
                value,
            ));
        }
    }
    check_points(&appliance, &points);
    assert_eq!((appliance.accepted(), appliance.refused_in_all()), (6, 0));
    appliance.stop();
}

#[test]
fn graphitepusher_in_pickle_1() {
    if !have("python") {
        return;
    }
    let appliance = Appliance::start();
    let ran = run(
        &appliance,
        "graphitepusher",
        "from graphitepusher import GraphiteClient
c = GraphiteClient('127.0.0.1', pickle)
c.batch_send([('push.int', 1), ('push.float', 2.5), ('push.big', 2**40), ('push.neg', -7)])
c.batch_send_tuples([('push.tuple', (1700000000, 3))])
c.close()
",
    );
    ran.check(
        &appliance,
        &[
            ("push.int", 1.0),
            ("push.float", 2.5),
            ("push.big", 1_099_511_627_776.0),
            ("push.neg", -7.0),
        ],
    );
    check_points(
        &appliance,
        &[Point::new("push.tuple", 1_700_000_000.0, 3.0)],
    );
    assert_eq!((appliance.accepted(), appliance.refused_in_all()), (5, 0));
    appliance.stop();
}

#[test]
fn pyformance_in_lines_and_pickle_4() {
    if !have("python") {
        return;
    }
    let appliance = Appliance::start();
    let ran = run(
        &appliance,
        "pyformance",
        "from pyformance import MetricsRegistry
from pyformance.reporters.carbon_reporter import CarbonReporter
r = MetricsRegistry()
r.counter('hits').inc(3); r.gauge('g').set_value(1.5); r.histogram('h').add(9)
CarbonReporter(r, server='127.0.0.1', port=graphite, prefix='line.').report_now()
CarbonReporter(r, server='127.0.0.1', port=pickle, prefix='pickle.', pickle_protocol=True).report_now()
",
    );
    for prefix in ["line", "pickle"] {
        for (name, value) in [
            ("hits.count", 3.0),
            ("g.value", 1.5),
            ("h.max", 9.0),
            ("h.count", 1.0),
        ] {
            ran.check(&appliance, &[(&format!("{prefix}.{name}"), value)]);
        }
    }
    assert_eq!(appliance.refused_in_all(), 0);
    appliance.stop();
}
