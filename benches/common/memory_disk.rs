//! A disk in memory that does at once what it is asked.

use std::collections::HashMap;

use corelane::seam::disk::{Fault, Outcome, Request, Room};

/// Files by their names.
#[derive(Default)]
pub(crate) struct MemoryDisk(HashMap<String, Vec<u8>>);

impl MemoryDisk {
    /// Do it.
    pub(crate) fn carry_out(&mut self, request: Request) -> Result<Outcome, Fault> {
        let files = &mut self.0;
        match request {
            Request::Create { name, bytes } | Request::Reserve { name, bytes } => {
                files.insert(name.to_string(), vec![0; bytes as usize]);
            }
            Request::Write {
                name,
                offset,
                bytes,
            }
            | Request::Commit {
                name,
                offset,
                bytes,
            } => {
                let file = files.get_mut(&*name).ok_or(Fault::Missing)?;
                let end = offset as usize + bytes.len();
                file.resize(file.len().max(end), 0);
                file[offset as usize..end].copy_from_slice(&bytes);
            }
            Request::Sync { .. } => {}
            Request::Read {
                name,
                offset,
                bytes,
            } => {
                let file = files.get(&*name).ok_or(Fault::Missing)?;
                let start = file.len().min(offset as usize);
                let end = file.len().min(start + bytes);
                return Ok(Outcome::Bytes(file[start..end].to_vec()));
            }
            Request::Rename { from, to } => {
                let file = files.remove(&*from).ok_or(Fault::Missing)?;
                files.insert(to.to_string(), file);
            }
            Request::Link { from, to } => {
                let file = files.get(&*from).ok_or(Fault::Missing)?.clone();
                files.insert(to.to_string(), file);
            }
            Request::Remove { name } => drop(files.remove(&*name)),
            Request::Room => {
                return Ok(Outcome::Room(Room {
                    total_bytes: 1 << 40,
                    free_bytes: 1 << 40,
                }));
            }
        }
        Ok(Outcome::Done)
    }
}
