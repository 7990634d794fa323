//! Any bytes as a body of KairosDB's points: no panic, slices of any size give the same samples and
//! texts, every name is one, and reading ends after about twice the bytes.
#![no_main]

use corelane::model::refusal::Refusals;
use corelane::model::sample::Samples;
use corelane::wire::kairos_rest::{Decoder, sent};
use libfuzzer_sys::fuzz_target;

/// Name, milliseconds, mantissa and scale of each sample; texts; refusals.
type Read = (Vec<(String, i64, i64, u8)>, Vec<String>, Refusals);

fn read(json: &[u8], budget: usize, batch: usize) -> Read {
    let (mut decoder, mut out) = (Decoder::default(), Samples::default());
    let (mut all, mut steps) = (Vec::new(), 0);
    loop {
        let done = decoder.step(json, budget, &mut out);
        steps += 1;
        assert!(steps <= 3 * json.len() + 100, "it goes on");
        if done || batch <= out.len() {
            for i in 0..out.len() {
                let (name, values) = sent::name_of(out.names[i].of(decoder.text()))
                    .expect("what was given out has a good name");
                let number = out.numbers[i];
                assert!(number.to_f64().is_finite());
                let name = format!("{values:?} {}", name.text());
                all.push((name, out.times[i], number.mantissa, number.scale));
            }
            out.clear();
            decoder.forget_names();
        }
        if done {
            let texts: Vec<String> = decoder.errors().texts().collect();
            assert_eq!(texts.is_empty(), out.refusals.total() == 0);
            return (all, texts, out.refusals);
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let [first, json @ ..] = data else { return };
    let (budget, batch) = (1 + usize::from(first >> 3), 1 + usize::from(first & 7));
    let whole = read(json, usize::MAX, usize::MAX);
    assert_eq!(read(json, budget, batch), whole);
    let _ = sent::name_of(json);
});
