mod hostile;
mod looking;

use std::collections::BTreeMap;

use super::*;
use crate::base::random::Random;
use crate::base::time::{Millis, Step};
use crate::model::number::Number;
use crate::model::points::Duplicates;
use crate::seam::disk::BLOCK_BYTES;
use crate::store::info::SegmentInfo;
use crate::store::pack;
use crate::store::stretch::{Column, Stretch};

pub(super) const WINDOW_MS: i64 = 3_600_000;
pub(super) const START_MS: i64 = 472_222 * WINDOW_MS;

/// Points of a series as text: time, value.
pub(super) type Told = Vec<(i64, String)>;

pub(super) fn tell(stretch: &Stretch) -> Told {
    let value = |i: usize| match &stretch.values {
        Column::Decimal { scale, mantissas } => {
            format!(
                "{:x}",
                Number::decimal(mantissas[i], *scale).to_f64().to_bits()
            )
        }
        Column::Float(floats) => format!("{:x}", floats[i].to_bits()),
        Column::Long(longs) => format!("long {}", longs[i]),
        Column::Text(texts) => format!("text {}", texts[i]),
    };
    let stamp = |i: usize| {
        stretch
            .stamps
            .get(i)
            .map_or(String::new(), |stamp| format!(" @{stamp}"))
    };
    let places = 0..stretch.times.len();
    places
        .map(|i| (stretch.times[i], value(i) + &stamp(i)))
        .collect()
}

pub(super) fn about(file: u64) -> About {
    About {
        file,
        book: 3,
        window_start_ms: START_MS,
        window_ms: WINDOW_MS,
        first_stamp: file * 1000,
        last_stamp: file * 1000 + 999,
        cell_step_ms: 60_000,
        first_log_block: file,
        last_log_block: file + 7,
        ..About::default()
    }
}

/// Which rule a series of the tests has.
pub(super) fn duplicates(number: u32) -> Duplicates {
    match number % 5 {
        0 => Duplicates::All,
        _ => Duplicates::Last,
    }
}

/// Some points of a series, whose kind follows from its number.
pub(super) fn some_points(number: u32, count: usize, stamps: u64, random: &mut Random) -> Stretch {
    let all = duplicates(number) == Duplicates::All;
    let even = random.chance(70);
    let mut time = START_MS + random.below(3000) as i64 * 1000;
    let mut times = Vec::new();
    for _ in 0..count {
        times.push(time);
        time += match even {
            true => 1000,
            false => random.below(5000) as i64 + i64::from(!all),
        };
    }
    let scale = random.below(4) as u8;
    let mut whole = || random.below(100_000) as i64 - 50_000;
    let values = match number % 4 {
        0 => Column::Decimal {
            scale,
            mantissas: times.iter().map(|_| whole()).collect(),
        },
        1 => Column::Float(times.iter().map(|_| whole() as f64 / 3.0).collect()),
        2 => Column::Long(times.iter().map(|_| whole() << 40).collect()),
        _ => Column::Text(times.iter().map(|_| whole().to_string().into()).collect()),
    };
    let stamps = match number % 7 {
        0 => (0..count as u64).map(|i| stamps + i.min(999)).collect(),
        _ => Vec::new(),
    };
    Stretch {
        times,
        stamps,
        values,
        duplicates: duplicates(number),
    }
}

pub(super) type Series = BTreeMap<u32, Stretch>;

pub(super) fn some_series(count: usize, points: u64, stamps: u64, random: &mut Random) -> Series {
    let mut series = Series::new();
    let mut number = random.below(5) as u32;
    for _ in 0..count {
        let count = 1 + random.below(points) as usize;
        series.insert(number, some_points(number, count, stamps, random));
        number += 1 + (random.below(3) * random.below(2)) as u32;
    }
    series
}

fn part(stretch: &Stretch, range: std::ops::Range<usize>) -> Stretch {
    let values = match &stretch.values {
        Column::Decimal { scale, mantissas } => Column::Decimal {
            scale: *scale,
            mantissas: mantissas[range.clone()].to_vec(),
        },
        Column::Float(floats) => Column::Float(floats[range.clone()].to_vec()),
        Column::Long(longs) => Column::Long(longs[range.clone()].to_vec()),
        Column::Text(texts) => Column::Text(texts[range.clone()].to_vec()),
    };
    let stamps = stretch.stamps.get(range.clone());
    Stretch {
        times: stretch.times[range].to_vec(),
        stamps: stamps.unwrap_or_default().to_vec(),
        values,
        duplicates: stretch.duplicates,
    }
}

/// The file of some series, each in one run or in several.
pub(super) fn write(about: About, series: &Series, random: &mut Random) -> (Vec<u8>, SegmentInfo) {
    let base = Millis(about.window_start_ms);
    let mut writer = Writer::new(about);
    let mut file = Vec::new();
    for (&number, stretch) in series {
        let mut whole = Extent::EMPTY;
        let len = stretch.times.len();
        let pieces = 1 + (random.below(10) / 9 * random.below(3)) as usize;
        let size = len.div_ceil(pieces).min(RUN_POINTS_MAX);
        for start in (0..len).step_by(size) {
            let mut run = Vec::new();
            let piece = part(stretch, start..len.min(start + size));
            let extent = Extent::from(&pack::encode(&piece, base, &mut run));
            whole.add(&extent);
            writer.add_run(number, &run, &extent).expect("in order");
        }
        let mut cells = Vec::new();
        pack::encode_cells(stretch, base, Step::MINUTE, &mut cells);
        if !cells.is_empty() {
            writer.add_cells(number, &cells, &whole).expect("in order");
        }
        while let Some(chunk) = writer.chunk(1 + random.below(100_000) as usize) {
            assert_eq!(chunk.len() % BLOCK_BYTES, 0);
            file.extend_from_slice(&chunk);
        }
    }
    let (rest, info) = writer.finish();
    file.extend_from_slice(&rest);
    assert_eq!(file.len() as u64, info.bytes);
    (file, info)
}

fn cut(file: &[u8], (offset, bytes): (u64, usize)) -> &[u8] {
    let end = (offset as usize).saturating_add(bytes).min(file.len());
    file.get(offset as usize..end).unwrap_or_default()
}

fn open(file: &[u8]) -> Result<(Footer, Index), Corrupt> {
    let last = file.len().saturating_sub(BLOCK_BYTES);
    let footer = Footer::take(&file[last..])?;
    let index = Index::take(cut(file, Index::read(&footer)), &footer)?;
    Ok((footer, index))
}

/// Points and cells of a whole file, as text.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Whole {
    pub(super) points: BTreeMap<u32, Told>,
    pub(super) cells: BTreeMap<u32, Vec<String>>,
}

impl Whole {
    /// Whether it is what `want` says. Cells may be left out where they hold few points each; those that
    /// are there are right.
    pub(super) fn is(&self, want: &Whole) -> bool {
        let few = |number: &u32, cells: &Vec<String>| {
            let points = want.points.get(number).map_or(0, |points| points.len());
            points < 120 * cells.len()
        };
        let mut there = self.cells.iter();
        let mut wanted = want.cells.iter();
        self.points == want.points
            && there.all(|(number, cells)| want.cells.get(number) == Some(cells))
            && wanted.all(|(number, cells)| self.cells.contains_key(number) || few(number, cells))
    }
}

/// The cells of a file as text.
pub(super) fn tell_cells(cells: &[u8], base: Millis) -> Result<Vec<String>, pack::Corrupt> {
    let mut out = Vec::new();
    let (from, until) = (Millis::MIN, Millis::MAX);
    pack::decode_cells(cells, base, Step::MINUTE, from, until, 0, &mut out)?;
    let tell = |cell: &pack::SealedCell| {
        let of = &cell.of;
        let ends = [of.first, of.last].map(|end| end.map(|end| (end.time_ms, end.value)));
        let sum = (of.sum() * 1000.0).round();
        format!(
            "{} {} {} {} {sum} {ends:?}",
            cell.start.0, of.count, of.min, of.max
        )
    };
    Ok(out.iter().map(tell).collect())
}

pub(super) fn read_whole(file: &[u8]) -> Result<Whole, Corrupt> {
    let (footer, index) = open(file)?;
    let base = Millis(footer.about.window_start_ms);
    let mut whole = Whole::default();
    for entry in index.raw().iter().chain(index.cells()) {
        let bytes = entry.cut(cut(file, entry.read()));
        let page = Page::take(bytes.unwrap_or_default(), entry)?;
        let mut extent = Extent::EMPTY;
        for (number, run) in page.runs() {
            let wrong = |wrong: pack::Corrupt| Corrupt::new(entry.offset, wrong.0);
            match entry.kind {
                Kind::Raw => {
                    let stretch = pack::decode_all(run, base).map_err(wrong)?;
                    let summary = pack::Summary::of(run, base).map_err(wrong)?;
                    extent.add(&Extent::from(&summary));
                    whole
                        .points
                        .entry(number)
                        .or_default()
                        .extend(tell(&stretch));
                }
                Kind::Cells => {
                    let told = tell_cells(run, base).map_err(wrong)?;
                    assert_eq!(whole.cells.insert(number, told), None);
                }
            }
        }
        assert!(entry.extent.covers(&extent), "{entry:?} {extent:?}");
    }
    Ok(whole)
}

/// What a file of these series must read as.
fn told(series: &Series) -> Whole {
    let mut whole = Whole::default();
    for (&number, stretch) in series {
        whole.points.insert(number, tell(stretch));
        let mut cells = Vec::new();
        pack::encode_cells(stretch, Millis(START_MS), Step::MINUTE, &mut cells);
        if !cells.is_empty() {
            let cells = tell_cells(&cells, Millis(START_MS)).expect("cells");
            whole.cells.insert(number, cells);
        }
    }
    whole
}

#[test]
fn there_and_back() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let count = random.below(400) as usize;
        let series = some_series(count, 100, 0, &mut random);
        let (file, info) = write(about(1), &series, &mut random);
        assert_eq!(info.series as usize, series.len());
        let points: usize = series.values().map(|stretch| stretch.times.len()).sum();
        assert_eq!(info.points, points as u64, "seed {seed}");
        let header = Header::take(&file[..BLOCK_BYTES]).expect("a header");
        let footer = open(&file).expect("a file").0;
        assert_eq!(
            (header.about, footer.about, footer.info),
            (about(1), about(1), info)
        );
        assert_eq!(
            read_whole(&file).expect("a file"),
            told(&series),
            "seed {seed}"
        );
    }
}

/// Series of which most report at the same times.
pub(super) fn alike(count: u32, points: usize, random: &mut Random) -> Series {
    let series = (0..count).map(|number| {
        let mut stretch = some_points(number, points, 0, random);
        if random.chance(90) {
            stretch.times = (1..=points as i64).map(|i| START_MS + i * 1000).collect();
        }
        (number, stretch)
    });
    series.collect()
}

#[test]
fn what_runs_begin_with_stands_once_in_a_page() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let points = 1 + random.below(30) as usize;
        let series = alike(2000, points, &mut random);
        let (file, info) = write(about(1), &series, &mut random);
        assert_eq!(read_whole(&file), Ok(told(&series)), "seed {seed}");
        let (_, index) = open(&file).expect("a file");
        let kind = |entry: &Entry| file[entry.offset as usize + 4];
        let apart = index.raw().iter().filter(|&entry| kind(entry) == 2).count();
        assert!(points > 20 || apart > 0, "seed {seed}: {points} points");
        assert_eq!(info.series, 2000);
    }
}

/// Each run as it is read has its start; what is written has it once for all that are alike.
#[test]
fn gauges_of_few_points_are_written_without_their_starts() {
    let mut random = Random::new(3);
    let numbers = (1..2000).map(|i| 4 * i).filter(|number| number % 7 != 0);
    let series: Series = numbers
        .map(|number| {
            let mut stretch = some_points(number, 10, 0, &mut random);
            stretch.times = (1..=10).map(|i| START_MS + i * 1000).collect();
            (number, stretch)
        })
        .collect();
    let (file, _) = write(about(1), &series, &mut random);
    let (_, index) = open(&file).expect("a file");
    let (mut written, mut read) = (0, 0);
    for entry in index.raw() {
        let bytes = entry.cut(cut(&file, entry.read())).expect("a page");
        written += bytes.len();
        read += Page::take(bytes, entry).expect("a page").held_bytes();
    }
    // Four bytes of each at least, but for two to say which start it has and how long its rest is.
    assert!(written + 2 * series.len() < read, "{written} of {read}");
}

#[test]
fn pages_of_long_runs_stay_as_they_are() {
    let mut random = Random::new(2);
    let series = alike(40, 4000, &mut random);
    let (file, _) = write(about(1), &series, &mut random);
    let (_, index) = open(&file).expect("a file");
    for entry in index.raw() {
        assert_eq!(file[entry.offset as usize + 4], 0, "the kind of the page");
    }
}

#[test]
fn a_series_is_found_by_number_and_time() {
    let mut random = Random::new(5);
    let series = some_series(600, 300, 0, &mut random);
    let (file, _) = write(about(1), &series, &mut random);
    let (_, index) = open(&file).expect("a file");
    assert!(index.raw().len() > 20 && index.cells().len() > 2);
    for number in 0..series.len() as u32 * 2 {
        let from = START_MS + random.below(3_600_000) as i64;
        let until = from + random.below(600_000) as i64;
        let mut got = Vec::new();
        for entry in index.raw_pages(number, from, until) {
            let bytes = entry.cut(cut(&file, entry.read())).expect("a page");
            let page = Page::take(bytes, entry).expect("a page");
            for run in page.runs_of(number) {
                got.extend(tell(
                    &pack::decode_all(run, Millis(START_MS)).expect("a run"),
                ));
            }
        }
        got.retain(|&(time, _)| (from..=until).contains(&time));
        let mut want = series.get(&number).map(tell).unwrap_or_default();
        want.retain(|&(time, _)| (from..=until).contains(&time));
        assert_eq!(got, want, "series {number}");
        let cells = index
            .cell_pages(number, i64::MIN, i64::MAX)
            .filter(|entry| {
                let bytes = entry.cut(cut(&file, entry.read())).expect("a page");
                Page::take(bytes, entry)
                    .expect("a page")
                    .run(number)
                    .is_some()
            });
        let some = series.contains_key(&number) && number % 4 != 3;
        assert_eq!(cells.count(), usize::from(some), "series {number}");
    }
}

#[test]
fn files_of_other_builds_are_refused_in_words() {
    let (mut file, _) = write(about(1), &Series::new(), &mut Random::new(1));
    file[8] = 2;
    let wrong = Header::take(&file[..BLOCK_BYTES]).expect_err("another version");
    assert_eq!(
        wrong.to_string(),
        "at byte 8: segment format 2; this build reads 1: use a build that knows it"
    );
    file[8] = 1;
    file[17] = 1;
    let crc = crc32c::crc32c(&file[..BLOCK_BYTES - 4]);
    file[BLOCK_BYTES - 4..BLOCK_BYTES].copy_from_slice(&crc.to_le_bytes());
    let wrong = Header::take(&file[..BLOCK_BYTES]).expect_err("a feature");
    assert_eq!(
        wrong.to_string(),
        "at byte 16: needs features 0x100, which this build lacks: use a newer build"
    );
    // A feature that one need not know.
    file[17] = 0;
    file[24] = 4;
    let crc = crc32c::crc32c(&file[..BLOCK_BYTES - 4]);
    file[BLOCK_BYTES - 4..BLOCK_BYTES].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(
        Header::take(&file[..BLOCK_BYTES]).map(|header| header.compatible),
        Ok(4)
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let extent = Extent {
        points: 1,
        first_ms: START_MS,
        last_ms: START_MS,
        ..Extent::EMPTY
    };
    let mut writer = Writer::new(about(1));
    let long = vec![0; RUN_BYTES_MAX + 1];
    assert_eq!(writer.add(1, &long, &extent, &[]), Err(Refused::Long(1)));
    assert_eq!(writer.add(1, &[1], &extent, &[]), Ok(()));
    assert_eq!(writer.add(0, &[1], &extent, &[]), Err(Refused::Order(0)));
    assert_eq!(writer.add_cells(2, &[1], &extent), Err(Refused::Order(2)));
    // The longest run is a page of its own, which can be read.
    assert_eq!(writer.add(2, &long[1..], &extent, &[]), Ok(()));
    let (file, _) = writer.finish();
    let (_, index) = open(&file).expect("a file");
    let entry = &index.raw()[1];
    let page = Page::take(entry.cut(cut(&file, entry.read())).expect("a page"), entry);
    assert_eq!(
        page.expect("a page").run(2).map(<[u8]>::len),
        Some(RUN_BYTES_MAX)
    );
}

/// All that is not runs or cells: directories, index, header and footer.
#[test]
fn the_overhead_is_small() {
    let mut random = Random::new(3);
    let mut writer = Writer::new(about(1));
    let (series, points) = (10_000, 60);
    let mut runs = 0;
    for number in 0..series {
        let run = vec![1; 50 + random.below(60) as usize];
        let extent = Extent {
            points,
            first_ms: START_MS + random.below(60_000) as i64,
            last_ms: START_MS + 3_600_000 - random.below(60_000) as i64,
            min: 1.5,
            max: 99.25,
        };
        runs += run.len();
        writer.add(number, &run, &extent, &[]).expect("in order");
    }
    let (file, info) = writer.finish();
    let all = f64::from(series) * points as f64;
    let pages_and_index = (info.raw_bytes - runs as u64) as f64 / all;
    assert!(pages_and_index < 0.03, "{pages_and_index} bytes a point");
    assert!(((file.len() - runs) as f64 / all) < 0.05);
}
