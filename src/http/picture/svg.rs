//! A small writer of SVG: rectangles, lines, paths and text, with two decimals.

use super::color::Color;
use super::font::{FAMILY, Font};
use crate::query::error::QueryError;

/// Bytes of one picture as SVG: what [`super::points::POINTS_MAX`] values take as lines. Whoever makes a PNG
/// of so many needs about a second.
pub(super) const BYTES_MAX: usize = 6 << 20;

/// Pixels beyond which everything is as far away as this.
const FAR: f64 = 100_000.0;

/// Where a text is, seen from its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A text with its place: the point is on the line on which it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    pub(super) text: &'a str,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) anchor: Anchor,
    /// Degrees, clockwise around the point.
    pub(super) turned: f64,
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stroke {
    pub(super) color: Color,
    /// 0 to 1, where the colour itself says nothing.
    pub(super) alpha: f64,
    /// Pixels.
    pub(super) width: f64,
    /// Pixels of a dash, and of the gap behind it.
    pub(super) dashed: Option<f64>,
}

impl Stroke {
    pub(super) fn thin(color: Color, width: f64) -> Stroke {
        Stroke {
            color,
            alpha: 1.0,
            width,
            dashed: None,
        }
    }
}

/// A picture under way.
pub(super) struct Svg(String);

impl Svg {
    /// Empty, of so many pixels, with `background`.
    pub(super) fn new(width: f64, height: f64, background: Color) -> Svg {
        let mut svg = Svg(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\">\n"
        ));
        svg.rectangle((0.0, 0.0), (width, height), background, 1.0);
        svg
    }

    /// A filled rectangle: its upper left corner, and width and height.
    pub(super) fn rectangle(
        &mut self,
        corner: (f64, f64),
        size: (f64, f64),
        color: Color,
        alpha: f64,
    ) {
        self.0.push_str("<rect");
        self.attribute("x", corner.0);
        self.attribute("y", corner.1);
        self.attribute("width", size.0.max(0.0));
        self.attribute("height", size.1.max(0.0));
        self.fill(color, alpha);
        self.0.push_str("/>\n");
    }

    /// A filled path.
    pub(super) fn area(&mut self, path: &Path, color: Color, alpha: f64) {
        self.0.push_str("<path d=\"");
        self.0.push_str(&path.0);
        self.0.push('"');
        self.fill(color, alpha);
        self.0.push_str("/>\n");
    }

    /// A path as a line.
    pub(super) fn stroke(&mut self, path: &Path, stroke: Stroke) {
        self.0.push_str("<path d=\"");
        self.0.push_str(&path.0);
        self.0.push_str("\" fill=\"none\" stroke=\"");
        self.0.push_str(&stroke.color.hex());
        self.0.push('"');
        self.attribute("stroke-width", stroke.width);
        let alpha = stroke.color.alpha_or(stroke.alpha);
        if alpha < 1.0 {
            self.attribute("stroke-opacity", alpha);
        }
        // A dash of nothing would be no line at all.
        if let Some(dash) = stroke.dashed.filter(|dash| 0.01 <= *dash) {
            self.attribute("stroke-dasharray", dash);
        }
        self.0.push_str("/>\n");
    }

    /// Begin a group of texts of one look. End it with [`Svg::end`].
    pub(super) fn texts(&mut self, class: &str, font: &Font, color: Color) {
        self.0.push_str("<g class=\"");
        self.0.push_str(class);
        self.0.push_str("\" font-family=\"");
        if let Some(family) = &font.family {
            self.0.push('\'');
            escape(family, &mut self.0);
            self.0.push_str("', ");
        }
        self.0.push('\'');
        self.0.push_str(FAMILY);
        self.0.push_str("', Verdana, sans-serif\"");
        self.attribute("font-size", font.size);
        if font.bold {
            self.0.push_str(" font-weight=\"bold\"");
        }
        if font.italic {
            self.0.push_str(" font-style=\"italic\"");
        }
        self.fill(color, 1.0);
        self.0.push_str(">\n");
    }

    /// One text, inside [`Svg::texts`].
    pub(super) fn text(&mut self, text: Text<'_>) {
        if text.text.is_empty() {
            return;
        }
        self.0.push_str("<text");
        self.attribute("x", text.x);
        self.attribute("y", text.y);
        match text.anchor {
            Anchor::Start => {}
            Anchor::Middle => self.0.push_str(" text-anchor=\"middle\""),
            Anchor::End => self.0.push_str(" text-anchor=\"end\""),
        }
        if text.turned != 0.0 {
            self.0.push_str(" transform=\"rotate(");
            for (i, number) in [text.turned, text.x, text.y].into_iter().enumerate() {
                if i > 0 {
                    self.0.push(' ');
                }
                push_number(number, &mut self.0);
            }
            self.0.push_str(")\"");
        }
        self.0.push('>');
        escape(text.text, &mut self.0);
        self.0.push_str("</text>\n");
    }

    /// Begin a group that shows nothing outside of this rectangle. End it with [`Svg::end`].
    pub(super) fn clipped(&mut self, class: &str, corner: (f64, f64), size: (f64, f64)) {
        self.0.push_str("<clipPath id=\"plot\"><rect");
        self.attribute("x", corner.0);
        self.attribute("y", corner.1);
        self.attribute("width", size.0.max(0.0));
        self.attribute("height", size.1.max(0.0));
        self.0.push_str("/></clipPath>\n<g class=\"");
        self.0.push_str(class);
        self.0.push_str("\" clip-path=\"url(#plot)\">\n");
    }

    /// End a group.
    pub(super) fn end(&mut self) {
        self.0.push_str("</g>\n");
    }

    /// The whole text.
    pub(super) fn finish(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }

    /// Whether it is still small enough.
    ///
    /// # Errors
    /// [`QueryError::Limit`] above [`BYTES_MAX`].
    pub(super) fn check_size(&self) -> Result<(), QueryError> {
        if self.0.len() <= BYTES_MAX {
            return Ok(());
        }
        Err(QueryError::Limit(format!(
            "the picture has more than {BYTES_MAX} bytes as SVG; ask for fewer series, or for a smaller \
             picture"
        )))
    }

    fn attribute(&mut self, name: &str, number: f64) {
        self.0.push(' ');
        self.0.push_str(name);
        self.0.push_str("=\"");
        push_number(number, &mut self.0);
        self.0.push('"');
    }

    fn fill(&mut self, color: Color, alpha: f64) {
        self.0.push_str(" fill=\"");
        self.0.push_str(&color.hex());
        self.0.push('"');
        let alpha = color.alpha_or(alpha);
        if alpha < 1.0 {
            self.attribute("fill-opacity", alpha);
        }
    }
}

/// The way of a line or around an area.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Path(String);

impl Path {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn move_to(&mut self, x: f64, y: f64) {
        self.point('M', x, y);
    }

    pub(super) fn line_to(&mut self, x: f64, y: f64) {
        self.point('L', x, y);
    }

    /// Along a circle of this radius to a point, clockwise; `large` where that is more than half of it.
    pub(super) fn arc_to(&mut self, radius: f64, large: bool, x: f64, y: f64) {
        self.point('A', radius, radius);
        self.0.push_str(if large { " 0 1 1 " } else { " 0 0 1 " });
        push_number(x, &mut self.0);
        self.0.push(' ');
        push_number(y, &mut self.0);
    }

    pub(super) fn close(&mut self) {
        self.0.push('Z');
    }

    fn point(&mut self, letter: char, x: f64, y: f64) {
        self.0.push(letter);
        push_number(x, &mut self.0);
        self.0.push(' ');
        push_number(y, &mut self.0);
    }
}

/// Append `number` with two decimals at most; what is no number is 0.
fn push_number(number: f64, out: &mut String) {
    let hundredths = (number.clamp(-FAR, FAR) * 100.0).round() as i64;
    if hundredths < 0 {
        out.push('-');
    }
    let (whole, part) = (hundredths.abs() / 100, hundredths.abs() % 100);
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = whole;
    while at == digits.len() || 0 < rest {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend(digits[at..].iter().map(|&digit| char::from(digit)));
    if part > 0 {
        out.push('.');
        out.push(char::from(b'0' + (part / 10) as u8));
        if part % 10 > 0 {
            out.push(char::from(b'0' + (part % 10) as u8));
        }
    }
}

/// Append `text` so that XML reads it as text. What XML cannot hold becomes the replacement character.
fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_two_decimals_at_most() {
        let show = |number| {
            let mut text = String::new();
            push_number(number, &mut text);
            text
        };
        let numbers = [0.0, -0.001, 1.0, 1.5, -2.25, 0.07, 123.456, 10_000.0];
        assert_eq!(
            numbers.map(show),
            ["0", "0", "1", "1.5", "-2.25", "0.07", "123.46", "10000"]
        );
        let odd = [f64::NAN, f64::INFINITY, -1e300].map(show);
        assert_eq!(odd, ["0", "100000", "-100000"]);
    }

    #[test]
    fn text_stays_text() {
        let mut text = String::new();
        escape("<a b=\"c\">&'\0\u{b}\n\u{ffff}ü", &mut text);
        let want = "&lt;a b=&quot;c&quot;&gt;&amp;&#39;\u{fffd}\u{fffd} \u{fffd}ü";
        assert_eq!(text, want);
    }
}
