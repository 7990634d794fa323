//! What this API can compute, as KairosDB tells its web pages: one table of aggregators and of groupers, each
//! with its properties.

/// A thing that a property of a query may name: `avg` in the aggregators.
struct Component {
    name: &'static str,
    label: &'static str,
    description: &'static str,
    /// Its own properties.
    properties: &'static [Property],
    /// Whether it works on ranges of time, with the properties that all such have.
    ranges: bool,
}

/// What one can choose about it.
struct Property {
    name: &'static str,
    label: &'static str,
    /// Empty of one that is an object.
    description: &'static str,
    kind: &'static str,
    options: &'static [&'static str],
    default: &'static str,
    /// What must hold, and what is told where it does not.
    validation: Option<(&'static str, &'static str)>,
    /// Of an object its fields.
    properties: &'static [Property],
}

const fn plain(
    name: &'static str,
    label: &'static str,
    description: &'static str,
    kind: &'static str,
    default: &'static str,
) -> Property {
    Property {
        name,
        label,
        description,
        kind,
        options: &[],
        default,
        validation: None,
        properties: &[],
    }
}

const fn one_of(
    name: &'static str,
    label: &'static str,
    description: &'static str,
    options: &'static [&'static str],
    default: &'static str,
) -> Property {
    Property {
        options,
        ..plain(name, label, description, "enum", default)
    }
}

const fn object(
    name: &'static str,
    label: &'static str,
    properties: &'static [Property],
) -> Property {
    Property {
        properties,
        ..plain(name, label, "", "Object", "")
    }
}

const POSITIVE: Option<(&str, &str)> = Some(("value > 0", "Value must be greater than 0."));

const UNITS: &[&str] = &[
    "MILLISECONDS",
    "SECONDS",
    "MINUTES",
    "HOURS",
    "DAYS",
    "WEEKS",
    "MONTHS",
    "YEARS",
];

const VALUE: Property = Property {
    validation: POSITIVE,
    ..plain(
        "value",
        "Value",
        "How many units long a range of time is.",
        "long",
        "1",
    )
};

const UNIT: Property = one_of(
    "unit",
    "Unit",
    "What lengths of time are counted in.",
    UNITS,
    "MILLISECONDS",
);

const SAMPLING: Property = object("sampling", "Sampling", &[VALUE, UNIT]);
const ZONE: Property = plain(
    "time_zone",
    "Time Zone",
    "Where days, months and years begin; that of the query if it is left out.",
    "String",
    "",
);

const RANGES: &[Property] = &[
    plain(
        "align_start_time",
        "Align start time",
        "Each result has the time at which its range begins.",
        "boolean",
        "false",
    ),
    plain(
        "align_end_time",
        "Align end time",
        "Each result has the time at which its range ends.",
        "boolean",
        "false",
    ),
    plain(
        "align_sampling",
        "Align sampling",
        "Ranges begin with whole units, so that a day begins at midnight.",
        "boolean",
        "true",
    ),
    plain(
        "start_time",
        "Start time",
        "From where ranges are counted, in milliseconds; the start of the query if it is left out.",
        "long",
        "0",
    ),
    plain(
        "end_time",
        "End time",
        "Where ranges end, in milliseconds; the end of the query if it is left out.",
        "long",
        "0",
    ),
    ZONE,
    SAMPLING,
];

const fn component(
    name: &'static str,
    label: &'static str,
    description: &'static str,
    properties: &'static [Property],
) -> Component {
    Component {
        name,
        label,
        description,
        properties,
        ranges: false,
    }
}

const fn ranged(
    name: &'static str,
    label: &'static str,
    description: &'static str,
    properties: &'static [Property],
) -> Component {
    Component {
        ranges: true,
        ..component(name, label, description, properties)
    }
}

const AGGREGATORS: &[Component] = &[
    ranged("avg", "AVG", "The mean of the points of each range.", &[]),
    ranged("count", "COUNT", "How many points each range has.", &[]),
    ranged(
        "dev",
        "DEV",
        "The standard deviation of the points of each range.",
        &[
            one_of(
                "return_type",
                "Return type",
                "The deviation itself, or the mean moved up or down by it.",
                &["value", "pos_sd", "neg_sd"],
                "value",
            ),
            plain(
                "dev_count",
                "Deviations",
                "By how many deviations the mean is moved.",
                "int",
                "1",
            ),
        ],
    ),
    component(
        "diff",
        "Diff",
        "What each point is more than the one before it.",
        &[],
    ),
    component(
        "div",
        "Divide",
        "Each point divided by a number.",
        &[Property {
            validation: Some(("value != 0", "Divisor must not be 0.")),
            ..plain(
                "divisor",
                "Divisor",
                "What points are divided by.",
                "double",
                "1",
            )
        }],
    ),
    component(
        "filter",
        "Filter",
        "Leaves out the points for which a comparison holds.",
        &[
            one_of(
                "filter_op",
                "Filter operation",
                "How points are compared.",
                &["lte", "lt", "gte", "gt", "equal", "ne"],
                "equal",
            ),
            plain(
                "threshold",
                "Threshold",
                "What points are compared with: a number or a text.",
                "String",
                "0.0",
            ),
        ],
    ),
    ranged("first", "First", "The first point of each range.", &[]),
    ranged(
        "gaps",
        "Data Gaps",
        "All points, and a null in each range that has none.",
        &[plain(
            "trim",
            "Trim",
            "No nulls before the first point and behind the last.",
            "boolean",
            "false",
        )],
    ),
    ranged("last", "Last", "The last point of each range.", &[]),
    ranged(
        "least_squares",
        "Least Squares",
        "The straight line that lies nearest to the points of each range, as two points.",
        &[],
    ),
    ranged("max", "MAX", "The largest point of each range.", &[]),
    ranged("min", "MIN", "The smallest point of each range.", &[]),
    ranged(
        "percentile",
        "Percentile",
        "What a share of the points of each range does not exceed.",
        &[Property {
            validation: Some((
                "value > 0 && value <= 1",
                "Percentile must be above 0 and at most 1.",
            )),
            ..plain(
                "percentile",
                "Percentile",
                "The share, above 0 and at most 1.",
                "double",
                "0.1",
            )
        }],
    ),
    component(
        "rate",
        "Rate",
        "How much points change from one to the next in a length of time.",
        &[SAMPLING, UNIT, ZONE],
    ),
    component(
        "sampler",
        "Sampler",
        "Each point divided by the time since the one before it.",
        &[UNIT, ZONE],
    ),
    component(
        "save_as",
        "Save As",
        "Writes what the query has come to so far to another metric.",
        &[
            plain(
                "metric_name",
                "Save as",
                "The metric that is written to.",
                "String",
                "",
            ),
            plain("tags", "Tags", "Tags that its points get.", "array", ""),
            plain(
                "ttl",
                "TTL",
                "Seconds for which its points are kept; 0 is for ever.",
                "int",
                "0",
            ),
            plain(
                "add_saved_from",
                "Add saved from",
                "Its points get a tag saved_from with the metric of the query.",
                "boolean",
                "true",
            ),
        ],
    ),
    component(
        "scale",
        "Scale",
        "Each point times a number.",
        &[plain(
            "factor",
            "Factor",
            "What points are multiplied with.",
            "double",
            "0.0",
        )],
    ),
    component(
        "score",
        "Score",
        "How many of some thresholds each point is above.",
        &[
            plain(
                "thresholds",
                "Thresholds",
                "Each a value, and whether it is the last below (superior) or the first above (inferior).",
                "array",
                "",
            ),
            one_of(
                "order",
                "Order",
                "Whether more thresholds are a higher score or a lower one.",
                &["ascending", "descending"],
                "ascending",
            ),
        ],
    ),
    component(
        "sma",
        "SMA",
        "The mean of each point and some before it.",
        &[Property {
            validation: POSITIVE,
            ..plain("size", "Size", "Of how many points.", "int", "10")
        }],
    ),
    ranged("sum", "SUM", "The sum of the points of each range.", &[]),
    component(
        "trim",
        "Trim",
        "Leaves out the first point, the last, or both.",
        &[one_of(
            "trim",
            "Trim",
            "Which of them.",
            &["first", "last", "both"],
            "both",
        )],
    ),
];

const GROUPERS: &[Component] = &[
    component(
        "bin",
        "Bin",
        "By which of some bins a value falls into.",
        &[plain(
            "bins",
            "Bin Values",
            "Where the bins begin, ascending.",
            "array",
            "",
        )],
    ),
    component(
        "tag",
        "Tag",
        "By the values of some tags.",
        &[plain("tags", "Tags", "The tags.", "array", "")],
    ),
    component(
        "time",
        "Time",
        "By ranges of time that come again and again.",
        &[
            object("range_size", "Range size", &[VALUE, UNIT]),
            Property {
                validation: POSITIVE,
                ..plain(
                    "group_count",
                    "Count",
                    "After how many ranges the groups begin anew.",
                    "int",
                    "1",
                )
            },
        ],
    ),
    component(
        "value",
        "Value",
        "By ranges of values.",
        &[Property {
            validation: POSITIVE,
            ..plain(
                "range_size",
                "Range size",
                "How long a range of values is.",
                "int",
                "1",
            )
        }],
    ),
];

/// The features: their names, their labels, what they have.
const FEATURES: &[(&str, &str, &[Component])] = &[
    ("group_by", "Group By", GROUPERS),
    ("aggregators", "Aggregator", AGGREGATORS),
];

/// All features, their components by their labels.
pub(super) fn all() -> Vec<u8> {
    let features = FEATURES.iter().map(|(name, label, components)| {
        let mut components: Vec<&Component> = components.iter().collect();
        components.sort_by_key(|component| component.label);
        let mut fields = Fields::new();
        fields.text("name", name).text("label", label);
        fields.list("properties", components.into_iter().map(told));
        fields.end()
    });
    list(features)
}

/// The components of one feature, named in any case, by their names.
pub(super) fn of(name: &str) -> Option<Vec<u8>> {
    let found = FEATURES
        .iter()
        .find(|(feature, _, _)| feature.eq_ignore_ascii_case(name));
    found.map(|(_, _, components)| list(components.iter().map(told)))
}

fn told(component: &Component) -> Vec<u8> {
    let common = if component.ranges { RANGES } else { &[] };
    let mut properties: Vec<&Property> = component.properties.iter().chain(common).collect();
    properties.sort_by_key(|property| property.label);
    let mut fields = Fields::new();
    fields.text("name", component.name);
    fields.text("label", component.label);
    fields.text("description", component.description);
    fields.list("properties", properties.into_iter().map(told_property));
    fields.end()
}

fn told_property(property: &Property) -> Vec<u8> {
    let mut fields = Fields::new();
    fields.text("name", property.name);
    fields.text("label", property.label);
    if !property.properties.is_empty() {
        fields.flag("optional", false).text("type", property.kind);
        fields.flag("multiline", false);
        fields.list("properties", property.properties.iter().map(told_property));
        return fields.end();
    }
    fields.text("description", property.description);
    fields.flag("optional", false).text("type", property.kind);
    if !property.options.is_empty() {
        let options = property.options.iter().map(|option| quoted(option));
        fields.list("options", options);
    }
    fields.text("defaultValue", property.default);
    fields.text("autocomplete", "").flag("multiline", false);
    let validations = property.validation.iter().map(|(expression, message)| {
        let mut fields = Fields::new();
        fields.text("expression", expression).text("type", "js");
        fields.text("message", message);
        fields.end()
    });
    fields.list("validations", validations);
    fields.end()
}

/// An object under way.
struct Fields(Vec<u8>);

impl Fields {
    fn new() -> Fields {
        Fields(b"{".to_vec())
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        self.0.extend(quoted(name));
        self.0.push(b':');
    }

    fn text(&mut self, name: &str, text: &str) -> &mut Fields {
        self.name(name);
        self.0.extend(quoted(text));
        self
    }

    fn flag(&mut self, name: &str, flag: bool) -> &mut Fields {
        self.name(name);
        self.0.extend_from_slice(flag.to_string().as_bytes());
        self
    }

    fn list(&mut self, name: &str, items: impl Iterator<Item = Vec<u8>>) {
        self.name(name);
        self.0.extend(list(items));
    }

    fn end(&mut self) -> Vec<u8> {
        self.0.push(b'}');
        std::mem::take(&mut self.0)
    }
}

fn list(items: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let items: Vec<Vec<u8>> = items.collect();
    [b"[".as_slice(), &items.join(&b','), b"]"].concat()
}

/// With what HTML gives a meaning to escaped, as KairosDB's writer of these texts does.
fn quoted(text: &str) -> Vec<u8> {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '<' | '>' | '&' | '=' | '\'' => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            '"' | '\\' => out.extend(['\\', letter]),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn read(text: &[u8]) -> Value {
        serde_json::from_slice(text).expect("JSON")
    }

    #[test]
    fn all_features_by_label_and_one_by_name() {
        let all = read(&all());
        assert_eq!(all[0]["name"], "group_by");
        assert_eq!(all[1]["label"], "Aggregator");
        let labels = |list: &Value, field: &str| -> Vec<String> {
            let list = list.as_array().expect("a list").iter();
            list.map(|one| one[field].as_str().expect("text").to_owned())
                .collect()
        };
        assert!(labels(&all[1]["properties"], "label").is_sorted());
        let aggregators = read(&of("AGGREGATORS").expect("a feature"));
        let names = labels(&aggregators, "name");
        assert!(names.is_sorted());
        assert_eq!(names.len(), 21);
        for one in aggregators.as_array().expect("a list") {
            assert!(labels(&one["properties"], "label").is_sorted(), "{one}");
        }
        let groupers = read(&of("group_by").expect("a feature"));
        assert_eq!(labels(&groupers, "name"), ["bin", "tag", "time", "value"]);
        assert!(of("intel").is_none());
    }

    #[test]
    fn a_property_has_what_kairosdb_tells_of_it() {
        let text = String::from_utf8(of("aggregators").expect("a feature")).expect("UTF-8");
        let div = concat!(
            r#"{"name":"div","label":"Divide","description":"Each point divided by a number.","#,
            r#""properties":[{"name":"divisor","label":"Divisor","description":"#,
            r#""What points are divided by.","optional":false,"type":"double","defaultValue":"1","#,
            r#""autocomplete":"","multiline":false,"validations":[{"expression":"value !\u003d 0","#,
            r#""type":"js","message":"Divisor must not be 0."}]}]}"#,
        );
        assert!(text.contains(div), "{text}");
        let sampling = concat!(
            r#"{"name":"sampling","label":"Sampling","optional":false,"type":"Object","#,
            r#""multiline":false,"properties":[{"name":"value","#,
        );
        assert!(text.contains(sampling), "{text}");
    }
}
