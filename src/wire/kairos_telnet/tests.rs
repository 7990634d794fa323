mod again;

use super::super::familiar::known::Known;
use super::super::kairos_sent;
use super::*;
use crate::base::random::Random;
use crate::model::refusal::{Reason, Refusals};
use crate::simd::Isa;

/// What came of lines, in words: the same from the decoder and from the twin below.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    points: Vec<String>,
    refused: Vec<(Reason, u64)>,
    answers: String,
}

fn options() -> Options {
    Options::default()
}

fn shown(name: &str, values: Values, ttl: u32, time_ms: i64, value: &str) -> String {
    format!("{name} {time_ms} {values:?}:{value} {ttl}")
}

/// The decoder, in as many calls as it wants; names are read as the index would when it meets them.
fn fast(isa: Isa, options: Options, text: &[u8]) -> (Outcome, usize) {
    let mut decoder = Decoder::new(Scanner::new(isa), options, 1);
    fast_knowing(
        &mut decoder,
        &mut Habit::default(),
        &mut Known::default(),
        text,
    )
}

/// The same by one that has decoded before.
fn fast_knowing(
    decoder: &mut Decoder,
    habit: &mut Habit,
    known: &mut Known,
    text: &[u8],
) -> (Outcome, usize) {
    let (mut samples, mut answers) = (Samples::default(), Vec::new());
    let (mut outcome, mut at) = (Outcome::default(), 0);
    loop {
        let taken = decoder.decode(&text[at..], habit, &mut samples, &mut answers);
        decoder.learn(&known.series(&samples, decoder.text()));
        for i in 0..samples.len() {
            let read = kairos_sent::name_of(known.name(samples.names[i], decoder.text()));
            let sent = match read {
                Ok(sent) => sent,
                Err(reason) => {
                    samples.refuse(reason);
                    continue;
                }
            };
            let number = samples.numbers[i];
            let value = match sent.values {
                Values::Long => number.mantissa.to_string(),
                Values::Double => number.to_f64().to_string(),
                Values::Text => {
                    assert!(samples.has_texts);
                    let (start, len) = (number.mantissa as u64 >> 32, number.mantissa as u32);
                    let text = &decoder.text()[start as usize..start as usize + len as usize];
                    String::from_utf8(text.to_vec()).expect("text")
                }
            };
            let name = sent.name.text();
            outcome.points.push(shown(
                &name,
                sent.values,
                sent.ttl_seconds,
                samples.times[i],
                &value,
            ));
        }
        samples.clear();
        if taken == 0 {
            break;
        }
        at += taken;
    }
    outcome.refused = samples.refusals.iter().collect();
    outcome.answers = String::from_utf8(answers).expect("text");
    (outcome, at)
}

/// The words of a line, by the letters of the specification.
fn words(line: &str) -> Vec<String> {
    let letters: Vec<char> = line.chars().collect();
    let blank = |at: usize| letters.get(at).is_none_or(|&c| c <= ' ');
    let (mut words, mut at) = (Vec::new(), 0);
    while at < letters.len() {
        if letters[at] <= ' ' {
            at += 1;
        } else if letters[at] == '"' {
            let close = (at + 1..letters.len()).find(|&i| letters[i] == '"' && blank(i + 1));
            let end = close.unwrap_or(letters.len());
            words.push(letters[at + 1..end].iter().collect());
            at = end + 1;
        } else {
            let end = (at..).find(|&i| blank(i)).expect("the end");
            words.push(letters[at..end].iter().collect());
            at = end;
        }
    }
    words
}

/// A line as the specification tells it, with nothing of the decoder's but its numbers of doubles.
fn naive_line(line: &str, options: Options) -> Result<Option<String>, Reason> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let bytes = match options.charset {
        Charset::Utf8 => line.len(),
        Charset::Latin1 => line.chars().count(),
    };
    if options.line_bytes_max < bytes {
        return Err(Reason::LineLong);
    }
    let words = words(line);
    let command = words.first().map_or("", String::as_str);
    if command == "version" {
        return Ok(None);
    }
    if !["put", "putm", "puts"].contains(&command) {
        return Err(Reason::Command);
    }
    let [_, metric, time, value, tags @ ..] = &words[..] else {
        return Err(Reason::Fields);
    };
    let long = |text: &str, reason| match text.starts_with('+') {
        true => Err(reason),
        false => text.parse::<i64>().map_err(|_| reason),
    };
    let mut time_ms = long(time, Reason::Timestamp)?;
    if command == "put" && time_ms < 3_000_000_000 {
        time_ms = time_ms.wrapping_mul(1000);
    }
    let (values, value) = if command == "puts" {
        (Values::Text, value.clone())
    } else if value.contains('.') {
        let number = number::number(value.as_bytes())?;
        (Values::Double, number.to_f64().to_string())
    } else if value.eq_ignore_ascii_case("nan") {
        return Err(Reason::NotANumber);
    } else {
        (Values::Long, long(value, Reason::Value)?.to_string())
    };
    if metric.is_empty() {
        return Err(Reason::NameEmpty);
    }
    let (mut own, mut ttl) = (std::collections::BTreeMap::new(), 0);
    for tag in tags {
        let mut pieces: Vec<&str> = tag.split('=').collect();
        while pieces.last() == Some(&"") {
            pieces.pop();
        }
        let [key, value, ..] = pieces[..] else {
            return Err(Reason::Tag);
        };
        if key == "kairos_opt.ttl" {
            ttl = value.parse::<i32>().map_err(|_| Reason::Tag)?.max(0) as u32;
        } else if key.is_empty() || value.is_empty() || own.insert(key, value).is_some() {
            return Err(Reason::Tag);
        }
    }
    if own.is_empty() {
        own.insert("add", "tag");
    }
    let own = own.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned()));
    let name = crate::model::series::SeriesName::new(metric.clone(), own.collect())?;
    Ok(Some(shown(&name.text(), values, ttl, time_ms, &value)))
}

fn naive(options: Options, text: &[u8]) -> (Outcome, usize) {
    let (mut outcome, mut start) = (Outcome::default(), 0);
    let mut refusals = Refusals::default();
    while let Some(len) = text[start..].iter().position(|&byte| byte == b'\n') {
        let line = &text[start..start + len];
        start += len + 1;
        // Bytes that are no text are refused where they are looked at, which is behind all else.
        let line = match options.charset {
            Charset::Latin1 => line.iter().map(|&byte| char::from(byte)).collect(),
            Charset::Utf8 => match String::from_utf8(line.to_vec()) {
                Ok(line) => line,
                Err(_) => {
                    match line_of_bytes(line, options) {
                        Ok(()) => {}
                        Err(reason) => refusals.count(reason),
                    }
                    continue;
                }
            },
        };
        match naive_line(&line, options) {
            Ok(Some(point)) => outcome.points.push(point),
            Ok(None) => outcome.answers += "KairosDB 1.3.0-1.20210808220820\n",
            Err(reason) => refusals.count(reason),
        }
    }
    outcome.refused = refusals.iter().collect();
    (outcome, start)
}

/// What is wrong with a line that is no UTF-8: as with letters that are, unless they stand in metric, tags or
/// text.
fn line_of_bytes(line: &[u8], options: Options) -> Result<(), Reason> {
    let letters: String = line.iter().map(|&byte| char::from(byte)).collect();
    let latin = Options {
        charset: Charset::Latin1,
        ..options
    };
    let words = words(letters.strip_suffix('\r').unwrap_or(&letters));
    match naive_line(&letters, latin) {
        Ok(None) => panic!("`version` with anything behind it is ASCII in these tests"),
        Err(
            reason @ (Reason::LineLong
            | Reason::Command
            | Reason::Fields
            | Reason::Timestamp
            | Reason::Value
            | Reason::NotANumber),
        ) => Err(reason),
        _ if words[0] == "puts" && !words[3].is_ascii() => {
            let bytes: Vec<u8> = words[3].chars().map(|c| c as u8).collect();
            Err(match std::str::from_utf8(&bytes) {
                Ok(_) => Reason::NameUtf8,
                Err(_) => Reason::Value,
            })
        }
        _ => Err(Reason::NameUtf8),
    }
}

#[track_caller]
fn check(line: &str, want: &str) {
    let text = format!("{line}\n");
    let (outcome, taken) = fast(Isa::available()[0], options(), text.as_bytes());
    let refused = outcome.refused.iter();
    let refused = refused.map(|(reason, n)| format!("{}:{n}", reason.label()));
    let got: Vec<String> = outcome.points.iter().cloned().chain(refused).collect();
    assert_eq!(
        (got.join(", ").as_str(), taken),
        (want, text.len()),
        "{line:?}"
    );
    assert_eq!(outcome, naive(options(), text.as_bytes()).0, "{line:?}");
}

#[test]
fn the_cases_of_the_specification() {
    let t1 = "test.metric;host=h1 1700000000000 Long:123 0";
    check("put test.metric 1700000000 123  host=h1", t1);
    check("put test.metric  1700000000   123 host=h1", t1); // T2
    check("put\ttest.metric\t1700000000\t123\thost=h1\r", t1);
    check(
        "put M 12345678999 789 foo=bar fum=barfum",
        "M;foo=bar;fum=barfum 12345678999 Long:789 0",
    ); // T3
    check("put m 2999999999 1 a=b", "m;a=b 2999999999000 Long:1 0"); // T4
    check("put m 3000000000 1 a=b", "m;a=b 3000000000 Long:1 0");
    check("putm m 1700000000 1 a=b", "m;a=b 1700000000 Long:1 0"); // T5
    check(
        "put m 1700000000 123 host=h kairos_opt.ttl=30",
        "m;host=h 1700000000000 Long:123 30",
    ); // T6
    check("put m 1700000000 1", "m;add=tag 1700000000000 Long:1 0"); // T7
    check(
        "put 你好 12345678999 789 a=b:c d:e=f",
        "你好;a=b:c;d:e=f 12345678999 Long:789 0",
    ); // T8
    for bad in ["=x", "fum=", "fum-x"] {
        check(&format!("put m 1 2 foo=bar {bad}"), "tag:1"); // T9
    }
    check(
        "puts m 1700000000000 hello a=b",
        "m;a=b 1700000000000 Text:hello 0",
    ); // T13
    check("bogus", "command:1"); // T14
    check("", "command:1");
    check("put m 1700000000 1e3 a=b", "value:1"); // T15
    check(
        "put m 1700000000 1.5e3 a=b",
        "m;a=b 1700000000000 Double:1500 0",
    );
}

#[test]
fn numbers_and_times() {
    let number = |text: &str, want: &str| {
        check(&format!("put some.metric 1700000000 {text} a=b"), want);
    };
    let good = |text: &str, want: &str| {
        number(text, &format!("some.metric;a=b 1700000000000 {want} 0"));
    };
    good("5.", "Double:5");
    good("5.0", "Double:5");
    good(".5", "Double:0.5");
    good("-.5", "Double:-0.5");
    good("-0", "Long:0");
    good("-0.0", "Double:-0");
    good("9223372036854775807", "Long:9223372036854775807");
    good("-9223372036854775808", "Long:-9223372036854775808");
    good("9007199254740993", "Long:9007199254740993");
    good("0.30000000000000004", "Double:0.30000000000000004");
    for bad in [
        "+5",
        "abc",
        "Infinity",
        "1.0f",
        "0x1.8p1",
        "1.0E400",
        "9223372036854775808",
        "-",
        ".",
    ] {
        number(bad, "value:1");
    }
    number("NaN", "nan:1");
    let time = |text: &str, want: &str| {
        check(
            &format!("put some.metric {text} 1 a=b"),
            &format!("some.metric;a=b {want} Long:1 0"),
        );
    };
    time("-5", "-5000");
    time("0", "0");
    time("-9223372036854775808", "0");
    time("1700000000123", "1700000000123");
    time("0001700000000", "1700000000000");
    time("9999999999", "9999999999");
    for bad in ["+5", "1700000000.5", "1.7e9", "x", "99999999999999999999"] {
        check(&format!("put some.metric {bad} 1 a=b"), "timestamp:1");
    }
    check("put m 1", "fields:1");
    check("put", "fields:1");
    check("PUT m 1 2", "command:1");
}

#[test]
fn texts_are_taken_as_they_are() {
    check("puts m 17 \"a text\" k=v", "m;k=v 17 Text:a text 0");
    check("puts m 17 \"\"", "m;add=tag 17 Text: 0");
    check("puts \"a b\" 17 1.5 k=v", "a b;k=v 17 Text:1.5 0");
    check("puts m 17", "fields:1");
    let latin = Options {
        charset: Charset::Latin1,
        ..options()
    };
    let (outcome, _) = fast(Isa::Scalar, latin, b"puts caf\xe9 17 na\xefve k=\xfc\n");
    assert_eq!(outcome.points, ["café;k=ü 17 Text:naïve 0"]);
    let (outcome, _) = fast(Isa::Scalar, options(), b"puts m 17 na\xefve k=v\n");
    assert_eq!(outcome.refused, [(Reason::Value, 1)]);
}

#[test]
fn lines_over_the_limit_and_answers_in_order() {
    let short = Options {
        line_bytes_max: 1024,
        ..options()
    };
    let long = format!("put m 1700000000 1 a={}\n", "x".repeat(4096));
    let just = format!("put m 1700000000 1 a={}\r\n", "x".repeat(1003));
    let over = format!("put m 1700000000 1 a={}\n", "x".repeat(1004));
    let text = format!("{long}{just}version\n{over}put m 1700000000 1 a=b\n"); // T10
    for isa in Isa::available() {
        let (outcome, taken) = fast(isa, short, text.as_bytes());
        assert_eq!((outcome.points.len(), taken), (2, text.len()));
        assert_eq!(outcome.refused, [(Reason::LineLong, 2)]);
        assert_eq!(outcome.answers, format!("{VERSION}\n"));
    }
    let wide = Options {
        line_bytes_max: 4148,
        ..options()
    };
    let (m, v) = ("m".repeat(2048), "v".repeat(2048));
    let text = format!("put {m} 1700000000 1 k={v}\n"); // T11
    assert_eq!(fast(Isa::Scalar, wide, text.as_bytes()).0.points.len(), 1);
    let (outcome, _) = fast(Isa::Scalar, options(), b"bogus\n\nversion\n"); // T14
    assert_eq!(outcome.answers, format!("{VERSION}\n"));
}

#[test]
fn errors_are_told_where_that_is_wanted() {
    let telling = Options {
        tells_errors: true,
        line_bytes_max: 60,
        ..options()
    };
    let text = format!(
        "bogus\nput m 1\nput m x 2 a=b\nput m 1 x a=b\nput m 1 2 a=b =x\nput m 1 2 a=b\nversion\n{}\n",
        "y".repeat(61)
    );
    let (outcome, taken) = fast(Isa::available()[0], telling, text.as_bytes());
    let told: Vec<&str> = outcome.answers.lines().collect();
    assert_eq!(taken, text.len());
    assert_eq!(
        told,
        [
            "unknown command; there are put, putm, puts and version",
            "put: a metric, a timestamp and a value are needed",
            "put: the timestamp must be a whole number of 64 bits",
            "put: the value must be a whole number of 64 bits, or a finite number with a dot",
            "put: tag[1].name may not be empty.",
            VERSION,
            "put: a line has at most 60 bytes",
        ]
    );
    assert_eq!(outcome.points, ["m;a=b 1000 Long:2 0"]);
    assert_eq!(outcome.refused.iter().map(|(_, n)| n).sum::<u64>(), 6);
}

/// A line, usual or not, made from pieces that matter.
fn random_line(random: &mut Random, text: &mut Vec<u8>) {
    let pieces: [&[u8]; 26] = [
        b" ",
        b" ",
        b"  ",
        b"\t",
        b"\r",
        b"\0",
        b"put",
        b"putm ",
        b"puts ",
        b"\"",
        b"\" ",
        b"=",
        b"a=b",
        b"k=v",
        b"k==v",
        b"1",
        b"12.5",
        b"1700000000",
        b"1700000000123",
        b"3000000000",
        b"-",
        b".",
        b"kairos_opt.ttl=7",
        b"\xff",
        b"\xc3\xa9",
        b"99999999999999999",
    ];
    if random.chance(60) {
        let name = b"dc1.h000012.cpu.c03.user";
        let command: &[u8] = [&b"put"[..], b"putm", b"puts"][random.below(3) as usize];
        text.extend_from_slice(command);
        text.push(b' ');
        text.extend_from_slice(&name[..1 + random.below(23) as usize]);
        let times = [
            format!("17{:08}", random.below(99_999_999)),
            format!("17{:011}", random.below(99_999_999_999)),
        ];
        text.extend_from_slice(
            format!(
                " {} {}{}",
                times[random.below(2) as usize],
                random.below(999),
                [".5", "", ".", "e1"][random.below(4) as usize]
            )
            .as_bytes(),
        );
        for i in 0..random.below(4) {
            text.extend_from_slice(format!(" k{i}=v{}", random.below(9)).as_bytes());
        }
    }
    while random.chance(if text.is_empty() { 90 } else { 40 }) {
        text.extend_from_slice(pieces[random.below(26) as usize]);
    }
}

#[test]
fn fast_and_slow_agree_on_anything() {
    for seed in 0..600 {
        let mut random = Random::new(seed);
        let mut text = Vec::new();
        for _ in 0..random.below(40) {
            random_line(&mut random, &mut text);
            text.push(b'\n');
        }
        for _ in 0..random.below(4) {
            if !text.is_empty() {
                let at = random.below(text.len() as u64) as usize;
                text[at] = random.next_u64() as u8;
            }
        }
        let options = Options {
            charset: Charset::ALL[random.below(2) as usize].1,
            line_bytes_max: [60, 64 * 1024][random.below(2) as usize],
            ..options()
        };
        let want = naive(options, &text);
        for isa in Isa::available() {
            assert_eq!(
                fast(isa, options, &text),
                want,
                "seed {seed} {}",
                isa.label()
            );
        }
        // The slow rule for every line says the same, and more.
        let telling = Options {
            tells_errors: true,
            ..options
        };
        let (told, taken) = fast(Isa::Scalar, telling, &text);
        assert_eq!(
            (&told.points, taken),
            (&want.0.points, want.1),
            "seed {seed}"
        );
        assert_eq!(told.refused, want.0.refused, "seed {seed}");
    }
}

#[test]
fn a_text_may_be_split_anywhere() {
    let mut random = Random::new(77);
    let mut text = Vec::new();
    for _ in 0..12 {
        random_line(&mut random, &mut text);
        text.push(b'\n');
    }
    let whole = fast(Isa::available()[0], options(), &text).0;
    for at in 0..text.len() {
        let (first, taken) = fast(Isa::available()[0], options(), &text[..at]);
        let (second, _) = fast(Isa::available()[0], options(), &text[taken..]);
        let points: Vec<String> = first.points.into_iter().chain(second.points).collect();
        assert_eq!(points, whole.points, "split at {at}");
    }
}

#[test]
fn long_input_goes_in_chunks() {
    let mut random = Random::new(5);
    let mut text = Vec::new();
    while text.len() < 5 * CHUNK_BYTES {
        random_line(&mut random, &mut text);
        text.push(b'\n');
        if random.chance(1) {
            let long = CHUNK_BYTES + random.below(200) as usize;
            text.extend(std::iter::repeat_n(b'y', long));
        }
    }
    assert_eq!(
        fast(Isa::available()[0], options(), &text),
        naive(options(), &text)
    );
}
