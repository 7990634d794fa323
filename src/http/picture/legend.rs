//! The legend: names with their colours, in columns below the plot.

use std::borrow::Cow;
use std::collections::HashSet;

use super::color::Color;
use super::font::Font;
use super::frame::Area;
use super::options::Options;
use super::svg::{Anchor, Path, Stroke, Svg, Text};
use crate::query::breath::Pace;
use crate::query::error::QueryError;

/// Series with more are drawn without a legend, unless the request says otherwise.
const ENTRIES_MAX: usize = 10;
/// Pixels between the parts of an entry.
const PADDING: f64 = 5.0;
/// Pixels from one entry to the next.
const GAP: f64 = 15.0;
/// The share of the room that is left which a legend may take.
const SHARE_MAX: f64 = 0.5;

/// One line of it.
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) color: Color,
    pub(super) alpha: f64,
    /// Of the axis on the right, where there are two.
    pub(super) is_right: bool,
}

/// Whether a picture of so many series has a legend.
pub(super) fn is_shown(options: &Options, series: usize) -> bool {
    !options.hide_legend.unwrap_or(ENTRIES_MAX < series)
}

/// Write it at the bottom of `area`, and take its room away. Entries for which there is no room are
/// counted in the last.
///
/// # Errors
/// What `pace` says.
pub(super) async fn draw(
    svg: &mut Svg,
    area: &mut Area,
    options: &Options,
    mut entries: Vec<Entry<'_>>,
    pace: &Pace<'_>,
) -> Result<(), QueryError> {
    entries.retain(|entry| !entry.name.is_empty());
    if options.unique_legend {
        entries = unique(entries, pace).await?;
    }
    let font = &options.font;
    let marks = font.line_height() - 1.0 + PADDING;
    let width_max = area.width() - marks;
    let mut names = Vec::with_capacity(entries.len());
    let mut widest = 0.0;
    for entry in &entries {
        let name = font.fitted(entry.name, width_max);
        widest = f64::max(widest, font.width(&name));
        // A character costs about as much as a value.
        pace.did(5 + 2 * name.len()).await?;
        names.push(name);
    }
    let Some(grid) = Grid::new(area, font, marks + widest + GAP, &entries) else {
        return Ok(());
    };
    area.bottom -= grid.rows as f64 * grid.line + 2.0 * PADDING;
    let mut pen = Pen {
        svg,
        options,
        grid: &grid,
        top: area.bottom + 2.0 * PADDING,
    };
    pen.svg.texts("legend", font, options.style.foreground);
    let mut counts = [0, 0];
    for (entry, name) in entries.iter().zip(names) {
        let is_right = grid.has_sides && entry.is_right;
        let [left, right] = &mut counts;
        let count = if is_right { right } else { left };
        *count += 1;
        let place = *count - 1;
        if place < grid.shown {
            pen.entry(entry, name, place, is_right);
        }
        pace.did(10).await?;
    }
    let [left, right] = counts.map(|count: usize| count.saturating_sub(grid.shown));
    for (more, is_right) in [(left, false), (right, true)] {
        pen.more(more, is_right);
    }
    pen.svg.end();
    Ok(())
}

/// Each name once.
async fn unique<'a>(
    entries: Vec<Entry<'a>>,
    pace: &Pace<'_>,
) -> Result<Vec<Entry<'a>>, QueryError> {
    let mut known = HashSet::new();
    let mut kept = Vec::new();
    for entry in entries {
        pace.did_series(entry.name.len()).await?;
        if known.insert(entry.name) {
            kept.push(entry);
        }
    }
    Ok(kept)
}

/// Where entries go.
struct Grid {
    rows: usize,
    /// Of each side, where there are two.
    columns: usize,
    /// Entries of a side that have a place.
    shown: usize,
    has_sides: bool,
    /// Pixels.
    left: f64,
    right: f64,
    entry: f64,
    line: f64,
}

impl Grid {
    /// `None` where there is room for no row.
    fn new(area: &Area, font: &Font, entry: f64, entries: &[Entry<'_>]) -> Option<Grid> {
        let line = font.line_height() + 1.0;
        let fitting = ((area.width() + GAP) / entry).floor().max(1.0) as usize;
        let rights = entries.iter().filter(|entry| entry.is_right).count();
        let has_sides = 0 < rights && 2 <= fitting;
        let (columns, longest) = if has_sides {
            (fitting / 2, rights.max(entries.len() - rights))
        } else {
            (fitting, entries.len())
        };
        let room = (area.height() * SHARE_MAX - 2.0 * PADDING) / line;
        let rows_max = room.floor().max(0.0) as usize;
        let rows = longest.div_ceil(columns).min(rows_max);
        let places = rows * columns;
        let shown = if longest <= places {
            longest
        } else {
            // The last place tells how many are not shown.
            places.saturating_sub(1)
        };
        (0 < rows).then_some(Grid {
            rows,
            columns,
            shown,
            has_sides,
            left: area.left,
            right: area.right,
            entry,
            line,
        })
    }

    /// Where an entry begins, from its own side, and its line's top.
    fn place(&self, place: usize, is_right: bool, top: f64) -> (f64, f64) {
        let (row, column) = (place / self.columns.max(1), place % self.columns.max(1));
        let along = self.entry * column as f64;
        let x = if is_right {
            self.right - along
        } else {
            self.left + along
        };
        (x, top + self.line * row as f64)
    }
}

struct Pen<'a> {
    svg: &'a mut Svg,
    options: &'a Options,
    grid: &'a Grid,
    top: f64,
}

impl Pen<'_> {
    fn entry(&mut self, entry: &Entry<'_>, name: Cow<'_, str>, place: usize, is_right: bool) {
        let font = &self.options.font;
        let side = (font.line_height() - 1.0).max(1.0);
        let (x, y) = self.grid.place(place, is_right, self.top);
        let (corner, text_x, anchor) = if is_right {
            (x - side, x - side - PADDING, Anchor::End)
        } else {
            (x, x + side + PADDING, Anchor::Start)
        };
        self.svg
            .rectangle((corner, y), (side, side), entry.color, entry.alpha);
        let mut border = Path::default();
        border.move_to(corner + 0.5, y + 0.5);
        border.line_to(corner + side - 0.5, y + 0.5);
        border.line_to(corner + side - 0.5, y + side - 0.5);
        border.line_to(corner + 0.5, y + side - 0.5);
        border.close();
        self.svg
            .stroke(&border, Stroke::thin(Color::DARK_GREY, 1.0));
        self.svg.text(Text {
            text: &name,
            x: text_x,
            y: y + font.ascent(),
            anchor,
            turned: 0.0,
        });
    }

    /// How many a side has besides.
    fn more(&mut self, count: usize, is_right: bool) {
        if count == 0 {
            return;
        }
        let font = &self.options.font;
        let (x, y) = self.grid.place(self.grid.shown, is_right, self.top);
        let text = format!("and {count} more");
        // With names on the other side there is no more room than for one of them.
        let room = if self.grid.has_sides {
            self.grid.entry
        } else {
            self.grid.right - x
        };
        self.svg.text(Text {
            text: &font.fitted(&text, room),
            x,
            y: y + font.ascent(),
            anchor: if is_right { Anchor::End } else { Anchor::Start },
            turned: 0.0,
        });
    }
}
