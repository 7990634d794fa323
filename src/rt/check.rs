//! What the machine must have, looked at before anything starts. Each failure says what to do.

use std::fs;
use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::os;

/// The oldest kernel that this was built for, as major and minor.
const KERNEL_MIN: (u32, u32) = (5, 8);
/// Below this an executor does not start.
const LOCKED_BYTES_MIN: u64 = 512 << 10;
/// Rings of an executor, each of which locks its memory.
const RINGS: u64 = 3;
/// Files of a shard besides connections: rings, timers, listeners, the log.
const FILES_PER_SHARD: u64 = 64;
/// `CAP_IPC_LOCK`: whoever has it may lock any amount.
const CAPABILITY_IPC_LOCK: u32 = 14;

/// What is missing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CheckError {
    /// Too old.
    #[error(
        "Linux {0} is too old; this needs {major}.{minor} or newer",
        major = KERNEL_MIN.0,
        minor = KERNEL_MIN.1
    )]
    Kernel(String),
    /// Switched off.
    #[error(
        "io_uring is switched off on this machine (kernel.io_uring_disabled = {0}); allow it with \
         `sysctl -w kernel.io_uring_disabled=0`"
    )]
    RingsDisabled(String),
    /// Forbidden or missing.
    #[error(
        "io_uring cannot be used here ({0}); in a container allow the io_uring calls in its seccomp \
         profile, for Docker `--security-opt seccomp=unconfined`"
    )]
    Rings(String),
    /// Too little memory may be locked.
    #[error(
        "this user may lock {have_kib} KiB of memory, and {need_kib} KiB are needed; raise it with \
         `ulimit -l 8192`, LimitMEMLOCK=8M in the systemd unit, or a memlock line in \
         /etc/security/limits.conf"
    )]
    Locked {
        /// The limit.
        have_kib: u64,
        /// The least that works.
        need_kib: u64,
    },
}

/// Check everything for `shards` shards, each with rings of `io_memory_bytes` and up to
/// `connections_max` connections.
///
/// # Errors
/// The first thing that is missing.
pub fn all(
    shards: usize,
    io_memory_bytes: usize,
    connections_max: usize,
) -> Result<(), CheckError> {
    kernel(&read("/proc/sys/kernel/osrelease"))?;
    rings(
        &read("/proc/sys/kernel/io_uring_disabled"),
        os::try_io_uring(),
    )?;
    let lockable = if may_lock_all(&read("/proc/self/status")) {
        None
    } else {
        raise(Resource::Memlock)
    };
    locked(lockable, shards as u64 * RINGS * io_memory_bytes as u64)?;
    files(shards as u64 * (connections_max as u64 + FILES_PER_SHARD));
    Ok(())
}

/// A small file of the kernel; empty if it is not there.
fn read(path: &str) -> String {
    fs::read_to_string(path)
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn kernel(release: &str) -> Result<(), CheckError> {
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) < KERNEL_MIN => {
            Err(CheckError::Kernel(release.to_owned()))
        }
        // What cannot be read is left to the calls that need it.
        _ => Ok(()),
    }
}

fn rings(disabled: &str, tried: io::Result<()>) -> Result<(), CheckError> {
    match tried {
        Ok(()) => Ok(()),
        Err(_) if !disabled.is_empty() && disabled != "0" => {
            Err(CheckError::RingsDisabled(disabled.to_owned()))
        }
        // Too little memory to lock has its own check, with its own advice.
        Err(error) if error.raw_os_error() == Some(libc::ENOMEM) => Ok(()),
        Err(error) => Err(CheckError::Rings(error.to_string())),
    }
}

fn may_lock_all(status: &str) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .is_some_and(|capabilities| capabilities >> CAPABILITY_IPC_LOCK & 1 == 1)
}

/// Raise the soft limit to the hard one. Gives the limit; `None` is no limit.
fn raise(resource: Resource) -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(resource);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    match setrlimit(resource, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    }
}

fn locked(limit_bytes: Option<u64>, wanted_bytes: u64) -> Result<(), CheckError> {
    match limit_bytes {
        Some(bytes) if bytes < LOCKED_BYTES_MIN => Err(CheckError::Locked {
            have_kib: bytes >> 10,
            need_kib: LOCKED_BYTES_MIN >> 10,
        }),
        Some(bytes) if bytes < wanted_bytes => {
            tracing::warn!(
                "this user may lock {} KiB of memory; with {} KiB the disk is reached without a copy \
                 (`ulimit -l`, or LimitMEMLOCK= in the systemd unit)",
                bytes >> 10,
                wanted_bytes >> 10
            );
            Ok(())
        }
        _ => Ok(()),
    }
}

fn files(wanted: u64) {
    if let Some(limit) = raise(Resource::Nofile)
        && limit < wanted
    {
        tracing::warn!(
            "this user may open {limit} files, and all connections together may need {wanted}; \
             raise it with `ulimit -n {wanted}` or LimitNOFILE={wanted} in the systemd unit"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels() {
        let check =
            |release: &str, good: bool| assert_eq!(kernel(release).is_ok(), good, "{release}");
        check("4.19.0-27-amd64", false);
        check("5.4.0-200-generic", false);
        check("5.8.0", true);
        check("6.18.5+", true);
        check("10.0", true);
        check("", true);
    }

    #[test]
    fn what_is_wrong_with_the_rings() {
        let error = |number| Err(io::Error::from_raw_os_error(number));
        let told = |result: Result<(), CheckError>| match result {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        };
        assert_eq!(
            told(rings("2", Ok(()))),
            "",
            "what works is not switched off"
        );
        assert!(told(rings("2", error(libc::EPERM))).contains("sysctl -w"));
        assert!(told(rings("0", error(libc::EPERM))).contains("seccomp"));
        assert!(told(rings("", error(libc::ENOSYS))).contains("seccomp"));
    }

    #[test]
    fn locked_memory() {
        let check =
            |limit, good: bool| assert_eq!(locked(limit, 6 << 20).is_ok(), good, "{limit:?}");
        check(Some(64 << 10), false);
        check(Some(512 << 10), true);
        check(Some(8 << 20), true);
        check(None, true);
    }

    #[test]
    fn root_may_lock_everything() {
        assert!(may_lock_all("Name:\tx\nCapEff:\t000001ffffffffff\n"));
        assert!(!may_lock_all("Name:\tx\nCapEff:\t0000000000000000\n"));
        assert!(!may_lock_all(""));
    }
}
