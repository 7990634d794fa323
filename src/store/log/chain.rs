//! Which blocks are the log: the chain that ends with the newest one.
//!
//! Each block names the checksum of the one before it, and how far the log was durable when it was
//! written. Going back from the newest: where the named block is there, it is the next. Where it is
//! not, something between was lost. If the blocks so far show that the lost was durable once, the disk
//! lost it: a hole, and both sides stay; so too if it may be where the disk cannot read. Otherwise a crash
//! has torn a commit that nobody was told of, and what is behind the tear goes, because its values are told
//! from what is torn.
//!
//! Blocks beside the chain are copies from a file that was given up, or leftovers of an earlier crash.

use std::collections::HashMap;

/// What the chain needs to know of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) sequence: u64,
    pub(super) epoch: u64,
    /// The last block that was durable when this one was written.
    pub(super) durable: u64,
    pub(super) previous: u32,
    pub(super) checksum: u32,
    /// Whether numbers may be missing before it.
    pub(super) is_first: bool,
}

/// Blocks that were durable and are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The first number that is missing.
    pub first_sequence: u64,
    /// The last one.
    pub last_sequence: u64,
}

/// The log as it was found.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// Positions of its blocks, oldest first.
    pub(super) kept: Vec<usize>,
    /// Holes, oldest first.
    pub(super) holes: Vec<Hole>,
    /// Blocks behind a tear.
    pub(super) torn: usize,
    /// Blocks whose predecessor is there but is not the very one they name.
    pub(super) mismatched: usize,
}

/// What is before a block.
enum Before {
    /// This block, and whether it is the very one that was named.
    Block(usize, bool),
    /// A hole behind this block, or behind the floor.
    Hole(Option<usize>),
    /// A tear behind this block, or behind the floor.
    Tear(Option<usize>),
    /// The log starts here.
    Nothing,
}

struct Links<'a> {
    links: &'a [Link],
    /// Positions in the order of sequence, then epoch.
    order: Vec<usize>,
    /// Places in `order`.
    by_checksum: HashMap<u32, Vec<usize>>,
    floor: u64,
    /// In order.
    unreadable: Vec<u64>,
}

/// The chain in `links`, from block `floor` on. What the disk cannot read may be the blocks `unreadable`.
pub(super) fn chain(links: &[Link], floor: u64, mut unreadable: Vec<u64>) -> Chain {
    unreadable.sort_unstable();
    let mut order: Vec<usize> = (0..links.len()).collect();
    order.sort_by_key(|&at| (links[at].sequence, links[at].epoch));
    let mut by_checksum: HashMap<u32, Vec<usize>> = HashMap::new();
    for (place, &at) in order.iter().enumerate() {
        by_checksum
            .entry(links[at].checksum)
            .or_default()
            .push(place);
    }
    let all = Links {
        links,
        order,
        by_checksum,
        floor: floor.max(1),
        unreadable,
    };
    let mut found = all.walk();
    found.kept.reverse();
    found.holes.reverse();
    found
}

impl Links<'_> {
    fn at(&self, place: usize) -> &Link {
        &self.links[self.order[place]]
    }

    fn walk(&self) -> Chain {
        let mut chain = Chain::default();
        let mut next = self.order.len().checked_sub(1);
        let mut durable = 0;
        while let Some(place) = next {
            let link = self.at(place);
            if link.sequence < self.floor {
                break;
            }
            chain.kept.push(self.order[place]);
            durable = durable.max(link.durable);
            next = match self.before(place, durable) {
                Before::Block(before, is_named) => {
                    chain.mismatched += usize::from(!is_named);
                    Some(before)
                }
                Before::Hole(before) => {
                    let below = before.map_or(self.floor - 1, |before| self.at(before).sequence);
                    chain.holes.push(Hole {
                        first_sequence: below + 1,
                        last_sequence: link.sequence - 1,
                    });
                    before
                }
                Before::Tear(before) => {
                    chain.torn += chain.kept.len();
                    chain.kept.clear();
                    chain.holes.clear();
                    chain.mismatched = 0;
                    durable = 0;
                    before
                }
                Before::Nothing => None,
            };
        }
        chain
    }

    /// What comes before `place`, given how far the log was durable for sure.
    fn before(&self, place: usize, durable: u64) -> Before {
        let link = self.at(place);
        if link.sequence <= self.floor {
            return Before::Nothing;
        }
        if let Some(named) = self.named(link) {
            return Before::Block(named, true);
        }
        // What lies between the last durable block and the first one after a start was left behind.
        let limit = if link.is_first {
            link.durable
        } else {
            link.sequence - 1
        };
        let below = self.order[..place].partition_point(|&at| self.links[at].sequence <= limit);
        let before = below
            .checked_sub(1)
            .filter(|&before| self.at(before).sequence >= self.floor);
        let have = before.map_or(self.floor - 1, |before| self.at(before).sequence);
        if have >= limit {
            return before.map_or(Before::Nothing, |before| Before::Block(before, false));
        }
        // What the disk cannot read may have been durable: then nothing behind it was torn.
        if durable > have || self.unreadable.binary_search(&(have + 1)).is_ok() {
            Before::Hole(before)
        } else {
            Before::Tear(before)
        }
    }

    /// The block that `link` names as the one before it.
    fn named(&self, link: &Link) -> Option<usize> {
        let places = self.by_checksum.get(&link.previous)?;
        let below = places.partition_point(|&place| self.at(place).sequence < link.sequence);
        below.checked_sub(1).map(|at| places[at])
    }
}

#[cfg(test)]
mod tests;
