//! Deletes: what is masked is in no answer, wherever its points lie, and stays so after a restart; what
//! arrives later is not masked.

use super::*;
use crate::model::series::{Identity, TenantId};
use crate::query::merge::{Merge, Merged};
use crate::query::plan::{Filter, TagPart, TagQuery};
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

    /// What a question comes to.
    fn ask(&mut self, want: Want) -> Merged {
        let plan = Plan::new(TenantId::DEFAULT, want, Limits::default());
        let mut scan = Scan::new(plan.clone(), Stamp(self.stamp));
        let partial = loop {
            let Landing { index, store, .. } = &mut self.shard.landing;
            match scan.step(index, store, &mut self.shard.results, 7) {
                Step::Done(found) => break found.expect("within limits"),
                Step::More => {}
                Step::Waiting => assert!(self.turn_disk(), "it waits for nothing"),
            }
        };
        let mut merge = Merge::new(&plan, vec![partial]);
        loop {
            if let Some(merged) = merge.step(7) {
                return merged.expect("within limits");
            }
        }
    }

    /// Everything that lists series: names, nodes of two levels, series by a tag, keys of tags, values of
    /// one with their counts.
    fn lists(&mut self) -> String {
        let mut shown = Vec::new();
        let Merged::Names(names) = self.ask(Want::Names) else {
            panic!("names");
        };
        shown.push(names.join(" "));
        for pattern in ["*", "a.*"] {
            let pattern = pattern.to_owned();
            let Merged::Nodes(nodes) = self.ask(Want::Nodes { pattern }) else {
                panic!("nodes");
            };
            let node = |node: &crate::query::scan::FoundNode| {
                let leaf = if node.leaf { "" } else { "-" };
                let branch = if node.branch { "." } else { "" };
                format!("{leaf}{}{branch}", node.path)
            };
            shown.push(nodes.iter().map(node).collect::<Vec<_>>().join(" "));
        }
        for part in [TagPart::Series, TagPart::Keys] {
            let query = TagQuery {
                tests: match part {
                    TagPart::Series => vec!["k=~.".to_owned()],
                    _ => Vec::new(),
                },
                part,
                filter: Filter::All,
                limit: 100,
            };
            let Merged::Names(names) = self.ask(Want::Tags(Arc::new(query))) else {
                panic!("names");
            };
            shown.push(names.join(" "));
        }
        let query = TagQuery {
            part: TagPart::Counts("k".to_owned()),
            tests: Vec::new(),
            filter: Filter::All,
            limit: 100,
        };
        let Merged::Counts(counts) = self.ask(Want::Tags(Arc::new(query))) else {
            panic!("counts");
        };
        let counts = counts
            .iter()
            .map(|(value, count)| format!("{value}={count}"));
        shown.push(counts.collect::<Vec<_>>().join(" "));
        shown.join(" | ")
    }

    /// What the shard answers to a letter.
    pub(super) fn answer(&mut self, mail: Mail) -> Reply {
        self.shard.open_mail(mail);
        for _ in 0..100_000 {
            let at = self.at();
            self.shard.poll(at);
            let post = Postbag::default();
            for part in Part::ALL {
                self.shard.work(part, &post);
            }
            let mut answer = None;
            for mail in post.0.into_inner() {
                match mail {
                    Mail::Answer { reply, .. } => answer = Some(reply),
                    mail => self.shard.open_mail(mail),
                }
            }
            if let Some(answer) = answer {
                return answer;
            }
            self.turn_disk();
        }
        panic!(
            "no answer: {:?} {:?}",
            self.shard.take_troubles(),
            self.shard.describe()
        );
    }

    fn series(&mut self, selectors: &[Selector]) -> Vec<Identity> {
        let selectors = Arc::from(selectors);
        match self.ask(Want::Series { selectors }) {
            Merged::Series(series) => series,
            other => panic!("{other:?}"),
        }
    }

    /// As the fleet does it. Gives how many series it was.
    pub(super) fn delete(&mut self, selectors: &[Selector]) -> usize {
        let series = self.series(selectors);
        let Reply::Parted(stamp) = self.answer(Mail::Part { from: 0, ticket: 1 }) else {
            panic!("not parted");
        };
        let tombstones = vec![Tombstone {
            tenant: TenantId::DEFAULT,
            target: Target::Series(series.clone()),
            from_ms: i64::MIN,
            to_ms: i64::MAX,
            stamp: stamp.0,
        }];
        let entomb = Mail::Entomb {
            from: 0,
            ticket: 2,
            tombstones,
        };
        let Reply::Entombed(Ok(tombstones)) = self.answer(entomb) else {
            panic!("not entombed");
        };
        let wait = Mail::Await {
            from: 0,
            ticket: 3,
            tombstones,
            generation: 0,
        };
        assert!(matches!(self.answer(wait), Reply::Awaited));
        series.len()
    }

    /// What was taken is on stable storage.
    fn keep(&mut self) {
        self.rest();
        self.stamp += 1_000_000;
        self.rest();
    }

    pub(super) fn restart(self) -> World {
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

/// A read joins what lies before the delete and behind it, and knows which is which only in order of time.
#[test]
fn points_from_before_a_delete_do_not_come_back_with_later_ones() {
    let mut world = World::new();
    let mut feed = Feed::new(Protocol::Graphite, Source::default());
    world.send(&mut feed, b"a 0 0\na 1 1\na 2 2\na 3 3\na 4 4\na 5 5\n");
    world.shard.landing.store.settle(false);
    let stamp = world.at().stamp.0;
    let tombstone = Tombstone {
        tenant: TenantId::DEFAULT,
        target: Target::Metric("a".to_owned()),
        from_ms: 5_000,
        to_ms: 6_000,
        stamp,
    };
    world.shard.edit(0, Edit::Entomb(tombstone));
    world.rest();
    assert_eq!(world.find("a"), ["a 1@1 2@2 3@3 4@4"]);
    world.send(&mut feed, b"a 33 3\na 9 9\n");
    // Both points at second 3 are there: merging shards settles which of them stands.
    let left = ["a 1@1 2@2 3@3 33@3 4@4 9@9"];
    assert_eq!(world.find("a"), left);
    world.shard.landing.store.settle(true);
    world.rest();
    assert_eq!(world.find("a"), left, "in files");
}

const SENT: &[u8] = b"a.x 1 1700000000\na.y.z 1 1700000000\nb 1 1700000000\nm;k=v 1 1700000000\n\
                      m;k=w 1 1700000000\nn;l=v 1 1700000000\n";
const ALL: &str =
    "a.x a.y.z b m;k=v m;k=w n;l=v | -a. b | a.x -a.y. | m;k=v m;k=w | k l name | v=1 w=1";

/// A world that has taken `SENT`, in memory or in files.
fn world(in_files: bool) -> (World, Feed) {
    let mut world = World::new();
    let mut feed = Feed::new(Protocol::Graphite, Source::default());
    world.send(&mut feed, SENT);
    if in_files {
        world.shard.landing.store.settle(true);
        world.rest();
    }
    assert_eq!(world.lists(), ALL);
    (world, feed)
}

fn path(path: &str) -> Selector {
    Selector::Path(path.to_owned())
}

fn name(name: &str) -> Selector {
    Selector::Names(Arc::from([name.to_owned()]))
}

#[test]
fn a_deleted_series_leaves_every_list_until_its_next_point() {
    for in_files in [false, true] {
        let (mut world, mut feed) = world(in_files);
        let selectors = [path("a.y.*"), name("m;k=v"), name("n;l=v"), name("nosuch")];
        assert_eq!(world.delete(&selectors), 3);
        let left = "a.x b m;k=w | -a. b | a.x | m;k=w | k name | w=1";
        assert_eq!(world.lists(), left, "{in_files}");
        assert_eq!(world.find("a.y.z"), [""; 0]);
        assert_eq!(world.find("m;k=v"), [""; 0]);
        assert_eq!(world.delete(&[path("a.y.z")]), 0, "it is gone already");
        assert_eq!(world.delete(&[path("a.*")]), 1);
        let left = "b m;k=w | b |  | m;k=w | k name | w=1";
        assert_eq!(world.lists(), left, "no branch without a series");

        world.keep();
        let mut world = world.restart();
        world.rest();
        assert_eq!(world.lists(), left, "after a start");
        world.send(&mut feed, b"a.y.z 7 1700000060\nm;k=v 7 1700000060\n");
        let back = "a.y.z b m;k=v m;k=w | -a. b | -a.y. | m;k=v m;k=w | k name | v=1 w=1";
        assert_eq!(world.lists(), back);
        let found = ["a.y.z 7@1700000060"];
        assert_eq!(world.find("a.y.z"), found, "only what came later");

        world.keep();
        let mut world = world.restart();
        world.rest();
        assert_eq!(world.lists(), back, "from the log");
        world.shard.landing.store.settle(true);
        world.rest();
        assert_eq!(world.lists(), back, "in files");
        assert_eq!(world.find("a.y.z"), found);
        let mut world = world.restart();
        world.rest();
        assert_eq!(world.lists(), back, "in files, after a start");
        assert_eq!(world.find("a.y.z"), found);

        assert_eq!(world.delete(&[path("a.y.z")]), 1, "again");
        let left = "b m;k=v m;k=w | b |  | m;k=v m;k=w | k name | v=1 w=1";
        assert_eq!(world.lists(), left);
        let mut world = world.restart();
        world.rest();
        assert_eq!(world.lists(), left, "the last delete counts");
    }
}

#[test]
fn a_delete_that_is_not_durable_is_not_acknowledged() {
    let (mut world, _) = world(false);
    world.keep();
    let series = world.series(&[path("a.x")]);
    let Reply::Parted(stamp) = world.answer(Mail::Part { from: 0, ticket: 1 }) else {
        panic!("not parted");
    };
    world.shard.open_mail(Mail::Entomb {
        from: 0,
        ticket: 2,
        tombstones: vec![Tombstone {
            tenant: TenantId::DEFAULT,
            target: Target::Series(series),
            from_ms: i64::MIN,
            to_ms: i64::MAX,
            stamp: stamp.0,
        }],
    });
    // The disk does nothing.
    for _ in 0..100 {
        let at = world.at();
        world.shard.poll(at);
        let post = Postbag::default();
        for part in Part::ALL {
            world.shard.work(part, &post);
        }
        for mail in post.0.into_inner() {
            assert!(!matches!(mail, Mail::Answer { .. }), "{mail:?}");
            world.shard.open_mail(mail);
        }
    }
    let mut world = world.restart();
    world.rest();
    assert_eq!(world.lists(), ALL, "nobody was told that it is gone");
}

/// Deletes freeze what is open; however many there are, senders do not wait for them.
#[test]
fn many_deletes_wait_for_the_disk_and_senders_do_not() {
    let (mut world, mut feed) = world(false);
    for i in 0..20 {
        world.send(&mut feed, format!("c.n{i} 1 1700000000\n").as_bytes());
        assert_eq!(world.delete(&[path(&format!("c.n{i}"))]), 1);
        assert!(!world.shard.is_blocked(), "delete {i}");
    }
    world.rest();
    assert_eq!(world.lists(), ALL);
    // Without a disk they wait.
    let parted = (0..10).filter(|&ticket| {
        world.send(&mut feed, format!("d.n{ticket} 1 1700000000\n").as_bytes());
        world.shard.open_mail(Mail::Part { from: 0, ticket });
        let post = Postbag::default();
        for part in Part::ALL {
            world.shard.work(part, &post);
        }
        let post = post.0.into_inner();
        post.iter().any(|mail| matches!(mail, Mail::Answer { .. }))
    });
    let parted = parted.count();
    assert!((1..5).contains(&parted), "{parted}");
    assert!(!world.shard.is_blocked());
}

#[test]
fn limits_of_deletes_are_told() {
    let (mut world, _) = world(false);
    let series = vec![Identity(7); store::tombstone::SERIES_MAX + 1];
    let entomb = Mail::Entomb {
        from: 0,
        ticket: 2,
        tombstones: vec![Tombstone {
            tenant: TenantId::DEFAULT,
            target: Target::Series(series),
            from_ms: i64::MIN,
            to_ms: i64::MAX,
            stamp: 1,
        }],
    };
    match world.answer(entomb) {
        Reply::Entombed(Err(refused)) => {
            assert_eq!(refused.to_string(), "too many deleted series");
        }
        other => panic!("{other:?}"),
    }
}

/// Deletes of what is nowhere any more go; others stay, whatever becomes of the rest.
#[test]
fn a_delete_that_nobody_needs_any_more_is_forgotten() {
    let (mut world, mut feed) = world(true);
    let count = |world: &World| world.shard.landing.store.version().tombstones().len();
    let entomb = |world: &mut World, names: &[Selector], from_ms, to_ms| {
        let series = world.series(names);
        let Reply::Parted(stamp) = world.answer(Mail::Part { from: 0, ticket: 1 }) else {
            panic!("not parted");
        };
        let tombstones = vec![Tombstone {
            tenant: TenantId::DEFAULT,
            target: Target::Series(series),
            from_ms,
            to_ms,
            stamp: stamp.0,
        }];
        let answer = world.answer(Mail::Entomb {
            from: 0,
            ticket: 2,
            tombstones,
        });
        assert!(matches!(answer, Reply::Entombed(Ok(_))));
        world.rest();
    };
    let a_while = |world: &mut World| {
        world.stamp += 61_000_000;
        for _ in 0..10 {
            world.poll();
            world.rest();
        }
    };
    // Nothing has such times, a file has these, and nothing behind it shows the last.
    entomb(&mut world, &[path("a.x")], 5, 10);
    entomb(
        &mut world,
        &[path("b")],
        1_700_000_000_000,
        1_700_000_000_000,
    );
    entomb(&mut world, &[name("m;k=v")], i64::MIN, i64::MAX);
    assert_eq!(count(&world), 3);
    // What arrived before and is held may still be masked.
    a_while(&mut world);
    assert_eq!(count(&world), 2);
    let left = "a.x a.y.z b m;k=w n;l=v | -a. b | a.x -a.y. | m;k=w | k l name | w=1";
    assert_eq!(world.lists(), left);
    assert_eq!(world.find("b"), ["b"]);
    world.send(&mut feed, b"b 2 1700000000\nm;k=v 2 1700000000\n");
    world.shard.landing.store.settle(true);
    world.rest();
    a_while(&mut world);
    let mut world = world.restart();
    world.rest();
    assert_eq!(world.lists(), ALL);
    assert_eq!(world.find("b"), ["b 2@1700000000"]);
    assert_eq!(world.find("m;k=v"), ["m;k=v 2@1700000000"]);
}
