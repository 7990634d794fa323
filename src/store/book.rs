//! stand-in
use super::definition::Definition;
use super::manifest::BookInfo;
use crate::seam::Disk;
use crate::seam::disk::{Desk, Fault, Job, Outcome};

/// x
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct BookError;

/// x
pub struct Writer {
    numbers: u32,
}

impl Writer {
    /// x
    pub fn new(_: u32, info: Option<BookInfo>) -> Writer {
        Writer { numbers: info.map_or(0, |i| i.numbers) }
    }
    /// x
    pub fn push(&mut self, d: &Definition) {
        self.numbers = self.numbers.max(d.number + 1);
    }
    /// x
    pub fn poll(&mut self, _: &mut Desk<'_>) {}
    /// x
    pub fn done(&mut self, _: Job, _: Result<Outcome, Fault>) {}
    /// x
    pub fn sync(&mut self) {}
    /// x
    pub fn is_durable(&self, _: u32) -> bool {
        true
    }
    /// x
    pub fn durable(&self) -> (u32, u64) {
        (self.numbers, 4096)
    }
}

/// x
pub fn read(_: &dyn Disk, _: u32, _: BookInfo, _: impl FnMut(Definition)) -> Result<(), BookError> {
    Ok(())
}
