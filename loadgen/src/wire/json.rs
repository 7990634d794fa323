//! Points as JSON arrays in HTTP requests: KairosDB's `POST /api/v1/datapoints` and OpenTSDB's
//! `POST /api/put`.
//!
//! A message is one request with its head, on a connection that is kept open. Both doors want tags,
//! so names come with theirs (`cpu.user;core=c03;host=h000012`) and are taken apart here. KairosDB's
//! timestamps are milliseconds, OpenTSDB's are seconds, as its lines have them.

use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Encoder, Slots, digits};
use crate::workload::Kind;

/// Which of the two doors is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// KairosDB.
    Kairos,
    /// OpenTSDB.
    OpenTsdb,
}

impl Dialect {
    /// Where requests go.
    pub fn path(self) -> &'static str {
        match self {
            Dialect::Kairos => "/api/v1/datapoints",
            Dialect::OpenTsdb => "/api/put",
        }
    }

    fn name_key(self) -> &'static str {
        match self {
            Dialect::Kairos => "name",
            Dialect::OpenTsdb => "metric",
        }
    }

    /// What stands behind the ten digits of the seconds.
    fn fraction(self) -> &'static str {
        match self {
            Dialect::Kairos => "000",
            Dialect::OpenTsdb => "",
        }
    }
}

/// What the objects of KairosDB's requests say besides name, time, value and tags, and whether bodies are
/// packed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Form {
    /// Name the type of each value.
    pub typed: bool,
    /// Seconds that points are to stay; 0 says nothing.
    pub ttl_seconds: u32,
    /// Bodies in gzip.
    pub gzip: bool,
}

impl Form {
    /// The members of an object between its value and its tags, each with a comma in front.
    pub fn members(self, kind: Kind) -> String {
        let mut members = String::new();
        if self.typed {
            let name = match kind.decimals() {
                0 => "long",
                _ => "double",
            };
            members += &format!(",\"type\":\"{name}\"");
        }
        if self.ttl_seconds > 0 {
            members += &format!(",\"ttl\":{}", self.ttl_seconds);
        }
        members
    }
}

/// A request as [`Requests`] lays it out, with its body packed.
///
/// # Errors
/// A request without a head.
pub fn packed(request: &[u8]) -> std::io::Result<Vec<u8>> {
    let wrong = || std::io::Error::other("a request without a head");
    let end = request.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = request.split_at(end.ok_or_else(wrong)?);
    let length = head.windows(LENGTH.len()).rposition(|name| name == LENGTH);
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&body[4..])?;
    let body = packer.finish()?;
    let mut out = head[..length.ok_or_else(wrong)?].to_vec();
    out.extend_from_slice(b"Content-Encoding: gzip\r\n");
    out.extend_from_slice(LENGTH);
    out.extend_from_slice(format!("{}\r\n\r\n", body.len()).as_bytes());
    out.extend_from_slice(&body);
    Ok(out)
}

/// The last header of a head.
const LENGTH: &[u8] = b"Content-Length: ";

/// Lays out requests and patches their digits.
#[derive(Debug, Clone)]
pub struct Requests {
    dialect: Dialect,
    form: Form,
    /// Everything of a request before its length.
    head: Arc<str>,
}

impl Requests {
    /// Requests to `host`, as the `Host` header names it, with nothing that need not be there.
    pub fn new(dialect: Dialect, host: &str) -> Requests {
        Requests::with(Form::default(), dialect, host)
    }

    /// Requests of that form to `host`. They are laid out bare: [`packed`] packs one.
    pub fn with(form: Form, dialect: Dialect, host: &str) -> Requests {
        let path = dialect.path();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: "
        );
        Requests {
            dialect,
            form,
            head: head.into(),
        }
    }
}

impl Requests {
    /// Whether bodies are to be packed.
    pub fn packs(&self) -> bool {
        self.form.gzip
    }
}

impl Encoder for Requests {
    type Stamp = [u8; 10];

    fn item(&self, name: &str, kind: Kind, out: &mut Vec<u8>) -> Slots {
        debug_assert!(name.bytes().all(|byte| !b"\"\\".contains(&byte)));
        let start = out.len();
        let mut parts = name.split(';');
        let metric = parts.next().unwrap_or_default();
        let mut put = |text: &str| {
            out.extend_from_slice(text.as_bytes());
            out.len() - start
        };
        for text in [",{\"", self.dialect.name_key(), "\":\"", metric] {
            put(text);
        }
        let timestamp_at = put("\",\"timestamp\":");
        put("1000000000");
        put(self.dialect.fraction());
        let value_at = put(",\"value\":");
        put(&kind.value(kind.origin(0)).to_string());
        put(&self.form.members(kind));
        put(",\"tags\":{");
        for (number, (key, value)) in parts.filter_map(|part| part.split_once('=')).enumerate() {
            for text in [
                if number == 0 { "\"" } else { ",\"" },
                key,
                "\":\"",
                value,
                "\"",
            ] {
                put(text);
            }
        }
        put("}}");
        Slots {
            value_at: value_at as u16,
            timestamp_at: timestamp_at as u16,
        }
    }

    fn stamp(&self, timestamp_s: u64) -> [u8; 10] {
        digits::ten(timestamp_s)
    }

    #[inline(always)]
    fn patch_stamp(&self, item: &mut [u8], slots: Slots, stamp: [u8; 10]) {
        let at = usize::from(slots.timestamp_at);
        item[at..at + 10].copy_from_slice(&stamp);
    }

    #[inline(always)]
    fn patch_value(&self, item: &mut [u8], slots: Slots, kind: Kind, scaled: u32) {
        let at = usize::from(slots.value_at);
        digits::patch_value(&mut item[at..at + kind.width()], kind, scaled);
    }

    /// An item begins with what stands between it and the one before: the first opens the array.
    fn place(&self, item: &mut [u8], _slots: Slots, number: u32) {
        item[0] = if number == 0 { b'[' } else { b',' };
    }

    fn open(&self, items_bytes: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(self.head.as_bytes());
        out.extend_from_slice((items_bytes + 1).to_string().as_bytes());
        out.extend_from_slice(b"\r\n\r\n");
    }

    fn close(&self, out: &mut Vec<u8>) {
        out.push(b']');
    }

    fn overhead_bytes(&self) -> usize {
        // The length has at most twenty digits.
        self.head.len() + 20 + 4 + 1
    }
}
