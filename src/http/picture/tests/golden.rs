//! Pictures as they are: whoever changes one looks at it. `BLESS=1` writes them anew, and each as PNG
//! into `target/pictures`.

use std::fs;
use std::path::Path;

use super::*;
use crate::query::series::Look;

#[track_caller]
fn check(name: &str, query: &str, series: &[Series]) {
    let svg = drawn_as(query, series).expect("a picture");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join(format!("src/http/picture/tests/golden/{name}.svg"));
    if std::env::var_os("BLESS").is_some() {
        let pictures = root.join("target/pictures");
        fs::create_dir_all(&pictures).expect("a folder");
        let png = rasterise(&svg).expect("a PNG");
        fs::write(pictures.join(format!("{name}.png")), png).expect("written");
        fs::write(&file, &svg).expect("written");
    }
    let want = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        svg == want,
        "{name} is not what it was; look at it: BLESS=1 cargo test --lib picture"
    );
}

fn look(mut series: Series, change: impl FnOnce(&mut Look)) -> Series {
    change(&mut series.look);
    series
}

#[test]
fn lines() {
    check(
        "lines",
        "title=CPU of three servers&vtitle=percent",
        &servers(),
    );
}

#[test]
fn nothing() {
    check("nothing", "", &[]);
}

#[test]
fn stacked() {
    let query = "areaMode=stacked&template=solarized-dark&width=500&height=300&title=Stacked";
    check("stacked", query, &servers());
}

#[test]
fn areas_with_their_lines() {
    let query = "areaMode=all&areaAlpha=0.4&lineWidth=2&yMin=0&hideGrid=true";
    check("areas", query, &gaps());
}

#[test]
fn stairs() {
    check(
        "stairs",
        "lineMode=staircase&colorList=red,darkblue,00aa0088",
        &gaps(),
    );
}

#[test]
fn connected() {
    let query = "lineMode=connected&connectedLimit=2&template=noc&minorY=3";
    check("connected", query, &gaps());
}

#[test]
fn two_axes() {
    let [a, b, c] = <[Series; 3]>::try_from(servers()).expect("three");
    let right = look(c, |look| look.second_y_axis = true);
    let right = Series {
        values: right.values.iter().map(|value| value * 1e6).collect(),
        name: "bytes".to_owned(),
        ..right
    };
    let query = "width=600&height=300&vtitle=percent&vtitleRight=bytes&yUnitSystem=binary\
                 &rightColor=orange&rightDashed=4&leftWidth=2&title=Two axes";
    check("two_axes", query, &[a, b, right]);
}

#[test]
fn logarithmic() {
    let mut series = servers();
    for one in &mut series {
        for (i, value) in one.values.iter_mut().enumerate() {
            *value *= (i * i) as f64;
        }
    }
    check(
        "logarithmic",
        "logBase=10&yUnitSystem=si&xFormat=%25H h",
        &series,
    );
}

#[test]
fn looks_of_functions() {
    let [a, b, c] = <[Series; 3]>::try_from(servers()).expect("three");
    let dashed = look(a, |look| {
        look.dashed = Some(5.0);
        look.color = Some("#ff8800".to_owned());
        look.line_width = Some(3.0);
    });
    let area = look(b, |look| {
        look.stacked = true;
        look.alpha = Some(0.3);
    });
    let deploys = Series {
        values: (0..360).map(|i| f64::from(i % 90 == 45)).collect(),
        ..look(c, |look| look.draw_as_infinite = true)
    };
    check(
        "looks",
        "yAxisSide=right&fontItalic=true",
        &[dashed, area, deploys],
    );
}

#[test]
fn many_names() {
    let many: Vec<Series> = (0..40)
        .map(|i| {
            let name = format!("datacenter.rack{i}.<\"&'>.requests");
            series(&name, T0, 3600, walk(i, 24 * 7, 5000.0))
        })
        .collect();
    let query = "hideLegend=false&width=700&height=400&yMax=max&fontSize=12&fontBold=1";
    check("many_names", query, &many);
}

#[test]
fn graph_only() {
    check(
        "graph_only",
        "graphOnly=true&width=120&height=30&title=no",
        &servers(),
    );
}

#[test]
fn pies() {
    check("pie", "graphType=pie&title=Shares", &servers());
    let query = "graphType=pie&target=blue:12&target=green:30.5&valueLabels=number&pieLabels=rotated\
                 &template=alphas&width=400&pieMode=maximum";
    check("pie_rotated", query, &servers());
}

#[test]
fn constant_and_short() {
    let short = [
        series("constant", T0, 10, vec![42.0; 30]),
        series("alone", T0, 10, vec![f64::NAN, 43.0, f64::NAN]),
    ];
    check("short", "hideNullFromLegend=1&uniqueLegend=1", &short);
}
