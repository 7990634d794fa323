//! Where the time of a question went: what `explain=1` answers, and what the log keeps of slow ones.

use std::cell::RefCell;
use std::time::Duration;

use crate::base::decimal::{push_float, push_integer};
use crate::http::json::{Beyond, push_text};
use crate::query::plan::Selector;
use crate::query::rows::{By, Combine};
use crate::query::summary::Summary;

/// Stages that are kept of one question; of more only the number.
const STAGES_MAX: usize = 1_000;
/// Bytes of a text that names what a stage worked on.
const TEXT_BYTES_MAX: usize = 300;

/// One step of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Stage {
    /// `values`, `rows` and `points` ask the shards; `evaluate` and `print` work on what they gave.
    pub(super) kind: &'static str,
    /// On what.
    pub(super) of: String,
    /// By the clock; other work of the core is in it.
    pub(super) took: Duration,
    /// That came out.
    pub(super) series: u64,
    /// That the shards have read, for those that ask them.
    pub(super) points_read: u64,
    /// That they had from earlier questions.
    pub(super) rows_kept: u64,
    /// That came out.
    pub(super) values: u64,
    /// That the shards have sent, or of the text.
    pub(super) bytes: u64,
}

/// The stages of one question.
#[derive(Debug, Default)]
pub(super) struct Stages {
    kept: RefCell<Vec<Stage>>,
    left_out: RefCell<u64>,
}

impl Stages {
    /// Keep one.
    pub(super) fn push(&self, stage: Stage) {
        let mut kept = self.kept.borrow_mut();
        if kept.len() < STAGES_MAX {
            kept.push(stage);
        } else {
            *self.left_out.borrow_mut() += 1;
        }
    }

    /// As JSON, for whoever asked for it.
    pub(super) fn json(&self, targets: &[&str], range: (i64, i64), took: Duration) -> Vec<u8> {
        let mut out = b"{\"targets\": [".to_vec();
        for (i, target) in targets.iter().enumerate() {
            out.extend_from_slice(if i > 0 { b", " } else { b"" });
            push_text(target, Beyond::Escaped, &mut out);
        }
        out.extend_from_slice(b"], \"from\": ");
        push_integer(range.0, &mut out);
        out.extend_from_slice(b", \"until\": ");
        push_integer(range.1, &mut out);
        out.extend_from_slice(b", \"stages\": [");
        for (i, stage) in self.kept.borrow().iter().enumerate() {
            out.extend_from_slice(if i > 0 { b", " } else { b"" });
            stage.push(&mut out);
        }
        out.extend_from_slice(b"], \"stages_left_out\": ");
        push_count(*self.left_out.borrow(), &mut out);
        out.extend_from_slice(b", \"ms\": ");
        push_float(millis(took), &mut out);
        out.push(b'}');
        out
    }

    /// In one line, the slowest first, for the log.
    pub(super) fn line(&self) -> String {
        const SHOWN: usize = 8;
        let kept = self.kept.borrow();
        let mut slowest: Vec<&Stage> = kept.iter().collect();
        slowest.sort_by_key(|stage| std::cmp::Reverse(stage.took));
        let shown = slowest.iter().take(SHOWN).map(|stage| {
            format!(
                "{} of {}: {} ms, {} points read, {} rows kept, {} series, {} values, {} bytes",
                stage.kind,
                stage.of,
                millis(stage.took),
                stage.points_read,
                stage.rows_kept,
                stage.series,
                stage.values,
                stage.bytes
            )
        });
        shown.collect::<Vec<String>>().join("; ")
    }
}

impl Stage {
    fn push(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"stage\": ");
        push_text(self.kind, Beyond::Escaped, out);
        out.extend_from_slice(b", \"of\": ");
        push_text(&self.of, Beyond::Escaped, out);
        out.extend_from_slice(b", \"ms\": ");
        push_float(millis(self.took), out);
        for (name, count) in [
            ("points_read", self.points_read),
            ("rows_kept", self.rows_kept),
            ("series", self.series),
            ("values", self.values),
            ("bytes", self.bytes),
        ] {
            out.extend_from_slice(format!(", \"{name}\": ").as_bytes());
            push_count(count, out);
        }
        out.push(b'}');
    }
}

fn push_count(count: u64, out: &mut Vec<u8>) {
    push_integer(i64::try_from(count).unwrap_or(i64::MAX), out);
}

/// To the microsecond.
fn millis(took: Duration) -> f64 {
    took.as_micros() as f64 / 1e3
}

/// What a selector is written as, shortened.
pub(super) fn shown(selector: &Selector) -> String {
    shortened(match selector {
        Selector::Path(path) => path.clone(),
        Selector::Tags(tests) => format!("seriesByTag({})", tests.join(", ")),
        Selector::Names(names) => format!("{} names", names.len()),
        Selector::Metric { name, .. } => name.clone(),
    })
}

/// Several of them.
pub(super) fn shown_all(selectors: &[Selector], summary: Option<Summary>) -> String {
    let mut text = String::new();
    for selector in selectors {
        if TEXT_BYTES_MAX < text.len() {
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&shown(selector));
    }
    text.push_str(&shown_summary(summary));
    shortened(text)
}

/// A selector whose series the shards combine.
pub(super) fn shown_combined(
    selector: &Selector,
    combine: &Combine,
    summary: Option<Summary>,
) -> String {
    let by = match combine.by {
        By::All => "",
        By::Nodes(_) | By::OtherNodes(_) => ", by node",
        By::Tags(_) => ", by tag",
    };
    let law = format!("{:?}", combine.law).to_lowercase();
    let summed = shown_summary(summary);
    shortened(format!("{}{summed}, {law}{by}", shown(selector)))
}

fn shown_summary(summary: Option<Summary>) -> String {
    summary.map_or_else(String::new, |it| format!(", {it}"))
}

/// Not too much of a text.
pub(super) fn shortened(mut text: String) -> String {
    if TEXT_BYTES_MAX < text.len() {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        text.push_str(" ...");
    }
    text
}
