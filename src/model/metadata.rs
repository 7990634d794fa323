//! Texts that programs keep here for themselves, as KairosDB's metadata service has them: each under a
//! service, a key of that service, and a key below that.

use std::sync::Arc;

use super::ordered::Ordered;

/// Bytes of one entry: its three names and its text.
pub const ENTRY_BYTES_MAX: usize = 256 * 1024;
/// Entries of an appliance.
pub const ENTRIES_MAX: usize = 100_000;
/// Bytes of all entries.
pub const BYTES_MAX: usize = 64 << 20;

/// Where a text is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The service.
    pub service: String,
    /// The service's key.
    pub service_key: String,
    /// The key below it.
    pub key: String,
}

impl Place {
    fn bytes(&self) -> usize {
        self.service.len() + self.service_key.len() + self.key.len()
    }
}

/// Why a text is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataRefused {
    /// Over [`ENTRY_BYTES_MAX`].
    #[error(
        "a metadata entry has {ENTRY_BYTES_MAX} bytes at most, its names among them; shorten it"
    )]
    Long,
    /// Over [`ENTRIES_MAX`].
    #[error(
        "there are {ENTRIES_MAX} metadata entries already, the most that are kept; delete some"
    )]
    Many,
    /// Over [`BYTES_MAX`].
    #[error("the metadata has {BYTES_MAX} bytes already, the most that are kept; delete some")]
    Full,
}

/// All entries. Copies share what they have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    all: Ordered<Arc<Place>, Arc<str>>,
    bytes: usize,
}

impl Metadata {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Bytes of all names and texts.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The text at a place.
    pub fn get(&self, place: &Place) -> Option<&Arc<str>> {
        self.all.get(place)
    }

    /// Entries by their places, but for the first so many.
    pub fn iter_from(&self, first: usize) -> impl Iterator<Item = (&Place, &str)> {
        let entries = self.all.iter_from(first);
        entries.map(|(place, text)| (&**place, &**text))
    }

    /// Places, in order, from the first on that is not below this.
    pub fn places_from(&self, place: &Place) -> impl Iterator<Item = &Place> {
        self.all.range(place).map(|(place, _)| &**place)
    }

    /// Whether a text may be kept there.
    ///
    /// # Errors
    /// The limit that it would pass.
    pub fn check(&self, place: &Place, text: &str) -> Result<(), MetadataRefused> {
        let bytes = place.bytes() + text.len();
        let before = self.get(place);
        let bytes_before = before.map_or(0, |text| place.bytes() + text.len());
        if ENTRY_BYTES_MAX < bytes {
            return Err(MetadataRefused::Long);
        }
        if before.is_none() && ENTRIES_MAX <= self.len() {
            return Err(MetadataRefused::Many);
        }
        if BYTES_MAX < self.bytes - bytes_before + bytes {
            return Err(MetadataRefused::Full);
        }
        Ok(())
    }

    /// Keep a text, instead of the one that is there.
    pub fn set(&mut self, place: Place, text: &str) {
        let names = place.bytes();
        let before = self.all.insert(Arc::new(place), text.into());
        self.bytes += names + text.len();
        self.bytes -= before.map_or(0, |before| names + before.len());
    }

    /// Forget a text.
    pub fn unset(&mut self, place: &Place) {
        if let Some(text) = self.all.remove(place) {
            self.bytes -= place.bytes() + text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(service: &str, service_key: &str, key: &str) -> Place {
        Place {
            service: service.to_owned(),
            service_key: service_key.to_owned(),
            key: key.to_owned(),
        }
    }

    #[test]
    fn texts_are_kept_replaced_and_forgotten() {
        let mut metadata = Metadata::default();
        metadata.set(place("s", "k2", "a"), "one");
        metadata.set(place("s", "k1", "b"), "two");
        metadata.set(place("s", "k1", "a"), "");
        metadata.set(place("s", "k2", "a"), "three");
        assert_eq!((metadata.len(), metadata.bytes()), (3, 7 + 4 + 9));
        assert_eq!(
            metadata.get(&place("s", "k2", "a")).map(|t| &**t),
            Some("three")
        );
        let keys: Vec<&str> = metadata
            .places_from(&place("s", "k1", ""))
            .map(|place| place.key.as_str())
            .collect();
        assert_eq!(keys, ["a", "b", "a"]);
        metadata.unset(&place("s", "k1", "b"));
        metadata.unset(&place("s", "k1", "none"));
        assert_eq!((metadata.len(), metadata.bytes()), (2, 4 + 9));
    }

    #[test]
    fn limits() {
        let mut metadata = Metadata::default();
        let long = "x".repeat(ENTRY_BYTES_MAX - 3);
        let abc = place("a", "b", "c");
        assert_eq!(metadata.check(&abc, &long), Ok(()));
        let longer = metadata.check(&place("a", "b", "cd"), &long);
        assert_eq!(longer, Err(MetadataRefused::Long));
        metadata.set(abc.clone(), &long);
        metadata.bytes = BYTES_MAX;
        assert_eq!(metadata.check(&abc, &long), Ok(()), "instead of itself");
        let more = metadata.check(&place("a", "b", "d"), "");
        assert_eq!(more, Err(MetadataRefused::Full));
    }
}
