//! Holds the answered points of one series against what is known of them.

use std::fmt;

use super::ledger::Claim;

/// One point that was or would have been sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// Its value.
    pub value: f64,
    /// What is known of it.
    pub claim: Claim,
}

/// What is wrong with a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wrong {
    /// It must be there and is not.
    Lost,
    /// It is there with another value.
    Differs(f64),
    /// It is there and was never sent.
    NeverSent(f64),
    /// It was lost before and is there again.
    CameBack,
    /// It is there more than once.
    Twice,
}

/// A point that is not as it must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// Its series.
    pub series: String,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// What was sent, if anything was.
    pub value: Option<f64>,
    /// What is wrong.
    pub wrong: Wrong,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation {
            series,
            at_ms,
            value,
            wrong,
        } = self;
        write!(formatter, "{series} at {at_ms} ms: ")?;
        let sent = value.map_or_else(|| "nothing".to_owned(), |value| value.to_string());
        match wrong {
            Wrong::Lost => write!(
                formatter,
                "{sent} was safe (acknowledged, or seen after a restart) and is gone"
            ),
            Wrong::Differs(got) => write!(formatter, "{sent} was sent, {got} is answered"),
            Wrong::NeverSent(got) => write!(formatter, "{got} is answered and was never sent"),
            Wrong::CameBack => write!(
                formatter,
                "{sent} was lost in an earlier loop and came back"
            ),
            Wrong::Twice => write!(formatter, "{sent} is answered more than once"),
        }
    }
}

/// Compares one series. `expected` rises in time and goes as far as rounds were begun; `seen` is
/// told for each of its points whether it is there.
pub fn compare(
    series: &str,
    expected: impl Iterator<Item = Expected>,
    answered: &mut [(i64, f64)],
    mut seen: impl FnMut(usize, bool),
) -> Vec<Violation> {
    answered.sort_by_key(|&(at_ms, _)| at_ms);
    let mut violations = Vec::new();
    let mut find = |at_ms, value, wrong| {
        let series = series.to_owned();
        violations.push(Violation {
            series,
            at_ms,
            value,
            wrong,
        });
    };
    let mut rest = answered.iter().copied().peekable();
    for (number, point) in expected.enumerate() {
        while let Some((at_ms, got)) = rest.next_if(|&(at_ms, _)| at_ms < point.at_ms) {
            find(at_ms, None, Wrong::NeverSent(got));
        }
        let mut there = false;
        while let Some((_, got)) = rest.next_if(|&(at_ms, _)| at_ms == point.at_ms) {
            let wrong = match point.claim {
                _ if there => Some(Wrong::Twice),
                Claim::Never => Some(Wrong::NeverSent(got)),
                Claim::Gone => Some(Wrong::CameBack),
                Claim::Must | Claim::May if got == point.value => None,
                Claim::Must | Claim::May => Some(Wrong::Differs(got)),
            };
            if let Some(wrong) = wrong {
                find(point.at_ms, Some(point.value), wrong);
            }
            there = true;
        }
        if !there && point.claim == Claim::Must {
            find(point.at_ms, Some(point.value), Wrong::Lost);
        }
        seen(number, there);
    }
    for (at_ms, got) in rest {
        find(at_ms, None, Wrong::NeverSent(got));
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answered: &[(i64, f64)], want: &[(i64, Wrong)]) {
        use Claim::{Gone, May, Must, Never};
        let claims = [Must, Must, May, May, Gone, Never];
        let expected = claims
            .into_iter()
            .enumerate()
            .map(|(number, claim)| Expected {
                at_ms: number as i64 * 10,
                value: number as f64,
                claim,
            });
        let mut there = Vec::new();
        let found = compare("s", expected, &mut answered.to_vec(), |_, seen| {
            there.push(seen)
        });
        let found: Vec<(i64, Wrong)> = found
            .iter()
            .map(|found| (found.at_ms, found.wrong))
            .collect();
        assert_eq!(found, want, "{answered:?}");
        let seen = |number: i64| answered.iter().any(|&(at_ms, _)| at_ms == number * 10);
        assert_eq!(there, (0..6).map(seen).collect::<Vec<bool>>());
    }

    #[test]
    fn every_wrong_is_found() {
        let whole = [(0, 0.0), (10, 1.0)];
        check(&whole, &[]);
        check(&[(10, 1.0), (0, 0.0), (20, 2.0)], &[]);
        check(&[(0, 0.0), (30, 3.0)], &[(10, Wrong::Lost)]);
        check(&[(0, 0.0), (10, 1.5)], &[(10, Wrong::Differs(1.5))]);
        check(
            &[(0, 0.0), (10, 1.0), (20, 7.0)],
            &[(20, Wrong::Differs(7.0))],
        );
        check(&[(0, 0.0), (0, 0.0), (10, 1.0)], &[(0, Wrong::Twice)]);
        check(
            &[(-5, 9.0), (0, 0.0), (10, 1.0)],
            &[(-5, Wrong::NeverSent(9.0))],
        );
        check(
            &[(0, 0.0), (7, 9.0), (10, 1.0)],
            &[(7, Wrong::NeverSent(9.0))],
        );
        check(&[(0, 0.0), (10, 1.0), (40, 4.0)], &[(40, Wrong::CameBack)]);
        check(
            &[(0, 0.0), (10, 1.0), (50, 5.0)],
            &[(50, Wrong::NeverSent(5.0))],
        );
        check(
            &[(0, 0.0), (10, 1.0), (99, 5.0)],
            &[(99, Wrong::NeverSent(5.0))],
        );
        check(&[], &[(0, Wrong::Lost), (10, Wrong::Lost)]);
    }
}
