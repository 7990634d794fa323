//! Evenly spaced stretches, and what is asked for ahead of them, against the points themselves.

use super::*;
use crate::store::generation::Portion;

/// Time, the earliest and the latest stamp that it may have, value.
type Told = (i64, (u64, u64), u64);

/// What was read as stretches and points, as points of which each knows when it came at the earliest and at
/// the latest; and how many were in stretches.
fn points_of(evens: &mut Evens, random: &mut Random) -> (Vec<Told>, usize) {
    let (mut all, mut even) = (Vec::new(), 0);
    let most = [usize::MAX, 50][random.below(2) as usize];
    while let Some(portion) = evens.next(most) {
        match portion {
            Portion::Even(stretch) => {
                let (first, last) = stretch.stamps;
                let end = stretch.values.len() - 1;
                even += stretch.values.len();
                for (i, value) in stretch.values.iter().enumerate() {
                    let time = stretch.first_ms + stretch.gap_ms.saturating_mul(i as i64);
                    let stamps = match i {
                        // Of a stretch that comes in pieces less is known.
                        _ if most < usize::MAX => (first, u64::MAX),
                        0 => (first, first),
                        i if i == end => (last, last),
                        _ => (first, last),
                    };
                    all.push((time, stamps, value.to_bits()));
                }
            }
            Portion::Points(points, stretch) => all.extend(stretch.map(|i| {
                let stamp = points.stamps[i];
                (points.times[i], (stamp, stamp), points.values[i].to_bits())
            })),
        }
    }
    (all, even)
}

/// A series of a range as stretches, in slices, between which something may happen.
fn read_evenly(
    (pool, twin): (&mut Pool, &mut Twin),
    (series, from, until): (u32, i64, i64),
    (evens, ahead): (&mut Evens, &mut Ahead),
    slice: usize,
    mut between: impl FnMut(&mut Pool, &mut Twin),
) {
    let range = (Millis(from), Millis(until));
    let mut reading = Reading::new(SeriesId(series), range.0, range.1, Values::Double);
    while !reading.step_evenly((pool, &twin.head), &mut { slice }, evens, ahead) {
        between(pool, twin);
    }
}

#[test]
fn stretches_are_the_points_that_they_stand_for() {
    let (mut even, mut all) = (0, 0);
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut pool = Pool::new(1 << 30);
        let mut twin = Twin::new(seed % 2 == 1, 4);
        let each = 1 + random.below(600);
        for sent in arrivals(&mut random, 4, each) {
            if seed % 5 == 0 && random.chance(1) {
                twin.head.keep_order(SeriesId(sent.series));
            }
            twin.put(&mut pool, sent).expect("room");
        }
        let (mut evens, mut ahead) = (Evens::default(), Ahead::default());
        for series in 0..4 {
            for whole in [true, false, false, false] {
                let mut place = || twin.sent[random.below(twin.sent.len() as u64) as usize].time;
                let (from, until) = match whole {
                    true => (i64::MIN, i64::MAX),
                    false => (place(), place().saturating_add(random.below(2) as i64)),
                };
                let want = read(&pool, &twin.head, series, from, until);
                evens.clear();
                let slice = 1 + random.below(200) as usize;
                let both = (&mut pool, &mut twin);
                let out = (&mut evens, &mut ahead);
                read_evenly(both, (series, from, until), out, slice, |_, _| ());
                assert!(evens.is_in_order(), "seed {seed}");
                let (got, stretched) = points_of(&mut evens, &mut random);
                assert_eq!(got.len(), want.len(), "seed {seed} series {series}");
                for (got, want) in got.iter().zip(rows(&want)) {
                    assert_eq!(
                        (got.0, got.2),
                        (want.0, want.2),
                        "seed {seed} series {series}"
                    );
                    let (earliest, latest) = got.1;
                    assert!(
                        earliest <= want.1 && want.1 <= latest,
                        "seed {seed} series {series}"
                    );
                }
                (even, all) = (even + stretched, all + got.len());
            }
        }
    }
    assert!(all / 20 < even && even < all * 9 / 10, "{even} of {all}");
}

/// Points come between the slices, and blocks are given back: what is read is right or known to be out of
/// order, and following the chains of series that are gone hurts nobody.
#[test]
fn stretches_stay_right_while_points_come() {
    let (mut kept, mut lost) = (0, 0);
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let mut pool = Pool::new(1 << 30);
        let mut twin = Twin::new(seed % 2 == 1, 4);
        let sent = arrivals(&mut random, 4, 500);
        let (early, later) = sent.split_at(1_000);
        for &sent in early {
            twin.put(&mut pool, sent).expect("room");
        }
        let plain = |all: Vec<(i64, u64, u64)>| -> Vec<(i64, u64, u64)> {
            all.into_iter()
                .map(|(time, _, value)| (time, 0, value))
                .collect()
        };
        let must = plain(twin.want(0, i64::MIN, i64::MAX));
        let (mut evens, mut ahead) = (Evens::default(), Ahead::default());
        let next = std::array::from_fn(|i| (i < 3).then_some(SeriesId(1 + i as u32)));
        ahead.begin(&pool, [&twin.head].into_iter(), &next, Millis::MIN);
        let (mut later, mut coming) = (later.iter(), Random::new(seed));
        let both = (&mut pool, &mut twin);
        let slice = 1 + random.below(60) as usize;
        let out = (&mut evens, &mut ahead);
        read_evenly(both, (0, i64::MIN, i64::MAX), out, slice, |pool, twin| {
            if seed % 5 == 3 {
                // Then it takes no more points.
                twin.head
                    .release(pool, SeriesId(1 + coming.below(3) as u32));
                return;
            }
            for &sent in later.by_ref().take(coming.below(9) as usize) {
                twin.put(pool, sent).expect("room");
            }
            if seed % 10 == 9 && coming.chance(2) {
                empty(twin, pool, &mut coming);
            }
        });
        if seed % 10 == 9 || !evens.is_in_order() {
            lost += 1;
            continue;
        }
        let (got, _) = points_of(&mut evens, &mut random);
        let got: Vec<_> = got
            .iter()
            .map(|&(time, _, value)| (time, 0, value))
            .collect();
        let all = plain(twin.want(0, i64::MIN, i64::MAX));
        assert!(contains(&got, &must) && contains(&all, &got), "seed {seed}");
        kept += 1;
    }
    assert!(100 < kept && 20 <= lost, "{kept} {lost}");
}

/// Each chain is followed to where the range begins, and no further.
#[test]
fn chains_are_followed_to_the_range() {
    let mut pool = Pool::new(1 << 30);
    let mut twin = Twin::new(false, 9);
    let start = 1_700_000_000_000;
    for i in 0..9_000i64 {
        let sent = Sent {
            series: (i % 9) as u32,
            time: start + i / 9 * 1000,
            stamp: 1,
            value: Number::decimal(i % 7, 0),
        };
        twin.put(&mut pool, sent).expect("room");
    }
    let from = Millis(start + 500_000);
    let mut reading = Reading::new(SeriesId(0), from, Millis::MAX, Values::Double);
    let mut points = Points::default();
    while !reading.step(&pool, &twin.head, &mut 1_000, &mut points) {}
    let blocks = points.len() / 80;
    let next = std::array::from_fn(|i| (i < 8).then_some(SeriesId(1 + i as u32)));
    let mut ahead = Ahead::default();
    ahead.begin(&pool, [&twin.head].into_iter(), &next, from);
    assert_eq!(ahead.chains(), 8);
    (0..8 * blocks).for_each(|_| ahead.hop(&pool));
    assert_eq!(ahead.chains(), 0, "of about {blocks} blocks each");
    // The next reading tells of one more.
    let next = std::array::from_fn(|i| (i < 8).then_some(SeriesId((2 + i as u32) % 9)));
    ahead.begin(&pool, [&twin.head].into_iter(), &next, from);
    assert_eq!(ahead.chains(), 1);
    while !twin.head.clear(&mut pool, &mut 100) {}
    (0..100).for_each(|_| ahead.hop(&pool));
}
