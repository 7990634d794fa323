//! Why a setting is ignored.

use std::fmt;

use super::super::error::Origin;
use super::setting::shown;

/// Why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Corelane has a store of its own.
    Store,
    /// There are no such queues and threads here.
    Threads,
    /// Of the web server and its pages.
    Web,
    /// It changes nothing here.
    Same,
    /// Of something that the same configuration switches off.
    Off,
    /// It would change something; the text tells what is so instead.
    Unsupported(&'static str),
    /// No KairosDB from 1.0 to 1.3 has such a key; the nearest that it has.
    Unknown(Option<&'static str>),
    /// No key of KairosDB.
    Foreign,
    /// Another file, which is not read.
    Include,
}

impl Reason {
    /// Whether it is worth a line of its own: something may be other than is expected.
    pub fn is_warning(&self) -> bool {
        matches!(
            self,
            Reason::Unsupported(_) | Reason::Unknown(_) | Reason::Foreign | Reason::Include
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Store => write!(out, "of KairosDB's stores; corelane has its own"),
            Reason::Threads => write!(out, "of KairosDB's queues and threads; there are none here"),
            Reason::Web => write!(
                out,
                "of KairosDB's web server and web pages; not needed here"
            ),
            Reason::Same => write!(out, "it changes nothing here"),
            Reason::Off => write!(out, "of a part that this configuration does not switch on"),
            Reason::Unsupported(instead) => write!(out, "not supported: {instead}"),
            Reason::Unknown(Some(near)) => {
                write!(
                    out,
                    "unknown to KairosDB 1.0 to 1.3; did you mean kairosdb.{near}?"
                )
            }
            Reason::Unknown(None) => write!(out, "unknown to KairosDB 1.0 to 1.3"),
            Reason::Foreign => write!(out, "no key of KairosDB, which all begin with kairosdb."),
            Reason::Include => write!(
                out,
                "other files are not read by it; give them too, each with --kairosdb-conf"
            ),
        }
    }
}

/// A setting that is ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Its whole key.
    pub key: String,
    /// Where it stands.
    pub origin: Origin,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Ignored {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = shown(&self.key);
        write!(out, "{}: {key} is ignored: {}", self.origin, self.reason)
    }
}

/// What to tell of ignored settings: a line for each that is worth one, and one for all others of a reason.
pub fn told(ignored: &[Ignored]) -> (Vec<String>, Vec<String>) {
    let warnings = ignored.iter().filter(|one| one.reason.is_warning());
    let warnings = warnings.map(ToString::to_string).collect();
    let mut notes: Vec<(&Reason, Vec<String>)> = Vec::new();
    for one in ignored.iter().filter(|one| !one.reason.is_warning()) {
        let known = notes.iter().position(|(reason, _)| **reason == one.reason);
        let at = known.unwrap_or_else(|| {
            notes.push((&one.reason, Vec::new()));
            notes.len() - 1
        });
        notes[at].1.push(shown(&one.key));
    }
    let line = |(reason, keys): (&Reason, Vec<String>)| {
        format!(
            "KairosDB's configuration: ignored, {reason}: {}",
            keys.join(", ")
        )
    };
    (warnings, notes.into_iter().map(line).collect())
}
