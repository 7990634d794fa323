//! The classes of a block's codes, and which are good for a sample.

use super::Sample;

/// Most classes of differences, and of what is told from nothing.
pub(super) const PLAIN_MAX: usize = 6;
pub(super) const ALONE_MAX: usize = 4;
const CLASSES_MAX: usize = PLAIN_MAX + ALONE_MAX;
/// Bits of the widest code, and of one with what stands in front: wherever in a byte that begins, all of it
/// is in eight bytes.
pub(super) const WIDTH_MAX: u32 = 49;
pub(super) const BITS_MAX: u32 = 56;
/// Most bytes of what tells the classes.
pub(in super::super) const HEAD_BYTES_MAX: usize = 1 + 2 * CLASSES_MAX;
/// In the byte of a class: a byte with the scale follows.
const ALONE: u8 = 64;
/// What a token among the values costs beside its class, about.
const VALUE_BITS: u64 = 40;

/// One class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) width: u8,
    /// Of decimals that are told from nothing.
    pub(super) scale: Option<u8>,
}

/// The classes of a block's codes: those of differences first, the most usual in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Classes {
    all: [Class; CLASSES_MAX],
    pub(super) count: u8,
}

impl Classes {
    pub(super) fn of(widths: &[u8]) -> Classes {
        let mut classes = Classes {
            all: [Class::default(); CLASSES_MAX],
            count: 0,
        };
        for &width in widths.iter().take(PLAIN_MAX) {
            classes.add(Class { width, scale: None });
        }
        classes
    }

    /// One more, if there is room.
    pub(super) fn add(&mut self, class: Class) {
        if let Some(place) = self.all.get_mut(usize::from(self.count)) {
            *place = class;
            self.count += 1;
        }
    }

    pub(super) fn all(&self) -> &[Class] {
        &self.all[..usize::from(self.count)]
    }

    /// Those of differences.
    pub(super) fn plain(&self) -> impl Iterator<Item = u8> {
        let plain = self.all().iter().filter(|class| class.scale.is_none());
        plain.map(|class| class.width)
    }

    /// What tells them.
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        out.push(self.count);
        for class in self.all() {
            match class.scale {
                Some(scale) => out.extend([ALONE | class.width, scale]),
                None => out.push(class.width),
            }
        }
    }

    /// Bytes of [`Classes::push`].
    pub(super) fn bytes(&self) -> usize {
        1 + 2 * self.all().len() - self.plain().count()
    }

    /// The classes that `bytes` start with, and the bits behind them.
    pub(super) fn take(bytes: &[u8]) -> Option<(Classes, &[u8])> {
        let (&count, mut rest) = bytes.split_first()?;
        if !(1..=CLASSES_MAX).contains(&usize::from(count)) {
            return None;
        }
        let mut classes = Classes::of(&[]);
        for lead in 1..=u32::from(count) {
            let &byte = rest.split_off_first()?;
            let scale = match byte & ALONE {
                0 => None,
                _ => Some(*rest.split_off_first()?),
            };
            let width = byte & !ALONE;
            if WIDTH_MAX < width.into() || BITS_MAX < lead + u32::from(width) {
                return None;
            }
            classes.add(Class { width, scale });
        }
        Some((classes, rest))
    }

    /// The rank of the class that is shortest for codes of so many bits, and the bits it takes.
    pub(super) fn best(&self, bits: u32) -> Option<(u32, u32)> {
        let wide = (1..)
            .zip(self.plain())
            .filter(|&(_, width)| bits <= u32::from(width));
        let lengths = wide.map(|(lead, width)| (lead - 1, lead + u32::from(width)));
        let fit = lengths.filter(|&(_, length)| length <= BITS_MAX);
        fit.min_by_key(|&(_, length)| length)
    }

    /// The same of a code that is told from nothing.
    pub(super) fn best_alone(&self, scale: u8, bits: u32) -> Option<(u32, u32)> {
        let of_scale = (1..)
            .zip(self.all())
            .find(|(_, class)| class.scale == Some(scale));
        let (lead, class) = of_scale?;
        (bits <= class.width.into()).then_some((lead - 1, lead + u32::from(class.width)))
    }

    /// Bits of all codes of a sample.
    fn cost(&self, sample: &Sample) -> u64 {
        let escape = u64::from(self.count) + VALUE_BITS;
        let counts = (0..).zip(sample);
        let of = |(bits, &count): (u32, &u32)| {
            let length = self.best(bits).map_or(escape, |(_, bits)| bits.into());
            length * u64::from(count)
        };
        counts.map(of).sum()
    }

    /// The classes that are good for a sample: taken up one by one, whichever saves most.
    pub(super) fn plan(sample: &Sample) -> Classes {
        let seen = (0..=WIDTH_MAX as u8).filter(|&width| sample[usize::from(width)] > 0);
        let seen: Vec<u8> = seen.collect();
        let mut best = Classes::of(seen.last().map_or(&[7][..], std::slice::from_ref));
        let mut cost = best.cost(sample);
        while best.all().len() < PLAIN_MAX {
            let more = seen
                .iter()
                .filter(|&&width| best.plain().all(|own| own != width));
            let more = more.map(|&width| {
                let classes = best.with(width, sample);
                (classes.cost(sample), classes)
            });
            match more.min_by_key(|&(cost, _)| cost) {
                Some((less, classes)) if less < cost => (cost, best) = (less, classes),
                _ => break,
            }
        }
        best
    }

    /// One class of differences more, and all of them in the order of how usual they are.
    fn with(&self, width: u8, sample: &Sample) -> Classes {
        let mut widths: Vec<u8> = self.plain().chain([width]).collect();
        widths.sort_unstable();
        let mut from = 0;
        let usual = widths.iter().map(|&width| {
            let until = usize::from(width) + 1;
            let codes = sample.get(from..until).unwrap_or_default();
            from = until;
            let codes: u64 = codes.iter().map(|&count| u64::from(count)).sum();
            (u64::MAX - codes, width)
        });
        let mut usual: Vec<(u64, u8)> = usual.collect();
        usual.sort_unstable();
        let widths: Vec<u8> = usual.into_iter().map(|(_, width)| width).collect();
        Classes::of(&widths)
    }
}
