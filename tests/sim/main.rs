//! Whole appliances on one thread and one seed: several shards, slow mail in any order, queries
//! through the same HTTP layer as in production. A failure prints its seed; `SEED=n` replays it.

mod arrivals;
mod cells;
mod damage;
mod deletes;
mod disk;
mod life;
mod model;
mod questions;
#[path = "../harness/requests.rs"]
mod requests;
mod traffic;
mod world;

use arrivals::Read;
use corelane::base::random::Random;
use damage::Damage;
use disk::Faults;
use world::World;

/// Seeds of short tests that one run of the suite tries; `SIM_SEEDS` asks for more.
const SEEDS: u64 = 150;
/// Seeds of whole lives.
const LIVES: u64 = 50;
/// Seeds of deletes beside points.
const DELETES: u64 = 40;
/// Seeds of folders that are damaged.
const DAMAGES: u64 = 60;
/// Seeds within which a broken build must show.
const BROKEN_LIVES: u64 = 200;

fn seeds(usual: u64) -> std::ops::Range<u64> {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIM_SEEDS").unwrap_or(usual),
    }
}

fn for_each_seed(usual: u64, test: fn(u64)) {
    for seed in seeds(usual) {
        if std::panic::catch_unwind(|| test(seed)).is_err() {
            panic!("replay: SEED={seed} cargo test --profile ci --test sim");
        }
    }
}

/// What is asked after all reads have arrived.
fn questions(reads: &[Read]) -> Vec<String> {
    let range = format!(
        "from={}&until={}",
        arrivals::START_S - 600,
        arrivals::START_S + 7200
    );
    let mut questions = vec![
        "/metrics/index.json".to_owned(),
        "/metrics/find?query=*".to_owned(),
        "/metrics/find?query=dc.*.*&format=completer".to_owned(),
        format!("/render?format=json&target=dc.**&{range}"),
        format!("/render?format=raw&target=dc.h1.*&target=seriesByTag('name=cpu')&{range}"),
        format!("/render?format=csv&target=sumSeries(dc.*.cpu)&{range}"),
        format!("/render?format=json&target=summarize(dc.*.cpu,'1min','max')&{range}"),
        format!(
            "/render?format=json&target=aliasByNode(perSecond(scale(dc.*.*,2)),1)&{range}&maxDataPoints=37"
        ),
    ];
    let middle = reads[reads.len() / 2].newest_s;
    questions.push(format!(
        "/render?format=json&target=dc.*.*&from={}&until={middle}",
        middle - 61
    ));
    questions
}

/// Where two long texts begin to differ.
fn differ(want: &str, got: &str) -> String {
    let same = want
        .bytes()
        .zip(got.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let part = |text: &str| {
        let from = same.saturating_sub(60);
        text.get(from..text.len().min(same + 60))
            .unwrap_or_default()
            .to_owned()
    };
    format!("{:?} is not {:?}", part(got), part(want))
}

/// Any spread of connections over any number of shards, any order and delay of mail: the answers
/// are those of one shard, byte for byte.
#[test]
fn the_number_of_shards_does_not_show() {
    for_each_seed(SEEDS, |seed| {
        let mut random = Random::new(seed);
        let reads = arrivals::reads(&mut random);
        let questions = questions(&reads);
        let mut one = World::new(seed, 1);
        reads.iter().for_each(|read| one.receive(0, read));
        let shards = 2 + random.below(4) as usize;
        let mut many = World::new(seed, shards);
        for read in &reads {
            many.receive(random.below(shards as u64) as usize, read);
        }
        assert_eq!(one.accepted(), many.accepted(), "seed {seed}");
        for question in &questions {
            let (want, got) = (one.get(question), many.get(question));
            assert_eq!(want.0, 200, "seed {seed} {question}: {}", want.1);
            if got != want {
                panic!(
                    "seed {seed}, {shards} shards: {question}: {}",
                    differ(&want.1, &got.1)
                );
            }
        }
    });
}

/// Queries that run while points arrive answer, and see every point that had arrived before them.
#[test]
fn a_query_sees_what_had_arrived() {
    for_each_seed(SEEDS, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::new(seed, 3);
        for i in 0..60i64 {
            let at = arrivals::START_S + i;
            let read = Read::of(&format!("fresh.a {i} {at}\n"), i as u64 + 1, at);
            world.receive(random.below(3) as usize, &read);
            if random.chance(30) {
                let (status, body) = world.get(&format!(
                    "/render?format=raw&target=fresh.a&from={}&until={at}",
                    at - 1
                ));
                assert_eq!(status, 200, "seed {seed}: {body}");
                let newest = body.trim().rsplit([',', '|']).next().unwrap_or_default();
                assert_eq!(newest, format!("{i}.0"), "seed {seed} at {i}: {body}");
            }
        }
    });
}

/// An appliance that is killed, whose machine loses power, whose disk fails and is full, that is started
/// with another number of shards and cut off while it starts: nothing acknowledged is lost, nothing is
/// told that was not sent, and of each time the last arrival counts.
#[test]
fn what_was_acknowledged_is_there_after_any_end() {
    for_each_seed(LIVES, |seed| {
        if let Err(wrong) = life::live(seed, Faults::default()) {
            panic!("seed {seed}: {wrong}");
        }
    });
}

/// Two lives of one seed are the same.
#[test]
fn a_life_replays_exactly() {
    for seed in 0..3 {
        let live = || life::live(seed, Faults::default());
        assert_eq!(live(), live(), "seed {seed}");
    }
}

/// Bits that turned are noticed, and never told as points.
#[test]
fn what_is_damaged_is_not_told() {
    let flagged = std::cell::Cell::new(0);
    for seed in seeds(DAMAGES) {
        match damage::live(seed, Damage::Bit) {
            Ok(is_flagged) => flagged.set(flagged.get() + u64::from(is_flagged)),
            Err(wrong) => panic!("seed {seed}: {wrong}"),
        }
    }
    assert!(0 < flagged.get(), "nothing was ever noticed");
}

/// The first of a few seeds in which a build shows that is broken in this way.
fn caught(what: &str, live: impl Fn(u64) -> Result<(), String>) {
    let mut seeds = 0..BROKEN_LIVES;
    let wrong = seeds.find_map(|seed| Some((seed, live(seed).err()?)));
    let (seed, wrong) = wrong.unwrap_or_else(|| panic!("{what}: nobody notices"));
    eprintln!("{what}: seed {seed} notices: {wrong}");
}

/// A disk on which syncs of these files do nothing, as if they were never asked for.
fn without_sync_of(names: &'static str) -> Faults {
    Faults {
        lie: 1000,
        lie_in: names,
        ..Faults::default()
    }
}

#[test]
fn a_log_that_is_not_synced_is_noticed() {
    caught("acknowledged before it is durable", |seed| {
        life::live(seed, without_sync_of("log/")).map(drop)
    });
}

#[test]
fn segments_that_are_listed_before_they_are_durable_are_noticed() {
    caught("listed before it is durable", |seed| {
        life::live(seed, without_sync_of("segments/")).map(drop)
    });
}

#[test]
fn a_book_that_is_not_synced_is_noticed() {
    caught("needed before it is durable", |seed| {
        life::live(seed, without_sync_of("books/")).map(drop)
    });
}

#[test]
fn a_manifest_that_is_not_synced_is_noticed() {
    caught("logs are given up before segments are listed", |seed| {
        life::live(seed, without_sync_of("manifest")).map(drop)
    });
}

#[test]
fn a_checksum_that_is_not_looked_at_is_noticed() {
    caught("damaged bytes are believed", |seed| {
        damage::live(seed, Damage::Unseen).map(drop)
    });
}

/// A series that was deleted is in no list until its next point, whatever happens besides.
#[test]
fn deletes_hold_for_ever_and_only_what_comes_later_shows() {
    for_each_seed(DELETES, deletes::play);
}
