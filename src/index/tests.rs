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
                .intern(
                    TenantId::DEFAULT,
                    &name(sent),
                    Values::Double,
                    sent.as_bytes(),
                    follow,
                )
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
        let mut index = Index::new(seed, Bounds::series(100_000));
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
    let mut index = Index::new(1, Bounds::series(100_000));
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
    let mut index = Index::new(1, Bounds::series(10));
    let mut follow = Follow::default();
    let series = name("cpu;az=y;host=x");
    let one = index.intern(
        TenantId::DEFAULT,
        &series,
        Values::Double,
        b"cpu;host=x;az=y",
        &mut follow,
    );
    let two = index.intern(
        TenantId::DEFAULT,
        &series,
        Values::Double,
        b"cpu;az=y;host=x",
        &mut follow,
    );
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
    assert_eq!(
        index.lookup(TenantId::DEFAULT, &series, Values::Double),
        one.ok()
    );
    assert_eq!(
        index.lookup(TenantId(1), &series, Values::Double),
        None,
        "another tenant's series is another series"
    );
}

#[test]
fn a_full_index_knows_what_it_knew() {
    let mut index = Index::new(1, Bounds::series(2));
    let mut follow = Follow::default();
    for text in ["a", "b"] {
        index
            .intern(
                TenantId::DEFAULT,
                &name(text),
                Values::Double,
                text.as_bytes(),
                &mut follow,
            )
            .expect("room");
    }
    assert_eq!(
        index.intern(
            TenantId::DEFAULT,
            &name("c"),
            Values::Double,
            b"c",
            &mut follow
        ),
        Err(Reason::SeriesFull)
    );
    assert!(
        index
            .intern(
                TenantId::DEFAULT,
                &name("a"),
                Values::Double,
                b".a",
                &mut follow
            )
            .is_ok()
    );
    assert_eq!(index.len(), 2);
}

/// Long names, deep names, many tags, escapes, and forms of known names: what is kept stays within the
/// bound, and what is known goes on.
#[test]
fn no_names_take_more_bytes_than_the_bound() {
    let tagged = |i: u32| {
        let tags = (0..30).map(|k| (format!("key{i}x{k}"), format!("{i}{k}")));
        SeriesName::new("m".to_owned(), tags.collect())
    };
    let escaped = |i: u32| {
        let value = format!("{}{i}", ";".repeat(4_000));
        SeriesName::new("m".to_owned(), vec![("k".to_owned(), value)])
    };
    let deep = |i: u32| format!("{}{i:x}", format!("{i:x}.").repeat(300));
    let untagged = |metric: String| SeriesName::new(metric, Vec::new());
    type NameOf<'a> = &'a dyn Fn(u32) -> Result<SeriesName, Reason>;
    let sorts: [NameOf<'_>; 5] = [
        &|i| untagged(deep(i)),
        &|i| untagged(format!("{i}{}", "x".repeat(4_000))),
        &|i| untagged(format!("web.h{i}.cpu")),
        &tagged,
        &escaped,
    ];
    let bounds = Bounds {
        series_max: 1_000_000,
        bytes_max: 8 << 20,
    };
    for (sort, name_of) in sorts.into_iter().enumerate() {
        let (mut index, mut follow) = (Index::new(1, bounds), Follow::default());
        let first = name_of(0).expect("a good name");
        let mut refused = 0;
        for i in 0..100_000 {
            let name = name_of(i).expect("a good name");
            let sent = format!("~{}", name.text());
            match index.intern(
                TenantId::DEFAULT,
                &name,
                Values::Double,
                sent.as_bytes(),
                &mut follow,
            ) {
                Ok(_) => {}
                Err(reason) => {
                    assert_eq!(reason, Reason::SeriesFull);
                    refused += 1;
                }
            }
            // Another form of a known name.
            let sent = format!("~{i}");
            let known = index.intern(
                TenantId::DEFAULT,
                &first,
                Values::Double,
                sent.as_bytes(),
                &mut follow,
            );
            assert_eq!(known, Ok(SeriesId(0)), "sort {sort}");
            if refused == 2_000 {
                break;
            }
        }
        let (bytes, series) = (index.bytes(), index.len());
        assert!(0 < refused, "sort {sort}: {series} series, {bytes} bytes");
        assert!(
            bounds.bytes_max / 2 < bytes && bytes <= bounds.bytes_max + BLOCKS_BYTES,
            "sort {sort}: {bytes} bytes, {series} series"
        );
    }
}

#[test]
fn each_type_of_values_is_a_series_of_its_own() {
    let mut index = Index::new(1, Bounds::series(100));
    let mut follow = Follow::default();
    let mut intern = |index: &mut Index, text: &str, values| {
        let sent = format!("{text} {values:?}");
        let series = name(text);
        let id = index.intern(
            TenantId::DEFAULT,
            &series,
            values,
            sent.as_bytes(),
            &mut follow,
        );
        let id = id.expect("room");
        assert_eq!(index.values(id), values);
        assert_eq!(index.lookup(TenantId::DEFAULT, &series, values), Some(id));
        id
    };
    for text in ["a.b;k=v", "a.b"] {
        let long = intern(&mut index, text, Values::Long);
        let double = intern(&mut index, text, Values::Double);
        let again = intern(&mut index, text, Values::Long);
        assert_eq!(long, again);
        assert_ne!(index.identity(long), index.identity(double));
        assert_eq!(index.text(long), index.text(double));
    }
    let c = intern(&mut index, "c", Values::Double);
    let pattern = glob::Pattern::new("a.*").expect("a good pattern");
    let nodes = index
        .tree()
        .find(TenantId::DEFAULT, &pattern, 9)
        .expect("few");
    let leaves: Vec<SeriesId> = nodes.iter().filter_map(|node| node.leaf).collect();
    assert_eq!(leaves, [SeriesId(2)]);
    assert_eq!(index.twins(SeriesId(2)), [SeriesId(3)]);
    assert_eq!(index.twins(c), []);
}

/// After a start every series is known by its text; a door that names them in another way teaches the index
/// that way, and is predicted from then on.
#[test]
fn a_restored_series_is_expected_as_it_is_sent() {
    let mut index = Index::new(3, Bounds::series(1_000));
    let texts: Vec<String> = (0..50).map(|i| format!("m;host=h{i}")).collect();
    for text in &texts {
        let id = index.restore(TenantId::DEFAULT, &name(text), Values::Long);
        assert!(id.is_some());
    }
    let sent: Vec<String> = (0..50).map(|i| format!("\n\u{4}m host=h{i}")).collect();
    let mut follow = Follow::default();
    for round in 0..3 {
        let (text, spans) = batch(&sent);
        let mut ids = Vec::new();
        index.resolve(&text, &spans, &mut follow, &mut ids);
        for (i, id) in ids.into_iter().enumerate() {
            let (own, sent) = (name(&texts[i]), sent[i].as_bytes());
            let id = if id == UNKNOWN {
                assert_eq!(round, 0, "it is met once");
                let met = index.intern(TenantId::DEFAULT, &own, Values::Long, sent, &mut follow);
                met.expect("room").0
            } else {
                id
            };
            assert_eq!(index.text(SeriesId(id)), texts[i]);
            assert!(index.was_sent_as(id, sent));
        }
    }
    // The text is a form still, also when the tables have grown.
    for i in 0..900 {
        let text = format!("other{i}");
        let new = index.intern(
            TenantId::DEFAULT,
            &name(&text),
            Values::Double,
            text.as_bytes(),
            &mut follow,
        );
        assert!(new.is_ok());
    }
    for forms in [&texts, &sent] {
        let (text, spans) = batch(forms);
        let mut ids = Vec::new();
        index.resolve(&text, &spans, &mut Follow::default(), &mut ids);
        assert_eq!(ids, (0..50).collect::<Vec<u32>>());
    }
    // A second form is an alias as ever.
    let other = b"\n\x04m  host=h7";
    let again = index.intern(
        TenantId::DEFAULT,
        &name(&texts[7]),
        Values::Long,
        other,
        &mut follow,
    );
    assert_eq!(again, Ok(SeriesId(7)));
    assert!(index.was_sent_as(7, sent[7].as_bytes()));
}
