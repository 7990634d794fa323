//! The runtime: the only part that knows the kernel and glommio.
//!
//! Takes plain [`options::Options`] and a way to make shards. Gives N pinned executors, each with its own
//! sockets for every door, one shard, a mailbox and an HTTP server, and stops them so that no line
//! that a peer had sent is lost. What the bytes mean it does not know. One thread besides makes what would
//! hold a shard's core for too long, another one wakes a shard that sleeps over its work. For
//! commands that talk to other servers it has a client's connection.

mod answers;
mod body;
pub mod boot;
pub mod check;
pub mod clock;
mod company;
mod datagrams;
pub mod disk;
mod driver;
mod errands;
mod first_line;
mod fleet;
pub mod folder;
mod http;
mod ingest;
pub mod link;
pub mod options;
mod os;
mod post;
mod pulse;
mod readiness;
mod slots;
pub mod sockets;
pub mod steering;
mod stop;
mod stream;
mod timer;
mod turn;
mod worker;

pub use boot::{Running, serve, start};
pub use options::Options;
