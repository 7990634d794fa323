//! Functions that make one series of several, or bring several together: group "Combine".

mod aggregate;
mod by_node;
mod divide;
mod lists;
mod nodes;
mod percent;
mod reduce;

use super::aggregation::Aggregation;
use super::call::Call;
use super::parameter::{Function, Kind, Parameter, Value};
use crate::query::breath::CHUNK;
use crate::query::error::QueryError;
use crate::query::series::{Fold, Look, Series};

const SERIES_LIST: Parameter = Parameter::required("seriesList", Kind::SeriesList);
const SERIES_LISTS: Parameter = Parameter::required("seriesLists", Kind::SeriesList).many();
/// Any number of lists, also none.
const SERIES_LISTS_OR_NONE: Parameter = Parameter {
    required: false,
    ..SERIES_LISTS
};
const FIRST: Parameter = Parameter::required("seriesListFirstPos", Kind::SeriesList);
const SECOND: Parameter = Parameter::required("seriesListSecondPos", Kind::SeriesList);
const AGGREGATION: Parameter = Parameter::required("func", Kind::Aggregation);
const X_FILES_FACTOR: Parameter = Parameter::optional("xFilesFactor", Kind::Float, Value::None);
const POSITIONS: Parameter = Parameter::optional("position", Kind::Node, Value::None).many();
const NODES: Parameter = Parameter::optional("nodes", Kind::NodeOrTag, Value::None).many();
const CALLBACK: Parameter = Parameter::required("callback", Kind::AggregationOrFunction);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        &["aggregate"],
        "Combine",
        "One series of all, by the aggregation of that name: each moment's values become one.",
        &[SERIES_LIST, AGGREGATION, X_FILES_FACTOR],
        |call| Box::pin(aggregate::by_name(call)),
    ),
    Function::new(
        &["aggregateSeriesLists"],
        "Combine",
        "Aggregates the first series of both lists, then the second of both, and so on.",
        &[FIRST, SECOND, AGGREGATION, X_FILES_FACTOR],
        |call| Box::pin(lists::aggregate_by_name(call)),
    ),
    Function::new(
        &["aggregateWithWildcards"],
        "Combine",
        "Aggregates series whose names differ only in the nodes at the given positions.",
        &[SERIES_LIST, AGGREGATION, POSITIONS.written("*positions")],
        |call| Box::pin(nodes::aggregate_by_name(call)),
    ),
    Function::new(
        &["applyByNode"],
        "Combine",
        "Evaluates a target for each distinct beginning of the names, up to and with a node. Each % in the \
         target stands for it.",
        &[
            SERIES_LIST,
            Parameter::required("nodeNum", Kind::Node),
            Parameter::required("templateFunction", Kind::Text),
            Parameter::optional("newName", Kind::Text, Value::None),
        ],
        |call| Box::pin(nodes::apply(call)),
    ),
    Function::new(
        &["asPercent", "pct"],
        "Combine",
        "Each series in percent of a total: of the sum of all, of a number, of a series, or of the total \
         that has the same nodes.",
        &[
            SERIES_LIST,
            Parameter::optional("total", Kind::Any, Value::None),
            NODES,
        ],
        |call| Box::pin(percent::as_percent(call)),
    )
    .aggregator(),
    Function::new(
        &["averageSeries", "avg"],
        "Combine",
        "The mean of the values of each moment.",
        &[SERIES_LISTS],
        |call| Box::pin(aggregate::all(call, "average", Aggregation::Average)),
    )
    .aggregator(),
    Function::new(
        &["averageSeriesWithWildcards"],
        "Combine",
        "The mean of series whose names differ only in the nodes at the given positions.",
        &[SERIES_LIST, POSITIONS],
        |call| {
            Box::pin(nodes::with_wildcards(
                call,
                "average",
                Aggregation::Average,
            ))
        },
    )
    .aggregator(),
    Function::new(
        &["countSeries"],
        "Combine",
        "How many series there are, as a line. Series without a value at a moment count too.",
        &[SERIES_LISTS_OR_NONE],
        |call| Box::pin(aggregate::count(call)),
    )
    .aggregator(),
    Function::new(
        &["diffSeries"],
        "Combine",
        "The first value of each moment minus all others.",
        &[SERIES_LISTS],
        |call| Box::pin(aggregate::all(call, "diff", Aggregation::Difference)),
    )
    .aggregator(),
    Function::new(
        &["diffSeriesLists"],
        "Combine",
        "Each series of the first list minus the one at its place in the second.",
        &[FIRST, SECOND],
        |call| Box::pin(lists::aggregated(call, "diff", Aggregation::Difference)),
    )
    .aggregator(),
    Function::new(
        &["divideSeries"],
        "Combine",
        "Each series divided by one series. To divide by a number, use scale.",
        &[
            Parameter::required("dividendSeriesList", Kind::SeriesList),
            Parameter::required("divisorSeries", Kind::SeriesList),
        ],
        |call| Box::pin(divide::by_one(call)),
    ),
    Function::new(
        &["divideSeriesLists"],
        "Combine",
        "Each series of the first list divided by the one at its place in the second.",
        &[
            Parameter::required("dividendSeriesList", Kind::SeriesList),
            Parameter::required("divisorSeriesList", Kind::SeriesList),
        ],
        |call| Box::pin(divide::lists(call)),
    ),
    Function::new(
        &["group"],
        "Combine",
        "All series of several lists as one list.",
        &[SERIES_LISTS_OR_NONE],
        |call| Box::pin(call.take_series("seriesLists")),
    ),
    Function::new(
        &["groupByNode"],
        "Combine",
        "One series for each value of a node or tag, made of the series that share it.",
        &[
            SERIES_LIST,
            Parameter::required("nodeNum", Kind::NodeOrTag),
            Parameter {
                required: false,
                default: Value::Text("average"),
                ..CALLBACK
            },
        ],
        |call| Box::pin(by_node::group_by_nodes(call, "nodeNum")),
    ),
    Function::new(
        &["groupByNodes"],
        "Combine",
        "One series for each combination of some nodes and tags, made of the series that share it.",
        &[SERIES_LIST, CALLBACK, NODES],
        |call| Box::pin(by_node::group_by_nodes(call, "nodes")),
    ),
    Function::new(
        &["groupByTags"],
        "Combine",
        "One tagged series for each combination of some tags, made of the series that share it.",
        &[
            SERIES_LIST,
            CALLBACK,
            Parameter::required("tags", Kind::Tag).many(),
        ],
        |call| Box::pin(by_node::group_by_tags(call)),
    ),
    Function::of_lists(
        &["mapSeries", "map"],
        "Combine",
        "A list of series for each combination of some nodes and tags, as reduceSeries takes them.",
        &[
            SERIES_LIST,
            Parameter {
                required: true,
                name: "mapNodes",
                ..NODES
            },
        ],
        |call| Box::pin(reduce::map(call)),
    ),
    Function::new(
        &["maxSeries"],
        "Combine",
        "The largest value of each moment.",
        &[SERIES_LISTS],
        |call| Box::pin(aggregate::all(call, "max", Aggregation::Maximum)),
    )
    .aggregator(),
    Function::new(
        &["minSeries"],
        "Combine",
        "The smallest value of each moment.",
        &[SERIES_LISTS],
        |call| Box::pin(aggregate::all(call, "min", Aggregation::Minimum)),
    )
    .aggregator(),
    Function::new(
        &["multiplySeries"],
        "Combine",
        "The product of the values of each moment; nothing where one is missing.",
        &[SERIES_LISTS],
        |call| Box::pin(aggregate::multiply(call)),
    )
    .aggregator(),
    Function::new(
        &["multiplySeriesLists"],
        "Combine",
        "Each series of the first list times the one at its place in the second.",
        &[FIRST, SECOND],
        |call| Box::pin(lists::aggregated(call, "multiply", Aggregation::Product)),
    )
    .aggregator(),
    Function::new(
        &["multiplySeriesWithWildcards"],
        "Combine",
        "The product of series whose names differ only in the nodes at the given positions.",
        &[SERIES_LIST, POSITIONS],
        |call| {
            Box::pin(nodes::with_wildcards(
                call,
                "multiply",
                Aggregation::Product,
            ))
        },
    )
    .aggregator(),
    Function::new(
        &["percentileOfSeries"],
        "Combine",
        "A percentile of the values of each moment: one of them, or between two of them if interpolated.",
        &[
            SERIES_LIST,
            Parameter::required("n", Kind::Float),
            Parameter::optional("interpolate", Kind::Boolean, Value::Boolean(false)),
        ],
        |call| Box::pin(aggregate::percentile(call)),
    ),
    Function::new(
        &["powSeries"],
        "Combine",
        "The first value of each moment to the power of the second, that to the power of the third, and so \
         on; nothing where one is missing.",
        &[SERIES_LIST.many().written("*seriesLists")],
        |call| Box::pin(aggregate::power(call)),
    )
    .aggregator(),
    Function::new(
        &["rangeOfSeries"],
        "Combine",
        "The largest minus the smallest value of each moment.",
        &[SERIES_LISTS],
        |call| Box::pin(aggregate::all(call, "rangeOf", Aggregation::Range)),
    )
    .aggregator(),
    Function::new(
        &["reduceSeries", "reduce"],
        "Combine",
        "Calls a function for each list that mapSeries gives: its first argument is the series whose node \
         is the first of the matchers, and so on.",
        &[
            Parameter::required("seriesLists", Kind::SeriesLists),
            Parameter::required("reduceFunction", Kind::Text),
            Parameter::required("reduceNode", Kind::Node),
            Parameter::required("reduceMatchers", Kind::Text).many(),
        ],
        |call| Box::pin(reduce::reduce(call)),
    ),
    Function::new(
        &["stddevSeries"],
        "Combine",
        "The standard deviation of the values of each moment.",
        &[SERIES_LISTS],
        |call| Box::pin(aggregate::all(call, "stddev", Aggregation::StandardDeviation)),
    )
    .aggregator(),
    Function::new(
        &["sumSeries", "sum"],
        "Combine",
        "The sum of the values of each moment.",
        &[SERIES_LISTS],
        |call| Box::pin(aggregate::all(call, "sum", Aggregation::Sum)),
    )
    .aggregator(),
    Function::new(
        &["sumSeriesLists"],
        "Combine",
        "Each series of the first list plus the one at its place in the second.",
        &[FIRST, SECOND],
        |call| Box::pin(lists::aggregated(call, "sum", Aggregation::Sum)),
    )
    .aggregator(),
    Function::new(
        &["sumSeriesWithWildcards"],
        "Combine",
        "The sum of series whose names differ only in the nodes at the given positions.",
        &[SERIES_LIST, POSITIONS],
        |call| Box::pin(nodes::with_wildcards(call, "sum", Aggregation::Sum)),
    )
    .aggregator(),
    Function::new(
        &["weightedAverage"],
        "Combine",
        "The mean of the first list, weighted by the series of the second that share some nodes and tags.",
        &[
            Parameter::required("seriesListAvg", Kind::SeriesList),
            Parameter::required("seriesListWeight", Kind::SeriesList),
            NODES,
        ],
        |call| Box::pin(divide::weighted_average(call)),
    ),
];

/// Values at even times: what is known of a series before it has a name.
struct Line {
    start: i64,
    step: i64,
    values: Vec<f64>,
    /// See [`Series::over_s`].
    over_s: i64,
    /// Whether all values are whole numbers.
    integers: bool,
}

impl Line {
    /// The series called `name` of it: a new one, with no tags but its name.
    async fn named(self, call: &Call<'_>, name: String) -> Result<Series, QueryError> {
        // The name stands three times in it.
        call.pay_bytes((name.len() as u64).saturating_mul(3))?;
        call.pace().did_series(name.len()).await?;
        Ok(Series {
            path_expression: name.clone(),
            tags: [("name".to_owned(), name.clone())].into(),
            name,
            start: self.start,
            step: self.step,
            values: self.values,
            integers: self.integers,
            over_s: self.over_s,
            fold: Fold::Average,
            x_files_factor: call.x_files_factor(),
            look: Look::default(),
        })
    }

    /// A series of it that only goes to other functions.
    fn unnamed(self) -> Series {
        Series {
            name: String::new(),
            path_expression: String::new(),
            tags: Default::default(),
            start: self.start,
            step: self.step,
            values: self.values,
            integers: self.integers,
            over_s: self.over_s,
            fold: Fold::Average,
            x_files_factor: 0.0,
            look: Look::default(),
        }
    }

    /// As many nulls as `series` has values.
    async fn nulls(series: Series, call: &Call<'_>) -> Result<Line, QueryError> {
        let (start, step, over_s) = (series.start, series.step, series.over_s);
        let mut values = series.values;
        for some in values.chunks_mut(CHUNK) {
            some.fill(f64::NAN);
            call.did(some.len() / 8).await?;
        }
        Ok(Line {
            start,
            step,
            values,
            over_s,
            integers: false,
        })
    }
}
