//! Where samples stay: for now the recent window, in memory.
#![forbid(unsafe_code)]

pub mod head;
