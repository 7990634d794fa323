//! From the bytes of a read to points in the head.

use std::panic::{AssertUnwindSafe, catch_unwind};

use memchr::memchr;

use super::Shard;
use super::feed::{Feed, Verdict};
use crate::base::buffer::ReadBuffer;
use crate::base::time::{Arrival, Millis};
use crate::index::{self, Follow};
use crate::model::refusal::{Protocol, Reason};
use crate::model::series::{SERIES_BYTES_MAX, SentName, SeriesId};
use crate::wire::name;

impl Shard {
    /// Take the `filled` bytes that were read into `buffer` from the stream connection of `feed`.
    pub fn take(
        &mut self,
        feed: &mut Feed,
        buffer: &mut ReadBuffer,
        filled: usize,
        at: Arrival,
    ) -> Verdict {
        self.vitals.bytes_read[feed.protocol as usize] += filled as u64;
        self.take_lines(feed, buffer, filled, at)
    }

    /// The peer closed: what it left unfinished is dropped and counted.
    pub fn end(&mut self, feed: &mut Feed) {
        let unfinished = feed.skipping || feed.rest.iter().any(|&byte| byte != 0);
        if unfinished {
            self.refuse(feed.protocol, Reason::LineCut);
        }
        feed.keep(&[]);
    }

    /// Take one datagram.
    pub fn take_datagram(&mut self, protocol: Protocol, datagram: &[u8], at: Arrival) {
        self.vitals.bytes_read[protocol as usize] += datagram.len() as u64;
        self.samples.clear();
        let decoded = guarded(|| {
            self.lines
                .decode_datagram(datagram, at.now, &mut self.samples)
        });
        if decoded.is_none() {
            self.refuse(protocol, Reason::Panic);
            return;
        }
        let mut follow = self.datagram_follow;
        self.land(protocol, datagram, at, &mut follow);
        self.datagram_follow = follow;
    }

    fn take_lines(
        &mut self,
        feed: &mut Feed,
        buffer: &mut ReadBuffer,
        filled: usize,
        at: Arrival,
    ) -> Verdict {
        let mut text = buffer.joined(&feed.rest, filled);
        if feed.skipping {
            match memchr(b'\n', text) {
                Some(end) => text = &text[end + 1..],
                None => return Verdict::Keep,
            }
            feed.skipping = false;
        }
        loop {
            self.samples.clear();
            let Some(taken) = guarded(|| self.lines.decode(text, at.now, &mut self.samples)) else {
                return self.give_up(feed);
            };
            self.land(feed.protocol, text, at, &mut feed.follow);
            if taken == 0 {
                break;
            }
            text = &text[taken..];
        }
        if self.options.line_bytes_max < text.len() {
            self.refuse(feed.protocol, Reason::LineLong);
            feed.skipping = true;
            text = &[];
        }
        feed.keep(text);
        Verdict::Keep
    }

    /// Give every decoded sample its series and its place. `text` is what the names are spans of.
    pub(super) fn land(
        &mut self,
        protocol: Protocol,
        text: &[u8],
        at: Arrival,
        follow: &mut Follow,
    ) {
        let names = &self.samples.names;
        let followed = follow.is_trusted();
        self.index.resolve(text, names, follow, &mut self.ids);
        if !followed {
            // Series in no order: fetch what the points will touch side by side.
            self.ids
                .iter()
                .for_each(|&id| self.head.prefetch_tail(SeriesId(id)));
            self.ids
                .iter()
                .for_each(|&id| self.head.prefetch_block(SeriesId(id)));
        }
        let (mut accepted, mut full) = (0, 0);
        for i in 0..self.ids.len() {
            let mut id = self.ids[i];
            if id == index::UNKNOWN {
                match self.meet(self.samples.names[i].of(text), follow) {
                    Ok(new) => id = new.0,
                    Err(reason) => {
                        self.samples.refuse(reason);
                        continue;
                    }
                }
            }
            let (time, value) = (Millis(self.samples.times[i]), self.samples.values[i]);
            match self.head.append(SeriesId(id), time, at.stamp, value) {
                Ok(()) => accepted += 1,
                Err(_) => full += 1,
            }
        }
        self.vitals.accepted[protocol as usize] += accepted;
        let refused = &mut self.vitals.refused[protocol as usize];
        refused.add(Reason::HeadFull, full);
        refused.absorb(&mut self.samples.refusals);
    }

    /// A name in a form that was not seen before.
    #[cold]
    fn meet(&mut self, sent: &[u8], follow: &mut Follow) -> Result<SeriesId, Reason> {
        if SERIES_BYTES_MAX < sent.len() {
            return Err(Reason::NameLong);
        }
        let admitted = self.gate.admit(SentName(sent))?;
        let name = name::parse(admitted.name)?;
        let id = self.index.intern(admitted.tenant, &name, sent, follow)?;
        self.head.admit(id);
        Ok(id)
    }

    /// A decoder failed: count it, forget what it was doing, close its connection.
    fn give_up(&mut self, feed: &mut Feed) -> Verdict {
        self.refuse(feed.protocol, Reason::Panic);
        feed.keep(&[]);
        Verdict::Close
    }

    /// Count one refusal.
    pub fn refuse(&mut self, protocol: Protocol, reason: Reason) {
        self.vitals.refused[protocol as usize].count(reason);
    }
}

/// Run a decoder, which is pure: a panic in it is a refusal. Everything behind it may not panic.
fn guarded<T>(decode: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(decode)).ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_panic_while_decoding_is_an_answer() {
        assert_eq!(super::guarded(|| 1), Some(1));
        assert_eq!(
            super::guarded(|| -> i32 { panic!("a decoder that fails") }),
            None
        );
    }
}
