//! Runs one behind the other become one, without a look at their values.

use super::group::{Group, Walk};
use super::times::{CONTINUED, Clock, EVEN, EVEN_SECONDS, UNEVEN};
use super::{Corrupt, POINTS_MAX, Summary};
use crate::base::time::Millis;

/// Where groups had fewer points than this on average, packing them anew saves more than it costs.
const GROUP_POINTS_MIN: usize = 32;

/// Append the join of `runs`, each of which starts after the end of the one before it. All are told from
/// `base`, and so is the join. Its least and greatest value are not known here.
///
/// `None`, and `out` as it was, where they are not in that order, differ in kind, duplicate rule or in
/// having stamps, are damaged, are more than [`POINTS_MAX`] points, or are cut so small that whole groups
/// pay: decode them then, and encode the result.
pub fn join(runs: &[&[u8]], base: Millis, out: &mut Vec<u8>) -> Option<Summary> {
    let before = out.len();
    let joined = join_any(runs, base, out).ok().filter(|(summary, groups)| {
        *groups <= runs.len().min(1) || summary.count as usize >= groups * GROUP_POINTS_MIN
    });
    if joined.is_none() {
        out.truncate(before);
    }
    joined.map(|(summary, _)| summary)
}

/// [`join`], however small the groups are; gives their number too.
pub(super) fn join_any(
    runs: &[&[u8]],
    base: Millis,
    out: &mut Vec<u8>,
) -> Result<(Summary, usize), Corrupt> {
    let first = runs.first().ok_or(Corrupt("there is nothing to join"))?;
    let head = Walk::new(first, base.0)?.head;
    let mut clock = Clock::new(base.0, head.all);
    let (mut first_ms, mut points, mut groups) = (None, 0, 0);
    out.push(head.byte());
    for run in runs {
        let mut walk = Walk::new(run, base.0)?;
        if walk.head != head {
            return Err(Corrupt("the runs are not of one kind"));
        }
        let before = clock.last_ms();
        let mut group = walk.next()?.ok_or(Corrupt::SHORT)?;
        if before.is_some_and(|last| group.times.first_ms <= last) {
            return Err(Corrupt("the runs overlap"));
        }
        first_ms = first_ms.or(Some(group.times.first_ms));
        loop {
            push_group(&mut group, &mut clock, out);
            groups += 1;
            match walk.next()? {
                Some(next) => group = next,
                None => break,
            }
        }
        points += walk.points;
    }
    let (Some(first_ms), Some(last_ms)) = (first_ms, clock.last_ms()) else {
        return Err(Corrupt::SHORT);
    };
    if points > POINTS_MAX {
        return Err(Corrupt("there are too many points"));
    }
    let summary = Summary {
        count: points as u32,
        first_ms,
        last_ms,
        min: f64::NAN,
        max: f64::NAN,
    };
    Ok((summary, groups))
}

fn push_group(group: &mut Group<'_>, clock: &mut Clock, out: &mut Vec<u8>) {
    let times = &group.times;
    let step = (group.count > 1).then_some(times.step_ms);
    let mut kept_step = times.step_ms;
    group.head.mode = if !times.is_even() {
        UNEVEN
    } else if clock.is_continued(times.first_ms, step) {
        kept_step = clock.step_ms();
        CONTINUED
    } else if clock.is_in_seconds(times.first_ms, times.step_ms) {
        EVEN_SECONDS
    } else {
        EVEN
    };
    out.extend_from_slice(&group.head.bits().to_le_bytes());
    out.push((group.count - 1) as u8);
    match group.head.mode {
        CONTINUED => {}
        UNEVEN => clock.write_start(times.first_ms, out),
        _ => clock.write_even(times.first_ms, times.step_ms, out),
    }
    out.extend_from_slice(group.body);
    clock.pass(times.last_ms, kept_step);
}
