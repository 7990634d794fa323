//! All connections of both doors: points flow through them until the server is killed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::host::Host;
use super::ledger::{LineTrack, RestTrack, Standing};
use super::senders::{Drill, LineSender, RestSender};
use super::{Breach, Plan, Summary};
use crate::workload::{Naming, Parameters, Workload, blocks};

/// A connection that fails so long before the kill was closed by a living server.
const FAILED_EARLY: Duration = Duration::from_millis(250);

/// The connections of both doors and what they have sent.
pub(crate) struct Field {
    pub(crate) rest_workload: Arc<Workload>,
    pub(crate) line_workload: Arc<Workload>,
    pub(crate) rests: Vec<(RestSender, RestTrack)>,
    pub(crate) lines: Vec<(LineSender, LineTrack)>,
}

impl Field {
    pub(crate) fn new(plan: &Plan) -> Result<Field> {
        let workload = |door: &str, target: Option<SocketAddr>| {
            let dot = if plan.prefix.is_empty() { "" } else { "." };
            let parameters = Parameters {
                series: plan.series,
                seed: plan.seed,
                naming: Naming {
                    prefix: format!("{}{dot}{door}", plan.prefix),
                    tagged: true,
                    more_tags: 0,
                },
                start_s: plan.start_s,
                ..Parameters::default()
            };
            let places = target
                .map(|_| blocks(plan.series, plan.connections))
                .unwrap_or_default();
            let workload = Workload::new(parameters).map_err(anyhow::Error::msg)?;
            Ok::<_, anyhow::Error>((Arc::new(workload), places))
        };
        let (rest_workload, rest_places) = workload("rest", plan.rest)?;
        let (line_workload, line_places) = workload("line", plan.lines)?;
        let phase = |number: usize| number as f64 / plan.connections as f64;
        let rests = rest_places
            .into_iter()
            .zip(plan.rest.into_iter().cycle())
            .enumerate();
        let lines = line_places
            .into_iter()
            .zip(plan.lines.into_iter().cycle())
            .enumerate();
        Ok(Field {
            rests: rests
                .map(|(number, (places, target))| {
                    let track = RestTrack::new(places.clone(), plan.batch);
                    (
                        RestSender::new(&rest_workload, places, plan.batch, target, phase(number)),
                        track,
                    )
                })
                .collect(),
            lines: lines
                .map(|(number, (places, target))| {
                    let sender = LineSender::new(
                        plan.line_form,
                        &line_workload,
                        places.clone(),
                        plan.write,
                        target,
                        phase(number),
                    );
                    (
                        sender,
                        LineTrack {
                            places,
                            sessions: Vec::new(),
                        },
                    )
                })
                .collect(),
            rest_workload,
            line_workload,
        })
    }

    /// Rounds begun by each connection, requests first.
    pub(crate) fn marks(&self) -> Vec<u64> {
        let rests = self.rests.iter().map(|(_, track)| track.rounds);
        rests
            .chain(self.lines.iter().map(|(_, track)| track.round_end()))
            .collect()
    }

    /// Points flow for a while, then the server is killed.
    pub(crate) fn session(
        &mut self,
        plan: &Plan,
        host: &mut dyn Host,
        flow: Duration,
        bounded: bool,
        summary: &mut Summary,
    ) -> Result<()> {
        let drill = Drill {
            stop: AtomicBool::new(false),
            busy: AtomicU64::new(0),
            points_per_second: plan.points_per_second / plan.connections as f64,
            bounded,
        };
        let drill = &drill;
        let (killed_at, ended) = std::thread::scope(|scope| {
            for (sender, track) in &mut self.rests {
                scope.spawn(move || sender.run(drill, track));
            }
            for (sender, track) in &mut self.lines {
                scope.spawn(move || {
                    let session = sender.run(drill);
                    track.sessions.push(session);
                });
            }
            std::thread::sleep(flow);
            let ended = host.ended();
            let killed_at = Instant::now();
            let killed = host.kill();
            drill.stop.store(true, Ordering::Relaxed);
            killed.map(|()| (killed_at, ended))
        })?;
        summary.kills += 1;
        summary.busy += drill.busy.load(Ordering::Relaxed);
        if let Some(status) = ended {
            return Err(Breach(format!(
                "the server ended by itself while points flowed ({status})"
            ))
            .into());
        }
        self.close(killed_at, bounded)
    }

    /// Notes when the session ended, and whether a connection did not last so long.
    fn close(&mut self, killed_at: Instant, bounded: bool) -> Result<()> {
        let early = |failed_at: Option<Instant>| {
            let early = failed_at.map(|failed_at| killed_at.saturating_duration_since(failed_at));
            early.filter(|early| bounded && FAILED_EARLY < *early)
        };
        let mut failures = Vec::new();
        for (sender, _) in &mut self.rests {
            if let Some(text) = sender.refusal.take() {
                return Err(Breach(format!("a good request was refused: {text}")).into());
            }
            failures.extend(early(sender.failed_at));
        }
        for session in self
            .lines
            .iter_mut()
            .filter_map(|(_, track)| track.sessions.last_mut())
        {
            session.killed_at = killed_at;
            failures.extend(early(session.failed_at));
        }
        match failures.first() {
            Some(early) => Err(Breach(format!(
                "the server closed a connection {} ms before it was killed",
                early.as_millis()
            ))
            .into()),
            None => Ok(()),
        }
    }

    pub(crate) fn count(&self, summary: &mut Summary) {
        for (_, track) in &self.rests {
            let points = |standing| track.points_of(standing);
            summary.acknowledged += points(Standing::Acknowledged);
            summary.doubtful += points(Standing::Doubtful);
        }
        summary.lines = self
            .lines
            .iter()
            .flat_map(|(_, track)| &track.sessions)
            .map(|session| session.sure)
            .sum();
    }
}
