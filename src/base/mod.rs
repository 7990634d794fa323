//! Small things every layer needs: time, hashing, bounded buffers, seeded chance.
//!
//! Takes and gives plain values; knows nothing of metrics.
#![forbid(unsafe_code)]

pub mod buffer;
pub mod decimal;
pub mod going_back;
pub mod hash;
pub mod printer;
pub mod random;
pub mod time;
pub mod varint;
