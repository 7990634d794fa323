//! Texts lie inside of the picture and not upon each other, and lines where their values are.

use super::*;
use crate::http::picture::font::Font;

/// A text with the rectangle that it takes: left, top, right, bottom.
struct Seen {
    class: String,
    text: String,
    place: [f64; 4],
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(rest.split_once('"')?.0)
}

fn number(tag: &str, name: &str) -> f64 {
    attribute(tag, name)
        .and_then(|text| text.parse().ok())
        .expect("a number")
}

/// All texts of a picture.
fn texts(svg: &str) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut group = ("", 0.0);
    for line in svg.lines() {
        if line.starts_with("<g class=") && line.contains("font-size") {
            group = (
                attribute(line, "class").expect("a class"),
                number(line, "font-size"),
            );
        }
        let Some(rest) = line.strip_prefix("<text") else {
            continue;
        };
        let (tag, text) = rest.split_once('>').expect("a text");
        let text = text.strip_suffix("</text>").expect("its end");
        let font = Font {
            family: None,
            size: group.1,
            bold: false,
            italic: false,
        };
        let (x, y, width) = (number(tag, "x"), number(tag, "y"), font.width(text));
        let left = match attribute(tag, "text-anchor") {
            Some("middle") => x - width / 2.0,
            Some("end") => x - width,
            _ => x,
        };
        // The height of capital letters: what stands below the line may be as near as it likes.
        let high = font.size * 0.73;
        let place = match attribute(tag, "transform") {
            None => [left, y - high, left + width, y],
            Some(turned) if turned.starts_with("rotate(-90 ") => {
                [x - high, y - width / 2.0, x, y + width / 2.0]
            }
            Some(_) => [x, y - width / 2.0, x + high, y + width / 2.0],
        };
        seen.push(Seen {
            class: group.0.to_owned(),
            text: text.to_owned(),
            place,
        });
    }
    seen
}

#[track_caller]
fn check(query: &str, series: &[Series]) {
    let svg = drawn_as(query, series).expect("a picture");
    let head = svg.lines().next().expect("a line");
    let (width, height) = (number(head, "width"), number(head, "height"));
    let seen = texts(&svg);
    for (i, one) in seen.iter().enumerate() {
        let [left, top, right, bottom] = one.place;
        let inside = -0.5 <= left && -0.5 <= top && right <= width + 0.5 && bottom <= height + 0.5;
        let about = format!("{query}: {} {:?} at {:?}", one.class, one.text, one.place);
        assert!(inside, "{about} is outside of {width}x{height}");
        for other in &seen[..i] {
            let [l, t, r, b] = other.place;
            let apart = right <= l + 0.5 || r <= left + 0.5 || bottom <= t + 0.5 || b <= top + 0.5;
            assert!(
                apart,
                "{about} lies upon {:?} at {:?}",
                other.text, other.place
            );
        }
    }
}

#[test]
fn texts_have_their_own_places() {
    let mut right = servers();
    right[2].look.second_y_axis = true;
    right[2].values.iter_mut().for_each(|value| *value *= 1e7);
    let many: Vec<Series> = (0..300)
        .map(|i| {
            series(
                &format!("some.long.name.of.a.series.{i}"),
                T0,
                60,
                walk(i, 50, 9.0),
            )
        })
        .collect();
    let sizes = [
        "",
        "&width=800&height=400",
        "&width=200&height=150",
        "&width=1600&height=120",
    ];
    let looks = [
        "",
        "&title=A title that is rather long for such a picture, is it not%0Aand a second line",
        "&vtitle=down the side&vtitleRight=and down the other",
        "&fontSize=16&title=Large",
        "&yAxisSide=right&margin=0&vtitle=v",
        "&hideLegend=false&fontSize=8",
        "&logBase=2&hideXAxis=true",
        "&yDivisors=30&minorY=5",
        "&hideYAxis=true&margin=40",
    ];
    for size in sizes {
        for look in looks {
            for list in [&servers(), &right, &many] {
                check(&format!("tz=UTC{size}{look}"), list);
            }
        }
    }
}

#[test]
fn long_and_short_ranges() {
    for step in [1, 10, 60, 300, 3600, 86_400, 2_000_000, 100_000_000] {
        for count in [1, 2, 30, 1000] {
            let one = [series("a", T0, step, walk(1, count, 1e6))];
            check("width=330", &one);
            check("width=1000&xFormat=%25A %25d. %25B %25Y", &one);
        }
    }
}

/// Points of the only stroke inside of the plot.
fn points(svg: &str) -> Vec<(f64, f64)> {
    let (_, plot) = svg.split_once("<g class=\"series\"").expect("a plot");
    let path = plot
        .lines()
        .find(|line| line.starts_with("<path"))
        .expect("a line");
    let path = attribute(path, "d").expect("a way");
    let points = path.split(['M', 'L']).filter(|point| !point.is_empty());
    points
        .map(|point| {
            let (x, y) = point.split_once(' ').expect("two numbers");
            (x.parse().expect("x"), y.parse().expect("y"))
        })
        .collect()
}

#[test]
fn lines_go_through_their_values() {
    let one = [series("a", T0, 60, vec![0.0, 5.0, 10.0, 5.0])];
    let bare = "graphOnly=true&width=302&height=100&lineWidth=1";
    let slope = drawn_as(bare, &one).expect("a picture");
    let want = [(0.5, 100.0), (100.5, 50.0), (200.5, 0.0), (300.5, 50.0)];
    assert_eq!(points(&slope), want);
    let stairs = drawn_as(&format!("{bare}&lineMode=staircase"), &one).expect("a picture");
    let want = [
        (0.5, 100.0),
        (75.5, 100.0),
        (75.5, 50.0),
        (150.5, 50.0),
        (150.5, 0.0),
        (225.5, 0.0),
        (225.5, 50.0),
        (300.5, 50.0),
    ];
    assert_eq!(points(&stairs), want);
}

#[test]
fn gaps_are_gaps() {
    let n = f64::NAN;
    let one = [series(
        "a",
        T0,
        60,
        vec![0.0, 10.0, n, n, 10.0, 0.0, n, 5.0],
    )];
    let moves = |query: &str| {
        let bare = "graphOnly=true&width=302&height=100&lineWidth=1";
        let svg = drawn_as(&format!("{bare}{query}"), &one).expect("a picture");
        let (_, plot) = svg.split_once("<g class=\"series\"").expect("a plot");
        plot.lines()
            .filter(|l| l.contains("stroke="))
            .flat_map(|l| l.chars())
            .filter(|&c| c == 'M')
            .count()
    };
    assert_eq!(moves(""), 3);
    assert_eq!(moves("&lineMode=staircase"), 3);
    assert_eq!(moves("&lineMode=connected"), 1);
    assert_eq!(moves("&lineMode=connected&connectedLimit=1"), 2);
    assert_eq!(moves("&drawNullAsZero=true"), 1);
}

/// Many values become few by the series' own fold.
#[test]
fn values_are_folded_to_the_width() {
    let mut one = series("a", T0, 1, vec![0.0; 3000]);
    one.values[1234] = 100.0;
    let height = |fold| {
        let one = Series {
            fold,
            ..one.clone()
        };
        let svg = drawn_as(
            "graphOnly=true&width=302&height=100&lineWidth=1&yMax=100",
            &[one],
        );
        let points = points(&svg.expect("a picture"));
        assert_eq!(points.len(), 300);
        let top = points.iter().map(|point| point.1).fold(100.0, f64::min);
        100.0 - top
    };
    use crate::query::series::Fold;
    assert_eq!(height(Fold::Max), 100.0);
    assert_eq!(height(Fold::Average), 10.0);
}

#[test]
fn stacks_are_sums() {
    let list = [
        series("a", T0, 60, vec![1.0; 10]),
        series("b", T0, 120, vec![2.0; 5]),
        series("c", T0, 60, vec![4.0; 10]),
    ];
    let svg = drawn_as("areaMode=stacked&areaAlpha=0.5&yMin=0", &list).expect("a picture");
    let labels: Vec<String> = texts(&svg)
        .into_iter()
        .filter(|seen| seen.class == "axis")
        .map(|seen| seen.text)
        .collect();
    assert!(
        labels.contains(&"7".to_owned()) || labels.contains(&"8".to_owned()),
        "{labels:?}"
    );
}

/// Every name is in the legend once, or counted.
#[test]
fn legends_are_complete() {
    let list: Vec<Series> = (0..60)
        .map(|i| series(&format!("series{}", i % 50), T0, 60, walk(i, 50, 9.0)))
        .collect();
    let legend = |query: &str| {
        let svg = drawn_as(query, &list).expect("a picture");
        let seen = texts(&svg)
            .into_iter()
            .filter(|seen| seen.class == "legend");
        seen.map(|seen| seen.text).collect::<Vec<_>>()
    };
    assert_eq!(legend("").len(), 0, "more than ten");
    assert_eq!(legend("hideLegend=0&width=1000&height=800").len(), 60);
    assert_eq!(
        legend("hideLegend=0&uniqueLegend=1&width=1000&height=800").len(),
        50
    );
    let few = legend("hideLegend=0");
    let last = few.last().expect("a text");
    assert_eq!(*last, format!("and {} more", 60 - (few.len() - 1)));
}

#[test]
fn a_png_has_the_size_that_was_asked_for() {
    let svg = drawn_as("width=321&height=123", &servers()).expect("a picture");
    let png = rasterise(&svg).expect("a PNG");
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert_eq!(png[16..24], [0, 0, 1, 65, 0, 0, 0, 123]);
}

/// Letters of all faces are there: a picture with a text is not one without.
#[test]
fn a_png_has_its_letters() {
    for face in [
        "",
        "&fontBold=1",
        "&fontItalic=1",
        "&fontBold=1&fontItalic=1",
        "&fontName=Nosuch",
    ] {
        let with = |title: &str| {
            let query = format!("graphOnly=0&hideAxes=1&hideLegend=1&title={title}{face}");
            let svg = drawn_as(&query, &servers()).expect("a picture");
            rasterise(&svg).expect("a PNG")
        };
        assert_ne!(with("Wwww"), with("%20"), "{face}");
    }
}
