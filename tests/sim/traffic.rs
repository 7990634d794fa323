//! Points for whole lives of an appliance: late ones, repeated ones, of 1970, in any of several forms;
//! no value is sent twice.

use corelane::base::random::Random;
use corelane::base::varint;
use corelane::model::number::Number;
use corelane::model::sample::{Samples, Span};
use corelane::model::series::Values;

use crate::arrivals::START_S;
use crate::model::Key;

/// Canonical names, and what senders write.
const NAMES: [(&str, &str); LINES + 4] = [
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
    // These are texts,
    ("rest.state;host=a", TEXTS),
    // and these stay for several times, or for ever.
    ("rest.mortal;host=a", "rest.mortal"),
];
/// The metric whose values are texts.
pub(crate) const TEXTS: &str = "rest.state";
/// Seconds for which points stay; 0 is for ever.
const TTLS: [u32; 4] = [0, 1, 2, 30];
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
    /// How long they stay, in seconds; 0 is for ever.
    pub(crate) ttl_seconds: u32,
    /// Where they are decoded already.
    pub(crate) samples: Option<Samples>,
}

impl Burst {
    fn new() -> Burst {
        Burst {
            text: Vec::new(),
            points: Vec::new(),
            ttl_seconds: 0,
            samples: None,
        }
    }
}

/// What a text stands for.
pub(crate) fn number_of(text: &str) -> f64 {
    let number = text.trim_end_matches('é').parse();
    number.expect("a text of this traffic")
}

/// Where the traffic is.
#[derive(Debug)]
pub(crate) struct Traffic {
    second: i64,
    step: i64,
    /// So many values were given out.
    values: u64,
    last_text: f64,
}

impl Traffic {
    pub(crate) fn new(random: &mut Random) -> Traffic {
        Traffic {
            second: START_S,
            step: [1, 1, 10, 60][random.below(4) as usize],
            values: 0,
            last_text: 0.5,
        }
    }

    /// The time of the newest points.
    pub(crate) fn now_ms(&self) -> i64 {
        self.second * 1000
    }

    /// Some points, a little later than the last ones.
    pub(crate) fn burst(&mut self, random: &mut Random) -> Burst {
        let mut burst = Burst::new();
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
        let mut burst = Burst::new();
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

    /// Some points of one read that come as they are decoded: texts, or such that may expire.
    pub(crate) fn decoded(&mut self, random: &mut Random) -> Burst {
        let mut burst = Burst::new();
        let mut samples = Samples::default();
        let texts = random.chance(50);
        let (values, name, ttl_seconds) = match texts {
            true => (Values::Text, NAMES[LINES + 2], 0),
            false => {
                let ttl = TTLS[random.below(TTLS.len() as u64) as usize];
                (Values::Double, NAMES[LINES + 3], ttl)
            }
        };
        let form = sent_form(values, ttl_seconds, name.1, &[("host", "a")]);
        let span = put(&form, &mut burst.text);
        let count = 1 + random.below(8);
        for _ in 0..count {
            self.second += 1;
            self.values += 1;
            let time = self.time(random) * 1000 + random.below(2) as i64 * 250;
            let mut value = self.values as f64 + 0.5;
            if texts {
                // A late one would not be told from another of its time.
                if time / 1000 == self.second && random.chance(40) {
                    value = self.last_text;
                }
                self.last_text = value;
                let long = if random.chance(5) { 9_000 } else { 3 };
                let text = format!("{value}{}", "é".repeat(random.below(long) as usize));
                let text = put(text.as_bytes(), &mut burst.text);
                samples.push_text(span, time, text);
            } else {
                samples.push(span, time, Number::float(value));
            }
            burst.points.push(((name.0, time), value));
        }
        burst.ttl_seconds = ttl_seconds;
        burst.samples = Some(samples);
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

/// Append bytes; where they are.
fn put(bytes: &[u8], text: &mut Vec<u8>) -> Span {
    let start = text.len() as u32;
    text.extend_from_slice(bytes);
    Span {
        start,
        len: bytes.len() as u32,
    }
}

/// A series as KairosDB's doors name it.
fn sent_form(values: Values, ttl_seconds: u32, metric: &str, tags: &[(&str, &str)]) -> Vec<u8> {
    let mut form = vec![b'\n', values as u8];
    varint::push(u64::from(ttl_seconds), &mut form);
    let tags = tags.iter().flat_map(|&(key, value)| [key, value]);
    for part in std::iter::once(metric).chain(tags) {
        varint::push(part.len() as u64, &mut form);
        form.extend_from_slice(part.as_bytes());
    }
    form
}
