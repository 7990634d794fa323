//! Nodes for another server: a list of maps, in pickle or msgpack.

use super::by_text;
use crate::http::encode::Packing;
use crate::http::question::Question;
use crate::query::error::QueryError;
use crate::query::scan::FoundNode;

/// One map a node. Each key stands in both spellings: `path`, `is_leaf` are those of graphite-web since
/// 1.0, `metric_path`, `isLeaf` those of before, of go-carbon and of carbonapi. A leaf's one interval
/// runs from the epoch to now, or to the end that is asked for: which part of it holds points only its
/// reading tells.
///
/// # Errors
/// Time or memory of the query is used up.
pub(super) async fn print(
    question: &Question<'_>,
    nodes: &[FoundNode],
    packing: Packing,
) -> Result<Vec<u8>, QueryError> {
    let interval = (0, interval_end(question));
    let found = by_text(question, nodes).await?;
    let mut text = Vec::new();
    let out = &mut text;
    packing.begin(out);
    packing.begin_list(found.len(), out);
    for (i, &(node, leaf)) in found.iter().enumerate() {
        packing.begin_map(if leaf { 5 } else { 4 }, out);
        for key in ["path", "metric_path"] {
            packing.push_text(key, out);
            packing.push_text(&node.path, out);
        }
        for key in ["is_leaf", "isLeaf"] {
            packing.push_text(key, out);
            packing.push_flag(leaf, out);
        }
        if leaf {
            packing.push_text("intervals", out);
            packing.begin_list(1, out);
            packing.push_pair(interval, out);
            packing.end_list(1, out);
        }
        packing.end_map(out);
        question.options.limits.check_bytes(out.len() as u64)?;
        question.breathe_every(i).await?;
    }
    packing.end_list(found.len(), out);
    packing.end(out);
    Ok(text)
}

/// Graphite-web leaves out leaves whose interval does not meet the range of its query, which may lie
/// ahead of this clock.
fn interval_end(question: &Question<'_>) -> i64 {
    let until = question.parameters.last("until").map(str::parse);
    let until = until.and_then(Result::ok).unwrap_or(i64::MIN);
    question.began.seconds().saturating_add(1).max(until)
}
