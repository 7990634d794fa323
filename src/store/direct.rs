//! The points of one series in a range of time as they lie in the files, for whoever wants no list of
//! points: runs, and cells where sums of minutes are enough, oldest first, and what memory holds behind them.
//!
//! Sees what a [`SeriesReading`](super::reading::SeriesReading) sees, and is as sliced. Pieces come in the
//! order of their windows and are not put in order: whoever takes them looks whether each simply follows
//! the one before, as nearly all do, and refuses it if not; then the points have to be read.

use std::collections::VecDeque;
use std::rc::Rc;

use super::Store;
use super::files::Files;
use super::generation::{Ahead, Evens, Portion, Room, SERIES_AHEAD};
use super::reading::HeadReading;
use super::segment::{Entry, Kind, Page};
use super::shelf::Got;
use crate::base::time::{Millis, Step};
use crate::model::points::Duplicates;
use crate::model::series::SeriesId;

/// Layers of a series whose parts are asked for before the first of them is needed.
const AHEAD: usize = 8;
/// What looking for a series in a layer costs, in points.
const LAYER_COST: usize = 10;
/// Points of memory that are given in one piece.
const RECENT_AT_ONCE: usize = 2_000;

/// A piece of a series.
pub enum Piece<'a> {
    /// Points of a run, those within a range that includes both its ends.
    Run {
        /// The run, told from `base`.
        run: &'a [u8],
        /// See `run`.
        base: Millis,
        /// The range.
        range: (Millis, Millis),
    },
    /// Cells, those that start within a range that includes both its ends.
    Cells {
        /// The cells, told from `base` by `step`.
        cells: &'a [u8],
        /// See `cells`.
        base: Millis,
        /// See `cells`.
        step: Step,
        /// The range.
        range: (Millis, Millis),
    },
    /// Points that are not in a file yet, behind all others.
    Recent(Portion<'a>),
}

/// Who takes pieces.
pub trait Taker {
    /// Take a piece; about how many points it was worth. `None` where it does not simply follow what was
    /// taken before, or is damaged.
    fn take(&mut self, piece: Piece<'_>) -> Option<usize>;

    /// Whether cells of so many milliseconds can be taken at all.
    fn takes_cells(&self, cell_ms: i64) -> bool;
}

/// What a slice came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// All pieces were taken.
    All,
    /// The budget is used up.
    More,
    /// The disk has to bring something first.
    Waiting,
    /// A piece was not taken, or could not be read.
    Refused,
}

/// A reading under way.
pub struct DirectReading {
    range: (Millis, Millis),
    files: Files,
    heads: VecDeque<HeadReading>,
    recent: Evens,
    /// Whether the recent ones are known to be in order.
    in_order: bool,
    ahead: Ahead,
    layers: VecDeque<Layer>,
    /// Memory of a layer that was read, and of a head.
    spare: VecDeque<Todo>,
    room: Room,
}

/// Memory of a reading that has ended, for the next.
#[derive(Default)]
pub struct DirectMemory {
    files: Option<Files>,
    layers: VecDeque<Layer>,
    todo: VecDeque<Todo>,
    heads: VecDeque<HeadReading>,
    recent: Evens,
    room: Room,
    ahead: Ahead,
}

struct Layer {
    /// Its place among the files.
    file: usize,
    number: u32,
    /// Whether its index was looked at.
    looked_at: bool,
    /// In the order of time.
    todo: VecDeque<Todo>,
}

struct Todo {
    entry: Entry,
    page: PageHere,
    range: (Millis, Millis),
    /// Of a page of cells.
    step: Step,
}

type PageHere = Option<Rc<Page<Vec<u8>>>>;

impl DirectReading {
    /// Begin to read the points of `id` with `from <= time <= until`; `next` are the series that will be read
    /// then. `None` where some are deleted, or equal times count several times: then pieces say nothing.
    pub fn new(
        store: &mut Store,
        (id, next): (SeriesId, [Option<SeriesId>; SERIES_AHEAD]),
        range: (Millis, Millis),
        memory: DirectMemory,
    ) -> Option<DirectReading> {
        if store.series(id).duplicates != Duplicates::Last {
            return None;
        }
        let DirectMemory {
            files,
            mut layers,
            todo,
            mut heads,
            mut recent,
            mut room,
            mut ahead,
        } = memory;
        heads.clear();
        heads.extend(store.head_readings(id, range, 0));
        if let Some(head) = heads.front_mut() {
            head.set_room(std::mem::take(&mut room));
        }
        recent.clear();
        let mut files = Files::of(store, range, files);
        let [one, two, ..] = next;
        files.ahead(store, [one, two]);
        store.head_ahead(&next, range.0, &mut ahead);
        layers.clear();
        for (file, info) in files.infos().enumerate() {
            let numbers = store.catalog().numbers_in(info.book, id);
            layers.extend(numbers.map(|number| Layer {
                file,
                number,
                looked_at: false,
                todo: VecDeque::new(),
            }));
        }
        Some(DirectReading {
            range,
            files,
            heads,
            recent,
            in_order: false,
            ahead,
            layers,
            spare: todo,
            room,
        })
    }

    /// Memory for the next.
    pub fn into_memory(self) -> DirectMemory {
        DirectMemory {
            files: Some(self.files),
            layers: self.layers,
            todo: self.spare,
            heads: self.heads,
            recent: self.recent,
            room: self.room,
            ahead: self.ahead,
        }
    }

    /// Do a slice of about `budget` points, taken from it; `taker` is the same each time.
    pub fn step(&mut self, store: &mut Store, budget: &mut usize, taker: &mut impl Taker) -> Done {
        while *budget > 0 {
            if let Some(head) = self.heads.front_mut() {
                let out = (&mut self.recent, &mut self.ahead);
                if head.step_evenly(store, budget, out) {
                    let room = self.heads.pop_front().map(HeadReading::into_room);
                    let room = room.unwrap_or_default();
                    match self.heads.front_mut() {
                        Some(next) => next.set_room(room),
                        None => self.room = room,
                    }
                }
            } else if !self.layers.is_empty() {
                match self.read_front(store, taker) {
                    Got::Here(spent) => *budget = budget.saturating_sub(spent),
                    Got::Waiting => return Done::Waiting,
                    Got::Damaged => return Done::Refused,
                }
            } else {
                self.in_order = self.in_order || self.recent.is_in_order();
                if !self.in_order {
                    return Done::Refused;
                }
                let Some(portion) = self.recent.next(RECENT_AT_ONCE) else {
                    return Done::All;
                };
                match taker.take(Piece::Recent(portion)) {
                    Some(points) => *budget = budget.saturating_sub(points),
                    None => return Done::Refused,
                }
            }
        }
        Done::More
    }

    /// Take the next piece of the first layer; what that cost.
    fn read_front(&mut self, store: &mut Store, taker: &mut impl Taker) -> Got<usize> {
        let Some(layer) = self.layers.front_mut() else {
            return Got::Here(0);
        };
        if !layer.looked_at && layer.todo.capacity() == 0 {
            layer.todo = std::mem::take(&mut self.spare);
        }
        let files = &mut self.files;
        let ready = match layer.look(store, files, self.range, taker) {
            Got::Here(()) => layer.fetch(store, files, self.range),
            other => other,
        };
        match ready {
            Got::Here(()) => {}
            Got::Waiting => {
                // The disk can do several things at once.
                for layer in self.layers.iter_mut().skip(1).take(AHEAD) {
                    if let Got::Here(()) = layer.look(store, files, self.range, taker) {
                        let _ = layer.fetch(store, files, self.range);
                    }
                }
                return Got::Waiting;
            }
            Got::Damaged => return Got::Damaged,
        }
        let Some(todo) = layer.todo.pop_front() else {
            if let Some(layer) = self.layers.pop_front() {
                self.spare = layer.todo;
            }
            return Got::Here(1);
        };
        let (Some(page), Some(base)) = (&todo.page, self.files.base(layer.file)) else {
            return Got::Damaged;
        };
        let range = todo.range;
        let mut spent = LAYER_COST;
        for run in page.runs_of(layer.number) {
            let piece = match todo.entry.kind {
                Kind::Raw => Piece::Run { run, base, range },
                Kind::Cells => Piece::Cells {
                    cells: run,
                    base,
                    step: todo.step,
                    range,
                },
            };
            match taker.take(piece) {
                Some(points) => spent += points,
                None => return Got::Damaged,
            }
        }
        Got::Here(spent)
    }
}

impl Layer {
    /// See what there is to do.
    fn look(
        &mut self,
        store: &mut Store,
        files: &mut Files,
        (from, until): (Millis, Millis),
        taker: &impl Taker,
    ) -> Got<()> {
        if self.looked_at {
            return Got::Here(());
        }
        let (file, number) = (self.file, self.number);
        let index = match files.index(file, store) {
            Got::Here(index) => index,
            Got::Waiting => return Got::Waiting,
            Got::Damaged => return Got::Damaged,
        };
        self.looked_at = true;
        let cells = index.cell_step().and_then(|step| {
            let inner = inner_cells(step, from, until)?;
            taker.takes_cells(step.millis()).then_some(())?;
            let mut pages = files.pages((file, &index), Kind::Cells, number, inner);
            Some((step, inner, *pages.next()?))
        });
        let mut add_runs = |todo: &mut VecDeque<Todo>, range: (Millis, Millis)| {
            // Looking for pages costs as much as reading some cells, so not where there is nothing to read.
            if range.0 <= range.1 {
                let entries = files.pages((file, &index), Kind::Raw, number, range);
                todo.extend(entries.map(|entry| Todo::runs(entry, range)));
            }
        };
        match cells {
            Some((step, inner, entry)) => {
                let last = inner.1.0.saturating_add(step.millis() - 1);
                add_runs(&mut self.todo, (from, Millis(inner.0.0 - 1)));
                self.todo.push_back(Todo {
                    entry,
                    page: None,
                    range: inner,
                    step,
                });
                add_runs(&mut self.todo, (Millis(last.saturating_add(1)), until));
            }
            None => add_runs(&mut self.todo, (from, until)),
        }
        Got::Here(())
    }

    /// Have the page of what is to be done next. A series whose cells were not worth their room has points
    /// only.
    fn fetch(
        &mut self,
        store: &mut Store,
        files: &mut Files,
        (from, until): (Millis, Millis),
    ) -> Got<()> {
        let Some(todo) = self.todo.front_mut() else {
            return Got::Here(());
        };
        if todo.page.is_some() {
            return Got::Here(());
        }
        let page = match files.page(self.file, &todo.entry, store) {
            Got::Here(page) => page,
            Got::Waiting => return Got::Waiting,
            Got::Damaged => return Got::Damaged,
        };
        if todo.entry.kind == Kind::Raw || page.run(self.number).is_some() {
            todo.page = Some(page);
            return Got::Here(());
        }
        let (first, step) = (todo.range.0, todo.step);
        let last = Millis(todo.range.1.0.saturating_add(step.millis() - 1));
        let index = match files.index(self.file, store) {
            Got::Here(index) => index,
            Got::Waiting => return Got::Waiting,
            Got::Damaged => return Got::Damaged,
        };
        self.todo.pop_front();
        let range = (first.max(from), last.min(until));
        let entries = files.pages((self.file, &index), Kind::Raw, self.number, range);
        for entry in entries.collect::<Vec<_>>().into_iter().rev() {
            self.todo.push_front(Todo::runs(entry, range));
        }
        self.fetch(store, files, (from, until))
    }
}

impl Todo {
    /// To read the points of a page that lie in a range.
    fn runs(entry: &Entry, range: (Millis, Millis)) -> Todo {
        Todo {
            entry: *entry,
            page: None,
            range,
            step: Step::MINUTE,
        }
    }
}

/// The cells that lie in a range as a whole: where the first and the last of them start.
fn inner_cells(step: Step, from: Millis, until: Millis) -> Option<(Millis, Millis)> {
    let step = step.millis();
    let first = from
        .0
        .checked_add(step - 1)?
        .div_euclid(step)
        .checked_mul(step)?;
    let end = until.0.checked_add(1)?.div_euclid(step).checked_mul(step)?;
    (first < end).then(|| (Millis(first), Millis(end - step)))
}
