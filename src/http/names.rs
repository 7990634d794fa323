//! `/metrics/index.json`: the name of every series.

use bytes::Bytes;
use http::Response;

use super::errors::Failure;
use super::find::List;
use super::json::push_text;
use super::question::Question;
use crate::query::merge::Merged;
use crate::query::plan::Want;

/// Answer with all canonical names, tagged ones too, sorted.
pub(super) async fn answer(question: &Question<'_>) -> Result<Response<Bytes>, Failure> {
    question.callback()?;
    let beyond = question.beyond();
    let Merged::Names(names) = question.ask(Want::Names).await? else {
        return question.json_of(b"[]".to_vec(), beyond).await;
    };
    let mut list = List::new();
    for (i, name) in names.into_iter().enumerate() {
        push_text(&name, beyond, list.item());
        list.check(question)?;
        question.breathe_every(i).await?;
    }
    question.json_of(list.end(), beyond).await
}
