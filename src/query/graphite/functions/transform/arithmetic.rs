//! Every value becomes another that depends on it alone.

use std::hint::black_box;

use crate::query::error::QueryError;
use crate::query::graphite::functions::Call;
use crate::query::graphite::number;
use crate::query::series::{Look, Series};

type Answer = Result<Vec<Series>, QueryError>;

/// What the values are that come out.
#[derive(Clone, Copy)]
enum Numbers {
    /// Floats.
    Floats,
    /// Whole numbers.
    Integers,
    /// Whole numbers of whole numbers, else floats.
    AsBefore,
}

/// `name(series)` of all series, with `tag` as the tag of that name; floats.
async fn each(call: &mut Call<'_>, name: &str, tag: &str, change: impl Fn(f64) -> f64) -> Answer {
    let tag = Some(tag.to_owned());
    each_with(call, name, "", tag, Numbers::Floats, change).await
}

/// `name(series<shown>)` of all series, with `tag` as the tag of that name.
async fn each_with(
    call: &mut Call<'_>,
    name: &str,
    shown: &str,
    tag: Option<String>,
    numbers: Numbers,
    change: impl Fn(f64) -> f64,
) -> Answer {
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let text = format!("{name}({}{shown})", one.name);
        call.wrap(one, text).await?;
        if let Some(tag) = &tag {
            one.tags.insert(name.to_owned(), tag.clone());
        }
        call.map_values(one, &change).await?;
        one.integers = match numbers {
            Numbers::Floats => false,
            Numbers::Integers => true,
            Numbers::AsBefore => one.integers,
        };
    }
    Ok(series)
}

pub(super) async fn absolute(call: &mut Call<'_>) -> Answer {
    let tag = Some("1".to_owned());
    each_with(call, "absolute", "", tag, Numbers::AsBefore, f64::abs).await
}

pub(super) async fn add(call: &mut Call<'_>) -> Answer {
    let constant = call.float("constant")?;
    let shown = format!(",{}", whole(constant)?);
    let tag = Some(number::float(constant));
    each_with(call, "add", &shown, tag, Numbers::Floats, |value| {
        value + constant
    })
    .await
}

/// As the names of `add` and `scaleToSeconds` show numbers: cut at the point.
fn whole(number: f64) -> Result<String, QueryError> {
    let text = number::truncated(number);
    text.ok_or_else(|| QueryError::Invalid("a finite number is wanted, not infinity".to_owned()))
}

/// Null where the result is too large for a number; graphite-web answers 500 then.
pub(super) async fn exp(call: &mut Call<'_>) -> Answer {
    let exp = |value: f64| finite(value.exp(), value);
    each(call, "exp", "e", exp).await
}

/// `result`, but null if it is infinite and `value` is not.
fn finite(result: f64, value: f64) -> f64 {
    if result.is_infinite() && value.is_finite() {
        return f64::NAN;
    }
    result
}

pub(super) async fn invert(call: &mut Call<'_>) -> Answer {
    each(call, "invert", "1", |value| power(value, -1.0)).await
}

pub(super) async fn square_root(call: &mut Call<'_>) -> Answer {
    each(call, "squareRoot", "1", |value| power(value, 0.5)).await
}

pub(super) async fn pow(call: &mut Call<'_>) -> Answer {
    let factor = call.float("factor")?;
    let shown = format!(",{}", number::general(factor));
    let tag = Some(number::float(factor));
    each_with(call, "pow", &shown, tag, Numbers::Floats, |value| {
        power(value, factor)
    })
    .await
}

/// Null of null, and where Python's `math.pow` has no answer.
fn power(value: f64, exponent: f64) -> f64 {
    if value.is_nan() {
        return value;
    }
    // The exponent is hidden from the compiler: the root or the quotient that it would write for it
    // may differ from what the library computes, and so from graphite-web, in the last bit.
    let result = value.powf(black_box(exponent));
    if exponent.is_finite() {
        finite(result, value)
    } else {
        result
    }
}

pub(super) async fn is_non_null(call: &mut Call<'_>) -> Answer {
    let is_there = |value: f64| f64::from(u8::from(!value.is_nan()));
    let tag = Some("1".to_owned());
    each_with(call, "isNonNull", "", tag, Numbers::Integers, is_there).await
}

pub(super) async fn log(call: &mut Call<'_>) -> Answer {
    let (base, shown) = call.number("base")?;
    if base <= 0.0 || base == 1.0 {
        return Err(QueryError::Invalid(format!(
            "log needs a base above 0 that is not 1; this one is {shown}"
        )));
    }
    let of_base = base.ln();
    let log = |value: f64| match value > 0.0 {
        true => value.ln() / of_base,
        false => f64::NAN,
    };
    let mut series = each_with(
        call,
        "log",
        &format!(", {shown}"),
        Some(shown.clone()),
        Numbers::Floats,
        log,
    )
    .await?;
    for one in &mut series {
        one.look = Look::default();
        call.did(1).await?;
    }
    Ok(series)
}

pub(super) async fn logit(call: &mut Call<'_>) -> Answer {
    let logit = |value: f64| {
        let odds = value / (1.0 - value);
        match odds > 0.0 && odds.is_finite() {
            true => odds.ln(),
            false => f64::NAN,
        }
    };
    each(call, "logit", "logit", logit).await
}

pub(super) async fn sigmoid(call: &mut Call<'_>) -> Answer {
    let sigmoid = |value: f64| 1.0 / (1.0 + (-value).exp());
    each(call, "sigmoid", "sigmoid", sigmoid).await
}

pub(super) async fn offset(call: &mut Call<'_>) -> Answer {
    let factor = call.float("factor")?;
    let shown = format!(",{}", number::general(factor));
    let tag = Some(number::float(factor));
    each_with(call, "offset", &shown, tag, Numbers::Floats, |value| {
        value + factor
    })
    .await
}

pub(super) async fn scale(call: &mut Call<'_>) -> Answer {
    let factor = call.float("factor")?;
    let shown = format!(",{}", number::general(factor));
    let tag = Some(number::float(factor));
    each_with(call, "scale", &shown, tag, Numbers::Floats, |value| {
        value * factor
    })
    .await
}

pub(super) async fn round(call: &mut Call<'_>) -> Answer {
    let places = call.integer("precision")?;
    let shown = match call.is_given("precision") {
        true => format!(",{}", number::general(places as f64)),
        false => String::new(),
    };
    let tag = Some(places.to_string());
    each_with(call, "round", &shown, tag, Numbers::AsBefore, |value| {
        number::round(value, places)
    })
    .await
}

pub(super) async fn scale_to_seconds(call: &mut Call<'_>) -> Answer {
    let seconds = call.float("seconds")?;
    let shown = whole(seconds)?;
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let name = format!("scaleToSeconds({},{shown})", one.name);
        call.wrap(one, name).await?;
        one.tags
            .insert("scaleToSeconds".to_owned(), number::float(seconds));
        let factor = seconds / one.step as f64;
        let scaled = |value| number::round_to_micro(value * factor);
        call.map_values(one, scaled).await?;
        one.integers = false;
    }
    Ok(series)
}
