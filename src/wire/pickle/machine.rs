//! The pickle machine, as far as it makes data: a stack, marks, a memo, and the objects made.
//!
//! Opcodes are those of Python's pickle protocols 0 to 5. Whatever names a class, calls, builds,
//! or refers outside of the pickle is not known here and ends the run.
//!
//! Text and numbers are not copied: an object on the stack says where in the payload it is. Members
//! of lists and tuples are chained cells, because a list may still grow when it is in the memo. All
//! objects live in arenas that the next run reuses, and nothing recurses, so the depth of nesting
//! costs nothing and needs no bound.
//!
//! Limits, per byte of payload: stack, marks, memo and sequences a quarter of an object each, cells
//! three quarters; 22 bytes in use in all. The shortest possible item has 8 bytes, 1 object on the
//! stack, 2 sequences and 5 cells, and a real one twice the bytes.

use super::reader::Reader;
use super::scalar::Scalar;
use crate::model::sample::Span;

/// The opcodes, by their names in Python's `pickletools`.
pub(super) mod op {
    pub(in super::super) const PROTO_MAX: u8 = 5;

    macro_rules! opcodes {
        ($($name:ident = $code:literal,)*) => {
            $(pub(in super::super) const $name: u8 = $code;)*
        };
    }

    opcodes! {
        MARK = b'(', STOP = b'.', POP = b'0', POP_MARK = b'1', DUP = b'2',
        INT = b'I', BININT = b'J', BININT1 = b'K', BININT2 = b'M',
        LONG = b'L', LONG1 = 0x8a, LONG4 = 0x8b, FLOAT = b'F', BINFLOAT = b'G',
        NONE = b'N', NEWTRUE = 0x88, NEWFALSE = 0x89,
        STRING = b'S', BINSTRING = b'T', SHORT_BINSTRING = b'U',
        UNICODE = b'V', BINUNICODE = b'X', SHORT_BINUNICODE = 0x8c, BINUNICODE8 = 0x8d,
        BINBYTES = b'B', SHORT_BINBYTES = b'C', BINBYTES8 = 0x8e, BYTEARRAY8 = 0x96,
        EMPTY_LIST = b']', APPEND = b'a', APPENDS = b'e', LIST = b'l',
        EMPTY_TUPLE = b')', TUPLE = b't', TUPLE1 = 0x85, TUPLE2 = 0x86, TUPLE3 = 0x87,
        EMPTY_DICT = b'}', DICT = b'd', SETITEM = b's', SETITEMS = b'u',
        EMPTY_SET = 0x8f, ADDITEMS = 0x90, FROZENSET = 0x91,
        GET = b'g', BINGET = b'h', LONG_BINGET = b'j',
        PUT = b'p', BINPUT = b'q', LONG_BINPUT = b'r', MEMOIZE = 0x94,
        PROTO = 0x80, FRAME = 0x95,
    }
}

/// Objects of each sort that every payload may have. Python gathers 1,000 on the stack, which may be
/// references of two bytes each.
const SPARE: usize = 4096;

/// Objects kept allocated between runs.
const KEPT: usize = 64 * 1024;

/// The end of a chain of cells.
const NOTHING: u32 = u32::MAX;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// No object: a gap in the memo.
    Unset,
    /// `None`.
    None,
    /// A boolean, by its own opcode.
    True,
    /// The other one.
    False,
    /// One or two bytes without a sign.
    Unsigned,
    /// Two's complement of any length.
    Signed,
    /// Eight bytes, big-endian.
    Float,
    /// A number as text.
    Digits,
    /// Text or bytes, in the payload.
    Text,
    /// Text that had to be unescaped, in the machine's own text.
    Unescaped,
    /// A list; the span's start is its sequence.
    List,
    /// A tuple, the same.
    Tuple,
    /// A set, the same.
    Set,
    /// A frozen set, the same.
    FrozenSet,
    /// A dictionary. Nothing a dictionary holds is ever used.
    Dict,
}

/// An object: what it is and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object {
    /// What it is.
    pub(super) kind: Kind,
    /// Its bytes, or its sequence.
    pub(super) span: Span,
}

#[derive(Clone, Copy)]
struct Cell {
    object: Object,
    next: u32,
}

#[derive(Clone, Copy)]
struct Sequence {
    first: u32,
    last: u32,
    len: u32,
}

/// The machine. Empty between runs but for the text.
#[derive(Default)]
pub(super) struct Machine {
    stack: Vec<Object>,
    marks: Vec<u32>,
    memo: Vec<Object>,
    memo_len: u32,
    cells: Vec<Cell>,
    sequences: Vec<Sequence>,
    text: Vec<u8>,
    /// A quarter of the payload, and some.
    quarter: usize,
}

impl Machine {
    /// Run `payload` up to its STOP and give the object it leaves; `None` if it is no data pickle.
    pub(super) fn run(&mut self, payload: &[u8]) -> Option<Object> {
        self.release();
        self.text.clear();
        self.text.shrink_to(KEPT);
        self.quarter = payload.len() / 4 + SPARE;
        let mut reader = Reader::new(payload, 0);
        loop {
            let code = reader.byte()?;
            if code == op::STOP {
                return self.pop();
            }
            self.step(code, payload, &mut reader)?;
        }
    }

    /// Forget all objects but the text, and give back memory that only a huge frame needs.
    pub(super) fn release(&mut self) {
        self.stack.clear();
        self.stack.shrink_to(KEPT);
        self.marks.clear();
        self.marks.shrink_to(KEPT);
        self.memo.clear();
        self.memo.shrink_to(KEPT);
        self.memo_len = 0;
        self.cells.clear();
        self.cells.shrink_to(KEPT);
        self.sequences.clear();
        self.sequences.shrink_to(KEPT);
    }

    /// Whether any text had to be unescaped.
    pub(super) fn has_unescaped(&self) -> bool {
        !self.text.is_empty()
    }

    /// Append `payload` to the unescaped texts; gives where it starts.
    pub(super) fn append_to_text(&mut self, payload: &[u8]) -> usize {
        let start = self.text.len();
        self.text.extend_from_slice(payload);
        start
    }

    /// The unescaped texts and what was appended to them.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The members of a list, tuple or set; of anything else, none.
    pub(super) fn members(&self, object: Object) -> impl Iterator<Item = Object> {
        let mut next = self
            .sequence(object)
            .map_or(NOTHING, |sequence| sequence.first);
        std::iter::from_fn(move || {
            let cell = self.cells.get(next as usize)?;
            next = cell.next;
            Some(cell.object)
        })
    }

    /// The two members of a list or tuple that has two.
    pub(super) fn pair(&self, object: Object) -> Option<(Object, Object)> {
        if !matches!(object.kind, Kind::List | Kind::Tuple) || self.sequence(object)?.len != 2 {
            return None;
        }
        let mut members = self.members(object);
        Some((members.next()?, members.next()?))
    }

    fn sequence(&self, object: Object) -> Option<Sequence> {
        match object.kind {
            Kind::List | Kind::Tuple | Kind::Set | Kind::FrozenSet => {
                self.sequences.get(object.span.start as usize).copied()
            }
            _ => None,
        }
    }

    /// `object` as a number or text.
    pub(super) fn scalar<'a>(&'a self, object: Object, payload: &'a [u8]) -> Scalar<'a> {
        let bytes = || object.span.of(payload);
        match object.kind {
            Kind::True => Scalar::Integer(1),
            Kind::False => Scalar::Integer(0),
            Kind::Unsigned => Scalar::Integer(
                bytes()
                    .iter()
                    .rev()
                    .fold(0, |sum, &byte| sum << 8 | i64::from(byte)),
            ),
            Kind::Signed => Scalar::Long(bytes()),
            Kind::Float => bytes().first_chunk().map_or(Scalar::Other, |eight| {
                Scalar::Float(f64::from_be_bytes(*eight))
            }),
            Kind::Digits | Kind::Text => Scalar::Text(bytes()),
            Kind::Unescaped => Scalar::Text(object.span.of(&self.text)),
            Kind::Unset
            | Kind::None
            | Kind::List
            | Kind::Tuple
            | Kind::Set
            | Kind::FrozenSet
            | Kind::Dict => Scalar::Other,
        }
    }

    fn step(&mut self, code: u8, payload: &[u8], reader: &mut Reader) -> Option<()> {
        match code {
            op::PROTO => (reader.byte()? <= op::PROTO_MAX).then_some(()),
            op::FRAME => reader.frame_length(),
            op::NONE => self.push(Kind::None, Span::default()),
            op::NEWTRUE => self.push(Kind::True, Span::default()),
            op::NEWFALSE => self.push(Kind::False, Span::default()),
            op::BININT1 => self.push(Kind::Unsigned, reader.span(1)?),
            op::BININT2 => self.push(Kind::Unsigned, reader.span(2)?),
            op::BININT => self.push(Kind::Signed, reader.span(4)?),
            op::LONG1 => {
                let len = reader.byte()?;
                self.push(Kind::Signed, reader.span(usize::from(len))?)
            }
            op::LONG4 => {
                let len = i32::from_le_bytes(reader.array()?);
                self.push(Kind::Signed, reader.span(usize::try_from(len).ok()?)?)
            }
            op::BINFLOAT => self.push(Kind::Float, reader.span(8)?),
            op::INT | op::FLOAT => self.push(Kind::Digits, reader.line()?),
            op::LONG => {
                let mut digits = reader.line()?;
                digits.len -= u32::from(digits.of(payload).ends_with(b"L"));
                self.push(Kind::Digits, digits)
            }
            op::STRING | op::UNICODE => self.escaped(code, payload, reader),
            op::SHORT_BINSTRING | op::SHORT_BINUNICODE | op::SHORT_BINBYTES => {
                let len = reader.byte()?;
                self.push(Kind::Text, reader.span(usize::from(len))?)
            }
            op::BINSTRING | op::BINUNICODE | op::BINBYTES => {
                let len = u32::from_le_bytes(reader.array()?);
                self.push(Kind::Text, reader.span(len as usize)?)
            }
            op::BINUNICODE8 | op::BINBYTES8 | op::BYTEARRAY8 => {
                let len = u64::from_le_bytes(reader.array()?);
                self.push(Kind::Text, reader.long_span(len)?)
            }
            op::PUT => {
                let at = index(reader.line()?.of(payload))?;
                self.put(at)
            }
            op::BINPUT => {
                let at = reader.byte()?;
                self.put(u64::from(at))
            }
            op::LONG_BINPUT => {
                let at = u32::from_le_bytes(reader.array()?);
                self.put(u64::from(at))
            }
            op::MEMOIZE => self.put(u64::from(self.memo_len)),
            op::GET => {
                let at = index(reader.line()?.of(payload))?;
                self.get(at)
            }
            op::BINGET => {
                let at = reader.byte()?;
                self.get(u64::from(at))
            }
            op::LONG_BINGET => {
                let at = u32::from_le_bytes(reader.array()?);
                self.get(u64::from(at))
            }
            _ => self.rearrange(code),
        }
    }

    /// The opcodes that bring nothing of their own.
    fn rearrange(&mut self, code: u8) -> Option<()> {
        match code {
            op::MARK => {
                if self.marks.len() >= self.quarter {
                    return None;
                }
                self.marks.push(self.stack.len() as u32);
                Some(())
            }
            op::POP => match self.pop() {
                Some(_) => Some(()),
                None => self.marks.pop().map(drop),
            },
            op::POP_MARK => {
                let start = self.marks.pop()?;
                self.stack.truncate(start as usize);
                Some(())
            }
            op::DUP => {
                let top = self.top()?;
                self.push(top.kind, top.span)
            }
            op::EMPTY_LIST => self.make(Kind::List, self.stack.len()),
            op::EMPTY_TUPLE => self.make(Kind::Tuple, self.stack.len()),
            op::EMPTY_SET => self.make(Kind::Set, self.stack.len()),
            op::TUPLE1 => self.make(Kind::Tuple, self.down(1)?),
            op::TUPLE2 => self.make(Kind::Tuple, self.down(2)?),
            op::TUPLE3 => self.make(Kind::Tuple, self.down(3)?),
            op::LIST => {
                let start = self.marks.pop()?;
                self.make(Kind::List, start as usize)
            }
            op::TUPLE => {
                let start = self.marks.pop()?;
                self.make(Kind::Tuple, start as usize)
            }
            op::FROZENSET => {
                let start = self.marks.pop()?;
                self.make(Kind::FrozenSet, start as usize)
            }
            op::APPEND => self.add(Kind::List, self.down(1)?),
            op::APPENDS => {
                let start = self.marks.pop()?;
                self.add(Kind::List, start as usize)
            }
            op::ADDITEMS => {
                let start = self.marks.pop()?;
                self.add(Kind::Set, start as usize)
            }
            op::EMPTY_DICT => self.push(Kind::Dict, Span::default()),
            op::DICT => {
                let start = self.marks.pop()?;
                self.set_items(start as usize)?;
                self.push(Kind::Dict, Span::default())
            }
            op::SETITEM => {
                self.set_items(self.down(2)?)?;
                (self.top()?.kind == Kind::Dict).then_some(())
            }
            op::SETITEMS => {
                let start = self.marks.pop()?;
                self.set_items(start as usize)?;
                (self.top()?.kind == Kind::Dict).then_some(())
            }
            _ => None,
        }
    }

    /// Where the objects above the last mark start: what lies below cannot be popped.
    fn fence(&self) -> usize {
        self.marks.last().map_or(0, |&mark| mark as usize)
    }

    /// Where the top `count` objects start.
    fn down(&self, count: usize) -> Option<usize> {
        let start = self.stack.len().checked_sub(count)?;
        (start >= self.fence()).then_some(start)
    }

    fn top(&self) -> Option<Object> {
        self.stack.get(self.down(1)?).copied()
    }

    fn pop(&mut self) -> Option<Object> {
        self.down(1)?;
        self.stack.pop()
    }

    fn push(&mut self, kind: Kind, span: Span) -> Option<()> {
        if self.stack.len() >= self.quarter {
            return None;
        }
        self.stack.push(Object { kind, span });
        Some(())
    }

    /// Replace the objects from `start` on by a sequence that holds them.
    fn make(&mut self, kind: Kind, start: usize) -> Option<()> {
        if self.sequences.len() >= self.quarter {
            return None;
        }
        let id = self.sequences.len() as u32;
        self.sequences.push(Sequence {
            first: NOTHING,
            last: NOTHING,
            len: 0,
        });
        self.chain(id, start)?;
        self.push(kind, Span { start: id, len: 0 })
    }

    /// Add the objects from `start` on to the sequence below them, which must be a `kind`.
    fn add(&mut self, kind: Kind, start: usize) -> Option<()> {
        let below = start.checked_sub(1).filter(|&at| at >= self.fence())?;
        let object = *self.stack.get(below)?;
        if object.kind != kind {
            return None;
        }
        self.chain(object.span.start, start)
    }

    /// Move the objects from `start` on to the end of a sequence.
    fn chain(&mut self, id: u32, start: usize) -> Option<()> {
        let moved = self.stack.len().checked_sub(start)?;
        if self.cells.len() + moved > 3 * self.quarter {
            return None;
        }
        let sequence = self.sequences.get_mut(id as usize)?;
        for object in self.stack.drain(start..) {
            let at = self.cells.len() as u32;
            match self.cells.get_mut(sequence.last as usize) {
                Some(last) => last.next = at,
                None => sequence.first = at,
            }
            sequence.last = at;
            sequence.len += 1;
            self.cells.push(Cell {
                object,
                next: NOTHING,
            });
        }
        Some(())
    }

    /// Drop the pairs of a dictionary from `start` on.
    fn set_items(&mut self, start: usize) -> Option<()> {
        let members = self.stack.len().checked_sub(start)?;
        if members % 2 != 0 {
            return None;
        }
        self.stack.truncate(start);
        Some(())
    }

    /// Remember the top object. One beyond the limit is forgotten, and only asking for it is an error.
    fn put(&mut self, at: u64) -> Option<()> {
        let top = self.top()?;
        let Some(at) = usize::try_from(at).ok().filter(|&at| at < self.quarter) else {
            return Some(());
        };
        if at >= self.memo.len() {
            let unset = Object {
                kind: Kind::Unset,
                span: Span::default(),
            };
            self.memo.resize(at + 1, unset);
        }
        let place = self.memo.get_mut(at)?;
        self.memo_len += u32::from(place.kind == Kind::Unset);
        *place = top;
        Some(())
    }

    fn get(&mut self, at: u64) -> Option<()> {
        let object = *self.memo.get(usize::try_from(at).ok()?)?;
        if object.kind == Kind::Unset {
            return None;
        }
        self.push(object.kind, object.span)
    }

    /// The text of a STRING or UNICODE line. What holds no escape is used where it is.
    fn escaped(&mut self, code: u8, payload: &[u8], reader: &mut Reader) -> Option<()> {
        let mut span = reader.line()?;
        if code == op::STRING {
            span = unquoted(span, payload)?;
        }
        let line = span.of(payload);
        let plain = match code {
            op::STRING => !line.contains(&b'\\'),
            _ => line.is_ascii() && !line.contains(&b'\\'),
        };
        if plain {
            return self.push(Kind::Text, span);
        }
        let start = self.text.len();
        match code {
            op::STRING => unescape_bytes(line, &mut self.text)?,
            _ => unescape_unicode(line, &mut self.text)?,
        }
        let span = Span {
            start: start as u32,
            len: (self.text.len() - start) as u32,
        };
        self.push(Kind::Unescaped, span)
    }
}

/// A memo index as PUT and GET write it.
fn index(line: &[u8]) -> Option<u64> {
    std::str::from_utf8(line).ok()?.trim_ascii().parse().ok()
}

/// The line without its quotes, which must be there.
fn unquoted(span: Span, payload: &[u8]) -> Option<Span> {
    match span.of(payload) {
        [b'\'', .., b'\''] | [b'"', .., b'"'] => Some(Span {
            start: span.start + 1,
            len: span.len - 2,
        }),
        _ => None,
    }
}

/// Undo the escapes of a Python 2 string's `repr`. Never gives more bytes than it is given.
fn unescape_bytes(mut line: &[u8], to: &mut Vec<u8>) -> Option<()> {
    while let Some((&byte, rest)) = line.split_first() {
        line = rest;
        if byte != b'\\' {
            to.push(byte);
            continue;
        }
        let (&escape, rest) = line.split_first()?;
        line = rest;
        match escape {
            b'\\' | b'\'' | b'"' => to.push(escape),
            b'a' => to.push(0x07),
            b'b' => to.push(0x08),
            b't' => to.push(b'\t'),
            b'n' => to.push(b'\n'),
            b'v' => to.push(0x0b),
            b'f' => to.push(0x0c),
            b'r' => to.push(b'\r'),
            b'x' => {
                to.push(hexadecimal(line.get(..2)?)? as u8);
                line = line.get(2..)?;
            }
            b'0'..=b'7' => {
                let more = line
                    .iter()
                    .take(2)
                    .take_while(|byte| matches!(byte, b'0'..=b'7'))
                    .count();
                let (digits, rest) = line.split_at(more);
                line = rest;
                let code = digits.iter().fold(u32::from(escape - b'0'), |sum, digit| {
                    sum * 8 + u32::from(digit - b'0')
                });
                to.push(code as u8);
            }
            other => to.extend([b'\\', other]),
        }
    }
    Some(())
}

/// Undo Python's raw-unicode-escape and give UTF-8: `\u` with four digits, `\U` with eight, every
/// other byte is Latin-1. A pair of surrogates, as narrow builds of Python 2 write it, becomes the
/// character it stands for; a lone one stays in its three bytes, which no name may hold. Gives at
/// most twice the bytes it is given.
fn unescape_unicode(mut line: &[u8], to: &mut Vec<u8>) -> Option<()> {
    let mut high: Option<u32> = None;
    while !line.is_empty() {
        let (code, rest) = unicode_unit(line)?;
        line = rest;
        match (high.take(), code) {
            (Some(first), 0xdc00..=0xdfff) => {
                to.truncate(to.len() - 3);
                push_utf8(0x10000 + ((first - 0xd800) << 10) + (code - 0xdc00), to);
            }
            _ => push_utf8(code, to),
        }
        high = (0xd800..=0xdbff).contains(&code).then_some(code);
    }
    Some(())
}

/// The first code of raw-unicode-escaped text, and what follows it.
fn unicode_unit(line: &[u8]) -> Option<(u32, &[u8])> {
    let digits = match line {
        [b'\\', b'u', ..] => 4,
        [b'\\', b'U', ..] => 8,
        [byte, rest @ ..] => return Some((u32::from(*byte), rest)),
        [] => return None,
    };
    let code = hexadecimal(line.get(2..2 + digits)?)?;
    (code <= 0x10_ffff).then_some((code, line.get(2 + digits..)?))
}

fn push_utf8(code: u32, to: &mut Vec<u8>) {
    match char::from_u32(code) {
        Some(char) => to.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        None => to.extend([
            0xe0 | (code >> 12) as u8,
            0x80 | (code >> 6 & 0x3f) as u8,
            0x80 | (code & 0x3f) as u8,
        ]),
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |sum, &digit| {
        Some(sum << 4 | char::from(digit).to_digit(16)?)
    })
}
