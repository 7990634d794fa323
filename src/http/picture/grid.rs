//! Axes: labels beside and below the plot, and grid lines behind it.

use super::clock::Clock;
use super::font::Font;
use super::options::{LineOptions, Options};
use super::plane::Plane;
use super::scale::Scale;
use super::svg::{Anchor, Path, Stroke, Svg, Text};
use crate::query::breath::Pace;
use crate::query::error::QueryError;

/// Pixels between a label of y and the plot.
pub(super) const GAP: f64 = 3.0;
/// What a label costs, in values.
const LABEL_COST: usize = 20;
/// Pixels between two labels of x.
const APART: f64 = 4.0;

/// Pixels that the labels of an axis take, with the gap to the plot.
pub(super) fn labels_width(scale: &Scale, font: &Font) -> f64 {
    let widths = scale.labels.iter().map(|(_, label)| font.width(label));
    GAP + widths.fold(0.0, f64::max)
}

/// Write the labels of a y axis, left or right of the plot.
///
/// # Errors
/// What `pace` says.
pub(super) async fn y_labels(
    svg: &mut Svg,
    plane: &Plane,
    scale: &Scale,
    is_right: bool,
    options: &Options,
    pace: &Pace<'_>,
) -> Result<(), QueryError> {
    let font = &options.font;
    let (x, anchor) = if is_right {
        (plane.area.right + GAP, Anchor::Start)
    } else {
        (plane.area.left - GAP, Anchor::End)
    };
    svg.texts("axis", font, options.style.foreground);
    // Labels of an axis that is too low for all of them do not lie upon each other.
    let mut free = f64::INFINITY;
    for (value, label) in &scale.labels {
        pace.did(LABEL_COST).await?;
        let Some(y) = plane.y(scale, *value) else {
            continue;
        };
        let middle = (font.ascent() - font.descent()) / 2.0;
        let lowest = options.height - font.descent();
        let y = (y + middle).clamp(font.ascent().min(lowest), lowest);
        if free < y {
            continue;
        }
        free = y - font.size;
        svg.text(Text {
            text: label,
            x,
            y,
            anchor,
            turned: 0.0,
        });
    }
    svg.end();
    Ok(())
}

/// Write the labels of the x axis.
///
/// # Errors
/// What `pace` says.
pub(super) async fn x_labels(
    svg: &mut Svg,
    plane: &Plane,
    clock: &Clock,
    options: &Options,
    pace: &Pace<'_>,
) -> Result<(), QueryError> {
    let font = &options.font;
    let y = plane.area.bottom + font.ascent() + font.ascent();
    let mut free = 0.0;
    svg.texts("axis", font, options.style.foreground);
    for (at, label) in &clock.labels {
        pace.did(LABEL_COST).await?;
        let half = font.width(label) / 2.0;
        // At the edges of the picture a label moves inwards, a little.
        let ideal = plane.x(*at);
        let x = ideal.min(options.width - half).max(half);
        if half < (x - ideal).abs() || x - half < free || options.width < x + half {
            continue;
        }
        free = x + half + APART;
        svg.text(Text {
            text: label,
            x,
            y,
            anchor: Anchor::Middle,
            turned: 0.0,
        });
    }
    svg.end();
    Ok(())
}

/// Pixels below the plot that labels of x need.
pub(super) fn x_labels_height(font: &Font) -> f64 {
    2.0 * font.ascent() + font.descent()
}

/// Draw the lines of both axes, those of y as `scale` says.
///
/// # Errors
/// What `pace` says.
pub(super) async fn lines(
    svg: &mut Svg,
    plane: &Plane,
    (scale, clock): (&Scale, &Clock),
    options: &Options,
    lines: &LineOptions,
    pace: &Pace<'_>,
) -> Result<(), QueryError> {
    let (major, minor) = (options.style.major_line, options.style.minor_line);
    let mut borders = Path::default();
    upright(&mut borders, plane, plane.area.right);
    upright(&mut borders, plane, plane.area.left);
    let labels: Vec<f64> = scale.labels.iter().map(|(value, _)| *value).collect();
    for (path, color, width) in [
        (
            across(&scale.minor(lines.minor_y), plane, scale, pace).await?,
            minor,
            0.3,
        ),
        (down(&clock.minor, plane, pace).await?, minor, 0.25),
        (across(&labels, plane, scale, pace).await?, major, 0.4),
        (down(&clock.major, plane, pace).await?, major, 0.33),
        (borders, major, 0.5),
    ] {
        if !path.is_empty() {
            svg.stroke(&path, Stroke::thin(color, width));
        }
    }
    Ok(())
}

/// Lines over the whole width, at these values.
async fn across(
    values: &[f64],
    plane: &Plane,
    scale: &Scale,
    pace: &Pace<'_>,
) -> Result<Path, QueryError> {
    let area = &plane.area;
    let inside = area.top - 0.01..=area.bottom + 0.01;
    let mut path = Path::default();
    for &value in values {
        pace.did(super::cost(2)).await?;
        if let Some(y) = plane.y(scale, value).filter(|y| inside.contains(y)) {
            path.move_to(area.left, y);
            path.line_to(area.right, y);
        }
    }
    Ok(path)
}

/// Lines over the whole height, at these times.
async fn down(times: &[i64], plane: &Plane, pace: &Pace<'_>) -> Result<Path, QueryError> {
    let mut path = Path::default();
    for &at in times {
        pace.did(super::cost(2)).await?;
        let x = plane.x(at);
        if x < plane.area.right {
            upright(&mut path, plane, x);
        }
    }
    Ok(path)
}

fn upright(path: &mut Path, plane: &Plane, x: f64) {
    path.move_to(x, plane.area.bottom);
    path.line_to(x, plane.area.top);
}
