//! `POST /api/v1/datapoints`: answers when the last point is on stable storage.

use std::collections::VecDeque;

use bytes::Bytes;
use http::{Response, StatusCode};

use super::{Refused, body, refusal, success};
use crate::http::Unstored;
use crate::http::question::Question;
use crate::model::refusal::{Protocol, Reason, Refusals};
use crate::model::sample::Samples;
use crate::wire::kairos_rest::{BATCH_SAMPLES, Decoder};

/// Batches of one body that are on their way to stable storage at once; reading waits for more room.
pub(super) const UNDER_WAY_MAX: usize = 16;
/// Bytes that are read between two breaths.
pub(super) const SLICE_BYTES: usize = 8 * 1024;

/// Answer.
pub(in super::super) async fn answer(question: &Question<'_>) -> Response<Bytes> {
    match store(question).await {
        Ok(()) => success(StatusCode::NO_CONTENT, Vec::new()),
        Err(refused) => refusal(refused),
    }
}

async fn store(question: &Question<'_>) -> Result<(), Refused> {
    let body = body::read(question).await?;
    let mut decoder = Decoder::default();
    let mut samples = Samples::default();
    let mut waiting = VecDeque::new();
    let mut outcome = Outcome::default();
    loop {
        let done = decoder.step(&body.bytes, SLICE_BYTES, &mut samples);
        if done || BATCH_SAMPLES <= samples.len() {
            let fleet = question.fleet;
            if waiting.len() == UNDER_WAY_MAX
                && let Some(oldest) = waiting.pop_front()
            {
                outcome.add(oldest.await);
            }
            waiting.push_back(fleet.ingest(Protocol::KairosRest, decoder.text(), &mut samples));
            decoder.forget_names();
        }
        if done {
            break;
        }
        question.fleet.breathe().await;
    }
    drop(body);
    for stored in waiting {
        outcome.add(stored.await);
    }
    outcome.judged(decoder.errors().texts().collect())
}

/// What became of the batches.
#[derive(Default)]
pub(super) struct Outcome {
    refusals: Refusals,
    later: Option<String>,
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

    /// One status for all that went wrong, `errors` of the body among it: as long as sending again may
    /// help, that.
    fn judged(&self, mut errors: Vec<String>) -> Result<(), Refused> {
        let mut status = StatusCode::BAD_REQUEST;
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
fn is_passing(reason: Reason) -> bool {
    reason == Reason::HeadFull
}

fn told(reason: Reason) -> String {
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
