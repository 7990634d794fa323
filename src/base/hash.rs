//! The keyed 128-bit hash that finds a series: XXH3 with a secret derived from the appliance's seed.

use xxhash_rust::xxh3::xxh3_128_with_secret;

use super::random::Random;

/// XXH3's secret for long inputs; its minimum is 136 bytes.
const SECRET_BYTES: usize = 192;

/// A hash function chosen by a seed. Two appliances with the same seed agree; a sender who does
/// not know the seed cannot choose names that collide.
#[derive(Clone)]
pub struct Hasher {
    secret: [u8; SECRET_BYTES],
}

impl Hasher {
    /// The function for `seed`.
    pub fn new(seed: u64) -> Hasher {
        let mut random = Random::new(seed);
        let mut secret = [0u8; SECRET_BYTES];
        for word in secret.chunks_exact_mut(8) {
            word.copy_from_slice(&random.next_u64().to_le_bytes());
        }
        Hasher { secret }
    }

    /// 128 bits of `bytes`.
    #[inline]
    pub fn hash(&self, bytes: &[u8]) -> u128 {
        xxh3_128_with_secret(bytes, &self.secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_function() {
        let (a, again, b) = (Hasher::new(1), Hasher::new(1), Hasher::new(2));
        assert_eq!(a.hash(b"web.cpu"), again.hash(b"web.cpu"));
        assert_ne!(a.hash(b"web.cpu"), b.hash(b"web.cpu"));
        assert_ne!(
            a.hash(b""),
            b.hash(b""),
            "short inputs depend on the seed too"
        );
    }
}
