//! Substitutions, and the settings that come of a file.
//!
//! A path is looked for in the file, each key with everything that it was set to: a value that uses its own
//! key sees what stood before it. What the file does not have is asked for beyond it. Copies multiply, so
//! what may be made is bounded: [`VALUES_MAX`] values, [`BYTES_MAX`] of text, [`NESTED_MAX`] values under
//! way.

use std::collections::BTreeMap;

use super::super::setting::{KEY_BYTES_MAX, SETTINGS_MAX, Setting, Value, Wrong, shown};
use super::{Node, Object, Raw, VALUES_MAX};

/// Bytes of all texts, and of the names in objects.
const BYTES_MAX: usize = 16 << 20;
/// Values that are under way for each other.
const NESTED_MAX: usize = 200;

/// What a node comes to.
#[derive(Clone, Debug)]
enum Found {
    Null,
    Text(String),
    List(Vec<Found>),
    Object(Fields),
}

/// With the line of each.
type Fields = BTreeMap<String, (Found, usize)>;

/// The settings of a file.
pub(super) fn settings(
    root: &Object,
    beyond: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Setting>, Wrong> {
    let mut resolver = Resolver {
        root,
        beyond,
        under_way: Vec::new(),
        nested: 0,
        values: 0,
        bytes: 0,
    };
    let fields = resolver.object(&mut Vec::new(), root)?;
    let mut settings = Vec::new();
    flatten(fields, &mut String::new(), &mut settings)?;
    Ok(settings)
}

/// Append the settings of `fields`, all below `key`. Keys are looked at again: what was copied may be deeper
/// now than it was written.
fn flatten(fields: Fields, key: &mut String, settings: &mut Vec<Setting>) -> Result<(), Wrong> {
    let outside = key.len();
    for (name, (found, line)) in fields {
        if 0 < outside {
            key.push('.');
        }
        key.push_str(&name);
        if KEY_BYTES_MAX < key.len() {
            return Err(Wrong::long_key(line, key));
        }
        let value = match found {
            Found::Object(fields) => {
                flatten(fields, key, settings)?;
                key.truncate(outside);
                continue;
            }
            Found::Null => Value::Null,
            Found::Text(text) => Value::Text(text),
            Found::List(items) => Value::List(items.into_iter().map(text_of).collect()),
        };
        if SETTINGS_MAX <= settings.len() {
            return Err(Wrong::too_many(line));
        }
        settings.push(Setting {
            key: key.clone(),
            value,
            line,
        });
        key.truncate(outside);
    }
    Ok(())
}

fn text_of(found: Found) -> String {
    match found {
        Found::Text(text) => text,
        Found::Null | Found::List(_) | Found::Object(_) => String::new(),
    }
}

struct Resolver<'a> {
    root: &'a Object,
    beyond: &'a dyn Fn(&str) -> Option<String>,
    /// Keys whose value is being made, and the place of it among all that the key was set to.
    under_way: Vec<(Vec<String>, usize)>,
    nested: usize,
    values: usize,
    bytes: usize,
}

impl<'a> Resolver<'a> {
    fn object(&mut self, path: &mut Vec<String>, object: &'a Object) -> Result<Fields, Wrong> {
        let mut fields = Fields::new();
        for (key, nodes) in &object.0 {
            path.push(key.clone());
            let found = self.assigned(path, nodes);
            path.pop();
            if let Some(found) = found? {
                self.bytes += key.len();
                fields.insert(key.clone(), found);
            }
        }
        Ok(fields)
    }

    /// What a key comes to that was set to `nodes`: the last of them, over those before it as far as all
    /// are objects. One that is not there leaves what stood before.
    fn assigned(
        &mut self,
        path: &mut Vec<String>,
        nodes: &'a [Node],
    ) -> Result<Option<(Found, usize)>, Wrong> {
        let mut upper: Option<(Fields, usize)> = None;
        for (place, node) in nodes.iter().enumerate().rev() {
            self.under_way.push((path.clone(), place));
            let found = self.node(path, node);
            self.under_way.pop();
            match (found?, &mut upper) {
                (None, _) => {}
                (Some(Found::Object(fields)), None) => upper = Some((fields, node.line)),
                (Some(Found::Object(fields)), Some((over, _))) => lay_under(over, fields),
                (Some(found), None) => return Ok(Some((found, node.line))),
                (Some(_), Some(_)) => break,
            }
        }
        Ok(upper.map(|(fields, line)| (Found::Object(fields), line)))
    }

    fn node(&mut self, path: &mut Vec<String>, node: &'a Node) -> Result<Option<Found>, Wrong> {
        self.values += 1;
        self.nested += 1;
        if VALUES_MAX < self.values || BYTES_MAX < self.bytes || NESTED_MAX < self.nested {
            let text = "it has too many values, or its substitutions copy too much, or each other in \
                        too long a row";
            return Err(Wrong::new(node.line, text));
        }
        let found = match &node.value {
            Raw::Null => Some(Found::Null),
            Raw::Text(text) | Raw::Gap(text) => Some(self.text(text.clone())),
            Raw::List(nodes) => {
                let mut items = Vec::new();
                // A part that no key has: what is set within a list is none of the object around it.
                path.push(String::new());
                for node in nodes {
                    items.extend(self.node(path, node)?);
                }
                path.pop();
                Some(Found::List(items))
            }
            Raw::Object(object) => Some(Found::Object(self.object(path, object)?)),
            Raw::Use { path, is_optional } => self.used(path, *is_optional, node.line)?,
            Raw::Before => self.used(path, true, node.line)?,
            Raw::Joined(parts) => self.joined(path, parts, node.line)?,
        };
        self.nested -= 1;
        Ok(found)
    }

    fn text(&mut self, text: String) -> Found {
        self.bytes += text.len();
        Found::Text(text)
    }

    /// What a substitution stands for.
    fn used(
        &mut self,
        target: &[String],
        is_optional: bool,
        line: usize,
    ) -> Result<Option<Found>, Wrong> {
        if let Some(found) = self.looked_up(target)? {
            return Ok(Some(found));
        }
        let name = target.join(".");
        if let Some(text) = (self.beyond)(&name) {
            return Ok(Some(self.text(text)));
        }
        if is_optional {
            return Ok(None);
        }
        let why = match self.under_way.iter().any(|(path, _)| path == target) {
            true => "stands for itself",
            false => "is neither in the file nor in the environment",
        };
        let name = shown(&name);
        let text = format!("`${{{name}}}` {why}; `${{?{name}}}` may be missing");
        Err(Wrong::new(line, text))
    }

    fn looked_up(&mut self, target: &[String]) -> Result<Option<Found>, Wrong> {
        let (mut object, mut path) = (self.root, Vec::new());
        for (at, part) in target.iter().enumerate() {
            path.push(part.clone());
            let Some(nodes) = object.0.get(part) else {
                return Ok(None);
            };
            let rest = target.get(at + 1..).unwrap_or_default();
            if let (
                Some(Node {
                    value: Raw::Object(below),
                    ..
                }),
                Some(next),
            ) = (nodes.last(), rest.first())
                && below.0.contains_key(next)
            {
                object = below;
                continue;
            }
            let mine = self.under_way.iter().filter(|(key, _)| *key == path);
            let known = mine.map(|&(_, place)| place).min().unwrap_or(nodes.len());
            let before = nodes.get(..known).unwrap_or_default();
            let found = self.assigned(&mut path, before)?;
            return Ok(found.and_then(|(found, _)| dig(found, rest)));
        }
        Ok(None)
    }

    /// What stands side by side: all lists, all objects, or all texts.
    fn joined(
        &mut self,
        path: &mut Vec<String>,
        parts: &'a [Node],
        line: usize,
    ) -> Result<Option<Found>, Wrong> {
        let mut all: Option<Found> = None;
        for part in parts {
            let is_gap = matches!(part.value, Raw::Gap(_));
            let Some(next) = self.node(path, part)? else {
                continue;
            };
            all = Some(match (all, next) {
                (None, next) => next,
                (Some(Found::List(mut items)), Found::List(more)) => {
                    items.extend(more);
                    Found::List(items)
                }
                (Some(Found::Object(lower)), Found::Object(mut upper)) => {
                    lay_under(&mut upper, lower);
                    Found::Object(upper)
                }
                (Some(list @ (Found::List(_) | Found::Object(_))), _) if is_gap => list,
                // Blanks behind a substitution that is not there.
                (Some(Found::Text(text)), next @ (Found::List(_) | Found::Object(_)))
                    if text.trim().is_empty() =>
                {
                    next
                }
                (
                    Some(all @ (Found::Text(_) | Found::Null)),
                    next @ (Found::Text(_) | Found::Null),
                ) => {
                    self.bytes += word(&all).len();
                    Found::Text(format!("{}{}", word(&all), word(&next)))
                }
                _ => {
                    let text =
                        "texts, lists and objects stand side by side; only equals can be joined";
                    return Err(Wrong::new(line, text));
                }
            });
        }
        Ok(all)
    }
}

fn word(found: &Found) -> &str {
    match found {
        Found::Text(text) => text,
        Found::Null => "null",
        Found::List(_) | Found::Object(_) => "",
    }
}

/// Put below `upper` what it lacks.
fn lay_under(upper: &mut Fields, lower: Fields) {
    for (key, (found, line)) in lower {
        match (upper.get_mut(&key), found) {
            (Some((Found::Object(over), _)), Found::Object(under)) => lay_under(over, under),
            (Some(_), _) => {}
            (None, found) => {
                upper.insert(key, (found, line));
            }
        }
    }
}

/// What `rest` names within what was found.
fn dig(found: Found, rest: &[String]) -> Option<Found> {
    let Some((first, rest)) = rest.split_first() else {
        return Some(found);
    };
    match found {
        Found::Object(mut fields) => dig(fields.remove(first)?.0, rest),
        _ => None,
    }
}
