//! What an appliance must hold: every point that was sent, in a sorted map, and what is known of it.
//!
//! A *run* is what one shard took from one start to the next. What survives an end of the process is the
//! beginning of each run, at least as much as was acknowledged. How much it is, is read off the answers:
//! every value is sent once only, so each tells which point it is of. Then everything else must fit: of
//! each time the last arrival among the survivors whose time is not over, and nothing else.

use std::collections::BTreeMap;

use crate::questions::Told;

/// The end of what stays for ever.
pub(crate) const FOR_EVER: u64 = u64::MAX;

/// A series by its name, and a time.
pub(crate) type Key = (&'static str, i64);

/// What one shard took from one start to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Run {
    /// Starts are numbered.
    pub(crate) start: u32,
    pub(crate) shard: usize,
}

/// One point that was sent. Those of one key are kept in the order of their arrival.
#[derive(Clone, Copy, Debug)]
struct Sent {
    run: Run,
    /// Its place in the run.
    index: u64,
    value: f64,
    /// Whether it is there for sure: false where an end of the process may have taken it, and a later
    /// arrival hides whether it has, or its time was over.
    sure: bool,
    /// It is there no more when the clock of arrivals says this.
    until: u64,
}

impl Sent {
    fn lives(&self, now: u64) -> bool {
        now < self.until
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Extent {
    /// Points in it.
    points: u64,
    /// The first so many are acknowledged.
    acknowledged: u64,
    /// An end of the process lies behind it, and what has survived that is settled.
    settled: bool,
}

/// See the head of this module.
#[derive(Debug, Default)]
pub(crate) struct Model {
    sent: BTreeMap<Key, Vec<Sent>>,
    runs: BTreeMap<Run, Extent>,
}

impl Model {
    /// A point was taken that stays until then.
    pub(crate) fn take(&mut self, run: Run, key: Key, value: f64, until: u64) {
        let extent = self.runs.entry(run).or_default();
        let sent = Sent {
            run,
            index: extent.points,
            value,
            sure: true,
            until,
        };
        extent.points += 1;
        self.sent.entry(key).or_default().push(sent);
    }

    /// Points of a run so far: what a ticket stands for that is given out now.
    pub(crate) fn points(&self, run: Run) -> u64 {
        self.runs.get(&run).map_or(0, |extent| extent.points)
    }

    /// The first so many points of a run are on stable storage, and with them what has survived of
    /// earlier runs of the shard, if that was known when the ticket was given out.
    pub(crate) fn acknowledge(&mut self, run: Run, points: u64, with_earlier: bool) {
        let extent = self.runs.entry(run).or_default();
        extent.acknowledged = extent.acknowledged.max(points);
        if with_earlier {
            self.earlier(run)
                .for_each(|extent| extent.acknowledged = extent.points);
        }
    }

    fn earlier(&mut self, run: Run) -> impl Iterator<Item = &mut Extent> {
        let runs = self.runs.iter_mut();
        let earlier = runs.filter(move |(known, extent)| {
            known.shard == run.shard && known.start < run.start && extent.settled
        });
        earlier.map(|(_, extent)| extent)
    }

    /// Everything is.
    pub(crate) fn acknowledge_all(&mut self) {
        for extent in self.runs.values_mut() {
            extent.acknowledged = extent.points;
        }
    }

    /// Nothing was ever acknowledged: what is found is all that must be there.
    pub(crate) fn acknowledge_nothing(&mut self) {
        for extent in self.runs.values_mut() {
            extent.acknowledged = 0;
        }
    }

    /// How many times of how many series it knows.
    pub(crate) fn times(&self) -> usize {
        self.sent.len()
    }

    /// Whether what a running appliance tells of the times from the first to the last is right.
    pub(crate) fn check(
        &self,
        told: &Told,
        (from_ms, until_ms): (i64, i64),
        now: u64,
    ) -> Result<(), String> {
        self.check_known(told)?;
        for (&key, sent) in &self.sent {
            if from_ms <= key.1 && key.1 <= until_ms {
                let found = found(told, key, sent);
                self.check_one(key, sent, found, |one| one.lives(now))?;
                check_lives(key, sent, found, now)?;
            }
        }
        Ok(())
    }

    /// Whether nothing is told that was not sent, of points that may be missing.
    pub(crate) fn check_known(&self, told: &Told) -> Result<(), String> {
        for ((name, time), value) in told {
            let mut sent = self.sent.iter();
            let sent = sent.find(|(key, _)| key.0 == name && key.1 == *time);
            let sent: Vec<f64> = sent.map_or(Vec::new(), |(_, sent)| {
                sent.iter().map(|one| one.value).collect()
            });
            if !sent.iter().any(|one| one.to_bits() == value.to_bits()) {
                return Err(format!(
                    "never sent: {name} = {value} at {time}, but {sent:?}"
                ));
            }
        }
        Ok(())
    }

    /// What is told after an end of the process, in the run of that start: settle what has survived.
    pub(crate) fn survive(&mut self, told: &Told, start: u32, now: u64) -> Result<(), String> {
        self.check_known(told)?;
        let mut kept: BTreeMap<Run, u64> = BTreeMap::new();
        for (&run, extent) in &self.runs {
            let lives = start <= run.start;
            kept.insert(
                run,
                if lives {
                    extent.points
                } else {
                    extent.acknowledged
                },
            );
        }
        for (&key, sent) in &mut self.sent {
            if let Some(at) = found(told, key, sent) {
                sent[at].sure = true;
                let kept = kept.entry(sent[at].run).or_default();
                *kept = (*kept).max(sent[at].index + 1);
            }
        }
        let with_later: Vec<Run> = kept
            .iter()
            .filter(|(_, kept)| 0 < **kept)
            .map(|(&run, _)| run)
            .collect();
        for (&run, extent) in &self.runs {
            let is_later = |later: &Run| later.shard == run.shard && run.start < later.start;
            if extent.settled && with_later.iter().any(is_later) {
                kept.insert(run, extent.points);
            }
        }
        let survives = |sent: &Sent| sent.index < kept[&sent.run] && sent.lives(now);
        for (&key, sent) in &self.sent {
            let found = found(told, key, sent);
            self.check_one(key, sent, found, survives)?;
            check_lives(key, sent, found, now)?;
        }
        self.over(now);
        self.forget(told, &kept, (start, now));
        Ok(())
    }

    /// The clock of arrivals has said this: what was over by then may be gone for good, also if the clock of
    /// the next start is behind.
    pub(crate) fn over(&mut self, now: u64) {
        let all = self.sent.values_mut().flatten();
        all.filter(|one| !one.lives(now))
            .for_each(|one| one.sure = false);
    }

    /// The place that is told must be the last that is there for sure, or a later one that may be.
    fn check_one(
        &self,
        key: Key,
        sent: &[Sent],
        found: Option<usize>,
        survives: impl Fn(&Sent) -> bool,
    ) -> Result<(), String> {
        let must = sent.iter().rposition(|one| one.sure && survives(one));
        if must <= found {
            return Ok(());
        }
        let (name, time) = key;
        let must = must.map_or(sent[0], |at| sent[at]);
        let acknowledged = self.runs[&must.run].acknowledged;
        let what = match (must.index < acknowledged, found) {
            (true, None) => "acknowledged and lost",
            (true, Some(_)) => "acknowledged and hidden by an earlier one",
            (false, None) => "lost, though later ones are there",
            (false, Some(_)) => "hidden by an earlier one",
        };
        Err(format!(
            "{what}: {name} = {} at {time}, point {} of {:?} ({acknowledged} acknowledged); told is {:?}",
            must.value,
            must.index,
            must.run,
            found.map(|at| sent[at].value)
        ))
    }

    /// Forget what has not survived. What a later arrival hides, or whose time is over, may be there or not.
    fn forget(&mut self, told: &Told, kept: &BTreeMap<Run, u64>, (start, now): (u32, u64)) {
        let mut ends: BTreeMap<Run, u64> = BTreeMap::new();
        for (&run, extent) in &self.runs {
            ends.insert(run, extent.points);
        }
        for (&key, sent) in &mut self.sent {
            let from = found(told, key, sent).map_or(0, |at| at + 1);
            let lost = sent.extract_if(from.., |one| one.lives(now));
            for lost in lost.filter(|lost| lost.sure) {
                let end = ends.entry(lost.run).or_default();
                *end = (*end).min(lost.index);
            }
        }
        for sent in self.sent.values_mut() {
            sent.retain(|one| one.index < ends[&one.run]);
            for one in sent {
                one.sure &= one.index < kept[&one.run];
            }
        }
        self.sent.retain(|_, sent| !sent.is_empty());
        for (run, extent) in &mut self.runs {
            extent.points = ends[run];
            extent.settled |= run.start < start;
        }
    }
}

/// What is told must not be over.
fn check_lives(key: Key, sent: &[Sent], found: Option<usize>, now: u64) -> Result<(), String> {
    match found.map(|at| sent[at]).filter(|one| !one.lives(now)) {
        Some(one) => Err(format!(
            "told at {now}, when its time was over: {key:?} {one:?}"
        )),
        None => Ok(()),
    }
}

fn is(sent: &Sent, value: f64) -> bool {
    sent.value.to_bits() == value.to_bits()
}

/// Which of the points of a key is told.
fn found(told: &Told, key: Key, sent: &[Sent]) -> Option<usize> {
    let value = *told.get(&(key.0.to_owned(), key.1))?;
    sent.iter().position(|one| is(one, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(all: &[(&'static str, i64, f64)]) -> Told {
        let entry =
            |&(name, time, value): &(&'static str, i64, f64)| ((name.to_owned(), time), value);
        all.iter().map(entry).collect()
    }

    fn run(shard: usize) -> Run {
        Run { start: 0, shard }
    }

    /// Two runs: a at 1 is 10, then 30 by the other; b at 1 is 20.
    fn three() -> Model {
        let mut model = Model::default();
        model.take(run(0), ("a", 1), 10.0, FOR_EVER);
        model.take(run(0), ("b", 1), 20.0, FOR_EVER);
        model.take(run(1), ("a", 1), 30.0, FOR_EVER);
        model
    }

    #[test]
    fn any_beginning_of_each_run_may_survive() {
        for all in [
            &[][..],
            &[("a", 1, 10.0)],
            &[("a", 1, 10.0), ("b", 1, 20.0)],
            &[("a", 1, 30.0)],
            &[("a", 1, 30.0), ("b", 1, 20.0)],
        ] {
            let mut model = three();
            model.survive(&told(all), 1, 0).expect("it may be so");
            model.check(&told(all), (0, 9), 0).expect("and stays so");
        }
    }

    #[test]
    fn what_must_be_there_is_missed() {
        let mut model = three();
        model.acknowledge(run(0), 1, false);
        let lost = model.survive(&told(&[]), 1, 0).expect_err("it is gone");
        assert!(lost.contains("acknowledged and lost"), "{lost}");
        let lost = three()
            .survive(&told(&[("b", 1, 20.0)]), 1, 0)
            .expect_err("a gap");
        assert!(lost.contains("though later ones"), "{lost}");
        let all = told(&[("a", 1, 10.0), ("b", 1, 20.0)]);
        let hidden = three().check(&all, (0, 9), 0).expect_err("30 came last");
        assert!(hidden.contains("hidden"), "{hidden}");
        let wrong = three()
            .survive(&told(&[("a", 1, 11.0)]), 1, 0)
            .expect_err("nobody sent it");
        assert!(wrong.contains("never sent"), "{wrong}");
    }

    /// What is hidden may come back when what hides it goes; it need not.
    #[test]
    fn what_is_hidden_is_not_sure() {
        for then in [&[][..], &[("a", 1, 10.0)]] {
            let mut model = three();
            let hides = told(&[("a", 1, 30.0)]);
            model.survive(&hides, 1, 0).expect("it may be so");
            model.survive(&told(then), 1, 0).expect("it may be so, too");
        }
    }

    /// What was over need not be there, and what was hidden by it is there again.
    #[test]
    fn what_is_over_is_not_told() {
        let mut model = three();
        model.take(run(1), ("a", 1), 40.0, 100);
        let (before, after) = (told(&[("a", 1, 40.0)]), told(&[("a", 1, 30.0)]));
        let all = |told: &Told| {
            let mut told = told.clone();
            told.insert(("b".to_owned(), 1), 20.0);
            told
        };
        model.check(&all(&before), (0, 9), 99).expect("it lives");
        model.check(&all(&after), (0, 9), 99).expect_err("it lives");
        model
            .check(&all(&before), (0, 9), 100)
            .expect_err("it is over");
        model.check(&all(&after), (0, 9), 100).expect("it is over");
        model.survive(&all(&after), 1, 100).expect("it is over");
        model
            .check(&all(&after), (0, 9), 0)
            .expect("it may be gone");
        model
            .check(&all(&before), (0, 9), 0)
            .expect("or still be there");
    }
}
