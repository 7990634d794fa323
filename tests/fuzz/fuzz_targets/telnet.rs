//! Any bytes as KairosDB's lines: every instruction set at any split points says what the slow rule says
//! for each line, what is met is a good name or refused, and a whole shard keeps its bounds.
//!
//! The first eight bytes of an input seed where it is cut and what the decoder is told; the rest is the text.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use corelane::base::buffer::ReadBuffer;
use corelane::base::random::Random;
use corelane::base::time::{Arrival, Millis, Stamp};
use corelane::index;
use corelane::model;
use corelane::model::refusal::{Protocol, Reason, Refusals};
use corelane::model::sample::{Samples, TimeRule};
use corelane::model::series::Values;
use corelane::query::result_cache;
use corelane::shard::feed::{ANSWER_BYTES_MAX, Verdict};
use corelane::shard::{self, Shard};
use corelane::simd::{Isa, Scanner};
use corelane::store;
use corelane::store::recover::Start;
use corelane::wire::kairos_sent::{self, Sent, raw};
use corelane::wire::kairos_telnet::{Command, Decoder, Habit, Options, VERSION, Value, line};
use empty_folder::EmptyFolder;
use known::Known;
use libfuzzer_sys::fuzz_target;

#[path = "../../../benches/common/empty_folder.rs"]
mod empty_folder;
#[path = "../../../src/wire/familiar/known.rs"]
mod known;

/// Name, time, and the number or the text of a point.
type Point = (Sent, i64, String);

/// Points, refusals and answers of whole lines.
type Read = (Vec<Point>, Refusals, Vec<u8>);

/// Several times by one decoder, which then knows some of the lines.
fn fast(isa: Isa, options: Options, text: &[u8]) -> (Read, usize) {
    let mut decoder = Decoder::new(Scanner::new(isa), options, 1);
    let (mut habit, mut known) = (Habit::default(), Known::default());
    let mut read = || decoded(&mut decoder, &mut habit, &mut known, text);
    let first = read();
    for _ in 0..2 {
        assert_eq!(read(), first);
    }
    first
}

fn decoded(
    decoder: &mut Decoder,
    habit: &mut Habit,
    known: &mut Known,
    text: &[u8],
) -> (Read, usize) {
    let (mut samples, mut answers) = (Samples::default(), Vec::new());
    let (mut points, mut at) = (Vec::new(), 0);
    loop {
        let taken = decoder.decode(&text[at..], habit, &mut samples, &mut answers);
        decoder.learn(&known.series(&samples, decoder.text()));
        for i in 0..samples.len() {
            match kairos_sent::name_of(known.name(samples.names[i], decoder.text())) {
                Ok(sent) => {
                    let number = samples.numbers[i];
                    let value = match sent.values {
                        Values::Text => {
                            let (start, len) =
                                (number.mantissa as u64 >> 32, number.mantissa as u32);
                            let end = start as usize + len as usize;
                            let text = &decoder.text()[start as usize..end];
                            std::str::from_utf8(text).expect("a text").to_owned()
                        }
                        _ => format!("{number:?}"),
                    };
                    points.push((sent, samples.times[i], value));
                }
                Err(reason) => samples.refuse(reason),
            }
        }
        samples.clear();
        at += taken;
        if taken == 0 {
            return ((points, samples.refusals, answers), at);
        }
    }
}

fn slow(options: Options, text: &[u8]) -> (Read, usize) {
    let (mut points, mut refusals, mut answers, mut at) =
        (Vec::new(), Refusals::default(), Vec::new(), 0);
    while let Some(len) = text[at..].iter().position(|&byte| byte == b'\n') {
        let own = &text[at..at + len];
        at += len + 1;
        match line(own, options) {
            Ok(Command::Point {
                metric,
                behind,
                in_millis: _,
                time_ms,
                value,
            }) => {
                let name = [metric.of(own), b" ", behind.of(own)].concat();
                match raw::read(&name, value.values(), options.charset) {
                    Ok(sent) => {
                        let value = match value {
                            Value::Number(_, number) => format!("{number:?}"),
                            Value::Text(text) => text.into_owned(),
                        };
                        points.push((sent, time_ms, value));
                    }
                    Err(fault) => refusals.count(fault.reason()),
                }
            }
            Ok(Command::Version) => {
                answers.extend_from_slice(VERSION.as_bytes());
                answers.push(b'\n');
            }
            Err(fault) => refusals.count(fault.reason()),
        }
    }
    ((points, refusals, answers), at)
}

fn whole_shard(options: Options, text: &[u8], random: &mut Random) {
    let sets = Isa::available();
    let mut shard = Shard::new(
        shard::Options {
            line_bytes_max: 64,
            frame_bytes_max: 256,
            buffered_bytes_max: 1 << 20,
            times: TimeRule::default(),
            telnet: options,
            index: index::Bounds::series(20),
            store: store::Options {
                head_bytes_max: 64 << 10,
                seal_bytes: 4096,
                windows_max: 4,
                ..store::Options::default()
            },
            results: result_cache::Options::default(),
            seed: 1,
            isa: sets[random.below(sets.len() as u64) as usize],
        },
        Start::fresh(1),
        &EmptyFolder,
    )
    .expect("an empty folder");
    let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut feed = shard.open(Protocol::KairosTelnet, from);
    let mut buffer = ReadBuffer::default();
    let (mut rest, mut stamp) = (text, 0);
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(1 + random.below(rest.len() as u64) as usize);
        rest = behind;
        buffer.read_area()[..piece.len()].copy_from_slice(piece);
        stamp += 1;
        let at = Arrival {
            now: Millis(1_800_000_000_000),
            stamp: Stamp(stamp),
        };
        let verdict = shard.take(&mut feed, &mut buffer, piece.len(), at);
        assert!(feed.answers().len() <= ANSWER_BYTES_MAX);
        match verdict {
            Verdict::Keep => {}
            // The first bytes say so, and all of them are there to be handed over.
            Verdict::Http => {
                assert!(text.starts_with(feed.unread()));
                break;
            }
            Verdict::Close => panic!("so few bytes close nothing"),
        }
        if random.chance(50) {
            let taken = random.below(1 + feed.answers().len() as u64) as usize;
            shard.answered(&mut feed, taken);
        }
    }
    assert_eq!(
        shard.describe().refused[Protocol::KairosTelnet as usize].of(Reason::Panic),
        0
    );
    shard.close(&mut feed);
    assert_eq!(shard.describe().buffered_bytes, 0);
}

fuzz_target!(|data: &[u8]| {
    let Some((seed, text)) = data.split_first_chunk::<8>() else {
        return;
    };
    let mut random = Random::new(u64::from_le_bytes(*seed));
    let options = Options {
        line_bytes_max: [40, 65_535][random.below(2) as usize],
        charset: raw::Charset::ALL[random.below(2) as usize].1,
        tells_errors: false,
        takes_http: true,
    };
    let want = slow(options, text);
    for isa in Isa::available() {
        assert_eq!(fast(isa, options, text), want, "{}", isa.label());
    }
    let telling = Options {
        tells_errors: true,
        ..options
    };
    let (told, taken) = fast(Isa::Scalar, telling, text);
    assert_eq!((&told.0, &told.1, taken), (&want.0.0, &want.0.1, want.1));
    whole_shard(options, text, &mut random);
    whole_shard(telling, text, &mut random);
});
