//! Bits that turn while nobody looks: what is told of a folder with damaged files.

use corelane::base::random::Random;
use corelane::seam::Disk;

use crate::disk::Faults;
use crate::life::{Life, Reopened};

/// Bytes of a block of the log before what it holds.
const BLOCK_HEADER_BYTES: usize = 64;

/// How a file is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// One bit is turned.
    Bit,
    /// Several bits are turned so that no checksum differs: what a build would not notice that does not
    /// look at checksums.
    Unseen,
}

/// A folder that has seen a life, damaged in one place: is all that is told of it right? Gives whether
/// it was said that something is missing.
pub(crate) fn live(seed: u64, damage: Damage) -> Result<bool, String> {
    let mut life = Life::new(seed, Faults::default());
    let mut random = Random::new(seed ^ 0xDA7A);
    let world = life.start()?;
    let world = life.days(world)?;
    if random.chance(50) {
        life.settle(&world);
    }
    life.end(world);
    let Some((name, at)) = turn(&life, damage, &mut random) else {
        return Ok(false);
    };
    match life.reopen() {
        Reopened::Refused(_) => Ok(true),
        Reopened::Told {
            told,
            now,
            is_flagged,
            has_end,
        } => {
            // The end of a log looks the same whether it was torn or damaged, which is told; and a block
            // whose header is hit does not look like one.
            let is_header = at % 4096 < BLOCK_HEADER_BYTES;
            if name.starts_with("log/") && (has_end || is_header || damage == Damage::Unseen) {
                life.model.acknowledge_nothing();
            }
            let right = if is_flagged {
                life.model.check_known(&told)
            } else {
                life.survive(&told, now)
            };
            right.map_err(|wrong| format!("{damage:?} in {name}: {wrong}"))?;
            Ok(is_flagged)
        }
    }
}

/// Damage a file somewhere in what is written of it. Its name, if there is one, and where.
fn turn(life: &Life, damage: Damage, random: &mut Random) -> Option<(String, usize)> {
    let folders = ["log/", "segments/", "segments/", "books/", "manifest"];
    let folder = folders[random.below(folders.len() as u64) as usize];
    let names = life.disk.names().into_iter();
    let names: Vec<String> = names
        .map(|(name, _)| name)
        .filter(|name| name.starts_with(folder))
        .collect();
    let name = names.get(random.below(names.len() as u64) as usize)?;
    let bytes = life.disk.read(name).ok().flatten()?;
    let written: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] != 0).collect();
    let at = *written.get(random.below(written.len() as u64) as usize)?;
    match damage {
        Damage::Bit => drop(life.disk.rot(name, at, random.below(8) as u8)),
        Damage::Unseen => life.disk.rot_unseen(name, at),
    };
    Some((name.clone(), at))
}
