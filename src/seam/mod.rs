//! The three seams between a shard and its world: clock, disk, post. `rt` implements them on the
//! kernel, the simulator on a seed.
#![forbid(unsafe_code)]

pub mod disk;

use crate::base::time::Arrival;

/// Tells when something arrives.
pub trait Clock {
    /// The wall clock, and a stamp larger than every stamp this clock gave before.
    fn arrival(&self) -> Arrival;
}

/// The data folder before the shards run, and its small files at any time: whoever asks waits. What
/// running shards ask of it is in [`disk`]. Names are paths below the folder.
pub trait Disk {
    /// The content of `name`, or `None` if it does not exist.
    ///
    /// # Errors
    /// What the file system said.
    fn read(&self, name: &str) -> std::io::Result<Option<Vec<u8>>>;

    /// Make `bytes` the content of `name`, entirely or not at all, and on stable storage before
    /// this returns.
    ///
    /// # Errors
    /// What the file system said; the old content is then still there.
    fn replace(&self, name: &str, bytes: &[u8]) -> std::io::Result<()>;

    /// Names and lengths in bytes of the files in `folder` (not of folders in it), in no order. A folder
    /// that does not exist has none.
    ///
    /// # Errors
    /// What the file system said.
    fn list(&self, folder: &str) -> std::io::Result<Vec<(String, u64)>>;

    /// Up to `bytes` bytes of `name` from `offset` on; less where the file ends.
    ///
    /// # Errors
    /// What the file system said.
    fn read_at(&self, name: &str, offset: u64, bytes: usize) -> std::io::Result<Vec<u8>>;

    /// Make `to` the name of the file `from`, durable when this returns; its folder is made if it is
    /// not there.
    ///
    /// # Errors
    /// What the file system said.
    fn rename(&self, from: &str, to: &str) -> std::io::Result<()>;
}

/// Carries mail of type `M` to the shards, itself included.
pub trait Post<M> {
    /// How many shards there are.
    fn shards(&self) -> usize;

    /// Leave `mail` for shard `to`. Gives it back when that shard's box is full or closed: the
    /// caller decides whether to try later or to refuse what it was doing.
    ///
    /// # Errors
    /// The mail itself.
    fn send(&self, to: usize, mail: M) -> Result<(), M>;
}
