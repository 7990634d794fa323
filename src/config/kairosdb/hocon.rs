//! `kairosdb.conf`: HOCON, as KairosDB 1.3 is configured.
//!
//! Takes the text of a file; [`read`] gives its settings, with the line of each, which the crates for HOCON
//! do not. What is read: objects with and without braces around the file, dotted and quoted keys, `:`, `=`,
//! `+=` and none before an object, lists, quoted, triple-quoted and unquoted texts that follow each other,
//! substitutions (`${path}`, `${?path}`), comments. `include` is told, and not followed.
//!
//! Its limits: nesting of [`DEPTH_MAX`], keys of [`KEY_BYTES_MAX`], [`VALUES_MAX`] values, [`SETTINGS_MAX`]
//! settings, and what substitutions copy, in `resolve`.

mod resolve;
#[cfg(test)]
mod tests;
mod texts;

use std::collections::BTreeMap;

use super::setting::{KEY_BYTES_MAX, SETTINGS_MAX, Setting, Wrong, shown};

/// Objects and lists in each other, the parts of dotted keys among them.
pub const DEPTH_MAX: usize = 64;
/// Values of one file, objects among them, and again what they come to with all that substitutions copy. An
/// object of one field takes most of a kilobyte.
pub const VALUES_MAX: usize = 1 << 16;

/// What a file says.
#[derive(Debug, Default)]
pub struct Read {
    /// In the order of their keys.
    pub settings: Vec<Setting>,
    /// What `include` names, with its line.
    pub includes: Vec<(String, usize)>,
}

/// The settings of a file. `beyond` gives the text of a path that the file itself does not have.
///
/// # Errors
/// The first thing that is no HOCON or beyond a limit, or a substitution of something that is nowhere.
pub fn read(text: &str, beyond: &dyn Fn(&str) -> Option<String>) -> Result<Read, Wrong> {
    let mut parser = Parser {
        rest: text.strip_prefix('\u{feff}').unwrap_or(text),
        line: 1,
        inside: Vec::new(),
        values: 0,
        includes: Vec::new(),
    };
    let root = parser.file()?;
    Ok(Read {
        settings: resolve::settings(&root, beyond)?,
        includes: parser.includes,
    })
}

/// An object: of each key everything that it is set to, the oldest first. An object over an object is one.
#[derive(Debug, Default)]
struct Object(BTreeMap<String, Vec<Node>>);

#[derive(Debug)]
struct Node {
    line: usize,
    value: Raw,
}

#[derive(Debug)]
enum Raw {
    Null,
    Text(String),
    /// Blanks between two parts of a text.
    Gap(String),
    List(Vec<Node>),
    Object(Object),
    Use {
        path: Vec<String>,
        is_optional: bool,
    },
    /// What the key itself was set to before, if it was: of `+=`.
    Before,
    /// What stands side by side on one line.
    Joined(Vec<Node>),
}

impl Object {
    fn merge(&mut self, over: Object) {
        for (key, nodes) in over.0 {
            let mine = self.0.entry(key).or_default();
            nodes.into_iter().for_each(|node| put(mine, node));
        }
    }

    /// Set what `path`, which is not empty, names.
    fn set(&mut self, path: &[String], node: Node) {
        let Some((first, rest)) = path.split_first() else {
            return;
        };
        let mine = self.0.entry(first.clone()).or_default();
        if rest.is_empty() {
            return put(mine, node);
        }
        if !matches!(
            mine.last(),
            Some(Node {
                value: Raw::Object(_),
                ..
            })
        ) {
            let value = Raw::Object(Object::default());
            mine.push(Node {
                line: node.line,
                value,
            });
        }
        if let Some(Node {
            value: Raw::Object(below),
            ..
        }) = mine.last_mut()
        {
            below.set(rest, node);
        }
    }
}

fn put(assigned: &mut Vec<Node>, node: Node) {
    match (assigned.last_mut().map(|last| &mut last.value), node.value) {
        (Some(Raw::Object(last)), Raw::Object(over)) => last.merge(over),
        (_, value) => assigned.push(Node { value, ..node }),
    }
}

struct Parser<'a> {
    rest: &'a str,
    line: usize,
    /// The key under way: the parts of all keys around it, and its own.
    inside: Vec<String>,
    /// Of the file so far.
    values: usize,
    includes: Vec<(String, usize)>,
}

/// Bytes of a whole key, with its dots.
fn key_bytes(parts: &[String]) -> usize {
    let bytes = parts.iter().map(|part| part.len() + 1);
    bytes.sum::<usize>().saturating_sub(1)
}

/// Whether a letter is a blank within a line.
fn is_blank(letter: char) -> bool {
    letter != '\n' && (letter.is_whitespace() || letter == '\u{feff}')
}

/// Letters that a text without quotes cannot have.
const QUOTED_ONLY: &str = "$\"{}[]:=,+#`^?!@*&\\";

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Go over `word` if it comes next.
    fn takes(&mut self, word: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(word) else {
            return false;
        };
        self.line += word.matches('\n').count();
        self.rest = rest;
        true
    }

    /// The letters that fit, which have no line end among them.
    fn run(&mut self, fits: impl Fn(char) -> bool) -> &str {
        let end = self.rest.find(|letter| !fits(letter));
        let (run, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        run
    }

    fn wrong<T>(&self, text: impl Into<String>) -> Result<T, Wrong> {
        Err(Wrong::new(self.line, text))
    }

    fn is_comment(&self) -> bool {
        self.rest.starts_with('#') || self.rest.starts_with("//")
    }

    /// Go over blanks, line ends and comments, and `commas` too.
    fn skip(&mut self, commas: bool) {
        loop {
            self.run(is_blank);
            if self.is_comment() {
                self.run(|letter| letter != '\n');
            }
            if !(self.takes("\n") || (commas && self.takes(","))) {
                return;
            }
        }
    }

    fn file(&mut self) -> Result<Object, Wrong> {
        self.skip(false);
        if self.rest.starts_with('[') {
            return self.wrong("the file is a list; it has to begin with keys, or with `{`");
        }
        if !self.takes("{") {
            return self.fields(None);
        }
        let root = self.fields(Some(self.line))?;
        self.skip(true);
        match self.peek() {
            None => Ok(root),
            Some(_) => self.wrong("the file goes on behind its last `}`; one may be too many"),
        }
    }

    /// Fields up to the `}` of a `{` of line `opened`, or to the end of the file.
    fn fields(&mut self, opened: Option<usize>) -> Result<Object, Wrong> {
        let mut object = Object::default();
        loop {
            self.skip(true);
            match (self.peek(), opened) {
                (None, None) => return Ok(object),
                (None, Some(line)) => {
                    return Err(Wrong::new(line, "this `{` has no `}`"));
                }
                (Some('}'), Some(_)) => {
                    self.takes("}");
                    return Ok(object);
                }
                (Some('}'), None) => return self.wrong("there is no `{` to this `}`"),
                (Some(_), _) => {}
            }
            if !self.include()? {
                self.field(&mut object)?;
            }
        }
    }

    /// `include` and what it names.
    fn include(&mut self) -> Result<bool, Wrong> {
        let names = |rest: &str| {
            let rest = rest.trim_start_matches(is_blank);
            ["\"", "file(", "classpath(", "url(", "required("]
                .iter()
                .any(|form| rest.starts_with(form))
        };
        let Some(rest) = self.rest.strip_prefix("include").filter(|rest| names(rest)) else {
            return Ok(false);
        };
        self.rest = rest;
        let line = self.line;
        if SETTINGS_MAX <= self.includes.len() {
            return Err(Wrong::too_many(line));
        }
        let named = self.run(|letter| letter != '\n').trim().to_owned();
        self.includes.push((named, line));
        Ok(true)
    }

    fn field(&mut self, object: &mut Object) -> Result<(), Wrong> {
        let path = self.path(&[':', '=', '{', '+'])?;
        let line = self.line;
        let outside = self.inside.len();
        self.inside.extend(path.iter().cloned());
        self.check_path(&self.inside)?;
        self.count(path.len())?;
        self.skip(false);
        let appends = self.takes("+=");
        if !appends && !self.takes(":") && !self.takes("=") && !self.rest.starts_with('{') {
            let key = shown(&path.join("."));
            return self.wrong(format!("`=`, `:` or `{{` has to follow the key `{key}`"));
        }
        self.skip(false);
        let mut node = self.value()?;
        if appends {
            let before = Node {
                line,
                value: Raw::Before,
            };
            let more = Node {
                line,
                value: Raw::List(vec![node]),
            };
            node = Node {
                line,
                value: Raw::Joined(vec![before, more]),
            };
        }
        self.inside.truncate(outside);
        object.set(&path, node);
        Ok(())
    }

    /// A key or the path of a substitution, up to one of `ends` or the end of the line.
    fn path(&mut self, ends: &[char]) -> Result<Vec<String>, Wrong> {
        let mut parts = vec![String::new()];
        let (mut gap, mut is_quoted) = (String::new(), false);
        let empty = "a key has an empty part; each of its dots stands between two names";
        loop {
            gap.push_str(self.run(is_blank));
            let Some(letter) = self.peek() else { break };
            if letter == '\n' || ends.contains(&letter) || self.is_comment() {
                break;
            }
            let mut word = String::new();
            if letter == '"' {
                (word, is_quoted) = (self.quoted()?, true);
            } else if letter == '.' {
                self.takes(".");
                self.run(is_blank);
                if !is_quoted && parts.last().is_none_or(String::is_empty) {
                    return self.wrong(empty);
                }
                (is_quoted, gap) = (false, String::new());
                parts.push(String::new());
                continue;
            } else {
                let run =
                    self.run(|c| c != '.' && c != '\n' && !is_blank(c) && !QUOTED_ONLY.contains(c));
                word.push_str(run);
                if word.is_empty() {
                    return self.reserved(letter);
                }
            }
            if let Some(last) = parts.last_mut() {
                if !last.is_empty() {
                    last.push_str(&gap);
                }
                last.push_str(&word);
                gap.clear();
            }
            self.check_path(&parts)?;
        }
        if !is_quoted && parts.last().is_none_or(String::is_empty) {
            return self.wrong(match parts.len() {
                1 => "there is no key here",
                _ => empty,
            });
        }
        Ok(parts)
    }

    /// Before anything is made of a path.
    fn check_path(&self, parts: &[String]) -> Result<(), Wrong> {
        if DEPTH_MAX < parts.len() {
            return self.too_deep();
        }
        match key_bytes(parts) <= KEY_BYTES_MAX {
            true => Ok(()),
            false => Err(Wrong::long_key(self.line, &parts.join("."))),
        }
    }

    /// There are so many values more.
    fn count(&mut self, more: usize) -> Result<(), Wrong> {
        self.values += more;
        match self.values <= VALUES_MAX {
            true => Ok(()),
            false => self.wrong(format!(
                "more than {VALUES_MAX} values; is it the right file?"
            )),
        }
    }

    fn too_deep<T>(&self) -> Result<T, Wrong> {
        self.wrong(format!(
            "more than {DEPTH_MAX} objects and lists in each other"
        ))
    }

    fn reserved<T>(&self, letter: char) -> Result<T, Wrong> {
        let letter = letter.escape_debug();
        self.wrong(format!(
            "`{letter}` stands in a text without quotes; write the text as \"…\""
        ))
    }

    /// Everything up to the end of a line, a comma or a closing bracket.
    fn value(&mut self) -> Result<Node, Wrong> {
        let line = self.line;
        let mut parts: Vec<Node> = Vec::new();
        let mut is_plain_null = false;
        loop {
            let at = self.line;
            let gap = self.run(is_blank).to_owned();
            let Some(letter) = self.peek() else { break };
            if matches!(letter, '\n' | ',' | '}' | ']') || self.is_comment() {
                break;
            }
            if !gap.is_empty() && !parts.is_empty() {
                parts.push(Node {
                    line: at,
                    value: Raw::Gap(gap),
                });
            }
            is_plain_null = false;
            self.count(1)?;
            let value = match letter {
                '"' => Raw::Text(self.quoted()?),
                '{' => self.object()?,
                '[' => self.list()?,
                '$' if self.rest.starts_with("${") => self.substitution()?,
                _ => {
                    let text = self.unquoted();
                    if text.is_empty() {
                        return self.reserved(letter);
                    }
                    is_plain_null = parts.is_empty() && text == "null";
                    Raw::Text(text)
                }
            };
            parts.push(Node { line: at, value });
        }
        if is_plain_null {
            return Ok(Node {
                line,
                value: Raw::Null,
            });
        }
        joined(parts, line).ok_or_else(|| {
            let key = shown(&self.inside.join("."));
            Wrong::new(line, format!("`{key}` has no value; an empty text is \"\""))
        })
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Wrong>) -> Result<T, Wrong> {
        if DEPTH_MAX <= self.inside.len() {
            return self.too_deep();
        }
        // A part that no key has, so that only the depth counts.
        self.inside.push(String::new());
        let read = read(self);
        self.inside.pop();
        read
    }

    fn object(&mut self) -> Result<Raw, Wrong> {
        let opened = self.line;
        self.takes("{");
        if DEPTH_MAX <= self.inside.len() {
            return self.too_deep();
        }
        Ok(Raw::Object(self.fields(Some(opened))?))
    }

    fn list(&mut self) -> Result<Raw, Wrong> {
        let opened = self.line;
        self.takes("[");
        self.nested(|parser| {
            let mut items = Vec::new();
            loop {
                parser.skip(true);
                match parser.peek() {
                    None => return Err(Wrong::new(opened, "this `[` has no `]`")),
                    Some(']') => {
                        parser.takes("]");
                        return Ok(Raw::List(items));
                    }
                    Some('}') => return parser.wrong("there is no `{` to this `}`"),
                    Some(_) => items.push(parser.value()?),
                }
            }
        })
    }

    fn substitution(&mut self) -> Result<Raw, Wrong> {
        self.takes("${");
        let is_optional = self.takes("?");
        let path = self.path(&['}'])?;
        match self.takes("}") {
            true => Ok(Raw::Use { path, is_optional }),
            false => self.wrong("this `${` has no `}` on its line"),
        }
    }
}

/// One value of what stands side by side; none of nothing.
fn joined(mut parts: Vec<Node>, line: usize) -> Option<Node> {
    if parts.len() < 2 {
        return parts.pop();
    }
    let mut all = String::new();
    for part in &parts {
        match &part.value {
            Raw::Text(text) | Raw::Gap(text) => all.push_str(text),
            _ => {
                let value = Raw::Joined(parts);
                return Some(Node { line, value });
            }
        }
    }
    Some(Node {
        line,
        value: Raw::Text(all),
    })
}
