//! The unusual series: runs that overlap, several runs in one file, deletes. Its points are decoded a
//! run of each input at a time, woven by (time, age of the file), settled, and packed again.

use super::gather::Gather;
use super::input::Input;
use super::output::Output;
use super::{Asking, Failure, Turn, base_of, step_of};
use crate::model::points::Duplicates;
use crate::store::pack;
use crate::store::segment::{Extent, RUN_POINTS_MAX, RUN_TEXT_BYTES_MAX, Veil, worth_cells};
use crate::store::stretch::{Column, Stretch};

/// About so long a point takes from run to run.
const NANOS_A_POINT: usize = 25;

/// One series under way.
pub(super) struct Weave {
    number: u32,
    duplicates: Duplicates,
    /// Whether each point gets a stamp of its own.
    ordered: bool,
    veils: Vec<Veil>,
    parts: Vec<Part>,
    gather: Option<Gather>,
    has_cells: bool,
    whole: Extent,
    run: Vec<u8>,
    /// Cells of the runs so far.
    cells: Vec<u8>,
}

/// What one input has of it.
struct Part {
    input: usize,
    /// Stamp of points that have none of their own.
    stamp: u64,
    points: Stretch,
    place: usize,
    /// Time of its last point so far.
    last_ms: i64,
    /// Whether all its runs are decoded.
    over: bool,
}

impl Part {
    fn time(&self) -> Option<i64> {
        self.points.times.get(self.place).copied()
    }

    fn stamp(&self) -> u64 {
        self.points
            .stamps
            .get(self.place)
            .copied()
            .unwrap_or(self.stamp)
    }
}

impl Weave {
    pub(super) fn new(
        number: u32,
        (duplicates, ordered): (Duplicates, bool),
        veils: &[Veil],
        inputs: &[Input],
        output: &Output,
    ) -> Weave {
        let step_ms = output.about.cell_step_ms;
        let members = inputs.iter().enumerate();
        let parts = members.filter(|(_, input)| input.raw.number() == Some(number));
        let parts = parts.map(|(place, input)| Part {
            input: place,
            stamp: input.info.last_stamp,
            points: nothing(),
            place: 0,
            last_ms: i64::MIN,
            over: false,
        });
        Weave {
            number,
            duplicates,
            ordered,
            veils: veils.to_vec(),
            parts: parts.collect(),
            gather: None,
            has_cells: 0 < step_ms,
            whole: Extent::EMPTY,
            run: Vec::new(),
            cells: Vec::new(),
        }
    }

    /// Do a part of it: decode what is missing, or weave and pack one run.
    pub(super) fn turn(
        &mut self,
        inputs: &mut [Input],
        output: &mut Output,
        asking: &mut Asking<'_, '_>,
    ) -> Result<Turn, Failure> {
        let mut points = 0;
        for i in 0..self.parts.len() {
            match self.fill(i, inputs, output, asking)? {
                Some(decoded) => points += decoded,
                None => return Ok(Turn::Waits),
            }
        }
        if self.gather.is_none() {
            self.gather = self.gather_anew();
        }
        let woven = self.weave(inputs)?;
        points += woven;
        let full = |gather: &Gather| {
            gather.len() > RUN_POINTS_MAX || gather.text_bytes() > RUN_TEXT_BYTES_MAX
        };
        let over = self
            .parts
            .iter()
            .all(|part| part.over && part.time().is_none());
        if over || self.gather.as_ref().is_some_and(full) {
            self.pack(output, over)?;
        }
        if over {
            self.add_cells(output)?;
            inputs.iter_mut().for_each(|input| input.pass(self.number));
            return Ok(Turn::Over);
        }
        Ok(Turn::Did(200 + points * NANOS_A_POINT))
    }

    /// See to it that a part has a point at hand, unless it is over. How many were decoded, or `None`
    /// where a result is missing.
    fn fill(
        &mut self,
        i: usize,
        inputs: &mut [Input],
        output: &Output,
        asking: &mut Asking<'_, '_>,
    ) -> Result<Option<usize>, Failure> {
        let Some(part) = self.parts.get_mut(i) else {
            return Ok(Some(0));
        };
        let Some(input) = inputs.get_mut(part.input) else {
            return Ok(Some(0));
        };
        let mut decoded = 0;
        while part.time().is_none() && !part.over {
            if !input.ready(asking)? {
                return Ok(None);
            }
            let Some(run) = input.run_of(self.number) else {
                part.over = true;
                break;
            };
            let stretch = pack::decode_all(run, base_of(&output.about))
                .map_err(|wrong| input.wrong_run(self.number, wrong.0))?;
            if stretch
                .times
                .first()
                .is_some_and(|&first| first < part.last_ms)
            {
                return Err(input.wrong_run(self.number, "it begins before the one in front ends"));
            }
            part.last_ms = stretch.times.last().copied().unwrap_or(part.last_ms);
            decoded += stretch.times.len();
            part.points = stretch;
            part.place = 0;
            input.raw.pass();
        }
        Ok(Some(decoded))
    }

    /// Move points to the gathered ones, in order, until a part must be filled or a run is full.
    fn weave(&mut self, inputs: &[Input]) -> Result<usize, Failure> {
        let mut woven = 0;
        while woven <= RUN_POINTS_MAX {
            let Some((first, bound)) = self.heads() else {
                break;
            };
            let (Some(part), Some(gather)) = (self.parts.get_mut(first), &mut self.gather) else {
                break;
            };
            // As long as it is this part's turn.
            while let Some(time) = part.time()
                && bound.is_none_or(|bound| (time, first) < bound)
                && woven <= RUN_POINTS_MAX
            {
                if self.ordered {
                    gather.set_stamped();
                }
                let taken = take(part, time, &self.veils, gather);
                if !taken && let Some(input) = inputs.get(part.input) {
                    let text = "its values are of another kind than in an older file";
                    return Err(input.wrong_run(self.number, text));
                }
                part.place += 1;
                woven += 1;
                if gather.text_bytes() > RUN_TEXT_BYTES_MAX {
                    return Ok(woven);
                }
            }
            if part.time().is_none() && !part.over {
                break;
            }
        }
        Ok(woven)
    }

    /// What points are gathered in: values as the oldest file has them.
    fn gather_anew(&self) -> Option<Gather> {
        let part = self.parts.iter().find(|part| part.time().is_some())?;
        let points = self.parts.iter().map(|part| part.points.times.len()).sum();
        Some(Gather::like(&part.points.values, points, self.duplicates))
    }

    /// The part with the next point, and time and place of the one behind it. Of equal times the oldest
    /// file's comes first.
    fn heads(&self) -> Option<(usize, Option<(i64, usize)>)> {
        let (mut least, mut next) = (None, None);
        for (place, part) in self.parts.iter().enumerate() {
            let Some(time) = part.time() else {
                continue;
            };
            let head = (time, place);
            if least.is_none_or(|least| head < least) {
                next = least.replace(head);
            } else if next.is_none_or(|next| head < next) {
                next = Some(head);
            }
        }
        Some((least?.1, next))
    }

    /// Pack what is gathered: all of it, or all but the last point, which may still be replaced.
    fn pack(&mut self, output: &mut Output, all: bool) -> Result<(), Failure> {
        let Some(gather) = &mut self.gather else {
            return Ok(());
        };
        loop {
            let left = gather.len().saturating_sub(usize::from(!all));
            let full = left >= RUN_POINTS_MAX || gather.text_bytes() > RUN_TEXT_BYTES_MAX;
            if left == 0 || !(all || full) {
                return Ok(());
            }
            let base = base_of(&output.about);
            let stretch = gather.take(left.min(RUN_POINTS_MAX));
            self.run.clear();
            let extent = Extent::from(&pack::encode(&stretch, base, &mut self.run));
            output.add_run(self.number, &self.run, &extent)?;
            self.whole.add(&extent);
            if let (true, Some(step)) = (self.has_cells, step_of(&output.about)) {
                let mut next = Vec::new();
                pack::encode_cells(&stretch, base, step, &mut next);
                if self.cells.is_empty() {
                    self.cells = next;
                } else if !next.is_empty() {
                    let mut joined = Vec::new();
                    let parts = [&self.cells[..], &next];
                    // Both were made here; without cells the series is read from its points.
                    if pack::join_cells(&parts, base, step, &mut joined).is_err() {
                        self.has_cells = false;
                        joined.clear();
                    }
                    self.cells = joined;
                }
            }
        }
    }

    fn add_cells(&mut self, output: &mut Output) -> Result<(), Failure> {
        if self.cells.is_empty() || !worth_cells(self.cells.len(), self.whole.points) {
            return Ok(());
        }
        output.add_cells(self.number, &self.cells, &self.whole)
    }
}

/// Gather the point at hand of a part, unless it is deleted. `false` where it does not fit the others.
fn take(part: &Part, time: i64, veils: &[Veil], gather: &mut Gather) -> bool {
    let stamp = part.stamp();
    if veils.iter().any(|veil| veil.hides(time, stamp)) {
        return true;
    }
    if !part.points.stamps.is_empty() {
        gather.set_stamped();
    }
    gather.push(&part.points, part.place, stamp)
}

fn nothing() -> Stretch {
    Stretch {
        times: Vec::new(),
        stamps: Vec::new(),
        values: Column::Long(Vec::new()),
        duplicates: Duplicates::Last,
    }
}
