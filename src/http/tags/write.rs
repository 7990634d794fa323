//! What registers and deletes series. Points register them here, so nothing is stored for that: the answer
//! is the canonical name.

use super::name;
use super::{Answer, several};
use crate::base::time::Millis;
use crate::http::delete::delete;
use crate::http::find::List;
use crate::http::json::{Beyond, push_text};
use crate::http::laid_out::{Refused, respond};
use crate::http::question::Question;
use crate::query::plan::Selector;

/// `POST /tags/tagSeries`
pub(in crate::http) async fn tag_series(question: &Question<'_>) -> Answer {
    respond(question, registered(question)).await
}

/// `POST /tags/tagMultiSeries`
pub(in crate::http) async fn tag_multi_series(question: &Question<'_>) -> Answer {
    respond(question, all_registered(question).await).await
}

fn registered(question: &Question<'_>) -> Result<Vec<u8>, Refused> {
    let path = question.parameters.last("path").unwrap_or("");
    if path.is_empty() {
        return Err(Refused::bad("no path specified"));
    }
    let mut text = Vec::new();
    push_text(&name::parse(path)?.text(), Beyond::Escaped, &mut text);
    Ok(text)
}

async fn all_registered(question: &Question<'_>) -> Result<Vec<u8>, Refused> {
    let paths = several(question, "path");
    if paths.is_empty() {
        return Err(Refused::bad("no paths specified"));
    }
    let mut list = List::new();
    for (i, path) in paths.iter().enumerate() {
        push_text(&name::parse(path)?.text(), Beyond::Escaped, list.item());
        list.check(question)?;
        question.breathe_every(i).await?;
    }
    Ok(list.end())
}

/// `POST /tags/delSeries`
pub(in crate::http) async fn delete_series(question: &Question<'_>) -> Answer {
    respond(question, deleted(question).await).await
}

/// As in graphite-web only series with tags are known to this call, and one that is not known is no error.
async fn deleted(question: &Question<'_>) -> Result<Vec<u8>, Refused> {
    let paths = several(question, "path");
    if paths.is_empty() {
        return Err(Refused::bad("no path specified"));
    }
    let mut names = Vec::new();
    for (i, path) in paths.iter().enumerate() {
        let name = name::parse(path)?;
        if !name.tags().is_empty() {
            names.push(name.text());
        }
        question.breathe_every(i).await?;
    }
    let names = Selector::Names(names.into());
    delete(question, vec![names], (Millis::MIN, Millis::MAX)).await?;
    Ok(b"true".to_vec())
}
