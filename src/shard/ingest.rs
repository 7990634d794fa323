//! From the bytes of a read to decoded samples.

mod telnet;

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use memchr::memchr;

use super::Shard;
use super::feed::{Feed, Verdict};
use crate::base::buffer::{HEADROOM, ReadBuffer};
use crate::base::time::Arrival;
use crate::model::refusal::{Protocol, Reason, Refusals};
use crate::model::sample::Samples;
use crate::store::log::Ticket;
use crate::wire::pickle::Next;

impl Shard {
    /// Take the `filled` bytes that were read into `buffer` from the stream connection of `feed`.
    pub fn take(
        &mut self,
        feed: &mut Feed,
        buffer: &mut ReadBuffer,
        filled: usize,
        at: Arrival,
    ) -> Verdict {
        self.landing.vitals.bytes_read[feed.protocol as usize] += filled as u64;
        self.sources.add(feed.source, filled as u64);
        let before = feed.held_bytes();
        let verdict = match feed.protocol {
            Protocol::Pickle => self.take_frames(feed, buffer, filled, at),
            Protocol::KairosTelnet => self.take_commands(feed, buffer, filled, at),
            _ => self.take_lines(feed, buffer, filled, at),
        };
        self.buffered_bytes = self.buffered_bytes - before + feed.held_bytes();
        verdict
    }

    /// Whether all feeds together hold more than they may. Then the one that holds most has to be
    /// turned out, and not the one that came last: many who leave much unfinished do not drive out
    /// somebody who leaves half a line.
    pub fn is_overfull(&self) -> bool {
        self.options.buffered_bytes_max < self.buffered_bytes
    }

    /// Drop what `feed` left unfinished, and count it: its connection has to be closed.
    pub fn turn_out(&mut self, feed: &mut Feed) {
        self.refuse(feed.protocol, Reason::Buffers);
        self.forget(feed);
    }

    /// The peer closed: what it left unfinished is dropped and counted.
    pub fn end(&mut self, feed: &mut Feed) {
        let unfinished = feed.skipping || feed.rest.iter().any(|&byte| byte != 0);
        if unfinished {
            self.refuse(feed.protocol, Reason::LineCut);
        }
        self.forget(feed);
    }

    /// Take one datagram. What addresses of datagrams say may be forged; it is only counted.
    pub fn take_datagram(
        &mut self,
        protocol: Protocol,
        datagram: &[u8],
        from: IpAddr,
        at: Arrival,
    ) {
        let source = self.sources.of(from);
        self.sources.add(source, datagram.len() as u64);
        self.landing.vitals.bytes_read[protocol as usize] += datagram.len() as u64;
        let decoded = guarded(|| {
            self.lines
                .decode_datagram(datagram, at.now, &mut self.samples)
        });
        if decoded.is_none() {
            self.samples.clear();
            self.refuse(protocol, Reason::Panic);
            return;
        }
        self.landing.land_paths(
            protocol,
            datagram,
            &mut self.samples,
            at,
            &mut self.datagram_follow,
        );
    }

    /// Take samples that were decoded elsewhere and that somebody waits for; `text` is what their names
    /// are spans of. Gives what stands for their being on stable storage, and what was refused of them. The
    /// commit begins when [`Shard::ticket`] is called, or after the interval.
    pub fn take_samples(
        &mut self,
        protocol: Protocol,
        text: &[u8],
        samples: &mut Samples,
        at: Arrival,
    ) -> (Ticket, Refusals) {
        // What the decoder refused is counted with the rest, but it has told that itself.
        let mut before = self.landing.vitals.refused[protocol as usize].clone();
        before.absorb(&mut samples.refusals.clone());
        let follow = &mut self.samples_follow;
        self.landing.land(protocol, text, samples, at, follow);
        let refused = self.landing.vitals.refused[protocol as usize].since(&before);
        (self.landing.store.standing_ticket(), refused)
    }

    fn take_lines(
        &mut self,
        feed: &mut Feed,
        buffer: &mut ReadBuffer,
        filled: usize,
        at: Arrival,
    ) -> Verdict {
        let more = buffer.filled(filled);
        let line_bytes_max = self.line_bytes_max(feed.protocol);
        if !feed.rest.is_empty()
            && feed.rest.len() + more.len() <= line_bytes_max
            && memchr(b'\n', more).is_none()
        {
            // A line that comes in many pieces is looked at once, when it is whole.
            feed.rest.extend_from_slice(more);
            return Verdict::Keep;
        }
        let mut text = buffer.joined(&feed.rest, filled);
        if feed.skipping {
            match memchr(b'\n', text) {
                Some(end) => text = &text[end + 1..],
                None => return Verdict::Keep,
            }
            feed.skipping = false;
        }
        loop {
            let taken = match feed.protocol {
                Protocol::KairosTelnet => self.land_commands(feed, text, at),
                _ => self.land_lines(feed, text, at),
            };
            let Some(taken) = taken else {
                return self.give_up(feed);
            };
            if taken == 0 {
                break;
            }
            text = &text[taken..];
        }
        if line_bytes_max < text.len() {
            self.refuse(feed.protocol, Reason::LineLong);
            feed.skipping = true;
            text = &[];
        }
        feed.keep(text);
        Verdict::Keep
    }

    /// A chunk of lines: decoded and landed. Gives the bytes it takes; `None` where the decoder fails.
    fn land_lines(&mut self, feed: &mut Feed, text: &[u8], at: Arrival) -> Option<usize> {
        let taken = guarded(|| self.lines.decode(text, at.now, &mut self.samples))?;
        let follow = &mut feed.follow;
        self.landing
            .land_paths(feed.protocol, text, &mut self.samples, at, follow);
        Some(taken)
    }

    /// Bytes of an unfinished line that are kept.
    fn line_bytes_max(&self, protocol: Protocol) -> usize {
        match protocol {
            // A carriage return at the end is no part of it.
            Protocol::KairosTelnet => (self.options.telnet.line_bytes_max + 1).min(HEADROOM),
            _ => self.options.line_bytes_max,
        }
    }

    /// Usual frames fit into what one read and the headroom hold. A longer one is gathered in the
    /// feed, and looked at once it is whole.
    fn take_frames(
        &mut self,
        feed: &mut Feed,
        buffer: &mut ReadBuffer,
        filled: usize,
        at: Arrival,
    ) -> Verdict {
        if HEADROOM < feed.rest.len() || feed.waits_for_more_than(filled) {
            feed.rest.extend_from_slice(buffer.filled(filled));
            if feed.waits_for_more_than(0) {
                return Verdict::Keep;
            }
            let gathered = std::mem::take(&mut feed.rest);
            return self.frames_of(feed, &gathered, at);
        }
        let rest = std::mem::take(&mut feed.rest);
        self.frames_of(feed, buffer.joined(&rest, filled), at)
    }

    fn frames_of(&mut self, feed: &mut Feed, mut bytes: &[u8], at: Arrival) -> Verdict {
        loop {
            let decoded = guarded(|| self.frames.decode(bytes, at.now, &mut self.samples));
            let Some(batch) = decoded else {
                return self.give_up(feed);
            };
            self.landing.land_paths(
                feed.protocol,
                batch.text,
                &mut self.samples,
                at,
                &mut feed.follow,
            );
            bytes = &bytes[batch.taken..];
            match batch.next {
                Next::Again => {}
                Next::Need(wanted) => {
                    feed.wanted = wanted;
                    feed.keep(bytes);
                    return Verdict::Keep;
                }
                Next::Close => {
                    feed.keep(&[]);
                    return Verdict::Close;
                }
            }
        }
    }

    /// A decoder failed: count it, forget what it was doing, close its connection.
    fn give_up(&mut self, feed: &mut Feed) -> Verdict {
        self.samples.clear();
        self.refuse(feed.protocol, Reason::Panic);
        feed.keep(&[]);
        Verdict::Close
    }

    pub(super) fn forget(&mut self, feed: &mut Feed) {
        self.buffered_bytes -= feed.held_bytes();
        feed.keep(&[]);
        feed.answers = Vec::new();
    }

    /// Count one refusal.
    pub fn refuse(&mut self, protocol: Protocol, reason: Reason) {
        self.landing.vitals.refused[protocol as usize].count(reason);
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
