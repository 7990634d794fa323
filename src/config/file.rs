//! A configuration file: TOML whose every key is known.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Fault, Origin};
use super::keys::{KEYS, SECTIONS, find};
use super::load::Loaded;
use super::nearest::nearest;

/// Bytes of a configuration file.
pub const FILE_BYTES_MAX: usize = 1 << 20;

/// Put what the `text` of the file at `path` says into `loaded`, and what is wrong with it into
/// `faults`.
pub(super) fn apply(path: &Path, text: &str, loaded: &mut Loaded, faults: &mut Vec<Fault>) {
    let mut reader = Reader { path, text };
    match DeTable::parse(text) {
        Ok(table) => reader.root(table.get_ref(), loaded, faults),
        Err(error) => faults.push(Fault {
            origin: reader.at(error.span().map_or(0, |span| span.start)),
            text: format!("this is not TOML: {}", error.message()),
        }),
    }
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn at(&self, byte: usize) -> Origin {
        let before = &self.text.as_bytes()[..byte.min(self.text.len())];
        Origin::File {
            path: self.path.to_owned(),
            line: 1 + before.iter().filter(|&&byte| byte == b'\n').count(),
        }
    }

    fn root(&mut self, table: &DeTable<'_>, loaded: &mut Loaded, faults: &mut Vec<Fault>) {
        for (name, value) in in_order(table) {
            let origin = self.at(name.span().start);
            let word = name.get_ref();
            let known_section = SECTIONS.iter().any(|(section, _)| section == word);
            match value.get_ref() {
                DeValue::Table(section) if known_section => {
                    for (key, value) in in_order(section) {
                        let full = format!("{word}.{}", key.get_ref());
                        self.key(&full, self.at(key.span().start), value, loaded, faults);
                    }
                }
                _ if known_section => faults.push(Fault {
                    origin,
                    text: format!("`{word}` is a section; write [{word}] and its keys below it"),
                }),
                DeValue::Table(_) if find(word).is_none() => faults.push(Fault {
                    origin,
                    text: unknown_section(word),
                }),
                _ => self.key(word, origin, value, loaded, faults),
            }
        }
    }

    fn key(
        &self,
        name: &str,
        origin: Origin,
        value: &Spanned<DeValue<'_>>,
        loaded: &mut Loaded,
        faults: &mut Vec<Fault>,
    ) {
        let Some((at, key)) = find(name) else {
            let text = unknown_key(name);
            return faults.push(Fault { origin, text });
        };
        match key.kind.set_toml(&mut loaded.config, value.get_ref()) {
            Ok(()) => loaded.origins[at] = origin,
            Err(wrong) => faults.push(Fault {
                origin,
                text: format!("`{name}`: {wrong}; expected {}", key.kind.expected()),
            }),
        }
    }
}

/// The entries of a table in the order they were written, so that faults come in that order.
fn in_order<'a, 'i>(
    table: &'a DeTable<'i>,
) -> Vec<(
    &'a Spanned<std::borrow::Cow<'i, str>>,
    &'a Spanned<DeValue<'i>>,
)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

fn unknown_section(word: &str) -> String {
    let listed: Vec<&str> = SECTIONS.iter().map(|(section, _)| *section).collect();
    match nearest(word, listed.iter().copied()) {
        Some(near) => format!("there is no section [{word}]; did you mean [{near}]?"),
        None => format!(
            "there is no section [{word}]; there are {}",
            listed.join(", ")
        ),
    }
}

/// Tell that no key has the full name `name`, and which one was meant: the nearest of its section,
/// else a key of that name elsewhere, else the nearest of all.
pub(super) fn unknown_key(name: &str) -> String {
    let (section, bare) = name.rsplit_once('.').unwrap_or(("", name));
    let own = KEYS.iter().filter(|key| key.section() == section);
    let own = || own.clone().map(|key| key.name);
    let elsewhere = || {
        KEYS.iter()
            .find(|key| key.bare() == bare)
            .map(|key| key.name)
    };
    let of_all = || nearest(name, KEYS.iter().map(|key| key.name));
    let near_bare = || {
        let near = nearest(bare, KEYS.iter().map(|key| key.bare()))?;
        KEYS.iter()
            .find(|key| key.bare() == near)
            .map(|key| key.name)
    };
    let begun = || own().find(|known| known.starts_with(name));
    let meant = begun()
        .or_else(elsewhere)
        .or_else(|| nearest(name, own()))
        .or_else(of_all)
        .or_else(near_bare);
    match meant {
        Some(near) => format!("there is no key `{name}`; did you mean `{near}`?"),
        None => format!("there is no key `{name}`"),
    }
}
