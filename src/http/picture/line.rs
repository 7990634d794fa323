//! Lines of series.

use super::options::{LineMode, LineOptions};
use super::plane::Plane;
use super::points::Drawn;
use super::scale::Scale;
use super::svg::{Path, Stroke, Svg};
use crate::query::breath::Pace;
use crate::query::error::QueryError;

/// Values that become text between two breaths.
const PIECE: usize = 200;

/// Where the values of a series are.
pub(super) struct Dots<'a> {
    pub(super) plane: &'a Plane,
    pub(super) scale: &'a Scale,
    pub(super) drawn: &'a Drawn<'a>,
}

impl Dots<'_> {
    /// Pixels from left of the value at `index`; also of the one behind the last.
    pub(super) fn x(&self, index: usize) -> f64 {
        let after = self
            .drawn
            .step
            .saturating_mul(i64::try_from(index).unwrap_or(i64::MAX));
        let at = self.drawn.series.start.saturating_add(after);
        self.plane.x(at) + self.plane.inset
    }

    /// Pixels from above of the value at `index`; `None` where there is none.
    pub(super) fn y(&self, index: usize) -> Option<f64> {
        let value = self.drawn.values.get(index)?;
        self.plane.y(self.scale, *value)
    }

    /// Whether the value at `index` stays for its step because a null comes next.
    pub(super) fn is_held(&self, index: usize) -> bool {
        index + 1 < self.drawn.values.len() && self.y(index + 1).is_none()
    }
}

/// Draw the line of one series.
///
/// # Errors
/// What `pace` says, and a picture that became too large.
pub(super) async fn draw(
    svg: &mut Svg,
    dots: &Dots<'_>,
    mode: LineMode,
    lines: &LineOptions,
    pace: &Pace<'_>,
) -> Result<(), QueryError> {
    let path = if dots.drawn.series.look.draw_as_infinite {
        upright(dots, pace).await?
    } else {
        let gap_max = match mode {
            LineMode::Connected => lines.connected_limit,
            LineMode::Slope | LineMode::Staircase => 0.0,
        };
        match mode {
            LineMode::Staircase => stairs(dots, pace).await?,
            LineMode::Slope | LineMode::Connected => slopes(dots, gap_max, pace).await?,
        }
    };
    if !path.is_empty() {
        let drawn = dots.drawn;
        let stroke = Stroke {
            color: drawn.color,
            alpha: drawn.alpha,
            width: drawn.width,
            dashed: drawn.dashed,
        };
        svg.stroke(&path, stroke);
    }
    svg.check_size()
}

/// From top to bottom wherever a value is above 0.
async fn upright(dots: &Dots<'_>, pace: &Pace<'_>) -> Result<Path, QueryError> {
    let mut path = Path::default();
    let area = &dots.plane.area;
    for (index, value) in dots.drawn.values.iter().enumerate() {
        if 0.0 < *value {
            let x = dots.x(index);
            path.move_to(x, area.bottom);
            path.line_to(x, area.top);
        }
        pace.did(super::cost(1)).await?;
    }
    Ok(path)
}

/// Each value for its step.
async fn stairs(dots: &Dots<'_>, pace: &Pace<'_>) -> Result<Path, QueryError> {
    let mut path = Path::default();
    let mut last: Option<f64> = None;
    for index in 0..dots.drawn.values.len() {
        let y = dots.y(index);
        if let Some(y) = y {
            if last.is_none() {
                path.move_to(dots.x(index), y);
            } else if last != Some(y) {
                path.line_to(dots.x(index), y);
            }
            path.line_to(dots.x(index + 1), y);
        }
        last = y;
        breathe(index, pace).await?;
    }
    Ok(path)
}

/// From value to value, over up to `gap_max` nulls.
async fn slopes(dots: &Dots<'_>, gap_max: f64, pace: &Pace<'_>) -> Result<Path, QueryError> {
    let mut path = Path::default();
    // The last value, and whether a line leads to it.
    let mut last: Option<(usize, f64, bool)> = None;
    for index in 0..dots.drawn.values.len() {
        if let Some(y) = dots.y(index) {
            let x = dots.x(index);
            let near = last.filter(|(before, ..)| (index - before - 1) as f64 <= gap_max);
            match near {
                Some((before, before_y, is_joined)) => {
                    if !is_joined {
                        path.move_to(dots.x(before), before_y);
                    }
                    path.line_to(x, y);
                }
                None => finish_lone(&mut path, dots, last),
            }
            let is_held = hold(&mut path, dots, index, y, near.is_some());
            last = Some((index, y, near.is_some() || is_held));
        }
        breathe(index, pace).await?;
    }
    finish_lone(&mut path, dots, last);
    Ok(path)
}

/// Before a null the value stays for its step, as in graphite-web, so that one between nulls is seen.
/// Whether it does.
fn hold(path: &mut Path, dots: &Dots<'_>, index: usize, y: f64, is_joined: bool) -> bool {
    let is_held = dots.is_held(index);
    if is_held {
        if !is_joined {
            path.move_to(dots.x(index), y);
        }
        path.line_to(dots.x(index + 1), y);
    }
    is_held
}

/// A value that has no line, for it is the first and the last, is shown as a dot.
fn finish_lone(path: &mut Path, dots: &Dots<'_>, last: Option<(usize, f64, bool)>) {
    if let Some((index, y, false)) = last {
        let half = dots.drawn.width.max(1.0) / 2.0;
        let x = dots.x(index);
        path.move_to(x - half, y);
        path.line_to(x + half, y);
    }
}

async fn breathe(index: usize, pace: &Pace<'_>) -> Result<(), QueryError> {
    if index % PIECE == PIECE - 1 {
        pace.did(super::cost(PIECE)).await?;
    }
    Ok(())
}
