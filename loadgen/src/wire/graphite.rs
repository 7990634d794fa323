//! Graphite plaintext: `name SP value SP timestamp LF`, over TCP or as whole lines in datagrams.

use std::fmt::Display;

use super::{Encoder, Slots, digits};
use crate::workload::Kind;

/// Longest name: offsets within an item are 16 bits wide.
pub const NAME_BYTES_MAX: usize = 16_000;

/// One line with its line feed; the timestamp in seconds since 1970. Numbers are written as they
/// show themselves.
pub fn line(name: &str, value: impl Display, timestamp: impl Display) -> String {
    format!("{name} {value} {timestamp}\n")
}

/// Lays out lines and patches their digits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plaintext;

impl Encoder for Plaintext {
    type Stamp = [u8; 10];

    fn item(&self, name: &str, kind: Kind, out: &mut Vec<u8>) -> Slots {
        debug_assert!(name.len() <= NAME_BYTES_MAX);
        let value_at = name.len() + 1;
        let timestamp_at = value_at + kind.width() + 1;
        out.extend_from_slice(name.as_bytes());
        out.push(b' ');
        out.extend_from_slice(kind.value(kind.origin(0)).to_string().as_bytes());
        out.extend_from_slice(b" 1000000000\n");
        Slots {
            value_at: value_at as u16,
            timestamp_at: timestamp_at as u16,
        }
    }

    fn stamp(&self, timestamp_s: u64) -> [u8; 10] {
        digits::ten(timestamp_s)
    }

    #[inline(always)]
    fn patch_stamp(&self, item: &mut [u8], slots: Slots, stamp: [u8; 10]) {
        let at = usize::from(slots.timestamp_at);
        item[at..at + 10].copy_from_slice(&stamp);
    }

    #[inline(always)]
    fn patch_value(&self, item: &mut [u8], slots: Slots, kind: Kind, scaled: u32) {
        let at = usize::from(slots.value_at);
        digits::patch_value(&mut item[at..at + kind.width()], kind, scaled);
    }
}
