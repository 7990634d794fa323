//! Named styles: what graphite-web calls templates, as its own configuration ships them.

use super::color::Color;
use super::values::Values;
use crate::http::errors::Failure;

/// The colours of a picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Style {
    pub(super) background: Color,
    /// Of text.
    pub(super) foreground: Color,
    pub(super) major_line: Color,
    pub(super) minor_line: Color,
    /// Of the series, one after the other, again from the first when they are used up; at least one.
    pub(super) colors: Vec<Color>,
}

/// Colours of one `colorList`.
const COLORS_MAX: usize = 200;

/// A style as it is written: background, foreground, major and minor grid lines, series.
struct Named {
    name: &'static str,
    background: &'static str,
    foreground: &'static str,
    major_line: &'static str,
    minor_line: &'static str,
    colors: &'static str,
}

const fn named(name: &'static str, colors: &'static str) -> Named {
    Named {
        name,
        background: "white",
        foreground: "black",
        major_line: "rose",
        minor_line: "grey",
        colors,
    }
}

const SERIES: &str = "blue,green,red,purple,brown,yellow,aqua,grey,magenta,pink,gold,rose";
const SOLARIZED: &str = "268bd2aa,859900aa,dc322faa,d33682aa,db4b16aa,b58900aa,2aa198aa,6c71c4aa";

/// The first is the default, and what an unknown name gets.
const NAMED: &[Named] = &[
    named("default", SERIES),
    named("plain", SERIES),
    Named {
        background: "fdf6e3",
        foreground: "657b83",
        major_line: "073642",
        minor_line: "586e75",
        ..named("solarized-light", SOLARIZED)
    },
    Named {
        background: "002b36",
        foreground: "839496",
        major_line: "fdf6e3",
        minor_line: "eee8d5",
        ..named("solarized-dark", SOLARIZED)
    },
    Named {
        background: "black",
        foreground: "white",
        major_line: "white",
        ..named("classic", SERIES)
    },
    Named {
        background: "black",
        foreground: "white",
        major_line: "white",
        ..named(
            "noc",
            "blue,green,red,yellow,purple,brown,aqua,grey,magenta,pink,gold,rose",
        )
    },
    Named {
        background: "black",
        // Graphite says nothing here, and so writes black on black.
        foreground: "white",
        ..named("summary", "6666ff,66ff66,ff6666")
    },
    Named {
        major_line: "grey",
        minor_line: "rose",
        ..named("alphas", "00ff00aa,ff000077,00337799")
    },
    named(
        "grafana",
        "7eb26d,eab839,6ed0e0,ef843c,e24d42,1f78c1,ba43a9,705da0,508642,cca300,447ebc",
    ),
    named(
        "ocean1",
        "f7fcf0,e0f3db,ccebc5,a8ddb5,7bccc4,4eb3d3,2b8cbe,0868ac,084081",
    ),
    named(
        "ocean2",
        "084081,0868ac,2b8cbe,4eb3d3,7bccc4,a8ddb5,ccebc5,e0f3db,f7fcf0",
    ),
    named(
        "forest1",
        "f7fcf5,e5f5e0,c7e9c0,a1d99b,74c476,41ab5d,238b45,005a32",
    ),
    named(
        "forest2",
        "005a32,238b45,41ab5d,74c476,a1d99b,c7e9c0,e5f5e0,f7fcf5",
    ),
    named(
        "sunset1",
        "fff5eb,fee6ce,fdd0a2,fdae6b,fd8d3c,f16913,d94801,8c2d04",
    ),
    named(
        "sunset2",
        "8c2d04,d94801,f16913,fd8d3c,fdae6b,fdd0a2,fee6ce,fff5eb",
    ),
    named(
        "moonlight1",
        "fcfbfd,efedf5,dadaeb,bcbddc,9e9ac8,807dba,6a51a3,4a1486",
    ),
    named(
        "moonlight2",
        "4a1486,6a51a3,807dba,9e9ac8,bcbddc,dadaeb,efedf5,fcfbfd",
    ),
    named(
        "lava1",
        "fff5f0,fee0d2,fcbba1,fc9272,fb6a4a,ef3b2c,cb181d,99000d",
    ),
    named(
        "lava2",
        "99000d,cb181d,ef3b2c,fb6a4a,fc9272,fcbba1,fee0d2,fff5f0",
    ),
];

impl Style {
    /// What `template` names, and what the parameters of single colours say instead.
    ///
    /// # Errors
    /// A colour that is none, or more than [`COLORS_MAX`] of them.
    pub(super) fn read(values: Values<'_>) -> Result<Style, Failure> {
        let name = values.text("template").unwrap_or("default");
        let mut known = NAMED.iter().filter(|style| style.name == name);
        let default = named("default", SERIES);
        let known = known.next().unwrap_or(&default);
        let one = |parameter: &str, otherwise: &str| {
            Color::read(values.text(parameter).unwrap_or(otherwise), parameter)
        };
        Ok(Style {
            background: one("bgcolor", known.background)?,
            foreground: one("fgcolor", known.foreground)?,
            major_line: one("majorGridLineColor", known.major_line)?,
            minor_line: one("minorGridLineColor", known.minor_line)?,
            colors: colors(values.text("colorList").unwrap_or(known.colors))?,
        })
    }

    /// The colour of the series at `position`.
    pub(super) fn color(&self, position: usize) -> Color {
        let count = self.colors.len().max(1);
        let color = self.colors.get(position % count);
        color.copied().unwrap_or(Color::BLACK)
    }
}

fn colors(list: &str) -> Result<Vec<Color>, Failure> {
    if COLORS_MAX <= list.matches(',').count() {
        return Err(Failure::invalid(format!(
            "colorList has more than {COLORS_MAX} colours"
        )));
    }
    list.split(',')
        .map(|color| Color::read(color, "colorList"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::parameters::Parameters;

    fn read(pairs: &[(&str, &str)]) -> Result<Style, Failure> {
        let parameters = Parameters::of(pairs);
        Style::read(Values::of(&parameters))
    }

    #[test]
    fn every_style_can_be_read() {
        for style in NAMED {
            let read = read(&[("template", style.name)]).expect(style.name);
            assert!(!read.colors.is_empty());
            assert_ne!(read.background, read.foreground, "{}", style.name);
        }
        assert_eq!(read(&[("template", "nosuch")]), read(&[]));
    }

    #[test]
    fn single_colours_go_before_the_style() {
        let style = read(&[
            ("template", "noc"),
            ("bgcolor", "123456"),
            ("colorList", "red,%2300ff00,blue"),
        ]);
        let style = style.expect("a style");
        assert_eq!(style.background.hex(), "#123456");
        assert_eq!(style.foreground.hex(), "#ffffff");
        assert_eq!(style.color(1).hex(), "#00ff00");
        assert_eq!(style.color(3), style.color(0));
        assert!(read(&[("colorList", "red,,blue")]).is_err());
        assert!(read(&[("colorList", &"red,".repeat(COLORS_MAX))]).is_err());
    }
}
