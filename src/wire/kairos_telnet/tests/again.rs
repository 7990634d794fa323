//! Lines that senders send again, with other numbers.

use super::*;

/// A line but for its numbers: command, metric, what stands behind its value.
fn form(random: &mut Random, i: u64) -> [String; 3] {
    let command = ["put", "put", "put", "putm", "puts"][random.below(5) as usize];
    let metric = match random.below(12) {
        0 => format!("\"a b{i}\""),
        1 => format!("{}{i}", "long".repeat(random.below(40) as usize)),
        2 => format!("größe{i}"),
        _ => format!("servers.cpu{i}.idle"),
    };
    let tags = match random.below(14) {
        0 => String::new(),
        1 => " ".to_owned(),
        2 => "  a=b".to_owned(),
        3 => " a=b\r".to_owned(),
        4 => "\r".to_owned(),
        5 => " bad".to_owned(),
        6 => " host=h1 kairos_opt.ttl=30".to_owned(),
        7 => format!(" host={}", "h".repeat(random.below(90) as usize)),
        _ => format!(" host=h{} dc=north", i % 7),
    };
    [command.to_owned(), metric, tags]
}

fn numbers(random: &mut Random, round: u64) -> [String; 2] {
    let pick = |random: &mut Random, some: &[&str]| {
        some[random.below(some.len() as u64) as usize].to_owned()
    };
    let time = match random.below(30) {
        0 => pick(
            random,
            &[
                "1",
                "-5",
                "99",
                "0001700000000",
                "3000000000",
                "x",
                "12345678901234",
                "\0\0\0\0\0\0\0\0\0\0",
                "\0\0\0\0\0\0\0\0\0\0\0\0\0",
            ],
        ),
        1..=8 => (1_700_000_000_000 + round).to_string(),
        _ => (1_700_000_000 + round).to_string(),
    };
    let value = match random.below(30) {
        0 => pick(
            random,
            &[
                "0", "-0", "00", "007", "1.", ".5", "1e5", "1.5e3", "nan", "-", "1.2.3", "",
            ],
        ),
        1 => pick(
            random,
            &[
                "-0.0",
                "0.0",
                "12345678901234567890",
                "1234567890.123456789",
                "5 ",
                " 5",
            ],
        ),
        2..=12 => format!("{}.{}", random.below(100), random.below(1000)),
        _ => (random.below(2_000_000) as i64 - 1_000_000).to_string(),
    };
    [time, value]
}

#[test]
fn familiar_lines_are_what_they_would_be_anew() {
    let sets = Isa::available();
    for seed in 0..150 {
        let random = &mut Random::new(seed);
        let options = Options {
            line_bytes_max: [60, 65_536][usize::from(random.chance(90))],
            charset: [Charset::Utf8, Charset::Latin1][random.below(2) as usize],
            ..Options::default()
        };
        let isa = sets[random.below(sets.len() as u64) as usize];
        let mut decoder = Decoder::new(Scanner::new(isa), options, seed);
        let mut known = Known::default();
        let mut connections: Vec<(Habit, Vec<[String; 3]>)> = (0..1 + random.below(3))
            .map(|_| {
                let lines = [5, 60, 400][random.below(3) as usize];
                let forms = (0..1 + random.below(lines))
                    .map(|i| form(random, i))
                    .collect();
                (Habit::default(), forms)
            })
            .collect();
        for round in 0..6 {
            let at = random.below(connections.len() as u64) as usize;
            let (habit, forms) = &mut connections[at];
            if random.chance(20) {
                random.shuffle(forms);
            }
            let mut text = String::new();
            for [command, metric, tags] in forms.iter() {
                if random.chance(2) {
                    text += ["version\n", "\n", "bogus\n"][random.below(3) as usize];
                }
                let [time, value] = numbers(random, round);
                text += &format!("{command} {metric} {time} {value}{tags}\n");
            }
            // A line that is not whole waits.
            text.truncate(text.len() - usize::from(random.chance(10)));
            let got = fast_knowing(&mut decoder, habit, &mut known, text.as_bytes());
            assert_eq!(
                got,
                naive(options, text.as_bytes()),
                "seed {seed} round {round}"
            );
        }
    }
}

/// Lines of `count` series in one order, a value of each.
fn stable(name: &str, count: usize, round: usize) -> String {
    (0..count)
        .map(|i| {
            format!(
                "put {name}.{i} {} {}.5 host=h\n",
                1_700_000_000 + round,
                i + round
            )
        })
        .collect()
}

#[test]
fn what_comes_again_in_order_is_familiar_and_needs_no_name() {
    let mut decoder = Decoder::new(Scanner::new(Isa::available()[0]), options(), 1);
    let mut known = Known::default();
    let mut habits = [Habit::default(); 2];
    for round in 0..4 {
        // Of two connections by turns, each in parts.
        for part in 0..2 {
            for (habit, name) in habits.iter_mut().zip(["a", "b"]) {
                let text = stable(&format!("{name}.{part}"), 700, round);
                let got = fast_knowing(&mut decoder, habit, &mut known, text.as_bytes());
                assert_eq!(got, naive(options(), text.as_bytes()));
            }
        }
    }
    assert_eq!(decoder.familiar.len(), 4 * 700, "nothing is learned twice");
    for habit in habits {
        let (held, missed) = habit.counts();
        assert!(2 * 2 * 690 < held && missed < 20, "{held} {missed}");
    }
    let (text, mut samples) = (stable("a.0", 100, 9), Samples::default());
    decoder.decode(
        text.as_bytes(),
        &mut habits[0],
        &mut samples,
        &mut Vec::new(),
    );
    let named = samples.names.iter().filter(|name| name.series().is_none());
    assert!(named.count() <= 1);
}

#[test]
fn a_connection_without_an_order_is_let_be_for_a_while() {
    let mut decoder = Decoder::new(Scanner::new(Isa::available()[0]), options(), 1);
    let (mut habit, mut known) = (Habit::default(), Known::default());
    let mut random = Random::new(3);
    let mut order: Vec<usize> = (0..300).collect();
    let mut send = |order: &[usize], habit: &mut Habit| {
        let lines = order
            .iter()
            .map(|i| format!("put m.{i} 1700000000 1 host=h\n"));
        let text: String = lines.collect();
        let got = fast_knowing(&mut decoder, habit, &mut known, text.as_bytes());
        assert_eq!(got, naive(options(), text.as_bytes()));
    };
    send(&order, &mut habit);
    for _ in 0..3 {
        random.shuffle(&mut order);
        send(&order, &mut habit);
    }
    assert!(habit.is_lost());
    // It has come to keep one.
    for _ in 0..300 {
        send(&order, &mut habit);
    }
    let (held, missed) = habit.counts();
    assert!(!habit.is_lost() && missed < held, "{held} {missed}");
}
