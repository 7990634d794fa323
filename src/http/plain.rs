//! The short texts: what this is, which version of the API it speaks, whether it lives, whether it
//! is ready.

use bytes::Bytes;
use http::{Response, StatusCode};

use super::errors::{Failure, text_response};
use super::question::{Question, document};

/// The version of graphite-web whose API this is; its readers compare it.
const GRAPHITE_VERSION: &str = "1.1.10\n";

type Answer = Result<Response<Bytes>, Failure>;

/// `/`
pub(super) async fn root(question: &Question<'_>) -> Answer {
    let version = question.options.version;
    let text = format!(
        "corelane {version}\nGraphite: /render /metrics/find /metrics/expand /metrics/index.json /functions \
          /tags /events /version\n\
         KairosDB: /api/v1/datapoints /api/v1/datapoints/query /api/v1/datapoints/delete /api/v1/metricnames \
          /api/v1/metadata /api/v1/version\n\
         OpenTSDB: /api/put /api/version\n\
         Operation: /metrics /health /ready\n"
    );
    Ok(text_response(StatusCode::OK, text))
}

/// `/version`
pub(super) async fn version(_question: &Question<'_>) -> Answer {
    Ok(document("text/html", GRAPHITE_VERSION))
}

/// `/health`: whoever reads this is talking to a living core.
pub(super) async fn health(_question: &Question<'_>) -> Answer {
    Ok(text_response(StatusCode::OK, "ok\n"))
}

/// `/ready`
pub(super) async fn ready(question: &Question<'_>) -> Answer {
    if question.fleet.ready() {
        return Ok(text_response(StatusCode::OK, "ready\n"));
    }
    let told =
        "not ready: still starting, or about to stop; what is already here can be asked for\n";
    Err(Failure::NotReady(told.to_owned()))
}
