//! The font: DejaVu Sans in four faces, part of the program. Measures text; who draws it is elsewhere.

use std::borrow::Cow;
use std::sync::LazyLock;

use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};

use super::values::Values;
use crate::http::errors::Failure;

/// The name of the family that is built in.
pub(super) const FAMILY: &str = "DejaVu Sans";

/// Plain, bold, italic, bold and italic.
pub(super) const FACES: [&[u8]; 4] = [
    include_bytes!("fonts/DejaVuSans.ttf"),
    include_bytes!("fonts/DejaVuSans-Bold.ttf"),
    include_bytes!("fonts/DejaVuSans-Oblique.ttf"),
    include_bytes!("fonts/DejaVuSans-BoldOblique.ttf"),
];

/// Pixels of a letter's height.
const SIZE_RANGE: (f64, f64) = (1.0, 200.0);
/// Characters of a family's name.
const FAMILY_MAX: usize = 100;

/// How far down and up DejaVu Sans reaches from the line on which it stands, of its size.
const ASCENT: f64 = 0.928;
const DESCENT: f64 = 0.236;

/// What ends a text that did not fit.
const CUT: char = '…';

/// Widths of the characters of one face, in parts of its size.
struct Widths {
    ascii: [f64; 128],
    font: Option<FontRef<'static>>,
}

static WIDTHS: [LazyLock<Widths>; 4] = [
    LazyLock::new(|| Widths::of(FACES[0])),
    LazyLock::new(|| Widths::of(FACES[1])),
    LazyLock::new(|| Widths::of(FACES[2])),
    LazyLock::new(|| Widths::of(FACES[3])),
];

impl Widths {
    fn of(bytes: &'static [u8]) -> Widths {
        let mut widths = Widths {
            ascii: [0.6; 128],
            font: FontRef::new(bytes).ok(),
        };
        for byte in b' '..=b'~' {
            let width = widths.beyond_ascii(char::from(byte));
            if let Some(place) = widths.ascii.get_mut(usize::from(byte)) {
                *place = width;
            }
        }
        widths
    }

    fn beyond_ascii(&self, character: char) -> f64 {
        let Some(font) = &self.font else {
            return 0.6;
        };
        let glyph = font.charmap().map(character).unwrap_or_default();
        let metrics = font.glyph_metrics(Size::new(1.0), LocationRef::default());
        metrics.advance_width(glyph).map_or(0.6, f64::from)
    }

    fn width(&self, character: char) -> f64 {
        match self.ascii.get(character as usize) {
            Some(width) => *width,
            None => self.beyond_ascii(character),
        }
    }
}

/// A face at a size.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Font {
    /// The family that the request names; who has it uses it.
    pub(super) family: Option<String>,
    /// Pixels.
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) italic: bool,
}

impl Font {
    /// What the parameters say.
    ///
    /// # Errors
    /// A size that is none.
    pub(super) fn read(values: Values<'_>) -> Result<Font, Failure> {
        let (least, most) = SIZE_RANGE;
        let size = values.between("fontSize", least, most)?;
        let plain = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
        let family = values.text("fontName").unwrap_or("Sans");
        let family: String = family.chars().filter(plain).take(FAMILY_MAX).collect();
        let generic = ["sans", "sans-serif", "default", "dejavu sans", ""];
        let is_ours = generic.contains(&family.to_ascii_lowercase().as_str());
        Ok(Font {
            family: (!is_ours).then_some(family),
            size: size.unwrap_or(10.0).floor(),
            bold: values.is_on("fontBold"),
            italic: values.is_on("fontItalic"),
        })
    }

    /// The same face at another size.
    pub(super) fn at(&self, size: f64) -> Font {
        Font {
            size,
            ..self.clone()
        }
    }

    /// For titles: a little larger.
    pub(super) fn for_titles(&self) -> Font {
        self.at(self.size + self.size.ln().floor())
    }

    /// Pixels above the line on which it stands.
    pub(super) fn ascent(&self) -> f64 {
        (self.size * ASCENT).ceil()
    }

    /// Pixels below the line on which it stands.
    pub(super) fn descent(&self) -> f64 {
        (self.size * DESCENT).ceil()
    }

    /// Pixels from line to line.
    pub(super) fn line_height(&self) -> f64 {
        (self.size * (ASCENT + DESCENT)).round().max(1.0)
    }

    fn widths(&self) -> &'static Widths {
        let face = usize::from(self.bold) + 2 * usize::from(self.italic);
        WIDTHS.get(face).unwrap_or(&WIDTHS[0])
    }

    /// Pixels that `text` takes.
    pub(super) fn width(&self, text: &str) -> f64 {
        let widths = self.widths();
        self.size * text.chars().map(|c| widths.width(c)).sum::<f64>()
    }

    /// `text`, or as much of its beginning as takes at most `width` pixels together with the sign that
    /// something is missing; empty where not even that fits. Looks no further than it fits.
    pub(super) fn fitted<'a>(&self, text: &'a str, width: f64) -> Cow<'a, str> {
        let widths = self.widths();
        let cut = self.size * widths.width(CUT);
        let (mut taken, mut kept) = (0.0, None);
        for (at, character) in text.char_indices() {
            if taken + cut <= width {
                kept = Some(at);
            }
            taken += self.size * widths.width(character);
            if width < taken {
                let start = kept.and_then(|end| text.get(..end));
                return Cow::Owned(start.map_or(String::new(), |start| format!("{start}{CUT}")));
            }
        }
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn font() -> Font {
        Font {
            family: None,
            size: 10.0,
            bold: false,
            italic: false,
        }
    }

    #[test]
    fn widths_are_those_of_the_font() {
        // In units of 1/2048: i 569, W 2025, space 651.
        assert!((font().width("i") - 2.778).abs() < 0.01);
        assert!((font().width("W ") - 13.066).abs() < 0.01);
        assert_eq!(font().width(""), 0.0);
        assert!(font().at(20.0).width("é") > font().width("é"));
        let bold = Font {
            bold: true,
            ..font()
        };
        assert!(bold.width("abc") > font().width("abc"));
        for face in WIDTHS.iter() {
            assert!(face.font.is_some());
        }
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        let font = font();
        assert_eq!(font.fitted("abc", 100.0), "abc");
        assert_eq!(font.fitted("", 0.0), "");
        assert_eq!(font.fitted("abc", 0.0), "");
        for width in 1..300 {
            let width = f64::from(width);
            let cut = font.fitted("servers.web1.cpu.ü.user.percentile", width);
            assert!(font.width(&cut) <= width, "{cut} in {width}");
        }
        let exact = font.width("exact");
        assert_eq!(font.fitted("exact", exact + 1e-9), "exact");
        assert!(font.fitted(&"x".repeat(1 << 20), 50.0).ends_with('…'));
    }
}
