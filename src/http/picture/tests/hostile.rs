//! Whatever a request says, there is a picture or an error that names what is wrong.

use proptest::prelude::*;

use super::*;
use crate::http::picture::points::{POINTS_MAX, SERIES_MAX};
use crate::query::series::{Fold, Look};

#[track_caller]
fn refuse(query: &str, want: &str) {
    let refused = drawn_as(query, &servers()).map(|_| ()).expect_err(query);
    let told = told(refused);
    assert!(told.contains(want), "{query}: {told}");
}

#[test]
fn sizes() {
    refuse("width=0", "width is \"0\", not a number from 1 to 10000");
    refuse("height=-5", "height is \"-5\"");
    refuse("width=1e300", "width is \"1e300\"");
    refuse("width=NaN", "not a finite number");
    refuse(
        "width=10000&height=10000",
        "is too large: it may have 8500000 in all",
    );
    refuse("fontSize=1000000", "fontSize is");
    refuse("margin=inf", "margin is");
    for (width, height) in [(1, 1), (2, 3000), (10_000, 1), (10_000, 850), (7, 7)] {
        for rest in [
            "",
            "&fontSize=200",
            "&margin=5000",
            "&title=x&vtitle=y",
            "&graphType=pie",
        ] {
            let query = format!("width={width}&height={height}{rest}");
            assert!(drawn_as(&query, &servers()).is_ok(), "{query}");
        }
    }
}

#[test]
fn words_and_numbers() {
    refuse(
        "lineMode=curly",
        "lineMode is \"curly\", not one of slope, staircase, connected",
    );
    refuse("areaMode=x", "not one of none, first, all, stacked");
    refuse("graphType=cube", "not one of line, pie");
    refuse(
        "graphType=pie&pieMode=median",
        "not one of average, maximum, minimum",
    );
    refuse(
        "graphType=pie&valueLabels=x",
        "not one of none, number, percent",
    );
    refuse("bgcolor=mauve", "bgcolor is \"mauve\", which is no colour");
    refuse("colorList=red,zzz", "colorList is \"zzz\"");
    refuse("leftColor=12", "leftColor is");
    refuse("yMin=nan", "yMin is \"nan\", not a finite number");
    refuse("yMax=-inf", "yMax is");
    refuse("yMin=5&yMax=5", "must be below yMax");
    refuse("yStep=0", "yStep is \"0\", not above 0");
    refuse("yDivisors=0", "yDivisors is");
    refuse("yDivisors=4,,5", "yDivisors is");
    refuse("logBase=1", "logBase is \"1\"");
    refuse("logBase=ten", "logBase is");
    refuse("logBase=10&yMin=0", "must be above 0");
    refuse("minXStep=0", "minXStep is");
    refuse("minorY=1e9", "minorY is");
    refuse("lineWidth=-1", "lineWidth is");
    refuse(&format!("xFormat={}", "%25c".repeat(51)), "xFormat is");
}

#[test]
fn too_many() {
    let many: Vec<Series> = (0..SERIES_MAX + 1)
        .map(|i| series(&format!("a{i}"), T0, 60, vec![1.0, 2.0]))
        .collect();
    for query in ["", "graphType=pie"] {
        let refused = drawn_as(query, &many).map(|_| ()).expect_err("too many");
        assert!(told(refused).contains("at most 2000 "), "{query}");
        assert!(drawn_as(query, &many[1..]).is_ok(), "{query}");
    }
    let long = [series("a", T0, 1, vec![1.0; POINTS_MAX + 1])];
    assert!(drawn_as("", &long).is_ok(), "folded");
    let refused = drawn_as("width=10000&height=10&minXStep=0.001", &long);
    let refused = refused.map(|_| ()).expect_err("too many");
    assert!(told(refused).contains("at most 500000 values"));
    let wide: Vec<Series> = (0..190)
        .map(|i| series(&format!("a{i}"), T0, 1, walk(i, 2_500, 1e9)))
        .collect();
    let refused = drawn_as("width=10000&height=850&areaMode=all&areaAlpha=0.5", &wide);
    let refused = refused.map(|_| ()).expect_err("too large");
    assert!(told(refused).contains("6291456 bytes as SVG"));
}

#[test]
fn values_that_are_no_numbers_to_draw() {
    let odd = [
        series("nothing", T0, 60, vec![]),
        series("null", T0, 60, vec![f64::NAN; 5]),
        series(
            "infinite",
            T0,
            60,
            vec![f64::INFINITY, f64::NEG_INFINITY, 1.0],
        ),
        series("huge", T0, 60, vec![f64::MAX, -f64::MAX, 5e-324]),
        series("negative", T0, 60, vec![-5.0, -1e-300, 0.0]),
    ];
    for query in [
        "",
        "logBase=2",
        "areaMode=stacked",
        "lineMode=staircase",
        "graphType=pie",
        "yMax=max",
    ] {
        for one in &odd {
            assert!(
                drawn_as(query, std::slice::from_ref(one)).is_ok(),
                "{query} {}",
                one.name
            );
        }
        assert!(drawn_as(query, &odd).is_ok(), "{query}");
    }
    let far = [
        series("early", i64::MIN, i64::MAX, vec![1.0, 2.0]),
        series("late", i64::MAX - 5, 60, vec![1.0, 2.0]),
    ];
    assert!(drawn_as("", &far).is_ok());
    assert!(drawn_as("areaMode=stacked&lineMode=staircase", &far).is_ok());
}

#[test]
fn names_are_text() {
    let mut one = servers();
    one[0].name = "</text><script>alert('x')</script>\0\u{1f}&amp;\u{202e}".to_owned();
    one[1].name = "x".repeat(1 << 20);
    one[2].look.color = Some("\"/><script>".to_owned());
    let refused = drawn_as("", &one).map(|_| ()).expect_err("no colour");
    assert!(told(refused).contains("color is"));
    one[2].look.color = None;
    let query = "title=</svg><script>&vtitle=]]>&fontName=a'%22><script>";
    let svg = drawn_as(query, &one).expect("a picture");
    assert!(!svg.contains("<script") && svg.len() < 40_000);
    assert!(rasterise(&svg).is_ok());
}

fn parameter() -> impl Strategy<Value = (String, String)> {
    let names = "width height margin fontSize fontBold fontItalic fontName bgcolor colorList template title \
                 vtitle vtitleRight lineMode connectedLimit lineWidth areaMode areaAlpha drawNullAsZero \
                 hideLegend uniqueLegend hideAxes hideXAxis hideYAxis hideGrid hideNullFromLegend graphOnly \
                 min max yMin yMax yLimit yStep yMinLeft yMaxLeft yLimitRight yStepRight yMinRight yMaxRight \
                 yDivisors yUnitSystem logBase xFormat minXStep minorY majorGridLineColor leftWidth \
                 rightColor leftDashed yAxisSide thickness graphType pieMode pieLabels valueLabels \
                 valueLabelsMin target";
    let names: Vec<&str> = names.split_whitespace().collect();
    let values = "0 1 -1 2 10 e 1e300 -1e300 1e-300 5e-324 0.5 400 250 max nan inf true false default slope \
                  staircase connected none first all stacked si binary sec msec right left pie rotated \
                  number percent maximum red 00ff0080 %H%:z 4,5,6 1 3.7 noc a:5 b:-1 c:1e308";
    let values: Vec<&str> = values.split_whitespace().collect();
    let value = prop_oneof![
        6 => proptest::sample::select(values).prop_map(str::to_owned),
        2 => any::<f64>().prop_map(|number| number.to_string()),
        1 => any::<String>(),
    ];
    (
        proptest::sample::select(names).prop_map(str::to_owned),
        value,
    )
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -100.0..100.0,
        2 => Just(f64::NAN),
        1 => any::<f64>(),
    ]
}

fn any_series() -> impl Strategy<Value = Series> {
    let look = (
        proptest::option::of(number()),
        proptest::option::of(number()),
        proptest::option::of(number()),
        any::<[bool; 4]>(),
    );
    let look = look.prop_map(|(alpha, dashed, line_width, switches)| {
        let [second_y_axis, draw_as_infinite, stacked, invisible] = switches;
        Look {
            alpha,
            color: None,
            dashed,
            line_width,
            second_y_axis,
            draw_as_infinite,
            stacked,
            invisible,
        }
    });
    let start = prop_oneof![3 => T0..T0 + 1000, 1 => any::<i64>()];
    let step = prop_oneof![3 => 1..100i64, 1 => any::<i64>().prop_map(|step| step.max(1))];
    let values = proptest::collection::vec(number(), 0..40);
    let fold = proptest::sample::select(Fold::NAMES.to_vec());
    (look, start, step, values, fold).prop_map(|(look, start, step, values, (_, fold))| Series {
        look,
        fold,
        ..series("a.b", start, step, values)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// No mix of parameters and series does harm: a picture that can be read, or an error of the caller.
    #[test]
    fn any_mix(
        parameters in proptest::collection::vec(parameter(), 0..8),
        list in proptest::collection::vec(any_series(), 0..5),
    ) {
        let mut pairs: Vec<(&str, &str)> = vec![("width", "120"), ("height", "70")];
        pairs.extend(parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        match drawn(&pairs, &list) {
            Ok(svg) => {
                prop_assert!(!svg.contains("NaN") && !svg.contains("inf\""));
                prop_assert_eq!(rasterise(&svg).map(|_| ()), Ok(()));
            }
            Err(failure) => prop_assert_eq!(failure.into_response().status(), 400),
        }
    }
}
