//! A disk that fails as told, and that forgets at a power cut what was not synced: a FUSE file system
//! in this process, so that the real binary can run on it.
//!
//! Takes rules and a limit of room from the test, while others use the files. Gives a folder, at first
//! empty, on which O_DIRECT and io_uring work. What is in the files is kept in a folder beside it.
//!
//! Its power cut is strict: without an `fsync` of a folder a name in it is lost, also when the file was
//! synced. End what uses the files before [`Faulty::drop_unsynced`]; nothing tells them.
//!
//! Needs root and `/dev/fuse`, and skips aloud without them. Writes are never answered short (see
//! [`tree`]); of a write that was torn, the whole is reported and the half is found after the cut.

mod content;
mod kernel;
mod tree;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fuser::{BackgroundSession, Config, MountOption};

pub(crate) use self::content::Loss;
use self::kernel::Kernel;
use self::tree::Tree;
pub(crate) use self::tree::{Counts, On, Rule, Then};
use super::mounts::{run, skip};

/// A mounted faulty disk; gone when dropped.
pub(crate) struct Faulty {
    path: PathBuf,
    tree: Arc<Mutex<Tree>>,
    // Joins nothing: its thread ends with the mount.
    _session: BackgroundSession,
}

impl Faulty {
    /// Mount one below `scratch`. `None` where this machine cannot, which was said then.
    #[track_caller]
    pub(crate) fn mount(scratch: &Path) -> Option<Faulty> {
        let (path, backing) = (scratch.join("faulty"), scratch.join("faulty.kept"));
        for folder in [&path, &backing] {
            std::fs::create_dir_all(folder).expect("the scratch folder can be written");
        }
        let tree = Arc::new(Mutex::new(Tree::new(&backing)));
        let mut config = Config::default();
        config.mount_options = vec![
            MountOption::FSName("corelane-faulty".to_owned()),
            MountOption::NoAtime,
        ];
        let kernel = Kernel::new(Arc::clone(&tree), &backing);
        match fuser::spawn_mount(kernel, &path, &config) {
            Ok(session) => Some(Faulty {
                path,
                tree,
                _session: session,
            }),
            Err(error) => {
                skip("FUSE", &format!("{error}; it needs /dev/fuse and root"));
                None
            }
        }
    }

    /// The mounted folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// From now on, let this go wrong too. Rules are tried in the order they came.
    pub(crate) fn add_rule(&self, rule: Rule) {
        self.tree().add_rule(rule);
    }

    /// Let the next `times` of `on` fail with `number` for files whose path contains `path`.
    pub(crate) fn fail(&self, path: &str, on: On, number: i32, times: u64) {
        self.add_rule(Rule {
            path: path.to_owned(),
            on,
            then: Then::Fail(number),
            skip: 0,
            times,
        });
    }

    /// From now on nothing goes wrong.
    pub(crate) fn clear_rules(&self) {
        self.tree().clear_rules();
    }

    /// How often a rule has struck.
    pub(crate) fn hits(&self) -> u64 {
        self.tree().hits()
    }

    /// The files together may have so many bytes; `None` for what the disk behind it has.
    pub(crate) fn set_room(&self, bytes: Option<u64>) {
        self.tree().set_room(bytes);
    }

    /// What was asked so far of the files that there are and whose path contains `path`.
    pub(crate) fn counts(&self, path: &str) -> Counts {
        self.tree().counts(path)
    }

    /// Lose what a power cut loses. Nobody may have files open.
    pub(crate) fn drop_unsynced(&self, loss: Loss) {
        let lost = self.tree().lose(&loss);
        lost.expect("the folder that holds the files can be read and written");
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Faulty {
    /// By force, so that a test which failed with files open ends all the same: whoever still asks is
    /// told that there is nobody.
    fn drop(&mut self) {
        let mut unmount = Command::new("umount");
        unmount.args(["--force", "--lazy"]).arg(&self.path);
        let _ = run(&mut unmount);
    }
}
