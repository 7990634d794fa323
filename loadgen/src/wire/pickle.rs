//! Carbon's pickle protocol: frames of a big-endian length and a list of `(name, (timestamp, value))`.
//!
//! Protocol 2 with floats for both numbers, as carbon's relay sends it, and with the memo entries that Python writes
//! for each name and tuple (always the long form, so that an item has one length wherever it stands in a frame).

use super::{Encoder, Slots};
use crate::workload::Kind;

const PROTO: u8 = 0x80;
const EMPTY_LIST: u8 = b']';
const BINPUT: u8 = b'q';
const LONG_BINPUT: u8 = b'r';
const MARK: u8 = b'(';
const BINUNICODE: u8 = b'X';
const BINFLOAT: u8 = b'G';
const TUPLE2: u8 = 0x86;
const APPENDS: u8 = b'e';
const STOP: u8 = b'.';

/// What stands before the items: protocol, the list and its memo entry, a mark.
const PROLOGUE: [u8; 6] = [PROTO, 2, EMPTY_LIST, BINPUT, 0, MARK];

/// What stands after them.
const EPILOGUE: [u8; 2] = [APPENDS, STOP];

/// Bytes of a frame's length.
const LENGTH_BYTES: usize = 4;

/// Bytes from a value's first to the memo number of the inner tuple, and on to that of the outer one.
const INNER_MEMO_AFTER: usize = 8 + 2;
const OUTER_MEMO_AFTER: usize = INNER_MEMO_AFTER + 4 + 2;

/// Lays out items of a pickled list and patches their floats.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pickle;

impl Encoder for Pickle {
    type Stamp = [u8; 8];

    fn item(&self, name: &str, _kind: Kind, out: &mut Vec<u8>) -> Slots {
        let start = out.len();
        out.push(BINUNICODE);
        out.extend_from_slice(&(name.len() as u32).to_le_bytes());
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&[LONG_BINPUT, 0, 0, 0, 0, BINFLOAT]);
        let timestamp_at = out.len() - start;
        out.extend_from_slice(&[0; 8]);
        out.push(BINFLOAT);
        let value_at = out.len() - start;
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&[
            TUPLE2,
            LONG_BINPUT,
            0,
            0,
            0,
            0,
            TUPLE2,
            LONG_BINPUT,
            0,
            0,
            0,
            0,
        ]);
        Slots {
            value_at: value_at as u16,
            timestamp_at: timestamp_at as u16,
        }
    }

    fn stamp(&self, timestamp_s: u64) -> [u8; 8] {
        (timestamp_s as f64).to_be_bytes()
    }

    #[inline(always)]
    fn patch_stamp(&self, item: &mut [u8], slots: Slots, stamp: [u8; 8]) {
        let at = usize::from(slots.timestamp_at);
        item[at..at + 8].copy_from_slice(&stamp);
    }

    #[inline(always)]
    fn patch_value(&self, item: &mut [u8], slots: Slots, kind: Kind, scaled: u32) {
        let at = usize::from(slots.value_at);
        item[at..at + 8].copy_from_slice(&kind.value(scaled).as_f64().to_be_bytes());
    }

    fn place(&self, item: &mut [u8], slots: Slots, number: u32) {
        let first = number * 3 + 1;
        let value_at = usize::from(slots.value_at);
        let name_memo_at = usize::from(slots.timestamp_at) - 5;
        for (at, memo) in [
            (name_memo_at, first),
            (value_at + INNER_MEMO_AFTER, first + 1),
            (value_at + OUTER_MEMO_AFTER, first + 2),
        ] {
            item[at..at + 4].copy_from_slice(&memo.to_le_bytes());
        }
    }

    fn open(&self, items_bytes: usize, out: &mut Vec<u8>) {
        let payload_bytes = PROLOGUE.len() + items_bytes + EPILOGUE.len();
        out.extend_from_slice(&(payload_bytes as u32).to_be_bytes());
        out.extend_from_slice(&PROLOGUE);
    }

    fn close(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&EPILOGUE);
    }

    fn overhead_bytes(&self) -> usize {
        LENGTH_BYTES + PROLOGUE.len() + EPILOGUE.len()
    }
}
