//! Names of series in requests, and in graphite-web's words what is wrong with one.

use http::StatusCode;

use crate::http::laid_out::Refused;
use crate::model::refusal::Reason;
use crate::model::series::SeriesName;
use crate::wire::name;

/// What a tag's key must not hold.
const FORBIDDEN: &str = ";!^=";

/// The series that a request names.
///
/// # Errors
/// It is none; the status is graphite-web's.
pub(super) fn parse(path: &str) -> Result<SeriesName, Refused> {
    name::parse(path.as_bytes())
        .map_err(|reason| Refused::Said(StatusCode::INTERNAL_SERVER_ERROR, wrong(path, reason)))
}

fn wrong(path: &str, reason: Reason) -> String {
    let mut segments = path.split(';');
    let metric = segments.next().unwrap_or_default();
    if metric.is_empty() {
        return format!("Cannot parse path {path}, no metric found");
    }
    if reason == Reason::NameEmpty {
        return format!("Cannot use metric name {metric} as tag value, results in emptry string");
    }
    if reason == Reason::Tag && !(path.ends_with("\"}") && path.contains('{')) {
        for segment in segments {
            if let Some(told) = wrong_segment(path, segment) {
                return told;
            }
        }
    }
    format!("Cannot parse path {path}, {}", reason.label())
}

fn wrong_segment(path: &str, segment: &str) -> Option<String> {
    let Some((key, value)) = segment.split_once('=').filter(|(key, _)| !key.is_empty()) else {
        return Some(format!(
            "Cannot parse path {path}, invalid segment {segment}"
        ));
    };
    if value.is_empty() {
        return Some(format!("Value for tag \"{key}\" may not be empty"));
    }
    if let Some(forbidden) = FORBIDDEN.chars().find(|&c| key.contains(c)) {
        return Some(format!(
            "Character \"{forbidden}\" is not allowed in tag \"{key}\""
        ));
    }
    value
        .starts_with('~')
        .then(|| format!("Tag values are not allowed to start with \"~\" in tag \"{key}\""))
}
