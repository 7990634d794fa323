//! Graphite's tag expressions, `tag=value`, `tag!=value`, `tag=~regex`, `tag!=~regex`, and KairosDB's tag
//! filters.
//!
//! The rules and the wording of the first and third error are graphite-web's. A regular expression is
//! anchored at the start only. A missing tag is the empty string. In KairosDB a regular expression matches
//! a value as a whole, and a series without the tag has none: it never passes.

use regex::{Regex, RegexBuilder};

use super::java_regex::{JavaRegex, Unfit};
use crate::base::going_back::TooMuch;

/// Bytes of a test.
pub const TEST_BYTES_MAX: usize = 8 * 1024;
/// Tests of one query.
pub const TESTS_MAX: usize = 64;
/// Regular expressions of one tag in a KairosDB query.
pub const PATTERNS_MAX: usize = 8;
/// Bytes that a compiled regular expression may take, and again as much for its cache.
pub const REGEX_BYTES_MAX: usize = 1024 * 1024;
/// How deep groups of a regular expression may nest.
pub(super) const REGEX_DEPTH_MAX: u32 = 64;

/// Why a test, or a list of them, is refused; the text is for the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagTestError {
    /// Not of the form `tag`, operator, value.
    #[error("Invalid tagspec {0}")]
    Form(String),
    /// The regular expression does not compile.
    #[error("Invalid tagspec {test}: {why}")]
    Regex {
        /// The test.
        test: String,
        /// What is wrong with it.
        why: String,
    },
    /// No test that needs a tag to be there.
    #[error("At least one tagspec must not match the empty string")]
    AllMatchEmpty,
    /// Over [`TEST_BYTES_MAX`].
    #[error("a tagspec is longer than {TEST_BYTES_MAX} bytes; shorten it")]
    Long,
    /// Over [`REGEX_BYTES_MAX`].
    #[error(
        "the regular expression of tagspec {0} needs more than {REGEX_BYTES_MAX} bytes; \
         use a simpler one"
    )]
    RegexLarge(String),
    /// The regular expression of a KairosDB filter makes no sense.
    #[error("the regular expression '{pattern}' of tag {key} cannot be read: {why}")]
    Pattern {
        /// The tag.
        key: String,
        /// The expression.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// The same, over [`REGEX_BYTES_MAX`].
    #[error(
        "the regular expression '{pattern}' of tag {key} needs more than {REGEX_BYTES_MAX} bytes; \
         use a simpler one"
    )]
    PatternLarge {
        /// The tag.
        key: String,
        /// The expression.
        pattern: String,
    },
    /// Over [`PATTERNS_MAX`].
    #[error("more than {PATTERNS_MAX} regular expressions for tag {0}; join them by '|'")]
    PatternsMany(String),
    /// Over [`TESTS_MAX`].
    #[error("more than {TESTS_MAX} tagspecs in one query; use fewer")]
    Many,
}

/// One test of a tag's value.
#[derive(Clone, Debug)]
pub struct TagTest {
    key: String,
    negated: bool,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    Is(String),
    Matches(Regex),
    /// Any of these, sorted, or what a regular expression matches.
    Among(Vec<String>, Vec<JavaRegex>),
}

/// A search that a regular expression of a filter made too long: it was too much work in one value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the regular expression of tag {key} {why} of one value; say more exactly what may repeat")]
pub struct TooLong {
    /// The tag.
    pub key: String,
    /// What was too much.
    pub why: TooMuch,
}

impl TagTest {
    /// Read one expression.
    ///
    /// # Errors
    /// Its form, its regular expression, or the limit it passes.
    pub fn parse(text: &str) -> Result<TagTest, TagTestError> {
        if text.len() > TEST_BYTES_MAX {
            return Err(TagTestError::Long);
        }
        let form = || TagTestError::Form(text.to_owned());
        let key_end = text.find([';', '!', '=']).ok_or_else(form)?;
        let (key, rest) = text.split_at(key_end);
        let (negated, rest) = match rest.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let rest = rest.strip_prefix('=').ok_or_else(form)?;
        if key.is_empty() || rest.contains(';') {
            return Err(form());
        }
        let value = match rest.strip_prefix('~') {
            Some(pattern) => Value::Matches(compile(text, pattern)?),
            None => Value::Is(rest.to_owned()),
        };
        let key = key.to_owned();
        Ok(TagTest {
            key,
            negated,
            value,
        })
    }

    /// Whether the tag has this value, which may be any text.
    pub fn is(key: &str, value: &str) -> TagTest {
        TagTest {
            key: key.to_owned(),
            negated: false,
            value: Value::Is(value.to_owned()),
        }
    }

    /// Whether the tag is there and has one of `values`, or one that a regular expression of `patterns`
    /// matches as a whole.
    ///
    /// # Errors
    /// A regular expression that does not compile or is too large.
    pub fn one_of(
        key: &str,
        values: &[String],
        patterns: &[String],
    ) -> Result<TagTest, TagTestError> {
        if let ([only], []) = (values, patterns) {
            return Ok(TagTest::is(key, only));
        }
        if PATTERNS_MAX < patterns.len() {
            return Err(TagTestError::PatternsMany(key.to_owned()));
        }
        let mut values = values.to_vec();
        values.sort_unstable();
        let patterns = patterns.iter().map(|pattern| {
            JavaRegex::new(pattern).map_err(|unfit| match unfit {
                Unfit::Wrong(why) => TagTestError::Pattern {
                    key: key.to_owned(),
                    pattern: pattern.clone(),
                    why,
                },
                Unfit::Large => TagTestError::PatternLarge {
                    key: key.to_owned(),
                    pattern: pattern.clone(),
                },
            })
        });
        Ok(TagTest {
            key: key.to_owned(),
            negated: false,
            value: Value::Among(values, patterns.collect::<Result<_, _>>()?),
        })
    }

    /// Read all expressions of a query.
    ///
    /// # Errors
    /// The first that is wrong; [`TagTestError::AllMatchEmpty`] if every one would let a series
    /// without the tag pass, or if there is none; [`TagTestError::Many`].
    pub fn parse_all<S: AsRef<str>>(texts: &[S]) -> Result<Vec<TagTest>, TagTestError> {
        TagTest::check_count(texts.len())?;
        let tests = texts.iter().map(|text| TagTest::parse(text.as_ref()));
        let tests = tests.collect::<Result<Vec<TagTest>, TagTestError>>()?;
        TagTest::check_all(&tests)?;
        Ok(tests)
    }

    /// Whether one query may have so many tests.
    ///
    /// # Errors
    /// [`TagTestError::Many`].
    pub fn check_count(tests: usize) -> Result<(), TagTestError> {
        if tests > TESTS_MAX {
            return Err(TagTestError::Many);
        }
        Ok(())
    }

    /// Whether the tests of a query leave any series out.
    ///
    /// # Errors
    /// [`TagTestError::AllMatchEmpty`].
    pub fn check_all(tests: &[TagTest]) -> Result<(), TagTestError> {
        if tests.iter().all(TagTest::matches_empty) {
            return Err(TagTestError::AllMatchEmpty);
        }
        Ok(())
    }

    /// The tag it is about.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether a value passes; a missing tag is the empty string.
    ///
    /// # Errors
    /// [`TooLong`], of a KairosDB filter only.
    pub fn matches(&self, value: &str) -> Result<bool, TooLong> {
        let equal = match &self.value {
            Value::Is(wanted) => wanted == value,
            Value::Matches(regex) => regex.is_match(value),
            // That is a missing tag, whatever an expression says to it.
            Value::Among(..) if value.is_empty() => false,
            Value::Among(values, patterns) => {
                let named = values.binary_search_by(|known| known.as_str().cmp(value));
                named.is_ok() || self.any_matches(patterns, value)?
            }
        };
        Ok(equal != self.negated)
    }

    fn any_matches(&self, patterns: &[JavaRegex], value: &str) -> Result<bool, TooLong> {
        for pattern in patterns {
            let matches = pattern.matches(value).map_err(|why| TooLong {
                key: self.key.clone(),
                why,
            })?;
            if matches {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether series without the tag pass.
    pub fn matches_empty(&self) -> bool {
        // Only what is asked of values that are there can take long.
        self.matches("").unwrap_or(false)
    }

    /// What going back may cost in a value of so many bytes, in points read; `None` where nothing does.
    pub(super) fn backtracking_cost(&self, bytes: usize) -> Option<usize> {
        match &self.value {
            Value::Is(_) | Value::Matches(_) => None,
            Value::Among(_, patterns) => {
                let costs = patterns.iter().filter_map(|it| it.backtracking_cost(bytes));
                costs.reduce(usize::saturating_add)
            }
        }
    }

    /// The only value that passes, if it is known.
    pub(super) fn exactly(&self) -> Option<&str> {
        self.named().filter(|_| !self.negated)
    }

    /// The only value that fails, if it is known and not the empty one.
    pub(super) fn but_for(&self) -> Option<&str> {
        self.named()
            .filter(|value| self.negated && !value.is_empty())
    }

    fn named(&self) -> Option<&str> {
        match &self.value {
            Value::Is(value) => Some(value),
            Value::Matches(_) | Value::Among(..) => None,
        }
    }
}

/// Which keys or values of tags are listed.
#[derive(Clone, Debug)]
pub enum TextFilter {
    /// All.
    All,
    /// Those that begin so.
    Prefix(String),
    /// Those that a regular expression finds something in.
    Matches(Regex),
}

impl TextFilter {
    /// What a regular expression matches from the start on. One that begins with `^` is taken as it is, as
    /// graphite-web does: of `^a|b` only the `a` is anchored.
    ///
    /// # Errors
    /// It does not compile, or is too long or too large.
    pub fn matching(pattern: &str) -> Result<TextFilter, TagTestError> {
        if TEST_BYTES_MAX < pattern.len() {
            return Err(TagTestError::Long);
        }
        let told = format!("filter=~{pattern}");
        let regex = match pattern.starts_with('^') {
            true => build(&told, pattern)?,
            false => compile(&told, pattern)?,
        };
        Ok(TextFilter::Matches(regex))
    }

    /// Whether a text is listed.
    pub fn passes(&self, text: &str) -> bool {
        match self {
            TextFilter::All => true,
            TextFilter::Prefix(prefix) => text.starts_with(prefix.as_str()),
            TextFilter::Matches(regex) => regex.is_match(text),
        }
    }

    /// What every text that passes begins with.
    pub(super) fn prefix(&self) -> &str {
        match self {
            TextFilter::Prefix(prefix) => prefix,
            TextFilter::All | TextFilter::Matches(_) => "",
        }
    }
}

fn compile(test: &str, pattern: &str) -> Result<Regex, TagTestError> {
    build(test, &format!("^(?:{pattern})"))
}

fn build(test: &str, pattern: &str) -> Result<Regex, TagTestError> {
    let built = RegexBuilder::new(pattern)
        .size_limit(REGEX_BYTES_MAX)
        .dfa_size_limit(REGEX_BYTES_MAX)
        .nest_limit(REGEX_DEPTH_MAX)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => TagTestError::RegexLarge(test.to_owned()),
        error => TagTestError::Regex {
            test: test.to_owned(),
            why: last_line(&error.to_string()),
        },
    })
}

/// The crate draws the place in several lines; its last one says what is wrong.
pub(super) fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or(text).trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tests: &[&str], want: &str) {
        let got = match TagTest::parse_all(tests) {
            Ok(_) => "good".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, want, "tests {tests:?}");
    }

    #[test]
    fn reads_expressions() {
        check(&["name=disk.used"], "good");
        check(&["a=b=c"], "good");
        check(&["a=!b"], "good");
        check(&["a!=~x|^$"], "good");
        check(
            &["a!=~x"],
            "At least one tagspec must not match the empty string",
        );
        check(&["bad"], "Invalid tagspec bad");
        check(&["=x"], "Invalid tagspec =x");
        check(&["a;b=x"], "Invalid tagspec a;b=x");
        check(&["a!x"], "Invalid tagspec a!x");
        check(&["a=x;y"], "Invalid tagspec a=x;y");
        check(&[""], "Invalid tagspec ");
        check(&["a=~("], "Invalid tagspec a=~(: unclosed group");
        check(
            &["rack=", "rack!=a1", "name=~.*"],
            "At least one tagspec must not match the empty string",
        );
        check(&[], "At least one tagspec must not match the empty string");
        check(&["rack=", "a!="], "good");
        check(
            &["a=b"; TESTS_MAX + 1],
            "more than 64 tagspecs in one query; use fewer",
        );
        check(
            &[&"a".repeat(TEST_BYTES_MAX + 1)],
            "a tagspec is longer than 8192 bytes; shorten it",
        );
    }

    #[test]
    fn one_of_several() {
        let of = |texts: &[&str]| -> Vec<String> { texts.iter().map(|&t| t.to_owned()).collect() };
        let test = TagTest::one_of("k", &of(&["b;", "a"]), &of(&["web|x", "c."])).expect("good");
        for (value, want) in [
            ("a", true),
            ("b;", true),
            ("b", false),
            ("web", true),
            ("webx", false),
            ("x", true),
            ("c1", true),
            ("c", false),
            ("", false),
        ] {
            assert_eq!(test.matches(value), Ok(want), "{value:?}");
        }
        assert!(TagTest::one_of("k", &[], &of(&["a)|(b"])).is_err());
        let error = TagTest::one_of("k", &[], &of(&["("])).expect_err("no expression");
        assert_eq!(
            error.to_string(),
            "the regular expression '(' of tag k cannot be read: unclosed group"
        );
    }

    #[test]
    fn a_filter_never_passes_a_series_without_the_tag() {
        let texts =
            |texts: &[&str]| -> Vec<String> { texts.iter().map(|&t| t.to_owned()).collect() };
        for (values, patterns) in [
            (&[] as &[&str], &[".*"] as &[&str]),
            (&[], &[""]),
            (&[], &["x?"]),
            (&["a"], &["|b"]),
            (&["a", "b"], &[]),
            (&[], &["(?!b)a*"]),
        ] {
            let test = TagTest::one_of("k", &texts(values), &texts(patterns)).expect("good");
            assert!(!test.matches_empty(), "{test:?}");
        }
        let test = TagTest::one_of("k", &[], &texts(&["(?:(x+)\\1?)+y"])).expect("good");
        let told = test.matches(&"x".repeat(60)).expect_err("too long");
        assert!(
            told.to_string()
                .starts_with("the regular expression of tag k goes back"),
            "{told}"
        );
    }

    #[test]
    fn a_huge_regular_expression_is_refused() {
        let error = TagTest::parse("a=~(?:.{1000}){1000}").expect_err("a billion states");
        assert!(matches!(error, TagTestError::RegexLarge(_)), "{error}");
        let nested = format!("a=~{}x{}", "(".repeat(900), ")".repeat(900));
        assert!(TagTest::parse(&nested).is_err());
    }

    #[test]
    fn a_regular_expression_is_anchored_at_the_start_only() {
        let check = |test: &str, value: &str, want: bool| {
            let test = TagTest::parse(test).expect("a good test");
            assert_eq!(test.matches(value), Ok(want), "{test:?} on {value}");
        };
        check("a=~web", "web01", true);
        check("a=~web", "xweb", false);
        check("a=~a|b", "xb", false);
        check("a=~a|b", "bx", true);
        check("a=~^web$", "web", true);
        check("a=~WEB", "web", false);
        check("a!=~web", "xweb", true);
        check("a=~ü.", "üx", true);
    }
}
