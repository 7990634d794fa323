//! The content of one file of the faulty file system: in a real file as readers see it, and beside it
//! what to put back where a power cut undoes what was not synced.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use corelane::base::random::Random;

const BLOCK_BYTES: u64 = 4096;

/// How much of what was not synced is lost.
#[derive(Clone, Debug)]
pub(crate) enum Loss {
    /// All of it.
    All,
    /// Of each file the second half of its last write, and whatever stood there; of names nothing.
    TornLast,
    /// Any part of it, as the seed says: blocks whole, half or not, and names up to some moment.
    Any(u64),
}

/// What stable storage holds of a block that was overwritten.
#[derive(Debug)]
struct Old {
    bytes: Vec<u8>,
    /// A sync of it failed. The kernel believes it clean, so no later sync brings it to the device.
    forgotten: bool,
}

/// See the head of this module.
#[derive(Debug)]
pub(super) struct Content {
    path: PathBuf,
    file: File,
    length: u64,
    durable_length: u64,
    old: BTreeMap<u64, Old>,
    last: Option<(u64, u64)>,
}

impl Content {
    /// An empty one, kept at `path`.
    pub(super) fn new(path: &Path) -> io::Result<Content> {
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).open(path)?;
        Ok(Content {
            path: path.to_owned(),
            file,
            length: 0,
            durable_length: 0,
            old: BTreeMap::new(),
            last: None,
        })
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn read(&self, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let left = self.length.saturating_sub(offset);
        let mut read = vec![0; left.min(bytes as u64) as usize];
        self.file.read_exact_at(&mut read, offset)?;
        Ok(read)
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let end = offset + bytes.len() as u64;
        self.save(offset, end)?;
        self.file.write_all_at(bytes, offset)?;
        self.length = self.length.max(end);
        self.last = Some((offset, end));
        Ok(())
    }

    pub(super) fn set_length(&mut self, length: u64) -> io::Result<()> {
        self.save(length, self.length)?;
        self.file.set_len(length)?;
        self.length = length;
        Ok(())
    }

    /// Keep what is stored of the blocks between two places that are about to change.
    fn save(&mut self, from: u64, until: u64) -> io::Result<()> {
        for block in from / BLOCK_BYTES..until.div_ceil(BLOCK_BYTES) {
            if let Some(old) = self.old.get_mut(&block) {
                old.forgotten = false;
                continue;
            }
            let start = block * BLOCK_BYTES;
            let stored = self.durable_length.saturating_sub(start).min(BLOCK_BYTES);
            let mut bytes = vec![0; stored as usize];
            self.file.read_exact_at(&mut bytes, start)?;
            let old = Old {
                bytes,
                forgotten: false,
            };
            self.old.insert(block, old);
        }
        Ok(())
    }

    /// What was written is stored.
    pub(super) fn sync(&mut self) {
        self.old.retain(|_, old| old.forgotten);
        self.durable_length = self.length;
        self.last = None;
    }

    /// A sync failed.
    pub(super) fn fail_sync(&mut self) {
        self.old.values_mut().for_each(|old| old.forgotten = true);
    }

    /// Power is lost.
    pub(super) fn lose(&mut self, loss: &Loss, random: &mut Random) -> io::Result<()> {
        let mut length = self.durable_length;
        let last = self.last.take();
        for (block, old) in std::mem::take(&mut self.old) {
            let start = block * BLOCK_BYTES;
            let end = (start + BLOCK_BYTES).min(self.length.max(start));
            // Up to here the new bytes stay.
            let kept = match loss {
                Loss::All => start,
                Loss::TornLast => match last {
                    Some((from, until)) if start < until && from < end => {
                        (from + (until - from) / 2 / 512 * 512).clamp(start, end)
                    }
                    _ => end,
                },
                Loss::Any(_) => match random.below(3) {
                    0 => start,
                    1 => (start + 512 * random.below(8)).min(end),
                    _ => end,
                },
            };
            if start < kept {
                length = length.max(kept);
            }
            let stale = old.bytes.get((kept - start) as usize..).unwrap_or_default();
            self.file.write_all_at(stale, kept)?;
            // New bytes beyond the old end of the file.
            let zeros_from = kept.max(start + old.bytes.len() as u64);
            let zeros = vec![0; end.saturating_sub(zeros_from) as usize];
            self.file.write_all_at(&zeros, zeros_from)?;
        }
        self.file.set_len(length)?;
        (self.length, self.durable_length) = (length, length);
        Ok(())
    }

    /// Nobody can reach it any more.
    pub(super) fn remove(self) {
        let _ = fs::remove_file(&self.path);
    }
}
