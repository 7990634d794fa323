use super::*;
use crate::base::random::Random;
use crate::model::points::Duplicates;
use crate::store::info::SegmentInfo;

fn some_tombstone(random: &mut Random) -> Tombstone {
    let from_ms = random.below(100) as i64;
    let target = if random.chance(50) {
        let count = random.below(4);
        Target::Series((0..count).map(|_| some_identity(random)).collect())
    } else {
        Target::Metric(some_metric(random).to_owned())
    };
    Tombstone {
        tenant: TenantId(random.below(2) as u32),
        target,
        from_ms,
        to_ms: from_ms + random.below(40) as i64 - 3,
        stamp: random.below(100),
    }
}

fn some_identity(random: &mut Random) -> Identity {
    Identity(u128::from(random.below(6)))
}

fn some_metric(random: &mut Random) -> &'static str {
    ["a", "b", "c"][random.below(3) as usize]
}

/// What the words of the module head say, point by point.
fn stands(
    all: &[(u64, Tombstone)],
    who: (TenantId, Identity, &str),
    (time_ms, stamp): (i64, u64),
) -> bool {
    !all.iter().any(|(_, tombstone)| {
        let is_target = match &tombstone.target {
            Target::Series(identities) => identities.contains(&who.1),
            Target::Metric(metric) => tombstone.tenant == who.0 && metric == who.2,
        };
        is_target
            && tombstone.from_ms <= time_ms
            && time_ms <= tombstone.to_ms
            && stamp < tombstone.stamp
    })
}

fn some_points(random: &mut Random) -> Points {
    let mut points = Points::default();
    for i in 0..random.below(60) {
        points.push(random.below(140) as i64, random.below(100), i as f64);
    }
    points.sort();
    points
}

fn check_points(seed: u64, all: &[(u64, Tombstone)], list: &Tombstones, random: &mut Random) {
    let who = (
        TenantId(random.below(2) as u32),
        some_identity(random),
        some_metric(random),
    );
    let mask = list.mask(who.0, who.1, who.2);
    let points = some_points(random);
    let mut want = Points::default();
    for i in 0..points.len() {
        let arrival = (points.times[i], points.stamps[i]);
        assert_eq!(
            mask.keeps(arrival.0, arrival.1),
            stands(all, who, arrival),
            "seed {seed}"
        );
        if stands(all, who, arrival) {
            want.push(arrival.0, arrival.1, points.values[i]);
        }
    }
    let mut got = points.clone();
    mask.apply(&mut got);
    assert_eq!(got, want, "seed {seed}");
    let mut stretch = stretch_of(&points);
    mask.apply_to_stretch(&mut stretch, 0);
    assert_eq!(stretch, stretch_of(&want), "seed {seed}");
}

fn stretch_of(points: &Points) -> Stretch {
    Stretch {
        times: points.times.clone(),
        stamps: points.stamps.clone(),
        values: Column::Float(points.values.clone()),
        duplicates: Duplicates::All,
    }
}

#[test]
fn masks_what_the_words_say() {
    for seed in 0..500 {
        let mut random = Random::new(seed);
        let (mut list, mut all) = (Tombstones::default(), Vec::new());
        for _ in 0..random.below(12) {
            if random.chance(25) && !all.is_empty() {
                let (number, _) = all.remove(random.below(all.len() as u64) as usize);
                assert!(list.forget(number).is_some(), "seed {seed}");
                assert!(list.forget(number).is_none(), "seed {seed}");
            } else {
                let tombstone = some_tombstone(&mut random);
                all.push((list.next(), tombstone.clone()));
                list.add(list.next(), tombstone);
            }
            check_points(seed, &all, &list, &mut random);
        }
        for (number, _) in all {
            list.forget(number);
        }
        let mut empty = Tombstones::default();
        empty.raise(list.next());
        assert_eq!(list, empty, "seed {seed}: nothing stays behind");
    }
}

#[test]
fn a_stretch_without_stamps_counts_as_the_last_of_its_file() {
    let mut list = Tombstones::default();
    list.add(
        0,
        Tombstone {
            tenant: TenantId(0),
            target: Target::Metric("a".to_owned()),
            from_ms: 2,
            to_ms: 3,
            stamp: 10,
        },
    );
    let mask = list.mask(TenantId(0), Identity(1), "a");
    let stretch = Stretch {
        times: vec![1, 2, 3, 4],
        stamps: Vec::new(),
        values: Column::Decimal {
            scale: 1,
            mantissas: vec![10, 20, 30, 40],
        },
        duplicates: Duplicates::Last,
    };
    let mut behind = stretch.clone();
    mask.apply_to_stretch(&mut behind, 10);
    assert_eq!(behind, stretch, "a file from then on");
    let mut before = stretch;
    mask.apply_to_stretch(&mut before, 9);
    let left = Column::Decimal {
        scale: 1,
        mantissas: vec![10, 40],
    };
    assert_eq!((before.times, before.values), (vec![1, 4], left));
    assert!(mask.touches(3, 9, 9) && !mask.touches(4, 9, 9) && !mask.touches(2, 2, 10));
}

#[test]
fn one_is_idle_when_nothing_older_is_left() {
    let mut list = Tombstones::default();
    let mut random = Random::new(1);
    for stamp in [10, 20] {
        let tombstone = Tombstone {
            from_ms: 100,
            to_ms: 200,
            stamp,
            ..some_tombstone(&mut random)
        };
        list.add(list.next(), tombstone);
    }
    let file = |first_ms, last_ms, last_stamp| SegmentInfo {
        first_ms,
        last_ms,
        first_stamp: last_stamp,
        last_stamp,
        ..SegmentInfo::default()
    };
    let check = |files: &[SegmentInfo], oldest: Option<u64>, want: &[u64]| {
        assert_eq!(
            list.idle(files.iter(), oldest),
            want,
            "{files:?} {oldest:?}"
        );
    };
    check(&[], None, &[0, 1]);
    check(&[], Some(10), &[0]);
    check(&[], Some(9), &[]);
    check(&[file(0, 99, 5), file(201, 300, 5)], None, &[0, 1]);
    check(&[file(0, 100, 15)], None, &[0]);
    check(&[file(150, 160, 9)], None, &[]);
    check(&[file(150, 160, 20)], None, &[0, 1]);
    let on_both_sides = SegmentInfo {
        first_stamp: 9,
        ..file(150, 160, 20)
    };
    check(&[on_both_sides], None, &[]);
    assert!(list.touches(&file(200, 300, 19)) && !list.touches(&file(200, 300, 20)));
}

#[test]
fn without_those_that_a_new_one_covers_the_same_is_masked() {
    let mut gone = 0;
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let (mut list, mut all) = (Tombstones::default(), Vec::new());
        for number in 0..30 {
            let mut new = some_tombstone(&mut random);
            if random.chance(50) {
                (new.from_ms, new.to_ms) = (-9, 200);
            }
            let covered = list.covered_by(&new);
            gone += covered.len();
            for old in covered {
                assert!(list.forget(old).is_some(), "seed {seed}");
            }
            list.add(number, new.clone());
            all.push((number, new));
        }
        check_points(seed, &all, &list, &mut random);
    }
    assert!(gone > 1_000, "{gone}");
}

#[test]
fn a_delete_that_is_told_again_with_more_time_takes_the_place_of_the_one_before() {
    let mut list = Tombstones::default();
    let tombstone = |series: &[u128], to_ms, stamp| Tombstone {
        tenant: TenantId(1),
        target: Target::Series(series.iter().map(|&one| Identity(one)).collect()),
        from_ms: 0,
        to_ms,
        stamp,
    };
    list.add(0, tombstone(&[1, 2], 10, 5));
    list.add(1, tombstone(&[2], 10, 5));
    list.add(2, tombstone(&[3], 10, 5));
    assert_eq!(list.covered_by(&tombstone(&[2, 1], 11, 6)), [0, 1]);
    assert_eq!(list.covered_by(&tombstone(&[2, 2], 11, 6)), [1]);
    assert_eq!(list.covered_by(&tombstone(&[1, 2, 3], 9, 6)), [0_u64; 0]);
    assert_eq!(list.covered_by(&tombstone(&[1, 2, 3], 10, 4)), [0_u64; 0]);
}

#[test]
fn one_that_hides_a_series_is_not_idle() {
    let mut list = Tombstones::default();
    let (one, two) = (Identity(1), Identity(2));
    list.add(
        0,
        Tombstone {
            tenant: TenantId(1),
            target: Target::Series(vec![one, two]),
            from_ms: i64::MIN,
            to_ms: i64::MAX,
            stamp: 10,
        },
    );
    let idle = |list: &Tombstones| list.idle([].iter(), None);
    assert_eq!(idle(&list), [0_u64; 0]);
    list.revive(one, 10);
    list.revive(two, 9);
    assert_eq!(idle(&list), [0_u64; 0]);
    list.revive(two, 11);
    assert_eq!(idle(&list), [0]);
}
