//! `/_internal/capabilities/`: what this node speaks, best first.

use bytes::Bytes;
use http::Response;

use super::{Dialect, dialect, message};
use crate::http::encode::protobuf::{push_bytes, push_text};
use crate::http::errors::Failure;
use crate::http::find::List;
use crate::http::json::{self, Beyond};
use crate::http::question::Question;

/// What carbonapi may ask by; it takes the first that it knows.
const PROTOCOLS: [&str; 4] = [
    "carbonapi_v3_pb",
    "carbonapi_v2_pb",
    "graphite-web-pickle",
    "graphite-web-pickle-1.1",
];

/// Answer. The request's message has no fields.
pub(in crate::http) async fn answer(question: &Question<'_>) -> Result<Response<Bytes>, Failure> {
    let node = &question.options.node;
    match dialect(question)? {
        None => {
            let mut list = List::after(b"{\"supportedProtocols\": [");
            for protocol in PROTOCOLS {
                json::push_text(protocol, Beyond::Escaped, list.item());
            }
            let mut text = list.end();
            text.extend_from_slice(b", \"name\": ");
            json::push_text(node, Beyond::Escaped, &mut text);
            text.push(b'}');
            question.json(text).await
        }
        // Both versions have the one message.
        Some(dialect @ (Dialect::Second | Dialect::Third)) => {
            Ok(message(dialect, Some(encoded(&PROTOCOLS, node))))
        }
    }
}

/// `CapabilityResponse`
fn encoded(protocols: &[&str], node: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for protocol in protocols {
        push_bytes(1, protocol.as_bytes(), &mut out);
    }
    push_text(2, node, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_carbonapi_reads() {
        let encoded = encoded(&PROTOCOLS[..2], "node1");
        let hex: String = encoded.iter().map(|byte| format!("{byte:02x}")).collect();
        let want =
            "0a0f636172626f6e6170695f76335f70620a0f636172626f6e6170695f76325f706212056e6f646531";
        assert_eq!(hex, want);
    }
}
