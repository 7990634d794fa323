//! The configuration of a KairosDB whose place corelane takes (`--kairosdb-conf`).
//!
//! Takes its files, `kairosdb.properties` of 1.0 to 1.2 or `kairosdb.conf` of 1.3, those of plugins beside
//! them, and the environment as KairosDB goes by it; sets what we have too, as KairosDB would do it with
//! those files, and lists all that is ignored, each with a [`Reason`]. Values come in below those of our own
//! file, so that whatever is said there goes before. Its limits: files of 1 MiB, [`SETTINGS_MAX`] settings,
//! keys of [`KEY_BYTES_MAX`](setting::KEY_BYTES_MAX).
//! Does not know what our keys mean beyond their names. Its test truth are the files that KairosDB ships,
//! read in `tests/clients`.

mod beside;
mod convert;
pub mod hocon;
pub mod properties;
mod reasons;
mod rules;
mod schedule;
pub mod setting;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use self::convert::{Converted, converted, is_on};
pub use self::reasons::{Ignored, Reason, told};
use self::rules::{How, RULES, Rule, What, When, find};
use self::setting::{SETTINGS_MAX, Setting, Value, Wrong, shown, too_many};
use super::error::{Fault, Origin};
use super::keys;
use super::load::{Loaded, read_file};
use super::nearest::nearest;

/// Letters of a key that is compared with those that there are.
const NEAR_CHARS_MAX: usize = 100;
/// What its keys begin with.
const PREFIX: &str = "kairosdb.";
/// Where HTTP listens that KairosDB would answer only to those with a password.
const GUARDED: [&str; 2] = ["127.0.0.1", "::1"];

/// All settings, by their whole keys.
type Settings = BTreeMap<String, (Setting, Origin)>;

/// A file as it was named, and by what.
pub(super) type Named = (PathBuf, Origin);

/// Put what the `files`, the later over the earlier, and the `environment` say into `loaded`, and what is
/// wrong with them into `faults`.
pub(super) fn apply(
    files: &[Named],
    environment: &[(String, String)],
    loaded: &mut Loaded,
    faults: &mut Vec<Fault>,
) {
    let Some((first, named_by)) = files.first() else {
        return;
    };
    let (mut settings, before) = (Settings::new(), faults.len());
    for named in files {
        if let Err(fault) = read(named, environment, &mut settings, loaded) {
            faults.push(fault);
        }
    }
    let fault = |text: String| Fault {
        origin: named_by.clone(),
        text,
    };
    if faults.len() == before && !settings.keys().any(|key| key.starts_with(PREFIX)) {
        let shown = first.display();
        faults.push(fault(format!(
            "{shown} has no key of KairosDB; is it the right file?"
        )));
    }
    if SETTINGS_MAX < settings.len() {
        faults.push(fault(too_many()));
    }
    if before < faults.len() {
        return;
    }
    override_by(environment, &mut settings);
    let given = Given::new(settings);
    given.take(loaded, faults);
    given.behave_as_version(first, loaded);
    given.list(loaded);
    loaded
        .warnings
        .extend(beside::unread(files).into_iter().map(|path| {
        let path = path.display();
        format!(
            "KairosDB would read {path}, too; give it with another --kairosdb-conf, or move it away"
        )
    }));
}

/// The settings of one file.
fn read(
    (path, named_by): &Named,
    environment: &[(String, String)],
    settings: &mut Settings,
    loaded: &mut Loaded,
) -> Result<(), Fault> {
    let fault = |text: String| Fault {
        origin: named_by.clone(),
        text,
    };
    let at = |line: usize| Origin::KairosDb {
        path: path.clone(),
        line,
    };
    let wrong = |wrong: Wrong| Fault {
        origin: at(wrong.line),
        text: wrong.text,
    };
    let shown = path.display();
    let bytes = read_file(path).map_err(fault)?;
    let found = if has_extension(path, "properties") {
        properties::read(&bytes).map_err(wrong)?
    } else if has_extension(path, "conf") {
        let text = String::from_utf8(bytes)
            .ok()
            .filter(|text| !text.contains('\0'));
        let unread = || fault(format!("{shown} is not UTF-8 text; is it the right file?"));
        let text = text.ok_or_else(unread)?;
        let read =
            hocon::read(&text, &|path| beyond(path, settings, environment)).map_err(wrong)?;
        loaded
            .ignored
            .extend(read.includes.into_iter().map(|(named, line)| Ignored {
                key: format!("include {named}"),
                origin: at(line),
                reason: Reason::Include,
            }));
        read.settings
    } else {
        return Err(fault(format!(
            "{shown} ends neither with .conf, as the configuration of KairosDB 1.3, nor with .properties, as \
             that of 1.0 to 1.2"
        )));
    };
    for setting in found {
        let origin = at(setting.line);
        match setting.value {
            Value::Null => settings.remove(&setting.key),
            _ => settings.insert(setting.key.clone(), (setting, origin)),
        };
    }
    Ok(())
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
}

/// What a substitution stands for that its own file does not have.
fn beyond(path: &str, settings: &Settings, environment: &[(String, String)]) -> Option<String> {
    if let Some((setting, _)) = settings.get(path) {
        return setting.value.text().map(str::to_owned);
    }
    if let Some((_, value)) = environment.iter().find(|(name, _)| name == path) {
        return Some(value.clone());
    }
    find(path.strip_prefix(PREFIX)?)?.shipped.map(str::to_owned)
}

/// A variable goes before the key whose name it has.
fn override_by(environment: &[(String, String)], settings: &mut Settings) {
    let known = RULES.iter().map(|rule| format!("{PREFIX}{}", rule.key));
    let known = known.filter(|key| !key.ends_with('*'));
    let all: Vec<String> = known.chain(settings.keys().cloned()).collect();
    for key in all {
        let name = key.to_uppercase().replace('.', "_");
        if let Some((_, text)) = environment.iter().find(|(known, _)| *known == name) {
            let (value, line) = (Value::Text(text.clone()), 0);
            let setting = Setting {
                key: key.clone(),
                value,
                line,
            };
            settings.insert(key, (setting, Origin::KairosDbEnvironment(name)));
        }
    }
}

/// What is said, and what it switches on.
struct Given {
    settings: Settings,
    has_carbon: bool,
    /// Our name of it.
    tag_parser: String,
}

impl Given {
    fn new(settings: Settings) -> Given {
        let text = |key: &str| {
            let (setting, _) = settings.get(&format!("{PREFIX}{key}"))?;
            setting.value.text()
        };
        let has_carbon = text("service.carbon").is_some_and(is_on);
        let class = text("carbon.tagparser").or_else(|| text("carbon.tag_parser"));
        let tag_parser = class.map_or_else(|| Ok("host"), convert::tag_parser);
        Given {
            has_carbon,
            tag_parser: tag_parser.unwrap_or_default().to_owned(),
            settings,
        }
    }

    fn counts(&self, rule: &Rule) -> bool {
        match rule.when {
            When::Always => true,
            When::Carbon => self.has_carbon,
            When::Parser(parser) => self.has_carbon && self.tag_parser == parser,
        }
    }

    /// Set what we have too.
    fn take(&self, loaded: &mut Loaded, faults: &mut Vec<Fault>) {
        for rule in RULES.iter().filter(|rule| self.counts(rule)) {
            let What::Take(to, how) = rule.what else {
                continue;
            };
            if how == How::Tags {
                self.take_all(rule, to, loaded, faults);
            } else if let Some((setting, origin)) = self.said(rule) {
                for to in to {
                    set(to, &[&setting], how, &origin, loaded, faults);
                }
            }
        }
        if let Some(origin) = self.guard() {
            loaded.is_guarded = true;
            let guarded = GUARDED.map(str::to_owned);
            set_items(
                "doors.http_listen",
                "HTTP",
                &guarded,
                &origin,
                loaded,
                faults,
            );
        }
    }

    /// What is said of the key of a rule, by itself or by KairosDB.
    fn said(&self, rule: &Rule) -> Option<(Setting, Origin)> {
        let key = format!("{PREFIX}{}", rule.key);
        if let Some(said) = self.settings.get(&key) {
            return Some(said.clone());
        }
        let value = Value::Text(rule.shipped?.to_owned());
        let setting = Setting {
            key,
            value,
            line: 0,
        };
        Some((setting, Origin::KairosDbDefault))
    }

    /// Every key below becomes an item of one list.
    fn take_all(&self, rule: &Rule, to: &[&str], loaded: &mut Loaded, faults: &mut Vec<Fault>) {
        let here = |key: &str| {
            let found = key.strip_prefix(PREFIX).and_then(find);
            found.is_some_and(|found| std::ptr::eq(found, rule))
        };
        let all = self.settings.iter().filter(|(key, _)| here(key));
        let all: Vec<&(Setting, Origin)> = all.map(|(_, said)| said).collect();
        if let (Some((_, origin)), What::Take(_, how)) = (all.first(), &rule.what) {
            let settings: Vec<&Setting> = all.iter().map(|(setting, _)| setting).collect();
            for to in to {
                set(to, &settings, *how, origin, loaded, faults);
            }
        }
    }

    /// Where it is said that only some may ask, if it is.
    fn guard(&self) -> Option<Origin> {
        let mut all = self.settings.iter();
        let guards = all.find(|(key, (setting, _))| {
            let rule = key.strip_prefix(PREFIX).and_then(find);
            let text = setting.value.text().unwrap_or_default();
            rule.is_some_and(|rule| matches!(rule.what, What::Guard(_))) && is_on(text)
        });
        guards.map(|(_, (_, origin))| origin.clone())
    }

    /// What no key says: KairosDB has no HTTP at its telnet door, and before 1.3 it did not align.
    fn behave_as_version(&self, first: &Path, loaded: &mut Loaded) {
        let mut be = |name: &str, to: fn(&mut super::Config)| {
            if let Some((at, _)) = keys::find(name) {
                to(&mut loaded.config);
                loaded.origins[at] = Origin::KairosDbDefault;
            }
        };
        be("telnet.http", |config| config.telnet.http = false);
        let clusters =
            |key: &String| key.starts_with("kairosdb.datastore.cassandra.write_cluster.");
        if has_extension(first, "properties") && !self.settings.keys().any(clusters) {
            be("kairosdb.align_sampling", |config| {
                config.kairosdb.align_sampling = false
            });
        }
    }

    /// List what is ignored, with its reasons.
    fn list(&self, loaded: &mut Loaded) {
        for (key, (setting, origin)) in &self.settings {
            if let Some(reason) = self.reason(key, &setting.value) {
                let (key, origin) = (key.clone(), origin.clone());
                loaded.ignored.push(Ignored {
                    key,
                    origin,
                    reason,
                });
            }
        }
    }

    /// Why a key is ignored, if it is.
    fn reason(&self, key: &str, value: &Value) -> Option<Reason> {
        let Some(bare) = key.strip_prefix(PREFIX) else {
            return Some(Reason::Foreign);
        };
        let Some(rule) = find(bare) else {
            let known = RULES.iter().map(|rule| rule.key);
            let known = known.filter(|_| bare.len() <= NEAR_CHARS_MAX);
            return Some(Reason::Unknown(nearest(bare, known)));
        };
        match &rule.what {
            What::Take(..) if self.counts(rule) => None,
            What::Take(..) => Some(Reason::Off),
            What::Ignore(reason) => Some(reason.clone()),
            What::Unless(harmless, instead) => {
                let is_harmless = match value {
                    Value::Text(text) => harmless.contains(&text.trim()),
                    Value::List(items) => items.is_empty(),
                    Value::Null => true,
                };
                Some(if is_harmless {
                    Reason::Same
                } else {
                    Reason::Unsupported(instead)
                })
            }
            What::Guard(instead) => match value.text().is_some_and(is_on) {
                true => Some(Reason::Unsupported(instead)),
                false => Some(Reason::Same),
            },
        }
    }
}

/// Set one key of ours to what `settings` come to.
fn set(
    to: &str,
    settings: &[&Setting],
    how: How,
    origin: &Origin,
    loaded: &mut Loaded,
    faults: &mut Vec<Fault>,
) {
    let Some((_, key)) = keys::find(to) else {
        return;
    };
    let mut items: Option<Vec<String>> = None;
    for setting in settings {
        let name = shown(&setting.key);
        match converted(how, setting, &key.kind) {
            Ok(Converted { items: more, note }) => {
                if let Some(more) = more {
                    items.get_or_insert_default().extend(more);
                }
                if let Some(note) = note {
                    loaded.warnings.push(format!("{origin}: `{name}`: {note}"));
                }
            }
            Err(wrong) => {
                let expected = key.kind.expected();
                let text = format!("`{name}`: {wrong}; expected {expected}");
                return faults.push(Fault {
                    origin: origin.clone(),
                    text,
                });
            }
        }
    }
    if let (Some(items), Some(first)) = (items, settings.first()) {
        set_items(to, &shown(&first.key), &items, origin, loaded, faults);
    }
}

/// Set one key of ours, for the sake of one that is called `name`.
fn set_items(
    to: &str,
    name: &str,
    items: &[String],
    origin: &Origin,
    loaded: &mut Loaded,
    faults: &mut Vec<Fault>,
) {
    let Some((at, key)) = keys::find(to) else {
        return;
    };
    match key.kind.set_items(&mut loaded.config, items) {
        Ok(()) => loaded.origins[at] = origin.clone(),
        Err(wrong) => faults.push(Fault {
            origin: origin.clone(),
            text: format!("`{name}`: {wrong}; expected {}", key.kind.expected()),
        }),
    }
}
