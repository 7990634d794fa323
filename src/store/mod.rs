//! Where samples stay: for now the recent window, in memory.
#![forbid(unsafe_code)]

mod block;
pub mod definition;
pub mod head;
pub mod info;
pub mod stretch;
pub mod token;
