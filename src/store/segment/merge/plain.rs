//! The usual series: its runs follow each other, and are joined as they are.

use super::input::Input;
use super::output::Output;
use super::{Failure, base_of, step_of};
use crate::store::pack::{self, Summary};
use crate::store::segment::{Extent, RUN_BYTES_MAX, RUN_POINTS_MAX};

/// Shorter runs are better packed anew, and [`pack::join`] would not join them.
const POINTS_WORTH_JOINING: usize = 32;

/// With fewer points no cells are folded where no input has some: they would hardly be worth it.
const CELLED_POINTS_MIN: u64 = 60;

/// Memory that is used again for every series.
#[derive(Default)]
pub(super) struct Scratch {
    /// Inputs that have the series, in the order of its times.
    members: Vec<Member>,
    joined: Vec<u8>,
    cells: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Member {
    input: usize,
    extent: Extent,
}

/// Write series `number` by joining its runs and its cells, if that is all there is to do. About how
/// many nanoseconds it took, or `None` where its points must be woven.
pub(super) fn join(
    number: u32,
    inputs: &[Input],
    output: &mut Output,
    scratch: &mut Scratch,
) -> Result<Option<usize>, Failure> {
    if !find(number, inputs, output, &mut scratch.members)? {
        return Ok(None);
    }
    let mut whole = Extent::EMPTY;
    for member in &scratch.members {
        whole.add(&member.extent);
    }
    let members = scratch.members.len();
    if members > 1 && whole.points < (members * POINTS_WORTH_JOINING) as u64 {
        return Ok(None);
    }
    let Some(has_cells) = join_cells(number, inputs, output, scratch)? else {
        return Ok(None);
    };
    let runs = scratch
        .members
        .iter()
        .filter_map(|member| inputs.get(member.input)?.run_of(number));
    let runs: Vec<&[u8]> = runs.collect();
    let bytes: usize = runs.iter().map(|run| run.len()).sum();
    match runs[..] {
        [run] => output.add_run(number, run, &whole)?,
        _ if bytes > RUN_BYTES_MAX || whole.points > RUN_POINTS_MAX as u64 => {
            for (run, member) in runs.iter().zip(&scratch.members) {
                output.add_run(number, run, &member.extent)?;
            }
        }
        _ => {
            scratch.joined.clear();
            let base = base_of(&output.about);
            if pack::join(&runs, base, &mut scratch.joined).is_none() {
                return Ok(None);
            }
            output.add_run(number, &scratch.joined, &whole)?;
        }
    }
    if has_cells {
        output.add_cells(number, &scratch.cells, &whole)?;
    }
    Ok(Some(match runs.len() {
        1 => 200 + bytes / 4,
        members => 250 * members + 5 * bytes / 2,
    }))
}

/// Find who has the series, in the order of its times. `false` where the runs do not follow each other,
/// or one input has several.
fn find(
    number: u32,
    inputs: &[Input],
    output: &Output,
    members: &mut Vec<Member>,
) -> Result<bool, Failure> {
    members.clear();
    for (place, input) in inputs.iter().enumerate() {
        let Some(run) = input.run_of(number) else {
            continue;
        };
        if input.raw.goes_on() {
            return Ok(false);
        }
        let summary = Summary::of(run, base_of(&output.about));
        let summary = summary.map_err(|wrong| input.wrong_run(number, wrong.0))?;
        members.push(Member {
            input: place,
            extent: Extent {
                points: u64::from(summary.count),
                first_ms: summary.first_ms,
                last_ms: summary.last_ms,
                ..input.bounds()
            },
        });
    }
    members.sort_by_key(|member| member.extent.first_ms);
    let follow = |two: &[Member]| two[0].extent.last_ms < two[1].extent.first_ms;
    Ok(members.windows(2).all(follow))
}

/// Join the cells into the scratch. Whether there are any; `None` where they must be folded anew.
fn join_cells(
    number: u32,
    inputs: &[Input],
    output: &Output,
    scratch: &mut Scratch,
) -> Result<Option<bool>, Failure> {
    scratch.cells.clear();
    let step_ms = output.about.cell_step_ms;
    let members = scratch
        .members
        .iter()
        .filter_map(|member| inputs.get(member.input));
    let parts = members
        .clone()
        .filter_map(|input| input.cells_of(number, step_ms));
    let parts: Vec<&[u8]> = parts.collect();
    let points: u64 = scratch
        .members
        .iter()
        .map(|member| member.extent.points)
        .sum();
    if parts.is_empty() && (step_ms == 0 || points < CELLED_POINTS_MIN) {
        return Ok(Some(false));
    }
    let (true, Some(step)) = (parts.len() == scratch.members.len(), step_of(&output.about)) else {
        return Ok(None);
    };
    if let [cells] = parts[..] {
        scratch.cells.extend_from_slice(cells);
        return Ok(Some(true));
    }
    let base = base_of(&output.about);
    match pack::join_cells(&parts, base, step, &mut scratch.cells) {
        Ok(()) => Ok(Some(true)),
        Err(wrong) => {
            // Joining does not tell which of them: look at each alone.
            let mut alone = Vec::new();
            let bad = members.clone().find(|input| {
                let cells = input.cells_of(number, step_ms).unwrap_or_default();
                pack::join_cells(&[cells], base, step, &mut alone).is_err()
            });
            match bad {
                Some(input) => Err(input.wrong_cells(number, wrong.0)),
                None => Ok(None),
            }
        }
    }
}
