//! Series that keep the order of their arrivals although their generation does not.

use super::*;
use crate::model::points::Duplicates;
use crate::store::stretch::Stretch;

/// Time, stamp and value of every point, as the sealer gets them.
fn sealed(pool: &Pool, head: &Head, series: u32) -> Vec<(i64, u64)> {
    let (mut stretches, mut out, mut rows) = (Stretches::default(), Stretch::default(), Vec::new());
    let id = SeriesId(series);
    stretches.begin(head, id, Values::Double, Duplicates::All);
    loop {
        match stretches.next(pool, head, &mut 50, &mut out) {
            Next::Later => {}
            Next::Done => return rows,
            Next::Stretch(_) => {
                assert_eq!(out.stamps.len(), out.times.len());
                rows.extend(out.times.iter().copied().zip(out.stamps.iter().copied()));
            }
        }
    }
}

/// From the moment on at which it begins, arrivals are told exactly, and those before it as before it.
#[test]
fn a_series_may_begin_to_keep_order() {
    let mut exact = 0;
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let mut pool = Pool::new(1 << 30);
        let mut twin = Twin::new(false, 4);
        // How many points there were when each of them began.
        let mut since = [None; 4];
        let each = 1 + random.below(300);
        for sent in arrivals(&mut random, 4, each) {
            if random.chance(1) {
                let series = random.below(4) as usize;
                twin.head.keep_order(SeriesId(series as u32));
                since[series].get_or_insert(twin.sent.len());
            }
            twin.put(&mut pool, sent).expect("room");
        }
        twin.check(&pool, &mut random, &format!("seed {seed}"));
        for series in 0..4 {
            let Some(since) = since[series as usize] else {
                continue;
            };
            let all = twin.sent.iter().enumerate();
            let mut want: Vec<(usize, &Sent)> =
                all.filter(|(_, sent)| sent.series == series).collect();
            want.sort_by_key(|(_, sent)| sent.time);
            let got = rows(&read(&pool, &twin.head, series, i64::MIN, i64::MAX));
            assert_eq!(got.len(), want.len());
            let later = want.iter().filter(|(place, _)| since <= *place);
            let first_later = later.map(|(_, sent)| sent.stamp).min();
            for (got, (place, sent)) in got.iter().zip(&want) {
                assert_eq!((got.0, got.2), (sent.time, sent.value.to_f64().to_bits()));
                if since <= *place {
                    assert_eq!(got.1, sent.stamp, "seed {seed}");
                    exact += 1;
                } else {
                    assert!(
                        first_later.is_none_or(|first| got.1 <= first),
                        "seed {seed}"
                    );
                }
            }
            let sealed = sealed(&pool, &twin.head, series);
            assert_eq!(sealed.len(), want.len());
            for (sealed, (place, sent)) in sealed.iter().zip(&want) {
                assert_eq!(sealed.0, sent.time);
                let exact = sealed.1 == sent.stamp;
                let before = first_later.is_none_or(|first| sealed.1 <= first);
                assert!(if since <= *place { exact } else { before }, "seed {seed}");
            }
        }
        while !twin.head.clear(&mut pool, &mut 1_000) {}
        assert_eq!((twin.head.bytes(), pool.bytes()), (0, 0));
    }
    assert!(10_000 < exact, "{exact}");
}

/// What arrived before a stamp is left out of a reading, whatever lies around it.
#[test]
fn what_has_expired_is_not_read() {
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let mut pool = Pool::new(1 << 30);
        let mut twin = Twin::new(false, 2);
        twin.head.keep_order(SeriesId(0));
        let each = 1 + random.below(300);
        for sent in arrivals(&mut random, 2, each) {
            twin.put(&mut pool, sent).expect("room");
        }
        let stamps: Vec<u64> = twin.sent.iter().map(|sent| sent.stamp).collect();
        let below = stamps[random.below(stamps.len() as u64) as usize];
        let all = (Millis::MIN, Millis::MAX);
        let reading = Reading::new(SeriesId(0), all.0, all.1, Values::Double);
        let (mut reading, mut got) = (reading.without_expired(below), Points::default());
        while !reading.step(&pool, &twin.head, &mut 30, &mut got) {}
        let mut want = read(&pool, &twin.head, 0, i64::MIN, i64::MAX);
        want.leave_below(0, below);
        assert_eq!(got, want, "seed {seed}");
    }
}
