//! One request on its way: what was asked, whom to ask, what it may cost, and how long it may take.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Response};

use super::errors::Failure;
use super::parameters::Parameters;
use super::{Fleet, HttpOptions, json};
use crate::base::time::Millis;
use crate::query::error::QueryError;
use crate::query::merge::{Merge, Merged};
use crate::query::plan::{Plan, Want};

/// Points, values or names between two breaths: well below 100 µs of work.
pub(super) const BREATH: usize = 2_000;

/// Names that are sorted or printed between two breaths: each costs more than a point.
const LIST_BREATH: usize = 500;

/// A request, read.
pub(super) struct Question<'a> {
    /// How it was asked.
    pub(super) method: Method,
    /// The `Accept` header.
    pub(super) accept: Option<String>,
    /// URL and form.
    pub(super) parameters: Parameters,
    /// Whom to ask.
    pub(super) fleet: &'a dyn Fleet,
    /// What the operator chose.
    pub(super) options: &'a HttpOptions,
    /// When it came, by the wall clock.
    pub(super) began: Millis,
}

impl<'a> Question<'a> {
    /// Read a request.
    ///
    /// # Errors
    /// Parameters that cannot be read.
    pub(super) fn new(
        request: &http::Request<Bytes>,
        fleet: &'a dyn Fleet,
        options: &'a HttpOptions,
    ) -> Result<Question<'a>, Failure> {
        let accept = request.headers().get(ACCEPT);
        Ok(Question {
            method: request.method().clone(),
            accept: accept.and_then(|a| a.to_str().ok()).map(str::to_owned),
            parameters: Parameters::read(request)?,
            fleet,
            options,
            began: fleet.now(),
        })
    }

    /// Ask all shards and merge what they say.
    ///
    /// # Errors
    /// What the shards or the merge say, or that time is up.
    pub(super) async fn ask(&self, want: Want) -> Result<Merged, QueryError> {
        let plan = Plan {
            tenant: self.options.tenant,
            want,
            limits: self.options.limits,
        };
        let partials = self.fleet.ask(plan.clone()).await?;
        let mut merge = Merge::new(&plan, partials);
        loop {
            if let Some(merged) = merge.step(BREATH) {
                return merged;
            }
            self.breathe().await?;
        }
    }

    /// Let the core do other work.
    ///
    /// # Errors
    /// [`QueryError::Timeout`] when the query has had its time.
    pub(super) async fn breathe(&self) -> Result<(), QueryError> {
        self.fleet.breathe().await;
        let millis_max = self.options.limits.millis_max;
        let elapsed = self.fleet.now().0.saturating_sub(self.began.0);
        if u64::try_from(elapsed).is_ok_and(|elapsed| elapsed > millis_max) {
            return Err(QueryError::Timeout(millis_max));
        }
        Ok(())
    }

    /// In a loop over names: breathe where `i` says that it is time.
    ///
    /// # Errors
    /// As [`Question::breathe`].
    pub(super) async fn breathe_every(&self, i: usize) -> Result<(), QueryError> {
        if i % LIST_BREATH == LIST_BREATH - 1 {
            self.breathe().await?;
        }
        Ok(())
    }

    /// The name of the function that wraps a JSON answer, if one was asked for.
    ///
    /// # Errors
    /// A name that is no name.
    pub(super) fn callback(&self) -> Result<Option<&str>, Failure> {
        let name = self
            .parameters
            .last("jsonp")
            .filter(|name| !name.is_empty());
        match name {
            Some(name) if !json::is_callback(name) => Err(Failure::invalid(format!(
                "jsonp must be a name of at most {} letters, digits, '_', '$', '.', '[' and ']'",
                json::CALLBACK_BYTES_MAX
            ))),
            name => Ok(name),
        }
    }

    /// Give `text` as JSON, wrapped if the request says so.
    ///
    /// # Errors
    /// As [`Question::callback`].
    pub(super) fn json(&self, text: Vec<u8>) -> Result<Response<Bytes>, Failure> {
        match self.callback()? {
            None => Ok(document("application/json", text)),
            Some(name) => {
                let mut wrapped = Vec::with_capacity(name.len() + text.len() + 2);
                wrapped.extend_from_slice(name.as_bytes());
                wrapped.push(b'(');
                wrapped.extend_from_slice(&text);
                wrapped.push(b')');
                Ok(document("text/javascript", wrapped))
            }
        }
    }
}

/// A good answer.
pub(super) fn document(kind: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
