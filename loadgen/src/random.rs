//! Seeded randomness without a state: a word is a pure function of a key and a position.
//!
//! The sender and the verification can therefore make the same number without remembering anything.

/// The odd number nearest to 2^64 divided by the golden ratio: the stride between positions of one key.
const STRIDE: u64 = 0x9E37_79B9_7F4A_7C15;

/// Mixes all bits of a word into all bits of the answer (the finaliser of SplitMix64).
#[inline]
pub fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

/// The random word of one key at one position.
#[inline]
pub fn word_at(key: u64, position: u64) -> u64 {
    mix(key.wrapping_add(position.wrapping_mul(STRIDE)))
}

/// A number below `bound`, from the high half of a random word.
#[inline]
pub fn below(random: u64, bound: u32) -> u32 {
    (((random >> 32) * u64::from(bound)) >> 32) as u32
}

/// Puts `items` into a random order that depends on `key` only.
pub fn shuffle(items: &mut [u32], key: u64) {
    for last in (1..items.len()).rev() {
        let other = below(word_at(key, last as u64), last as u32 + 1) as usize;
        items.swap(last, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_stays_below_and_reaches_both_ends() {
        let seen: Vec<u32> = (0..1000).map(|at| below(word_at(7, at), 16)).collect();
        assert!(seen.iter().all(|&number| number < 16));
        assert!((0..16).all(|number| seen.contains(&number)));
    }

    #[test]
    fn shuffle_keeps_every_item_and_repeats_with_its_key() {
        let mut one: Vec<u32> = (0..100).collect();
        let mut two = one.clone();
        shuffle(&mut one, 5);
        shuffle(&mut two, 5);
        assert_eq!(one, two);
        assert_ne!(one, (0..100).collect::<Vec<u32>>());
        two.sort_unstable();
        assert_eq!(two, (0..100).collect::<Vec<u32>>());
    }
}
