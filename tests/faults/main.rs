//! Disks that fail, and what the disk of a shard makes of them. They are real to the kernel: a FUSE file
//! system, and small ones that end. Needs root; says so where that is missing.

mod disk;
mod faulty;
#[path = "../harness/mod.rs"]
mod harness;
