//! Many datagrams in one call.
//!
//! Takes a socket, gives each datagram that was waiting, up to [`BATCH`] arrivals a call. Where the
//! kernel joined datagrams of one sender (GRO), they come apart here.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, AsRawFd};

/// Arrivals taken in one call.
pub(super) const BATCH: usize = 64;
/// The largest that a datagram, or a row of joined ones, can be.
const SLOT_BYTES: usize = 64 * 1024;
/// Room for what the kernel tells besides: a segment size and a drop count, 24 bytes each.
const CONTROL_WORDS: usize = 12;

/// The buffers of one shard, used for all its UDP sockets in turn: 4 MiB.
pub(super) struct Datagrams {
    bytes: Vec<u8>,
    control: Vec<[u64; CONTROL_WORDS]>,
    senders: Vec<libc::sockaddr_storage>,
    filled: Vec<Filled>,
}

#[derive(Clone, Copy)]
struct Filled {
    len: usize,
    /// Bytes of each joined datagram but the last; 0 if nothing was joined.
    segment: usize,
    /// Where it says that it comes from.
    sender: IpAddr,
}

/// What a call brought besides bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Received {
    /// Arrivals; [`BATCH`] means that more may be waiting.
    pub(super) arrivals: usize,
    /// How many datagrams this socket has dropped since it was opened, if the kernel told.
    pub(super) dropped: Option<u32>,
}

impl Default for Datagrams {
    fn default() -> Self {
        Datagrams {
            bytes: vec![0; BATCH * SLOT_BYTES],
            control: vec![[0; CONTROL_WORDS]; BATCH],
            // SAFETY: every field of `sockaddr_storage` is a number; all zero is valid.
            senders: vec![unsafe { std::mem::zeroed() }; BATCH],
            filled: Vec::with_capacity(BATCH),
        }
    }
}

impl Datagrams {
    /// Take what is waiting at `socket`, without waiting.
    ///
    /// # Errors
    /// What the kernel said; `WouldBlock` if nothing is there.
    pub(super) fn receive(&mut self, socket: impl AsFd) -> io::Result<Received> {
        self.filled.clear();
        let mut slots: [libc::iovec; BATCH] = std::array::from_fn(|i| libc::iovec {
            iov_base: self.bytes[i * SLOT_BYTES..].as_mut_ptr().cast(),
            iov_len: SLOT_BYTES,
        });
        let mut messages: [libc::mmsghdr; BATCH] = std::array::from_fn(|i| {
            // SAFETY: every field of `mmsghdr` is a number or a pointer; all zero is valid.
            let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
            message.msg_hdr.msg_iov = &raw mut slots[i];
            message.msg_hdr.msg_iovlen = 1;
            message.msg_hdr.msg_control = self.control[i].as_mut_ptr().cast();
            message.msg_hdr.msg_controllen = (CONTROL_WORDS * 8) as _;
            message.msg_hdr.msg_name = (&raw mut self.senders[i]).cast();
            message.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as _;
            message
        });
        // SAFETY: each of the BATCH messages points to one iovec of SLOT_BYTES bytes, to CONTROL_WORDS
        // words and to one address, all its own, and all of which live until the call is over.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_fd().as_raw_fd(),
                messages.as_mut_ptr(),
                BATCH as u32,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        let mut dropped = None;
        for (message, sender) in messages.iter().zip(&self.senders).take(count) {
            let told = told(&message.msg_hdr);
            dropped = told.dropped.or(dropped);
            self.filled.push(Filled {
                len: message.msg_len as usize,
                segment: told.segment,
                sender: address(sender),
            });
        }
        Ok(Received {
            arrivals: count,
            dropped,
        })
    }

    /// Every datagram of the last call and its sender, in the order in which they came.
    pub(super) fn each(&self) -> impl Iterator<Item = (&[u8], IpAddr)> {
        self.bytes
            .chunks(SLOT_BYTES)
            .zip(&self.filled)
            .flat_map(|(slot, filled)| {
                let row = &slot[..filled.len.min(SLOT_BYTES)];
                let one_by_one = row.chunks(match filled.segment {
                    0 => SLOT_BYTES,
                    segment => segment,
                });
                one_by_one.map(|datagram| (datagram, filled.sender))
            })
    }
}

/// The address that the kernel left in `storage`; unspecified for any family but the two.
fn address(storage: &libc::sockaddr_storage) -> IpAddr {
    match i32::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: `sockaddr_storage` is larger than `sockaddr_in` and aligned for it, and the
            // family says that this is what the kernel wrote.
            let of = unsafe { &*std::ptr::from_ref(storage).cast::<libc::sockaddr_in>() };
            IpAddr::V4(u32::from_be(of.sin_addr.s_addr).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above, for `sockaddr_in6`.
            let of = unsafe { &*std::ptr::from_ref(storage).cast::<libc::sockaddr_in6>() };
            IpAddr::V6(of.sin6_addr.s6_addr.into())
        }
        _ => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    }
}

#[derive(Default)]
struct Told {
    segment: usize,
    dropped: Option<u32>,
}

/// Read the control messages that the kernel left in `header`.
fn told(header: &libc::msghdr) -> Told {
    let mut told = Told::default();
    // SAFETY: the kernel filled `msg_control` and set `msg_controllen` to what it filled; the buffer
    // is still alive and aligned for `cmsghdr`, being made of u64.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !next.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR give only headers that lie whole in the buffer.
        let (level, kind) = unsafe { ((*next).cmsg_level, (*next).cmsg_type) };
        // SAFETY: the two kinds read here carry one 32-bit number each; the read is unaligned.
        let number = || unsafe { libc::CMSG_DATA(next).cast::<u32>().read_unaligned() };
        match (level, kind) {
            (libc::SOL_UDP, libc::UDP_GRO) => told.segment = number() as usize,
            (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => told.dropped = Some(number()),
            _ => {}
        }
        // SAFETY: `next` is a header of this buffer.
        next = unsafe { libc::CMSG_NXTHDR(header, next) };
    }
    told
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::rt::os;

    fn pair() -> (UdpSocket, UdpSocket) {
        let receiver = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let sender = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let to = receiver.local_addr().expect("an address");
        sender.connect(to).expect("a peer");
        os::join_datagrams(&receiver).expect("GRO");
        os::tell_drops(&receiver).expect("a drop count");
        (receiver, sender)
    }

    #[test]
    fn datagrams_come_one_by_one_and_in_order() {
        let (receiver, sender) = pair();
        let mut datagrams = Datagrams::default();
        let nothing = datagrams.receive(&receiver).expect_err("nothing is there");
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        let sent: Vec<Vec<u8>> = (0..70u8).map(|i| vec![i; usize::from(i) + 1]).collect();
        for datagram in &sent {
            sender.send(datagram).expect("sent");
        }
        let mut got: Vec<Vec<u8>> = Vec::new();
        while datagrams.receive(&receiver).is_ok() {
            got.extend(datagrams.each().map(|(datagram, from)| {
                assert!(from.is_loopback());
                datagram.to_vec()
            }));
        }
        assert_eq!(got, sent);
    }

    #[test]
    fn joined_datagrams_come_apart() {
        let (receiver, sender) = pair();
        // The kernel cuts this into segments of 100 bytes, and hands them over joined again.
        os::tests_support::cut_into(&sender, 100).expect("GSO");
        let row: Vec<u8> = (0..950u32).map(|i| (i / 100) as u8).collect();
        sender.send(&row).expect("sent");
        let mut datagrams = Datagrams::default();
        datagrams.receive(&receiver).expect("something");
        let got: Vec<&[u8]> = datagrams.each().map(|(datagram, _)| datagram).collect();
        let want: Vec<&[u8]> = row.chunks(100).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn what_the_kernel_drops_is_told() {
        let (receiver, sender) = pair();
        rustix::net::sockopt::set_socket_recv_buffer_size(&receiver, 4096).expect("a small buffer");
        for _ in 0..200 {
            sender.send(&[7; 1000]).expect("sent");
        }
        let mut datagrams = Datagrams::default();
        let (mut got, mut dropped) = (0, 0);
        while let Ok(received) = datagrams.receive(&receiver) {
            got += received.arrivals as u32;
            dropped = received.dropped.unwrap_or(dropped);
        }
        // The count comes with the datagrams that are let in afterwards.
        sender.send(b"one more").expect("sent");
        let last = datagrams.receive(&receiver).expect("one");
        assert_eq!(got + last.dropped.unwrap_or(dropped), 200, "{got} came");
    }
}
