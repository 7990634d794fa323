//! Functions about how series are shown: group "Special".

use super::call::Call;
use super::parameter::{Function, Kind, Parameter};
use crate::query::error::QueryError;
use crate::query::series::{Fold, Series};

pub(super) const FUNCTIONS: &[Function] = &[Function::new(
    &["consolidateBy"],
    "Special",
    "How several values become one where there is no room for all.",
    &[
        Parameter::required("seriesList", Kind::SeriesList),
        Parameter::required("consolidationFunc", Kind::Text),
    ],
    |call| Box::pin(consolidate_by(call)),
)];

async fn consolidate_by(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let text = call.text("consolidationFunc")?;
    let Some(fold) = Fold::named(&text) else {
        let known = Fold::NAMES.map(|known| known.0).join(", ");
        return Err(QueryError::Invalid(format!(
            "Invalid consolidation function: '{text}'; there are {known}"
        )));
    };
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        one.fold = fold;
        one.tags.insert("consolidateBy".to_owned(), text.clone());
        let name = format!("consolidateBy({},\"{text}\")", one.name);
        call.wrap(one, name).await?;
    }
    Ok(series)
}
