//! Text becomes a target: recursive descent over bytes, bounded in depth and in nodes.

use super::template::Replacements;
use super::{
    ARGUMENTS_MAX, BYTES_MAX, Call, DEPTH_MAX, Expression, NODES_MAX, TEMPLATE_BYTES_MAX, Tagged,
    Target,
};
use crate::query::error::QueryError;

/// graphite-web's words for a template that it cannot read.
const TEMPLATE_SYNTAX: &str =
    "invalid template() syntax, only string/numeric arguments are allowed";

/// Read a target. `overrides` are the request's `template[name]=value` parameters, which go before
/// the values that the target itself gives to `template()`.
///
/// # Errors
/// [`QueryError::Invalid`] with the character at which reading stopped and what was expected
/// there; [`QueryError::Limit`] where a limit is passed.
pub fn parse(text: &str, overrides: &[(String, String)]) -> Result<Target, QueryError> {
    if text.len() > BYTES_MAX {
        return Err(QueryError::Limit(format!(
            "a target has at most {BYTES_MAX} bytes, this one has {}",
            text.len()
        )));
    }
    let mut parser = Parser::new(text, overrides);
    let (expression, _) = parser.expression(DEPTH_MAX)?;
    parser.skip_blanks();
    match parser.peek() {
        None => Ok(Target { expression }),
        Some(_) => Err(parser.expected("\"|\" or the end")),
    }
}

/// The first path in `name`, the name of a series that functions made: `a.b` of
/// `sumSeries(scale(a.b,2))`. Reads only the front of `name`, as names need not be targets; `None`
/// where the innermost first argument is no path.
pub fn first_path(name: &str) -> Option<String> {
    let mut parser = Parser::new(name, &[]);
    match parser.expression(DEPTH_MAX) {
        Ok((expression, _)) => expression.into_first_path(),
        Err(QueryError::Invalid(_)) => Parser::new(name, &[]).path().ok(),
        Err(_) => {
            // Too large to read as a target: what follows the last parenthesis before a comma.
            let front = name.get(..name.find([',', ')'])?)?;
            let inner = front.rsplit('(').next()?;
            Parser::new(inner, &[]).path().ok()
        }
    }
}

/// Where reading stands, and what may still be read.
pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    nodes: usize,
    template_bytes: usize,
    overrides: &'a [(String, String)],
}

/// A node and the height of the tree under it, itself included.
type Grown = (Expression, usize);

impl<'a> Parser<'a> {
    fn new(text: &'a str, overrides: &'a [(String, String)]) -> Parser<'a> {
        Parser {
            text,
            at: 0,
            nodes: 0,
            template_bytes: TEMPLATE_BYTES_MAX,
            overrides,
        }
    }

    /// One expression with its pipes, no higher than `room`.
    fn expression(&mut self, room: usize) -> Result<Grown, QueryError> {
        let (mut expression, mut height) = self.head(room)?;
        loop {
            let before = self.at;
            self.skip_blanks();
            if !self.take('|') {
                self.at = before;
                return Ok((expression, height));
            }
            self.skip_blanks();
            let start = self.at;
            let Some(name) = self.identifier() else {
                return Err(self.expected("the name of a function"));
            };
            if !self.open_call() {
                return Err(self.expected("\"(\""));
            }
            if matches!(name, "template" | "seriesByTag") {
                return Err(self.wrong(start, &format!("{name} takes nothing from a pipe")));
            }
            self.count_node()?;
            self.check_room(height < room)?;
            let (call, grown) = self.call(name, room - 1, Some(expression))?;
            height = grown.max(height + 1);
            expression = Expression::Call(call);
        }
    }

    fn head(&mut self, room: usize) -> Result<Grown, QueryError> {
        self.check_room(room > 0)?;
        self.skip_blanks();
        self.count_node()?;
        let start = self.at;
        if let Some(name) = self.identifier() {
            let end_of_name = self.at;
            if self.open_call() {
                return match name {
                    "template" => self.template(room - 1),
                    "seriesByTag" => self.tagged(start),
                    _ => {
                        let (call, height) = self.call(name, room - 1, None)?;
                        Ok((Expression::Call(call), height))
                    }
                };
            }
            self.at = end_of_name;
        }
        self.at = start;
        Ok((Expression::Path(self.path()?), 1))
    }

    /// Arguments up to and with the closing parenthesis; `piped` is the first.
    fn call(
        &mut self,
        name: &str,
        room: usize,
        piped: Option<Expression>,
    ) -> Result<(Call, usize), QueryError> {
        let mut call = Call {
            name: name.to_owned(),
            arguments: piped.into_iter().collect(),
            named: Vec::new(),
        };
        let mut height = 1;
        self.list(|parser| {
            let start = parser.at;
            if let Some(key) = parser.argument_name() {
                let (value, grown) = parser.argument(room)?;
                height = height.max(grown + 1);
                if call.named.iter().any(|(known, _)| known == key) {
                    return Err(parser.wrong(start, &format!("argument {key} is given twice")));
                }
                call.named.push((key.to_owned(), value));
                return parser.check_arguments(call.arguments.len() + call.named.len());
            }
            if !call.named.is_empty() {
                return Err(parser.expected("name=value, as in the argument before"));
            }
            let (value, grown) = parser.argument(room)?;
            height = height.max(grown + 1);
            call.arguments.push(value);
            parser.check_arguments(call.arguments.len())
        })?;
        Ok((call, height))
    }

    /// `item { "," item } ")"`, or only `")"`.
    fn list(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        self.skip_blanks();
        if self.take(')') {
            return Ok(());
        }
        loop {
            self.skip_blanks();
            item(self)?;
            if self.closes()? {
                return Ok(());
            }
        }
    }

    /// What follows an item of a list: true for `)`, false for `,`.
    fn closes(&mut self) -> Result<bool, QueryError> {
        self.skip_blanks();
        if self.take(')') {
            return Ok(true);
        }
        if self.take(',') {
            return Ok(false);
        }
        Err(self.expected("\",\" or \")\""))
    }

    /// `ident "="`; nothing is taken if it is not there.
    fn argument_name(&mut self) -> Option<&'a str> {
        let start = self.at;
        if let Some(name) = self.identifier() {
            self.skip_blanks();
            if self.take('=') {
                self.skip_blanks();
                return Some(name);
            }
        }
        self.at = start;
        None
    }

    fn argument(&mut self, room: usize) -> Result<Grown, QueryError> {
        if let Some(literal) = self.literal()? {
            self.count_node()?;
            return Ok((literal, 1));
        }
        self.expression(room)
    }

    fn tagged(&mut self, start: usize) -> Result<Grown, QueryError> {
        let mut expressions = Vec::new();
        self.list(|parser| match parser.peek() {
            Some(quote @ ('\'' | '"')) => {
                parser.count_node()?;
                expressions.push(parser.string(quote)?);
                Ok(())
            }
            _ => Err(parser.expected("a tag expression in quotes, such as 'dc=a'")),
        })?;
        if expressions.is_empty() {
            return Err(self.wrong(start, "seriesByTag needs a tag expression, such as 'dc=a'"));
        }
        let written = self.text.get(start..self.at).unwrap_or_default().to_owned();
        Ok((
            Expression::Tagged(Tagged {
                written,
                expressions,
            }),
            1,
        ))
    }

    fn template(&mut self, room: usize) -> Result<Grown, QueryError> {
        let (mut expression, height) = self.expression(room)?;
        let mut replacements = Replacements::default();
        let mut position = 0usize;
        while !self.closes()? {
            self.skip_blanks();
            let key = self.argument_name().map(str::to_owned);
            let key = key.unwrap_or_else(|| {
                position += 1;
                position.to_string()
            });
            self.count_node()?;
            // Infinity is no number here; one that is too large is.
            let is_word = self.peek().is_some_and(char::is_alphabetic);
            let set = match self.literal()? {
                Some(value) if !is_word => {
                    replacements.set(&key, value, &mut self.template_bytes)?
                }
                _ => false,
            };
            if !set {
                return Err(QueryError::Invalid(TEMPLATE_SYNTAX.to_owned()));
            }
        }
        for (key, value) in self.overrides {
            let value = Expression::Text(value.clone());
            replacements.set(key, value, &mut self.template_bytes)?;
        }
        replacements.fill(&mut expression, &mut self.template_bytes)?;
        Ok((expression, height))
    }

    fn count_node(&mut self) -> Result<(), QueryError> {
        self.nodes += 1;
        if self.nodes <= NODES_MAX {
            return Ok(());
        }
        Err(QueryError::Limit(format!(
            "a target has at most {NODES_MAX} calls, paths and literals"
        )))
    }

    fn check_arguments(&self, count: usize) -> Result<(), QueryError> {
        if count <= ARGUMENTS_MAX {
            return Ok(());
        }
        Err(QueryError::Limit(format!(
            "a function takes at most {ARGUMENTS_MAX} arguments"
        )))
    }

    fn check_room(&self, enough: bool) -> Result<(), QueryError> {
        if enough {
            return Ok(());
        }
        Err(QueryError::Limit(format!(
            "functions nest at most {DEPTH_MAX} deep; target passes that at character {}",
            self.character(self.at)
        )))
    }
}
