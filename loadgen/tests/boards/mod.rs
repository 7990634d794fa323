//! A small server with a line door that answers dashboards from the lines it received: the
//! functions that loadgen asks for, written a second time and slowly. It can be told to err.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// How it errs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not at all.
    None,
    /// One value of the third answer is a little off.
    ChangeValue,
    /// The last series is missing.
    DropSeries,
    /// Old points are missing.
    DropOld,
    /// There is a point before the window.
    Invent,
    /// A node of finds is missing.
    DropNode,
    /// The third request is refused.
    Refuse,
    /// The third answer says that it is not whole.
    Partial,
    /// Every request takes 200 ms.
    Slow,
    /// What came last is not seen.
    Stale,
}

type Points = BTreeMap<u64, f64>;

/// The server. It ends with the test.
pub(crate) struct Boards {
    pub(crate) lines: SocketAddr,
    pub(crate) http: SocketAddr,
    fault: Fault,
    store: Mutex<BTreeMap<String, Points>>,
    requests: AtomicU64,
}

impl Boards {
    pub(crate) fn start(fault: Fault) -> Arc<Boards> {
        let lines = TcpListener::bind("127.0.0.1:0").unwrap();
        let http = TcpListener::bind("127.0.0.1:0").unwrap();
        let boards = Arc::new(Boards {
            lines: lines.local_addr().unwrap(),
            http: http.local_addr().unwrap(),
            fault,
            store: Mutex::default(),
            requests: AtomicU64::new(0),
        });
        for (door, serve) in [
            (lines, Boards::receive as fn(&Boards, TcpStream)),
            (http, Boards::answer),
        ] {
            let boards = Arc::clone(&boards);
            std::thread::spawn(move || {
                for stream in door.incoming().flatten() {
                    let boards = Arc::clone(&boards);
                    std::thread::spawn(move || serve(&boards, stream));
                }
            });
        }
        boards
    }

    fn receive(&self, stream: TcpStream) {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let fields: Vec<&str> = line.split(' ').collect();
            let mut store = self.store.lock().unwrap();
            let series = store.entry(fields[0].to_owned()).or_default();
            series.insert(fields[2].parse().unwrap(), fields[1].parse().unwrap());
        }
    }

    fn answer(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).unwrap_or(0) == 0 {
                    return;
                }
            }
            let number = self.requests.fetch_add(1, Ordering::SeqCst);
            if self.fault == Fault::Slow {
                std::thread::sleep(Duration::from_millis(200));
            }
            let address = head.split(' ').nth(1).unwrap();
            let (path, query) = address.split_once('?').unwrap();
            let parameters: BTreeMap<&str, String> = query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(key, value)| (key, decoded(value)))
                .collect();
            let body = match path {
                "/metrics/find" => self.find(&parameters["query"]),
                _ => self.render(&parameters, number),
            };
            let (status, more) = match (self.fault, number) {
                (Fault::Refuse, 3) => ("503 Busy", ""),
                (Fault::Partial, 3) => ("200 OK", "X-Corelane-Partial: replay\r\n"),
                _ => ("200 OK", ""),
            };
            write!(
                stream,
                "HTTP/1.1 {status}\r\n{more}Content-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
        }
    }

    fn find(&self, query: &str) -> String {
        let depth = query.split('.').count();
        let stem = query.rsplit_once('.').unwrap().0;
        let mut nodes: BTreeSet<String> = BTreeSet::new();
        for name in self.store.lock().unwrap().keys() {
            let parts: Vec<&str> = name.split('.').take(depth).collect();
            if glob_matches(query, &parts.join(".")) {
                nodes.insert(format!("{stem}.{}", parts[depth - 1]));
            }
        }
        if self.fault == Fault::DropNode {
            nodes.pop_first();
        }
        let nodes: Vec<Value> = nodes
            .iter()
            .map(|id| json!({"id": id, "leaf": 0}))
            .collect();
        Value::from(nodes).to_string()
    }

    fn render(&self, parameters: &BTreeMap<&str, String>, number: u64) -> String {
        let (from, until): (u64, u64) = (
            parameters["from"].parse().unwrap(),
            parameters["until"].parse().unwrap(),
        );
        let mut lines = self.target(&parameters["target"], from, until);
        match self.fault {
            Fault::ChangeValue if number == 3 => {
                if let Some(value) = lines.last_mut().and_then(|line| line.1.values_mut().last()) {
                    *value *= 1.0 + 1e-9;
                }
            }
            Fault::DropSeries => drop(lines.pop()),
            Fault::DropOld => lines.iter_mut().for_each(|line| {
                line.1.pop_first();
            }),
            Fault::Invent => {
                let first = from.saturating_sub(100);
                lines.iter_mut().for_each(|line| {
                    line.1.insert(first, 1.0);
                });
            }
            Fault::Stale => lines.iter_mut().for_each(|line| {
                line.1.pop_last();
            }),
            _ => {}
        }
        let lines: Vec<Value> = lines
            .into_iter()
            .map(|(name, points)| {
                let points: Vec<(f64, u64)> =
                    points.into_iter().map(|(at, value)| (value, at)).collect();
                json!({"target": name, "datapoints": points})
            })
            .collect();
        Value::from(lines).to_string()
    }

    /// The lines of a target; only as much of the language as loadgen speaks.
    fn target(&self, text: &str, from: u64, until: u64) -> Vec<(String, Points)> {
        let Some((function, arguments)) = text
            .split_once('(')
            .filter(|(function, _)| *function != "seriesByTag")
        else {
            return self.fetch(text, from, until);
        };
        let arguments = arguments.strip_suffix(')').unwrap();
        let inner_end = if arguments.starts_with("seriesByTag(") {
            arguments.find(')').unwrap() + 1
        } else {
            arguments.find(',').unwrap_or(arguments.len())
        };
        let (inner, rest) = arguments.split_at(inner_end);
        let rest: Vec<&str> = rest.split(',').skip(1).collect();
        match function {
            "sumSeries" => {
                let all = self.fetch(inner, from, until);
                vec![(
                    text.to_owned(),
                    combined(all.into_iter().map(|line| line.1), |sum, _| sum),
                )]
            }
            "groupByNode" => {
                let mut groups: BTreeMap<String, Vec<Points>> = BTreeMap::new();
                for (name, points) in self.fetch(inner, from, until) {
                    groups.entry(node(&name, rest[0])).or_default().push(points);
                }
                let average = |sum: f64, count: usize| sum / count as f64;
                groups
                    .into_iter()
                    .map(|(name, all)| (name, combined(all.into_iter(), average)))
                    .collect()
            }
            "summarize" => {
                let length: u64 = rest[0]
                    .trim_matches('"')
                    .trim_end_matches('s')
                    .parse()
                    .unwrap();
                self.fetch(inner, from, until)
                    .into_iter()
                    .map(|(name, points)| {
                        let mut buckets: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
                        for (at, value) in points {
                            buckets.entry(at - at % length).or_default().push(value);
                        }
                        let points = buckets
                            .into_iter()
                            .map(|(at, values)| (at, average(&values)));
                        (
                            format!("summarize({name}, \"{length}s\", \"avg\")"),
                            points.collect(),
                        )
                    })
                    .collect()
            }
            "movingAverage" => {
                let window: u64 = rest[0].parse().unwrap();
                self.fetch(inner, from - window, until)
                    .into_iter()
                    .map(|(name, points)| {
                        let moved = points.keys().filter(|&&at| from < at).map(|&at| {
                            let values =
                                points.range(at + 1 - window..=at).map(|(_, value)| *value);
                            (at, average(&values.collect::<Vec<_>>()))
                        });
                        (format!("movingAverage({name},{window})"), moved.collect())
                    })
                    .collect()
            }
            _ => panic!("loadgen asked for {text}"),
        }
    }

    fn fetch(&self, selector: &str, from: u64, until: u64) -> Vec<(String, Points)> {
        let store = self.store.lock().unwrap();
        store
            .iter()
            .filter(|(name, _)| match selector.strip_prefix("seriesByTag(") {
                None => glob_matches(selector, name),
                Some(tests) => tests
                    .trim_end_matches(')')
                    .split(',')
                    .all(|test| passes(name, test)),
            })
            .map(|(name, points)| {
                let inside = points
                    .range(from + 1..=until)
                    .map(|(at, value)| (*at, *value));
                (name.clone(), inside.collect())
            })
            .collect()
    }
}

fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn combined(all: impl Iterator<Item = Points>, made: impl Fn(f64, usize) -> f64) -> Points {
    let mut sums: BTreeMap<u64, (f64, usize)> = BTreeMap::new();
    for (at, value) in all.flatten() {
        let (sum, count) = sums.entry(at).or_default();
        *sum += value;
        *count += 1;
    }
    sums.into_iter()
        .map(|(at, (sum, count))| (at, made(sum, count)))
        .collect()
}

fn tag<'a>(name: &'a str, key: &str) -> &'a str {
    let mut parts = name.split(';');
    let metric = parts.next().unwrap();
    let found = parts
        .filter_map(|part| part.split_once('='))
        .find(|(own, _)| *own == key);
    if key == "name" {
        metric
    } else {
        found.unwrap().1
    }
}

/// A node by its number, or a tag by its name in quotes.
fn node(name: &str, which: &str) -> String {
    match which.parse::<usize>() {
        Ok(number) => name.split('.').nth(number).unwrap().to_owned(),
        Err(_) => tag(name, which.trim_matches('"')).to_owned(),
    }
}

fn passes(name: &str, test: &str) -> bool {
    let test = test.trim_matches('\'');
    match test.split_once("=~^") {
        None => {
            let (key, value) = test.split_once('=').unwrap();
            tag(name, key) == value
        }
        Some((key, pattern)) => {
            // Dots and nothing else: `.` is any letter, `[.]` is a dot.
            let glob = pattern
                .replace("[.]", "\0")
                .replace('.', "?")
                .replace('\0', ".");
            let value = tag(name, key);
            match glob.strip_suffix('$') {
                Some(glob) => letters_match(glob.as_bytes(), value.as_bytes()),
                None => value
                    .get(..glob.len())
                    .is_some_and(|head| letters_match(glob.as_bytes(), head.as_bytes())),
            }
        }
    }
}

fn glob_matches(glob: &str, name: &str) -> bool {
    let (globs, nodes): (Vec<&str>, Vec<&str>) =
        (glob.split('.').collect(), name.split('.').collect());
    globs.len() == nodes.len()
        && globs
            .iter()
            .zip(nodes)
            .all(|(glob, node)| *glob == "*" || letters_match(glob.as_bytes(), node.as_bytes()))
}

/// Letter by letter, with `?`.
fn letters_match(glob: &[u8], text: &[u8]) -> bool {
    glob.len() == text.len()
        && glob
            .iter()
            .zip(text)
            .all(|(want, got)| *want == b'?' || want == got)
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).unwrap()
}
