//! Every writer against a reader that others wrote, or against bytes of graphite-web's and carbonapi's.

use serde_pickle::{HashableValue, Value as Pickled};

use super::Packing;
use super::protobuf::{self, Fields, Value};
use crate::base::random::Random;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn document(packing: Packing, push: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    packing.begin(&mut out);
    push(&mut out);
    packing.end(&mut out);
    out
}

fn unpickled(push: impl FnOnce(&mut Vec<u8>)) -> Pickled {
    let bytes = document(Packing::Pickle, push);
    serde_pickle::value_from_slice(&bytes, Default::default()).expect("a pickle")
}

#[test]
fn an_empty_list_is_what_graphite_web_takes_for_nothing() {
    let empty = |packing: Packing| {
        let list = |out: &mut Vec<u8>| {
            packing.begin_list(0, out);
            packing.end_list(0, out);
        };
        hex(&document(packing, list))
    };
    assert_eq!(empty(Packing::Pickle), "80025d2e");
    assert_eq!(empty(Packing::Msgpack), "90");
}

#[test]
fn integers() {
    let mut random = Random::new(7);
    let edges = [
        0, 1, -1, 31, -32, -33, 127, 128, -128, -129, 255, 256, 32_767, -32_768, 65_535,
    ];
    let wide = [
        65_536,
        -32_769,
        i64::from(i32::MAX),
        i64::from(i32::MIN),
        1 << 32,
        i64::MIN,
        i64::MAX,
    ];
    let chance = (0..1_000).map(|i| (random.below(u64::MAX) as i64) >> (i % 64));
    for number in edges.into_iter().chain(wide).chain(chance) {
        let read = unpickled(|out| Packing::Pickle.push_integer(number, out));
        let read = match read {
            Pickled::I64(read) => Some(read),
            Pickled::Int(read) => i64::try_from(read).ok(),
            _ => None,
        };
        assert_eq!(read, Some(number));
        let mut out = Vec::new();
        Packing::Msgpack.push_integer(number, &mut out);
        assert_eq!(read_msgpack_integer(&out), Some(number), "{}", hex(&out));
        let mut out = Vec::new();
        protobuf::push_integer(3, number, &mut out);
        let read = Fields::new(&out).next();
        let want = (number != 0).then_some((3, Value::Integer(number)));
        assert_eq!(read, Ok(want));
    }
}

/// By the table of the format's description.
fn read_msgpack_integer(bytes: &[u8]) -> Option<i64> {
    let (&mark, rest) = bytes.split_first()?;
    let whole = || {
        let wide = rest
            .iter()
            .fold(0u64, |all, &byte| all << 8 | u64::from(byte));
        (wide, 64 - 8 * rest.len() as u32)
    };
    match (mark, rest.len()) {
        (0..=0x7f, 0) => Some(i64::from(mark)),
        (0xe0.., 0) => Some(i64::from(mark as i8)),
        (0xcc, 1) | (0xcd, 2) | (0xce, 4) | (0xcf, 8) => i64::try_from(whole().0).ok(),
        (0xd0, 1) | (0xd1, 2) | (0xd2, 4) | (0xd3, 8) => {
            let (wide, above) = whole();
            Some((wide << above) as i64 >> above)
        }
        _ => None,
    }
}

#[test]
fn heads_of_msgpack_grow_with_what_they_tell() {
    #[track_caller]
    fn check(push: impl FnOnce(&mut Vec<u8>), want: &str) {
        let mut out = Vec::new();
        push(&mut out);
        assert_eq!(hex(&out[..out.len().min(5)]), want);
    }
    let packing = Packing::Msgpack;
    check(|out| packing.begin_list(15, out), "9f");
    check(|out| packing.begin_list(16, out), "dc0010");
    check(|out| packing.begin_list(65_536, out), "dd00010000");
    check(|out| packing.begin_map(15, out), "8f");
    check(|out| packing.begin_map(16, out), "de0010");
    check(|out| packing.push_text("", out), "a0");
    check(|out| packing.push_text(&"a".repeat(31), out), "bf61616161");
    check(|out| packing.push_text(&"a".repeat(32), out), "d920616161");
    check(|out| packing.push_text(&"a".repeat(256), out), "da01006161");
    check(
        |out| packing.push_text(&"a".repeat(65_536), out),
        "db00010000",
    );
    check(|out| packing.push_pair((1, 2), out), "920102");
}

#[test]
fn a_pickle_of_everything() {
    let packing = Packing::Pickle;
    let read = unpickled(|out| {
        packing.begin_map(4, out);
        packing.push_text("grün", out);
        packing.push_flag(true, out);
        packing.push_text("values", out);
        packing.begin_list(3, out);
        packing.push_values(&[1.5, f64::NAN, f64::NEG_INFINITY], out);
        packing.end_list(3, out);
        packing.push_text("pair", out);
        packing.push_pair((0, 1 << 40), out);
        packing.push_text("no", out);
        packing.push_flag(false, out);
        packing.end_map(out);
    });
    let key = |text: &str| HashableValue::String(text.to_owned());
    let Pickled::Dict(read) = read else {
        panic!("{read:?}")
    };
    assert_eq!(read[&key("grün")], Pickled::Bool(true));
    assert_eq!(read[&key("no")], Pickled::Bool(false));
    let values = [
        Pickled::F64(1.5),
        Pickled::None,
        Pickled::F64(f64::NEG_INFINITY),
    ];
    assert_eq!(read[&key("values")], Pickled::List(values.to_vec()));
    let Pickled::Tuple(pair) = &read[&key("pair")] else {
        panic!("{read:?}")
    };
    assert_eq!(pair.len(), 2);
}

#[test]
fn fields_are_read_back() {
    let mut out = Vec::new();
    protobuf::push_text(1, "a.*", &mut out);
    protobuf::push_text(1, "", &mut out);
    protobuf::push_float(4, 0.5, &mut out);
    protobuf::push_flag(200, true, &mut out);
    protobuf::push_bytes(7, b"", &mut out);
    let mut fields = Fields::new(&out);
    assert_eq!(fields.next(), Ok(Some((1, Value::Bytes(b"a.*")))));
    assert_eq!(fields.next(), Ok(Some((4, Value::Fixed))));
    assert_eq!(fields.next(), Ok(Some((200, Value::Integer(1)))));
    assert_eq!(fields.next(), Ok(Some((7, Value::Bytes(b"")))));
    assert_eq!(fields.next(), Ok(None));
}

#[test]
fn whatever_comes_is_read_to_an_end() {
    let seed = 20_261_130;
    let mut random = Random::new(seed);
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..random.below(24))
            .map(|_| random.below(256) as u8)
            .collect();
        let mut fields = Fields::new(&bytes);
        let mut count = 0;
        while let Ok(Some(_)) = fields.next() {
            count += 1;
        }
        assert!(count <= bytes.len(), "seed {seed} {bytes:?}");
    }
    assert_eq!(Fields::new(&[0x0a, 5, b'a']).next(), Err(protobuf::BROKEN));
    assert_eq!(Fields::new(&[0xff; 11]).next(), Err(protobuf::BROKEN));
    assert_eq!(Fields::new(&[0x0b]).next(), Err(protobuf::BROKEN));
}
