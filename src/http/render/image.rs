//! Series as a picture.

use crate::http::errors::Failure;
use crate::http::json::{Beyond, push_text};
use crate::http::picture::{self, Options, Slice};
use crate::http::question::Question;
use crate::query::graphite::Context;
use crate::query::graphite::evaluate::Budget;
use crate::query::series::Series;

/// How a picture is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Image {
    Png,
    Svg,
}

/// What a request says of its picture.
pub(super) struct Wanted {
    pub(super) image: Image,
    pub(super) options: Options,
    /// Targets of a pie that name a number instead of series.
    pub(super) slices: Vec<Slice>,
}

/// Bytes of text that become a JSON string in one go.
const JSON_PIECE: usize = 1 << 14;

/// A picture's media type and bytes.
///
/// # Errors
/// What the parameters say makes no sense for these series, a limit, or too many pictures at once.
pub(super) async fn print(
    question: &Question<'_>,
    wanted: &Wanted,
    context: &Context,
    budget: &Budget,
    series: &[Series],
) -> Result<(&'static str, Vec<u8>), Failure> {
    let pace = question.pace();
    let slices = wanted.slices.clone();
    let svg = picture::draw(&wanted.options, slices, series, &context.zone, &pace).await?;
    budget.pay(svg.len() as u64)?;
    match wanted.image {
        Image::Png => {
            let made = question.aside(Box::new(move || picture::rasterise(&svg)));
            let png = made.await?.map_err(|error| {
                tracing::error!("a picture could not be drawn as PNG: {error}");
                Failure::NotReady(format!(
                    "the picture could not be drawn as PNG ({error}); format=svg may help\n"
                ))
            })?;
            Ok(("image/png", png))
        }
        Image::Svg => match question.callback()? {
            None => Ok(("image/svg+xml", svg.into_bytes())),
            Some(name) => {
                let text = wrapped(question, name, &svg, budget).await?;
                Ok(("text/javascript", text))
            }
        },
    }
}

/// `name("…")` with the picture as a string.
async fn wrapped(
    question: &Question<'_>,
    name: &str,
    svg: &str,
    budget: &Budget,
) -> Result<Vec<u8>, Failure> {
    // Quotes and angles become longer.
    budget.pay(2 * svg.len() as u64)?;
    let mut text = Vec::with_capacity(svg.len() + svg.len() / 4);
    text.extend_from_slice(name.as_bytes());
    text.extend_from_slice(b"(\"");
    let (mut rest, mut piece) = (svg, Vec::new());
    while !rest.is_empty() {
        let (some, others) = rest.split_at(rest.floor_char_boundary(JSON_PIECE.min(rest.len())));
        piece.clear();
        push_text(some, Beyond::Escaped, &mut piece);
        let inside = piece.get(1..piece.len().saturating_sub(1));
        text.extend_from_slice(inside.unwrap_or_default());
        rest = others;
        question.pace().did(JSON_PIECE).await?;
    }
    text.extend_from_slice(b"\")");
    Ok(text)
}
