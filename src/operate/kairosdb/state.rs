//! How far an import is: a small file, replaced as a whole when a slice is settled.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// The version of the file.
const VERSION: i64 = 2;
/// Metrics that are remembered to be tried again.
pub(super) const FAILED_MAX: usize = 1000;

/// What is copied: an import goes on only with the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) source: String,
    pub(super) target: String,
    /// Patterns of metrics; none is all.
    pub(super) metrics: Vec<String>,
    pub(super) from: i64,
    /// `None` until the import has begun: then it is that time.
    pub(super) until: Option<i64>,
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    /// All metrics in front of this name are done.
    pub(super) metric: String,
    /// Of that metric, all points in front of this time; `None` before the first.
    pub(super) next: Option<i64>,
    /// The first and the last time of its points that were copied and not yet verified.
    pub(super) unverified: Option<(i64, i64)>,
    pub(super) points: u64,
    /// Ranges in which the target has more points.
    pub(super) more: u64,
    /// What was told that is not as it should be, but for failed metrics.
    pub(super) troubles: u64,
    /// Metrics that could not be copied as a whole.
    pub(super) failed: Vec<String>,
}

/// The file.
#[derive(Debug)]
pub(super) struct StateFile(PathBuf);

impl StateFile {
    pub(super) fn new(path: PathBuf) -> StateFile {
        StateFile(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// What it says of `subject`, whose end it knows; `None` if there is no file.
    ///
    /// # Errors
    /// It cannot be read, or is of something else; with what to do.
    pub(super) fn read(&self, subject: &Subject) -> Result<Option<(State, i64)>, String> {
        let shown = self.0.display();
        let text = match fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("cannot read {shown}: {error}")),
        };
        let remedy = "remove it to copy everything anew, or name another file with --state";
        let table: Table = text
            .parse()
            .map_err(|_| format!("{shown} is no state of an import; {remedy}"))?;
        let (state, of) = parse(&table)
            .ok_or_else(|| format!("{shown} is no whole state of an import; {remedy}"))?;
        let until = of.until.unwrap_or(i64::MAX);
        let same_end = subject.until.is_none_or(|wanted| wanted == until);
        let plain = |subject: &Subject| Subject {
            until: None,
            ..subject.clone()
        };
        if !same_end || plain(subject) != plain(&of) {
            return Err(format!(
                "{shown} is the state of another import: from {} to {}, metrics {:?}, times {} to {until}; \
                 {remedy}",
                of.source, of.target, of.metrics, of.from
            ));
        }
        Ok(Some((state, until)))
    }

    /// Put the state there: entirely or not at all.
    pub(super) fn write(&self, subject: &Subject, state: &State) -> Result<(), String> {
        let shown = self.0.display();
        let written = || {
            let mut beside = self.0.clone().into_os_string();
            beside.push(".new");
            let mut file = File::create(&beside)?;
            file.write_all(print(subject, state).as_bytes())?;
            file.sync_data()?;
            fs::rename(&beside, &self.0)
        };
        written().map_err(|error: std::io::Error| {
            format!("cannot write {shown}: {error}. Name another place with --state")
        })
    }

    /// Nothing is left to go on with.
    pub(super) fn remove(&self) -> Result<(), String> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(format!("cannot remove {}: {error}", self.0.display()))
            }
            _ => Ok(()),
        }
    }
}

fn print(subject: &Subject, state: &State) -> String {
    let mut table = Table::new();
    let mut put = |key: &str, value: Value| table.insert(key.to_owned(), value);
    let texts = |list: &[String]| Value::Array(list.iter().cloned().map(Value::String).collect());
    let count = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    put("version", Value::Integer(VERSION));
    put("source", Value::String(subject.source.clone()));
    put("target", Value::String(subject.target.clone()));
    put("metrics", texts(&subject.metrics));
    put("from", Value::Integer(subject.from));
    put("until", Value::Integer(subject.until.unwrap_or(i64::MAX)));
    put("metric", Value::String(state.metric.clone()));
    let (first, last) = state.unverified.unzip();
    for (key, time) in [
        ("next", state.next),
        ("unverified_from", first),
        ("unverified_until", last),
    ] {
        if let Some(time) = time {
            put(key, Value::Integer(time));
        }
    }
    put("points", count(state.points));
    put("more", count(state.more));
    put("troubles", count(state.troubles));
    put("failed", texts(&state.failed));
    format!("# How far an import into corelane is. Removed when it is done.\n{table}")
}

fn parse(table: &Table) -> Option<(State, Subject)> {
    let text = |key: &str| table.get(key)?.as_str().map(str::to_owned);
    let number = |key: &str| table.get(key)?.as_integer();
    let count = |key: &str| number(key).and_then(|number| u64::try_from(number).ok());
    let texts = |key: &str| -> Option<Vec<String>> {
        let list = table.get(key)?.as_array()?.iter();
        list.map(|text| text.as_str().map(str::to_owned)).collect()
    };
    if number("version") != Some(VERSION) {
        return None;
    }
    let subject = Subject {
        source: text("source")?,
        target: text("target")?,
        metrics: texts("metrics")?,
        from: number("from")?,
        until: Some(number("until")?),
    };
    let state = State {
        metric: text("metric")?,
        next: number("next"),
        unverified: number("unverified_from").zip(number("unverified_until")),
        points: count("points")?,
        more: count("more")?,
        troubles: count("troubles")?,
        failed: texts("failed")?,
    };
    Some((state, subject))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Subject {
        Subject {
            source: "http://a:8080".to_owned(),
            target: "http://b:8080".to_owned(),
            metrics: vec!["x\"*".to_owned()],
            from: i64::MIN,
            until: Some(i64::MAX),
        }
    }

    #[test]
    fn a_state_reads_back_and_goes_on_with_the_same_only() {
        let folder = std::env::temp_dir().join(format!("corelane-state-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let file = StateFile::new(folder.join("a.state"));
        assert_eq!(file.read(&subject()), Ok(None));
        let state = State {
            metric: "m\n'\u{e9}".to_owned(),
            next: Some(-5),
            unverified: Some((-7, i64::MAX)),
            points: 7,
            more: 2,
            troubles: 1,
            failed: vec!["f".to_owned()],
        };
        file.write(&subject(), &state).expect("written");
        let read = file.read(&subject()).expect("whole");
        assert_eq!(read, Some((state, i64::MAX)));
        let other = Subject {
            from: 0,
            ..subject()
        };
        assert!(file.read(&other).expect_err("another").contains("--state"));
        fs::write(file.path(), "version = 1").expect("written");
        assert!(file.read(&subject()).is_err());
        file.remove().expect("removed");
        file.remove().expect("nothing to remove");
        fs::remove_dir_all(&folder).expect("removed");
    }
}
