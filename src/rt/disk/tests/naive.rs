//! The disk against names and contents in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::{ask, name, noise, on_disk};
use crate::base::random::Random;
use crate::seam::disk::{Fault, Outcome, Request};

/// Any sequence of requests, one after the other, against names and contents in memory.
#[test]
fn a_naive_folder_agrees() {
    on_disk("naive", async |disk, _| {
        for seed in 0..12 {
            let mut random = Random::new(seed);
            let mut naive = Naive::default();
            let folder = format!("{seed}/");
            for step in 0..120 {
                let request = any_request(&mut random, &folder);
                let what = format!("seed {seed}, step {step}: {}", short(&request));
                let want = naive.run(request.clone());
                let got = ask(disk, request).await;
                assert!(got == want, "{what}: not as in memory");
                if random.chance(3) {
                    disk.close().await;
                }
            }
        }
    });
}

fn short(request: &Request) -> String {
    let mut text = format!("{request:?}");
    text.truncate(80);
    text
}

fn any_request(random: &mut Random, folder: &str) -> Request {
    let mut any = || {
        let file = ["a", "b", "log/c", "log/d"][random.below(4) as usize];
        name(&format!("{folder}{file}"))
    };
    let (from, to) = (any(), any());
    let offset = random.below(6) * 4096;
    match random.below(10) {
        0 => Request::Create {
            name: from,
            bytes: offset,
        },
        1 => Request::Reserve {
            name: from,
            bytes: offset,
        },
        2 | 3 => {
            let bytes = 4096 * random.below(4) as usize;
            Request::Write {
                name: from,
                offset,
                bytes: noise(random, bytes),
            }
        }
        9 => {
            let bytes = 4096 * random.below(4) as usize;
            Request::Commit {
                name: from,
                offset,
                bytes: noise(random, bytes),
            }
        }
        4 => Request::Sync { name: from },
        5 | 6 => Request::Read {
            name: from,
            offset,
            bytes: 4096 * random.below(9) as usize,
        },
        7 if random.chance(50) => Request::Rename { from, to },
        7 => Request::Link { from, to },
        _ => Request::Remove { name: from },
    }
}

/// Names, and the contents that they may share.
#[derive(Default)]
struct Naive(BTreeMap<Arc<str>, Rc<RefCell<Vec<u8>>>>);

impl Naive {
    fn run(&mut self, request: Request) -> Result<Outcome, Fault> {
        match request {
            Request::Create { name, bytes } | Request::Reserve { name, bytes } => {
                self.0
                    .insert(name, Rc::new(RefCell::new(vec![0; bytes as usize])));
            }
            Request::Write { bytes, .. } | Request::Commit { bytes, .. } if bytes.is_empty() => {}
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
                let file = self.0.get(&name).ok_or(Fault::Missing)?;
                let (mut file, at) = (file.borrow_mut(), offset as usize);
                let end = file.len().max(at + bytes.len());
                file.resize(end, 0);
                file[at..at + bytes.len()].copy_from_slice(&bytes);
            }
            Request::Sync { name } => {
                self.0.get(&name).ok_or(Fault::Missing)?;
            }
            Request::Read {
                name,
                offset,
                bytes,
            } => {
                let file = self.0.get(&name).ok_or(Fault::Missing)?.borrow();
                let from = file.len().min(offset as usize);
                let until = file.len().min(from + bytes);
                return Ok(Outcome::Bytes(file[from..until].to_vec()));
            }
            Request::Rename { from, to } => {
                let file = Rc::clone(self.0.get(&from).ok_or(Fault::Missing)?);
                // Also where both are names of one file: it keeps the new one.
                self.0.remove(&from);
                self.0.insert(to, file);
            }
            Request::Link { from, to } => {
                let file = Rc::clone(self.0.get(&from).ok_or(Fault::Missing)?);
                self.0.insert(to, file);
            }
            Request::Remove { name } => {
                self.0.remove(&name);
            }
            Request::Room => unreachable!("not asked"),
        }
        Ok(Outcome::Done)
    }
}
