//! Graphite's query language: targets, times, functions.
