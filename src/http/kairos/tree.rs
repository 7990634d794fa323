//! The body of a query as a tree, read leniently and in pieces; bounded in values and in depth.

use super::Refused;
use crate::query::breath::Pace;
use crate::wire::json::{DEPTH_MAX, Element, Fault, Kind, Reader, Scalar};

/// Values in one body.
const VALUES_MAX: usize = 100_000;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    Null,
    Bool(bool),
    /// By its text.
    Number(String),
    Text(String),
    Array(Vec<Tree>),
    /// Names may be there twice; then the last counts.
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// A field of an object; null is no field.
    pub(super) fn field(&self, name: &str) -> Option<&Tree> {
        self.given(name).filter(|value| **value != Tree::Null)
    }

    /// A field of an object, also a null.
    pub(super) fn given(&self, name: &str) -> Option<&Tree> {
        let Tree::Object(fields) = self else {
            return None;
        };
        let found = fields.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value)
    }
}

/// An array or object whose end was not read yet.
struct Open {
    first: bool,
    inside: Tree,
    /// Of an object, the name whose value comes next.
    name: String,
}

/// Read one value, behind which nothing may stand.
pub(super) async fn read(json: &[u8], pace: &Pace<'_>) -> Result<Tree, Refused> {
    let broken = |fault: Fault| Refused::bad(fault.to_string());
    let mut reader = Reader::new(json, 0);
    let mut open: Vec<Open> = Vec::new();
    let mut values = 0;
    let mut begun = Some(reader.value().map_err(broken)?);
    loop {
        let mut whole = None;
        match begun.take() {
            Some(scalar) => {
                values += 1;
                if VALUES_MAX < values || DEPTH_MAX as usize == open.len() {
                    return Err(Refused::bad(format!(
                        "a query has at most {VALUES_MAX} values, nested {DEPTH_MAX} deep"
                    )));
                }
                pace.did_series(scalar.bytes(json).len()).await?;
                match plain(scalar, json) {
                    Ok(value) => whole = Some(value),
                    Err(inside) => open.push(Open {
                        first: true,
                        inside,
                        name: String::new(),
                    }),
                }
            }
            None => {
                let Some(inner) = open.last_mut() else {
                    break;
                };
                match inner.next(json, &mut reader).map_err(broken)? {
                    Next::Value => begun = Some(reader.value().map_err(broken)?),
                    Next::Hole => whole = Some(Tree::Null),
                    Next::End => whole = open.pop().map(|inner| inner.inside),
                }
            }
        }
        match (whole, open.last_mut()) {
            (Some(value), Some(outer)) => outer.push(value),
            (Some(value), None) => {
                reader.blanks_and_comments().map_err(broken)?;
                if reader.peek().is_some() {
                    let at = reader.at();
                    let wanted = "nothing";
                    return Err(broken(Fault::Broken { at, wanted }));
                }
                return Ok(value);
            }
            (None, _) => {}
        }
    }
    Err(broken(Fault::End))
}

/// What has nothing inside; else the empty array or object.
fn plain(scalar: Scalar, json: &[u8]) -> Result<Tree, Tree> {
    let text = || scalar.text(json).into_owned();
    match scalar.kind {
        Kind::Null => Ok(Tree::Null),
        Kind::Bool => Ok(Tree::Bool(text().eq_ignore_ascii_case("true"))),
        Kind::Number => Ok(Tree::Number(text())),
        Kind::Text => Ok(Tree::Text(text())),
        Kind::Array => Err(Tree::Array(Vec::new())),
        Kind::Object => Err(Tree::Object(Vec::new())),
    }
}

enum Next {
    Value,
    Hole,
    End,
}

impl Open {
    fn next(&mut self, json: &[u8], reader: &mut Reader) -> Result<Next, Fault> {
        if let Tree::Object(_) = self.inside {
            return Ok(match reader.member(&mut self.first)? {
                Some(name) => {
                    self.name = name.text(json).into_owned();
                    Next::Value
                }
                None => Next::End,
            });
        }
        Ok(match reader.element(&mut self.first)? {
            Element::Value => Next::Value,
            Element::Hole => Next::Hole,
            Element::End => Next::End,
        })
    }

    fn push(&mut self, value: Tree) {
        match &mut self.inside {
            Tree::Array(list) => list.push(value),
            Tree::Object(fields) => fields.push((std::mem::take(&mut self.name), value)),
            _ => {}
        }
    }
}
