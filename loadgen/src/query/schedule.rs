//! When which panel is asked for: open loop, a pure function of the question's number.

use std::time::Duration;

/// One question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// When it is due, from the start of asking.
    pub(super) at: Duration,
    /// The number of its panel over all users.
    pub(super) panel: usize,
}

/// The questions of one refresh, in the order of time.
#[derive(Debug)]
pub(super) struct Schedule {
    refresh_ns: u64,
    dues: Vec<(u64, usize)>,
}

impl Schedule {
    /// Users are spread evenly over the refresh time; the panels of each are too, or all come at once.
    pub(super) fn new(users: u64, panels: u64, refresh: Duration, at_once: bool) -> Schedule {
        let refresh_ns = (refresh.as_nanos() as u64).max(1);
        let offset = |user: u64, panel: u64| {
            let share = if at_once {
                user as f64 / users as f64
            } else {
                (panel as f64 + user as f64 / users as f64) / panels as f64
            };
            (share * refresh_ns as f64) as u64
        };
        let mut dues: Vec<(u64, usize)> = (0..users)
            .flat_map(|user| (0..panels).map(move |panel| (user, panel)))
            .map(|(user, panel)| (offset(user, panel), (user * panels + panel) as usize))
            .collect();
        dues.sort_unstable();
        Schedule { refresh_ns, dues }
    }

    /// The question of this number, counted from the start.
    pub(super) fn due(&self, number: u64) -> Due {
        let each = self.dues.len().max(1) as u64;
        let (offset_ns, panel) = self
            .dues
            .get((number % each) as usize)
            .copied()
            .unwrap_or_default();
        let refreshes_ns = (number / each).saturating_mul(self.refresh_ns);
        Due {
            at: Duration::from_nanos(refreshes_ns.saturating_add(offset_ns)),
            panel,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(users: u64, panels: u64, at_once: bool, want: &[(u64, usize)]) {
        let schedule = Schedule::new(users, panels, Duration::from_secs(12), at_once);
        let dues = (0..want.len() as u64).map(|number| schedule.due(number));
        let got: Vec<(u64, usize)> = dues.map(|due| (due.at.as_secs(), due.panel)).collect();
        assert_eq!(got, want, "{users} users, {panels} panels");
    }

    #[test]
    fn panels_come_evenly_or_at_once_and_again_each_refresh() {
        check(1, 3, false, &[(0, 0), (4, 1), (8, 2), (12, 0), (16, 1)]);
        check(2, 2, false, &[(0, 0), (3, 2), (6, 1), (9, 3), (12, 0)]);
        check(1, 2, true, &[(0, 0), (0, 1), (12, 0), (12, 1)]);
        check(2, 2, true, &[(0, 0), (0, 1), (6, 2), (6, 3), (12, 0)]);
    }
}
