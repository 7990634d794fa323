//! What the kernel says, as the shard takes it and as an operator can use it.

use std::io;

use glommio::GlommioError;
use rustix::io::Errno;

use crate::seam::disk::Fault;

/// The kernel's own error out of glommio's, whose conversion loses the number.
pub(super) fn plain<T>(error: GlommioError<T>) -> io::Error {
    match error {
        GlommioError::EnhancedIoError { source, .. } => source,
        other => io::Error::from(other),
    }
}

/// What it means that `verb`ing `name` failed so.
pub(super) fn fault(verb: &str, name: &str, error: &io::Error) -> Fault {
    match Errno::from_io_error(error) {
        Some(Errno::NOSPC | Errno::DQUOT) => return Fault::Full,
        Some(Errno::NOENT) => return Fault::Missing,
        _ => {}
    }
    Fault::Broken(format!("cannot {verb} {name}: {error}; {}", advice(error)))
}

fn advice(error: &io::Error) -> &'static str {
    match Errno::from_io_error(error) {
        Some(Errno::ROFS) => {
            "the file system is mounted read-only, maybe by the kernel after a fault of the device \
             (`dmesg` tells); mount it writable, or choose another folder with --data"
        }
        Some(Errno::ACCESS | Errno::PERM) => "make the data folder writable for this user",
        Some(Errno::MFILE | Errno::NFILE) => {
            "too many files are open; raise the limit with `ulimit -n` or LimitNOFILE in the \
             systemd unit"
        }
        Some(Errno::FBIG) => "the file would be larger than this file system or `ulimit -f` allows",
        None if error.kind() == io::ErrorKind::InvalidInput => {
            "this is a fault of corelane and not of the disk; please report it"
        }
        _ => "the kernel's log (`dmesg`) may tell more of the device",
    }
}
