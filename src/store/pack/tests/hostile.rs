//! Cut, flipped and random bytes: an error or some points in order, never a panic, never more memory
//! than the points that are there.

use super::*;

/// Read `run` in every way.
fn read(run: &[u8], seed: u64) {
    let mut points = Points::default();
    let whole = decode(run, BASE, Millis::MIN, Millis::MAX, 5, &mut points);
    assert!(whole.is_ok() || points.is_empty(), "seed {seed}");
    let ascends = points.times.windows(2).all(|pair| pair[0] <= pair[1]);
    assert!(ascends, "seed {seed}");
    assert_eq!(points.times.len(), points.values.len(), "seed {seed}");
    assert_eq!(points.times.len(), points.stamps.len(), "seed {seed}");
    // Three bytes of a group are at most 128 points.
    assert!(points.len() <= 128 * run.len(), "seed {seed}");
    let all = decode_all(run, BASE);
    if let Ok(all) = &all {
        let known = Summary::of(run, BASE).expect("what can be read can be passed");
        assert_eq!(known.count as usize, all.times.len(), "seed {seed}");
        if all.duplicates == Duplicates::Last {
            assert!(
                all.times.windows(2).all(|pair| pair[0] < pair[1]),
                "seed {seed}"
            );
        }
        let mut again = Vec::new();
        encode(all, BASE, &mut again);
        let back = decode_all(&again, BASE).expect("a good run");
        assert_eq!(points_of(&back), points_of(all), "seed {seed}");
        if whole.is_ok() {
            assert_eq!(points.times, all.times, "seed {seed}");
        }
    }
    let _ = decode(run, BASE, BASE, Millis(BASE.0 + 60_000), 5, &mut points);
    let mut joined = Vec::new();
    if join_any(&[run], BASE, &mut joined).is_ok() {
        let back = decode_all(&joined, BASE).map(|back| points_of(&back));
        assert_eq!(back, all.map(|all| points_of(&all)), "seed {seed}");
    }
}

#[test]
fn cut_and_flipped_runs_do_no_harm() {
    for seed in 0..250 {
        let mut random = Random::new(seed);
        let run = run_of(&stretch(&mut random, if seed % 10 == 0 { 200 } else { 20 }));
        for cut in 0..run.len() {
            read(&run[..cut], seed);
        }
        for bit in 0..8 * run.len().min(300) {
            let mut run = run.clone();
            run[bit / 8] ^= 1 << (bit % 8);
            read(&run, seed);
        }
    }
}

#[test]
fn a_run_cut_inside_of_a_group_is_an_error() {
    let run = run_of(&even(60, 0));
    for cut in 0..run.len() {
        assert!(decode_all(&run[..cut], BASE).is_err(), "cut {cut}");
        assert!(Summary::of(&run[..cut], BASE).is_err(), "cut {cut}");
    }
}

#[test]
fn random_bytes_do_no_harm() {
    for seed in 0..60_000 {
        let mut random = Random::new(seed);
        let mut run: Vec<u8> = (0..random.below(80))
            .map(|_| random.next_u64() as u8)
            .collect();
        if let Some(head) = run.first_mut() {
            *head &= 0b1111;
        }
        read(&run, seed);
    }
}

#[test]
fn many_points_in_few_bytes_are_bounded() {
    // Groups of 128 points that go on as before, each in four bytes.
    let mut run = run_of(&Stretch {
        values: Column::Long(vec![0; 128]),
        ..even(128, 0)
    });
    for _ in 1..POINTS_MAX / 128 {
        run.extend_from_slice(&[0, 0, 127, 0]);
    }
    let known = Summary::of(&run, BASE).expect("as many as there may be");
    assert_eq!(known.count as usize, POINTS_MAX);
    run.extend_from_slice(&[0, 0, 0, 0]);
    assert!(Summary::of(&run, BASE).is_err());
    let mut points = Points::default();
    assert!(decode(&run, BASE, Millis(0), Millis::MAX, 0, &mut points).is_err());
    assert!(points.is_empty());
}

/// A run of one group: head, points, a start and a step in milliseconds, and the rest.
fn group(kind: u8, codec: u16, scale: u16, width: u16, points: u8, rest: &[u8]) -> Vec<u8> {
    let head = codec | 2 << 3 | scale << 5 | width << 9;
    let mut run = vec![kind];
    run.extend_from_slice(&head.to_le_bytes());
    run.extend_from_slice(&[points - 1, 0, 1]);
    run.extend_from_slice(rest);
    run
}

#[test]
fn what_is_wrong_is_refused() {
    let is_good = |run: Vec<u8>| decode_all(&run, BASE).is_ok();
    assert!(is_good(group(0, 0, 15, 0, 2, &[4])));
    assert!(!is_good(group(3, 0, 0, 0, 2, &[4])), "an unknown kind");
    assert!(!is_good(group(16, 0, 0, 0, 2, &[4])), "an unknown flag");
    assert!(
        !is_good(group(1, 0, 1, 0, 2, &[4])),
        "whole numbers with decimals"
    );
    assert!(!is_good(group(0, 0, 0, 1, 2, &[4])), "a constant with bits");
    assert!(!is_good(group(0, 7, 0, 0, 2, &[4])), "an unknown codec");
    assert!(
        !is_good(group(1, 5, 0, 0, 2, &[0; 9])),
        "floats among whole numbers"
    );
    assert!(is_good(group(0, 5, 0, 0, 2, &[0; 9])));
    assert!(
        !is_good(group(0, 5, 1, 0, 2, &[0; 9])),
        "floats with decimals"
    );
    assert!(
        !is_good(group(0, 5, 0, 64, 2, &[1; 17])),
        "a shift beyond 64 bits"
    );
    assert!(
        !is_good(group(0, 1, 0, 65, 2, &[0; 40])),
        "a width beyond 64 bits"
    );
    assert!(is_good(group(0, 2, 0, 4, 2, &[0, 0x21, 1, 1, 1])));
    assert!(
        !is_good(group(0, 2, 0, 4, 2, &[0, 0x21, 1, 2, 1])),
        "a patch of no point"
    );
    assert!(
        !is_good(group(0, 2, 0, 4, 2, &[0, 0x21, 3, 0, 1, 1, 1, 0, 1])),
        "too many patches"
    );
    let mut high = vec![0, 0x21, 1, 1];
    crate::base::varint::push(1 << 60, &mut high);
    assert!(
        !is_good(group(0, 2, 0, 4, 2, &high)),
        "a patch beyond 64 bits"
    );
    assert!(is_good(group(2, 6, 0, 1, 2, b"\x02\x01a\x01b\x02")));
    assert!(
        !is_good(group(2, 6, 0, 1, 2, b"\x02\x01a\x01\xFF\x02")),
        "no UTF-8"
    );
    assert!(
        !is_good(group(2, 6, 0, 2, 2, b"\x02\x01a\x01b\x08")),
        "no such text"
    );
    assert!(
        !is_good(group(2, 6, 0, 0, 1, b"\x02\x01a\x01b")),
        "more texts than points"
    );
    assert!(!is_good(group(2, 0, 0, 0, 2, &[4])), "numbers among texts");
    let mut digits = Vec::new();
    crate::base::varint::push(1 << 55, &mut digits);
    assert!(!is_good(group(0, 0, 0, 0, 2, &digits)), "too many digits");
    assert!(is_good(group(1, 0, 0, 0, 2, &digits)));
}
