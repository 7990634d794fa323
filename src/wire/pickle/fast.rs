//! One pass over a pickle as nearly all senders write it: carbon's relay and aggregator, Python's
//! pickler from protocol 1 on, og-rek's senders. No stack and no memo: what is put there is passed
//! over, and a pickle that takes something back out is not of this shape.
//!
//! ```text
//! pickle = [PROTO] [FRAME] ("]" | "(" "l") { "(" item+ "e" | item "a" } "."
//!        | [PROTO] [FRAME] "(" item+ ("l" | "t") "."
//! item   = name pair TUPLE2 | "(" name pair "t"
//! pair   = number number TUPLE2 | "(" number number "t"
//! ```
//! Puts may stand behind every object and frames before every object. `None` says only that the
//! pickle has another shape; the machine then says whether it is one at all.

use std::ops::Range;

use super::machine::op;
use super::reader::Reader;
use super::scalar::{self, Scalar};
use crate::base::time::Millis;
use crate::model::sample::{Samples, Span, TimeRule};
use crate::wire::kairos_sent as sent;

/// Bytes of an item in a usual frame, to make room for about as many as there are.
const ITEM_BYTES: usize = 32;

/// What holds the items.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Below {
    /// Nothing yet: a list or a tuple is made of them at the end.
    Nothing,
    /// A list that they are appended to.
    List,
}

/// Append to `out` the samples of the pickle `bytes[place]`; names are spans into `bytes`. If this
/// gives `None`, `out` holds something and the caller has to take it back.
pub(super) fn payload(
    bytes: &[u8],
    place: Range<usize>,
    now: Millis,
    times: TimeRule,
    out: &mut Samples,
) -> Option<()> {
    let items_about = place.len() / ITEM_BYTES;
    out.names.reserve(items_about);
    out.times.reserve(items_about);
    out.numbers.reserve(items_about);
    let mut reader = Reader::new(bytes.get(..place.end)?, place.start);
    if reader.take(op::PROTO) && reader.byte()? > op::PROTO_MAX {
        return None;
    }
    if reader.take(op::FRAME) {
        reader.frame_length()?;
    }
    let mut below = Below::Nothing;
    if reader.take(op::EMPTY_LIST) {
        below = Below::List;
        puts(&mut reader)?;
    }
    // Marks not yet known to be a list's or an item's; no item stands above them.
    let mut marks = 0u32;
    // Whether items stand above a mark.
    let mut gathering = false;
    loop {
        let code = reader.byte()?;
        match code {
            op::MARK => marks += 1,
            op::APPENDS if gathering && marks == 0 && below == Below::List => gathering = false,
            op::LIST if below == Below::Nothing && marks == 1 && !gathering => {
                (below, marks) = (Below::List, 0);
                puts(&mut reader)?;
            }
            op::LIST | op::TUPLE if below == Below::Nothing && marks == 0 && gathering => {
                puts(&mut reader)?;
                return reader.take(op::STOP).then_some(());
            }
            op::STOP if below == Below::List && marks == 0 && !gathering => return Some(()),
            op::FRAME => reader.frame_length()?,
            _ => {
                let own_mark = item(code, &mut reader, now, times, out)?;
                // The mark right in front of the name is the item's own, one before it the list's.
                let list_marks = match (own_mark, marks) {
                    (true, 0) => return None,
                    (true, _) => marks - 1,
                    (false, _) => marks,
                };
                match list_marks {
                    0 => {}
                    1 if !gathering => gathering = true,
                    _ => return None,
                }
                marks = 0;
                if gathering {
                    continue;
                }
                let appended = below == Below::List && reader.take(op::APPEND);
                if !appended {
                    return None;
                }
            }
        }
    }
}

/// One item whose first opcode is `code`. Gives whether its end took a mark.
#[inline(always)]
fn item(
    code: u8,
    reader: &mut Reader,
    now: Millis,
    times: TimeRule,
    out: &mut Samples,
) -> Option<bool> {
    let name = text(code, reader)?;
    puts(reader)?;
    if reader.peek()? == op::FRAME {
        reader.byte()?;
        reader.frame_length()?;
    }
    let pair_mark = reader.take(op::MARK);
    let time = scalar(reader)?;
    let value = scalar(reader)?;
    if reader.byte()? != (if pair_mark { op::TUPLE } else { op::TUPLE2 }) {
        return None;
    }
    puts(reader)?;
    let own_mark = match reader.byte()? {
        op::TUPLE2 => false,
        op::TUPLE => true,
        _ => return None,
    };
    puts(reader)?;
    match scalar::point(time, value, now, times) {
        Ok((time_ms, number)) => out.push(name, time_ms, number),
        Err(reason) => out.refuse(reason),
    }
    Some(own_mark)
}

/// Where the text is that `code` starts.
#[inline(always)]
fn text(code: u8, reader: &mut Reader) -> Option<Span> {
    let len = match code {
        op::BINUNICODE | op::BINSTRING | op::BINBYTES => {
            u32::from_le_bytes(reader.array()?) as usize
        }
        op::SHORT_BINUNICODE | op::SHORT_BINSTRING | op::SHORT_BINBYTES => {
            usize::from(reader.byte()?)
        }
        _ => return None,
    };
    if reader.peek() == Some(sent::MARK) {
        // Looked at closely by the machine's reader.
        return None;
    }
    reader.span(len)
}

/// A number or text, and the puts behind it.
#[inline(always)]
fn scalar<'a>(reader: &mut Reader<'a>) -> Option<Scalar<'a>> {
    let code = reader.byte()?;
    let scalar = match number(code, reader) {
        Some(number) => number,
        None => rare_scalar(code, reader)?,
    };
    puts(reader)?;
    Some(scalar)
}

#[inline(always)]
fn number<'a>(code: u8, reader: &mut Reader<'a>) -> Option<Scalar<'a>> {
    Some(match code {
        op::BINFLOAT => Scalar::Float(f64::from_be_bytes(reader.array()?)),
        op::BININT => Scalar::Integer(i64::from(i32::from_le_bytes(reader.array()?))),
        op::BININT1 => Scalar::Integer(i64::from(reader.byte()?)),
        op::BININT2 => Scalar::Integer(i64::from(u16::from_le_bytes(reader.array()?))),
        _ => return None,
    })
}

#[inline(never)]
fn rare_scalar<'a>(code: u8, reader: &mut Reader<'a>) -> Option<Scalar<'a>> {
    Some(match code {
        op::FRAME => {
            reader.frame_length()?;
            let code = reader.byte()?;
            number(code, reader)?
        }
        op::SHORT_BINUNICODE | op::SHORT_BINSTRING => {
            let len = usize::from(reader.byte()?);
            Scalar::Text(reader.slice(len)?)
        }
        op::BINUNICODE => {
            let len = u32::from_le_bytes(reader.array()?);
            Scalar::Text(reader.slice(len as usize)?)
        }
        op::LONG1 => {
            let len = usize::from(reader.byte()?);
            Scalar::Long(reader.slice(len)?)
        }
        op::NEWTRUE => Scalar::Integer(1),
        op::NEWFALSE => Scalar::Integer(0),
        op::NONE => Scalar::Other,
        _ => return None,
    })
}

/// Pass over what puts the last object into the memo.
#[inline(always)]
fn puts(reader: &mut Reader) -> Option<()> {
    match reader.peek() {
        Some(op::BINPUT) => drop(reader.array::<2>()?),
        Some(op::LONG_BINPUT) => drop(reader.array::<5>()?),
        Some(op::MEMOIZE) => drop(reader.byte()?),
        _ => {}
    }
    Some(())
}
