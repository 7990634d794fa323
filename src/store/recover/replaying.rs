//! The replay of logs while a store runs: points of each generation of a log become one of the head again.

use std::collections::{HashMap, VecDeque};

use crate::base::time::{Millis, Stamp};
use crate::base::varint;
use crate::model::number::Number;
use crate::model::series::{SeriesId, Values};
use crate::seam::disk::{Fault, Job, Outcome};
use crate::store::definition::Definition;
use crate::store::generation::Head;
use crate::store::generations::Generation;
use crate::store::log::found::{Found as FoundBlock, FoundFile};
use crate::store::log::replay::Visitor;
use crate::store::log::{Columns, Point, Recovered, Replay};
use crate::store::token::{self, Last};
use crate::store::{FIRST_LIVE, FROZEN_MAX, Store, owner};

/// Points that are replayed in one slice.
const REPLAYED_AT_ONCE: u64 = 2_000;

/// A replay under way.
pub(in crate::store) struct Replaying {
    logs: VecDeque<LogReplay>,
    /// Logs that nobody writes any more: number, floor of its last generation, files.
    finished: Vec<(u32, u64, Vec<FoundFile>)>,
    points: u64,
}

struct LogReplay {
    replay: Replay,
    /// The block behind the last.
    end: u64,
    /// Files to be removed when all is sealed.
    files: Vec<FoundFile>,
    player: Player,
}

/// What becomes of the points of a log.
struct Player {
    lineage: u32,
    book: u32,
    /// Generation of the log, and what it has become so far.
    filling: Option<(u64, Generation)>,
    /// Number of the last block.
    sequence: u64,
    /// By number of the series.
    series: Vec<Played>,
    /// Holes in the generation so far.
    holes: u32,
    /// Stamp and number of the read at hand.
    read: Option<(u64, u32)>,
    points: u64,
    /// Points whose values hung on lost ones.
    unreadable: u64,
    /// Whether it had a text so far.
    has_texts: bool,
    last_floor: u64,
}

/// What the next value of a series is told from, and behind how many holes it is known.
#[derive(Clone, Copy, Default)]
struct Played {
    last: Last,
    holes: u32,
}

impl Store {
    /// Replay a slice. True if there is more to do at once.
    pub fn recover(&mut self) -> bool {
        // Those of this run are not sealed before the replay is done, so it does not wait for them.
        let of_log = self
            .frozen
            .iter()
            .filter(|frozen| frozen.number < FIRST_LIVE)
            .count();
        if FROZEN_MAX / 2 <= of_log || (0 < of_log && self.pool_is_nearly_full()) {
            // Sealing comes first.
            return false;
        }
        let Some(mut replay) = self.replay.take() else {
            return false;
        };
        // What was acknowledged finds room, although its generation may be larger than the options of this
        // start allow.
        self.pool.lift(true);
        let more = replay.step(self);
        self.pool.lift(false);
        // Its points go where they belong by another way than new ones.
        self.changes.note_all();
        self.replay = Some(replay);
        more
    }

    pub(in crate::store) fn replay_done(&mut self, job: Job, result: Result<Outcome, Fault>) {
        if let Some(log) = self
            .replay
            .as_mut()
            .and_then(|replay| replay.logs.front_mut())
        {
            log.replay.done(job, result);
        }
    }

    /// Files of logs that nobody writes any more go once everything in them is sealed.
    pub(in crate::store) fn settle_replay(&mut self) {
        let Some(replay) = &mut self.replay else {
            return;
        };
        let version = &self.version;
        let mut desk = self.jobs.desk(owner::REST);
        for (lineage, floor, files) in &mut replay.finished {
            let sealed = version.floor(*lineage);
            if *floor <= sealed {
                // Where nothing was read of a file, nothing of it is sealed: a later start may read it.
                let may_hold =
                    |file: &FoundFile| file.aside.is_some() && sealed <= file.last_sequence;
                for file in files.extract_if(.., |file| !may_hold(file)) {
                    desk.ask(file.farewell());
                }
            }
        }
        replay.finished.retain(|(_, _, files)| !files.is_empty());
    }
}

impl Replaying {
    pub(super) fn new(logs: Vec<(u32, Recovered)>, own: u32) -> Option<Replaying> {
        let logs: VecDeque<LogReplay> = logs
            .into_iter()
            .filter(|(lineage, recovered)| *lineage != own || !recovered.blocks.is_empty())
            .map(|(lineage, recovered)| LogReplay::new(lineage, recovered, lineage != own))
            .collect();
        (!logs.is_empty()).then(|| Replaying {
            logs,
            finished: Vec::new(),
            points: 0,
        })
    }

    pub(in crate::store) fn is_done(&self) -> bool {
        self.logs.is_empty()
    }

    /// Points that are back.
    pub(in crate::store) fn points(&self) -> u64 {
        let under_way = self.logs.front().map_or(0, |log| log.player.points);
        self.points + under_way
    }

    fn step(&mut self, store: &mut Store) -> bool {
        let Some(log) = self.logs.front_mut() else {
            return false;
        };
        log.replay.poll(&mut store.jobs.desk(owner::REPLAY));
        let LogReplay { replay, player, .. } = log;
        let went = replay.step(REPLAYED_AT_ONCE, &mut Visit { player, store });
        if !log.replay.is_done() {
            return went;
        }
        if let Some(mut done) = self.logs.pop_front() {
            done.player.end(done.end, store);
            self.points += done.player.points;
            if done.player.unreadable > 0 {
                store.trouble(format!(
                    "{} values of the log of shard {} cannot be told, because values before them are lost",
                    done.player.unreadable, done.player.lineage
                ));
            }
            if !done.files.is_empty() {
                self.finished
                    .push((done.player.lineage, done.player.last_floor, done.files));
            }
        }
        !self.logs.is_empty()
    }
}

impl LogReplay {
    fn new(lineage: u32, recovered: Recovered, foreign: bool) -> LogReplay {
        LogReplay {
            end: recovered.start.next_sequence,
            files: match foreign {
                true => recovered.start.files,
                false => Vec::new(),
            },
            player: Player {
                lineage,
                book: lineage,
                filling: None,
                sequence: 0,
                series: Vec::new(),
                holes: 0,
                read: None,
                points: 0,
                unreadable: 0,
                has_texts: false,
                last_floor: 0,
            },
            replay: Replay::new(recovered.blocks),
        }
    }
}

impl Player {
    /// All of a generation of the log is here; the next begins at block `floor`. It becomes one of the
    /// head as a whole: the log is never given up in the midst of a generation, where values hang on
    /// those before them.
    fn end(&mut self, floor: u64, store: &mut Store) {
        if let Some((_, mut generation)) = self.filling.take() {
            generation.floor = floor;
            self.last_floor = floor;
            store.add_replayed(generation);
        }
    }

    fn begin_block(&mut self, found: &FoundBlock, store: &mut Store) {
        let header = &found.header;
        let filling = self.filling.as_ref();
        let same = filling.is_some_and(|(generation, _)| *generation == header.generation);
        let hole = if same {
            self.sequence + 1 != header.sequence
        } else {
            self.series.clear();
            self.holes = 0;
            found.is_behind_hole
        };
        self.holes += u32::from(hole);
        if !same {
            self.end(header.sequence, store);
            let generation = store.new_replayed(self.lineage);
            self.filling = Some((header.generation, generation));
        }
        self.sequence = header.sequence;
        self.book = header.book;
        self.read = None;
    }

    /// Behind a hole: what the block says of the last values of some series tells also what those in it are
    /// told from, for they are differences that sum up to them.
    fn tell_again(&mut self, columns: &Columns<'_>, store: &Store) {
        let holes = self.holes;
        if holes == 0 {
            return;
        }
        let (series, book) = (&self.series, self.book);
        let is_lost = |number: u32| {
            series
                .get(number as usize)
                .is_none_or(|played| played.holes != holes)
        };
        let wanted = columns.lasts().filter(|(number, _)| {
            is_lost(*number) && store.catalog.series_of(book, *number).is_some()
        });
        // By number: what it is told from in front of the block, if its values there are differences all.
        let mut before: HashMap<u32, Option<Last>> =
            wanted.map(|(number, last)| (number, Some(last))).collect();
        if before.is_empty() {
            return;
        }
        let went = columns.for_each(|point, values| {
            if let Some(last) = before.get_mut(&point.number) {
                let told = varint::take(values).map(|(code, _)| varint::unzigzag(code));
                *last = match (told, *last) {
                    (Some(difference), Some(last)) => Some(Last {
                        mantissa: last.mantissa.wrapping_sub(difference),
                        ..last
                    }),
                    // A float changes nothing of it.
                    (None, Some(last)) if token::is_float(values) => Some(last),
                    _ => None,
                };
            }
            token::pass(values)
        });
        if went.is_err() {
            return;
        }
        for (number, last) in before {
            if let Some(last) = last {
                *self.played(number) = Played { last, holes };
            }
        }
    }

    fn played(&mut self, number: u32) -> &mut Played {
        let at = number as usize;
        if self.series.len() <= at {
            self.series.resize(at + 1, Played::default());
        }
        &mut self.series[at]
    }

    /// The value that `values` start with: none where it hangs on a lost one; and how many bytes it took.
    fn value(&mut self, number: u32, values: &[u8]) -> Option<(Option<Number>, usize)> {
        let holes = self.holes;
        let played = self.played(number);
        let known = played.holes == holes;
        let (value, len) = token::take(values, &mut played.last)?;
        if known {
            return Some((Some(value), len));
        }
        if token::stands_alone(values) {
            if !value.is_float() {
                played.holes = holes;
            }
            return Some((Some(value), len));
        }
        Some((None, len))
    }
}

struct Visit<'a> {
    player: &'a mut Player,
    store: &'a mut Store,
}

/// The number of the read with that stamp; `last` is the read at hand.
#[inline]
fn read_number(last: &mut Option<(u64, u32)>, head: &mut Head, stamp: u64) -> u32 {
    match *last {
        Some((known, read)) if known == stamp => read,
        _ => {
            let read = head.read_number(Stamp(stamp));
            *last = Some((stamp, read));
            read
        }
    }
}

impl Visit<'_> {
    /// A point that is no number.
    #[cold]
    fn text(&mut self, point: Point, values: &[u8]) -> Option<usize> {
        let (text, len) = token::take_text(values)?;
        let player = &mut *self.player;
        player.has_texts = true;
        if let Some(played) = player.series.get_mut(point.number as usize) {
            played.holes = player.holes;
        }
        let id = self.store.catalog.series_of(player.book, point.number);
        match id.filter(|&id| self.store.series(id).values == Values::Text) {
            Some(id) => self.text_of(point, id, Some(text)),
            None => player.unreadable += 1,
        }
        Some(len)
    }

    /// A point of a series of texts: this one, or the last of the series again.
    fn text_of(&mut self, point: Point, id: SeriesId, text: Option<&str>) {
        let player = &mut *self.player;
        let Some((_, generation)) = &mut player.filling else {
            player.unreadable += 1;
            return;
        };
        let head = &mut generation.head;
        let read = read_number(&mut player.read, head, point.stamp);
        if head.ids_end() <= id.0 {
            head.admit(id);
        }
        let (pool, numbers) = (&mut self.store.pool, self.store.catalog.numbers());
        let time = Millis(point.time_ms);
        let put = match text {
            Some(text) => head
                .append_text(pool, id, numbers, time, read, text)
                .is_ok(),
            None if head.last_text(id).is_some() => head
                .append_text_again(pool, id, numbers, time, read)
                .is_ok(),
            None => false,
        };
        match put {
            true => player.points += 1,
            false => player.unreadable += 1,
        }
    }
}

impl Visitor for Visit<'_> {
    fn block(&mut self, block: &FoundBlock) {
        self.player.begin_block(block, self.store);
    }

    fn columns(&mut self, columns: &Columns<'_>) {
        self.player.tell_again(columns, self.store);
    }

    /// All definitions were read when the store was opened.
    fn definition(&mut self, _: Definition) {}

    #[inline]
    fn point(&mut self, point: Point, values: &[u8]) -> Option<usize> {
        let player = &mut *self.player;
        let Some((value, len)) = player.value(point.number, values) else {
            return self.text(point, values);
        };
        let id = self.store.catalog.series_of(player.book, point.number);
        let (Some(value), Some(id), Some((_, generation))) = (value, id, &mut player.filling)
        else {
            player.unreadable += 1;
            return Some(len);
        };
        if player.has_texts && self.store.series(id).values == Values::Text {
            self.text_of(point, id, None);
            return Some(len);
        }
        let head = &mut generation.head;
        let read = read_number(&mut player.read, head, point.stamp);
        if head.ids_end() <= id.0 {
            head.admit(id);
        }
        let (pool, numbers) = (&mut self.store.pool, self.store.catalog.numbers());
        let time = Millis(point.time_ms);
        match head.append(pool, id, numbers, time, read, value) {
            Ok(_) => player.points += 1,
            // Neither bytes nor windows are bounded here, so this is counted, not met.
            Err(_) => player.unreadable += 1,
        }
        Some(len)
    }

    fn damaged(&mut self, block: &FoundBlock, reason: &str) {
        self.player.holes += 1;
        self.store.lost.blocks += 1;
        self.store.trouble(format!(
            "block {} of the log of shard {} in {} cannot be read: {reason}",
            block.header.sequence, self.player.lineage, block.name
        ));
    }
}
