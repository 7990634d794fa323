//! What was sent and what became of it, as little as possible of it: values and timestamps are pure
//! functions of place and round, so a connection needs to remember only how far it came.
//!
//! A *session* is the time between a start of the server and its end. Points of a connection are
//! numbered in the order in which they are sent; a session begins with a whole round, so number
//! `(round - first round) * places + item` is that of one point.

use std::ops::Range;
use std::time::{Duration, Instant};

/// What an answer has to say of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It was acknowledged, or an answer held it after a restart: it must be there.
    Must,
    /// It was on its way when the server ended.
    May,
    /// It was never sent.
    Never,
    /// A restart found it lost: it must not come back.
    Gone,
}

/// One session of a connection without acknowledgements.
#[derive(Debug, Clone)]
pub struct LineSession {
    /// Round of its first point.
    pub round_first: u64,
    /// Points of the writes that the kernel took whole.
    pub sure: u64,
    /// Points of which the kernel may have taken a byte; nothing beyond them can be anywhere.
    pub begun: u64,
    /// Points that survived, once a restart has shown it.
    pub kept: Option<u64>,
    /// Points sent up to the end of each write, and when the kernel had taken it.
    pub writes: Vec<(u64, Instant)>,
    /// When the connection failed, if it did.
    pub failed_at: Option<Instant>,
    /// When the server was ended.
    pub killed_at: Instant,
    /// False if it began before the server said that it was ready: no bound holds for it.
    pub bounded: bool,
}

/// All that a connection without acknowledgements has sent.
#[derive(Debug, Clone)]
pub struct LineTrack {
    /// Its series.
    pub places: Range<u64>,
    /// In the order of their rounds.
    pub sessions: Vec<LineSession>,
}

/// What is known of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Never sent.
    Unsent,
    /// Sent, but the acknowledgement did not come.
    Doubtful,
    /// Acknowledged.
    Acknowledged,
}

/// All that a connection with acknowledgements has sent.
#[derive(Debug, Clone)]
pub struct RestTrack {
    /// Its series.
    pub places: Range<u64>,
    /// Most points of a request.
    pub batch: u64,
    /// Rounds begun.
    pub rounds: u64,
    /// One for each request of each round begun.
    pub standings: Vec<Standing>,
}

/// What a restart shows of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Survival {
    /// Points that the kernel had taken and that are gone.
    pub lost: u64,
    /// How long before the end the first of them was sent.
    pub lost_age: Duration,
    /// The first point that is there although one before it is not: numbers of both.
    pub hole: Option<(u64, u64)>,
}

impl LineTrack {
    fn width(&self) -> u64 {
        self.places.end - self.places.start
    }

    /// The session that a round belongs to.
    pub fn session_of(&self, round: u64) -> Option<usize> {
        self.sessions
            .partition_point(|session| session.round_first <= round)
            .checked_sub(1)
    }

    /// The number of a point within its session.
    pub fn number(&self, session: usize, round: u64, item: u64) -> u64 {
        let first = self
            .sessions
            .get(session)
            .map_or(0, |session| session.round_first);
        (round - first) * self.width() + item
    }

    /// Round and item of the point with this number.
    pub fn point(&self, session: usize, number: u64) -> (u64, u64) {
        let first = self
            .sessions
            .get(session)
            .map_or(0, |session| session.round_first);
        (first + number / self.width(), number % self.width())
    }

    /// What must be true of a point.
    pub fn claim(&self, round: u64, item: u64) -> Claim {
        let Some(at) = self.session_of(round) else {
            return Claim::Never;
        };
        let session = &self.sessions[at];
        let number = self.number(at, round, item);
        match session.kept {
            _ if session.begun <= number => Claim::Never,
            None => Claim::May,
            Some(kept) if number < kept => Claim::Must,
            Some(_) => Claim::Gone,
        }
    }

    /// First round that no session has begun.
    pub fn round_end(&self) -> u64 {
        self.sessions.last().map_or(0, |session| {
            session.round_first + session.begun.div_ceil(self.width())
        })
    }
}

impl LineSession {
    /// Settles what survived, from which of its points a restart has shown.
    pub fn settle(&mut self, seen: &[bool]) -> Survival {
        let kept = seen.iter().position(|seen| !seen).unwrap_or(seen.len());
        let beyond = seen.iter().skip(kept).position(|&seen| seen);
        self.kept = Some(kept as u64);
        let first_lost = (kept as u64) < self.sure;
        let written = self.writes.partition_point(|(end, _)| *end <= kept as u64);
        let lost_age = match self.writes.get(written) {
            Some((_, at)) if first_lost => self.killed_at.saturating_duration_since(*at),
            _ => Duration::ZERO,
        };
        self.writes = Vec::new();
        Survival {
            lost: self.sure.saturating_sub(kept as u64),
            lost_age,
            hole: beyond.map(|beyond| (kept as u64, (kept + beyond) as u64)),
        }
    }
}

impl RestTrack {
    /// A connection that has sent nothing.
    pub fn new(places: Range<u64>, batch: u64) -> RestTrack {
        RestTrack {
            places,
            batch,
            rounds: 0,
            standings: Vec::new(),
        }
    }

    /// Requests of a round.
    pub fn requests(&self) -> u64 {
        (self.places.end - self.places.start).div_ceil(self.batch)
    }

    /// Points of all requests that stand so.
    pub fn points_of(&self, standing: Standing) -> u64 {
        let (width, requests) = (self.places.end - self.places.start, self.requests());
        let mine = self
            .standings
            .iter()
            .enumerate()
            .filter(|(_, own)| **own == standing);
        mine.map(|(at, _)| {
            let first = at as u64 % requests * self.batch;
            self.batch.min(width - first)
        })
        .sum()
    }

    /// A new round begins; gives its number.
    pub fn begin_round(&mut self) -> u64 {
        let unsent = std::iter::repeat_n(Standing::Unsent, self.requests() as usize);
        self.standings.extend(unsent);
        self.rounds += 1;
        self.rounds - 1
    }

    /// Notes what became of a request.
    pub fn note(&mut self, round: u64, request: u64, standing: Standing) {
        let at = (round * self.requests() + request) as usize;
        if let Some(slot) = self.standings.get_mut(at) {
            *slot = standing;
        }
    }

    /// What must be true of a point.
    pub fn claim(&self, round: u64, item: u64) -> Claim {
        let at = round * self.requests() + item / self.batch;
        match self.standings.get(at as usize) {
            Some(Standing::Acknowledged) => Claim::Must,
            Some(Standing::Doubtful) => Claim::May,
            Some(Standing::Unsent) | None => Claim::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(round_first: u64, begun: u64, at: Instant) -> LineSession {
        let writes = (1..=begun / 10).map(|write| (write * 10, at + Duration::from_millis(write)));
        LineSession {
            round_first,
            sure: begun / 10 * 10,
            begun,
            kept: None,
            writes: writes.collect(),
            failed_at: None,
            killed_at: at + Duration::from_millis(100),
            bounded: true,
        }
    }

    #[test]
    fn claims_follow_sessions_and_what_they_kept() {
        let now = Instant::now();
        let mut track = LineTrack {
            places: 100..108,
            sessions: vec![session(0, 25, now), session(4, 9, now)],
        };
        assert_eq!(track.claim(3, 0), Claim::May);
        assert_eq!(track.claim(3, 1), Claim::Never);
        assert_eq!(track.claim(5, 0), Claim::May);
        assert_eq!(track.claim(5, 1), Claim::Never);
        assert_eq!(track.round_end(), 6);
        let mut seen = vec![true; 17];
        seen.extend([false; 8]);
        let survival = track.sessions[0].settle(&seen);
        // Point 17 went out with the write that ended at 20, two milliseconds after the start.
        let want = Survival {
            lost: 3,
            lost_age: Duration::from_millis(98),
            hole: None,
        };
        assert_eq!(survival, want);
        assert_eq!(track.claim(2, 0), Claim::Must);
        assert_eq!(track.claim(2, 1), Claim::Gone);
        assert_eq!(track.point(0, 17), (2, 1));
    }

    #[test]
    fn a_point_behind_a_lost_one_is_a_hole() {
        let mut one = session(0, 20, Instant::now());
        let seen: Vec<bool> = (0..20).map(|number| number != 4).collect();
        assert_eq!(one.settle(&seen).hole, Some((4, 5)));
    }

    #[test]
    fn requests_stand_for_their_points() {
        let mut track = RestTrack::new(0..25, 10);
        assert_eq!(track.begin_round(), 0);
        assert_eq!(track.begin_round(), 1);
        track.note(1, 0, Standing::Doubtful);
        track.note(1, 2, Standing::Acknowledged);
        let claims: Vec<Claim> = [0, 9, 10, 19, 20, 24]
            .map(|item| track.claim(1, item))
            .into();
        use Claim::{May, Must, Never};
        assert_eq!(claims, [May, May, Never, Never, Must, Must]);
        assert_eq!(track.claim(0, 0), Never);
        assert_eq!(track.claim(2, 0), Never);
    }
}
