//! What an operator may choose about this API.

use std::sync::Arc;

use http::{Response, StatusCode};

use bytes::Bytes;

use super::Refused;
use super::report::Report;
use super::running::Running;

/// A class of calls that can be turned off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Class {
    Ingest,
    Query,
    Delete,
}

impl Class {
    /// That of a path below the prefix of the API. Paths of no class are always answered.
    fn of(path: &str) -> Option<Class> {
        match path {
            "datapoints" | "datapoints/index" => Some(Class::Ingest),
            "datapoints/query" | "datapoints/query/tags" => Some(Class::Query),
            "metricnames" | "tagnames" | "tagvalues" => Some(Class::Query),
            "datapoints/delete" => Some(Class::Delete),
            path if path.starts_with("metric/") => Some(Class::Delete),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Class::Ingest => "INGEST",
            Class::Query => "QUERY",
            Class::Delete => "DELETE",
        }
    }
}

/// Which classes of calls are answered; by default all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerType {
    ingest: bool,
    query: bool,
    delete: bool,
}

impl Default for ServerType {
    fn default() -> ServerType {
        ServerType {
            ingest: true,
            query: true,
            delete: true,
        }
    }
}

impl ServerType {
    /// From the names of classes, in any case; `ALL` is all of them, and so is nothing.
    ///
    /// # Errors
    /// The first word that names none.
    pub fn read(words: &[String]) -> Result<ServerType, &str> {
        let mut read = ServerType {
            ingest: false,
            query: false,
            delete: false,
        };
        for word in words {
            match word.trim().to_ascii_uppercase().as_str() {
                "ALL" => read = ServerType::default(),
                "INGEST" => read.ingest = true,
                "QUERY" => read.query = true,
                "DELETE" => read.delete = true,
                _ => return Err(word),
            }
        }
        Ok(match words.is_empty() {
            true => ServerType::default(),
            false => read,
        })
    }

    fn allows(self, class: Class) -> bool {
        match class {
            Class::Ingest => self.ingest,
            Class::Query => self.query,
            Class::Delete => self.delete,
        }
    }

    /// The refusal of a call to `path`, below the prefix of the API, if its class is off. To be asked before
    /// anything of the request is read.
    pub(in crate::http) fn refusal(self, path: &str) -> Option<Response<Bytes>> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let class = Class::of(path).filter(|&class| !self.allows(class))?;
        let told = format!(
            "Forbidden: {} API methods are disabled on this KairosDB instance.",
            class.name()
        );
        // KairosDB writes a blank behind the colon here, and nowhere else.
        let text = format!("{{\"errors\": [\"{told}\"]}}");
        let mut response = super::refusal(Refused::new(StatusCode::FORBIDDEN, told));
        *response.body_mut() = text.into();
        Some(response)
    }
}

/// What the operator chose.
#[derive(Clone, Debug)]
pub struct KairosOptions {
    /// Which classes of calls are answered.
    pub server_type: ServerType,
    /// The status of a good health check.
    pub health_code: u16,
    /// Metrics whose names begin so are not listed.
    pub hidden_metrics: Vec<String>,
    /// Whether roll-up tasks are taken and run.
    pub rollups: bool,
    /// Queries that are running, on all shards.
    pub running: Running,
    /// What is told as metrics, if it is.
    pub report: Option<Arc<Report>>,
}

impl Default for KairosOptions {
    fn default() -> KairosOptions {
        KairosOptions {
            server_type: ServerType::default(),
            health_code: 204,
            hidden_metrics: Vec::new(),
            rollups: false,
            running: Running::default(),
            report: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &[&str], want: Result<[bool; 3], &str>) {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let read = ServerType::read(&words);
        assert_eq!(
            read.map(|read| [read.ingest, read.query, read.delete]),
            want
        );
    }

    #[test]
    fn server_types() {
        check(&[], Ok([true; 3]));
        check(&["ALL"], Ok([true; 3]));
        check(&["ingest", " QUERY"], Ok([true, true, false]));
        check(&["DELETE"], Ok([false, false, true]));
        check(&["DELETE", "READ"], Err("READ"));
    }
}
