//! The log against a list of all that was pushed to it.

mod columns;
mod crash;
mod disk;
mod faults;
mod scan;
mod unreadable;

use std::time::Duration;

use super::columns::Point;
use super::found::{Found, Recovered};
use super::replay::{Replay, Visitor};
use super::terms::Options;
use crate::base::random::Random;
use crate::model::number::Number;
use crate::model::series::{Properties, SeriesName, TenantId};
use crate::seam::disk::Jobs;
use crate::store::definition::Definition;
use crate::store::token::{self, Last, Token};
use disk::FakeDisk;

/// Something that was put into a log.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry {
    Definition(Definition),
    Point(Point, Vec<u8>),
}

/// Definition of series `number`.
pub(super) fn definition(number: u32) -> Definition {
    Definition {
        number,
        tenant: TenantId::DEFAULT,
        properties: Properties::default(),
        name: SeriesName::new(format!("web.h{number}.cpu"), Vec::new()).expect("a name"),
    }
}

/// A token of any kind.
pub(super) fn some_token(random: &mut Random) -> Token {
    let mut last = Last::default();
    let number = match random.below(10) {
        0 => Number::float(f64::from_bits(random.next_u64() >> 2)),
        1 => Number::long(random.next_u64() as i64),
        2 => Number::decimal(random.below(100_000) as i64, 3),
        _ => Number::long(random.below(200) as i64 - 100),
    };
    Token::new(&mut last, number)
}

/// Small files, so that a short test fills many.
pub(super) fn options() -> Options {
    Options {
        commit_interval: Duration::from_millis(50),
        commit_bytes: 64 << 10,
        unwritten_bytes_max: 8 << 20,
        file_bytes: 600 << 10,
        spare_files_max: 2,
        ..Options::new(3, 9)
    }
}

/// Keeps what a replay hands over, with the number of the block.
#[derive(Default)]
pub(super) struct Keep {
    pub(super) sequence: u64,
    pub(super) entries: Vec<(u64, Entry)>,
    pub(super) damaged: Vec<String>,
    /// Blocks that are marked.
    pub(super) behind_hole: Vec<u64>,
}

impl Visitor for Keep {
    fn block(&mut self, block: &Found) {
        assert!(block.header.sequence > self.sequence, "blocks in order");
        self.sequence = block.header.sequence;
        if block.is_behind_hole {
            self.behind_hole.push(self.sequence);
        }
    }

    fn definition(&mut self, definition: Definition) {
        self.entries
            .push((self.sequence, Entry::Definition(definition)));
    }

    fn point(&mut self, point: Point, values: &[u8]) -> Option<usize> {
        let (_, len) = token::take(values, &mut Last::default())?;
        let entry = Entry::Point(point, values[..len].to_vec());
        self.entries.push((self.sequence, entry));
        Some(len)
    }

    fn damaged(&mut self, block: &Found, reason: &str) {
        self.damaged
            .push(format!("{}: {reason}", block.header.sequence));
    }
}

/// All that `recovered` holds, read from `disk` as a shard would.
pub(super) fn replay(recovered: &Recovered, disk: &mut FakeDisk, slice_points: u64) -> Keep {
    let mut replay = Replay::new(recovered.blocks.clone());
    let (mut jobs, mut keep) = (Jobs::default(), Keep::default());
    while !replay.is_done() {
        replay.poll(&mut jobs.desk(1));
        while let Some((job, request)) = jobs.take() {
            assert!(replay.done(job, disk.perform(&request)));
        }
        while replay.step(slice_points, &mut keep) {}
    }
    assert_eq!(replay.damaged_blocks() as usize, keep.damaged.len());
    keep
}
