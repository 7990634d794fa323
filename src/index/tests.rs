use super::*;
use crate::base::random::Random;

/// Names one behind the other, with their spans.
fn batch(names: &[String]) -> (Vec<u8>, Vec<Span>) {
    let mut text = Vec::new();
    let spans = names.iter().map(|name| {
        let start = text.len() as u32;
        text.extend_from_slice(name.as_bytes());
        text.push(b' ');
        Span {
            start,
            len: name.len() as u32,
        }
    });
    let spans = spans.collect();
    (text, spans)
}

fn name(text: &str) -> SeriesName {
    SeriesName::from_text(text).expect("a canonical text")
}

/// Resolve a batch, interning what is new, and check that every id stands for its name.
fn feed(index: &mut Index, names: &[String], follow: &mut Follow) -> usize {
    let (text, spans) = batch(names);
    let mut ids = Vec::new();
    index.resolve(&text, &spans, follow, &mut ids);
    let mut new = 0;
    for (sent, id) in names.iter().zip(ids) {
        let id = if id == UNKNOWN {
            new += 1;
            index
                .intern(TenantId::DEFAULT, &name(sent), sent.as_bytes(), follow)
                .expect("room")
        } else {
            SeriesId(id)
        };
        assert_eq!(index.text(id), name(sent).text());
    }
    new
}

#[test]
fn every_order_finds_every_name() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let mut index = Index::new(seed, 100_000);
        let mut names: Vec<String> = (0..3_000)
            .map(|i| format!("dc.h{:04}.cpu.c{}", i / 7, i % 7))
            .collect();
        let mut follow = Follow::default();
        for round in 0..8 {
            if random.chance(50) {
                random.shuffle(&mut names);
            }
            let mut new = 0;
            for part in names.chunks(1 + random.below(400) as usize) {
                new += feed(&mut index, part, &mut follow);
            }
            assert_eq!(
                new,
                if round == 0 { names.len() } else { 0 },
                "seed {seed} round {round}"
            );
        }
        assert_eq!(index.len(), names.len());
    }
}

#[test]
fn a_stable_order_is_followed_again_after_a_shuffled_one() {
    let mut index = Index::new(1, 100_000);
    let mut names: Vec<String> = (0..2_000).map(|i| format!("a.b{i}")).collect();
    let mut follow = Follow::default();
    feed(&mut index, &names, &mut follow);
    for seed in 0..3 {
        Random::new(seed).shuffle(&mut names);
        feed(&mut index, &names, &mut follow);
    }
    assert!(!follow.trusted, "no order, no trust");
    for _ in 0..3 {
        feed(&mut index, &names, &mut follow);
    }
    assert!(follow.trusted);
}

#[test]
fn two_forms_of_one_name_are_one_series() {
    let mut index = Index::new(1, 10);
    let mut follow = Follow::default();
    let series = name("cpu;az=y;host=x");
    let one = index.intern(TenantId::DEFAULT, &series, b"cpu;host=x;az=y", &mut follow);
    let two = index.intern(TenantId::DEFAULT, &series, b"cpu;az=y;host=x", &mut follow);
    assert_eq!(one, two);
    let sent = [
        "cpu;host=x;az=y".to_owned(),
        "cpu;az=y;host=x".to_owned(),
        "cpu;az=y;host=z".to_owned(),
    ];
    let (text, spans) = batch(&sent);
    let mut ids = Vec::new();
    index.resolve(&text, &spans, &mut follow, &mut ids);
    assert_eq!(ids, [0, 0, UNKNOWN]);
    assert_eq!(index.lookup(TenantId::DEFAULT, &series), one.ok());
    assert_eq!(
        index.lookup(TenantId(1), &series),
        None,
        "another tenant's series is another series"
    );
}

#[test]
fn a_full_index_knows_what_it_knew() {
    let mut index = Index::new(1, 2);
    let mut follow = Follow::default();
    for text in ["a", "b"] {
        index
            .intern(TenantId::DEFAULT, &name(text), text.as_bytes(), &mut follow)
            .expect("room");
    }
    assert_eq!(
        index.intern(TenantId::DEFAULT, &name("c"), b"c", &mut follow),
        Err(Reason::SeriesFull)
    );
    assert!(
        index
            .intern(TenantId::DEFAULT, &name("a"), b".a", &mut follow)
            .is_ok()
    );
    assert_eq!(index.len(), 2);
}
