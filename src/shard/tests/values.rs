//! Texts, and points whose time is over.

use super::*;
use crate::base::varint;
use crate::model::number::Number;
use crate::model::sample::Span;
use crate::model::series::{TEXT_BYTES_MAX, TTLS_MAX, Values};
use crate::query::merge::{Merge, Merged, WholeSeries};

/// Points on their way to a shard.
#[derive(Default)]
struct Batch {
    text: Vec<u8>,
    samples: Samples,
}

impl Batch {
    fn put(&mut self, bytes: &[u8]) -> Span {
        let start = self.text.len() as u32;
        self.text.extend_from_slice(bytes);
        Span {
            start,
            len: bytes.len() as u32,
        }
    }

    /// A series of this metric with a tag, as KairosDB's doors name it.
    fn name(&mut self, metric: &str, values: Values, ttl_seconds: u32) -> Span {
        let mut form = vec![b'\n', values as u8];
        varint::push(u64::from(ttl_seconds), &mut form);
        for part in [metric, "host", "a"] {
            varint::push(part.len() as u64, &mut form);
            form.extend_from_slice(part.as_bytes());
        }
        self.put(&form)
    }

    fn text(mut self, metric: &str, time_ms: i64, text: &[u8]) -> Batch {
        let name = self.name(metric, Values::Text, 0);
        let text = self.put(text);
        self.samples.push_text(name, time_ms, text);
        self
    }

    fn number(mut self, metric: &str, ttl_seconds: u32, time_ms: i64, value: i64) -> Batch {
        let name = self.name(metric, Values::Double, ttl_seconds);
        self.samples.push(name, time_ms, Number::decimal(value, 0));
        self
    }

    fn send(mut self, world: &mut World) -> Vec<(Reason, u64)> {
        let at = world.at();
        let shard = &mut world.shard;
        let (_, refused) =
            shard.take_samples(Protocol::KairosRest, &self.text, &mut self.samples, at);
        refused.iter().collect()
    }
}

impl World {
    /// All of a metric, as KairosDB's queries see it.
    fn metric(&mut self, name: &str) -> Vec<WholeSeries> {
        self.whole(Selector::Metric {
            name: name.to_owned(),
            filters: Vec::new(),
        })
    }

    fn whole(&mut self, selector: Selector) -> Vec<WholeSeries> {
        let want = Want::Points {
            selectors: Arc::new([selector]),
            from: Millis::MIN,
            until: Millis::MAX,
            last_slots: Arc::new([]),
        };
        let plan = Plan::new(TenantId::DEFAULT, want, Limits::default());
        let mut scan = Scan::new(plan.clone(), Stamp(self.stamp));
        let part = loop {
            let Landing { index, store, .. } = &mut self.shard.landing;
            match scan.step(index, store, &mut self.shard.results, 7) {
                Step::Done(found) => break found.expect("within limits"),
                Step::More => {}
                Step::Waiting => assert!(self.turn_disk(), "it waits for nothing"),
            }
        };
        let mut merge = Merge::new(&plan, vec![part]);
        loop {
            if let Some(merged) = merge.step(7) {
                let Ok(Merged::Points(merged)) = merged else {
                    panic!("{merged:?}");
                };
                return merged.series;
            }
        }
    }

    /// Times and values of the numbers of a metric.
    fn numbers(&mut self, metric: &str) -> Vec<(i64, f64)> {
        let all = self.metric(metric);
        let points = all.iter().flat_map(|series| {
            let points = &series.points;
            points
                .times
                .iter()
                .copied()
                .zip(points.values.iter().copied())
        });
        points.collect()
    }

    fn texts(&mut self, metric: &str) -> Vec<(i64, String)> {
        let all = self.metric(metric);
        let [series] = &all[..] else {
            panic!("{all:?}");
        };
        assert_eq!(series.values, Values::Text);
        let points = &series.points;
        let told = points.times.iter().zip(&points.values);
        told.map(|(&time, value)| (time, series.texts[value.to_bits() as usize].to_string()))
            .collect()
    }

    fn settle(&mut self, merge: bool) {
        self.shard.open_mail(Mail::Settle {
            from: 0,
            ticket: 1,
            merge,
        });
        self.rest();
    }
}

const HOUR_MS: i64 = 3_600_000;

#[test]
fn texts_are_kept_as_they_were_sent() {
    let mut world = World::new();
    let long = "ü".repeat(TEXT_BYTES_MAX / 2);
    let sent = |time| {
        [
            ("up", time),
            ("up", time + 1),
            ("", time + 2),
            (&long, time + 3),
        ]
    };
    let mut want = Vec::new();
    for i in 0..30 {
        let mut batch = Batch::default();
        for (text, time) in sent(i * HOUR_MS / 10) {
            batch = batch.text("state", time, text.as_bytes());
            want.push((time, text.to_owned()));
        }
        assert_eq!(batch.number("load", 0, 1, 2).send(&mut world), []);
    }
    assert_eq!(world.texts("state"), want);
    // Of one time the last counts, before and behind a seal.
    let again = Batch::default()
        .text("state", 1, b"down")
        .text("state", 2, b"x");
    assert_eq!(again.text("state", 2, b"y").send(&mut world), []);
    want[1].1 = "down".to_owned();
    want[2].1 = "y".to_owned();
    assert_eq!(world.texts("state"), want);
    world.settle(false);
    assert_eq!(world.texts("state"), want);
    assert_eq!(Batch::default().text("state", 2, b"z").send(&mut world), []);
    want[2].1 = "z".to_owned();
    assert_eq!(world.texts("state"), want);
    world.settle(true);
    assert_eq!(world.texts("state"), want);
    assert_eq!(world.shard.take_troubles(), Vec::<String>::new());
    // Graphite has no texts.
    let path = Selector::Path("state;host=a".to_owned());
    assert_eq!(world.whole(path), Vec::new());
}

#[test]
fn what_is_no_text_is_refused_and_counted() {
    let mut world = World::new();
    let long = vec![b'x'; TEXT_BYTES_MAX + 1];
    let batch = Batch::default()
        .text("state", 1, b"good")
        .text("state", 2, &long);
    let mut batch = batch.text("state", 3, &[0xFF]);
    let (name, text) = (batch.name("load", Values::Double, 0), batch.put(b"text"));
    batch.samples.push_text(name, 4, text);
    let refused = batch.send(&mut world);
    assert_eq!(refused, [(Reason::Value, 2), (Reason::TextLong, 1)]);
    assert_eq!(world.texts("state"), [(1, "good".to_owned())]);
    assert_eq!(world.numbers("load"), []);
}

#[test]
fn a_point_leaves_every_answer_when_its_time_is_over() {
    for settle in [None, Some(false), Some(true)] {
        let mut world = World::new();
        Batch::default().number("m", 5, 1, 10).send(&mut world);
        let first = world.stamp;
        world.stamp += 2_000_000;
        Batch::default()
            .number("m", 5, 2, 20)
            .number("m", 0, 3, 30)
            .send(&mut world);
        if let Some(merge) = settle {
            world.settle(merge);
        }
        world.stamp = first + 4_999_999;
        assert_eq!(world.numbers("m"), [(1, 10.0), (2, 20.0), (3, 30.0)]);
        let series = world.metric("m");
        assert_eq!(
            series.len(),
            1,
            "however long its points stay it is one series"
        );
        world.stamp += 1;
        assert_eq!(world.numbers("m"), [(2, 20.0), (3, 30.0)], "{settle:?}");
        world.stamp += 2_000_001;
        assert_eq!(world.numbers("m"), [(3, 30.0)], "{settle:?}");
    }
}

/// The last arrival of a time counts, whichever of the series of one name it is of; when it is over, what was
/// there before it is there again.
#[test]
fn the_last_arrival_counts_however_long_points_stay() {
    for settle in [None, Some(false), Some(true)] {
        let mut world = World::new();
        let then = |world: &mut World, ttl, value| {
            let refused = Batch::default().number("m", ttl, 1, value).send(world);
            assert_eq!(refused, []);
            if let Some(merge) = settle {
                world.settle(merge);
            }
            assert_eq!(world.numbers("m"), [(1, value as f64)], "{settle:?}");
        };
        then(&mut world, 0, 1);
        then(&mut world, 0, 2);
        then(&mut world, 60, 3);
        then(&mut world, 0, 4);
        then(&mut world, 60, 5);
        then(&mut world, 9, 6);
        world.stamp += 9_000_000;
        assert_eq!(world.numbers("m"), [(1, 5.0)]);
        world.stamp += 60_000_000;
        assert_eq!(world.numbers("m"), [(1, 4.0)]);
        then(&mut world, 7, 7);
    }
}

#[test]
fn points_without_a_ttl_have_the_one_of_the_door() {
    let store = store::Options {
        kairos_ttl_seconds: 3,
        ..options().store
    };
    let mut world = World::with(Options { store, ..options() });
    Batch::default()
        .number("m", 0, 1, 1)
        .number("m", 9, 2, 2)
        .send(&mut world);
    let mut feed = Feed::new(Protocol::Graphite, Source::default());
    world.send(&mut feed, b"m;host=a 3 1700000000\n");
    world.stamp += 3_000_000;
    assert_eq!(world.numbers("m"), [(2, 2.0), (1_700_000_000_000, 3.0)]);
}

#[test]
fn files_lose_what_has_expired() {
    let mut world = World::new();
    let mut batch = Batch::default();
    for i in 0..100 {
        batch = batch
            .number("mortal", 10, i * 1000, i)
            .number("m", 10, HOUR_MS + i, i);
    }
    batch.number("m", 0, HOUR_MS, 5).send(&mut world);
    world.settle(false);
    let kept = world.shard.describe().kept.expect("it keeps the manifest");
    assert_eq!((kept.segments, kept.points), (2, 201));
    world.stamp += 80_000_000;
    world.rest();
    let kept = world.shard.describe().kept.expect("it keeps the manifest");
    assert_eq!(
        (kept.segments, kept.points),
        (1, 1),
        "one file is written anew, one leaves"
    );
    assert_eq!(world.numbers("m"), [(HOUR_MS, 5.0)]);
    assert_eq!(world.numbers("mortal"), []);
    assert_eq!(world.shard.take_troubles(), Vec::<String>::new());
}

#[test]
fn a_name_has_a_bounded_number_of_times_to_live() {
    let mut world = World::new();
    let mut batch = Batch::default();
    for ttl in 1..=TTLS_MAX as u32 + 2 {
        batch = batch.number("m", ttl, i64::from(ttl), 1);
    }
    let refused = batch.number("m", 0, 0, 1).send(&mut world);
    assert_eq!(refused, [(Reason::TtlsMany, 2)]);
    assert_eq!(world.numbers("m").len(), TTLS_MAX + 1);
}
