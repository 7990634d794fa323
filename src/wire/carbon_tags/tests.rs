use super::typed::{Source, Typed, path_of};
use super::*;
use crate::base::time::Millis;
use crate::model::sample::{Samples, TimeRule};
use crate::simd::{Isa, Scanner};
use crate::wire::{graphite, kairos_sent, pickle};

#[track_caller]
fn check(parser: &TagParser, path: &str, want: Result<&str, Reason>) {
    let got = parser.parse(path.as_bytes(), Values::Double);
    let got = got.map(|sent| match sent.ttl_seconds {
        0 => sent.name.text(),
        ttl => format!("{} ttl {ttl}", sent.name.text()),
    });
    assert_eq!(got, want.map(str::to_owned), "{path}");
}

fn host() -> TagParser {
    let host = (r"[^.]*\.([^.]*)\..*", "$1");
    let metric = (r"([^.]*)\.[^.]*\.(.*)", "$1.$2");
    TagParser::host(host, metric).expect("the plugin's own")
}

fn templates(texts: &[&str]) -> Result<TagParser, String> {
    let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
    TagParser::templates(&texts)
}

#[test]
fn hosts() {
    let parser = host();
    check(
        &parser,
        "test.web01.cpu.load",
        Ok("test.cpu.load;host=web01"),
    );
    check(
        &parser,
        "test.host_name.metric_name",
        Ok("test.metric_name;host=host_name"),
    ); // P9
    check(&parser, "a.b", Err(Reason::Path));
    // A semicolon means nothing here and stays in the metric.
    let name = parser
        .parse(b"a.b.c;d=e", Values::Long)
        .expect("a name")
        .name;
    assert_eq!((name.metric(), name.tags().len()), ("a.c;d=e", 1));
    assert_eq!(
        parser.parse(b"a.\xff.c", Values::Long),
        Err(Reason::NameUtf8)
    );
    check(
        &parser,
        &format!("a.{}.c", "h".repeat(5_000)),
        Err(Reason::TagValueLong),
    );
}

#[test]
fn tags_of_graphite() {
    let parser = TagParser::GraphiteTags;
    check(
        &parser,
        "foo.bar.cpu;host=x.y;cpuid=0",
        Ok("foo.bar.cpu;cpuid=0;host=x.y"),
    ); // P11
    check(&parser, "foo.bar", Err(Reason::Path));
    check(&parser, "foo;x=", Ok("foo;x="));
    for bad in ["foo;x", "foo;a=b=c", "foo;a=b;a=c", "foo;", "foo;=x"] {
        check(&parser, bad, Err(Reason::Path));
    }
    check(&parser, ";a=b", Err(Reason::NameEmpty));
}

#[test]
fn templates_of_paths() {
    let parser = templates(&[
        "^test.foo .metric.host.metric* [.,_] type=static",
        "^drop",
        "^tags host.metric.zone a=b,c=d",
        "^mid. dc.metric*.host",
        "^dash [-] metric-host",
    ]);
    let parser = parser.expect("good templates");
    check(
        &parser,
        "test.foo.h1.pop.bar",
        Ok("foo_pop_bar;host=h1;type=static"),
    );
    check(&parser, "drop.it", Err(Reason::Path));
    check(&parser, "tags.m.z", Ok("m;a=b;c=d;host=tags;zone=z"));
    check(&parser, "mid.a.b.c", Ok("a.b;dc=mid;host=c"));
    check(&parser, "dash-h", Ok("dash;host=h"));
    let invalid = |path: &str, why: &str| format!("invalidMetrics;cause={why};metricName={path}");
    check(
        &parser,
        "a.test.foo",
        Ok(&invalid("a.test.foo", "no matching template")),
    );
    let filter = ";templateFilter=^tags";
    check(
        &parser,
        "tags.m",
        Ok(&(invalid("tags.m", "does not match tags pattern") + filter)),
    );
    for path in ["tags", "tags.m.z.more"] {
        let want = invalid(path, "does not match metric name pattern") + filter;
        check(&parser, path, Ok(&want));
    }
    for bad in [
        "",
        " ",
        "(",
        "a b.c",
        "a metric metric",
        "a metric*.metric*",
        "a metric x=",
        "a [,] metric",
    ] {
        assert!(templates(&[bad]).is_err(), "{bad:?}");
    }
    assert!(templates(&[]).is_err());
    assert!(templates(&["a metric"; RULES_MAX + 1]).is_err());
}

#[test]
fn many_tags_by_patterns() {
    let texts = |all: &[&str]| -> Vec<String> { all.iter().map(|&text| text.to_owned()).collect() };
    let (patterns, replacements) = (texts(&[r"([^.]*)\..*", r".*\.(.*)"]), texts(&["$1", "$1"]));
    let tags = texts(&["dc", "unit"]);
    let rules = MultiRules {
        metric: (r"[^.]*\.(.*)\.[^.]*", "$1"),
        patterns: &patterns,
        replacements: &replacements,
        tags: &tags,
        case: Case::Lower,
        ttl_seconds: 60,
        invalid_ttl_seconds: 5,
    };
    let parser = TagParser::multi(rules).expect("good rules");
    check(
        &parser,
        "DC1.Cpu.Load.ms",
        Ok("cpu.load;dc=dc1;unit=ms ttl 60"),
    );
    check(&parser, "X.y", Ok("invalidMetrics;metricName=x.y ttl 5"));
    for (patterns, tags) in [
        (&patterns[..1], &tags[..]),
        (&patterns[..], &tags[..1]),
        (&[][..], &[][..]),
    ] {
        let uneven = MultiRules {
            patterns,
            tags,
            ..rules
        };
        assert!(TagParser::multi(uneven).is_err());
    }
}

/// Everything of a batch, in words.
fn typed(source: Source, text: &[u8], samples: &mut Samples) -> (Vec<String>, u64) {
    let (mut typed, mut at, mut all, mut refused) = (Typed::default(), 0, Vec::new(), 0);
    let count = samples.len();
    loop {
        let (next, names, samples) = typed.step(source, text, samples, at);
        for i in 0..samples.len() {
            let name = samples.names[i].of(names);
            assert!(kairos_sent::is_form(name));
            let (values, path) = path_of(name).expect("a path");
            let number = samples.numbers[i];
            let value = match values {
                Values::Long => number.mantissa.to_string(),
                _ => format!("{:?}", number.to_f64()),
            };
            all.push(format!("{}={value}", String::from_utf8_lossy(path)));
        }
        refused += samples.refusals.total();
        samples.refusals = Default::default();
        samples.clear();
        at = next;
        if count <= at {
            return (all, refused);
        }
    }
}

#[test]
fn lines_tell_whole_numbers_from_others() {
    let options = graphite::Options {
        line_bytes_max: 1000,
        times: TimeRule::default(),
    };
    let mut decoder = graphite::Decoder::new(Scanner::new(Isa::Scalar), options);
    let mut samples = Samples::default();
    let text = b"a 5 1700000000\na 5. 1700000000\nb  5.0\t1700000000\na 1e3 1700000000\na 1.5e3 1700000000\n\
                 a -7 -1\na +7 1700000000\na 9007199254740993 1700000000\na bad 1700000000\n";
    decoder.decode(text, Millis(1_700_000_000_000), &mut samples);
    let (all, refused) = typed(Source::Lines, text, &mut samples);
    let want = [
        "a=5",
        "a=5.0",
        "b=5.0",
        "a=1500.0",
        "a=-7",
        "a=9007199254740993",
    ];
    assert_eq!(all, want);
    // Without a dot neither exponent nor plus is a whole number; the last is no number at all.
    assert_eq!(refused, 3);
}

#[test]
fn items_tell_by_their_numbers() {
    let mut samples = Samples::default();
    let mut decoder = pickle::Decoder::new(pickle::Options::default());
    // [("a", (1700000000, 5)), ("b", (1700000000, 5.0))] by protocol 2.
    let payload =
        b"\x80\x02](X\x01\x00\x00\x00aJ\x00\xf1SeK\x05\x86\x86X\x01\x00\x00\x00bJ\x00\xf1Se\
                    G@\x14\x00\x00\x00\x00\x00\x00\x86\x86e.";
    let text = decoder.decode_payload(payload, Millis(1_700_000_000_000), &mut samples);
    let (all, refused) = typed(Source::Items, text, &mut samples);
    assert_eq!(
        (all, refused),
        (vec!["a=5".to_owned(), "b=5.0".to_owned()], 0)
    );
}

#[test]
fn batches_are_bounded() {
    let text = vec![b'x'; 4_000];
    let mut samples = Samples::default();
    let name = crate::model::sample::Span {
        start: 0,
        len: 4_000,
    };
    for _ in 0..1_000 {
        samples.push(name, 1, crate::model::number::Number::long(1));
    }
    let (mut typed, mut at, mut rounds) = (Typed::default(), 0, 0);
    while at < 1_000 {
        let (next, names, some) = typed.step(Source::Items, &text, &mut samples, at);
        assert!(names.len() < 300 * 1024);
        some.clear();
        (at, rounds) = (next, rounds + 1);
    }
    assert!(samples.is_empty() && rounds > 10);
}
