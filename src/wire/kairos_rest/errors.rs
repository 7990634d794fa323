//! What a sender is told: bounded, because one body can be wrong a million times.

/// Texts that are kept.
pub(super) const TEXTS_MAX: usize = 100;
/// Bytes of them.
const BYTES_MAX: usize = 64 * 1024;
/// Bytes of a name or value that a text repeats.
const SHOWN_BYTES_MAX: usize = 256;

/// The texts of one body, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    texts: Vec<String>,
    bytes: usize,
    more: u64,
}

impl Errors {
    /// One more; beyond `TEXTS_MAX` or `BYTES_MAX` it is only counted.
    pub fn push(&mut self, text: String) {
        if self.texts.len() == TEXTS_MAX || BYTES_MAX < self.bytes + text.len() {
            self.more += 1;
        } else {
            self.bytes += text.len();
            self.texts.push(text);
        }
    }

    /// One more, whose text is made only if it is kept.
    pub(super) fn push_made(&mut self, text: impl FnOnce() -> String) {
        if self.texts.len() == TEXTS_MAX {
            self.more += 1;
        } else {
            self.push(text());
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.more == 0
    }

    /// The texts, and at the end how many more there were, if any.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        let more = (self.more > 0).then(|| format!("and {} more errors", self.more));
        self.texts.iter().cloned().chain(more)
    }
}

/// `text`, cut where it is long.
pub(super) fn shortened(text: &str) -> String {
    if text.len() <= SHOWN_BYTES_MAX {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(SHOWN_BYTES_MAX);
    format!("{}...", &text[..end])
}
