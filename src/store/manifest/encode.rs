//! A whole version as one record, written a piece at a time.

use std::sync::Arc;

use super::change::Change;
use super::version::Version;
use crate::store::chained;

/// Segments of one piece: about 100 microseconds of work.
const PIECE_SEGMENTS: usize = 1000;

/// Writes the changes that lead from nothing to a version.
#[derive(Debug)]
pub(super) struct Encoder {
    version: Arc<Version>,
    /// The place of the next group of segments; none before the other parts.
    from: Option<(u32, i64)>,
    out: Vec<u8>,
}

impl Encoder {
    pub(super) fn new(version: Arc<Version>) -> Encoder {
        Encoder {
            version,
            from: None,
            out: chained::begin(),
        }
    }

    /// One more piece. When it was the last: the record, not sealed yet.
    pub(super) fn step(&mut self) -> Option<Vec<u8>> {
        let Some(from) = self.from else {
            self.push_parts();
            self.from = Some((0, i64::MIN));
            return None;
        };
        let (mut segments, mut last) = (0, None);
        for (place, group) in self.version.layers.groups_from(from) {
            for &info in group {
                Change::List(info).push(&mut self.out);
            }
            segments += group.len();
            if segments >= PIECE_SEGMENTS {
                last = Some(place);
                break;
            }
        }
        match last {
            Some((book, group)) => {
                self.from = Some((book, group + 1));
                None
            }
            None => Some(std::mem::take(&mut self.out)),
        }
    }

    /// All but the segments, and in this order: a segment needs its book and the numbers given out.
    fn push_parts(&mut self) {
        let (version, out) = (&self.version, &mut self.out);
        head_of(version, 0).push(out);
        for (book, info) in version.books() {
            Change::Book { book, info }.push(out);
        }
        for (log, floor) in version.floors() {
            Change::Floor { log, floor }.push(out);
        }
        for (number, tombstone) in version.tombstones.iter() {
            let tombstone = tombstone.clone();
            Change::Entomb { number, tombstone }.push(out);
        }
        for (stamp, series) in version.tombstones.revived() {
            Change::Revive { stamp, series }.push(out);
        }
        // Their numbers rise, and the next one may be above them all.
        head_of(version, version.tombstones.next()).push(out);
        for ((file, page), reason) in version.quarantined() {
            let reason = reason.to_owned();
            Change::Quarantine { file, page, reason }.push(out);
        }
        for (file, fate) in version.leaving() {
            Change::Leaving { file, fate }.push(out);
        }
    }
}

/// What heads every record. The next tombstone is above those that the record itself names.
pub(super) fn head_of(version: &Version, next_tombstone: u64) -> Change {
    Change::Head {
        next_file: version.next_file,
        clock: version.clock,
        next_tombstone,
    }
}

/// All of a version at once, as a file: its header and its one record.
pub(super) fn whole(version: Arc<Version>) -> Vec<u8> {
    let mut encoder = Encoder::new(version);
    loop {
        if let Some(record) = encoder.step() {
            return sealed(record).0;
        }
    }
}

/// The file of a record that [`Encoder::step`] gave, and the link behind it.
pub(super) fn sealed(mut record: Vec<u8>) -> (Vec<u8>, chained::Link) {
    let (mut bytes, link) = chained::header(&super::KIND, 0);
    let next = chained::seal(&mut record, link);
    bytes.append(&mut record);
    (bytes, next)
}
