//! The slow twins: every point written anew, byte by byte, from name, timestamp and value.
//!
//! They say what the patched buffers of [`super::Sheet`] must be equal to. Nothing here is kept
//! between points.

use super::graphite;
use super::json::{Dialect, Form};
use super::telnet::Telnet;
use crate::workload::Value;

/// One point as a twin sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Name of the series.
    pub name: String,
    /// Seconds since 1970.
    pub timestamp_s: u64,
    /// The value.
    pub value: Value,
}

/// Points as plaintext lines.
pub fn plaintext(points: &[Point]) -> Vec<u8> {
    points
        .iter()
        .flat_map(|point| graphite::line(&point.name, point.value, point.timestamp_s).into_bytes())
        .collect()
}

/// Points as KairosDB's lines.
pub fn telnet(points: &[Point], telnet: Telnet) -> Vec<u8> {
    let mut text = String::new();
    for point in points {
        let words: Vec<&str> = point.name.split(';').collect();
        let seconds = point.timestamp_s;
        text += &match telnet.millis {
            true => format!("putm {} {}", words[0], seconds * 1000),
            false => format!("put {} {seconds}", words[0]),
        };
        text += &format!(" {}", point.value);
        words[1..].iter().for_each(|tag| text += &format!(" {tag}"));
        if telnet.ttl_seconds != 0 {
            text += &format!(" kairos_opt.ttl={}", telnet.ttl_seconds);
        }
        text += "\n";
    }
    text.into_bytes()
}

/// Points as HTTP requests of at most `batch` points each. Names carry their tags: `name;key=value`.
pub fn requests(
    points: &[Point],
    form: Form,
    dialect: Dialect,
    host: &str,
    batch: usize,
) -> Vec<u8> {
    points
        .chunks(batch)
        .flat_map(|chunk| {
            let objects: Vec<String> = chunk
                .iter()
                .map(|point| object(point, form, dialect))
                .collect();
            let body = format!("[{}]", objects.join(","));
            let path = dialect.path();
            let length = body.len();
            format!(
                "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
                 Content-Length: {length}\r\n\r\n{body}"
            )
            .into_bytes()
        })
        .collect()
}

/// One point as the object that a request's array holds.
fn object(point: &Point, form: Form, dialect: Dialect) -> String {
    let mut parts = point.name.split(';');
    let name = parts.next().unwrap_or_default();
    let tags: Vec<String> = parts
        .filter_map(|part| part.split_once('='))
        .map(|(key, value)| format!("\"{key}\":\"{value}\""))
        .collect();
    let tags = tags.join(",");
    let (value, seconds) = (point.value, point.timestamp_s);
    let kind = match (form.typed, value.decimals) {
        (false, _) => String::new(),
        (true, 0) => ",\"type\":\"long\"".to_owned(),
        (true, _) => ",\"type\":\"double\"".to_owned(),
    };
    let ttl = match form.ttl_seconds {
        0 => String::new(),
        seconds => format!(",\"ttl\":{seconds}"),
    };
    match dialect {
        Dialect::Kairos => format!(
            "{{\"name\":\"{name}\",\"timestamp\":{seconds}000,\"value\":{value}{kind}{ttl},\"tags\":{{{tags}}}}}"
        ),
        Dialect::OpenTsdb => format!(
            "{{\"metric\":\"{name}\",\"timestamp\":{seconds},\"value\":{value}{kind}{ttl},\"tags\":{{{tags}}}}}"
        ),
    }
}

/// Points as frames of at most `frame_items` items.
pub fn pickle(points: &[Point], frame_items: usize) -> Vec<u8> {
    points
        .chunks(frame_items)
        .flat_map(|chunk| {
            let items: Vec<(&str, f64, f64)> = chunk
                .iter()
                .map(|point| {
                    (
                        point.name.as_str(),
                        point.timestamp_s as f64,
                        point.value.as_f64(),
                    )
                })
                .collect();
            frame(&items)
        })
        .collect()
}

/// One pickle frame with its length, from name, timestamp in seconds and value of each item.
pub fn frame(items: &[(&str, f64, f64)]) -> Vec<u8> {
    let mut payload = b"\x80\x02]q\x00(".to_vec();
    let mut memo = 0_u32;
    let mut remember = |payload: &mut Vec<u8>| {
        memo += 1;
        payload.push(b'r');
        payload.extend(memo.to_le_bytes());
    };
    for (name, timestamp_s, value) in items {
        payload.push(b'X');
        payload.extend((name.len() as u32).to_le_bytes());
        payload.extend(name.bytes());
        remember(&mut payload);
        for number in [timestamp_s, value] {
            payload.push(b'G');
            payload.extend(number.to_be_bytes());
        }
        for _ in 0..2 {
            payload.push(0x86);
            remember(&mut payload);
        }
    }
    payload.extend(b"e.");
    let mut frame = (payload.len() as u32).to_be_bytes().to_vec();
    frame.extend(payload);
    frame
}
