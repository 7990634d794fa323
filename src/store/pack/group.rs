//! One group of a run: its head, and a walk from group to group that unpacks nothing.

use super::bits::CODES_MAX;
use super::cursor::Cursor;
use super::floats::{self, Floats};
use super::texts::{self, Texts};
use super::times::{self, Clock, Times};
use super::{Corrupt, POINTS_MAX, integers};
use crate::model::number::Number;

/// What holds for a whole run: its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RunHead {
    pub(super) kind: Kind,
    /// Whether points of equal time all count.
    pub(super) all: bool,
    /// Whether each point has its own stamp.
    pub(super) stamped: bool,
}

/// What the values of a run are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Numbers = 0,
    Longs = 1,
    Texts = 2,
}

const ALL: u8 = 1 << 2;
const STAMPED: u8 = 1 << 3;

/// Whether each point of a run has its own stamp.
pub fn is_stamped(run: &[u8]) -> bool {
    run.first().is_some_and(|head| head & STAMPED != 0)
}

/// Whether points of equal time may follow each other in a run.
pub fn keeps_all(run: &[u8]) -> bool {
    run.first().is_some_and(|head| head & ALL != 0)
}

/// What a run begins with that those of other series may begin with too: its head, and of the first group
/// the head, the count and even times. Empty where the times are not even.
pub fn start_of(run: &[u8]) -> &[u8] {
    let even = || {
        let mut cursor = Cursor(run.get(1..)?);
        let head = cursor.u16().ok()?;
        let _count = cursor.byte().ok()?;
        let is_even = matches!((head >> 3 & 3) as u8, times::EVEN_SECONDS | times::EVEN);
        if !is_even {
            return None;
        }
        let (_start, _step) = (cursor.varint().ok()?, cursor.varint().ok()?);
        run.get(..run.len() - cursor.0.len())
    };
    even().unwrap_or_default()
}

impl RunHead {
    pub(super) fn byte(self) -> u8 {
        let all = if self.all { ALL } else { 0 };
        let stamped = if self.stamped { STAMPED } else { 0 };
        self.kind as u8 | all | stamped
    }

    pub(super) fn take(cursor: &mut Cursor<'_>) -> Result<RunHead, Corrupt> {
        let byte = cursor.byte()?;
        let kind = match byte & !(ALL | STAMPED) {
            0 => Kind::Numbers,
            1 => Kind::Longs,
            2 => Kind::Texts,
            _ => return Err(Corrupt("a run of an unknown kind")),
        };
        Ok(RunHead {
            kind,
            all: byte & ALL != 0,
            stamped: byte & STAMPED != 0,
        })
    }
}

/// The first two bytes of a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) codec: u8,
    pub(super) mode: u8,
    pub(super) scale: u8,
    pub(super) width: u32,
}

impl Head {
    pub(super) fn bits(self) -> u16 {
        u16::from(self.codec)
            | u16::from(self.mode) << 3
            | u16::from(self.scale) << 5
            | (self.width as u16) << 9
    }

    pub(super) fn of(bits: u16) -> Result<Head, Corrupt> {
        let head = Head {
            codec: (bits & 7) as u8,
            mode: (bits >> 3 & 3) as u8,
            scale: (bits >> 5 & 15) as u8,
            width: u32::from(bits >> 9),
        };
        if head.width > 64 {
            return Err(Corrupt("a group has values of more than 64 bits"));
        }
        Ok(head)
    }
}

/// The values of a group as they are written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Values<'a> {
    /// At the scale of the head.
    Integers(integers::Column<'a>),
    Floats(Floats<'a>),
    Texts(Texts<'a>),
}

/// One group as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group<'a> {
    pub(super) head: Head,
    pub(super) count: usize,
    pub(super) times: Times<'a>,
    pub(super) stamps: Option<integers::Column<'a>>,
    pub(super) values: Values<'a>,
    /// What follows the start of the times and, if they are even, their step.
    pub(super) body: &'a [u8],
}

/// Goes through a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk<'a> {
    pub(super) head: RunHead,
    cursor: Cursor<'a>,
    clock: Clock,
    /// Points of the groups so far.
    pub(super) points: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(run: &'a [u8], base_ms: i64) -> Result<Walk<'a>, Corrupt> {
        let mut cursor = Cursor(run);
        let head = RunHead::take(&mut cursor)?;
        if cursor.is_empty() {
            return Err(Corrupt("a run has no points"));
        }
        Ok(Walk {
            head,
            cursor,
            clock: Clock::new(base_ms, head.all),
            points: 0,
        })
    }

    /// The next group, if there is one more.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Group<'a>>, Corrupt> {
        self.advance()
    }

    /// Pass the next group, if there is one more: its points, and the time of the last.
    pub(super) fn pass(&mut self) -> Result<Option<(usize, i64)>, Corrupt> {
        let group = self.advance()?;
        Ok(group.map(|group| (group.count, group.times.last_ms)))
    }

    #[inline(always)]
    pub(super) fn advance(&mut self) -> Result<Option<Group<'a>>, Corrupt> {
        if self.cursor.is_empty() {
            return Ok(None);
        }
        let cursor = &mut self.cursor;
        let head = Head::of(cursor.u16()?)?;
        let count = usize::from(cursor.byte()?) + 1;
        self.points += count;
        if count > CODES_MAX || self.points > POINTS_MAX {
            return Err(Corrupt("there are too many points"));
        }
        let (times, body) = self.clock.take(cursor, head.mode, count)?;
        let stamps = match self.head.stamped {
            true => {
                let stamps = Head::of(cursor.u16()?)?;
                if (stamps.mode, stamps.scale) != (0, 0) {
                    return Err(Corrupt("the head of the stamps is not one of stamps"));
                }
                Some(integers::Column::take(
                    cursor,
                    stamps.codec,
                    stamps.width,
                    count,
                )?)
            }
            false => None,
        };
        let values = take_values(cursor, self.head.kind, head, count)?;
        Ok(Some(Group {
            head,
            count,
            times,
            stamps,
            values,
            body: &body[..body.len() - cursor.0.len()],
        }))
    }
}

#[inline(always)]
fn take_values<'a>(
    cursor: &mut Cursor<'a>,
    kind: Kind,
    head: Head,
    count: usize,
) -> Result<Values<'a>, Corrupt> {
    let scale_max = match (kind, head.codec) {
        (Kind::Numbers, ..=integers::DELTA_PATCHED) => Number::SCALE_MAX,
        _ => 0,
    };
    if head.scale > scale_max {
        return Err(Corrupt("a group has a scale it cannot have"));
    }
    match (kind, head.codec) {
        (Kind::Numbers, floats::XOR) => Floats::take(cursor, head.width, count).map(Values::Floats),
        (Kind::Texts, texts::DICTIONARY) => {
            Texts::take(cursor, head.width, count).map(Values::Texts)
        }
        (Kind::Texts, _) => Err(Corrupt("a group of texts has an unknown kind of values")),
        _ => integers::Column::take(cursor, head.codec, head.width, count).map(Values::Integers),
    }
}
