//! A target: the expression of nested functions over paths that a dashboard asks for.
//!
//! ```text
//! expression = ( template | call | path ) { "|" call }          a|f(x) is f(a,x)
//! template   = "template" "(" expression { "," [ident "="] literal } ")"
//! call       = ident "(" [ arg { "," arg } ] { "," ident "=" arg } ")"
//! arg        = "true" | "false" | number | "none" | string | "inf" | expression
//! path       = element { "." element }      element = 1*( char | escape | "{" part {"," part} "}" )
//! ```
//!
//! [`parse`] takes text, gives a tree without pipes and templates, and refuses everything that it
//! cannot read to the last byte, saying where and what it wanted. Limits: [`BYTES_MAX`],
//! [`DEPTH_MAX`], [`ARGUMENTS_MAX`], [`NODES_MAX`], [`TEMPLATE_BYTES_MAX`]. Knows no function but `template` and `seriesByTag`, which are
//! part of the language.

mod cursor;
mod literal;
mod parse;
mod path;
mod print;
mod template;

use crate::query::plan::Selector;

pub use parse::{first_path, parse};

/// Longest target, in bytes.
pub const BYTES_MAX: usize = 64 * 1024;
/// Deepest nesting of calls, pipes among them; recursion goes no deeper than this.
pub const DEPTH_MAX: usize = 64;
/// Most arguments of one function.
pub const ARGUMENTS_MAX: usize = 1024;
/// Most bytes of paths that the templates of one target may search and make.
pub const TEMPLATE_BYTES_MAX: usize = 1024 * 1024;
/// Most calls, paths and literals of one target.
pub const NODES_MAX: usize = 8 * 1024;

/// A whole target.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// What it says, once templates are filled in.
    pub expression: Expression,
}

/// One node of a target.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// Series by path; the text without escapes.
    Path(String),
    /// Series by tags.
    Tagged(Tagged),
    /// A function.
    Call(Call),
    /// Text in quotes, without them; backslashes inside stay.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction or an exponent, `inf`, or a whole number too large for 64 bits.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// `none`.
    None,
}

/// `seriesByTag('a=b','c!=d')`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tagged {
    /// The call as it was written: the path expression of its series.
    pub written: String,
    /// Its arguments.
    pub expressions: Vec<String>,
}

/// A function and what it is called with.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Name as written.
    pub name: String,
    /// Arguments by position.
    pub arguments: Vec<Expression>,
    /// Arguments by name, in the order in which they were written.
    pub named: Vec<(String, Expression)>,
}

impl Expression {
    /// What to fetch for this node itself, if it is a leaf.
    pub fn selector(&self) -> Option<Selector> {
        match self {
            Expression::Path(path) => Some(Selector::Path(path.clone())),
            Expression::Tagged(tagged) => Some(Selector::Tags(tagged.expressions.clone())),
            _ => None,
        }
    }

    fn into_first_path(self) -> Option<String> {
        match self {
            Expression::Path(path) => Some(path),
            Expression::Call(call) => call.arguments.into_iter().next()?.into_first_path(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
