//! A sorted map of which copies share what they have in common.
//!
//! What users tell is handed to every shard as a whole, again after each change. So a change copies one
//! piece of a few hundred entries and the list of pieces, and a copy only that list.

use std::borrow::Borrow;
use std::sync::Arc;

/// Entries of a piece: so many are copied when one changes.
const PIECE: usize = 256;

/// Entries by their keys, each key once.
#[derive(Clone, Debug, PartialEq)]
pub struct Ordered<K, V> {
    /// None of them empty.
    pieces: Vec<Arc<Vec<(K, V)>>>,
    len: usize,
}

impl<K, V> Default for Ordered<K, V> {
    fn default() -> Self {
        Ordered {
            pieces: Vec::new(),
            len: 0,
        }
    }
}

impl<K: Ord + Clone, V: Clone> Ordered<K, V> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Them by key.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let entries = self.pieces.iter().flat_map(|piece| piece.iter());
        entries.map(|(key, value)| (key, value))
    }

    /// Them by key, but for the first so many.
    pub fn iter_from(&self, first: usize) -> impl Iterator<Item = (&K, &V)> {
        let (mut skipped, mut left) = (0, first);
        for piece in &self.pieces {
            if left < piece.len() {
                break;
            }
            left -= piece.len();
            skipped += 1;
        }
        let pieces = self.pieces.get(skipped..).unwrap_or_default();
        let entries = pieces.iter().flat_map(|piece| piece.iter()).skip(left);
        entries.map(|(key, value)| (key, value))
    }

    /// Them by key, from the first on that is not below `key`.
    pub fn range<Q: Ord + ?Sized>(&self, key: &Q) -> impl Iterator<Item = (&K, &V)>
    where
        K: Borrow<Q>,
    {
        let at = self.piece_of(key);
        let pieces = self.pieces.get(at..).unwrap_or_default();
        let before = pieces.first().map_or(0, |piece| {
            piece.partition_point(|(known, _)| known.borrow() < key)
        });
        let entries = pieces.iter().flat_map(|piece| piece.iter()).skip(before);
        entries.map(|(key, value)| (key, value))
    }

    /// What is kept under a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let piece = self.pieces.get(self.piece_of(key))?;
        let found = piece.binary_search_by(|(known, _)| known.borrow().cmp(key));
        piece.get(found.ok()?).map(|(_, value)| value)
    }

    /// Keep `value` under `key`. Gives what was kept there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        // Behind all others there is the last piece too.
        let at = self.piece_of(&key).min(self.pieces.len().saturating_sub(1));
        let Some(piece) = self.pieces.get_mut(at) else {
            self.pieces.push(Arc::new(vec![(key, value)]));
            self.len = 1;
            return None;
        };
        let entries = Arc::make_mut(piece);
        match entries.binary_search_by(|(known, _)| known.cmp(&key)) {
            Ok(place) => Some(std::mem::replace(&mut entries[place].1, value)),
            Err(place) => {
                entries.insert(place, (key, value));
                self.len += 1;
                if PIECE < entries.len() {
                    let back = entries.split_off(PIECE / 2);
                    self.pieces.insert(at + 1, Arc::new(back));
                }
                None
            }
        }
    }

    /// Forget a key. Gives what was kept there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let at = self.piece_of(key);
        let piece = self.pieces.get_mut(at)?;
        let place = piece.binary_search_by(|(known, _)| known.borrow().cmp(key));
        let (_, value) = Arc::make_mut(piece).remove(place.ok()?);
        self.len -= 1;
        if piece.is_empty() {
            self.pieces.remove(at);
        }
        Some(value)
    }

    /// The piece that has the key, or the first entry behind it.
    fn piece_of<Q: Ord + ?Sized>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        self.pieces
            .partition_point(|piece| piece.last().is_some_and(|(last, _)| last.borrow() < key))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::random::Random;

    #[test]
    fn it_is_a_map_and_copies_stay_as_they_were() {
        for seed in 0..20 {
            let mut random = Random::new(seed);
            let mut map = Ordered::<String, u64>::default();
            let mut twin = BTreeMap::new();
            let mut copies = Vec::new();
            let keys = 10 + random.below(3_000);
            for round in 0..6_000 {
                let key = format!("{:04}", random.below(keys));
                if random.chance(60) {
                    assert_eq!(map.insert(key.clone(), round), twin.insert(key, round));
                } else {
                    assert_eq!(map.remove(key.as_str()), twin.remove(&key));
                }
                assert_eq!(map.len(), twin.len());
                if round % 1_000 == 0 {
                    copies.push((map.clone(), twin.clone()));
                }
                if round % 100 == 0 {
                    let key = format!("{:04}", random.below(keys));
                    assert_eq!(map.get(key.as_str()), twin.get(&key));
                    let behind: Vec<&String> =
                        map.range(key.as_str()).map(|(key, _)| key).collect();
                    let want: Vec<&String> = twin.range(key..).map(|(key, _)| key).collect();
                    assert_eq!(behind, want);
                    let first = random.below(1 + map.len() as u64) as usize;
                    let rest: Vec<&String> = map.iter_from(first).map(|(key, _)| key).collect();
                    let want: Vec<&String> = twin.keys().skip(first).collect();
                    assert_eq!(rest, want);
                }
            }
            copies.push((map, twin));
            for (map, twin) in copies {
                assert!(map.iter().eq(twin.iter()));
                assert_eq!(map.is_empty(), twin.is_empty());
            }
        }
    }
}
