//! Functions that make of each series another: group "Transform".

mod arithmetic;
mod derivative;
mod extent;
mod gaps;
mod hitcount;
mod integral;
mod shift;
mod summarize;

use super::call::Call;
use super::made;
use super::parameter::{Fraction, Function, INTERVALS, Kind, Parameter, Value};
use crate::query::error::QueryError;
use crate::query::series::Series;

const SERIES_LIST: Parameter = Parameter::required("seriesList", Kind::SeriesList);

/// What editors offer for a shift in time.
const SHIFTS: &[Value] = &[
    Value::Text("1h"),
    Value::Text("6h"),
    Value::Text("12h"),
    Value::Text("1d"),
    Value::Text("2d"),
    Value::Text("7d"),
    Value::Text("14d"),
    Value::Text("30d"),
];

/// What editors offer for the unit with which a range begins.
const ALIGNMENTS: &[Value] = &[
    Value::None,
    Value::Text("years"),
    Value::Text("months"),
    Value::Text("weeks"),
    Value::Text("days"),
    Value::Text("hours"),
    Value::Text("minutes"),
    Value::Text("seconds"),
    Value::Boolean(true),
    Value::Boolean(false),
];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        &["absolute"],
        "Transform",
        "The distance of every value from zero.",
        &[SERIES_LIST],
        |call| Box::pin(arithmetic::absolute(call)),
    ),
    Function::new(
        &["add"],
        "Transform",
        "Every value plus a constant. The name shows the constant without what is behind \
         its point; offset shows it whole.",
        &[SERIES_LIST, Parameter::required("constant", Kind::Float)],
        |call| Box::pin(arithmetic::add(call)),
    ),
    Function::new(
        &["compressPeriodicGaps"],
        "Transform",
        "Where values come in every n-th slot only, the step becomes that long and the gaps go.",
        &[SERIES_LIST],
        |call| Box::pin(gaps::compress_periodic_gaps(call)),
    ),
    Function::new(
        &["delay"],
        "Transform",
        "The values so many steps later, or earlier where the number is negative; what \
         that leaves is null.",
        &[SERIES_LIST, Parameter::required("steps", Kind::Integer)],
        |call| Box::pin(shift::delay(call)),
    ),
    Function::new(
        &["derivative"],
        "Transform",
        "The difference of every value to the one before it.",
        &[SERIES_LIST],
        |call| Box::pin(derivative::derivative(call)),
    ),
    Function::new(
        &["exp"],
        "Transform",
        "e to the power of every value.",
        &[SERIES_LIST],
        |call| Box::pin(arithmetic::exp(call)),
    ),
    Function::new(
        &["hitcount"],
        "Transform",
        "For series of things a second: how many there were in each stretch of time.",
        &[
            SERIES_LIST.later_and_now(),
            Parameter::required("intervalString", Kind::Interval).suggest(INTERVALS),
            Parameter::optional("alignToInterval", Kind::Boolean, Value::Boolean(false)),
        ],
        |call| Box::pin(hitcount::hitcount(call)),
    ),
    Function::new(
        &["integral"],
        "Transform",
        "The sum of all values so far.",
        &[SERIES_LIST],
        |call| Box::pin(integral::integral(call)),
    ),
    Function::new(
        &["integralByInterval"],
        "Transform",
        "The sum of all values since an interval began; intervals are counted from the \
         start of the graph.",
        &[SERIES_LIST, Parameter::required("intervalUnit", Kind::Text)],
        |call| Box::pin(integral::integral_by_interval(call)),
    ),
    Function::new(
        &["interpolate"],
        "Transform",
        "Gaps between two values are filled with a straight line, unless they have more \
         nulls than the limit.",
        &[
            SERIES_LIST,
            Parameter::optional("limit", Kind::IntegerOrInfinity, Value::Infinity)
                .fraction(Fraction::Cut),
        ],
        |call| Box::pin(gaps::interpolate(call)),
    ),
    Function::new(
        &["invert"],
        "Transform",
        "One divided by every value.",
        &[SERIES_LIST],
        |call| Box::pin(arithmetic::invert(call)),
    ),
    Function::new(
        &["isNonNull"],
        "Transform",
        "1 where there is a value and 0 where there is none. Summed over series it counts \
         those that report.",
        &[SERIES_LIST],
        |call| Box::pin(arithmetic::is_non_null(call)),
    ),
    Function::new(
        &["keepLastValue"],
        "Transform",
        "Gaps get the value before them, unless they have more nulls than the limit.",
        &[
            SERIES_LIST,
            Parameter::optional("limit", Kind::IntegerOrInfinity, Value::Infinity)
                .fraction(Fraction::Cut),
        ],
        |call| Box::pin(gaps::keep_last_value(call)),
    ),
    Function::new(
        &["log"],
        "Transform",
        "The logarithm of every value to a base; null where the value is not above zero.",
        &[
            SERIES_LIST,
            Parameter::optional("base", Kind::Integer, Value::Integer(10)).fraction(Fraction::Kept),
        ],
        |call| Box::pin(arithmetic::log(call)),
    ),
    Function::new(
        &["logit"],
        "Transform",
        "The logarithm of the odds of every value, a share between 0 and 1.",
        &[SERIES_LIST],
        |call| Box::pin(arithmetic::logit(call)),
    ),
    Function::new(
        &["minMax"],
        "Transform",
        "Every value as its place between the least and the largest of its series, 0 to 1.",
        &[SERIES_LIST],
        |call| Box::pin(extent::min_max(call)),
    ),
    Function::new(
        &["nonNegativeDerivative"],
        "Transform",
        "The growth of a counter from value to value. Where it falls it was reset, or has \
         wrapped at maxValue.",
        &[
            SERIES_LIST,
            Parameter::optional("maxValue", Kind::Float, Value::None),
            Parameter::optional("minValue", Kind::Float, Value::None),
        ],
        |call| Box::pin(derivative::non_negative_derivative(call)),
    ),
    Function::new(
        &["offset"],
        "Transform",
        "Every value plus a constant.",
        &[SERIES_LIST, Parameter::required("factor", Kind::Float)],
        |call| Box::pin(arithmetic::offset(call)),
    ),
    Function::new(
        &["offsetToZero"],
        "Transform",
        "Every value minus the least of its series.",
        &[SERIES_LIST],
        |call| Box::pin(extent::offset_to_zero(call)),
    ),
    Function::new(
        &["perSecond"],
        "Transform",
        "The growth of a counter in each second.",
        &[
            SERIES_LIST,
            Parameter::optional("maxValue", Kind::Float, Value::None),
            Parameter::optional("minValue", Kind::Float, Value::None),
        ],
        |call| Box::pin(derivative::per_second(call)),
    ),
    Function::new(
        &["pow"],
        "Transform",
        "Every value to the power of a number.",
        &[SERIES_LIST, Parameter::required("factor", Kind::Float)],
        |call| Box::pin(arithmetic::pow(call)),
    ),
    Function::new(
        &["round"],
        "Transform",
        "Every value to so many places behind its point; negative places are those before it.",
        &[
            SERIES_LIST,
            Parameter::optional("precision", Kind::Integer, Value::Integer(0))
                .written("precision=None"),
        ],
        |call| Box::pin(arithmetic::round(call)),
    ),
    Function::new(
        &["scale"],
        "Transform",
        "Every value times a factor.",
        &[SERIES_LIST, Parameter::required("factor", Kind::Float)],
        |call| Box::pin(arithmetic::scale(call)),
    ),
    Function::new(
        &["scaleToSeconds"],
        "Transform",
        "Counts of a step become counts of so many seconds.",
        &[SERIES_LIST, Parameter::required("seconds", Kind::Float)],
        |call| Box::pin(arithmetic::scale_to_seconds(call)),
    ),
    Function::new(
        &["sigmoid"],
        "Transform",
        "The logistic function of every value: 0 far below zero, 1 far above.",
        &[SERIES_LIST],
        |call| Box::pin(arithmetic::sigmoid(call)),
    ),
    Function::new(
        &["sin", "sinFunction"],
        "Transform",
        "A sine wave over the time in seconds, for trying things out.",
        &[
            Parameter::required("name", Kind::Text),
            Parameter::optional("amplitude", Kind::Integer, Value::Integer(1))
                .fraction(Fraction::Kept),
            Parameter::optional("step", Kind::Integer, Value::Integer(60)),
        ],
        |call| Box::pin(sin(call)),
    ),
    Function::new(
        &["smartSummarize"],
        "Transform",
        "One value for each stretch of time, counted from the start of the graph, or from \
         that of its hour, day, week and so on.",
        &[
            SERIES_LIST.later_and_now(),
            Parameter::required("intervalString", Kind::Interval).suggest(INTERVALS),
            Parameter::optional("func", Kind::Aggregation, Value::Text("sum")),
            Parameter::optional("alignTo", Kind::TextOrBoolean, Value::None).mostly_of(ALIGNMENTS),
        ],
        |call| Box::pin(summarize::smart_summarize(call)),
    ),
    Function::new(
        &["squareRoot"],
        "Transform",
        "The square root of every value; null of negative ones.",
        &[SERIES_LIST],
        |call| Box::pin(arithmetic::square_root(call)),
    ),
    Function::new(
        &["summarize"],
        "Transform",
        "One value for each stretch of time.",
        &[
            SERIES_LIST,
            Parameter::required("intervalString", Kind::Interval).suggest(INTERVALS),
            Parameter::optional("func", Kind::Aggregation, Value::Text("sum")),
            Parameter::optional("alignToFrom", Kind::Boolean, Value::Boolean(false)),
        ],
        |call| Box::pin(summarize::summarize(call)),
    ),
    Function::new(
        &["time", "timeFunction"],
        "Transform",
        "The time in seconds since 1970 as a series.",
        &[
            Parameter::required("name", Kind::Text),
            Parameter::optional("step", Kind::Integer, Value::Integer(60)),
        ],
        |call| Box::pin(time(call)),
    ),
    Function::new(
        &["timeShift"],
        "Transform",
        "The values of another time in the place of these: of an earlier one, unless the \
         shift has a plus.",
        &[
            SERIES_LIST.later_and_now(),
            Parameter::required("timeShift", Kind::Interval).suggest(SHIFTS),
            Parameter::optional("resetEnd", Kind::Boolean, Value::Boolean(true)),
            Parameter::optional("alignDst", Kind::Boolean, Value::Boolean(false))
                .also("alignDST")
                .written("alignDST=False"),
        ],
        |call| Box::pin(shift::time_shift(call)),
    ),
    Function::new(
        &["timeSlice"],
        "Transform",
        "Only the values between two moments; the others are null.",
        &[
            SERIES_LIST,
            Parameter::required("startSliceAt", Kind::Date),
            Parameter::optional("endSliceAt", Kind::Date, Value::Text("now")),
        ],
        |call| Box::pin(shift::time_slice(call)),
    ),
    Function::new(
        &["timeStack"],
        "Transform",
        "The same series several times, each shifted by one unit of time more.",
        &[
            SERIES_LIST.later_and_now(),
            Parameter::optional("timeShiftUnit", Kind::Interval, Value::Text("1d")).suggest(SHIFTS),
            Parameter::optional("timeShiftStart", Kind::Integer, Value::Integer(0))
                .fraction(Fraction::Cut),
            Parameter::optional("timeShiftEnd", Kind::Integer, Value::Integer(7))
                .fraction(Fraction::Cut),
        ],
        |call| Box::pin(shift::time_stack(call)),
    ),
    Function::new(
        &["transformNull"],
        "Transform",
        "Nulls become a number: all of them, or those of rows in which a reference has a value.",
        &[
            SERIES_LIST,
            Parameter::optional("default", Kind::Float, Value::Integer(0)),
            Parameter::optional("referenceSeries", Kind::SeriesList, Value::None),
        ],
        |call| Box::pin(gaps::transform_null(call)),
    ),
];

async fn sin(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let (name, step) = (call.text("name")?, call.integer("step")?);
    let (amplitude, _) = call.number("amplitude")?;
    let wave = |moment: i64| (moment as f64).sin() * amplitude;
    Ok(vec![made::over_range(call, name, step, wave).await?])
}

async fn time(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let (name, step) = (call.text("name")?, call.integer("step")?);
    let series = made::over_range(call, name, step, |moment| moment as f64);
    Ok(vec![series.await?])
}
