//! Holds an answer against what it must be.
//!
//! Takes the bytes of an answer and a [`Want`], gives how many values or names were compared, or
//! the first [`Fault`]. Slots that the want does not know must be empty, and every slot that must
//! have a value must be answered.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;

use super::want::{Bounds, Line, Want};

/// Why an answer is not right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Values and names that were right before.
    pub compared: u64,
    /// What is wrong.
    pub text: String,
}

/// One series of an answer of `/render`.
#[derive(Debug, Deserialize)]
struct Series {
    target: String,
    datapoints: Vec<(Option<f64>, u64)>,
}

/// One node of an answer of `/metrics/find`.
#[derive(Debug, Deserialize)]
struct Node {
    id: String,
}

/// How many values or names of the answer are as they must be: all, or the first that is not.
pub fn judge(want: &Want, body: &[u8]) -> Result<u64, Fault> {
    let mut compared = 0;
    let found = match want {
        Want::Nodes(nodes, sure) => nodes_as(nodes, *sure, body, &mut compared),
        Want::Series(lines) => series_as(lines, body, &mut compared),
    };
    match found {
        Ok(()) => Ok(compared),
        Err(text) => Err(Fault { compared, text }),
    }
}

fn nodes_as(
    want: &BTreeSet<String>,
    sure: bool,
    body: &[u8],
    compared: &mut u64,
) -> Result<(), String> {
    let nodes: Vec<Node> = read(body)?;
    let count = nodes.len();
    let got: BTreeSet<String> = nodes.into_iter().map(|node| node.id).collect();
    if got.len() < count {
        return Err("a node is answered twice".into());
    }
    if let Some(node) = got.difference(want).next() {
        return Err(format!("`{node}` was never sent"));
    }
    if let Some(node) = want.difference(&got).next().filter(|_| sure) {
        return Err(format!("`{node}` is not there"));
    }
    *compared += got.len() as u64;
    Ok(())
}

fn series_as(want: &[Line], body: &[u8], compared: &mut u64) -> Result<(), String> {
    let all: Vec<Series> = read(body)?;
    let mut lines: HashMap<Option<&str>, &Line> = want
        .iter()
        .map(|line| (line.name.as_deref(), line))
        .collect();
    for series in &all {
        let line = lines
            .remove(&Some(series.target.as_str()))
            .or_else(|| lines.remove(&None))
            .ok_or_else(|| format!("`{}` was never sent, or is there twice", series.target))?;
        line_as(line, series, compared)?;
    }
    let missing = lines
        .values()
        .find(|line| line.slots.iter().any(|slot| slot.sure));
    match missing {
        Some(line) => Err(match &line.name {
            Some(name) => format!("`{name}` is not there"),
            None => "there is no series".into(),
        }),
        None => Ok(()),
    }
}

fn line_as(line: &Line, series: &Series, compared: &mut u64) -> Result<(), String> {
    let mut next = 0;
    for &(value, at_s) in &series.datapoints {
        let Some(value) = value else { continue };
        let slot = at_s
            .checked_sub(line.start_s)
            .filter(|after_s| after_s.is_multiple_of(line.step_s))
            .map(|after_s| (after_s / line.step_s) as usize);
        let bounds = slot.and_then(|slot| line.slots.get(slot));
        let (Some(slot), Some(bounds)) = (slot, bounds) else {
            return Err(wrong(series, at_s, Some(value), None));
        };
        skipped(line, series, next, slot)?;
        if slot < next || !(bounds.least..=bounds.most).contains(&value) {
            return Err(wrong(series, at_s, Some(value), Some(bounds)));
        }
        next = slot + 1;
        *compared += 1;
    }
    skipped(line, series, next, line.slots.len())
}

/// Looks whether one of these slots must have a value.
fn skipped(line: &Line, series: &Series, from: usize, to: usize) -> Result<(), String> {
    let slots = line.slots.get(from..to).unwrap_or_default();
    match slots.iter().position(|slot| slot.sure) {
        None => Ok(()),
        Some(place) => {
            let at_s = line.start_s + (from + place) as u64 * line.step_s;
            Err(wrong(series, at_s, None, slots.get(place)))
        }
    }
}

fn wrong(series: &Series, at_s: u64, got: Option<f64>, want: Option<&Bounds>) -> String {
    let want = match want {
        None => "nothing".to_owned(),
        Some(bounds) if bounds.least == bounds.most => bounds.least.to_string(),
        Some(bounds) => format!("{} to {}", bounds.least, bounds.most),
    };
    let got = got.map_or_else(|| "nothing".to_owned(), |value| value.to_string());
    format!("`{}` at {at_s}: expected {want}, got {got}", series.target)
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<Vec<T>, String> {
    serde_json::from_slice(body).map_err(|error| {
        let text: String = String::from_utf8_lossy(body).chars().take(200).collect();
        format!("that is not what was asked for ({error}): {text}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(least: f64, most: f64, sure: bool) -> Bounds {
        Bounds { least, most, sure }
    }

    fn lines() -> Want {
        let line = |name: &str, slots| Line {
            name: Some(name.into()),
            start_s: 100,
            step_s: 10,
            slots,
        };
        Want::Series(vec![
            line("a", vec![slot(1.0, 1.0, true), slot(2.0, 3.0, true)]),
            line("b", vec![slot(5.0, 5.0, true), slot(6.0, 6.0, false)]),
        ])
    }

    #[track_caller]
    fn check(want: &Want, body: &str, expected: Result<u64, &str>) {
        let got = judge(want, body.as_bytes()).map_err(|fault| fault.text);
        match (got, expected) {
            (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{body}"),
            (Err(got), Err(expected)) => assert!(got.contains(expected), "{body}: {got}"),
            (got, _) => panic!("{body}: {got:?}"),
        }
    }

    #[test]
    fn series_are_compared_slot_by_slot() {
        let body = |a: &str, b: &str| {
            format!(
                "[{{\"target\":\"b\",\"datapoints\":[{b}]}},{{\"target\":\"a\",\"tags\":{{}},\"datapoints\":[{a}]}}]"
            )
        };
        let all = "[1,100],[2.5,110]";
        check(&lines(), &body(all, "[5,100],[6,110]"), Ok(4));
        check(
            &lines(),
            &body(all, "[null,90],[5,100],[null,110],[null,120]"),
            Ok(3),
        );
        check(
            &lines(),
            &body("[1,100]", "[5,100]"),
            Err("`a` at 110: expected 2 to 3, got nothing"),
        );
        check(
            &lines(),
            &body(all, "[5,100],[6.1,110]"),
            Err("`b` at 110: expected 6, got 6.1"),
        );
        check(
            &lines(),
            &body(all, "[6,110]"),
            Err("`b` at 100: expected 5, got nothing"),
        );
        check(
            &lines(),
            &body(all, "[5,100],[7,120]"),
            Err("`b` at 120: expected nothing, got 7"),
        );
        check(&lines(), &body(all, "[5,100],[6,111]"), Err("got 6"));
        check(&lines(), &body(all, "[5,100],[5,100]"), Err("got 5"));
        check(&lines(), "[]", Err("is not there"));
        check(
            &lines(),
            "[{\"target\":\"c\",\"datapoints\":[]}]",
            Err("`c` was never sent"),
        );
        check(&lines(), "{}", Err("not what was asked for"));
    }

    #[test]
    fn nodes_are_compared_by_their_id() {
        let nodes = |sure| Want::Nodes(["x.a", "x.b"].map(String::from).into(), sure);
        let body = "[{\"id\":\"x.b\",\"leaf\":0},{\"id\":\"x.a\"}]";
        check(&nodes(true), body, Ok(2));
        check(
            &nodes(true),
            "[{\"id\":\"x.b\"}]",
            Err("`x.a` is not there"),
        );
        check(&nodes(false), "[{\"id\":\"x.b\"}]", Ok(1));
        check(
            &nodes(false),
            "[{\"id\":\"x.c\"}]",
            Err("`x.c` was never sent"),
        );
        check(
            &nodes(true),
            "[{\"id\":\"x.b\"},{\"id\":\"x.b\"}]",
            Err("twice"),
        );
    }
}
