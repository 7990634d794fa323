//! Which segments are merged, and one merge at work.
//!
//! Merged are neighbours in the order of arrival, of one book and one window: so many of one level become
//! one of the next, and once a window is quiet all that is left of it becomes one, unless one of its files
//! has nearly all points. So each point is written a few times at most, and a window has a bounded number of
//! files at any time.

use std::collections::HashSet;

use super::info::SegmentInfo;
use super::manifest::{Edit, Version};
use super::segment::merge::{Failure, Progress, Rule, Rules};
use super::segment::{Mask, Merge};
use super::{RETRY_MICROS, SLICE_NANOS, Store, owner};
use crate::base::time::Stamp;
use crate::seam::disk::{Fault, Job, Outcome, Request};

/// Files of one level that become one of the next.
const FAN_IN: usize = 8;
/// Files of one merge.
const INPUTS_MAX: usize = 32;
/// A file with more than so many times the points of all others of its window is not written anew for their
/// sake: that costs more than readers gain by one file less.
const LOPSIDED: u64 = 4;
/// A window is quiet when its end lies so far behind the wall clock,
const CLOSED_MS: i64 = 600_000;
/// and the last of its points arrived so long ago.
const QUIET_MICROS: u64 = 300_000_000;
/// So long after its last point a window becomes one file in any case: a late point beside nearly all others
/// makes every reading of the window put points in order.
const SETTLED_MICROS: u64 = 6 * 3_600_000_000;

/// A file is written anew for what has expired if that is at least one point in so many.
const EXPIRED_WORTH: u64 = 4;

/// Between two looks at what could be merged, if nothing has changed but the time.
pub(super) const LOOK_MICROS: u64 = 60_000_000;

/// A merge under way.
pub(super) struct Compaction {
    /// None where nothing is left of the inputs.
    merge: Option<Merge>,
    inputs: Vec<SegmentInfo>,
    /// What was written: the manifest is asked to list it.
    asked: Option<SegmentInfo>,
}

impl Compaction {
    /// A request of it is done.
    pub(super) fn done(&mut self, job: Job, result: Result<Outcome, Fault>, _: &mut Store) {
        if let Some(merge) = &mut self.merge {
            merge.done(job, result);
        }
    }
}

/// What decides which windows are merged.
pub(super) struct Now {
    /// Wall clock.
    pub(super) wall_ms: i64,
    /// Clock of arrivals.
    pub(super) stamp: u64,
    /// Whether windows are merged as if they were quiet.
    pub(super) all: bool,
}

/// The files to merge next, in the order of arrival; none if nothing is worth it.
pub(super) fn choose(
    version: &Version,
    books: &[u32],
    now: &Now,
    leave: &HashSet<u64>,
) -> Vec<SegmentInfo> {
    for &book in books {
        let mut window: Vec<SegmentInfo> = Vec::new();
        let all = version.segments(book, i64::MIN, i64::MAX).copied();
        for info in all.map(Some).chain([None]) {
            let same = info.is_some_and(|info| {
                let place = |info: &SegmentInfo| (info.window_start_ms, info.window_ms);
                window
                    .first()
                    .is_none_or(|first| place(first) == place(&info))
            });
            if !same {
                let chosen = choose_in(&window, now, leave);
                if !chosen.is_empty() {
                    return chosen.to_vec();
                }
                window.clear();
            }
            window.extend(info);
        }
    }
    Vec::new()
}

fn choose_in<'a>(window: &'a [SegmentInfo], now: &Now, leave: &HashSet<u64>) -> &'a [SegmentInfo] {
    let (Some(first), Some(last)) = (window.first(), window.last()) else {
        return &[];
    };
    let end_ms = first.window_start_ms.saturating_add(first.window_ms);
    let closed = end_ms.saturating_add(CLOSED_MS) <= now.wall_ms;
    let rests = |micros: u64| closed && last.last_stamp.saturating_add(micros) <= now.stamp;
    // A file that cannot be merged parts its window.
    for part in window.split(|info| leave.contains(&info.file)) {
        let one = if rests(SETTLED_MICROS) && 1 < part.len() {
            part
        } else if rests(QUIET_MICROS) || now.all {
            worth_one(part)
        } else {
            &[]
        };
        if !one.is_empty() {
            return &one[..one.len().min(INPUTS_MAX)];
        }
        let same_level = part.chunk_by(|a, b| a.level == b.level);
        if let Some(many) = same_level.into_iter().find(|many| FAN_IN <= many.len()) {
            return &many[..many.len().min(INPUTS_MAX)];
        }
        if let Some(at) = part.iter().position(|info| is_worth_less(info, now.stamp)) {
            return &part[at..=at];
        }
    }
    &[]
}

/// Neighbours among these files that are worth to become one: all of them or, beside a file that has nearly
/// all points, those on one side of it. None where there are no two.
fn worth_one(part: &[SegmentInfo]) -> &[SegmentInfo] {
    let largest = part.iter().enumerate().max_by_key(|(_, info)| info.points);
    let Some((at, largest)) = largest.filter(|_| 1 < part.len()) else {
        return &[];
    };
    let add = |sum: u64, info: &SegmentInfo| sum.saturating_add(info.points);
    let others = part.iter().fold(0, add).saturating_sub(largest.points);
    if largest.points <= others.saturating_mul(LOPSIDED) {
        return part;
    }
    match worth_one(&part[..at]) {
        [] => worth_one(&part[at + 1..]),
        before => before,
    }
}

/// Whether so much of a file has expired that it is written anew, or given up.
fn is_worth_less(info: &SegmentInfo, now: u64) -> bool {
    0 < info.mortal_points
        && info.mortal_until <= now
        && info.points <= info.mortal_points.saturating_mul(EXPIRED_WORTH)
}

impl Store {
    pub(super) fn work_on_compaction(&mut self) -> bool {
        let Some(mut compaction) = self.compaction.take().or_else(|| self.begin_compaction())
        else {
            return false;
        };
        if compaction.asked.is_some() {
            self.compaction = Some(compaction);
            return false;
        }
        let book = compaction.inputs.first().map_or(0, |info| info.book);
        let (catalog, properties) = (&self.catalog, &self.properties);
        let (kept, ordered) = (&self.kept, self.ordered);
        let of = |number| {
            let id = catalog.series_of(book, number);
            Rule {
                properties: id.map(|id| properties.get(id)).unwrap_or_default(),
                ordered: ordered || id.is_some_and(|id| kept.contains(id.0)),
            }
        };
        let rules = Rules {
            of: &of,
            now: self.now.stamp.0,
            mask: &Mask::default(),
        };
        let mut desk = self.jobs.desk(owner::COMPACT);
        let progress = match &mut compaction.merge {
            Some(merge) => merge.step(SLICE_NANOS, &rules, &mut desk),
            None => Progress::Done(SegmentInfo::default()),
        };
        match progress {
            Progress::Working => {
                self.compaction = Some(compaction);
                true
            }
            Progress::Waiting => {
                self.compaction = Some(compaction);
                false
            }
            Progress::Done(info) => {
                let added = if info.points == 0 {
                    Vec::new()
                } else {
                    vec![info]
                };
                self.edits.push_back(Edit::Merge {
                    removed: compaction.inputs.iter().map(|info| info.file).collect(),
                    added,
                    // Deletes are applied when points are read.
                    tombstones: 0,
                });
                compaction.asked = Some(info);
                self.compaction = Some(compaction);
                true
            }
            Progress::Failed(failure) => {
                self.merge_failed(&compaction, &failure);
                false
            }
        }
    }

    fn begin_compaction(&mut self) -> Option<Compaction> {
        if !self.looks_for_merges || self.now.stamp < self.retry_at || self.files.is_low() {
            return None;
        }
        let now = Now {
            wall_ms: self.now.now.0,
            stamp: self.now.stamp.0,
            all: self.merge_all,
        };
        let inputs = choose(&self.version, &self.books, &now, &self.unmergeable);
        self.looked_for_merges = now.stamp;
        if inputs.is_empty() {
            self.looks_for_merges = false;
            if self.seal.is_none() && self.frozen.is_empty() {
                self.merge_all = false;
            }
            return None;
        }
        let merge = match inputs[..] {
            // Nothing of it is left.
            [only] if only.mortal_points == only.points && is_worth_less(&only, now.stamp) => None,
            _ => Some(Merge::new(&inputs, self.files.next()?).ok()?),
        };
        Some(Compaction {
            merge,
            inputs,
            asked: None,
        })
    }

    /// What the manifest lists has changed: perhaps there is something to merge, or the merge that
    /// waited for it is done.
    pub(super) fn settle_compaction(&mut self) {
        self.looks_for_merges = true;
        let version = &self.version;
        let listed = |info: &SegmentInfo| {
            let (book, start) = (info.book, info.window_start_ms);
            let end = start.saturating_add(info.window_ms);
            let mut window = version.segments(book, start, end);
            window.any(|known| known.file == info.file)
        };
        let done = self.compaction.take_if(|compaction| {
            compaction.asked.is_some() && !compaction.inputs.iter().any(listed)
        });
        if let Some(written) = done.and_then(|done| done.asked) {
            self.counts.merges += 1;
            self.counts.merged_points += written.points;
            self.counts.merged_bytes += written.bytes;
        }
    }

    /// The manifest did not take it, because its inputs have left: what was written is of no use.
    pub(super) fn fail_compaction(&mut self) {
        let Some(failed) = self.compaction.take() else {
            return;
        };
        // Deletes lie between its inputs, or some have left: those that are still there stay apart, so
        // that each point keeps its place before or behind a delete.
        let inputs = failed.inputs.iter().map(|info| info.file);
        self.unmergeable.extend(inputs);
        if let Some(info) = failed.asked.filter(|info| 0 < info.points) {
            let name = info.path().into();
            self.jobs.desk(owner::REST).ask(Request::Remove { name });
        }
        self.looks_for_merges = true;
    }

    fn merge_failed(&mut self, compaction: &Compaction, failure: &Failure) {
        self.trouble(format!("cannot merge segments: {failure}"));
        if let Failure::Corrupt { .. } = failure {
            // What is damaged stays where it is, and answers as far as it can.
            self.unmergeable
                .extend(compaction.inputs.iter().map(|info| info.file));
        }
        self.looks_for_merges = true;
        self.retry_at = Stamp(self.now.stamp.0 + RETRY_MICROS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of files with so many points become one.
    #[track_caller]
    fn check(points: &[u64], want: &[u64]) {
        let files = points.iter().zip(0..).map(|(&points, file)| SegmentInfo {
            file,
            points,
            ..SegmentInfo::default()
        });
        let files: Vec<SegmentInfo> = files.collect();
        let chosen = worth_one(&files).iter().map(|info| info.file);
        assert_eq!(chosen.collect::<Vec<u64>>(), want, "{points:?}");
    }

    #[test]
    fn a_file_with_nearly_all_points_is_not_written_anew() {
        check(&[], &[]);
        check(&[5], &[]);
        check(&[0, 0], &[0, 1]);
        check(&[10, 10, 1], &[0, 1, 2]);
        check(&[10, 40], &[0, 1]);
        check(&[10, 41], &[]);
        check(&[41, 10], &[]);
        check(&[1000, 10, 9], &[1, 2]);
        check(&[3, 4, 1000], &[0, 1]);
        check(&[3, 4, 1000, 5, 6], &[0, 1]);
        check(&[3, 4, 1000, 300], &[0, 1, 2, 3]);
        check(&[1, 1000, 2, 100], &[]);
        check(&[u64::MAX, u64::MAX], &[]);
    }

    #[test]
    fn a_window_that_rests_long_enough_becomes_one_file_in_any_case() {
        let file = |file, points| SegmentInfo {
            file,
            points,
            window_ms: 3_600_000,
            last_stamp: 1_000_000,
            ..SegmentInfo::default()
        };
        let files = [file(0, 1000), file(1, 1)];
        let chosen = |after: u64| {
            let now = Now {
                wall_ms: i64::MAX,
                stamp: 1_000_000 + after,
                all: true,
            };
            choose_in(&files, &now, &HashSet::new()).len()
        };
        assert_eq!(chosen(SETTLED_MICROS - 1), 0);
        assert_eq!(chosen(SETTLED_MICROS), 2);
    }
}
