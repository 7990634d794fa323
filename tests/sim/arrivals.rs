//! Made-up traffic: reads of a few lines each, with late, repeated and odd points.

use corelane::base::random::Random;

pub(crate) const START_S: i64 = 1_700_000_000;

/// The bytes of one socket read, and when it happened.
pub(crate) struct Read {
    pub(crate) text: Vec<u8>,
    pub(crate) stamp: u64,
    pub(crate) newest_s: i64,
}

impl Read {
    pub(crate) fn of(text: &str, stamp: u64, newest_s: i64) -> Read {
        Read {
            text: text.as_bytes().to_vec(),
            stamp,
            newest_s,
        }
    }
}

/// A run of reads in arrival order, each with a stamp of its own.
pub(crate) fn reads(random: &mut Random) -> Vec<Read> {
    let names = [
        "dc.h1.cpu",
        "dc.h1.mem",
        "dc.h2.cpu",
        "dc.h10.cpu",
        "cpu;host=a;dc=x",
        "cpu;dc=x;host=b",
        "top",
    ];
    let step = [1, 1, 10, 60][random.below(4) as usize];
    let jitter = random.chance(30);
    let rounds = 20 + random.below(40) as i64;
    let (mut reads, mut stamp) = (Vec::new(), 1_000);
    for round in 0..rounds {
        let second = START_S + round * step;
        let mut text = String::new();
        for name in names {
            if random.chance(5) {
                continue;
            }
            let late = if random.chance(8) {
                random.below(900) as i64
            } else {
                0
            };
            let fraction = if jitter {
                format!(".{:03}", random.below(1000))
            } else {
                String::new()
            };
            let value =
                random.below(10_000) as f64 / [1.0, 4.0, 10.0, 100.0][random.below(4) as usize];
            let time = format!("{}{fraction}", second - late);
            text += &format!("{name} {value} {time}\n");
            if random.chance(5) {
                // The same instant again; the later arrival wins.
                text += &format!("{name} {} {time}\n", value + 1.0);
            }
            if random.chance(25) {
                stamp += 1 + random.below(2_000);
                reads.push(Read {
                    text: std::mem::take(&mut text).into_bytes(),
                    stamp,
                    newest_s: second,
                });
            }
        }
        stamp += 1 + random.below(2_000);
        reads.push(Read {
            text: text.into_bytes(),
            stamp,
            newest_s: second,
        });
    }
    reads
}
