//! The files of a range as a scan meets them, series after series: what was looked up for one is mostly what
//! the next needs, for their numbers ascend. Also asks memory for what the series behind it will need.
//!
//! Limits: of [`HELD_MAX`] files an index and a few pages are held, whether or not the
//! [`Shelf`](super::shelf::Shelf) still has them; those of further files are asked of it each time.

use std::rc::Rc;
use std::sync::Arc;

use super::Store;
use super::info::SegmentInfo;
use super::manifest::Version;
use super::pack::prefetch_lines;
use super::segment::{Entry, Index, Kind, Page};
use super::shelf::Got;
use crate::base::time::Millis;
use crate::model::series::SeriesId;

/// Files of which parts are held.
const HELD_MAX: usize = 16;
/// Pages of an index above which it is not held, and bytes of such a page: so a reading holds 16 MiB at most
/// that the shelf may have given up.
const HELD_INDEX_PAGES: usize = 4096;
const HELD_PAGE_BYTES: usize = 64 << 10;
/// Pages that are looked up before they are needed: those of a series and of two behind it.
const AHEAD: usize = 3;
/// Lines of a run that are asked for: of cells those of an hour, of points as many as the processor needs to
/// see that all will be read.
const LINES: [(Kind, usize); 2] = [(Kind::Raw, 6), (Kind::Cells, 12)];

/// The files of all books that have points in a range, windows by their start, and within one the earlier
/// arrivals first.
pub(super) struct Files {
    /// Held, so that they stay.
    version: Arc<Version>,
    range: (Millis, Millis),
    files: Vec<File>,
}

struct File {
    info: SegmentInfo,
    index: Option<Rc<Index>>,
    /// By the kind of page.
    spots: [Spot; 2],
}

/// Where the last series was found.
#[derive(Default)]
struct Spot {
    /// Place of its page in the index.
    entry: usize,
    page: Option<Held>,
    /// Pages that will be needed, in turn.
    ahead: [Option<Held>; AHEAD],
    turn: usize,
}

/// A page, and where it lies in its file.
#[derive(Clone)]
struct Held {
    offset: u64,
    page: Rc<Page<Vec<u8>>>,
}

impl Spot {
    fn held(&self, offset: u64) -> Option<&Held> {
        let all = self.page.iter().chain(self.ahead.iter().flatten());
        all.into_iter().find(|held| held.offset == offset)
    }
}

impl Files {
    /// The files that are listed now; `before` are those of another series.
    pub(super) fn of(store: &Store, range: (Millis, Millis), before: Option<Files>) -> Files {
        let same =
            |files: &Files| Arc::ptr_eq(&files.version, store.version()) && files.range == range;
        if let Some(before) = before.filter(same) {
            return before;
        }
        let version = Arc::clone(store.version());
        let books = store.books.iter();
        let infos = books.flat_map(|&book| version.segments(book, range.0.0, range.1.0));
        let mut files: Vec<File> = infos
            .map(|info| File {
                info: *info,
                index: None,
                spots: [Spot::default(), Spot::default()],
            })
            .collect();
        files.sort_by_key(|file| (file.info.window_start_ms, file.info.last_stamp));
        Files {
            version,
            range,
            files,
        }
    }

    /// What is listed of each.
    pub(super) fn infos(&self) -> impl Iterator<Item = &SegmentInfo> {
        self.files.iter().map(|file| &file.info)
    }

    /// Where the window of a file starts.
    pub(super) fn base(&self, place: usize) -> Option<Millis> {
        let file = self.files.get(place)?;
        Some(Millis(file.info.window_start_ms))
    }

    /// The index of a file.
    pub(super) fn index(&mut self, place: usize, store: &mut Store) -> Got<Rc<Index>> {
        let Some(file) = self.files.get_mut(place) else {
            return Got::Damaged;
        };
        if let Some(index) = &file.index {
            return Got::Here(Rc::clone(index));
        }
        let index = store.index_of(&file.info);
        if let Got::Here(index) = &index
            && place < HELD_MAX
            && index.raw().len() + index.cells().len() <= HELD_INDEX_PAGES
        {
            file.index = Some(Rc::clone(index));
        }
        index
    }

    /// The pages of a kind that may have something of a series within a range, by their places in the index.
    pub(super) fn pages<'a>(
        &mut self,
        (place, index): (usize, &'a Index),
        kind: Kind,
        number: u32,
        (from, until): (Millis, Millis),
    ) -> impl Iterator<Item = &'a Entry> {
        let file = self.files.get_mut(place);
        let spot = file.map(|file| &mut file.spots[kind as usize]);
        let first = index.first_page(kind, number, spot.as_ref().map_or(0, |spot| spot.entry));
        if let Some(spot) = spot {
            spot.entry = first;
        }
        index.pages_from(kind, first, number, (from.0, until.0))
    }

    /// A page of a file.
    pub(super) fn page(
        &mut self,
        place: usize,
        entry: &Entry,
        store: &mut Store,
    ) -> Got<Rc<Page<Vec<u8>>>> {
        let Some(file) = self.files.get_mut(place) else {
            return Got::Damaged;
        };
        let spot = &mut file.spots[entry.kind as usize];
        if let Some(held) = spot.held(entry.offset) {
            let page = Rc::clone(&held.page);
            if spot
                .page
                .as_ref()
                .is_none_or(|page| page.offset != entry.offset)
            {
                spot.page = Some(held.clone());
            }
            return Got::Here(page);
        }
        let page = store.page_of(&file.info, entry);
        if let Got::Here(page) = &page
            && place < HELD_MAX
            && page.held_bytes() <= HELD_PAGE_BYTES
        {
            spot.page = Some(Held {
                offset: entry.offset,
                page: Rc::clone(page),
            });
        }
        page
    }

    /// Ask memory for what will be read of the series that come next, where that is here: of the first its
    /// runs, of the second where they are.
    pub(super) fn ahead(&mut self, store: &mut Store, next: [Option<SeriesId>; 2]) {
        let catalog = store.catalog();
        let [one, two] = next.map(|id| catalog.number_of(id?));
        let book = catalog.book();
        let own = self.files.iter_mut().take(HELD_MAX);
        for file in own.filter(|file| file.info.book == book) {
            let Some(index) = &file.index else {
                continue;
            };
            for (kind, lines) in LINES {
                let spot = &mut file.spots[kind as usize];
                // Else this kind is not read.
                let Some(page) = &spot.page else {
                    continue;
                };
                let one = one.and_then(|number| {
                    let ahead = spot.ahead.iter().flatten();
                    let mut pages = [page].into_iter().chain(ahead);
                    pages.find_map(|held| held.page.run(number))
                });
                one.into_iter().for_each(|run| prefetch_lines(run, lines));
                let entry = two.and_then(|number| {
                    let entry = index.entry(kind, index.first_page(kind, number, spot.entry))?;
                    (entry.first <= number).then_some((number, entry))
                });
                let Some((number, entry)) = entry else {
                    continue;
                };
                if let Some(held) = spot.held(entry.offset) {
                    held.page.prefetch_place(number);
                } else if let Some(page) = store.page_if_here(&file.info, entry)
                    && page.held_bytes() <= HELD_PAGE_BYTES
                {
                    page.prefetch_place(number);
                    let held = Held {
                        offset: entry.offset,
                        page,
                    };
                    spot.turn = (spot.turn + 1) % AHEAD;
                    spot.ahead[spot.turn] = Some(held);
                }
            }
        }
    }
}
