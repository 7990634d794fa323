//! Disks that fail, and what the disk of a shard and the real binary make of them. They are real to the
//! kernel: a FUSE file system, and small ones that end. Needs root; says so where that is missing.

mod damage;
mod disk;
mod faulty;
#[path = "../harness/mod.rs"]
mod harness;
mod ledger;
mod power;
mod recovery;
#[path = "../harness/requests.rs"]
mod requests;
mod room;
mod trouble;
