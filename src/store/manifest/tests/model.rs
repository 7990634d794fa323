//! Random edits over a disk that fails, with crashes at any step: what is read back is what some first
//! edits lead to, and all acknowledged ones are among them.

use super::*;

/// What must be equal after a start. Numbers put aside and files on their way out are looked at apart.
type Seen = (
    Vec<SegmentInfo>,
    Vec<(u32, BookInfo)>,
    Vec<(u32, u64)>,
    Vec<(u64, Tombstone)>,
    Vec<(Place, String)>,
    (Vec<(Identity, u64)>, Vec<(u64, Identity)>),
    u64,
);

fn seen(version: &Version) -> Seen {
    let tombstones = version.tombstones().iter();
    let quarantined = version.quarantined();
    let revived = version.tombstones().revived().into_iter();
    let revived =
        revived.flat_map(|(stamp, some)| some.into_iter().map(move |series| (stamp, series)));
    (
        version.all_segments().copied().collect(),
        version.books().collect(),
        version.floors().collect(),
        tombstones
            .map(|(number, one)| (number, one.clone()))
            .collect(),
        quarantined
            .map(|(place, why)| (place, why.to_owned()))
            .collect(),
        (version.tombstones().deleted(0).collect(), revived.collect()),
        version.clock(),
    )
}

/// A naive reading of the edits: lists, and what each edit says done to them.
#[derive(Clone, Debug, Default)]
struct Naive {
    segments: Vec<SegmentInfo>,
    books: BTreeMap<u32, BookInfo>,
    floors: BTreeMap<u32, u64>,
    tombstones: BTreeMap<u64, Tombstone>,
    next_tombstone: u64,
    quarantined: BTreeMap<Place, String>,
    revived: BTreeMap<Identity, u64>,
    clock: u64,
    /// Files that left.
    left: BTreeSet<u64>,
}

use std::collections::BTreeMap;

impl Naive {
    fn remove(&mut self, files: &[u64]) {
        self.segments.retain(|info| !files.contains(&info.file));
        self.quarantined
            .retain(|(file, _), _| !files.contains(file));
        self.left.extend(files);
    }

    fn add(&mut self, added: &[SegmentInfo]) {
        for info in added {
            self.clock = self.clock.max(info.last_stamp);
            self.segments.push(*info);
        }
    }

    fn is_named(&self, one: Identity) -> bool {
        self.tombstones
            .values()
            .any(|tombstone| tombstone.target == Target::Series(vec![one]))
    }

    /// Series that are deleted as a whole and not alive again.
    fn deleted(&self) -> Vec<(Identity, u64)> {
        let whole = self
            .tombstones
            .values()
            .filter(|one| (one.from_ms, one.to_ms) == (i64::MIN, i64::MAX));
        let one = whole.map(|tombstone| match &tombstone.target {
            Target::Series(series) => (series[0], tombstone.stamp),
            Target::Metric(_) => panic!("no metrics here"),
        });
        one.filter(|(series, stamp)| {
            self.revived
                .get(series)
                .is_none_or(|revived| revived < stamp)
        })
        .collect()
    }

    fn apply(&mut self, edit: &Edit) {
        match edit.clone() {
            Edit::AddBook { book } => {
                self.books.insert(book, BookInfo::default());
            }
            Edit::GrowBook {
                book,
                numbers,
                bytes,
            } => {
                self.books.insert(book, BookInfo { numbers, bytes });
            }
            Edit::Seal {
                log,
                floor,
                book,
                numbers,
                book_bytes,
                added,
            } => {
                let bytes = book_bytes;
                self.books.insert(book, BookInfo { numbers, bytes });
                self.floors.insert(log, floor);
                self.add(&added);
            }
            Edit::Floor { log, floor } => {
                self.floors.insert(log, floor);
            }
            Edit::Merge { removed, added, .. } => {
                self.remove(&removed);
                self.add(&added);
            }
            Edit::Retain { removed } => self.remove(&removed),
            Edit::Entomb(tombstone) => {
                self.clock = self.clock.max(tombstone.stamp);
                self.tombstones.retain(|_, old| {
                    old.target != tombstone.target
                        || old.from_ms < tombstone.from_ms
                        || tombstone.to_ms < old.to_ms
                        || tombstone.stamp < old.stamp
                });
                self.tombstones.insert(self.next_tombstone, tombstone);
                self.next_tombstone += 1;
            }
            Edit::Forget { tombstones } => {
                self.tombstones
                    .retain(|number, _| !tombstones.contains(number));
                let revived = std::mem::take(&mut self.revived).into_iter();
                self.revived = revived.filter(|&(one, _)| self.is_named(one)).collect();
            }
            Edit::Revive { stamp, series } => {
                for one in series {
                    if !self.is_named(one) {
                        continue;
                    }
                    let until = self.revived.get(&one).copied().unwrap_or(0);
                    self.revived.insert(one, until.max(stamp));
                }
            }
            Edit::Quarantine { file, page, reason } => {
                if page.is_none() {
                    self.segments.retain(|info| info.file != file);
                    self.left.insert(file);
                }
                self.quarantined.insert((file, page), reason);
            }
            Edit::Pardon { file } => self.quarantined.retain(|&(other, _), _| other != file),
            Edit::Stamp(stamp) => self.clock = self.clock.max(stamp),
        }
    }

    fn seen(&self) -> Seen {
        let mut segments = self.segments.clone();
        segments.sort_by_key(|info| {
            (
                info.book,
                info.window_start_ms,
                info.last_stamp,
                info.first_stamp,
                info.file,
            )
        });
        let books = self.books.iter().map(|(&book, &info)| (book, info));
        let floors = self.floors.iter().map(|(&log, &floor)| (log, floor));
        let tombstones = self
            .tombstones
            .iter()
            .map(|(&number, one)| (number, one.clone()));
        let quarantined = self
            .quarantined
            .iter()
            .map(|(&place, why)| (place, why.clone()));
        let revived = self.revived.iter();
        let mut revived: Vec<(u64, Identity)> =
            revived.map(|(&one, &stamp)| (stamp, one)).collect();
        revived.sort_unstable();
        (
            segments,
            books.collect(),
            floors.collect(),
            tombstones.collect(),
            quarantined.collect(),
            (self.deleted(), revived),
            self.clock,
        )
    }

    fn some_file(&self, random: &mut Random) -> u64 {
        let at = random.below(self.segments.len() as u64 + 1) as usize;
        self.segments
            .get(at)
            .map_or(random.below(50), |info| info.file)
    }
}

fn some_infos(rig: &mut Rig, random: &mut Random) -> Vec<SegmentInfo> {
    let count = random.below(4);
    let numbers = rig.manifest.numbers(count).unwrap_or(0..1);
    let one = |file| {
        let first = random.below(100);
        let stamps = (first, first + random.below(50));
        info(
            file,
            random.below(3) as u32,
            random.below(100) as i64,
            stamps,
        )
    };
    numbers.map(one).collect()
}

fn some_series(random: &mut Random) -> Identity {
    Identity(random.below(6).into())
}

fn some_edit(rig: &mut Rig, naive: &Naive, random: &mut Random) -> Edit {
    let book = random.below(3) as u32;
    let known = naive.books.get(&book).copied().unwrap_or_default();
    let numbers = known.numbers + random.below(3) as u32;
    let bytes = known.bytes + 4096 * random.below(2);
    let log = random.below(3) as u32;
    let floor = naive.floors.get(&log).copied().unwrap_or(0) + random.below(3);
    match random.below(12) {
        0 => Edit::AddBook { book },
        1 => Edit::GrowBook {
            book,
            numbers,
            bytes,
        },
        2..=4 => Edit::Seal {
            log,
            floor,
            book,
            numbers,
            book_bytes: bytes,
            added: some_infos(rig, random),
        },
        5 => Edit::Floor { log, floor },
        6 | 7 => Edit::Merge {
            removed: (0..1 + random.below(2))
                .map(|_| naive.some_file(random))
                .collect(),
            added: some_infos(rig, random),
            tombstones: naive.next_tombstone - random.below(2).min(naive.next_tombstone),
        },
        8 => Edit::Retain {
            removed: vec![naive.some_file(random)],
        },
        9 => {
            let some = tombstone(random.below(150));
            let (from_ms, to_ms) = match random.chance(70) {
                true => (i64::MIN, i64::MAX),
                false => (some.from_ms, some.to_ms),
            };
            Edit::Entomb(Tombstone {
                target: Target::Series(vec![some_series(random)]),
                from_ms,
                to_ms,
                ..some
            })
        }
        10 => match random.below(5) {
            3 | 4 => Edit::Revive {
                stamp: random.below(200),
                series: vec![some_series(random), some_series(random)],
            },
            0 => Edit::Stamp(random.below(300)),
            1 => Edit::Pardon {
                file: naive.some_file(random),
            },
            _ => Edit::Forget {
                tombstones: vec![random.below(naive.next_tombstone + 1)],
            },
        },
        _ => Edit::Quarantine {
            file: naive.some_file(random),
            page: random.chance(50).then(|| random.below(10)),
            reason: "checksum".to_owned(),
        },
    }
}

/// One run: its manifest, what each edit led to, and what is held.
struct Run {
    seed: u64,
    rig: Rig,
    random: Random,
    /// What the first so many edits lead to.
    history: Vec<Naive>,
    /// The tickets of the edits of this start, and their place in the history.
    tickets: Vec<(EditTicket, usize)>,
    acknowledged: usize,
    held: Vec<Arc<Version>>,
    gone: BTreeSet<u64>,
    given: u64,
    starts: u64,
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut random = Random::new(seed);
        let rig = Rig::new(seed);
        rig.disk.borrow_mut().faults_percent = random.below(3) * 7;
        Run {
            seed,
            rig,
            random,
            history: vec![Naive::default()],
            tickets: Vec::new(),
            acknowledged: 0,
            held: Vec::new(),
            gone: BTreeSet::new(),
            given: 0,
            starts: 0,
        }
    }

    fn last(&self) -> &Naive {
        self.history.last().expect("there is a first")
    }

    fn edit(&mut self) {
        let naive = self.last().clone();
        let edit = some_edit(&mut self.rig, &naive, &mut self.random);
        if let Ok(ticket) = self.rig.manifest.edit(edit.clone()) {
            let mut next = naive;
            next.apply(&edit);
            self.history.push(next);
            self.tickets.push((ticket, self.history.len() - 1));
        }
    }

    fn look(&mut self) {
        let (seed, manifest) = (self.seed, &mut self.rig.manifest);
        let version = manifest.committed();
        let done = self
            .tickets
            .iter()
            .filter(|(ticket, _)| manifest.is_committed(*ticket));
        self.acknowledged = done
            .map(|&(_, at)| at)
            .max()
            .unwrap_or(0)
            .max(self.acknowledged);
        let want = self.history[self.acknowledged].seen();
        assert_eq!(
            seen(&version),
            want,
            "seed {seed}: visible is what is committed"
        );
        if self.random.chance(20) {
            self.held.push(version);
        }
        if self.random.chance(20) && !self.held.is_empty() {
            let which = self.random.below(self.held.len() as u64) as usize;
            self.held.swap_remove(which);
        }
    }

    fn remove(&mut self) {
        let (seed, manifest) = (self.seed, &mut self.rig.manifest);
        for leaving in manifest.removable() {
            let version = manifest.committed();
            let mut all = self.held.iter().chain([&version]);
            let lists = |version: &Arc<Version>| {
                version.all_segments().any(|info| info.file == leaving.file)
            };
            assert!(
                !all.any(lists),
                "seed {seed}: file {} is read",
                leaving.file
            );
            if self.random.chance(30) {
                manifest.still_there(leaving);
            } else {
                manifest.gone(leaving.file);
                self.gone.insert(leaving.file);
                self.given += 1;
            }
        }
    }

    fn crash(&mut self) {
        let seed = self.seed;
        self.held.clear();
        self.rig.disk.borrow_mut().crash();
        self.rig
            .reopen()
            .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let version = self.rig.manifest.committed();
        let now = seen(&version);
        let same =
            (self.acknowledged..self.history.len()).find(|&at| self.history[at].seen() == now);
        let at = same.unwrap_or_else(|| {
            panic!("seed {seed}: what was read is no prefix with all acknowledged: {now:?}")
        });
        for file in &self.history[at].left {
            let leaves = version.leaving().any(|(other, _)| other == *file);
            assert!(
                leaves || self.gone.contains(file),
                "seed {seed}: {file} is forgotten"
            );
        }
        // The same visible state may come from several prefixes; the naive tombstone number tells.
        let last = (at..self.history.len()).rev().find(|&at| {
            let naive = &self.history[at];
            naive.seen() == now && naive.next_tombstone == version.tombstones().next()
        });
        let at = last.unwrap_or_else(|| panic!("seed {seed}: a tombstone's number comes twice"));
        self.history.truncate(at + 1);
        self.tickets.clear();
        self.acknowledged = at;
        self.starts += 1;
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..=5 => self.edit(),
            6 => self.remove(),
            7 => self.rig.manifest.retry(),
            8 if self.random.chance(20) => self.crash(),
            9 if self.random.chance(10) => {
                let mut disk = self.rig.disk.borrow_mut();
                disk.is_full = !disk.is_full;
            }
            _ => {
                self.rig.step();
            }
        }
        self.look();
    }

    /// When the disk is well again, everything comes to an end.
    fn finish(&mut self) {
        let seed = self.seed;
        {
            let mut disk = self.rig.disk.borrow_mut();
            (disk.is_full, disk.faults_percent) = (false, 0);
        }
        self.rig.settle();
        self.rig.manifest.retry();
        self.rig.settle();
        self.held.clear();
        self.look();
        assert_eq!(
            self.acknowledged,
            self.history.len() - 1,
            "seed {seed}: all are committed"
        );
        assert!(self.rig.manifest.is_idle() && self.rig.manifest.fault().is_none());
        let left = self.rig.manifest.removable().len();
        self.remove();
        assert!(
            self.rig.manifest.removable().is_empty(),
            "seed {seed}: {left}"
        );
        assert_eq!(self.rig.disk.borrow().writes_after_fault, 0, "seed {seed}");
    }
}

#[test]
fn what_is_read_back_is_a_prefix_with_all_that_was_acknowledged() {
    let (mut starts, mut edits, mut given) = (0, 0, 0);
    for seed in 0..250 {
        let mut run = Run::new(seed);
        for _ in 0..400 {
            run.step();
        }
        run.finish();
        run.crash();
        starts += run.starts;
        edits += run.history.len();
        given += run.given;
    }
    assert!(
        starts > 500 && edits > 5000 && given > 500,
        "{starts} {edits} {given}"
    );
}
