//! The aggregators of a metric.

use super::Shared;
use super::fields::{Checked, Field, bad, double};
use super::{entry_name, times};
use crate::http::kairos::tree::Tree;
use crate::query::kairos::aggregator::{
    Aggregator, Boundary, Compare, Deviation, Ends, Range, SaveAs, Threshold,
};
use crate::query::kairos::sampling::{Sampling, Unit};

/// What one aggregator may be told, and what KairosDB calls it in its answers.
struct Known {
    name: &'static str,
    class: &'static str,
    /// Whether it cuts the stream into buckets, and so also takes [`RANGE`].
    is_range: bool,
    own: &'static [&'static str],
}

/// What tells how buckets are cut.
const RANGE: [&str; 8] = [
    "sampling",
    "align_sampling",
    "align_start_time",
    "align_end_time",
    "start_time",
    "end_time",
    "time_zone",
    "trim",
];

const fn range(name: &'static str, class: &'static str, own: &'static [&'static str]) -> Known {
    Known {
        name,
        class,
        is_range: true,
        own,
    }
}

const fn plain(name: &'static str, class: &'static str, own: &'static [&'static str]) -> Known {
    Known {
        name,
        class,
        is_range: false,
        own,
    }
}

const KNOWN: [Known; 21] = [
    range("avg", "AvgAggregator", &[]),
    range("count", "CountAggregator", &[]),
    range("dev", "StdAggregator", &["return_type", "dev_count"]),
    plain("diff", "DiffAggregator", &[]),
    plain("div", "DivideAggregator", &["divisor"]),
    plain("filter", "FilterAggregator", &["filter_op", "threshold"]),
    range("first", "FirstAggregator", &[]),
    range("gaps", "DataGapsMarkingAggregator", &[]),
    range("last", "LastAggregator", &[]),
    range("least_squares", "LeastSquaresAggregator", &[]),
    range("max", "MaxAggregator", &[]),
    range("min", "MinAggregator", &[]),
    range("percentile", "PercentileAggregator", &["percentile"]),
    plain("rate", "RateAggregator", &["sampling", "unit", "time_zone"]),
    plain("sampler", "SamplerAggregator", &["unit", "time_zone"]),
    plain(
        "save_as",
        "SaveAsAggregator",
        &["metric_name", "tags", "ttl", "add_saved_from"],
    ),
    plain("scale", "ScaleAggregator", &["factor"]),
    plain("score", "ScoreAggregator", &["thresholds", "order"]),
    plain("sma", "SmaAggregator", &["size"]),
    range("sum", "SumAggregator", &[]),
    plain("trim", "TrimAggregator", &["trim"]),
];

/// Thresholds of one `score`.
const THRESHOLDS_MAX: usize = 1_000;

/// Read them, in their order.
pub(super) fn read(list: &[Tree], place: &str, shared: &Shared<'_>) -> Checked<Vec<Aggregator>> {
    let list = list.iter().enumerate();
    let read = list.map(|(i, tree)| {
        let place = format!("{place}.aggregators[{i}]");
        let name = entry_name(tree, &place)?;
        let Some(known) = KNOWN.iter().find(|known| known.name == name) else {
            return bad(format!("{place}.{name} invalid aggregators name"));
        };
        let takes = |property: &str| {
            let is_common = known.is_range && RANGE.contains(&property);
            property == "name" || is_common || known.own.contains(&property)
        };
        super::check_properties(tree, &name, takes, || {
            format!("org.kairosdb.core.aggregator.{}", known.class)
        })?;
        let entry = Entry {
            tree,
            place: &place,
            shared,
        };
        entry.read(known.name)
    });
    read.collect()
}

/// One aggregator as it was sent.
struct Entry<'a> {
    tree: &'a Tree,
    place: &'a str,
    shared: &'a Shared<'a>,
}

impl Entry<'_> {
    fn read(&self, name: &str) -> Checked<Aggregator> {
        Ok(match name {
            "avg" => Aggregator::Avg(self.range()?),
            "count" => Aggregator::Count(self.range()?),
            "dev" => Aggregator::Dev {
                range: self.range()?,
                returned: self.deviation()?,
                count: self.of("dev_count").map_or(Ok(1), |it| it.int())?.into(),
            },
            "diff" => Aggregator::Diff,
            "div" => match self.double("divisor")? {
                0.0 => return self.refuse("m_divisor may not be zero"),
                divisor => Aggregator::Div(divisor),
            },
            "filter" => self.filter()?,
            "first" => Aggregator::First(self.range()?),
            "gaps" => Aggregator::Gaps {
                range: self.range()?,
                trim: self.flag("trim", false)?,
            },
            "last" => Aggregator::Last(self.range()?),
            "least_squares" => Aggregator::LeastSquares(self.range()?),
            "max" => Aggregator::Max(self.range()?),
            "min" => Aggregator::Min(self.range()?),
            "percentile" => {
                let range = self.range()?;
                match self.double("percentile")? {
                    0.0 => return self.refuse("percentile may not be zero"),
                    percentile => Aggregator::Percentile { range, percentile },
                }
            }
            "rate" => {
                let unit = self.unit()?.map(|unit| Sampling::new(1, unit));
                let sampling = self.sampling()?;
                // They are one property of KairosDB's: what is told last of it counts.
                Aggregator::Rate {
                    sampling: unit
                        .filter(|_| self.is_last("unit", "sampling"))
                        .unwrap_or(sampling),
                    zone: self.zone()?,
                }
            }
            "sampler" => Aggregator::Sampler {
                unit: self.unit()?.unwrap_or(Unit::Milliseconds),
                zone: self.zone()?,
            },
            "save_as" => Aggregator::SaveAs(self.save_as()?),
            "scale" => Aggregator::Scale(self.double("factor")?),
            "score" => self.score()?,
            "sma" => Aggregator::Sma(self.of("size").map_or(Ok(0), |it| it.int())?.into()),
            "sum" => Aggregator::Sum(self.range()?),
            // The last of the known.
            _ => Aggregator::Trim(self.ends()?),
        })
    }

    fn of<'a>(&'a self, name: &'a str) -> Option<Field<'a>> {
        Field::of(self.tree, self.place, name)
    }

    fn refuse<T>(&self, told: &str) -> Checked<T> {
        bad(format!("{}.{told}", self.place))
    }

    /// Whether no `other` with a value stands behind `name`.
    fn is_last(&self, name: &str, other: &str) -> bool {
        let Tree::Object(fields) = self.tree else {
            return true;
        };
        let given = fields
            .iter()
            .rev()
            .filter(|(_, value)| !matches!(value, Tree::Null));
        let mut named = given.map(|(known, _)| known.as_str());
        named.find(|known| *known == name || *known == other) != Some(other)
    }

    fn flag(&self, name: &str, otherwise: bool) -> Checked<bool> {
        self.of(name).map_or(Ok(otherwise), |flag| flag.flag())
    }

    fn double(&self, name: &str) -> Checked<f64> {
        self.of(name).map_or(Ok(0.0), |number| number.double())
    }

    fn unit(&self) -> Checked<Option<Unit>> {
        let unit = self.of("unit");
        unit.map(|unit| times::unit(&unit, self.place)).transpose()
    }

    fn sampling(&self) -> Checked<Sampling> {
        let sampling = self.of("sampling");
        sampling.map_or_else(|| Ok(Sampling::default()), |it| times::sampling(&it))
    }

    fn zone(&self) -> Checked<crate::query::kairos::zone::Zone> {
        let zone = self.of("time_zone");
        zone.map_or_else(
            || Ok(self.shared.zone.clone()),
            |zone| times::zone(&zone, self.place),
        )
    }

    fn range(&self) -> Checked<Range> {
        let instant = |name| self.of(name).map(|time| time.integer()).transpose();
        let align_sampling = self.shared.reading.options.align_sampling;
        Ok(Range {
            sampling: self.sampling()?,
            align_sampling: self.flag("align_sampling", align_sampling)?,
            align_start_time: self.flag("align_start_time", false)?,
            align_end_time: self.flag("align_end_time", false)?,
            start_time: instant("start_time")?,
            end_time: instant("end_time")?,
            zone: self.zone()?,
        })
    }

    fn deviation(&self) -> Checked<Deviation> {
        let Some(field) = self.of("return_type") else {
            return Ok(Deviation::Value);
        };
        match field.text()?.as_str() {
            "value" => Ok(Deviation::Value),
            "pos_sd" => Ok(Deviation::Above),
            "neg_sd" => Ok(Deviation::Below),
            _ => field.refuse("must be value, pos_sd or neg_sd"),
        }
    }

    /// One of several words, in any case. KairosDB calls all of them trim types.
    fn word<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Checked<Option<T>> {
        let Some(field) = self.of(name) else {
            return Ok(None);
        };
        let text = field.text()?;
        let mut known = words.iter();
        if let Some((_, value)) = known.find(|(word, _)| word.eq_ignore_ascii_case(&text)) {
            return Ok(Some(*value));
        }
        let quoted: Vec<String> = words.iter().map(|(word, _)| format!("'{word}'")).collect();
        let all = match quoted.split_last() {
            Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
            None => String::new(),
        };
        self.refuse(&format!("{text} is not a valid trim type, must be {all}."))
    }

    fn ends(&self) -> Checked<Option<Ends>> {
        let words = [
            ("first", Ends::First),
            ("last", Ends::Last),
            ("both", Ends::Both),
        ];
        self.word("trim", &words)
    }

    fn filter(&self) -> Checked<Aggregator> {
        let words = [
            ("lte", Compare::LessOrEqual),
            ("lt", Compare::Less),
            ("gte", Compare::GreaterOrEqual),
            ("gt", Compare::Greater),
            ("equal", Compare::Equal),
            ("ne", Compare::NotEqual),
        ];
        let compare = self.word("filter_op", &words)?;
        let threshold = match self.of("threshold") {
            None => Threshold::Number(0.0),
            Some(field) => match field.value {
                Tree::Number(text) if double(text).is_ok() => Threshold::Number(field.double()?),
                _ => Threshold::Text(field.text()?),
            },
        };
        match compare {
            None => self.refuse("filter_op may not be null"),
            Some(compare) => Ok(Aggregator::Filter { compare, threshold }),
        }
    }

    fn score(&self) -> Checked<Aggregator> {
        let Some(field) = self.of("thresholds") else {
            return self.refuse("thresholds may not be null");
        };
        let list = field.list()?;
        if THRESHOLDS_MAX < list.len() {
            return field.refuse(&format!(
                "has more than {THRESHOLDS_MAX} entries; use fewer"
            ));
        }
        let path = field.path();
        let thresholds = list.iter().enumerate().map(|(i, tree)| {
            let place = format!("{path}[{i}]");
            let Tree::Object(_) = tree else {
                return bad(format!("{place} must be an object"));
            };
            let value = Field::of(tree, &place, "value");
            let value = value.map_or(Ok(0.0), |value| value.double())?;
            let inferior = match Field::of(tree, &place, "boundary") {
                None => false,
                Some(field) => match field.text()?.as_str() {
                    "superior" => false,
                    "inferior" => true,
                    _ => return field.refuse("must be superior or inferior"),
                },
            };
            Ok(Boundary { value, inferior })
        });
        let thresholds = thresholds.collect::<Checked<_>>()?;
        let descending = match self.of("order") {
            None => false,
            Some(field) => match field.text()?.as_str() {
                "ascending" => false,
                "descending" => true,
                _ => return field.refuse("must be ascending or descending"),
            },
        };
        Ok(Aggregator::Score {
            thresholds,
            descending,
        })
    }

    fn save_as(&self) -> Checked<SaveAs> {
        let metric_name = match self.of("metric_name").map(|name| name.text()).transpose()? {
            Some(name) if !name.is_empty() => name,
            _ => return self.refuse("metric_name may not be null or empty"),
        };
        let mut tags: Vec<(String, String)> = Vec::new();
        if let Some(field) = self.of("tags") {
            let path = field.path();
            for (key, _) in field.object()? {
                let value = Field::of(field.value, &path, key).map(|value| value.text());
                let value = value.transpose()?.filter(|value| !value.is_empty());
                let (false, Some(value)) = (key.is_empty(), value) else {
                    return field.refuse("must have names and values");
                };
                // Of a name that is there twice the last counts.
                tags.retain(|(known, _)| known != key);
                tags.push((key.clone(), value));
            }
        }
        Ok(SaveAs {
            metric_name,
            tags,
            ttl: self.of("ttl").map_or(Ok(0), |ttl| ttl.int())?.into(),
            add_saved_from: self.flag("add_saved_from", true)?,
        })
    }
}
