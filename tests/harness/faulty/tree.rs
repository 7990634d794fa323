//! Names, files and rules of the faulty file system, without FUSE.
//!
//! Names are kept twice: as they are seen, and as they are stored. A change of names is stored by a sync
//! of a folder that it touches, together with the changes before it that it rests on: a rename is
//! never stored by half.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use corelane::base::random::Random;

use super::content::{Content, Loss};

pub(super) const ROOT: u64 = 1;

/// What a rule waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    /// A write to a file.
    Write,
    /// `fsync` or `fdatasync` of a file.
    Sync,
    /// A read of a file.
    Read,
}

/// What then happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// It fails with this number of the C library's (`libc::EIO`).
    Fail(i32),
    /// One bit of what is read is turned.
    Flip,
}

/// Something to go wrong.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// For files whose path below the mount contains this.
    pub(crate) path: String,
    /// When.
    pub(crate) on: On,
    /// What.
    pub(crate) then: Then,
    /// So many times all goes well at first.
    pub(crate) skip: u64,
    /// So many times it then goes wrong.
    pub(crate) times: u64,
}

/// What was asked of the files whose path contains something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Writes.
    pub(crate) writes: u64,
    /// Those among them that are to be durable when they are done; a sync follows each.
    pub(crate) commits: u64,
    /// Bytes of all.
    pub(crate) written_bytes: u64,
    /// Syncs.
    pub(crate) syncs: u64,
    /// Reads.
    pub(crate) reads: u64,
}

#[derive(Debug)]
pub(super) enum Kind {
    Folder {
        seen: BTreeMap<OsString, u64>,
        stored: BTreeMap<OsString, u64>,
    },
    File(Content),
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Below the mount, by its newest name.
    path: PathBuf,
    pub(super) opens: u32,
    counts: Counts,
}

/// Folder, name in it, and what has the name from now on.
type Entry = (u64, OsString, Option<u64>);

/// See the head of this module.
#[derive(Debug)]
pub(super) struct Tree {
    backing: PathBuf,
    nodes: BTreeMap<u64, Node>,
    next: u64,
    /// Changes of names that are not stored, oldest first.
    unsynced: Vec<Vec<Entry>>,
    rules: Vec<Rule>,
    hits: u64,
    room_bytes: Option<u64>,
}

type Answer<T> = Result<T, i32>;

fn number_of(error: io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

impl Tree {
    pub(super) fn new(backing: &Path) -> Tree {
        let mut tree = Tree {
            backing: backing.to_owned(),
            nodes: BTreeMap::new(),
            next: ROOT,
            unsynced: Vec::new(),
            rules: Vec::new(),
            hits: 0,
            room_bytes: None,
        };
        tree.add(empty_folder(), PathBuf::new());
        tree
    }

    // ---- For the test ----------------------------------------------------------------------

    pub(super) fn add_rule(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    pub(super) fn clear_rules(&mut self) {
        self.rules.clear();
    }

    pub(super) fn hits(&self) -> u64 {
        self.hits
    }

    pub(super) fn set_room(&mut self, bytes: Option<u64>) {
        self.room_bytes = bytes;
    }

    pub(super) fn counts(&self, path: &str) -> Counts {
        let mut sum = Counts::default();
        for node in self.nodes.values().filter(|node| is_below(node, path)) {
            sum.writes += node.counts.writes;
            sum.commits += node.counts.commits;
            sum.written_bytes += node.counts.written_bytes;
            sum.syncs += node.counts.syncs;
            sum.reads += node.counts.reads;
        }
        sum
    }

    /// Power is lost, and comes back.
    pub(super) fn lose(&mut self, loss: &Loss) -> io::Result<()> {
        let mut random = Random::new(if let Loss::Any(seed) = loss { *seed } else { 0 });
        let unsynced = std::mem::take(&mut self.unsynced);
        let kept = match loss {
            Loss::Any(_) => random.below(unsynced.len() as u64 + 1) as usize,
            Loss::All | Loss::TornLast => 0,
        };
        for change in unsynced.into_iter().take(kept) {
            self.store(change);
        }
        for node in self.nodes.values_mut() {
            node.opens = 0;
            match &mut node.kind {
                Kind::Folder { seen, stored } => seen.clone_from(stored),
                Kind::File(content) => content.lose(loss, &mut random)?,
            }
        }
        self.collect();
        Ok(())
    }

    // ---- For FUSE --------------------------------------------------------------------------

    pub(super) fn node(&self, inode: u64) -> Answer<&Node> {
        self.nodes.get(&inode).ok_or(libc::ESTALE)
    }

    pub(super) fn node_mut(&mut self, inode: u64) -> Answer<&mut Node> {
        self.nodes.get_mut(&inode).ok_or(libc::ESTALE)
    }

    fn content(&mut self, inode: u64) -> Answer<&mut Content> {
        match &mut self.node_mut(inode)?.kind {
            Kind::File(content) => Ok(content),
            Kind::Folder { .. } => Err(libc::EISDIR),
        }
    }

    pub(super) fn names(&self, folder: u64) -> Answer<&BTreeMap<OsString, u64>> {
        match &self.node(folder)?.kind {
            Kind::Folder { seen, .. } => Ok(seen),
            Kind::File(_) => Err(libc::ENOTDIR),
        }
    }

    pub(super) fn find(&self, folder: u64, name: &OsStr) -> Answer<u64> {
        self.names(folder)?.get(name).copied().ok_or(libc::ENOENT)
    }

    /// How many names a file has.
    pub(super) fn links(&self, inode: u64) -> u32 {
        let folders = self.nodes.values().filter_map(|node| match &node.kind {
            Kind::Folder { seen, .. } => Some(seen),
            Kind::File(_) => None,
        });
        folders
            .flat_map(BTreeMap::values)
            .filter(|&&other| other == inode)
            .count() as u32
    }

    pub(super) fn make(&mut self, folder: u64, name: &OsStr, is_folder: bool) -> Answer<u64> {
        if self.names(folder)?.contains_key(name) {
            return Err(libc::EEXIST);
        }
        let kind = if is_folder {
            empty_folder()
        } else {
            let path = self.backing.join(format!("{}", self.next));
            Kind::File(Content::new(&path).map_err(number_of)?)
        };
        let path = self.node(folder)?.path.join(name);
        let inode = self.add(kind, path);
        self.change(vec![(folder, name.to_owned(), Some(inode))])?;
        Ok(inode)
    }

    pub(super) fn link(&mut self, inode: u64, folder: u64, name: &OsStr) -> Answer<()> {
        self.content(inode)?;
        if self.names(folder)?.contains_key(name) {
            return Err(libc::EEXIST);
        }
        self.change(vec![(folder, name.to_owned(), Some(inode))])
    }

    pub(super) fn unlink(&mut self, folder: u64, name: &OsStr) -> Answer<()> {
        let inode = self.find(folder, name)?;
        self.content(inode)?;
        self.change(vec![(folder, name.to_owned(), None)])
    }

    pub(super) fn remove_folder(&mut self, folder: u64, name: &OsStr) -> Answer<()> {
        let inode = self.find(folder, name)?;
        if !self.names(inode)?.is_empty() {
            return Err(libc::ENOTEMPTY);
        }
        self.change(vec![(folder, name.to_owned(), None)])
    }

    pub(super) fn rename(&mut self, from: (u64, &OsStr), to: (u64, &OsStr)) -> Answer<()> {
        let inode = self.find(from.0, from.1)?;
        let there = self.find(to.0, to.1).ok();
        if there == Some(inode) {
            return Ok(());
        }
        if there.is_some_and(|there| self.names(there).is_ok_and(|names| !names.is_empty())) {
            return Err(libc::ENOTEMPTY);
        }
        let path = self.node(to.0)?.path.join(to.1);
        self.node_mut(inode)?.path = path;
        self.change(vec![
            (from.0, from.1.to_owned(), None),
            (to.0, to.1.to_owned(), Some(inode)),
        ])
    }

    pub(super) fn read(&mut self, inode: u64, offset: u64, bytes: usize) -> Answer<Vec<u8>> {
        self.node_mut(inode)?.counts.reads += 1;
        let then = self.what_goes_wrong(inode, On::Read)?;
        let mut read = self
            .content(inode)?
            .read(offset, bytes)
            .map_err(number_of)?;
        if then == Some(Then::Flip) {
            let middle = read.len() / 2;
            read.iter_mut()
                .skip(middle)
                .take(1)
                .for_each(|byte| *byte ^= 4);
        }
        Ok(read)
    }

    /// All of it or nothing: when FUSE answers a write short, the kernel writes the rest at the old
    /// offset under io_uring.
    pub(super) fn write(
        &mut self,
        inode: u64,
        offset: u64,
        bytes: &[u8],
        is_commit: bool,
    ) -> Answer<()> {
        let counts = &mut self.node_mut(inode)?.counts;
        counts.writes += 1;
        counts.commits += u64::from(is_commit);
        counts.written_bytes += bytes.len() as u64;
        self.what_goes_wrong(inode, On::Write)?;
        let grown = (offset + bytes.len() as u64).saturating_sub(self.content(inode)?.length());
        if self.free_bytes().is_some_and(|free| free < grown) {
            return Err(libc::ENOSPC);
        }
        self.content(inode)?.write(offset, bytes).map_err(number_of)
    }

    pub(super) fn set_length(&mut self, inode: u64, length: u64) -> Answer<()> {
        let grown = length.saturating_sub(self.content(inode)?.length());
        if self.free_bytes().is_some_and(|free| free < grown) {
            return Err(libc::ENOSPC);
        }
        self.content(inode)?.set_length(length).map_err(number_of)
    }

    pub(super) fn sync(&mut self, inode: u64) -> Answer<()> {
        self.node_mut(inode)?.counts.syncs += 1;
        let wrong = self.what_goes_wrong(inode, On::Sync);
        let content = self.content(inode)?;
        match wrong {
            Ok(_) => content.sync(),
            Err(_) => content.fail_sync(),
        }
        wrong.map(|_| ())
    }

    /// Store the changes of names that touch `folder`, and those that they rest on.
    pub(super) fn sync_folder(&mut self, folder: u64) -> Answer<()> {
        self.names(folder)?;
        let mut places: BTreeSet<(u64, OsString)> = BTreeSet::new();
        let mut stored = Vec::new();
        let mut left = Vec::new();
        for change in std::mem::take(&mut self.unsynced).into_iter().rev() {
            let mut entries = change.iter();
            let touches = entries
                .any(|(own, name, _)| *own == folder || places.contains(&(*own, name.clone())));
            if touches {
                places.extend(change.iter().map(|(own, name, _)| (*own, name.clone())));
                stored.push(change);
            } else {
                left.push(change);
            }
        }
        self.unsynced = left.into_iter().rev().collect();
        for change in stored.into_iter().rev() {
            self.store(change);
        }
        self.collect();
        Ok(())
    }

    /// `None` where there is no limit.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        Some(self.room_bytes?.saturating_sub(self.used_bytes()))
    }

    pub(super) fn room_bytes(&self) -> Option<u64> {
        self.room_bytes
    }

    // ---- Inside ----------------------------------------------------------------------------

    fn used_bytes(&self) -> u64 {
        let mut seen = BTreeSet::new();
        for node in self.nodes.values() {
            if let Kind::Folder { seen: names, .. } = &node.kind {
                seen.extend(names.values().copied());
            }
        }
        let mut sum = 0;
        for (inode, node) in &self.nodes {
            if let Kind::File(content) = &node.kind
                && (seen.contains(inode) || 0 < node.opens)
            {
                sum += content.length();
            }
        }
        sum
    }

    fn add(&mut self, kind: Kind, path: PathBuf) -> u64 {
        let inode = self.next;
        self.next += 1;
        let node = Node {
            kind,
            path,
            opens: 0,
            counts: Counts::default(),
        };
        self.nodes.insert(inode, node);
        inode
    }

    fn change(&mut self, change: Vec<Entry>) -> Answer<()> {
        for (folder, name, inode) in &change {
            if let Kind::Folder { seen, .. } = &mut self.node_mut(*folder)?.kind {
                put(seen, name, *inode);
            }
        }
        self.unsynced.push(change);
        Ok(())
    }

    fn store(&mut self, change: Vec<Entry>) {
        for (folder, name, inode) in change {
            // A folder that is gone needs no names.
            if let Some(node) = self.nodes.get_mut(&folder)
                && let Kind::Folder { stored, .. } = &mut node.kind
            {
                put(stored, &name, inode);
            }
        }
    }

    /// Drop what no name, seen or stored or between, leads to, and nobody has open.
    fn collect(&mut self) {
        let mut alive = BTreeSet::from([ROOT]);
        for node in self.nodes.values() {
            if let Kind::Folder { seen, stored } = &node.kind {
                alive.extend(seen.values().chain(stored.values()));
            }
        }
        let between = self.unsynced.iter().flatten();
        alive.extend(between.filter_map(|(_, _, inode)| *inode));
        let is_dead = |inode: &u64, node: &mut Node| !alive.contains(inode) && node.opens == 0;
        for (_, node) in self.nodes.extract_if(.., is_dead) {
            if let Kind::File(content) = node.kind {
                content.remove();
            }
        }
    }

    /// Fails if a rule says so; otherwise what else a rule says.
    fn what_goes_wrong(&mut self, inode: u64, on: On) -> Answer<Option<Then>> {
        let Some(node) = self.nodes.get(&inode) else {
            return Err(libc::ESTALE);
        };
        for rule in self
            .rules
            .iter_mut()
            .filter(|rule| rule.on == on && is_below(node, &rule.path))
        {
            if 0 < rule.skip {
                rule.skip -= 1;
            } else if 0 < rule.times {
                rule.times -= 1;
                self.hits += 1;
                return match rule.then {
                    Then::Fail(number) => Err(number),
                    then => Ok(Some(then)),
                };
            }
        }
        Ok(None)
    }
}

fn empty_folder() -> Kind {
    Kind::Folder {
        seen: BTreeMap::new(),
        stored: BTreeMap::new(),
    }
}

fn put(names: &mut BTreeMap<OsString, u64>, name: &OsStr, inode: Option<u64>) {
    match inode {
        Some(inode) => names.insert(name.to_owned(), inode),
        None => names.remove(name),
    };
}

fn is_below(node: &Node, path: &str) -> bool {
    node.path.to_string_lossy().contains(path)
}
