//! A data folder for what starts anew and never reads it: benches and fuzz targets.

use std::io;

use corelane::seam::Disk;

/// A data folder in which there is nothing.
pub(crate) struct EmptyFolder;

impl Disk for EmptyFolder {
    fn read(&self, _: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn replace(&self, _: &str, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn list(&self, _: &str) -> io::Result<Vec<(String, u64)>> {
        Ok(Vec::new())
    }

    fn read_at(&self, _: &str, _: u64, _: usize) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }
}
