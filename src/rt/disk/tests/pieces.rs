//! What the kernel leaves undone, played.

use std::cell::{RefCell, RefMut};
use std::io;

use super::super::pieces::{PIECE_BYTES, read_all, write_all};
use super::{noise, run};
use crate::base::random::Random;

/// Whatever part of each piece the kernel takes or gives, in the end all is written and read.
#[test]
fn short_writes_and_reads_lose_nothing() {
    run(async || {
        let mut whole = 0;
        for seed in 0..300 {
            let mut random = Random::new(seed);
            let bytes = 4096 * (1 + random.below(400) as usize);
            let text = noise(&mut random, bytes);
            let (file, random) = (RefCell::new(Vec::new()), RefCell::new(random));
            let written = write_all(bytes as u64, PIECE_BYTES, async |at, length| {
                let at = at as usize;
                let mut random = random.borrow_mut();
                let some = if random.chance(50) {
                    length
                } else {
                    random.below(length as u64 + 1) as usize
                };
                let mut file: RefMut<'_, Vec<u8>> = file.borrow_mut();
                let end = file.len().max(at + some);
                file.resize(end, 0);
                file[at..at + some].copy_from_slice(&text[at..at + some]);
                // Now and then nothing at all, but not for ever.
                Ok(some.max(usize::from(some == 0)))
            });
            match written.await {
                Ok(()) => {
                    assert!(*file.borrow() == text, "seed {seed}");
                    whole += 1;
                }
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WriteZero, "seed {seed}"),
            }
            let read = read_all(bytes + 8192, async |at, length| {
                let at = at as usize;
                let blocks = 1 + random.borrow_mut().below(length as u64 / 4096);
                Ok(&text[at..text.len().min(at + 4096 * blocks as usize)])
            });
            assert!(read.await.expect("read") == text, "seed {seed}");
        }
        assert!(150 < whole, "only {whole} of 300 were written to the end");
    });
}

#[test]
fn a_kernel_that_takes_nothing_is_not_asked_for_ever() {
    run(async || {
        let asked = RefCell::new(0);
        let written = write_all(8192, PIECE_BYTES, async |_, _| {
            *asked.borrow_mut() += 1;
            Ok(100)
        });
        assert_eq!(
            written.await.expect_err("no end").kind(),
            io::ErrorKind::WriteZero
        );
        assert!(*asked.borrow() < 10);
    });
}
