//! `corelane check` and `corelane dump` on the folder of a real appliance, whole and damaged by hand:
//! what they print and their exit codes. One test, because one folder serves for all of it. And
//! `corelane import` from sources that are not as they should be.

#[path = "../harness/mod.rs"]
mod harness;
mod moving;

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use harness::mounts::SmallDisk;
use harness::{ANSWER_WAIT, Ports, Scratch, start_process};
use rustix::process::Signal;

/// What a command said, both streams, and its exit code.
struct Said {
    text: String,
    code: Option<i32>,
}

fn corelane(words: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_corelane"))
        .args(words)
        .output()
        .expect("it starts");
    let text = [output.stdout, output.stderr].concat();
    Said {
        text: String::from_utf8(text).expect("text"),
        code: output.status.code(),
    }
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

/// Check `folder`, and see that it ends with `code` and says all of `wanted`.
#[track_caller]
fn check(folder: &Path, code: i32, wanted: &[&str]) {
    expect(&["check", path_text(folder)], code, wanted);
}

#[track_caller]
fn expect(words: &[&str], code: i32, wanted: &[&str]) -> String {
    let said = corelane(words);
    for want in wanted {
        assert!(
            said.text.contains(want),
            "{words:?}: no `{want}` in\n{}",
            said.text
        );
    }
    assert_eq!(said.code, Some(code), "{words:?}: {}", said.text);
    said.text
}

/// A file that is as it was again when this goes.
struct Held {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Held {
    fn new(path: PathBuf) -> Held {
        let bytes = fs::read(&path).expect("a file");
        Held { path, bytes }
    }

    fn flipped(path: PathBuf, at: usize) -> Held {
        let held = Held::new(path);
        let mut bytes = held.bytes.clone();
        bytes[at] ^= 0x10;
        fs::write(&held.path, bytes).expect("written");
        held
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = fs::write(&self.path, &self.bytes);
    }
}

fn send(ports: Ports, name: &str, first: u32) {
    let mut door = TcpStream::connect((Ipv4Addr::LOCALHOST, ports.graphite)).expect("open");
    for series in 0..50 {
        for point in first..first + 40 {
            let time = 1_700_000_000 + point;
            writeln!(door, "{name}.s{series} {point}.5 {time}").expect("sent");
        }
    }
}

fn ask(ports: Ports, method: &str, path: &str) -> String {
    let url = format!("http://127.0.0.1:{}{path}", ports.http);
    let answer = match method {
        "POST" => ureq::post(&url).send_empty(),
        "EVENT" => ureq::post(&url).send("{\"what\": \"told\"}"),
        _ => ureq::get(&url).call(),
    };
    let mut answer = answer.expect("an answer");
    answer.body_mut().read_to_string().expect("text")
}

/// Wait until so many points are in.
fn wait_for(ports: Ports, points: u64) {
    let end = Instant::now() + ANSWER_WAIT;
    loop {
        let text = ask(ports, "GET", "/metrics");
        let accepted = text
            .lines()
            .filter(|line| line.starts_with("corelane_points_accepted_total{"));
        let sum: f64 = accepted
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum();
        if points as f64 <= sum {
            return;
        }
        assert!(Instant::now() < end, "{sum} of {points} points\n{text}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The folder of an appliance that has sealed, made a snapshot, gone on, and been killed.
fn killed(scratch: &Scratch) -> PathBuf {
    let data = scratch.path().join("data");
    let (mut running, ports) = start_process("corelane", scratch.path(), |ports| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_corelane"));
        command
            .args(ports.flags())
            .args(["--shards", "1", "--data", path_text(&data)]);
        command
    });
    send(ports, "sealed", 0);
    wait_for(ports, 2_000);
    ask(ports, "POST", "/admin/seal");
    check(
        &data,
        2,
        &[
            "is in use by another corelane (process ",
            "A snapshot of it can be checked",
        ],
    );
    ask(ports, "EVENT", "/events/");
    ask(ports, "EVENT", "/events/");
    ask(ports, "POST", "/admin/snapshot?name=one");
    for burst in 1..=4 {
        send(ports, "sealed", burst * 40);
        wait_for(ports, 2_000 + 2_000 * u64::from(burst));
        // Longer than the commit interval: each burst has blocks of its own.
        std::thread::sleep(Duration::from_millis(250));
    }
    running.signal(Signal::KILL);
    running.wait(ANSWER_WAIT);
    data
}

fn only_file(folder: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files.into_iter().next().expect("a file")
}

/// Offsets of the blocks in a log, and their numbers.
fn blocks(log: &Path) -> Vec<(usize, u64)> {
    let text = expect(
        &["dump", path_text(log)],
        0,
        &["log file, version 1, shard 0"],
    );
    let block = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [offset, "block", number, ..] => Some((offset.parse().ok()?, number.parse().ok()?)),
            _ => None,
        }
    };
    text.lines().filter_map(block).collect()
}

/// Make the checksum of the header of a file of records right.
fn sign(header: &mut [u8]) {
    let own = crc32c::crc32c(&header[..4092]);
    header[4092..].copy_from_slice(&own.to_le_bytes());
}

#[test]
fn damage_is_named_and_counted_in_the_exit_code() {
    let scratch = Scratch::new("operate");
    let data = killed(&scratch);
    let segment = only_file(&data.join("segments"));
    let segment_name = format!(
        "segments/{}",
        segment.file_name().expect("a name").display()
    );
    let log = data.join("log/000-000001.log");
    let book = data.join("books/000000.book");

    // How much of the last bursts is sealed already is for the appliance to say.
    check(
        &data,
        0,
        &[
            " segments with 2",
            "1 books with 50 series, 1 logs with",
            "\nsound\n",
        ],
    );
    check(
        &data.join("snapshots/one"),
        0,
        &["1 segments with 2000 points", "0 logs", "\nsound\n"],
    );
    check(scratch.path(), 2, &["is no data folder of corelane"]);

    // Whole files.
    for detail in ["summary", "parts", "all"] {
        let dump = |file: &Path, wanted: &[&str]| {
            let words = ["dump", "--detail", detail, path_text(file)];
            expect(&words, 0, wanted)
        };
        let lines = dump(
            &segment,
            &["2000 points of 50 series", "all pages are whole"],
        );
        assert_eq!(
            lines.contains("page of points at 4096"),
            detail != "summary",
            "{lines}"
        );
        assert_eq!(lines.contains("series 49: "), detail == "all", "{lines}");
        let lines = dump(&book, &["book 0", "end: 50 series"]);
        assert_eq!(
            lines.contains("0: sealed.s0 (tenant 0, Double"),
            detail != "summary",
            "{lines}"
        );
        let lines = dump(&data.join("manifest"), &[" segments, ", " points; 1 books"]);
        assert_eq!(
            lines.contains("record at 4096"),
            detail != "summary",
            "{lines}"
        );
        assert_eq!(
            lines.contains("  List(SegmentInfo"),
            detail == "all",
            "{lines}"
        );
        let control = data.join("control.log");
        let lines = dump(&control, &["2 records; generation 2, 2 events"]);
        let is_told = lines.contains("what: \"told\"");
        assert_eq!(is_told, detail == "all", "{lines}");
        dump(&log, &["points, 50 definitions; 0 damaged blocks"]);
        dump(
            &data.join("identity"),
            &["identity of a data folder, version 1, whole"],
        );
    }
    expect(&["dump", path_text(&data)], 2, &["is a folder"]);
    expect(
        &["dump", path_text(&data.join("lock"))],
        0,
        &["the lock of a data folder: process "],
    );
    let spare = data.join("log/000-000009.log");
    fs::write(&spare, vec![0; 8 << 20]).expect("written");
    expect(&["dump", path_text(&spare)], 0, &["not used yet"]);
    fs::remove_file(&spare).expect("removed");
    let alien = scratch.path().join("alien");
    fs::write(&alien, "something else").expect("written");
    expect(&["dump", path_text(&alien)], 2, &["is no file of corelane"]);
    expect(
        &["dump", path_text(&data.join("nothing"))],
        2,
        &["cannot read"],
    );
    expect(&["check", "--data", "x", "y"], 2, &["none of the flags"]);

    // What users told.
    let control = data.join("control.log");
    let held = Held::flipped(control.clone(), 4096 + 30);
    let place = "DAMAGED control.log at byte 4096: ";
    check(
        &data,
        1,
        &[place, "a start is refused", "DAMAGED in 1 place,"],
    );
    expect(&["dump", path_text(&control)], 1, &["damaged at byte 4096"]);
    drop(held);
    let held = Held::flipped(control, 2 * 4096 + 30);
    check(
        &data,
        0,
        &[
            "control.log ends in a record that was cut",
            "if no power was lost",
            "\nsound\n",
        ],
    );
    drop(held);

    // Of a newer version is not damaged.
    for file in [&segment, &book] {
        let held = Held::new(file.clone());
        let mut newer = held.bytes.clone();
        newer[8] = 2;
        let end = newer.len() - 4096;
        if file == &segment {
            newer[end + 8] = 2;
        } else {
            sign(&mut newer[..4096]);
        }
        fs::write(file, &newer).expect("written");
        check(&data, 2, &["format", "newer one"]);
        drop(held);
    }

    // Where nothing can be written, whoever asks.
    if let Some(disk) = SmallDisk::tmpfs(scratch.path(), 512) {
        let copied = Command::new("cp")
            .args(["-a", "--sparse=always"])
            .args([data.join("."), disk.path().to_owned()])
            .status();
        assert!(copied.is_ok_and(|status| status.success()));
        disk.set_read_only(true);
        check(disk.path(), 0, &["\nsound\n"]);
    }

    // A page of a segment.
    let held = Held::flipped(segment.clone(), 4096 + 50);
    let place = format!("DAMAGED {segment_name} at byte 4096: ");
    check(
        &data,
        1,
        &[
            &place,
            "  means: what is here is missing",
            "  do: ",
            "DAMAGED in 1 place,",
        ],
    );
    expect(
        &["dump", path_text(&segment)],
        1,
        &["DAMAGED at byte 4096: "],
    );
    drop(held);

    // A segment cut short, and one that is gone.
    let held = Held::new(segment.clone());
    fs::write(&segment, &held.bytes[..8192]).expect("written");
    check(
        &data,
        1,
        &[&place, "its 2000 points from 2023-11-14T22:13:20Z"],
    );
    fs::remove_file(&segment).expect("removed");
    check(
        &data,
        1,
        &[&format!(
            "DAMAGED {segment_name}: it is listed but not there"
        )],
    );
    drop(held);

    // One that nobody lists.
    let stranger = data.join("segments/0000999999.seg");
    fs::copy(&segment, &stranger).expect("copied");
    check(
        &data,
        0,
        &["note: 1 segments that the manifest never knew", "\nsound\n"],
    );
    fs::remove_file(&stranger).expect("removed");

    // A block in the middle of the log, one at its end, and a log that is cut there.
    let blocks = blocks(&log);
    let [.., (middle, number), _, (last, _)] = blocks[..] else {
        panic!("few blocks: {blocks:?}");
    };
    let held = Held::flipped(log.clone(), middle + 200);
    let missing =
        format!("the blocks {number} to {number} of the log of shard 0 are missing or broken");
    check(
        &data,
        1,
        &["DAMAGED log/000-000001.log at byte ", &missing, "  do: "],
    );
    expect(
        &["dump", path_text(&log)],
        1,
        &["a block is damaged", "DAMAGED"],
    );
    drop(held);
    let held = Held::flipped(log.clone(), last + 200);
    check(
        &data,
        0,
        &[
            "note: the log of shard 0 ends in 1 damaged",
            "if no power was lost",
            "\nsound\n",
        ],
    );
    fs::write(&log, &held.bytes[..last + 2048]).expect("written");
    check(
        &data,
        0,
        &["note: the log of shard 0 ends in 1 damaged", "\nsound\n"],
    );
    drop(held);

    // What the segments need of the book.
    let held = Held::flipped(book.clone(), 4096 + 30);
    check(
        &data,
        1,
        &[
            "DAMAGED books/000000.book at byte 4096: ",
            "have no names, perhaps all from number 0 on",
        ],
    );
    drop(held);

    // The book of another shard, under this one's name.
    let held = Held::new(book.clone());
    let mut bytes = held.bytes.clone();
    bytes[24] = 7;
    let sum = crc32c::crc32c(&bytes[..4092]);
    bytes[4092..4096].copy_from_slice(&sum.to_le_bytes());
    fs::write(&book, &bytes).expect("written");
    check(
        &data,
        1,
        &[
            "DAMAGED books/000000.book: it is the file of book 7",
            "cannot be found, and a start is refused",
        ],
    );
    drop(held);

    // The identity, and the manifest, without which nothing is known.
    let held = Held::new(data.join("identity"));
    fs::remove_file(&held.path).expect("removed");
    check(&data, 1, &["DAMAGED identity: it is missing"]);
    drop(held);
    let held = Held::flipped(data.join("manifest"), 4096 + 30);
    check(
        &data,
        2,
        &[
            "the file `manifest` is damaged at byte 4096",
            "put it back from a snapshot",
        ],
    );
    expect(
        &["dump", path_text(&held.path)],
        1,
        &["DAMAGED: ", "at byte 4096"],
    );
    drop(held);

    check(&data, 0, &["\nsound\n"]);
}
