//! What is fixed for each series of a shard, by its id.
//!
//! Nearly all series have one of a few combinations, so that each takes a byte that tells which; those of
//! further ones are in a map.

use std::collections::HashMap;

use crate::base::hash::Numbers;
use crate::model::series::{Properties, SeriesId};

/// For a series whose properties are in the map.
const OTHER: u8 = u8::MAX;

/// The properties of all series.
#[derive(Debug, Default)]
pub(super) struct AllProperties {
    /// By id, a place in `few` or [`OTHER`].
    places: Vec<u8>,
    few: Vec<Properties>,
    others: HashMap<SeriesId, Properties, Numbers>,
}

impl AllProperties {
    /// Set those of a series.
    pub(super) fn set(&mut self, id: SeriesId, properties: Properties) {
        // Those of an id that was never set are the usual ones.
        for unset in self.ids_end()..id.0 {
            self.place(SeriesId(unset), Properties::default());
        }
        self.place(id, properties);
    }

    fn place(&mut self, id: SeriesId, properties: Properties) {
        let known = self.few.iter().position(|one| *one == properties);
        let place = known.unwrap_or(self.few.len()).min(usize::from(OTHER)) as u8;
        if place == OTHER {
            self.others.insert(id, properties);
        } else if known.is_none() {
            self.few.push(properties);
        }
        match self.places.get_mut(id.0 as usize) {
            Some(old) => *old = place,
            None => self.places.push(place),
        }
    }

    /// Those of a series; the usual ones of an unknown one.
    #[inline]
    pub(super) fn get(&self, id: SeriesId) -> Properties {
        let place = self.places.get(id.0 as usize);
        let few = place.and_then(|place| self.few.get(usize::from(*place)));
        match (few, place) {
            (Some(properties), _) => *properties,
            (None, Some(_)) => self.others.get(&id).copied().unwrap_or_default(),
            (None, None) => Properties::default(),
        }
    }

    /// Ids below this were set.
    pub(super) fn ids_end(&self) -> u32 {
        self.places.len() as u32
    }

    /// All of them, by id.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SeriesId, Properties)> {
        (0..self.ids_end()).map(|id| (SeriesId(id), self.get(SeriesId(id))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::model::series::Values;

    #[test]
    fn each_series_has_its_own() {
        for seed in 0..20 {
            let mut random = Random::new(seed);
            let most = |random: &mut Random| [1, 5, 600][random.below(3) as usize];
            let mut all = AllProperties::default();
            let mut want: HashMap<u32, Properties> = HashMap::new();
            for _ in 0..2_000 {
                let most = most(&mut random);
                let ttl_seconds = random.below(most) as u32;
                let values = [Values::Double, Values::Long][random.below(2) as usize];
                let properties = Properties {
                    ttl_seconds,
                    values,
                    ..Properties::default()
                };
                let id = random.below(1 << (1 + seed % 12)) as u32;
                all.set(SeriesId(id), properties);
                want.insert(id, properties);
            }
            let end = want.keys().max().map_or(0, |id| id + 1);
            assert_eq!(all.ids_end(), end);
            for (id, properties) in all.iter() {
                let want = want.get(&id.0).copied().unwrap_or_default();
                assert_eq!(properties, want, "seed {seed}");
            }
            assert_eq!(all.get(SeriesId(end + 7)), Properties::default());
        }
    }
}
