//! The tree tests itself: layers, safety, letters that stand for unfinished work, files nobody
//! reaches, links that lead nowhere. Each message names the better way.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first. A module may use itself and the modules of lower layers.
const LAYERS: &[&[&str]] = &[
    &["base"],
    &["simd", "seam"],
    &["model"],
    &["wire", "index", "store", "access"],
    &["query"],
    &["shard"],
    &["http"],
];

/// May use everything.
const TOP: &[&str] = &["config", "operate", "rt", "main", "lib"];

/// Crates that bind to a way of waiting, and who may name them.
const RUNTIMES: &[&str] = &["glommio", "tokio"];
const MAY_NAME_RUNTIMES: &[&str] = &["rt"];
const MAY_BE_UNSAFE: &[&str] = &["simd", "rt"];

/// `(file, the line without its indent, why it cannot fail)`: the only lines of `src`, tests aside,
/// that may end the process for want of a value.
const MAY_EXPECT: &[(&str, &str, &str)] = &[];

const COLUMNS_MAX: usize = 110;

/// One file: its path from the root of the project, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn is(&self, extension: &str) -> bool {
        self.path
            .rsplit_once('.')
            .is_some_and(|(_, own)| own == extension)
    }

    fn inside_src(&self) -> &str {
        self.path.strip_prefix("src/").unwrap_or(&self.path)
    }

    /// The first module below `src`, such as `wire`; `lib` or `main` for those files.
    fn module(&self) -> &str {
        let first = self.inside_src().split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// How many `super::` lead from this file to the root of the crate.
    fn depth(&self) -> usize {
        let inside = self.inside_src();
        let parts = inside.split('/').count();
        let is_folder = ["mod.rs", "lib.rs", "main.rs"]
            .iter()
            .any(|name| inside.rsplit('/').next() == Some(name));
        parts - usize::from(is_folder)
    }
}

// ---- Reading Rust just well enough ---------------------------------------------------------

/// `text` with comments, and strings and characters, blanked letter for letter.
fn code_of(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        let rest = &letters[at..];
        let before = at.checked_sub(1).map(|before| letters[before]);
        match end_of_comment(rest).or_else(|| end_of_text(rest, before)) {
            Some(length) => {
                code.extend(rest[..length].iter().map(|&letter| blank(letter)));
                at += length;
            }
            None => {
                code.push(letter);
                at += 1;
            }
        }
    }
    code
}

fn blank(letter: char) -> char {
    if letter == '\n' { '\n' } else { ' ' }
}

fn end_of_comment(rest: &[char]) -> Option<usize> {
    if rest.starts_with(&['/', '/']) {
        return Some(rest.iter().position(|&c| c == '\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with(&['/', '*']) {
        return None;
    }
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match (rest[at], rest.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    Some(rest.len())
}

/// Where a string or character that begins here ends; `None` if none begins (a lifetime is none).
fn end_of_text(rest: &[char], before: Option<char>) -> Option<usize> {
    match rest[0] {
        '"' => Some(end_of_quoted(rest, '"')),
        'r' if before == Some('b') || !before.is_some_and(is_word_part) => end_of_raw(rest),
        '\'' => match (rest.get(1), rest.get(2)) {
            (Some('\\'), _) => Some(end_of_quoted(rest, '\'')),
            (Some(_), Some('\'')) => Some(3),
            _ => None,
        },
        _ => None,
    }
}

fn end_of_quoted(rest: &[char], close: char) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            letter if letter == close => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn end_of_raw(rest: &[char]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|&&c| c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return None;
    }
    let mut close = vec!['"'];
    close.extend(std::iter::repeat_n('#', hashes));
    let body = &rest[2 + hashes..];
    let length = body.windows(close.len()).position(|window| window == close);
    Some(length.map_or(rest.len(), |length| 2 + hashes + length + close.len()))
}

/// `code` with the items below `#[cfg(test)]` blanked.
fn without_tests(code: &str) -> String {
    let mut left = code.to_owned();
    let mut from = 0;
    while let Some(found) = left[from..].find("#[cfg(test)]") {
        let start = from + found;
        let end = end_of_item(&left[start..]).map_or(left.len(), |length| start + length);
        let blanked: String = left[start..end].chars().map(blank).collect();
        left.replace_range(start..end, &blanked);
        from = start + blanked.len();
    }
    left
}

fn end_of_item(item: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, letter) in item.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(letter, '}' | ';') {
            return Some(at + 1);
        }
    }
    None
}

fn is_word_part(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(is_word_part) && !after.is_some_and(is_word_part)
    })
}

/// `(line, module)` for each path from the root of the crate: `crate::a`, `crate::{a::b, c}`, and
/// as many `super::` as the file is deep.
fn modules_used(code: &str, depth: usize) -> Vec<(usize, String)> {
    let mut starts = vec!["crate::".to_owned()];
    if depth > 0 {
        starts.push("super::".repeat(depth));
    }
    let mut used = Vec::new();
    for start in starts {
        for (at, _) in code.match_indices(&start) {
            if !code[..at].ends_with(|letter| is_word_part(letter) || letter == '$') {
                let line = 1 + code[..at].matches('\n').count();
                let names = first_names(&code[at + start.len()..]);
                used.extend(names.into_iter().map(|name| (line, name)));
            }
        }
    }
    used
}

fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        let letters = text.trim_start().chars();
        letters.take_while(|&letter| is_word_part(letter)).collect()
    };
    let Some(group) = path.strip_prefix('{') else {
        return vec![name(path)];
    };
    let (mut depth, mut start, mut names) = (0, 0, Vec::new());
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(name(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
        if letter == '}' && start == at + 1 {
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

// ---- The rules -----------------------------------------------------------------------------

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn check_layers(source: &Source, code: &str, faults: &mut Vec<String>) {
    let (path, from) = (&source.path, source.module());
    if TOP.contains(&from) {
        return;
    }
    let Some(own) = layer_of(from) else {
        return faults.push(format!(
            "{path}: `{from}` has no layer; give it one in tests/tidy.rs"
        ));
    };
    for (line, to) in modules_used(code, source.depth()) {
        let is_module = layer_of(&to).is_some() || TOP.contains(&to.as_str());
        let is_below = layer_of(&to).is_some_and(|layer| layer < own);
        if is_module && to != from && !is_below {
            let place = if layer_of(&to) == Some(own) {
                "beside"
            } else {
                "below"
            };
            faults.push(format!(
                "{path}:{line}: `{from}` sits {place} `{to}` and may not use it; pass the value in from \
                 a layer above both, or move down what both need"
            ));
        }
    }
}

fn check_runtimes(source: &Source, code: &str, faults: &mut Vec<String>) {
    if MAY_NAME_RUNTIMES.contains(&source.module()) {
        return;
    }
    for (line, text) in code.lines().enumerate() {
        for runtime in RUNTIMES.iter().filter(|runtime| has_word(text, runtime)) {
            faults.push(format!(
                "{}:{}: only `rt` names {runtime}; ask for it behind a seam (clock, disk, post)",
                source.path,
                line + 1
            ));
        }
    }
}

fn check_unsafe(source: &Source, code: &str, faults: &mut Vec<String>) {
    let path = &source.path;
    let may = MAY_BE_UNSAFE.contains(&source.module());
    // What heads a module holds for all modules inside of it.
    let heads = path == &format!("src/{}/mod.rs", source.module());
    if !may && heads && !code.contains("#![forbid(unsafe_code)]") {
        faults.push(format!("{path}: head it with #![forbid(unsafe_code)]"));
    }
    let lines: Vec<&str> = source.text.lines().collect();
    for (at, _) in code
        .lines()
        .enumerate()
        .filter(|(_, text)| has_word(text, "unsafe"))
    {
        let line = at + 1;
        if !may {
            faults.push(format!(
                "{path}:{line}: unsafe belongs into `simd` or `rt`, behind a safe face"
            ));
        } else if !is_explained(&lines, at) {
            faults.push(format!(
                "{path}:{line}: say right above why it is safe, as a fact one can check: `// SAFETY: ...` \
                 (an unsafe fn has a section `# Safety`)"
            ));
        }
    }
}

/// Whether line `at`, or the comments and attributes right above it, tell of safety.
fn is_explained(lines: &[&str], at: usize) -> bool {
    let tells = |line: &str| line.contains("SAFETY:") || line.contains("# Safety");
    let above = lines[..at].iter().rev().map(|line| line.trim_start());
    let mut notes = above.take_while(|line| line.starts_with("//") || line.starts_with("#["));
    tells(lines[at]) || notes.any(tells)
}

fn check_expectations(source: &Source, code: &str, faults: &mut Vec<String>) {
    for (at, line) in code.lines().enumerate() {
        let text = source.text.lines().nth(at).unwrap_or_default().trim();
        let expects = line.contains(".unwrap()") || line.contains(".expect(");
        let listed = |(path, line, _): &&(&str, &str, &str)| *path == source.path && *line == text;
        if expects && !MAY_EXPECT.iter().any(|entry| listed(&entry)) {
            faults.push(format!(
                "{}:{}: a missing value would end the process; return an error or match, or, if it \
                 cannot be missing, list the line with its reason in tests/tidy.rs",
                source.path,
                at + 1
            ));
        }
    }
}

/// Letters that no text of the tree may hold, with the better way. Put together here, so that this
/// file does not offend itself.
fn banned() -> Vec<(String, &'static str)> {
    let one_machine = "a user has no such path; name a file from the root of the project";
    [
        (
            ["TO", "DO"],
            "finish it, or open an issue and say in words what is missing",
        ),
        (
            ["FIX", "ME"],
            "mend it, or open an issue and say in words what is wrong",
        ),
        (["dbg", "!("], "log it with tracing, or take it out"),
        (["todo", "!("], "write it"),
        (["unimplemented", "!("], "write it"),
        (["../sha", "red"], one_machine),
        (
            ["DESI", "GN"],
            "no page of the project; name a section of src/ARCHITECTURE.md",
        ),
        (["/wo", "rk/"], one_machine),
        (["/ro", "ot/"], one_machine),
        (
            ["/t", "mp/"],
            "ask for a folder: std::env::temp_dir(), mktemp -d",
        ),
    ]
    .map(|(parts, better)| (parts.concat(), better))
    .to_vec()
}

fn check_letters(source: &Source, faults: &mut Vec<String>) {
    let code = code_of(&source.text);
    for (at, (text, code)) in source.text.lines().zip(code.lines()).enumerate() {
        let place = format!("{}:{}", source.path, at + 1);
        for (letters, better) in banned() {
            if text.contains(&letters) {
                faults.push(format!("{place}: `{letters}`: {better}"));
            }
        }
        let columns = columns_of(source, text, code);
        if source.is("rs") && columns > COLUMNS_MAX {
            faults.push(format!(
                "{place}: {columns} columns; break it at {COLUMNS_MAX}"
            ));
        }
    }
}

/// The width of a line. In tests the letters of its strings do not count, for they are data.
fn columns_of(source: &Source, text: &str, code: &str) -> usize {
    let is_source = source.path.starts_with("src/") && !source.path.contains("/tests");
    if is_source || text.trim_start().starts_with("//") {
        return text.chars().count();
    }
    let same = |(letter, left): &(char, char)| letter == left;
    text.chars().zip(code.chars()).filter(same).count()
}

/// `a/b/mod.rs` is module `b` of folder `a`, and so is `a/b.rs`.
fn folder_and_module(inside: &str) -> (&str, &str) {
    let inside = inside.strip_suffix(".rs").unwrap_or(inside);
    let inside = inside.strip_suffix("/mod").unwrap_or(inside);
    inside.rsplit_once('/').unwrap_or(("", inside))
}

/// The files below `root` that may declare the module of `inside`.
fn parents_of(root: &str, inside: &str) -> [String; 2] {
    match folder_and_module(inside).0 {
        "" => [format!("{root}lib.rs"), format!("{root}main.rs")],
        folder => [
            format!("{root}{folder}/mod.rs"),
            format!("{root}{folder}.rs"),
        ],
    }
}

fn declares(code: &str, module: &str) -> bool {
    let end = format!("mod {module};");
    code.lines().any(|line| {
        line.match_indices(&end)
            .any(|(at, _)| !line[..at].ends_with(is_word_part))
    })
}

/// A file of a crate that no `mod` leads to is dead.
fn check_reached(sources: &[Source], root: &str, faults: &mut Vec<String>) {
    for source in sources.iter().filter(|source| source.is("rs")) {
        let Some(inside) = source.path.strip_prefix(root) else {
            continue;
        };
        let (_, module) = folder_and_module(inside);
        let parents = parents_of(root, inside);
        let declared = |parent: &Source| {
            parents.contains(&parent.path) && declares(&code_of(&parent.text), module)
        };
        if !matches!(inside, "lib.rs" | "main.rs") && !sources.iter().any(declared) {
            let path = &source.path;
            faults.push(format!(
                "{path}: nothing says `mod {module};`; declare it or delete it"
            ));
        }
    }
}

/// Whether only tests see a file of `src`: its module stands below `#[cfg(test)]`, or inside of one
/// that does.
fn is_test_file(sources: &[Source], path: &str) -> bool {
    let Some(inside) = path
        .strip_prefix("src/")
        .filter(|inside| !matches!(*inside, "lib.rs" | "main.rs"))
    else {
        return false;
    };
    let (folder, module) = folder_and_module(inside);
    let parents = parents_of("src/", inside);
    sources
        .iter()
        .filter(|parent| parents.contains(&parent.path))
        .any(|parent| {
            let code = code_of(&parent.text);
            let only_for_tests =
                declares(&code, module) && !declares(&without_tests(&code), module);
            only_for_tests || (!folder.is_empty() && is_test_file(sources, &parent.path))
        })
}

/// A fuzz target that is not in the manifest is never run.
fn check_fuzz(sources: &[Source], faults: &mut Vec<String>) {
    let root = "tests/fuzz/";
    let listed = |file: &str| {
        let manifest = sources
            .iter()
            .find(|source| source.path == format!("{root}Cargo.toml"));
        manifest.is_some_and(|manifest| manifest.text.contains(&format!("\"{file}\"")))
    };
    for source in sources
        .iter()
        .filter(|source| source.text.contains("fuzz_target!("))
    {
        let path = &source.path;
        if path.strip_prefix(root).is_some_and(|file| !listed(file)) {
            faults.push(format!(
                "{path}: never built; list it as a [[bin]] in {root}Cargo.toml"
            ));
        }
    }
}

/// Links of a page lead to files of the tree, or to modules of the crate.
fn check_links(source: &Source, exists: &dyn Fn(&str) -> bool, faults: &mut Vec<String>) {
    let folder = source
        .path
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder);
    for (at, text) in source.text.lines().enumerate() {
        for (start, _) in text.match_indices("](") {
            let target = text[start + 2..]
                .split([')', '#'])
                .next()
                .unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let found = match target.strip_prefix("crate::") {
                Some(item) => {
                    let module = item.split("::").next().unwrap_or_default();
                    exists(&format!("src/{module}/mod.rs")) || exists(&format!("src/{module}.rs"))
                }
                None => exists(&joined(folder, target)),
            };
            if !found {
                faults.push(format!(
                    "{}:{}: `{target}` leads nowhere; mend the link",
                    source.path,
                    at + 1
                ));
            }
        }
    }
}

fn joined(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

// ---- The tree ------------------------------------------------------------------------------

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn tree() -> Vec<Source> {
    let mut sources = Vec::new();
    walk(root(), &mut sources);
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// Every text that people wrote; what is built, recorded or downloaded is left out.
fn walk(folder: &Path, sources: &mut Vec<Source>) {
    const LEFT_OUT: &[&str] = &[
        "target",
        "data",
        "node_modules",
        "__pycache__",
        "corpus",
        "corpus-new",
        "golden",
        "record",
    ];
    const KINDS: &[&str] = &["rs", "md", "toml", "sh", "py", "js", "conf"];
    let entries = fs::read_dir(folder).expect("the tree can be read");
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let hidden = name.starts_with('.') && name != ".ci";
        if hidden || LEFT_OUT.contains(&name.as_str()) || path.is_symlink() {
            continue;
        }
        let inside = path
            .strip_prefix(root())
            .map(PathBuf::from)
            .unwrap_or_default();
        let inside = inside.to_string_lossy().into_owned();
        if path.is_dir() {
            walk(&path, sources);
        } else if inside == ".ci/run"
            || KINDS.iter().any(|kind| name.ends_with(&format!(".{kind}")))
        {
            let text = fs::read_to_string(&path).expect("sources are UTF-8");
            sources.push(Source { path: inside, text });
        }
    }
}

#[track_caller]
fn report(faults: &[String]) {
    assert!(
        faults.is_empty(),
        "{} untidy:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// A rule for one file, given with its code without tests.
type Rule = fn(&Source, &str, &mut Vec<String>);

#[track_caller]
fn hold(rule: Rule) {
    let (sources, mut faults, mut seen) = (tree(), Vec::new(), 0);
    for source in sources
        .iter()
        .filter(|source| source.path.starts_with("src/") && source.is("rs"))
    {
        if !is_test_file(&sources, &source.path) {
            rule(source, &without_tests(&code_of(&source.text)), &mut faults);
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} files of src were seen");
    report(&faults);
}

#[test]
fn every_layer_uses_only_those_below() {
    hold(check_layers);
}

#[test]
fn only_rt_names_a_runtime() {
    hold(check_runtimes);
}

#[test]
fn unsafe_is_rare_and_explained() {
    hold(check_unsafe);
}

#[test]
fn nothing_is_merely_expected() {
    hold(check_expectations);
    let sources = tree();
    for (path, text, reason) in MAY_EXPECT {
        let stands = |source: &Source| source.path == *path && source.text.contains(text);
        assert!(
            sources.iter().any(stands),
            "{path}: `{text}` is gone; take it off the list"
        );
        assert!(!reason.is_empty(), "{path}: `{text}` has no reason");
    }
}

#[test]
fn no_letters_of_unfinished_work_or_of_one_machine() {
    let mut faults = Vec::new();
    tree()
        .iter()
        .for_each(|source| check_letters(source, &mut faults));
    report(&faults);
}

#[test]
fn every_file_is_reached() {
    let (sources, mut faults) = (tree(), Vec::new());
    check_reached(&sources, "src/", &mut faults);
    check_reached(&sources, "loadgen/src/", &mut faults);
    check_fuzz(&sources, &mut faults);
    report(&faults);
}

#[test]
fn links_lead_somewhere() {
    let mut faults = Vec::new();
    for source in tree().iter().filter(|source| source.is("md")) {
        check_links(source, &|path| root().join(path).exists(), &mut faults);
    }
    report(&faults);
}

/// What the pages tell people to type is what is checked.
#[test]
fn the_second_command_is_the_one_that_ci_runs() {
    let command = "cargo test --workspace --profile ci";
    for path in ["README.md", ".ci/run"] {
        let sources = tree();
        let page = sources.iter().find(|source| source.path == path);
        let lines = page.map(|page| page.text.lines()).into_iter().flatten();
        // There a time limit stands in front, and a failure does not end the run.
        let checked = format!("{command} --no-fail-fast");
        let told = |line: &str| {
            line == command || (line.starts_with("    stage test ") && line.ends_with(&checked))
        };
        assert!(
            lines.into_iter().any(told),
            "{path} does not say `{command}`"
        );
    }
}

// ---- The rules, tested ---------------------------------------------------------------------

fn source(path: &str, text: &str) -> Source {
    Source {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

/// `want` is part of what is found, or empty if nothing may be.
#[track_caller]
fn compare(faults: &[String], want: &str) {
    assert_eq!(faults.is_empty(), want.is_empty(), "{faults:?}");
    assert!(
        faults.join("\n").contains(want),
        "wanted {want}, got {faults:?}"
    );
}

#[track_caller]
fn check(rule: Rule, path: &str, text: &str, want: &str) {
    let mut faults = Vec::new();
    rule(
        &source(path, text),
        &without_tests(&code_of(text)),
        &mut faults,
    );
    compare(&faults, want);
}

#[test]
fn layers_are_told_apart() {
    let wire = |text: &str, want: &str| check(check_layers, "src/wire/a.rs", text, want);
    wire("use crate::model::x;", "");
    wire("use crate::wire::x;", "");
    wire(
        "\nuse crate::query::x;",
        "src/wire/a.rs:2: `wire` sits below `query`",
    );
    wire("use crate::store::x;", "`wire` sits beside `store`");
    wire(
        "use crate::{model::{a, b},\n shard::c};",
        "`wire` sits below `shard`",
    );
    wire("use crate::{model::a};\nuse a::{b, shard};", "");
    wire(
        "fn f() { super::super::http::g() }",
        "`wire` sits below `http`",
    );
    wire("fn f() { super::http::g() }", "");
    wire(
        "// use crate::http::x;\nconst A: &str = \"crate::http\";",
        "",
    );
    wire("#[cfg(test)]\nmod tests { use crate::http::x; }", "");
    wire(
        "#[cfg(test)]\nmod t { }\nuse crate::rt::x;",
        "a.rs:3: `wire` sits below `rt`",
    );
    check(check_layers, "src/simd/mod.rs", "use crate::base::x;", "");
    check(
        check_layers,
        "src/base/mod.rs",
        "use crate::simd::x;",
        "`base` sits below `simd`",
    );
    check(
        check_layers,
        "src/base/mod.rs",
        "use super::simd::x;",
        "`base` sits below `simd`",
    );
    check(check_layers, "src/rt/a.rs", "use crate::http::x;", "");
    check(check_layers, "src/new/a.rs", "", "`new` has no layer");
}

#[test]
fn runtimes_are_noticed() {
    check(
        check_runtimes,
        "src/http/a.rs",
        "use glommio::x;",
        "only `rt` names glommio",
    );
    check(
        check_runtimes,
        "src/http/a.rs",
        "// glommio drives it\nlet glommio_like = 1;",
        "",
    );
    check(check_runtimes, "src/rt/a.rs", "use tokio::x;", "");
}

#[test]
fn unsafe_is_noticed() {
    check(
        check_unsafe,
        "src/wire/a.rs",
        "fn f() { unsafe { g() } }",
        "a.rs:1: unsafe belongs into",
    );
    check(
        check_unsafe,
        "src/wire/mod.rs",
        "//! a",
        "head it with #![forbid(unsafe_code)]",
    );
    check(
        check_unsafe,
        "src/wire/mod.rs",
        "#![forbid(unsafe_code)]",
        "",
    );
    let simd = |text: &str, want: &str| check(check_unsafe, "src/simd/a.rs", text, want);
    simd("// SAFETY: it is.\nunsafe { g() }", "");
    simd(
        "// SAFETY: it is,\n// very.\n#[inline]\nunsafe fn g() {}",
        "",
    );
    simd("/// # Safety\n/// AVX2.\nunsafe fn g() {}", "");
    simd(
        "// SAFETY: it is.\n\nunsafe { g() }",
        "a.rs:3: say right above why",
    );
    simd(
        "// it is safe\nunsafe { g() }",
        "a.rs:2: say right above why",
    );
}

#[test]
fn expectations_are_noticed() {
    let file = |text: &str, want: &str| check(check_expectations, "src/a.rs", text, want);
    file("x.unwrap();", "src/a.rs:1: a missing value");
    file("x.expect(\"y\");", "src/a.rs:1: a missing value");
    file("x.unwrap_or(1); // .unwrap()", "");
    file("#[cfg(test)]\nmod t { fn f() { x.unwrap() } }", "");
}

#[test]
fn letters_are_noticed() {
    let check = |path: &str, text: &str, want: &str| {
        let mut faults = Vec::new();
        check_letters(&source(path, text), &mut faults);
        compare(&faults, want);
    };
    for (letters, better) in banned() {
        check(
            "a.md",
            &format!("one\n{letters}"),
            &format!("a.md:2: `{letters}`: {better}"),
        );
    }
    check("a.rs", &"x".repeat(COLUMNS_MAX), "");
    let data = format!("f({:?});", "x".repeat(COLUMNS_MAX));
    check("tests/a.rs", &data, "");
    check("src/a.rs", &data, "src/a.rs:1: 116 columns");
    check(
        "tests/a.rs",
        &format!("// {}", "x".repeat(COLUMNS_MAX)),
        "113 columns",
    );
    check("a.rs", &"ä".repeat(COLUMNS_MAX + 1), "a.rs:1: 111 columns");
    check("a.md", &"x".repeat(COLUMNS_MAX + 1), "");
}

#[test]
fn dead_files_are_noticed() {
    let check = |files: &[(&str, &str)], want: &str| {
        let sources: Vec<Source> = files
            .iter()
            .map(|(path, text)| source(path, text))
            .collect();
        let mut faults = Vec::new();
        check_reached(&sources, "src/", &mut faults);
        check_fuzz(&sources, &mut faults);
        compare(&faults, want);
    };
    let b = ("src/a/b.rs", "");
    check(
        &[
            ("src/lib.rs", "pub mod a; // here"),
            ("src/a/mod.rs", "mod b;"),
            b,
        ],
        "",
    );
    check(&[("src/lib.rs", "mod a;"), ("src/a.rs", "mod b;"), b], "");
    check(
        &[("src/lib.rs", "mod a;"), ("src/a/mod.rs", "// mod b;"), b],
        "b.rs: nothing says `mod b;`",
    );
    check(
        &[("src/lib.rs", "mod aa;"), ("src/a.rs", "")],
        "src/a.rs: nothing says `mod a;`",
    );
    let target = ("tests/fuzz/targets/a.rs", "fuzz_target!(|x| {});");
    check(
        &[target, ("tests/fuzz/Cargo.toml", "path = \"targets/a.rs\"")],
        "",
    );
    check(
        &[target, ("tests/fuzz/Cargo.toml", "")],
        "list it as a [[bin]]",
    );
}

#[test]
fn test_files_are_known() {
    let sources = [
        source("src/lib.rs", "mod a;"),
        source("src/a/mod.rs", "mod b;\n#[cfg(test)]\nmod tests;"),
        source("src/a/b.rs", "#[cfg(test)]\nmod tests;"),
        source("src/a/tests.rs", "mod deep;"),
        source("src/a/tests/deep.rs", ""),
        source("src/a/b/tests.rs", ""),
    ];
    let paths = sources.iter().map(|source| source.path.as_str());
    let tests: Vec<&str> = paths.filter(|path| is_test_file(&sources, path)).collect();
    assert_eq!(
        tests,
        ["src/a/tests.rs", "src/a/tests/deep.rs", "src/a/b/tests.rs"]
    );
}

#[test]
fn dead_links_are_noticed() {
    let check = |text: &str, want: &str| {
        let mut faults = Vec::new();
        let exists = |path: &str| ["README.md", "src/wire/mod.rs", "tuning"].contains(&path);
        check_links(&source("src/A.md", text), &exists, &mut faults);
        compare(&faults, want);
    };
    check(
        "[a](../README.md) [b](../tuning/#top) [c](https://example.org/x) [d](#here)",
        "",
    );
    check("[w](crate::wire::graphite)", "");
    check(
        "\n[a](../READYOU.md)",
        "src/A.md:2: `../READYOU.md` leads nowhere",
    );
    check("[w](crate::wires)", "`crate::wires` leads nowhere");
}

#[test]
fn code_is_told_from_text() {
    let check = |text: &str, want: &str| assert_eq!(code_of(text), want, "{text}");
    check("a // b\nc", "a     \nc");
    check("a /* b /* c */ d */ e", "a                   e");
    check(
        r#"f("x\"y", 'z', '\'', b"q")"#,
        "f(      ,    ,     , b   )",
    );
    check("r#\"a\"b\"# c", "         c");
    check("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}");
    check("for r in br\"x\" {}", "for r in b     {}");
}
