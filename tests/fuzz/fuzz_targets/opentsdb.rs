//! Any bytes as a body of OpenTSDB's points: no panic, slices of any size give the same samples and the
//! same report, every name is one, and reading ends after about the bytes there are.
#![no_main]

use corelane::model::refusal::Refusals;
use corelane::model::sample::Samples;
use corelane::wire::kairos_sent::{self, Sent};
use corelane::wire::opentsdb_json::{Decoder, Report};
use libfuzzer_sys::fuzz_target;

/// Series, milliseconds, mantissa and scale of each sample; what is told; refusals.
type Read = (Vec<(Sent, i64, i64, u8)>, Report, Refusals);

fn read(json: &[u8], budget: usize, batch: usize) -> Read {
    let (mut decoder, mut out) = (Decoder::default(), Samples::default());
    let (mut all, mut steps) = (Vec::new(), 0);
    loop {
        let done = decoder.step(json, budget, &mut out);
        steps += 1;
        assert!(steps <= 3 * json.len() + 100, "it goes on");
        if done || batch <= out.len() {
            for i in 0..out.len() {
                let sent = kairos_sent::name_of(out.names[i].of(decoder.text()))
                    .expect("what was given out has a good name");
                let number = out.numbers[i];
                assert!(number.to_f64().is_finite() && out.times[i] > 0);
                all.push((sent, out.times[i], number.mantissa, number.scale));
            }
            out.clear();
            decoder.forget_names();
        }
        if done {
            let report = decoder.report().clone();
            assert_eq!(report.good, all.len() as u64);
            let broken = u64::from(report.broken.is_some());
            assert_eq!(out.refusals.total(), report.failed + broken);
            return (all, report, out.refusals);
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let [first, json @ ..] = data else { return };
    let (budget, batch) = (1 + usize::from(first >> 3), 1 + usize::from(first & 7));
    let whole = read(json, usize::MAX, usize::MAX);
    assert_eq!(read(json, budget, batch), whole);
});
