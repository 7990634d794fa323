//! Mail between shards: a bounded box for each, with an eventfd that wakes its owner.
//!
//! One wake-up brings everything that lies in a box, so mail is batched under load. A box has a
//! lock; only queries touch it, and only for a push or a swap.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use glommio::io::PollableFd;
use rustix::event::{EventfdFlags, eventfd};

use super::driver::Driver;
use super::turn;
use crate::seam::Post;
use crate::shard::Part;
use crate::shard::mail::Mail;

/// Letters in one box.
pub(super) const BOX_MAX: usize = 8192;

struct Mailbox {
    letters: Mutex<VecDeque<Mail>>,
    bell: OwnedFd,
}

/// All boxes. Every shard has a clone.
#[derive(Clone)]
pub(super) struct Mailroom(Arc<[Mailbox]>);

impl Mailroom {
    pub(super) fn new(shards: usize) -> io::Result<Mailroom> {
        let boxes: io::Result<Vec<Mailbox>> = (0..shards)
            .map(|_| {
                Ok(Mailbox {
                    letters: Mutex::default(),
                    bell: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
                })
            })
            .collect();
        Ok(Mailroom(boxes?.into()))
    }

    /// The box of `shard`, if there is room for a letter.
    fn box_of(&self, shard: usize) -> Option<MutexGuard<'_, VecDeque<Mail>>> {
        Some(self.letters(shard)).filter(|letters| letters.len() < BOX_MAX)
    }

    /// What becomes readable when mail for `shard` comes into its empty box.
    fn bell(&self, shard: usize) -> io::Result<OwnedFd> {
        self.0[shard].bell.try_clone()
    }

    /// Silence the bell of `shard`. After that its box has to be looked into.
    fn silence(&self, shard: usize) {
        let mut rings = [0; 8];
        // Nothing to read means that it had not rung.
        let _ = rustix::io::read(&self.0[shard].bell, &mut rings);
    }

    /// Everything that lies in the box of `shard`.
    fn empty(&self, shard: usize) -> VecDeque<Mail> {
        std::mem::take(&mut *self.letters(shard))
    }

    fn letters(&self, shard: usize) -> MutexGuard<'_, VecDeque<Mail>> {
        // Nothing that holds the lock can panic half-way.
        let letters = self.0[shard].letters.lock();
        letters.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Post<Mail> for Mailroom {
    fn shards(&self) -> usize {
        self.0.len()
    }

    fn send(&self, to: usize, mail: Mail) -> Result<(), Mail> {
        let Some(mut letters) = self.box_of(to) else {
            return Err(mail);
        };
        let was_empty = letters.is_empty();
        letters.push_back(mail);
        drop(letters);
        if was_empty {
            // It fails only when it is full, and then it has rung.
            let _ = rustix::io::write(&self.0[to].bell, &1u64.to_ne_bytes());
        }
        Ok(())
    }
}

/// The post of one shard. What it sends to itself goes without the kernel, which on a busy core would look
/// at a bell only when its turn comes.
#[derive(Clone)]
pub(super) struct Counter {
    pub(super) room: Mailroom,
    pub(super) number: usize,
    pub(super) driver: Driver,
}

impl Counter {
    /// What becomes readable when mail of others comes into the empty box.
    pub(super) fn bell(&self) -> io::Result<PollableFd<OwnedFd>> {
        PollableFd::new(self.room.bell(self.number)?).map_err(io::Error::from)
    }

    /// Tell the clerk of answers whenever `bell` rings, for ever.
    pub(super) async fn listen(self, bell: PollableFd<OwnedFd>) -> io::Result<()> {
        loop {
            bell.readable().await.map_err(io::Error::from)?;
            turn::begin();
            self.room.silence(self.number);
            self.driver.tell_clerk(Part::Answers);
        }
    }

    /// Everything that lies in the box.
    pub(super) fn empty(&self) -> VecDeque<Mail> {
        self.room.empty(self.number)
    }
}

impl Post<Mail> for Counter {
    fn shards(&self) -> usize {
        self.room.shards()
    }

    fn send(&self, to: usize, mail: Mail) -> Result<(), Mail> {
        if to != self.number {
            return self.room.send(to, mail);
        }
        let Some(mut letters) = self.room.box_of(to) else {
            return Err(mail);
        };
        letters.push_back(mail);
        drop(letters);
        self.driver.tell_clerk(Part::Answers);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_box_gives_the_letter_back() {
        let room = Mailroom::new(2).expect("boxes");
        let letter = |ticket| Mail::Describe { from: 0, ticket };
        for ticket in 0..BOX_MAX as u64 {
            assert!(room.send(1, letter(ticket)).is_ok());
        }
        assert!(room.send(1, letter(0)).is_err());
        assert!(room.send(0, letter(0)).is_ok(), "the other box has room");
        let got = room.empty(1);
        let in_order = (0u64..)
            .zip(&got)
            .all(|(want, mail)| matches!(mail, Mail::Describe { ticket, .. } if *ticket == want));
        assert!(in_order && got.len() == BOX_MAX);
        assert!(room.send(1, letter(0)).is_ok());
    }
}
