//! Verifies the log of one shard: its blocks, their chain, and what is in them.

use super::Failure;
use super::report::{Damage, Report};
use crate::seam::Disk;
use crate::store::log::found::{Found, Hole, Report as Scanned};
use crate::store::log::{Columns, Scan, block, names};
use crate::store::token;

/// What a log holds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    pub(super) blocks: u64,
    pub(super) points: u64,
}

/// Check the log of `shard`, which is needed from block `floor` on.
pub(super) fn check(
    disk: &dyn Disk,
    shard: u16,
    floor: u64,
    report: &mut Report<'_>,
) -> Result<Held, Failure> {
    let unreadable =
        |error: crate::store::log::found::ScanError| Failure::Unreadable(error.to_string());
    let mut scan = Scan::new(disk, shard, floor, None).map_err(unreadable)?;
    let place = format!("the log of shard {shard}");
    let mut done = 0;
    while !scan.step(disk).map_err(unreadable)? {
        let now = scan.progress().0;
        report.progress.advance(now.saturating_sub(done), &place);
        done = now;
    }
    let recovered = scan.finish();
    let mut held = Held {
        blocks: recovered.blocks.len() as u64,
        points: 0,
    };
    for hole in &recovered.report.holes {
        tell_hole(shard, *hole, &recovered.blocks, report)?;
    }
    tell_rest(shard, &recovered.report, report)?;
    let bytes: usize = recovered
        .blocks
        .iter()
        .map(|found| found.header.bytes())
        .sum();
    report.progress.plan(bytes as u64);
    for found in &recovered.blocks {
        report
            .progress
            .advance(found.header.bytes() as u64, &found.name);
        match points_of(disk, found) {
            Ok(points) => held.points += points,
            Err(what) => report.damage(&Damage {
                file: &found.name,
                offset: Some(found.offset),
                what: &what,
                means: "points of this block are lost, and those behind it of the same generation until \
                        their series' next value that stands alone",
                remedy: "nothing can bring them back; the next start leaves them out and goes on",
            })?,
        }
    }
    Ok(held)
}

/// How many points a block has, all of them verified.
fn points_of(disk: &dyn Disk, found: &Found) -> Result<u64, String> {
    let bytes = disk
        .read_at(&found.name, found.offset, found.header.bytes())
        .map_err(|error| format!("the disk cannot read it: {error}"))?;
    let (header, payload) =
        block::open(&bytes).map_err(|_| "the block does not read twice the same".to_owned())?;
    let columns = Columns::open(payload, header.first_stamp).map_err(|error| error.to_string())?;
    for definition in columns.definitions() {
        definition.map_err(|error| error.to_string())?;
    }
    // The length of a token does not depend on the one before it.
    columns
        .for_each(|_, values| token::pass(values))
        .map_err(|error| error.to_string())
}

fn tell_hole(
    shard: u16,
    hole: Hole,
    blocks: &[Found],
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    let at = blocks.partition_point(|found| found.header.sequence <= hole.last_sequence);
    let behind = blocks.get(at);
    let folder = names::FOLDER;
    let file = behind.map_or(folder, |found| &found.name);
    report.damage(&Damage {
        file,
        offset: behind.map(|found| found.offset),
        what: &format!(
            "in front of this the blocks {} to {} of the log of shard {shard} are missing or broken; they \
             had been on stable storage",
            hole.first_sequence, hole.last_sequence
        ),
        means: "their points are lost; what is in front of them and behind them stays, but values behind \
                them in the same generation that are told from lost ones are left out",
        remedy: "nothing can bring them back; the next start tells the hole and goes on. Check the disk, \
                 for it lost what it had confirmed",
    })?;
    Ok(())
}

fn tell_rest(shard: u16, scanned: &Scanned, report: &mut Report<'_>) -> Result<(), Failure> {
    let place = format!("the log of shard {shard}");
    for (name, offset) in &scanned.unreadable {
        report.damage(&Damage {
            file: name,
            offset: Some(*offset),
            what: "the disk cannot read it",
            means: "if a block of the log is here, its points are lost",
            remedy: "check the disk; the next start steps over it",
        })?;
    }
    for name in &scanned.damaged_files {
        report.note(&format!(
            "{name}: the first page is damaged, as a crash may leave it; its blocks are found without it"
        ))?;
    }
    if let Some(text) = scanned.end_in_words(u32::from(shard)) {
        report.note(&text)?;
    }
    if scanned.beside_blocks + scanned.foreign_blocks > 0 {
        report.note(&format!(
            "{place}: {} whole blocks are no part of it (copies, and what earlier crashes left), {} are of \
             another shard",
            scanned.beside_blocks, scanned.foreign_blocks
        ))?;
    }
    Ok(())
}
