//! KairosDB's lines in a whole shard: splits, answers and their bound, HTTP, what limits refuse.

use super::*;
use crate::shard::feed::ANSWER_BYTES_MAX;

fn world(telnet: kairos_telnet::Options, series_max: usize) -> World {
    World::with(Options {
        telnet,
        index: index::Bounds::series(series_max),
        ..options()
    })
}

fn open(world: &mut World) -> Feed {
    let from = "127.0.0.1".parse().expect("an address");
    world.shard.open(Protocol::KairosTelnet, from)
}

fn accepted(world: &World) -> u64 {
    world.shard.describe().accepted[Protocol::KairosTelnet as usize]
}

#[test]
fn every_split_of_the_lines_gives_the_same() {
    let text =
        b"put m 1700000000 1 a=b\r\nversion\nputs t 17 \"x y\" a=b\nbogus\nputm m 5 2.5 a=b\n";
    for at in 0..=text.len() {
        let mut world = World::new();
        let mut feed = open(&mut world);
        for piece in [&text[..at], &text[at..]] {
            if !piece.is_empty() {
                assert_eq!(world.send(&mut feed, piece), Verdict::Keep);
            }
        }
        assert_eq!(accepted(&world), 3, "split at {at}");
        let refused = world.refused(Protocol::KairosTelnet);
        assert_eq!(refused, [(Reason::Command, 1)], "split at {at}");
        assert!(feed.answers().ends_with(b"\n") && feed.answers().starts_with(b"KairosDB "));
        world.shard.close(&mut feed);
        assert_eq!(world.shard.describe().buffered_bytes, 0);
    }
}

#[test]
fn answers_are_bounded_and_counted_with_what_is_left_over() {
    let mut world = World::new();
    let mut feed = open(&mut world);
    let many = b"version\n".repeat(1_000);
    let mut verdict = Verdict::Keep;
    let mut sent = 0;
    while verdict == Verdict::Keep {
        verdict = world.send(&mut feed, &many);
        sent += 1;
        let held = world.shard.describe().buffered_bytes as usize;
        assert!(feed.answers().len() <= held);
        assert!(feed.answers().len() <= ANSWER_BYTES_MAX + 64 * many.len());
    }
    assert_eq!(verdict, Verdict::Close);
    assert!(10 < sent, "{sent}");
    assert_eq!(world.refused(Protocol::KairosTelnet), [(Reason::Reader, 1)]);
    world.shard.close(&mut feed);
    assert_eq!(world.shard.describe().buffered_bytes, 0);
    // One that reads may ask for ever.
    let mut feed = open(&mut world);
    for _ in 0..3 * sent {
        assert_eq!(world.send(&mut feed, &many), Verdict::Keep);
        let all = feed.answers().len();
        world.shard.answered(&mut feed, 7);
        world.shard.answered(&mut feed, all);
        assert!(feed.answers().is_empty());
    }
}

#[test]
fn a_request_is_handed_over_whole() {
    let text = b"POST /api/put HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]";
    for at in 1..text.len() {
        let mut world = World::new();
        let mut feed = open(&mut world);
        let mut verdict = world.send(&mut feed, &text[..at]);
        let all = verdict == Verdict::Http;
        if !all {
            verdict = world.send(&mut feed, &text[at..]);
        }
        assert_eq!(verdict, Verdict::Http, "split at {at}");
        let came = if all { &text[..at] } else { &text[..] };
        assert_eq!(feed.unread(), came);
        assert!(world.refused(Protocol::KairosTelnet).is_empty());
        world.shard.close(&mut feed);
        assert_eq!(world.shard.describe().buffered_bytes, 0);
    }
    // Only a connection that begins with it.
    let mut world = World::new();
    let mut feed = open(&mut world);
    assert_eq!(world.send(&mut feed, b"version\n"), Verdict::Keep);
    assert_eq!(world.send(&mut feed, text), Verdict::Keep);
}

#[test]
fn what_limits_refuse_is_told_where_errors_are() {
    let telling = kairos_telnet::Options {
        tells_errors: true,
        ..kairos_telnet::Options::default()
    };
    let mut world = world(telling, 1);
    let mut feed = open(&mut world);
    let text = b"put a 1 2 k=v\nput b 1 2 k=v\nput b 1 2 k\nput c 1 2 k=v\n";
    world.send(&mut feed, text);
    let told = String::from_utf8_lossy(feed.answers()).into_owned();
    let want = "put: tag[0] must be in the format 'name=value'.\n\
                put: 2 points were not stored: series_full\n";
    assert_eq!(told, want);
    assert_eq!(accepted(&world), 1);
}

#[test]
fn a_line_of_just_the_limit_may_come_in_pieces() {
    let short = kairos_telnet::Options {
        line_bytes_max: 40,
        ..kairos_telnet::Options::default()
    };
    let line = format!("put m 1 2 k={}\r\n", "x".repeat(28));
    let over = format!("put m 1 2 k={}\r\n", "x".repeat(29));
    for at in 1..line.len() {
        let mut world = world(short, 10);
        let mut feed = open(&mut world);
        for text in [&line, &over, &line] {
            world.send(&mut feed, &text.as_bytes()[..at]);
            world.send(&mut feed, &text.as_bytes()[at..]);
        }
        assert_eq!(accepted(&world), 2, "split at {at}");
        let refused = world.refused(Protocol::KairosTelnet);
        assert_eq!(refused, [(Reason::LineLong, 1)], "split at {at}");
    }
}
