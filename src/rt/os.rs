//! Calls for which no crate of ours has a safe form. Each takes and gives plain values.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use super::steering::Instruction;

/// Set a socket option whose value is a C int.
fn set_int(fd: impl AsFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    let bytes = size_of::<i32>() as libc::socklen_t;
    // SAFETY: the pointer is to one i32 that outlives the call, and the length is its length.
    let done = unsafe {
        libc::setsockopt(
            fd.as_fd().as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            bytes,
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Let the kernel hand over several datagrams of one sender as one.
///
/// # Errors
/// What the kernel said; before Linux 5.0 there is no such thing.
pub(super) fn join_datagrams(socket: impl AsFd) -> io::Result<()> {
    set_int(socket, libc::SOL_UDP, libc::UDP_GRO, 1)
}

/// Let the kernel tell with each datagram how many it has dropped.
///
/// # Errors
/// What the kernel said.
pub(super) fn tell_drops(socket: impl AsFd) -> io::Result<()> {
    set_int(socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1)
}

/// Make `program` choose for the group of sockets that `socket` belongs to.
///
/// # Errors
/// What the kernel said.
pub(super) fn attach(socket: impl AsFd, program: &[Instruction]) -> io::Result<()> {
    let mut filter: Vec<libc::sock_filter> = program
        .iter()
        .map(|i| libc::sock_filter {
            code: i.code,
            jt: i.jt,
            jf: i.jf,
            k: i.k,
        })
        .collect();
    let len = u16::try_from(filter.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = libc::sock_fprog {
        len,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: `program` and the `len` instructions that it points to outlive the call; the kernel
    // copies them.
    let done = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            (&raw const program).cast(),
            size_of::<libc::sock_fprog>() as libc::socklen_t,
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Whether this process may make an io_uring.
///
/// # Errors
/// What the kernel said.
pub(super) fn try_io_uring() -> io::Result<()> {
    // `struct io_uring_params` is 120 bytes; all zero is a valid request.
    let mut params = [0u64; 15];
    // SAFETY: io_uring_setup reads and writes one `io_uring_params`, which `params` has room for.
    let fd = unsafe { libc::syscall(libc::SYS_io_uring_setup, 2, params.as_mut_ptr()) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just gave this descriptor to us alone; dropping it closes it.
    drop(unsafe { OwnedFd::from_raw_fd(fd as i32) });
    Ok(())
}

/// Wait for one of `signals`, which every thread must have blocked. Gives its number.
///
/// # Errors
/// What the C library said.
pub(super) fn wait_for_signal(signals: &[i32]) -> io::Result<i32> {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    let mut signal = 0;
    // SAFETY: sigemptyset initialises `set` before it is used; both pointers outlive the calls.
    let error = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for &one in signals {
            libc::sigaddset(set.as_mut_ptr(), one);
        }
        libc::sigwait(set.as_ptr(), &raw mut signal)
    };
    if error == 0 {
        Ok(signal)
    } else {
        Err(io::Error::from_raw_os_error(error))
    }
}

/// The number of this thread, for [`interrupt`].
pub(super) fn this_thread() -> i32 {
    // SAFETY: gettid takes nothing and cannot fail.
    unsafe { libc::gettid() }
}

/// Let [`interrupt`] do no more than end a call. SIGURG is what nothing here uses, and what is ignored where
/// nobody asked for it.
///
/// # Errors
/// What the C library said.
pub(super) fn allow_interrupts() -> io::Result<()> {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: all zero is a valid sigaction: no flags, so that calls are not begun again, none blocked.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // SAFETY: `action` outlives the call, its handler touches nothing, and the old one is not asked for.
    let done = unsafe { libc::sigaction(libc::SIGURG, &raw const action, std::ptr::null_mut()) };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// End what `thread` of this process waits for in the kernel. Where there is no such thread, nothing.
pub(super) fn interrupt(thread: i32) {
    // SAFETY: only numbers are passed, and the handler of SIGURG does nothing, whichever thread has it.
    unsafe {
        libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, libc::SIGURG);
    }
}

/// What only tests ask of the kernel.
#[cfg(test)]
pub(super) mod tests_support {
    use super::{AsFd, io, set_int};

    /// Let the kernel cut what is sent into datagrams of `bytes`.
    pub(in crate::rt) fn cut_into(socket: impl AsFd, bytes: i32) -> io::Result<()> {
        set_int(socket, libc::SOL_UDP, libc::UDP_SEGMENT, bytes)
    }
}
