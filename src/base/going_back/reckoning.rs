//! How much work a search may be that goes back, told from the pattern alone.
//!
//! The engine counts how often it goes back, not what it looks at in between: whole pieces of a pattern, such
//! as what stands in a look-around, are left to a linear engine, and counted repetitions go on without
//! going back. So a pattern is read here once more, as the translations write it, and each part of it is
//! given a cost in the length of the text. Of a repetition with a choice each turn is paid for by the going
//! back that undoes it, or stands on the one path that is there at the end; what look-arounds and atomic
//! groups throw away is paid for in full.

/// A cost: its coefficients of 1, n, n², n³ for a text of n bytes, each at most `u64::MAX`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost([u64; 4]);

impl Cost {
    /// A linear engine looks at so many items, once or all along the text.
    fn scan(items: u64, is_long: bool) -> Cost {
        let items = items.max(1);
        match is_long || SHORT_ITEMS < items {
            // Each byte may be compared with each item, where its automaton gets too large.
            true => Cost([0, items, 0, 0]),
            false => Cost([items * items, 0, 0, 0]),
        }
    }

    fn and(self, other: Cost) -> Cost {
        self.with(other, u64::saturating_add)
    }

    fn or(self, other: Cost) -> Cost {
        self.with(other, u64::max)
    }

    fn with(mut self, other: Cost, join: fn(u64, u64) -> u64) -> Cost {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own = join(*own, other);
        }
        self
    }

    fn times(self, count: u64) -> Cost {
        Cost(self.0.map(|own| own.saturating_mul(count)))
    }

    /// So often as the text has bytes. Above n³ it is more than any text can pay.
    fn along(self) -> Cost {
        let [one, first, second, third] = self.0;
        match third {
            0 => Cost([0, one, first, second]),
            _ => Cost([0, one, first, u64::MAX]),
        }
    }

    /// What it is for a text of so many bytes.
    pub(super) fn of(self, bytes: usize) -> u64 {
        let bytes = (bytes as u64).saturating_add(1);
        let high_first = self.0.iter().rev();
        high_first.fold(0, |sum: u64, own| {
            sum.saturating_mul(bytes).saturating_add(*own)
        })
    }
}

/// Up to so many items without a repetition end soon, wherever they are looked for.
const SHORT_ITEMS: u64 = 16;

/// A part of a pattern. What is `hard` goes back, the rest is left to the linear engine.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    hard: bool,
    /// Of what is not hard: how many letters and classes.
    items: u64,
    /// Of what is not hard: it may go all along the text.
    is_long: bool,
    /// What is hard costs so much for each going back.
    now: Cost,
    /// The same on one path from its begin to its end.
    path: Cost,
}

impl Part {
    const ITEM: Part = Part {
        hard: false,
        items: 1,
        is_long: false,
        now: Cost([0; 4]),
        path: Cost([0; 4]),
    };

    fn hard(cost: Cost) -> Part {
        Part {
            hard: true,
            now: cost,
            path: cost,
            ..Part::default()
        }
    }

    fn then(self, other: Part) -> Part {
        Part {
            hard: self.hard || other.hard,
            items: self.items.saturating_add(other.items),
            is_long: self.is_long || other.is_long,
            now: self.now.and(other.now),
            path: self.path.and(other.path),
        }
    }

    /// `min` to `max` of them.
    fn repeated(self, min: u64, max: Option<u64>) -> Part {
        if !self.hard {
            let count = max.unwrap_or(min).max(1);
            return Part {
                items: self.items.max(1).saturating_mul(count),
                is_long: self.is_long || max.is_none(),
                ..self
            };
        }
        let path = match max {
            Some(max) => self.path.times(max.max(1)),
            None => self.path.along().and(self.path.times(min.max(1))),
        };
        Part {
            now: self.now.times(min.max(1)),
            path,
            ..self
        }
    }

    /// Hard, whatever it was.
    fn settled(self) -> Part {
        let scan = match self.items {
            0 => Cost::default(),
            items => Cost::scan(items, self.is_long),
        };
        Part {
            hard: true,
            items: 0,
            is_long: false,
            now: self.now.and(scan),
            path: self.path.and(scan),
        }
    }

    /// What goes back inside is thrown away behind it.
    fn cut(self) -> Part {
        let items = self.items.max(u64::from(!self.hard));
        Part::hard(Part { items, ..self }.settled().path)
    }
}

/// What a group is.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Plain,
    /// Look-around, atomic, or with a condition.
    Cutting,
}

/// A group that is being read.
struct Group {
    kind: Kind,
    /// Alternatives that are complete, and how many they are.
    alternatives: Option<Part>,
    branches: usize,
    /// Of the alternative that is being read, what is complete.
    before: Part,
    /// Its last part, which may be repeated yet.
    last: Option<Part>,
}

impl Group {
    fn new(kind: Kind) -> Group {
        Group {
            kind,
            alternatives: None,
            branches: 0,
            before: Part::default(),
            last: None,
        }
    }

    /// All alternatives, with the last one.
    fn joined(&self) -> Part {
        let last = self.before.then(self.last.unwrap_or_default());
        let Some(others) = self.alternatives else {
            return last;
        };
        if !last.hard && !others.hard {
            return last.then(others);
        }
        // What fails in one of them goes back to come to the next.
        let (last, others) = (last.settled(), others.settled());
        Part {
            hard: true,
            now: last.now.or(others.now),
            path: last.path.or(others.path),
            ..Part::default()
        }
    }
}

/// What is known of a pattern.
#[derive(Clone, Debug)]
pub(super) struct Reckoning {
    /// For each going back.
    pub(super) each: Cost,
    /// Of one path through all of it.
    pub(super) path: Cost,
    /// How many automata there may be.
    pub(super) pieces: usize,
    /// The pattern without what the linear engine cannot say: as large as all automata together, about.
    pub(super) flat: String,
}

struct Reader<'a> {
    rest: &'a str,
    groups: Vec<Group>,
    pieces: usize,
    flat: String,
}

/// Reckon up a translated pattern. What is wrong with it is for the engine to tell.
pub(super) fn reckon(pattern: &str) -> Reckoning {
    let mut reader = Reader {
        rest: pattern,
        groups: vec![Group::new(Kind::Plain)],
        pieces: 1,
        flat: String::with_capacity(pattern.len()),
    };
    while let Some(letter) = reader.next() {
        reader.letter(letter);
    }
    while 1 < reader.groups.len() {
        reader.close();
    }
    let whole = reader.groups.pop().map_or_else(Part::default, |group| {
        let part = reader.ended(&group);
        part.settled()
    });
    Reckoning {
        each: whole.now,
        path: whole.path,
        pieces: reader.pieces,
        flat: reader.flat,
    }
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let letter = self.rest.chars().next()?;
        self.rest = self.rest.get(letter.len_utf8()..).unwrap_or_default();
        Some(letter)
    }

    /// Pass over what comes next up to `end` and it, and keep it.
    fn keep_through(&mut self, end: char) {
        let length = self.rest.find(end).map_or(self.rest.len(), |at| at + 1);
        let (kept, rest) = self.rest.split_at(length);
        self.flat.push_str(kept);
        self.rest = rest;
    }

    fn item(&mut self, part: Part) {
        if let Some(group) = self.groups.last_mut()
            && let Some(last) = group.last.replace(part)
        {
            self.pieces += usize::from(part.hard && !last.hard);
            group.before = group.before.then(last);
        }
    }

    fn letter(&mut self, letter: char) {
        match letter {
            '\\' => self.escape(),
            '[' => {
                self.class();
                self.item(Part::ITEM);
            }
            '(' => self.open(),
            ')' => {
                self.close();
                self.flat.push(')');
            }
            '|' => {
                self.flat.push('|');
                self.alternative();
            }
            '*' => self.repetition("*", 0, None),
            '+' => self.repetition("+", 1, None),
            '?' => self.repetition("?", 0, Some(1)),
            '{' => match self.counts() {
                Some((text, min, max)) => self.repetition(&text, min, max),
                None => {
                    self.flat.push('{');
                    self.item(Part::ITEM);
                }
            },
            letter => {
                self.flat.push(letter);
                self.item(Part::ITEM);
            }
        }
    }

    fn escape(&mut self) {
        match self.next() {
            Some('1'..='9') => {
                let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
                self.rest = self.rest.get(digits..).unwrap_or_default();
                self.reference();
            }
            Some('k') => {
                let end = self.rest.find('>').map_or(self.rest.len(), |at| at + 1);
                self.rest = self.rest.get(end..).unwrap_or_default();
                self.reference();
            }
            Some(letter) => {
                self.flat.push('\\');
                self.flat.push(letter);
                if matches!(letter, 'x' | 'p' | 'P') && self.rest.starts_with('{') {
                    self.keep_through('}');
                }
                self.item(Part::ITEM);
            }
            None => {}
        }
    }

    fn reference(&mut self) {
        self.flat.push_str("(?:)");
        self.item(Part::hard(Cost::scan(1, true)));
    }

    /// Behind its bracket.
    fn class(&mut self) {
        self.flat.push('[');
        let mut depth = 1;
        while let Some(letter) = self.next() {
            self.flat.push(letter);
            match letter {
                '\\' => {
                    if let Some(escaped) = self.next() {
                        self.flat.push(escaped);
                    }
                }
                '[' => depth += 1,
                ']' => {
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                _ => {}
            }
        }
    }

    /// Behind its bracket.
    fn open(&mut self) {
        for cutting in ["?=", "?!", "?<=", "?<!", "?>"] {
            if let Some(rest) = self.rest.strip_prefix(cutting) {
                self.rest = rest;
                self.flat.push_str("(?:");
                self.groups.push(Group::new(Kind::Cutting));
                return;
            }
        }
        if let Some(rest) = self.rest.strip_prefix("?(") {
            self.rest = rest.split_once(')').map_or("", |(_, rest)| rest);
            self.flat.push_str("(?:");
            self.groups.push(Group::new(Kind::Cutting));
            return;
        }
        self.flat.push('(');
        if self.rest.starts_with("?<") {
            self.keep_through('>');
        } else if self.rest.starts_with('?') {
            let end = self.rest.find([':', ')']).unwrap_or(self.rest.len());
            if self
                .rest
                .get(end..)
                .is_some_and(|rest| rest.starts_with(')'))
            {
                // Flags from here on.
                self.keep_through(')');
                return;
            }
            self.keep_through(':');
        }
        self.groups.push(Group::new(Kind::Plain));
    }

    fn close(&mut self) {
        if self.groups.len() < 2 {
            return;
        }
        let Some(group) = self.groups.pop() else {
            return;
        };
        let kind = group.kind;
        let part = self.ended(&group);
        self.pieces += usize::from(kind == Kind::Cutting);
        self.item(match kind {
            Kind::Cutting => part.cut(),
            Kind::Plain if part.hard => part.settled(),
            Kind::Plain => Part {
                items: part.items.max(1),
                ..part
            },
        });
    }

    fn alternative(&mut self) {
        if let Some(group) = self.groups.last_mut() {
            *group = Group {
                alternatives: Some(group.joined()),
                branches: group.branches + 1,
                ..Group::new(group.kind)
            };
        }
    }

    /// All of a group. Its alternatives are pieces of their own if it cannot be left to the linear engine
    /// as a whole.
    fn ended(&mut self, group: &Group) -> Part {
        let part = group.joined();
        self.pieces += if part.hard { group.branches } else { 0 };
        part
    }

    /// `{2}`, `{2,}`, `{2,3}`, behind its bracket; `None` where it is none.
    fn counts(&mut self) -> Option<(String, u64, Option<u64>)> {
        let (counts, rest) = self.rest.split_once('}')?;
        let number = |text: &str| match text.is_empty() {
            true => None,
            // What is too large for a number is too large for the engine.
            false if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(text.parse().unwrap_or(u64::MAX))
            }
            false => None,
        };
        let (min, max) = match counts.split_once(',') {
            None => (number(counts)?, Some(number(counts)?)),
            Some((min, "")) => (number(min)?, None),
            Some((min, max)) => (number(min)?, Some(number(max)?)),
        };
        let text = format!("{{{counts}}}");
        self.rest = rest;
        Some((text, min, max))
    }

    fn repetition(&mut self, text: &str, min: u64, max: Option<u64>) {
        let last = self.groups.last_mut().and_then(|group| group.last.take());
        // What is hard is compiled once, however often it is there.
        let is_hard = last.is_some_and(|last| last.hard);
        self.flat.push_str(if is_hard { "*" } else { text });
        let is_possessive = self.passed('+');
        self.pieces += usize::from(is_possessive);
        if !is_possessive && self.passed('?') {
            self.flat.push('?');
        }
        let repeated = last.map(|last| last.repeated(min, max));
        if let Some(group) = self.groups.last_mut() {
            group.last = match is_possessive {
                true => repeated.map(Part::cut),
                false => repeated,
            };
        }
    }

    fn passed(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}
