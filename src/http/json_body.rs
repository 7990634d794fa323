//! Parameters as a JSON object, as scripts send them that know no forms.
//!
//! Takes a whole body and gives names with values one by one: `{"target": ["a", "b"], "from": "-1h"}` is
//! two targets and a `from`, and `{"template": {"x": "b"}}` is `template[x]`. Null says nothing. Read as
//! leniently as KairosDB's bodies are.

use super::errors::Failure;
use crate::query::breath::Pace;
use crate::wire::json::{Element, Fault, Kind, Reader, Scalar};

/// Parameters that count as soon as they are there, whatever their value: `false` leaves them out.
const BY_PRESENCE: [&str; 5] = ["noCache", "noNullPoints", "pickle", "pretty", "rawData"];

/// Give every name and value of `json` to `push`.
///
/// # Errors
/// What is no object, or has more inside than lists and one level of names; what `push` and the breaths
/// say.
pub(super) async fn read(
    json: &[u8],
    pace: &Pace<'_>,
    mut push: impl FnMut(String, String) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut reader = Reader::new(json, 0);
    if reader.value().map_err(broken)?.kind != Kind::Object {
        return Err(invalid("it is no object of parameters"));
    }
    let mut first = true;
    while let Some(name) = reader.member(&mut first).map_err(broken)? {
        let name = name.text(json);
        let value = reader.value().map_err(broken)?;
        let mut inner_first = true;
        match value.kind {
            Kind::Array => loop {
                match reader.element(&mut inner_first).map_err(broken)? {
                    Element::End => break,
                    Element::Hole => {}
                    Element::Value => {
                        let one = reader.value().map_err(broken)?;
                        put(json, &name, one, &mut push)?;
                        pace.did_series(one.bytes(json).len()).await?;
                    }
                }
            },
            Kind::Object => {
                while let Some(key) = reader.member(&mut inner_first).map_err(broken)? {
                    let one = reader.value().map_err(broken)?;
                    let key = format!("{name}[{}]", key.text(json));
                    put(json, &key, one, &mut push)?;
                    pace.did_series(key.len() + one.bytes(json).len()).await?;
                }
            }
            _ => put(json, &name, value, &mut push)?,
        }
        pace.did_series(name.len() + value.bytes(json).len())
            .await?;
    }
    reader.blanks_and_comments().map_err(broken)?;
    match reader.peek() {
        None => Ok(()),
        Some(_) => Err(invalid("something stands behind its end")),
    }
}

fn put(
    json: &[u8],
    name: &str,
    value: Scalar,
    push: &mut impl FnMut(String, String) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let text = match value.kind {
        Kind::Null => return Ok(()),
        Kind::Array | Kind::Object => {
            let told: String = name.chars().take(NAME_CHARACTERS_MAX).collect();
            return Err(invalid(&format!(
                "the value of {told:?} is neither text, number, true nor false, nor a list of them"
            )));
        }
        Kind::Bool => value.text(json).to_ascii_lowercase(),
        Kind::Number | Kind::Text => value.text(json).into_owned(),
    };
    if value.kind == Kind::Bool && text == "false" && BY_PRESENCE.contains(&name) {
        return Ok(());
    }
    push(name.to_owned(), text)
}

/// Characters of a name that an error repeats.
const NAME_CHARACTERS_MAX: usize = 100;

fn invalid(told: &str) -> Failure {
    Failure::invalid(format!("JSON body: {told}"))
}

fn broken(fault: Fault) -> Failure {
    invalid(&fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::breath::Breathless;
    use crate::query::testing::run;

    fn read_all(json: &str) -> Result<Vec<(String, String)>, Failure> {
        let mut pairs = Vec::new();
        let pace = Pace::new(&Breathless);
        run(read(json.as_bytes(), &pace, |name, value| {
            pairs.push((name, value));
            Ok(())
        }))?;
        Ok(pairs)
    }

    #[track_caller]
    fn check(json: &str, want: &[(&str, &str)]) {
        let want = want.iter().map(|&(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(read_all(json), Ok(want.collect()), "{json}");
    }

    #[track_caller]
    fn refuse(json: &str, want: &str) {
        assert_eq!(read_all(json), Err(invalid(want)), "{json}");
    }

    #[test]
    fn names_and_values() {
        check(
            r#"{"target": ["a.*", "b|scale(2)"], "from": "-1h", "until": 1700000000, "x": 1.5}"#,
            &[
                ("target", "a.*"),
                ("target", "b|scale(2)"),
                ("from", "-1h"),
                ("until", "1700000000"),
                ("x", "1.5"),
            ],
        );
        check(
            r#"{"template": {"x": "b", "y": 2}, "tz": null, "query": [null, "gr\u00fcn"], "e": []}"#,
            &[
                ("template[x]", "b"),
                ("template[y]", "2"),
                ("query", "grün"),
            ],
        );
        check(" {} ", &[]);
    }

    #[test]
    fn switches() {
        check(
            r#"{"leavesOnly": true, "hideLegend": false, "noNullPoints": true, "noCache": false}"#,
            &[
                ("leavesOnly", "true"),
                ("hideLegend", "false"),
                ("noNullPoints", "true"),
            ],
        );
    }

    #[test]
    fn what_is_no_object_of_parameters() {
        refuse("[]", "it is no object of parameters");
        refuse("5", "it is no object of parameters");
        refuse("", "the JSON ends before it is complete");
        refuse("{\"a\": 1", "the JSON ends before it is complete");
        refuse("{\"a\": 1} {", "something stands behind its end");
        let value =
            "the value of \"a\" is neither text, number, true nor false, nor a list of them";
        refuse("{\"a\": [[1]]}", value);
        refuse("{\"a\": {\"b\": [1]}}", &value.replace("\"a\"", "\"a[b]\""));
    }
}
