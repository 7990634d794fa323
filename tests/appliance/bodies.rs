//! Bodies of points that are read while they come: of any size, at any pace, however they are framed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::harness::{Appliance, Scratch};
use crate::hostile::{Siege, connect, raw_points, resident_bytes};

const HEAD: &str = "POST /api/v1/datapoints HTTP/1.1\r\nHost: x\r\n";

/// Status, head and body of the next answer on a connection that stays open.
#[track_caller]
fn next_answer(stream: &mut TcpStream) -> (u16, String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            ended => panic!("{ended:?} within {:?}", String::from_utf8_lossy(&head)),
        }
    }
    let head = String::from_utf8(head).expect("a head in ASCII");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let length = head.to_ascii_lowercase().lines().find_map(|line| {
        let length = line.strip_prefix("content-length: ")?;
        length.parse().ok()
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).expect("a whole body");
    let body = String::from_utf8(body).expect("a body in UTF-8");
    (status.expect("a status"), head, body)
}

/// A body in chunks, up to whatever ends the writing; the answer's status and text.
#[track_caller]
pub(crate) fn post_chunks(
    port: u16,
    headers: &str,
    pieces: impl Iterator<Item = Vec<u8>>,
) -> (u16, String) {
    let mut stream = connect(port);
    let patience = Some(Duration::from_secs(60));
    stream.set_read_timeout(patience).expect("a timeout");
    let head = format!("{HEAD}Transfer-Encoding: chunked\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).expect("taken");
    for piece in pieces {
        let size = format!("{:x}\r\n", piece.len());
        let framed = [size.as_bytes(), &piece, b"\r\n"].concat();
        if stream.write_all(&framed).is_err() {
            break;
        }
    }
    let _ = stream.write_all(b"0\r\n\r\n");
    let (status, _, body) = next_answer(&mut stream);
    (status, body)
}

fn one(name: &str, at: usize) -> String {
    format!(r#"{{"name":"{name}","timestamp":{at},"value":{at},"tags":{{"a":"b"}}}}"#)
}

fn packed(pieces: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    pieces.for_each(|piece| encoder.write_all(&piece).expect("memory"));
    encoder.finish().expect("memory")
}

/// An array of so many points of `name`, some to a piece.
fn many(name: &'static str, points: usize) -> impl Iterator<Item = Vec<u8>> {
    let piece = move |i: usize| {
        let points: Vec<String> = (i..i + 100).map(|at| format!("[{at},{at}]")).collect();
        let points = points.join(",");
        let first = if i == 0 { '[' } else { ',' };
        format!(r#"{first}{{"name":"{name}","tags":{{"a":"b"}},"datapoints":[{points}]}}"#)
            .into_bytes()
    };
    let all = (0..points).step_by(100).map(piece);
    all.chain(std::iter::once(b"]".to_vec()))
}

#[test]
fn bodies_larger_than_any_bound() {
    let siege = Siege::begin("[http]\nbody_bytes_max = 1048576\n");
    let (port, id) = (siege.appliance.ports.http, siege.appliance.id());
    let before = resident_bytes(id);
    let gzip = "Content-Encoding: gzip\r\n";
    // 100,000 points in 2 MB.
    let told = post_chunks(port, "", many("plain", 100_000));
    assert_eq!(told, (204, String::new()));
    assert_eq!(raw_points(&siege.appliance, "plain").len(), 100_000);
    let small = packed(many("packed", 20_000));
    let chunks = || small.chunks(10_000).map(<[u8]>::to_vec);
    assert_eq!(post_chunks(port, gzip, chunks()), (204, String::new()));
    assert_eq!(raw_points(&siege.appliance, "packed").len(), 20_000);
    // Blanks unpack to a thousand times what was sent.
    let blanks = || std::iter::repeat_with(|| vec![b' '; 1 << 20]);
    let bomb = packed(blanks().take(48).chain([one("bomb", 1).into_bytes()]));
    assert!(bomb.len() < 1 << 20);
    let told = post_chunks(port, gzip, std::iter::once(bomb));
    assert_eq!(told, (204, String::new()));
    // What no object may be: refused, and what was whole before it is there.
    let first = format!("[{},{{\"name\":\"giant\",\"x\":[", one("before", 7)).into_bytes();
    for (what, piece) in [
        ("blanks", b"    ".to_vec()),
        ("points", b"[1700000000000,1.5],".to_vec()),
    ] {
        let giant = std::iter::once(first.clone());
        let giant = giant.chain(std::iter::repeat_n(piece.repeat(50_000), 100));
        let bomb = packed(giant.clone());
        for (status, told) in [
            post_chunks(port, "", giant),
            post_chunks(port, gzip, std::iter::once(bomb)),
        ] {
            assert_eq!(status, 413, "{what}: {told}");
            assert!(
                told.contains("metric[1] has more than 16777216 bytes"),
                "{what}: {told}"
            );
        }
    }
    assert_eq!(raw_points(&siege.appliance, "before").len(), 1);
    for deep in ["[", "{\"a\":", "[{\"a\":["] {
        let body = format!("[{},{{\"x\":{}", one("deep", 7), deep.repeat(200_000));
        let (status, told) = post_chunks(port, "", std::iter::once(body.into_bytes()));
        assert!(status == 400 && told.contains("nesting"), "{status} {told}");
    }
    let more = resident_bytes(id).saturating_sub(before);
    assert!(more < 160 << 20, "{} MiB more than before", more >> 20);
    siege.end(160 << 20);
}

#[test]
fn bodies_that_dwindle() {
    let siege = Siege::begin("[http]\nbody_timeout_ms = 1500\n");
    let port = siege.appliance.ports.http;
    let open = |body: &str| {
        let mut stream = connect(port);
        let head = format!("{HEAD}Content-Length: 1000000\r\n\r\n{body}");
        stream.write_all(head.as_bytes()).expect("taken");
        stream
    };
    let silent: Vec<TcpStream> = (0..100)
        .map(|i| open(&format!("[{},{{\"na", one("dwindles", i))))
        .collect();
    let began = Instant::now();
    let mut dripping = open("[");
    while began.elapsed() < Duration::from_secs(8) {
        if dripping.write_all(b" ").is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(
        began.elapsed() < Duration::from_secs(7),
        "a byte now and then is no progress"
    );
    for mut stream in silent {
        let (status, head, told) = next_answer(&mut stream);
        assert_eq!(status, 408, "{told}");
        assert!(
            head.to_ascii_lowercase().contains("connection: close"),
            "{head}"
        );
        assert_eq!(told, r#"{"errors":["the body took too long to come"]}"#);
    }
    assert_eq!(raw_points(&siege.appliance, "dwindles").len(), 100);
    siege.end(64 << 20);
}

#[test]
fn floods_of_new_tag_values_in_bodies() {
    let siege = Siege::begin("[series]\nmax_per_shard = 2000\n");
    let port = siege.appliance.ports.http;
    let objects: Vec<String> = (0..5_000)
        .map(|i| format!(r#"{{"name":"flood","timestamp":1,"value":1,"tags":{{"id":"v{i}"}}}}"#))
        .collect();
    let body = format!("[{}]", objects.join(",")).into_bytes();
    let (status, told) = post_chunks(port, "", std::iter::once(body));
    assert!(
        status == 400 && told.contains("series.max_per_shard"),
        "{status} {told}"
    );
    siege.end(64 << 20);
}

#[test]
fn every_framing_of_a_body() {
    let appliance = Appliance::start_with(&["--shards", "1"]);
    let port = appliance.ports.http;
    let mut stream = connect(port);
    let good = one("framed", 5);
    let sized = format!("{HEAD}Content-Length: {}\r\n\r\n{good}", good.len());
    let chunked = format!(
        "{HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n{:x}\r\n{good}\r\n1\r\n]\r\n0\r\n\r\n",
        good.len()
    );
    let quoted = "GET /render?target=alias(x,\"y\")&format=json HTTP/1.1\r\nHost: x\r\n\r\n";
    // All on one connection: the first lines of what follows a body are still seen as such.
    for _ in 0..3 {
        for request in [&sized, &chunked] {
            stream.write_all(request.as_bytes()).expect("taken");
            assert_eq!(next_answer(&mut stream).0, 204);
        }
        stream.write_all(quoted.as_bytes()).expect("taken");
        assert_eq!(next_answer(&mut stream).0, 200);
    }
    // One behind the other, without waiting.
    stream
        .write_all(format!("{sized}{chunked}{sized}").as_bytes())
        .expect("taken");
    for _ in 0..3 {
        assert_eq!(next_answer(&mut stream).0, 204);
    }
    // Whoever asks first whether to send is told to.
    let head = format!(
        "{HEAD}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        good.len()
    );
    stream.write_all(head.as_bytes()).expect("taken");
    assert_eq!(next_answer(&mut stream).0, 100);
    stream.write_all(good.as_bytes()).expect("taken");
    assert_eq!(next_answer(&mut stream).0, 204);
    // What is refused, but read to its end, keeps the connection.
    let empty = format!("{HEAD}Content-Length: 0\r\n\r\n");
    stream.write_all(empty.as_bytes()).expect("taken");
    let (status, _, told) = next_answer(&mut stream);
    assert_eq!(status, 400);
    assert_eq!(
        told,
        r#"{"errors":["Invalid json. No content due to end of input."]}"#
    );
    let rubbish = "x".repeat(3 << 20);
    let head = format!("{HEAD}Content-Length: {}\r\n\r\n", rubbish.len());
    stream
        .write_all([head, rubbish].concat().as_bytes())
        .expect("taken");
    let (status, _, told) = next_answer(&mut stream);
    assert_eq!(
        (status, told.as_str()),
        (400, r#"{"errors":["Invalid start of json."]}"#)
    );
    stream.write_all(sized.as_bytes()).expect("taken");
    assert_eq!(next_answer(&mut stream).0, 204);
    // A method that takes no body, and HTTP/1.0.
    for (method, version, status) in [
        ("OPTIONS", "1.1", 200),
        ("PUT", "1.1", 405),
        ("POST", "1.0", 204),
    ] {
        let request = sized.replace("POST", method).replace("1.1", version);
        stream.write_all(request.as_bytes()).expect("taken");
        assert_eq!(next_answer(&mut stream).0, status, "{method} {version}");
    }
    assert_eq!(raw_points(&appliance, "framed").len(), 1);
    appliance.stop();
}

/// What was refused whole leaves nothing to be committed: who comes next waits for its own commit only.
#[test]
fn a_refused_body_delays_nobody() {
    let folder = Arc::new(Scratch::new("refused"));
    let file = folder.write("own.toml", "[store]\ncommit_ms = 10000\n");
    let config = file.to_str().expect("a path in UTF-8");
    let appliance = Appliance::start_on(&folder, &["--shards", "1", "--config", config]);
    let mut stream = connect(appliance.ports.http);
    let mut post = |body: &str| {
        let request = format!("{HEAD}Content-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).expect("taken");
        next_answer(&mut stream).0
    };
    let refused = r#"{"name":"bad","timestamp":1,"value":[],"tags":{"a":"b"}}"#;
    let began = Instant::now();
    for at in 0..5 {
        assert_eq!(post(refused), 400);
        assert_eq!(post(&one("good", at)), 204);
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");
}
