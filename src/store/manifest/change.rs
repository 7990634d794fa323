//! What the records of a manifest are made of. The head of a record and every edit become changes; a
//! record is changes one behind the other, and counts as a whole or not at all.

use crate::base::varint::{self, unzigzag, zigzag};
use crate::model::series::{Identity, TenantId};
use crate::store::info::SegmentInfo;
use crate::store::tombstone::{SERIES_MAX, Target, Tombstone};

use super::version::{BookInfo, Fate};

/// Bytes of the reason of a quarantine; what is longer is cut.
pub(crate) const REASON_BYTES_MAX: usize = 1024;
/// Bytes of the metric of a tombstone.
const METRIC_BYTES_MAX: usize = crate::model::series::NAME_BYTES_MAX;

/// One change. Numbers are [`varint`]s, those that have a sign zigzagged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    /// `0 next_file clock next_tombstone`: each counts if it is higher than before.
    Head {
        next_file: u64,
        clock: u64,
        next_tombstone: u64,
    },
    /// `1 book numbers bytes`
    Book { book: u32, info: BookInfo },
    /// `2 log floor`
    Floor { log: u32, floor: u64 },
    /// `3` and the fields of the [`SegmentInfo`] in their order but for the last two; with points that
    /// expire `12` and all of them
    List(SegmentInfo),
    /// `4 file fate`: listed before
    Unlist { file: u64, fate: Fate },
    /// `5 file fate`: not listed, and perhaps still there
    Leaving { file: u64, fate: Fate },
    /// `6 file`: gone from the disk, or moved
    Gone { file: u64 },
    /// `7 number tenant from_ms to_ms stamp`, then `0 count` and identities of 16 bytes, or
    /// `1 bytes` and the metric
    Entomb { number: u64, tombstone: Tombstone },
    /// `8 number`
    Forget { number: u64 },
    /// `9 file`, `0` or `1 page`, `bytes` and the reason
    Quarantine {
        file: u64,
        page: Option<u64>,
        reason: String,
    },
    /// `10 file`: nothing of it is in quarantine any more
    Pardon { file: u64 },
    /// `11 stamp count` and identities of 16 bytes: they have points behind deletes up to that stamp
    Revive { stamp: u64, series: Vec<Identity> },
}

fn put(out: &mut Vec<u8>, numbers: &[u64]) {
    numbers.iter().for_each(|&number| varint::push(number, out));
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    varint::push(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

impl Change {
    /// Append the bytes.
    pub(crate) fn push(&self, out: &mut Vec<u8>) {
        match self {
            Change::Head {
                next_file,
                clock,
                next_tombstone,
            } => put(out, &[0, *next_file, *clock, *next_tombstone]),
            Change::Book { book, info } => {
                put(out, &[1, (*book).into(), info.numbers.into(), info.bytes]);
            }
            Change::Floor { log, floor } => put(out, &[2, (*log).into(), *floor]),
            Change::List(info) => put_info(out, info),
            Change::Unlist { file, fate } => put(out, &[4, *file, fate_code(*fate)]),
            Change::Leaving { file, fate } => put(out, &[5, *file, fate_code(*fate)]),
            Change::Gone { file } => put(out, &[6, *file]),
            Change::Entomb { number, tombstone } => put_tombstone(out, *number, tombstone),
            Change::Forget { number } => put(out, &[8, *number]),
            Change::Quarantine { file, page, reason } => {
                put(out, &[9, *file, page.is_some().into()]);
                page.iter().for_each(|&page| varint::push(page, out));
                put_text(out, reason);
            }
            Change::Pardon { file } => put(out, &[10, *file]),
            Change::Revive { stamp, series } => {
                put(out, &[11, *stamp]);
                put_identities(out, series);
            }
        }
    }

    /// The change at the start of `bytes`, which then start behind it. `None` where none does.
    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Change> {
        Some(match number(bytes)? {
            0 => Change::Head {
                next_file: number(bytes)?,
                clock: number(bytes)?,
                next_tombstone: number(bytes)?,
            },
            1 => Change::Book {
                book: small(bytes)?,
                info: BookInfo {
                    numbers: small(bytes)?,
                    bytes: number(bytes)?,
                },
            },
            2 => Change::Floor {
                log: small(bytes)?,
                floor: number(bytes)?,
            },
            3 => Change::List(take_info(bytes)?),
            4 => Change::Unlist {
                file: number(bytes)?,
                fate: take_fate(bytes)?,
            },
            5 => Change::Leaving {
                file: number(bytes)?,
                fate: take_fate(bytes)?,
            },
            6 => Change::Gone {
                file: number(bytes)?,
            },
            7 => Change::Entomb {
                number: number(bytes)?,
                tombstone: take_tombstone(bytes)?,
            },
            8 => Change::Forget {
                number: number(bytes)?,
            },
            9 => Change::Quarantine {
                file: number(bytes)?,
                page: take_page(bytes)?,
                reason: text(bytes, REASON_BYTES_MAX)?,
            },
            10 => Change::Pardon {
                file: number(bytes)?,
            },
            12 => {
                let info = take_info(bytes)?;
                let mortal_points = number(bytes).filter(|&points| 0 < points)?;
                Change::List(SegmentInfo {
                    mortal_points,
                    mortal_until: number(bytes)?,
                    ..info
                })
            }
            11 => Change::Revive {
                stamp: number(bytes)?,
                series: take_identities(bytes)?,
            },
            _ => return None,
        })
    }
}

fn put_info(out: &mut Vec<u8>, info: &SegmentInfo) {
    let kind = if info.mortal_points == 0 { 3 } else { 12 };
    put(out, &[kind, info.file, info.book.into()]);
    put(out, &[zigzag(info.window_start_ms), zigzag(info.window_ms)]);
    put(out, &[info.first_stamp, info.last_stamp, info.level.into()]);
    put(out, &[info.points, info.series.into(), info.bytes]);
    put(out, &[info.raw_bytes, info.cell_bytes]);
    put(out, &[zigzag(info.first_ms), zigzag(info.last_ms)]);
    if info.mortal_points != 0 {
        put(out, &[info.mortal_points, info.mortal_until]);
    }
}

fn take_info(bytes: &mut &[u8]) -> Option<SegmentInfo> {
    Some(SegmentInfo {
        file: number(bytes)?,
        book: small(bytes)?,
        window_start_ms: signed(bytes)?,
        window_ms: signed(bytes)?,
        first_stamp: number(bytes)?,
        last_stamp: number(bytes)?,
        level: u8::try_from(number(bytes)?).ok()?,
        points: number(bytes)?,
        series: small(bytes)?,
        bytes: number(bytes)?,
        raw_bytes: number(bytes)?,
        cell_bytes: number(bytes)?,
        first_ms: signed(bytes)?,
        last_ms: signed(bytes)?,
        ..SegmentInfo::default()
    })
}

fn put_tombstone(out: &mut Vec<u8>, number: u64, tombstone: &Tombstone) {
    put(out, &[7, number, tombstone.tenant.0.into()]);
    put(out, &[zigzag(tombstone.from_ms), zigzag(tombstone.to_ms)]);
    varint::push(tombstone.stamp, out);
    match &tombstone.target {
        Target::Series(identities) => {
            varint::push(0, out);
            put_identities(out, identities);
        }
        Target::Metric(metric) => {
            varint::push(1, out);
            put_text(out, metric);
        }
    }
}

fn put_identities(out: &mut Vec<u8>, identities: &[Identity]) {
    varint::push(identities.len() as u64, out);
    for identity in identities {
        out.extend_from_slice(&identity.0.to_le_bytes());
    }
}

fn take_tombstone(bytes: &mut &[u8]) -> Option<Tombstone> {
    Some(Tombstone {
        tenant: TenantId(small(bytes)?),
        from_ms: signed(bytes)?,
        to_ms: signed(bytes)?,
        stamp: number(bytes)?,
        target: match number(bytes)? {
            0 => Target::Series(take_identities(bytes)?),
            1 => Target::Metric(text(bytes, METRIC_BYTES_MAX)?),
            _ => return None,
        },
    })
}

fn take_identities(bytes: &mut &[u8]) -> Option<Vec<Identity>> {
    let count = usize::try_from(number(bytes)?).ok()?;
    let (identities, rest) =
        (count <= SERIES_MAX).then(|| bytes.split_at_checked(16 * count))??;
    *bytes = rest;
    let (identities, _) = identities.as_chunks();
    let identity = |&bytes: &[u8; 16]| Identity(u128::from_le_bytes(bytes));
    Some(identities.iter().map(identity).collect())
}

fn fate_code(fate: Fate) -> u64 {
    match fate {
        Fate::Removed => 0,
        Fate::Quarantined => 1,
    }
}

fn take_fate(bytes: &mut &[u8]) -> Option<Fate> {
    match number(bytes)? {
        0 => Some(Fate::Removed),
        1 => Some(Fate::Quarantined),
        _ => None,
    }
}

fn take_page(bytes: &mut &[u8]) -> Option<Option<u64>> {
    match number(bytes)? {
        0 => Some(None),
        1 => Some(Some(number(bytes)?)),
        _ => None,
    }
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    let (number, len) = varint::take(bytes)?;
    *bytes = bytes.get(len..)?;
    Some(number)
}

fn small(bytes: &mut &[u8]) -> Option<u32> {
    u32::try_from(number(bytes)?).ok()
}

fn signed(bytes: &mut &[u8]) -> Option<i64> {
    number(bytes).map(unzigzag)
}

fn text(bytes: &mut &[u8], bytes_max: usize) -> Option<String> {
    let len = usize::try_from(number(bytes)?).ok()?;
    let (text, rest) = (len <= bytes_max).then(|| bytes.split_at_checked(len))??;
    *bytes = rest;
    Some(std::str::from_utf8(text).ok()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    fn some_changes() -> Vec<Change> {
        let info = SegmentInfo {
            file: u64::MAX,
            book: 7,
            window_start_ms: i64::MIN,
            window_ms: 3_600_000,
            first_stamp: 1,
            last_stamp: 2,
            level: 3,
            points: 4,
            series: 5,
            bytes: 6,
            raw_bytes: 7,
            cell_bytes: 8,
            first_ms: -9,
            last_ms: i64::MAX,
            ..SegmentInfo::default()
        };
        let mortal = SegmentInfo {
            mortal_points: 3,
            mortal_until: u64::MAX,
            ..info
        };
        let tombstone = |target| Tombstone {
            tenant: TenantId(3),
            target,
            from_ms: -5,
            to_ms: 6,
            stamp: 7,
        };
        let identities = vec![Identity(u128::MAX), Identity(1)];
        vec![
            Change::Head {
                next_file: 1,
                clock: u64::MAX,
                next_tombstone: 3,
            },
            Change::Book {
                book: u32::MAX,
                info: BookInfo {
                    numbers: u32::MAX,
                    bytes: 3,
                },
            },
            Change::Floor { log: 1, floor: 2 },
            Change::List(info),
            Change::List(mortal),
            Change::Unlist {
                file: 1,
                fate: Fate::Removed,
            },
            Change::Leaving {
                file: 2,
                fate: Fate::Quarantined,
            },
            Change::Gone { file: 300 },
            Change::Entomb {
                number: 9,
                tombstone: tombstone(Target::Series(identities)),
            },
            Change::Entomb {
                number: 10,
                tombstone: tombstone(Target::Metric("wéb".to_owned())),
            },
            Change::Forget { number: 9 },
            Change::Quarantine {
                file: 1,
                page: Some(4096),
                reason: "checksum".to_owned(),
            },
            Change::Quarantine {
                file: 1,
                page: None,
                reason: String::new(),
            },
            Change::Pardon { file: 1 },
            Change::Revive {
                stamp: 70_000,
                series: vec![Identity(3), Identity(u128::MAX)],
            },
        ]
    }

    #[test]
    fn there_and_back_and_cut() {
        for change in some_changes() {
            let mut bytes = Vec::new();
            change.push(&mut bytes);
            for cut in 0..bytes.len() {
                assert_eq!(
                    Change::take(&mut &bytes[..cut]),
                    None,
                    "{change:?} at {cut}"
                );
            }
            bytes.push(5);
            let mut rest = &bytes[..];
            assert_eq!(Change::take(&mut rest), Some(change));
            assert_eq!(rest, [5]);
        }
    }

    #[test]
    fn hostile_bytes_are_no_change_or_one_that_reads_back() {
        let mut random = Random::new(1);
        let mut taken = 0;
        for round in 0..200_000 {
            let mut bytes: Vec<u8> = Vec::new();
            if random.chance(50) {
                let changes = some_changes();
                changes[random.below(changes.len() as u64) as usize].push(&mut bytes);
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << random.below(8);
            } else {
                let len = random.below(60);
                bytes.push(random.below(13) as u8);
                bytes.extend((0..len).map(|_| random.next_u64() as u8));
            }
            if let Some(change) = Change::take(&mut &bytes[..]) {
                let mut again = Vec::new();
                change.push(&mut again);
                assert_eq!(Change::take(&mut &again[..]), Some(change), "round {round}");
                taken += 1;
            }
        }
        assert!(taken > 1000, "{taken} of them were changes");
    }
}
