//! Cells are what their points say, there and back, joined, and against hostile bytes.

use std::collections::BTreeMap;

use super::*;
use crate::base::time::Step;
use crate::model::aggregate::{Aggregate, Placed};
use crate::simd::{Isa, Lanes, Scanner, Work};

/// The slow twin: every point looks for its cell.
fn naive(stretch: &Stretch, step: Step) -> Vec<SealedCell> {
    let mut cells: BTreeMap<Millis, Aggregate> = BTreeMap::new();
    for (i, &time_ms) in stretch.times.iter().enumerate() {
        let value = match &stretch.values {
            Column::Decimal { scale, mantissas } => Number::decimal(mantissas[i], *scale).to_f64(),
            Column::Float(values) => values[i],
            Column::Long(values) => values[i] as f64,
            Column::Text(_) => continue,
        };
        let of = cells
            .entry(step.floor(Millis(time_ms)))
            .or_insert(Aggregate::EMPTY);
        of.push(Placed {
            time_ms,
            stamp: 77,
            value,
        });
    }
    cells
        .into_iter()
        .map(|(start, of)| SealedCell { start, of })
        .collect()
}

fn decoded(bytes: &[u8], step: Step) -> Vec<SealedCell> {
    let mut cells = Vec::new();
    decode_cells(bytes, BASE, step, Millis::MIN, Millis::MAX, 77, &mut cells).expect("good cells");
    cells
}

/// Whether two sums differ by one unit in the last place at most.
fn is_near(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits()
        || a == b
        || a.next_up() == b
        || a.next_down() == b
        || (a.is_nan() && b.is_nan())
}

#[track_caller]
fn check(got: &[SealedCell], want: &[SealedCell], seed: u64) {
    assert_eq!(got.len(), want.len(), "seed {seed}");
    for (got, want) in got.iter().zip(want) {
        assert!(
            is_near(got.of.sum(), want.of.sum()),
            "seed {seed}: {got:?} {want:?}"
        );
        let bits = |cell: &SealedCell| {
            let ends = [cell.of.first, cell.of.last].map(|end| {
                let end = end.expect("points");
                (end.time_ms, end.stamp, end.value.to_bits())
            });
            (
                cell.start,
                cell.of.count,
                cell.of.min.to_bits(),
                cell.of.max.to_bits(),
                ends,
            )
        };
        assert_eq!(bits(got), bits(want), "seed {seed}");
    }
}

fn some_step(random: &mut Random) -> Step {
    let steps = [60_000, 60_000, 300_000, 1000, 7];
    Step::from_millis(steps[random.below(5) as usize]).expect("positive")
}

/// Not of floats whose sums are no numbers: those agree in nothing.
fn some_stretch(random: &mut Random) -> Stretch {
    loop {
        let mut stretch = stretch(random, 400);
        if let Column::Float(values) = &mut stretch.values {
            values.retain(|value| value.abs() < 1e200);
            let kept = values.len();
            stretch.times.truncate(kept);
            stretch.stamps.truncate(kept);
        }
        if !stretch.times.is_empty() {
            return stretch;
        }
    }
}

#[test]
fn cells_are_what_their_points_say() {
    for seed in 0..2000 {
        let mut random = Random::new(seed);
        let (step, stretch) = (some_step(&mut random), some_stretch(&mut random));
        let mut bytes = Vec::new();
        encode_cells(&stretch, BASE, step, &mut bytes);
        let want = naive(&stretch, step);
        check(&decoded(&bytes, step), &want, seed);
        if let [first, .., last] = want[..] {
            let mut inner = Vec::new();
            let (from, until) = (Millis(first.start.0 + 1), Millis(last.start.0 - 1));
            decode_cells(&bytes, BASE, step, from, until, 77, &mut inner).expect("good cells");
            check(&inner, &want[1..want.len() - 1], seed);
        }
    }
}

#[test]
fn parts_join_to_the_cells_of_all() {
    for seed in 0..1000 {
        let mut random = Random::new(seed);
        let step = some_step(&mut random);
        let mut stretch = some_stretch(&mut random);
        // Sums of floats of all sizes depend on their grouping.
        if let Column::Float(values) = &mut stretch.values {
            values
                .iter_mut()
                .for_each(|value| *value = (value.abs() % 1000.0).round());
        }
        let count = stretch.times.len();
        let cuts = [
            random.below(count as u64 + 1) as usize,
            random.below(count as u64 + 1) as usize,
        ];
        let (low, high) = (cuts[0].min(cuts[1]), cuts[0].max(cuts[1]));
        let parts = [0..low, low..high, high..count].map(|place| {
            let mut bytes = Vec::new();
            encode_cells(&part(&stretch, place), BASE, step, &mut bytes);
            bytes
        });
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let mut joined = Vec::new();
        join_cells(&parts, BASE, step, &mut joined).expect("good cells");
        let mut joined_cells = decoded(&joined, step);
        let want = naive(&stretch, step);
        assert_eq!(joined_cells.len(), want.len(), "seed {seed}");
        // Merged sums may be off by the rounding of their parts.
        for (got, want) in joined_cells.iter_mut().zip(&want) {
            let sizes = want.of.min.abs().max(want.of.max.abs()) * want.of.count as f64;
            let off = (got.of.sum() - want.of.sum()).abs();
            assert!(
                off <= sizes * 4.0 * f64::EPSILON,
                "seed {seed}: {got:?} {want:?}"
            );
            let (Some(first), Some(last)) = (want.of.first, want.of.last) else {
                panic!("points")
            };
            got.of = Aggregate::told(
                got.of.count,
                want.of.sum(),
                got.of.min,
                got.of.max,
                (got.of.first.expect("points"), got.of.last.expect("points")),
            );
            assert_eq!((first.stamp, last.stamp), (77, 77));
        }
        check(&joined_cells, &want, seed);
    }
}

#[test]
fn a_cell_of_sixty_points_is_small() {
    let bytes = |stretch: &Stretch| {
        let mut bytes = Vec::new();
        encode_cells(stretch, BASE, Step::MINUTE, &mut bytes);
        bytes.len()
    };
    let mut stretch = even(60, 0);
    // The first cell of a series says that its points are evenly spaced; those behind it are like it.
    assert!(bytes(&stretch) <= 15, "{}", bytes(&stretch));
    stretch.values = Column::Decimal {
        scale: 2,
        mantissas: vec![36_761; 60],
    };
    assert_eq!(bytes(&stretch), 9);
}

/// All cells, and whether they end well.
struct OneByOne<'a>(Cells<'a>);

impl Work for OneByOne<'_> {
    type Output = (Vec<Cell>, bool);

    fn run<L: Lanes>(mut self) -> (Vec<Cell>, bool) {
        let mut cells = Vec::new();
        loop {
            match self.0.next_cell::<L>() {
                Ok(Some(cell)) => cells.push(cell),
                other => return (cells, other.is_ok()),
            }
        }
    }
}

type Value = fn(&Cell) -> f64;

const VALUES: [(CellValue, Value); 4] = [
    (CellValue::Min, Cell::min),
    (CellValue::Max, Cell::max),
    (CellValue::Last, Cell::last),
    (CellValue::Sum, Cell::sum),
];

/// First times and one number of all cells, several in one go where they are alike, and whether they end
/// well.
struct Together<'a, 'b>(Cells<'a>, i64, CellValue, Value, &'b mut Random);

impl Work for Together<'_, '_> {
    type Output = (Vec<(i64, u64)>, bool);

    fn run<L: Lanes>(self) -> (Vec<(i64, u64)>, bool) {
        let Together(mut cells, step_ms, value, of, random) = self;
        let mut told = Vec::new();
        loop {
            let mut room = [0.0; 40];
            let most = random.below(40) as usize;
            let taken = match cells.alike::<L>(value, &mut room[..most]) {
                Ok(taken) => taken,
                Err(_) => return (told, false),
            };
            for value in &room[..taken] {
                let (before, _) = *told.last().expect("alike to another");
                told.push((before + step_ms, value.to_bits()));
            }
            match cells.next_cell::<L>() {
                Ok(Some(cell)) => told.push((cell.times().first_ms, of(&cell).to_bits())),
                other => return (told, other.is_ok()),
            }
        }
    }
}

/// Reading cell by cell, fast, gives what the slow way gives, and ends where that ends.
#[track_caller]
fn check_quick(bytes: &[u8], step: Step, seed: u64) {
    let mut slow = Vec::new();
    let mut end = bytes.len();
    // The slow way gives all or nothing: the cells in front of damage are those of the longest good part.
    while decode_cells(
        &bytes[..end],
        BASE,
        step,
        Millis::MIN,
        Millis::MAX,
        77,
        &mut slow,
    )
    .is_err()
    {
        end -= 1;
    }
    let is_good = end == bytes.len();
    let mut times = Vec::new();
    let sets = Isa::available().into_iter().map(Scanner::new);
    let each = sets.map(|set| set.run(OneByOne(Cells::new(bytes, BASE, step))));
    let each: Vec<(Vec<Cell>, bool)> = each.collect();
    for other in &each {
        // As texts, so that what is no number is the same.
        assert_eq!(
            format!("{other:?}"),
            format!("{:?}", each[0]),
            "seed {seed}"
        );
    }
    let (cells, is_done) = each.into_iter().next().expect("a set");
    assert_eq!(is_done, is_good, "seed {seed}");
    for (value, of) in VALUES {
        let want: Vec<(i64, u64)> = cells
            .iter()
            .map(|cell| (cell.times().first_ms, of(cell).to_bits()))
            .collect();
        for set in Isa::available().into_iter().map(Scanner::new) {
            let mut random = Random::new(seed);
            let reader = Cells::new(bytes, BASE, step);
            let got = set.run(Together(reader, step.millis(), value, of, &mut random));
            assert_eq!(got.1, is_good, "seed {seed}");
            // In front of damage fewer may be told where several are taken in one go.
            let len = if is_good { want.len() } else { got.0.len() };
            assert_eq!(got.0.as_slice(), &want[..len], "seed {seed}");
        }
    }
    // Values are not looked at there.
    let passed = Cells::new(bytes, BASE, step).times(&mut times);
    assert!(passed.is_ok() || !is_good, "seed {seed}");
    assert_eq!(cells.len(), slow.len(), "seed {seed}");
    assert!(slow.len() <= times.len(), "seed {seed}");
    for ((want, cell), place) in slow.iter().zip(&cells).zip(times) {
        let (first, last) = (
            want.of.first.expect("a point"),
            want.of.last.expect("a point"),
        );
        assert_eq!(cell.times(), place, "seed {seed}");
        assert_eq!(
            (place.count, place.first_ms, place.last_ms),
            (want.of.count, first.time_ms, last.time_ms),
            "seed {seed}"
        );
        let got = [cell.min(), cell.max(), cell.last(), cell.sum()];
        let want = [want.of.min, want.of.max, last.value, want.of.sum()];
        let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
        assert!(
            got.iter().zip(&want).all(same),
            "seed {seed}: {got:?} {want:?}"
        );
    }
}

#[test]
fn reading_cell_by_cell_gives_the_same() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut bytes = Vec::new();
        let of = if random.chance(50) {
            // Alike, with numbers of many lengths.
            let (wide, scale) = (random.below(45), random.below(5) as u8);
            let mut stretch = even(60 * (1 + random.below(40) as usize), 0);
            let mantissa = |_| random.below(1 << (1 + wide)) as i64 - (1 << random.below(20));
            stretch.values = Column::Decimal {
                scale,
                mantissas: (0..stretch.times.len()).map(mantissa).collect(),
            };
            stretch
        } else {
            stretch(&mut random, 2_000)
        };
        encode_cells(&of, BASE, Step::MINUTE, &mut bytes);
        check_quick(&bytes, Step::MINUTE, seed);
        bytes.truncate(300);
        for _ in 0..60 {
            let mut bytes = bytes.clone();
            if random.chance(50) {
                bytes.truncate(random.below(bytes.len() as u64 + 1) as usize);
            }
            for _ in 0..random.below(3) {
                if bytes.is_empty() {
                    break;
                }
                let bit = random.below(8 * bytes.len() as u64) as usize;
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            check_quick(&bytes, Step::MINUTE, seed);
        }
    }
}

#[test]
fn hostile_cells_do_no_harm() {
    let read = |bytes: &[u8], seed: u64| {
        let mut cells = Vec::new();
        let done = decode_cells(
            bytes,
            BASE,
            Step::MINUTE,
            Millis::MIN,
            Millis::MAX,
            0,
            &mut cells,
        );
        assert!(done.is_ok() || cells.is_empty(), "seed {seed}");
        assert!(
            cells.windows(2).all(|pair| pair[0].start < pair[1].start),
            "seed {seed}"
        );
        for cell in &cells {
            let (Some(first), Some(last)) = (cell.of.first, cell.of.last) else {
                panic!("ends")
            };
            assert!(
                cell.start.0 <= first.time_ms && first.time_ms <= last.time_ms,
                "seed {seed}"
            );
        }
        let mut joined = Vec::new();
        assert_eq!(
            join_cells(&[bytes], BASE, Step::MINUTE, &mut joined).is_ok(),
            done.is_ok()
        );
    };
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let mut bytes = Vec::new();
        encode_cells(&stretch(&mut random, 200), BASE, Step::MINUTE, &mut bytes);
        bytes.truncate(200);
        for cut in 0..bytes.len() {
            read(&bytes[..cut], seed);
        }
        for bit in 0..8 * bytes.len() {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            read(&bytes, seed);
        }
    }
    for seed in 0..60_000 {
        let mut random = Random::new(seed);
        let bytes: Vec<u8> = (0..random.below(40))
            .map(|_| random.next_u64() as u8)
            .collect();
        read(&bytes, seed);
    }
}
