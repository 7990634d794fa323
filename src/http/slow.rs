//! The line of the log about a slow question for names or tags. `/render` tells more: where its time went.

use super::question::Question;

/// Bytes of the parameters that the line has.
const PARAMETERS_BYTES_MAX: usize = 300;

/// Keep in the log what was asked for names or tags at `path`, if that took long.
pub(super) fn tell(question: &Question<'_>, path: &'static str) {
    let slow = question.options.slow;
    let took = question.took();
    let is_asked = path.starts_with("/metrics/") || path.starts_with("/tags");
    if !is_asked || slow.is_zero() || took < slow {
        return;
    }
    let parameters = question.parameters.shown(PARAMETERS_BYTES_MAX);
    tracing::info!(
        path,
        parameters,
        took_ms = took.as_millis() as u64,
        "slow query"
    );
}
