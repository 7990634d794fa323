//! A block of points: 192 bytes, one series, one window.

/// How a block keeps its timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `base_ms + i * step`: not kept.
    Even,
    /// One signed distance from `base_ms` each.
    Odd,
}

/// Words of points behind the header.
const WORDS: usize = 38;

/// Points of one series within one window, in the order of their arrival.
pub(super) struct Block {
    pub(super) base_ms: i64,
    pub(super) stamp_base: u64,
    pub(super) series: u32,
    pub(super) previous: u32,
    pub(super) next: u32,
    /// Milliseconds from point to point of an even block; 0 while there is only one point.
    pub(super) step: u32,
    pub(super) count: u32,
    pub(super) kind: Kind,
    /// Whether it is in the chain of late points.
    pub(super) late: bool,
    words: [u32; WORDS],
}

const _: () = assert!(size_of::<Block>() == 192);

impl Block {
    /// Words of an evenly spaced point: stamp, value.
    const EVEN_WORDS: usize = 3;
    /// Words of any other point: stamp, value, distance.
    const ODD_WORDS: usize = 4;
    /// Evenly spaced points that fit.
    pub(super) const EVEN_POINTS: usize = WORDS / Self::EVEN_WORDS;
    /// Other points that fit.
    pub(super) const ODD_POINTS: usize = WORDS / Self::ODD_WORDS;

    /// A block without points, even until it is told otherwise.
    pub(super) fn new(series: u32, base_ms: i64, stamp_base: u64) -> Block {
        Block {
            base_ms,
            stamp_base,
            series,
            previous: u32::MAX,
            next: u32::MAX,
            step: 0,
            count: 0,
            kind: Kind::Even,
            late: false,
            words: [0; WORDS],
        }
    }

    /// Where point `i` of an even block goes; the last place if it is full.
    #[inline]
    pub(super) fn slot(&self, i: usize) -> &u32 {
        &self.words[(i * Self::EVEN_WORDS).min(WORDS - 1)]
    }

    /// Write evenly spaced point `i`, which arrived `since` microseconds after the stamp base.
    #[inline]
    pub(super) fn put_even(&mut self, i: usize, since: u32, value: f64) {
        let at = i * Self::EVEN_WORDS;
        let bits = value.to_bits();
        self.words[at..at + 3].copy_from_slice(&[since, bits as u32, (bits >> 32) as u32]);
    }

    /// Write point `i`, `distance` milliseconds from the base.
    pub(super) fn put_odd(&mut self, i: usize, distance: i32, since: u32, value: f64) {
        let at = i * Self::ODD_WORDS;
        let bits = value.to_bits();
        self.words[at..at + 4].copy_from_slice(&[
            since,
            bits as u32,
            (bits >> 32) as u32,
            distance as u32,
        ]);
    }

    /// Rewrite the `count` points of an even block with their timestamps; they fit.
    pub(super) fn make_odd(&mut self, count: usize) {
        let points: Vec<_> = (0..count).map(|i| self.get(i)).collect();
        self.kind = Kind::Odd;
        self.step = 0;
        for (i, (time, stamp, value)) in points.into_iter().enumerate() {
            self.put_odd(
                i,
                (time - self.base_ms) as i32,
                (stamp - self.stamp_base) as u32,
                value,
            );
        }
    }

    /// Time in milliseconds, stamp and value of point `i`.
    #[inline]
    pub(super) fn get(&self, i: usize) -> (i64, u64, f64) {
        let (at, time) = match self.kind {
            Kind::Even => (
                i * Self::EVEN_WORDS,
                self.base_ms + i as i64 * i64::from(self.step),
            ),
            Kind::Odd => {
                let at = i * Self::ODD_WORDS;
                (at, self.base_ms + i64::from(self.words[at + 3] as i32))
            }
        };
        let bits = u64::from(self.words[at + 1]) | (u64::from(self.words[at + 2]) << 32);
        (
            time,
            self.stamp_base + u64::from(self.words[at]),
            f64::from_bits(bits),
        )
    }
}
