//! Any bytes as a body of KairosDB's points: no panic, all readers, cuts anywhere and slices of any size
//! give the same samples and texts, every name is one, and reading ends after about four times the bytes.
#![no_main]

use bytes::Bytes;
use corelane::model;
use corelane::model::number::Number;
use corelane::model::refusal::Refusals;
use corelane::model::sample::{Samples, Span};
use corelane::model::series::Values;
use corelane::wire::familiar::Familiar;
use corelane::wire::kairos_rest::{Decoder, Progress};
use corelane::wire::kairos_sent::{self, Sent};
use known::Known;
use libfuzzer_sys::fuzz_target;

#[path = "../../../src/wire/familiar/known.rs"]
mod known;

/// Name, milliseconds, mantissa and scale, or text, of each sample; texts; refusals.
type Read = (Vec<(String, i64, i64, u8, Vec<u8>)>, Vec<String>, Refusals);

fn read(
    (familiar, known): &mut (Familiar, Known),
    mut decoder: Decoder,
    json: &[u8],
    piece: usize,
    budget: usize,
    batch: usize,
) -> Read {
    let mut out = Samples::default();
    let (mut all, mut steps, mut came) = (Vec::new(), 0, 0);
    loop {
        let progress = decoder.step(budget, familiar, &mut out);
        steps += 1;
        assert!(steps <= 20 * json.len() + 100, "it goes on");
        if progress == Progress::Done || batch <= out.len() || decoder.has_batch(&out) {
            decoder.learn(familiar, &known.series(&out, decoder.text()));
            for i in 0..out.len() {
                let sent = kairos_sent::name_of(known.name(out.names[i], decoder.text()));
                let Sent {
                    name,
                    values,
                    ttl_seconds,
                } = sent.expect("what was given out has a good name");
                let name = format!("{values:?} {ttl_seconds} {}", name.text());
                let number = out.numbers[i];
                let (mut mantissa, mut text) = (number.mantissa, Vec::new());
                if number.scale == Number::TEXT {
                    assert!(values == Values::Text && out.has_texts);
                    let (start, len) = ((mantissa as u64 >> 32) as u32, mantissa as u32);
                    text = Span { start, len }.of(decoder.text()).to_vec();
                    assert!(std::str::from_utf8(&text).is_ok());
                    mantissa = 0;
                } else {
                    assert!(values != Values::Text && number.to_f64().is_finite());
                }
                all.push((name, out.times[i], mantissa, number.scale, text));
            }
            out.clear();
            decoder.forget_names();
        }
        match progress {
            Progress::Done => {
                let texts: Vec<String> = decoder.errors().texts().collect();
                assert_eq!(texts.is_empty(), out.refusals.total() == 0);
                return (all, texts, out.refusals);
            }
            Progress::Hungry if came < json.len() => {
                let piece = &json[came..json.len().min(came.saturating_add(piece))];
                came += piece.len();
                decoder.feed(Bytes::copy_from_slice(piece));
            }
            Progress::Hungry => decoder.end(),
            Progress::Going => {}
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let [first, second, json @ ..] = data else {
        return;
    };
    let (budget, batch) = (1 + usize::from(first >> 3), 1 + usize::from(first & 7));
    let piece = 1 + usize::from(*second);
    let mut before = (Familiar::default(), Known::default());
    let mut read = |decoder: Decoder, piece, budget, batch| {
        read(&mut before, decoder, json, piece, budget, batch)
    };
    let whole = read(Decoder::lenient(), usize::MAX, usize::MAX, usize::MAX);
    // The second time its objects are familiar, the third their series too.
    for _ in 0..3 {
        let usual = read(Decoder::default(), usize::MAX, usize::MAX, usize::MAX);
        assert_eq!(usual, whole);
    }
    assert_eq!(read(Decoder::default(), piece, budget, batch), whole);
    assert_eq!(read(Decoder::lenient(), piece, budget, batch), whole);
    let _ = kairos_sent::name_of(json);
});
