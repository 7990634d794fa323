//! What stands around a plot: its area, titles, and the picture of nothing.

use super::color::Color;
use super::options::Options;
use super::svg::{Anchor, Svg, Text};

/// A rectangle, in pixels from the upper left corner of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl Area {
    /// Everything inside of the margins.
    pub(super) fn inside(options: &Options) -> Area {
        let area = Area {
            left: options.margin,
            right: options.width - options.margin,
            top: options.margin,
            bottom: options.height - options.margin,
        };
        area.settled(options)
    }

    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    pub(super) fn middle(&self) -> (f64, f64) {
        let x = f64::midpoint(self.left, self.right);
        (x, f64::midpoint(self.top, self.bottom))
    }

    /// Itself, but inside of the picture and at least a pixel wide and high.
    pub(super) fn settled(self, options: &Options) -> Area {
        let left = self.left.clamp(0.0, options.width - 1.0);
        let top = self.top.clamp(0.0, options.height - 1.0);
        Area {
            left,
            right: self.right.clamp(left + 1.0, options.width),
            top,
            bottom: self.bottom.clamp(top + 1.0, options.height),
        }
    }
}

/// An empty picture.
pub(super) fn canvas(options: &Options) -> Svg {
    Svg::new(options.width, options.height, options.style.background)
}

/// The picture of no data.
pub(super) fn no_data(options: &Options) -> Svg {
    let mut svg = canvas(options);
    // As large as the original writes it.
    let size = (options.width * options.height).ln().max(1.0);
    let font = options.font.at(size);
    let (x, y) = (options.width / 2.0, options.height / 2.0);
    svg.texts("empty", &font, Color::RED);
    svg.text(Text {
        text: &font.fitted("No Data", options.width),
        x,
        y: y + font.ascent(),
        anchor: Anchor::Middle,
        turned: 0.0,
    });
    svg.end();
    svg
}

/// Lines of `text` that may be shown on `pixels` across them.
fn lines(text: &str, line: f64, pixels: f64) -> impl Iterator<Item = &str> {
    let fitting = (pixels / line).floor().max(0.0) as usize;
    let shown = (!text.is_empty()).then(|| text.lines().take(fitting));
    shown.into_iter().flatten()
}

/// Write the title at the top of `area`, and take its room away.
pub(super) fn title(svg: &mut Svg, area: &mut Area, options: &Options) {
    let font = options.font.for_titles();
    let height = area.height() / 2.0;
    let mut lines = lines(&options.title, font.line_height(), height).peekable();
    if lines.peek().is_none() {
        return;
    }
    svg.texts("title", &font, options.style.foreground);
    for line in lines {
        svg.text(Text {
            text: &font.fitted(line, area.width()),
            x: options.width / 2.0,
            y: area.top + font.ascent(),
            anchor: Anchor::Middle,
            turned: 0.0,
        });
        area.top += font.line_height();
    }
    svg.end();
    area.top += options.margin;
}

/// A title along one side of the plot.
pub(super) struct SideTitle<'a> {
    lines: Vec<&'a str>,
    is_right: bool,
    /// Where its first line stands.
    x: f64,
}

impl<'a> SideTitle<'a> {
    /// Take its room away from `area`.
    pub(super) fn reserve(
        text: &'a str,
        is_right: bool,
        area: &mut Area,
        options: &Options,
    ) -> SideTitle<'a> {
        let font = options.font.for_titles();
        let lines: Vec<&str> = lines(text, font.line_height(), area.width() / 4.0).collect();
        let mut taken = font.line_height() * lines.len() as f64;
        if !lines.is_empty() {
            taken += options.margin / 2.0;
        }
        let x = if is_right {
            area.right -= taken;
            area.right + taken - font.ascent()
        } else {
            area.left += taken;
            area.left - taken + font.ascent()
        };
        SideTitle { lines, is_right, x }
    }

    /// Write it, in the middle of the plot's side.
    pub(super) fn write(&self, svg: &mut Svg, plot: &Area, options: &Options) {
        if self.lines.is_empty() {
            return;
        }
        let font = options.font.for_titles();
        let (class, turned, to_next) = if self.is_right {
            ("vtitleRight", 90.0, -font.line_height())
        } else {
            ("vtitle", -90.0, font.line_height())
        };
        svg.texts(class, &font, options.style.foreground);
        for (i, line) in self.lines.iter().enumerate() {
            svg.text(Text {
                text: &font.fitted(line, plot.height()),
                x: self.x + to_next * i as f64,
                y: plot.middle().1,
                anchor: Anchor::Middle,
                turned,
            });
        }
        svg.end();
    }
}
