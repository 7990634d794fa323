use std::process::Command;

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::base::random::Random;

mod writer;

const NOW: Millis = Millis(1_800_000_000_000);

/// Name, milliseconds and value of every sample, then the refusals.
fn show(text: &[u8], samples: &Samples) -> String {
    let mut shown = String::new();
    for i in 0..samples.len() {
        let name = String::from_utf8_lossy(samples.names[i].of(text));
        shown += &format!(
            "{name}={:?}@{} ",
            samples.numbers[i].to_f64(),
            samples.times[i]
        );
    }
    for (reason, n) in samples.refusals.iter() {
        shown += &format!("{}:{n} ", reason.label());
    }
    shown.trim_end().to_owned()
}

fn decoded(payload: &[u8]) -> String {
    let mut samples = Samples::default();
    let mut decoder = Decoder::new(Options::default());
    let text = decoder.decode_payload(payload, NOW, &mut samples);
    show(text, &samples)
}

fn slowly(payload: &[u8]) -> String {
    let mut samples = Samples::default();
    let mut decoder = Decoder::new(Options::default());
    let text = decoder.decode_payload_slowly(payload, NOW, &mut samples);
    show(text, &samples)
}

fn is_usual(payload: &[u8]) -> bool {
    let mut samples = Samples::default();
    let times = TimeRule::default();
    fast::payload(payload, 0..payload.len(), NOW, times, &mut samples).is_some()
}

fn hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text}");
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

#[track_caller]
fn check(payload: &[u8], want: &str) {
    assert_eq!(
        decoded(payload),
        want,
        "{:?}",
        payload.escape_ascii().to_string()
    );
    assert_eq!(
        slowly(payload),
        want,
        "slowly {:?}",
        payload.escape_ascii().to_string()
    );
}

/// A list with the one item that `item` makes.
#[track_caller]
fn check_item(item: &[u8], want: &str) {
    check(&[b"]", item, b"a."].concat(), want);
}

/// A point at 1700000000 with the value that `value` makes.
#[track_caller]
fn check_value(value: &[u8], want: &str) {
    let point = [b"U\x01aJ\x00\xf1\x53\x65", value, b"\x86\x86"].concat();
    check_item(&point, want);
}

/// A point with value 5 and the timestamp that `time` makes.
#[track_caller]
fn check_time(time: &[u8], want: &str) {
    let point = [b"U\x01a", time, b"K\x05\x86\x86"].concat();
    check_item(&point, want);
}

const POINT: &[u8] = b"U\x01aJ\x00\xf1\x53\x65K\x05\x86\x86";

#[test]
fn values() {
    check_value(b"K\x05", "a=5.0@1700000000000");
    check_value(b"M\x05\x01", "a=261.0@1700000000000");
    check_value(b"J\xff\xff\xff\xff", "a=-1.0@1700000000000");
    check_value(b"\x8a\x00", "a=0.0@1700000000000");
    check_value(b"\x8a\x01\xff", "a=-1.0@1700000000000");
    check_value(b"\x8b\x01\0\0\0\x07", "a=7.0@1700000000000");
    check_value(b"\x8b\xff\xff\xff\xff\x07", "pickle:1");
    check_value(b"G\x7f\xf8\0\0\0\0\0\0", "nan:1");
    check_value(b"G\x7f\xf0\0\0\0\0\0\0", "value:1");
    check_value(b"Fnan\n", "nan:1");
    check_value(b"F-inf\n", "value:1");
    check_value(b"S'NaN'\n", "nan:1");
    check_value(b"S'inf'\n", "value:1");
    check_value(b"S'45.000000'\n", "a=45.0@1700000000000");
    check_value(b"U\x06 42.5\n", "a=42.5@1700000000000");
    check_value(b"C\x0442.5", "a=42.5@1700000000000");
    check_value(b"U\x051_000", "value:1");
    check_value(b"I1_000\n", "value:1");
    check_value(b"I0x10\n", "value:1");
    check_value(b"U\x040x10", "value:1");
    check_value(b"Iabc\n", "value:1");
    check_value(b"L12L\n", "a=12.0@1700000000000");
    check_value(b"L12\n", "a=12.0@1700000000000");
    check_value(b"I01\n", "a=1.0@1700000000000");
    check_value(b"\x88", "a=1.0@1700000000000");
    check_value(b"\x89", "a=0.0@1700000000000");
    check_value(b"N", "item:1");
    check_value(b"]", "item:1");
    check_value(b"}", "item:1");
    let huge = format!("L{}L\n", "9".repeat(310));
    check_value(huge.as_bytes(), "value:1");
    let long = format!("L{}L\n", "0".repeat(1025));
    check_value(long.as_bytes(), "value:1");
}

#[test]
fn timestamps() {
    check_time(b"J\x00\xf1\x53\x65", "a=5.0@1700000000000");
    check_time(b"F1700000000.75\n", "a=5.0@1700000000750");
    check_time(b"F1700000000.1\n", "a=5.0@1700000000100");
    check_time(b"F1700000000.9999\n", "a=5.0@1700000000999");
    check_time(b"S'1700000000'\n", "a=5.0@1700000000000");
    check_time(b"L1700000000L\n", "a=5.0@1700000000000");
    check_time(b"J\xff\xff\xff\xff", "a=5.0@1800000000000");
    check_time(
        b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        "a=5.0@1800000000000",
    );
    check_time(b"F-1.99\n", "a=5.0@1800000000000");
    check_time(b"F-2\n", "too_old:1");
    check_time(b"K\0", "too_old:1");
    check_time(b"F1e300\n", "too_far_ahead:1");
    check_time(
        b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
        "too_far_ahead:1",
    );
    check_time(
        b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\0",
        "too_far_ahead:1",
    );
    check_time(b"\x8a\x09\0\0\0\0\0\0\0\0\x80", "too_old:1");
    check_time(b"Fnan\n", "timestamp:1");
    check_time(b"G\x7f\xf0\0\0\0\0\0\0", "timestamp:1");
    check_time(b"S'soon'\n", "timestamp:1");
    check_time(b"N", "item:1");
}

#[test]
fn milliseconds_by_switch() {
    let options = Options {
        times: TimeRule {
            millis_by_digits: true,
            ..TimeRule::default()
        },
        ..Options::default()
    };
    let mut decoder = Decoder::new(options);
    for time in [
        &b"F1700000000123.0\n"[..],
        b"L1700000000123L\n",
        b"\x8a\x06\x7b\x68\xe5\xcf\x8b\x01",
        b"S'1700000000123'\n",
    ] {
        let payload = [b"]U\x01a", time, b"K\x05\x86\x86a."].concat();
        let mut samples = Samples::default();
        let text = decoder.decode_payload(&payload, NOW, &mut samples);
        assert_eq!(show(text, &samples), "a=5.0@1700000000123", "{time:?}");
    }
}

#[test]
fn names() {
    let named = |name: &[u8]| [name, b"J\x00\xf1\x53\x65K\x05\x86\x86"].concat();
    let check_name = |name: &[u8], want: &str| {
        check_item(&named(name), &format!("{want}=5.0@1700000000000"));
    };
    check_name(b"C\x01a", "a");
    check_name(b"B\x01\0\0\0a", "a");
    check_name(b"\x8e\x01\0\0\0\0\0\0\0a", "a");
    check_name(b"\x8d\x01\0\0\0\0\0\0\0a", "a");
    check_name(b"T\x01\0\0\0a", "a");
    check_name(b"U\0", "");
    check_name(b"S'a.b'\n", "a.b");
    check_name(b"S\"it's\"\n", "it's");
    check_name(
        br"S'\xd0\xb6\x2e\143\t\\\q\'"
            .iter()
            .chain(b"'\n")
            .copied()
            .collect::<Vec<u8>>()
            .as_slice(),
        "ж.c\t\\\\q'",
    );
    check_name(b"Vd\xe9j\xe0.vu\n", "déjà.vu");
    check_name(b"V\\u0436\\u005c\\u000a\\q\n", "ж\\\n\\q");
    check_name(b"V\\U0001F600\n", "😀");
    check_name(b"V\\ud83d\\ude00\n", "😀");
    for bad in [
        &b"Sabc\n"[..],
        b"S'abc\n",
        b"S'\n",
        b"S'\\x4'\n",
        b"V\\u12\n",
        b"V\\U00110000\n",
    ] {
        check_item(&named(bad), "pickle:1");
    }
    check_item(&named(b"K\x01"), "item:1");
    check_item(&named(b"I12\n"), "item:1");
    check_item(&named(b"N"), "item:1");
}

#[test]
fn a_lone_surrogate_is_no_name_but_costs_one_item() {
    let mut samples = Samples::default();
    let mut decoder = Decoder::new(Options::default());
    let payload = b"]V\\ud83dx\nJ\x00\xf1\x53\x65K\x05\x86\x86a.";
    let text = decoder.decode_payload(payload, NOW, &mut samples);
    assert_eq!(
        crate::wire::name::parse(samples.names[0].of(text)),
        Err(Reason::NameUtf8)
    );
}

#[test]
fn one_bad_item_never_costs_the_good_ones() {
    let good = "a=5.0@1700000000000";
    for (bad, count) in [
        (&b"N"[..], 1),
        (b")", 1),
        (b"]", 1),
        (b"}", 1),
        (b"U\x02ab", 1),
        (b"U\x01a\x85", 1),
        (b"U\x01aK\x01\x86", 1),
        (b"U\x01aU\x0212\x86", 1),
        (b"U\x01aK\x01\x85\x86", 1),
        (b"U\x01aK\x01K\x02K\x03\x87\x86", 1),
        (b"U\x01aK\x01K\x02\x87", 2),
        (b"U\x01a(K\x01K\x02d\x86", 1),
    ] {
        check(
            &[b"](", POINT, bad, POINT, b"e."].concat(),
            &format!("{good} {good} item:{count}"),
        );
    }
}

#[test]
fn several_points_behind_one_name() {
    check_item(
        b"(U\x01aK\x01K\x02\x86NK\x03K\x04\x86t",
        "a=2.0@1000 a=4.0@3000 item:1",
    );
}

#[test]
fn what_is_no_batch() {
    for payload in [
        &b""[..],
        b".",
        b"N.",
        b"K\x01.",
        b"}.",
        b"U\x03abc.",
        b"(.",
        b"]",
        b"\x80\x06].",
        b"\x80\x02]h\x05a.",
        b"](a.",
        b"]a.",
        b"K\x01a.",
        b")K\x01a.",
        b"]K\x01\x90.",
        b"(K\x01d.",
        b"]K\x01K\x02s.",
        b"cos\nsystem\n.",
        b"\x95\xff\0\0\0\0\0\0\0].",
    ] {
        check(payload, "pickle:1");
    }
    for code in *b"cRibo\x81\x92\x93\x82\x83\x84PQ\x97\x98\xff" {
        check(&[b"]", POINT, b"a", &[code, b'.'][..]].concat(), "pickle:1");
    }
}

#[test]
fn what_is_left_lying_about() {
    check(b"].garbage", "");
    check(b"K\x01].", "");
    check(b"]0].", "");
    check(b"](K\x01K\x021.", "");
    check(b"](0.", "");
    check(b"]K\x010.", "");
    check(&[b"]", POINT, b"2a0."].concat(), "pickle:1");
    check(
        &[b"](", POINT, b"2e."].concat(),
        "a=5.0@1700000000000 a=5.0@1700000000000",
    );
    check(b"]p4000000000\n.", "");
    check(b"]p4000000000\n0g4000000000\n.", "pickle:1");
    check(b"]p-1\n.", "pickle:1");
    check(b"]q\x05\x94(h\x05e.", "item:1");
    check(b"\x8f(\x90.", "");
    check(&[b"\x8f(", POINT, b"\x90."].concat(), "a=5.0@1700000000000");
    check(&[b"(", POINT, b"\x91."].concat(), "a=5.0@1700000000000");
    check(b"}(K\x01K\x02uK\x03K\x04s0].", "");
}

#[test]
fn few_bytes_do_not_unfold_to_many_points() {
    // The same point many times in one item, the same item many times in the batch.
    let bomb = |times: usize| {
        let copies = vec![b'2'; times];
        let point = b"]((U\x01aK\x01K\x02\x86";
        [point, &copies[..], b"t", &copies[..], b"e."].concat()
    };
    check(&bomb(300), "pickle:1");
    check(&bomb(3), &vec!["a=2.0@1000"; 16].join(" "));

    // A long name for many points.
    let mut names = b"](X\0\0\x01\0".to_vec();
    names.extend([b'n'; 0x10000]);
    names.extend(b"q\0K\x01K\x02\x86q\x01\x86");
    for _ in 0..1000 {
        names.extend(b"h\0h\x01\x86");
    }
    names.extend(b"e.");
    check(&names, "pickle:1");

    // A long number for many points; once is fine.
    let numbers = |times: usize| {
        let digits = "9".repeat(300);
        let head = format!("](U\x01aK\x01L{digits}L\n");
        let items = b"h\0".repeat(times);
        [head.as_bytes(), b"\x86\x86q\0", &items, b"e."].concat()
    };
    check(&numbers(1000), "pickle:1");
    check(&numbers(0), "a=1e300@1000");

    // Honest sharing stays: Python writes an item that occurs often as two bytes.
    let mut shared = b"](U\x01aK\x01K\x02\x86\x86q\0".to_vec();
    for _ in 0..1000 {
        shared.extend(b"h\0");
    }
    shared.extend(b"e.");
    let mut samples = Samples::default();
    Decoder::new(Options::default()).decode_payload(&shared, NOW, &mut samples);
    assert_eq!((samples.len(), samples.refusals.total()), (1001, 0));

    for code in [b'(', b']', b')', b'N', b'}', 0x8f, b'2'] {
        let mut flood = vec![b'N'];
        flood.extend(vec![code; 100_000]);
        flood.extend(b"].");
        check(&flood, "pickle:1");
    }
    let mut ring = b"]q\0h\0ah\0h\0a".to_vec();
    ring.extend(b"h\0a".repeat(100));
    check(&[&ring[..], b"."].concat(), "item:102");
    let deep = [b"]q\0".to_vec(), b"\x85".repeat(200), b"0h\0.".to_vec()].concat();
    check(&deep, "");
}

/// Where we decide otherwise than carbon, by vector and carbon's verdict: what comes out, and why.
/// `=` stands for the points that carbon takes.
const DIFFERENCES: &[(&str, &str, &str, &str)] = &[
    (
        "special_floats",
        "accept",
        "nz=-0.0@1000 value:2 nan:1",
        "infinities are no values here",
    ),
    ("none_value", "accept", "item:1", "the same, but counted"),
    (
        "small_ints",
        "accept",
        "b=256.0@255000 c=65536.0@65535000 d=-300.0@1800000000000 too_old:1",
        "a timestamp of 0 is out of range here",
    ),
    (
        "carbon_relay_ng_ogrek_after_2038",
        "accept",
        "too_far_ahead:1",
        "years ahead of the clock of this test",
    ),
    (
        "huge_long4",
        "exception",
        "value:1",
        "a number beyond f64 costs its item, not the connection",
    ),
    (
        "bytes_name",
        "exception",
        "=a.b.c=42.5@1700000000000",
        "bytes are taken as UTF-8",
    ),
    (
        "multi_points_gocarbon",
        "bad_items",
        "a.b.c=1.0@1700000000000 a.b.c=2.0@1700000060000",
        "as go-carbon does",
    ),
    (
        "bad_missing_value",
        "bad_items",
        "item:1",
        "the same, counted",
    ),
    (
        "bad_dict",
        "bad_items",
        "pickle:1",
        "no batch, so not one item is refused but the frame",
    ),
    (
        "mixed_good_bad",
        "bad_items",
        "good.1=1.0@1700000000000 good.2=2.0@1700000000000 item:1",
        "the same, counted",
    ),
    (
        "mal_top_is_int",
        "exception",
        "pickle:1",
        "costs the frame, not the connection",
    ),
    (
        "mal_top_is_str",
        "bad_items",
        "pickle:1",
        "no batch, so not one item is refused but the frame",
    ),
    (
        "mal_int_name",
        "exception",
        "item:1",
        "costs the item, not the connection",
    ),
    (
        "mal_ts_nan",
        "exception",
        "timestamp:1",
        "costs the item, not the connection",
    ),
    (
        "mal_three_tuple_point",
        "bad_items",
        "item:1",
        "the same, counted",
    ),
];

/// What the vector's points are in our words.
fn carbon_points(vector: &Json) -> String {
    let points: Vec<String> = vector["expected_points"]
        .as_array()
        .expect("points")
        .iter()
        .map(|point| {
            let time_ms = match &point[1] {
                Json::String(now) if now == "NOW" => NOW.0,
                seconds => (seconds.as_f64().expect("seconds") * 1000.0) as i64,
            };
            let value = point[2].as_f64().expect("a finite value");
            format!("{}={value:?}@{time_ms}", point[0].as_str().expect("a name"))
        })
        .collect();
    match vector["expected_points_count"].as_u64() {
        Some(count) => vec![points[0].clone(); count as usize].join(" "),
        None => points.join(" "),
    }
}

#[test]
fn vectors_of_carbon_and_python() {
    let text = include_str!("../../../tests/corpus/pickle_vectors.json");
    let vectors: Vec<Json> = serde_json::from_str(text).expect("the corpus is JSON");
    assert_eq!(vectors.len(), 223);
    let mut used = vec![false; DIFFERENCES.len()];
    for vector in &vectors {
        let name = vector["name"].as_str().expect("a name");
        let verdict = vector["carbon_result"].as_str().expect("a verdict");
        let payload = hex(vector["hex_payload_without_header"]
            .as_str()
            .expect("hexadecimal"));
        let difference = DIFFERENCES
            .iter()
            .position(|row| row.0 == name && verdict.starts_with(row.1));
        let want = match difference {
            Some(row) => {
                used[row] = true;
                DIFFERENCES[row].2.trim_start_matches('=').to_owned()
            }
            None if verdict == "accept" => carbon_points(vector),
            None if verdict.starts_with("frame_ignored") => "pickle:1".to_owned(),
            None => panic!("{name}: no rule for {verdict}"),
        };
        let by = &vector["produced_by"];
        assert_eq!(
            decoded(&payload),
            want,
            "{name} {by} {}",
            vector["protocol"]
        );
        assert_eq!(slowly(&payload), want, "slowly {name} {by}");
    }
    assert!(
        used.iter().all(|&used| used),
        "a row of the table is not needed"
    );
}

/// All samples and refusals of a stream that arrives in the given pieces, as a shard would keep it.
fn streamed(pieces: &[&[u8]]) -> (String, Next) {
    let mut decoder = Decoder::new(Options::default());
    let (mut rest, mut shown) = (Vec::new(), Vec::new());
    let mut refusals = Samples::default();
    let mut last = Next::Need(4);
    for piece in pieces {
        rest.extend_from_slice(piece);
        let mut at = 0;
        loop {
            let mut samples = Samples::default();
            let batch = decoder.decode(&rest[at..], NOW, &mut samples);
            refusals.refusals.absorb(&mut samples.refusals);
            shown.push(show(batch.text, &samples));
            at += batch.taken;
            last = batch.next;
            if let Next::Need(wanted) = batch.next {
                assert!(
                    wanted > rest.len() - at,
                    "what is needed is more than what is there"
                );
            }
            if batch.next != Next::Again {
                break;
            }
        }
        rest.drain(..at);
    }
    shown.retain(|batch| !batch.is_empty());
    shown.push(show(b"", &refusals));
    (shown.join(" "), last)
}

fn framed(payloads: &[&[u8]]) -> Vec<u8> {
    let mut stream = Vec::new();
    for payload in payloads {
        stream.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        stream.extend_from_slice(payload);
    }
    stream
}

#[test]
fn frames_split_anywhere() {
    let one = [b"](", POINT, b"e."].concat();
    let stream = framed(&[
        &one,
        b"",
        b"((S'\\x62'\n(K\x01K\x02ttl.",
        &one,
        b"cos\nsystem\n.",
        &one,
        &one,
        b"(l(S'c'\n(K\x01K\x02tta.",
    ]);
    let whole = streamed(&[&stream]);
    let a = "a=5.0@1700000000000";
    assert_eq!(
        whole.0,
        format!("{a} b=2.0@1000 {a} {a} {a} c=2.0@1000 pickle:2")
    );
    assert_eq!(whole.1, Next::Need(4));
    for split in 0..=stream.len() {
        let (head, tail) = stream.split_at(split);
        assert_eq!(streamed(&[head, tail]), whole, "split at {split}");
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(streamed(&bytes), whole, "byte by byte");
}

#[test]
fn a_frame_over_the_limit_ends_the_stream() {
    let one = [b"](", POINT, b"e."].concat();
    let mut stream = framed(&[&one]);
    stream.extend(b"\x01\x00\x00\x01](");
    let (shown, next) = streamed(&[&stream]);
    assert_eq!(shown, "a=5.0@1700000000000 frame_long:1");
    assert_eq!(next, Next::Close);
}

#[test]
fn many_small_frames_make_one_batch() {
    let one = [
        b"\x80\x02(",
        &b"U\x01aJ\x00\xf1\x53\x65K\x05\x86\x86"[..],
        b"l.",
    ]
    .concat();
    let stream = framed(&vec![&one[..]; 600]);
    let mut decoder = Decoder::new(Options::default());
    let (mut at, mut sizes) = (0, Vec::new());
    loop {
        let mut samples = Samples::default();
        let batch = decoder.decode(&stream[at..], NOW, &mut samples);
        assert!(samples.names.iter().all(|name| name.of(batch.text) == b"a"));
        at += batch.taken;
        sizes.push(samples.len());
        if batch.next != Next::Again {
            break;
        }
    }
    assert_eq!((sizes, at), (vec![256, 256, 88], stream.len()));
}

/// A stream as a real sender wrote it, recorded on the wire: frames, points, NaNs among them, the
/// last point, and the sum of the values, all as Python reads them.
#[track_caller]
fn check_sender(stream: &[u8], points: usize, nans: u64, last: &str, sum: f64) {
    let mut decoder = Decoder::new(Options::default());
    let (mut at, mut shown, mut total) = (0, Vec::new(), 0.0);
    let mut samples = Samples::default();
    loop {
        let batch = decoder.decode(&stream[at..], NOW, &mut samples);
        at += batch.taken;
        let next = batch.next;
        for i in 0..samples.len() {
            let name = String::from_utf8_lossy(samples.names[i].of(batch.text));
            shown.push(format!(
                "{name}={:?}@{}",
                samples.numbers[i].to_f64(),
                samples.times[i]
            ));
            total += samples.numbers[i].to_f64();
        }
        samples.clear();
        if next != Next::Again {
            assert_eq!(next, Next::Need(4));
            break;
        }
    }
    assert_eq!(at, stream.len());
    assert_eq!(
        (shown.len(), samples.refusals.total()),
        (points - nans as usize, nans)
    );
    assert_eq!(samples.refusals.of(Reason::NotANumber), nans);
    assert_eq!(shown.last().map(String::as_str), Some(last));
    assert!(
        (total - sum).abs() <= sum.abs() * 1e-12,
        "{total} is not {sum}"
    );
}

#[test]
fn recorded_senders() {
    // Dropwizard Metrics 4.2, PickledGraphite: protocol 0, values as strings.
    check_sender(
        include_bytes!("../../../tests/corpus/pickle/dropwizard-pickle.bin"),
        74,
        2,
        "APIKEY.myapp.latency.mean_rate=0.49@1795305634000",
        1.8446744073709552e19,
    );
    // statsd 0.9, graphite backend in pickle mode.
    check_sender(
        include_bytes!("../../../tests/corpus/pickle/statsd-graphite-pickle.bin"),
        69,
        0,
        "APIKEY.stats.statsd.graphiteStats.flush_length=2360.0@1795305399000",
        5_386_323_028.2,
    );
    // graphitepusher 0.5: protocol 1.
    check_sender(
        include_bytes!("../../../tests/corpus/pickle/graphitepusher.bin"),
        5,
        0,
        "APIKEY.b=3.0@1700000000000",
        1_099_511_627_775.5,
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Every shape a writer may choose gives the same samples, by both ways.
    #[test]
    fn all_shapes_say_the_same(seed in any::<u64>()) {
        let (payload, want) = writer::frame(&mut Random::new(seed));
        prop_assert_eq!(decoded(&payload), &want[..], "{}", payload.escape_ascii());
        prop_assert_eq!(slowly(&payload), &want[..], "{}", payload.escape_ascii());
    }

    /// Cut, flipped and spliced frames: no panic, and both ways agree.
    #[test]
    fn both_ways_agree_on_damage(seed in any::<u64>()) {
        let mut random = Random::new(seed);
        let (mut payload, _) = writer::frame(&mut random);
        for _ in 0..1 + random.below(3) {
            writer::damage(&mut payload, &mut random);
        }
        prop_assert_eq!(decoded(&payload), slowly(&payload), "{}", payload.escape_ascii());
    }

    /// Bytes that are mostly opcodes: the same.
    #[test]
    fn both_ways_agree_on_noise(seed in any::<u64>()) {
        let mut random = Random::new(seed);
        let payload = writer::noise(&mut random);
        prop_assert_eq!(decoded(&payload), slowly(&payload), "{}", payload.escape_ascii());
    }
}

#[test]
fn the_one_pass_takes_what_usual_senders_write() {
    let mut random = Random::new(5);
    for shape in writer::Shape::USUAL {
        for _ in 0..50 {
            let payload = writer::usual(&mut random, shape, 40);
            assert!(is_usual(&payload), "{shape:?} {}", payload.escape_ascii());
        }
    }
}

#[test]
fn every_cut_of_a_frame_is_refused() {
    let mut random = Random::new(6);
    for shape in writer::Shape::USUAL {
        let payload = writer::usual(&mut random, shape, 3);
        for end in 0..payload.len() {
            let shown = decoded(&payload[..end]);
            assert_eq!(shown, "pickle:1", "{shape:?} cut at {end}");
            assert_eq!(slowly(&payload[..end]), shown);
        }
    }
}

/// What serde-pickle reads in a frame: pairs of name and the bits of time and value.
fn second_opinion(payload: &[u8]) -> Option<Vec<(Vec<u8>, u64, u64)>> {
    use serde_pickle::Value;
    fn sequence(value: Value) -> Option<Vec<Value>> {
        match value {
            Value::List(items) | Value::Tuple(items) => Some(items),
            _ => None,
        }
    }
    fn number(value: &Value) -> Option<u64> {
        match value {
            Value::I64(whole) => Some((*whole as f64).to_bits()),
            Value::F64(float) => Some(float.to_bits()),
            Value::Bool(bool) => Some(f64::from(u8::from(*bool)).to_bits()),
            _ => None,
        }
    }
    let options = serde_pickle::DeOptions::new();
    let top: Value = serde_pickle::value_from_slice(payload, options).ok()?;
    sequence(top)?
        .into_iter()
        .map(|item| {
            let item = sequence(item)?;
            let [name, point] = <[Value; 2]>::try_from(item).ok()?;
            let point = sequence(point)?;
            let name = match name {
                Value::String(text) => text.into_bytes(),
                Value::Bytes(bytes) => bytes,
                _ => return None,
            };
            Some((name, number(point.first()?)?, number(point.get(1)?)?))
        })
        .collect()
}

#[test]
fn serde_pickle_agrees() {
    let mut random = Random::new(7);
    let mut compared = 0;
    for round in 0..2000 {
        let shape = writer::Shape::USUAL[random.below(writer::Shape::USUAL.len() as u64) as usize];
        let payload = writer::usual(&mut random, shape, 20);
        let Some(theirs) = second_opinion(&payload) else {
            continue;
        };
        compared += theirs.len();
        let mut samples = Samples::default();
        let mut decoder = Decoder::new(Options::default());
        let text = decoder.decode_payload(&payload, NOW, &mut samples);
        let ours: Vec<_> = (0..samples.len())
            .map(|i| {
                let seconds = samples.times[i] as f64 / 1000.0;
                let name = samples.names[i].of(text).to_vec();
                (
                    name,
                    seconds.to_bits(),
                    samples.numbers[i].to_f64().to_bits(),
                )
            })
            .collect();
        assert_eq!(
            ours,
            theirs,
            "round {round} {shape:?} {}",
            payload.escape_ascii()
        );
    }
    assert!(
        compared > 10_000,
        "serde-pickle read only {compared} points"
    );
}

/// Pickles by the Python that is here, with what our rules make of the objects.
const PYTHON: &str = include_str!("tests/oracle.py");

#[test]
fn python_agrees() {
    let seed = std::env::var("SEED").unwrap_or_else(|_| "20240607".to_owned());
    let run = Command::new("python3").args(["-c", PYTHON, &seed]).output();
    let output = match run {
        Ok(output) => output,
        Err(error) => {
            eprintln!("SKIPPED: python3, the oracle of pickles, does not start here: {error}");
            return;
        }
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the oracle failed: {errors}");
    let lines = String::from_utf8(output.stdout).expect("the oracle writes text");
    let mut frames = 0;
    for line in lines.lines() {
        let mut fields = line.split(' ');
        let mut field = || fields.next().expect("a field");
        let (what, payload) = (field(), hex(field()));
        let want: Vec<String> = fields.map(str::to_owned).collect();
        let mut samples = Samples::default();
        let mut decoder = Decoder::new(Options::default());
        let text = decoder.decode_payload(&payload, NOW, &mut samples);
        let mut ours: Vec<String> = (0..samples.len())
            .map(|i| {
                let name: String = samples.names[i]
                    .of(text)
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                let bits = samples.numbers[i].to_f64().to_bits();
                format!("{name}:{}:{bits:016x}", samples.times[i])
            })
            .collect();
        ours.extend(
            samples
                .refusals
                .iter()
                .map(|(reason, n)| format!("{}:{n}", reason.label())),
        );
        assert_eq!(ours, want, "SEED={seed} {what} {}", payload.escape_ascii());
        assert_eq!(decoded(&payload), slowly(&payload), "SEED={seed} {what}");
        frames += 1;
    }
    assert!(frames >= 1000, "the oracle wrote {frames} frames");
}
