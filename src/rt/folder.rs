//! The data folder: held by one process, its small files replaced whole.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::seam::Disk;

/// The file whose lock says that the folder is in use. It stays when the process ends.
pub const LOCK_FILE: &str = "lock";

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process.
    #[error(
        "the data folder {0} is in use by another corelane{1}; stop that one, or choose another \
         folder with --data"
    )]
    Held(PathBuf, String),
    /// The file system.
    #[error(
        "cannot use the data folder {0}: {1}; choose another with --data, or make it writable for \
         this user"
    )]
    Unusable(PathBuf, io::Error),
}

/// A data folder that this process holds until this is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Make the folder if it is not there, and take hold of it.
    ///
    /// # Errors
    /// Another process holds it, or the file system says no.
    pub fn open(path: &Path) -> Result<Folder, FolderError> {
        let unusable = |error| FolderError::Unusable(path.to_owned(), error);
        make(path).map_err(unusable)?;
        let mut lock = File::options()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .open(path.join(LOCK_FILE))
            .map_err(unusable)?;
        hold(path, &mut lock)?;
        let own = format!("{}\n", std::process::id());
        lock.set_len(0)
            .and_then(|()| lock.write_all(own.as_bytes()))
            .and_then(|()| sync_names(path))
            .map_err(unusable)?;
        Ok(Folder {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Take hold of a folder that is there, to read it only: it may be one in which nothing can be written.
    ///
    /// # Errors
    /// Another process holds it, or the file system says no.
    pub fn look(path: &Path) -> Result<Folder, FolderError> {
        let unusable = |error| FolderError::Unusable(path.to_owned(), error);
        let mut lock = match File::open(path.join(LOCK_FILE)) {
            Ok(lock) => lock,
            // Nobody has ever started on it, as on a snapshot.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                File::open(path).map_err(unusable)?
            }
            Err(error) => return Err(unusable(error)),
        };
        hold(path, &mut lock)?;
        Ok(Folder {
            path: path.to_owned(),
            _lock: lock,
        })
    }
}

/// Keep every other process from the folder for as long as `lock`, a file of it or itself, is open.
fn hold(path: &Path, lock: &mut File) -> Result<(), FolderError> {
    match flock(&*lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(FolderError::Held(path.to_owned(), holder(lock))),
        Err(error) => Err(FolderError::Unusable(path.to_owned(), error.into())),
    }
}

/// Make the folder `path` and those above it that are missing, each with its name on stable storage.
fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = above(path);
    if let Some(above) = above {
        make(above)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => above.map_or(Ok(()), sync_folder),
    }
}

/// The folder that holds `path`; none of the root.
fn above(path: &Path) -> Option<&Path> {
    let above = path.parent()?;
    Some(if above.as_os_str().is_empty() {
        Path::new(".")
    } else {
        above
    })
}

/// Bring the names in the folder and in those below it to stable storage. A process that was killed may
/// have left some that are not: what rests on them from now on, such as the removal of a log whose points
/// are in segments, must not outlive them.
fn sync_names(path: &Path) -> io::Result<()> {
    if let Some(above) = above(path) {
        // Who made the folder made its name durable; this one may not be allowed to look there.
        let _ = sync_folder(above);
    }
    sync_folder(path)?;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folder(&entry.path())?;
        }
    }
    Ok(())
}

/// The number of the process that holds the lock, as it wrote it.
fn holder(lock: &mut File) -> String {
    let mut text = String::new();
    let read = lock.take(32).read_to_string(&mut text);
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(process)) => format!(" (process {process})"),
        _ => String::new(),
    }
}

impl Disk for Folder {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let new = self.path.join(format!("{name}.new"));
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, self.path.join(name))?;
        sync_folder_of(&self.path.join(name))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<(String, u64)>> {
        let entries = match fs::read_dir(self.path.join(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry?;
            let about = entry.metadata()?;
            // A name that is not UTF-8 is none of ours.
            if let (true, Ok(name)) = (about.is_file(), entry.file_name().into_string()) {
                files.push((name, about.len()));
            }
        }
        Ok(files)
    }

    fn read_at(&self, name: &str, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path.join(name))?;
        file.seek(io::SeekFrom::Start(offset))?;
        let mut read = Vec::new();
        file.take(bytes as u64).read_to_end(&mut read)?;
        Ok(read)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let to = self.path.join(to);
        if let Some(folder) = to.parent() {
            make(folder)?;
        }
        let from = self.path.join(from);
        fs::rename(&from, &to)?;
        sync_folder_of(&to)?;
        sync_folder_of(&from)
    }
}

/// A name is as durable as the folder that holds it.
fn sync_folder_of(file: &Path) -> io::Result<()> {
    above(file).map_or(Ok(()), sync_folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Scratch {
            let own = format!("corelane-folder-{name}-{}", std::process::id());
            Scratch(std::env::temp_dir().join(own))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn files_are_replaced_whole() {
        let scratch = Scratch::new("files");
        let folder = Folder::open(&scratch.0.join("deep")).expect("a folder");
        assert_eq!(folder.read("seed").expect("no error"), None);
        folder
            .replace("seed", b"a long first text")
            .expect("written");
        folder.replace("seed", b"short").expect("written");
        assert_eq!(
            folder.read("seed").expect("no error"),
            Some(b"short".to_vec())
        );
    }

    #[test]
    fn one_process_at_a_time() {
        let scratch = Scratch::new("lock");
        let first = Folder::open(&scratch.0).expect("a folder");
        let told = Folder::open(&scratch.0)
            .expect_err("it is held")
            .to_string();
        assert!(
            told.contains("in use by another corelane (process "),
            "{told}"
        );
        let told = Folder::look(&scratch.0)
            .expect_err("it is held")
            .to_string();
        assert!(
            told.contains("in use by another corelane (process "),
            "{told}"
        );
        drop(first);
        Folder::open(&scratch.0).expect("free again");
    }

    #[test]
    fn a_look_changes_nothing() {
        let scratch = Scratch::new("look");
        assert!(Folder::look(&scratch.0).is_err(), "it is not there");
        fs::create_dir(&scratch.0).expect("made");
        drop(Folder::look(&scratch.0).expect("without a lock"));
        assert_eq!(fs::read_dir(&scratch.0).expect("it").count(), 0);
        drop(Folder::open(&scratch.0).expect("a folder"));
        let lock = fs::read(scratch.0.join(LOCK_FILE)).expect("a lock");
        let look = Folder::look(&scratch.0).expect("free");
        assert_eq!(fs::read(scratch.0.join(LOCK_FILE)).expect("a lock"), lock);
        assert!(Folder::open(&scratch.0).is_err(), "somebody looks");
        drop(look);
    }
}
