//! Asks a restarted server for every point, and says what is not as it must be.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};

use super::ask::{Asker, Points};
use super::field::Field;
use super::judge::{Expected, compare};
use super::ledger::{Claim, LineTrack, RestTrack};
use super::{Breach, Plan, Summary};
use crate::workload::Workload;

/// Most series of one question.
const SERIES_MAX: u64 = 100;

/// Most points that one answer may have to hold.
const POINTS_MAX: u64 = 500_000;

/// What one restart shows.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    series: u64,
    there: u64,
    violations: u64,
    first: Option<String>,
    lines_lost: u64,
    /// The longest of all connections; none if no session had a bound.
    lost_age: Option<Duration>,
    /// Lines lost by servers that were killed before they were ready: no bound holds for them.
    early_lost: u64,
}

impl Survey {
    /// Asks for all series of the field. `from` holds the first round to ask for of each connection;
    /// the rounds before are left out.
    pub(crate) fn take(plan: &Plan, field: &mut Field, from: &[u64]) -> Result<Survey> {
        let asker = Asker::new(&plan.url);
        let mut survey = Survey::default();
        let mut from = from.iter().copied();
        for (_, track) in &field.rests {
            survey.rest(
                &asker,
                &field.rest_workload,
                track,
                from.next().unwrap_or(0),
            )?;
        }
        for (number, (_, track)) in field.lines.iter_mut().enumerate() {
            survey.lines(
                &asker,
                &field.line_workload,
                track,
                number,
                from.next().unwrap_or(0),
            )?;
        }
        Ok(survey)
    }

    fn rest(
        &mut self,
        asker: &Asker,
        workload: &Workload,
        track: &RestTrack,
        from: u64,
    ) -> Result<()> {
        let first = track.places.start;
        let rounds = track.rounds;
        self.ask(
            asker,
            workload,
            track.places.clone(),
            from..rounds,
            |place, round| track.claim(round, place - first),
            |_, _| (),
        )
    }

    fn lines(
        &mut self,
        asker: &Asker,
        workload: &Workload,
        track: &mut LineTrack,
        connection: usize,
        from: u64,
    ) -> Result<()> {
        let first = track.places.start;
        let mut seen: Vec<Vec<bool>> = track
            .sessions
            .iter()
            .map(|session| {
                vec![
                    false;
                    if session.kept.is_none() {
                        session.begun as usize
                    } else {
                        0
                    }
                ]
            })
            .collect();
        // A session that is not settled is always asked for as a whole.
        let open = track.sessions.iter().find(|session| session.kept.is_none());
        let from = from.min(open.map_or(u64::MAX, |session| session.round_first));
        let known = &*track;
        self.ask(
            asker,
            workload,
            known.places.clone(),
            from..known.round_end(),
            |place, round| known.claim(round, place - first),
            |place, round| {
                let Some(at) = known.session_of(round) else {
                    return;
                };
                let number = known.number(at, round, place - first) as usize;
                if let Some(slot) = seen.get_mut(at).and_then(|seen| seen.get_mut(number)) {
                    *slot = true;
                }
            },
        )?;
        self.settle(workload, track, connection, &seen);
        Ok(())
    }

    /// Fixes what survived of each session that was still open.
    fn settle(
        &mut self,
        workload: &Workload,
        track: &mut LineTrack,
        connection: usize,
        seen: &[Vec<bool>],
    ) {
        for (at, seen) in seen.iter().enumerate() {
            let Some(session) = track
                .sessions
                .get_mut(at)
                .filter(|session| session.kept.is_none())
            else {
                continue;
            };
            let survival = session.settle(seen);
            if session.bounded {
                self.lines_lost += survival.lost;
                self.lost_age = Some(self.lost_age.unwrap_or_default().max(survival.lost_age));
            } else {
                self.early_lost += survival.lost;
            }
            if let Some((lost, there)) = survival.hole {
                let name = |number| {
                    let (round, item) = track.point(at, number);
                    let place = track.places.start + item;
                    format!(
                        "{} at {} s",
                        workload.name(place, 0),
                        workload.timestamp_s(round)
                    )
                };
                self.violate(format!(
                    "a hole in the lines of connection {connection}: {} is gone, {}, sent {} points later, is there",
                    name(lost),
                    name(there),
                    there - lost
                ));
            }
        }
    }

    /// Asks for these places and compares each with `claim` (place, round); `there` is told each
    /// point that is there.
    fn ask(
        &mut self,
        asker: &Asker,
        workload: &Workload,
        places: std::ops::Range<u64>,
        rounds: std::ops::Range<u64>,
        claim: impl Fn(u64, u64) -> Claim,
        mut there: impl FnMut(u64, u64),
    ) -> Result<()> {
        let start_ms = match rounds.start {
            // Whatever lies before the first point was never sent.
            0 => 0,
            round => at_ms(workload, round),
        };
        let length = rounds.end.saturating_sub(rounds.start).max(1);
        let at_once = (POINTS_MAX / length).clamp(1, SERIES_MAX);
        let all: Vec<u64> = places.collect();
        for some in all.chunks(at_once as usize) {
            let names: Vec<String> = some.iter().map(|&place| workload.name(place, 0)).collect();
            let answers: Vec<Points> = asker
                .points(&names, start_ms)
                .map_err(|error| Breach(format!("a ready server did not answer: {error:#}")))
                .context("cannot ask what survived")?;
            for ((&place, name), mut answered) in some.iter().zip(&names).zip(answers) {
                self.series += 1;
                self.there += answered.len() as u64;
                let values = workload
                    .points(place, 0, 0..rounds.end)
                    .skip(rounds.start as usize);
                let expected = rounds
                    .clone()
                    .zip(values)
                    .map(|(round, (_, value))| Expected {
                        at_ms: at_ms(workload, round),
                        value: value.as_f64(),
                        claim: claim(place, round),
                    });
                let found = compare(name, expected, &mut answered, |number, seen| {
                    if seen {
                        there(place, rounds.start + number as u64);
                    }
                });
                self.violations += found.len() as u64;
                if let Some(first) = found.first() {
                    self.first.get_or_insert_with(|| first.to_string());
                }
            }
        }
        Ok(())
    }

    fn violate(&mut self, text: String) {
        self.violations += 1;
        self.first.get_or_insert(text);
    }

    /// Adds what was lost to the sums.
    pub(crate) fn add_to(&self, summary: &mut Summary) {
        summary.lines_lost += self.lines_lost + self.early_lost;
        summary
            .lost_ms
            .extend(self.lost_age.map(|age| age.as_secs_f64() * 1e3));
    }

    /// The first thing that is not as it must be.
    pub(crate) fn judge(&self, plan: &Plan) -> Result<()> {
        if let Some(first) = &self.first {
            return Err(Breach(format!(
                "{first} ({} such findings in this loop)",
                self.violations
            ))
            .into());
        }
        match self.lost_age {
            Some(age) if plan.lost_max < age => Err(Breach(format!(
                "{} ms of lines are gone, more than --lost-ms-max {} allows",
                age.as_millis(),
                plan.lost_max.as_millis()
            ))
            .into()),
            _ => Ok(()),
        }
    }
}

fn at_ms(workload: &Workload, round: u64) -> i64 {
    workload.timestamp_s(round) as i64 * 1000
}

impl fmt::Display for Survey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} points of {} series are there",
            self.there, self.series
        )?;
        if let Some(age) = self.lost_age {
            write!(
                formatter,
                ", {} lines = {:.0} ms lost",
                self.lines_lost,
                age.as_secs_f64() * 1e3
            )?;
        }
        if 0 < self.early_lost {
            write!(formatter, ", {} lines lost by early kills", self.early_lost)?;
        }
        match self.violations {
            0 => Ok(()),
            count => write!(formatter, ", {count} WRONG"),
        }
    }
}
