//! Rows against columns that are looked at one by one.

use super::*;
use crate::base::random::Random;

fn naive(law: Law, column: &[f64], share: f64) -> f64 {
    let there: Vec<f64> = column.iter().copied().filter(|v| !v.is_nan()).collect();
    let count = there.len() as f64;
    if law == Law::Members {
        return column.len() as f64;
    }
    if there.is_empty() || count / (column.len() as f64) < share {
        return f64::NAN;
    }
    // Whole numbers: sums are exact.
    let sum: f64 = there.iter().sum();
    match law {
        Law::Average => sum / count,
        Law::Sum => sum,
        Law::Count | Law::Members => count,
        Law::Last => there.last().copied().unwrap_or(f64::NAN),
        Law::Maximum => there.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Law::Minimum => there.iter().copied().fold(f64::INFINITY, f64::min),
    }
}

#[test]
fn rows_agree_with_looking_at_every_column() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let law = Law::ALL[random.below(7) as usize];
        let (series, rows) = (1 + random.below(20), random.below(40) as usize);
        let nulls = random.below(3) * 10;
        let values: Vec<Vec<f64>> = (0..series)
            .map(|_| {
                let nulls = if random.chance(50) { nulls } else { 0 };
                let value = |_| match random.chance(nulls) {
                    true => f64::NAN,
                    false => random.below(1 << 40) as f64 - 1e9,
                };
                (0..rows).map(value).collect()
            })
            .collect();
        let mut shards: Vec<Rows> = (0..3).map(|_| Rows::new(law, 0, 1, rows)).collect();
        // They come in any order, and are called by their places.
        let mut order: Vec<usize> = (0..values.len()).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, random.below(i as u64 + 1) as usize);
        }
        for place in order {
            let one = &values[place];
            let shard = &mut shards[random.below(3) as usize];
            shard.begin_series(&format!("{place:02}"));
            let cut = random.below(rows as u64 + 1) as usize;
            shard.add(0, &one[..cut]);
            shard.add(cut, &one[cut..]);
        }
        let mut all = shards.pop().expect("a shard");
        for shard in &shards {
            let cut = random.below(rows as u64 + 1) as usize;
            if cut > 0 {
                all.join(shard, 0..cut);
                all.join(shard, cut..rows);
            } else {
                all.join(shard, 0..rows);
            }
        }
        let share = random.below(5) as f64 / 4.0;
        for row in 0..rows {
            let column: Vec<f64> = values.iter().map(|one| one[row]).collect();
            let want = naive(law, &column, share);
            let got = all.value(row, share);
            assert_eq!(
                got.to_bits(),
                want.to_bits(),
                "seed {seed} {law:?} row {row}"
            );
        }
    }
}

/// Rows whose first ones come from others that were kept are the same as if all had been added.
#[test]
fn rows_behind_a_front_are_those_of_one_piece() {
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let law = [
            Law::Average,
            Law::Count,
            Law::Maximum,
            Law::Minimum,
            Law::Sum,
        ];
        let law = law[random.below(5) as usize];
        let rows = 1 + random.below(40) as usize;
        let front = random.below(rows as u64) as usize;
        let skipped = random.below(5) as usize;
        let mut whole = Rows::new(law, 0, 1, rows);
        let mut kept = Rows::new(law, 0, 1, rows + skipped);
        let mut behind = Rows::new(law, 0, 1, rows).behind(front);
        for _ in 0..random.below(12) {
            let value = |_| match random.chance(10) {
                true => f64::NAN,
                false => random.below(1 << 40) as f64 / 8.0,
            };
            let values: Vec<f64> = (0..rows).map(value).collect();
            whole.begin_series("a");
            whole.add(0, &values);
            kept.begin_series("a");
            kept.add(skipped, &values[..front]);
            behind.begin_series("a");
            let cut = front + random.below((rows - front) as u64 + 1) as usize;
            behind.add(front, &values[front..cut]);
            behind.add(cut, &values[cut..]);
        }
        let mut columns = Columns::default();
        let cut = random.below((rows + skipped) as u64 + 1) as usize;
        kept.copy_to(0..cut, &mut columns);
        kept.copy_to(cut..rows + skipped, &mut columns);
        let cut = random.below(front as u64 + 1) as usize;
        behind.put_front(0..cut, &columns, skipped);
        behind.put_front(cut..front, &columns, skipped + cut);
        for share in [0.0, 0.5, 1.0] {
            for row in 0..rows {
                let (want, got) = (whole.value(row, share), behind.value(row, share));
                assert_eq!(
                    got.to_bits(),
                    want.to_bits(),
                    "seed {seed} {law:?} row {row}"
                );
            }
        }
        // And what is kept of these is what would be kept of those.
        let (mut of_whole, mut of_behind) = (Columns::default(), Columns::default());
        whole.copy_to(0..rows, &mut of_whole);
        behind.copy_to(0..rows, &mut of_behind);
        assert_eq!(of_behind, of_whole, "seed {seed}");
    }
}

/// Whatever the order, and wherever they lie, the sum is the exact one, rounded once.
#[test]
fn sums_do_not_depend_on_the_order() {
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let tenth = |_| random.below(1_000_000) as f64 / 10.0 - 3e4;
        let mut values: Vec<f64> = (0..1_000).map(tenth).collect();
        let sum = |values: &[f64], cut: usize| {
            let mut shards = [0, 1].map(|_| Rows::new(Law::Sum, 0, 1, 1));
            for (i, value) in values.iter().enumerate() {
                let shard = &mut shards[usize::from(i >= cut)];
                shard.begin_series("");
                shard.add(0, &[*value]);
            }
            let [mut first, second] = shards;
            first.join(&second, 0..1);
            first.value(0, 0.0)
        };
        let want = sum(&values, 0);
        values.reverse();
        assert_eq!(sum(&values, 417).to_bits(), want.to_bits(), "seed {seed}");
    }
}
