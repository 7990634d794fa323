//! The read side of the index: what a new name costs, in time and memory, and what a search takes.
//!
//! `cargo bench --bench index_tree`; with `--test` a small round of each, as a check that it runs.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::time::Instant;

use corelane::index::glob::Pattern;
use corelane::index::tags::{TagTest, Tags};
use corelane::index::tree::{Finder, Tree};
use corelane::model::series::{SeriesId, SeriesName, TenantId};

const TENANT: TenantId = TenantId::DEFAULT;
const METRICS: [&str; 10] = [
    "user", "system", "idle", "nice", "wait", "irq", "softirq", "steal", "guest", "load",
];
/// Hosts have this many cores, each with every metric.
const CORES: usize = 10;
/// Nodes of one slice of a search.
const SLICE_NODES: usize = 2_000;

fn main() {
    let test = std::env::args().any(|arg| arg == "--test");
    let series = if test { 10_000 } else { 1_000_000 };
    let names = names(series);
    // All is filled before anything is searched: a search gives memory back to the process, and
    // what is filled after it would seem to need none.
    let unique = insert_tagged(
        "tagged, one value of each series its own",
        series,
        &unique_tags,
    );
    let tags = insert_tagged("tagged", series, &host_tags);
    let tree = insert("names host by host", &names);
    let mut shuffled = names;
    corelane::base::random::Random::new(1).shuffle(&mut shuffled);
    let random = insert("names in random order", &shuffled);
    searches(&tree);
    selections(&tags);
    drop((unique, random));
}

fn names(count: usize) -> Vec<String> {
    let name = |i: usize| {
        let (host, core, metric) = (i / (CORES * 10), i / 10 % CORES, METRICS[i % 10]);
        format!("dc1.h{host:06}.cpu.c{core:02}.{metric}")
    };
    (0..count).map(name).collect()
}

fn insert(what: &str, names: &[String]) -> Tree {
    let mut tree = Tree::default();
    let resident_before = resident_bytes();
    let (start, mut slowest_ns) = (Instant::now(), 0);
    for (chunk_at, chunk) in names.chunks(1_000).enumerate() {
        let chunk_start = Instant::now();
        for (at, name) in chunk.iter().enumerate() {
            let id = SeriesId((chunk_at * 1_000 + at) as u32);
            tree.insert(TENANT, name, id).expect("there is room");
        }
        slowest_ns = slowest_ns.max(chunk_start.elapsed().as_nanos());
    }
    let each_ns = start.elapsed().as_nanos() / names.len() as u128;
    println!(
        "{what}: {each_ns} ns each, slowest 1,000 {} us, {} bytes each ({} resident), {} nodes, {} labels",
        slowest_ns / 1_000,
        tree.bytes() / names.len(),
        resident_bytes().saturating_sub(resident_before) / names.len(),
        tree.nodes(),
        tree.labels(),
    );
    tree
}

fn searches(tree: &Tree) {
    for text in [
        "dc1.h000042.cpu.c03.user",
        "dc1.h000042.cpu.*.user",
        "dc1.h0000[0-4]*.cpu.c0?.user",
        "dc1.*",
        "*.*.cpu.*.idle",
        "*.*.*.c03.*",
        "*.*.*.*.{user,system}",
        "*.*.mem.*.*",
        "**.softirq",
        "dc1.**",
    ] {
        let pattern = Pattern::new(text).expect("within the limits");
        let mut finder = Finder::new(pattern, TENANT, 2_000_000);
        let (start, mut slowest_us, mut slice_start) = (Instant::now(), 0, Instant::now());
        let found = loop {
            let done = finder.step(tree, SLICE_NODES);
            if let Some(found) = done {
                break found.expect("within the limit");
            }
            slowest_us = slowest_us.max(slice_start.elapsed().as_micros());
            slice_start = Instant::now();
        };
        let last_us = slice_start.elapsed().as_micros();
        let took_ms = start.elapsed().as_secs_f64() * 1e3;
        println!(
            "find {text}: {:.3} ms, {} nodes, slowest slice {slowest_us} us, last slice {last_us} us",
            took_ms,
            found.len(),
        );
    }
}

fn host_tags(i: usize) -> String {
    let (host, core, metric) = (i / (CORES * 10), i / 10 % CORES, METRICS[i % 10]);
    format!("cpu.{metric};core=c{core:02};dc=dc1;host=h{host:06}")
}

fn unique_tags(i: usize) -> String {
    format!("requests;dc=dc1;pod=web-{i:010x};zone=z{}", i % 7)
}

fn selections(tags: &Tags) {
    for tests in [
        vec!["host=h000042", "name=cpu.user"],
        vec!["name=cpu.user", "core=c03"],
        vec!["name=cpu.user", "host=~h0000[0-4]"],
        vec!["dc=dc1", "core!=c03", "rack="],
        vec!["host=~.*7$"],
    ] {
        let parsed = TagTest::parse_all(&tests).expect("good tests");
        let start = Instant::now();
        let found = tags.select(TENANT, &parsed, 2_000_000);
        let took_ms = start.elapsed().as_secs_f64() * 1e3;
        let count = found.expect("within the limit").len();
        println!("select {tests:?}: {took_ms:.3} ms, {count} series");
    }
}

fn insert_tagged(what: &str, count: usize, name: &dyn Fn(usize) -> String) -> Tags {
    let mut tags = Tags::default();
    let resident_before = resident_bytes();
    let mut spent_ns = 0;
    let mut batch = Vec::new();
    for first in (0..count).step_by(1_000) {
        batch.clear();
        let texts = (first..first + 1_000).map(name);
        batch.extend(texts.map(|text| SeriesName::from_text(&text).expect("a good name")));
        let start = Instant::now();
        for (at, series) in batch.iter().enumerate() {
            tags.insert(TENANT, series, SeriesId((first + at) as u32));
        }
        spent_ns += start.elapsed().as_nanos();
    }
    println!(
        "{what}: {} ns each, {} bytes each ({} resident)",
        spent_ns / count as u128,
        tags.bytes() / count,
        resident_bytes().saturating_sub(resident_before) / count,
    );
    tags
}

/// What the kernel has given this process, in pages of 4 KiB.
fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}
