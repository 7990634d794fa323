//! From the syntax of Python's `re`, as of 3.11, to one that both engines read.
//!
//! What Python spells differently is spelt out: every letter that could mean something as its number,
//! every class by what is in it, flags at each place where they count, names of groups as numbers.
//! What Python refuses is refused, in its words.

use std::collections::HashMap;

use super::class::Item;
use super::width::Width;
use crate::query::error::QueryError;

/// Deepest nesting of groups.
const DEPTH_MAX: usize = 20;
/// Most groups that capture.
const GROUPS_MAX: usize = 99;
/// Python knows no larger count of a repetition.
const COUNT_MAX: u64 = u32::MAX as u64;
const VERBOSE_BLANKS: &str = " \t\n\r\u{b}\u{c}";

/// A pattern as the engines read it.
pub(super) struct Translated {
    pub(super) text: String,
    /// It says something that only backtracking can find.
    pub(super) backtracks: bool,
    /// It asks for the end of the text, where Python ignores a newline.
    pub(super) asks_for_end: bool,
    /// Groups that capture.
    pub(super) groups: usize,
    /// Their numbers, from 1, by their names.
    pub(super) names: HashMap<String, usize>,
}

/// Read `pattern`. Where `newline`, a `$` is found before a newline at the very end too.
pub(super) fn translate(pattern: &str, newline: bool) -> Result<Translated, QueryError> {
    let mut translator = Translator {
        letters: pattern.chars().collect(),
        at: 0,
        newline,
        done: Translated {
            text: String::with_capacity(2 * pattern.len()),
            backtracks: false,
            asks_for_end: false,
            groups: 0,
            names: HashMap::new(),
        },
        global: Flags::default(),
        groups: Vec::new(),
        looking_behind_from: None,
        conditions: Vec::new(),
    };
    translator.alternatives(Flags::default(), 0)?;
    if translator.peek().is_some() {
        return Err(translator.wrong("unbalanced parenthesis"));
    }
    let missing = translator.conditions.iter().copied();
    if let Some(group) = missing
        .max()
        .filter(|group| translator.groups.len() < *group)
    {
        return Err(translator.wrong(&format!("invalid group reference {group}")));
    }
    translator.done.groups = translator.groups.len();
    Ok(translator.done)
}

/// What inline flags say.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) struct Flags {
    pub(super) ascii: bool,
    pub(super) ignore_case: bool,
    multi_line: bool,
    dot_all: bool,
    verbose: bool,
}

/// What the last item was, as far as a repetition behind it cares.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    Nothing,
    Place,
    Repeated,
    Item { start: usize, width: Width },
}

pub(super) struct Translator {
    letters: Vec<char>,
    at: usize,
    newline: bool,
    pub(super) done: Translated,
    global: Flags,
    /// Width of each group; `None` while it is open.
    groups: Vec<Option<Width>>,
    /// How many groups there were where the outermost look-behind began.
    looking_behind_from: Option<usize>,
    conditions: Vec<usize>,
}

impl Translator {
    pub(super) fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += 1;
        Some(next)
    }

    pub(super) fn take(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    fn until(&mut self, end: char, what: &str) -> Result<String, QueryError> {
        let rest = self.letters.get(self.at..).unwrap_or_default();
        let Some(length) = rest.iter().position(|letter| *letter == end) else {
            let message = match rest.is_empty() {
                true => format!("missing {what}"),
                false => format!("missing {end}, unterminated name"),
            };
            return Err(self.wrong(&message));
        };
        let text: String = rest.iter().take(length).collect();
        self.at += length + 1;
        if text.is_empty() {
            return Err(self.wrong(&format!("missing {what}")));
        }
        Ok(text)
    }

    pub(super) fn wrong(&self, what: &str) -> QueryError {
        let pattern: String = self.letters.iter().take(100).collect();
        QueryError::Invalid(format!(
            "regular expression '{pattern}': {what} at position {}",
            self.at
        ))
    }

    /// `a|b|c`. Gives what any of them is wide.
    fn alternatives(&mut self, flags: Flags, depth: usize) -> Result<Width, QueryError> {
        if DEPTH_MAX < depth {
            return Err(self.wrong(&format!("more than {DEPTH_MAX} groups in each other")));
        }
        let mut flags = flags;
        let mut width = self.sequence(&mut flags, depth, true)?;
        while self.take('|') {
            self.done.text.push('|');
            if depth == 0 {
                flags = self.global;
            }
            width = width.or(self.sequence(&mut flags, depth, false)?);
        }
        Ok(width)
    }

    /// Items behind each other.
    fn sequence(
        &mut self,
        flags: &mut Flags,
        depth: usize,
        first: bool,
    ) -> Result<Width, QueryError> {
        let mut width = Width::NONE;
        let mut last = Last::Nothing;
        while let Some(letter) = self.peek().filter(|letter| !matches!(letter, '|' | ')')) {
            self.at += 1;
            let start = self.done.text.len();
            let item = match letter {
                letter if flags.verbose && VERBOSE_BLANKS.contains(letter) => continue,
                '#' if flags.verbose => {
                    while self.next().is_some_and(|letter| letter != '\n') {}
                    continue;
                }
                '\\' => self.escape(*flags)?,
                '[' => {
                    self.class(*flags)?;
                    Some(Width::ONE)
                }
                '*' | '+' | '?' => {
                    let (min, max) = match letter {
                        '*' => (0, None),
                        '+' => (1, None),
                        _ => (0, Some(1)),
                    };
                    self.repeat(&mut last, &mut width, min, max)?;
                    continue;
                }
                '{' => match self.counts()? {
                    Some((min, max)) => {
                        self.repeat(&mut last, &mut width, min, max)?;
                        continue;
                    }
                    None => self.letter('{', *flags),
                },
                '.' => {
                    let any = if flags.dot_all { "(?s:.)" } else { "[^\\x{a}]" };
                    self.done.text.push_str(any);
                    Some(Width::ONE)
                }
                '(' => match self.group(flags, depth, first && last == Last::Nothing)? {
                    Some(width) => Some(width),
                    None => continue,
                },
                '^' => self.place(if flags.multi_line { "(?m:^)" } else { "\\A" }),
                '$' if flags.multi_line => self.place("(?m:$)"),
                '$' => {
                    self.done.asks_for_end = true;
                    self.place(if self.newline { "(?=\\n?\\z)" } else { "\\z" })
                }
                letter => self.letter(letter, *flags),
            };
            last = match item {
                Some(own) => {
                    width = width.then(own);
                    Last::Item { start, width: own }
                }
                None => Last::Place,
            };
        }
        Ok(width)
    }

    fn place(&mut self, text: &str) -> Option<Width> {
        self.done.text.push_str(text);
        None
    }

    fn letter(&mut self, letter: char, flags: Flags) -> Option<Width> {
        Item::Letter(letter).push_alone(flags, &mut self.done.text);
        Some(Width::ONE)
    }

    /// `{m}`, `{m,}`, `{,n}` or `{m,n}`, if that is what stands behind `{`.
    fn counts(&mut self) -> Result<Option<(u64, Option<u64>)>, QueryError> {
        let here = self.at;
        if self.peek() == Some('}') {
            return Ok(None);
        }
        let low = self.digits();
        let high = if self.take(',') {
            self.digits()
        } else {
            low.clone()
        };
        if !self.take('}') {
            self.at = here;
            return Ok(None);
        }
        let number = |digits: &str| match digits.parse::<u64>() {
            Ok(number) if number < COUNT_MAX => Ok(Some(number)),
            _ if digits.is_empty() => Ok(None),
            _ => Err(self.wrong("the repetition number is too large")),
        };
        let (low, high) = (number(&low)?.unwrap_or(0), number(&high)?);
        if high.is_some_and(|high| high < low) {
            return Err(self.wrong("min repeat greater than max repeat"));
        }
        Ok(Some((low, high)))
    }

    fn digits(&mut self) -> String {
        let mut digits = String::new();
        while let Some(digit) = self.peek().filter(char::is_ascii_digit) {
            digits.push(digit);
            self.at += 1;
        }
        digits
    }

    fn repeat(
        &mut self,
        last: &mut Last,
        width: &mut Width,
        min: u64,
        max: Option<u64>,
    ) -> Result<(), QueryError> {
        let (start, own) = match *last {
            Last::Nothing | Last::Place => return Err(self.wrong("nothing to repeat")),
            Last::Repeated => return Err(self.wrong("multiple repeat")),
            Last::Item { start, width } => (start, width),
        };
        self.done.text.insert_str(start, "(?:");
        let lazy = self.take('?');
        if own == Width::NONE {
            // It is there or not; the engine does not repeat what takes no letters.
            match (min, lazy) {
                (0, false) => self.done.text.push_str("|)"),
                (0, true) => {
                    self.done.text.insert(start + 3, '|');
                    self.done.text.push(')');
                }
                _ => self.done.text.push(')'),
            }
        } else {
            self.done.text.push(')');
            self.done.text.push_str(&counted(min, max));
            self.done.text.push_str(if lazy { "?" } else { "" });
        }
        if !lazy && self.take('+') {
            self.done.backtracks = true;
            self.done.text.insert_str(start, "(?>");
            self.done.text.push(')');
        }
        *width = width.but_repeated(own, min, max);
        *last = Last::Repeated;
        Ok(())
    }

    /// What stands behind `(`, up to its `)`. `None` where it is no item.
    fn group(
        &mut self,
        flags: &mut Flags,
        depth: usize,
        may_be_global: bool,
    ) -> Result<Option<Width>, QueryError> {
        if !self.take('?') {
            return self.capturing(None, *flags, depth).map(Some);
        }
        let Some(letter) = self.next() else {
            return Err(self.wrong("unexpected end of pattern"));
        };
        match letter {
            ':' => self.enclosed("(?:", *flags, depth).map(Some),
            '>' => {
                self.done.backtracks = true;
                self.enclosed("(?>", *flags, depth).map(Some)
            }
            '#' => {
                while let Some(letter) = self.next() {
                    if letter == ')' {
                        return Ok(None);
                    }
                }
                Err(self.wrong("missing ), unterminated comment"))
            }
            'P' if self.take('<') => {
                let name = self.until('>', "group name")?;
                self.check_name(&name)?;
                self.capturing(Some(name), *flags, depth).map(Some)
            }
            'P' if self.take('=') => {
                let name = self.until(')', "group name")?;
                let number = self.named(&name)?;
                self.reference(number, *flags).map(Some)
            }
            'P' => Err(self.wrong("unknown extension ?P")),
            '=' | '!' => self.look(&format!("(?{letter}"), *flags, depth).map(Some),
            '<' => match self.next() {
                Some(letter @ ('=' | '!')) => self.look_behind(letter, *flags, depth).map(Some),
                _ => Err(self.wrong("unknown extension ?<")),
            },
            '(' => self.condition(*flags, depth).map(Some),
            '-' | 'a' | 'i' | 'L' | 'm' | 's' | 'u' | 'x' => match self.flags(letter, *flags)? {
                Inline::Global(global) => {
                    if depth != 0 || !may_be_global {
                        return Err(self.wrong("global flags not at the start of the expression"));
                    }
                    self.global = global;
                    *flags = global;
                    Ok(None)
                }
                Inline::Scoped(scoped) => self.enclosed("(?:", scoped, depth).map(Some),
            },
            other => Err(self.wrong(&format!("unknown extension ?{other}"))),
        }
    }

    /// What stands between an opening that was read and its `)`.
    fn enclosed(&mut self, opening: &str, flags: Flags, depth: usize) -> Result<Width, QueryError> {
        self.done.text.push_str(opening);
        let width = self.alternatives(flags, depth + 1)?;
        self.close()?;
        Ok(width)
    }

    fn close(&mut self) -> Result<(), QueryError> {
        if !self.take(')') {
            return Err(self.wrong("missing ), unterminated subpattern"));
        }
        self.done.text.push(')');
        Ok(())
    }

    fn capturing(
        &mut self,
        name: Option<String>,
        flags: Flags,
        depth: usize,
    ) -> Result<Width, QueryError> {
        let index = self.groups.len();
        if GROUPS_MAX <= index {
            return Err(self.wrong(&format!("more than {GROUPS_MAX} groups")));
        }
        self.groups.push(None);
        if let Some(name) = name {
            let known = self.done.names.insert(name.clone(), index + 1);
            if let Some(known) = known {
                return Err(self.wrong(&format!(
                    "redefinition of group name '{name}' as group {}; was group {known}",
                    index + 1
                )));
            }
        }
        let width = self.enclosed("(", flags, depth)?;
        if let Some(group) = self.groups.get_mut(index) {
            *group = Some(width);
        }
        Ok(width)
    }

    fn look(&mut self, opening: &str, flags: Flags, depth: usize) -> Result<Width, QueryError> {
        self.done.backtracks = true;
        self.enclosed(opening, flags, depth)?;
        Ok(Width::NONE)
    }

    fn look_behind(&mut self, kind: char, flags: Flags, depth: usize) -> Result<Width, QueryError> {
        self.done.backtracks = true;
        let outermost = self.looking_behind_from.is_none();
        if outermost {
            self.looking_behind_from = Some(self.groups.len());
        }
        let width = self.enclosed(&format!("(?<{kind}"), flags, depth)?;
        if outermost {
            self.looking_behind_from = None;
        }
        if !width.is_fixed() {
            return Err(self.wrong("look-behind requires fixed-width pattern"));
        }
        Ok(Width::NONE)
    }

    /// `(?(group)yes|no)`.
    fn condition(&mut self, flags: Flags, depth: usize) -> Result<Width, QueryError> {
        if DEPTH_MAX < depth + 1 {
            return Err(self.wrong(&format!("more than {DEPTH_MAX} groups in each other")));
        }
        self.done.backtracks = true;
        let name = self.until(')', "group name")?;
        let group = if is_identifier(&name) {
            self.named(&name)?
        } else {
            match name.parse() {
                Ok(0) => return Err(self.wrong("bad group number")),
                Ok(group) => group,
                Err(_) => {
                    let what = format!("bad character in group name '{name}'");
                    return Err(self.wrong(&what));
                }
            }
        };
        self.check_behind(group)?;
        self.conditions.push(group);
        self.done.text.push_str(&format!("(?({group})(?:"));
        let mut inner = flags;
        let mut width = self.sequence(&mut inner, depth + 1, false)?;
        let mut other = Width::NONE;
        self.done.text.push(')');
        if self.take('|') {
            self.done.text.push_str("|(?:");
            other = self.sequence(&mut inner, depth + 1, false)?;
            self.done.text.push(')');
            if self.peek() == Some('|') {
                return Err(self.wrong("conditional backref with more than two branches"));
            }
        }
        width = width.or(other);
        self.close()?;
        Ok(width)
    }

    fn check_name(&self, name: &str) -> Result<(), QueryError> {
        match is_identifier(name) {
            true => Ok(()),
            false => Err(self.wrong(&format!("bad character in group name '{name}'"))),
        }
    }

    fn named(&self, name: &str) -> Result<usize, QueryError> {
        self.check_name(name)?;
        let known = self.done.names.get(name).copied();
        known.ok_or_else(|| self.wrong(&format!("unknown group name '{name}'")))
    }

    fn check_behind(&self, group: usize) -> Result<(), QueryError> {
        match self.looking_behind_from {
            Some(from) if from < group => {
                Err(self.wrong("cannot refer to group defined in the same lookbehind subpattern"))
            }
            _ => Ok(()),
        }
    }

    /// What group `number` has captured.
    fn reference(&mut self, number: usize, flags: Flags) -> Result<Width, QueryError> {
        let group = number
            .checked_sub(1)
            .and_then(|index| self.groups.get(index));
        let Some(group) = group else {
            return Err(self.wrong(&format!("invalid group reference {number}")));
        };
        let Some(width) = *group else {
            return Err(self.wrong("cannot refer to an open group"));
        };
        self.check_behind(number)?;
        self.done.backtracks = true;
        let case = if flags.ignore_case { "i" } else { "" };
        self.done.text.push_str(&format!("(?{case}:\\{number})"));
        Ok(width)
    }

    /// What stands behind a backslash.
    fn escape(&mut self, flags: Flags) -> Result<Option<Width>, QueryError> {
        let Some(letter) = self.next() else {
            return Err(self.wrong("bad escape (end of pattern)"));
        };
        let place = match letter {
            'A' => "\\A",
            'Z' => "\\z",
            'b' | 'B' if flags.ascii => {
                self.done.backtracks = true;
                match letter {
                    'b' => ASCII_BOUNDARY,
                    _ => ASCII_INSIDE,
                }
            }
            'b' => "\\b",
            'B' => "\\B",
            '1'..='9' => return self.number(letter, flags).map(Some),
            _ => {
                let item = self.escaped(letter, false)?;
                item.push_alone(flags, &mut self.done.text);
                return Ok(Some(Width::ONE));
            }
        };
        Ok(self.place(place))
    }

    /// A group, or with three octal digits a letter.
    fn number(&mut self, first: char, flags: Flags) -> Result<Width, QueryError> {
        let value = |digit: char| digit.to_digit(10).unwrap_or(0);
        let mut number = value(first);
        if let Some(second) = self.peek().filter(char::is_ascii_digit) {
            self.at += 1;
            let third = self.peek().filter(|third| third.is_digit(8));
            if let Some(third) = third.filter(|_| first.is_digit(8) && second.is_digit(8)) {
                self.at += 1;
                let code = value(first) * 64 + value(second) * 8 + value(third);
                let letter = char::from_u32(code).filter(|_| code <= 0o377);
                let Some(letter) = letter else {
                    return Err(self.wrong("octal escape value outside of range 0-0o377"));
                };
                return Ok(self.letter(letter, flags).unwrap_or(Width::ONE));
            }
            number = number * 10 + value(second);
        }
        self.reference(number as usize, flags)
    }

    /// The flags from `letter` on, up to `)` or `:`.
    fn flags(&mut self, letter: char, outer: Flags) -> Result<Inline, QueryError> {
        let mut flags = outer;
        let mut letter = letter;
        let mut kind = None;
        let mut on = String::new();
        while letter != '-' {
            match letter {
                'L' => {
                    let what = "bad inline flags: cannot use 'L' flag with a str pattern";
                    return Err(self.wrong(what));
                }
                'a' | 'u' if kind.is_some_and(|kind| kind != letter) => {
                    let what = "bad inline flags: flags 'a', 'u' and 'L' are incompatible";
                    return Err(self.wrong(what));
                }
                'a' | 'u' => {
                    kind = Some(letter);
                    flags.ascii = letter == 'a';
                }
                _ => {}
            }
            self.set(&mut flags, letter, true);
            on.push(letter);
            letter = match self.next() {
                Some(')') => return Ok(Inline::Global(flags)),
                Some(':') => return Ok(Inline::Scoped(flags)),
                Some(letter) if "aiLmsux-".contains(letter) => letter,
                Some(letter) if letter.is_alphabetic() => return Err(self.wrong("unknown flag")),
                _ => return Err(self.wrong("missing -, : or )")),
            };
        }
        loop {
            letter = match self.next() {
                Some(':') if letter != '-' => return Ok(Inline::Scoped(flags)),
                Some('a' | 'u' | 'L') => {
                    let what = "bad inline flags: cannot turn off flags 'a', 'u' and 'L'";
                    return Err(self.wrong(what));
                }
                Some(letter) if "imsx".contains(letter) => letter,
                Some(letter) if letter.is_alphabetic() => return Err(self.wrong("unknown flag")),
                _ if letter == '-' => return Err(self.wrong("missing flag")),
                _ => return Err(self.wrong("missing :")),
            };
            if on.contains(letter) {
                return Err(self.wrong("bad inline flags: flag turned on and off"));
            }
            self.set(&mut flags, letter, false);
        }
    }

    fn set(&self, flags: &mut Flags, letter: char, on: bool) {
        match letter {
            'i' => flags.ignore_case = on,
            'm' => flags.multi_line = on,
            's' => flags.dot_all = on,
            'x' => flags.verbose = on,
            _ => {}
        }
    }
}

/// How often something is there, as the engines read it.
fn counted(min: u64, max: Option<u64>) -> String {
    match (min, max) {
        (0, None) => "*".to_owned(),
        (1, None) => "+".to_owned(),
        (0, Some(1)) => "?".to_owned(),
        (min, None) => format!("{{{min},}}"),
        (min, Some(max)) => format!("{{{min},{max}}}"),
    }
}

/// Flags of the whole pattern, or of one group.
enum Inline {
    Global(Flags),
    Scoped(Flags),
}

const ASCII_BOUNDARY: &str =
    "(?:(?<=[0-9A-Za-z_])(?![0-9A-Za-z_])|(?<![0-9A-Za-z_])(?=[0-9A-Za-z_]))";
const ASCII_INSIDE: &str =
    "(?:(?<=[0-9A-Za-z_])(?=[0-9A-Za-z_])|(?<![0-9A-Za-z_])(?![0-9A-Za-z_]))";

/// Whether Python takes `name` as the name of a group.
pub(super) fn is_identifier(name: &str) -> bool {
    let mut letters = name.chars();
    let first = letters.next();
    first.is_some_and(|first| first.is_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
}
