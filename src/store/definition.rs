//! What a series is, in bytes: the same in the log and in a book.
//!
//! | bytes | what |
//! |---|---|
//! | varint | its number in the book |
//! | varint | tenant |
//! | 1 | values, 0 to 2 |
//! | 1 | kind, 0 to 2 |
//! | 1 | duplicates: 0 last, 1 all |
//! | varint | base step in seconds, 0 for none |
//! | varint | bytes of the canonical text |
//! | so many | the text, UTF-8 |

use crate::base::varint;
use crate::model::points::Duplicates;
use crate::model::series::{Kind, Properties, SERIES_BYTES_MAX, SeriesName, TenantId, Values};

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

impl Definition {
    /// Append the bytes.
    pub fn push(&self, out: &mut Vec<u8>) {
        varint::push(u64::from(self.number), out);
        varint::push(u64::from(self.tenant.0), out);
        let Properties {
            values,
            kind,
            duplicates,
            base_step_seconds,
        } = self.properties;
        let all = u8::from(duplicates == Duplicates::All);
        out.extend([values as u8, kind as u8, all]);
        varint::push(u64::from(base_step_seconds), out);
        let text = self.name.text();
        varint::push(text.len() as u64, out);
        out.extend_from_slice(text.as_bytes());
    }

    /// The definition at the start of `bytes`, and how many bytes it took. `None` where none starts.
    pub fn take(bytes: &[u8]) -> Option<(Definition, usize)> {
        let mut rest = bytes;
        let number = u32::try_from(take_number(&mut rest)?).ok()?;
        let tenant = TenantId(u32::try_from(take_number(&mut rest)?).ok()?);
        let (&[values, kind, duplicates], behind) = rest.split_first_chunk()?;
        rest = behind;
        let properties = Properties {
            values: *[Values::Double, Values::Long, Values::Text].get(usize::from(values))?,
            kind: *[Kind::Gauge, Kind::Counter, Kind::Increment].get(usize::from(kind))?,
            duplicates: *[Duplicates::Last, Duplicates::All].get(usize::from(duplicates))?,
            base_step_seconds: u32::try_from(take_number(&mut rest)?).ok()?,
        };
        let len = usize::try_from(take_number(&mut rest)?).ok()?;
        // What is escaped takes two bytes.
        let text = rest.get(..len).filter(|_| len <= 2 * SERIES_BYTES_MAX)?;
        let name = SeriesName::from_text(std::str::from_utf8(text).ok()?).ok()?;
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

    #[test]
    fn there_and_back_and_cut() {
        let tags = vec![("ho;st".to_owned(), "a=b".to_owned())];
        let definition = Definition {
            number: 70_000,
            tenant: TenantId(300),
            properties: Properties {
                values: Values::Long,
                kind: Kind::Counter,
                duplicates: Duplicates::All,
                base_step_seconds: 30,
            },
            name: SeriesName::new("web;cpu".to_owned(), tags).expect("a name"),
        };
        let mut bytes = Vec::new();
        definition.push(&mut bytes);
        for cut in 0..bytes.len() {
            assert_eq!(Definition::take(&bytes[..cut]), None, "cut at {cut}");
        }
        let len = bytes.len();
        bytes.push(7);
        assert_eq!(Definition::take(&bytes), Some((definition, len)));
    }
}
