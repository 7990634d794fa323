//! Two independent readings of the same protocols: what the load generator encodes is what the
//! appliance decodes, whatever the workload and wherever the bytes are cut.

use std::collections::BTreeMap;
use std::sync::Arc;

use corelane::base::random::Random;
use corelane::base::time::Millis;
use corelane::model::sample::{Samples, TimeRule};
use corelane::simd::{Isa, Scanner};
use corelane::wire::{graphite, pickle};
use loadgen::wire::{Encoder, Grouping, Order, Sheet};
use loadgen::workload::{Parameters, Workload};

const ROUNDS: u64 = 7;

/// (name, milliseconds, bits of the value), how often.
type Bag = BTreeMap<(String, i64, u64), usize>;

fn put(bag: &mut Bag, text: &[u8], samples: &mut Samples) {
    for i in 0..samples.len() {
        let name = String::from_utf8_lossy(samples.names[i].of(text)).into_owned();
        *bag.entry((
            name,
            samples.times[i],
            samples.numbers[i].to_f64().to_bits(),
        ))
        .or_default() += 1;
    }
    assert_eq!(samples.refusals.total(), 0, "{:?}", samples.refusals);
    samples.clear();
}

fn workload(random: &mut Random) -> Arc<Workload> {
    let mut parameters = Parameters {
        series: 1 + random.below(300),
        seed: random.next_u64(),
        ..Parameters::default()
    };
    parameters.naming.tagged = random.chance(30);
    parameters.late_share = random.below(3_000) as u32;
    parameters.churn_share = if random.chance(50) {
        random.below(5_000) as u32
    } else {
        0
    };
    parameters.step_s = 1 + random.below(30);
    Arc::new(Workload::new(parameters).expect("a workload"))
}

/// What was meant to be sent.
fn meant(workload: &Workload) -> Bag {
    let mut bag = Bag::new();
    for place in 0..workload.parameters().series {
        for (generation, rounds) in workload.lives(place, ROUNDS) {
            let name = workload.name(place, generation);
            for (second, value) in workload.points(place, generation, rounds) {
                let bits = value.as_f64().to_bits();
                *bag.entry((name.clone(), second as i64 * 1000, bits))
                    .or_default() += 1;
            }
        }
    }
    bag
}

/// The bytes of all rounds.
fn encoded<E: Encoder>(
    encoder: E,
    workload: &Arc<Workload>,
    items_max: usize,
    order: Order,
) -> Vec<u8> {
    let grouping = Grouping {
        items_max,
        bytes_max: usize::MAX,
    };
    let places = 0..workload.parameters().series;
    let mut sheet = Sheet::new(encoder, Arc::clone(workload), places, grouping, order);
    let mut bytes = Vec::new();
    for round in 0..ROUNDS {
        sheet.turn_to(round);
        bytes.extend_from_slice(sheet.bytes());
    }
    bytes
}

fn order(random: &mut Random) -> Order {
    if random.chance(50) {
        Order::Stable
    } else {
        Order::Shuffled
    }
}

const NOW: Millis = Millis(1_800_000_000_000);

#[test]
fn lines_are_read_as_they_were_meant() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let workload = workload(&mut random);
        let items_max = 1 + random.below(50) as usize;
        let bytes = encoded(
            loadgen::wire::graphite::Plaintext,
            &workload,
            items_max,
            order(&mut random),
        );
        let mut decoders: Vec<graphite::Decoder> = Isa::available()
            .into_iter()
            .map(|isa| {
                let options = graphite::Options {
                    line_bytes_max: 65_536,
                    times: TimeRule::default(),
                };
                graphite::Decoder::new(Scanner::new(isa), options)
            })
            .collect();
        let want = meant(&workload);
        for decoder in &mut decoders {
            let (mut bag, mut samples, mut rest) = (Bag::new(), Samples::default(), Vec::new());
            for part in bytes.chunks(1 + random.below(5_000) as usize) {
                rest.extend_from_slice(part);
                loop {
                    let taken = decoder.decode(&rest, NOW, &mut samples);
                    put(&mut bag, &rest, &mut samples);
                    rest.drain(..taken);
                    if taken == 0 {
                        break;
                    }
                }
            }
            assert_eq!(bag, want, "seed {seed}");
        }
    }
}

#[test]
fn frames_are_read_as_they_were_meant() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let workload = workload(&mut random);
        let items_max = 1 + random.below(600) as usize;
        let bytes = encoded(
            loadgen::wire::pickle::Pickle,
            &workload,
            items_max,
            order(&mut random),
        );
        let mut decoder = pickle::Decoder::new(pickle::Options::default());
        let (mut bag, mut samples, mut rest) = (Bag::new(), Samples::default(), Vec::new());
        for part in bytes.chunks(1 + random.below(20_000) as usize) {
            rest.extend_from_slice(part);
            loop {
                let batch = decoder.decode(&rest, NOW, &mut samples);
                let (taken, next) = (batch.taken, batch.next);
                put(&mut bag, batch.text, &mut samples);
                rest.drain(..taken);
                if next != pickle::Next::Again {
                    break;
                }
            }
        }
        assert!(rest.is_empty(), "seed {seed}");
        assert_eq!(bag, meant(&workload), "seed {seed}");
    }
}
