//! A small server with a line door and KairosDB's two doors, which keeps what it acknowledged when
//! it is killed. It can be told to break its word, so that a verifier has something to find.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How it breaks its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not at all.
    None,
    /// One acknowledged point is not kept.
    LoseAcknowledged,
    /// One kept point has another value after a kill.
    ChangeValue,
    /// One line before the last kept ones is not kept.
    PunchHole,
    /// A point that nobody sent is there after a kill.
    Invent,
    /// The oldest second is gone after the third kill.
    ForgetOld,
    /// Lines are kept half a second late.
    SyncLate,
    /// A line that was lost is there after the kill after that.
    ComeBack,
    /// One point is answered twice.
    AnswerTwice,
    /// Every request is refused.
    Refuse,
    /// A connection is closed while it lives.
    Close,
    /// Every request takes 50 ms.
    Slow,
}

type Store = BTreeMap<String, BTreeMap<i64, f64>>;

/// A line that is not kept yet.
type Pending = (Instant, String, i64, f64);

/// What outlives a kill, and what the threads share.
pub(crate) struct Fake {
    pub(crate) http: SocketAddr,
    pub(crate) lines: SocketAddr,
    fault: Fault,
    kept: Mutex<Store>,
    pending: Mutex<Vec<Pending>>,
    lost: Mutex<Vec<Pending>>,
    requests: AtomicU64,
    kills: AtomicU64,
    file: Option<Mutex<File>>,
}

/// One life of the server.
pub(crate) struct Life {
    alive: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    threads: Vec<std::thread::JoinHandle<()>>,
    doors: [SocketAddr; 2],
}

impl Fake {
    pub(crate) fn new(fault: Fault) -> Arc<Fake> {
        Fake::at(fault, free_port(), free_port(), None)
    }

    /// Keeps everything in a file, also that of an earlier process.
    pub(crate) fn on_file(http: SocketAddr, lines: SocketAddr, path: &Path) -> Arc<Fake> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        let fake = Fake::at(Fault::None, http, lines, Some(file));
        let text = std::fs::read_to_string(path).unwrap();
        for line in text
            .split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n'))
        {
            let fields: Vec<&str> = line.split(' ').collect();
            let mut kept = fake.kept.lock().unwrap();
            let series = kept.entry(fields[0].to_owned()).or_default();
            series.insert(fields[1].parse().unwrap(), fields[2].parse().unwrap());
        }
        fake
    }

    fn at(fault: Fault, http: SocketAddr, lines: SocketAddr, file: Option<File>) -> Arc<Fake> {
        Arc::new(Fake {
            http,
            lines,
            fault,
            kept: Mutex::default(),
            pending: Mutex::default(),
            lost: Mutex::default(),
            requests: AtomicU64::new(0),
            kills: AtomicU64::new(0),
            file: file.map(Mutex::new),
        })
    }

    pub(crate) fn start(self: &Arc<Fake>) -> Life {
        let alive = Arc::new(AtomicBool::new(true));
        let streams = Arc::new(Mutex::new(Vec::new()));
        let mut threads = Vec::new();
        for (door, serve) in [
            (self.http, Fake::serve_http as fn(&Fake, TcpStream)),
            (self.lines, Fake::serve_lines),
        ] {
            let listener = bind(door);
            let (fake, alive, streams) =
                (Arc::clone(self), Arc::clone(&alive), Arc::clone(&streams));
            threads.push(std::thread::spawn(move || {
                let mut served = Vec::new();
                for stream in listener.incoming().flatten() {
                    if !alive.load(Ordering::SeqCst) {
                        break;
                    }
                    streams.lock().unwrap().push(stream.try_clone().unwrap());
                    let fake = Arc::clone(&fake);
                    served.push(std::thread::spawn(move || serve(&fake, stream)));
                }
                served.into_iter().for_each(|thread| thread.join().unwrap());
            }));
        }
        Life {
            alive,
            streams,
            threads,
            doors: [self.http, self.lines],
        }
    }

    /// Ends a life; what was not kept by then is gone.
    pub(crate) fn kill(&self, life: Life) {
        let killed_at = Instant::now();
        life.alive.store(false, Ordering::SeqCst);
        for door in life.doors {
            drop(TcpStream::connect(door));
        }
        for stream in life.streams.lock().unwrap().iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        life.threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        self.settle(killed_at);
    }

    fn settle(&self, killed_at: Instant) {
        let kills = self.kills.fetch_add(1, Ordering::SeqCst) + 1;
        let late = Duration::from_millis(if self.fault == Fault::SyncLate {
            500
        } else {
            10
        });
        let (mut saved, lost): (Vec<Pending>, Vec<Pending>) = self
            .pending
            .lock()
            .unwrap()
            .drain(..)
            .partition(|(at, ..)| late < killed_at.saturating_duration_since(*at));
        if self.fault == Fault::PunchHole && 100 < saved.len() {
            saved.remove(50);
        }
        let before = std::mem::replace(&mut *self.lost.lock().unwrap(), lost);
        if self.fault == Fault::ComeBack {
            saved.extend(before);
        }
        for (_, series, at_ms, value) in saved {
            self.keep(series, at_ms, value);
        }
        let mut kept = self.kept.lock().unwrap();
        let Some(points) = kept.values_mut().next() else {
            return;
        };
        match self.fault {
            Fault::ChangeValue => points.values_mut().for_each(|value| *value += 0.25),
            Fault::Invent => {
                points.insert(3_000_000_000_000, 1.0);
            }
            Fault::ForgetOld if kills == 3 => {
                let first = *points.keys().next().unwrap();
                kept.values_mut().for_each(|points| {
                    points.remove(&first);
                });
            }
            _ => {}
        }
    }

    fn keep(&self, series: String, at_ms: i64, value: f64) {
        if let Some(file) = &self.file {
            let line = format!("{series} {at_ms} {value}\n");
            file.lock().unwrap().write_all(line.as_bytes()).unwrap();
        }
        self.kept
            .lock()
            .unwrap()
            .entry(series)
            .or_default()
            .insert(at_ms, value);
    }

    fn serve_lines(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        // A line counts only with its end.
        while reader
            .read_line(&mut line)
            .is_ok_and(|_| line.ends_with('\n'))
        {
            let fields: Vec<&str> = line.trim_end().split(' ').collect();
            let at_ms = fields[2].parse::<i64>().unwrap() * 1000;
            let (series, value) = match fields[0] {
                // Tags stand behind.
                "put" => {
                    let words: Vec<&str> = [&fields[1..2], &fields[4..]].concat();
                    (words.join(";"), fields[3].parse().unwrap())
                }
                name => (name.to_owned(), fields[1].parse().unwrap()),
            };
            if self.file.is_some() {
                self.keep(series, at_ms, value);
            } else {
                self.pending
                    .lock()
                    .unwrap()
                    .push((Instant::now(), series, at_ms, value));
            }
            line.clear();
        }
    }

    fn serve_http(&self, stream: TcpStream) {
        let mut out = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        while let Some((path, body)) = request(&mut reader) {
            let (status, headers, text) = self.answer(&path, &body);
            if status == 0 {
                let _ = out.shutdown(Shutdown::Both);
                return;
            }
            let length = if status == 204 {
                String::new()
            } else {
                format!("Content-Length: {}\r\n", text.len())
            };
            // In one piece: the peer may wait before it asks for more.
            let answer = format!("HTTP/1.1 {status} Status\r\n{headers}{length}\r\n{text}");
            if out.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }

    fn answer(&self, path: &str, bytes: &[u8]) -> (u16, &'static str, String) {
        let body = || serde_json::from_slice::<Value>(bytes).unwrap();
        match path {
            "/ready" => (200, "", "ready".into()),
            "/api/v1/datapoints" => self.take(&body()),
            "/api/v1/datapoints/query" => (200, "", self.query(&body()).to_string()),
            "/render" => (
                200,
                "",
                self.render(std::str::from_utf8(bytes).unwrap()).to_string(),
            ),
            _ => (404, "", String::new()),
        }
    }

    fn take(&self, points: &Value) -> (u16, &'static str, String) {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        match self.fault {
            Fault::Refuse => return (400, "", r#"{"errors":["no"]}"#.into()),
            Fault::Slow => std::thread::sleep(Duration::from_millis(50)),
            Fault::Close if number == 3 => return (0, "", String::new()),
            _ if number % 7 == 5 => return (503, "Retry-After: 0\r\n", "later".into()),
            _ => {}
        }
        for (index, point) in points.as_array().unwrap().iter().enumerate() {
            if self.fault == Fault::LoseAcknowledged && number == 2 && index == 1 {
                continue;
            }
            let at_ms = point["timestamp"].as_i64().unwrap();
            self.keep(
                series_of(&point["name"], &point["tags"]),
                at_ms,
                point["value"].as_f64().unwrap(),
            );
        }
        (204, "", String::new())
    }

    /// Graphite's answer to a form whose targets are `seriesByTag('name=N','key=value')`.
    fn render(&self, form: &str) -> Value {
        let fields: Vec<(&str, String)> = form
            .split('&')
            .filter_map(|field| field.split_once('='))
            .map(|(key, text)| (key, unescaped(text)))
            .collect();
        let number = |name: &str| -> i64 {
            let field = fields.iter().find(|(key, _)| *key == name);
            field.unwrap().1.parse().unwrap()
        };
        let seconds = number("from") + 1..=number("until");
        let kept = self.kept.lock().unwrap();
        let answers = fields
            .iter()
            .filter(|(key, _)| *key == "target")
            .map(|(_, target)| {
                let texts: Vec<&str> = target.split('\'').skip(1).step_by(2).collect();
                let series = texts.join(";");
                let series = series.strip_prefix("name=").unwrap();
                let none = BTreeMap::new();
                let points = kept.get(series).unwrap_or(&none);
                let datapoints: Vec<Value> = seconds
                    .clone()
                    .map(|at| json!([points.get(&(at * 1000)), at]))
                    .collect();
                json!({"target": series, "datapoints": datapoints})
            });
        Value::Array(answers.collect())
    }

    fn query(&self, query: &Value) -> Value {
        let start_ms = query["start_absolute"].as_i64().unwrap();
        let kept = self.kept.lock().unwrap();
        let queries: Vec<Value> = query["metrics"]
            .as_array()
            .unwrap()
            .iter()
            .map(|metric| {
                let series = series_of(&metric["name"], &metric["tags"]);
                let points = kept.get(&series).into_iter().flat_map(|points| points.range(start_ms..));
                let mut values: Vec<Value> = points.map(|(at, value)| json!([at, value])).collect();
                if self.fault == Fault::AnswerTwice {
                    values.extend(values.first().cloned());
                }
                json!({"sample_size": values.len(), "results": [{"name": metric["name"], "tags": {}, "values": values}]})
            })
            .collect();
        json!({ "queries": queries })
    }
}

/// A field of a form as it was before it was escaped.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        out.push(char::from(u8::from_str_radix(&part[..2], 16).unwrap()));
        out.push_str(&part[2..]);
    }
    out
}

/// `name;key=value` of a name and its tags, each a text or a list of one.
fn series_of(name: &Value, tags: &Value) -> String {
    let mut series = name.as_str().unwrap().to_owned();
    for (key, value) in tags.as_object().unwrap() {
        let value = value.get(0).unwrap_or(value);
        series.push_str(&format!(";{key}={}", value.as_str().unwrap()));
    }
    series
}

/// Path and body of the next request.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut path = None;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        if path.is_none() {
            path = line.split(' ').nth(1).map(str::to_owned);
        } else if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = text.trim().parse().unwrap();
        } else if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path?, body))
}

/// A port of the loopback that nobody holds.
pub(crate) fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

/// Listens there; the life before may need a moment to leave.
fn bind(door: SocketAddr) -> TcpListener {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        match TcpListener::bind(door) {
            Ok(listener) => return listener,
            Err(error) => assert!(Instant::now() < until, "{door}: {error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
