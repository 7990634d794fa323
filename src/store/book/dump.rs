//! A book in text.

use std::fmt::Write;
use std::io;

use super::reader::{BookError, Reader};
use crate::store::manifest::BookInfo;

/// Write what a book holds, a line for each series, and verify all of it on the way. `read` gives so
/// many bytes from an offset, less where the file ends; `needed` is what the manifest says, if it is
/// known. Gives how many series there are.
///
/// # Errors
/// It cannot be read, or is damaged.
pub fn dump(
    book: u32,
    needed: BookInfo,
    mut read: impl FnMut(u64, usize) -> io::Result<Vec<u8>>,
    mut line: impl FnMut(&str),
) -> Result<u64, BookError> {
    let (mut reader, mut definitions, mut series) = (Reader::new(book, needed), Vec::new(), 0);
    let mut text = String::new();
    while reader.step(&mut read, &mut definitions)? {
        for definition in definitions.drain(..) {
            series += 1;
            let properties = definition.properties;
            text.clear();
            // Writing to a text does not fail.
            let _ = write!(
                text,
                "{}: {} (tenant {}, {:?}, {:?}, duplicates {:?}, base step {} s, ttl {} s)",
                definition.number,
                definition.name.text(),
                definition.tenant.0,
                properties.values,
                properties.kind,
                properties.duplicates,
                properties.base_step_seconds,
                properties.ttl_seconds
            );
            line(&text);
        }
    }
    line(&format!(
        "end: {series} series, {} bytes, next number {}",
        reader.end(),
        reader.next_number()
    ));
    Ok(series)
}
