//! One alternative of a node that holds `*`, `?` or `[…]`.

/// What the next characters of a label must be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// This character.
    Char(char),
    /// One character, whatever it is.
    One,
    /// Any number of characters.
    Run,
    /// One character of a class.
    Class(Class),
}

/// A set of characters.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Class {
    negated: bool,
    /// From and to, both in it; sorted, none overlap.
    ranges: Vec<(char, char)>,
}

impl Class {
    /// `text` is what stands between the brackets, not empty.
    fn new(text: &[char]) -> Class {
        let (negated, mut rest) = match text {
            ['!', rest @ ..] => (true, rest),
            all => (false, all),
        };
        let mut ranges = Vec::new();
        loop {
            rest = match rest {
                [low, '-', high, tail @ ..] => {
                    ranges.push((*low, *high));
                    tail
                }
                [one, tail @ ..] => {
                    ranges.push((*one, *one));
                    tail
                }
                [] => break,
            };
        }
        Class {
            negated,
            ranges: merged(ranges),
        }
    }

    fn holds(&self, c: char) -> bool {
        let above = self.ranges.partition_point(|&(low, _)| low <= c);
        let inside = above > 0 && c <= self.ranges[above - 1].1;
        inside != self.negated
    }
}

/// The same set, sorted and without overlaps, so that a search is short. A reversed pair holds
/// nothing.
fn merged(mut ranges: Vec<(char, char)>) -> Vec<(char, char)> {
    ranges.retain(|&(low, high)| low <= high);
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let overlap = next.0 <= kept.1;
        if overlap {
            kept.1 = kept.1.max(next.1);
        }
        overlap
    });
    ranges
}

impl Step {
    fn takes(&self, c: char) -> bool {
        match self {
            Step::Char(known) => *known == c,
            Step::One => true,
            Step::Run => false,
            Step::Class(class) => class.holds(c),
        }
    }
}

/// A text with globs but without braces, ready to match whole labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wild {
    /// What a label must begin with.
    prefix: String,
    /// What follows the prefix; runs never follow each other.
    steps: Vec<Step>,
}

impl Wild {
    /// Read one; `None` if there is no glob in it, so that it only equals itself.
    pub fn new(text: &str) -> Option<Wild> {
        if !text.contains(['*', '?', '[']) {
            return None;
        }
        let steps = steps(&text.chars().collect::<Vec<char>>());
        let literal = steps
            .iter()
            .take_while(|step| matches!(step, Step::Char(_)))
            .count();
        if literal == steps.len() {
            return None; // only a `[` without its `]`: the text itself
        }
        let prefix = steps[..literal].iter().filter_map(|step| match step {
            Step::Char(c) => Some(*c),
            _ => None,
        });
        Some(Wild {
            prefix: prefix.collect(),
            steps: steps[literal..].to_vec(),
        })
    }

    /// Whether it takes every label.
    pub fn is_any(&self) -> bool {
        self.prefix.is_empty() && self.steps == [Step::Run]
    }

    /// Steps of a match: the measure of what matching costs.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// The fewest characters a label needs.
    pub fn shortest(&self) -> usize {
        let runs = self.steps.iter().filter(|step| **step == Step::Run).count();
        self.prefix.chars().count() + self.steps.len() - runs
    }

    /// Whether the whole label matches. A run that fails later is made one character longer and
    /// tried again; only the last run ever needs that, so the cost is at most the length of the
    /// label times that of the pattern.
    pub fn matches(&self, label: &str) -> bool {
        let Some(mut rest) = label.strip_prefix(self.prefix.as_str()) else {
            return false;
        };
        let mut at = 0;
        let mut retry: Option<(usize, &str)> = None;
        loop {
            let mut chars = rest.chars();
            match (self.steps.get(at), chars.next()) {
                (Some(Step::Run), _) => {
                    at += 1;
                    if at == self.steps.len() {
                        return true;
                    }
                    retry = Some((at, rest));
                    continue;
                }
                (Some(step), Some(c)) if step.takes(c) => {
                    at += 1;
                    rest = chars.as_str();
                    continue;
                }
                (None, None) => return true,
                _ => {}
            }
            let Some((after_run, from)) = retry else {
                return false;
            };
            let mut longer = from.chars();
            if longer.next().is_none() {
                return false;
            }
            (at, rest) = (after_run, longer.as_str());
            retry = Some((at, rest));
        }
    }
}

fn steps(mut rest: &[char]) -> Vec<Step> {
    let mut steps = Vec::with_capacity(rest.len());
    let mut closing = true; // whether another `]` can be ahead: looked for in vain only once
    loop {
        let (step, tail) = match rest {
            [] => return steps,
            ['*', tail @ ..] => (Step::Run, tail),
            ['?', tail @ ..] => (Step::One, tail),
            ['[', tail @ ..] => match closing.then(|| class_len(tail)).flatten() {
                Some(end) => (Step::Class(Class::new(&tail[..end])), &tail[end + 1..]),
                None => {
                    closing = false;
                    (Step::Char('['), tail)
                }
            },
            [c, tail @ ..] => (Step::Char(*c), tail),
        };
        if step != Step::Run || steps.last() != Some(&Step::Run) {
            steps.push(step);
        }
        rest = tail;
    }
}

/// How many characters the class has whose opening bracket stands before `rest`. A `]` right at the
/// beginning, or right after `!`, belongs to it.
fn class_len(rest: &[char]) -> Option<usize> {
    let first = usize::from(rest.first() == Some(&'!'));
    let from = first + 1;
    let found = rest.get(from..)?.iter().position(|&c| c == ']')?;
    Some(from + found)
}
