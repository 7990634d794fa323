//! Defaults, file, environment and flags become one configuration: the later wins.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::check::check;
use super::error::{ConfigError, Fault, Origin};
use super::file::{self, FILE_BYTES_MAX};
use super::flags::Typed;
use super::kairosdb::{self, Ignored};
use super::keys::{KEYS, VARIABLE_PREFIX, find};
use super::nearest::nearest;
use super::sections::Config;
use crate::rt;

/// The environment variable that names the file, for want of `--config`.
pub const FILE_VARIABLE: &str = "CORELANE_CONFIG";
/// The one that names a configuration of KairosDB, for want of `--kairosdb-conf`.
pub const KAIROSDB_VARIABLE: &str = "CORELANE_KAIROSDB_CONF";
/// Doors with addresses of their own.
const OWN_LISTEN: [&str; 4] = [
    "doors.graphite_listen",
    "doors.pickle_listen",
    "doors.kairos_telnet_listen",
    "doors.http_listen",
];

/// A configuration, and where each of its values came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// The origin of each key, in the order of [`KEYS`].
    pub origins: Vec<Origin>,
    /// What is odd but no reason not to start; for the log.
    pub warnings: Vec<String>,
    /// What is worth telling, no more; for the log.
    pub notes: Vec<String>,
    /// What a configuration of KairosDB says that does nothing here.
    pub ignored: Vec<Ignored>,
    /// It asks for passwords, which nobody here does: HTTP stays on this machine.
    pub is_guarded: bool,
}

impl Default for Loaded {
    fn default() -> Self {
        Loaded {
            config: Config::default(),
            origins: vec![Origin::Default; KEYS.len()],
            warnings: Vec::new(),
            notes: Vec::new(),
            ignored: Vec::new(),
            is_guarded: false,
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
        // Java's "all addresses" are those of both families, if there are both.
        let is_lenient = |key: &str| self.origin(key).is_some_and(Origin::is_kairosdb);
        rt::Options {
            listen_is_default: !self.is_chosen("listen"),
            ..self.config.runtime_options(is_lenient)
        }
    }

    fn origin(&self, name: &str) -> Option<&Origin> {
        let (at, _) = find(name)?;
        self.origins.get(at)
    }
}

/// What the operator chose, by `typed` flags, by `environment`, by the file that either of them names, and
/// below that by the configuration of a KairosDB; checked as a whole.
///
/// # Errors
/// Everything that is wrong with any of them.
pub fn load(
    typed: &Typed,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, ConfigError> {
    let mut loaded = Loaded::default();
    let mut faults = Vec::new();
    let environment: Vec<(String, String)> = environment.into_iter().collect();
    let ours = environment.iter();
    let ours = ours.filter(|(name, _)| name.starts_with(VARIABLE_PREFIX));
    let ours: Vec<(String, String)> = ours.cloned().collect();
    let replaced = kairosdb_named(typed, &ours);
    kairosdb::apply(&replaced, &environment, &mut loaded, &mut faults);
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
    listen_as_chosen(&mut loaded);
    if faults.is_empty() {
        check(&loaded, &mut faults);
    }
    if !replaced.is_empty() {
        tell_kairosdb(&mut loaded);
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

/// The configurations of a KairosDB.
fn kairosdb_named(typed: &Typed, ours: &[(String, String)]) -> Vec<kairosdb::Named> {
    if !typed.kairosdb.is_empty() {
        let flag = Origin::Flag("--kairosdb-conf".to_owned());
        let files = typed.kairosdb.iter();
        return files.map(|path| (path.clone(), flag.clone())).collect();
    }
    let named = ours.iter().find(|(name, _)| name == KAIROSDB_VARIABLE);
    let file = |(name, path): &(String, String)| (path.into(), Origin::Environment(name.clone()));
    named.map(file).into_iter().collect()
}

/// Whoever chooses where all doors listen does not mean all but those of KairosDB's configuration.
fn listen_as_chosen(loaded: &mut Loaded) {
    if !loaded.is_chosen("listen") {
        return;
    }
    for (at, key) in OWN_LISTEN.iter().filter_map(|name| find(name)) {
        let is_kept = loaded.is_guarded && key.name == "doors.http_listen";
        if loaded.origins[at].is_kairosdb() && !is_kept {
            // An empty list can always be set.
            let _ = key.kind.set_items(&mut loaded.config, &[]);
            loaded.origins[at] = Origin::Default;
        }
    }
}

/// Tell what came of a configuration of KairosDB, and aloud what it opens.
fn tell_kairosdb(loaded: &mut Loaded) {
    let taken = loaded.origins.iter();
    let taken = taken
        .filter(|origin| matches!(origin, Origin::KairosDb { .. }))
        .count();
    let ignored = loaded.ignored.len();
    loaded.notes.push(format!(
        "KairosDB's configuration: it sets {taken} keys, and {ignored} of its settings do nothing here; \
         --print-config shows all"
    ));
    let (warnings, notes) = kairosdb::told(&loaded.ignored);
    loaded.warnings.extend(warnings);
    loaded.notes.extend(notes);
    let config = &loaded.config;
    let doors = config.addresses().into_iter();
    let open = doors.filter(|(_, address)| address.ip().is_unspecified());
    let open: Vec<String> = open
        .map(|(door, address)| format!("{} {address}", door.label()))
        .collect();
    if !open.is_empty() {
        loaded.warnings.push(format!(
            "as KairosDB, it listens on all addresses of the machine: {}; whoever reaches them can write, \
             and by HTTP read and delete; --listen 127.0.0.1 keeps it to this machine",
            open.join(", ")
        ));
    }
}

fn read(path: &Path) -> Result<String, String> {
    String::from_utf8(read_file(path)?).map_err(|_| {
        format!(
            "{} is not UTF-8 text; is it the right file?",
            path.display()
        )
    })
}

/// The bytes of a file, which is not read beyond what it may have.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path);
    let read = file.and_then(|file| file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|error| format!("cannot read {shown}: {error}; name a file that can be read"))?;
    match bytes.len() <= FILE_BYTES_MAX {
        true => Ok(bytes),
        false => Err(format!(
            "{shown} is longer than {FILE_BYTES_MAX} bytes; is it the right file?"
        )),
    }
}

/// A variable that nearly has a known name is a slip of the keyboard; any other may be somebody
/// else's (container platforms make some from the names of services).
fn apply_variable(name: &str, text: &str, loaded: &mut Loaded, faults: &mut Vec<Fault>) {
    if name == FILE_VARIABLE || name == KAIROSDB_VARIABLE {
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
