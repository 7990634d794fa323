//! `cactiStyle`: values behind the names, in columns.

use super::call::Call;
use crate::query::breath::CHUNK;
use crate::query::error::QueryError;
use crate::query::graphite::number::{Units, scaled};
use crate::query::series::Series;

/// How values are written.
struct Style {
    system: Option<Units>,
    unit: String,
}

impl Style {
    fn write(&self, value: f64) -> String {
        let gap = if self.unit.is_empty() { "" } else { " " };
        match self.system {
            Some(system) => {
                let (value, prefix) = scaled(value, system);
                format!("{value:.2}{gap}{prefix}{}", self.unit)
            }
            None => format!("{value:.2}{gap}{}", self.unit),
        }
    }

    /// Of nothing it is Python's NaN.
    fn write_if_any(&self, value: f64) -> String {
        if value.is_nan() {
            return "nan".to_owned();
        }
        self.write(value)
    }

    /// The room of a column for `value`: of its whole part, and of 3 where there is none or it is 0.
    fn width(&self, value: f64) -> usize {
        let shown = if value.is_nan() || value == 0.0 {
            3.0
        } else {
            // Plus zero, for a zero below zero is written with its sign.
            value.trunc() + 0.0
        };
        self.write(shown).chars().count() + 3
    }
}

/// What stands behind a name; NaN of a series without values.
#[derive(Clone, Copy)]
struct Shown {
    current: f64,
    most: f64,
    least: f64,
}

impl Shown {
    async fn of(call: &Call<'_>, series: &Series) -> Result<Shown, QueryError> {
        let mut shown = Shown {
            current: f64::NAN,
            most: f64::NAN,
            least: f64::NAN,
        };
        for some in series.values.chunks(CHUNK) {
            for value in some.iter().copied().filter(|value| !value.is_nan()) {
                shown.current = value;
                shown.most = shown.most.max(value);
                shown.least = shown.least.min(value);
            }
            call.did(some.len()).await?;
        }
        Ok(shown)
    }
}

pub(super) async fn cacti_style(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let style = Style {
        system: call
            .optional_text("system")
            .and_then(|it| Units::named(&it)),
        unit: call.optional_text("units").unwrap_or_default(),
    };
    let mut series = call.take_series("seriesList").await?;
    let mut all = Vec::with_capacity(series.len());
    let (mut name, mut current, mut most, mut least) = (0, 3, 3, 3);
    for one in &series {
        let shown = Shown::of(call, one).await?;
        name = name.max(one.name.chars().count());
        current = current.max(style.width(shown.current));
        most = most.max(style.width(shown.most));
        least = least.max(style.width(shown.least));
        call.pace().did_series(one.name.len()).await?;
        all.push(shown);
    }
    for (one, shown) in series.iter_mut().zip(all) {
        call.pay_bytes((name + current + most + least) as u64)?;
        let text = format!(
            "{} Current:{} Max:{} Min:{} ",
            padded(&one.name, name),
            padded(&style.write_if_any(shown.current), current),
            padded(&style.write_if_any(shown.most), most),
            padded(&style.write_if_any(shown.least), least),
        );
        call.rename(one, text).await?;
    }
    Ok(series)
}

/// `text` and as many blanks as it has fewer than `width` letters. Formats have no room for such names as
/// there can be.
fn padded(text: &str, width: usize) -> String {
    let blanks = width.saturating_sub(text.chars().count());
    format!("{text}{}", " ".repeat(blanks))
}
