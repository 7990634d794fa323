//! One core's worth of corelane: an ordinary struct without locks, because only its core touches
//! it. Events in, values out; `rt` drives it on glommio, the simulator on a seed.
#![forbid(unsafe_code)]

pub mod feed;
pub mod mail;
pub mod vitals;

use crate::base::buffer::ReadBuffer;
use crate::base::time::Arrival;
use crate::model::refusal::Protocol;
use feed::{Feed, Verdict};
use mail::Mail;

/// One shard.
pub struct Shard {
    /// Its number, 0 first.
    pub number: usize,
    /// Its counters.
    pub vitals: vitals::Vitals,
}

impl Shard {
    /// An empty shard.
    pub fn new(number: usize) -> Shard {
        Shard {
            number,
            vitals: vitals::Vitals::default(),
        }
    }

    /// Take the `filled` bytes that were read into `buffer` from the stream connection of `feed`.
    pub fn take(
        &mut self,
        feed: &mut Feed,
        buffer: &mut ReadBuffer,
        filled: usize,
        _at: Arrival,
    ) -> Verdict {
        let _ = (feed, buffer, filled);
        Verdict::Keep
    }

    /// The peer closed: what it left unfinished is dropped and counted.
    pub fn end(&mut self, _feed: &mut Feed) {}

    /// Take one datagram, already in `buffer`'s read area.
    pub fn take_datagram(&mut self, _protocol: Protocol, _datagram: &[u8], _at: Arrival) {}

    /// Open one piece of mail.
    pub fn open_mail(&mut self, _mail: Mail) {}

    /// Do one slice (about 100 µs) of the scans under way. Gives mail to be posted: `(to, mail)`.
    /// `None` when there is nothing to do.
    pub fn work(&mut self) -> Option<Vec<(usize, Mail)>> {
        None
    }
}
