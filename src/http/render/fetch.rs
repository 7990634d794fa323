//! The leaves of targets: raw points of all shards, as evenly spaced values.

use std::sync::Arc;

use crate::base::time::Millis;
use crate::http::question::Question;
use crate::query::breath::{Local, Pace, SERIES_WORK};
use crate::query::error::QueryError;
use crate::query::graphite::evaluate::Budget;
use crate::query::graphite::slots::{self, STEPS_S};
use crate::query::graphite::{Context, Leaves};
use crate::query::merge::{Merged, MergedPoints, WholeSeries};
use crate::query::plan::{Selector, Slot, Want};
use crate::query::series::Series;

/// The shards, as one evaluation asks them for leaves.
pub(super) struct Fetch<'a> {
    pub(super) question: &'a Question<'a>,
    pub(super) budget: &'a Budget,
}

impl Leaves for Fetch<'_> {
    fn fetch<'a>(
        &'a self,
        selectors: Vec<Selector>,
        context: &'a Context,
    ) -> Local<'a, Result<Vec<Vec<Series>>, QueryError>> {
        Box::pin(self.lists(selectors, context))
    }
}

impl Fetch<'_> {
    async fn lists(
        &self,
        selectors: Vec<Selector>,
        context: &Context,
    ) -> Result<Vec<Vec<Series>>, QueryError> {
        let want = want(context, selectors.into());
        let Merged::Points(mut merged) = self.question.ask(want).await? else {
            return Ok(Vec::new());
        };
        if merged.clashes > 0 {
            tracing::error!(
                clashes = merged.clashes,
                "series of different names share an identity; they were kept apart"
            );
        }
        let pace = self.question.pace();
        let mut spaced = Spaced::new(&pace, self.budget, context, &merged).await?;
        let mut lists = Vec::with_capacity(merged.matches.len());
        for matched in std::mem::take(&mut merged.matches) {
            let mut list = Vec::with_capacity(matched.len());
            for position in matched {
                if let Some(series) = merged.series.get_mut(position as usize) {
                    list.extend(spaced.series(position, series).await?);
                }
            }
            lists.push(list);
        }
        for series in merged.series {
            drop(series);
            pace.did(SERIES_WORK).await?;
        }
        Ok(lists)
    }
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
    pace: &'a Pace<'a>,
    budget: &'a Budget,
    context: &'a Context,
    /// How many selectors still want each series.
    uses: Vec<u32>,
    values: u64,
}

impl<'a> Spaced<'a> {
    async fn new(
        pace: &'a Pace<'a>,
        budget: &'a Budget,
        context: &'a Context,
        merged: &MergedPoints,
    ) -> Result<Spaced<'a>, QueryError> {
        let mut uses = vec![0; merged.series.len()];
        for matches in &merged.matches {
            for &position in matches {
                if let Some(uses) = uses.get_mut(position as usize) {
                    *uses += 1;
                }
            }
            pace.did(1 + matches.len() / 8).await?;
        }
        Ok(Spaced {
            pace,
            budget,
            context,
            uses,
            values: 0,
        })
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
        self.context.limits.check_points_read(self.values)?;
        self.budget.pay_series(2 * whole.name.len(), count)?;
        let slotted = slots::slot(&whole.points, step_s, from, until, self.pace).await?;
        whole.newest_times = times;
        if let Some(uses) = self.uses.get_mut(position as usize) {
            *uses = uses.saturating_sub(1);
            if *uses == 0 {
                whole.points = Default::default();
            }
        }
        self.pace.did_series(whole.name.len()).await?;
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
