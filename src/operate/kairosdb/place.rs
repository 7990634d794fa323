//! Where a server is, as it is typed.

use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

/// KairosDB's port, where none is typed.
const PORT: u16 = 8080;
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Where a server is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
    /// What stands before `/api/v1`, for servers behind a proxy; empty, or begins with a slash.
    pub(super) prefix: String,
    /// User and password, as they are sent.
    pub(super) authorization: Option<HeaderValue>,
}

impl Place {
    /// Of `http://[user:password@]host[:port][/prefix]`.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub(super) fn of(url: &str) -> Result<Place, String> {
        let bad = |why: &str| format!("`{}`: {why}", without_password(url));
        let uri: Uri = url.parse().map_err(|_| bad("no URL"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => {
                return Err(bad(
                    "this command does not speak TLS: name the plain port (http://host:8080), or let stunnel \
                     or another proxy on this machine speak it and name that",
                ));
            }
            _ => return Err(bad("it must begin with http://")),
        }
        let authority = uri.authority().ok_or_else(|| bad("it has no host"))?;
        let user = authority.as_str().rsplit_once('@').map(|(user, _)| user);
        let authorization = user.map(|user| {
            let plain: Vec<u8> = percent_decode_str(user).collect();
            let mut value = HeaderValue::from_str(&format!("Basic {}", base64(&plain)))
                .map_err(|_| bad("its user cannot be sent"))?;
            value.set_sensitive(true);
            Ok::<_, String>(value)
        });
        let host = authority.host();
        if host.is_empty() {
            return Err(bad("it has no host"));
        }
        if uri.query().is_some() {
            return Err(bad("it must end before the question mark"));
        }
        let prefix = uri.path().trim_end_matches('/');
        Ok(Place {
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(PORT),
            prefix: prefix.trim_end_matches("/api/v1").to_owned(),
            authorization: authorization.transpose()?,
        })
    }

    /// As the system looks it up: an address of IPv6 without its brackets.
    pub(super) fn name(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// For people, without the password.
    pub(super) fn shown(&self) -> String {
        format!("http://{}:{}{}", self.host, self.port, self.prefix)
    }
}

/// A URL that can be shown.
fn without_password(url: &str) -> String {
    match url.split_once("://").zip(url.rsplit_once('@')) {
        Some(((scheme, _), (_, rest))) => format!("{scheme}://…@{rest}"),
        None => url.to_owned(),
    }
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let letter = BASE64[(bits >> (18 - 6 * digit) & 63) as usize];
            text.push(if digit <= three.len() {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let place = Place::of("http://me:p%40ss@db.example").expect("a place");
        assert_eq!(place.shown(), "http://db.example:8080");
        let sent = place.authorization.expect("a user");
        assert_eq!(sent.as_bytes(), b"Basic bWU6cEBzcw==");
        let place = Place::of("http://[::1]:81/metrics/api/v1/").expect("a place");
        assert_eq!(
            (place.name(), place.shown().as_str()),
            ("::1", "http://[::1]:81/metrics")
        );
        assert!(place.authorization.is_none());
    }

    #[test]
    fn what_is_no_place_says_why() {
        for (url, why) in [
            ("https://me:secret@db:8080", "stunnel"),
            ("db:8080", "http://"),
            ("ftp://db", "http://"),
            ("http://", "no URL"),
            ("http://db/?a=b", "question mark"),
        ] {
            let told = Place::of(url).expect_err("it is no place");
            assert!(told.contains(why), "{told}");
            assert!(!told.contains("secret"), "{told}");
        }
    }

    #[test]
    fn base_64() {
        for (plain, want) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(plain.as_bytes()), want);
        }
    }
}
