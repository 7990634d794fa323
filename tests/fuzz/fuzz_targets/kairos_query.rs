//! Any bytes as the body of a KairosDB query, and as the parameter of its URL: answered or refused in
//! KairosDB's form with one error, and the tags of its metrics are refused for the same reasons.
#![no_main]

#[path = "../nobody.rs"]
mod nobody;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use nobody::ask;

fn post(path: &str, body: &[u8]) -> (u16, Bytes) {
    let request = http::Request::builder().method("POST").uri(path);
    let request = request
        .body(Bytes::copy_from_slice(body))
        .expect("a request");
    let response = ask(request);
    (response.status().as_u16(), response.into_body())
}

fuzz_target!(|bytes: &[u8]| {
    let (status, answer) = post("/api/v1/datapoints/query", bytes);
    match status {
        200 => {
            let begins = answer.starts_with(b"{\"queries\":[");
            assert!(begins && answer.ends_with(b"]}"));
        }
        400 | 500 => {
            let begins =
                answer.starts_with(b"{\"errors\":[\"") || &answer[..] == b"{\"errors\":[null]}";
            assert!(begins && answer.ends_with(b"]}"));
        }
        status => panic!("status {status}"),
    }
    let (status_of_tags, tags) = post("/api/v1/datapoints/query/tags", bytes);
    if status == 400 {
        assert!(status_of_tags == 400 && tags == answer);
    }
    let url = bytes
        .iter()
        .map(|byte| format!("%{byte:02x}"))
        .collect::<String>();
    let request = http::Request::builder().uri(format!("/api/v1/datapoints/query?query={url}"));
    if let (Ok(text), Ok(request)) = (std::str::from_utf8(bytes), request.body(Bytes::new()))
        && !text.trim().is_empty()
    {
        assert_eq!(ask(request).status().as_u16(), status);
    }
});
