//! Regular expressions of KairosDB's tag filters: Java's, which must match a value as a whole.
//!
//! A pattern is read by Java's rules and written again for an engine: the `regex` crate, linear in the
//! length of the value, for all that it can say; for look-around, references, atomic groups and possessive
//! repetitions the `fancy-regex` crate within the bounds of `base::going_back`: it goes back at most
//! [`BACKTRACKS_MAX`] times for one value, less often the more it looks at in between.
//! Written again are quotes (`\Q…\E`), escapes that mean something else there (`\h`, `\v`, `\Z`, `\0101`),
//! and classes that are ASCII in Java (`\d`, `\w`, `\s`, `\p{Alpha}`). What is left as it is: letters in
//! `(?i)` are equal as in Unicode, not ASCII only.
//!
//! Limits: [`REGEX_BYTES_MAX`](super::REGEX_BYTES_MAX) of what is compiled, the bytes of a test.
//! Test truth: answers of `java.util.regex.Pattern.matches`.

use regex::RegexBuilder;

use super::REGEX_BYTES_MAX;
use super::expression::{REGEX_DEPTH_MAX, last_line};
use crate::base::going_back::{Backtracking, Bounds, Refused, TooMuch};

/// How often the search of one value may go back.
const BACKTRACKS_MAX: usize = 10_000;

/// What ends a line in Java, for which a dot does not stand.
const LINE_ENDS: &str = r"\n\r\x{85}\x{2028}\x{2029}";
const BLANKS: &str = r" \t\x{A0}\x{1680}\x{180E}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}";
const VERTICAL_BLANKS: &str = r"\n\x0B\f\r\x{85}\x{2028}\x{2029}";
const DIGITS: &str = "0-9";
const WORD: &str = "a-zA-Z0-9_";
const SPACES: &str = r" \t\n\x0B\f\r";
/// What `(?x)` makes mean nothing.
const SPACES_IGNORED: &str = " \t\n\u{b}\u{c}\r";

/// Why a pattern is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// What is wrong with it.
    Wrong(String),
    /// It needs too much when it is compiled.
    Large,
}

/// A pattern, compiled; it matches whole values.
#[derive(Clone, Debug)]
pub(super) enum JavaRegex {
    /// The usual case.
    Linear(regex::Regex),
    /// It says what only going back can find.
    Backtracking(Box<Backtracking>),
}

impl JavaRegex {
    /// Compile `pattern`.
    ///
    /// # Errors
    /// What is wrong with it, or that it is too large.
    pub(super) fn new(pattern: &str) -> Result<JavaRegex, Unfit> {
        let translated = translate(pattern)?;
        let whole = format!("\\A(?:{})\\z", translated.text);
        if translated.backtracks {
            return backtracking(whole);
        }
        let built = RegexBuilder::new(&whole)
            .size_limit(REGEX_BYTES_MAX)
            .dfa_size_limit(REGEX_BYTES_MAX)
            .nest_limit(REGEX_DEPTH_MAX)
            .build();
        built.map(JavaRegex::Linear).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => Unfit::Large,
            error => Unfit::Wrong(last_line(&error.to_string())),
        })
    }

    /// Whether it matches all of `value`.
    ///
    /// # Errors
    /// It is too much work.
    pub(super) fn matches(&self, value: &str) -> Result<bool, TooMuch> {
        match self {
            JavaRegex::Linear(regex) => Ok(regex.is_match(value)),
            JavaRegex::Backtracking(pattern) => {
                let (regex, too_much) = pattern.for_text(value.len())?;
                regex.is_match(value).map_err(|_| too_much)
            }
        }
    }

    /// What going back may cost in a value of so many bytes, in points read; `None` where it never does.
    pub(super) fn backtracking_cost(&self, bytes: usize) -> Option<usize> {
        match self {
            JavaRegex::Linear(_) => None,
            JavaRegex::Backtracking(pattern) => Some(pattern.cost(bytes)),
        }
    }
}

fn backtracking(whole: String) -> Result<JavaRegex, Unfit> {
    let bounds = Bounds {
        backtracks: BACKTRACKS_MAX,
        bytes: REGEX_BYTES_MAX,
        optimize: true,
    };
    let built = Backtracking::new(whole, bounds, false);
    let pattern = built.map_err(|refused| match refused {
        Refused::Large => Unfit::Large,
        Refused::Pieces => Unfit::Wrong(Refused::pieces()),
        Refused::Never => wrong("it never matches"),
        Refused::Wrong(why) => Unfit::Wrong(last_line(&why)),
    })?;
    Ok(JavaRegex::Backtracking(Box::new(pattern)))
}

/// A pattern as the engines read it.
struct Translated {
    text: String,
    backtracks: bool,
}

/// What flags say where the translation is.
#[derive(Clone, Copy, Default)]
struct Flags {
    /// A dot stands for all letters.
    dot_is_all: bool,
    /// Blanks and comments mean nothing.
    is_verbose: bool,
}

fn translate(pattern: &str) -> Result<Translated, Unfit> {
    let mut translator = Translator {
        rest: pattern,
        done: Translated {
            text: String::with_capacity(2 * pattern.len()),
            backtracks: false,
        },
        groups: Vec::new(),
        captures: 0,
        classes: 0,
        class_is_empty: false,
        operator: None,
        flags: Flags::default(),
        repeats: false,
    };
    while let Some(letter) = translator.next() {
        translator.letter(letter)?;
    }
    match translator.groups.is_empty() {
        true => Ok(translator.done),
        false => Err(wrong("unclosed group")),
    }
}

fn wrong(told: impl Into<String>) -> Unfit {
    Unfit::Wrong(told.into())
}

struct Translator<'a> {
    rest: &'a str,
    done: Translated,
    /// Of groups that are open, the flags behind them.
    groups: Vec<Flags>,
    /// Groups that capture, up to here.
    captures: usize,
    /// Classes that are open, one in the other.
    classes: u32,
    /// The innermost has no member yet.
    class_is_empty: bool,
    /// The last member of it was this, not escaped; two of them would take away what follows.
    operator: Option<char>,
    flags: Flags,
    /// The last part was a repetition.
    repeats: bool,
}

impl Translator<'_> {
    fn next(&mut self) -> Option<char> {
        let letter = self.rest.chars().next()?;
        self.rest = self.rest.get(letter.len_utf8()..).unwrap_or_default();
        Some(letter)
    }

    /// Pass over `text` if it comes next.
    fn passed(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn push(&mut self, text: &str) {
        self.done.text.push_str(text);
    }

    fn letter(&mut self, letter: char) -> Result<(), Unfit> {
        let ignored = self.flags.is_verbose;
        if ignored && SPACES_IGNORED.contains(letter) {
            return Ok(());
        }
        if ignored && letter == '#' {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.rest = self.rest.get(end..).unwrap_or_default();
            return Ok(());
        }
        let after_repetition = std::mem::take(&mut self.repeats);
        let operator = self.operator.take();
        let class_is_empty = std::mem::take(&mut self.class_is_empty);
        match letter {
            '\\' => return self.escape(),
            _ if self.classes > 0 => self.in_class(letter, operator, class_is_empty),
            '(' => return self.group(),
            ')' => {
                self.flags = self.groups.pop().ok_or_else(|| wrong("unmatched ')'"))?;
                self.push(")");
            }
            '[' => self.class(),
            '.' if !self.flags.dot_is_all => self.push(&format!("[^{LINE_ENDS}]")),
            '+' if after_repetition => {
                self.done.backtracks = true;
                self.push("+");
            }
            '*' | '+' | '}' => {
                self.repeats = true;
                self.done.text.push(letter);
            }
            '?' => {
                // Behind a repetition it makes that a reluctant one, which is no repetition by itself.
                self.repeats = !after_repetition;
                self.push("?");
            }
            letter => self.done.text.push(letter),
        }
        Ok(())
    }

    fn class(&mut self) {
        self.classes += 1;
        self.class_is_empty = true;
        self.push("[");
        if self.passed("^") {
            self.push("^");
        }
    }

    /// Behind the operator `before`, if there is one, or first in its class.
    fn in_class(&mut self, letter: char, before: Option<char>, is_first: bool) {
        match letter {
            '[' => self.class(),
            // These are members there, though blanks that were left out may stand before them.
            ']' | '^' | ':' if is_first => self.literal(letter),
            ']' => {
                self.classes -= 1;
                self.push("]");
            }
            '-' | '~' if before == Some(letter) => self.literal(letter),
            letter => {
                self.operator = Some(letter).filter(|letter| matches!(letter, '-' | '~'));
                self.done.text.push(letter);
            }
        }
    }

    /// What stands for itself.
    fn literal(&mut self, letter: char) {
        match letter {
            '<' | '>' => self.done.text.push(letter),
            letter if letter.is_ascii_punctuation() => {
                self.push("\\");
                self.done.text.push(letter);
            }
            letter => self.done.text.push(letter),
        }
    }

    /// Behind a bracket.
    fn group(&mut self) -> Result<(), Unfit> {
        self.groups.push(self.flags);
        if !self.passed("?") {
            self.captures += 1;
            self.push("(");
            return Ok(());
        }
        for look in ["=", "!", "<=", "<!", ">"] {
            if self.passed(look) {
                self.done.backtracks = true;
                self.push("(?");
                self.push(look);
                return Ok(());
            }
        }
        if self.rest.starts_with('<') {
            self.captures += 1;
            self.push("(?");
            return Ok(());
        }
        let flags = self.rest.find([':', ')']).unwrap_or(self.rest.len());
        let (flags, rest) = self.rest.split_at(flags);
        let known = |flag| "idmsuxU-".contains(flag);
        if !flags.chars().all(known) || rest.is_empty() {
            return Err(wrong(format!("unknown group (?{flags}")));
        }
        self.rest = rest;
        let (on, off) = flags.split_once('-').unwrap_or((flags, ""));
        self.flags.dot_is_all = (self.flags.dot_is_all || on.contains('s')) && !off.contains('s');
        self.flags.is_verbose = (self.flags.is_verbose || on.contains('x')) && !off.contains('x');
        // What is ignored is left out here; the others are about Unicode and about which line ends there are.
        let meant = |flags: &str| flags.replace(['d', 'u', 'U', 'x', '-'], "");
        let (on, off) = (meant(on), meant(off));
        let flags = match off.is_empty() {
            true => on,
            false => format!("{on}-{off}"),
        };
        if self.passed(":") {
            self.push(&format!("(?{flags}:"));
        } else {
            // It goes on to the end of the group around it.
            self.passed(")");
            self.groups.pop();
            if !flags.is_empty() {
                self.push(&format!("(?{flags})"));
            }
        }
        Ok(())
    }

    /// Behind a backslash.
    fn escape(&mut self) -> Result<(), Unfit> {
        let Some(letter) = self.next() else {
            return Err(wrong("a backslash at its end"));
        };
        let class = |is_in: bool, letters: &str| match is_in {
            true => format!("[{letters}]"),
            false => format!("[^{letters}]"),
        };
        let is_lower = letter.is_ascii_lowercase();
        match letter {
            'Q' => {
                let end = self.rest.find("\\E").unwrap_or(self.rest.len());
                let (quoted, rest) = self.rest.split_at(end);
                quoted.chars().for_each(|letter| self.literal(letter));
                self.rest = rest.strip_prefix("\\E").unwrap_or(rest);
            }
            'd' | 'D' => self.push(&class(is_lower, DIGITS)),
            'w' | 'W' => self.push(&class(is_lower, WORD)),
            's' | 'S' => self.push(&class(is_lower, SPACES)),
            'h' | 'H' => self.push(&class(is_lower, BLANKS)),
            'v' | 'V' => self.push(&class(is_lower, VERTICAL_BLANKS)),
            'R' => self.push(&format!("(?:\\r\\n|[{VERTICAL_BLANKS}])")),
            'a' | 't' | 'n' | 'f' | 'r' => self.push(&format!("\\{letter}")),
            'A' | 'b' | 'B' | 'z' => self.push(&format!("\\{letter}")),
            // There is nothing behind a whole value.
            'Z' => self.push("\\z"),
            // Nothing was matched before.
            'G' => self.push("\\A"),
            'e' => self.push("\\x1B"),
            'c' => {
                let control = self.next().filter(char::is_ascii);
                let control = control.ok_or_else(|| wrong("no letter behind \\c"))?;
                self.push(&format!("\\x{{{:X}}}", u32::from(control) ^ 64));
            }
            '0' => self.octal()?,
            'x' if self.rest.starts_with('{') => self.push("\\x"),
            'x' => self.number(2)?,
            'u' => self.number(4)?,
            'p' | 'P' => self.property(is_lower)?,
            '1'..='9' => self.reference(letter),
            'k' => {
                self.done.backtracks = true;
                self.push("\\k");
            }
            letter if letter.is_ascii_alphabetic() => {
                return Err(wrong(format!("unknown escape \\{letter}")));
            }
            letter => self.literal(letter),
        }
        Ok(())
    }

    /// What a group has captured. Its number ends before a digit that would make it one of no group so far.
    fn reference(&mut self, first: char) {
        let mut number = first.to_digit(10).unwrap_or(0) as usize;
        while let Some(digit) = self.rest.chars().next().and_then(|next| next.to_digit(10)) {
            let longer = 10 * number + digit as usize;
            if self.captures < longer {
                break;
            }
            number = longer;
            self.next();
        }
        self.done.backtracks = true;
        // Whatever digit follows is none of it.
        self.push(&format!("(?:\\{number})"));
    }

    /// A letter by its number, in one to three octal digits.
    fn octal(&mut self) -> Result<(), Unfit> {
        let digits = self
            .rest
            .bytes()
            .take_while(|byte| (b'0'..=b'7').contains(byte));
        let most = if self.rest.starts_with(['0', '1', '2', '3']) {
            3
        } else {
            2
        };
        let count = digits.take(most).count();
        let number = u32::from_str_radix(self.rest.get(..count).unwrap_or_default(), 8);
        let number = number.map_err(|_| wrong("no octal digits behind \\0"))?;
        self.rest = self.rest.get(count..).unwrap_or_default();
        self.push(&format!("\\x{{{number:X}}}"));
        Ok(())
    }

    /// A letter by its number, in so many hexadecimal digits; above 65,535 it is two of them.
    fn number(&mut self, digits: usize) -> Result<(), Unfit> {
        let mut units = [self.unit(digits)?, 0];
        let mut count = 1;
        if (0xD800..0xDC00).contains(&units[0]) && self.passed("\\u") {
            units[1] = self.unit(digits)?;
            count = 2;
        }
        let units = units.into_iter().take(count);
        for letter in char::decode_utf16(units) {
            let letter = letter.map_err(|_| wrong("half of a letter behind \\u"))?;
            self.push(&format!("\\x{{{:X}}}", u32::from(letter)));
        }
        Ok(())
    }

    fn unit(&mut self, digits: usize) -> Result<u16, Unfit> {
        let text = self.rest.get(..digits).unwrap_or_default();
        let is_hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u16::from_str_radix(text, 16)
            .ok()
            .filter(|_| is_hexadecimal);
        let number = number.ok_or_else(|| wrong(format!("no {digits} hexadecimal digits")))?;
        self.rest = self.rest.get(digits..).unwrap_or_default();
        Ok(number)
    }

    /// `\p{Alpha}`, `\pL`, or with `P` all other letters.
    fn property(&mut self, is_in: bool) -> Result<(), Unfit> {
        let name = match self
            .rest
            .strip_prefix('{')
            .and_then(|rest| rest.split_once('}'))
        {
            Some((name, rest)) => {
                self.rest = rest;
                name
            }
            None => {
                let end = self.rest.chars().next().map_or(0, char::len_utf8);
                let (name, rest) = self.rest.split_at(end);
                self.rest = rest;
                name
            }
        };
        let not = if is_in { "" } else { "^" };
        // These are ASCII in Java.
        let ascii = [
            "Lower", "Upper", "ASCII", "Alpha", "Digit", "Alnum", "Punct", "Graph", "Print",
            "Blank", "Cntrl", "XDigit", "Space",
        ];
        if ascii.contains(&name) {
            self.push(&format!("[[:{not}{}:]]", name.to_ascii_lowercase()));
            return Ok(());
        }
        let name = match name {
            "javaLowerCase" => "Lowercase",
            "javaUpperCase" => "Uppercase",
            "javaAlphabetic" => "Alphabetic",
            "javaLetter" => "L",
            "javaDigit" => "Nd",
            "javaWhitespace" => "White_Space",
            name => name,
        };
        let letter = if is_in { 'p' } else { 'P' };
        self.push(&format!("\\{letter}{{{name}}}"));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
