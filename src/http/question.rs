//! One request on its way: what was asked, whom to ask, what it may cost, and how long it may take.

use std::cell::{Cell, OnceCell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, VARY};
use http::{HeaderValue, Method, Response};
use jiff::tz::TimeZone;

use super::errors::Failure;
use super::json::{self, Beyond, Indented};
use super::kairos::Kill;
use super::parameters::Parameters;
use super::pieces::Source;
use super::{Errand, Fleet, HttpOptions, Made};
use crate::base::time::Millis;
use crate::query::breath::{Breath, Local, PIECE, Pace};
use crate::query::error::QueryError;
use crate::query::graphite::time;
use crate::query::limits::Limits;
use crate::query::merge::{Merge, Merged};
use crate::query::plan::{Plan, Purse, Want};
use crate::query::series::Series;
use crate::query::together::Share;

/// Names that are sorted or printed between two breaths: each costs more than a point.
const LIST_BREATH: usize = 500;

/// A request, read.
pub(super) struct Question<'a> {
    /// As it was sent.
    pub(super) request: &'a http::Request<Bytes>,
    /// Where its body comes from on routes that read it while it comes; see
    /// [`Pieces`](super::pieces::Pieces).
    pub(super) source: Cell<Option<Box<dyn Source>>>,
    /// What the path has behind that of its route, decoded; empty for a route without a slash at its end.
    pub(super) rest: String,
    /// The same, cut at its slashes before it was decoded.
    pub(super) parts: Vec<String>,
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
    /// Whether points are missing from the answer because a file is damaged.
    damaged: Cell<bool>,
    /// Whether points of the log were not back yet when shards were asked.
    recovering: Cell<bool>,
    /// What was paid for all that the shards gave and that may still be held.
    purses: RefCell<Vec<Arc<Purse>>>,
    /// What it holds of what all queries do.
    share: Arc<Share>,
    /// What ends it early, where somebody may.
    kill: OnceCell<Arc<Kill>>,
    /// When it came, by the wall clock.
    pub(super) began: Millis,
    /// When it came, by [`Fleet::elapsed`].
    started: Duration,
    /// Time in which shards were asked.
    asking: Cell<Duration>,
    /// Bytes of what they sent the last time.
    crossed: Cell<u64>,
}

impl<'a> Question<'a> {
    /// Read a request.
    ///
    /// # Errors
    /// Parameters that cannot be read.
    pub(super) async fn new(
        request: &'a http::Request<Bytes>,
        fleet: &'a dyn Fleet,
        options: &'a HttpOptions,
    ) -> Result<Question<'a>, Failure> {
        let mut question = Question::unread(request, fleet, options);
        let parameters = Parameters::read(request, &question.pace()).await?;
        question.parameters = parameters;
        Ok(question)
    }

    /// A request whose body is no form, whatever its headers say, and that has no parameters.
    pub(super) fn unread(
        request: &'a http::Request<Bytes>,
        fleet: &'a dyn Fleet,
        options: &'a HttpOptions,
    ) -> Question<'a> {
        let accept = request.headers().get(ACCEPT);
        Question {
            request,
            source: Cell::default(),
            rest: String::new(),
            parts: Vec::new(),
            method: request.method().clone(),
            accept: accept.and_then(|a| a.to_str().ok()).map(str::to_owned),
            parameters: Parameters::default(),
            fleet,
            options,
            damaged: Cell::new(false),
            recovering: Cell::new(false),
            purses: RefCell::default(),
            share: options.memory.share(),
            kill: OnceCell::new(),
            began: fleet.now(),
            started: fleet.elapsed(),
            asking: Cell::default(),
            crossed: Cell::default(),
        }
    }

    /// Do `errand` aside from the shards.
    ///
    /// # Errors
    /// As [`Fleet::aside`].
    pub(super) async fn aside(&self, errand: Errand) -> Result<Made, QueryError> {
        let millis_max = self.options.limits.millis_max;
        let made = self.fleet.aside(errand, self.millis_left()).await;
        made.map_err(|error| match error {
            QueryError::Timeout(_) => QueryError::Timeout(millis_max),
            other => other,
        })
    }

    /// Ask all shards and merge what they say.
    ///
    /// # Errors
    /// What the shards or the merge say, or that time is up.
    pub(super) async fn ask(&self, want: Want) -> Result<Merged, QueryError> {
        let millis_max = self.options.limits.millis_max;
        let limits = Limits {
            millis_max: self.millis_left(),
            ..self.options.limits
        };
        let plan = Plan::new(self.options.tenant, want, limits).within(self.share());
        // What the shards give is held until the question is answered, or let go.
        self.purses.borrow_mut().push(Arc::clone(&plan.purse));
        // Whoever asks several times has no more time than others.
        self.breathe().await?;
        if let Some(kill) = self.kill.get() {
            kill.watch(&plan.purse);
        }
        // By the time they have answered all may be back, and their answers lack what was not.
        self.recovering
            .set(self.recovering.get() || self.fleet.recovering());
        let asking = self.fleet.elapsed();
        let asked = self.fleet.ask(plan.clone()).await;
        let took = self.fleet.elapsed().saturating_sub(asking);
        self.asking.set(self.asking.get().saturating_add(took));
        self.crossed.set(plan.purse.held());
        self.check_alive()?;
        let partials = asked.map_err(|error| match error {
            QueryError::Timeout(_) => QueryError::Timeout(millis_max),
            other => other,
        })?;
        let mut merge = Merge::new(&plan, partials);
        loop {
            if let Some(merged) = merge.step(PIECE) {
                let damaged = match &merged {
                    Ok(Merged::Points(points)) => points.damaged,
                    Ok(Merged::Rows(rows)) => rows.damaged,
                    Ok(Merged::Cells(cells)) => cells.rest.damaged,
                    _ => false,
                };
                self.damaged.set(self.damaged.get() || damaged);
                return merged;
            }
            self.breathe().await?;
        }
    }

    /// What it holds of what all queries do.
    pub(super) fn share(&self) -> Arc<Share> {
        Arc::clone(&self.share)
    }

    /// `bytes` more are about to be held until the question is answered, or [`Question::let_go`].
    ///
    /// # Errors
    /// As [`Share::hold`].
    pub(super) fn hold(&self, bytes: u64) -> Result<(), QueryError> {
        self.share.hold(bytes)
    }

    /// `bytes` of that are not held any more.
    pub(super) fn let_go(&self, bytes: u64) {
        self.share.let_go(bytes);
    }

    /// What shards gave so far is not held any more.
    pub(super) fn forget(&self) {
        self.purses.borrow_mut().clear();
    }

    /// From now on `kill` ends it.
    pub(super) fn may_be_killed(&self, kill: Arc<Kill>) {
        // Whatever is in there is of the same question.
        let _ = self.kill.set(kill);
    }

    /// # Errors
    /// [`QueryError::Killed`].
    fn check_alive(&self) -> Result<(), QueryError> {
        match self.kill.get().is_some_and(|kill| kill.is_killed()) {
            true => Err(QueryError::Killed),
            false => Ok(()),
        }
    }

    /// Why the answer may lack points, if so: what an `X-Corelane-Partial` header says.
    pub(super) fn partial(&self) -> Option<&'static str> {
        let recovering = self.recovering.get() || self.fleet.recovering();
        match (recovering, self.damaged.get()) {
            (true, _) => Some("replay"),
            (false, true) => Some("damage"),
            (false, false) => None,
        }
    }

    /// For a loop over values, series or texts.
    pub(super) fn pace(&self) -> Pace<'_> {
        Pace::new(self)
    }

    /// Free series, also those of a query that has had its time.
    pub(super) async fn free(&self, series: impl IntoIterator<Item = Series>) {
        let freeing = Freeing(self.fleet);
        let pace = Pace::new(&freeing);
        for one in series {
            // It never says that time is over.
            let _ = one.free(&pace).await;
        }
    }

    fn millis_left(&self) -> u64 {
        let all = Duration::from_millis(self.options.limits.millis_max);
        let left = all.saturating_sub(self.took());
        u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
    }

    /// Since it came.
    pub(super) fn took(&self) -> Duration {
        self.fleet.elapsed().saturating_sub(self.started)
    }

    /// How long shards were asked so far.
    pub(super) fn asking(&self) -> Duration {
        self.asking.get()
    }

    /// Bytes that the shards have sent to what they were asked last.
    pub(super) fn crossed(&self) -> u64 {
        self.crossed.get()
    }

    /// The moment that the request takes for now, in seconds since the epoch.
    ///
    /// # Errors
    /// What is no time.
    pub(super) fn now(&self, zone: &TimeZone) -> Result<i64, QueryError> {
        let spec = self.parameters.last("now").unwrap_or("now");
        time::parse(spec, self.began.seconds(), zone)
    }

    /// In a loop over names: breathe where `i` says that it is time.
    ///
    /// # Errors
    /// As [`Breath::breathe`].
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

    /// The zone that the request names; where it names none, or one that there is not, that of the
    /// configuration.
    pub(super) fn zone(&self) -> TimeZone {
        match self.parameters.last("tz").map(TimeZone::get) {
            Some(Ok(zone)) => zone,
            _ => self.options.zone.clone(),
        }
    }

    /// How the JSON of lists of names tells characters beyond ASCII: graphite-web escapes them unless the
    /// reader says that it takes something besides JSON.
    pub(super) fn beyond(&self) -> Beyond {
        match self.accept.as_deref() {
            None | Some("application/json") => Beyond::Escaped,
            Some(_) => Beyond::Utf8,
        }
    }

    /// Whether JSON is wanted in lines, for people.
    pub(super) fn is_pretty(&self) -> bool {
        let pretty = self.parameters.last("pretty");
        pretty.is_some_and(|pretty| !pretty.is_empty())
    }

    /// As [`Question::json`], of a text that was written as [`Question::beyond`] says.
    ///
    /// # Errors
    /// As [`Question::json`].
    pub(super) async fn json_of(
        &self,
        text: Vec<u8>,
        beyond: Beyond,
    ) -> Result<Response<Bytes>, Failure> {
        let mut response = self.json(text).await?;
        let headers = response.headers_mut();
        if beyond == Beyond::Utf8 {
            let kind = match self.callback()? {
                None => "application/json;charset=utf-8",
                Some(_) => "text/javascript;charset=utf-8",
            };
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        headers.append(VARY, HeaderValue::from_name(ACCEPT));
        Ok(response)
    }

    /// Give `text` as JSON, in lines and wrapped if the request says so.
    ///
    /// # Errors
    /// As [`Question::callback`] and [`Breath::breathe`], and where it becomes larger than answers may be.
    pub(super) async fn json(&self, mut text: Vec<u8>) -> Result<Response<Bytes>, Failure> {
        if self
            .parameters
            .last("pretty")
            .is_some_and(|p| !p.is_empty())
        {
            text = self.indented(&text).await?;
        }
        let Some(name) = self.callback()? else {
            return Ok(document("application/json", text));
        };
        let bytes = name.len() + text.len() + 2;
        self.options.limits.check_bytes(bytes as u64)?;
        let mut wrapped = Vec::with_capacity(bytes);
        wrapped.extend_from_slice(name.as_bytes());
        wrapped.push(b'(');
        for some in text.chunks(COPIED) {
            wrapped.extend_from_slice(some);
            self.breathe().await?;
        }
        wrapped.push(b')');
        Ok(document("text/javascript", wrapped))
    }
}

impl Question<'_> {
    /// `text`, which is JSON, as Python writes it for people.
    ///
    /// # Errors
    /// Time is up, or it would be too large.
    pub(super) async fn indented(&self, text: &[u8]) -> Result<Vec<u8>, QueryError> {
        let mut lines = Indented::default();
        for some in text.chunks(INDENTED) {
            lines.push(some);
            self.options.limits.check_bytes(lines.text.len() as u64)?;
            self.breathe().await?;
        }
        Ok(lines.text)
    }
}

/// Bytes of an answer that are put into lines in one go.
const INDENTED: usize = 1 << 14;
/// Bytes of an answer that are copied in one go.
const COPIED: usize = 1 << 18;

impl Breath for Question<'_> {
    fn breathe(&self) -> Local<'_, Result<(), QueryError>> {
        Box::pin(async {
            self.fleet.breathe().await;
            self.check_alive()?;
            let millis_max = self.options.limits.millis_max;
            if Duration::from_millis(millis_max) < self.took() {
                return Err(QueryError::Timeout(millis_max));
            }
            Ok(())
        })
    }
}

/// Breathes without an eye on the time.
struct Freeing<'a>(&'a dyn Fleet);

impl Breath for Freeing<'_> {
    fn breathe(&self) -> Local<'_, Result<(), QueryError>> {
        Box::pin(async {
            self.0.breathe().await;
            Ok(())
        })
    }
}

/// A good answer.
pub(super) fn document(kind: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
