//! Colours: Graphite's names, and hexadecimal digits.

use crate::http::errors::Failure;

/// Red, green and blue, and how opaque it is if it says so itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Color {
    red: u8,
    green: u8,
    blue: u8,
    /// 0 to 1.
    alpha: Option<f64>,
}

/// Names of colours. Some are not what the web calls so: they are Graphite's.
const NAMES: &[(&str, Color)] = &[
    ("aqua", Color::rgb(0, 150, 150)),
    ("black", Color::BLACK),
    ("blue", Color::rgb(100, 100, 255)),
    ("brown", Color::rgb(150, 100, 50)),
    ("cyan", Color::rgb(0, 255, 255)),
    ("darkblue", Color::rgb(0, 0, 255)),
    ("darkgray", Color::DARK_GREY),
    ("darkgreen", Color::rgb(0, 255, 0)),
    ("darkgrey", Color::DARK_GREY),
    ("darkred", Color::rgb(255, 0, 0)),
    ("gold", Color::rgb(200, 200, 0)),
    ("gray", Color::rgb(175, 175, 175)),
    ("green", Color::rgb(0, 200, 0)),
    ("grey", Color::rgb(175, 175, 175)),
    ("magenta", Color::rgb(255, 0, 255)),
    ("orange", Color::rgb(255, 165, 0)),
    ("pink", Color::rgb(255, 100, 100)),
    ("purple", Color::rgb(200, 100, 255)),
    ("red", Color::RED),
    ("rose", Color::rgb(200, 150, 200)),
    ("white", Color::rgb(255, 255, 255)),
    ("yellow", Color::rgb(255, 255, 0)),
];

/// Characters of a wrong colour that its error repeats.
const REPEATED_MAX: usize = 40;

impl Color {
    pub(super) const BLACK: Color = Color::rgb(0, 0, 0);
    pub(super) const DARK_GREY: Color = Color::rgb(111, 111, 111);
    pub(super) const RED: Color = Color::rgb(200, 0, 50);

    /// Says nothing of how opaque it is.
    pub(super) const fn rgb(red: u8, green: u8, blue: u8) -> Color {
        Color {
            red,
            green,
            blue,
            alpha: None,
        }
    }

    /// A name, or 3, 6 or 8 hexadecimal digits, of which the last two of 8 say how opaque; `#` may
    /// stand before them, also escaped once too often as `%23`.
    ///
    /// # Errors
    /// Anything else; the text names `parameter`.
    pub(super) fn read(text: &str, parameter: &str) -> Result<Color, Failure> {
        let text = text.trim();
        let named = NAMES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text));
        if let Some((_, color)) = named {
            return Ok(*color);
        }
        let digits = text.strip_prefix("%23").unwrap_or(text);
        let digits = digits.strip_prefix('#').unwrap_or(digits);
        Color::from_digits(digits).ok_or_else(|| {
            let repeated: String = text.chars().take(REPEATED_MAX).collect();
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            let names = names.join(", ");
            Failure::invalid(format!(
                "{parameter} is {repeated:?}, which is no colour: write 6 hexadecimal digits, 8 with \
                 opacity, or one of {names}"
            ))
        })
    }

    fn from_digits(digits: &str) -> Option<Color> {
        let digits: Option<Vec<u8>> = digits
            .chars()
            .take(9)
            .map(|digit| {
                digit
                    .to_digit(16)
                    .and_then(|digit| u8::try_from(digit).ok())
            })
            .collect();
        match *digits?.as_slice() {
            [r, g, b] => Some(Color::rgb(17 * r, 17 * g, 17 * b)),
            [r, s, g, h, b, c] => Some(Color::rgb(16 * r + s, 16 * g + h, 16 * b + c)),
            [r, s, g, h, b, c, a, o] => Some(Color {
                alpha: Some(f64::from(16 * a + o) / 255.0),
                ..Color::rgb(16 * r + s, 16 * g + h, 16 * b + c)
            }),
            _ => None,
        }
    }

    /// As SVG writes it, `#rrggbb`.
    pub(super) fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }

    /// How opaque it is, 0 to 1: as it says itself, else `otherwise`.
    pub(super) fn alpha_or(self, otherwise: f64) -> f64 {
        self.alpha.unwrap_or(otherwise).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, hex: &str, alpha: Option<f64>) {
        let color = Color::read(text, "bgcolor").expect("a colour");
        assert_eq!((color.hex().as_str(), color.alpha), (hex, alpha), "{text}");
    }

    #[test]
    fn names_and_digits() {
        check("blue", "#6464ff", None);
        check("Blue", "#6464ff", None);
        check("ff8000", "#ff8000", None);
        check("#ff8000", "#ff8000", None);
        check("%23FF8000", "#ff8000", None);
        check("#f80", "#ff8800", None);
        check("00ff0033", "#00ff00", Some(0.2));
        check(" red ", "#c80032", None);
    }

    #[test]
    fn garbage_is_refused() {
        for text in [
            "",
            "#",
            "bluish",
            "12345",
            "1234567",
            "123456789",
            "ü1234567",
            "\0",
            "#-1ff00",
        ] {
            let refused = Color::read(text, "bgcolor").expect_err("no colour");
            let told = refused.into_response();
            let told = String::from_utf8_lossy(told.body()).into_owned();
            assert!(
                told.starts_with("Invalid parameters (bgcolor is "),
                "{told}"
            );
        }
        let long = Color::read(&"x".repeat(70_000), "fgcolor").expect_err("no colour");
        assert!(long.into_response().body().len() < 600);
    }
}
