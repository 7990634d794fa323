//! Events: answered when they are durable and known here, and there again after a start.

use super::*;
use crate::model::event::Event;
use crate::store::control::{ControlRefused, Entry};

fn record(world: &mut World, what: &str) -> Result<(u64, u64), ControlRefused> {
    let event = Event {
        id: 0,
        when: 5,
        what: what.to_owned(),
        tags: Vec::new(),
        data: String::new(),
    };
    let mail = Mail::Record {
        from: 0,
        ticket: 1,
        entry: Box::new(Entry::Event(event)),
    };
    let told = match world.answer(mail) {
        Reply::Recorded(told) => told,
        other => panic!("{other:?}"),
    };
    if let Ok((_, generation)) = told {
        let wait = Mail::Await {
            from: 0,
            ticket: 2,
            tombstones: 0,
            generation,
        };
        assert!(matches!(world.answer(wait), Reply::Awaited));
    }
    told
}

fn whats(world: &World) -> Vec<String> {
    let events = &world.shard.control().events;
    events.iter().map(|event| event.what.clone()).collect()
}

#[test]
fn events_are_there_again_after_a_start() {
    let mut world = World::new();
    assert_eq!(record(&mut world, "a"), Ok((1, 1)));
    assert_eq!(whats(&world), ["a"]);
    world.disk.get_mut().crash();
    let mut world = world.restart();
    assert_eq!(whats(&world), ["a"], "at once");
    assert_eq!(record(&mut world, "b"), Ok((2, 2)));
    let long = "x".repeat(70_000);
    assert!(record(&mut world, &long).is_err());
    world.disk.get_mut().crash();
    let world = world.restart();
    assert_eq!(whats(&world), ["a", "b"]);
}

#[test]
fn an_event_that_is_not_durable_is_not_acknowledged() {
    let mut world = World::new();
    world.rest();
    world.shard.open_mail(Mail::Record {
        from: 0,
        ticket: 1,
        entry: Box::new(Entry::Event(Event {
            id: 0,
            when: 5,
            what: "a".to_owned(),
            tags: Vec::new(),
            data: String::new(),
        })),
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
    assert_eq!(whats(&world), [""; 0]);
}

#[test]
fn a_snapshot_has_the_events() {
    let mut world = World::new();
    assert_eq!(record(&mut world, "a"), Ok((1, 1)));
    let mail = Mail::Snapshot {
        from: 0,
        ticket: 1,
        name: "one".to_owned(),
    };
    world.disk.get_mut().put("identity", b"x".to_vec());
    let Reply::Snapshot(made) = world.answer(mail) else {
        panic!("no snapshot");
    };
    assert_eq!(made.as_deref(), Ok("snapshots/one"));
    let mut disk = world.disk.borrow_mut();
    let own = disk.content("control.log").expect("a file").clone();
    assert_eq!(
        disk.content("snapshots/one/control.log"),
        Some(&mut own.clone())
    );
}
