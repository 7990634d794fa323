//! The leaves of targets: raw points of all shards, as evenly spaced values.

use std::sync::Arc;

use super::explain::{self, Stage, Stages};
use crate::http::question::Question;
use crate::query::breath::{self, Local, Pace, SERIES_WORK};
use crate::query::error::QueryError;
use crate::query::events::{self, EventFilter, Join};
use crate::query::graphite::evaluate::Budget;
use crate::query::graphite::slots::{self, Slotted};
use crate::query::graphite::{Context, Leaves};
use crate::query::last_slot;
use crate::query::merge::{Merged, MergedPoints, WholeSeries};
use crate::query::plan::{Selector, Want};
use crate::query::rows::{self, Combine, Combined, Group};
use crate::query::scan::FoundGroup;
use crate::query::series::Series;
use crate::query::summary::Summary;

/// The shards, as one evaluation asks them for leaves.
pub(super) struct Fetch<'a> {
    pub(super) question: &'a Question<'a>,
    pub(super) budget: &'a Budget,
    /// Where the time went.
    pub(super) stages: &'a Stages,
    /// Whether nothing that was kept from earlier questions may be used.
    pub(super) fresh: bool,
}

impl Leaves for Fetch<'_> {
    fn fetch<'a>(
        &'a self,
        selectors: Vec<Selector>,
        summary: Option<Summary>,
        context: &'a Context,
    ) -> Local<'a, Result<Vec<Vec<Series>>, QueryError>> {
        Box::pin(self.lists(selectors, summary, context))
    }

    fn combined<'a>(
        &'a self,
        selector: Selector,
        combine: &'a Combine,
        summary: Option<Summary>,
        context: &'a Context,
    ) -> Local<'a, Result<Combined, QueryError>> {
        Box::pin(self.rows(selector, combine, summary, context))
    }

    fn events<'a>(
        &'a self,
        tags: Vec<String>,
        context: &'a Context,
    ) -> Local<'a, Result<Vec<i64>, QueryError>> {
        let filter = EventFilter {
            tags,
            join: Join::All,
            from: context.from,
            until: context.until,
        };
        Box::pin(async move {
            let control = self.question.fleet.control();
            events::times(&control.events, &filter, &self.question.pace()).await
        })
    }
}

impl Fetch<'_> {
    async fn lists(
        &self,
        selectors: Vec<Selector>,
        summary: Option<Summary>,
        context: &Context,
    ) -> Result<Vec<Vec<Series>>, QueryError> {
        let mut merged = self.values(selectors.into(), summary, context).await?;
        self.join_shared(&mut merged, context).await?;
        let pace = self.question.pace();
        let mut spaced = Spaced::new(&pace, self.budget, context, &merged).await?;
        spaced.summary = summary;
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
        // What is left of it the budget has paid.
        self.question.forget();
        Ok(lists)
    }

    async fn rows(
        &self,
        selector: Selector,
        combine: &Combine,
        summary: Option<Summary>,
        context: &Context,
    ) -> Result<Combined, QueryError> {
        let began = self.question.took();
        let of = explain::shown_combined(&selector, combine, summary);
        let want = Want::Rows {
            selector: selector.clone(),
            combine: combine.clone(),
            from_s: context.from,
            until_s: context.until,
            summary,
            fresh: self.fresh,
        };
        let Merged::Rows(merged) = self.question.ask(want).await? else {
            return Ok(Combined::Groups(Vec::new()));
        };
        let groups = merged.groups;
        let rows = |groups: &Vec<FoundGroup>| groups.iter().map(|it| it.rows.len() as u64).sum();
        self.stages.push(Stage {
            kind: "rows",
            of,
            took: self.question.took().saturating_sub(began),
            series: groups.as_ref().map_or(0, |groups| groups.len() as u64),
            points_read: merged.points_read,
            rows_kept: merged.rows_kept,
            values: groups.as_ref().map_or(0, rows),
            bytes: self.question.crossed(),
        });
        let pace = self.question.pace();
        let Some(groups) = groups else {
            let lists = self.lists(vec![selector], summary, context).await?;
            let series = lists.into_iter().flatten().collect();
            return rows::combined(series, combine, summary.is_some(), &pace).await;
        };
        let mut series = Vec::with_capacity(groups.len());
        for group in groups {
            let texts = 2 * group.first.len();
            self.budget.pay_series(texts, group.rows.len() as u64)?;
            let mut one = rows::named(group.first, group.tags, context.x_files_factor);
            group.rows.finish(combine, &mut one, &pace).await?;
            series.push(Group {
                series: one,
                names: group.names,
            });
            pace.did_series(texts).await?;
        }
        self.question.forget();
        Ok(Combined::Groups(series))
    }

    async fn values(
        &self,
        selectors: Arc<[Selector]>,
        summary: Option<Summary>,
        context: &Context,
    ) -> Result<MergedPoints, QueryError> {
        let of = explain::shown_all(&selectors, summary);
        let want = Want::Values {
            selectors,
            from_s: context.from,
            until_s: context.until,
            summary,
        };
        let merged = self.points("values", of, want).await?;
        if merged.clashes > 0 {
            tracing::error!(
                clashes = merged.clashes,
                "series of different names share an identity; they were kept apart"
            );
        }
        Ok(merged)
    }

    async fn points(
        &self,
        kind: &'static str,
        of: String,
        want: Want,
    ) -> Result<MergedPoints, QueryError> {
        let began = self.question.took();
        let Merged::Points(merged) = self.question.ask(want).await? else {
            return Ok(MergedPoints::default());
        };
        let mut values = 0;
        for one in &merged.series {
            values += one.slotted.as_ref().map_or(0, |it| it.values.len() as u64);
            self.question.pace().did(1).await?;
        }
        self.stages.push(Stage {
            kind,
            of,
            took: self.question.took().saturating_sub(began),
            series: merged.series.len() as u64,
            points_read: merged.points_read,
            rows_kept: 0,
            values,
            bytes: self.question.crossed(),
        });
        Ok(merged)
    }

    /// Series that several shards hold, or that came as whole numbers and as floats, have no values yet:
    /// ask for their points, which are joined before anything is made of them.
    async fn join_shared(
        &self,
        merged: &mut MergedPoints,
        context: &Context,
    ) -> Result<(), QueryError> {
        let pace = self.question.pace();
        let mut shared = Vec::new();
        for (place, series) in merged.series.iter().enumerate() {
            if series.slotted.is_none() {
                shared.push(place);
            }
            pace.did(1).await?;
        }
        if shared.is_empty() {
            return Ok(());
        }
        let name = |&place: &usize| merged.series.get(place).map(|one| one.name.clone());
        let names: Arc<[String]> = shared.iter().filter_map(name).collect();
        let (from, until) = last_slot::points_of(context.from, context.until);
        let want = Want::Points {
            selectors: Arc::new([Selector::Names(names)]),
            from,
            until,
            last_slots: last_slot::last_slots(context.from, context.until).into(),
        };
        let of = format!("{} series that several hold", shared.len());
        let points = self.points("points", of, want).await?;
        // Both are sorted by name.
        let mut shared = shared.into_iter().peekable();
        for whole in points.series {
            while let Some(place) = shared.peek().copied() {
                let Some(series) = merged.series.get_mut(place) else {
                    break;
                };
                if whole.name < series.name {
                    break;
                }
                shared.next();
                if series.name == whole.name {
                    *series = whole;
                    break;
                }
            }
            pace.did(SERIES_WORK).await?;
        }
        Ok(())
    }
}

/// Makes series of what the shards gave, and keeps count.
struct Spaced<'a> {
    pace: &'a Pace<'a>,
    budget: &'a Budget,
    context: &'a Context,
    /// How many selectors still want each series.
    uses: Vec<u32>,
    values: u64,
    /// What becomes of the values of those that several shards hold, as it has of the others.
    summary: Option<Summary>,
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
            summary: None,
        })
    }

    /// One series. `None` if its name is no name, which no shard gives.
    async fn series(
        &mut self,
        position: u32,
        whole: &mut WholeSeries,
    ) -> Result<Option<Series>, QueryError> {
        let last_use = match self.uses.get_mut(position as usize) {
            Some(uses) => {
                *uses = uses.saturating_sub(1);
                *uses == 0
            }
            None => true,
        };
        let slotted = match whole.slotted.take() {
            Some(slotted) => slotted,
            None => self.slotted(whole).await?,
        };
        let count = slotted.values.len() as u64;
        self.values = self.values.saturating_add(count);
        self.context.limits.check_points_read(self.values)?;
        self.budget.pay_series(2 * whole.name.len(), count)?;
        if !last_use {
            let values = breath::copied(&slotted.values, self.pace).await?;
            whole.slotted = Some(Slotted { values, ..slotted });
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

    async fn slotted(&self, whole: &mut WholeSeries) -> Result<Slotted, QueryError> {
        let mut times = std::mem::take(&mut whole.newest_times);
        times.sort_unstable();
        let step_s = slots::infer_step(&times);
        let (from, until) = (self.context.from, self.context.until);
        let (_, count) = slots::span(step_s, from, until);
        self.context.limits.check_points_read(count)?;
        let points = std::mem::take(&mut whole.points);
        let slotted = slots::slot(&points, step_s, from, until, self.pace).await?;
        match self.summary {
            Some(summary) => summary.of(&slotted, self.pace).await,
            None => Ok(slotted),
        }
    }
}
