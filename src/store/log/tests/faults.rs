//! Full disks and failing ones, step by step.

use std::time::Duration;

use super::super::terms::TicketState;
use super::crash::World;

/// Let everything happen that happens at once.
fn run(world: &mut World) {
    for _ in 0..50 {
        world.poll();
        world.disk_works();
    }
}

#[test]
fn a_full_disk_fails_tickets_and_recovers_by_itself() {
    let mut world = World::new(1);
    world.disk.is_full = true;
    world.push(100);
    let ticket = world.writer.ticket();
    run(&mut world);
    assert_eq!(world.writer.state(ticket), TicketState::Failed);
    assert!(world.writer.trouble().is_some() && world.writer.counters().create_failures == 1);
    // It asks once a second, not more often.
    let requests = world.disk.requests;
    world.now += Duration::from_millis(900);
    run(&mut world);
    assert_eq!(world.disk.requests, requests);
    assert!(world.writer.next_deadline().expect("a retry") > world.now);
    world.now += Duration::from_millis(200);
    run(&mut world);
    assert_eq!(world.writer.counters().create_failures, 2);
    world.disk.is_full = false;
    world.now += Duration::from_millis(1100);
    run(&mut world);
    assert_eq!(world.writer.state(ticket), TicketState::Committed);
    assert!(world.writer.trouble().is_none());

    // The same where the file is there and the write finds no room; and somebody tells when there is.
    world.disk.is_full = true;
    world.push(100);
    let ticket = world.writer.ticket();
    run(&mut world);
    assert_eq!(world.writer.state(ticket), TicketState::Failed);
    assert_eq!(world.writer.counters().full_failures, 1);
    world.disk.is_full = false;
    run(&mut world);
    assert_eq!(world.writer.state(ticket), TicketState::Failed);
    world.writer.room_is_back();
    run(&mut world);
    assert!(world.writer.is_committed(ticket));
    world.acknowledged = world.pushed.len();
    world.crash("after a full disk");
}

#[test]
fn memory_is_bounded_while_the_disk_is_full() {
    let mut world = World::new(2);
    world.disk.is_full = true;
    while !world.writer.is_blocked() {
        world.push(1000);
        run(&mut world);
    }
    let most = super::options().unwritten_bytes_max;
    assert!((most..most + (64 << 10)).contains(&world.writer.unwritten_bytes()));
    world.disk.is_full = false;
    world.now += Duration::from_secs(2);
    run(&mut world);
    world.settle("room again");
    world.crash("all of it");
    assert!(!world.pushed.is_empty());
}

#[test]
fn a_failed_sync_costs_its_file_and_nothing_else() {
    for seed in 0..20 {
        let mut world = World::new(seed);
        world.push(1000);
        let first = world.writer.ticket();
        run(&mut world);
        assert!(world.writer.is_committed(first));
        world.acknowledged = world.pushed.len();
        let file = world.disk.names().first().cloned().expect("a file");

        world.disk.sync_faults = 100;
        world.push(1000);
        let second = world.writer.ticket();
        world.poll();
        for _ in 0..50 {
            if world.writer.counters().broken_failures == 0 {
                world.disk_works();
                world.poll();
            }
        }
        assert_eq!(world.writer.counters().broken_failures, 1);
        // Nobody has to know: the next file is tried at once.
        assert_eq!(world.writer.state(second), TicketState::Pending);
        world.disk.sync_faults = 0;
        run(&mut world);
        assert!(world.writer.is_committed(second));
        assert!(
            world.disk.names().contains(&file),
            "its durable blocks are needed"
        );
        world.acknowledged = world.pushed.len();
        world.crash(&format!("seed {seed}"));
        assert_eq!(world.disk.synced_broken, 0);
    }
}

#[test]
fn a_second_failure_in_a_row_is_told_and_tried_slowly() {
    let mut world = World::new(4);
    world.disk.write_faults = 100;
    world.push(10);
    let ticket = world.writer.ticket();
    run(&mut world);
    assert_eq!(world.writer.state(ticket), TicketState::Failed);
    assert_eq!(world.writer.counters().broken_failures, 2);
    for tries in 3..10 {
        world.now += Duration::from_millis(1001);
        run(&mut world);
        assert_eq!(world.writer.counters().broken_failures, tries);
        assert!(world.disk.names().len() <= 2, "files of failures go");
    }
    world.disk.write_faults = 0;
    world.now += Duration::from_millis(1001);
    run(&mut world);
    assert!(world.writer.is_committed(ticket));
}

#[test]
fn a_ticket_starts_a_commit_and_text_waits_its_interval() {
    let mut world = World::new(5);
    let nothing = world.writer.ticket();
    assert!(world.writer.is_committed(nothing));
    run(&mut world);
    assert_eq!(world.writer.next_deadline(), None);
    world.push(10);
    run(&mut world);
    assert_eq!(world.writer.counters().commits, 0);
    assert_eq!(
        world.writer.next_deadline(),
        Some(world.now + Duration::from_millis(50))
    );
    world.now += Duration::from_millis(50);
    run(&mut world);
    assert_eq!(world.writer.counters().commits, 1);
    world.push(10);
    let ticket = world.writer.ticket();
    assert_eq!(world.writer.state(ticket), TicketState::Pending);
    run(&mut world);
    assert!(world.writer.is_committed(ticket));
    assert_eq!(world.writer.counters().commits, 2);
    world.push(40_000);
    run(&mut world);
    assert_eq!(world.writer.counters().commits, 3, "enough bytes");
}

#[test]
fn files_are_used_again() {
    let mut world = World::new(6);
    for _ in 0..40 {
        world.push(40_000);
        world.settle("a file or so");
        let floor = world.writer.cut();
        world.writer.release(floor);
        world.poll();
        let (used, spare) = world.writer.files();
        assert!(used <= 2 && spare <= 3 && world.disk.names().len() <= 5);
    }
    let counters = world.writer.counters();
    assert!(
        counters.files_recycled > 5 && counters.files_created < 6,
        "{counters:?}"
    );
}

#[test]
fn nothing_stays_due_that_a_poll_does_not_do() {
    let mut world = World::new(6);
    // Through several files, so that the one being filled is at every height while none is in reserve.
    for _ in 0..200 {
        world.push(1000);
        let ticket = world.writer.ticket();
        run(&mut world);
        assert!(world.writer.is_committed(ticket));
        assert_eq!(
            world.writer.next_deadline(),
            None,
            "it would be polled without an end"
        );
    }
    assert!(3 < world.writer.counters().files_created);
}

#[test]
fn files_are_filled_where_commits_are_small() {
    for (points, filled) in [(100, 4), (20_000, 2)] {
        let mut world = World::new(points);
        while world.writer.counters().files_created < 4 {
            world.push(points);
            world.settle("a commit");
        }
        let file_bytes = super::options().file_bytes;
        let counters = world.writer.counters();
        assert_eq!(counters.bytes_filled, filled * file_bytes, "{points}");
        world.crash("all of it");
    }
}
