//! A store takes points: each goes to the open generation of the head and, as the same token, to the log.

use std::time::Duration;

use super::book::BookRefused;
use super::definition::Definition;
use super::generation::Full;
use super::seal::Seal;
use super::{
    BOOK_BYTES_WORTH, BOOK_MICROS, FROZEN_MAX, LASTS_LOOKED_AT, SCALE_TRIED_FIRST, Store, log,
    owner, token,
};
use crate::base::time::{Millis, Stamp};
use crate::model::number::Number;
use crate::model::refusal::Reason;
use crate::model::series::{Properties, SeriesId, TEXT_BYTES_MAX, Values};

/// While it stays the same, there is nothing new for those who wait for the log or for room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    durable: u64,
    has_trouble: bool,
    is_blocked: bool,
}

impl Store {
    /// What follows arrived at `stamp`, which is above all before.
    pub fn begin_read(&mut self, stamp: Stamp) {
        self.now.stamp = self.now.stamp.max(stamp);
        self.read = self.open.head.read_number(stamp);
        self.log.begin_read(stamp.0);
    }

    /// Ask for the memory that the next point of `id` will touch first.
    #[inline]
    pub fn prefetch_tail(&self, id: SeriesId) {
        self.open.head.prefetch_tail(id);
    }

    /// A new series; `definition` makes what is to be written of it, given its number.
    pub fn admit(
        &mut self,
        id: SeriesId,
        properties: Properties,
        definition: impl FnOnce(u32) -> Definition,
    ) {
        self.properties.set(id, properties);
        if properties.ttl_seconds != 0 {
            self.keep_order(id);
        }
        if self.catalog.number_of(id).is_none()
            && let Some(number) = self.catalog.give(id)
        {
            self.define(definition(number));
        }
    }

    /// From now on the points of a series keep the order of their arrival: they expire, or those of another
    /// series of its name and type of values do, and which of both is the later one must be known.
    pub fn keep_order(&mut self, id: SeriesId) {
        if self.kept.insert(id.0) {
            self.open.head.keep_order(id);
            if let Some((_, last)) = self.open.head.stamps() {
                self.read = self.open.head.read_number(last);
            }
        }
    }

    /// Seconds for which points of KairosDB's doors stay that say nothing else; 0 is for ever.
    pub fn kairos_ttl_seconds(&self) -> u32 {
        self.options.kairos_ttl_seconds
    }

    /// The stamp below which points of a series have expired at `now`.
    pub fn expired_below(&self, id: SeriesId, now: Stamp) -> u64 {
        self.series(id).expired_below(now.0)
    }

    pub(super) fn define(&mut self, definition: Definition) {
        self.log.define(&definition);
        self.unbooked.push_back(definition);
        self.fill_book();
    }

    /// Hand definitions on to the book, as many as it takes.
    pub(super) fn fill_book(&mut self) {
        while let Some(next) = self.unbooked.front() {
            if self.book.append(next) == Err(BookRefused::Busy) {
                return;
            }
            self.unbooked.pop_front();
        }
    }

    /// Bring what the book has taken to the disk, once that is worth a write or somebody waits for it.
    pub(super) fn poll_book(&mut self, wanted: bool) {
        self.fill_book();
        let is_due = self.book_is_due();
        if is_due {
            self.booked_at = self.now.stamp.0;
        }
        let is_worth = BOOK_BYTES_WORTH <= self.book.queue_bytes() || !self.unbooked.is_empty();
        if wanted || is_due || is_worth {
            self.book.poll(&mut self.jobs.desk(owner::BOOK));
        }
    }

    /// Let the log begin what is due. A block that is closed for a commit is filled up with what the next
    /// values of some series are told from, in turns: behind a block that is lost these can be told again.
    pub(super) fn poll_log(&mut self, since: Duration) {
        let room = self.log.room_for_lasts(since);
        let end = self.open.head.ids_end().min(self.properties.ids_end());
        if 0 < room && 0 < end {
            let start = self.lasts_at % end;
            let ids = (start..end).chain(0..start).take(LASTS_LOOKED_AT);
            let (head, properties) = (&self.open.head, &self.properties);
            let lasts = ids.clone().filter_map(|id| {
                // Those of texts are told in another way.
                let id = SeriesId(id);
                let (number, last) = head.last(id)?;
                (properties.get(id).values != Values::Text).then_some((id.0, (number, last)))
            });
            let lasts: Vec<(u32, (u32, token::Last))> = lasts.take(room).collect();
            let told = self.log.close_with(lasts.iter().map(|(_, last)| *last));
            let next = match lasts.get(told) {
                Some((id, _)) => *id,
                None if lasts.len() < room => ids.last().unwrap_or(start) + 1,
                None => lasts.last().map_or(start, |(id, _)| id + 1),
            };
            self.lasts_at = next % end;
        }
        self.log.poll(since, &mut self.jobs.desk(owner::LOG));
    }

    /// Whether definitions have waited so long for the book that they are worth a write.
    fn book_is_due(&self) -> bool {
        let due = self.booked_at.saturating_add(BOOK_MICROS);
        self.book.has_waiting() && due <= self.now.stamp.0
    }

    pub(super) fn book_is_wanted(&self) -> bool {
        self.seal.as_ref().is_some_and(Seal::is_written)
    }

    /// Add one point to the read that was begun. It is in the log and can be queried at once.
    ///
    /// # Errors
    /// [`Reason::HeadFull`] where memory is used up; see [`Store::is_blocked`].
    #[inline(always)]
    pub fn append(&mut self, id: SeriesId, time: Millis, value: Number) -> Result<(), Reason> {
        self.changes.note(time);
        let value = if value.is_float() {
            // Senders of floats mostly mean decimals, of as many places as the one before.
            Number::found(value.to_f64(), SCALE_TRIED_FIRST)
        } else {
            value
        };
        if self.open.head.ids_end() <= id.0 {
            self.open.head.admit(id);
        }
        let (head, pool) = (&mut self.open.head, &mut self.pool);
        if let Some((number, token)) = head.append_quickly(pool, id, time, self.read, value) {
            self.log.push_short(number, time.0, token);
            return Ok(());
        }
        self.append_slowly(id, time, value)
    }

    /// Add one point of a series of texts to the read that was begun.
    ///
    /// # Errors
    /// [`Reason::HeadFull`] as of [`Store::append`], [`Reason::TextLong`], and [`Reason::Value`] where the
    /// series is of numbers.
    pub fn append_text(&mut self, id: SeriesId, time: Millis, text: &str) -> Result<(), Reason> {
        if TEXT_BYTES_MAX < text.len() {
            return Err(Reason::TextLong);
        }
        if self.series(id).values != Values::Text {
            return Err(Reason::Value);
        }
        self.changes.note(time);
        if self.open.head.ids_end() <= id.0 {
            self.open.head.admit(id);
        }
        self.append_text_to_open(id, time, text).or_else(|full| {
            self.append_to_next(id, full, |store| store.append_text_to_open(id, time, text))
        })
    }

    pub(super) fn append_text_to_open(
        &mut self,
        id: SeriesId,
        time: Millis,
        text: &str,
    ) -> Result<(), Full> {
        let (head, numbers) = (&mut self.open.head, self.catalog.numbers());
        let same = head.last_text(id).is_some_and(|last| **last == *text);
        let entry = head.append_text(&mut self.pool, id, numbers, time, self.read, text)?;
        // A block of the head begins with what is told from nothing, and so does the log.
        if same && !token::stands_alone(entry.token.bytes()) {
            self.log.push_short(entry.number, time.0, token::TEXT_AGAIN);
        } else {
            self.log.push_text(entry.number, time.0, text);
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn append_slowly(
        &mut self,
        id: SeriesId,
        time: Millis,
        value: Number,
    ) -> Result<(), Reason> {
        self.append_to_open(id, time, value).or_else(|full| {
            self.append_to_next(id, full, |store| store.append_to_open(id, time, value))
        })
    }

    pub(super) fn append_to_open(
        &mut self,
        id: SeriesId,
        time: Millis,
        value: Number,
    ) -> Result<(), Full> {
        let (head, numbers) = (&mut self.open.head, self.catalog.numbers());
        let entry = head.append(&mut self.pool, id, numbers, time, self.read, value)?;
        self.log.push(entry.number, time.0, &entry.token);
        Ok(())
    }

    /// The generation has points in too many windows: the next one takes over.
    #[cold]
    pub(super) fn append_to_next(
        &mut self,
        id: SeriesId,
        full: Full,
        append: impl FnOnce(&mut Store) -> Result<(), Full>,
    ) -> Result<(), Reason> {
        if full != Full::Windows || FROZEN_MAX <= self.frozen.len() {
            return Err(Reason::HeadFull);
        }
        self.freeze();
        self.begin_read(self.now.stamp);
        self.open.head.admit(id);
        append(self).map_err(|_| Reason::HeadFull)
    }

    /// Whether senders should wait: the disk does not keep up, or memory is nearly used up. What has
    /// been read already still finds room.
    pub fn is_blocked(&self) -> bool {
        self.log.is_blocked()
            || self.log.trouble().is_some()
            || self.pool_is_nearly_full()
            || FROZEN_MAX / 2 <= self.frozen.len()
            || (self.is_recovering() && self.pool.bytes_max() / 2 <= self.pool.bytes())
    }

    pub(super) fn pool_is_nearly_full(&self) -> bool {
        self.pool.bytes_max() / 8 * 7 <= self.pool.bytes()
    }

    /// Stands for everything taken so far.
    pub fn ticket(&mut self) -> log::Ticket {
        self.log.ticket()
    }

    /// The same for somebody who does not begin a commit; see
    /// [`Writer::standing_ticket`](log::Writer::standing_ticket).
    pub fn standing_ticket(&self) -> log::Ticket {
        self.log.standing_ticket()
    }

    /// What those go by who wait for the log, or for room.
    pub fn standing(&self) -> Standing {
        Standing {
            durable: self.log.durable_sequence(),
            has_trouble: self.log.trouble().is_some(),
            is_blocked: self.is_blocked(),
        }
    }

    /// What became of a ticket.
    pub fn state(&self, ticket: log::Ticket) -> log::TicketState {
        self.log.state(ticket)
    }
}
