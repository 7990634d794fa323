//! Graphite's path patterns: what a query writes, read once, then matched against many labels.
//!
//! Takes a text such as `dc1.web[0-9]*.{cpu,mem}.**`; gives one [`NodePattern`] for each node of
//! the path. The rules are those of graphite-web's finder (braces first, then `fnmatch`):
//! * `*` is any run of characters, `?` one character, `[a-z]` one of a class, `[!a]` one outside it
//!   (`^` does not negate); a `[` without its `]` is literal.
//! * `{a,b}` are alternatives; they nest, may be empty and may hold globs. An unmatched brace is
//!   literal. The dots are split off first, so no alternative can hold one.
//! * A backslash is removed. It escapes nothing.
//! * `**` as a whole node is any number of nodes, also none; at the end of the path at least one.
//!   Within a node it is `*`.
//! * Empty nodes are dropped, as they are from names.
//!
//! Limits: [`PATTERN_BYTES_MAX`], [`ALTERNATIVES_MAX`], [`WILD_ALTERNATIVES_MAX`],
//! [`WILD_STEPS_MAX`], [`EXPANSION_BYTES_MAX`]. Matching a label costs at most its length times
//! that of the pattern.
//! Knows no tree. Test truth: the recursive twin at the end of this file.

mod braces;
mod wild;

use std::sync::Arc;

pub use wild::Wild;

use crate::model::series::NAME_BYTES_MAX;

/// Bytes of a pattern. Dashboards write all values of a variable as one list of alternatives, so
/// this is far more than a name may have.
pub const PATTERN_BYTES_MAX: usize = 64 * 1024;
/// Alternatives that the braces of one node may stand for, and of all nodes of a pattern together.
pub const ALTERNATIVES_MAX: usize = 4 * 1024;
/// How many alternatives of a pattern may hold globs: each is matched against every label, while
/// plain ones are looked up.
pub const WILD_ALTERNATIVES_MAX: usize = 256;
/// Steps (characters, classes, runs) of all alternatives with globs of a pattern together.
pub const WILD_STEPS_MAX: usize = 16 * 1024;
/// Bytes that may be written while braces are expanded, each text reckoned 16 bytes longer.
pub const EXPANSION_BYTES_MAX: usize = 256 * 1024;
/// Nodes that a name can have, each with its dot.
pub const DEPTH_MAX: usize = NAME_BYTES_MAX.div_ceil(2);

/// Why a pattern is refused; the text is for the person who wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// Over [`PATTERN_BYTES_MAX`].
    #[error(
        "the path pattern is longer than {PATTERN_BYTES_MAX} bytes; ask for fewer paths at once"
    )]
    Long,
    /// Over [`ALTERNATIVES_MAX`] or [`EXPANSION_BYTES_MAX`].
    #[error(
        "the braces of the path pattern stand for too many alternatives (at most {ALTERNATIVES_MAX}, \
         {EXPANSION_BYTES_MAX} bytes in all); use fewer or smaller groups"
    )]
    ManyAlternatives,
    /// Over [`WILD_ALTERNATIVES_MAX`].
    #[error(
        "more than {WILD_ALTERNATIVES_MAX} alternatives of the path pattern hold *, ? or [; \
         use fewer, or one * in their place"
    )]
    ManyWildAlternatives,
    /// Over [`WILD_STEPS_MAX`].
    #[error(
        "the parts of the path pattern with *, ? or [ are longer than {WILD_STEPS_MAX} \
         characters; shorten them"
    )]
    LongWild,
}

/// What one node of a path may be.
#[derive(Debug, PartialEq, Eq)]
pub enum NodePattern {
    /// Any number of nodes, also none.
    Deep,
    /// Any one node.
    Any,
    /// One node that is one of these.
    One(Alternatives),
}

/// What a node may be, braces expanded.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Alternatives {
    /// Alternatives without a glob: to be looked up. Sorted, distinct.
    pub literals: Vec<String>,
    /// Alternatives with globs: to be matched.
    pub wilds: Vec<Wild>,
}

impl Alternatives {
    /// Whether the label is one of them.
    pub fn matches(&self, label: &str) -> bool {
        self.literals
            .binary_search_by(|known| known.as_str().cmp(label))
            .is_ok()
            || self.wilds.iter().any(|wild| wild.matches(label))
    }

    /// Steps of all alternatives with globs.
    pub fn steps(&self) -> usize {
        self.wilds.iter().map(Wild::steps).sum()
    }
}

impl NodePattern {
    /// Whether a single node of this label satisfies it.
    pub fn matches(&self, label: &str) -> bool {
        match self {
            NodePattern::Deep | NodePattern::Any => true,
            NodePattern::One(alternatives) => alternatives.matches(label),
        }
    }
}

/// A path pattern, ready to match. Clones share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    nodes: Arc<[NodePattern]>,
}

impl Pattern {
    /// Read a pattern. Every text is one, unless it passes a limit; one that can match no name
    /// (the empty text, more nodes than a name has) matches nothing.
    ///
    /// # Errors
    /// The limit that is passed.
    pub fn new(text: &str) -> Result<Pattern, GlobError> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(GlobError::Long);
        }
        let text = text.replace('\\', "");
        let mut nodes = Vec::new();
        let mut room = Room::default();
        for node in text.split('.').filter(|node| !node.is_empty()) {
            let node = room.node(node)?;
            let repeated = node == NodePattern::Deep && nodes.last() == Some(&NodePattern::Deep);
            if !repeated {
                nodes.push(node);
            }
        }
        if nodes.last() == Some(&NodePattern::Deep) {
            nodes.push(NodePattern::Any);
        }
        let depth = nodes
            .iter()
            .filter(|node| **node != NodePattern::Deep)
            .count();
        if depth > DEPTH_MAX {
            nodes.clear();
        }
        Ok(Pattern {
            nodes: nodes.into(),
        })
    }

    /// One pattern for each node of the path; two `Deep` never follow each other and the last is
    /// none. Empty if nothing can match.
    pub fn nodes(&self) -> &[NodePattern] {
        &self.nodes
    }

    /// Whether this canonical path matches. Costs at most its nodes times the pattern's.
    pub fn matches(&self, path: &str) -> bool {
        let mut states = vec![false; self.nodes.len() + 1];
        states[0] = true;
        self.close(&mut states);
        let mut next = states.clone();
        for label in path.split('.') {
            next.fill(false);
            for (at, node) in self.nodes.iter().enumerate() {
                if states[at] && node.matches(label) {
                    next[if *node == NodePattern::Deep {
                        at
                    } else {
                        at + 1
                    }] = true;
                }
            }
            self.close(&mut next);
            std::mem::swap(&mut states, &mut next);
        }
        !self.nodes.is_empty() && states[self.nodes.len()]
    }

    /// Where a `Deep` may begin, it may also be over.
    fn close(&self, states: &mut [bool]) {
        for (at, node) in self.nodes.iter().enumerate() {
            states[at + 1] |= states[at] && *node == NodePattern::Deep;
        }
    }
}

/// What a pattern has used of its limits.
#[derive(Default)]
struct Room {
    alternatives: usize,
    wilds: usize,
    steps: usize,
    bytes: usize,
}

impl Room {
    fn node(&mut self, text: &str) -> Result<NodePattern, GlobError> {
        let left = EXPANSION_BYTES_MAX - self.bytes;
        let (expanded, bytes) =
            braces::expand(text, ALTERNATIVES_MAX, left).ok_or(GlobError::ManyAlternatives)?;
        self.bytes += bytes;
        self.alternatives += expanded.len() - 1;
        if self.alternatives > ALTERNATIVES_MAX {
            return Err(GlobError::ManyAlternatives);
        }
        if expanded.iter().any(|text| text == "**") {
            return Ok(NodePattern::Deep);
        }
        let mut one = Alternatives::default();
        for text in expanded {
            match Wild::new(&text) {
                Some(wild) if wild.is_any() => return Ok(NodePattern::Any),
                Some(wild) if wild.shortest() > NAME_BYTES_MAX => {} // no name is as long
                Some(_) if self.wilds + one.wilds.len() == WILD_ALTERNATIVES_MAX => {
                    return Err(GlobError::ManyWildAlternatives);
                }
                Some(wild) => one.wilds.push(wild),
                None => one.literals.push(text),
            }
        }
        self.wilds += one.wilds.len();
        self.steps += one.steps();
        if self.steps > WILD_STEPS_MAX {
            return Err(GlobError::LongWild);
        }
        Ok(NodePattern::One(one))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    const LABELS: &str = "web1 web2 web10 Web1 db1 x a-b a]b [x] *star q?";

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).expect("a pattern within its limits")
    }

    #[track_caller]
    fn check(text: &str, want: &str) {
        let pattern = pattern(text);
        let mut got: Vec<&str> = LABELS
            .split(' ')
            .filter(|label| pattern.matches(label))
            .collect();
        got.sort_unstable();
        assert_eq!(got.join(" "), want, "pattern {text}");
    }

    /// The conformance cases B01 to B11 of graphite-web's globs.
    #[test]
    fn one_node() {
        check("web*", "web1 web10 web2");
        check("web?", "web1 web2");
        check("web[12]", "web1 web2");
        check("web[0-9]", "web1 web2");
        check("web[!1]", "web2");
        check("web[^1]", "web1");
        check("WEB1", "");
        check("{web,db}1", "db1 web1");
        check("{web1,db1}", "db1 web1");
        check("w{eb1,eb{2,10}}", "web1 web10 web2");
        check("web{1,}", "web1");
        check("{,web}1", "web1");
        check("x{,y}", "x");
        check("{web[12],db?}", "db1 web1 web2");
        check("web{1", "");
        check("web1}", "");
        check("{}", "");
        check("web[z-a]", "");
        check("a[]]b", "a]b");
        check("a[-]b", "a-b");
        check("a[a-]b", "a-b");
        check("[[]x]", "[x]");
        check("[*]star", "*star");
        check("q[?]", "q?");
        check("?", "x");
        check("*1", "Web1 db1 web1");
        check("\\w\\eb1", "web1");
        check("{x}", "x");
        check("web[1{2,}]", "web1 web2");
        check("[!z-a]", "x");
        check("w**1", "web1");
        check(".x.", "x");
        check("", "");
        check("...", "");
    }

    #[test]
    fn whole_paths() {
        let check = |text: &str, path: &str, want: bool| {
            assert_eq!(pattern(text).matches(path), want, "{text} on {path}");
        };
        check("a.{b,x}.c", "a.x.c", true);
        check("a.{b.c,x.c}", "a.b.c", false);
        check("{a.b.c,top}", "top", false);
        check("**.c", "a.b.c", true);
        check("**.c", "c", true);
        check("a.**.c", "a.c", true);
        check("a.**.c", "a.x.y.c", true);
        check("a.**", "a", false);
        check("a.**", "a.b.c.d", true);
        check("**.**.**", "a", true);
        check("*.*", "a", false);
        check("{**,x}.c", "a.b.c", true);
    }

    #[test]
    fn bounds_are_told() {
        let check = |text: &str, want: GlobError| assert_eq!(Pattern::new(text), Err(want));
        check(&"x".repeat(PATTERN_BYTES_MAX + 1), GlobError::Long);
        check(&"{a,b}".repeat(20), GlobError::ManyAlternatives);
        check(
            &"{a,b,c,d,e,f,g,h,i,j}{0,1,2,3,4,5,6,7,8,9}.".repeat(100),
            GlobError::ManyAlternatives,
        );
        check(
            "*{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}",
            GlobError::ManyWildAlternatives,
        );
        let long = vec!["a*".repeat(1_500); 8].join(".");
        check(&long, GlobError::LongWild);
        let deep = format!("{}{}", "{abc".repeat(12_000), "}".repeat(12_000));
        check(&deep, GlobError::ManyAlternatives);
        let many: Vec<String> = (0..4_000).map(|i| format!("host{i:05}")).collect();
        let list = pattern(&format!("dc.{{{}}}.cpu", many.join(",")));
        assert!(list.matches("dc.host03999.cpu") && !list.matches("dc.host04000.cpu"));
        assert!(pattern(&"*.".repeat(DEPTH_MAX + 1)).nodes().is_empty());
    }

    /// The twin: one character at a time, every choice tried in turn.
    fn naive(pattern: &[char], label: &[char]) -> bool {
        let Some((&first, rest)) = pattern.split_first() else {
            return label.is_empty();
        };
        match first {
            '*' => (0..=label.len()).any(|skip| naive(rest, &label[skip..])),
            '?' => !label.is_empty() && naive(rest, &label[1..]),
            '[' => match class_end(rest) {
                Some(end) => {
                    !label.is_empty()
                        && in_class(&rest[..end], label[0])
                        && naive(&rest[end + 1..], &label[1..])
                }
                None => label.first() == Some(&'[') && naive(rest, &label[1..]),
            },
            other => label.first() == Some(&other) && naive(rest, &label[1..]),
        }
    }

    fn class_end(rest: &[char]) -> Option<usize> {
        let from = usize::from(rest.first() == Some(&'!'));
        (from + 1..rest.len()).find(|&at| rest[at] == ']')
    }

    fn in_class(class: &[char], c: char) -> bool {
        if let [first, tail @ ..] = class
            && *first == '!'
        {
            return !in_set(tail, c);
        }
        in_set(class, c)
    }

    fn in_set(set: &[char], c: char) -> bool {
        match set {
            [low, '-', high, tail @ ..] => (*low <= c && c <= *high) || in_set(tail, c),
            [one, tail @ ..] => *one == c || in_set(tail, c),
            [] => false,
        }
    }

    /// Innermost braces first, one at a time, as graphite-web does it by a regular expression.
    fn naive_expand(text: &str) -> Vec<String> {
        let Some(close) = text
            .char_indices()
            .find_map(|(at, c)| (c == '}' && text[..at].contains('{')).then_some(at))
        else {
            return vec![text.to_owned()];
        };
        let open = text[..close].rfind('{').expect("it is there");
        if text[open..close].contains('}') {
            unreachable!("the first closing brace after an opening one");
        }
        let variants = text[open + 1..close].split(',');
        variants
            .flat_map(|variant| {
                naive_expand(&format!("{}{variant}{}", &text[..open], &text[close + 1..]))
            })
            .collect()
    }

    fn naive_node(text: &str, label: &str) -> bool {
        let label: Vec<char> = label.chars().collect();
        naive_expand(text)
            .iter()
            .any(|text| naive(&text.chars().collect::<Vec<char>>(), &label))
    }

    fn random_text(random: &mut Random, alphabet: &[char], longest: u64) -> String {
        let length = random.below(longest + 1);
        (0..length)
            .map(|_| alphabet[random.below(alphabet.len() as u64) as usize])
            .collect()
    }

    #[test]
    fn agrees_with_its_twin() {
        let seed = std::env::var("SEED")
            .ok()
            .and_then(|s| s.parse().ok())
            .unwrap_or(20_261_124);
        let mut random = Random::new(seed);
        let signs: Vec<char> = "abé*?[]{},!-^\u{10ffff}".chars().collect();
        let letters: Vec<char> = "abé[]{},-!^\u{10ffff}".chars().collect();
        let mut matched = 0;
        for round in 0..60_000 {
            let text = random_text(&mut random, &signs, 9);
            let Ok(pattern) = Pattern::new(&text) else {
                panic!("round {round}: {text} is within all limits; replay with SEED={seed}");
            };
            for _ in 0..6 {
                let label = random_text(&mut random, &letters, 4);
                let want = !label.is_empty() && !text.is_empty() && naive_node(&text, &label);
                let got = !label.is_empty() && pattern.matches(&label);
                matched += usize::from(got);
                assert_eq!(got, want, "{text} on {label}; replay with SEED={seed}");
            }
        }
        assert!(
            matched > 3_000,
            "only {matched} of the pairs matched: the test says little"
        );
    }

    #[test]
    fn many_stars_do_not_blow_up() {
        let pattern = pattern(&format!("{}b", "*a".repeat(1_000)));
        let start = std::time::Instant::now();
        assert!(!pattern.matches(&"a".repeat(NAME_BYTES_MAX)));
        assert!(start.elapsed().as_millis() < 2_000);
    }
}
