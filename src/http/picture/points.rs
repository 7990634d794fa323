//! Series as they are drawn: with colours and axes, and folded to what their width has room for.

use super::color::Color;
use super::options::{AreaMode, LineMode, LineOptions, Options, SideLook};
use crate::http::errors::Failure;
use crate::query::breath::Pace;
use crate::query::error::QueryError;
use crate::query::graphite::consolidate;
use crate::query::series::Series;

/// Series of one picture.
pub(super) const SERIES_MAX: usize = 2_000;
/// Values of one picture, all series together.
pub(super) const POINTS_MAX: usize = 500_000;

/// One series of a picture.
pub(super) struct Drawn<'a> {
    pub(super) series: &'a Series,
    pub(super) color: Color,
    /// 0 to 1, where the colour says nothing.
    pub(super) alpha: f64,
    pub(super) width: f64,
    pub(super) dashed: Option<f64>,
    pub(super) is_right: bool,
    pub(super) is_area: bool,
    /// Values that became one.
    pub(super) size: usize,
    /// Seconds from value to value.
    pub(super) step: i64,
    /// NaN where there is none; never infinite.
    pub(super) values: Vec<f64>,
}

/// All of them.
pub(super) struct Points<'a> {
    pub(super) all: Vec<Drawn<'a>>,
    /// Seconds since the epoch.
    pub(super) start: i64,
    /// Behind `start`.
    pub(super) end: i64,
    pub(super) line_mode: LineMode,
    pub(super) has_right: bool,
    /// Least and largest value of each side.
    pub(super) left: (f64, f64),
    pub(super) right: (f64, f64),
}

impl<'a> Points<'a> {
    /// With colours, but without values yet. `None` if there is nothing to draw.
    ///
    /// # Errors
    /// More than [`SERIES_MAX`] series, and colours that are none.
    pub(super) async fn new(
        series: &'a [Series],
        options: &Options,
        lines: &LineOptions,
        pace: &Pace<'_>,
    ) -> Result<Option<Points<'a>>, Failure> {
        if SERIES_MAX < series.len() {
            return Err(Failure::from(QueryError::Limit(format!(
                "a picture shows at most {SERIES_MAX} series, and these are {}; ask for fewer, or combine \
                 some",
                series.len()
            ))));
        }
        let is_short = |one: &Series| one.values.len() == 1;
        let line_mode = match lines.line_mode {
            // One value makes no slope.
            LineMode::Slope if series.iter().any(is_short) => LineMode::Staircase,
            mode => mode,
        };
        let end_of = |one: &Series| match line_mode {
            LineMode::Staircase => one.range_end(),
            LineMode::Slope | LineMode::Connected => one.end().saturating_sub(one.step),
        };
        let shown = || series.iter().filter(|one| !one.values.is_empty());
        let start = shown().map(|one| one.start).min();
        let end = shown().map(end_of).max();
        let (Some(start), Some(end)) = (start, end) else {
            return Ok(None);
        };
        let mut points = Points {
            all: Vec::with_capacity(series.len()),
            start,
            end: end.max(start.saturating_add(1)),
            line_mode,
            has_right: series.iter().any(|one| one.look.second_y_axis),
            left: (0.0, 1.0),
            right: (0.0, 1.0),
        };
        let mut colors = 0..;
        for (position, one) in series.iter().enumerate() {
            let drawn = points.dressed(one, position, &mut colors, options, lines)?;
            points.all.push(drawn);
            pace.did(20).await?;
        }
        Ok(Some(points))
    }

    fn dressed(
        &self,
        series: &'a Series,
        position: usize,
        colors: &mut impl Iterator<Item = usize>,
        options: &Options,
        lines: &LineOptions,
    ) -> Result<Drawn<'a>, Failure> {
        let look = &series.look;
        let none = SideLook::default();
        let side = match (self.has_right, look.second_y_axis) {
            (false, _) => &none,
            (true, false) => &lines.left_look,
            (true, true) => &lines.right_look,
        };
        let own = look.color.as_deref();
        let own = own.map(|text| Color::read(text, "color")).transpose()?;
        let color = match side.color.or(own) {
            Some(color) => color,
            None => options.style.color(colors.next().unwrap_or(0)),
        };
        let is_line = look.draw_as_infinite;
        let is_area = look.stacked
            || match lines.area_mode {
                AreaMode::None => false,
                AreaMode::First => position == 0,
                AreaMode::All => !is_line,
                AreaMode::Stacked => !is_line && !self.has_right,
            };
        let width = side.width.or(look.line_width).unwrap_or(lines.line_width);
        Ok(Drawn {
            series,
            color,
            alpha: look.alpha.unwrap_or(1.0).clamp(0.0, 1.0),
            width: if width.is_finite() {
                width.clamp(0.0, 1_000.0)
            } else {
                lines.line_width
            },
            dashed: side.dashed.or(look.dashed),
            is_right: look.second_y_axis,
            is_area,
            size: 0,
            step: series.step,
            values: Vec::new(),
        })
    }

    /// Seconds from the first to the last value.
    pub(super) fn range(&self) -> f64 {
        self.end.saturating_sub(self.start).max(1) as f64
    }

    /// Fold every series so that its values are at least `min_x_step` apart on `pixels`, put those upon
    /// each other that are stacked, and see how far they reach.
    ///
    /// # Errors
    /// More than [`POINTS_MAX`] values, and what `pace` says.
    pub(super) async fn fold(
        &mut self,
        pixels: f64,
        lines: &LineOptions,
        pace: &Pace<'_>,
    ) -> Result<(), QueryError> {
        let sizes = self.sizes(pixels, lines.min_x_step)?;
        let now = self.all.iter().map(|one| one.size);
        if now.eq(sizes.iter().copied()) {
            return Ok(());
        }
        let gap = if lines.null_is_zero { 0.0 } else { f64::NAN };
        for (one, size) in self.all.iter_mut().zip(sizes) {
            one.values = consolidate::folded(one.series, size, pace).await?;
            one.size = size;
            let size = i64::try_from(size).unwrap_or(i64::MAX);
            one.step = one.series.step.max(1).saturating_mul(size);
            for some in one.values.chunks_mut(1_000) {
                let gaps = some.iter_mut().filter(|value| !value.is_finite());
                gaps.for_each(|value| *value = gap);
                pace.did(some.len() / 4).await?;
            }
        }
        let above = lines.log_base.map_or(f64::NEG_INFINITY, |_| 0.0);
        self.left = self.limits(false, above, pace).await?;
        self.right = self.limits(true, above, pace).await?;
        if lines.area_mode == AreaMode::Stacked && !self.has_right {
            // As in graphite-web, the axis begins at the least of the values, not of their sums.
            let (low, _) = self.left;
            self.stack(pace).await?;
            let (_, high) = self.limits(false, above, pace).await?;
            self.left = (low, high);
        }
        Ok(())
    }

    /// How many values of each series become one.
    fn sizes(&self, pixels: f64, min_x_step: f64) -> Result<Vec<usize>, QueryError> {
        let (range, room) = (self.range(), (pixels / min_x_step).floor().max(1.0));
        let size_of = |one: &Drawn<'_>| {
            let values = range / one.series.step.max(1) as f64;
            if values <= pixels / min_x_step {
                1
            } else {
                ((values / room).ceil() as usize).max(1)
            }
        };
        let sizes: Vec<usize> = self.all.iter().map(size_of).collect();
        let counts = self.all.iter().zip(&sizes);
        let count = counts
            .map(|(one, size)| one.series.values.len().div_ceil(*size))
            .fold(0, usize::saturating_add);
        if POINTS_MAX < count {
            return Err(QueryError::Limit(format!(
                "a picture has at most {POINTS_MAX} values, and these are {count}; ask for fewer series, a \
                 smaller picture or a larger minXStep"
            )));
        }
        Ok(sizes)
    }

    /// The least and the largest value of the series of one side, without those that are drawn as lines
    /// from top to bottom. Only values above `above` count.
    async fn limits(
        &self,
        is_right: bool,
        above: f64,
        pace: &Pace<'_>,
    ) -> Result<(f64, f64), QueryError> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for one in &self.all {
            if is_right != one.is_right || one.series.look.draw_as_infinite {
                continue;
            }
            for some in one.values.chunks(1_000) {
                for &value in some.iter().filter(|value| above < **value) {
                    low = low.min(value);
                    high = high.max(value);
                }
                pace.did(some.len() / 4).await?;
            }
        }
        let otherwise = if above.is_finite() {
            (1.0, 10.0)
        } else {
            (0.0, 1.0)
        };
        Ok(if high < low { otherwise } else { (low, high) })
    }

    /// Put the areas upon each other, by time: a value belongs to its whole step.
    ///
    /// # Errors
    /// What `pace` says.
    async fn stack(&mut self, pace: &Pace<'_>) -> Result<(), QueryError> {
        let fine = self.all.iter().map(|one| one.step).min().unwrap_or(1);
        let slots = self.end.saturating_sub(self.start) / fine.max(1);
        let slots = usize::try_from(slots).unwrap_or(0).min(POINTS_MAX);
        // One more, for the value at the end.
        let mut totals = vec![0.0; slots + 2];
        for one in self.all.iter_mut().filter(|one| one.is_area) {
            let slot = |index: usize| {
                let after = one
                    .step
                    .saturating_mul(i64::try_from(index).unwrap_or(i64::MAX));
                let time = one.series.start.saturating_add(after);
                let slot = time.saturating_sub(self.start) / fine.max(1);
                usize::try_from(slot).unwrap_or(0)
            };
            for index in 0..one.values.len() {
                let (from, to) = (slot(index), slot(index + 1));
                let Some(value) = one.values.get_mut(index) else {
                    continue;
                };
                let own = *value;
                *value += totals.get(from).copied().unwrap_or(0.0);
                if !own.is_nan() {
                    let to = to.clamp(from, totals.len());
                    let covered = totals.get_mut(from..to).unwrap_or_default();
                    covered.iter_mut().for_each(|total| *total += own);
                    pace.did(covered.len() / 4).await?;
                }
                pace.did(1).await?;
            }
        }
        Ok(())
    }
}
