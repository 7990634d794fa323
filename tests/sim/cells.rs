//! The files themselves: every listed segment can be read, and its cells say what its points say.

use std::collections::BTreeMap;

use corelane::base::time::{Millis, Step};
use corelane::model::aggregate::{Aggregate, Placed};
use corelane::model::points::{Duplicates, Points};
use corelane::seam::Disk;
use corelane::seam::disk::BLOCK_BYTES;
use corelane::store::info::SegmentInfo;
use corelane::store::manifest::Manifest;
use corelane::store::pack::{self, SealedCell};
use corelane::store::segment::{Entry, Footer, Index, Kind, Page};
use corelane::store::stretch::Column;

use crate::disk::SimDisk;

/// What is wrong with the listed segments, if something is.
pub(crate) fn check(disk: &SimDisk) -> Result<(), String> {
    let manifest = Manifest::open(disk).map_err(|error| error.to_string())?;
    for info in manifest.committed().all_segments() {
        check_segment(disk, info).map_err(|wrong| format!("{}: {wrong}", info.path()))?;
    }
    Ok(())
}

/// The most segments that a window of a book has.
pub(crate) fn most_of_a_window(disk: &SimDisk) -> usize {
    let manifest = Manifest::open(disk).expect("a manifest that can be read");
    let mut counts: BTreeMap<(u32, i64), usize> = BTreeMap::new();
    for info in manifest.committed().all_segments() {
        *counts.entry((info.book, info.window_start_ms)).or_default() += 1;
    }
    counts.into_values().max().unwrap_or(0)
}

fn check_segment(disk: &SimDisk, info: &SegmentInfo) -> Result<(), String> {
    let name = info.path();
    let read = |(offset, bytes): (u64, usize)| {
        disk.read_at(&name, offset, bytes)
            .map_err(|error| error.to_string())
    };
    let block = BLOCK_BYTES as u64;
    let footer = read((info.bytes.saturating_sub(block), BLOCK_BYTES))?;
    let footer = Footer::take(&footer).map_err(|wrong| wrong.to_string())?;
    if footer.info != *info {
        return Err(format!(
            "listed is {info:?}, but it tells {:?}",
            footer.info
        ));
    }
    let index = Index::take(&read(Index::read(&footer))?, &footer);
    let index = index.map_err(|wrong| wrong.to_string())?;
    let base = Millis(footer.about.window_start_ms);
    let step = Step::from_millis(footer.about.cell_step_ms).ok_or("no cells")?;
    let mut points: BTreeMap<u32, Points> = BTreeMap::new();
    let mut cells: BTreeMap<u32, Vec<SealedCell>> = BTreeMap::new();
    for entry in index.raw().iter().chain(index.cells()) {
        let page = page(entry, read(entry.read())?)?;
        for (number, run) in page.runs() {
            let (from, until) = (Millis::MIN, Millis::MAX);
            let decoded = match entry.kind {
                Kind::Raw => {
                    let stretch = pack::decode_all(run, base);
                    let stretch = stretch.map_err(|wrong| format!("series {number}: {wrong}"))?;
                    if let Column::Text(_) = stretch.values {
                        // Texts have no cells.
                        continue;
                    }
                    let points = points.entry(number).or_default();
                    pack::decode(run, base, from, until, info.last_stamp, points)
                }
                Kind::Cells => {
                    let cells = cells.entry(number).or_default();
                    pack::decode_cells(run, base, step, from, until, info.last_stamp, cells)
                }
            };
            decoded.map_err(|wrong| format!("series {number}: {wrong}"))?;
        }
    }
    for (number, mut points) in points {
        points.sort();
        points.settle(Duplicates::Last);
        let Some(cells) = cells.remove(&number) else {
            // It is not worth cells yet.
            continue;
        };
        compare(&points, &cells, step).map_err(|wrong| format!("series {number}: {wrong}"))?;
    }
    match cells.keys().next() {
        Some(number) => Err(format!("series {number} has cells and no points")),
        None => Ok(()),
    }
}

fn page(entry: &Entry, blocks: Vec<u8>) -> Result<Page<Vec<u8>>, String> {
    let bytes = entry.cut(&blocks).ok_or("the file ends inside a page")?;
    Page::take(bytes.to_vec(), entry).map_err(|wrong| wrong.to_string())
}

fn compare(points: &Points, cells: &[SealedCell], step: Step) -> Result<(), String> {
    let mut want: BTreeMap<i64, Aggregate> = BTreeMap::new();
    for i in 0..points.len() {
        let start = step.floor(Millis(points.times[i]));
        want.entry(start.0)
            .or_insert(Aggregate::EMPTY)
            .push(Placed {
                time_ms: points.times[i],
                stamp: points.stamps[i],
                value: points.values[i],
            });
    }
    if want.len() != cells.len() {
        let got: Vec<i64> = cells.iter().map(|cell| cell.start.0).collect();
        return Err(format!("cells at {got:?} for points in {:?}", want.keys()));
    }
    for ((start, want), got) in want.into_iter().zip(cells) {
        let ends = |of: &Aggregate| {
            let end = |placed: Option<Placed>| placed.map(|at| (at.time_ms, at.value.to_bits()));
            (of.count, end(of.first), end(of.last))
        };
        let is_near = |a: f64, b: f64| a == b || a.next_up() == b || b.next_up() == a;
        let alike = start == got.start.0
            && ends(&want) == ends(&got.of)
            && (want.min, want.max) == (got.of.min, got.of.max)
            && is_near(want.sum(), got.of.sum());
        if !alike {
            return Err(format!(
                "the cell at {start} is {:?}, but should be {want:?}",
                got.of
            ));
        }
    }
    Ok(())
}
