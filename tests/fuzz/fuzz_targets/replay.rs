//! Any blocks in any files, whole by their checksums, some places unreadable: the log that a scan finds is in
//! order, its numbers go on above all that was seen, and its replay comes to an end.
#![no_main]

use std::io;

use corelane::seam::Disk;
use corelane::seam::disk::{BLOCK_BYTES, Fault, Jobs, Outcome, Request};
use corelane::store::definition::Definition;
use corelane::store::log::block::{self, FileHeader, Header};
use corelane::store::log::found::Found;
use corelane::store::log::replay::Visitor;
use corelane::store::log::{Point, Replay, Scan};
use corelane::store::token;
use libfuzzer_sys::fuzz_target;

/// Files of a log, and pages of them that cannot be read.
#[derive(Default)]
struct Files {
    files: Vec<Vec<u8>>,
    unreadable: Vec<(usize, u64)>,
}

impl Files {
    fn number(name: &str) -> Option<usize> {
        let digits = name.strip_prefix("log/000-")?.strip_suffix(".log")?;
        digits.parse::<usize>().ok()?.checked_sub(1)
    }
}

impl Disk for Files {
    fn read(&self, _: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn replace(&self, _: &str, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn list(&self, _: &str) -> io::Result<Vec<(String, u64)>> {
        let files = (1..).zip(&self.files);
        Ok(files
            .map(|(number, file)| (format!("000-{number:06}.log"), file.len() as u64))
            .collect())
    }

    fn read_at(&self, name: &str, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let number = Files::number(name).ok_or(io::ErrorKind::NotFound)?;
        let file = self.files.get(number).ok_or(io::ErrorKind::NotFound)?;
        let range = offset..offset + bytes as u64;
        if self
            .unreadable
            .iter()
            .any(|(of, at)| *of == number && range.contains(at))
        {
            return Err(io::Error::other("EIO"));
        }
        let from = file.len().min(offset as usize);
        Ok(file[from..file.len().min(from + bytes)].to_vec())
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[derive(Default)]
struct Last(u64);

impl Visitor for Last {
    fn block(&mut self, block: &Found) {
        assert!(self.0 < block.header.sequence, "blocks in order");
        self.0 = block.header.sequence;
    }

    fn definition(&mut self, _: Definition) {}

    fn point(&mut self, _: Point, values: &[u8]) -> Option<usize> {
        token::pass(values)
    }

    fn damaged(&mut self, _: &Found, _: &str) {}
}

fuzz_target!(|bytes: &[u8]| {
    let mut disk = Files::default();
    let mut previous = 0;
    for what in bytes.chunks_exact(8) {
        let [
            kind,
            sequence,
            epoch,
            behind,
            generation,
            flags,
            ref payload @ ..,
        ] = *what
        else {
            continue;
        };
        if kind % 8 == 0 || disk.files.is_empty() {
            let header = FileHeader {
                shard: 0,
                epoch: u64::from(epoch % 4),
                first_sequence: u64::from(sequence),
            };
            disk.files.push(header.to_bytes().to_vec());
            continue;
        }
        let number = disk.files.len() - 1;
        let Some(file) = disk.files.last_mut() else {
            continue;
        };
        if kind % 8 == 1 {
            disk.unreadable.push((number, file.len() as u64));
        }
        let mut one = block::begin();
        one.extend_from_slice(payload);
        let header = Header {
            flags: flags & 1,
            sequence: u64::from(sequence % 32),
            epoch: u64::from(epoch % 4),
            generation: u64::from(generation % 4),
            behind: u16::from(behind % 8),
            previous: if flags & 2 == 0 { previous } else { 7 },
            pages: block::pad(&mut one),
            ..Header::default()
        };
        previous = block::seal(&header, &mut one);
        if kind % 8 == 2 {
            one[BLOCK_BYTES - 1] ^= 1;
        }
        file.append(&mut one);
    }
    let floor = u64::from(bytes.first().copied().unwrap_or(0) % 8);
    let found = Scan::run(&disk, 0, floor, None).expect("a list");
    let sequences: Vec<u64> = found
        .blocks
        .iter()
        .map(|found| found.header.sequence)
        .collect();
    assert!(sequences.is_sorted_by(|a, b| a < b), "{sequences:?}");
    assert!(
        sequences
            .iter()
            .all(|&one| floor <= one && one < found.start.next_sequence)
    );
    let (mut replay, mut jobs, mut last) =
        (Replay::new(found.blocks), Jobs::default(), Last::default());
    while !replay.is_done() {
        replay.poll(&mut jobs.desk(1));
        while let Some((job, request)) = jobs.take() {
            let Request::Read {
                name,
                offset,
                bytes,
            } = request
            else {
                panic!("{request:?}");
            };
            let read = disk.read_at(&name, offset, bytes).map(Outcome::Bytes);
            assert!(replay.done(job, read.map_err(|error| Fault::Broken(error.to_string()))));
        }
        while replay.step(50, &mut last) {}
    }
});
