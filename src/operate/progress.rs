//! How far a long reading is: one line that is written over on a terminal, a line now and then elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Between two looks at a terminal.
const TERMINAL_EVERY: Duration = Duration::from_millis(200);
/// Between two lines of a log.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The line that tells it.
pub(super) struct Line {
    shown: Instant,
    is_terminal: bool,
    /// Whether it stands on the terminal.
    stands: bool,
}

impl Line {
    pub(super) fn new() -> Line {
        Line {
            shown: Instant::now(),
            is_terminal: io::stderr().is_terminal(),
            stands: false,
        }
    }

    /// Tell `text`, if it is time.
    pub(super) fn show(&mut self, text: impl FnOnce() -> String) {
        let every = match self.is_terminal {
            true => TERMINAL_EVERY,
            false => LINE_EVERY,
        };
        if self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        // Progress that nobody sees is no reason to stop.
        let _ = match self.is_terminal {
            true => write!(io::stderr(), "\r\x1b[K{}", text()),
            false => writeln!(io::stderr(), "{}", text()),
        };
        self.stands = self.is_terminal;
    }

    /// Take the line away, for something else to be printed.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.stands) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// A reading under way.
pub(super) struct Progress {
    began: Instant,
    line: Line,
    done_bytes: u64,
    all_bytes: u64,
}

impl Progress {
    pub(super) fn new() -> Progress {
        Progress {
            began: Instant::now(),
            line: Line::new(),
            done_bytes: 0,
            all_bytes: 0,
        }
    }

    /// So many bytes more are to be read.
    pub(super) fn plan(&mut self, bytes: u64) {
        self.all_bytes += bytes;
    }

    /// So many bytes of `place` are read.
    pub(super) fn advance(&mut self, bytes: u64, place: &str) {
        self.done_bytes += bytes;
        let (done, all) = (self.done_bytes, self.all_bytes.max(self.done_bytes));
        let seconds = self.began.elapsed().as_secs_f64();
        let shown = || {
            format!(
                "{} of {}, {}: {place}",
                size(done),
                size(all),
                rate(done, seconds)
            )
        };
        self.line.show(shown);
    }

    /// Take the line away, for something else to be printed.
    pub(super) fn clear(&mut self) {
        self.line.clear();
    }

    /// What was read, how long it took, and how fast it was.
    pub(super) fn summary(&self) -> String {
        let seconds = self.began.elapsed().as_secs_f64();
        format!(
            "{} read in {seconds:.1} s, {}",
            size(self.done_bytes),
            rate(self.done_bytes, seconds)
        )
    }
}

fn rate(bytes: u64, seconds: f64) -> String {
    format!("{}/s", size((bytes as f64 / seconds.max(1e-6)) as u64))
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    let (mut amount, mut unit) = (bytes as f64, "B");
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if amount < 1024.0 {
            break;
        }
        (amount, unit) = (amount / 1024.0, larger);
    }
    match unit {
        "B" => format!("{bytes} B"),
        unit => format!("{amount:.1} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_for_people() {
        for (bytes, want) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (67_108_864, "64.0 MiB"),
            (u64::MAX, "16777216.0 TiB"),
        ] {
            assert_eq!(size(bytes), want);
        }
    }
}
