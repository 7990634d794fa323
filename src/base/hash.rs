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

/// Hashes numbers that nobody outside chooses, such as places in files and ids of series: a few instructions,
/// and nothing against chosen collisions.
#[derive(Clone, Copy, Debug, Default)]
pub struct NumberHasher(u64);

/// For maps of such numbers.
pub type Numbers = std::hash::BuildHasherDefault<NumberHasher>;

impl std::hash::Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        // Maps look at both ends of it.
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for some in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(some).for_each(|(to, &from)| *to = from);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(29) ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    #[inline]
    fn write_u128(&mut self, number: u128) {
        self.write_u64(number as u64);
        self.write_u64((number >> 64) as u64);
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
