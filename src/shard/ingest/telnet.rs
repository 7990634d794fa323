//! KairosDB's lines: what else than points comes in by their door, and what goes back.

use super::guarded;
use crate::base::buffer::ReadBuffer;
use crate::base::time::Arrival;
use crate::model::refusal::Reason;
use crate::shard::Shard;
use crate::shard::feed::{ANSWER_BYTES_MAX, Feed, Verdict};
use crate::shard::landing::Landing;
use crate::shard::vitals::COMMANDS;
use crate::wire::kairos_telnet::Counts;

/// How a connection begins that speaks HTTP.
const REQUESTS: [&[u8]; 6] = [
    b"GET /",
    b"POST /",
    b"PUT /",
    b"HEAD /",
    b"DELETE /",
    b"OPTIONS ",
];

/// What the first bytes of a connection tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Http,
    Lines,
    /// They may become either.
    Nothing,
}

fn told(first: &[u8], second: &[u8]) -> Told {
    let mut bytes = first.iter().chain(second);
    let come = bytes.clone().count();
    for request in REQUESTS {
        let same = request.iter().zip(bytes.clone()).all(|(a, b)| a == b);
        if same && request.len() <= come {
            return Told::Http;
        }
        if same {
            return Told::Nothing;
        }
    }
    match bytes.next() {
        None => Told::Nothing,
        Some(_) => Told::Lines,
    }
}

/// Count the lines of a chunk by their commands, where `read` became samples and `refused` of those no
/// points. Which those were nobody remembers: where a chunk has lines of several commands, `put` is taken for
/// the one, and then `putm`.
fn count(lines: Counts, read: usize, refused: u64, counts: &mut [u64; COMMANDS.len()]) {
    let put = read.saturating_sub(lines.putm + lines.puts);
    let mut refused = refused;
    let [of_put, of_putm, of_puts, of_version] = counts;
    for (mine, more) in [(of_put, put), (of_putm, lines.putm), (of_puts, lines.puts)] {
        let lost = refused.min(more as u64);
        *mine += more as u64 - lost;
        refused -= lost;
    }
    *of_version += lines.version as u64;
}

impl Shard {
    /// Lines, unless the connection turns out to speak HTTP, as OpenTSDB takes both at one port.
    pub(super) fn take_commands(
        &mut self,
        feed: &mut Feed,
        buffer: &mut ReadBuffer,
        filled: usize,
        at: Arrival,
    ) -> Verdict {
        if feed.is_untold && self.commands.options().takes_http {
            let more = buffer.filled(filled);
            match told(&feed.rest, more) {
                Told::Http => {
                    feed.rest.extend_from_slice(more);
                    return Verdict::Http;
                }
                Told::Lines => feed.is_untold = false,
                Told::Nothing => {}
            }
        }
        let verdict = self.take_lines(feed, buffer, filled, at);
        if ANSWER_BYTES_MAX < feed.answers.len() {
            self.refuse(feed.protocol, Reason::Reader);
            return Verdict::Close;
        }
        verdict
    }

    /// A chunk of lines: decoded, landed, answered. Gives the bytes it takes; `None` where the decoder fails.
    pub(super) fn land_commands(
        &mut self,
        feed: &mut Feed,
        text: &[u8],
        at: Arrival,
    ) -> Option<usize> {
        let (habit, answers) = (&mut feed.habit, &mut feed.answers);
        let decode = || {
            self.commands
                .decode(text, habit, &mut self.samples, answers)
        };
        let taken = guarded(decode)?;
        let tells = self.options.telnet.tells_errors;
        let refused = |shard: &Shard| shard.landing.vitals.refused[feed.protocol as usize].clone();
        // What the decoder refused it has told itself.
        let before = tells.then(|| (refused(self), self.samples.refusals.clone()));
        let names = self.commands.text();
        let (follow, read) = (&mut feed.follow, self.samples.len());
        let accepted = |shard: &Landing| shard.vitals.accepted[feed.protocol as usize];
        let known = accepted(&self.landing);
        self.landing
            .land(feed.protocol, names, &mut self.samples, at, follow);
        self.commands.learn(&self.samples.series);
        let lost = (read as u64).saturating_sub(accepted(&self.landing) - known);
        let counts = &mut self.landing.vitals.kairos.commands;
        count(self.commands.counts(), read, lost, counts);
        if let Some((before, decoded)) = before {
            for (reason, count) in refused(self).since(&before).since(&decoded).iter() {
                let told = format!("put: {count} points were not stored: {}\n", reason.label());
                feed.answers.extend_from_slice(told.as_bytes());
            }
        }
        Some(taken)
    }

    /// The peer has taken so many bytes of its answers.
    pub fn answered(&mut self, feed: &mut Feed, bytes: usize) {
        let before = feed.held_bytes();
        feed.answers.drain(..bytes.min(feed.answers.len()));
        if feed.answers.is_empty() {
            feed.answers = Vec::new();
        }
        self.buffered_bytes = self.buffered_bytes - before + feed.held_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_counted_without_what_is_refused() {
        let check = |lines: [usize; 3], read: usize, refused: u64, want: [u64; 4]| {
            let [putm, puts, version] = lines;
            let lines = Counts {
                putm,
                puts,
                version,
            };
            let mut counts = [0; 4];
            count(lines, read, refused, &mut counts);
            assert_eq!(counts, want);
        };
        check([0, 0, 0], 0, 0, [0; 4]);
        check([0, 0, 2], 5, 0, [5, 0, 0, 2]);
        check([2, 1, 0], 5, 0, [2, 2, 1, 0]);
        check([3, 0, 0], 3, 2, [0, 1, 0, 0]);
        check([2, 1, 0], 5, 3, [0, 1, 1, 0]);
        check([0, 2, 0], 2, 2, [0; 4]);
    }

    #[test]
    fn the_first_bytes_tell_http_from_lines() {
        for cut in 0..4 {
            let check = |text: &str, want| {
                let (first, second) = text.as_bytes().split_at(cut.min(text.len()));
                assert_eq!(told(first, second), want, "{text:?}");
            };
            check("GET / HTTP/1.1\r\n", Told::Http);
            check("POST /api/put HTTP/1.1\r\n", Told::Http);
            check("PUT /api/put HTTP/1.1\r\n", Told::Http);
            check("HEAD /", Told::Http);
            check("OPTIONS * HTTP/1.1", Told::Http);
            check("", Told::Nothing);
            check("G", Told::Nothing);
            check("POST ", Told::Nothing);
            check("put a 1 2", Told::Lines);
            check("POST\n", Told::Lines);
            check("GETX", Told::Lines);
            check("\n", Told::Lines);
        }
    }
}
