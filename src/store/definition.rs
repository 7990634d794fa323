//! What a series is, in bytes: the same in the log and in a book.
//!
//! Definitions stand in lists, each told from the one before it: senders name their series in an order, so
//! a name shares most of itself with its neighbour's. At the start of a list the number before is -1 and
//! the text before is empty.
//!
//! | bytes | what |
//! |---|---|
//! | varint | zigzag of its number in the book, less the one before and one |
//! | 1 | bits 0-1 values, 2-3 kind, 4 duplicates (0 last, 1 all), 5 tenant follows, 6 base step, 7 ttl |
//! | varint | tenant, if it is not 0 |
//! | varint | base step in seconds, if there is one |
//! | varint | ttl in seconds, if there is one |
//! | varint | bytes at the start of the canonical text that are those of the one before |
//! | varint | bytes that follow |
//! | so many | the rest of the text, UTF-8 |

use crate::base::varint::{self, unzigzag, zigzag};
use crate::model::points::Duplicates;
use crate::model::series::{Kind, Properties, SERIES_BYTES_MAX, SeriesName, TenantId, Values};

/// Bytes that a definition takes besides its text, at most.
const BESIDE_BYTES_MAX: usize = 6 * varint::BYTES_MAX + 1;

const TENANT: u8 = 1 << 5;
const BASE_STEP: u8 = 1 << 6;
const TTL: u8 = 1 << 7;

/// One series, under the number that the files of a book know it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its number.
    pub number: u32,
    /// Whose it is.
    pub tenant: TenantId,
    /// What is fixed for it.
    pub properties: Properties,
    /// Its name.
    pub name: SeriesName,
}

/// What the next definition of a list is told from.
#[derive(Clone, Debug, Default)]
pub struct Told {
    next: u32,
    text: String,
}

impl Told {
    /// As at the start of a list.
    pub fn clear(&mut self) {
        self.next = 0;
        self.text.clear();
    }
}

impl Definition {
    /// Bytes that it takes in any list, at most.
    pub fn bytes_max(&self) -> usize {
        BESIDE_BYTES_MAX + self.name.text_bytes_max()
    }

    /// Append the bytes, told from the one before, and be what the next one is told from.
    pub fn push(&self, told: &mut Told, out: &mut Vec<u8>) {
        let Properties {
            values,
            kind,
            duplicates,
            base_step_seconds,
            ttl_seconds,
        } = self.properties;
        let number = i64::from(self.number) - i64::from(told.next);
        varint::push(zigzag(number), out);
        let mut flags = values as u8 | (kind as u8) << 2;
        flags |= u8::from(duplicates == Duplicates::All) << 4;
        flags |= if self.tenant.0 == 0 { 0 } else { TENANT };
        flags |= if base_step_seconds == 0 { 0 } else { BASE_STEP };
        flags |= if ttl_seconds == 0 { 0 } else { TTL };
        out.push(flags);
        if self.tenant.0 != 0 {
            varint::push(u64::from(self.tenant.0), out);
        }
        if base_step_seconds != 0 {
            varint::push(u64::from(base_step_seconds), out);
        }
        if ttl_seconds != 0 {
            varint::push(u64::from(ttl_seconds), out);
        }
        let text = self.name.text();
        let both = text.bytes().zip(told.text.bytes());
        let shared = both.take_while(|(own, other)| own == other).count();
        varint::push(shared as u64, out);
        varint::push((text.len() - shared) as u64, out);
        out.extend_from_slice(&text.as_bytes()[shared..]);
        told.next = self.number.wrapping_add(1);
        told.text = text;
    }

    /// The definition at the start of `bytes`, and how many bytes it took; it is what the next one is told
    /// from. `None` where none starts.
    pub fn take(bytes: &[u8], told: &mut Told) -> Option<(Definition, usize)> {
        let mut rest = bytes;
        let number = unzigzag(take_number(&mut rest)?).checked_add(i64::from(told.next))?;
        let number = u32::try_from(number).ok()?;
        let (&flags, behind) = rest.split_first()?;
        rest = behind;
        let mut number_if = |flag: u8| {
            let number = if flags & flag == 0 {
                0
            } else {
                take_number(&mut rest)?
            };
            u32::try_from(number).ok()
        };
        let tenant = TenantId(number_if(TENANT)?);
        let base_step_seconds = number_if(BASE_STEP)?;
        let ttl_seconds = number_if(TTL)?;
        let [values, kind] = [flags & 3, flags >> 2 & 3].map(usize::from);
        let duplicates = [Duplicates::Last, Duplicates::All][usize::from(flags >> 4 & 1)];
        let properties = Properties {
            values: *[Values::Double, Values::Long, Values::Text].get(values)?,
            kind: *[Kind::Gauge, Kind::Counter, Kind::Increment].get(kind)?,
            duplicates,
            base_step_seconds,
            ttl_seconds,
        };
        let shared = usize::try_from(take_number(&mut rest)?).ok()?;
        let len = usize::try_from(take_number(&mut rest)?).ok()?;
        let (start, end) = (told.text.as_bytes().get(..shared)?, rest.get(..len)?);
        // What is escaped takes two bytes.
        if 2 * SERIES_BYTES_MAX < shared + len {
            return None;
        }
        let text = String::from_utf8([start, end].concat()).ok()?;
        let name = SeriesName::from_text(&text).ok()?;
        *told = Told {
            next: number.wrapping_add(1),
            text,
        };
        let definition = Definition {
            number,
            tenant,
            properties,
            name,
        };
        Some((definition, bytes.len() - rest.len() + len))
    }
}

fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let (number, len) = varint::take(rest)?;
    *rest = &rest[len..];
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    fn some(random: &mut Random) -> Definition {
        let tags = match random.below(3) {
            0 => vec![("ho;st".to_owned(), format!("a=b{}", random.below(9)))],
            _ => Vec::new(),
        };
        let values = [Values::Double, Values::Long, Values::Text];
        let kinds = [Kind::Gauge, Kind::Counter, Kind::Increment];
        let all = random.chance(30);
        Definition {
            number: random.below(1 << 20) as u32,
            tenant: TenantId(random.below(3) as u32 * 300),
            properties: Properties {
                values: values[random.below(3) as usize],
                kind: kinds[random.below(3) as usize],
                duplicates: if all {
                    Duplicates::All
                } else {
                    Duplicates::Last
                },
                base_step_seconds: random.below(2) as u32 * 30,
                ttl_seconds: [0, 1, 86_400, u32::MAX][random.below(4) as usize],
            },
            name: SeriesName::new(format!("wéb;cpu.h{:04}", random.below(3000)), tags)
                .expect("a name"),
        }
    }

    #[test]
    fn there_and_back_and_cut() {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let list: Vec<Definition> = (0..20).map(|_| some(&mut random)).collect();
            let (mut told, mut bytes, mut ends) = (Told::default(), Vec::new(), Vec::new());
            for definition in &list {
                let before = bytes.len();
                definition.push(&mut told, &mut bytes);
                assert!(
                    bytes.len() - before <= definition.bytes_max(),
                    "seed {seed}"
                );
                ends.push(bytes.len());
            }
            for cut in 0..=bytes.len() {
                let (mut told, mut at, mut taken) = (Told::default(), 0, Vec::new());
                while let Some((definition, len)) = Definition::take(&bytes[at..cut], &mut told) {
                    at += len;
                    taken.push(definition);
                }
                let whole = ends.iter().filter(|&&end| end <= cut).count();
                assert_eq!(taken, list[..whole], "seed {seed} cut at {cut}");
            }
        }
    }

    #[test]
    fn hostile_bytes_are_no_definition() {
        let mut random = Random::new(3);
        for _ in 0..100_000 {
            let bytes: Vec<u8> = (0..random.below(40))
                .map(|_| random.next_u64() as u8)
                .collect();
            if let Some((_, len)) = Definition::take(&bytes, &mut Told::default()) {
                assert!(len <= bytes.len());
            }
        }
    }

    #[test]
    fn neighbours_share_their_names() {
        let (mut told, mut bytes) = (Told::default(), Vec::new());
        for number in 0..1000 {
            let name = format!("servers.dc1.web-{:06}.cpu.user", number / 4);
            Definition {
                number,
                tenant: TenantId::DEFAULT,
                properties: Properties::default(),
                name: SeriesName::new(name, Vec::new()).expect("a name"),
            }
            .push(&mut told, &mut bytes);
        }
        assert!(bytes.len() < 10_000, "{}", bytes.len());
    }
}
