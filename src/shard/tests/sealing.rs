//! When a shard writes what it holds into files, and when its senders have to wait.

use super::*;

const FIRST_S: i64 = 1_700_000_000;

fn with(store: store::Options) -> World {
    World::with(Options { store, ..options() })
}

fn small() -> store::Options {
    options().store
}

/// `count` points of each of two series, a second apart from `start` seconds after the first.
fn send(world: &mut World, start: i64, count: i64) {
    let mut feed = Feed::new(Protocol::Graphite, Source::default());
    for second in start..start + count {
        let at = FIRST_S + second;
        let text = format!("a.b {second} {at}\na.c {}.25 {at}\n", second % 7);
        assert_eq!(world.send(&mut feed, text.as_bytes()), Verdict::Keep);
    }
}

/// What `send` has sent.
fn sent(seconds: impl Iterator<Item = i64>) -> String {
    let (mut b, mut c) = (Vec::new(), Vec::new());
    for second in seconds {
        let at = FIRST_S + second;
        b.push(format!("{second}@{at}"));
        c.push(format!("{}.25@{at}", second % 7));
    }
    format!("a.b {}\na.c {}", b.join(","), c.join(","))
}

#[test]
fn a_generation_is_sealed_by_its_bytes() {
    let mut world = with(store::Options {
        seal_bytes: 8 << 10,
        ..small()
    });
    send(&mut world, 0, 50);
    world.rest();
    assert_eq!(world.shard.describe().store.sealed_points, 0, "too few");
    send(&mut world, 50, 9_950);
    world.rest();
    let vitals = world.shard.describe();
    assert_eq!(vitals.store.sealed_points, 20_000);
    assert_eq!((vitals.store.frozen, vitals.store.head_bytes), (0, 0));
    let kept = vitals.kept.expect("it keeps the manifest");
    // They lie in three hours, to the second.
    assert_eq!((kept.points, kept.segments), (20_000, 3));
    assert_eq!(
        vitals.store.failures,
        0,
        "{:?}",
        world.shard.take_troubles()
    );
    assert_eq!(world.show(), sent(0..10_000));
}

#[test]
fn a_generation_is_sealed_by_its_age() {
    let mut world = with(store::Options {
        seal_micros: 3_000_000,
        ..small()
    });
    send(&mut world, 0, 10);
    world.stamp += 2_900_000;
    world.rest();
    assert_eq!(world.shard.describe().store.sealed_points, 0, "too young");
    world.stamp += 100_000;
    world.rest();
    assert_eq!(world.shard.describe().store.sealed_points, 20);
    send(&mut world, 10, 10);
    world.stamp += 2_900_000;
    world.rest();
    let sealed = world.shard.describe().store.sealed_points;
    assert_eq!(sealed, 20, "age counts from the first point on");
    assert_eq!(world.show(), sent(0..20));
}

#[test]
fn a_generation_is_sealed_by_its_windows() {
    let mut world = with(store::Options {
        windows_max: 3,
        ..small()
    });
    let mut feed = Feed::new(Protocol::Graphite, Source::default());
    let mut want = Vec::new();
    for hour in 0..7 {
        let at = FIRST_S + 3600 * hour;
        world.send(&mut feed, format!("a {hour} {at}\n").as_bytes());
        want.push(format!("{hour}@{at}"));
    }
    assert_eq!(world.shard.describe().store.frozen, 2);
    let want = format!("a {}", want.join(","));
    assert_eq!(world.show(), want);
    world.rest();
    let vitals = world.shard.describe();
    assert_eq!((vitals.store.frozen, vitals.store.sealed_points), (0, 6));
    assert_eq!(world.show(), want);
    assert_eq!(world.shard.accepted(), 7);
}

/// History that comes late does not hide from a query how far apart the newest points lie.
#[test]
fn newest_times_are_those_of_files_where_memory_has_older_ones() {
    let mut world = with(store::Options {
        seal_micros: 3_000_000,
        ..small()
    });
    let mut feed = Feed::new(Protocol::Graphite, Source::default());
    let mut put = |world: &mut World, at: i64| {
        let verdict = world.send(&mut feed, format!("a 1 {at}\n").as_bytes());
        assert_eq!(verdict, Verdict::Keep);
    };
    let most = NEWEST_TIMES_MAX as i64;
    (0..2 * most).for_each(|i| put(&mut world, FIRST_S + 10 * i));
    world.stamp += 3_000_000;
    world.rest();
    assert_eq!(world.shard.describe().store.head_bytes, 0);
    (1..2 * most).for_each(|i| put(&mut world, FIRST_S - 7_200 * i));
    let last = 2 * most - 1;
    let want: Vec<i64> = (0..most)
        .map(|i| (FIRST_S + 10 * (last - i)) * 1000)
        .collect();
    let second = |at: i64| Millis((FIRST_S + at) * 1000);
    for range in [
        (Millis::MIN, Millis::MAX),
        (Millis::MIN, second(-1)),
        (second(-7_200), second(50)),
        (second(10 * last), Millis::MAX),
        (second(20 * last), Millis::MAX),
    ] {
        let found = world.scan("a", range);
        assert_eq!(found[0].newest_times, want, "{range:?}");
    }
}

/// A disk that stands still: senders are told to wait long before anything is refused, and go on when
/// it moves again.
#[test]
fn senders_wait_for_a_disk_that_stands_still() {
    let mut world = with(store::Options {
        windows_max: 2,
        ..small()
    });
    let mut feed = Feed::new(Protocol::Graphite, Source::default());
    let mut hours = 0;
    while !world.shard.is_blocked() {
        let at = FIRST_S + 3600 * hours;
        world.send(&mut feed, format!("a {hours} {at}\n").as_bytes());
        world.poll();
        hours += 1;
        assert!(hours < 100, "it never says so");
    }
    // What was read already still finds room.
    let at = FIRST_S + 3600 * hours;
    world.send(&mut feed, format!("a {hours} {at}\n").as_bytes());
    hours += 1;
    assert_eq!(world.refused(Protocol::Graphite), []);
    assert!(world.shard.describe().store.blocked);
    world.rest();
    assert!(!world.shard.is_blocked(), "it goes on");
    let list: Vec<String> = (0..hours)
        .map(|hour| format!("{hour}@{}", FIRST_S + 3600 * hour))
        .collect();
    assert_eq!(world.show(), format!("a {}", list.join(",")));
}

#[test]
fn senders_wait_before_memory_is_used_up() {
    let mut world = with(store::Options {
        head_bytes_max: 32 << 10,
        seal_bytes: 8 << 10,
        ..small()
    });
    let mut seconds = 0;
    while !world.shard.is_blocked() {
        send(&mut world, seconds, 10);
        seconds += 10;
        assert!(seconds < 100_000, "it never says so");
    }
    assert_eq!(world.refused(Protocol::Graphite), []);
    world.rest();
    assert!(!world.shard.is_blocked(), "it goes on");
    assert_eq!(world.show(), sent(0..seconds));
    // Who does not wait is refused, and counted.
    let end = 30_000;
    send(&mut world, seconds, end - seconds);
    let refused = world.refused(Protocol::Graphite);
    let [(Reason::HeadFull, count)] = refused.as_slice() else {
        panic!("{refused:?}");
    };
    assert_eq!(count + world.shard.accepted(), 2 * end as u64);
}

/// What an operator asks for is answered when it is done: one file for each window.
#[test]
fn settling_writes_all_and_answers() {
    let mut world = World::new();
    for part in 0..3 {
        send(&mut world, part * 100, 100);
        let (from, ticket, merge) = (0, part as u64, part == 2);
        world.shard.open_mail(Mail::Settle {
            from,
            ticket,
            merge,
        });
        let answered = |world: &mut World| {
            let at = world.at();
            world.shard.poll(at);
            let post = Postbag::default();
            for part in Part::ALL {
                world.shard.work(part, &post);
            }
            let mut told = false;
            for mail in post.0.into_inner() {
                told |= matches!(
                    &mail,
                    Mail::Answer {
                        reply: Reply::Settled(true),
                        ..
                    }
                );
                world.shard.open_mail(mail);
            }
            told
        };
        assert!(!answered(&mut world), "nothing is written yet");
        let mut told = false;
        for _ in 0..10_000 {
            world.turn_disk();
            told |= answered(&mut world);
        }
        assert!(told, "never done: {:?}", world.shard.take_troubles());
        let vitals = world.shard.describe();
        assert_eq!(vitals.store.sealed_points, 200 * (part as u64 + 1));
        let kept = vitals.kept.expect("it keeps the manifest");
        assert_eq!(kept.segments, if merge { 1 } else { part as u64 + 1 });
    }
    assert_eq!(world.show(), sent(0..300));
}
