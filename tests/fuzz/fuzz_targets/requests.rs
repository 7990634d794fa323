//! Any bytes as a request, by its path, its URL's parameters and a body of every kind that is read, asked of
//! an appliance that holds nothing: no panic, an answer in a bounded number of breaths, and packed or not it
//! is the same.
#![no_main]

#[path = "../nobody.rs"]
mod nobody;

use std::io::Read;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use nobody::ask;

const PATHS: [&str; 19] = [
    "/render",
    "/render/",
    "/metrics/find",
    "/metrics/expand",
    "/metrics/index.json",
    "/metrics",
    "/functions",
    "/functions/scale",
    "/dashboard/load/x/y",
    "/tags/autoComplete/values",
    "/tags/tagMultiSeries",
    "/events/",
    "/events/get_data",
    "/api/v1/datapoints",
    "/api/v1/datapoints/query",
    "/version",
    "/api/v1/datapoints/delete",
    "/api/v1/metadata/s/k/x",
    "/api/v1/metricnames",
];

const KINDS: [&str; 6] = [
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x1",
    "application/json",
    "application/json; charset=utf-8",
    "text/plain",
    "application/gzip",
];

fuzz_target!(|bytes: &[u8]| {
    let [path, kind, rest @ ..] = bytes else {
        return;
    };
    let path = PATHS[usize::from(*path) % PATHS.len()];
    let kind = KINDS[usize::from(*kind) % KINDS.len()];
    let end = rest
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(rest.len());
    let (query, body) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
    let method = if body.is_empty() { "GET" } else { "POST" };
    let uri = format!("{path}?{}", String::from_utf8_lossy(query));
    let request = |coding: &str| {
        http::Request::builder()
            .method(method)
            .uri(&uri)
            .header("Content-Type", kind)
            .header("Accept-Encoding", coding)
            .body(Bytes::copy_from_slice(body))
    };
    let (Ok(plain), Ok(gzip), Ok(brotli)) = (request(""), request("gzip"), request("br")) else {
        return;
    };
    let plain = ask(plain);
    for packed in [ask(gzip), ask(brotli)] {
        let (body, mut text) = (&packed.body()[..], Vec::new());
        let coding = packed.headers().get("Content-Encoding");
        let read = match coding.and_then(|coding| coding.to_str().ok()) {
            Some("gzip") => flate2::read::GzDecoder::new(body).read_to_end(&mut text),
            Some("br") => brotli::Decompressor::new(body, 4096).read_to_end(&mut text),
            _ => (&mut &*body).read_to_end(&mut text),
        };
        read.expect("what was packed unpacks");
        assert!(text == plain.body()[..] && packed.status() == plain.status());
    }
});
