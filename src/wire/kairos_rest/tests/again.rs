//! What senders send again, with other numbers.

use super::*;

/// Other numbers for those of a body, and now and then something else: what a sender sends next.
fn sent_next(random: &mut Random, body: &str) -> String {
    let mut next = String::new();
    let mut rest = body;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        next.push_str(before);
        let end = from.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, behind) = from.split_at(end.unwrap_or(from.len()));
        let is_value = before.ends_with([':', ',', '[', '-', ' ']);
        next += &match random.below(if is_value { 20 } else { 200 }) {
            0..=9 if number.len() == 13 => (1_700_000_000_000 + random.below(9)).to_string(),
            0..=5 => format!("{}.{}", random.below(50), random.below(1000)),
            6..=9 => random.below(100_000).to_string(),
            10 => pick(
                random,
                &[
                    "0", "00", "1.", ".5", "1e5", "007.5", "1.2.3", "null", "1 2",
                ],
            )
            .to_owned(),
            11 => pick(
                random,
                &["\"5\"", "12345678901234567890", "0.00", "1 ", " 1", "-"],
            )
            .to_owned(),
            _ => number.to_owned(),
        };
        rest = behind;
    }
    next + rest
}

#[test]
fn familiar_objects_are_what_they_would_be_anew() {
    let mut came_again = 0;
    for seed in 0..600 {
        let random = &mut Random::new(seed);
        let mut familiar = (Familiar::default(), Known::default());
        let bodies: Vec<String> = (0..1 + random.below(3))
            .map(|_| usual_body(random))
            .collect();
        let mut bodies: Vec<String> = bodies;
        for _ in 0..8 {
            let at = random.below(bodies.len() as u64) as usize;
            let mut body = bodies[at].clone().into_bytes();
            if random.chance(20) {
                let at = random.below(body.len() as u64) as usize;
                match random.below(3) {
                    0 => body[at] = b"{}[]:,;\"'\\#/= \n0.-"[random.below(18) as usize],
                    1 => body.truncate(at + 1),
                    _ => body.insert(at, b"{}[]:,;\"'\\#/= \n0.-"[random.below(18) as usize]),
                }
            }
            let want = read_cut(Decoder::lenient(), &body, usize::MAX, WHOLE);
            came_again += want.samples.len();
            let way = if random.chance(50) {
                WHOLE
            } else {
                random_way(random)
            };
            let first = 1 + random.below(body.len() as u64) as usize;
            let got = read_knowing(&mut familiar, Decoder::default(), &body, first, way);
            let text = String::from_utf8_lossy(&body);
            assert_eq!(got, want, "seed {seed} first {first} {way:?}: {text}");
            bodies[at] = sent_next(random, &bodies[at]);
        }
    }
    assert!(came_again > 10_000, "{came_again}");
}

/// A body of `objects` of the same form, with numbers that hang on `round`.
fn stable_body(objects: usize, round: usize) -> String {
    let objects: Vec<String> = (0..objects)
        .map(|i| match i % 3 {
            0 => format!(
                // Some are longer than what is compared in one step.
                r#"{{"name":"m{}","timestamp":{},"value":{}.{round},"tags":{{"a":"{}"}}}}"#,
                "n".repeat(i),
                1_700_000_000_000_usize + round,
                i + round,
                "b".repeat(1 + 4 * i),
            ),
            1 => format!(
                r#"{{"tags":{{"a":"b","c":"d{i}"}},"value":{},"name":"m","type":"double","time":{},"ttl":9}}"#,
                i + round,
                1_700_000_000_000_usize + round
            ),
            _ => format!(
                r#"{{"name":"m{i}","datapoints":[[{},{}],[1700000000001,-2.5]],"tags":{{"a":"b"}}}}"#,
                1_700_000_000_000_usize + round,
                i + round
            ),
        })
        .collect();
    format!("[{}]", objects.join(","))
}

#[test]
fn what_comes_again_is_familiar_wherever_it_is_cut() {
    let mut before = (Familiar::default(), Known::default());
    for round in 0..3 {
        let body = stable_body(30, round);
        let want = read_cut(Decoder::lenient(), body.as_bytes(), usize::MAX, WHOLE);
        assert_eq!((want.samples.len(), want.errors.len()), (40, 0));
        for first in 1..body.len() {
            let decoder = Decoder::default();
            let got = read_knowing(&mut before, decoder, body.as_bytes(), first, WHOLE);
            assert_eq!(got, want, "round {round} cut at {first}");
        }
        assert_eq!(before.0.len(), 30, "nothing is learned twice");
    }
    // All of the next body is familiar, its first object too: it came behind the last one.
    let body = stable_body(30, 7);
    let (mut decoder, mut out) = (Decoder::default(), Samples::default());
    decoder.feed(body.into());
    decoder.end();
    while decoder.step(usize::MAX, &mut before.0, &mut out) != Progress::Done {}
    let (held, missed) = decoder.body.course.counts();
    assert_eq!((held, missed), (30, 0));
}

#[test]
fn what_is_remembered_is_bounded() {
    let (shapes_max, chunks_max) = (1_000, 2);
    let mut familiar = Familiar::bounded(shapes_max, chunks_max);
    let mut read = |name: &str, count: usize| {
        for from in (0..count).step_by(40) {
            let objects: Vec<String> = (from..from + 40)
                .map(|i| {
                    format!(r#"{{"name":"{name}{i}","timestamp":1,"value":1,"tags":{{"a":"b"}}}}"#)
                })
                .collect();
            let (mut decoder, mut out) = (Decoder::default(), Samples::default());
            decoder.feed(format!("[{}]", objects.join(",")).into());
            decoder.end();
            while decoder.step(usize::MAX, &mut familiar, &mut out) != Progress::Done {}
            assert_eq!(out.len(), 40);
        }
        (familiar.len(), familiar.bytes())
    };
    let one_chunk = crate::wire::familiar::BYTES_MAX / 128;
    assert_eq!(read("short", 1_200), (shapes_max, one_chunk));
    // A body asks for room so often and no more; what found none long enough pushes out the rest.
    let (count, bytes) = read("other", 1_000);
    assert!(0 < count && count < shapes_max, "{count}");
    assert_eq!(bytes, one_chunk);
    let (_, bytes) = read(&"long".repeat(250), 1_000);
    assert_eq!(bytes, chunks_max * one_chunk);
    // What is longer still is read and not remembered.
    let (count, _) = read("none", 40);
    assert_eq!(read(&"long".repeat(1_000), 40).0, count);
}
