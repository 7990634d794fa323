//! The load generator of corelane: independent encoders of the protocols it speaks, and a workload
//! to send with them.
//!
//! It depends on nothing of the appliance, so that tests can hold its encoders against the
//! appliance's decoders as two independent readings of the same protocol documents.
//!
//! In the order the data travels:
#![forbid(unsafe_code)]

// Numbers from a seed.
pub mod random;

// Which series have which value in which round.
pub mod workload;

// Points become bytes.
pub mod wire;

// Bytes become writes.
pub mod send;

// What was sent is asked back.
pub mod verify;

// It is asked like by dashboards, alone or while points are sent.
pub mod query;

// The same of a server that is killed again and again.
pub mod crash;
