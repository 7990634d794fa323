//! How a value of KairosDB becomes one of ours.

use super::super::value::Kind;
use super::rules::How;
use super::schedule;
use super::setting::{Setting, Value, shown};

/// What a service says that is not to run.
const DISABLED: &str = "<disabled>";

/// What a value becomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Converted {
    /// What to set, as a text or the items of a list; `None` leaves what there is.
    pub(super) items: Option<Vec<String>>,
    /// What is not quite as it was asked for.
    pub(super) note: Option<String>,
}

impl Converted {
    fn items(items: Vec<String>) -> Converted {
        Converted {
            items: Some(items),
            note: None,
        }
    }

    fn one(text: impl Into<String>) -> Converted {
        Converted::items(vec![text.into()])
    }
}

/// Whether something runs whose service, or class, is `text`.
pub(super) fn is_on(text: &str) -> bool {
    !text.is_empty() && text != DISABLED
}

/// What the value of `setting` is for a key of `kind`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn converted(how: How, setting: &Setting, kind: &Kind) -> Result<Converted, String> {
    if let How::List(separator) = how {
        return Ok(Converted::items(listed(&setting.value, separator)));
    }
    let Some(text) = setting.value.text() else {
        return Err("a list is the wrong type".to_owned());
    };
    Ok(match how {
        How::AsIs => Converted::one(text),
        How::PortOrOff if text.trim() == "0" => Converted::one("off"),
        How::PortOrOff => Converted::one(text),
        How::Address => address(text.trim()),
        How::Clamped => clamped(whole(text)?, kind),
        How::Limit => limit(whole(text)?, kind),
        How::LimitSeconds => limit(whole(text)?.saturating_mul(1000), kind),
        How::DoorOf if is_on(text) => Converted::default(),
        How::DoorOf => Converted::one("off"),
        How::SwitchOf => Converted::one(is_on(text).to_string()),
        How::TagParser => Converted::one(tag_parser(text)?),
        How::Schedule => scheduled(text),
        How::Tags => {
            let key = setting.key.strip_prefix("kairosdb.metrics.custom_tags.");
            Converted::one(format!("{}={text}", key.unwrap_or(&setting.key)))
        }
        How::List(_) => Converted::default(),
    })
}

/// The items of a list, or of a text.
fn listed(value: &Value, separator: char) -> Vec<String> {
    let items: Vec<&str> = match value {
        Value::Null => Vec::new(),
        Value::Text(text) => text.split(separator).collect(),
        Value::List(items) => items.iter().map(String::as_str).collect(),
    };
    let items = items.into_iter().map(str::trim);
    items
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

fn whole(text: &str) -> Result<u64, String> {
    let text = text.trim();
    text.parse()
        .map_err(|_| format!("`{}` is no whole number", shown(text)))
}

/// Java listens on all addresses of both families where it is told one family's, and on this machine where
/// it is told nothing.
fn address(text: &str) -> Converted {
    let all =
        |items: &[&str]| Converted::items(items.iter().map(|&item| item.to_owned()).collect());
    match text {
        "0.0.0.0" | "::" | "0:0:0:0:0:0:0:0" | "[::]" => all(&["0.0.0.0", "::"]),
        "" | "localhost" => all(&["127.0.0.1", "::1"]),
        other => Converted::one(other.trim_start_matches('[').trim_end_matches(']')),
    }
}

/// The nearest number that a key may have.
fn clamped(number: u64, kind: &Kind) -> Converted {
    let Kind::Whole { min, max, unit, .. } = kind else {
        return Converted::one(number.to_string());
    };
    let taken = number.clamp(*min, *max);
    let note = format!("{number} becomes {taken}: from {min} to {max} {unit} are possible");
    Converted {
        note: (taken != number).then_some(note),
        ..Converted::one(taken.to_string())
    }
}

fn limit(number: u64, kind: &Kind) -> Converted {
    match number {
        0 => Converted::default(),
        number => clamped(number, kind),
    }
}

/// Ours, by the name of a class of the carbon plugin.
pub(super) fn tag_parser(class: &str) -> Result<&'static str, String> {
    match class.trim().rsplit('.').next().unwrap_or_default() {
        "HostTagParser" => Ok("host"),
        "GraphiteTagsParser" => Ok("graphite-tags"),
        "TemplatesTagParser" => Ok("templates"),
        "MultiTagParser" | "CustomTagParser" => Ok("multi"),
        _ => Err(format!(
            "there is no tag parser {} here; there are HostTagParser, GraphiteTagsParser, TemplatesTagParser \
             and MultiTagParser",
            shown(class)
        )),
    }
}

fn scheduled(text: &str) -> Converted {
    match schedule::seconds(text) {
        Some(seconds) => Converted::one(seconds.to_string()),
        None => Converted {
            items: None,
            note: Some(format!(
                "`{}` is not a plain period and becomes each minute; set kairosdb.report_seconds",
                shown(text)
            )),
        },
    }
}
