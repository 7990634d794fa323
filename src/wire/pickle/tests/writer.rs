//! Writes pickled batches in every way a pickler may, together with what they must be read as.

use crate::base::random::Random;
use crate::model::refusal::{Reason, Refusals};

/// How often a choice of encoding is made.
#[derive(Clone, Copy, PartialEq)]
enum Habit {
    /// Once a frame, as a real pickler does.
    Steady,
    /// At each object.
    Fickle,
}

/// The choices a pickler has.
#[derive(Clone, Copy)]
struct Style {
    name: u64,
    number: u64,
    tuple: u64,
    pair: u64,
    put: u64,
    batch: u64,
}

/// What real senders choose.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// carbon-relay, Python's protocol 2.
    Relay,
    /// Python's protocol 4.
    Framed,
    /// Python's protocol 1.
    Marked,
    /// carbon-relay-ng.
    OgRekList,
    /// go-carbon, carbonapi.
    OgRekAppends,
}

impl Shape {
    pub(super) const USUAL: [Shape; 5] = [
        Shape::Relay,
        Shape::Framed,
        Shape::Marked,
        Shape::OgRekList,
        Shape::OgRekAppends,
    ];

    fn style(self) -> Style {
        let style = |name, tuple, put, batch| Style {
            name,
            number: 0,
            tuple,
            pair: tuple,
            put,
            batch,
        };
        match self {
            Shape::Relay => style(0, 0, 1, 0),
            Shape::Framed => style(1, 0, 2, 1),
            Shape::Marked => style(0, 1, 1, 0),
            Shape::OgRekList => style(2, 0, 0, 2),
            Shape::OgRekAppends => style(2, 1, 0, 0),
        }
    }

    fn head(self) -> &'static [u8] {
        match self {
            Shape::Relay | Shape::OgRekList => b"\x80\x02",
            Shape::Framed => b"\x80\x04\x95\x01\0\0\0\0\0\0\0",
            Shape::Marked | Shape::OgRekAppends => b"",
        }
    }
}

struct Writer<'a> {
    random: &'a mut Random,
    habit: Habit,
    style: Style,
    bytes: Vec<u8>,
    memo_len: u32,
    names: Vec<(String, u32)>,
    shown: Vec<String>,
    refusals: Refusals,
}

/// A frame in the shape of a real sender: finite numbers only.
pub(super) fn usual(random: &mut Random, shape: Shape, items_max: u64) -> Vec<u8> {
    let count = 1 + random.below(items_max);
    let mut writer = Writer::new(random, Habit::Steady, shape.style());
    writer.bytes.extend(shape.head());
    writer.batch(count, false);
    writer.bytes
}

/// A frame in any shape, and what it is read as.
pub(super) fn frame(random: &mut Random) -> (Vec<u8>, String) {
    let count = random.below(12);
    if random.chance(30) {
        let shape = Shape::USUAL[random.below(5) as usize];
        let mut writer = Writer::new(random, Habit::Steady, shape.style());
        writer.bytes.extend(shape.head());
        writer.batch(count.max(1), true);
        return writer.finish();
    }
    let mut roll = || random.below(64);
    let style = Style {
        name: roll(),
        number: roll(),
        tuple: roll(),
        pair: roll(),
        put: roll(),
        batch: roll(),
    };
    let habit = if random.chance(50) {
        Habit::Steady
    } else {
        Habit::Fickle
    };
    let mut writer = Writer::new(random, habit, style);
    if writer.random.chance(50) {
        let version = writer.random.below(6) as u8;
        writer.bytes.extend([0x80, version]);
    }
    writer.batch(count, true);
    writer.finish()
}

impl Writer<'_> {
    fn new(random: &mut Random, habit: Habit, style: Style) -> Writer<'_> {
        Writer {
            random,
            habit,
            style,
            bytes: Vec::new(),
            memo_len: 0,
            names: Vec::new(),
            shown: Vec::new(),
            refusals: Refusals::default(),
        }
    }

    fn finish(mut self) -> (Vec<u8>, String) {
        for (reason, n) in self.refusals.iter() {
            self.shown.push(format!("{}:{n}", reason.label()));
        }
        (self.bytes, self.shown.join(" "))
    }

    /// One of `choices`, the frame's own or a fresh one.
    fn choose(&mut self, own: u64, choices: u64) -> u64 {
        match self.habit {
            Habit::Steady => own % choices,
            Habit::Fickle => self.random.below(choices),
        }
    }

    fn put(&mut self) -> Option<u32> {
        let at = self.memo_len;
        match self.choose(self.style.put, 4) {
            0 => return None,
            1 if at < 256 => self.bytes.extend([b'q', at as u8]),
            1 => {
                self.bytes.push(b'r');
                self.bytes.extend(at.to_le_bytes());
            }
            2 => self.bytes.push(0x94),
            _ => self.bytes.extend(format!("p{at}\n").bytes()),
        }
        self.memo_len += 1;
        Some(at)
    }

    fn batch(&mut self, count: u64, anything: bool) {
        match self.choose(self.style.batch, 6) {
            0 => {
                self.bytes.push(b']');
                self.put();
                let mut left = count;
                while left > 0 {
                    let some = 1 + self.random.below(left);
                    self.bytes.push(b'(');
                    (0..some).for_each(|_| self.item(anything));
                    self.bytes.push(b'e');
                    left -= some;
                }
            }
            1 => {
                self.bytes.push(b']');
                self.put();
                for _ in 0..count {
                    self.item(anything);
                    self.bytes.push(b'a');
                }
            }
            2 => {
                self.bytes.push(b'(');
                (0..count).for_each(|_| self.item(anything));
                self.bytes.push(b'l');
                self.put();
            }
            3 => {
                self.bytes.push(b'(');
                (0..count).for_each(|_| self.item(anything));
                self.bytes.push(b't');
                self.put();
            }
            4 => {
                self.bytes.extend(b"(l");
                self.put();
                for _ in 0..count {
                    self.item(anything);
                    self.bytes.push(b'a');
                }
            }
            _ => {
                self.bytes.push(0x8f);
                self.put();
                self.bytes.push(b'(');
                (0..count).for_each(|_| self.item(anything));
                self.bytes.push(0x90);
            }
        }
        self.bytes.push(b'.');
    }

    /// `open`, members by the caller, `close` of a pair.
    fn open_pair(&mut self, own: u64) -> u64 {
        let how = self.choose(own, 4);
        match how {
            0 => {}
            1 => self.bytes.push(b'('),
            2 => {
                self.bytes.push(b']');
                self.put();
                self.bytes.push(b'(');
            }
            _ => self.bytes.push(b'('),
        }
        how
    }

    fn close_pair(&mut self, how: u64) {
        match how {
            0 => self.bytes.push(0x86),
            1 => self.bytes.push(b't'),
            2 => return self.bytes.push(b'e'),
            _ => self.bytes.push(b'l'),
        }
        self.put();
    }

    fn item(&mut self, anything: bool) {
        let outer = self.open_pair(self.style.tuple);
        let name = self.name();
        let inner = self.open_pair(self.style.pair);
        let time_ms = self.time();
        let value = self.value(anything);
        self.close_pair(inner);
        self.close_pair(outer);
        match value {
            Ok(value) => self.shown.push(format!("{name}={value:?}@{time_ms}")),
            Err(reason) => self.refusals.count(reason),
        }
    }

    fn name(&mut self) -> String {
        let pick = self.choose(self.style.name, 12);
        if pick > 10
            && let Some((name, at)) = self.names.last().cloned()
        {
            match self.random.below(3) {
                0 if at < 256 => self.bytes.extend([b'h', at as u8]),
                1 => {
                    self.bytes.push(b'j');
                    self.bytes.extend(at.to_le_bytes());
                }
                _ => self.bytes.extend(format!("g{at}\n").bytes()),
            }
            return name;
        }
        let len = 1 + self.random.below(30) as usize;
        let alphabet = [
            "a", "b", "c", ".", "_", "ж", "é", "\\", "'", "😀", "7", ";k=v",
        ];
        let plain = self.random.chance(60);
        let name: String = (0..len)
            .map(|_| alphabet[self.random.below(if plain { 5 } else { 12 }) as usize])
            .collect();
        self.text(pick, &name);
        if let Some(at) = self.put() {
            self.names.push((name.clone(), at));
        }
        name
    }

    fn text(&mut self, pick: u64, text: &str) {
        let len = text.len();
        match pick {
            1 if len < 256 => self.bytes.extend([0x8c, len as u8]),
            2 if len < 256 => self.bytes.extend([b'U', len as u8]),
            3 if len < 256 => self.bytes.extend([b'C', len as u8]),
            4 | 5 => {
                self.bytes.push(if pick == 4 { b'T' } else { b'B' });
                self.bytes.extend((len as u32).to_le_bytes());
            }
            6 | 7 => {
                self.bytes.push(if pick == 6 { 0x8d } else { 0x96 });
                self.bytes.extend((len as u64).to_le_bytes());
            }
            8 => return self.quoted(text),
            9 => return self.raw_unicode(text),
            _ => {
                self.bytes.push(b'X');
                self.bytes.extend((len as u32).to_le_bytes());
            }
        }
        self.bytes.extend(text.bytes());
    }

    /// As `repr` of a Python 2 string.
    fn quoted(&mut self, text: &str) {
        self.bytes.extend(b"S'");
        for byte in text.bytes() {
            match byte {
                b'\\' | b'\'' => self.bytes.extend([b'\\', byte]),
                0x20..0x7f => self.bytes.push(byte),
                _ => self.bytes.extend(format!("\\x{byte:02x}").bytes()),
            }
        }
        self.bytes.extend(b"'\n");
    }

    /// As `raw-unicode-escape`.
    fn raw_unicode(&mut self, text: &str) {
        self.bytes.push(b'V');
        for char in text.chars() {
            match u32::from(char) {
                code @ (0x5c | 0x0a | 0x100..=0xffff) => {
                    self.bytes.extend(format!("\\u{code:04x}").bytes());
                }
                code @ 0..=0xff => self.bytes.push(code as u8),
                code => self.bytes.extend(format!("\\U{code:08x}").bytes()),
            }
        }
        self.bytes.push(b'\n');
    }

    fn time(&mut self) -> i64 {
        let time_ms = 1_500_000_000_000 + self.random.below(299_000_000_000) as i64;
        if self.random.chance(50) {
            self.whole(time_ms / 1000);
            time_ms / 1000 * 1000
        } else {
            self.float(time_ms as f64 / 1000.0);
            time_ms
        }
    }

    fn value(&mut self, anything: bool) -> Result<f64, Reason> {
        match self.random.below(if anything { 20 } else { 14 }) {
            0..6 => {
                let whole = match self.random.below(4) {
                    0 => self.random.below(256) as i64,
                    1 => self.random.below(65536) as i64,
                    2 => self.random.below(1 << 32) as i64 - (1 << 31),
                    _ => self.random.next_u64() as i64,
                };
                self.whole(whole);
                Ok(whole as f64)
            }
            6..14 => {
                let float = match self.random.below(3) {
                    0 => self.random.below(10_000) as f64 / 100.0,
                    1 => self.random.next_u64() as i64 as f64,
                    _ => f64::from_bits(self.random.next_u64() & 0xbfff_ffff_ffff_ffff),
                };
                self.float(float);
                Ok(float)
            }
            14 | 15 => {
                let yes = self.random.chance(50);
                self.bytes.push(if yes { 0x88 } else { 0x89 });
                Ok(f64::from(u8::from(yes)))
            }
            16 => {
                self.bytes.push(b'G');
                self.bytes.extend(f64::NAN.to_be_bytes());
                Err(Reason::NotANumber)
            }
            17 => {
                self.bytes.push(b'G');
                self.bytes.extend(f64::NEG_INFINITY.to_be_bytes());
                Err(Reason::Value)
            }
            18 => {
                self.bytes.push(b'N');
                Err(Reason::Item)
            }
            _ => {
                self.bytes.extend([b'K', 1, 0x85]);
                Err(Reason::Item)
            }
        }
    }

    fn whole(&mut self, whole: i64) {
        match (self.choose(self.style.number, 6), whole) {
            (0, 0..=255) => self.bytes.extend([b'K', whole as u8]),
            (0, 256..=65535) => {
                self.bytes.push(b'M');
                self.bytes.extend((whole as u16).to_le_bytes());
            }
            (0, -2_147_483_648..=2_147_483_647) => {
                self.bytes.push(b'J');
                self.bytes.extend((whole as i32).to_le_bytes());
            }
            (1, _) => self.bytes.extend(format!("I{whole}\n").bytes()),
            (2, _) => self.bytes.extend(format!("L{whole}L\n").bytes()),
            (3, _) => self.text(2, &whole.to_string()),
            (4, _) => {
                self.bytes.extend(b"\x8b\x09\0\0\0");
                self.bytes.extend(&i128::from(whole).to_le_bytes()[..9]);
            }
            _ => {
                self.bytes.extend(b"\x8a\x08");
                self.bytes.extend(whole.to_le_bytes());
            }
        }
    }

    fn float(&mut self, float: f64) {
        match self.choose(self.style.number, 4) {
            1 => self.bytes.extend(format!("F{float:?}\n").bytes()),
            2 => self.text(1, &format!("{float:?}")),
            3 => {
                self.text(8, &format!("{float:?}"));
                self.put();
            }
            _ => {
                self.bytes.push(b'G');
                self.bytes.extend(float.to_be_bytes());
            }
        }
    }
}

/// Opcodes, most of them the usual ones.
const CODES: &[u8] = b"((]]ttaaeel.KKXXUUqqrhGJMN0012}dsugpSVILF)\x80\x85\x86\x86\x86\x87\x88\x89\x8a\x8b\x8c\x8c\x8d\x8e\x8f\x90\x91\x94\x94\x95\x96cRibo";

/// Change something at a random place.
pub(super) fn damage(payload: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(payload.len() as u64 + 1) as usize;
    match random.below(6) {
        0 => payload.truncate(at),
        1 if at < payload.len() => payload[at] ^= 1 << random.below(8),
        2 if at < payload.len() => payload[at] = code(random),
        3 => payload.insert(at, code(random)),
        4 if at < payload.len() => drop(payload.remove(at)),
        _ => {
            let end = (at + random.below(12) as usize).min(payload.len());
            let piece = payload[at..end].to_vec();
            let to = random.below(payload.len() as u64 + 1) as usize;
            payload.splice(to..to, piece);
        }
    }
}

fn code(random: &mut Random) -> u8 {
    CODES[random.below(CODES.len() as u64) as usize]
}

/// Opcodes in any order, with operands that often fit.
pub(super) fn noise(random: &mut Random) -> Vec<u8> {
    let mut payload = vec![b']'];
    for _ in 0..random.below(60) {
        let code = code(random);
        payload.push(code);
        match code {
            b'K' | b'q' | b'h' => payload.push(random.below(4) as u8),
            b'U' | 0x8c => payload.extend([1, b'a']),
            b'X' => payload.extend([1, 0, 0, 0, b'a']),
            b'J' => payload.extend([random.below(256) as u8, 1, 1, 0x65]),
            b'G' => payload.extend(1.5e9f64.to_be_bytes()),
            b'r' => payload.extend([1, 0, 0, 0]),
            0x95 => payload.extend([1, 0, 0, 0, 0, 0, 0, 0]),
            b'g' | b'p' | b'I' | b'L' | b'F' => payload.extend(b"1\n"),
            b'S' => payload.extend(b"'\\x61'\n"),
            b'V' => payload.extend(b"b\n"),
            _ => {}
        }
    }
    payload.push(b'.');
    payload
}
