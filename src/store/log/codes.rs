//! Values of a block as bits: most tokens are whole numbers of few bits, and of how few is much the same in
//! block after block.
//!
//! A code has one of a few widths, its *class*. In front of it stand as many ones as there are classes before
//! its own, and a zero. As many ones as there are classes say that the token stands among the values, byte by
//! byte. Decimals that are told from nothing, such as the first of each series, have classes of their own:
//! one for each scale that was seen, behind all others, where they cost these nothing.
//!
//! Which widths pay is told from a sample of the blocks before; each block says which it has, so it can be
//! read alone.

use super::columns::Damage;
use crate::base::varint;
use crate::store::token::{self, Token};

/// Most classes of differences, and of what is told from nothing.
const PLAIN_MAX: usize = 6;
const ALONE_MAX: usize = 4;
const CLASSES_MAX: usize = PLAIN_MAX + ALONE_MAX;
/// Bits of the widest code, and of one with what stands in front: wherever in a byte that begins, all of it
/// is in eight bytes.
const WIDTH_MAX: u32 = 49;
const BITS_MAX: u32 = 56;
/// Most bytes of what tells the classes.
pub(super) const HEAD_BYTES_MAX: usize = 1 + 2 * CLASSES_MAX;
/// In the byte of a class: a byte with the scale follows.
const ALONE: u8 = 64;
/// Bytes that one store writes.
const STORE_BYTES: usize = 8;

/// Points of one block that are looked at, and points between two plans: few until the first.
const SAMPLED: usize = 2048;
const PLANNED_FIRST: usize = 1000;
const PLANNED_MOST: usize = 1 << 18;

/// The classes of differences as long as nothing is known.
const FIRST_WIDTHS: [u8; 4] = [7, 0, 14, 28];

/// What a token among the values costs beside its class, about.
const VALUE_BITS: u64 = 40;

/// One class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Class {
    width: u8,
    /// Of decimals that are told from nothing.
    scale: Option<u8>,
}

/// The classes of a block's codes: those of differences first, the most usual in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Classes {
    all: [Class; CLASSES_MAX],
    count: u8,
}

impl Classes {
    fn of(widths: &[u8]) -> Classes {
        let mut classes = Classes {
            all: [Class::default(); CLASSES_MAX],
            count: 0,
        };
        for &width in widths.iter().take(PLAIN_MAX) {
            classes.add(Class { width, scale: None });
        }
        classes
    }

    /// One more, if there is room.
    fn add(&mut self, class: Class) {
        if let Some(place) = self.all.get_mut(usize::from(self.count)) {
            *place = class;
            self.count += 1;
        }
    }

    fn all(&self) -> &[Class] {
        &self.all[..usize::from(self.count)]
    }

    /// Those of differences.
    fn plain(&self) -> impl Iterator<Item = u8> {
        let plain = self.all().iter().filter(|class| class.scale.is_none());
        plain.map(|class| class.width)
    }

    /// What tells them.
    fn push(&self, out: &mut Vec<u8>) {
        out.push(self.count);
        for class in self.all() {
            match class.scale {
                Some(scale) => out.extend([ALONE | class.width, scale]),
                None => out.push(class.width),
            }
        }
    }

    /// Bytes of [`Classes::push`].
    fn bytes(&self) -> usize {
        1 + 2 * self.all().len() - self.plain().count()
    }

    /// The classes that `bytes` start with, and the bits behind them.
    fn take(bytes: &[u8]) -> Option<(Classes, &[u8])> {
        let (&count, mut rest) = bytes.split_first()?;
        if !(1..=CLASSES_MAX).contains(&usize::from(count)) {
            return None;
        }
        let mut classes = Classes::of(&[]);
        for lead in 1..=u32::from(count) {
            let &byte = rest.split_off_first()?;
            let scale = match byte & ALONE {
                0 => None,
                _ => Some(*rest.split_off_first()?),
            };
            let width = byte & !ALONE;
            if WIDTH_MAX < width.into() || BITS_MAX < lead + u32::from(width) {
                return None;
            }
            classes.add(Class { width, scale });
        }
        Some((classes, rest))
    }

    /// The rank of the class that is shortest for codes of so many bits, and the bits it takes.
    fn best(&self, bits: u32) -> Option<(u32, u32)> {
        let wide = (1..).zip(self.plain()).filter(|&(_, width)| bits <= u32::from(width));
        let lengths = wide.map(|(lead, width)| (lead - 1, lead + u32::from(width)));
        let fit = lengths.filter(|&(_, length)| length <= BITS_MAX);
        fit.min_by_key(|&(_, length)| length)
    }

    /// The same of a code that is told from nothing.
    fn best_alone(&self, scale: u8, bits: u32) -> Option<(u32, u32)> {
        let of_scale = (1..).zip(self.all()).find(|(_, class)| class.scale == Some(scale));
        let (lead, class) = of_scale?;
        (bits <= class.width.into()).then_some((lead - 1, lead + u32::from(class.width)))
    }

    /// Bits of all codes of a sample.
    fn cost(&self, sample: &Sample) -> u64 {
        let escape = u64::from(self.count) + VALUE_BITS;
        let counts = (0..).zip(sample);
        let of = |(bits, &count): (u32, &u32)| {
            let length = self.best(bits).map_or(escape, |(_, bits)| bits.into());
            length * u64::from(count)
        };
        counts.map(of).sum()
    }

    /// The classes that are good for a sample: taken up one by one, whichever saves most.
    fn plan(sample: &Sample) -> Classes {
        let seen = (0..=WIDTH_MAX as u8).filter(|&width| sample[usize::from(width)] > 0);
        let seen: Vec<u8> = seen.collect();
        let mut best = Classes::of(seen.last().map_or(&[7][..], std::slice::from_ref));
        let mut cost = best.cost(sample);
        while best.all().len() < PLAIN_MAX {
            let more = seen.iter().filter(|&&width| best.plain().all(|own| own != width));
            let more = more.map(|&width| {
                let classes = best.with(width, sample);
                (classes.cost(sample), classes)
            });
            match more.min_by_key(|&(cost, _)| cost) {
                Some((less, classes)) if less < cost => (cost, best) = (less, classes),
                _ => break,
            }
        }
        best
    }

    /// One class of differences more, and all of them in the order of how usual they are.
    fn with(&self, width: u8, sample: &Sample) -> Classes {
        let mut widths: Vec<u8> = self.plain().chain([width]).collect();
        widths.sort_unstable();
        let mut from = 0;
        let usual = widths.iter().map(|&width| {
            let until = usize::from(width) + 1;
            let codes = sample.get(from..until).unwrap_or_default();
            from = until;
            let codes: u64 = codes.iter().map(|&count| u64::from(count)).sum();
            (u64::MAX - codes, width)
        });
        let mut usual: Vec<(u64, u8)> = usual.collect();
        usual.sort_unstable();
        let widths: Vec<u8> = usual.into_iter().map(|(_, width)| width).collect();
        Classes::of(&widths)
    }
}

/// How many codes have so many bits.
type Sample = [u32; WIDTH_MAX as usize + 1];

/// How a token is written.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// The ones and the zero in front, and how many these are.
    lead: u16,
    lead_bits: u8,
    /// Bits of all. None where it stands among the values.
    bits: u8,
}

/// Tokens that wait to be packed at one go: that keeps what packing needs in registers.
const PENDING: usize = 128;
/// Most bytes that one of them takes.
const PENDING_BYTES_MAX: usize = 9;
/// Where the number of its way stands in a token that waits, above its code. Ways of differences are numbered
/// by the bits of their codes; behind [`ALONE_WAYS`] come those of scales.
const WAY_AT: u32 = 56;
const ALONE_WAYS: usize = 64;
const WAYS: usize = 128;

/// The tokens of a batch.
#[derive(Debug)]
pub(super) struct Codes {
    classes: Classes,
    ways: [Way; WAYS],
    pending: [u64; PENDING],
    pending_len: usize,
    bytes: Vec<u8>,
    len: usize,
    /// Bits that did not fill a byte.
    word: u64,
    filled: u32,
    /// Tokens without a code.
    values: Vec<u8>,
    /// Widths of what was told from nothing, by scale, since the classes were planned; and whether one was
    /// wider than its class, or had none.
    alone: [Option<u8>; token::SCALES],
    alone_is_new: bool,
    sample: Sample,
    sampled: usize,
    /// Of this block so many more are looked at.
    sample_left: usize,
    /// Points since the classes were planned, and at how many they are again.
    points: usize,
    planned_at: usize,
}

impl Codes {
    /// Room for so many bytes.
    pub(super) fn new(bytes: usize) -> Codes {
        let mut codes = Codes {
            classes: Classes::of(&FIRST_WIDTHS),
            ways: [Way::default(); WAYS],
            pending: [0; PENDING],
            pending_len: 0,
            bytes: vec![0; bytes + STORE_BYTES],
            len: 0,
            word: 0,
            filled: 0,
            values: Vec::new(),
            alone: [None; token::SCALES],
            alone_is_new: false,
            sample: [0; WIDTH_MAX as usize + 1],
            sampled: 0,
            sample_left: SAMPLED,
            points: 0,
            planned_at: PLANNED_FIRST,
        };
        codes.set(Classes::of(&FIRST_WIDTHS));
        codes
    }

    fn set(&mut self, classes: Classes) {
        self.classes = classes;
        let way = |(rank, bits): (u32, u32)| Way {
            lead: (1 << rank) - 1,
            lead_bits: rank as u8 + 1,
            bits: bits as u8,
        };
        let (plain, alone) = self.ways.split_at_mut(ALONE_WAYS);
        for (bits, place) in (0..).zip(plain) {
            *place = classes.best(bits).map(way).unwrap_or_default();
        }
        for (scale, place) in (0..).zip(alone) {
            *place = classes.best_alone(scale, 0).map(way).unwrap_or_default();
        }
    }

    /// Add a token.
    pub(super) fn push_token(&mut self, token: &Token) {
        match (token.code(), token.decimal_alone()) {
            (Some(code), _) if code >> WIDTH_MAX == 0 => self.push(code),
            (_, Some((scale, code))) if self.has_class(scale, code) => {
                self.pend(code, ALONE_WAYS as u64 + u64::from(scale));
            }
            _ => self.push_value(|values| values.extend_from_slice(token.bytes())),
        }
    }

    /// [`Codes::push_token`] of the varint of `code`, which has at most [`WIDTH_MAX`] bits.
    #[inline(always)]
    pub(super) fn push(&mut self, code: u64) {
        self.pend(code, u64::from(u64::BITS - code.leading_zeros()));
    }

    /// Add a token that has no code: what `push` appends.
    pub(super) fn push_value(&mut self, push: impl FnOnce(&mut Vec<u8>)) {
        self.pack();
        let count = u32::from(self.classes.count);
        let mut bits = Bits::of(self);
        bits.put((1 << count) - 1, count, &mut self.bytes);
        bits.keep(self);
        push(&mut self.values);
    }

    /// Whether the code of a decimal that is told from nothing has a class. If not, it soon has.
    fn has_class(&mut self, scale: u8, code: u64) -> bool {
        let bits = u64::BITS - code.leading_zeros();
        if WIDTH_MAX < bits {
            return false;
        }
        let widest = self.alone.get_mut(usize::from(scale));
        widest.into_iter().for_each(|widest| *widest = (*widest).max(Some(bits as u8)));
        let found = self.classes.best_alone(scale, bits).is_some();
        self.alone_is_new |= !found;
        found
    }

    #[inline(always)]
    fn pend(&mut self, code: u64, way: u64) {
        if let Some(place) = self.pending.get_mut(self.pending_len) {
            *place = code | way << WAY_AT;
            self.pending_len += 1;
        }
        if self.pending_len == PENDING {
            self.pack();
        }
    }

    /// Pack what waits.
    #[inline(never)]
    pub(super) fn pack(&mut self) {
        let Some(pending) = self.pending.get(..self.pending_len) else {
            return;
        };
        for &token in pending.iter().take(self.sample_left) {
            let count = self.sample.get_mut((token >> WAY_AT) as usize);
            count.into_iter().for_each(|count| *count += 1);
        }
        self.sampled += pending.len().min(self.sample_left);
        self.sample_left = self.sample_left.saturating_sub(pending.len());
        let mut bits = Bits::of(self);
        for &token in pending {
            let code = token & ((1 << WAY_AT) - 1);
            let way = self.ways[(token >> WAY_AT) as usize % WAYS];
            if way.bits == 0 {
                let count = u32::from(self.classes.count);
                bits.put((1 << count) - 1, count, &mut self.bytes);
                varint::push(code, &mut self.values);
                continue;
            }
            let coded = code << way.lead_bits | u64::from(way.lead);
            bits.put(coded, u32::from(way.bits), &mut self.bytes);
        }
        bits.keep(self);
        self.pending_len = 0;
    }

    /// Bytes that they take, or a few more.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        let packed = self.len + usize::from(self.filled > 0);
        packed + self.values.len() + self.pending_len * PENDING_BYTES_MAX
    }

    /// Tokens without a code. All must be packed.
    pub(super) fn values(&self) -> &[u8] {
        &self.values
    }

    /// Append the codes of all points, at least one, as a section has them. All must be packed.
    pub(super) fn push_to(&self, out: &mut Vec<u8>) {
        self.classes.push(out);
        let len = self.len + usize::from(self.filled > 0);
        out.extend_from_slice(&self.bytes[..len]);
    }

    /// Bytes of [`Codes::push_to`].
    pub(super) fn section_bytes(&self) -> usize {
        self.classes.bytes() + self.len + usize::from(self.filled > 0)
    }

    /// Begin again behind a block of `points`; the next is thought to be like it.
    pub(super) fn clear(&mut self, points: usize) {
        (self.len, self.word, self.filled, self.pending_len) = (0, 0, 0, 0);
        self.values.clear();
        self.points += points;
        if self.planned_at <= self.points && PLANNED_FIRST <= self.sampled {
            self.set(self.with_alone(Classes::plan(&self.sample)));
            self.sample.iter_mut().for_each(|count| *count /= 2);
            self.alone = [None; token::SCALES];
            (self.points, self.sampled) = (0, 0);
            self.planned_at = (self.planned_at * 4).min(PLANNED_MOST);
        } else if self.alone_is_new {
            let widths: Vec<u8> = self.classes.plain().collect();
            self.set(self.with_alone(Classes::of(&widths)));
        }
        self.alone_is_new = false;
        self.sample_left = if self.sampled < SAMPLED { SAMPLED } else { 0 };
    }
}

/// Where bits go: what [`Codes`] knows of it, apart from it while many are put.
struct Bits {
    len: usize,
    word: u64,
    filled: u32,
}

impl Bits {
    fn of(codes: &Codes) -> Bits {
        Bits {
            len: codes.len,
            word: codes.word,
            filled: codes.filled,
        }
    }

    fn keep(self, codes: &mut Codes) {
        (codes.len, codes.word, codes.filled) = (self.len, self.word, self.filled);
    }

    /// Add at most [`BITS_MAX`] bits.
    #[inline(always)]
    fn put(&mut self, bits: u64, count: u32, bytes: &mut [u8]) {
        let word = self.word | bits << self.filled;
        if let Some(place) = bytes.get_mut(self.len..).and_then(<[u8]>::first_chunk_mut) {
            *place = word.to_le_bytes();
        }
        let filled = self.filled + count;
        self.len += filled as usize / 8;
        self.word = word >> (filled & 56);
        self.filled = filled % 8;
    }
}

impl Codes {
    /// `plain`, and the classes of what was told from nothing lately, or else before.
    fn with_alone(&self, mut plain: Classes) -> Classes {
        let before = |scale| {
            let class = self.classes.all().iter().find(|class| class.scale == Some(scale));
            class.map(|class| class.width)
        };
        let seen = (0..).zip(self.alone);
        let widths = seen.map(|(scale, seen)| (scale, seen, before(scale)));
        let mut widths: Vec<(u8, Option<u8>, Option<u8>)> = widths.collect();
        widths.retain(|(_, seen, before)| seen.or(*before).is_some());
        // Those that were seen stay.
        widths.sort_by_key(|(_, seen, _)| seen.is_none());
        for &(scale, seen, before) in widths.iter().take(ALONE_MAX) {
            let width = seen.or(before).unwrap_or_default();
            if plain.count as u32 + 1 + u32::from(width) <= BITS_MAX {
                plain.add(Class {
                    width,
                    scale: Some(scale),
                });
            }
        }
        plain
    }
}

/// Codes of a block that is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coded<'a> {
    classes: Classes,
    bits: &'a [u8],
}

/// What stands at a place of [`Coded`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// This token, and zeros behind it.
    Token([u8; 16]),
    /// The next of the values.
    Value,
}

impl<'a> Coded<'a> {
    /// Those of a section.
    pub(super) fn open(section: &'a [u8]) -> Result<Coded<'a>, Damage> {
        let (classes, bits) = Classes::take(section).ok_or(Damage::Columns)?;
        Ok(Coded { classes, bits })
    }

    /// The code at bit `at`, which becomes where the next begins.
    #[inline]
    pub(super) fn take(&self, at: &mut u64) -> Result<Code, Damage> {
        let rest = usize::try_from(*at / 8).ok();
        let rest = rest.and_then(|byte| self.bits.get(byte..)).unwrap_or_default();
        let word = match rest.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => (0..).zip(rest).fold(0, |word, (i, &byte)| word | u64::from(byte) << (8 * i)),
        };
        let word = word >> (*at % 8);
        let count = u32::from(self.classes.count);
        let rank = word.trailing_ones().min(count);
        let class = self.classes.all().get(rank as usize);
        let bits = class.map_or(count, |class| rank + 1 + u32::from(class.width));
        *at += u64::from(bits);
        if self.bits.len() as u64 * 8 < *at {
            return Err(Damage::Columns);
        }
        let Some(class) = class else {
            return Ok(Code::Value);
        };
        let code = word >> (rank + 1) & ((1 << class.width) - 1);
        let mut token = [0; 16];
        match class.scale {
            None => {
                let (word, _) = varint::short(code).ok_or(Damage::Columns)?;
                if let Some(place) = token.first_chunk_mut() {
                    *place = word.to_be_bytes();
                }
            }
            Some(scale) => {
                let alone = Token::of_decimal(scale, code).ok_or(Damage::Columns)?;
                token = *alone.padded();
            }
        }
        Ok(Code::Token(token))
    }

    /// Whether they end at bit `at`.
    pub(super) fn is_done(&self, at: u64) -> bool {
        at.div_ceil(8) == self.bits.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::model::number::Number;
    use crate::store::token::{Last, TEXT_AGAIN};

    /// Bits of one token after the other, by a loop over all of them; none for one among the values.
    fn slow_bits(classes: &Classes, tokens: &[Option<Token>]) -> Vec<bool> {
        let mut bits = Vec::new();
        for token in tokens {
            let wide = |code: u64| u64::BITS - code.leading_zeros();
            let plain = token.and_then(|token| token.code());
            let alone = token.and_then(|token| token.decimal_alone());
            let of_plain = plain.and_then(|code| Some((classes.best(wide(code))?.0, code)));
            let of_alone = alone
                .and_then(|(scale, code)| Some((classes.best_alone(scale, wide(code))?.0, code)));
            match of_plain.or(of_alone) {
                Some((rank, code)) => {
                    bits.extend((0..rank).map(|_| true));
                    bits.push(false);
                    let width = classes.all()[rank as usize].width;
                    bits.extend((0..width).map(|i| code >> i & 1 == 1));
                }
                None => bits.extend((0..classes.count).map(|_| true)),
            }
        }
        bits
    }

    #[test]
    fn bits_are_those_of_a_slow_writer_and_come_back() {
        for seed in 0..500 {
            let mut random = Random::new(seed);
            let mut codes = Codes::new(1 << 16);
            let wide = 1 + random.below(64) as u32;
            for _ in 0..4 {
                let some = |random: &mut Random| {
                    let code = random.next_u64() >> (64 - wide) >> random.below(8);
                    let number = Number::decimal(varint::unzigzag(code), random.below(7) as u8);
                    match random.below(10) {
                        0 => Token::alone(&mut Last::default(), Number::float(1.0 / 3.0)),
                        1 | 2 => Token::from(TEXT_AGAIN),
                        3 => Token::alone(&mut Last::default(), number),
                        _ => Token::new(&mut Last::default(), Number::long(number.mantissa)),
                    }
                };
                let count = random.below(2000);
                let all: Vec<Token> = (0..count).map(|_| some(&mut random)).collect();
                let (mut coded, mut values) = (Vec::new(), Vec::new());
                for token in &all {
                    match token.code().filter(|code| code >> WIDTH_MAX == 0) {
                        Some(code) if random.chance(50) => codes.push(code),
                        _ => codes.push_token(token),
                    }
                    let has_class = !slow_bits(&codes.classes, &[Some(*token)]).iter().all(|one| *one);
                    coded.push(has_class.then_some(*token));
                    if !has_class {
                        values.extend_from_slice(token.bytes());
                    }
                }
                assert!(codes.len() <= all.len() * 16);
                codes.pack();
                assert_eq!(codes.values(), values, "seed {seed}");
                let mut section = Vec::new();
                codes.push_to(&mut section);
                assert_eq!(section.len(), codes.section_bytes(), "seed {seed}");
                assert!(section.len() + values.len() <= codes.len() + HEAD_BYTES_MAX);
                let back = Coded::open(&section).expect("codes");
                assert_eq!(back.classes, codes.classes, "seed {seed}");
                let want = slow_bits(&codes.classes, &coded);
                let got = |i: usize| back.bits[i / 8] >> (i % 8) & 1 == 1;
                assert_eq!(back.bits.len(), want.len().div_ceil(8), "seed {seed}");
                assert!((0..want.len()).all(|i| got(i) == want[i]), "seed {seed}");
                let mut at = 0;
                for token in &coded {
                    let got = back.take(&mut at).expect("a code");
                    match (token, got) {
                        (Some(token), Code::Token(got)) => {
                            assert!(got.starts_with(token.bytes()), "seed {seed}");
                        }
                        (None, Code::Value) => {}
                        other => panic!("seed {seed}: {other:?}"),
                    }
                }
                assert!(back.is_done(at), "seed {seed}");
                codes.clear(all.len());
            }
        }
    }

    /// A fifth constant, a good half of small steps, a fifth of noise: 11.25 bits a token as varints and a
    /// bit for each zero.
    #[test]
    fn a_usual_mix_becomes_short() {
        let mut random = Random::new(1);
        let mut codes = Codes::new(1 << 20);
        let mut bits = 0;
        for _ in 0..20 {
            for _ in 0..20_000 {
                let code = match random.below(10) {
                    0 | 1 => 0,
                    2..=4 => 2 * random.below(16),
                    5..=7 => random.below(51),
                    _ => random.below(180_000_000),
                };
                codes.push(code);
            }
            codes.pack();
            bits = codes.section_bytes() * 8;
            codes.clear(20_000);
        }
        assert!(bits < 212_000, "{} bits a point", bits as f64 / 20_000.0);
    }

    #[test]
    fn classes_fit_what_was_seen() {
        let widths = |sample: &Sample| Classes::plan(sample).plain().collect::<Vec<u8>>();
        let mut sample: Sample = [0; WIDTH_MAX as usize + 1];
        assert_eq!(widths(&sample), [7]);
        sample[0] = 1000;
        assert_eq!(widths(&sample), [0]);
        (sample[5], sample[28]) = (5000, 10);
        assert_eq!(widths(&sample), [5, 0, 28]);
        sample = [1; WIDTH_MAX as usize + 1];
        assert!(widths(&sample).len() <= PLAIN_MAX);
        assert!(Classes::plan(&sample).best(WIDTH_MAX).is_some());
    }

    /// The first of each series, at two scales: in the second block they have classes.
    #[test]
    fn what_is_told_from_nothing_becomes_short_too() {
        let mut codes = Codes::new(1 << 16);
        for (block, most) in [(0, 7_000), (1, 2_800)] {
            for points in 0..1000 {
                let number = Number::decimal(50_000 + points, 2 + (points % 2) as u8 * 2);
                codes.push_token(&Token::alone(&mut Last::default(), number));
            }
            codes.pack();
            assert!(codes.len() < most, "block {block}: {}", codes.len());
            codes.clear(1000);
        }
    }

    #[test]
    fn hostile_bytes_are_no_codes() {
        let many = [vec![11], vec![1; 11]].concat();
        let wide = [vec![10], vec![1; 9], vec![48]].concat();
        for bad in [&[][..], &[0], &many, &[1, 50], &wide, &[2, 1], &[1, 65]] {
            assert!(Coded::open(bad).is_err(), "{bad:?}");
        }
        let mut random = Random::new(3);
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..random.below(40)).map(|_| random.next_u64() as u8 % 80).collect();
            let Ok(coded) = Coded::open(&bytes) else {
                continue;
            };
            let (mut at, mut taken) = (0, 0);
            while coded.take(&mut at).is_ok() {
                taken += 1;
                assert!(taken <= bytes.len() * 8);
            }
        }
    }
}
