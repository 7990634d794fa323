//! `/metrics/list/` and `/metrics/details/`: every name. Sizes and times of single series are not kept, so
//! details have none.

use bytes::Bytes;
use http::Response;

use super::{dialect, message};
use crate::http::encode::protobuf::push_bytes;
use crate::http::errors::Failure;
use crate::http::find::List;
use crate::http::json::{self, Beyond};
use crate::http::question::Question;
use crate::query::merge::Merged;
use crate::query::plan::Want;

/// Answer with `ListMetricsResponse`, or `{"metrics": [name, …]}`.
pub(in crate::http) async fn list(question: &Question<'_>) -> Result<Response<Bytes>, Failure> {
    let list = Form {
        open: b"{\"metrics\": [",
        close: "]}",
        push: |name, out| json::push_text(name, Beyond::Escaped, out),
        encode: |name, out| push_bytes(1, name.as_bytes(), out),
    };
    answer(question, &list).await
}

/// Answer with `MetricDetailsResponse`, or `{"metrics": {name: {}, …}}`.
pub(in crate::http) async fn details(question: &Question<'_>) -> Result<Response<Bytes>, Failure> {
    let details = Form {
        open: b"{\"metrics\": {",
        close: "}}",
        push: |name, out| {
            json::push_text(name, Beyond::Escaped, out);
            out.extend_from_slice(b": {}");
        },
        // An entry of a map is a message of key and value.
        encode: |name, out| {
            let mut entry = Vec::with_capacity(name.len() + 8);
            push_bytes(1, name.as_bytes(), &mut entry);
            push_bytes(2, &[], &mut entry);
            push_bytes(1, &entry, out);
        },
    };
    answer(question, &details).await
}

/// How the two answers differ.
struct Form {
    open: &'static [u8],
    close: &'static str,
    push: fn(&str, &mut Vec<u8>),
    encode: fn(&str, &mut Vec<u8>),
}

async fn answer(question: &Question<'_>, form: &Form) -> Result<Response<Bytes>, Failure> {
    let dialect = dialect(question)?;
    let names = match question.ask(Want::Names).await? {
        Merged::Names(names) => names,
        _ => Vec::new(),
    };
    let Some(dialect) = dialect else {
        let mut list = List::after(form.open);
        for (i, name) in names.iter().enumerate() {
            (form.push)(name, list.item());
            list.check(question)?;
            question.breathe_every(i).await?;
        }
        let mut text = list.unended();
        text.extend_from_slice(form.close.as_bytes());
        return question.json(text).await;
    };
    let mut out = Vec::new();
    for (i, name) in names.iter().enumerate() {
        (form.encode)(name, &mut out);
        question.options.limits.check_bytes(out.len() as u64)?;
        question.breathe_every(i).await?;
    }
    Ok(message(dialect, (!out.is_empty()).then_some(out)))
}
