//! Results that are kept from question to question: whatever came or went between two, and while one was
//! answered, an answer is what it would be without them.

use std::collections::BTreeMap;

use super::*;
use crate::model::series::Properties;
use crate::query::graphite::functions::Literal;
use crate::query::rows::{By, Combine, Law};
use crate::query::scan::FoundRows;

const START_S: i64 = 1_699_999_800;
/// The gap of a series of which nothing comes any more.
const STOPPED: i64 = i64::MAX;
/// By group: start, step, and the bits of each value.
type Cells = BTreeMap<String, (Grid, Vec<u64>, Told)>;
type Grid = (i64, i64);
/// First name and tags.
type Told = (String, BTreeMap<String, String>);

/// Who sends to a shard, and what it is asked.
struct Dashboard {
    random: Random,
    world: World,
    feed: Feed,
    /// Seconds between the points of each series, by its place.
    gaps: Vec<i64>,
    /// Seconds that a panel shows.
    shown_s: i64,
    /// What gaps may be, the smallest of which is the least time that passes.
    choice: [i64; 3],
    /// Whether some points are late. Of several times in one step the last arrival stands, but files that
    /// are merged forget which that was: then steps must not grow.
    late: bool,
    second: i64,
    hits: u64,
}

impl Dashboard {
    fn new(seed: u64) -> Dashboard {
        let mut random = Random::new(seed);
        // Where points are sparse, few of them tell how far apart they are.
        let (choice, shown_s) = match seed % 3 {
            0 => ([60, 300, 600], 12 * 3600),
            _ => ([1, 2, 10], 600),
        };
        let gap = choice[random.below(3) as usize];
        let mut dashboard = Dashboard {
            world: World::new(),
            feed: Feed::new(Protocol::Graphite, Source::default()),
            gaps: vec![gap; 1 + random.below(6) as usize],
            late: random.chance(60),
            second: random.below(100_000) as i64 / choice[0] * choice[0],
            shown_s,
            choice,
            hits: 0,
            random,
        };
        dashboard.send(shown_s / 3 * 4 / choice[0]);
        dashboard
    }

    fn line(&mut self, place: usize, second: i64) -> String {
        let value = self.random.below(1 << 20) as f64 / 8.0;
        format!("m.h{}.s{place} {value} {}\n", place % 2, START_S + second)
    }

    /// A point of a time that has had one, so old at most; or of a new one.
    fn late_or_new(&mut self, age_max: u64) {
        if !self.late {
            return self.send(1);
        }
        let place = self.random.below(self.gaps.len() as u64) as usize;
        let second = self.second - self.random.below(age_max) as i64;
        let [.., coarsest] = self.choice;
        let line = self.line(place, (second / coarsest * coarsest).max(0));
        self.lines(&line);
    }

    fn lines(&mut self, text: &str) {
        for some in text.as_bytes().chunks(10_000) {
            assert_eq!(self.world.send(&mut self.feed, some), Verdict::Keep);
        }
    }

    /// So many of the smallest gaps of points.
    fn send(&mut self, gaps: i64) {
        let [smallest, ..] = self.choice;
        let end = self.second + gaps * smallest;
        let mut text = String::new();
        for second in (self.second..end).step_by(smallest as usize) {
            for place in 0..self.gaps.len() {
                if second % self.gaps[place] == 0 && !self.random.chance(1) {
                    text.push_str(&self.line(place, second));
                }
            }
        }
        self.second = end;
        self.lines(&text);
    }

    /// Whatever may happen between two questions.
    fn happen(&mut self) {
        match self.random.below(22) {
            0 | 1 => {
                let shown = self.shown_s as u64;
                let age_max = [shown / 10, shown, 100_000][self.random.below(3) as usize];
                self.late_or_new(age_max);
            }
            2 => {
                self.world
                    .shard
                    .landing
                    .store
                    .settle(self.random.chance(50));
                self.world.rest();
            }
            3 => {
                let one = self.random.below(self.gaps.len() as u64) as usize;
                self.gaps.push(self.gaps[one]);
            }
            4 => {
                let place = self.random.below(self.gaps.len() as u64) as usize;
                let name = format!("m.h{}.s{place}", place % 2);
                self.world.delete(&[Selector::Path(name)]);
            }
            5 => {
                // All of them, or one, change their step from here on.
                let gap = self.choice[self.random.below(3) as usize];
                let count = match self.random.chance(50) {
                    true => self.gaps.len(),
                    false => 1,
                };
                if !self.late || self.gaps.iter().all(|&old| gap <= old) {
                    self.gaps[..count].fill(gap);
                }
                self.send(40);
            }
            6 => {
                self.world.rest();
                self.world.stamp += 1_000_000;
                self.world.rest();
                let world = std::mem::replace(&mut self.world, World::new());
                self.world = world.restart();
                self.feed = Feed::new(Protocol::Graphite, Source::default());
            }
            // A host stops.
            7 if 1 < self.gaps.len() => self.gaps[0] = STOPPED,
            _ => {}
        }
        let gaps = self.random.below(30) as i64;
        self.send(gaps);
    }

    fn want(&mut self, law: Law, by: &By, fresh: bool) -> Want {
        let until_s = START_S + self.second - 1;
        Want::Rows {
            selector: Selector::Path("m.*.*".to_owned()),
            combine: Combine {
                law,
                by: by.clone(),
                x_files_factor: 0.0,
            },
            from_s: until_s - self.shown_s,
            until_s,
            summary: None,
            fresh,
        }
    }

    /// What a question comes to, with points that come while it is answered if so.
    fn ask(&mut self, want: Want, disturbed: bool) -> FoundRows {
        let plan = Plan::new(TenantId::DEFAULT, want, Limits::default());
        let mut scan = Scan::new(plan, Stamp(self.world.stamp));
        let budget = [20, 200, 100_000][self.random.below(3) as usize];
        loop {
            let Landing { index, store, .. } = &mut self.world.shard.landing;
            match scan.step(index, store, &mut self.world.shard.results, budget) {
                Step::Done(found) => {
                    let Partial::Rows(rows) = found.expect("within limits") else {
                        panic!("not rows");
                    };
                    return rows;
                }
                Step::More => {}
                Step::Waiting => {
                    assert!(self.world.turn_disk(), "it waits for nothing");
                    scan.wake();
                }
            }
            if disturbed && self.random.chance(10) {
                self.late_or_new(self.shown_s as u64);
            }
        }
    }

    fn check(&mut self, law: Law, by: &By) {
        if self.random.chance(30) {
            let want = self.want(law, by, false);
            self.ask(want, true);
        }
        let want = self.want(law, by, false);
        let got = self.ask(want, false);
        let want = self.want(law, by, true);
        let fresh = self.ask(want, false);
        self.hits += u64::from(0 < got.rows_kept);
        assert_eq!(fresh.rows_kept, 0);
        assert_eq!(got.apart, fresh.apart);
        if !fresh.apart {
            assert_eq!(got.identities, fresh.identities);
            assert_eq!(cells(&got), cells(&fresh), "{law:?}");
        }
    }
}

fn cells(rows: &FoundRows) -> Cells {
    let groups = rows.groups.iter().map(|group| {
        let rows = &group.rows;
        let shares = [0.0, 0.5, 1.0];
        let values = |row| shares.map(|share| rows.value(row, share).to_bits());
        let values = (0..rows.len()).flat_map(values).collect();
        let told = (group.first.clone(), group.tags.clone());
        (group.key.clone(), ((rows.start, rows.step), values, told))
    });
    groups.collect()
}

#[test]
fn what_is_kept_never_shows() {
    let mut hits = 0;
    for seed in 0..90 {
        let mut dashboard = Dashboard::new(seed);
        let law = [
            Law::Average,
            Law::Count,
            Law::Maximum,
            Law::Minimum,
            Law::Sum,
        ];
        let law = law[dashboard.random.below(5) as usize];
        let by = match dashboard.random.below(2) {
            0 => By::All,
            _ => By::Nodes(vec![Literal::Integer(1)]),
        };
        for _ in 0..25 {
            dashboard.check(law, &by);
            dashboard.happen();
        }
        let counts = dashboard.world.shard.results.counts();
        assert!(counts.bytes <= 1 << 20, "seed {seed}");
        hits += dashboard.hits;
    }
    assert!(
        hits > 450,
        "only {hits} of 2,250 answers used what was kept"
    );
}

#[test]
fn a_panel_reads_what_is_new() {
    let mut dashboard = Dashboard::new(1);
    let law = Law::Sum;
    let want = dashboard.want(law, &By::All, false);
    let first = dashboard.ask(want, false);
    assert_eq!(first.rows_kept, 0);
    dashboard.send(10);
    let want = dashboard.want(law, &By::All, false);
    let next = dashboard.ask(want, false);
    // Points came into the last minute or two, so what these hold is read again.
    let rows = next.groups[0].rows.len() as u64;
    assert!(next.rows_kept > rows / 4 * 3, "{}", next.rows_kept);
    assert!(next.points_read < first.points_read / 3);
    let want = dashboard.want(law, &By::All, true);
    assert_eq!(
        dashboard.ask(want, false).rows_kept,
        0,
        "whoever wants it fresh"
    );
    // Another question of the same series.
    let want = dashboard.want(Law::Average, &By::All, false);
    assert_eq!(dashboard.ask(want, false).rows_kept, 0);
}

/// Ask twice: rows that were kept, and whether points are missing.
fn again(dashboard: &mut Dashboard) -> (u64, bool) {
    let mut told = (0, false);
    for _ in 0..2 {
        let want = dashboard.want(Law::Sum, &By::All, false);
        let found = dashboard.ask(want, false);
        told = (found.rows_kept, found.damaged);
    }
    told
}

#[test]
fn what_leaves_by_itself_is_not_kept() {
    let mut dashboard = Dashboard::new(1);
    assert!(again(&mut dashboard).0 > 0);
    let mut dashboard = Dashboard::new(1);
    let properties = Properties {
        ttl_seconds: 1_000_000,
        ..Properties::default()
    };
    let store = &mut dashboard.world.shard.landing.store;
    store.admit(SeriesId(0), properties, |_| panic!("it has a number"));
    assert_eq!(again(&mut dashboard), (0, false));
    assert_eq!(dashboard.world.shard.results.counts().bytes, 0);
}

#[test]
fn what_is_damaged_is_not_kept() {
    let mut dashboard = Dashboard::new(1);
    let world = &mut dashboard.world;
    world.shard.landing.store.settle(true);
    world.rest();
    let disk = world.disk.get_mut();
    let names = disk.names();
    let segment = names.iter().find(|name| name.starts_with("segments/"));
    let content = disk.content(segment.expect("a file")).expect("its bytes");
    let middle = content.len() / 2;
    content[..middle].iter_mut().for_each(|byte| *byte ^= 0x55);
    let (kept, damaged) = again(&mut dashboard);
    assert_eq!((kept, damaged), (0, true));
}

/// Where all series have another step by now, all is read, and is counted once.
#[test]
fn another_step_begins_again() {
    let mut dashboard = Dashboard::new(4);
    dashboard.late = false;
    dashboard.gaps.fill(1);
    dashboard.send(700);
    assert!(again(&mut dashboard).0 > 300);
    dashboard.gaps.fill(2);
    dashboard.send(140);
    let want = dashboard.want(Law::Sum, &By::All, false);
    let got = dashboard.ask(want, false);
    let want = dashboard.want(Law::Sum, &By::All, true);
    let fresh = dashboard.ask(want, false);
    assert_eq!((got.rows_kept, got.points_read), (0, fresh.points_read));
    assert_eq!(cells(&got), cells(&fresh));
    let counts = dashboard.world.shard.results.counts();
    assert_eq!((counts.hits, counts.misses, counts.bytes), (1, 2, 0));
    // And what is asked then is kept again.
    assert!(again(&mut dashboard).0 > 100);
}

/// A host that has stopped costs the panel that shows it nothing.
#[test]
fn a_stopped_series_goes_with_what_was_kept() {
    // Sparse points, so that the last windows of files do not tell its step.
    let mut dashboard = Dashboard::new(3);
    dashboard.gaps = vec![60, 60, STOPPED];
    let text: String = (0..60)
        .map(|i| dashboard.line(2, dashboard.second - 20_000 / 60 * 60 + 60 * i))
        .collect();
    dashboard.lines(&text);
    dashboard.send(300);
    dashboard.world.shard.landing.store.settle(true);
    dashboard.world.rest();
    assert!(again(&mut dashboard).0 > 300);
    dashboard.check(Law::Sum, &By::All);
}
