//! What a key's value may be: how it is read from text and from TOML, what is expected, and how it
//! is written back.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use toml::de::{DeArray, DeInteger, DeValue};

use super::network::Network;
use super::sections::Config;

/// Letters of a text.
pub const TEXT_BYTES_MAX: usize = 256;
/// Texts of a list.
pub const TEXTS_MAX: usize = 64;

/// The kind of a key's value, with the place in [`Config`] where it lives.
pub enum Kind {
    /// A number of `unit` from `min` to `max`.
    Whole {
        /// What is counted.
        unit: &'static str,
        /// The least.
        min: u64,
        /// The most.
        max: u64,
        /// Where it lives.
        at: fn(&mut Config) -> &mut u64,
    },
    /// `true` or `false`.
    Switch {
        /// Where it lives.
        at: fn(&mut Config) -> &mut bool,
    },
    /// A port, or `"off"`.
    Port {
        /// Where it lives.
        at: fn(&mut Config) -> &mut Option<u16>,
    },
    /// One of a few words.
    Choice {
        /// The words.
        words: &'static [&'static str],
        /// The word that is chosen.
        get: fn(&Config) -> &'static str,
        /// Choose one of the words.
        set: fn(&mut Config, &str),
    },
    /// Printable ASCII, or nothing.
    Text {
        /// Where it lives.
        at: fn(&mut Config) -> &mut String,
    },
    /// A list of printable ASCII texts; semicolons separate them outside of files.
    Texts {
        /// Where it lives.
        at: fn(&mut Config) -> &mut Vec<String>,
    },
    /// A path.
    Folder {
        /// Where it lives.
        at: fn(&mut Config) -> &mut PathBuf,
    },
    /// A list of IP addresses.
    Addresses {
        /// Where it lives.
        at: fn(&mut Config) -> &mut Vec<IpAddr>,
    },
    /// A list of networks.
    Networks {
        /// Where it lives.
        at: fn(&mut Config) -> &mut Vec<Network>,
    },
}

impl Kind {
    /// What a value has to be, in words that follow "expected".
    pub fn expected(&self) -> String {
        match self {
            Kind::Whole { unit, min, max, .. } => {
                format!("a whole number from {min} to {max} ({unit})")
            }
            Kind::Switch { .. } => "true or false".to_owned(),
            Kind::Port { .. } => "a port from 1 to 65535, or \"off\"".to_owned(),
            Kind::Choice { words, .. } => format!("one of {}", words.join(", ")),
            Kind::Text { .. } => {
                format!("text of at most {TEXT_BYTES_MAX} printable ASCII letters")
            }
            Kind::Texts { .. } => format!(
                "at most {TEXTS_MAX} texts, in a file a list like [\"a\", \"b\"], each of at most \
                 {TEXT_BYTES_MAX} printable ASCII letters"
            ),
            Kind::Folder { .. } => "the path of a folder, as text".to_owned(),
            Kind::Addresses { .. } => {
                "IP addresses, in a file a list like [\"127.0.0.1\", \"::1\"]".to_owned()
            }
            Kind::Networks { .. } => {
                "networks, in a file a list like [\"127.0.0.0/8\", \"::1/128\"]".to_owned()
            }
        }
    }

    /// Set it to what a flag or an environment variable says; lists are separated by commas.
    ///
    /// # Errors
    /// What is wrong with `text`, without what was expected.
    pub fn set_text(&self, config: &mut Config, text: &str) -> Result<(), String> {
        let text = text.trim();
        let unread = || format!("`{text}` cannot be read");
        match self {
            Kind::Whole { .. } => self.set_whole(config, text.parse().map_err(|_| unread())?),
            Kind::Switch { at } => {
                *at(config) = text.parse().map_err(|_| unread())?;
                Ok(())
            }
            Kind::Port { at } if text == "off" => {
                *at(config) = None;
                Ok(())
            }
            Kind::Port { .. } => self.set_port(config, text.parse().map_err(|_| unread())?),
            Kind::Choice { .. } | Kind::Text { .. } | Kind::Folder { .. } => {
                self.set_word(config, text)
            }
            Kind::Texts { .. } => {
                let items = text.split(';').map(str::trim);
                self.set_list(config, items.filter(|item| !item.is_empty()))
            }
            Kind::Addresses { .. } | Kind::Networks { .. } => {
                let items = text.split(',').map(str::trim);
                self.set_list(config, items.filter(|item| !item.is_empty()))
            }
        }
    }

    /// Set it to what a file says.
    ///
    /// # Errors
    /// What is wrong with `value`, without what was expected.
    pub fn set_toml(&self, config: &mut Config, value: &DeValue<'_>) -> Result<(), String> {
        match (self, value) {
            (Kind::Whole { .. }, DeValue::Integer(number)) => {
                self.set_whole(config, whole(number)?)
            }
            (Kind::Port { .. }, DeValue::Integer(number)) => self.set_port(config, whole(number)?),
            (Kind::Switch { at }, DeValue::Boolean(on)) => {
                *at(config) = *on;
                Ok(())
            }
            (Kind::Port { at }, DeValue::String(word)) if word == "off" => {
                *at(config) = None;
                Ok(())
            }
            (
                Kind::Choice { .. } | Kind::Text { .. } | Kind::Folder { .. },
                DeValue::String(word),
            ) => self.set_word(config, word),
            (
                Kind::Addresses { .. } | Kind::Networks { .. } | Kind::Texts { .. },
                DeValue::Array(items),
            ) => self.set_list(config, texts(items)?.into_iter()),
            _ => Err(format!("{} is the wrong type", shown(value))),
        }
    }

    /// Set it to a text that stands for it, or a list to its items.
    ///
    /// # Errors
    /// What is wrong with one of them, without what was expected.
    pub fn set_items(&self, config: &mut Config, items: &[String]) -> Result<(), String> {
        match (self, items) {
            (Kind::Addresses { .. } | Kind::Networks { .. } | Kind::Texts { .. }, items) => {
                self.set_list(config, items.iter().map(String::as_str))
            }
            (_, [text]) => self.set_text(config, text),
            (_, items) => Err(format!("{} values are the wrong number", items.len())),
        }
    }

    fn set_whole(&self, config: &mut Config, number: u64) -> Result<(), String> {
        match self {
            Kind::Whole { min, max, at, .. } if (*min..=*max).contains(&number) => {
                *at(config) = number;
                Ok(())
            }
            _ => Err(format!("{number} is out of range")),
        }
    }

    fn set_port(&self, config: &mut Config, number: u64) -> Result<(), String> {
        match (self, u16::try_from(number)) {
            (Kind::Port { at }, Ok(port)) if port != 0 => {
                *at(config) = Some(port);
                Ok(())
            }
            _ => Err(format!("{number} is no port")),
        }
    }

    fn set_word(&self, config: &mut Config, word: &str) -> Result<(), String> {
        match self {
            Kind::Choice { words, set, .. } if words.contains(&word) => set(config, word),
            Kind::Text { at } => *at(config) = checked_text(word)?,
            Kind::Folder { at } if !word.is_empty() => *at(config) = PathBuf::from(word),
            Kind::Folder { .. } => return Err("the path is empty".to_owned()),
            _ => return Err(format!("`{word}` is not known")),
        }
        Ok(())
    }

    fn set_list<'a>(
        &self,
        config: &mut Config,
        items: impl Iterator<Item = &'a str>,
    ) -> Result<(), String> {
        match self {
            Kind::Addresses { at } => {
                let parse = |item: &str| {
                    item.parse()
                        .map_err(|_| format!("`{item}` is no IP address (names are not looked up)"))
                };
                *at(config) = items.map(parse).collect::<Result<_, _>>()?;
            }
            Kind::Networks { at } => {
                *at(config) = items.map(str::parse).collect::<Result<_, _>>()?
            }
            Kind::Texts { at } => {
                let items: Vec<String> = items.map(checked_text).collect::<Result<_, _>>()?;
                if TEXTS_MAX < items.len() {
                    return Err(format!("more than {TEXTS_MAX} texts"));
                }
                *at(config) = items;
            }
            _ => return Err("a list is the wrong type".to_owned()),
        }
        Ok(())
    }

    /// The value in `config`, as TOML.
    pub fn show(&self, config: &Config) -> String {
        let mut config = config.clone();
        match self {
            Kind::Whole { at, .. } => at(&mut config).to_string(),
            Kind::Switch { at } => at(&mut config).to_string(),
            Kind::Port { at } => match at(&mut config) {
                Some(port) => port.to_string(),
                None => "\"off\"".to_owned(),
            },
            Kind::Choice { get, .. } => quoted(get(&config)),
            Kind::Text { at } => quoted(at(&mut config)),
            Kind::Folder { at } => quoted_path(at(&mut config)),
            Kind::Addresses { at } => list(at(&mut config)),
            Kind::Networks { at } => list(at(&mut config)),
            Kind::Texts { at } => list(at(&mut config)),
        }
    }
}

fn checked_text(word: &str) -> Result<String, String> {
    let is_printable = |byte: u8| (b' '..=b'~').contains(&byte);
    if TEXT_BYTES_MAX < word.len() || !word.bytes().all(is_printable) {
        return Err("the text is too long or not printable".to_owned());
    }
    Ok(word.to_owned())
}

fn whole(number: &DeInteger<'_>) -> Result<u64, String> {
    u64::from_str_radix(number.as_str(), number.radix())
        .map_err(|_| format!("{number} is out of range"))
}

fn texts<'a>(items: &'a DeArray<'_>) -> Result<Vec<&'a str>, String> {
    let text = |item: &'a DeValue<'_>| {
        let wrong = || format!("{} in the list is the wrong type", shown(item));
        item.as_str().ok_or_else(wrong)
    };
    items.iter().map(|item| text(item.get_ref())).collect()
}

/// A value for people: short ones as they are, others by their type.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text {}", quoted(text)),
        DeValue::Integer(number) => format!("the whole number {number}"),
        DeValue::Float(number) => format!("the fraction {number}"),
        DeValue::Boolean(on) => format!("{on}"),
        DeValue::Datetime(_) => "a date or time".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

fn list<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(&item.to_string())).collect();
    format!("[{}]", items.join(", "))
}
