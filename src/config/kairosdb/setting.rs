//! What a configuration says of one key, whatever its syntax.

/// Settings of all files together: many times what KairosDB has keys.
pub const SETTINGS_MAX: usize = 1_000;
/// Bytes of a whole key, with its dots: many times the longest of KairosDB. Readers keep a key with each of
/// its settings, so that longer ones would multiply what a file takes.
pub const KEY_BYTES_MAX: usize = 1 << 10;
/// Letters of a name that are shown to people.
const SHOWN_CHARS_MAX: usize = 80;

/// A key, its value, and the line where it stands, the first being 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The whole key, with dots.
    pub key: String,
    /// What it is set to.
    pub value: Value,
    /// Where the value begins.
    pub line: usize,
}

/// What a key is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`: as if the key were not there.
    Null,
    /// A text, a number or a switch, as it was written.
    Text(String),
    /// A list; what is no text in it stands as an empty one.
    List(Vec<String>),
}

impl Value {
    /// The one text that it is.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Null | Value::List(_) => None,
        }
    }
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The line, the first being 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub text: String,
}

impl Wrong {
    pub(super) fn new(line: usize, text: impl Into<String>) -> Wrong {
        let text = text.into();
        Wrong { line, text }
    }

    /// More than [`SETTINGS_MAX`] settings.
    pub(super) fn too_many(line: usize) -> Wrong {
        Wrong::new(line, too_many())
    }

    /// A key of more than [`KEY_BYTES_MAX`].
    pub(super) fn long_key(line: usize, key: &str) -> Wrong {
        let key = shown(key);
        let text =
            format!("the key `{key}` is longer than {KEY_BYTES_MAX} bytes; is it the right file?");
        Wrong::new(line, text)
    }
}

/// What is said of more than [`SETTINGS_MAX`] settings.
pub(super) fn too_many() -> String {
    format!("more than {SETTINGS_MAX} settings; is it the right file?")
}

/// A word of a file, for people: short, and without letters that a terminal goes by.
pub(super) fn shown(word: &str) -> String {
    let mut short: String = word.chars().take(SHOWN_CHARS_MAX).collect();
    if short.len() < word.len() {
        short.push('…');
    }
    short.escape_debug().to_string()
}

/// The letter of `\uXXXX`, whose digits begin `digits`, and how many bytes of `digits` it takes: two such
/// make one letter beyond 16 bits, and half of such a letter is the replacement character. `None` where
/// there are no four digits.
pub(super) fn unicode(digits: &str) -> Option<(char, usize)> {
    let unit = |text: &str| {
        let digits = text
            .get(..4)
            .filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(digits)?;
    let second = digits
        .get(4..)
        .and_then(|rest| unit(rest.strip_prefix("\\u")?));
    if let Some(second) = second
        && let Some(Ok(letter)) = char::decode_utf16([first, second]).next()
        && 0xffff < u32::from(letter)
    {
        return Some((letter, 10));
    }
    let letter = char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER);
    Some((letter, 4))
}
