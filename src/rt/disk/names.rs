//! What is done with names: making, renaming, linking, removing, finding; and how much room there is.
//!
//! Each is one call on the executor's blocking thread, so that a slow folder holds up other names and not
//! the shard. glommio has a rename and a removal of its own, which go to that same thread; it has no
//! link, and its sync of a folder is an `fdatasync`, which on ext4 may leave out a new name as long
//! as the folder's size stays the same. So all of them are here, each with its `fsync`, as one call.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};

use crate::seam::disk::Room;

/// A file that was found under its name. It holds the file and not the name: whoever renames or
/// removes it meanwhile, this is the one that was found.
#[derive(Debug)]
pub(super) struct Found(OwnedFd);

impl Found {
    /// A path to the very file, for as long as this lives.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}

/// The names below one folder.
#[derive(Clone, Debug)]
pub(super) struct Names {
    root: Arc<Path>,
}

impl Names {
    /// Below `root`, an absolute path.
    pub(super) fn new(root: PathBuf) -> Names {
        Names { root: root.into() }
    }

    /// The file `name`.
    pub(super) async fn find(&self, name: &str) -> io::Result<Found> {
        let path = self.path_of(name)?;
        blocking(move || open(&path, OFlags::PATH)).await
    }

    /// Make the empty file `name`, and its folders where they are missing; what had the name is gone.
    /// The name is durable after [`Names::sync_folder_of`].
    pub(super) async fn create(&self, name: &str) -> io::Result<Found> {
        let (root, path) = (Arc::clone(&self.root), self.path_of(name)?);
        blocking(move || {
            make_folders(&root, &path)?;
            remove_if_there(&path)?;
            open(&path, OFlags::CREATE | OFlags::EXCL | OFlags::RDWR)
        })
        .await
    }

    pub(super) async fn sync_folder_of(&self, name: &str) -> io::Result<()> {
        let path = self.path_of(name)?;
        blocking(move || sync_folder(&path)).await
    }

    pub(super) async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let root = Arc::clone(&self.root);
        let (from, to) = (self.path_of(from)?, self.path_of(to)?);
        blocking(move || {
            make_folders(&root, &to)?;
            if from != to && is_same(&from, &to).unwrap_or(false) {
                // Two names of one file: rename(2) would leave both.
                fs::remove_file(&from)?;
            } else {
                fs::rename(&from, &to)?;
            }
            sync_folder(&to)?;
            if from.parent() != to.parent() {
                sync_folder(&from)?;
            }
            Ok(())
        })
        .await
    }

    /// What had the name `to` is gone.
    pub(super) async fn link(&self, from: &str, to: &str) -> io::Result<()> {
        let root = Arc::clone(&self.root);
        let (from, to) = (self.path_of(from)?, self.path_of(to)?);
        blocking(move || {
            make_folders(&root, &to)?;
            match fs::hard_link(&from, &to) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    // Not before: without `from` nothing may go.
                    if is_same(&from, &to)? {
                        return sync_folder(&to);
                    }
                    fs::remove_file(&to)?;
                    fs::hard_link(&from, &to)?;
                }
                other => other?,
            }
            sync_folder(&to)
        })
        .await
    }

    /// It may be gone already.
    pub(super) async fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.path_of(name)?;
        blocking(move || {
            if !remove_if_there(&path)? {
                return Ok(());
            }
            sync_folder(&path)
        })
        .await
    }

    pub(super) async fn room(&self) -> io::Result<Room> {
        let root = Arc::clone(&self.root);
        blocking(move || {
            let about = rustix::fs::statvfs(&*root)?;
            Ok(Room {
                total_bytes: about.f_blocks.saturating_mul(about.f_frsize),
                free_bytes: about.f_bavail.saturating_mul(about.f_frsize),
            })
        })
        .await
    }

    /// Names may come from files, so none leads out of the folder.
    fn path_of(&self, name: &str) -> io::Result<PathBuf> {
        let plain = |part| matches!(part, Component::Normal(_));
        if name.is_empty() || name.contains('\0') || !Path::new(name).components().all(plain) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "that is no name below the data folder",
            ));
        }
        Ok(self.root.join(name))
    }
}

async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    glommio::executor().spawn_blocking(call).await
}

fn open(path: &Path, flags: OFlags) -> io::Result<Found> {
    let mode = Mode::from_raw_mode(0o644);
    let file = rustix::fs::open(path, flags | OFlags::CLOEXEC | OFlags::NOFOLLOW, mode)?;
    Ok(Found(file))
}

/// Whether there was one.
fn remove_if_there(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (rustix::fs::lstat(one)?, rustix::fs::lstat(other)?);
    Ok((one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
}

/// Make the folders between `root`, which is there, and `file`; each durable in its own folder.
fn make_folders(root: &Path, file: &Path) -> io::Result<()> {
    let Some(folder) = file.parent().filter(|&folder| folder != root) else {
        return Ok(());
    };
    if folder.is_dir() {
        return Ok(());
    }
    make_folders(root, folder)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(folder),
    }
}

/// A name is as durable as the folder that holds it.
fn sync_folder(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
