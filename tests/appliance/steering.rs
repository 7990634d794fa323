//! Which shard a sender lands on, over real sockets.

use std::io::Write;
use std::net::{SocketAddr, UdpSocket};

use corelane::config::network::Network;
use corelane::config::sections::Steer;
use corelane::model::refusal::Protocol;
use corelane::rt::{Options, boot};

use crate::rig::{Rig, connect_from, options};

const CONNECTIONS: u64 = 64;

/// Send one line over each of many connections, or sockets, from `source`; gives how many lines
/// each shard got.
fn spread(listen: &str, source: &str, steering: Steer, spread: &[&str]) -> [Vec<u64>; 2] {
    let spread: Vec<Network> = spread
        .iter()
        .map(|n| n.parse().expect("a network"))
        .collect();
    // By chance each of so few shards gets some of the connections, on a machine of any size.
    let shards = boot::cores().expect("cores").len().min(4);
    let rig = Rig::start(Options {
        shards: Some(shards),
        steering,
        spread,
        ..options(listen)
    });
    assert!(1 < rig.shards(), "this test needs two cores");
    for _ in 0..CONNECTIONS {
        let mut tcp = connect_from(source, rig.door(Protocol::Graphite));
        tcp.write_all(b"a 1 -1\n").expect("sent");
        let from = SocketAddr::new(source.parse().expect("an address"), 0);
        let udp = UdpSocket::bind(from).expect("a socket");
        udp.send_to(b"a 1 -1\n", rig.door(Protocol::GraphiteUdp))
            .expect("sent");
    }
    rig.until_accepted(Protocol::Graphite, CONNECTIONS);
    rig.until_accepted(Protocol::GraphiteUdp, CONNECTIONS);
    [Protocol::Graphite, Protocol::GraphiteUdp].map(|protocol| rig.accepted(protocol))
}

fn one_shard(counts: &[u64]) -> bool {
    counts.iter().filter(|&&count| count > 0).count() == 1
}

fn all_shards(counts: &[u64]) -> bool {
    counts.iter().all(|&count| count > 0)
}

#[test]
fn one_address_stays_on_one_shard() {
    for (listen, source, others) in [
        ("127.0.0.1", "127.0.0.9", "127.0.0.8/32"),
        ("::1", "::1", "::2/127"),
    ] {
        for counts in spread(
            listen,
            source,
            Steer::Source,
            &[others, "10.0.0.0/8", "fd00::/8"],
        ) {
            assert!(one_shard(&counts), "{source}: {counts:?}");
        }
    }
}

#[test]
fn addresses_differ() {
    // Of sixteen addresses not all land on the same shard.
    let mut places = std::collections::BTreeSet::new();
    let rig = Rig::start(Options {
        spread: Vec::new(),
        ..options("127.0.0.1")
    });
    for host in 1..=16 {
        let before = rig.accepted(Protocol::Graphite);
        let source = format!("127.0.0.{host}");
        let mut tcp = connect_from(&source, rig.door(Protocol::Graphite));
        tcp.write_all(b"a 1 -1\n").expect("sent");
        rig.until_accepted(Protocol::Graphite, before.iter().sum::<u64>() + 1);
        let after = rig.accepted(Protocol::Graphite);
        places.insert(after.iter().zip(&before).position(|(a, b)| a != b));
    }
    assert_eq!(places.len(), rig.shards());
}

#[test]
fn loopback_connections_reach_all_shards() {
    let defaults = ["127.0.0.0/8", "::1/128"];
    for (listen, source) in [("127.0.0.1", "127.0.0.1"), ("::1", "::1")] {
        for counts in spread(listen, source, Steer::Source, &defaults) {
            assert!(all_shards(&counts), "{source}: {counts:?}");
        }
        for counts in spread(listen, source, Steer::Flow, &[]) {
            assert!(all_shards(&counts), "{source} by flow: {counts:?}");
        }
    }
}

#[test]
fn the_core_of_the_sender_is_the_shard() {
    // On loopback the core that sends is the core that receives.
    let cores = boot::cores().expect("cores");
    for (place, core) in cores.iter().enumerate().take(4) {
        let id = core_affinity::CoreId { id: *core };
        let counts = std::thread::spawn(move || {
            let rig = Rig::start(Options {
                steering: Steer::Cpu,
                ..options("127.0.0.1")
            });
            core_affinity::set_for_current(id);
            let udp = UdpSocket::bind("127.0.0.1:0").expect("a socket");
            for _ in 0..CONNECTIONS {
                udp.send_to(b"a 1 -1\n", rig.door(Protocol::GraphiteUdp))
                    .expect("sent");
            }
            rig.until_accepted(Protocol::GraphiteUdp, CONNECTIONS);
            rig.accepted(Protocol::GraphiteUdp)
        })
        .join()
        .expect("no panic");
        assert_eq!(counts[place], CONNECTIONS, "core {core}: {counts:?}");
    }
}
