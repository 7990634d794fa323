//! The names of the simulator's files: those that are seen, and those that a power cut leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use corelane::base::random::Random;

use super::file::File;

/// A file, whatever names it has.
pub(super) type Inode = u64;

type NameMap = BTreeMap<Arc<str>, Inode>;

/// See the head of this module.
#[derive(Debug, Default)]
pub(super) struct Folder {
    seen: NameMap,
    durable: NameMap,
    files: BTreeMap<Inode, File>,
    next: Inode,
}

/// A change of names.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Put(Arc<str>, Inode),
    Move(Arc<str>, Arc<str>),
    Take(Arc<str>),
}

impl Folder {
    pub(super) fn find(&self, name: &str) -> Option<Inode> {
        self.seen.get(name).copied()
    }

    pub(super) fn file(&self, inode: Inode) -> Option<&File> {
        self.files.get(&inode)
    }

    pub(super) fn file_mut(&mut self, inode: Inode) -> Option<&mut File> {
        self.files.get_mut(&inode)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = (&Arc<str>, &File)> {
        let file = |(name, inode)| Some((name, self.files.get(inode)?));
        self.seen.iter().filter_map(file)
    }

    /// The bytes of all files that have a name.
    pub(super) fn used_bytes(&self) -> u64 {
        let inodes: BTreeSet<&Inode> = self.seen.values().collect();
        let files = inodes.into_iter().filter_map(|inode| self.files.get(inode));
        files.map(|file| file.bytes().len() as u64).sum()
    }

    /// Take in a file that has no name yet.
    pub(super) fn add(&mut self, file: File) -> Inode {
        self.next += 1;
        self.files.insert(self.next, file);
        self.next
    }

    /// Change names as readers see them.
    pub(super) fn change(&mut self, change: &Change) {
        match change {
            Change::Put(name, inode) => {
                self.seen.insert(Arc::clone(name), *inode);
            }
            Change::Move(from, to) => {
                if let Some(inode) = self.seen.remove(from) {
                    self.seen.insert(Arc::clone(to), inode);
                }
            }
            Change::Take(name) => {
                self.seen.remove(name);
            }
        }
    }

    /// All names beside those that `change` touches are durable, as after a sync of their folders.
    pub(super) fn sync(&mut self, change: &Change) {
        let folders = match change {
            Change::Put(name, _) | Change::Take(name) => [folder_of(name); 2],
            Change::Move(from, to) => [folder_of(from), folder_of(to)],
        };
        let inside = |name: &Arc<str>| folders.contains(&folder_of(name));
        self.durable.retain(|name, _| !inside(name));
        let fresh = self.seen.iter().filter(|(name, _)| inside(name));
        self.durable
            .extend(fresh.map(|(name, inode)| (Arc::clone(name), *inode)));
    }

    /// The process ends: everything stays as it is seen.
    pub(super) fn kill(&mut self) {
        for file in self.files.values_mut() {
            file.writer = None;
        }
        self.sweep(&[]);
    }

    /// Power is lost: of the names that were not synced each is there or not.
    pub(super) fn crash(&mut self, random: &mut Random) {
        let names: BTreeSet<Arc<str>> = self
            .seen
            .keys()
            .chain(self.durable.keys())
            .cloned()
            .collect();
        for name in names {
            let seen = self.seen.get(&name).copied();
            if seen != self.durable.get(&name).copied() && random.chance(50) {
                match seen {
                    Some(inode) => self.durable.insert(name, inode),
                    None => self.durable.remove(&name),
                };
            }
        }
        self.seen.clone_from(&self.durable);
        for file in self.files.values_mut() {
            file.crash(random);
        }
        self.sweep(&[]);
    }

    /// Drop the files that no name leads to any more, and that are not `in_use`.
    pub(super) fn sweep(&mut self, in_use: &[Inode]) {
        let names = self.seen.values().chain(self.durable.values());
        let names = names.chain(in_use);
        let alive: BTreeSet<Inode> = names.copied().collect();
        self.files.retain(|inode, _| alive.contains(inode));
    }
}

/// `a/b` of `a/b/c`.
pub(super) fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}
