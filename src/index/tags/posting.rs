//! The series of one tag value.

use std::borrow::Cow;

use roaring::RoaringBitmap;

/// Series that are kept as a plain list. A bitmap of one series takes over 100 bytes, and the
/// values of a tag such as a container's name have one series, or a few.
const FEW_MAX: usize = 64;

/// What a bitmap costs beyond two bytes for each series: itself, its list of containers, and one.
const BITMAP_BYTES: usize = size_of::<RoaringBitmap>() + 96;

/// Ids of series, ascending, never none.
#[derive(Clone, Debug)]
pub(super) enum Posting {
    One(u32),
    Few(Vec<u32>),
    Many(Box<RoaringBitmap>),
}

impl Posting {
    /// Add an id above all that are in it; the bytes it cost, reckoned.
    pub(super) fn push(&mut self, id: u32) -> usize {
        match self {
            Posting::One(first) => {
                let mut ids = Vec::with_capacity(4);
                ids.extend([*first, id]);
                *self = Posting::Few(ids);
                32
            }
            Posting::Few(ids) if ids.len() < FEW_MAX => {
                let before = ids.capacity();
                ids.push(id);
                (ids.capacity() - before) * size_of::<u32>()
            }
            Posting::Few(ids) => {
                let mut many = RoaringBitmap::from_iter(ids.iter().copied());
                many.insert(id);
                *self = Posting::Many(Box::new(many));
                BITMAP_BYTES
            }
            Posting::Many(ids) => {
                ids.insert(id);
                size_of::<u16>()
            }
        }
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Posting::One(_) => 1,
            Posting::Few(ids) => ids.len() as u64,
            Posting::Many(ids) => ids.len(),
        }
    }

    /// Whether any of its series is in `others`.
    pub(super) fn meets(&self, others: &RoaringBitmap) -> bool {
        match self {
            Posting::One(id) => others.contains(*id),
            Posting::Few(ids) => ids.iter().any(|&id| others.contains(id)),
            Posting::Many(ids) => !ids.is_disjoint(others),
        }
    }

    pub(super) fn bitmap(&self) -> Cow<'_, RoaringBitmap> {
        match self {
            Posting::One(id) => Cow::Owned(RoaringBitmap::from_iter([*id])),
            Posting::Few(ids) => Cow::Owned(RoaringBitmap::from_iter(ids.iter().copied())),
            Posting::Many(ids) => Cow::Borrowed(ids),
        }
    }

    /// Add its series to a union that is collected in a list and a bitmap.
    pub(super) fn add_to(&self, few: &mut Vec<u32>, many: &mut RoaringBitmap) {
        match self {
            Posting::One(id) => few.push(*id),
            Posting::Few(ids) => few.extend(ids),
            Posting::Many(ids) => *many |= &**ids,
        }
    }
}
