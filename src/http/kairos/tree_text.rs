//! A tree as JSON, strict and without blanks.

use super::tree::Tree;
use crate::query::breath::Pace;
use crate::query::error::QueryError;
use crate::wire::json::push_text;

/// Values that are printed between two breaths.
const AT_ONCE: usize = 500;

/// Append a tree in one go.
pub(super) fn push(tree: &Tree, out: &mut Vec<u8>) {
    let mut printing = Printing::new(tree);
    while !printing.step(AT_ONCE, out) {}
}

/// The text of a tree of which there is not much.
pub(super) fn text(tree: &Tree) -> String {
    let mut out = Vec::new();
    push(tree, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Append a tree, of which there may be much.
pub(super) async fn push_in_pieces(
    tree: &Tree,
    out: &mut Vec<u8>,
    pace: &Pace<'_>,
) -> Result<(), QueryError> {
    let mut printing = Printing::new(tree);
    loop {
        let before = out.len();
        if printing.step(AT_ONCE, out) {
            return Ok(());
        }
        pace.did(AT_ONCE + (out.len() - before) / 8).await?;
    }
}

/// Printing under way.
struct Printing<'a> {
    /// What comes next.
    next: Option<&'a Tree>,
    /// Arrays and objects that have begun, and how many of their values were printed.
    open: Vec<(&'a Tree, usize)>,
}

impl<'a> Printing<'a> {
    fn new(tree: &'a Tree) -> Printing<'a> {
        Printing {
            next: Some(tree),
            open: Vec::new(),
        }
    }

    /// Print about `budget` values. True at the end.
    fn step(&mut self, budget: usize, out: &mut Vec<u8>) -> bool {
        for _ in 0..budget {
            if let Some(tree) = self.next.take() {
                self.begin(tree, out);
            } else if let Some((inner, at)) = self.open.last_mut() {
                let comma: &[u8] = if *at > 0 { b"," } else { b"" };
                self.next = match inner {
                    Tree::Array(list) => list.get(*at).inspect(|_| out.extend_from_slice(comma)),
                    Tree::Object(fields) => fields.get(*at).map(|(name, value)| {
                        out.extend_from_slice(comma);
                        push_text(name, out);
                        out.push(b':');
                        value
                    }),
                    _ => None,
                };
                *at += 1;
                if self.next.is_none() {
                    let is_array = matches!(inner, Tree::Array(_));
                    out.push(if is_array { b']' } else { b'}' });
                    self.open.pop();
                }
            } else {
                return true;
            }
        }
        false
    }

    fn begin(&mut self, tree: &'a Tree, out: &mut Vec<u8>) {
        match tree {
            Tree::Null => out.extend_from_slice(b"null"),
            Tree::Bool(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
            Tree::Number(text) => out.extend_from_slice(text.as_bytes()),
            Tree::Text(text) => push_text(text, out),
            Tree::Array(_) => {
                out.push(b'[');
                self.open.push((tree, 0));
            }
            Tree::Object(_) => {
                out.push(b'{');
                self.open.push((tree, 0));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_as_it_was() {
        let text = |text: &str| Tree::Text(text.to_owned());
        let tree = Tree::Object(vec![
            (
                "a\"".to_owned(),
                Tree::Array(vec![Tree::Number("1e3".to_owned()), Tree::Null]),
            ),
            ("b".to_owned(), Tree::Object(Vec::new())),
            (
                "c".to_owned(),
                Tree::Array(vec![Tree::Array(Vec::new()), Tree::Bool(true), text("x")]),
            ),
        ]);
        let want = r#"{"a\"":[1e3,null],"b":{},"c":[[],true,"x"]}"#;
        let mut out = Vec::new();
        push(&tree, &mut out);
        assert_eq!(String::from_utf8(out).expect("UTF-8"), want);
        for budget in 1..9 {
            let (mut out, mut printing) = (Vec::new(), Printing::new(&tree));
            while !printing.step(budget, &mut out) {}
            assert_eq!(out, want.as_bytes());
        }
    }
}
