//! Names of log files: `log/SSS-NNNNNN.log`, by shard and number. A number is used once.

use std::collections::HashSet;
use std::sync::Arc;

use crate::seam::disk::Request;
use crate::store::quarantine;

/// Where log files are, below the data folder.
pub const FOLDER: &str = "log";

/// The path of file `number` of a shard.
pub fn path(shard: u16, number: u32) -> Arc<str> {
    format!("{FOLDER}/{shard:03}-{number:06}.log").into()
}

/// Where nothing reads a file that is damaged, beside those that are there. Numbers of files may come again,
/// so the last block is part of its name there.
pub(super) fn aside(name: &str, last_sequence: u64, taken: &HashSet<String>) -> Arc<str> {
    let plain = name.rsplit('/').next().unwrap_or(name);
    let plain = plain.strip_suffix(".log").unwrap_or(plain);
    quarantine::place(taken, &format!("{plain}-{last_sequence}"), "log").into()
}

/// How a file leaves: to that place, or for good.
pub(super) fn farewell(name: Arc<str>, aside: Option<Arc<str>>) -> Request {
    match aside {
        Some(to) => Request::Rename { from: name, to },
        None => Request::Remove { name },
    }
}

/// Shard and number of a file in [`FOLDER`], if its name is one of a log file.
pub fn parse(name: &str) -> Option<(u16, u32)> {
    let (shard, number) = name.strip_suffix(".log")?.split_once('-')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if shard.len() < 3 || number.len() < 6 || !digits(shard) || !digits(number) {
        return None;
    }
    let found = (shard.parse().ok()?, number.parse().ok()?);
    path(found.0, found.1).ends_with(name).then_some(found)
}

/// The shards that have files among `names` in [`FOLDER`], in order.
pub fn shards<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<u16> {
    let found = names.into_iter().filter_map(|name| Some(parse(name)?.0));
    let shards: std::collections::BTreeSet<u16> = found.collect();
    shards.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        assert_eq!(&*path(7, 42), "log/007-000042.log");
        for (shard, number) in [(0, 0), (7, 42), (1234, 4_000_000_000)] {
            let name = path(shard, number);
            assert_eq!(parse(&name["log/".len()..]), Some((shard, number)));
        }
        for bad in [
            "",
            "007-000042",
            "07-000042.log",
            "0007-000042.log",
            "x.log",
            "007-+00042.log",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(
            shards(["002-000001.log", "x", "000-000009.log", "002-000003.log"]),
            [0, 2]
        );
    }
}
