//! Defaults, file, environment and flags become one configuration: the later wins.

use std::path::{Path, PathBuf};

use super::check::check;
use super::error::{ConfigError, Fault, Origin};
use super::file::{self, FILE_BYTES_MAX};
use super::flags::Typed;
use super::keys::{KEYS, VARIABLE_PREFIX, find};
use super::nearest::nearest;
use super::sections::Config;
use crate::rt;

/// The environment variable that names the file, for want of `--config`.
pub const FILE_VARIABLE: &str = "CORELANE_CONFIG";

/// A configuration, and where each of its values came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// The origin of each key, in the order of [`KEYS`].
    pub origins: Vec<Origin>,
    /// What is odd but no reason not to start; for the log.
    pub warnings: Vec<String>,
}

impl Default for Loaded {
    fn default() -> Self {
        Loaded {
            config: Config::default(),
            origins: vec![Origin::Default; KEYS.len()],
            warnings: Vec::new(),
        }
    }
}

impl Loaded {
    /// Whether somebody chose the value of the key `name`; otherwise it is the default.
    pub fn is_chosen(&self, name: &str) -> bool {
        find(name).is_some_and(|(at, _)| self.origins[at] != Origin::Default)
    }

    /// What the runtime is told.
    pub fn runtime_options(&self) -> rt::Options {
        rt::Options {
            listen_is_default: !self.is_chosen("listen"),
            ..self.config.runtime_options()
        }
    }
}

/// What the operator chose, by `typed` flags, by `environment`, and by the file that either of them
/// names; checked as a whole.
///
/// # Errors
/// Everything that is wrong with any of them.
pub fn load(
    typed: &Typed,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, ConfigError> {
    let mut loaded = Loaded::default();
    let mut faults = Vec::new();
    let ours: Vec<(String, String)> = environment
        .into_iter()
        .filter(|(name, _)| name.starts_with(VARIABLE_PREFIX))
        .collect();
    if let Some((path, origin)) = file_named(typed, &ours) {
        match read(&path) {
            Ok(text) => file::apply(&path, &text, &mut loaded, &mut faults),
            Err(text) => faults.push(Fault { origin, text }),
        }
    }
    for (name, text) in &ours {
        apply_variable(name, text, &mut loaded, &mut faults);
    }
    for (at, text) in &typed.values {
        let flag = format!("--{}", KEYS[*at].flag.unwrap_or_default());
        apply_text(*at, text, Origin::Flag(flag), &mut loaded, &mut faults);
    }
    if faults.is_empty() {
        check(&loaded, &mut faults);
    }
    if faults.is_empty() {
        Ok(loaded)
    } else {
        Err(ConfigError { faults })
    }
}

fn file_named(typed: &Typed, ours: &[(String, String)]) -> Option<(PathBuf, Origin)> {
    if let Some(path) = &typed.file {
        return Some((path.clone(), Origin::Flag("--config".to_owned())));
    }
    let (name, path) = ours.iter().find(|(name, _)| name == FILE_VARIABLE)?;
    Some((PathBuf::from(path), Origin::Environment(name.clone())))
}

fn read(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let bytes = std::fs::read(path)
        .map_err(|error| format!("cannot read {shown}: {error}; name a file that can be read"))?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(format!(
            "{shown} is longer than {FILE_BYTES_MAX} bytes; is it the right file?"
        ));
    }
    String::from_utf8(bytes)
        .map_err(|_| format!("{shown} is not UTF-8 text; is it the right file?"))
}

/// A variable that nearly has a known name is a slip of the keyboard; any other may be somebody
/// else's (container platforms make some from the names of services).
fn apply_variable(name: &str, text: &str, loaded: &mut Loaded, faults: &mut Vec<Fault>) {
    if name == FILE_VARIABLE {
        return;
    }
    let origin = Origin::Environment(name.to_owned());
    let known: Vec<String> = KEYS.iter().map(|key| key.variable()).collect();
    if let Some(at) = known.iter().position(|known| known == name) {
        return apply_text(at, text, origin, loaded, faults);
    }
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => faults.push(Fault {
            origin,
            text: format!("no key has this variable; did you mean {near}?"),
        }),
        None => loaded.warnings.push(format!(
            "{origin} is not known to corelane and does nothing"
        )),
    }
}

fn apply_text(at: usize, text: &str, origin: Origin, loaded: &mut Loaded, faults: &mut Vec<Fault>) {
    let key = &KEYS[at];
    match key.kind.set_text(&mut loaded.config, text) {
        Ok(()) => loaded.origins[at] = origin,
        Err(wrong) => faults.push(Fault {
            origin,
            text: format!("`{}`: {wrong}; expected {}", key.name, key.kind.expected()),
        }),
    }
}
