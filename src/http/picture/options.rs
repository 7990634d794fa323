//! What a request says about its picture. Every number is bounded here, so that drawing need not fear any.

use super::color::Color;
use super::font::Font;
use super::pie::Slice;
use super::scale::{Bounds, Top};
use super::style::Style;
use super::unit::Units;
use super::values::Values;
use crate::http::errors::Failure;
use crate::http::parameters::Parameters;

/// Pixels of a side.
pub(super) const SIDE_MAX: f64 = 10_000.0;
/// Pixels of a picture: enough for a screen of 3840 by 2160.
pub(super) const PIXELS_MAX: f64 = 8_500_000.0;
/// Minor grid lines between two labels of the y axis.
const MINOR_MAX: f64 = 20.0;
/// Numbers of divisions that `yDivisors` offers, and how large one may be.
const DIVISORS_MAX: (usize, f64) = (20, 1_000.0);
/// Bytes of the format of labels below the x axis.
const X_FORMAT_BYTES_MAX: usize = 100;
/// Width of a line, and length of its dashes, in pixels.
const STROKE_MAX: f64 = 1_000.0;

/// Everything that a picture's parameters say.
#[derive(Clone, Debug)]
pub(in crate::http) struct Options {
    /// Pixels.
    pub(super) width: f64,
    pub(super) height: f64,
    /// Pixels that are left free on each side.
    pub(super) margin: f64,
    pub(super) style: Style,
    pub(super) font: Font,
    pub(super) title: String,
    /// `None`: it is hidden where there are many series.
    pub(super) hide_legend: Option<bool>,
    /// Whether each name is told once only.
    pub(super) unique_legend: bool,
    /// How opaque areas are; `None` leaves that to their colours.
    pub(super) area_alpha: Option<f64>,
    pub(super) kind: Kind,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Lines(Box<LineOptions>),
    Pie(PieOptions),
}

/// What lines and areas know besides.
#[derive(Clone, Debug)]
pub(super) struct LineOptions {
    pub(super) title_left: String,
    pub(super) title_right: String,
    pub(super) line_mode: LineMode,
    /// Nulls that a connected line goes over.
    pub(super) connected_limit: f64,
    pub(super) line_width: f64,
    pub(super) area_mode: AreaMode,
    pub(super) null_is_zero: bool,
    /// Whether series without a value are left out of the legend.
    pub(super) hide_null: bool,
    pub(super) hide_axes: bool,
    pub(super) hide_x_axis: bool,
    pub(super) hide_y_axis: bool,
    pub(super) hide_grid: bool,
    pub(super) graph_only: bool,
    /// Of the axis where there is one.
    pub(super) single: Bounds,
    /// Of the axes where there are two.
    pub(super) left: Bounds,
    pub(super) right: Bounds,
    pub(super) left_look: SideLook,
    pub(super) right_look: SideLook,
    /// Where a single axis is.
    pub(super) axis_is_right: bool,
    /// How labels of y are written.
    pub(super) units: Units,
    /// Numbers of divisions that the y axis may have; at least one.
    pub(super) divisors: Vec<f64>,
    /// Above 1; `None` is a linear scale.
    pub(super) log_base: Option<f64>,
    /// How labels of x are written, as `strftime` says; `None` leaves that to the range.
    pub(super) x_format: Option<String>,
    /// Pixels from value to value at least.
    pub(super) min_x_step: f64,
    /// Minor grid lines between two labels of y.
    pub(super) minor_y: usize,
}

/// How values become a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineMode {
    /// Straight from value to value.
    Slope,
    /// Each value holds for its step.
    Staircase,
    /// As slope, also over nulls.
    Connected,
}

/// Which series are areas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AreaMode {
    None,
    First,
    All,
    /// All, each upon the one before it.
    Stacked,
}

/// What all series of one axis look like, where there are two.
#[derive(Clone, Debug, Default)]
pub(super) struct SideLook {
    pub(super) width: Option<f64>,
    pub(super) color: Option<Color>,
    pub(super) dashed: Option<f64>,
}

/// What pies know besides.
#[derive(Clone, Debug)]
pub(super) struct PieOptions {
    pub(super) label: SliceLabel,
    pub(super) label_color: Color,
    /// Percent, or value, below which a slice has no label.
    pub(super) label_min: f64,
    /// Whether labels lie along their slices.
    pub(super) rotated: bool,
    pub(super) mode: PieMode,
}

/// What is written on a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SliceLabel {
    None,
    Number,
    Percent,
}

/// What becomes of a series in a pie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PieMode {
    Average,
    Maximum,
    Minimum,
}

impl Options {
    /// Whether the request asks for a pie.
    ///
    /// # Errors
    /// A `graphType` that nobody knows.
    fn is_pie(parameters: &Parameters) -> Result<bool, Failure> {
        let kinds = [("line", false), ("pie", true)];
        let kind = Values::of(parameters).choice("graphType", &kinds)?;
        Ok(kind.unwrap_or(false))
    }

    /// A target of a pie that is a name and a number, `name:number`, instead of series.
    pub(in crate::http) fn slice(&self, target: &str) -> Option<Slice> {
        let (Kind::Pie(_), Some((name, number))) = (&self.kind, target.split_once(':')) else {
            return None;
        };
        Some(Slice {
            name: name.to_owned(),
            value: number.trim().parse().ok()?,
        })
    }

    /// Read them.
    ///
    /// # Errors
    /// What makes no sense, or is beyond its bounds.
    pub(in crate::http) fn read(parameters: &Parameters) -> Result<Options, Failure> {
        let values = Values::of(parameters);
        let (width, height) = size(values)?;
        let kind = if Options::is_pie(parameters)? {
            Kind::Pie(PieOptions::read(values)?)
        } else {
            Kind::Lines(Box::new(LineOptions::read(values)?))
        };
        let mut options = Options {
            width,
            height,
            margin: margin(values)?,
            style: Style::read(values)?,
            font: Font::read(values)?,
            title: text(values, "title"),
            hide_legend: values.switch("hideLegend"),
            unique_legend: values.is_on("uniqueLegend"),
            area_alpha: area_alpha(values),
            kind,
        };
        if values.is_on("graphOnly") && matches!(options.kind, Kind::Lines(_)) {
            options.title.clear();
            options.hide_legend = Some(true);
            options.margin = 0.0;
        }
        Ok(options)
    }
}

impl LineOptions {
    fn read(values: Values<'_>) -> Result<LineOptions, Failure> {
        let graph_only = values.is_on("graphOnly");
        let told = |name| {
            let text = text(values, name);
            if graph_only { String::new() } else { text }
        };
        let stroke = |name| values.between(name, 0.0, STROKE_MAX);
        let lines = [
            ("slope", LineMode::Slope),
            ("staircase", LineMode::Staircase),
            ("connected", LineMode::Connected),
        ];
        let areas = [
            ("none", AreaMode::None),
            ("first", AreaMode::First),
            ("all", AreaMode::All),
            ("stacked", AreaMode::Stacked),
        ];
        let width = stroke("lineWidth")?.or(stroke("thickness")?);
        let sides = [("left", false), ("right", true)];
        let minor_y = values.between("minorY", 0.0, MINOR_MAX)?.unwrap_or(1.0);
        Ok(LineOptions {
            title_left: told("vtitle"),
            title_right: told("vtitleRight"),
            line_mode: values
                .choice("lineMode", &lines)?
                .unwrap_or(LineMode::Slope),
            connected_limit: values.number("connectedLimit")?.unwrap_or(f64::INFINITY),
            line_width: width.unwrap_or(1.2),
            area_mode: values.choice("areaMode", &areas)?.unwrap_or(AreaMode::None),
            null_is_zero: values.is_on("drawNullAsZero"),
            hide_null: values.is_on("hideNullFromLegend"),
            hide_axes: graph_only || values.is_on("hideAxes"),
            hide_x_axis: values.is_on("hideXAxis"),
            hide_y_axis: values.is_on("hideYAxis"),
            hide_grid: graph_only || values.is_on("hideGrid"),
            graph_only,
            single: bounds(values, "")?,
            left: bounds(values, "Left")?,
            right: bounds(values, "Right")?,
            left_look: SideLook::read(values, "left")?,
            right_look: SideLook::read(values, "right")?,
            axis_is_right: values.choice("yAxisSide", &sides)?.unwrap_or(false),
            units: Units::named(values.text("yUnitSystem").unwrap_or("si")),
            divisors: divisors(values)?,
            log_base: log_base(values)?,
            x_format: x_format(values)?,
            min_x_step: values.between("minXStep", 0.001, SIDE_MAX)?.unwrap_or(1.0),
            minor_y: minor_y as usize,
        })
    }
}

impl SideLook {
    fn read(values: Values<'_>, side: &str) -> Result<SideLook, Failure> {
        let stroke = |what: &str| values.between(&format!("{side}{what}"), 0.0, STROKE_MAX);
        let name = format!("{side}Color");
        let color = values.text(&name).map(|text| Color::read(text, &name));
        Ok(SideLook {
            width: stroke("Width")?,
            color: color.transpose()?,
            dashed: stroke("Dashed")?,
        })
    }
}

impl PieOptions {
    fn read(values: Values<'_>) -> Result<PieOptions, Failure> {
        let labels = [
            ("none", SliceLabel::None),
            ("number", SliceLabel::Number),
            ("percent", SliceLabel::Percent),
        ];
        let modes = [
            ("average", PieMode::Average),
            ("maximum", PieMode::Maximum),
            ("minimum", PieMode::Minimum),
        ];
        let ways = [("horizontal", false), ("rotated", true)];
        let color = values.text("valueLabelsColor").unwrap_or("black");
        Ok(PieOptions {
            label: values
                .choice("valueLabels", &labels)?
                .unwrap_or(SliceLabel::Percent),
            label_color: Color::read(color, "valueLabelsColor")?,
            label_min: values.number("valueLabelsMin")?.unwrap_or(5.0),
            rotated: values.choice("pieLabels", &ways)?.unwrap_or(false),
            mode: values
                .choice("pieMode", &modes)?
                .unwrap_or(PieMode::Average),
        })
    }
}

fn text(values: Values<'_>, name: &str) -> String {
    values.text(name).unwrap_or("").to_owned()
}

fn size(values: Values<'_>) -> Result<(f64, f64), Failure> {
    let side = |name, otherwise| {
        let side = values.between(name, 1.0, SIDE_MAX)?;
        Ok::<f64, Failure>(side.unwrap_or(otherwise).floor())
    };
    let (width, height) = (side("width", 330.0)?, side("height", 250.0)?);
    if PIXELS_MAX < width * height {
        return Err(Failure::invalid(format!(
            "a picture of {width} by {height} pixels is too large: it may have {PIXELS_MAX} in all"
        )));
    }
    Ok((width, height))
}

fn margin(values: Values<'_>) -> Result<f64, Failure> {
    let margin = values.between("margin", -SIDE_MAX, SIDE_MAX)?;
    let margin = margin.unwrap_or(10.0).trunc();
    Ok(if margin < 0.0 { 10.0 } else { margin })
}

/// What is no number is half, and nothing at all is as if it were not there, as in graphite-web.
fn area_alpha(values: Values<'_>) -> Option<f64> {
    let alpha = values.text("areaAlpha")?.parse().unwrap_or(0.5);
    (alpha > 0.0).then(|| f64::clamp(alpha, 0.0, 1.0))
}

/// `yMin` and its like, or those of one side.
fn bounds(values: Values<'_>, side: &str) -> Result<Bounds, Failure> {
    let number = |name: &str| values.number(&format!("{name}{side}"));
    let max = format!("yMax{side}");
    let short = side.is_empty();
    let name = if short && values.text(&max).is_none() {
        "max".to_owned()
    } else if short || values.text(&max).is_some() {
        max
    } else {
        String::new()
    };
    let top = match values.text(&name) {
        None => Top::Round,
        Some("max") => Top::Extremum,
        Some(_) => values.number(&name)?.map_or(Top::Round, Top::At),
    };
    let mut bottom = number("yMin")?;
    if short && bottom.is_none() {
        bottom = values.number("min")?;
    }
    let step = number("yStep")?;
    if step.is_some_and(|step| step <= 0.0) {
        return Err(values.refuse(&format!("yStep{side}"), "not above 0"));
    }
    Ok(Bounds {
        bottom,
        top,
        limit: number("yLimit")?,
        step,
    })
}

fn divisors(values: Values<'_>) -> Result<Vec<f64>, Failure> {
    let name = "yDivisors";
    let (count_max, most) = DIVISORS_MAX;
    let list = values.text(name).unwrap_or("4,5,6").split(',');
    let list: Vec<Option<f64>> = list
        .take(count_max + 1)
        .map(|text| text.trim().parse().ok())
        .collect();
    let divisors: Option<Vec<f64>> = list.into_iter().collect();
    match divisors {
        Some(list)
            if list.len() <= count_max && list.iter().all(|one| (1.0..=most).contains(one)) =>
        {
            Ok(list.into_iter().map(f64::floor).collect())
        }
        _ => {
            let not =
                format!("not at most {count_max} numbers from 1 to {most}, with commas between");
            Err(values.refuse(name, &not))
        }
    }
}

fn log_base(values: Values<'_>) -> Result<Option<f64>, Failure> {
    let name = "logBase";
    if values.text(name) == Some("e") {
        return Ok(Some(std::f64::consts::E));
    }
    match values.number(name)? {
        Some(base) if base < 1.0 => Ok(None),
        // A base near 1 would have millions of labels.
        Some(base) if !(1.01..=1e100).contains(&base) => {
            Err(values.refuse(name, "neither `e` nor a number from 1.01 to 1e100"))
        }
        base => Ok(base),
    }
}

fn x_format(values: Values<'_>) -> Result<Option<String>, Failure> {
    match values.text("xFormat") {
        Some(text) if X_FORMAT_BYTES_MAX < text.len() => {
            let not = format!("longer than {X_FORMAT_BYTES_MAX} bytes");
            Err(values.refuse("xFormat", &not))
        }
        text => Ok(text.map(str::to_owned)),
    }
}
