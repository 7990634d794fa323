//! What is asked of a disk, in short: for tests of disks that fail and of those that play one.

#![allow(dead_code)]

use std::sync::Arc;

use corelane::seam::disk::Request;

pub(crate) fn name(text: &str) -> Arc<str> {
    Arc::from(text)
}

pub(crate) fn create(text: &str, bytes: u64) -> Request {
    Request::Create {
        name: name(text),
        bytes,
    }
}

pub(crate) fn write(text: &str, offset: u64, bytes: Vec<u8>) -> Request {
    Request::Write {
        name: name(text),
        offset,
        bytes,
    }
}

pub(crate) fn commit(text: &str, offset: u64, bytes: Vec<u8>) -> Request {
    Request::Commit {
        name: name(text),
        offset,
        bytes,
    }
}

pub(crate) fn sync(text: &str) -> Request {
    Request::Sync { name: name(text) }
}

pub(crate) fn read(text: &str, offset: u64, bytes: usize) -> Request {
    Request::Read {
        name: name(text),
        offset,
        bytes,
    }
}

pub(crate) fn rename(from: &str, to: &str) -> Request {
    Request::Rename {
        from: name(from),
        to: name(to),
    }
}

pub(crate) fn remove(text: &str) -> Request {
    Request::Remove { name: name(text) }
}
