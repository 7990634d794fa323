use std::collections::BTreeSet;

use super::*;
use crate::base::random::Random;

/// The slow twin: every binding there is.
#[derive(Default)]
struct Naive {
    all: Vec<(u32, u32, u32)>,
    next: u32,
}

impl Naive {
    fn series_of(&self, book: u32, number: u32) -> Option<u32> {
        let mut found = self
            .all
            .iter()
            .filter(|&&(b, n, _)| (b, n) == (book, number));
        found.next().map(|&(_, _, id)| id)
    }

    fn bind(&mut self, book: u32, number: u32, id: u32) -> bool {
        match self.series_of(book, number) {
            Some(known) => known == id,
            None => {
                self.all.push((book, number, id));
                if book == 1 {
                    self.next = self.next.max(number + 1);
                }
                true
            }
        }
    }

    fn numbers_in(&self, book: u32, id: u32) -> Vec<u32> {
        let of = self.all.iter().filter(|&&(b, _, i)| (b, i) == (book, id));
        of.map(|&(_, number, _)| number).collect()
    }
}

fn check(seed: u64, catalog: &Catalog, naive: &Naive) {
    assert_eq!(catalog.next_number(), naive.next, "seed {seed}");
    for book in 0..3 {
        for i in 0..45 {
            let series = catalog.series_of(book, i).map(|id| id.0);
            assert_eq!(series, naive.series_of(book, i), "seed {seed}");
            let numbers: Vec<u32> = catalog.numbers_in(book, SeriesId(i)).collect();
            assert_eq!(numbers, naive.numbers_in(book, i), "seed {seed}");
        }
    }
    for id in 0..45 {
        let first = naive.numbers_in(1, id).first().copied();
        assert_eq!(catalog.number_of(SeriesId(id)), first, "seed {seed}");
        let listed = catalog.numbers().get(id as usize).copied();
        assert_eq!(
            listed.filter(|&number| number != NONE),
            first,
            "seed {seed}"
        );
    }
}

#[test]
fn agrees_with_a_list() {
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let (mut catalog, mut naive) = (Catalog::new(1), Naive::default());
        for _ in 0..60 {
            let id = random.below(40) as u32;
            match random.below(5) {
                0..2 => {
                    let known = naive.numbers_in(1, id).first().copied();
                    let number = known.unwrap_or(naive.next);
                    assert_eq!(catalog.give(SeriesId(id)), Some(number), "seed {seed}");
                    assert!(naive.bind(1, number, id));
                }
                2 => {
                    let next = random.below(40) as u32;
                    catalog.raise(next);
                    naive.next = naive.next.max(next);
                }
                _ => {
                    let (book, number) = (random.below(3) as u32, random.below(40) as u32);
                    let fits = catalog.bind(book, number, SeriesId(id));
                    assert_eq!(fits, naive.bind(book, number, id), "seed {seed}");
                }
            }
        }
        check(seed, &catalog, &naive);
        let from = random.below(40) as u32;
        catalog.booked(from);
        let mut want: Vec<(u32, u32)> = naive
            .all
            .iter()
            .map(|&(b, n, i)| (b, n, i))
            .filter(|&(b, n, _)| b == 1 && n >= from)
            .map(|(_, n, i)| (n, i))
            .collect();
        want.sort_unstable();
        let got: Vec<(u32, u32)> = catalog.pending().map(|(n, id)| (n, id.0)).collect();
        assert_eq!(got, want, "seed {seed}");
    }
}

#[test]
fn numbers_beyond_the_limits_change_nothing() {
    let mut catalog = Catalog::new(0);
    assert!(!catalog.bind(0, NUMBERS_MAX, SeriesId(0)));
    assert!(!catalog.bind(5, 0, SeriesId(SERIES_MAX)));
    assert_eq!(catalog.give(SeriesId(SERIES_MAX)), None);
    assert!(catalog.bytes() < 1000);
    catalog.raise(NONE);
    assert_eq!(catalog.give(SeriesId(1)), None, "the book is full");
}

#[test]
fn a_series_takes_eight_bytes() {
    let mut catalog = Catalog::new(0);
    (0..1 << 17).for_each(|id| assert_eq!(catalog.give(SeriesId(id)), Some(id)));
    assert_eq!(catalog.bytes(), 8 << 17);
}

#[test]
fn each_book_goes_to_one_shard() {
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let books: Vec<u32> = (0..random.below(20))
            .map(|_| random.below(30) as u32)
            .collect();
        let shards = 1 + random.below(9) as u32;
        let mut read = Vec::new();
        for shard in 0..shards {
            let adopted = adopted(shard, shards, &books);
            assert_eq!(
                (adopted.own, adopted.is_new),
                (shard, !books.contains(&shard))
            );
            read.extend(adopted.others);
            read.extend((!adopted.is_new).then_some(shard));
        }
        read.sort_unstable();
        let all: BTreeSet<u32> = books.into_iter().collect();
        assert_eq!(read, all.into_iter().collect::<Vec<u32>>(), "seed {seed}");
    }
    assert_eq!(adopted(1, 2, &[0, 1, 2, 3, 5]).others, [3, 5]);
}
