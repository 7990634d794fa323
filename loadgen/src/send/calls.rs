//! One sending thread of a protocol that answers each request: opens its connections, waits for the
//! others, and sends until every request of every round has its answer.
//!
//! A connection has one request on its way at a time. On a schedule the requests become due without
//! regard to the answers; one that waits for the answer before it is sent late, and its latency
//! counts from the moment it was due, so a slow server cannot hide behind a slow sender. A 503 is
//! honoured: the same request goes out again after `Retry-After`.

use std::io;
use std::ops::Range;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mio::{Events, Poll, Token};

use super::caller::{Caller, Course, State, Tally, connect};
use super::lane::{explain, histogram, pin, thread_cpu};
use super::timeline::{Spread, Timeline};
use super::{Answers, Outcome, Pace, Plan, Transport};
use crate::wire::Sheet;
use crate::wire::json::Requests;

/// Longest time without an answer before a server counts as stuck.
const STALL_WAIT: Duration = Duration::from_secs(60);

/// Longest sleep of the kernel's wait for events, which counts milliseconds.
const SLEEP_MAX: Duration = Duration::from_millis(100);

/// Longest sleep while the next request is due sooner than the kernel's wait can say.
const NAP: Duration = Duration::from_micros(50);

/// Runs one thread of a plan on its share of the connections: number and places of each.
pub(super) fn run(
    plan: &Plan,
    number: usize,
    encoder: Requests,
    share: Vec<(u64, Range<u64>)>,
    barrier: &Barrier,
    progress: &AtomicU64,
) -> Result<Outcome> {
    let opened = pin(plan, number).and_then(|()| open(plan, &encoder, &share));
    // Every thread arrives here, also one that failed: the others must not wait for ever.
    barrier.wait();
    let (mut callers, mut poll) = opened?;
    let cpu_before = thread_cpu();
    let start = Instant::now();
    let mut tally = Tally {
        points: 0,
        bytes: 0,
        requests: 0,
        connects: callers.len() as u64,
        answers: Answers::default(),
        latency_ns: histogram()?,
        answered_at: start,
    };
    send(
        plan,
        &mut callers,
        &mut poll,
        &share,
        start,
        &mut tally,
        progress,
    )?;
    let sending = start.elapsed();
    Ok(Outcome {
        points: tally.points,
        bytes: tally.bytes,
        messages: tally.requests,
        connects: tally.connects,
        sending,
        drained: sending,
        cpu: thread_cpu().saturating_sub(cpu_before),
        latency_ns: tally.latency_ns,
        rounds: share
            .into_iter()
            .zip(&callers)
            .map(|((_, places), caller)| (places, caller.rounds))
            .collect(),
        answers: Some(tally.answers),
    })
}

fn open(
    plan: &Plan,
    encoder: &Requests,
    share: &[(u64, Range<u64>)],
) -> Result<(Vec<Caller>, Poll)> {
    let poll = Poll::new().context("cannot make an epoll instance")?;
    let mut callers = Vec::with_capacity(share.len());
    for (index, (_, places)) in share.iter().enumerate() {
        let mut sheet = Sheet::new(
            encoder.clone(),
            plan.workload.clone(),
            places.clone(),
            plan.grouping,
            plan.order,
        );
        sheet.begin_at(plan.first_round);
        let token = Token(index);
        let stream = connect(plan.target, token, poll.registry())
            .map_err(|error| explain(error, Transport::Tcp, plan.target))?;
        let packs = encoder.packs();
        callers.push(Caller::new(sheet, packs, stream, token, plan.first_round));
    }
    Ok((callers, poll))
}

fn send(
    plan: &Plan,
    callers: &mut [Caller],
    poll: &mut Poll,
    share: &[(u64, Range<u64>)],
    start: Instant,
    tally: &mut Tally,
    progress: &AtomicU64,
) -> Result<()> {
    let registry = poll
        .registry()
        .try_clone()
        .context("cannot watch sockets")?;
    let (mut timeline, until) = schedule(plan, callers, share, start);
    let course = Course {
        plan,
        start,
        until,
        registry: &registry,
    };
    let mut events = Events::with_capacity(1024);
    let mut ready: Vec<usize> = (0..callers.len()).collect();
    while callers.iter().any(|caller| caller.state != State::Done) {
        if let Some(timeline) = &mut timeline {
            while plan.first_round + timeline.round() < plan.rounds
                && let Some(index) = timeline.take_due(start.elapsed())
            {
                callers[index].release();
                ready.push(index);
            }
        }
        let before = tally.points;
        for index in ready.drain(..) {
            callers[index].turn(&course, tally)?;
            if let (Some(board), Some((number, _))) = (&plan.board, share.get(index)) {
                board.note(*number, callers[index].rounds);
            }
        }
        progress.fetch_add(tally.points - before, Ordering::Relaxed);
        if STALL_WAIT < tally.answered_at.elapsed() {
            bail!(
                "{} has answered nothing for {} s: is it stuck?",
                plan.target,
                STALL_WAIT.as_secs()
            );
        }
        let due = timeline
            .as_ref()
            .and_then(Timeline::next_due)
            .map(|due| start + due);
        await_events(poll, &mut events, next_moment(callers, due), &mut ready)?;
        ready.extend(callers.iter().enumerate().filter_map(|(index, caller)| {
            matches!(caller.state, State::Resting(until) if until <= Instant::now())
                .then_some(index)
        }));
    }
    Ok(())
}

/// The timeline of a run at a rate, or until when a run without one goes on.
fn schedule(
    plan: &Plan,
    callers: &mut [Caller],
    share: &[(u64, Range<u64>)],
    start: Instant,
) -> (Option<Timeline>, Option<Instant>) {
    let points_per_second = match plan.pace {
        Pace::Max { duration } => return (None, start.checked_add(duration)),
        Pace::Rate { points_per_second } => points_per_second,
    };
    let round_ns = (plan.workload.parameters().series as f64 / points_per_second * 1e9) as u64;
    let spreads: Vec<Spread> = callers
        .iter_mut()
        .zip(share)
        .map(|(caller, (number, _))| {
            let spread = Spread {
                round_ns,
                slots: caller.sheet.messages().len().max(1) as u64,
                phase: *number as f64 / plan.connections as f64,
            };
            caller.pace = Some((spread, 0));
            spread
        })
        .collect();
    (Some(Timeline::new(round_ns, &spreads)), None)
}

/// When something has to be done even if no event comes.
fn next_moment(callers: &[Caller], due: Option<Instant>) -> Instant {
    let latest = Instant::now() + SLEEP_MAX;
    let rested = callers.iter().filter_map(|caller| match caller.state {
        State::Resting(until) => Some(until),
        _ => None,
    });
    rested.chain(due).fold(latest, Instant::min)
}

fn await_events(
    poll: &mut Poll,
    events: &mut Events,
    moment: Instant,
    ready: &mut Vec<usize>,
) -> Result<()> {
    let wait = moment.saturating_duration_since(Instant::now());
    // The kernel rounds its wait up to milliseconds: the last one is slept in naps.
    let whole = if wait < Duration::from_millis(2) {
        Duration::ZERO
    } else {
        wait - Duration::from_millis(1)
    };
    match poll.poll(events, Some(whole)) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
        Err(error) => return Err(error).context("cannot wait for sockets"),
    }
    ready.extend(events.iter().map(|event| event.token().0));
    if ready.is_empty() && whole.is_zero() {
        std::thread::sleep(wait.min(NAP));
    }
    Ok(())
}
