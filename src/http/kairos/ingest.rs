//! `POST /api/v1/datapoints`: answers when the last point is on stable storage.
//!
//! The body is read while it comes, and may be of any size: each metric object is stored once it is whole.
//! Nobody reads on while [`UNDER_WAY_MAX`] batches are on their way to the disk, or while there is no room
//! for points, and a sender that nobody reads from waits.

use std::collections::VecDeque;

use bytes::Bytes;
use http::{Response, StatusCode};

use super::body::Taken;
use super::report::whole_millis;
use super::{Refused, refusal, success};
use crate::http::pieces::{Pieces, Unread};
use crate::http::question::Question;
use crate::http::{Local, Sender, Unstored};
use crate::model::refusal::{Protocol, Reason, Refusals};
use crate::model::sample::Samples;
use crate::shard::vitals::Told;
use crate::wire::kairos_rest::{Decoder, Progress};

/// Batches of one body that are on their way to stable storage at once; reading waits for more room.
pub(super) const UNDER_WAY_MAX: usize = 16;
/// Bytes that are read between two breaths.
pub(super) const SLICE_BYTES: usize = 8 * 1024;
/// How long a body that is stored in part waits for room for the rest. The first batch does not wait: its
/// sender may as well send it again.
const ROOM_MILLIS_MAX: u64 = 10_000;

/// Answer.
pub(in super::super) async fn answer(question: &Question<'_>) -> Response<Bytes> {
    let (stored, points) = store(question).await;
    if question.options.kairos.report.is_some() {
        let millis = whole_millis(question.took());
        question.fleet.tell(Told::Ingest { points, millis });
    }
    match stored {
        Ok(()) => success(StatusCode::NO_CONTENT, Vec::new()),
        Err(refused) => refusal(refused),
    }
}

/// What came of it, and how many points are stored.
async fn store(question: &Question<'_>) -> (Result<(), Refused>, u64) {
    let mut pieces = match Pieces::of(question) {
        Ok(pieces) => pieces,
        Err(unread) => return (Err(unread.into()), 0),
    };
    let mut intake = Intake::new(question);
    let read = intake.read(&mut pieces).await;
    intake.put().await;
    let discarded = pieces.discard(question.fleet).await;
    intake.outcome.unread = read.and(discarded).err();
    intake.judged().await
}

/// A body on its way to stable storage.
struct Intake<'a> {
    question: &'a Question<'a>,
    sender: Sender,
    decoder: Decoder,
    samples: Samples,
    /// What that holds beyond what a usual body does.
    taken: Taken<'a>,
    /// Batches that are not stored yet, with how many points they have.
    waiting: VecDeque<(u64, Local<'a, Result<(), Unstored>>)>,
    has_put: bool,
    /// Points that are stored.
    points: u64,
    outcome: Outcome,
}

impl<'a> Intake<'a> {
    fn new(question: &'a Question<'a>) -> Intake<'a> {
        Intake {
            question,
            sender: question.fleet.sender(),
            decoder: Decoder::default(),
            samples: Samples::default(),
            taken: question.options.unpacking.part(),
            waiting: VecDeque::new(),
            has_put: false,
            points: 0,
            outcome: Outcome::default(),
        }
    }

    /// Read until nothing further is read, or nothing further can be stored.
    async fn read(&mut self, pieces: &mut Pieces) -> Result<(), Unread> {
        while self.outcome.later.is_none() {
            let (decoder, samples) = (&mut self.decoder, &mut self.samples);
            let mut progress = Progress::Going;
            self.question.fleet.with_familiar(&mut |familiar| {
                progress = decoder.step(SLICE_BYTES, familiar, samples);
            });
            match progress {
                Progress::Done => return Ok(()),
                Progress::Hungry => self.feed(pieces).await?,
                Progress::Going if self.decoder.has_batch(&self.samples) => self.put().await,
                Progress::Going => {}
            }
            self.question.fleet.breathe().await;
        }
        Ok(())
    }

    /// Read some more of the body. Where nothing comes for a while, what is here is stored, and no memory is
    /// kept for more.
    async fn feed(&mut self, pieces: &mut Pieces) -> Result<(), Unread> {
        let more = pieces.read().await?;
        let is_silent = more.as_ref().is_some_and(Bytes::is_empty);
        match more {
            Some(piece) => self.decoder.feed(piece),
            None => self.decoder.end(),
        }
        if is_silent {
            self.put().await;
            self.decoder.rest();
            self.samples = Samples::default();
        }
        if self.taken.hold(self.decoder.held_bytes()) {
            return Ok(());
        }
        Err(Unread::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many large metric objects at once; send it again later, or fewer points in one object",
        ))
    }

    /// Send what was read on its way.
    async fn put(&mut self) {
        if self.samples.is_empty() && self.samples.refusals.is_empty() {
            return;
        }
        let fleet = self.question.fleet;
        if self.waiting.len() == UNDER_WAY_MAX
            && let Some((points, oldest)) = self.waiting.pop_front()
        {
            let stored = oldest.await;
            self.settle(points, stored);
        }
        let is_roomy = !self.has_put || fleet.until_roomy(ROOM_MILLIS_MAX).await;
        self.has_put = true;
        let points = self.samples.len() as u64;
        let (text, samples) = (self.decoder.text(), &mut self.samples);
        let stored = fleet.ingest(self.sender, Protocol::KairosRest, text, samples);
        let (decoder, samples) = (&mut self.decoder, &self.samples);
        fleet.with_familiar(&mut |familiar| decoder.learn(familiar, &samples.series));
        self.decoder.forget_names();
        if is_roomy {
            self.waiting.push_back((points, stored));
        } else {
            // This says what is wrong, and ends the reading.
            let stored = stored.await;
            self.settle(points, stored);
        }
    }

    /// Something became of a batch of so many points.
    fn settle(&mut self, points: u64, stored: Result<(), Unstored>) {
        self.points += match &stored {
            Ok(()) => points,
            Err(Unstored::Refused(refused)) => points.saturating_sub(refused.total()),
            Err(Unstored::Later(_)) => 0,
        };
        self.outcome.add(stored);
    }

    /// All that can be read is read: wait for all of it, and say what became of it, and how many points are
    /// stored.
    async fn judged(mut self) -> (Result<(), Refused>, u64) {
        for (points, stored) in std::mem::take(&mut self.waiting) {
            let stored = stored.await;
            self.settle(points, stored);
        }
        (self.outcome.judged(&self.decoder), self.points)
    }
}

/// What became of the batches.
#[derive(Default)]
pub(super) struct Outcome {
    refusals: Refusals,
    later: Option<String>,
    unread: Option<Unread>,
}

impl Outcome {
    pub(super) fn add(&mut self, stored: Result<(), Unstored>) {
        match stored {
            Ok(()) => {}
            Err(Unstored::Refused(mut more)) => self.refusals.absorb(&mut more),
            Err(Unstored::Later(told)) => self.later = Some(told),
        }
    }

    /// How many points limits refused.
    pub(super) fn refused(&self) -> u64 {
        self.refusals.total()
    }

    /// What is told of them.
    pub(super) fn told(&self) -> impl Iterator<Item = String> {
        let all = self.refusals.iter();
        all.map(|(reason, count)| format!("{count} points were not stored: {}", told(reason)))
    }

    /// The status and the text of what may be better later, if there is something.
    pub(super) fn passing(&self) -> Option<(StatusCode, String)> {
        let head = self.refusals.iter().find(|&(reason, _)| is_passing(reason));
        let told = self
            .later
            .clone()
            .or(head.map(|(reason, _)| told(reason)))?;
        Some((StatusCode::SERVICE_UNAVAILABLE, told))
    }

    /// One status for all that went wrong, the errors of the body among it: as long as sending again may
    /// help, that.
    fn judged(&self, decoder: &Decoder) -> Result<(), Refused> {
        let mut errors: Vec<String> = decoder.errors().texts().collect();
        let mut status = match decoder.is_too_large() {
            true => StatusCode::PAYLOAD_TOO_LARGE,
            false => StatusCode::BAD_REQUEST,
        };
        if let Some(unread) = &self.unread {
            status = unread.status;
            errors.push(unread.told.clone());
        }
        if let Some((passing, _)) = self.passing() {
            status = passing;
        }
        errors.extend(self.later.clone());
        errors.extend(self.told());
        if errors.is_empty() {
            return Ok(());
        }
        Err(Refused { status, errors })
    }
}

/// Whether the same point may be stored later, with nothing changed.
pub(super) fn is_passing(reason: Reason) -> bool {
    reason == Reason::HeadFull
}

pub(super) fn told(reason: Reason) -> String {
    match reason {
        Reason::SeriesFull => {
            "their series are new and there is no room for more; known series go on; \
                               raise series.max_per_shard or series.index_bytes_max"
                .to_owned()
        }
        Reason::HeadFull => {
            "there is no room in memory for their time; send them again later, or raise \
                             head.bytes_max"
                .to_owned()
        }
        other => format!("{}, counted in /metrics", other.label()),
    }
}

#[cfg(test)]
mod tests;
