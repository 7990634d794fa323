//! Any bytes as lines: every instruction set at any split points says what the slow twin says, and so
//! does a datagram; a whole shard says the same however its reads were cut, and keeps its bounds.
//!
//! The first eight bytes of an input seed where it is cut; the rest is the text.
#![no_main]

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};

use corelane::base::buffer::ReadBuffer;
use corelane::base::random::Random;
use corelane::base::time::{Arrival, Millis, Stamp, Step};
use corelane::index;
use corelane::model::refusal::{Protocol, Reason, Refusals};
use corelane::model::sample::{Samples, TimeRule};
use corelane::query::result_cache;
use corelane::shard::feed::{Feed, Verdict};
use corelane::shard::sources::Source;
use corelane::shard::{self, Shard};
use corelane::simd::{Isa, Scanner};
use corelane::store;
use corelane::store::recover::Start;
use corelane::wire::graphite::{CHUNK_BYTES, Decoder, Options, line};
use corelane::wire::kairos_telnet;
use empty_folder::EmptyFolder;
use libfuzzer_sys::fuzz_target;

#[path = "../../../benches/common/empty_folder.rs"]
mod empty_folder;

const NOW: Millis = Millis(1_800_000_000_000);

/// Low, so that inputs pass it.
const LINE_BYTES_MAX: usize = 64;

/// Where datagrams come from.
const FROM: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Bytes that a bounded shard may keep; below what its two connections could.
const BUFFERED_BYTES_MAX: usize = 100;

thread_local! {
    static BUFFER: RefCell<ReadBuffer> = RefCell::default();
    static DECODERS: RefCell<Vec<Decoder>> = RefCell::new(
        Isa::available()
            .into_iter()
            .map(|isa| Decoder::new(Scanner::new(isa), OPTIONS))
            .collect(),
    );
}

const OPTIONS: Options = Options {
    line_bytes_max: LINE_BYTES_MAX,
    times: TimeRule {
        ahead_max_ms: 24 * 3600 * 1000,
        millis_by_digits: false,
    },
};

/// Samples with their names spelled out.
#[derive(Debug, Default, PartialEq)]
struct Spelled {
    samples: Vec<(Vec<u8>, i64, u64)>,
    refusals: Refusals,
}

impl Spelled {
    fn add(&mut self, text: &[u8], samples: &mut Samples) {
        for i in 0..samples.len() {
            let name = samples.names[i].of(text).to_vec();
            self.samples.push((
                name,
                samples.times[i],
                samples.numbers[i].to_f64().to_bits(),
            ));
        }
        samples.clear();
        self.refusals.absorb(&mut samples.refusals);
    }

    /// One line by the whole rule.
    fn add_line(&mut self, text: &[u8]) {
        match line(text, NOW, OPTIONS) {
            Ok(Some((name, time_ms, number))) => {
                let name = name.of(text).to_vec();
                self.samples
                    .push((name, time_ms, number.to_f64().to_bits()));
            }
            Ok(None) => {}
            Err(reason) => self.refusals.count(reason),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((seed, text)) = data.split_first_chunk::<8>() else {
        return;
    };
    let seed = u64::from_le_bytes(*seed);
    streams_agree(seed, text);
    datagrams_agree(text);
    cuts_make_no_difference(seed, text);
    bounds_hold(seed, text);
});

/// Where a text of `len` bytes is cut: often not at all, sometimes, if it is short, into single bytes.
fn cuts(seed: u64, len: usize) -> Vec<usize> {
    let mut random = Random::new(seed);
    let longest = (len as u64 / 128).max(1 << [0, 3, 6, 12][random.below(4) as usize]);
    let (mut at, mut cuts) = (0, Vec::new());
    while at < len {
        at = len.min(at + 1 + random.below(longest) as usize);
        cuts.push(at);
    }
    cuts
}

fn streams_agree(seed: u64, text: &[u8]) {
    // A long line in front moves the edge of the decoder's chunk into the text.
    let mut stream = Vec::new();
    let mut lead = 0;
    if seed.is_multiple_of(4) {
        stream.resize(CHUNK_BYTES - (seed >> 2) as usize % 256, b'x');
        stream.push(b'\n');
        lead = stream.len();
    }
    stream.extend_from_slice(text);
    if text.is_empty() {
        return;
    }

    let mut want = Spelled::default();
    let mut lines = stream.split(|&byte| byte == b'\n').collect::<Vec<_>>();
    lines.pop();
    lines.into_iter().for_each(|line| want.add_line(line));

    DECODERS.with_borrow_mut(|decoders| {
        for decoder in decoders {
            let mut got = Spelled::default();
            let mut samples = Samples::default();
            let mut start = 0;
            for cut in cuts(seed, text.len()) {
                loop {
                    let so_far = &stream[start..lead + cut];
                    let taken = decoder.decode(so_far, NOW, &mut samples);
                    got.add(so_far, &mut samples);
                    if taken == 0 {
                        break;
                    }
                    start += taken;
                }
            }
            assert_eq!(got, want);
        }
    });
}

/// The samples of a datagram are those of its lines, by carbon's line ends; the sets agree on the
/// refusals too.
fn datagrams_agree(text: &[u8]) {
    let mut want = Spelled::default();
    let mut start = 0;
    for at in 0..=text.len() {
        let end = match &text[at..] {
            [] | [b'\n' | b'\r' | 0x0b | 0x0c | 0x1c..=0x1e, ..] => 1,
            [0xc2, 0x85, ..] => 2,
            [0xe2, 0x80, 0xa8 | 0xa9, ..] => 3,
            _ => continue,
        };
        want.add_line(&text[start.min(at)..at]);
        start = at + end;
    }
    // An over-long line counts with its carriage return, and is one line to a datagram without
    // another end in it.
    let long = want.refusals.of(Reason::LineLong) > 0 || LINE_BYTES_MAX <= text.len();

    DECODERS.with_borrow_mut(|decoders| {
        let mut first: Option<Spelled> = None;
        for decoder in decoders {
            let mut samples = Samples::default();
            decoder.decode_datagram(text, NOW, &mut samples);
            let mut got = Spelled::default();
            got.add(text, &mut samples);
            if !long {
                assert_eq!(got.samples, want.samples);
            }
            assert_eq!(
                first.get_or_insert_with(|| Spelled {
                    samples: got.samples.clone(),
                    refusals: got.refusals.clone(),
                }),
                &got
            );
        }
    });
}

fn shard(buffered_bytes_max: usize, series_max: usize, seed: u64) -> Shard {
    let sets = Isa::available();
    let options = shard::Options {
        line_bytes_max: LINE_BYTES_MAX,
        frame_bytes_max: 256,
        buffered_bytes_max,
        times: OPTIONS.times,
        telnet: kairos_telnet::Options::default(),
        index: index::Bounds::series(series_max),
        store: store::Options {
            head_bytes_max: 64 << 10,
            seal_bytes: 4096,
            windows_max: 4,
            window: Step::MINUTE,
            ..store::Options::default()
        },
        results: result_cache::Options::default(),
        seed: 1,
        isa: sets[seed as usize % sets.len()],
    };
    Shard::new(options, Start::fresh(1), &EmptyFolder).expect("an empty folder")
}

fn connection(protocol: Protocol) -> Feed {
    Feed::new(protocol, Source::default())
}

fn send(shard: &mut Shard, feed: &mut Feed, bytes: &[u8], stamp: u64) -> Verdict {
    let at = Arrival {
        now: NOW,
        stamp: Stamp(stamp),
    };
    BUFFER.with_borrow_mut(|buffer| {
        buffer.read_area()[..bytes.len()].copy_from_slice(bytes);
        shard.take(feed, buffer, bytes.len(), at)
    })
}

/// One connection, read whole and in pieces: the same is accepted and refused.
fn cuts_make_no_difference(seed: u64, text: &[u8]) {
    let read = |cuts: &[usize]| {
        let mut shard = shard(1 << 20, 1000, seed);
        let mut feed = connection(Protocol::Graphite);
        let mut start = 0;
        for (stamp, &cut) in (1..).zip(cuts) {
            let verdict = send(&mut shard, &mut feed, &text[start..cut], stamp);
            assert_eq!(verdict, Verdict::Keep);
            // Memory is taken in steps that double.
            assert!(shard.describe().buffered_bytes <= 2 * LINE_BYTES_MAX as u64);
            start = cut;
        }
        shard.end(&mut feed);
        let vitals = shard.describe();
        assert_eq!(vitals.buffered_bytes, 0);
        (vitals.accepted, vitals.refused, vitals.series)
    };
    assert_eq!(read(&cuts(seed, text.len())), read(&[text.len()]));
}

/// Lines and frames side by side on a shard with little room.
fn bounds_hold(seed: u64, text: &[u8]) {
    let mut shard = shard(BUFFERED_BYTES_MAX, 5, seed);
    let mut random = Random::new(seed);
    let doors = [Protocol::Graphite, Protocol::Graphite, Protocol::Pickle];
    let mut feeds = doors.map(connection);
    let mut start = 0;
    for (stamp, cut) in (1..).zip(cuts(seed, text.len())) {
        let which = random.below(4) as usize;
        if let Some(feed) = feeds.get_mut(which) {
            if send(&mut shard, feed, &text[start..cut], stamp) == Verdict::Close {
                shard.end(feed);
                *feed = connection(feed.protocol);
            }
        } else {
            let at = Arrival {
                now: NOW,
                stamp: Stamp(stamp),
            };
            shard.take_datagram(Protocol::GraphiteUdp, &text[start..cut], FROM, at);
        }
        while shard.is_overfull() {
            let most = feeds.iter_mut().max_by_key(|feed| feed.held_bytes());
            let Some(feed) = most.filter(|feed| feed.held_bytes() > 0) else {
                panic!("nobody holds what is too much");
            };
            shard.turn_out(feed);
            *feed = connection(feed.protocol);
        }
        let vitals = shard.describe();
        let held: usize = feeds.iter().map(Feed::held_bytes).sum();
        assert_eq!(vitals.buffered_bytes, held as u64);
        assert!(vitals.buffered_bytes <= BUFFERED_BYTES_MAX as u64);
        assert!(vitals.series <= 5 && vitals.store.head_bytes <= 64 << 10);
        start = cut;
    }
    feeds.iter_mut().for_each(|feed| shard.end(feed));
    assert_eq!(shard.describe().buffered_bytes, 0);
}
