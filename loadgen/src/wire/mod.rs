//! How points are written: one file per protocol, each an [`Encoder`].
//!
//! An encoder lays out the bytes of one point once and later changes only the digits of timestamp
//! and value in place. [`Sheet`] keeps the laid-out points of one connection and turns them into
//! one round after another. [`naive`] says the same with `format!`, slowly: tests hold both against
//! each other. Written from the protocol documents alone; knows no socket and nothing of any
//! server's decoder.

pub mod digits;
pub mod graphite;
pub mod json;
pub mod naive;
pub mod pickle;
mod sheet;
pub mod telnet;

use crate::workload::Kind;

pub use sheet::{Grouping, Message, Order, Sheet};

/// Where the bytes that change from round to round sit, counted from the first byte of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slots {
    /// First byte of the value.
    pub value_at: u16,
    /// First byte of the timestamp.
    pub timestamp_at: u16,
}

/// One protocol: lays out a point once, then patches it.
///
/// An *item* is the bytes of one point; a *message* is what the protocol sends as a whole (lines of
/// one write or datagram, one pickle frame): opening bytes, items, closing bytes. The length of an
/// item never changes.
pub trait Encoder: Clone + Send {
    /// A timestamp as the bytes of this protocol, made once a round.
    type Stamp: Copy;

    /// Appends an item with room for any value of `kind` and says where its changing bytes sit.
    fn item(&self, name: &str, kind: Kind, out: &mut Vec<u8>) -> Slots;

    /// The bytes of a timestamp.
    fn stamp(&self, timestamp_s: u64) -> Self::Stamp;

    /// Writes the timestamp into an item that starts at `item[0]`.
    fn patch_stamp(&self, item: &mut [u8], slots: Slots, stamp: Self::Stamp);

    /// Writes a value of the kind that the item was laid out for.
    fn patch_value(&self, item: &mut [u8], slots: Slots, kind: Kind, scaled: u32);

    /// Tells an item its number within its message, for protocols whose items count themselves.
    fn place(&self, _item: &mut [u8], _slots: Slots, _number: u32) {}

    /// Appends what comes before the items of a message. `items_bytes` are the bytes of all its items.
    fn open(&self, _items_bytes: usize, _out: &mut Vec<u8>) {}

    /// Appends what comes after the items of a message.
    fn close(&self, _out: &mut Vec<u8>) {}

    /// Bytes that [`Encoder::open`] and [`Encoder::close`] add to a message.
    fn overhead_bytes(&self) -> usize {
        0
    }
}
