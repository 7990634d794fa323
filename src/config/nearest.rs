//! The known name that a misspelt one most likely meant.

/// The name of `known` that is fewest edits away from `wrong`, if that is near enough to be worth
/// mentioning: at most a third of the longer name's letters, and at least two. The first of equals.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best: Option<(usize, &str)> = None;
    for name in known {
        let edits = edits_between(wrong, name);
        let near = edits <= (wrong.chars().count().max(name.chars().count()) / 3).max(2);
        if near && best.is_none_or(|(fewest, _)| edits < fewest) {
            best = Some((edits, name));
        }
    }
    best.map(|(_, name)| name)
}

/// How many letters must be put in, taken out or replaced to make one name of the other
/// (Levenshtein's distance, one row at a time).
pub fn edits_between(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (taken, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = taken + 1;
        for (at, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        let check = |from, to, want| {
            assert_eq!(edits_between(from, to), want, "{from} {to}");
            assert_eq!(edits_between(to, from), want, "{to} {from}");
        };
        check("", "", 0);
        check("", "abc", 3);
        check("kitten", "sitting", 3);
        check("gather_ms", "gahter_ms", 2);
    }

    #[test]
    fn only_near_names_are_offered() {
        let known = ["ingest.gather_ms", "ingest.connections_max", "shards"];
        assert_eq!(nearest("ingest.gather", known), Some("ingest.gather_ms"));
        assert_eq!(nearest("shard", known), Some("shards"));
        assert_eq!(nearest("entirely_different", known), None);
    }
}
