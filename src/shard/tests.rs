use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;

use super::feed::{Feed, Verdict};
use super::sources::Source;
use super::*;
use crate::base::buffer::ReadBuffer;
use crate::base::random::Random;
use crate::base::time::{Arrival, Millis, Stamp};
use crate::model::points::Points;
use crate::model::refusal::Reason;
use crate::model::series::TenantId;
use crate::query::limits::Limits;
use crate::query::plan::{Plan, Selector, Want};
use crate::query::scan::{FoundSeries, NEWEST_TIMES_MAX, Partial};
use crate::store::fake_disk::FakeDisk;
use crate::store::reading::{self, SeriesReading};
use crate::store::tombstone::Mask;

mod deleting;
mod losing;
mod results;
mod sealing;
mod spaced;
mod telling;
mod telnet;
mod values;

fn options() -> Options {
    Options {
        line_bytes_max: 64 * 1024,
        frame_bytes_max: 1 << 24,
        buffered_bytes_max: 1 << 20,
        times: TimeRule::default(),
        telnet: kairos_telnet::Options::default(),
        index: index::Bounds::series(1000),
        store: store::Options {
            head_bytes_max: 64 << 20,
            ..store::Options::default()
        },
        results: result_cache::Options {
            bytes_max: 1 << 20,
            points_min: 0,
        },
        seed: 1,
        isa: Isa::available()[0],
    }
}

/// Keeps what the shard posts, all of it to itself.
#[derive(Default)]
struct Postbag(RefCell<Vec<Mail>>);

impl Post<Mail> for Postbag {
    fn shards(&self) -> usize {
        1
    }

    fn send(&self, _to: usize, mail: Mail) -> Result<(), Mail> {
        self.0.borrow_mut().push(mail);
        Ok(())
    }
}

/// One shard on a disk of its own, which does nothing until it is told to.
struct World {
    shard: Shard,
    disk: RefCell<FakeDisk>,
    buffer: ReadBuffer,
    stamp: u64,
}

impl World {
    fn new() -> World {
        World::with(options())
    }

    fn with(options: Options) -> World {
        World::of(options, 1)
    }

    /// The first of so many shards.
    fn of(options: Options, shards: usize) -> World {
        let disk = RefCell::new(FakeDisk::new(1));
        World {
            shard: Shard::new(options, Start::fresh(shards), &disk).expect("an empty disk"),
            disk,
            buffer: ReadBuffer::default(),
            stamp: 0,
        }
    }

    fn at(&mut self) -> Arrival {
        self.stamp += 1;
        Arrival {
            now: Millis(1_700_000_500_000),
            stamp: Stamp(self.stamp),
        }
    }

    fn send(&mut self, feed: &mut Feed, bytes: &[u8]) -> Verdict {
        let at = self.at();
        self.buffer.read_area()[..bytes.len()].copy_from_slice(bytes);
        self.shard.take(feed, &mut self.buffer, bytes.len(), at)
    }

    /// What a query finds of a path.
    fn scan(&mut self, path: &str, (from, until): (Millis, Millis)) -> Vec<FoundSeries> {
        let want = Want::Points {
            selectors: Arc::new([Selector::Path(path.to_owned())]),
            from,
            until,
            last_slots: Arc::new([]),
        };
        let plan = Plan::new(TenantId::DEFAULT, want, Limits::default());
        let mut scan = Scan::new(plan, Stamp(self.stamp));
        let found = loop {
            let Landing { index, store, .. } = &mut self.shard.landing;
            match scan.step(index, store, &mut self.shard.results, 1000) {
                Step::Done(found) => break found.expect("within limits"),
                Step::More => {}
                Step::Waiting => assert!(self.turn_disk(), "it waits for nothing"),
            }
        };
        let Partial::Points(found) = found else {
            panic!("{found:?}");
        };
        found.series
    }

    /// Let the shard do what is due at the moment, without its disk.
    fn poll(&mut self) {
        let at = self.at();
        self.shard.poll(at);
        let post = Postbag::default();
        for part in Part::ALL {
            self.shard.work(part, &post);
        }
        for mail in post.0.into_inner() {
            self.shard.open_mail(mail);
        }
    }

    /// Let the disk do one thing. False if there is none.
    fn turn_disk(&mut self) -> bool {
        let disk = self.disk.get_mut();
        while let Some(asked) = self.shard.take_job() {
            disk.ask(asked);
        }
        let Some((job, result)) = disk.step() else {
            return false;
        };
        self.shard.disk_done(job, result);
        true
    }

    /// Let the shard and the disk work until both have nothing left to do at this moment.
    fn rest(&mut self) {
        let mut quiet = 0;
        for _ in 0..1_000_000 {
            self.poll();
            quiet = if self.turn_disk() { 0 } else { quiet + 1 };
            if quiet > 50 {
                return;
            }
        }
        panic!("it never rests: {:?}", self.shard.take_troubles());
    }

    fn points(&mut self, id: SeriesId) -> Points {
        let mut points = Points::default();
        let store = &mut self.shard.landing.store;
        let all = (Millis::MIN, Millis::MAX);
        let mut reading = SeriesReading::new(store, id, all, Mask::default());
        loop {
            let store = &mut self.shard.landing.store;
            match reading.step(store, &mut 1000, &mut points) {
                reading::Progress::Done => break,
                reading::Progress::More => {}
                reading::Progress::Waiting => assert!(self.turn_disk(), "it waits for nothing"),
            }
        }
        assert!(!reading.is_damaged());
        points
    }

    /// All points of all series, by name.
    fn show(&mut self) -> String {
        let mut shown: Vec<String> = (0..self.shard.landing.index.len() as u32)
            .map(|id| {
                let points = self.points(SeriesId(id));
                let list: Vec<String> = points
                    .times
                    .iter()
                    .zip(&points.values)
                    .map(|(t, v)| format!("{v}@{}", t / 1000))
                    .collect();
                format!(
                    "{} {}",
                    self.shard.landing.index.text(SeriesId(id)),
                    list.join(",")
                )
            })
            .collect();
        shown.sort();
        shown.join("\n")
    }

    fn refused(&self, protocol: Protocol) -> Vec<(Reason, u64)> {
        self.shard.landing.vitals.refused[protocol as usize]
            .iter()
            .collect()
    }
}

#[test]
fn every_split_of_the_stream_gives_the_same() {
    let text = b"a.b 1 1700000000\nc;x=1;w=2 2.5 1700000001\r\nbad\n a.b 3 1700000002\n.a..b 4 1700000003\n";
    let mut whole = World::new();
    whole.send(&mut Feed::new(Protocol::Graphite, Source::default()), text);
    assert_eq!(
        whole.show(),
        "a.b 1@1700000000,3@1700000002,4@1700000003\nc;w=2;x=1 2.5@1700000001"
    );
    let whole = whole.show();
    for cut in 0..=text.len() {
        for next in cut..=text.len() {
            let mut world = World::new();
            let mut feed = Feed::new(Protocol::Graphite, Source::default());
            for part in [&text[..cut], &text[cut..next], &text[next..]] {
                assert_eq!(world.send(&mut feed, part), Verdict::Keep);
            }
            world.shard.end(&mut feed);
            assert_eq!(world.show(), whole, "cut at {cut} and {next}");
            assert_eq!(world.shard.accepted(), 4);
            assert_eq!(world.refused(Protocol::Graphite), [(Reason::Fields, 1)]);
        }
    }
}

#[test]
fn a_line_without_end_is_skipped_to_its_newline() {
    let mut world = World::new();
    let mut feed = Feed::new(Protocol::Graphite, Source::default());
    for _ in 0..20 {
        world.send(&mut feed, &[b'x'; 10_000]);
        assert!(feed.rest.len() <= 64 * 1024);
    }
    world.send(&mut feed, b" 1 1700000000\na 1 1700000000\n");
    assert_eq!(world.show(), "a 1@1700000000");
    assert_eq!(world.refused(Protocol::Graphite), [(Reason::LineLong, 1)]);
}

#[test]
fn a_cut_line_is_dropped_and_counted() {
    let mut world = World::new();
    let mut feed = Feed::new(Protocol::Graphite, Source::default());
    world.send(&mut feed, b"a 1 1700000000\nb 1 170000");
    world.shard.end(&mut feed);
    assert_eq!(world.refused(Protocol::Graphite), [(Reason::LineCut, 1)]);
    world.send(&mut feed, b"c 1 1700000000\n\0");
    world.shard.end(&mut feed);
    assert_eq!(world.show(), "a 1@1700000000\nc 1@1700000000");
    assert_eq!(world.refused(Protocol::Graphite), [(Reason::LineCut, 1)]);
}

#[test]
fn new_series_beyond_the_bound_are_refused_while_known_ones_go_on() {
    let mut world = World::new();
    let mut feed = Feed::new(Protocol::Graphite, Source::default());
    for round in 0..2 {
        for i in 0..1_010 {
            world.send(
                &mut feed,
                format!("m{i} {round} {}\n", 1_700_000_000 + round).as_bytes(),
            );
        }
    }
    assert_eq!(world.shard.describe().series, 1000);
    assert_eq!(world.shard.accepted(), 2000);
    assert_eq!(
        world.refused(Protocol::Graphite),
        [(Reason::SeriesFull, 20)]
    );
}

#[test]
fn datagrams_need_no_last_newline() {
    let mut world = World::new();
    let at = world.at();
    world.shard.take_datagram(
        Protocol::GraphiteUdp,
        b"a 1 1700000000\nb 2 1700000001",
        IpAddr::from([127, 0, 0, 1]),
        at,
    );
    assert_eq!(world.show(), "a 1@1700000000\nb 2@1700000001");
    assert_eq!(
        world.shard.landing.vitals.accepted[Protocol::GraphiteUdp as usize],
        2
    );
}

#[test]
fn a_datagram_longer_than_a_chunk_gives_every_point_its_own_series() {
    let mut world = World::new();
    let text: String = (0..900)
        .map(|i| format!("gram.m{i} {i} 1700000000 \n"))
        .collect();
    assert!(text.len() > graphite::CHUNK_BYTES && text.len() < 65_507);
    let at = world.at();
    world.shard.take_datagram(
        Protocol::GraphiteUdp,
        text.as_bytes(),
        IpAddr::from([127, 0, 0, 1]),
        at,
    );
    let mut want: Vec<String> = (0..900)
        .map(|i| format!("gram.m{i} {i}@1700000000"))
        .collect();
    want.sort();
    assert_eq!(world.show(), want.join("\n"));
}

#[test]
fn any_bytes_in_any_pieces_leave_the_shard_whole() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut world = World::new();
        let mut feed = Feed::new(Protocol::Graphite, Source::default());
        for _ in 0..60 {
            let bytes: Vec<u8> = (0..random.below(200))
                .map(|_| b"ab.; =\n\n\r\t1234567890-e\0\xff"[random.below(24) as usize])
                .collect();
            world.send(&mut feed, &bytes);
        }
        world.shard.end(&mut feed);
        assert!(
            world
                .refused(Protocol::Graphite)
                .iter()
                .all(|&(reason, _)| reason != Reason::Panic),
            "seed {seed}"
        );
    }
}

/// `[(name, (1700000000, value))]` in protocol 2, framed.
fn frame(name: &str, value: u8) -> Vec<u8> {
    let mut payload = b"\x80\x02]q\0X".to_vec();
    payload.extend((name.len() as u32).to_le_bytes());
    payload.extend(name.as_bytes());
    payload.extend(b"q\x01J\x00\xf1SeK");
    payload.push(value);
    payload.extend(b"\x86q\x02\x86q\x03a.");
    let mut frame = (payload.len() as u32).to_be_bytes().to_vec();
    frame.extend(payload);
    frame
}

#[test]
fn frames_split_anywhere_are_the_same_frames() {
    let bytes = [frame("a.b", 1), vec![0, 0, 0, 3, 1, 2, 3], frame("c.d", 2)].concat();
    for cut in 0..=bytes.len() {
        for next in cut..=bytes.len() {
            let mut world = World::new();
            let mut feed = Feed::new(Protocol::Pickle, Source::default());
            for part in [&bytes[..cut], &bytes[cut..next], &bytes[next..]] {
                assert_eq!(world.send(&mut feed, part), Verdict::Keep);
            }
            world.shard.end(&mut feed);
            assert_eq!(
                world.show(),
                "a.b 1@1700000000\nc.d 2@1700000000",
                "cut at {cut} and {next}"
            );
            assert_eq!(world.refused(Protocol::Pickle), [(Reason::Pickle, 1)]);
        }
    }
}

#[test]
fn a_long_frame_is_gathered_and_a_longer_one_ends_the_connection() {
    let mut world = World::new();
    let mut feed = Feed::new(Protocol::Pickle, Source::default());
    let mut long = frame("a.b", 1);
    long.extend(vec![0; 400_000]);
    let len = (long.len() - 4) as u32;
    long[..4].copy_from_slice(&len.to_be_bytes());
    long.extend(frame("c.d", 2));
    for part in long.chunks(50_001) {
        assert_eq!(world.send(&mut feed, part), Verdict::Keep);
    }
    assert_eq!(world.show(), "a.b 1@1700000000\nc.d 2@1700000000");
    assert_eq!(world.send(&mut feed, &[0xff; 8]), Verdict::Close);
    assert_eq!(world.refused(Protocol::Pickle), [(Reason::FrameLong, 1)]);
}

/// What a shard's keeper does after every read.
fn make_room(shard: &mut Shard, feeds: &mut [Feed]) -> u64 {
    let mut turned_out = 0;
    while shard.is_overfull() {
        let most = feeds.iter_mut().max_by_key(|feed| feed.held_bytes());
        shard.turn_out(most.expect("somebody holds something"));
        turned_out += 1;
    }
    turned_out
}

#[test]
fn what_connections_leave_over_is_bounded_together() {
    let mut world = World::new();
    let mut feeds: Vec<Feed> = (0..40)
        .map(|_| Feed::new(Protocol::Pickle, Source::default()))
        .collect();
    let mut closed = 0;
    for i in 0..feeds.len() {
        let mut begun = (1u32 << 23).to_be_bytes().to_vec();
        begun.extend(vec![b'x'; 60_000]);
        assert_eq!(world.send(&mut feeds[i], &begun), Verdict::Keep);
        closed += make_room(&mut world.shard, &mut feeds);
        let held: usize = feeds.iter().map(Feed::held_bytes).sum();
        assert_eq!(world.shard.buffered_bytes, held);
        assert!(held <= 1 << 20);
    }
    assert_eq!(closed, 40 - (1 << 20) / 60_004);
    assert_eq!(world.refused(Protocol::Pickle), [(Reason::Buffers, closed)]);
    feeds.iter_mut().for_each(|feed| world.shard.end(feed));
    assert_eq!(world.shard.buffered_bytes, 0);
}

#[test]
fn who_leaves_little_is_not_turned_out_for_those_who_leave_much() {
    let mut world = World::new();
    let mut feeds: Vec<Feed> = (0..40)
        .map(|_| Feed::new(Protocol::Graphite, Source::default()))
        .collect();
    for i in 1..feeds.len() {
        world.send(&mut feeds[i], &[b'x'; 60_000]);
        make_room(&mut world.shard, &mut feeds);
        world.send(&mut feeds[0], format!("a {i} 1700000").as_bytes());
        make_room(&mut world.shard, &mut feeds);
        world.send(&mut feeds[0], format!("{i:03}\n").as_bytes());
    }
    assert_eq!(world.shard.accepted(), 39);
}

/// What is counted is what is held, also where a long rest became a short one.
#[test]
fn the_memory_of_a_long_line_is_given_back() {
    let mut world = World::new();
    let mut feed = Feed::new(Protocol::Graphite, Source::default());
    world.send(&mut feed, &[b'x'; 60_000]);
    assert!(60_000 <= world.shard.buffered_bytes);
    world.send(&mut feed, b"\nhalf");
    assert!(feed.held_bytes() < 100, "{}", feed.held_bytes());
    assert_eq!(world.shard.buffered_bytes, feed.held_bytes());
}
