//! Points for whole lives of an appliance: late ones, repeated ones, of 1970, in any of several forms;
//! no value is sent twice.

use corelane::base::random::Random;

use crate::arrivals::START_S;
use crate::model::Key;

/// Canonical names, and what senders write.
const NAMES: [(&str, &str); LINES + 2] = [
    ("dc.h1.cpu", "dc.h1.cpu"),
    ("dc.h1.mem", "dc.h1.mem"),
    ("dc.h2.cpu", "dc.h2.cpu"),
    ("cpu;dc=x;host=a", "cpu;host=a;dc=x"),
    ("cpu;dc=x;host=b", "cpu;dc=x;host=b"),
    ("top", "top"),
    ("rare", "rare"),
    // These come by another door: whole numbers, and others.
    ("rest.count;host=a", "rest.count"),
    ("rest.load;host=a", "rest.load"),
];
/// So many of them come as lines.
const LINES: usize = 7;

/// The names of all series.
pub(crate) fn names() -> [&'static str; NAMES.len()] {
    NAMES.map(|(canonical, _)| canonical)
}

/// A read of whole lines, and the points in it.
pub(crate) struct Burst {
    pub(crate) text: Vec<u8>,
    pub(crate) points: Vec<(Key, f64)>,
}

/// Where the traffic is.
#[derive(Debug)]
pub(crate) struct Traffic {
    second: i64,
    step: i64,
    /// So many values were given out.
    values: u64,
}

impl Traffic {
    pub(crate) fn new(random: &mut Random) -> Traffic {
        Traffic {
            second: START_S,
            step: [1, 1, 10, 60][random.below(4) as usize],
            values: 0,
        }
    }

    /// The time of the newest points.
    pub(crate) fn now_ms(&self) -> i64 {
        self.second * 1000
    }

    /// Some points, a little later than the last ones.
    pub(crate) fn burst(&mut self, random: &mut Random) -> Burst {
        let mut burst = Burst {
            text: Vec::new(),
            points: Vec::new(),
        };
        let regular = random.chance(60);
        for _ in 0..1 + random.below(12) {
            self.second += self.step;
            if random.chance(2) {
                // Nothing came for a while.
                self.second += random.below(5_000) as i64;
            }
            for name in NAMES.iter().take(if regular { LINES - 1 } else { LINES }) {
                if regular || random.chance(30) {
                    let second = self.time(random);
                    self.push(&mut burst, *name, second, random);
                }
            }
        }
        burst
    }

    /// Some points as JSON, for the door that acknowledges them.
    pub(crate) fn posted(&mut self, random: &mut Random) -> Burst {
        let mut burst = Burst {
            text: Vec::new(),
            points: Vec::new(),
        };
        let mut lists = [String::new(), String::new()];
        for _ in 0..1 + random.below(8) {
            let whole = random.chance(50);
            let (list, name) = if whole {
                (&mut lists[0], NAMES[LINES].0)
            } else {
                (&mut lists[1], NAMES[LINES + 1].0)
            };
            self.second += 1;
            self.values += 1;
            let time = self.time(random) * 1000 + random.below(2) as i64 * 250;
            let text = if whole {
                format!("{}", self.values * 1_000_003)
            } else {
                format!("{}.75", self.values)
            };
            let comma = if list.is_empty() { "" } else { "," };
            *list += &format!("{comma}[{time},{text}]");
            let value = text.parse().expect("a number");
            burst.points.push(((name, time), value));
        }
        let [counts, loads] = lists;
        let of = |name: &str, list: String| {
            format!(r#"{{"name":"{name}","tags":{{"host":"a"}},"datapoints":[{list}]}}"#)
        };
        let parts = [(NAMES[LINES].1, counts), (NAMES[LINES + 1].1, loads)];
        let parts = parts.into_iter().filter(|(_, list)| !list.is_empty());
        let parts: Vec<String> = parts.map(|(name, list)| of(name, list)).collect();
        // Points arrive series by series.
        burst.points.sort_by_key(|((name, _), _)| *name);
        burst.text = format!("[{}]", parts.join(",")).into_bytes();
        burst
    }

    fn time(&self, random: &mut Random) -> i64 {
        let late = match random.below(100) {
            0..5 => random.below(60) as i64 * self.step,
            5..7 => random.below(10_000) as i64,
            7 => return 1 + random.below(30) as i64,
            _ => 0,
        };
        self.second - late
    }

    fn push(
        &mut self,
        burst: &mut Burst,
        (name, sent): (&'static str, &str),
        second: i64,
        random: &mut Random,
    ) {
        self.values += 1;
        let value = self.values;
        // All of these differ, whatever the forms of the others.
        let text = match random.below(12) {
            0 => format!("{value}.5"),
            1 => format!("-{value}"),
            2 => format!("{value}.125"),
            3 => format!("{value}e-9"),
            4 => format!("{value}.000000123456"),
            5 => format!("{value}e15"),
            _ => format!("{value}"),
        };
        let number: f64 = text.parse().expect("a number");
        burst
            .text
            .extend(format!("{sent} {text} {second}\n").bytes());
        burst.points.push(((name, second * 1000), number));
    }
}
