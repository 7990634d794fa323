//! collectd's write_graphite: lines that end in CRLF over TCP, several lines a datagram, tags; its
//! write_tsdb, with CRLF and two blanks between tags; and its write_http in KairosDB's format.
//!
//! Values come in by collectd's unixsock plugin, so that times and values are known; what it
//! measures itself is asked for by name only.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Appliance, Point, Running, Scratch, check_points, wait_until};
use crate::kairosdb::stored::{At, check_stored};
use crate::tools::have;

/// A second some days before these tests were written.
const AT: i64 = 1_795_304_713;

struct Collectd {
    _process: Running,
    folder: Scratch,
}

/// Start it with the configuration of some plugins that write.
fn start_collectd(writers: &str) -> Collectd {
    let folder = Scratch::new("collectd");
    let here = folder.path().display();
    let config = format!(
        "Hostname \"web01.example.com\"
FQDNLookup false
Interval 1.0
WriteThreads 1
BaseDir \"{here}\"
PIDFile \"{here}/collectd.pid\"
TypesDB \"/usr/share/collectd/types.db\"
PluginDir \"/usr/lib/collectd\"
LoadPlugin logfile
<Plugin logfile>
  LogLevel info
  File STDERR
</Plugin>
LoadPlugin load
LoadPlugin memory
LoadPlugin unixsock
<Plugin unixsock>
  SocketFile \"{here}/collectd.sock\"
</Plugin>
{writers}"
    );
    let config = folder.write("collectd.conf", &config);
    let mut command = Command::new("collectd");
    command.arg("-f").arg("-C").arg(config);
    let process = Running::start("collectd", folder.path(), &mut command);
    Collectd {
        _process: process,
        folder,
    }
}

fn write_graphite(appliance: &Appliance) -> String {
    let (tcp, udp) = (appliance.ports.graphite, appliance.ports.graphite_udp);
    format!(
        "LoadPlugin write_graphite
<Plugin write_graphite>
  <Node \"plain\">
    Host \"127.0.0.1\"
    Port \"{tcp}\"
    Protocol \"tcp\"
    Prefix \"plain.\"
    StoreRates true
    AlwaysAppendDS false
    EscapeCharacter \"_\"
  </Node>
  <Node \"tagged\">
    Host \"127.0.0.1\"
    Port \"{tcp}\"
    Protocol \"tcp\"
    Prefix \"tagged.\"
    UseTags true
    ReverseHost true
    StoreRates false
  </Node>
  <Node \"datagrams\">
    Host \"127.0.0.1\"
    Port \"{udp}\"
    Protocol \"udp\"
    Prefix \"udp.\"
    SeparateInstances true
    PreserveSeparator true
  </Node>
</Plugin>
"
    )
}

fn write_kairosdb(appliance: &Appliance) -> String {
    let (telnet, http) = (appliance.ports.kairos_telnet, appliance.ports.http);
    format!(
        "LoadPlugin write_tsdb
<Plugin write_tsdb>
  <Node \"lines\">
    Host \"127.0.0.1\"
    Port \"{telnet}\"
    HostTags \"status=production deviceclass=www\"
    StoreRates false
    AlwaysAppendDS false
  </Node>
</Plugin>
LoadPlugin write_http
<Plugin write_http>
  <Node \"bodies\">
    URL \"http://127.0.0.1:{http}/api/v1/datapoints\"
    Format \"KAIROSDB\"
    Attribute \"env\" \"prod\"
    TTL 3000
    Prefix \"cd.\"
    StoreRates true
    BufferSize 4096
  </Node>
</Plugin>
"
    )
}

impl Collectd {
    /// Hand values to collectd; each line is one command of its unixsock plugin.
    #[track_caller]
    fn put(&self, lines: &[String]) {
        let mut stream = self.socket();
        let mut answers = BufReader::new(stream.try_clone().expect("a socket can be doubled"));
        for line in lines {
            stream
                .write_all(format!("{line}\n").as_bytes())
                .expect("collectd takes commands");
            let mut answer = String::new();
            answers
                .read_line(&mut answer)
                .expect("collectd answers commands");
            assert!(answer.starts_with("0 "), "{line}: {answer}");
        }
    }

    fn socket(&self) -> UnixStream {
        let path: PathBuf = self.folder.path().join("collectd.sock");
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            match UnixStream::connect(&path) {
                Ok(stream) => return stream,
                Err(error) if Instant::now() > end => panic!("{}: {error}", path.display()),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

#[test]
fn collectd_writes_plain_tagged_and_datagrams() {
    if !have("collectd") {
        return;
    }
    let appliance = Appliance::start();
    let collectd = start_collectd(&write_graphite(&appliance));
    let host = "web01.example.com";
    let mut commands = Vec::new();
    let mut points = Vec::new();
    for nth in 0..5_i64 {
        let at = AT + nth;
        let degrees = nth as f64 + 20.5;
        commands.push(format!(
            "PUTVAL {host}/room-hall/temperature-north interval=1 {at}:{degrees}"
        ));
        let packets = 1_000 * nth;
        commands.push(format!(
            "PUTVAL {host}/interface-eth0/if_packets interval=1 {at}:{packets}:{packets}"
        ));
        let second = at as f64;
        points.push(Point::new(
            "plain.web01_example_com.room-hall.temperature-north",
            second,
            degrees,
        ));
        points.push(Point::new(
            "udp.web01.example.com.room.hall.temperature.north",
            second,
            degrees,
        ));
        points.push(Point::new(
            "tagged.room.temperature;host=com.example.web01;plugin=room;\
             plugin_instance=hall;type=temperature;type_instance=north",
            second,
            degrees,
        ));
        for source in ["rx", "tx"] {
            // Without a rate there is the counter itself; the first rate is `nan`.
            points.push(Point::new(
                &format!(
                    "tagged.interface.if_packets.{source};ds_name={source};host=com.example.web01;\
                     plugin=interface;plugin_instance=eth0;type=if_packets"
                ),
                second,
                packets as f64,
            ));
            if nth > 0 {
                let name = format!("plain.web01_example_com.interface-eth0.if_packets.{source}");
                points.push(Point::new(&name, second, 1_000.0));
            }
        }
    }
    collectd.put(&commands);
    check_points(&appliance, &points);
    assert!(
        appliance.refused("nan") >= 2,
        "the first rates of two sources are nan"
    );
    wait_until(
        "what collectd measures itself",
        Duration::from_secs(10),
        || {
            let names = appliance.names();
            let all = [
                "plain.web01_example_com.load.load.shortterm",
                "plain.web01_example_com.memory.memory-free",
            ]
            .iter()
            .all(|&name| names.contains(name));
            if all {
                Ok(())
            } else {
                Err(format!("{names:?}"))
            }
        },
    );
    let others = appliance.refused_in_all() - appliance.refused("nan");
    assert_eq!(others, 0, "no line end may stick to a timestamp");
    drop(collectd);
    appliance.stop();
}

#[test]
fn collectd_writes_tsdb_lines_and_kairosdb_bodies() {
    if !have("collectd") || !have("collectd-http") {
        return;
    }
    let appliance = Appliance::start();
    let collectd = start_collectd(&write_kairosdb(&appliance));
    let host = "web01.example.com";
    let mut commands = Vec::new();
    let mut degrees = Vec::new();
    let mut packets = Vec::new();
    for nth in 0..5_i64 {
        let at = AT + nth;
        let value = nth as f64 + 20.5;
        commands.push(format!(
            "PUTVAL {host}/room-hall/temperature-north interval=1 {at}:{value}"
        ));
        let count = 1_000 * nth;
        commands.push(format!(
            "PUTVAL {host}/interface-eth0/if_packets interval=1 {at}:{count}:{count}"
        ));
        degrees.push((At::Millis(at * 1_000), value.into()));
        packets.push((At::Millis(at * 1_000), count.into()));
    }
    collectd.put(&commands);
    // Both write when a buffer is full, or are told to.
    wait_until("points", Duration::from_secs(10), || {
        collectd.put(&["FLUSH".to_owned()]);
        match appliance.accepted() {
            28.. => Ok(()),
            count => Err(count.to_string()),
        }
    });
    let lines = [
        ("fqdn", host),
        ("status", "production"),
        ("deviceclass", "www"),
    ];
    let name = "room.hall.temperature.north";
    check_stored(&appliance, name, &lines, &degrees);
    for source in ["rx", "tx"] {
        let name = format!("interface.eth0.if_packets.{source}");
        check_stored(&appliance, &name, &lines, &packets);
    }
    let bodies = [
        ("host", host),
        ("env", "prod"),
        ("plugin_instance", "hall"),
        ("type", "temperature"),
        ("type_instance", "north"),
    ];
    check_stored(&appliance, "cd..room", &bodies, &degrees);
    // The first rate is NaN, which it leaves out.
    let rates: Vec<_> = packets[1..]
        .iter()
        .map(|(at, _)| (*at, 1_000.into()))
        .collect();
    for source in ["rx", "tx"] {
        let tags = [
            ("host", host),
            ("env", "prod"),
            ("plugin_instance", "eth0"),
            ("type", "if_packets"),
            ("ds", source),
        ];
        check_stored(&appliance, "cd..interface", &tags, &rates);
    }
    assert_eq!(appliance.refused_in_all(), 0, "collectd sends nothing bad");
    drop(collectd);
    appliance.stop();
}
