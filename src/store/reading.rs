//! The points of one series in a range of time, from the files and the heads as one.
//!
//! What a reading sees is settled when it begins: the version of the manifest of that moment, and the
//! generations of the head that it does not list. Both are held until the reading ends, so nothing that
//! is sealed, merged or dropped meanwhile is missing or there twice. The heads are read first, then the
//! files, oldest window first; their pages come through the shelf, several asked for ahead.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use super::Store;
use super::generation::{self, Ahead, Evens, Room};
use super::generations::Generation;
use super::info::SegmentInfo;
use super::manifest::Version;
use super::pack;
use super::segment::{Entry, Page};
use super::shelf::Got;
use super::texts::DistinctTexts;
use super::tombstone::Mask;
use crate::base::time::Millis;
use crate::model::points::{Merging, Points};
use crate::model::series::{SeriesId, Values};

/// Layers of a series whose parts are asked for before the first of them is needed.
const AHEAD: usize = 8;

/// What looking for a series in a layer costs, in points.
const LAYER_COST: usize = 20;

/// Points that are put in order in one go.
const SORTED_AT_ONCE: usize = 1_000;

/// What a slice of a reading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All points are there.
    Done,
    /// The budget is used up.
    More,
    /// The disk has to bring something first.
    Waiting,
}

impl Progress {
    /// That all is done, or that there is more to do.
    pub fn done_if(done: bool) -> Progress {
        if done { Progress::Done } else { Progress::More }
    }
}

/// A reading under way.
pub struct SeriesReading {
    from: Millis,
    until: Millis,
    /// Held, so that its files stay.
    _version: Arc<Version>,
    heads: VecDeque<HeadReading>,
    /// What the heads hold; put behind what the files hold.
    recent: Points,
    layers: VecDeque<Layer>,
    sorting: Option<Box<Merging>>,
    mask: Mask,
    values: Values,
    /// Of a series of texts, those that its points are places of.
    texts: DistinctTexts,
    /// Whether all parts were read, and only their order is left.
    read: bool,
    /// Whether the points of files are known to be in order without a look at each.
    in_order: bool,
    damaged: bool,
}

/// What one generation holds of it.
pub(super) struct HeadReading {
    /// Which generation, and the hold on it.
    generation: u64,
    _held: Rc<()>,
    reading: generation::Reading,
}

/// A page, once it is read.
type PageHere = Option<Rc<Page<Vec<u8>>>>;

/// One file, and how far it is.
struct Layer {
    info: SegmentInfo,
    number: u32,
    /// Whether its index was looked at.
    looked_at: bool,
    /// Pages that may hold points of the series, in ascending order; those read have their page.
    pages: VecDeque<(Entry, PageHere)>,
}

impl HeadReading {
    /// Do a slice; true when all is in `out`.
    pub(super) fn step(&mut self, store: &Store, budget: &mut usize, out: &mut Points) -> bool {
        store.read_head(self.generation, &mut self.reading, budget, out)
    }

    /// The same with evenly spaced points as such; `ahead` follows the series that are read next.
    pub(super) fn step_evenly(
        &mut self,
        store: &Store,
        budget: &mut usize,
        (out, ahead): (&mut Evens, &mut Ahead),
    ) -> bool {
        store.read_head_evenly(self.generation, &mut self.reading, budget, (out, ahead))
    }

    /// Use the memory of another.
    pub(super) fn set_room(&mut self, room: Room) {
        self.reading.set_room(room);
    }

    /// Its memory.
    pub(super) fn into_room(self) -> Room {
        self.reading.into_room()
    }
}

impl Store {
    /// To read what each generation holds of a series in a range.
    pub(super) fn head_readings(
        &self,
        id: SeriesId,
        range: (Millis, Millis),
        expired_below: u64,
    ) -> impl Iterator<Item = HeadReading> {
        let values = self.series(id).values;
        // Whether there are points at all is known without a look at what is known of the series.
        let having = move |generation: &&Generation| {
            !generation.head.is_empty() && generation.head.number(id).is_some()
        };
        self.generations()
            .filter(having)
            .map(move |generation| HeadReading {
                generation: generation.number,
                _held: generation.hold(),
                reading: generation.reading(id, range, values, expired_below),
            })
    }
}

impl SeriesReading {
    /// Begin to read the points of `id` with `from <= time <= until`, without those that `mask` hides.
    pub fn new(
        store: &Store,
        id: SeriesId,
        (from, until): (Millis, Millis),
        mask: Mask,
    ) -> SeriesReading {
        let version = Arc::clone(store.version());
        let heads = store.head_readings(id, (from, until), mask.expired_below());
        let mut layers = VecDeque::new();
        for &book in &store.books {
            for number in store.catalog().numbers_in(book, id) {
                let infos = version.segments(book, from.0, until.0);
                layers.extend(infos.map(|info| Layer {
                    info: *info,
                    number,
                    looked_at: false,
                    pages: VecDeque::new(),
                }));
            }
        }
        let mut sorted: Vec<Layer> = layers.into();
        sorted.sort_by_key(|layer| (layer.info.window_start_ms, layer.info.last_stamp));
        SeriesReading {
            from,
            until,
            heads: heads.collect(),
            recent: Points::default(),
            layers: sorted.into(),
            sorting: None,
            mask,
            values: store.series(id).values,
            texts: DistinctTexts::default(),
            read: false,
            in_order: true,
            damaged: false,
            _version: version,
        }
    }

    /// Do a slice of about `budget` points, and take what was done from it. When all is done the points
    /// are in `out`, sorted by (time, stamp), duplicates not yet settled; `out` was empty at the first
    /// call and is the same each time.
    pub fn step(&mut self, store: &mut Store, budget: &mut usize, out: &mut Points) -> Progress {
        while *budget > 0 {
            if let Some(sorting) = &mut self.sorting {
                if let Some(sorted) = sorting.step(budget) {
                    *out = sorted;
                    self.sorting = None;
                    self.mask.apply(out);
                    return Progress::Done;
                }
            } else if self.read {
                return Progress::Done;
            } else if let Some(head) = self.heads.front_mut() {
                std::mem::swap(&mut self.texts, &mut head.reading.texts);
                let done = head.step(store, budget, &mut self.recent);
                std::mem::swap(&mut self.texts, &mut head.reading.texts);
                if done {
                    self.heads.pop_front();
                }
            } else if !self.layers.is_empty() {
                self.ask_ahead(store, budget);
                if !self.read_front(store, budget, out) {
                    return Progress::Waiting;
                }
            } else {
                self.settle_order(out);
                *budget = budget.saturating_sub(1);
            }
        }
        Progress::More
    }

    /// Ask for what the next layers need, so that the disk has several things to do at once.
    fn ask_ahead(&mut self, store: &mut Store, budget: &mut usize) {
        for layer in self.layers.iter_mut().take(AHEAD) {
            if !layer.looked_at {
                match store.index_of(&layer.info) {
                    Got::Here(index) => {
                        let entries = index.raw_pages(layer.number, self.from.0, self.until.0);
                        layer.pages = entries.map(|entry| (*entry, None)).collect();
                        layer.looked_at = true;
                        *budget = budget.saturating_sub(LAYER_COST);
                    }
                    Got::Waiting => continue,
                    Got::Damaged => {
                        self.damaged = true;
                        layer.looked_at = true;
                    }
                }
            }
            for (entry, page) in layer.pages.iter_mut().take(AHEAD) {
                if page.is_none()
                    && let Got::Here(here) = store.page_of(&layer.info, entry)
                {
                    *page = Some(here);
                }
            }
        }
    }

    /// Take the points of the first layer, or of its first page. False where it is not there yet.
    fn read_front(&mut self, store: &mut Store, budget: &mut usize, out: &mut Points) -> bool {
        let Some(layer) = self.layers.front_mut() else {
            return true;
        };
        if !layer.looked_at {
            return false;
        }
        let Some((entry, page)) = layer.pages.front_mut() else {
            self.layers.pop_front();
            return true;
        };
        let page = match page.take() {
            Some(page) => page,
            None => match store.page_of(&layer.info, entry) {
                Got::Here(page) => page,
                Got::Waiting => return false,
                Got::Damaged => {
                    self.damaged = true;
                    layer.pages.pop_front();
                    return true;
                }
            },
        };
        let before = out.len();
        for run in page.runs_of(layer.number) {
            let so_far = out.len();
            let stamp = layer.info.last_stamp;
            let base = Millis(layer.info.window_start_ms);
            let decoded = match self.values {
                Values::Text => {
                    let range = (self.from, self.until);
                    pack::decode_texts(run, base, range, stamp, &mut self.texts, out)
                }
                _ => pack::decode(run, base, self.from, self.until, stamp, out),
            };
            if decoded.is_err() {
                // The page's checksum was right, so this is a defect of the writer; said, not hidden.
                self.damaged = true;
            }
            out.leave_below(so_far, self.mask.expired_below());
            // A run is in order, and where no two of its points have one time that is all there is.
            self.in_order &= !pack::keeps_all(run) && ascends_at(out, so_far);
        }
        *budget = budget.saturating_sub(LAYER_COST + out.len() - before);
        layer.pages.pop_front();
        true
    }

    /// All is read: what the heads hold goes behind the files, where layers overlap in time all is put in
    /// order, and then deletes are applied, which find their ranges by the order.
    fn settle_order(&mut self, out: &mut Points) {
        self.read = true;
        let recent = std::mem::take(&mut self.recent);
        let files = out.len();
        if files == 0 {
            *out = recent;
        } else {
            out.extend_from(&recent, 0..recent.len());
        }
        let in_order = self.in_order && ascends_at(out, files) && out.is_sorted_from(files);
        if !in_order && !out.is_sorted_from(0) {
            if out.len() > SORTED_AT_ONCE {
                self.sorting = Some(Box::new(Merging::sorting(std::mem::take(out))));
                return;
            }
            out.sort();
        }
        self.mask.apply(out);
    }

    /// Bytes of the texts so far.
    pub fn text_bytes(&self) -> usize {
        self.texts.bytes()
    }

    /// Of a series of texts, those that the values of its points are the places of.
    pub fn into_texts(self) -> DistinctTexts {
        self.texts
    }

    /// Whether something could not be read.
    pub fn is_damaged(&self) -> bool {
        self.damaged
    }
}

/// Whether the point at a place, if there is one, is later than the one before it.
fn ascends_at(points: &Points, place: usize) -> bool {
    let Some(before) = place.checked_sub(1) else {
        return true;
    };
    match (points.times.get(before), points.times.get(place)) {
        (Some(before), Some(at)) => before < at,
        _ => true,
    }
}
