//! The appliance over real sockets. It needs io_uring, and says so where there is none.

mod binary;
mod bodies;
mod carbon;
mod dashboards;
mod durable;
#[path = "../harness/mod.rs"]
mod harness;
mod hostile;
mod ingest;
mod kairosdb;
mod kairosdb_cases;
mod kairosdb_conf;
mod kairosdb_corpus;
mod kairosdb_filters;
mod kairosdb_memory;
mod kairosdb_queries;
mod pictures;
mod quotes;
mod rig;
mod slow;
mod steering;
mod stop;
mod telnet;
