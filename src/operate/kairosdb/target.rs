//! Writes points with `POST /api/v1/datapoints`, whose 204 means that they are kept for good.

use std::io::Write;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Method, StatusCode};

use super::batch::{Batch, Form};
use super::client::{Call, Client};
use super::point::{Series, Type};
use super::source::Taker;
use super::trouble::Trouble;
use super::walk::Sink;

/// Bytes of a body.
const BODY_BYTES: usize = 1 << 20;
/// How often a body is sent that is answered with an error of the server, and how long between.
const TRIES_MAX: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);
/// Texts of refusals that are kept.
const TOLD_MAX: usize = 5;

/// A server that is written to.
pub(super) struct Target {
    client: Client,
    batch: Batch,
    /// What was lost of all that is settled, and of what came since.
    pub(super) lost: Lost,
    lost_since: Lost,
    /// What was said of the first bodies in which something was refused.
    pub(super) told: Vec<String>,
}

/// What a server did not take.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lost {
    /// Bodies in which something was refused.
    pub(super) refused: u64,
    /// Points that are no finite number of their type, which no server takes.
    pub(super) unfit: u64,
}

impl Lost {
    pub(super) fn all(self) -> u64 {
        self.refused + self.unfit
    }
}

impl Target {
    pub(super) fn new(client: Client, ttl_seconds: Option<u32>) -> Target {
        Target {
            client,
            batch: Batch::new(Form::Body { ttl_seconds }),
            lost: Lost::default(),
            lost_since: Lost::default(),
            told: Vec::new(),
        }
    }

    fn send(&mut self) -> Result<(), Trouble> {
        let body = self.batch.take();
        if body.is_empty() {
            return Ok(());
        }
        let is_packed = self.client.is_far();
        let body = match is_packed {
            true => {
                let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
                let packed = packed.write_all(&body).and_then(|()| packed.finish());
                packed.map_err(|error| Trouble::Fatal(format!("gzip: {error}")))?
            }
            false => body,
        };
        let call = Call {
            method: Method::POST,
            path: "/api/v1/datapoints".to_owned(),
            body: Some(Bytes::from(body)),
            is_packed,
        };
        let mut tries = 0;
        loop {
            tries += 1;
            let why = match self.client.call(&call) {
                Ok(StatusCode::NO_CONTENT) => return Ok(()),
                Ok(StatusCode::BAD_REQUEST) => {
                    // What was good of it is kept.
                    let text = self.client.error_text();
                    self.lost_since.refused += 1;
                    if self.told.len() < TOLD_MAX {
                        self.told.push(text);
                    }
                    return Ok(());
                }
                Ok(status) => format!("status {}: {}", status.as_u16(), self.client.error_text()),
                Err(Trouble::Broken(text)) => text,
                Err(trouble) => return Err(trouble),
            };
            if tries == TRIES_MAX {
                return Err(Trouble::Fatal(format!(
                    "{} does not take points, tried {TRIES_MAX} times: {why}",
                    self.client.place().shown()
                )));
            }
            thread::sleep(PAUSE);
        }
    }
}

impl Taker for Target {
    fn begin(&mut self, series: &Series) -> Result<(), Trouble> {
        self.batch.begin(series);
        Ok(())
    }

    fn point(&mut self, at: i64, kind: Type, value: &str) -> Result<(), Trouble> {
        if self.batch.push(at, kind, value).is_none() {
            self.lost_since.unfit += 1;
        }
        if BODY_BYTES <= self.batch.bytes() {
            self.send()?;
        }
        Ok(())
    }
}

impl Sink for Target {
    fn settle(&mut self) -> Result<u64, Trouble> {
        self.send()?;
        let lost = std::mem::take(&mut self.lost_since);
        self.lost.refused += lost.refused;
        self.lost.unfit += lost.unfit;
        Ok(lost.all())
    }

    fn forget(&mut self) {
        // Points have no number, so what was sent already can be sent again.
        self.batch.clear();
        self.lost_since = Lost::default();
    }
}
