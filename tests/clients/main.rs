//! Real third-party clients against the real binary, one test a client.
//!
//! Each test starts corelane on free ports, runs the client with the configuration its own manual
//! asks for, compares what `/render` answers with what was sent, and stops corelane with a SIGTERM.
//! `setup.sh` beside this file installs the clients. Where one cannot be installed the test says so
//! aloud and ends; with `CI=true` in the environment that is a failure.
#![forbid(unsafe_code)]

#[path = "../harness/mod.rs"]
mod harness;

mod carbon_c_relay;
mod carbon_relay;
mod collectd;
mod dropwizard;
mod edges;
mod graphite;
mod kairosdb;
mod kairosdb_rest;
mod netcat;
mod opentsdb;
mod python;
mod replay;
mod statsd;
mod tools;
