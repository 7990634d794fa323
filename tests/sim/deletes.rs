//! Deletes beside points, seals and ends of the process, on several shards: a series that was deleted is in
//! no list until its next point, and only points that came later are told, by any appliance from then on.

use std::collections::BTreeMap;
use std::rc::Rc;

use corelane::base::random::Random;
use corelane::base::time::Step;
use corelane::store::Options;

use crate::arrivals::START_S;
use crate::disk::SimDisk;
use crate::world::{Clock, World};

const NAMES: [&str; 6] = ["a.x", "a.y", "a.y.z", "b.c", "m;k=v", "m;k=w"];

/// What every series must tell: its points by time.
type Series = BTreeMap<&'static str, BTreeMap<i64, u64>>;

struct Deletes {
    seed: u64,
    random: Random,
    disk: Rc<SimDisk>,
    options: Options,
    world: World,
    series: Series,
    sent: u64,
}

impl Deletes {
    fn new(seed: u64) -> Deletes {
        let mut random = Random::new(seed);
        let disk = Rc::new(SimDisk::new(seed));
        let options = Options {
            window: Step::from_millis(300_000).expect("positive"),
            head_bytes_max: 64 << 20,
            log_file_bytes: 1 << 20,
            ..Options::default()
        };
        let shards = 1 + random.below(3) as usize;
        let opened = World::open(seed, Rc::clone(&disk), shards, options, Clock::new());
        let (world, _) = opened.expect("an empty disk");
        Deletes {
            seed,
            random,
            disk,
            options,
            world,
            series: Series::new(),
            sent: 0,
        }
    }

    fn send(&mut self) {
        let mut text = String::new();
        for _ in 0..1 + self.random.below(4) {
            let name = NAMES[self.random.below(NAMES.len() as u64) as usize];
            let time = START_S + self.random.below(900) as i64;
            self.sent += 1;
            text += &format!("{name} {} {time}\n", self.sent);
            let points = self.series.entry(name).or_default();
            points.insert(time, self.sent);
        }
        let shard = self.random.below(self.world.shards() as u64) as usize;
        self.world.take(shard, text.as_bytes());
    }

    fn delete(&mut self) {
        let url = match self.random.below(5) {
            0 => "/tags/delSeries?path=m;k=v",
            1 => "/tags/delSeries?path=m;k=w&path=m;k=v&path=no;k=v",
            2 => "/admin/delete?query=a.*",
            3 => "/admin/delete?query=a.y.*&query=b.*",
            _ => "/admin/delete?query=*.*",
        };
        let gone: &[&str] = match url {
            "/tags/delSeries?path=m;k=v" => &["m;k=v"],
            "/admin/delete?query=a.*" => &["a.x", "a.y"],
            "/admin/delete?query=a.y.*&query=b.*" => &["a.y.z", "b.c"],
            "/admin/delete?query=*.*" => &["a.x", "a.y", "b.c"],
            _ => &["m;k=w", "m;k=v"],
        };
        let had = gone.iter().filter(|name| self.series.contains_key(*name));
        let want = match url.starts_with("/tags") {
            true => "true".to_owned(),
            false => format!("{{\"deleted\": {}}}", had.count()),
        };
        let told = self.world.ask("POST", url);
        assert_eq!(told, (200, want), "seed {}: {url}", self.seed);
        for name in gone {
            self.series.remove(name);
        }
    }

    /// Another appliance takes over what is on the disk.
    fn restart(mut self) -> Deletes {
        for shard in 0..self.world.shards() {
            let ticket = self.world.ticket(shard);
            self.world.until("it is committed", |world| {
                world.state(shard, ticket) != corelane::store::log::TicketState::Pending
            });
        }
        let clock = self.world.end();
        self.disk.kill();
        let shards = 1 + self.random.below(3) as usize;
        let disk = Rc::clone(&self.disk);
        let opened = World::open(self.random.next_u64(), disk, shards, self.options, clock);
        let (world, notes) = opened.unwrap_or_else(|error| panic!("seed {}: {error}", self.seed));
        assert_eq!(notes, [""; 0], "seed {}", self.seed);
        world.until("the log is replayed", |world| !world.is_recovering());
        Deletes { world, ..self }
    }

    fn check(&self, what: &str) {
        let seed = self.seed;
        let names: Vec<String> = self.series.keys().map(|name| format!("{name:?}")).collect();
        let want = format!("[{}]", names.join(", "));
        let got = self.world.get("/metrics/index.json");
        assert_eq!(got, (200, want), "seed {seed}: names {what}");
        let (_, tree) = self.world.get("/metrics/find?query=a.*&format=completer");
        for (node, names) in [
            ("a.x", &["a.x"] as &[&str]),
            ("a.y", &["a.y"]),
            ("a.y.", &["a.y.z"]),
        ] {
            let is_told = tree.contains(&format!("\"path\": \"{node}\""));
            let is_there = names.iter().any(|name| self.series.contains_key(name));
            assert_eq!(is_told, is_there, "seed {seed}: {node} in {tree} {what}");
        }
        let (_, values) = self.world.get("/tags/autoComplete/values?tag=k");
        let tagged = ["v", "w"].into_iter();
        let tagged =
            tagged.filter(|value| self.series.contains_key(format!("m;k={value}").as_str()));
        let tagged: Vec<String> = tagged.map(|value| format!("{value:?}")).collect();
        assert_eq!(
            values,
            format!("[{}]", tagged.join(", ")),
            "seed {seed}: {what}"
        );
        let always = (i64::MIN, i64::MAX);
        let told = self.world.points(&NAMES, always).expect("a sound disk");
        let want = self.series.iter().flat_map(|(name, points)| {
            let points = points.iter();
            points.map(|(&time, &value)| (((*name).to_owned(), time * 1000), value as f64))
        });
        assert_eq!(told.points, want.collect(), "seed {seed}: points {what}");
    }
}

/// Play one seed.
pub(crate) fn play(seed: u64) {
    let mut deletes = Deletes::new(seed);
    for step in 0..60 {
        let what = match deletes.random.below(12) {
            0..=5 => {
                deletes.send();
                "behind points"
            }
            6..=8 => {
                deletes.delete();
                "behind a delete"
            }
            9 => {
                let merge = deletes.random.chance(50);
                deletes.world.settle(merge);
                "behind a seal"
            }
            10 => {
                deletes.world.run(200);
                "after a while"
            }
            _ => {
                deletes = deletes.restart();
                "after a start"
            }
        };
        deletes.check(&format!("{what}, step {step}"));
    }
}
