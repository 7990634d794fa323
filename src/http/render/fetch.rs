//! The leaves of targets: raw points of all shards, as evenly spaced values.

use std::collections::HashSet;
use std::sync::Arc;

use super::request::Request;
use crate::base::time::Millis;
use crate::http::question::{BREATH, Question};
use crate::query::error::QueryError;
use crate::query::graphite::slots::{self, STEPS_S};
use crate::query::graphite::{Context, Fetched};
use crate::query::merge::{Merged, MergedPoints, WholeSeries};
use crate::query::plan::{Selector, Slot, Want};
use crate::query::series::Series;

/// The series of every leaf of the request's targets.
///
/// # Errors
/// What the shards say, and where an evenly spaced answer would be larger than it may.
pub(super) async fn fetch(
    question: &Question<'_>,
    request: &Request,
) -> Result<Fetched, QueryError> {
    let mut known = HashSet::new();
    let targets = request.targets.iter();
    let selectors: Arc<[Selector]> = targets
        .flat_map(|(_, target)| target.selectors())
        .filter(|selector| known.insert(selector.clone()))
        .collect();
    let mut fetched = Fetched::new();
    if selectors.is_empty() {
        return Ok(fetched);
    }
    let want = want(&request.context, Arc::clone(&selectors));
    let Merged::Points(mut merged) = question.ask(want).await? else {
        return Ok(fetched);
    };
    if merged.clashes > 0 {
        tracing::error!(
            clashes = merged.clashes,
            "series of different names share an identity; they were kept apart"
        );
    }
    let mut spaced = Spaced::new(question, &request.context, &merged);
    for (selector, matched) in selectors.iter().zip(std::mem::take(&mut merged.matches)) {
        let mut list = Vec::with_capacity(matched.len());
        for position in matched {
            if let Some(series) = merged.series.get_mut(position as usize) {
                list.extend(spaced.series(position, series).await?);
            }
        }
        fetched.insert(selector.clone(), list);
    }
    Ok(fetched)
}

/// Points behind `from`, up to and with the second `until`, and what decides the last slot of every
/// step that a series may turn out to have.
fn want(context: &Context, selectors: Arc<[Selector]>) -> Want {
    let last_slots = STEPS_S.iter().map(|&step_s| {
        let (start_s, count) = slots::span(step_s, context.from, context.until);
        let whole_s = step_s.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX));
        let end_s = start_s.saturating_add(whole_s);
        Slot {
            start: Millis::from_seconds(end_s.saturating_sub(step_s)),
            end: Millis::from_seconds(end_s),
        }
    });
    Want::Points {
        selectors,
        from: Millis::from_seconds(context.from.saturating_add(1)),
        until: Millis(Millis::from_seconds(context.until).0.saturating_add(999)),
        last_slots: last_slots.collect(),
    }
}

/// Turns points into values, and keeps count.
struct Spaced<'a> {
    question: &'a Question<'a>,
    context: &'a Context,
    /// How many selectors still want each series.
    uses: Vec<u32>,
    values: u64,
    done: usize,
}

impl<'a> Spaced<'a> {
    fn new(question: &'a Question<'a>, context: &'a Context, merged: &MergedPoints) -> Spaced<'a> {
        let mut uses = vec![0; merged.series.len()];
        for &position in merged.matches.iter().flatten() {
            if let Some(uses) = uses.get_mut(position as usize) {
                *uses += 1;
            }
        }
        Spaced {
            question,
            context,
            uses,
            values: 0,
            done: 0,
        }
    }

    /// The values of one series. `None` if its name is no name, which no shard gives.
    async fn series(
        &mut self,
        position: u32,
        whole: &mut WholeSeries,
    ) -> Result<Option<Series>, QueryError> {
        let mut times = std::mem::take(&mut whole.newest_times);
        times.sort_unstable();
        let step_s = slots::infer_step(&times);
        let (from, until) = (self.context.from, self.context.until);
        let (_, count) = slots::span(step_s, from, until);
        self.values = self.values.saturating_add(count);
        let limits = &self.question.options.limits;
        limits.check_points_read(self.values)?;
        limits.check_bytes(self.values.saturating_mul(size_of::<f64>() as u64))?;
        let slotted = slots::slot(&whole.points, step_s, from, until);
        self.done += slotted.values.len() + whole.points.len();
        whole.newest_times = times;
        if let Some(uses) = self.uses.get_mut(position as usize) {
            *uses = uses.saturating_sub(1);
            if *uses == 0 {
                whole.points = Default::default();
            }
        }
        if self.done >= BREATH {
            self.done = 0;
            self.question.breathe().await?;
        }
        let x_files_factor = self.context.x_files_factor;
        let leaf = Series::leaf(
            whole.name.clone(),
            slotted.start,
            slotted.step,
            slotted.values,
            x_files_factor,
        );
        Ok(leaf.ok())
    }
}
