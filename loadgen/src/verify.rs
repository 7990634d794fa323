//! Asks the appliance back over HTTP and compares every value with what was sent.
//!
//! What was sent is made again from the seed: the workload and the rounds of each connection say everything. Each
//! answered slot is compared exactly, so that counts, sums and last values are too. Where the answer's step is wider
//! than the gap between points, the last point sent into a slot is the expected one.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::workload::Workload;

/// Most series of one request.
const TARGETS_MAX: u64 = 100;

/// Most slots that one request may be answered with, lost or not.
const SLOTS_MAX: u64 = 2_000_000;

/// Most bytes of one answer: about 30 a slot, and some for names.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// Findings that are named; the others are only counted.
const FINDINGS_MAX: usize = 10;

/// Pause between two looks at a batch that is not complete.
const RETRY_EVERY: Duration = Duration::from_millis(200);

/// Longest wait for one answer.
const ANSWER_WAIT: Duration = Duration::from_secs(60);

/// How to verify.
#[derive(Debug, Clone)]
pub struct Inquiry {
    /// Where the appliance answers, for example `http://127.0.0.1:8080`.
    pub url: String,
    /// How long points may take to become visible.
    pub wait: Duration,
    /// True where the transport may lose points: an older value of a timestamp then means that the newer one was lost.
    pub lossy: bool,
}

/// One slot that is not as it was sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Name of the series.
    pub series: String,
    /// Start of the slot, seconds since 1970.
    pub timestamp_s: u64,
    /// What was sent; none if nothing was.
    pub expected: Option<f64>,
    /// What was answered; none if nothing was.
    pub got: Option<f64>,
}

/// What the comparison found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// Series compared.
    pub series: u64,
    /// Slots compared that hold a point that was sent.
    pub points: u64,
    /// Sum over all values as sent (last of each slot).
    pub sum_expected: f64,
    /// Sum over all values as answered.
    pub sum_got: f64,
    /// Slots without an answer, and older answers where the transport may lose.
    pub lost: u64,
    /// Slots with another value.
    pub different: u64,
    /// Slots with a value where nothing was sent.
    pub unexpected: u64,
    /// The first slots that are not as sent.
    pub first: Vec<Finding>,
}

/// One series that was sent: a generation of a place, over some rounds.
#[derive(Debug, Clone)]
struct Sent {
    name: String,
    target: String,
    place: u64,
    generation: u64,
    rounds: Range<u64>,
}

/// One series of an answer of `/render`.
#[derive(Debug, Deserialize)]
struct Answer {
    target: String,
    datapoints: Vec<(Option<f64>, u64)>,
}

/// The values sent into one slot: the last, and those before it.
#[derive(Debug, Default)]
struct Slot {
    last: f64,
    older: Vec<f64>,
}

impl Verdict {
    /// True if every point sent is there and nothing else.
    pub fn is_exact(&self) -> bool {
        self.lost == 0 && self.is_true()
    }

    /// True if every point that is there is as it was sent.
    pub fn is_true(&self) -> bool {
        self.different == 0 && self.unexpected == 0
    }

    fn add(&mut self, part: Verdict) {
        self.series += part.series;
        self.points += part.points;
        self.sum_expected += part.sum_expected;
        self.sum_got += part.sum_got;
        self.lost += part.lost;
        self.different += part.different;
        self.unexpected += part.unexpected;
        let room = FINDINGS_MAX.saturating_sub(self.first.len());
        self.first.extend(part.first.into_iter().take(room));
    }

    fn find(&mut self, finding: Finding) {
        if self.first.len() < FINDINGS_MAX {
            self.first.push(finding);
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict {
            series,
            points,
            lost,
            different,
            unexpected,
            ..
        } = self;
        if self.is_exact() {
            return write!(
                formatter,
                "all {points} points of {series} series are there, each value exactly as sent"
            );
        }
        write!(
            formatter,
            "of {points} points of {series} series {lost} are lost, {different} differ; {unexpected} were never sent"
        )
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: Option<f64>| {
            value.map_or_else(|| "nothing".to_owned(), |value| value.to_string())
        };
        let Finding {
            series,
            timestamp_s,
            expected,
            got,
        } = self;
        write!(
            formatter,
            "{series} at {timestamp_s}: expected {}, got {}",
            show(*expected),
            show(*got)
        )
    }
}

/// Compares all that was sent (`rounds`: the places of each connection and the rounds that it sent).
pub fn verify(
    workload: &Workload,
    rounds: &[(Range<u64>, u64)],
    inquiry: &Inquiry,
) -> Result<Verdict> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(ANSWER_WAIT))
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .into();
    let until = Instant::now() + inquiry.wait;
    let mut verdict = Verdict::default();
    for batch in batches(workload, rounds) {
        verdict.add(verify_batch(workload, &agent, &batch, inquiry, until)?);
    }
    Ok(verdict)
}

/// Everything that was sent, in portions for one request each.
fn batches<'a>(
    workload: &'a Workload,
    rounds: &'a [(Range<u64>, u64)],
) -> impl Iterator<Item = Vec<Sent>> + use<'a> {
    let step_s = workload.parameters().step_s;
    let rounds_most = rounds.iter().map(|(_, rounds)| *rounds).max().unwrap_or(0);
    let batch_series = (SLOTS_MAX / (rounds_most * step_s).max(1)).clamp(1, TARGETS_MAX) as usize;
    let mut sent = rounds.iter().flat_map(move |(places, rounds)| {
        places.clone().flat_map(move |place| {
            workload
                .lives(place, *rounds)
                .into_iter()
                .map(move |(generation, rounds)| Sent {
                    name: workload.name(place, generation),
                    target: workload.parameters().naming.target(place, generation),
                    place,
                    generation,
                    rounds,
                })
        })
    });
    std::iter::from_fn(move || {
        let batch: Vec<Sent> = sent.by_ref().take(batch_series).collect();
        if batch.is_empty() { None } else { Some(batch) }
    })
}

/// Compares one portion, again and again until it is exact or the time is up.
fn verify_batch(
    workload: &Workload,
    agent: &ureq::Agent,
    batch: &[Sent],
    inquiry: &Inquiry,
    until: Instant,
) -> Result<Verdict> {
    loop {
        let answers = ask(workload, agent, batch, &inquiry.url)?;
        let mut verdict = Verdict::default();
        for sent in batch {
            let answered = answers.get(&sent.name).map_or(&[][..], Vec::as_slice);
            verdict.add(compare(workload, sent, answered, inquiry.lossy)?);
        }
        if verdict.is_exact() || until <= Instant::now() {
            return Ok(verdict);
        }
        std::thread::sleep(RETRY_EVERY);
    }
}

type Datapoints = Vec<(Option<f64>, u64)>;

/// Asks for all series of a portion at once.
fn ask(
    workload: &Workload,
    agent: &ureq::Agent,
    batch: &[Sent],
    url: &str,
) -> Result<HashMap<String, Datapoints>> {
    let (from, until) = window_s(workload, batch);
    let mut form = vec![
        ("format".to_owned(), "json".to_owned()),
        ("from".to_owned(), from.to_string()),
        ("until".to_owned(), until.to_string()),
    ];
    form.extend(
        batch
            .iter()
            .map(|sent| ("target".to_owned(), sent.target.clone())),
    );
    let address = format!("{}/render", url.trim_end_matches('/'));
    let mut response = agent.post(&address).send_form(form).with_context(|| {
        format!("{address} does not answer: is that where corelane's HTTP door listens (--verify http://HOST:PORT)?")
    })?;
    let status = response.status();
    let body = response
        .body_mut()
        .with_config()
        .limit(ANSWER_BYTES_MAX)
        .read_to_vec()
        .with_context(|| format!("{address} broke off its answer"))?;
    if !status.is_success() {
        let text: String = String::from_utf8_lossy(&body).chars().take(300).collect();
        bail!("{address} answered {status}: {text}");
    }
    let answers: Vec<Answer> = serde_json::from_slice(&body)
        .with_context(|| format!("{address} did not answer with series in JSON"))?;
    Ok(answers
        .into_iter()
        .map(|answer| (answer.target, answer.datapoints))
        .collect())
}

/// From (exclusive) and until (inclusive) of a request that covers a portion.
fn window_s(workload: &Workload, batch: &[Sent]) -> (u64, u64) {
    let step_s = workload.parameters().step_s;
    let first = batch
        .iter()
        .map(|sent| sent.rounds.start)
        .min()
        .unwrap_or(0);
    let last = batch
        .iter()
        .map(|sent| sent.rounds.end)
        .max()
        .unwrap_or(1)
        .saturating_sub(1);
    let earliest_s = if workload.has_late_points() {
        workload.late_timestamp_s(first)
    } else {
        workload.timestamp_s(first)
    };
    // A slot begins at a multiple of its step, so the first one may begin before its first point.
    let lead_s = if step_s == 1 { 1 } else { 2 * step_s + 1 };
    (
        earliest_s.saturating_sub(lead_s),
        workload.timestamp_s(last),
    )
}

/// Compares one series slot by slot.
fn compare(
    workload: &Workload,
    sent: &Sent,
    answered: &[(Option<f64>, u64)],
    lossy: bool,
) -> Result<Verdict> {
    let step_s = match answered {
        [(_, first), (_, second), ..] => second.saturating_sub(*first).max(1),
        _ => 1,
    };
    let asked_s = workload.parameters().step_s;
    if !lossy && !workload.has_late_points() && 2 * asked_s < step_s {
        bail!(
            "{} was answered in steps of {step_s} s although its points are {asked_s} s apart, so they cannot be \
             compared one by one: ask for a window that the appliance still holds raw (fewer --rounds)",
            sent.name
        );
    }
    let mut expected = slots(workload, sent, step_s);
    let mut verdict = Verdict {
        series: 1,
        points: expected.len() as u64,
        ..Verdict::default()
    };
    verdict.sum_expected = expected.values().map(|slot| slot.last).sum();
    let finding = |timestamp_s, expected, got| Finding {
        series: sent.name.clone(),
        timestamp_s,
        expected,
        got,
    };
    for &(got, timestamp_s) in answered {
        let Some(got) = got else { continue };
        verdict.sum_got += got;
        match expected.remove(&timestamp_s) {
            Some(slot) if slot.last == got => {}
            Some(slot) => {
                let overtaken = lossy && slot.older.contains(&got);
                *(if overtaken {
                    &mut verdict.lost
                } else {
                    &mut verdict.different
                }) += 1;
                verdict.find(finding(timestamp_s, Some(slot.last), Some(got)));
            }
            None => {
                verdict.unexpected += 1;
                verdict.find(finding(timestamp_s, None, Some(got)));
            }
        }
    }
    verdict.lost += expected.len() as u64;
    for (timestamp_s, slot) in expected {
        verdict.find(finding(timestamp_s, Some(slot.last), None));
    }
    Ok(verdict)
}

/// What was sent, by slot; the last point sent into a slot stands.
fn slots(workload: &Workload, sent: &Sent, step_s: u64) -> BTreeMap<u64, Slot> {
    let mut slots: BTreeMap<u64, Slot> = BTreeMap::new();
    for (timestamp_s, value) in workload.points(sent.place, sent.generation, sent.rounds.clone()) {
        let start_s = timestamp_s - timestamp_s % step_s;
        let value = value.as_f64();
        slots
            .entry(start_s)
            .and_modify(|slot| slot.older.push(std::mem::replace(&mut slot.last, value)))
            .or_insert(Slot {
                last: value,
                older: Vec::new(),
            });
    }
    slots
}
