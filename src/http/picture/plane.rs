//! The plot: from times and values to pixels.

use super::frame::Area;
use super::scale::Scale;

/// Where times and values are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plane {
    pub(super) area: Area,
    /// Seconds since the epoch at the left edge.
    start: i64,
    /// Pixels a second.
    stretch: f64,
    /// Pixels that lines stay away from the left edge, for their own width.
    pub(super) inset: f64,
}

/// Pixels of width that values have on an area, between lines so wide.
pub(super) fn pixels(area: &Area, line_width: f64) -> f64 {
    (area.width() - line_width - 1.0).max(1.0)
}

impl Plane {
    /// `range` is in seconds.
    pub(super) fn new(area: Area, start: i64, range: f64, line_width: f64) -> Plane {
        Plane {
            area,
            start,
            stretch: pixels(&area, line_width) / range.max(1.0),
            inset: line_width / 2.0,
        }
    }

    /// Where the second `at` is.
    pub(super) fn x(&self, at: i64) -> f64 {
        self.area.left + at.saturating_sub(self.start) as f64 * self.stretch
    }

    /// Where `value` is; `None` where it has no place.
    pub(super) fn y(&self, scale: &Scale, value: f64) -> Option<f64> {
        Some(self.at_height(scale.height(value)?))
    }

    /// Where areas stand on, within the plot.
    pub(super) fn ground(&self, scale: &Scale) -> f64 {
        self.at_height(scale.ground())
            .clamp(self.area.top, self.area.bottom)
    }

    fn at_height(&self, height: f64) -> f64 {
        // Far outside of the plot everything looks the same.
        self.area.bottom - height.clamp(-50.0, 50.0) * self.area.height()
    }
}
