//! `/functions`: what functions there are and what they take, as editors of targets read it.
//!
//! Made from the table of functions, so that nothing is told that is not there. In the answers the names
//! are sorted; in one with `pretty` the fields are too, as graphite-web does it.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Response, StatusCode};

use super::errors::Failure;
use super::json::{Beyond, push_text};
use super::question::Question;
use crate::base::decimal::{push_float, push_integer};
use crate::query::graphite::functions::aggregation::Aggregation;
use crate::query::graphite::functions::parameter::{Kind, Parameter, Value};
use crate::query::graphite::functions::{self, Function};

/// Descriptions that are written between two breaths: each has some hundred bytes.
const WRITTEN_AT_ONCE: usize = 8;

/// Where graphite-web has them; some editors show it.
const MODULE: &str = "graphite.render.functions";

/// What is told of one name.
#[derive(Clone, Copy)]
struct Listed {
    name: &'static str,
    group: &'static str,
    help: &'static str,
    takes: Takes,
}

#[derive(Clone, Copy)]
enum Takes {
    Parameters(&'static [Parameter]),
    /// One series, as the functions of pies do.
    OneSeries,
}

/// Part of the language of targets, but a function for whoever writes them.
const SERIES_BY_TAG: Listed = Listed {
    name: "seriesByTag",
    group: "Special",
    help: "The series whose tags pass all of the tests, such as 'name=cpu' or 'host=~web.*'.",
    takes: Takes::Parameters(&[Parameter::required("tagExpressions", Kind::Text).many()]),
};

const PIES: [Listed; 3] = [
    pie(
        "average",
        "The average of the values is the size of the slice.",
    ),
    pie("maximum", "The largest value is the size of the slice."),
    pie("minimum", "The smallest value is the size of the slice."),
];

const fn pie(name: &'static str, help: &'static str) -> Listed {
    Listed {
        name,
        group: "Pie",
        help,
        takes: Takes::OneSeries,
    }
}

fn listed(function: &'static Function) -> impl Iterator<Item = Listed> {
    function.names.iter().map(|&name| Listed {
        name,
        group: function.group,
        help: function.help,
        takes: Takes::Parameters(function.parameters),
    })
}

/// What the request may be about, by name.
fn known(question: &Question<'_>) -> BTreeMap<&'static str, Listed> {
    let all: Vec<Listed> = if question.parameters.last("type") == Some("pie") {
        PIES.to_vec()
    } else {
        let functions = functions::FUNCTIONS.into_iter().flatten().flat_map(listed);
        functions.chain([SERIES_BY_TAG]).collect()
    };
    all.into_iter().map(|one| (one.name, one)).collect()
}

/// `/functions`: all of them, or those of one group; by name, or by group and name.
pub(super) async fn list(question: &Question<'_>) -> Result<Response<Bytes>, Failure> {
    question.callback()?;
    let grouped = question.parameters.last("grouped").unwrap_or("");
    let grouped = ["1", "true"].contains(&grouped.to_lowercase().as_str());
    let group = question.parameters.last("group");
    let writer = Writer::of(question);
    let mut groups: BTreeMap<&str, Vec<(&str, Vec<u8>)>> = BTreeMap::new();
    let all = known(question).into_values();
    let wanted = all.filter(|one| group.is_none_or(|group| group == one.group));
    for (i, one) in wanted.enumerate() {
        let of_group = groups.entry(if grouped { one.group } else { "" });
        of_group
            .or_default()
            .push((one.name, writer.description(&one)));
        if i % WRITTEN_AT_ONCE == WRITTEN_AT_ONCE - 1 {
            question.fleet.breathe().await;
        }
    }
    let text = if grouped {
        let groups = groups.into_iter();
        writer.object(groups.map(|(name, of_group)| (name, writer.object(of_group))))
    } else {
        writer.object(groups.into_values().flatten())
    };
    question.json(text).await
}

/// `/functions/<name>`: one of them.
pub(super) async fn one(question: &Question<'_>) -> Result<Response<Bytes>, Failure> {
    question.callback()?;
    let writer = Writer::of(question);
    let name = question.rest.as_str();
    match known(question).get(name) {
        Some(one) => question.json(writer.description(one)).await,
        None => {
            let told: String = name.chars().take(NAME_CHARACTERS_MAX).collect();
            let error = text(&format!("Function not found: {told}"));
            let mut response = question.json(writer.object([("error", error)])).await?;
            *response.status_mut() = StatusCode::NOT_FOUND;
            Ok(response)
        }
    }
}

/// Characters of an unknown name that its answer repeats.
const NAME_CHARACTERS_MAX: usize = 200;

/// Writes JSON.
#[derive(Clone, Copy)]
struct Writer {
    /// Whether the fields of an object are sorted by name.
    sorted: bool,
}

impl Writer {
    fn of(question: &Question<'_>) -> Writer {
        Writer {
            sorted: question.is_pretty(),
        }
    }

    fn description(self, one: &Listed) -> Vec<u8> {
        let parameters: Vec<Vec<u8>> = match one.takes {
            Takes::Parameters(list) => list.iter().map(|one| self.parameter(one)).collect(),
            Takes::OneSeries => vec![self.object([
                ("name", text("series")),
                ("type", text("series")),
                ("required", b"true".to_vec()),
            ])],
        };
        self.object([
            ("name", text(one.name)),
            ("function", text(&signature(one))),
            ("description", text(one.help)),
            ("module", text(MODULE)),
            ("group", text(one.group)),
            ("params", array(parameters)),
        ])
    }

    /// Only what says something: not that it need not be given, nor that there is no default.
    fn parameter(self, parameter: &Parameter) -> Vec<u8> {
        let mut fields = vec![
            ("name", text(parameter.name)),
            ("type", text(parameter.kind.name())),
        ];
        if parameter.required {
            fields.push(("required", b"true".to_vec()));
        }
        if parameter.default != Value::None {
            fields.push(("default", value(parameter.default)));
        }
        if parameter.multiple {
            fields.push(("multiple", b"true".to_vec()));
        }
        let options = options(parameter);
        if !options.is_empty() {
            fields.push(("options", array(options)));
        }
        if !parameter.suggestions.is_empty() {
            let suggestions = parameter.suggestions.iter().map(|&one| value(one));
            fields.push(("suggestions", array(suggestions)));
        }
        self.object(fields)
    }

    fn object<'n>(self, fields: impl IntoIterator<Item = (&'n str, Vec<u8>)>) -> Vec<u8> {
        let mut fields: Vec<(&str, Vec<u8>)> = fields.into_iter().collect();
        if self.sorted {
            fields.sort_unstable_by_key(|&(name, _)| name);
        }
        let written = fields.into_iter().map(|(name, value)| {
            let mut field = text(name);
            field.extend_from_slice(b": ");
            field.extend(value);
            field
        });
        between(b'{', written, b'}')
    }
}

fn array(items: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    between(b'[', items, b']')
}

fn between(open: u8, items: impl IntoIterator<Item = Vec<u8>>, close: u8) -> Vec<u8> {
    let mut out = vec![open];
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        out.extend(item);
    }
    out.push(close);
    out
}

fn text(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    push_text(text, Beyond::Escaped, &mut out);
    out
}

/// Infinity is told as the number that readers of JSON make it of.
fn value(value: Value) -> Vec<u8> {
    let mut out = Vec::new();
    match value {
        Value::None => out.extend_from_slice(b"null"),
        Value::Boolean(true) => out.extend_from_slice(b"true"),
        Value::Boolean(false) => out.extend_from_slice(b"false"),
        Value::Integer(number) => push_integer(number, &mut out),
        Value::Float(number) => push_float(number, &mut out),
        Value::Infinity => out.extend_from_slice(b"1e9999"),
        Value::Text(one) => push_text(one, Beyond::Escaped, &mut out),
    }
    out
}

/// The values that fit, those of the kind too, each once, by their Python text.
fn options(parameter: &Parameter) -> Vec<Vec<u8>> {
    let of_functions = || {
        let functions = functions::FUNCTIONS.into_iter().flatten();
        let aggregators = functions.filter(|function| function.aggregator);
        aggregators.flat_map(|function| function.names.iter().copied())
    };
    let of_kind: Vec<&str> = match parameter.kind {
        Kind::Aggregation => aggregations().collect(),
        Kind::AggregationOrFunction => aggregations().chain(of_functions()).collect(),
        _ => Vec::new(),
    };
    let of_kind = of_kind.into_iter().map(Value::Text);
    let all = parameter.options.iter().copied().chain(of_kind);
    let by_text: BTreeMap<String, Vec<u8>> = all.map(|one| (shown(one), value(one))).collect();
    by_text.into_values().collect()
}

fn aggregations() -> impl Iterator<Item = &'static str> {
    Aggregation::NAMES.iter().map(|&(name, _)| name)
}

/// As Python's `str` tells it.
fn shown(one: Value) -> String {
    match one {
        Value::None => "None".to_owned(),
        Value::Boolean(true) => "True".to_owned(),
        Value::Boolean(false) => "False".to_owned(),
        Value::Infinity => "inf".to_owned(),
        Value::Text(text) => text.to_owned(),
        Value::Integer(_) | Value::Float(_) => String::from_utf8_lossy(&value(one)).into_owned(),
    }
}

/// `scale(seriesList, factor)`, in Python's notation.
fn signature(one: &Listed) -> String {
    let parameters: Vec<String> = match one.takes {
        Takes::OneSeries => vec!["series".to_owned()],
        Takes::Parameters(list) => list.iter().map(in_signature).collect(),
    };
    format!("{}({})", one.name, parameters.join(", "))
}

fn in_signature(parameter: &Parameter) -> String {
    let name = parameter.name;
    if !parameter.written.is_empty() {
        return parameter.written.to_owned();
    }
    match (parameter.multiple, parameter.required, parameter.default) {
        (true, _, _) => format!("*{name}"),
        (false, true, _) => name.to_owned(),
        (false, false, Value::Text(text)) => format!("{name}='{text}'"),
        (false, false, default) => format!("{name}={}", shown(default)),
    }
}
