//! Letters and sets of letters: `[a-z\d]`, and what a backslash makes of the letter behind it.

use super::translate::{Flags, Translator};
use crate::query::error::QueryError;

/// One letter or several.
#[derive(Clone, Copy)]
pub(super) enum Item {
    Letter(char),
    Range(char, char),
    /// `d`, `s` or `w`; in upper case what is none.
    Category(char),
}

impl Item {
    /// Write it as an item of its own.
    pub(super) fn push_alone(self, flags: Flags, text: &mut String) {
        match self {
            Item::Letter(letter) if !flags.ignore_case || !letter.is_alphabetic() => {
                push_letter(letter, text);
            }
            _ => push_set(&[self], false, flags, text),
        }
    }

    fn push(self, flags: Flags, text: &mut String) {
        match self {
            Item::Letter(letter) => push_letter(letter, text),
            Item::Range(low, high) => {
                push_letter(low, text);
                text.push('-');
                push_letter(high, text);
            }
            Item::Category(category) => text.push_str(match (category, flags.ascii) {
                ('d', false) => "\\d",
                ('d', true) => "0-9",
                ('D', false) => "\\D",
                ('D', true) => "[^0-9]",
                ('s', false) => "\\s\\x{1c}-\\x{1f}",
                ('s', true) => "\\x{9}-\\x{d}\\x{20}",
                ('S', false) => "[^\\s\\x{1c}-\\x{1f}]",
                ('S', true) => "[^\\x{9}-\\x{d}\\x{20}]",
                ('w', false) => "\\p{L}\\p{N}_",
                ('w', true) => "0-9A-Za-z_",
                (_, false) => "[^\\p{L}\\p{N}_]",
                (_, true) => "[^0-9A-Za-z_]",
            }),
        }
    }

    /// The ASCII letters of the other case.
    fn of_other_case(self) -> [Option<Item>; 2] {
        let (low, high) = match self {
            Item::Letter(letter) => (letter, letter),
            Item::Range(low, high) => (low, high),
            Item::Category(_) => return [None, None],
        };
        let within = |first: char, last: char, change: fn(&char) -> char| {
            let (low, high) = (low.max(first), high.min(last));
            (low <= high).then(|| Item::Range(change(&low), change(&high)))
        };
        [
            within('a', 'z', char::to_ascii_uppercase),
            within('A', 'Z', char::to_ascii_lowercase),
        ]
    }
}

/// A letter by itself, or by its number where it could mean something.
fn push_letter(letter: char, text: &mut String) {
    if letter.is_alphanumeric() {
        text.push(letter);
    } else {
        text.push_str(&format!("\\x{{{:x}}}", u32::from(letter)));
    }
}

fn push_set(items: &[Item], negated: bool, flags: Flags, text: &mut String) {
    let folded = flags.ignore_case && !flags.ascii;
    text.push_str(if folded { "(?i:[" } else { "[" });
    if negated {
        text.push('^');
    }
    for item in items {
        item.push(flags, text);
        if flags.ignore_case && flags.ascii {
            for other in item.of_other_case().into_iter().flatten() {
                other.push(flags, text);
            }
        }
    }
    text.push_str(if folded { "])" } else { "]" });
}

impl Translator {
    /// What stands behind `[`, up to its `]`.
    pub(super) fn class(&mut self, flags: Flags) -> Result<(), QueryError> {
        let negated = self.take('^');
        let mut items = Vec::new();
        loop {
            let low = match self.next() {
                Some(']') if !items.is_empty() => break,
                letter => self.member(letter)?,
            };
            if !self.take('-') {
                items.push(low);
                continue;
            }
            let letter = self.next();
            if letter == Some(']') {
                items.extend([low, Item::Letter('-')]);
                break;
            }
            let high = self.member(letter)?;
            match (low, high) {
                (Item::Letter(low), Item::Letter(high)) if low <= high => {
                    items.push(Item::Range(low, high));
                }
                _ => return Err(self.wrong("bad character range")),
            }
        }
        push_set(&items, negated, flags, &mut self.done.text);
        Ok(())
    }

    /// One letter of a class, or what a backslash makes of it.
    fn member(&mut self, letter: Option<char>) -> Result<Item, QueryError> {
        match letter {
            None => Err(self.wrong("unterminated character set")),
            Some('\\') => match self.next() {
                Some(letter) => self.escaped(letter, true),
                None => Err(self.wrong("bad escape (end of pattern)")),
            },
            Some(letter) => Ok(Item::Letter(letter)),
        }
    }

    /// What `letter` is behind a backslash; in a class digits are octal.
    pub(super) fn escaped(&mut self, letter: char, in_class: bool) -> Result<Item, QueryError> {
        let letter = match letter {
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => return Ok(Item::Category(letter)),
            'a' => '\u{7}',
            'b' if in_class => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' => self.hexadecimal(2)?,
            'u' => self.hexadecimal(4)?,
            'U' => self.hexadecimal(8)?,
            '0'..='7' => self.octal(letter)?,
            letter if letter.is_ascii_alphanumeric() => {
                return Err(self.wrong(&format!("bad escape \\{letter}")));
            }
            letter => letter,
        };
        Ok(Item::Letter(letter))
    }

    fn hexadecimal(&mut self, digits: usize) -> Result<char, QueryError> {
        let mut code = 0u32;
        for _ in 0..digits {
            let digit = self.peek().and_then(|letter| letter.to_digit(16));
            let Some(digit) = digit else {
                return Err(self.wrong("incomplete escape"));
            };
            self.at_next();
            code = code.wrapping_shl(4) | digit;
        }
        char::from_u32(code).ok_or_else(|| self.wrong("bad escape, for it is no letter"))
    }

    fn octal(&mut self, first: char) -> Result<char, QueryError> {
        let mut code = first.to_digit(8).unwrap_or(0);
        for _ in 0..2 {
            let Some(digit) = self.peek().and_then(|letter| letter.to_digit(8)) else {
                break;
            };
            self.at_next();
            code = code * 8 + digit;
        }
        let letter = char::from_u32(code).filter(|_| code <= 0o377);
        letter.ok_or_else(|| self.wrong("octal escape value outside of range 0-0o377"))
    }

    fn at_next(&mut self) {
        let _ = self.next();
    }
}
