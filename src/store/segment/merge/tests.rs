use std::collections::{BTreeMap, HashMap};

use super::*;
use crate::base::random::Random;
use crate::base::time::Step;
use crate::model::aggregate::{Aggregate, Placed};
use crate::model::points::Duplicates;
use crate::seam::disk::Jobs;
use crate::store::pack;
use crate::store::segment::tests::{
    START_MS, Series, Whole, about as about_of, duplicates, read_whole, some_points, some_series,
    tell, write,
};
use crate::store::segment::{Extent, RUN_POINTS_MAX, Veil, Writer};
use crate::store::stretch::{Column, Stretch};

/// Does what is asked in any order, and at last.
#[derive(Default)]
struct Disk {
    files: HashMap<String, Vec<u8>>,
    waiting: Vec<(Job, Request)>,
    /// The job at this place fails.
    fails_at: Option<usize>,
    done: usize,
    synced: bool,
}

impl Disk {
    fn answer(&mut self, random: &mut Random) -> (Job, Result<Outcome, Fault>) {
        let place = random.below(self.waiting.len() as u64) as usize;
        let (job, request) = self.waiting.swap_remove(place);
        self.done += 1;
        if self.fails_at == Some(self.done - 1) {
            return (job, Err(Fault::Full));
        }
        (job, self.act(request))
    }

    fn act(&mut self, request: Request) -> Result<Outcome, Fault> {
        match request {
            Request::Create { name, .. } => {
                self.files.insert(name.to_string(), Vec::new());
            }
            Request::Write {
                name,
                offset,
                bytes,
            } => {
                assert_eq!((offset % 4096, bytes.len() % 4096), (0, 0));
                let file = self.files.get_mut(&*name).ok_or(Fault::Missing)?;
                let (start, end) = (offset as usize, offset as usize + bytes.len());
                file.resize(file.len().max(end), 0);
                file[start..end].copy_from_slice(&bytes);
                self.synced = false;
            }
            Request::Sync { .. } => self.synced = true,
            Request::Read {
                name,
                offset,
                bytes,
            } => {
                assert_eq!((offset % 4096, bytes % 4096), (0, 0));
                let file = self.files.get(&*name).ok_or(Fault::Missing)?;
                let end = file.len().min(offset as usize + bytes);
                return Ok(Outcome::Bytes(file[offset as usize..end].to_vec()));
            }
            Request::Remove { name } => drop(self.files.remove(&*name)),
            other => panic!("a merge asks no {other:?}"),
        }
        Ok(Outcome::Done)
    }
}

fn rule_of(number: u32) -> Rule {
    Rule {
        properties: Properties {
            duplicates: duplicates(number),
            // Those that have stamps.
            ttl_seconds: u32::from(number.is_multiple_of(7)),
            ..Properties::default()
        },
        ordered: false,
    }
}

/// Run a merge to its end.
fn run(merge: &mut Merge, mask: &Mask, disk: &mut Disk, random: &mut Random) -> Progress {
    run_at(0, merge, mask, disk, random)
}

/// [`run`] when the clock of arrivals says `now`.
fn run_at(
    now: u64,
    merge: &mut Merge,
    mask: &Mask,
    disk: &mut Disk,
    random: &mut Random,
) -> Progress {
    let mut jobs = Jobs::default();
    let rules = Rules {
        of: &rule_of,
        now,
        mask,
    };
    for _ in 0..1_000_000 {
        let budget = random.below(30_000) as usize;
        let progress = merge.step(budget, &rules, &mut jobs.desk(4));
        while let Some(asked) = jobs.take() {
            disk.waiting.push(asked);
        }
        assert!(
            disk.waiting.len() <= 4 * merge.inputs.len() + 3,
            "too much is asked at once"
        );
        match progress {
            Progress::Waiting => {
                assert!(!disk.waiting.is_empty(), "it waits for nothing");
                let (job, result) = disk.answer(random);
                merge.done(job, result);
            }
            Progress::Working => {
                if random.chance(30) && !disk.waiting.is_empty() {
                    let (job, result) = disk.answer(random);
                    merge.done(job, result);
                }
            }
            end => {
                assert!(disk.waiting.is_empty(), "it left jobs behind");
                return end;
            }
        }
    }
    panic!("it does not end");
}

/// The sorted map: what several files say together.
fn model(layers: &[Series], stamps: &[u64], mask: &Mask) -> Whole {
    let mut points: BTreeMap<(u32, i64), Vec<(String, f64)>> = BTreeMap::new();
    for (layer, &last_stamp) in layers.iter().zip(stamps) {
        for (&number, stretch) in layer {
            for (i, (time, value)) in tell(stretch).into_iter().enumerate() {
                let stamp = stretch.stamps.get(i).copied().unwrap_or(last_stamp);
                if mask.of(number).iter().any(|veil| veil.hides(time, stamp)) {
                    continue;
                }
                let here = points.entry((number, time)).or_default();
                if duplicates(number) == Duplicates::Last {
                    here.clear();
                }
                here.push((value, as_float(stretch, i)));
            }
        }
    }
    let mut whole = Whole::default();
    let mut cells: BTreeMap<(u32, i64), Aggregate> = BTreeMap::new();
    for ((number, time), values) in points {
        for (told, value) in values {
            whole.points.entry(number).or_default().push((time, told));
            let start = Step::MINUTE.floor(Millis(time)).0;
            let cell = cells.entry((number, start)).or_insert(Aggregate::EMPTY);
            cell.push(Placed {
                time_ms: time,
                stamp: 0,
                value,
            });
        }
    }
    for ((number, start), of) in cells.into_iter().filter(|((number, _), _)| number % 4 != 3) {
        let ends = [of.first, of.last].map(|end| end.map(|end| (end.time_ms, end.value)));
        let sum = (of.sum() * 1000.0).round();
        let told = format!("{start} {} {} {} {sum} {ends:?}", of.count, of.min, of.max);
        whole.cells.entry(number).or_default().push(told);
    }
    whole
}

fn as_float(stretch: &Stretch, i: usize) -> f64 {
    match &stretch.values {
        Column::Decimal { scale, mantissas } => {
            crate::model::number::Number::decimal(mantissas[i], *scale).to_f64()
        }
        Column::Float(floats) => floats[i],
        Column::Long(longs) => longs[i] as f64,
        Column::Text(_) => 0.0,
    }
}

/// Some files with the same series, in the order of their age.
fn some_layers(
    count: u64,
    disk: &mut Disk,
    random: &mut Random,
) -> (Vec<Series>, Vec<SegmentInfo>) {
    let series = random.below(80) as usize;
    let layers = (0..count).map(|file| some_series(series, 200, file * 1000, random));
    let layers: Vec<Series> = layers.collect();
    let infos = layers.iter().enumerate().map(|(file, layer)| {
        let (bytes, info) = write(about_of(file as u64), layer, random);
        disk.files.insert(info.path(), bytes);
        info
    });
    let infos = infos.collect();
    (layers, infos)
}

fn some_mask(files: u64, random: &mut Random) -> Mask {
    let mut mask = Mask::default();
    for _ in 0..random.below(2) * random.below(30) {
        let from_ms = START_MS + random.below(3_600_000) as i64;
        let veil = Veil {
            from_ms,
            until_ms: from_ms + random.below(3_000_000) as i64,
            below_stamp: random.below(files * 1000 + 500),
        };
        assert!(mask.hide(random.below(60) as u32, veil));
    }
    mask
}

#[track_caller]
fn expect_done(progress: Progress, seed: u64) -> SegmentInfo {
    match progress {
        Progress::Done(info) => info,
        other => panic!("seed {seed}: {other:?}"),
    }
}

#[test]
fn merged_in_any_grouping_it_is_the_sorted_map() {
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let mut disk = Disk::default();
        let count = 1 + random.below(6);
        let (layers, mut infos) = some_layers(count, &mut disk, &mut random);
        let mask = some_mask(count, &mut random);
        let stamps: Vec<u64> = infos.iter().map(|info| info.last_stamp).collect();
        let want = model(&layers, &stamps, &mask);
        let mut next = 100;
        loop {
            let first = random.below(infos.len() as u64) as usize;
            let some = random.below(infos.len() as u64 + 1 - first as u64) as usize;
            let group = if next > 104 {
                0..infos.len()
            } else {
                first..(first + some).max(first + 1)
            };
            let last = group == (0..infos.len());
            let mut merge = Merge::new(&infos[group.clone()], next).expect("alike");
            let points: u64 = infos[group.clone()].iter().map(|info| info.points).sum();
            assert_eq!(merge.points(), points);
            let info = expect_done(run(&mut merge, &mask, &mut disk, &mut random), seed);
            assert!(
                disk.synced && info.file == next && info.points <= points,
                "seed {seed}"
            );
            assert_eq!(info.bytes, disk.files[&info.path()].len() as u64);
            infos.splice(group, [info]);
            next += 1;
            if last {
                break;
            }
        }
        let [info] = infos[..] else {
            panic!("one file is left")
        };
        let got = read_whole(&disk.files[&info.path()]).expect("a file");
        assert!(got.is(&want), "seed {seed}");
        assert_eq!(
            (info.first_stamp, info.last_stamp),
            (0, stamps[stamps.len() - 1])
        );
        assert_eq!(info.series as usize, want.points.len(), "seed {seed}");
    }
}

/// What is over when files are merged is not in what they become.
#[test]
fn what_has_expired_leaves() {
    let mut left = 0;
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut disk = Disk::default();
        let count = 1 + random.below(4);
        let (layers, infos) = some_layers(count, &mut disk, &mut random);
        // As long as a series of a ttl of a second has it.
        let below = random.below(count * 1000 + 500);
        let now = 1_000_000 + below - 1;
        let mut expired = Mask::default();
        let numbers = layers.iter().flat_map(|layer| layer.keys());
        let mortal = numbers.filter(|number| number.is_multiple_of(7));
        for &number in mortal {
            let veil = Veil {
                from_ms: i64::MIN,
                until_ms: i64::MAX,
                below_stamp: below,
            };
            expired.hide(number, veil);
        }
        let stamps: Vec<u64> = infos.iter().map(|info| info.last_stamp).collect();
        let want = model(&layers, &stamps, &expired);
        let mut merge = Merge::new(&infos, 9).expect("alike");
        let nothing = Mask::default();
        let done = run_at(now, &mut merge, &nothing, &mut disk, &mut random);
        let info = expect_done(done, seed);
        let got = read_whole(&disk.files[&info.path()]).expect("a file");
        assert!(got.is(&want), "seed {seed}");
        let mortal = want
            .points
            .iter()
            .filter(|(number, _)| number.is_multiple_of(7));
        let points: usize = mortal.map(|(_, points)| points.len()).sum();
        let until = if points == 0 {
            0
        } else {
            info.last_stamp + 1_000_000
        };
        assert_eq!(
            (info.mortal_points, info.mortal_until),
            (points as u64, until)
        );
        left += points;
    }
    assert!(0 < left);
}

/// A point without a stamp of its own arrived at the last stamp of its file.
#[test]
fn points_keep_their_place_among_arrivals() {
    let mut random = Random::new(2);
    let mut disk = Disk::default();
    let mut infos = Vec::new();
    for file in 0..2 {
        let mut stretch = some_points(7, 20, 0, &mut random);
        stretch.times = (0..20)
            .map(|i| START_MS + i * 2000 + file as i64 * 1000)
            .collect();
        if file == 1 {
            stretch.stamps.clear();
        }
        let (bytes, info) = write(about_of(file), &Series::from([(7, stretch)]), &mut random);
        disk.files.insert(info.path(), bytes);
        infos.push(info);
    }
    let mut merge = Merge::new(&infos, 9).expect("alike");
    let info = expect_done(run(&mut merge, &Mask::default(), &mut disk, &mut random), 2);
    let got = read_whole(&disk.files[&info.path()]).expect("a file");
    let stamps = got.points[&7]
        .iter()
        .map(|(_, value)| value.split_once('@').map(|told| told.1));
    let want = (0..20).flat_map(|i| [i.to_string(), "1999".to_owned()]);
    assert!(
        stamps.eq(want
            .map(Some)
            .collect::<Vec<_>>()
            .iter()
            .map(Option::as_deref))
    );
}

/// Too many points for one run, and the second file begins with the time that the first ends with.
#[test]
fn long_runs_that_touch_do_not_follow_each_other() {
    let mut random = Random::new(3);
    let mut disk = Disk::default();
    let (mut layers, mut infos) = (Vec::new(), Vec::new());
    for file in 0..2 {
        let mut series = Series::new();
        for number in [0, 2, 4] {
            let count = 2 * RUN_POINTS_MAX / 3;
            let mut stretch = some_points(number, count, 0, &mut random);
            stretch.stamps.clear();
            let first = START_MS + file as i64 * (count as i64 - 1);
            stretch.times = (first..first + count as i64).collect();
            series.insert(number, stretch);
        }
        let mut writer = Writer::new(about_of(file));
        for (&number, stretch) in &series {
            let (mut run, mut cells) = (Vec::new(), Vec::new());
            let base = Millis(START_MS);
            let extent = Extent::from(&pack::encode(stretch, base, &mut run));
            pack::encode_cells(stretch, base, Step::MINUTE, &mut cells);
            writer.add(number, &run, &extent, &cells).expect("in order");
        }
        let (bytes, info) = writer.finish();
        disk.files.insert(info.path(), bytes);
        layers.push(series);
        infos.push(info);
    }
    let mask = Mask::default();
    let want = model(&layers, &[999, 1999], &mask);
    let mut merge = Merge::new(&infos, 9).expect("alike");
    let info = expect_done(run(&mut merge, &mask, &mut disk, &mut random), 3);
    let got = read_whole(&disk.files[&info.path()]).expect("a file");
    assert!(got.is(&want));
}

/// More points than a run holds, from files that follow each other, and from ones that overlap.
#[test]
fn long_series_are_several_runs() {
    for (seed, overlap) in [(1, 0), (2, 3), (3, 40_000)] {
        let mut random = Random::new(seed);
        let mut disk = Disk::default();
        let (mut layers, mut infos) = (Vec::new(), Vec::new());
        for file in 0..3 {
            let mut series = Series::new();
            for number in [0, 1, 2, 3, 4, 6] {
                let mut stretch = some_points(number, 3 * RUN_POINTS_MAX, 0, &mut random);
                stretch.stamps.clear();
                let start = START_MS + file as i64 * (3 * RUN_POINTS_MAX as i64 - overlap) * 7;
                for (i, time) in stretch.times.iter_mut().enumerate() {
                    *time = start + i as i64 * 7;
                }
                series.insert(number, stretch);
            }
            let (bytes, info) = write(about_of(file), &series, &mut random);
            disk.files.insert(info.path(), bytes);
            layers.push(series);
            infos.push(info);
        }
        let mask = Mask::default();
        let stamps: Vec<u64> = infos.iter().map(|info| info.last_stamp).collect();
        let want = model(&layers, &stamps, &mask);
        let mut merge = Merge::new(&infos, 9).expect("alike");
        let info = expect_done(run(&mut merge, &mask, &mut disk, &mut random), seed);
        let got = read_whole(&disk.files[&info.path()]).expect("a file");
        assert!(got.is(&want), "seed {seed}");
    }
}

/// A wrong bit in any file ends the merge, which says where; the output is gone.
#[test]
fn a_wrong_bit_is_named_and_nothing_is_left() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut disk = Disk::default();
        let (layers, infos) = some_layers(3, &mut disk, &mut random);
        let bad = infos[random.below(3) as usize];
        let file = disk.files.get_mut(&bad.path()).expect("a file");
        // The header is not read by a merge.
        let at = 4096 + random.below(file.len() as u64 - 4096) as usize;
        file[at] ^= 1 << random.below(8);
        let mut merge = Merge::new(&infos, 9).expect("alike");
        let mask = Mask::default();
        match run(&mut merge, &mask, &mut disk, &mut random) {
            Progress::Failed(Failure::Corrupt { name, corrupt }) => {
                assert_eq!(*name, *bad.path(), "seed {seed}");
                assert!(corrupt.offset <= at as u64 || corrupt.offset + 4096 >= bad.bytes);
                assert!(!disk.files.contains_key(&segment_path(9)), "seed {seed}");
            }
            Progress::Done(info) => {
                // It hit the padding.
                let stamps: Vec<u64> = infos.iter().map(|info| info.last_stamp).collect();
                let got = read_whole(&disk.files[&info.path()]).expect("a file");
                assert!(got.is(&model(&layers, &stamps, &mask)), "seed {seed}");
            }
            other => panic!("seed {seed}: {other:?}"),
        }
    }
}

/// Runs and cells that a right checksum covers, and that are wrong all the same.
#[test]
fn hostile_runs_end_it_or_are_merged() {
    let (mut ended, mut merged) = (0, 0);
    for seed in 0..3000 {
        let mut random = Random::new(seed);
        let mut disk = Disk::default();
        let mut infos = Vec::new();
        for file in 0..2 {
            let mut writer = Writer::new(about_of(file));
            for number in random.below(4) as u32..4 + random.below(4) as u32 {
                let count = 1 + random.below(200) as usize;
                let stretch = some_points(number, count, file * 1000, &mut random);
                let (mut run, mut cells) = (Vec::new(), Vec::new());
                let base = Millis(START_MS);
                let extent = Extent::from(&pack::encode(&stretch, base, &mut run));
                pack::encode_cells(&stretch, base, Step::MINUTE, &mut cells);
                for bytes in [&mut run, &mut cells] {
                    let at = random.below(bytes.len() as u64) as usize;
                    if random.chance(15)
                        && let Some(byte) = bytes.get_mut(at)
                    {
                        *byte = random.next_u64() as u8;
                    }
                }
                writer.add(number, &run, &extent, &cells).expect("in order");
            }
            let (bytes, info) = writer.finish();
            disk.files.insert(info.path(), bytes);
            infos.push(info);
        }
        let mut merge = Merge::new(&infos, 9).expect("alike");
        match run(&mut merge, &Mask::default(), &mut disk, &mut random) {
            Progress::Done(info) => {
                merged += 1;
                assert_eq!(
                    info.bytes,
                    disk.files[&info.path()].len() as u64,
                    "seed {seed}"
                );
            }
            Progress::Failed(Failure::Corrupt { corrupt, .. }) => {
                ended += 1;
                let text = corrupt.to_string();
                assert!(
                    text.contains("in the page here, the "),
                    "seed {seed}: {text}"
                );
            }
            other => panic!("seed {seed}: {other:?}"),
        }
    }
    assert!(
        ended > 100 && merged > 100,
        "{ended} ended, {merged} merged"
    );
}

#[test]
fn a_fault_of_the_disk_ends_it_and_nothing_is_left() {
    let mut ended = 0;
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut disk = Disk {
            fails_at: Some(random.below(14) as usize),
            ..Disk::default()
        };
        let (_, infos) = some_layers(3, &mut disk, &mut random);
        let mut merge = Merge::new(&infos, 9).expect("alike");
        match run(&mut merge, &Mask::default(), &mut disk, &mut random) {
            Progress::Failed(Failure::Fault { fault, .. }) => {
                ended += 1;
                assert_eq!(fault, Fault::Full);
                assert!(!disk.files.contains_key(&segment_path(9)), "seed {seed}");
                assert_eq!(disk.files.len(), 3);
            }
            Progress::Done(_) => {}
            other => panic!("seed {seed}: {other:?}"),
        }
    }
    assert!(ended > 150, "only {ended} merges met the fault");
}

#[test]
fn a_file_that_is_gone_or_another_is_refused() {
    let mut random = Random::new(4);
    let mut disk = Disk::default();
    let (_, infos) = some_layers(2, &mut disk, &mut random);
    let other = SegmentInfo {
        points: infos[1].points + 1,
        ..infos[1]
    };
    let mut merge = Merge::new(&[infos[0], other], 9).expect("alike");
    let end = run(&mut merge, &Mask::default(), &mut disk, &mut random);
    assert!(
        matches!(end, Progress::Failed(Failure::Corrupt { .. })),
        "{end:?}"
    );
    disk.files.remove(&infos[0].path());
    let mut merge = Merge::new(&infos, 9).expect("alike");
    let end = run(&mut merge, &Mask::default(), &mut disk, &mut random);
    let text = match end {
        Progress::Failed(failure) => failure.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(text, "segments/0000000000.seg: there is no such file");
}

#[test]
fn other_books_and_windows_are_not_merged() {
    let one = SegmentInfo::default();
    let other_book = SegmentInfo { book: 1, ..one };
    let other_window = SegmentInfo {
        window_start_ms: 1,
        ..one
    };
    for inputs in [
        &[][..],
        &[one, other_book],
        &[one, other_window],
        &[one; 65],
    ] {
        assert_eq!(Merge::new(inputs, 9).err(), Some(Unlike));
    }
    assert!(Merge::new(&[one; 64], 9).is_ok());
}
