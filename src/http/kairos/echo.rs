//! How an answer repeats the groupers of its query, with the group that a result is of.

use super::number::push_double;
use crate::base::decimal::push_integer;
use crate::query::kairos::Grouper;

/// Append a grouper and what it says of the points of a result.
pub(super) fn push_grouper(grouper: &Grouper, id: i64, out: &mut Vec<u8>) {
    let number = match grouper {
        Grouper::Value { range_size } => {
            out.extend_from_slice(b"{\"name\":\"value\",\"range_size\":");
            push_integer(*range_size, out);
            "group_number"
        }
        Grouper::Time {
            range_size,
            group_count,
        } => {
            out.extend_from_slice(b"{\"name\":\"time\",\"range_size\":{\"value\":");
            push_integer(range_size.value, out);
            out.extend_from_slice(b",\"unit\":\"");
            out.extend_from_slice(range_size.unit.name().as_bytes());
            out.extend_from_slice(b"\"},\"group_count\":");
            push_integer(*group_count, out);
            "group_number"
        }
        Grouper::Bin { bins } => {
            out.extend_from_slice(b"{\"name\":\"bin\",\"bins\":[");
            for (i, bin) in bins.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                push_double(*bin, out);
            }
            out.push(b']');
            "bin_number"
        }
    };
    out.extend_from_slice(b",\"group\":{\"");
    out.extend_from_slice(number.as_bytes());
    out.extend_from_slice(b"\":");
    push_integer(id, out);
    out.extend_from_slice(b"}}");
}
