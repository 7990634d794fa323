//! A table whose places are reused: the number of a place stays valid until it is taken out.

/// Places and which of them are free.
#[derive(Debug)]
pub(super) struct Slots<T> {
    places: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots {
            places: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slots<T> {
    /// How many places are taken.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Put `item` somewhere.
    pub(super) fn insert(&mut self, item: T) -> usize {
        if let Some(place) = self.free.pop() {
            self.places[place] = Some(item);
            return place;
        }
        self.places.push(Some(item));
        self.places.len() - 1
    }

    /// What is at `place`.
    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.places.get_mut(place)?.as_mut()
    }

    /// Take out what is at `place`.
    pub(super) fn remove(&mut self, place: usize) -> Option<T> {
        let item = self.places.get_mut(place)?.take()?;
        self.free.push(place);
        Some(item)
    }

    /// Everything there is, with its place.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        let places = self.places.iter().enumerate();
        places.filter_map(|(place, item)| Some((place, item.as_ref()?)))
    }

    /// Everything there is.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.places.iter_mut().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_reused_only_when_it_is_free() {
        let mut slots = Slots::default();
        let (a, b) = (slots.insert("a"), slots.insert("b"));
        assert_eq!(slots.remove(a), Some("a"));
        assert_eq!(slots.remove(a), None, "nothing is taken out twice");
        assert_eq!(slots.len(), 1);
        assert_eq!(slots.insert("c"), a);
        assert_ne!(slots.insert("d"), b);
        assert_eq!(slots.get_mut(b), Some(&mut "b"));
        assert_eq!(slots.get_mut(99), None);
    }
}
