//! The load generator of corelane: independent encoders of the protocols it speaks, and a workload to send with them.
//!
//! It depends on nothing of the appliance, so that tests can hold its encoders against the appliance's decoders as two
//! independent readings of the same protocol documents.
//!
//! In the order the data travels:
#![forbid(unsafe_code)]

pub mod random; // numbers from a seed
pub mod send; // bytes become writes
pub mod verify;
pub mod wire; // points become bytes
pub mod workload; // which series have which value in which round // what was sent is asked back
