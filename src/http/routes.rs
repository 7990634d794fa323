//! Which path means what: the one table.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW,
    CONTENT_LENGTH, VARY,
};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;

use super::errors::{Failure, text_response};
use super::pieces::Source;
use super::question::Question;
use super::{
    Fleet, HttpOptions, Local, admin, carbon, dashboards, delete, events, expand, find, functions,
    kairos, names, packing, plain, prometheus, render, slow, tags,
};

type Handled<'a> = Local<'a, Result<Response<Bytes>, Failure>>;

struct Route {
    /// Without a trailing slash, one more is always accepted: this path. With one: every path that goes on
    /// behind it and has no route of its own; what it goes on with is [`Question::rest`].
    path: &'static str,
    methods: Methods,
    handler: for<'a> fn(&'a Question<'a>) -> Handled<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Methods {
    /// GET and HEAD.
    Get,
    /// GET, HEAD and POST.
    GetPost,
    /// POST: it changes something.
    Post,
    /// GET and HEAD; and POST with a body that the handler reads, whatever its content type says.
    GetRecord,
    /// Of KairosDB's API: these, as its header `Allow` names them, and OPTIONS among them. The handler reads
    /// URL and body.
    Kairos(&'static str),
    /// POST, with a body that the handler reads, whatever its content type says.
    Record,
    /// Of KairosDB's API: POST, with a body that the handler reads while it comes, as
    /// [`Pieces`](super::pieces::Pieces); and OPTIONS.
    Pieces,
}

const ROUTES: &[Route] = &[
    get("", |question| Box::pin(plain::root(question))),
    both("/render", |question| Box::pin(render::answer(question))),
    both("/metrics/find", |question| Box::pin(find::answer(question))),
    both("/metrics/expand", |question| {
        Box::pin(expand::answer(question))
    }),
    both("/metrics/index.json", |question| {
        Box::pin(names::answer(question))
    }),
    both("/metrics", |question| {
        if question.method == Method::POST || question.parameters.has("query") {
            Box::pin(find::answer(question))
        } else {
            Box::pin(prometheus::answer(question))
        }
    }),
    get("/functions", |question| Box::pin(functions::list(question))),
    get("/functions/", |question| Box::pin(functions::one(question))),
    both("/dashboard/find", |question| {
        Box::pin(dashboards::find(question))
    }),
    both("/dashboard/find_template", |question| {
        Box::pin(dashboards::find_template(question))
    }),
    both("/dashboard/load/", |question| {
        Box::pin(dashboards::load(question))
    }),
    both("/dashboard/load_template/", |question| {
        Box::pin(dashboards::load_template(question))
    }),
    both("/dashboard/save/", |question| {
        Box::pin(dashboards::change(question))
    }),
    both("/dashboard/save_template/", |question| {
        Box::pin(dashboards::change(question))
    }),
    both("/dashboard/delete/", |question| {
        Box::pin(dashboards::change(question))
    }),
    both("/dashboard/delete_template/", |question| {
        Box::pin(dashboards::change(question))
    }),
    both("/metrics/list", |question| Box::pin(carbon::list(question))),
    both("/metrics/details", |question| {
        Box::pin(carbon::details(question))
    }),
    both("/info", |question| Box::pin(carbon::info(question))),
    both("/_internal/capabilities", |question| {
        Box::pin(carbon::capabilities(question))
    }),
    get("/tags", |question| Box::pin(tags::list(question))),
    both("/tags/findSeries", |question| {
        Box::pin(tags::find_series(question))
    }),
    both("/tags/autoComplete/tags", |question| {
        Box::pin(tags::complete_tags(question))
    }),
    both("/tags/autoComplete/values", |question| {
        Box::pin(tags::complete_values(question))
    }),
    post("/tags/tagSeries", |question| {
        Box::pin(tags::tag_series(question))
    }),
    post("/tags/tagMultiSeries", |question| {
        Box::pin(tags::tag_multi_series(question))
    }),
    post("/tags/delSeries", |question| {
        Box::pin(tags::delete_series(question))
    }),
    get("/tags/", |question| Box::pin(tags::details(question))),
    Route {
        path: "/events",
        methods: Methods::GetRecord,
        handler: |question| Box::pin(events::root(question)),
    },
    both("/events/get_data", |question| {
        Box::pin(events::list(question))
    }),
    get("/events/", |question| Box::pin(events::details(question))),
    post("/admin/seal", |question| Box::pin(admin::seal(question))),
    post("/admin/snapshot", |question| {
        Box::pin(admin::snapshot(question))
    }),
    post("/admin/delete", |question| {
        Box::pin(delete::by_pattern(question))
    }),
    pieces("/api/v1/datapoints", |question| {
        Box::pin(async { Ok(kairos::ingest(question).await) })
    }),
    kairos(
        "/api/v1/datapoints/query",
        "GET,HEAD,OPTIONS,POST",
        |question| Box::pin(async { Ok(kairos::query(question).await) }),
    ),
    kairos(
        "/api/v1/datapoints/query/tags",
        "POST,OPTIONS",
        |question| Box::pin(async { Ok(kairos::query_tags(question).await) }),
    ),
    kairos("/api/v1/datapoints/delete", "POST,OPTIONS", |question| {
        Box::pin(async { Ok(kairos::delete(question).await) })
    }),
    kairos("/api/v1/datapoints/index", READ, |question| {
        Box::pin(async { Ok(kairos::index(question).await) })
    }),
    kairos("/api/v1/metric/", "DELETE,OPTIONS", |question| {
        Box::pin(async { Ok(kairos::delete_metric(question).await) })
    }),
    kairos("/api/v1/metricnames", READ, |question| {
        Box::pin(async { Ok(kairos::metrics(question).await) })
    }),
    kairos("/api/v1/tagnames", READ, |question| {
        Box::pin(async { Ok(kairos::tag_names(question).await) })
    }),
    kairos("/api/v1/tagvalues", READ, |question| {
        Box::pin(async { Ok(kairos::tag_values(question).await) })
    }),
    kairos("/api/v1/version", READ, |question| {
        Box::pin(async { Ok(kairos::version(question).await) })
    }),
    kairos("/api/v1/health/check", READ, |question| {
        Box::pin(async { Ok(kairos::health_check(question).await) })
    }),
    kairos("/api/v1/health/status", READ, |question| {
        Box::pin(async { Ok(kairos::health_status(question).await) })
    }),
    kairos("/api/v1/features", READ, |question| {
        Box::pin(async { Ok(kairos::features(question).await) })
    }),
    kairos("/api/v1/features/", READ, |question| {
        Box::pin(async { Ok(kairos::feature(question).await) })
    }),
    kairos(
        "/api/v1/metadata/",
        "DELETE,GET,HEAD,OPTIONS,POST",
        |question| Box::pin(async { Ok(kairos::metadata(question).await) }),
    ),
    kairos("/api/v1/rollups", "GET,HEAD,OPTIONS,POST", |question| {
        Box::pin(async { Ok(kairos::rollups(question).await) })
    }),
    kairos(
        "/api/v1/rollups/",
        "DELETE,GET,HEAD,OPTIONS,PUT",
        |question| Box::pin(async { Ok(kairos::rollup(question).await) }),
    ),
    kairos("/api/v1/admin/scheduledjobs", READ, |question| {
        Box::pin(async { Ok(kairos::jobs(question).await) })
    }),
    kairos("/api/v1/admin/runningqueries", READ, |question| {
        Box::pin(async { Ok(kairos::running(question).await) })
    }),
    kairos("/api/v1/admin/killquery/", READ, |question| {
        Box::pin(async { Ok(kairos::kill(question).await) })
    }),
    Route {
        path: "/api/put",
        methods: Methods::Record,
        handler: |question| Box::pin(async { Ok(kairos::opentsdb_put(question).await) }),
    },
    both("/api/version", |question| {
        Box::pin(kairos::opentsdb_version(question))
    }),
    both("/version", |question| Box::pin(plain::version(question))),
    get("/health", |question| Box::pin(plain::health(question))),
    get("/ready", |question| Box::pin(plain::ready(question))),
];

const fn get(path: &'static str, handler: for<'a> fn(&'a Question<'a>) -> Handled<'a>) -> Route {
    Route {
        path,
        methods: Methods::Get,
        handler,
    }
}

const fn both(path: &'static str, handler: for<'a> fn(&'a Question<'a>) -> Handled<'a>) -> Route {
    Route {
        path,
        methods: Methods::GetPost,
        handler,
    }
}

const fn post(path: &'static str, handler: for<'a> fn(&'a Question<'a>) -> Handled<'a>) -> Route {
    Route {
        path,
        methods: Methods::Post,
        handler,
    }
}

const fn kairos(
    path: &'static str,
    methods: &'static str,
    handler: for<'a> fn(&'a Question<'a>) -> Handled<'a>,
) -> Route {
    Route {
        path,
        methods: Methods::Kairos(methods),
        handler,
    }
}

const fn pieces(path: &'static str, handler: for<'a> fn(&'a Question<'a>) -> Handled<'a>) -> Route {
    Route {
        path,
        methods: Methods::Pieces,
        handler,
    }
}
/// What those paths of KairosDB's API allow that only tell something.
const READ: &str = "GET,HEAD,OPTIONS";

impl Route {
    /// The route of a path, and what the path has behind it.
    fn find(path: &str) -> Option<(&'static Route, &str)> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let exact = ROUTES.iter().find(|route| route.path == path);
        exact.map(|route| (route, "")).or_else(|| {
            ROUTES.iter().find_map(|route| {
                let rest = path.strip_prefix(route.path)?;
                (route.path.ends_with('/') && !rest.is_empty()).then_some((route, rest))
            })
        })
    }
}

impl Methods {
    fn allow(self, method: &Method) -> bool {
        if let Methods::Kairos(methods) = self {
            return methods.split(',').any(|name| name == method.as_str());
        }
        match *method {
            Method::GET | Method::HEAD => {
                matches!(self, Methods::Get | Methods::GetPost | Methods::GetRecord)
            }
            Method::POST => self != Methods::Get,
            _ => false,
        }
    }

    fn names(self) -> &'static str {
        match self {
            Methods::Get => "GET, HEAD",
            Methods::GetPost | Methods::GetRecord => "GET, HEAD, POST",
            Methods::Post | Methods::Record => "POST",
            Methods::Kairos(methods) => methods,
            Methods::Pieces => "POST,OPTIONS",
        }
    }
}

/// Says that an answer may lack points, and why.
const PARTIAL: HeaderName = HeaderName::from_static("x-corelane-partial");

/// Whether the body of such a request is read while it comes.
pub(super) fn takes_pieces(method: &Method, path: &str, options: &HttpOptions) -> bool {
    let route = Route::find(without(&options.prefix, path));
    *method == Method::POST && route.is_some_and(|(route, _)| route.methods == Methods::Pieces)
}

/// Answer one request, whose body is in it or comes from `source`.
pub(super) async fn answer(
    request: Request<Bytes>,
    source: Option<Box<dyn Source>>,
    fleet: &dyn Fleet,
    options: &HttpOptions,
) -> Response<Bytes> {
    let mut response = routed(&request, source, fleet, options).await;
    if let Some(origin) = &options.allow_origin {
        allow_origin(origin, &mut response);
    }
    if request.method() == Method::HEAD {
        let bytes = HeaderValue::from(response.body().len());
        response.headers_mut().insert(CONTENT_LENGTH, bytes);
        *response.body_mut() = Bytes::new();
    }
    response
}

async fn routed(
    request: &Request<Bytes>,
    source: Option<Box<dyn Source>>,
    fleet: &dyn Fleet,
    options: &HttpOptions,
) -> Response<Bytes> {
    let path = without(&options.prefix, request.uri().path());
    let is_kairos = path.starts_with(kairos::PREFIX);
    let found = Route::find(path);
    if is_kairos && options.kairos.report.is_some() {
        fleet.tell(kairos::told_of(found.map(|(route, _)| route.path)));
    }
    let Some((route, rest)) = found else {
        if is_kairos {
            return kairos::wrong(StatusCode::NOT_FOUND);
        }
        return not_found(request.uri().path());
    };
    if request.method() == Method::OPTIONS && is_kairos {
        return kairos::preflight(request);
    }
    let below = path.strip_prefix(kairos::PREFIX).unwrap_or_default();
    if let Some(refusal) = options.kairos.server_type.refusal(below) {
        return refusal;
    }
    if request.method() == Method::OPTIONS && options.allow_origin.is_some() {
        return preflight(route.methods);
    }
    if !route.methods.allow(request.method()) {
        if is_kairos {
            return kairos::not_allowed(route.methods.names());
        }
        return not_allowed(route, request.method());
    }
    let takes_body = match route.methods {
        Methods::Record | Methods::Pieces => true,
        Methods::GetRecord => request.method() == Method::POST,
        _ => false,
    };
    let question = if is_kairos || takes_body {
        Ok(Question::unread(request, fleet, options))
    } else {
        Question::new(request, fleet, options).await
    };
    let mut question = match question {
        Ok(question) => question,
        Err(failure) => return failure.into_response(),
    };
    question.source.set(source);
    question.rest = decoded(rest);
    question.parts = rest.split('/').map(decoded).collect();
    let answered = (route.handler)(&question).await;
    slow::tell(&question, route.path);
    let response = answered.unwrap_or_else(Failure::into_response);
    let mut response = match packing::packed(&question, response, is_kairos).await {
        Ok(response) => response,
        Err(error) => Failure::from(error).into_response(),
    };
    if let Some(why) = question.partial() {
        let why = HeaderValue::from_static(why);
        response.headers_mut().insert(PARTIAL, why);
    }
    response
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// `path` behind the configured prefix; one that does not begin with it stays as it is.
fn without<'p>(prefix: &str, path: &'p str) -> &'p str {
    let rest = path.strip_prefix(prefix.trim_end_matches('/'));
    let rest = rest.filter(|rest| rest.is_empty() || rest.starts_with('/'));
    rest.unwrap_or(path)
}

fn not_found(path: &str) -> Response<Bytes> {
    // KairosDB's many paths are told as one.
    let is_told =
        |path: &&str| !path.ends_with('/') && !path.is_empty() && !path.starts_with(kairos::PREFIX);
    let own = ROUTES.iter().map(|route| route.path).filter(is_told);
    let known: Vec<&str> = own.chain([kairos::PREFIX]).collect();
    let path: String = path.chars().take(PATH_CHARACTERS_MAX).collect();
    let known = known.join(" ");
    text_response(
        StatusCode::NOT_FOUND,
        format!("there is no {path} here; there are: {known}\n"),
    )
}

/// Characters of an unknown path that its answer repeats.
const PATH_CHARACTERS_MAX: usize = 200;

fn not_allowed(route: &Route, method: &Method) -> Response<Bytes> {
    let names = route.methods.names();
    let method: String = method.as_str().chars().take(PATH_CHARACTERS_MAX).collect();
    let path = if route.path.is_empty() {
        "/"
    } else {
        route.path
    };
    let text = format!("{path} takes {names}, not {method}\n");
    let mut response = text_response(StatusCode::METHOD_NOT_ALLOWED, text);
    let names = HeaderValue::from_static(names);
    response.headers_mut().insert(ALLOW, names);
    response
}

fn preflight(methods: Methods) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let names = HeaderValue::from_static(methods.names());
    let headers = response.headers_mut();
    headers.insert(ALLOW, names.clone());
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, names);
    let any = HeaderValue::from_static("*");
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, any);
    response
}

fn allow_origin(origin: &str, response: &mut Response<Bytes>) {
    // What is no header value was written into the configuration by mistake; sending none is safe.
    if let Ok(value) = HeaderValue::from_str(origin) {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, value);
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
}
