//! Which addresses a shard's load comes from: enough to see that one of them carries most of it.
//!
//! Counts bytes by address for a minute at a time. Bounded: addresses beyond the bound are counted
//! together.

use std::collections::HashMap;
use std::net::IpAddr;

/// Addresses that are told apart.
pub const SOURCES_MAX: usize = 4096;

/// Stands for all addresses beyond the bound.
const OTHERS: u32 = 0;

/// Where the counter of one address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source(u32);

impl Default for Source {
    fn default() -> Self {
        Source(OTHERS)
    }
}

/// The load of one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Bytes from all addresses.
    pub bytes: u64,
    /// The address that sent most, and its bytes.
    pub largest: Option<(IpAddr, u64)>,
}

impl Load {
    /// Share of the largest address, 0 to 1.
    pub fn largest_share(&self) -> f64 {
        let largest = self.largest.map_or(0, |(_, bytes)| bytes);
        if self.bytes == 0 {
            0.0
        } else {
            largest as f64 / self.bytes as f64
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Counter {
    address: Option<IpAddr>,
    bytes: u64,
    connections: u32,
}

/// Bytes by address since the last turn.
pub(super) struct Sources {
    places: HashMap<IpAddr, u32>,
    counters: Vec<Counter>,
    free: Vec<u32>,
    last: Load,
}

impl Default for Sources {
    fn default() -> Self {
        let others = Counter::default();
        Sources {
            places: HashMap::new(),
            counters: vec![others],
            free: Vec::new(),
            last: Load::default(),
        }
    }
}

impl Sources {
    /// The counter of `address`.
    pub(super) fn of(&mut self, address: IpAddr) -> Source {
        if let Some(&place) = self.places.get(&address) {
            return Source(place);
        }
        let counter = Counter {
            address: Some(address),
            ..Counter::default()
        };
        let place = match self.free.pop() {
            Some(place) => {
                self.counters[place as usize] = counter;
                place
            }
            None if self.counters.len() <= SOURCES_MAX => {
                self.counters.push(counter);
                (self.counters.len() - 1) as u32
            }
            None => return Source(OTHERS),
        };
        self.places.insert(address, place);
        Source(place)
    }

    pub(super) fn add(&mut self, source: Source, bytes: u64) {
        self.counters[source.0 as usize].bytes += bytes;
    }

    /// A connection holds on to a counter: its place is not given to another address meanwhile.
    pub(super) fn hold(&mut self, source: Source) {
        self.counters[source.0 as usize].connections += 1;
    }

    /// The connection is gone.
    pub(super) fn release(&mut self, source: Source) {
        let held = &mut self.counters[source.0 as usize].connections;
        *held = held.saturating_sub(1);
    }

    /// A minute is over: start to count anew, and forget addresses that have gone.
    pub(super) fn turn(&mut self) -> Load {
        let mut load = Load::default();
        for (place, counter) in self.counters.iter_mut().enumerate() {
            load.bytes += counter.bytes;
            if let Some(address) = counter.address {
                if load.largest.is_none_or(|(_, bytes)| bytes < counter.bytes) && 0 < counter.bytes
                {
                    load.largest = Some((address, counter.bytes));
                }
                if counter.bytes == 0 && counter.connections == 0 {
                    self.places.remove(&address);
                    counter.address = None;
                    self.free.push(place as u32);
                }
            }
            counter.bytes = 0;
        }
        self.last = load;
        load
    }

    /// The load of the last whole minute.
    pub(super) fn last(&self) -> Load {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(n))
    }

    #[test]
    fn the_largest_is_told_with_its_share() {
        let mut sources = Sources::default();
        for (n, bytes) in [(1, 10), (2, 70), (1, 20)] {
            let source = sources.of(address(n));
            sources.add(source, bytes);
        }
        let load = sources.turn();
        assert_eq!(
            load,
            Load {
                bytes: 100,
                largest: Some((address(2), 70))
            }
        );
        assert_eq!((load.largest_share(), sources.last()), (0.7, load));
        assert_eq!(sources.turn(), Load::default());
    }

    #[test]
    fn addresses_are_bounded_and_forgotten() {
        let mut sources = Sources::default();
        let held = sources.of(address(0));
        sources.hold(held);
        for n in 0..3 * SOURCES_MAX as u32 {
            let source = sources.of(address(n));
            sources.add(source, 1);
        }
        assert!(sources.counters.len() <= SOURCES_MAX + 1 && sources.places.len() <= SOURCES_MAX);
        assert_eq!(
            sources.turn().bytes,
            3 * SOURCES_MAX as u64,
            "those beyond the bound count too"
        );
        sources.turn();
        assert_eq!(sources.places.len(), 1, "only the held one is left");
        sources.release(held);
        sources.turn();
        assert_eq!(sources.places.len(), 0);
        assert_ne!(
            sources.of(address(9)),
            Source(OTHERS),
            "there is room again"
        );
    }
}
