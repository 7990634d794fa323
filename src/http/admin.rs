//! What an operator asks for: write everything out now, make a snapshot.

use bytes::Bytes;
use http::{Response, StatusCode};

use super::errors::{Failure, text_response};
use super::question::Question;

/// `POST /admin/seal`: when this answers, everything taken so far is in segment files, and these are merged
/// as far as it is worth that.
pub(super) async fn seal(question: &Question<'_>) -> Result<Response<Bytes>, Failure> {
    question.fleet.settle(true).await?;
    Ok(text_response(
        StatusCode::OK,
        "all points are in segment files\n".to_owned(),
    ))
}

/// `POST /admin/snapshot?name=…`: a folder that an appliance can start from.
pub(super) async fn snapshot(question: &Question<'_>) -> Result<Response<Bytes>, Failure> {
    let name = question.parameters.last("name").unwrap_or_default();
    let made = question.fleet.snapshot(name.to_owned()).await?;
    Ok(match made {
        Ok(folder) => text_response(
            StatusCode::OK,
            format!("{folder}\nstart from a copy of it with --data\n"),
        ),
        Err(reason) => text_response(
            StatusCode::CONFLICT,
            format!("there is no snapshot: {reason}\n"),
        ),
    })
}
