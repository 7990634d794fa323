//! `/metrics/index.json`: the name of every series.

use bytes::Bytes;
use http::Response;

use super::errors::Failure;
use super::find::List;
use super::json::{Beyond, push_text};
use super::question::Question;
use crate::query::merge::Merged;
use crate::query::plan::Want;

/// Answer with all canonical names, tagged ones too, sorted.
pub(super) async fn answer(question: &Question<'_>) -> Result<Response<Bytes>, Failure> {
    question.callback()?;
    let Merged::Names(names) = question.ask(Want::Names).await? else {
        return question.json(b"[]".to_vec()).await;
    };
    let mut list = List::new();
    for (i, name) in names.into_iter().enumerate() {
        push_text(&name, Beyond::Escaped, list.item());
        list.check(question)?;
        question.breathe_every(i).await?;
    }
    question.json(list.end()).await
}
