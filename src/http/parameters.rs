//! The parameters of a request: those of the URL, then those of a form or a JSON object in the body.

use http::header::CONTENT_TYPE;
use memchr::memchr;

use super::errors::Failure;
use super::json_body;
use super::multipart::Fields;
use crate::query::breath::Pace;
use crate::query::graphite::target;

/// Parameters of one request. Graphite's largest dashboards send some hundred targets.
pub(super) const PARAMETERS_MAX: usize = 10_000;

/// Bytes of one parameter, its name among them: the longest target and some.
pub(super) const PARAMETER_BYTES_MAX: usize = target::BYTES_MAX + 1024;

/// Bytes of a parameter as it is sent, where each byte may take three.
const PAIR_BYTES_MAX: usize = 3 * PARAMETER_BYTES_MAX;

/// Names and values in the order in which they were sent, those of the URL first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Read the URL's query and, of a form or of JSON, the body, in pieces as `pace` says. Any other
    /// body is not looked at, as in graphite-web, which does not look at JSON either.
    ///
    /// # Errors
    /// More than [`PARAMETERS_MAX`] or longer than [`PARAMETER_BYTES_MAX`], a body that breaks its own
    /// form, or what a breath says.
    pub(super) async fn read<B: AsRef<[u8]>>(
        request: &http::Request<B>,
        pace: &Pace<'_>,
    ) -> Result<Parameters, Failure> {
        let mut parameters = Parameters::of_url(request, pace).await?;
        let kind = kind(request);
        let body = request.body().as_ref();
        match essence(kind).as_str() {
            PAIRS => parameters.read_pairs(body, pace).await?,
            PARTS => {
                let broken = |told| Failure::invalid(format!("multipart body: {told}"));
                let mut fields = Fields::new(kind, body).map_err(broken)?;
                while let Some((name, value)) = fields.next().map_err(broken)? {
                    let bytes = name.len() + value.len();
                    parameters.push(name, value)?;
                    pace.did_series(bytes).await?;
                }
            }
            JSON | JSON_TOO if !body.trim_ascii().is_empty() => {
                json_body::read(body, pace, |name, value| parameters.push(name, value)).await?;
            }
            _ => {}
        }
        Ok(parameters)
    }

    /// Read only the URL's query: the body is for somebody else.
    ///
    /// # Errors
    /// As [`Parameters::read`].
    pub(super) async fn of_url<B>(
        request: &http::Request<B>,
        pace: &Pace<'_>,
    ) -> Result<Parameters, Failure> {
        let mut parameters = Parameters::default();
        let query = request.uri().query().unwrap_or("");
        parameters.read_pairs(query.as_bytes(), pace).await?;
        Ok(parameters)
    }

    /// What `%XX` and `+` stand for; bytes that are no UTF-8 become the replacement character.
    async fn read_pairs(&mut self, text: &[u8], pace: &Pace<'_>) -> Result<(), Failure> {
        let mut rest = text;
        while !rest.is_empty() {
            // A pair without end is not looked for to the end of the body.
            let near = rest.get(..=PAIR_BYTES_MAX).unwrap_or(rest);
            let end = memchr(b'&', near).unwrap_or(near.len());
            if PAIR_BYTES_MAX < end {
                return Err(too_long());
            }
            let (pair, behind) = rest.split_at(end);
            rest = behind.get(1..).unwrap_or_default();
            for (name, value) in form_urlencoded::parse(pair) {
                self.push(name.into_owned(), value.into_owned())?;
            }
            pace.did_series(pair.len()).await?;
        }
        Ok(())
    }

    fn push(&mut self, name: String, value: String) -> Result<(), Failure> {
        if self.0.len() == PARAMETERS_MAX {
            return Err(Failure::invalid(format!(
                "more than {PARAMETERS_MAX} parameters; send several requests"
            )));
        }
        if PARAMETER_BYTES_MAX < name.len() + value.len() {
            return Err(too_long());
        }
        self.0.push((name, value));
        Ok(())
    }

    /// For tests: these names and values.
    #[cfg(test)]
    pub(super) fn of(pairs: &[(&str, &str)]) -> Parameters {
        let owned = pairs.iter().map(|&(n, v)| (n.to_owned(), v.to_owned()));
        Parameters(owned.collect())
    }

    /// The value of a parameter that has one: the last that was sent.
    pub(super) fn last(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rfind(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    /// All values of a parameter.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let of_name = self.0.iter().filter(move |(n, _)| n == name);
        of_name.map(|(_, value)| value.as_str())
    }

    /// The names of all that were sent.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// What was sent, in about `bytes_max` bytes.
    pub(super) fn shown(&self, bytes_max: usize) -> String {
        let mut shown = String::new();
        for (name, value) in &self.0 {
            if bytes_max < shown.len() {
                break;
            }
            for part in [if shown.is_empty() { "" } else { " " }, name, "=", value] {
                shown.push_str(
                    part.get(..part.floor_char_boundary(bytes_max))
                        .unwrap_or(part),
                );
            }
        }
        shown
    }

    /// Whether the parameter was sent, with whatever value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.last(name).is_some()
    }

    /// What stands in brackets behind `name`, with its value: of `template[x]=y` the pair `x`, `y`.
    pub(super) fn in_brackets(&self, name: &str) -> Vec<(String, String)> {
        let inner = |sent: &str| {
            let rest = sent.strip_prefix(name)?.strip_prefix('[')?;
            rest.strip_suffix(']').map(str::to_owned)
        };
        self.0
            .iter()
            .filter_map(|(sent, value)| Some((inner(sent)?, value.clone())))
            .collect()
    }

    /// A switch: off when absent, empty, `0` or `false`.
    ///
    /// # Errors
    /// A value that is neither a whole number nor `true` or `false`.
    pub(super) fn switch(&self, name: &str) -> Result<bool, Failure> {
        match self.last(name).unwrap_or("").trim() {
            "" => Ok(false),
            value if value.eq_ignore_ascii_case("true") => Ok(true),
            value if value.eq_ignore_ascii_case("false") => Ok(false),
            value => match value.parse::<i64>() {
                Ok(number) => Ok(number != 0),
                Err(_) => Err(Failure::invalid(format!(
                    "Invalid value for parameter '{name}': {value:?} is neither 0 nor 1"
                ))),
            },
        }
    }
}

const PAIRS: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data";
const JSON: &str = "application/json";
const JSON_TOO: &str = "text/json";

/// Whether the body of `request` is read for parameters.
pub(super) fn is_form<B>(request: &http::Request<B>) -> bool {
    [PAIRS, PARTS, JSON, JSON_TOO].contains(&essence(kind(request)).as_str())
}

fn kind<B>(request: &http::Request<B>) -> &str {
    let kind = request.headers().get(CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok()).unwrap_or("")
}

/// A media type without what it says of itself.
fn essence(kind: &str) -> String {
    let (essence, _) = kind.split_once(';').unwrap_or((kind, ""));
    essence.trim().to_ascii_lowercase()
}

fn too_long() -> Failure {
    Failure::invalid(format!(
        "a parameter is longer than {PARAMETER_BYTES_MAX} bytes"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::breath::Breathless;
    use crate::query::testing::run;

    fn read(url: &str, kind: &str, body: &str) -> Result<Parameters, Failure> {
        let request = http::Request::builder()
            .uri(url)
            .header(CONTENT_TYPE, kind)
            .body(body.to_owned());
        let pace = Pace::new(&Breathless);
        run(Parameters::read(&request.expect("a request"), &pace))
    }

    #[track_caller]
    fn check(url: &str, kind: &str, body: &str, want: &[(&str, &str)]) {
        let want: Vec<(String, String)> = want
            .iter()
            .map(|&(n, v)| (n.to_owned(), v.to_owned()))
            .collect();
        assert_eq!(read(url, kind, body), Ok(Parameters(want)));
    }

    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn url_and_form_are_merged_in_that_order() {
        let want = [
            ("target", "a"),
            ("from", "-1h"),
            ("target", "b*"),
            ("from", "-2 h"),
        ];
        check(
            "/render?target=a&from=-1h",
            FORM,
            "target=b%2A&from=-2+h",
            &want,
        );
        let read = read("/render?target=a&from=-1h", FORM, "target=b%2A&from=-2+h");
        let read = read.unwrap_or_default();
        assert_eq!(read.last("from"), Some("-2 h"));
        assert_eq!(read.all("target").collect::<Vec<_>>(), ["a", "b*"]);
    }

    #[test]
    fn other_bodies_are_not_read() {
        check("/render?a=1", "text/plain", "{\"a\": 2}", &[("a", "1")]);
        check("/render", "", "a=2", &[]);
    }

    #[test]
    fn an_object_of_json_is_read_like_a_form() {
        let kind = "application/json; charset=utf-8";
        let body = "{\"target\": [\"b\", \"c\"], \"from\": 5}";
        let want = [
            ("target", "a"),
            ("target", "b"),
            ("target", "c"),
            ("from", "5"),
        ];
        check("/render?target=a", kind, body, &want);
        check("/render?a=1", kind, " ", &[("a", "1")]);
        assert!(read("/render", kind, "[1]").is_err());
        let many = format!("{{\"a\": [{}]}}", "1,".repeat(PARAMETERS_MAX + 1));
        assert!(read("/r", kind, &many).is_err());
        let long = format!("{{\"a\": \"{}\"}}", "a".repeat(PARAMETER_BYTES_MAX));
        assert!(read("/r", kind, &long).is_err());
    }

    #[test]
    fn odd_forms() {
        let kind = "Application/X-WWW-Form-Urlencoded; charset=utf-8";
        check("/r", kind, "a=1", &[("a", "1")]);
        check(
            "/r?noNullPoints&&a=%zz%4",
            "",
            "",
            &[("noNullPoints", ""), ("a", "%zz%4")],
        );
        check("/r?t=%FF", "", "", &[("t", "\u{fffd}")]);
    }

    #[test]
    fn too_many() {
        let body = "a=1&".repeat(PARAMETERS_MAX + 1);
        assert!(read("/r", FORM, &body).is_err());
        assert!(read("/r", FORM, &body[4..]).is_ok());
        let long = format!("target={}", "a".repeat(PARAMETER_BYTES_MAX));
        assert!(read("/r", FORM, &long).is_err());
        assert!(read("/r", FORM, &long[6..]).is_ok());
        let coded = "%61".repeat(PARAMETER_BYTES_MAX);
        assert!(read("/r", FORM, &coded).is_ok());
        assert!(read("/r", FORM, &format!("{coded}&b=1")).is_ok());
        assert!(read("/r", FORM, &format!("{coded}1")).is_err());
        assert!(read("/r", FORM, &format!("&&{coded}1&b=1")).is_err());
        assert!(read("/r", FORM, &"x".repeat(1 << 20)).is_err());
    }

    #[test]
    fn brackets() {
        let parameters = read(
            "/r?template[x]=b&template%5Byy%5D=&template=z&t[x]=1",
            "",
            "",
        );
        let found = parameters.unwrap_or_default().in_brackets("template");
        let want = [("x", "b"), ("yy", "")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(found, want);
    }

    #[test]
    fn switches() {
        let parameters = read("/r?a=1&b=0&c=&d=x&f=True&g=false", "", "").unwrap_or_default();
        assert_eq!(parameters.switch("a"), Ok(true));
        assert_eq!(parameters.switch("b"), Ok(false));
        assert_eq!(parameters.switch("c"), Ok(false));
        assert_eq!(parameters.switch("e"), Ok(false));
        assert_eq!(parameters.switch("f"), Ok(true));
        assert_eq!(parameters.switch("g"), Ok(false));
        assert!(parameters.switch("d").is_err());
    }
}
