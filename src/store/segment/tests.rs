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
    let places = 0..stretch.times.len();
    places.map(|i| (stretch.times[i], value(i))).collect()
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

fn cut<'a>(file: &'a [u8], (offset, bytes): (u64, usize)) -> &'a [u8] {
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

/// A flipped bit is found, or it changed nothing that is read.
#[test]
fn no_flipped_bit_gives_other_points() {
    let mut random = Random::new(7);
    let series = some_series(30, 40, 0, &mut random);
    let (mut file, _) = write(about(1), &series, &mut random);
    let want = told(&series);
    let (footer, _) = open(&file).expect("a file");
    let padding = footer.index_offset + u64::from(footer.index_bytes);
    let footer_at = file.len() as u64 - BLOCK_BYTES as u64;
    for at in 0..file.len() {
        let bit = 1 << random.below(8);
        file[at] ^= bit;
        let is_padding = (padding..footer_at).contains(&(at as u64));
        if at < BLOCK_BYTES {
            assert!(Header::take(&file[..BLOCK_BYTES]).is_err(), "byte {at}");
        } else {
            match read_whole(&file) {
                Ok(whole) => assert!(is_padding && whole == want, "byte {at}"),
                Err(wrong) => assert!(!is_padding, "byte {at}: {wrong}"),
            }
        }
        file[at] ^= bit;
    }
}

#[test]
fn no_cut_or_random_file_is_read() {
    let mut random = Random::new(8);
    let series = some_series(40, 60, 0, &mut random);
    let (file, _) = write(about(1), &series, &mut random);
    for _ in 0..2000 {
        let cut = random.below(file.len() as u64) as usize;
        assert!(read_whole(&file[..cut]).is_err(), "cut at {cut}");
    }
    let (footer, index) = open(&file).expect("a file");
    for _ in 0..2000 {
        let mut noise: Vec<u8> = (0..random.below(9000))
            .map(|_| random.next_u64() as u8)
            .collect();
        assert!(Footer::take(&noise).is_err() && Header::take(&noise).is_err());
        assert!(Index::take(&noise, &footer).is_err());
        for entry in &index.raw()[..1] {
            assert!(Page::take(&noise[..], entry).is_err());
            // With a checksum that fits, the directory itself must hold.
            if noise.len() > 4 {
                let crc = crc32c::crc32c(&noise[4..]);
                noise[..4].copy_from_slice(&crc.to_le_bytes());
                noise[4] = 0;
                let crc = crc32c::crc32c(&noise[4..]);
                noise[..4].copy_from_slice(&crc.to_le_bytes());
                let entry = Entry {
                    bytes: noise.len() as u32,
                    first: u32::from(noise.get(5).copied().unwrap_or(0) & 0x7F),
                    crc,
                    ..*entry
                };
                if let Ok(page) = Page::take(&noise[..], &entry) {
                    assert!(page.runs().count() == page.len());
                }
            }
        }
    }
    // Directories of right checksum and wrong content.
    let entry = index.raw()[0];
    let good = entry
        .cut(cut(&file, entry.read()))
        .expect("a page")
        .to_vec();
    for _ in 0..20_000 {
        let mut page = good.clone();
        let at = 4 + random.below(40) as usize;
        page[at] = random.next_u64() as u8;
        let crc = crc32c::crc32c(&page[4..]);
        page[..4].copy_from_slice(&crc.to_le_bytes());
        if let Ok(page) = Page::take(&page[..], &Entry { crc, ..entry }) {
            let bytes: usize = page.runs().map(|(_, run)| run.len()).sum();
            assert!(page.runs().count() == page.len() && bytes < good.len());
        }
    }
}

#[test]
fn hostile_indexes_with_a_right_checksum() {
    let mut random = Random::new(9);
    let series = some_series(300, 60, 0, &mut random);
    let (file, _) = write(about(1), &series, &mut random);
    let (footer, want) = open(&file).expect("a file");
    let (offset, bytes) = Index::read(&footer);
    let read = cut(&file, (offset, bytes));
    let start = (footer.index_offset - offset) as usize;
    for _ in 0..20_000 {
        let mut read = read.to_vec();
        let at = start + random.below(u64::from(footer.index_bytes)) as usize;
        read[at] = random.next_u64() as u8;
        let crc = crc32c::crc32c(&read[start..start + footer.index_bytes as usize]);
        let footer = Footer {
            index_crc: crc,
            ..footer
        };
        if let Ok(index) = Index::take(&read, &footer) {
            assert_eq!(index.raw().len(), want.raw().len());
            let whole = index.raw().iter().chain(index.cells());
            assert!(
                whole
                    .clone()
                    .all(|entry| entry.end() <= footer.index_offset)
            );
        }
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

/// Check a whole file: what is wrong with it, or why it cannot be opened.
fn check(file: &[u8]) -> Result<Vec<Corrupt>, Unreadable> {
    let mut check = Check::new(file.len() as u64);
    let mut read = |offset, bytes| Ok(cut(file, (offset, bytes)).to_vec());
    let mut before = 0;
    loop {
        match check.step(&mut read)? {
            Checked::Some(bytes) => {
                assert!(before < bytes && bytes <= file.len() as u64);
                before = bytes;
            }
            Checked::All(info) => {
                assert_eq!(info.bytes, file.len() as u64);
                return Ok(check.faults().to_vec());
            }
        }
    }
}

#[test]
fn a_check_finds_every_wrong_page_and_goes_on() {
    let mut random = Random::new(6);
    let series = some_series(300, 100, 0, &mut random);
    let (mut file, _) = write(about(1), &series, &mut random);
    assert_eq!(check(&file).expect("a file"), []);
    let (_, index) = open(&file).expect("a file");
    let bad = [index.raw()[1], index.raw()[3], index.cells()[0]];
    for entry in bad {
        file[entry.offset as usize + 9] ^= 1;
    }
    file[50] ^= 1;
    let faults: Vec<u64> = check(&file)
        .expect("a file")
        .iter()
        .map(|f| f.offset)
        .collect();
    assert_eq!(faults, [0, bad[0].offset, bad[1].offset, bad[2].offset]);
    let last = file.len() - 100;
    file[last] ^= 1;
    let wrong = check(&file).expect_err("no footer").to_string();
    assert!(
        wrong.ends_with("the checksum of the block is wrong"),
        "{wrong}"
    );
    for len in [0, 100, BLOCK_BYTES, last] {
        assert!(check(&file[..len]).is_err());
    }
}

#[test]
fn what_the_index_tells_is_checked_against_the_points() {
    let mut random = Random::new(6);
    let stretch = some_points(4, 50, 0, &mut random);
    let (mut run, base) = (Vec::new(), Millis(START_MS));
    let extent = Extent::from(&pack::encode(&stretch, base, &mut run));
    let wrong = [
        Extent {
            points: 49,
            ..extent
        },
        Extent {
            min: extent.min + 1.0,
            ..extent
        },
        Extent {
            last_ms: extent.last_ms - 1,
            ..extent
        },
    ];
    for (extent, faults) in wrong
        .into_iter()
        .map(|extent| (extent, 1))
        .chain([(extent, 0)])
    {
        let mut writer = Writer::new(about(1));
        writer.add(4, &run, &extent, &[]).expect("in order");
        let file = writer.finish().0;
        assert_eq!(check(&file).expect("a file").len(), faults, "{extent:?}");
    }
}

#[test]
fn a_file_is_described() {
    let mut random = Random::new(6);
    let mut series = Series::new();
    series.insert(4, some_points(4, 50, 0, &mut random));
    series.insert(6, some_points(6, 20, 0, &mut random));
    let (mut file, info) = write(about(1), &series, &mut random);
    let print = |file: &[u8], detail| {
        let mut lines = Vec::new();
        let mut read = |offset, bytes| Ok(cut(file, (offset, bytes)).to_vec());
        let line = &mut |line| lines.push(line);
        describe(file.len() as u64, detail, &mut read, line).expect("a file");
        lines
    };
    let lines = print(&file, Detail::File);
    assert_eq!(
        lines[0],
        "segment 1 of book 3, level 0: 70 points of 2 series"
    );
    assert_eq!(lines.len(), 4);
    assert_eq!(print(&file, Detail::Pages).len(), 6);
    let lines = print(&file, Detail::Runs);
    assert_eq!(lines.len(), 10, "{lines:?}");
    let points = format!("50 points from {} to ", series[&4].times[0]);
    assert!(
        lines[5].starts_with("  series 4: ") && lines[5].contains(&points),
        "{lines:?}"
    );
    // Wrong bytes are printed as such.
    file[BLOCK_BYTES + 20] ^= 1;
    file[100] ^= 1;
    let lines = print(&file, Detail::Runs);
    assert_eq!(
        lines[0],
        "WRONG: at byte 0: the checksum of the block is wrong"
    );
    assert_eq!(
        lines[6],
        "  WRONG: at byte 4096: the checksum of the page is wrong"
    );
    assert_eq!(info.points, 70);
}
