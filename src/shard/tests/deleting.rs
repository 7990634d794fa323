//! Deletes: what is masked is in no answer, wherever its points lie, and stays so after a restart; what
//! arrives later is not masked.

use super::*;
use crate::model::series::TenantId;
use crate::store::recover;
use crate::store::tombstone::{Target, Tombstone};

impl World {
    /// What a query finds of a path: name, and value@second of each point.
    fn find(&mut self, path: &str) -> Vec<String> {
        let found = self.scan(path, (Millis::MIN, Millis::MAX));
        let series = found.iter().map(|series| {
            let points = series.points.times.iter().zip(&series.points.values);
            let points = points.map(|(time, value)| format!(" {value}@{}", time / 1000));
            format!("{}{}", series.text, points.collect::<String>())
        });
        let mut series: Vec<String> = series.collect();
        series.sort();
        series
    }

    fn restart(self) -> World {
        let World { disk, stamp, .. } = self;
        let mut found = recover::open(&disk, 1).expect("a sound folder");
        let start = found.starts.remove(&0).expect("a start");
        let shard = Shard::new(options(), start, &disk).expect("a sound folder");
        World {
            shard,
            disk,
            buffer: ReadBuffer::default(),
            stamp,
        }
    }
}

#[test]
fn a_delete_masks_what_came_before_it_for_ever() {
    let mut world = World::new();
    let mut feed = Feed::new(Protocol::Graphite, Source::default());
    world.send(
        &mut feed,
        b"a.x 1 1700000000\na.x 2 1700000010\nb 1 1700000000\n",
    );
    world.rest();
    world.shard.landing.store.settle(false);
    world.rest();
    world.send(&mut feed, b"a.x 3 1700000020\na.x 4 1700000030\n");
    // The caller of a delete freezes what is open first, and then takes its stamp.
    world.shard.landing.store.settle(false);
    let stamp = world.at().stamp.0;
    let tombstone = Tombstone {
        tenant: TenantId::DEFAULT,
        target: Target::Metric("a.x".to_owned()),
        from_ms: 1_700_000_010_000,
        to_ms: 1_700_000_020_000,
        stamp,
    };
    world.shard.edit(0, Edit::Entomb(tombstone));
    world.rest();
    let left = ["a.x 1@1700000000 4@1700000030"];
    assert_eq!(world.find("a.x"), left);
    assert_eq!(world.find("b"), ["b 1@1700000000"]);

    world.send(&mut feed, b"a.x 20 1700000010\n");
    let again = ["a.x 1@1700000000 20@1700000010 4@1700000030"];
    assert_eq!(world.find("a.x"), again);

    world.shard.landing.store.settle(true);
    world.rest();
    assert_eq!(world.find("a.x"), again, "in files");
    let mut world = world.restart();
    world.rest();
    assert_eq!(world.find("a.x"), again, "after a restart");
}
