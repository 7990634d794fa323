//! `/functions` in all its forms, and read as Grafana's editor reads it.

use serde_json::{Value, json};

use super::*;
use crate::query::graphite::{evaluate, target};

fn fleet() -> TestFleet {
    TestFleet::new(1, 1_700_000_000)
}

/// The answer read as browsers read it: a number without end is one, which `serde_json` has no value for.
fn read(url: &str) -> Value {
    let response = get(&fleet(), url);
    assert_eq!(response.status(), 200, "{url}");
    assert_eq!(header(&response, "Content-Type"), "application/json");
    let text = body(&response).replace("1e9999", "\"Infinity\"");
    serde_json::from_str(&text).expect("JSON")
}

fn members(value: &Value) -> &serde_json::Map<String, Value> {
    value.as_object().expect("an object")
}

#[test]
fn one_function() {
    let want = concat!(
        r#"{"name": "scale", "function": "scale(seriesList, factor)", "#,
        r#""description": "Every value times a factor.", "module": "graphite.render.functions", "#,
        r#""group": "Transform", "params": [{"name": "seriesList", "type": "seriesList", "#,
        r#""required": true}, {"name": "factor", "type": "float", "required": true}]}"#,
    );
    let scale = members(&read("/functions/scale")).clone();
    let mut known: Value = serde_json::from_str(want).expect("JSON");
    known["description"] = scale["description"].clone();
    assert_eq!(Value::Object(scale), known);
    let shape = |url: &str| {
        let text = body(&get(&fleet(), url)).to_owned();
        let (before, _) = text.split_once("\"description\"").expect("a field");
        before.to_owned()
    };
    let (before, _) = want.split_once("\"description\"").expect("a field");
    assert_eq!(shape("/functions/scale"), before);
    assert_eq!(read("/functions/scale/"), known);
    assert_eq!(read("/functions/summarize")["params"][2]["default"], "sum");
    let signature = "summarize(seriesList, intervalString, func='sum', alignToFrom=False)";
    assert_eq!(read("/functions/summarize")["function"], signature);
    let by_tag = read("/functions/seriesByTag");
    assert_eq!(by_tag["function"], "seriesByTag(*tagExpressions)");
    let tests =
        json!([{"name": "tagExpressions", "type": "string", "required": true, "multiple": true}]);
    assert_eq!(
        (&by_tag["group"], &by_tag["params"]),
        (&json!("Special"), &tests)
    );
}

#[test]
fn a_short_form_is_a_function_of_its_own() {
    let all = read("/functions");
    let (long, short) = (&all["sumSeries"], &all["sum"]);
    assert_eq!(short["name"], "sum");
    assert_eq!(short["function"], "sum(*seriesLists)");
    assert_eq!(long["params"], short["params"]);
    assert_eq!(&read("/functions/sum"), short);
}

#[test]
fn all_by_group_and_one_group() {
    let all = read("/functions/");
    for url in ["/functions?grouped=1", "/functions/?grouped=True"] {
        let grouped = read(url);
        let mut again = serde_json::Map::new();
        for (group, functions) in members(&grouped) {
            for (name, one) in members(functions) {
                assert_eq!(one["group"], **group);
                again.insert(name.clone(), one.clone());
            }
        }
        assert_eq!(Value::Object(again), all);
        let url = "/functions?group=Transform";
        assert_eq!(read(url), grouped["Transform"]);
        assert_eq!(
            read("/functions?group=Transform&grouped=1"),
            json!({"Transform": grouped["Transform"]})
        );
    }
    assert_eq!(read("/functions?grouped=0"), all);
    assert_eq!(read("/functions?group=No+such"), json!({}));
}

#[test]
fn pies() {
    let pies = read("/functions?type=pie");
    assert_eq!(
        members(&pies).keys().collect::<Vec<_>>(),
        ["average", "maximum", "minimum"]
    );
    let params = json!([{"name": "series", "type": "series", "required": true}]);
    for (name, one) in members(&pies) {
        assert_eq!((&one["group"], &one["params"]), (&json!("Pie"), &params));
        assert_eq!(one["function"], format!("{name}(series)"));
        assert_eq!(&read(&format!("/functions/{name}?type=pie")), one);
    }
    assert_eq!(get(&fleet(), "/functions/scale?type=pie").status(), 404);
}

#[test]
fn what_there_is_not() {
    let response = get(&fleet(), "/functions/nosuch");
    assert_eq!(response.status(), 404);
    assert_eq!(
        body(&response),
        "{\"error\": \"Function not found: nosuch\"}"
    );
    assert_eq!(header(&response, "Content-Type"), "application/json");
    let response = get(&fleet(), "/functions/a%22%2Fb?pretty=1");
    let want = "{\n  \"error\": \"Function not found: a\\\"/b\"\n}";
    assert_eq!((response.status().as_u16(), body(&response)), (404, want));
    for url in ["/functions", "/functions/scale"] {
        assert_eq!(ask(&fleet(), request("POST", url, "", "")).status(), 405);
    }
}

#[test]
fn lines_for_people_have_their_fields_sorted() {
    let response = get(&fleet(), "/functions/scale?pretty=1");
    let lines: Vec<&str> = body(&response).lines().collect();
    assert_eq!(
        lines[..2],
        ["{", "  \"description\": \"Every value times a factor.\","]
    );
    let fields = lines.iter().filter(|line| line.starts_with("  \""));
    let fields: Vec<&&str> = fields.collect();
    assert!(fields.is_sorted(), "{fields:?}");
    assert!(body(&response).contains(
        "\n      \"name\": \"factor\",\n      \"required\": true,\n      \"type\": \"float\"\n"
    ));
    let wrapped = get(&fleet(), "/functions/scale?jsonp=f");
    assert!(body(&wrapped).starts_with("f({"));
}

#[test]
fn options_are_those_of_the_kind_sorted() {
    let params = &read("/functions/summarize")["params"];
    let options = params[2]["options"].as_array().expect("a list");
    assert_eq!((options.len(), &options[0]), (16, &json!("average")));
    assert!(options.is_sorted_by_key(|one| one.as_str()));
    assert_eq!(params[1]["suggestions"], json!(["10min", "1h", "1d"]));
    assert_eq!(params[3]["default"], json!(false));
}

/// How many names of each group graphite-web has.
const GROUPS: [(&str, usize); 9] = [
    ("Alias", 9),
    ("Calculate", 16),
    ("Combine", 36),
    ("Filter Data", 4),
    ("Filter Series", 25),
    ("Graph", 10),
    ("Sorting", 5),
    ("Special", 13),
    ("Transform", 36),
];

#[test]
fn groups_are_those_of_graphite_web() {
    let grouped = read("/functions?grouped=1");
    let sizes = members(&grouped).iter();
    let sizes = sizes.map(|(group, functions)| (group.as_str(), members(functions).len()));
    assert_eq!(sizes.collect::<Vec<_>>(), GROUPS);
}

/// A parameter as Grafana's editor shows it.
struct Field {
    kind: String,
    optional: bool,
    multiple: bool,
    first: String,
    offered: Vec<String>,
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) if text == "Infinity" => "inf".to_owned(),
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn field(raw: &Value) -> Field {
    let first = match (raw.get("default"), raw.get("suggestions")) {
        (Some(default), _) => text_of(default),
        (None, Some(suggestions)) => text_of(&suggestions[0]),
        (None, None) => String::new(),
    };
    let offered = raw.get("options").or(raw.get("suggestions"));
    let offered = offered.map_or(Vec::new(), |list| {
        list.as_array()
            .expect("a list")
            .iter()
            .map(text_of)
            .collect()
    });
    Field {
        kind: raw["type"].as_str().expect("a type").to_owned(),
        optional: raw.get("required") != Some(&json!(true)),
        multiple: raw.get("multiple") == Some(&json!(true)),
        first,
        offered,
    }
}

const KINDS: [&str; 17] = [
    "aggFunc",
    "aggOrSeriesFunc",
    "any",
    "boolean",
    "date",
    "float",
    "integer",
    "interval",
    "intOrInf",
    "intOrInterval",
    "node",
    "nodeOrTag",
    "series",
    "seriesList",
    "seriesLists",
    "string",
    "tag",
];

/// What Grafana writes for a field: text in quotes, the rest as it is.
fn written(field: &Field) -> String {
    let plain = [
        "boolean",
        "float",
        "integer",
        "intOrInf",
        "node",
        "seriesList",
        "seriesLists",
        "any",
    ];
    let number = !field.first.is_empty() && field.first.parse::<f64>().is_ok();
    if plain.contains(&field.kind.as_str()) || number {
        field.first.clone()
    } else {
        format!("'{}'", field.first)
    }
}

/// Grafana lists every function but those of the group Graph, shows a field for each parameter behind the
/// series, fills it in with the default or the first suggestion, and writes the call. What it writes
/// without anybody's doing must be a target.
#[test]
fn grafanas_editor_reads_it() {
    let mut called = 0;
    for (name, function) in members(&read("/functions")) {
        assert_eq!(function["name"], **name);
        let description = function["description"].as_str().expect("a text");
        assert!(!description.is_empty(), "{name} says nothing of itself");
        let group = function["group"].as_str().expect("a text");
        assert!(
            GROUPS.iter().any(|&(known, _)| known == group),
            "{name}: {group}"
        );
        let fields: Vec<Field> = function["params"]
            .as_array()
            .expect("a list")
            .iter()
            .map(field)
            .collect();
        for (i, one) in fields.iter().enumerate() {
            assert!(KINDS.contains(&one.kind.as_str()), "{name}: {}", one.kind);
            assert!(
                !one.multiple || i + 1 == fields.len(),
                "{name}: only the last is many"
            );
            let fits =
                one.offered.is_empty() || one.first.is_empty() || one.offered.contains(&one.first);
            assert!(fits, "{name}: {:?} is none of {:?}", one.first, one.offered);
        }
        let takes_series = |one: &Field| matches!(one.kind.as_str(), "seriesList" | "seriesLists");
        let (series, rest) = match fields.split_first() {
            Some((first, rest)) if takes_series(first) => (vec!["s.a".to_owned()], rest),
            _ => (Vec::new(), &fields[..]),
        };
        // Empty fields at the end are left out; empty ones before others the user has to fill in.
        let filled = rest.iter().take_while(|one| !one.first.is_empty());
        let arguments: Vec<String> = series.into_iter().chain(filled.map(written)).collect();
        let left = &rest[arguments.len() - usize::from(rest.len() < fields.len())..];
        if left.iter().all(|one| one.optional) && name != "seriesByTag" {
            let text = format!("{name}({})", arguments.join(", "));
            let read = target::parse(&text, &[]).expect("a target");
            assert_eq!(evaluate::check(&read), Ok(()), "{text}");
            called += 1;
        }
    }
    assert!(called > 5, "{called}");
}
