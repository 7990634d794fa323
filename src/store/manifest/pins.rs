//! Which files of older versions somebody may still read.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::version::{Fate, Version};

/// Versions that were visible once and may still be held, and the files that left with them.
#[derive(Debug, Default)]
pub(super) struct Pins {
    /// Number of the version that is visible.
    current: u64,
    /// Older ones with their numbers, ascending.
    old: VecDeque<(u64, Arc<Version>)>,
    /// Files that no version from this number on lists, and that nobody was told to take away yet.
    leaving: BTreeMap<u64, (u64, Fate)>,
}

impl Pins {
    /// `version` is the first one that is visible.
    pub(super) fn new(version: &Version) -> Pins {
        let leaving = version.leaving().map(|(file, fate)| (file, (0, fate)));
        Pins {
            leaving: leaving.collect(),
            ..Pins::default()
        }
    }

    /// `next` is visible instead of `last`.
    pub(super) fn turn(&mut self, last: Arc<Version>, next: &Version) {
        self.current += 1;
        for (file, fate) in next.leaving() {
            if !last.leaving.contains_key(&file) {
                self.leaving.insert(file, (self.current, fate));
            }
        }
        self.old.push_back((self.current - 1, last));
        self.sweep();
    }

    /// Forget the versions that only this still holds. Nobody can take hold of one again.
    fn sweep(&mut self) {
        let old = std::mem::take(&mut self.old);
        for (number, version) in old {
            if let Err(held) = Arc::try_unwrap(version) {
                self.old.push_back((number, held));
            }
        }
    }

    /// Files that nobody can read any more. Each is given once.
    pub(super) fn take(&mut self) -> Vec<(u64, Fate)> {
        self.sweep();
        let oldest = self.old.front().map_or(self.current, |&(number, _)| number);
        let mut free = Vec::new();
        self.leaving.retain(|&file, &mut (since, fate)| {
            let is_held = since > oldest;
            if !is_held {
                free.push((file, fate));
            }
            is_held
        });
        free
    }

    /// It could not be taken away: give it again.
    pub(super) fn again(&mut self, file: u64, fate: Fate) {
        self.leaving.insert(file, (0, fate));
    }

    /// How many older versions are held.
    pub(super) fn held(&self) -> usize {
        self.old.len()
    }
}
