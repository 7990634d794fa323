//! `/render` as pictures.

use super::*;

/// A minute that is in the range of every request here.
const T0: i64 = 1_699_999_200;
const RANGE: &str = "from=1699999199&until=1699999799";

fn fleet() -> TestFleet {
    let mut fleet = TestFleet::new(2, T0 + 900);
    for i in 0..10 {
        let time_ms = (T0 + 60 * i as i64) * 1000;
        for (name, value) in [("p.a", i as f64), ("p.b", 20.0 - i as f64)] {
            fleet.shards.put(i % 2, name, time_ms, i as u64 + 1, value);
        }
    }
    fleet
}

fn ask_for(parameters: &str) -> Response<Bytes> {
    get(&fleet(), &format!("/render?{RANGE}&{parameters}"))
}

#[track_caller]
fn check_png(parameters: &str, width: u32, height: u32) {
    let response = ask_for(parameters);
    assert_eq!(response.status(), 200, "{parameters}");
    assert_eq!(header(&response, "Content-Type"), "image/png");
    let bytes = response.body();
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "{parameters}");
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    assert_eq!(bytes[16..24], size, "{parameters}");
}

#[test]
fn png_is_what_an_image_tag_gets() {
    check_png("target=p.*", 330, 250);
    check_png("target=p.*&format=png&width=500&height=100", 500, 100);
    check_png("target=p.a&format=bogus", 330, 250);
    check_png("target=nosuch", 330, 250);
    check_png("", 330, 250);
}

#[test]
fn svg_is_text() {
    let response = ask_for("target=p.*&format=svg&title=a%26b");
    assert_eq!(header(&response, "Content-Type"), "image/svg+xml");
    let svg = body(&response);
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"330\""));
    for text in [">a&amp;b<", ">p.a<", ">p.b<", "font-family=\"'DejaVu Sans'"] {
        assert!(svg.contains(text), "{text} in {svg}");
    }
    let nothing = ask_for("target=nosuch&format=svg");
    assert!(body(&nothing).contains(">No Data<"));
}

#[test]
fn svg_in_a_callback() {
    let svg = body(&ask_for("target=p.*&format=svg")).to_owned();
    let response = ask_for("target=p.*&format=svg&jsonp=cb");
    assert_eq!(header(&response, "Content-Type"), "text/javascript");
    let inner = body(&response).strip_prefix("cb(");
    let inner = inner
        .and_then(|rest| rest.strip_suffix(')'))
        .expect("a call");
    let told: String = serde_json::from_str(inner).expect("a JSON string");
    assert_eq!(told, svg);
}

#[test]
fn the_zone_of_the_request_is_that_of_its_labels() {
    let utc = ask_for("target=p.a&format=svg");
    let local = ask_for("target=p.a&format=svg&tz=Asia/Kathmandu");
    assert!(body(&utc).contains(">22:02<"), "{}", body(&utc));
    assert!(body(&local).contains(">03:46<"), "{}", body(&local));
}

#[test]
fn pies_of_series_and_of_numbers() {
    let response = ask_for("target=p.*&target=free:4.5&graphType=pie&format=svg");
    let svg = body(&response);
    for text in [">free<", ">p.a<", ">p.b<", ">18.37%<"] {
        assert!(svg.contains(text), "{text} in {svg}");
    }
    // Elsewhere such a target is none.
    assert_eq!(ask_for("target=free:4.5&format=svg").status(), 200);
}

#[test]
fn what_is_wrong_is_told_as_text() {
    for (parameters, want) in [
        ("target=p.*&format=pdf", "format pdf is not served"),
        ("target=p.*&width=0", "width is \"0\""),
        ("target=f(p.a)", "unknown function: f"),
        ("target=p.*&bgcolor=mauve", "which is no colour"),
    ] {
        let response = ask_for(parameters);
        assert_eq!(response.status(), 400, "{parameters}");
        assert!(header(&response, "Content-Type").starts_with("text/plain"));
        assert!(body(&response).contains(want), "{}", body(&response));
    }
}

#[test]
fn too_many_pictures_at_once() {
    let fleet = TestFleet {
        fails: Some(QueryError::Busy),
        ..fleet()
    };
    let response = get(&fleet, "/render?format=png");
    assert_eq!(response.status(), 503);
    assert_eq!(header(&response, "Retry-After"), "1");
    assert_eq!(get(&fleet, "/render?format=svg").status(), 200);
}

#[test]
fn pictures_may_be_kept_like_other_answers() {
    let kept = |parameters| header(&ask_for(parameters), "Cache-Control").to_owned();
    assert_eq!(kept("target=p.a"), "max-age=60");
    assert_eq!(kept("target=p.a&format=svg&cacheTimeout=5"), "max-age=5");
    assert!(kept("target=p.a&noCache=1").contains("no-store"));
}

/// Drawing gives way to other work.
#[test]
fn drawing_breathes() {
    let mut fleet = TestFleet::new(2, T0 + 5_000);
    for name in 0..40 {
        for i in 0..2_000 {
            let time_ms = (T0 + i as i64) * 1000;
            let name = format!("w.n{name}");
            fleet
                .shards
                .put(i % 2, &name, time_ms, i as u64 + 1, (i % 97) as f64);
        }
    }
    let breaths = |parameters: &str| {
        fleet.breaths.set(0);
        let url = format!(
            "/render?target=w.*&from={}&until={}{parameters}",
            T0 - 1,
            T0 + 1_999
        );
        assert_eq!(get(&fleet, &url).status(), 200);
        fleet.breaths.get()
    };
    let json = breaths("&format=json&maxDataPoints=1");
    for look in ["", "&areaMode=all", "&areaMode=stacked&lineMode=staircase"] {
        let svg = breaths(&format!("&format=svg&width=2100{look}"));
        assert!(json + 40 * 2_000 / 1_000 < svg, "{look}: {json} {svg}");
    }
}

/// A line of a constant has a value at the end of the range, and stairs go no further.
#[test]
fn stairs_end_with_the_range() {
    // The line of `p.a` goes from the left of the plot to its right.
    for line in [
        "constantLine(15)",
        "threshold(15)",
        "aggregateLine(p.a)",
        "countSeries()",
    ] {
        let wanted = "format=svg&width=800&lineMode=staircase&hideLegend=true";
        let svg = body(&ask_for(&format!("target=p.a&target={line}&{wanted}"))).to_owned();
        let (_, series) = svg.split_once("class=\"series\"").expect("a plot");
        let (_, path) = series.split_once("<path d=\"").expect("a line");
        let (path, _) = path.split_once('"').expect("an end");
        let (_, last) = path.rsplit_once('L').expect("a point");
        let x = last.split(' ').next().and_then(|x| x.parse::<f64>().ok());
        assert!(x.expect("a place") > 780.0, "{line}: {svg}");
    }
}
