//! Small file systems of a test's own: what only a real one can show, such as a full disk.
//!
//! Needs root and `mount`, and for ext4 `mkfs.ext4` and loop devices; skips aloud without them.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Say past the test runner's capture that `what` is not tested here, and why; with `CI=true` in
/// the environment that is a failure.
#[track_caller]
pub(crate) fn skip(what: &str, reason: &str) {
    let text = format!("SKIPPED: {what}: {}\n", reason.trim());
    // The runner captures what the macros print, but not what is written to the stream itself.
    let _ = std::io::stderr().write_all(text.as_bytes());
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!in_ci, "{text}In CI nothing is skipped.");
}

/// A mounted file system; gone when dropped.
#[derive(Debug)]
pub(crate) struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// An ext4 file system in a file of `mebibytes` (16 or more) below `scratch`, through a loop
    /// device: with O_DIRECT, a journal, and an end. `None` where this machine cannot, which was
    /// said then.
    #[track_caller]
    pub(crate) fn ext4(scratch: &Path, mebibytes: u64) -> Option<SmallDisk> {
        let image = scratch.join("small.img");
        let file = File::create(&image).expect("the scratch folder can be written");
        file.set_len(mebibytes << 20).expect("a sparse file");
        let mut make = Command::new("mkfs.ext4");
        // No blocks are kept for root, so that full is full.
        make.args(["-q", "-F", "-m", "0"]).arg(&image);
        let mut mount = Command::new("mount");
        mount.args(["-o", "loop"]).arg(&image);
        SmallDisk::make("a loop-mounted disk", scratch, &mut [make], mount)
    }

    /// A file system of memory, limited to `mebibytes`.
    #[track_caller]
    pub(crate) fn tmpfs(scratch: &Path, mebibytes: u64) -> Option<SmallDisk> {
        let mut mount = Command::new("mount");
        let size = format!("size={mebibytes}m");
        mount.args(["-t", "tmpfs", "-o", &size, "small"]);
        SmallDisk::make("a tmpfs", scratch, &mut [], mount)
    }

    /// A file system of memory that refuses O_DIRECT.
    #[track_caller]
    pub(crate) fn ramfs(scratch: &Path) -> Option<SmallDisk> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "ramfs", "small"]);
        SmallDisk::make("a ramfs", scratch, &mut [], mount)
    }

    #[track_caller]
    fn make(
        what: &str,
        scratch: &Path,
        before: &mut [Command],
        mut mount: Command,
    ) -> Option<SmallDisk> {
        let path = scratch.join("small");
        std::fs::create_dir_all(&path).expect("the scratch folder can be written");
        mount.arg(&path);
        for command in before.iter_mut().chain([&mut mount]) {
            if let Err(reason) = run(command) {
                skip(what, &format!("{reason}; it needs root"));
                return None;
            }
        }
        Some(SmallDisk { path })
    }

    /// The mounted folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that can still be written.
    pub(crate) fn free_bytes(&self) -> u64 {
        let about = rustix::fs::statvfs(&self.path).expect("it is mounted");
        about.f_bavail * about.f_frsize
    }

    /// Write a file that leaves `leave_bytes` free, and give its path: removing it makes room again.
    #[track_caller]
    pub(crate) fn fill(&self, leave_bytes: u64) -> PathBuf {
        let path = self.path.join("filler");
        let mut file = File::create(&path).expect("the file system can be written");
        let block = vec![0x5a; 64 << 10];
        while leave_bytes < self.free_bytes() {
            let some = (self.free_bytes() - leave_bytes).min(block.len() as u64);
            let full = file.write_all(&block[..some as usize]).is_err();
            // Room is taken when the blocks are given out, which is late.
            if file.sync_all().is_err() || full {
                break;
            }
        }
        path
    }

    /// Let nobody write any more, or again.
    #[track_caller]
    pub(crate) fn set_read_only(&self, is_read_only: bool) {
        let options = if is_read_only {
            "remount,ro"
        } else {
            "remount,rw"
        };
        let done = run(Command::new("mount").args(["-o", options]).arg(&self.path));
        done.unwrap_or_else(|reason| panic!("cannot change the mount: {reason}"));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let plain = run(Command::new("umount").arg(&self.path));
        if plain.is_err() {
            // Somebody still uses it; it goes when they end.
            let _ = run(Command::new("umount").arg("--lazy").arg(&self.path));
        }
    }
}

pub(super) fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!(
            "{program}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(error) => Err(format!("{program}: {error}")),
    }
}
