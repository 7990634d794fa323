//! Names become numbers: from what a peer sent to a [`SeriesId`], and from a pattern back to all
//! the series it means.
//!
//! Takes names as they were sent; on a miss the caller admits and parses the name, and
//! [`Index::intern`] gives it a number. Bounded in series and, because a name may be long and deep, in
//! bytes ([`Bounds`]). Knows no points.
//!
//! The path of a known name, fastest first: it is the one that followed the previous one last time
//! (compare the bytes); else its hash is in the table of sent names. Senders repeat their series in
//! one order, so the first nearly always hits; where it does not, whole batches are hashed and the
//! table is asked with its lines already under way.
#![forbid(unsafe_code)]

pub mod glob;
mod table;
pub mod tags;
mod texts;
pub mod tree;

use std::collections::HashMap;

use crate::base::hash::Hasher;
use crate::model::refusal::Reason;
use crate::model::sample::{self, NO_SERIES, Span};
use crate::model::series::{Identity, SeriesId, SeriesName, TTLS_MAX, TenantId, Values, Variant};
use crate::simd;
use table::Table;
use texts::{Place, Texts};

/// Series that one shard can number.
pub const SERIES_MAX: u32 = table::SERIES_MAX;

/// Stands in [`Index::resolve`]'s answer for a name that is not known.
pub const UNKNOWN: u32 = NO_SERIES;

/// Sent forms, beyond the first, that are kept for each possible series on average. More are
/// looked up the slow way each time.
const ALIASES_PER_SERIES: usize = 1;

/// A block of texts and one each of nodes, labels and places of labels.
pub const BLOCKS_BYTES: usize = 3 << 20;

/// Bytes of tree that a node may take: itself, its place among its siblings, its label.
const NODE_BYTES_MAX: usize = 64;

/// Bytes that a tag may take besides its text.
const TAG_BYTES_MAX: usize = 1024;

/// Bytes that a series takes besides its name.
const SERIES_BYTES: usize = 128;

/// About what a series with a ttl takes besides: its entry, its ttl, and a list with room for four.
const MORTAL_BYTES: usize = 128;

/// About what a leaf with twins takes: its entry, and a list with room for four.
const TWIN_BYTES: usize = 64;

/// What an index may grow to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Series.
    pub series_max: usize,
    /// Bytes of names, tree, tags and tables; what is taken block by block may go beyond it by
    /// [`BLOCKS_BYTES`].
    pub bytes_max: usize,
}

impl Bounds {
    /// A bound on series alone, for indexes whose names are known to be short.
    pub fn series(series_max: usize) -> Bounds {
        Bounds {
            series_max,
            bytes_max: usize::MAX,
        }
    }
}

/// Bytes that may still be taken, and how many series and aliases there were when that was reckoned.
#[derive(Clone, Copy, Default)]
struct Room {
    bytes: usize,
    at: usize,
}

/// A search that would name more than its limit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern matches more than {limit} series")]
pub struct TooMany {
    /// The limit.
    pub limit: usize,
}

/// Where a connection is in the order of the names it sends.
#[derive(Clone, Copy, Debug)]
pub struct Follow {
    last: u32,
    /// Whether the prediction held for most of the last batch.
    trusted: bool,
}

impl Follow {
    /// Whether names are expected in the order of last time.
    pub fn is_trusted(&self) -> bool {
        self.trusted
    }
}

impl Default for Follow {
    fn default() -> Self {
        Follow {
            last: UNKNOWN,
            trusted: true,
        }
    }
}

/// What a series is known by.
#[derive(Clone, Copy)]
struct Record {
    sent: Place,
    sent_len: u16,
    text_len: u16,
    text: Place,
    tenant: TenantId,
}

/// All series of one shard.
pub struct Index {
    hasher: Hasher,
    bounds: Bounds,
    room: Room,
    records: Vec<Record>,
    /// How many of them were known before the start.
    restored: u32,
    /// Which series followed each one last time.
    next: Vec<u32>,
    identities: Vec<Identity>,
    values: Vec<Values>,
    texts: Texts,
    /// Hash of the bytes as sent.
    sent: Table,
    /// Sent forms beyond each series' first.
    aliases: Vec<(u128, SeriesId)>,
    /// Hash of the identity bytes.
    known: Table,
    tree: tree::Tree,
    /// The tree has one leaf for a name. Behind it, series of that name of other variants.
    twins: HashMap<SeriesId, Vec<SeriesId>>,
    /// Whether any untagged series has values other than floats, or points that expire.
    has_odd_leaves: bool,
    /// Series whose points expire, by what stands for their name.
    mortal: HashMap<Identity, Vec<SeriesId>>,
    /// Seconds for which their points stay.
    ttls: HashMap<SeriesId, u32>,
    tags: tags::Tags,
    hashes: Vec<u128>,
}

impl Index {
    /// An empty index within `bounds`, with the hash function of `seed`.
    pub fn new(seed: u64, bounds: Bounds) -> Index {
        Index {
            hasher: Hasher::new(seed),
            bounds: Bounds {
                series_max: bounds.series_max.min(SERIES_MAX as usize),
                ..bounds
            },
            room: Room::default(),
            records: Vec::new(),
            restored: 0,
            next: Vec::new(),
            identities: Vec::new(),
            values: Vec::new(),
            texts: Texts::default(),
            sent: Table::default(),
            aliases: Vec::new(),
            known: Table::default(),
            tree: tree::Tree::default(),
            twins: HashMap::new(),
            has_odd_leaves: false,
            mortal: HashMap::new(),
            ttls: HashMap::new(),
            tags: tags::Tags::default(),
            hashes: Vec::new(),
        }
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Replace `ids` by the series of each name in `names` (spans of `text`), [`UNKNOWN`] where a
    /// name was never seen in this form.
    pub fn resolve(
        &mut self,
        text: &[u8],
        names: &[Span],
        follow: &mut Follow,
        ids: &mut Vec<u32>,
    ) {
        sample::clear(ids);
        if names.is_empty() {
            return;
        }
        ids.reserve(names.len());
        // Those that are known were in order, and the others are few.
        let is_known = |name: &Span| name.series().is_some();
        if names.iter().all(is_known) {
            ids.extend(names.iter().map(|name| name.series().unwrap_or(UNKNOWN)));
            *follow = Follow {
                last: ids.last().copied().unwrap_or(follow.last),
                trusted: true,
            };
        } else if follow.trusted || names.iter().any(is_known) {
            self.resolve_following(text, names, follow, ids);
        } else {
            self.resolve_hashed(text, names, follow, ids);
        }
    }

    /// One name after the other, each first compared with the one that followed last time.
    fn resolve_following(
        &mut self,
        text: &[u8],
        names: &[Span],
        follow: &mut Follow,
        ids: &mut Vec<u32>,
    ) {
        let (mut last, mut missed) = (follow.last, 0);
        for name in names {
            if let Some(id) = name.series() {
                ids.push(id);
                last = id;
                continue;
            }
            let name = name.of(text);
            let guess = self.next.get(last as usize).copied().unwrap_or(UNKNOWN);
            let id = if self.was_sent_as(guess, name) {
                guess
            } else {
                missed += 1;
                self.look_up(name, last)
            };
            ids.push(id);
            last = if id == UNKNOWN { last } else { id };
        }
        *follow = Follow {
            last,
            trusted: missed * 2 <= names.len(),
        };
    }

    /// All hashes first, then all slots, then the order: each pass finds its cache lines under way.
    fn resolve_hashed(
        &mut self,
        text: &[u8],
        names: &[Span],
        follow: &mut Follow,
        ids: &mut Vec<u32>,
    ) {
        sample::clear(&mut self.hashes);
        for name in names {
            let hash = self.hasher.hash(name.of(text));
            self.sent.prefetch(hash);
            self.hashes.push(hash);
        }
        for &hash in &self.hashes {
            let id = self.sent.get(hash).map_or(UNKNOWN, |id| id.0);
            if let Some(next) = self.next.get(id as usize) {
                simd::prefetch(next);
            }
            ids.push(id);
        }
        let (mut last, mut held) = (follow.last, 0);
        for &id in ids.iter().filter(|&&id| id != UNKNOWN) {
            if let Some(next) = self.next.get_mut(last as usize) {
                held += usize::from(*next == id);
                *next = id;
            }
            last = id;
        }
        *follow = Follow {
            last,
            trusted: held * 4 >= names.len() * 3,
        };
    }

    #[inline(always)]
    fn was_sent_as(&self, id: u32, name: &[u8]) -> bool {
        self.records.get(id as usize).is_some_and(|record| {
            usize::from(record.sent_len) == name.len()
                && simd::equal(self.texts.get(record.sent, name.len()), name)
        })
    }

    #[cold]
    fn look_up(&mut self, name: &[u8], last: u32) -> u32 {
        let Some(id) = self.sent.get(self.hasher.hash(name)) else {
            return UNKNOWN;
        };
        if let Some(next) = self.next.get_mut(last as usize) {
            *next = id.0;
        }
        id.0
    }

    /// The series called `name` of that variant, made if it is new, and from now on found by the bytes
    /// `sent` too.
    ///
    /// # Errors
    /// [`Reason::SeriesFull`] where it is new and there is no room, [`Reason::TtlsMany`] where it is one time
    /// to live too many.
    pub fn intern(
        &mut self,
        tenant: TenantId,
        name: &SeriesName,
        variant: impl Into<Variant>,
        sent: &[u8],
        follow: &mut Follow,
    ) -> Result<SeriesId, Reason> {
        let variant = variant.into();
        let identity = self.identity_of(tenant, name, variant);
        let id = match self.known.get(identity.0) {
            Some(id) => {
                self.add_alias(sent, id);
                id
            }
            None => self.define(tenant, name, (identity, variant), sent)?,
        };
        if let Some(next) = self.next.get_mut(follow.last as usize) {
            *next = id.0;
        }
        follow.last = id.0;
        Ok(id)
    }

    /// A series that was known before a restart, whatever the bounds say now: what is on the disk must
    /// not be lost because somebody lowered them. `None` where there is no number left.
    pub fn restore(
        &mut self,
        tenant: TenantId,
        name: &SeriesName,
        variant: impl Into<Variant>,
    ) -> Option<SeriesId> {
        let variant = variant.into();
        let identity = self.identity_of(tenant, name, variant);
        if let Some(id) = self.known.get(identity.0) {
            return Some(id);
        }
        if SERIES_MAX as usize <= self.records.len() {
            return None;
        }
        // How it is sent is seen when it comes again; most are sent as their text.
        let text = name.text();
        let added = self.add(tenant, name, (identity, variant), text.as_bytes());
        self.restored = self.records.len() as u32;
        added.ok()
    }

    fn define(
        &mut self,
        tenant: TenantId,
        name: &SeriesName,
        told: (Identity, Variant),
        sent: &[u8],
    ) -> Result<SeriesId, Reason> {
        if told.1.ttl_seconds != 0 && TTLS_MAX <= self.ttls_of(tenant, name) {
            return Err(Reason::TtlsMany);
        }
        if self.bounds.series_max <= self.records.len() || !self.take_room(self.cost_of(name, sent))
        {
            return Err(Reason::SeriesFull);
        }
        self.add(tenant, name, told, sent)
    }

    fn add(
        &mut self,
        tenant: TenantId,
        name: &SeriesName,
        (identity, variant): (Identity, Variant),
        sent: &[u8],
    ) -> Result<SeriesId, Reason> {
        let id = SeriesId(self.records.len() as u32);
        if name.tags().is_empty() {
            match self.leaf_of_others(tenant, name, variant) {
                Some(leaf) => self.twins.entry(leaf).or_default().push(id),
                None => self.tree.insert(tenant, name.metric(), id)?,
            }
        } else {
            self.tags.insert(tenant, name, id);
        }
        let text = name.text();
        let place = self.texts.push(text.as_bytes());
        let sent_place = if sent == text.as_bytes() {
            place
        } else {
            self.texts.push(sent)
        };
        self.records.push(Record {
            sent: sent_place,
            sent_len: sent.len() as u16,
            text_len: text.len() as u16,
            text: place,
            tenant,
        });
        self.next.push(UNKNOWN);
        self.identities.push(identity);
        self.values.push(variant.values);
        if variant.ttl_seconds != 0 {
            let of_name = self.identity_of(tenant, name, Values::Double);
            self.mortal.entry(of_name).or_default().push(id);
            self.ttls.insert(id, variant.ttl_seconds);
        }
        if self.known.is_full() {
            self.known = self
                .known
                .grown((0..id.0).map(|i| (self.identities[i as usize].0, SeriesId(i))));
        }
        self.known.insert(identity.0, id);
        if self.sent.is_full() {
            self.grow_sent(id);
        }
        let hash = self.hasher.hash(sent);
        if self.sent.get(hash).is_none() {
            self.sent.insert(hash, id);
        }
        Ok(id)
    }

    /// The leaf of the tree that an untagged name already has by another variant.
    fn leaf_of_others(
        &mut self,
        tenant: TenantId,
        name: &SeriesName,
        variant: Variant,
    ) -> Option<SeriesId> {
        self.has_odd_leaves |= variant != Variant::default();
        if !self.has_odd_leaves {
            return None;
        }
        // The first that came is the leaf. The new one is not known yet.
        self.all_of(tenant, name).into_iter().next()
    }

    /// All series of exactly this name, of each type of values, those whose points expire among them, in the
    /// order in which they were met.
    pub fn all_of(&self, tenant: TenantId, name: &SeriesName) -> Vec<SeriesId> {
        let types = [Values::Double, Values::Long, Values::Text];
        let found = types.map(|values| self.lookup(tenant, name, values));
        let mut all: Vec<SeriesId> = found.into_iter().flatten().collect();
        if !self.mortal.is_empty() {
            let of_name = self.identity_of(tenant, name, Values::Double);
            all.extend(self.mortal.get(&of_name).into_iter().flatten());
            all.sort_unstable();
        }
        all
    }

    /// How many series of this name have points that expire.
    fn ttls_of(&self, tenant: TenantId, name: &SeriesName) -> usize {
        let of_name = self.identity_of(tenant, name, Values::Double);
        self.mortal.get(&of_name).map_or(0, Vec::len)
    }

    /// Seconds for which the points of a series stay, 0 for ever.
    pub fn ttl_seconds(&self, id: SeriesId) -> u32 {
        if self.ttls.is_empty() {
            return 0;
        }
        self.ttls.get(&id).copied().unwrap_or(0)
    }

    /// All series whose points lie beside those of others of the same name and type of values: each with a
    /// ttl, and the one without if it shares its name with such a one.
    pub fn with_siblings(&self) -> impl Iterator<Item = SeriesId> {
        self.mortal.values().flat_map(|mortal| {
            let first = mortal.first().and_then(|&id| self.name_of(id));
            let all = first.map_or_else(Vec::new, |(tenant, name)| self.all_of(tenant, &name));
            self.siblings_in(all)
        })
    }

    /// The series of the name and type of values of `id`, itself among them, if points of one of them
    /// expire; else none.
    pub fn siblings(&self, id: SeriesId) -> Vec<SeriesId> {
        if self.mortal.is_empty() || !self.mortal.contains_key(&self.identity_of_name(id)) {
            return Vec::new();
        }
        let of_name = self.name_of(id);
        let mut all = of_name.map_or_else(Vec::new, |(tenant, name)| self.all_of(tenant, &name));
        all.retain(|&other| self.values(other) == self.values(id));
        self.siblings_in(all)
    }

    /// Those of `all`, the series of one name, whose type has one with a ttl.
    fn siblings_in(&self, all: Vec<SeriesId>) -> Vec<SeriesId> {
        let mortal = all.iter().filter(|&&id| self.ttl_seconds(id) != 0);
        let types: Vec<Values> = mortal.map(|&id| self.values(id)).collect();
        let siblings = all.into_iter();
        siblings
            .filter(|&id| types.contains(&self.values(id)))
            .collect()
    }

    fn name_of(&self, id: SeriesId) -> Option<(TenantId, SeriesName)> {
        let name = SeriesName::from_text(self.text(id)).ok()?;
        Some((self.tenant(id), name))
    }

    /// Series that have the name of the untagged series `leaf` of the tree, and are of another variant.
    pub fn twins(&self, leaf: SeriesId) -> &[SeriesId] {
        self.twins.get(&leaf).map_or(&[], Vec::as_slice)
    }

    /// No less than what a new series of that name takes, but for the memory that vectors keep ready.
    fn cost_of(&self, name: &SeriesName, sent: &[u8]) -> usize {
        // What is escaped in the canonical text takes twice its bytes.
        let tags = name.tags().iter();
        let tags: usize = tags.map(|(key, value)| key.len() + value.len() + 2).sum();
        let text = name.metric().len() + tags;
        let tree = match name.tags().len() {
            0 => (name.metric().bytes().filter(|&byte| byte == b'.').count() + 1) * NODE_BYTES_MAX,
            _ => tags::Tags::keys_of(name) * TAG_BYTES_MAX,
        };
        let tables = [&self.known, &self.sent];
        let growing = tables.iter().filter(|table| table.is_full());
        let growth: usize = growing.map(|table| table.bytes()).sum();
        SERIES_BYTES + 3 * text + sent.len() + tree + growth
    }

    /// Whether `cost` more bytes may be taken; then they are. What a series costs is reckoned high,
    /// and only when the room so reckoned is used up the true bytes are counted again.
    fn take_room(&mut self, cost: usize) -> bool {
        let at = self.records.len() + self.aliases.len() + 1;
        if self.room.bytes < cost && self.room.at != at {
            self.room = Room {
                bytes: self.bounds.bytes_max.saturating_sub(self.bytes()),
                at,
            };
        }
        let left = self.room.bytes.checked_sub(cost);
        self.room.bytes = left.unwrap_or(self.room.bytes);
        left.is_some()
    }

    fn grow_sent(&mut self, below: SeriesId) {
        let first = self.records[..below.0 as usize]
            .iter()
            .enumerate()
            .map(|(i, record)| {
                let sent = self.texts.get(record.sent, record.sent_len.into());
                (self.hasher.hash(sent), SeriesId(i as u32))
            });
        self.sent = self.sent.grown(first.chain(self.aliases.iter().copied()));
    }

    fn add_alias(&mut self, sent: &[u8], id: SeriesId) {
        let hash = self.hasher.hash(sent);
        if self.sent.get(hash).is_some()
            || self.bounds.series_max * ALIASES_PER_SERIES <= self.aliases.len()
        {
            return;
        }
        let growth = if self.sent.is_full() {
            self.sent.bytes()
        } else {
            0
        };
        if !self.take_room(size_of::<(u128, SeriesId)>() + growth + sent.len()) {
            return;
        }
        if self.sent.is_full() {
            self.grow_sent(SeriesId(self.records.len() as u32));
        }
        self.sent.insert(hash, id);
        let other = if self.was_never_sent(id) {
            self.first_sent_as(sent, id)
        } else {
            Some(hash)
        };
        self.aliases.extend(other.map(|hash| (hash, id)));
    }

    /// Whether a series is known from before the start and only by its canonical text.
    fn was_never_sent(&self, id: SeriesId) -> bool {
        let record = &self.records[id.0 as usize];
        id.0 < self.restored && record.sent == record.text
    }

    /// From now on a series is expected in the form `sent`. What it is found by no less, its canonical text,
    /// becomes an alias if it is found by that.
    fn first_sent_as(&mut self, sent: &[u8], id: SeriesId) -> Option<u128> {
        let place = self.texts.push(sent);
        let record = &mut self.records[id.0 as usize];
        let text = self.texts.get(record.text, record.text_len.into());
        let before = self.hasher.hash(text);
        record.sent = place;
        record.sent_len = sent.len() as u16;
        (self.sent.get(before) == Some(id)).then_some(before)
    }

    fn identity_of(
        &self,
        tenant: TenantId,
        name: &SeriesName,
        variant: impl Into<Variant>,
    ) -> Identity {
        Identity(self.hasher.hash(&name.identity_bytes(tenant, variant)))
    }

    /// Canonical text of a series.
    pub fn text(&self, id: SeriesId) -> &str {
        let record = &self.records[id.0 as usize];
        let bytes = self.texts.get(record.text, record.text_len.into());
        // Canonical text was a `str` when it was put there.
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Whose series it is.
    pub fn tenant(&self, id: SeriesId) -> TenantId {
        self.records[id.0 as usize].tenant
    }

    /// Identity of a series, equal on every shard that holds it.
    pub fn identity(&self, id: SeriesId) -> Identity {
        self.identities[id.0 as usize]
    }

    /// What stands for a series' name, whatever its variant: the identity that it would have by floats that
    /// stay.
    pub fn identity_of_name(&self, id: SeriesId) -> Identity {
        self.identity_as(id, Values::Double)
    }

    /// What stands for a series' name and type of values, however long its points stay: the identity that it
    /// would have if they stayed for ever.
    pub fn identity_of_type(&self, id: SeriesId) -> Identity {
        self.identity_as(id, self.values(id))
    }

    fn identity_as(&self, id: SeriesId, values: Values) -> Identity {
        if self.values(id) == values && self.ttl_seconds(id) == 0 {
            return self.identity(id);
        }
        let named = self.name_of(id);
        named.map_or(self.identity(id), |(tenant, name)| {
            self.identity_of(tenant, &name, values)
        })
    }

    /// What the values of a series are.
    pub fn values(&self, id: SeriesId) -> Values {
        self.values[id.0 as usize]
    }

    /// The series of exactly this name and variant.
    pub fn lookup(
        &self,
        tenant: TenantId,
        name: &SeriesName,
        variant: impl Into<Variant>,
    ) -> Option<SeriesId> {
        self.known.get(self.identity_of(tenant, name, variant).0)
    }

    /// The series of an identity.
    pub fn find(&self, identity: Identity) -> Option<SeriesId> {
        self.known
            .get(identity.0)
            .filter(|&id| self.identity(id) == identity)
    }

    /// The untagged names, for searches in slices.
    pub fn tree(&self) -> &tree::Tree {
        &self.tree
    }

    /// The postings of tagged series, for their keys and values.
    pub fn tags(&self) -> &tags::Tags {
        &self.tags
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        let per_series = size_of::<Record>() + size_of::<u32>() + size_of::<Identity>() + 1;
        self.records.len() * per_series
            + self.texts.bytes()
            + self.tree.bytes()
            + self.tags.bytes()
            + self.sent.bytes()
            + self.known.bytes()
            + self.aliases.len() * size_of::<(u128, SeriesId)>()
            + self.twins.len() * TWIN_BYTES
            + self.ttls.len() * MORTAL_BYTES
    }
}

#[cfg(test)]
mod tests;
