//! Several segments of one book and one window become one.
//!
//! ```text
//! footers, indexes ─▶ for each input a cursor over its points and one over its cells
//! for each series, by number:
//!   its runs follow each other, nothing of it is deleted ─▶ the runs are joined as they are, its cells too
//!   else ─▶ points are woven by (time, age of the file), settled, packed again, and its cells folded anew
//! pages ─▶ a few writes in flight ─▶ sync ─▶ done
//! ```
//!
//! Takes slices of work and results of the disk, and never waits. Memory: for each input its index and
//! at most four windows of [`WINDOW_BYTES`], or of one page if that is larger, and one run of the series
//! at hand, decoded; for the output its index and a few writes. What goes wrong ends the merge: its
//! output is removed, the inputs stay as they are.

mod cursor;
mod gather;
mod input;
mod outcome;
mod output;
mod plain;
mod weave;

#[cfg(test)]
mod tests;

pub use outcome::{Failure, Progress, Unlike};

use input::Input;
use output::Output;
use weave::Weave;

use super::{About, Mask, Veil};
use crate::base::time::{Millis, Step};
use crate::model::series::Properties;
use crate::seam::disk::{Desk, Fault, Job, Outcome, Request};
use crate::store::info::{SegmentInfo, segment_path};
use crate::store::pack;

/// Most files that are merged at once.
pub const INPUTS_MAX: usize = 64;
/// Bytes of one read.
pub const WINDOW_BYTES: usize = 256 * 1024;
/// Bytes of one write.
pub const WRITE_BYTES: usize = 256 * 1024;

/// What a merge must know of the series of its book.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// What must be known of one series.
    pub of: &'a dyn Fn(u32) -> Rule,
    /// The clock of arrivals, microseconds: what has expired by then leaves the files here.
    pub now: u64,
    /// What was deleted. It leaves the files here.
    pub mask: &'a Mask,
}

/// What a merge must know of one series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// What is fixed for it.
    pub properties: Properties,
    /// Whether other books, or other series of its name, may hold points at its times. Then a point that
    /// counts as arrived at the last stamp of its file keeps that stamp, as its own, when the new file goes
    /// on for longer.
    pub ordered: bool,
}

enum State {
    Opening,
    Merging,
    Closing,
    /// The jobs in flight must end before the output can be removed.
    Leaving(Failure),
    Removing(Failure),
    Ended(Progress),
}

/// A merge under way.
pub struct Merge {
    state: State,
    started: bool,
    inputs: Vec<Input>,
    output: Output,
    weave: Option<Weave>,
    scratch: plain::Scratch,
    /// Jobs that were asked for and are not done.
    flying: usize,
    fault: Option<Failure>,
    removing: Option<Job>,
}

/// The desk, and the count of what was asked there.
pub(super) struct Asking<'a, 'b> {
    pub(super) desk: &'a mut Desk<'b>,
    pub(super) flying: &'a mut usize,
}

impl Asking<'_, '_> {
    pub(super) fn ask(&mut self, request: Request) -> Job {
        *self.flying += 1;
        self.desk.ask(request)
    }
}

/// What one turn came to.
enum Turn {
    /// Something was done, for about so many nanoseconds.
    Did(usize),
    /// A result is missing.
    Waits,
    /// This state is over.
    Over,
}

impl Merge {
    /// Merge `inputs`, oldest first: of equal times the later file's point is the later arrival. The
    /// result gets the number `file`.
    ///
    /// # Errors
    /// They are of several books or windows, or too few or too many.
    pub fn new(inputs: &[SegmentInfo], file: u64) -> Result<Merge, Unlike> {
        let place = |info: &SegmentInfo| (info.book, info.window_start_ms, info.window_ms);
        let alike = inputs
            .windows(2)
            .all(|two| place(&two[0]) == place(&two[1]));
        if !alike || inputs.is_empty() || inputs.len() > INPUTS_MAX {
            return Err(Unlike);
        }
        Ok(Merge {
            state: State::Opening,
            started: false,
            inputs: inputs.iter().map(Input::new).collect(),
            output: Output::new(segment_path(file).into(), file),
            weave: None,
            scratch: plain::Scratch::default(),
            flying: 0,
            fault: None,
            removing: None,
        })
    }

    /// Points of all inputs: what the whole merge is measured by.
    pub fn points(&self) -> u64 {
        self.inputs.iter().map(|input| input.info.points).sum()
    }

    /// Work for about `budget` nanoseconds.
    pub fn step(&mut self, budget: usize, rules: &Rules<'_>, desk: &mut Desk<'_>) -> Progress {
        let mut spent = 0;
        loop {
            if let Some(failure) = self.fault.take() {
                self.leave(failure);
            }
            match self.turn(rules, desk) {
                Ok(Turn::Did(nanos)) => spent += nanos,
                Ok(Turn::Waits) => return Progress::Waiting,
                Ok(Turn::Over) => {}
                Err(failure) => self.leave(failure),
            }
            if let State::Ended(progress) = &self.state {
                return progress.clone();
            }
            if budget <= spent {
                return Progress::Working;
            }
        }
    }

    /// The result of a job that it asked for.
    pub fn done(&mut self, job: Job, result: Result<Outcome, Fault>) {
        self.flying = self.flying.saturating_sub(1);
        if self.removing == Some(job) {
            self.removing = None;
            return;
        }
        let taken = if self.output.asked(job) {
            self.output.done(job, result)
        } else {
            match self.inputs.iter_mut().find(|input| input.asked(job)) {
                Some(input) => input.done(job, result),
                None => Ok(()),
            }
        };
        if let Err(failure) = taken {
            self.fault.get_or_insert(failure);
        }
    }

    fn leave(&mut self, failure: Failure) {
        let leaving = matches!(
            self.state,
            State::Leaving(_) | State::Removing(_) | State::Ended(_)
        );
        if !leaving {
            self.state = State::Leaving(failure);
        }
    }

    fn turn(&mut self, rules: &Rules<'_>, desk: &mut Desk<'_>) -> Result<Turn, Failure> {
        let mut asking = Asking {
            desk,
            flying: &mut self.flying,
        };
        match &self.state {
            State::Opening => {
                if !self.started {
                    self.started = true;
                    self.output.create(&mut asking);
                }
                let mut open = self.output.is_made();
                for input in &mut self.inputs {
                    open &= input.open(&mut asking)?;
                }
                if !open {
                    return Ok(Turn::Waits);
                }
                self.output.begin(about(&self.inputs, self.output.file()));
                self.state = State::Merging;
                Ok(Turn::Did(1000))
            }
            State::Merging => {
                if !self.output.write(&mut asking) {
                    return Ok(Turn::Waits);
                }
                let turn = series(
                    &mut self.inputs,
                    &mut self.output,
                    &mut self.weave,
                    &mut self.scratch,
                    rules,
                    &mut asking,
                )?;
                if matches!(turn, Turn::Over) {
                    self.output.close();
                    self.state = State::Closing;
                }
                Ok(turn)
            }
            State::Closing => match self.output.closed(&mut asking) {
                Some(info) => {
                    self.state = State::Ended(Progress::Done(info));
                    Ok(Turn::Over)
                }
                None => Ok(Turn::Waits),
            },
            State::Leaving(failure) => {
                if *asking.flying > 0 {
                    return Ok(Turn::Waits);
                }
                let name = self.output.name();
                self.removing = Some(asking.ask(Request::Remove { name }));
                self.state = State::Removing(failure.clone());
                Ok(Turn::Waits)
            }
            State::Removing(failure) => {
                if self.removing.is_some() {
                    return Ok(Turn::Waits);
                }
                // Whether or not it could be removed: no list names it.
                self.state = State::Ended(Progress::Failed(failure.clone()));
                Ok(Turn::Over)
            }
            State::Ended(_) => Ok(Turn::Over),
        }
    }
}

/// What the output is, once the inputs are open.
fn about(inputs: &[Input], file: u64) -> About {
    let mut abouts = inputs.iter().filter_map(|input| input.about);
    let Some(mut all) = abouts.next() else {
        return About::default();
    };
    for about in abouts {
        all.level = all.level.max(about.level);
        all.first_stamp = all.first_stamp.min(about.first_stamp);
        all.last_stamp = all.last_stamp.max(about.last_stamp);
        all.first_log_block = all.first_log_block.min(about.first_log_block);
        all.last_log_block = all.last_log_block.max(about.last_log_block);
        // The newest file says how long cells are from now on.
        all.cell_step_ms = about.cell_step_ms;
    }
    About {
        file,
        level: all.level.saturating_add(1),
        ..all
    }
}

/// What all runs and cells of a window are told from.
pub(super) fn base_of(about: &About) -> Millis {
    Millis(about.window_start_ms)
}

/// How long its cells are, if it has any.
pub(super) fn step_of(about: &About) -> Option<Step> {
    Step::from_millis(about.cell_step_ms)
}

/// Whether no point counts as later when its run is copied as it is.
fn keeps_stamps(number: u32, inputs: &[Input], output: &Output, rule: Rule) -> bool {
    !rule.ordered
        || inputs.iter().all(|input| {
            let is_last = input.info.last_stamp == output.about.last_stamp;
            let run = input.run_of(number);
            is_last || run.is_none_or(pack::is_stamped)
        })
}

/// Merge one series, or as much of it as one turn may.
fn series(
    inputs: &mut [Input],
    output: &mut Output,
    weave: &mut Option<Weave>,
    scratch: &mut plain::Scratch,
    rules: &Rules<'_>,
    asking: &mut Asking<'_, '_>,
) -> Result<Turn, Failure> {
    if let Some(under_way) = weave {
        let turn = under_way.turn(inputs, output, asking)?;
        return Ok(match turn {
            Turn::Over => {
                *weave = None;
                Turn::Did(500)
            }
            turn => turn,
        });
    }
    let mut ready = true;
    for input in inputs.iter_mut() {
        ready &= input.ready(asking)?;
    }
    if !ready {
        return Ok(Turn::Waits);
    }
    let Some(number) = inputs.iter().filter_map(|input| input.raw.number()).min() else {
        return Ok(Turn::Over);
    };
    for input in inputs.iter_mut() {
        ready &= input.cells_ready(number, asking)?;
    }
    if !ready {
        return Ok(Turn::Waits);
    }
    let rule = (rules.of)(number);
    output.set_ttl(rule.properties.ttl_seconds);
    let mut veils = rules.mask.of(number).to_vec();
    let expired_below = rule.properties.expired_below(rules.now);
    let may_have_expired = |input: &Input| {
        input.info.first_stamp < expired_below && input.raw.number() == Some(number)
    };
    if inputs.iter().any(may_have_expired) {
        veils.push(Veil {
            from_ms: i64::MIN,
            until_ms: i64::MAX,
            below_stamp: expired_below,
        });
    }
    if veils.is_empty()
        && keeps_stamps(number, inputs, output, rule)
        && let Some(nanos) = plain::join(number, inputs, output, scratch)?
    {
        for input in inputs.iter_mut() {
            input.pass(number);
        }
        return Ok(Turn::Did(nanos));
    }
    *weave = Some(Weave::new(
        number,
        (rule.properties.duplicates, rule.ordered),
        &veils,
        inputs,
        output,
    ));
    Ok(Turn::Did(500))
}
