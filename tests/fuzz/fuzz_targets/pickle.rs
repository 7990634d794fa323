//! Any bytes as a pickle and as a stream of frames: no panic, the one pass and the machine agree,
//! and a stream always moves on.
#![no_main]

use corelane::base::time::Millis;
use corelane::model::sample::Samples;
use corelane::wire::pickle::{Decoder, Next, Options};
use libfuzzer_sys::fuzz_target;

const NOW: Millis = Millis(1_800_000_000_000);

/// Samples with their names spelled out.
type Spelled = (Vec<(Vec<u8>, i64, u64)>, corelane::model::refusal::Refusals);

fn spelled(text: &[u8], samples: &Samples) -> Spelled {
    let each = (0..samples.len())
        .map(|i| {
            let name = samples.names[i].of(text).to_vec();
            (
                name,
                samples.times[i],
                samples.numbers[i].to_f64().to_bits(),
            )
        })
        .collect();
    (each, samples.refusals.clone())
}

fuzz_target!(|data: &[u8]| {
    let mut decoder = Decoder::new(Options::default());
    let (mut quick, mut slow) = (Samples::default(), Samples::default());
    let text = decoder.decode_payload(data, NOW, &mut quick);
    let quick = spelled(text, &quick);
    let text = decoder.decode_payload_slowly(data, NOW, &mut slow);
    assert_eq!(quick, spelled(text, &slow));

    let mut at = 0;
    loop {
        let mut samples = Samples::default();
        let batch = decoder.decode(&data[at..], NOW, &mut samples);
        spelled(batch.text, &samples);
        match batch.next {
            Next::Again => assert!(batch.taken > 0),
            Next::Need(wanted) => {
                assert!(wanted > data.len() - at - batch.taken);
                break;
            }
            Next::Close => break,
        }
        at += batch.taken;
    }
});
