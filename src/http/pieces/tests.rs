use std::collections::VecDeque;
use std::future::ready;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::Request;

use super::*;
use crate::base::random::Random;
use crate::http::HttpOptions;
use crate::http::tests::TestFleet;
use crate::query::testing::run;

/// A body in the pieces it comes in, and how it ends.
struct Cut(VecDeque<Bytes>, Option<Unread>);

impl Source for Cut {
    fn next(&mut self) -> Local<'_, Result<Option<Bytes>, Unread>> {
        let next = match (self.0.pop_front(), self.1.take()) {
            (Some(piece), end) => {
                self.1 = end;
                Ok(Some(piece))
            }
            (None, Some(end)) => Err(end),
            (None, None) => Ok(None),
        };
        Box::pin(ready(next))
    }
}

/// What is read of a body that comes in pieces of `size`, and how that ends.
fn read(
    encoding: &str,
    sent: &[u8],
    size: usize,
    end: Option<Unread>,
) -> (Vec<u8>, Result<(), Unread>) {
    let request = Request::builder().header("Content-Encoding", encoding);
    let request = request.body(Bytes::new()).expect("a request");
    let (fleet, options) = (TestFleet::new(1, 0), HttpOptions::default());
    let question = Question::unread(&request, &fleet, &options);
    let mut cut: VecDeque<Bytes> = sent.chunks(size).map(Bytes::copy_from_slice).collect();
    // Somewhere nothing comes for a while.
    cut.insert(cut.len() / 2, Bytes::new());
    question.source.set(Some(Box::new(Cut(cut, end))));
    let mut pieces = match Pieces::of(&question) {
        Ok(pieces) => pieces,
        Err(unread) => return (Vec::new(), Err(unread)),
    };
    let (mut all, mut silences) = (Vec::new(), 0);
    loop {
        match run(pieces.read()) {
            Ok(Some(piece)) if piece.is_empty() => silences += 1,
            Ok(Some(piece)) => {
                assert!(piece.len() <= PIECE_BYTES.max(size));
                all.extend_from_slice(&piece);
            }
            Ok(None) => {
                assert_eq!(silences, 1);
                return (all, Ok(()));
            }
            Err(unread) => {
                assert_eq!(run(pieces.read()), Ok(None), "it is over");
                return (all, Err(unread));
            }
        }
    }
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn a_body_is_the_same_however_it_is_cut() {
    let mut random = Random::new(1);
    let text: Vec<u8> = (0..20_000)
        .map(|i| b"abc"[i % 3] ^ random.below(2) as u8)
        .collect();
    let members = [packed(&text[..7]), packed(b""), packed(&text[7..])].concat();
    for size in [1, 2, 3, 10, 17, 1_000, 16_384, 1 << 20] {
        assert_eq!(
            read("", &text, size, None),
            (text.clone(), Ok(())),
            "{size}"
        );
        assert_eq!(
            read("gzip", &members, size, None),
            (text.clone(), Ok(())),
            "{size}"
        );
    }
}

#[test]
fn what_unpacks_to_much_comes_in_pieces() {
    let bomb = packed(&vec![b' '; 5 << 20]);
    assert!(bomb.len() < 64 << 10);
    let (text, end) = read("gzip", &bomb, 1_000, None);
    assert_eq!((text.len(), end), (5 << 20, Ok(())));
}

#[test]
fn what_is_wrong_is_told() {
    let told = |encoding: &str, sent: &[u8], size: usize| {
        let (_, end) = read(encoding, sent, size, None);
        let unread = end.expect_err("refused");
        (unread.status.as_u16(), unread.told)
    };
    let whole = packed(b"some text");
    for size in [1, 100] {
        let no_gzip = (400, "Not in GZIP format".to_owned());
        assert_eq!(told("gzip", b"some text that is no gzip", size), no_gzip);
        assert_eq!(told("gzip", b"", size), no_gzip);
        assert_eq!(told("gzip", b"\x1f", size), no_gzip);
        for cut in 1..whole.len() {
            assert_eq!(told("gzip", &whole[..cut], size).0, 400, "cut at {cut}");
        }
        let (status, text) = told("gzip", &whole[..whole.len() - 1], size);
        assert!(status == 400 && text.contains("damaged"), "{text}");
    }
    assert_eq!(told("br", b"x", 1).0, 415);
    // What the source says, behind what came before it.
    let late = Unread::new(StatusCode::REQUEST_TIMEOUT, "too slow");
    let (text, end) = read("", b"abc", 1, Some(late.clone()));
    assert_eq!((text, end), (b"abc".to_vec(), Err(late)));
}
