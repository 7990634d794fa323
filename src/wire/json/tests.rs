use serde_json::Value;

use super::*;
use crate::base::random::Random;

/// The whole of the next value.
fn tree(json: &[u8], reader: &mut Reader) -> Result<Value, Fault> {
    let scalar = reader.value()?;
    let text = scalar.text(json).into_owned();
    let mut first = true;
    Ok(match scalar.kind {
        Kind::Null => Value::Null,
        Kind::Bool => Value::Bool(text.eq_ignore_ascii_case("true")),
        // What is out of range is none to serde_json.
        Kind::Number => serde_json::from_str(&text).unwrap_or_default(),
        Kind::Text => Value::String(text),
        Kind::Array => {
            let mut list = Vec::new();
            loop {
                match reader.element(&mut first)? {
                    Element::End => break Value::Array(list),
                    Element::Hole => list.push(Value::Null),
                    Element::Value => list.push(tree(json, reader)?),
                }
            }
        }
        Kind::Object => {
            let mut map = serde_json::Map::new();
            while let Some(name) = reader.member(&mut first)? {
                map.insert(name.text(json).into_owned(), tree(json, reader)?);
            }
            Value::Object(map)
        }
    })
}

fn read(json: &[u8]) -> Result<Value, Fault> {
    tree(json, &mut Reader::new(json, 0))
}

/// Where skipping the value in slices of one byte ends.
fn skipped(json: &[u8]) -> Result<usize, Fault> {
    let mut reader = Reader::new(json, 0);
    let kind = reader.value()?.kind;
    if !matches!(kind, Kind::Array | Kind::Object) {
        return Ok(reader.at());
    }
    let mut skip = Skip::new(kind);
    loop {
        let until = reader.at() + 1;
        if skip.step(&mut reader, until)? {
            return Ok(reader.at());
        }
    }
}

fn random_value(random: &mut Random, depth: u32) -> Value {
    let text = |random: &mut Random| -> String {
        let count = random.below(6);
        let letters = ['a', '"', '\\', '\n', 'ü', '😀', '/', ';', '\u{1}', '}'];
        (0..count)
            .map(|_| letters[random.below(letters.len() as u64) as usize])
            .collect()
    };
    match random.below(if depth == 0 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => Value::Bool(random.chance(50)),
        2 => Value::from(random.next_u64() as i64),
        3 => Value::from(random.below(100_000) as f64 / 1024.0),
        4 => Value::String(text(random)),
        5 => (0..random.below(5))
            .map(|_| random_value(random, depth - 1))
            .collect(),
        _ => {
            let fields = (0..random.below(5)).map(|_| {
                let name = text(random);
                (name, random_value(random, depth - 1))
            });
            Value::Object(fields.collect())
        }
    }
}

#[test]
fn what_is_strict_is_read_as_serde_json_reads_it() {
    for seed in 0..3_000 {
        let value = random_value(&mut Random::new(seed), 5);
        let texts = [
            serde_json::to_string(&value),
            serde_json::to_string_pretty(&value),
        ];
        for text in texts {
            let text = text.expect("a tree prints");
            assert_eq!(
                read(text.as_bytes()),
                Ok(value.clone()),
                "seed {seed}: {text}"
            );
            assert_eq!(
                skipped(text.as_bytes()),
                Ok(text.len()),
                "seed {seed}: {text}"
            );
        }
    }
}

#[test]
fn damage_is_an_error_and_never_a_panic() {
    for seed in 0..3_000 {
        let mut random = Random::new(seed);
        let value = random_value(&mut random, 4);
        let mut text = serde_json::to_vec(&value).expect("a tree prints");
        for _ in 0..1 + random.below(3) {
            let at = random.below(text.len() as u64) as usize;
            match random.below(3) {
                0 => text[at] = random.below(256) as u8,
                1 => text.truncate(at + 1),
                _ => text.insert(at, b"{}[]:,;\"'\\#/= \n"[random.below(15) as usize]),
            }
        }
        let told = read(&text);
        // What serde_json takes, this takes and understands the same way.
        if let Ok(theirs) = serde_json::from_slice::<Value>(&text) {
            let shown = String::from_utf8_lossy(&text);
            assert_eq!(told, Ok(theirs), "seed {seed}: {shown}");
        }
        let by_skip = skipped(&text).map(drop);
        assert_eq!(by_skip, told.map(drop), "seed {seed}");
    }
}

#[test]
fn what_is_lenient() {
    let check = |text: &str, want: &str| {
        let want: Value = serde_json::from_str(want).expect("strict");
        assert_eq!(read(text.as_bytes()), Ok(want), "{text}");
    };
    check("{'a': 'b\"'}", r#"{"a":"b\""}"#);
    check("{a: b, c = d; e => +5}", r#"{"a":"b","c":"d","e":"+5"}"#);
    check("[5,]", "[5,null]");
    check("[,5]", "[null,5]");
    check("[,]", "[null,null]");
    check("[1;2]", "[1,2]");
    check("[]", "[]");
    check("[1, // one\n 2, # two\n 3 /* three */]", "[1,2,3]");
    check(
        "[TRUE,Null,nulls,01,1.,.5,-,1e5,-0]",
        r#"[true,null,"nulls","01","1.",".5","-",1e5,-0]"#,
    );
    check("\"a\nb\\x\\/\"", r#""a\nbx/""#);
    check(r#""\ud83d\ude00 \ud83d x \ude00""#, r#""😀 � x �""#);
    assert_eq!(
        read(b"\"a\xffb\""),
        Ok(Value::String("a\u{fffd}b".to_owned()))
    );
}

#[test]
fn what_is_not() {
    for text in [
        "{\"a\":1,}",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "[1 2]",
        "}",
        "]",
        ":",
        "\"\\u12g4\"",
        "/ 1",
        "{\"a\":1 \"b\":2}",
    ] {
        let told = read(text.as_bytes());
        assert!(
            matches!(told, Err(Fault::Broken { .. })),
            "{text}: {told:?}"
        );
    }
    for text in [
        "", " ", "[", "[1", "[1,", "{", "{\"a\"", "{\"a\":", "\"", "\"\\", "\"\\u00", "/* x",
    ] {
        assert_eq!(read(text.as_bytes()), Err(Fault::End), "{text}");
    }
}

#[test]
fn only_so_deep() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let most = nested(DEPTH_MAX as usize);
    assert_eq!(skipped(most.as_bytes()), Ok(most.len()));
    let told = skipped(nested(DEPTH_MAX as usize + 1).as_bytes());
    assert!(matches!(told, Err(Fault::Broken { .. })), "{told:?}");
}
