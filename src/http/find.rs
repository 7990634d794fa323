//! `/metrics/find`: the children of a pattern in the tree of names, for trees and completion.

mod packed;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, PRAGMA};
use http::{HeaderValue, Response, StatusCode};

use super::carbon::{self, Dialect};
use super::encode::Packing;
use super::errors::{Failure, text_response};
use super::fronts;
use super::json::{Beyond, push_text};
use super::question::{Question, document};
use crate::base::decimal::push_float;
use crate::query::error::QueryError;
use crate::query::graphite::time;
use crate::query::merge::Merged;
use crate::query::plan::Want;
use crate::query::scan::FoundNode;

/// How the nodes are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// For a tree: one element a text, branches first.
    TreeJson,
    /// For completion: paths, those of branches with a dot behind.
    Completer,
    /// Paths and whether they are leaves, as one storage node tells another.
    Json,
    /// The texts at one position of the paths.
    NodeList {
        /// 0 is the first node of a path, -1 the last.
        position: i64,
    },
    /// Paths and whether they are leaves, for another server.
    Packed(Packing),
}

/// Answer.
pub(super) async fn answer(question: &Question<'_>) -> Result<Response<Bytes>, Failure> {
    if let Some(dialect) = Dialect::of(question) {
        return carbon::find(question, dialect).await;
    }
    fronts::spared(question, answered(question).await)
}

async fn answered(question: &Question<'_>) -> Result<Response<Bytes>, Failure> {
    let query = match question.parameters.last("query") {
        None => return Err(Failure::invalid("Missing required parameter 'query'")),
        Some("") => return Err(Failure::invalid("Required parameter 'query' is empty")),
        Some(query) => query,
    };
    let Some(format) = format(question)? else {
        let told = "Invalid value for 'format' parameter";
        return Ok(text_response(StatusCode::BAD_REQUEST, told));
    };
    let wildcards = question.parameters.switch("wildcards")?;
    let leaves_only = question.parameters.switch("leavesOnly")?;
    let variants = question.parameters.switch("automatic_variants")?;
    check_times(question)?;
    question.callback()?;
    let pattern = match format {
        Format::Completer => completed(query, variants),
        _ => query.to_owned(),
    };
    let nodes = matching(question, &pattern, leaves_only).await?;
    let beyond = question.beyond();
    let text = match format {
        Format::TreeJson => tree_json(question, &nodes, query, wildcards, beyond).await?,
        Format::Completer => completer(question, &nodes, wildcards, beyond).await?,
        Format::Json => json(question, &nodes, beyond).await?,
        Format::NodeList { position } => node_list(question, &nodes, position, beyond).await?,
        Format::Packed(packing) => packed::print(question, &nodes, packing).await?,
    };
    let mut response = match format {
        Format::Packed(packing) => document(packing.kind(), text),
        _ => question.json_of(text, beyond).await?,
    };
    forbid_keeping(&mut response);
    Ok(response)
}

/// Tell browsers and proxies to ask again.
pub(super) fn forbid_keeping(response: &mut Response<Bytes>) {
    let headers = response.headers_mut();
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
}

/// The times of the request, which must be times and change nothing: what was ever stored is found.
fn check_times(question: &Question<'_>) -> Result<(), Failure> {
    let parameters = &question.parameters;
    let zone = question.zone();
    let at = |name, now_s| match parameters.last(name) {
        None | Some("-1") => Ok(now_s),
        Some(spec) => time::parse(spec, now_s, &zone).map_err(|error| {
            Failure::invalid(format!("Invalid value {spec:?} for param {name}: {error}"))
        }),
    };
    let now_s = at("now", question.began.seconds())?;
    let (from, until) = (at("from", now_s)?, at("until", now_s)?);
    // Where both are told: -1 is as none.
    let is_told = |name| !matches!(parameters.last(name), None | Some("-1"));
    if until < from && is_told("from") && is_told("until") {
        return Err(Failure::invalid(format!(
            "Failed to instantiate find query: Invalid interval start={from} end={until}"
        )));
    }
    Ok(())
}

fn format(question: &Question<'_>) -> Result<Option<Format>, Failure> {
    Ok(
        match question.parameters.last("format").unwrap_or("treejson") {
            "treejson" => Some(Format::TreeJson),
            "completer" => Some(Format::Completer),
            "json" => Some(Format::Json),
            "nodelist" => {
                let position = question.parameters.last("position").unwrap_or("-1");
                let Ok(position) = position.trim().parse() else {
                    return Err(Failure::invalid(
                        "'position' is a whole number: 0 for the first node, -1 for the last",
                    ));
                };
                Some(Format::NodeList { position })
            }
            other => Packing::named(other).map(Format::Packed),
        },
    )
}

/// What a half-typed path looks for. With `variants` the commas of a node part alternatives, also without
/// braces around them.
fn completed(query: &str, variants: bool) -> String {
    let mut pattern = query.replace("..", "*.");
    if !pattern.ends_with('*') {
        pattern.push('*');
    }
    if !variants {
        return pattern;
    }
    let nodes = pattern.split('.').map(|node| {
        if node.contains(',') && !node.contains('{') {
            format!("{{{node}}}")
        } else {
            node.to_owned()
        }
    });
    nodes.collect::<Vec<String>>().join(".")
}

/// The matching nodes sorted by path. `leaves_only` drops branches, and of a node that is both
/// the branch.
///
/// # Errors
/// What the query says.
pub(super) async fn matching(
    question: &Question<'_>,
    pattern: &str,
    leaves_only: bool,
) -> Result<Vec<FoundNode>, QueryError> {
    let pattern = pattern.to_owned();
    let Merged::Nodes(mut nodes) = question.ask(Want::Nodes { pattern }).await? else {
        return Ok(Vec::new());
    };
    if leaves_only {
        nodes.retain(|node| node.leaf);
        nodes.iter_mut().for_each(|node| node.branch = false);
    }
    Ok(nodes)
}

fn text_of(node: &FoundNode) -> &str {
    node.path
        .rsplit_once('.')
        .map_or(node.path.as_str(), |(_, text)| text)
}

async fn tree_json(
    question: &Question<'_>,
    nodes: &[FoundNode],
    query: &str,
    wildcards: bool,
    beyond: Beyond,
) -> Result<Vec<u8>, QueryError> {
    let base = query.rfind('.').map_or("", |dot| &query[..=dot]);
    // Per text, whether any node of it is a branch; in the order of the texts.
    let mut texts: BTreeMap<&str, bool> = BTreeMap::new();
    for (i, node) in nodes.iter().enumerate() {
        *texts.entry(text_of(node)).or_default() |= node.branch;
        question.breathe_every(i).await?;
    }
    let mut list = List::new();
    let several = nodes.len() > 1 || nodes.iter().any(|node| node.leaf && node.branch);
    if wildcards && several {
        let branch = texts.values().any(|&branch| branch);
        push_tree_node("*", base, branch, beyond, list.item());
    }
    for wanted in [true, false] {
        for (i, (text, &branch)) in texts.iter().enumerate() {
            if branch == wanted {
                push_tree_node(text, base, branch, beyond, list.item());
            }
            list.check(question)?;
            question.breathe_every(i).await?;
        }
    }
    Ok(list.end())
}

fn push_tree_node(text: &str, base: &str, branch: bool, beyond: Beyond, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"text\": ");
    push_text(text, beyond, out);
    out.extend_from_slice(b", \"id\": ");
    push_text(&format!("{base}{text}"), beyond, out);
    out.extend_from_slice(if branch {
        b", \"allowChildren\": 1, \"expandable\": 1, \"leaf\": 0}"
    } else {
        b", \"allowChildren\": 0, \"expandable\": 0, \"leaf\": 1}"
    });
}

/// The nodes by their last text, each with whether it is told as a leaf, a branch before the leaf of the
/// same path.
///
/// # Errors
/// Time of the query is used up.
pub(super) async fn by_text<'n>(
    question: &Question<'_>,
    nodes: &'n [FoundNode],
) -> Result<Vec<(&'n FoundNode, bool)>, QueryError> {
    let mut sorted: BTreeSet<(&str, usize)> = BTreeSet::new();
    for (i, node) in nodes.iter().enumerate() {
        sorted.insert((text_of(node), i));
        question.breathe_every(i).await?;
    }
    let mut list = Vec::with_capacity(nodes.len());
    for (_, i) in sorted {
        let node = &nodes[i];
        list.extend(node.branch.then_some((node, false)));
        list.extend(node.leaf.then_some((node, true)));
    }
    Ok(list)
}

async fn completer(
    question: &Question<'_>,
    nodes: &[FoundNode],
    wildcards: bool,
    beyond: Beyond,
) -> Result<Vec<u8>, QueryError> {
    let found = by_text(question, nodes).await?;
    let mut list = List::after(b"{\"metrics\": [");
    for (i, &(node, leaf)) in found.iter().enumerate() {
        let out = list.item();
        let dot = if leaf { "" } else { "." };
        out.extend_from_slice(b"{\"path\": ");
        push_text(&format!("{}{dot}", node.path), beyond, out);
        out.extend_from_slice(b", \"name\": ");
        push_text(text_of(node), beyond, out);
        let leaf = if leaf { "1" } else { "0" };
        out.extend_from_slice(format!(", \"is_leaf\": \"{leaf}\"}}").as_bytes());
        list.check(question)?;
        question.breathe_every(i).await?;
    }
    if wildcards && found.len() > 1 {
        list.item().extend_from_slice(b"{\"name\": \"*\"}");
    }
    let mut text = list.end();
    text.push(b'}');
    Ok(text)
}

/// A leaf's interval runs from the epoch to now: which part of it holds points only its reading
/// tells.
async fn json(
    question: &Question<'_>,
    nodes: &[FoundNode],
    beyond: Beyond,
) -> Result<Vec<u8>, QueryError> {
    let now_seconds = question.began.0 as f64 / 1000.0;
    let mut list = List::new();
    for (i, &(node, leaf)) in by_text(question, nodes).await?.iter().enumerate() {
        let out = list.item();
        out.extend_from_slice(b"{\"path\": ");
        push_text(&node.path, beyond, out);
        if leaf {
            let head = b", \"is_leaf\": true, \"intervals\": [{\"start\": 0.0, \"end\": ";
            out.extend_from_slice(head);
            push_float(now_seconds, out);
            out.extend_from_slice(b"}]}");
        } else {
            out.extend_from_slice(b", \"is_leaf\": false}");
        }
        list.check(question)?;
        question.breathe_every(i).await?;
    }
    Ok(list.end())
}

async fn node_list(
    question: &Question<'_>,
    nodes: &[FoundNode],
    position: i64,
    beyond: Beyond,
) -> Result<Vec<u8>, QueryError> {
    let mut texts: BTreeSet<&str> = BTreeSet::new();
    for (i, node) in nodes.iter().enumerate() {
        texts.extend(at_position(&node.path, position));
        question.breathe_every(i).await?;
    }
    let mut list = List::after(b"{\"nodes\": [");
    for (i, text) in texts.into_iter().enumerate() {
        push_text(text, beyond, list.item());
        list.check(question)?;
        question.breathe_every(i).await?;
    }
    let mut text = list.end();
    text.push(b'}');
    Ok(text)
}

/// The text at one position of a path, counted from its end where it is negative.
fn at_position(path: &str, position: i64) -> Option<&str> {
    let from_end = usize::try_from(position.checked_add(1)?.checked_neg()?);
    match usize::try_from(position) {
        Ok(position) => path.split('.').nth(position),
        Err(_) => path.rsplit('.').nth(from_end.ok()?),
    }
}

/// A JSON array under way, and how long its text was before the first item.
pub(super) struct List(Vec<u8>, usize);

impl List {
    /// Empty.
    pub(super) fn new() -> List {
        List::after(b"[")
    }

    /// Empty, behind a text that ends with the bracket.
    pub(super) fn after(text: &[u8]) -> List {
        List(text.to_vec(), text.len())
    }

    /// Begin an item: what is appended to the result is the item.
    pub(super) fn item(&mut self) -> &mut Vec<u8> {
        if self.0.len() > self.1 {
            self.0.extend_from_slice(b", ");
        }
        &mut self.0
    }

    /// Whether it is still within the ceiling of an answer.
    ///
    /// # Errors
    /// [`QueryError::Limit`] if not.
    pub(super) fn check(&self, question: &Question<'_>) -> Result<(), QueryError> {
        question.options.limits.check_bytes(self.0.len() as u64)
    }

    /// The items, without a bracket behind them.
    pub(super) fn unended(self) -> Vec<u8> {
        self.0
    }

    /// The whole array.
    pub(super) fn end(mut self) -> Vec<u8> {
        self.0.push(b']');
        self.0
    }
}
