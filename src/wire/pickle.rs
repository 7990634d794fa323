//! Graphite's pickle protocol: frames of `[(name, (timestamp, value)), …]`.
//!
//! Takes the bytes of a connection, gives samples. A frame is a length and a pickle ([`frame`]). A
//! pickle of a usual shape is read in one pass (`fast`); any other goes through a machine that
//! knows every opcode that makes data and none that runs code (`machine`), and its result is read
//! as items (`items`). The machine takes the usual shapes too and is the truth that the one pass
//! is tested against.
//!
//! Accepted is what carbon and go-carbon accept between them: protocols 0 to 5, tuples or lists,
//! numbers as integers, floats, booleans or decimal text, several points behind one name. A bad item
//! costs that item. A pickle that is cut, malformed, or asks for more than data costs its frame,
//! never the connection; only a frame over the limit ends that.
//!
//! Work and memory are linear in the bytes of the frame: see the limits in `machine` and
//! `items`. Names are not looked at here, [`super::name`] does that for the ones that are new.

mod fast;
pub mod frame;
mod items;
mod machine;
mod reader;
mod scalar;

use std::ops::Range;

use crate::base::time::Millis;
use crate::model::refusal::{Reason, Refusals};
use crate::model::sample::{Samples, TimeRule};
use frame::{FrameStep, next_frame};
use machine::Machine;

/// A batch is given out once it holds this many samples: what it yields stays in the caches on its
/// way through index and head, and many small frames still make one batch.
pub const BATCH_SAMPLES: usize = 256;

/// What a decoder is told once.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Longest payload of a frame; [`frame::FRAME_BYTES_LIMIT`] at most.
    pub frame_bytes_max: usize,
    /// Which timestamps may stand.
    pub times: TimeRule,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            frame_bytes_max: frame::FRAME_BYTES_MAX,
            times: TimeRule::default(),
        }
    }
}

/// Decodes frames. One per shard; holds no state of a connection.
pub struct Decoder {
    options: Options,
    machine: Machine,
}

/// What one call of [`Decoder::decode`] did.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// What the names of the samples of this call are spans into: the bytes that were given, or a
    /// text of the decoder's own.
    pub text: &'a [u8],
    /// How many bytes were used up.
    pub taken: usize,
    /// How to go on.
    pub next: Next,
}

/// How to go on after a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Call again with what is behind the taken bytes.
    Again,
    /// What is behind the taken bytes is no whole frame; it will be one with this many bytes, or the
    /// next length is known then.
    Need(usize),
    /// The next frame is over the limit, which is counted: close the connection.
    Close,
}

impl Decoder {
    /// A decoder.
    pub fn new(options: Options) -> Decoder {
        Decoder {
            options,
            machine: Machine::default(),
        }
    }

    /// Append to `out` the samples of the first whole frames of `bytes`. Their names are spans into
    /// the text of the batch, so they must be used, and cleared, before the next call.
    ///
    /// A timestamp keeps its milliseconds; what is finer is cut off.
    pub fn decode<'a>(&'a mut self, bytes: &'a [u8], now: Millis, out: &mut Samples) -> Batch<'a> {
        let (first, mut taken) = (out.len(), 0);
        let next = loop {
            match next_frame(&bytes[taken..], self.options.frame_bytes_max) {
                FrameStep::Need(wanted) => break Next::Need(wanted),
                FrameStep::TooLong => {
                    out.refuse(Reason::FrameLong);
                    break Next::Close;
                }
                FrameStep::Frame { payload, consumed } => {
                    let place = taken + payload.start..taken + payload.end;
                    if !self.usual(bytes, place.clone(), now, out) {
                        // A frame for the machine is a batch of its own, because its names may be
                        // spans into another text.
                        if out.len() > first {
                            break Next::Again;
                        }
                        taken += consumed;
                        let text = self.by_machine(bytes, place, now, out);
                        return Batch {
                            text,
                            taken,
                            next: Next::Again,
                        };
                    }
                    taken += consumed;
                    if out.len() - first >= BATCH_SAMPLES {
                        break Next::Again;
                    }
                }
            }
        };
        Batch {
            text: bytes,
            taken,
            next,
        }
    }

    /// Append to `out` the samples of one frame's payload. Gives the text of their names.
    pub fn decode_payload<'a>(
        &'a mut self,
        payload: &'a [u8],
        now: Millis,
        out: &mut Samples,
    ) -> &'a [u8] {
        if self.usual(payload, 0..payload.len(), now, out) {
            payload
        } else {
            self.by_machine(payload, 0..payload.len(), now, out)
        }
    }

    /// The slow twin of [`Decoder::decode_payload`]: every payload through the machine.
    pub fn decode_payload_slowly<'a>(
        &'a mut self,
        payload: &'a [u8],
        now: Millis,
        out: &mut Samples,
    ) -> &'a [u8] {
        self.by_machine(payload, 0..payload.len(), now, out)
    }

    /// Whether the payload `bytes[place]` has a usual shape, and so was decoded.
    fn usual(&mut self, bytes: &[u8], place: Range<usize>, now: Millis, out: &mut Samples) -> bool {
        let before = Before::of(out);
        let taken = fast::payload(bytes, place, now, self.options.times, out).is_some();
        if !taken {
            before.restore(out);
        }
        taken
    }

    #[cold]
    fn by_machine<'a>(
        &'a mut self,
        bytes: &'a [u8],
        place: Range<usize>,
        now: Millis,
        out: &mut Samples,
    ) -> &'a [u8] {
        let before = Before::of(out);
        let payload = &bytes[place.clone()];
        let top = self.machine.run(payload);
        // Unescaped names exist nowhere in the input. If there are any, all names of the frame are
        // spans into one text of our own: what was unescaped, then a copy of the payload.
        let own_text = self.machine.has_unescaped();
        let names_from = if own_text {
            self.machine.append_to_text(payload)
        } else {
            place.start
        };
        let taken = top.and_then(|top| {
            items::collect(
                &items::Source {
                    machine: &self.machine,
                    payload,
                    names_from,
                    now,
                    times: self.options.times,
                },
                top,
                out,
            )
        });
        if taken.is_none() {
            before.restore(out);
            out.refuse(Reason::Pickle);
        }
        self.machine.release();
        if own_text { self.machine.text() } else { bytes }
    }
}

/// What `out` held before a frame that may turn out to be none.
struct Before {
    samples: usize,
    refusals: Refusals,
}

impl Before {
    fn of(out: &Samples) -> Before {
        Before {
            samples: out.len(),
            refusals: out.refusals.clone(),
        }
    }

    fn restore(self, out: &mut Samples) {
        out.names.truncate(self.samples);
        out.times.truncate(self.samples);
        out.numbers.truncate(self.samples);
        out.refusals = self.refusals;
    }
}

#[cfg(test)]
mod tests;
