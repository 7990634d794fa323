//! Paths: elements between dots, with escapes and groups in braces.

use super::cursor::{is_path_char, is_symbol};
use super::parse::Parser;
use crate::query::error::QueryError;

impl Parser<'_> {
    pub(super) fn path(&mut self) -> Result<String, QueryError> {
        let mut path = String::new();
        loop {
            let before = path.len();
            while self.path_piece(&mut path)? {}
            if path.len() == before {
                return Err(self.expected("a path or a function"));
            }
            if !self.take('.') {
                return Ok(path);
            }
            path.push('.');
        }
    }

    /// One character, escape or brace group of a path; false if none is there.
    fn path_piece(&mut self, path: &mut String) -> Result<bool, QueryError> {
        match self.peek() {
            Some('{') => self.braces(path).map(|()| true),
            Some('\\') => self.escape(path).map(|()| true),
            Some(c) if is_path_char(c) => {
                self.next();
                path.push(c);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn escape(&mut self, path: &mut String) -> Result<(), QueryError> {
        self.take('\\');
        match self.peek() {
            Some(c) if is_symbol(c) || c == '=' => {
                self.next();
                path.push(c);
                Ok(())
            }
            _ => Err(self.expected("one of (){},.'\"\\|= behind the backslash")),
        }
    }

    /// `{a,b}`. Alternatives may be empty and may nest, as in globs; blanks and dots may not stand
    /// in them.
    fn braces(&mut self, path: &mut String) -> Result<(), QueryError> {
        let start = self.at;
        let mut open = 0usize;
        loop {
            match self.peek() {
                Some(c @ ('{' | '}' | ',')) => {
                    self.next();
                    path.push(c);
                    match c {
                        '{' => open += 1,
                        '}' => open -= 1,
                        _ => {}
                    }
                }
                Some('\\') => self.escape(path)?,
                Some(c) if is_path_char(c) => {
                    self.next();
                    path.push(c);
                }
                Some(_) => return Err(self.expected("\",\" or \"}\"")),
                None => return Err(self.wrong(start, "no } closes this brace")),
            }
            if open == 0 {
                return Ok(());
            }
        }
    }
}
