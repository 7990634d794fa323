//! One file as the simulator keeps it: what a reader sees, and what a power cut leaves.

use corelane::base::random::Random;

/// The least that a device writes whole.
const SECTOR_BYTES: usize = 512;
const BLOCK_BYTES: usize = 4096;

/// A write that no sync has made durable.
#[derive(Debug)]
struct Unsynced {
    number: u64,
    offset: usize,
    bytes: Vec<u8>,
    /// A sync after it failed. The kernel believes it clean, so no later sync brings it to the device.
    forgotten: bool,
}

/// See the head of this module.
#[derive(Debug, Default)]
pub(super) struct File {
    seen: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Unsynced>,
    /// Which shard writes it, since the start of the process.
    pub(super) writer: Option<usize>,
}

impl File {
    /// A file whose content is on stable storage.
    pub(super) fn durable(bytes: Vec<u8>) -> File {
        File {
            durable: bytes.clone(),
            seen: bytes,
            ..File::default()
        }
    }

    /// A file that was to become `bytes` and was not synced.
    pub(super) fn volatile(number: u64, bytes: Vec<u8>) -> File {
        let mut file = File::default();
        file.write(number, 0, bytes);
        file
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.seen
    }

    /// By how much a write would make it longer.
    pub(super) fn growth(&self, offset: usize, bytes: usize) -> u64 {
        (offset + bytes).saturating_sub(self.seen.len()) as u64
    }

    pub(super) fn write(&mut self, number: u64, offset: usize, bytes: Vec<u8>) {
        put(&mut self.seen, offset, &bytes);
        self.cover(offset, offset + bytes.len());
        self.unsynced.push(Unsynced {
            number,
            offset,
            bytes,
            forgotten: false,
        });
    }

    /// What was forgotten and is written anew can no longer come back over the new bytes.
    fn cover(&mut self, from: usize, until: usize) {
        let mut left = Vec::with_capacity(self.unsynced.len());
        for mut write in self.unsynced.drain(..) {
            let end = write.offset + write.bytes.len();
            if !write.forgotten || until <= write.offset || end <= from {
                left.push(write);
                continue;
            }
            let cut = write.bytes.split_off(end.min(until) - write.offset);
            if !cut.is_empty() {
                left.push(Unsynced {
                    number: write.number,
                    offset: until,
                    bytes: cut,
                    forgotten: true,
                });
            }
            if write.offset < from {
                write.bytes.truncate(from - write.offset);
                left.push(write);
            }
        }
        self.unsynced = left;
    }

    /// As a write that was cut off: some of its sectors, in any choice.
    pub(super) fn write_torn(
        &mut self,
        number: u64,
        offset: usize,
        bytes: &[u8],
        random: &mut Random,
    ) {
        for (at, part) in torn(bytes, random) {
            self.write(number, offset + at, part.to_vec());
        }
    }

    /// All writes up to `number` are durable.
    pub(super) fn sync(&mut self, number: u64) {
        let durable = &mut self.durable;
        self.unsynced.retain(|write| {
            if number < write.number || write.forgotten {
                return true;
            }
            put(durable, write.offset, &write.bytes);
            false
        });
    }

    /// The write `number` is durable, and says nothing about others.
    pub(super) fn sync_own(&mut self, number: u64) {
        let durable = &mut self.durable;
        for write in self.unsynced.extract_if(.., |write| write.number == number) {
            put(durable, write.offset, &write.bytes);
        }
    }

    /// A sync failed: what it was to make durable may be so or not, and no later one helps.
    pub(super) fn fail_sync(&mut self, number: u64) {
        for write in &mut self.unsynced {
            write.forgotten |= write.number <= number;
        }
    }

    /// Power is lost: of what was not synced any part is there, down to sectors, written in any
    /// order.
    pub(super) fn crash(&mut self, random: &mut Random) {
        let mut writes = std::mem::take(&mut self.unsynced);
        random.shuffle(&mut writes);
        for write in writes {
            match random.below(3) {
                0 => {}
                1 => put(&mut self.durable, write.offset, &write.bytes),
                _ => {
                    for (at, part) in torn(&write.bytes, random) {
                        put(&mut self.durable, write.offset + at, part);
                    }
                }
            }
        }
        self.seen.clone_from(&self.durable);
        self.writer = None;
    }

    /// Turn one bit of it, for good.
    pub(super) fn rot(&mut self, at: usize, bit: u8) {
        for bytes in [&mut self.seen, &mut self.durable] {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }
}

fn put(into: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if into.len() < end {
        into.resize(end, 0);
    }
    into[offset..end].copy_from_slice(bytes);
}

/// Any choice of the sectors, or of the blocks, of `bytes`, with their places.
fn torn<'a>(bytes: &'a [u8], random: &mut Random) -> Vec<(usize, &'a [u8])> {
    let part = if random.chance(50) {
        SECTOR_BYTES
    } else {
        BLOCK_BYTES
    };
    let parts = bytes.chunks(part).enumerate();
    let mut kept: Vec<_> = parts.map(|(nth, bytes)| (nth * part, bytes)).collect();
    if random.chance(50) {
        // The usual way: it stops somewhere.
        kept.truncate(random.below(kept.len() as u64 + 1) as usize);
    } else {
        kept.retain(|_| random.chance(50));
    }
    kept
}
