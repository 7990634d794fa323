//! Segment files: CPU nanoseconds a point to put packed runs into a file and to merge files, and what
//! a file costs beside its runs. The disk is memory, so reads and writes cost a copy.
//!
//! `cargo bench --bench segment`; with `--test` a small round of each.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use common::{START_S, best_ns, is_test};
use corelane::base::random::Random;
use corelane::base::time::{Millis, Step};
use corelane::model::points::Duplicates;
use corelane::seam::disk::{Jobs, Outcome, Request};
use corelane::store::info::SegmentInfo;
use corelane::store::pack;
use corelane::store::segment::merge::{Progress, Rule, Rules};
use corelane::store::segment::{About, Extent, Mask, Merge, Writer};
use corelane::store::stretch::{Column, Stretch};

const WINDOW_MS: i64 = 3_600_000;
const BASE_MS: i64 = START_S as i64 * 1000 / WINDOW_MS * WINDOW_MS;

/// One series of a file, packed.
struct Packed {
    run: Vec<u8>,
    extent: Extent,
    cells: Vec<u8>,
}

fn main() {
    let sizes: &[(u32, usize)] = if is_test() {
        &[(100, 60)]
    } else {
        &[(20_000, 60), (10_000, 360), (2_000, 3600)]
    };
    for &(series, points) in sizes {
        writing(series, points);
        for overlap in [false, true] {
            merging(series, points, overlap);
        }
    }
}

fn writing(series: u32, points: usize) {
    let packed = pack_all(series, points, 0);
    let bytes: usize = packed
        .iter()
        .map(|one| one.run.len() + one.cells.len())
        .sum();
    let all = series as usize * points;
    let mut file_bytes = 0;
    let ns = best_ns(3, all, || {
        let (file, info) = write(0, &packed);
        file_bytes = info.bytes as usize;
        black_box(file);
    });
    println!(
        "segment write series={series} points={points} ns_per_point={ns:.2} bytes_per_point={:.3} \
         overhead_bytes_per_point={:.4}",
        file_bytes as f64 / all as f64,
        (file_bytes - bytes) as f64 / all as f64
    );
}

/// Six files of a sixth of the points each; overlapping ones share a second.
fn merging(series: u32, points: usize, overlap: bool) {
    const FILES: usize = 6;
    let (mut files, mut infos) = (HashMap::new(), Vec::new());
    for file in 0..FILES {
        let each = points / FILES;
        let start = (each - usize::from(overlap)) * file;
        let (bytes, info) = write(file as u64, &pack_all(series, each, start));
        files.insert(info.path(), bytes);
        infos.push(info);
    }
    let all = infos.iter().map(|info| info.points as usize).sum();
    let (mut out, mut slice_ns) = (SegmentInfo::default(), 0.0f64);
    let ns = best_ns(3, all, || {
        (out, slice_ns) = merge(&infos, &files);
    });
    println!(
        "segment merge series={series} points={points} files={FILES} overlap={overlap} \
         ns_per_point={ns:.2} bytes_per_point={:.3} raw_bytes_per_point={:.3} \
         cell_bytes_per_point={:.3} longest_slice_us={:.0}",
        out.bytes as f64 / out.points as f64,
        out.raw_bytes as f64 / out.points as f64,
        out.cell_bytes as f64 / out.points as f64,
        slice_ns / 1000.0
    );
}

fn pack_all(series: u32, points: usize, start: usize) -> Vec<Packed> {
    let one = |number: u32| {
        let mut random = Random::new(u64::from(number) << 20 | start as u64);
        let start_ms = BASE_MS + start as i64 * 1000;
        let mut walk = 5000 + i64::from(number % 1000);
        let mantissas = (0..points).map(|_| {
            walk += random.below(200) as i64 - 100;
            walk
        });
        let stretch = Stretch {
            values: Column::Decimal {
                scale: 2,
                mantissas: mantissas.collect(),
            },
            times: (0..points as i64).map(|i| start_ms + i * 1000).collect(),
            stamps: Vec::new(),
            duplicates: Duplicates::Last,
        };
        let (mut run, mut cells) = (Vec::new(), Vec::new());
        let summary = pack::encode(&stretch, Millis(BASE_MS), &mut run);
        pack::encode_cells(&stretch, Millis(BASE_MS), Step::MINUTE, &mut cells);
        Packed {
            run,
            extent: Extent::from(&summary),
            cells,
        }
    };
    (0..series).map(one).collect()
}

fn write(file: u64, packed: &[Packed]) -> (Vec<Vec<u8>>, SegmentInfo) {
    let mut writer = Writer::new(About {
        file,
        window_start_ms: BASE_MS,
        window_ms: WINDOW_MS,
        first_stamp: file,
        last_stamp: file,
        cell_step_ms: 60_000,
        ..About::default()
    });
    let mut pieces = Vec::new();
    for (number, one) in packed.iter().enumerate() {
        let added = writer.add(number as u32, &one.run, &one.extent, &one.cells);
        added.expect("runs in order");
        pieces.extend(writer.chunk(256 * 1024));
    }
    let (rest, info) = writer.finish();
    pieces.push(rest);
    (pieces, info)
}

/// What it became, and CPU nanoseconds of the longest slice.
fn merge(infos: &[SegmentInfo], files: &HashMap<String, Vec<Vec<u8>>>) -> (SegmentInfo, f64) {
    let files: HashMap<&str, Arc<[u8]>> = files
        .iter()
        .map(|(name, pieces)| (name.as_str(), pieces.concat().into()))
        .collect();
    let (mut jobs, mask) = (Jobs::default(), Mask::default());
    let rules = Rules {
        of: &|_| Rule::default(),
        now: 0,
        mask: &mask,
    };
    let mut merge = Merge::new(infos, 99).expect("files of one window");
    let mut longest = 0.0;
    loop {
        let mut progress = Progress::Working;
        let ns = best_ns(1, 1, || {
            progress = merge.step(100_000, &rules, &mut jobs.desk(0));
        });
        longest = ns.max(longest);
        while let Some((job, request)) = jobs.take() {
            let outcome = match request {
                Request::Read {
                    name,
                    offset,
                    bytes,
                } => {
                    let file = &files[&*name];
                    let end = file.len().min(offset as usize + bytes);
                    Outcome::Bytes(file[offset as usize..end].to_vec())
                }
                _ => Outcome::Done,
            };
            merge.done(job, Ok(outcome));
        }
        match progress {
            Progress::Working | Progress::Waiting => {}
            Progress::Done(info) => return (info, longest),
            Progress::Failed(failure) => panic!("{failure}"),
        }
    }
}
