//! KairosDB's and OpenTSDB's lines: `put name timestamp value key=value …`, and `putm` for milliseconds.
//!
//! Names come with their tags (`cpu.user;core=c03;host=h000012`) and are taken apart here.

use std::fmt::Display;

use super::{Encoder, Slots, digits};
use crate::workload::Kind;

/// Which lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Telnet {
    /// `putm` with milliseconds instead of `put` with seconds.
    pub millis: bool,
    /// Seconds that points are to stay, told line by line; 0 tells nothing.
    pub ttl_seconds: u32,
}

impl Telnet {
    fn command(self) -> &'static str {
        if self.millis { "putm" } else { "put" }
    }

    /// What stands behind the ten digits of the seconds.
    fn fraction(self) -> &'static str {
        if self.millis { "000" } else { "" }
    }

    /// One line with its line feed; numbers are written as they show themselves.
    pub fn line(self, name: &str, value: impl Display, timestamp_s: impl Display) -> String {
        let (command, fraction) = (self.command(), self.fraction());
        let mut parts = name.split(';');
        let metric = parts.next().unwrap_or_default();
        let mut line = format!("{command} {metric} {timestamp_s}{fraction} {value}");
        for tag in parts {
            line = line + " " + tag;
        }
        if self.ttl_seconds > 0 {
            line += &format!(" kairos_opt.ttl={}", self.ttl_seconds);
        }
        line + "\n"
    }
}

impl Encoder for Telnet {
    type Stamp = [u8; 10];

    fn item(&self, name: &str, kind: Kind, out: &mut Vec<u8>) -> Slots {
        let value = kind.value(kind.origin(0));
        out.extend_from_slice(self.line(name, value, 1_000_000_000).as_bytes());
        let metric_bytes = name.find(';').unwrap_or(name.len());
        let timestamp_at = self.command().len() + 1 + metric_bytes + 1;
        Slots {
            value_at: (timestamp_at + 10 + self.fraction().len() + 1) as u16,
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
}
