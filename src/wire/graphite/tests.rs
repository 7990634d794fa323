use super::*;
use crate::base::random::Random;
use crate::simd::Isa;

const NOW: Millis = Millis(1_800_000_000_000);

fn options() -> Options {
    Options {
        line_bytes_max: 64 * 1024,
        times: TimeRule::default(),
    }
}

fn decoder(isa: Isa) -> Decoder {
    Decoder::new(Scanner::new(isa), options())
}

/// All samples as text, then the refusals.
fn show(text: &[u8], samples: &Samples) -> String {
    let mut shown = String::new();
    for i in 0..samples.len() {
        let name = String::from_utf8_lossy(samples.names[i].of(text));
        shown += &format!(
            "{name}={}@{} ",
            samples.numbers[i].to_f64(),
            samples.times[i]
        );
    }
    for (reason, n) in samples.refusals.iter() {
        shown += &format!("{}:{n} ", reason.label());
    }
    shown.trim_end().to_owned()
}

/// The slow twin: newline by newline, each by the whole rule.
fn naive(text: &[u8]) -> (Samples, usize) {
    let mut samples = Samples::default();
    let mut start = 0;
    while let Some(len) = text[start..].iter().position(|&byte| byte == b'\n') {
        match line(&text[start..start + len], NOW, options()) {
            Ok(Some((name, time_ms, number))) => {
                samples.push(
                    Span {
                        start: name.start + start as u32,
                        len: name.len,
                    },
                    time_ms,
                    number,
                );
            }
            Ok(None) => {}
            Err(reason) => samples.refuse(reason),
        }
        start += len + 1;
    }
    (samples, start)
}

fn fast(isa: Isa, text: &[u8]) -> (Samples, usize) {
    let mut decoder = decoder(isa);
    let mut samples = Samples::default();
    let mut at = 0;
    loop {
        let from = samples.len();
        let taken = decoder.decode(&text[at..], NOW, &mut samples);
        for name in &mut samples.names[from..] {
            name.start += at as u32;
        }
        if taken == 0 {
            return (samples, at);
        }
        at += taken;
    }
}

#[track_caller]
fn check(text: &str, want: &str) {
    let stream = format!("{text}\n");
    let (samples, taken) = fast(Isa::available()[0], stream.as_bytes());
    assert_eq!(
        (show(stream.as_bytes(), &samples).as_str(), taken),
        (want, stream.len()),
        "{text:?}"
    );
    assert_eq!(naive(stream.as_bytes()).0, samples, "{text:?}");
}

#[test]
fn lines_as_carbon_takes_them() {
    check("a.b.c 42 1700000000", "a.b.c=42@1700000000000"); // L01
    check("a.b.c 42 1700000000\r", "a.b.c=42@1700000000000"); // L02
    check(" \ta.b.c  \t42\t 1700000000 ", "a.b.c=42@1700000000000");
    check("a.b.c 42 1700000000 extra", "fields:1"); // L03
    check("", "fields:1");
    check("  \t", "fields:1");
    check("#comment", "fields:1");
    check("a.b.c 42 -1", "a.b.c=42@1800000000000"); // L04
    check("a.b.c 42 -1.9", "a.b.c=42@1800000000000");
    check("a.b.c 42 N", "timestamp:1"); // L05
    check("a.b.c 42 1700000000.75", "a.b.c=42@1700000000750"); // L06
    check("a.b.c 42 1.7e9", "a.b.c=42@1700000000000");
    check(
        "a 1e3 1700000000\na .5 1700000000",
        "a=1000@1700000000000 a=0.5@1700000000000",
    ); // L07
    check(
        "a 5. 1700000000\na +5 1700000000",
        "a=5@1700000000000 a=5@1700000000000",
    );
    check("a -5 1700000000", "a=-5@1700000000000");
    check(
        "a 0x10 1700000000\na 1,5 1700000000\na \"42\" 1700000000",
        "value:3",
    ); // L08
    check("a True 1700000000\na None 1700000000", "value:2");
    check("a nan 1700000000\na NaN 1700000000", "nan:2"); // L09
    check("a 1 nan\na 1 inf", "timestamp:2"); // L11
    check("a.b.c 42 1700000000;", "timestamp:1"); // L17
    check(
        "cpu;host=x;az=y 1 1700000000",
        "cpu;host=x;az=y=1@1700000000000",
    ); // L25
    check(
        "a.b\t1 1700000000\na.b  1 1700000000",
        "a.b=1@1700000000000 a.b=1@1700000000000",
    ); // L26
}

#[test]
fn lines_where_ours_differs() {
    // The two-field form of Outlyer's documents is arrival time; carbon refuses it.
    check("a.b.c 42", "a.b.c=42@1800000000000");
    // Text that is no decimal number: underscores, infinities, other alphabets' digits.
    check(
        "a 1_000 1700000000\na inf 1700000000\na -Infinity 1700000000\na 1e400 1700000000",
        "value:4",
    );
    check("a \u{664}\u{662} 1700000000", "value:1"); // L16
    // Timestamps at or below zero, or far ahead.
    check("a 1 0\na 1 -5\na 1 0000000000", "too_old:3"); // L12
    check("a 1 99999999999\na 1 1800086401", "too_far_ahead:2");
    check("a 1 1800086400", "a=1@1800086400000");
    // A NUL inside a name; a lone one behind a newline is gmetad's.
    check("a\0b 1 1700000000", "name_nul:1");
    check("a 1 1700000000\n\0", "a=1@1700000000000");
    check("\0a 1 1700000000", "a=1@1700000000000");
    // A no-break space is part of the name.
    check("a\u{a0}b 1 1700000000", "a\u{a0}b=1@1700000000000"); // L15
}

#[test]
fn a_line_over_the_limit_is_refused_alone() {
    let long = "x".repeat(64 * 1024);
    check(
        &format!("a 1 1700000000\n{long} 1 1700000000\nb 2 1700000000"),
        "a=1@1700000000000 b=2@1700000000000 line_long:1",
    );
    let mut short = Decoder::new(
        Scanner::new(Isa::available()[0]),
        Options {
            line_bytes_max: 20,
            times: TimeRule::default(),
        },
    );
    let text = b"abcd 1.50 1700000000\nabcde 1.50 1700000000\n";
    let mut samples = Samples::default();
    assert_eq!(short.decode(text, NOW, &mut samples), text.len());
    assert_eq!(show(text, &samples), "abcd=1.5@1700000000000 line_long:1");
}

#[test]
fn the_tail_waits_for_its_newline() {
    let text = b"a.b 1 17000000000\nc.d 2 17";
    let (samples, taken) = fast(Isa::Scalar, text);
    assert_eq!((samples.refusals.total(), taken), (1, 18)); // L19: eleven digits are too far ahead
}

#[test]
fn datagrams() {
    let check = |text: &str, want: &str| {
        let mut samples = Samples::default();
        decoder(Isa::available()[0]).decode_datagram(text.as_bytes(), NOW, &mut samples);
        assert_eq!(show(text.as_bytes(), &samples), want, "{text:?}");
    };
    check("a.b 1 1700000000", "a.b=1@1700000000000"); // L20
    let both = "a=1@1700000000000 b=2@1700000000000";
    for separator in [
        "\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\u{85}", "\u{2028}", "\u{2029}", "\n",
        "\r\n",
    ] {
        check(&format!("a 1 1700000000{separator}b 2 1700000000"), both); // L21
    }
    check(
        "a 1 1700000000\nbad\nb 2 1700000000",
        &format!("{both} fields:1"),
    ); // L22
    check(
        "a 1 1700000000\nb 1 inf\nb 2 1700000000",
        &format!("{both} timestamp:1"),
    ); // L24
    check("", "");
}

/// A line, usual or not, made from pieces that matter.
fn random_line(random: &mut Random, text: &mut Vec<u8>) {
    let pieces: [&[u8]; 22] = [
        b" ",
        b" ",
        b"  ",
        b"\t",
        b"\r",
        b"\0",
        b"\x0b",
        b"-1",
        b".",
        b"-",
        b"1",
        b"12.5",
        b"1700000000",
        b"nan",
        b"1800000000",
        b"a.b",
        b"x;k=v",
        b"\xff",
        b"\xc3\xa9",
        b"1e3",
        b"99999999999999999",
        b"+",
    ];
    if random.chance(60) {
        let name = b"dc1.h000012.cpu.c03.user";
        text.extend_from_slice(&name[..1 + random.below(23) as usize]);
        text.extend_from_slice(
            format!(
                " {}.{} 17{:08}",
                random.below(999),
                random.below(99),
                random.below(99_999_999)
            )
            .as_bytes(),
        );
    }
    while random.chance(if text.is_empty() { 90 } else { 40 }) {
        text.extend_from_slice(pieces[random.below(22) as usize]);
    }
}

#[test]
fn fast_and_slow_agree_on_anything() {
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let mut text = Vec::new();
        for _ in 0..random.below(60) {
            random_line(&mut random, &mut text);
            text.push(b'\n');
        }
        for _ in 0..random.below(4) {
            if !text.is_empty() {
                let at = random.below(text.len() as u64) as usize;
                text[at] = random.next_u64() as u8;
            }
        }
        let want = naive(&text);
        for isa in Isa::available() {
            assert_eq!(fast(isa, &text), want, "seed {seed} {}", isa.label());
        }
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
            text.extend(std::iter::repeat_n(
                b'y',
                CHUNK_BYTES + random.below(200) as usize,
            ));
        }
    }
    assert_eq!(fast(Isa::available()[0], &text), naive(&text));
}
