//! Answers of graphite-web itself, noted in files beside this one.

use super::*;

/// What the noted requests ask for, besides some of what every example does.
pub(super) fn noted() -> Vec<Series> {
    let minutes: [(&str, &[f64]); 4] = [
        ("g.frac", &[0.5, -1.25, 2.675, N, 0.125, 1e-7]),
        ("g.gaps", &[N, 7.0, N, N, 8.0, N]),
        ("g.neg", &[-2.5, -0.5, N, 0.0, 1.5, 1000.0]),
        ("g.sparse", &[N, 1.0, N, 2.0, N, 3.0]),
    ];
    let mut all = stored();
    all.extend(minutes.map(|(name, values)| leaf(name, T, 60, values)));
    let wave = |i: u32| f64::from(i * 37 % 101) / 8.0 - 5.0;
    let with_gaps = |i: u32| if i % 7 == 3 { N } else { wave(i) };
    let sparse = |i: u32| if i % 3 == 1 { f64::from(i) } else { N };
    let slow = |i: u32| f64::from(i * 53 % 97) / 4.0;
    let two_hours = |step: u32, value: &dyn Fn(u32) -> f64| -> Vec<f64> {
        (0..7_200 / step).map(value).collect()
    };
    all.push(leaf("hist.p", T - 3600, 60, &two_hours(60, &sparse)));
    all.push(leaf("hist.s", T - 3600, 120, &two_hours(120, &slow)));
    all.push(leaf("hist.w", T - 3600, 60, &two_hours(60, &with_gaps)));
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// The answer to `target` over the range of `context`.
pub(super) fn ask_noted(target: &str, context: &Context) -> Result<Vec<Series>, QueryError> {
    let target = target::parse(target, &[])?;
    let leaves = Stored {
        series: &noted(),
        sliced: true,
    };
    evaluated(&target, &leaves, context, &Pace::new(&Breathless))
}

/// All that an answer says of a series.
fn show_whole(series: &Series) -> String {
    let value = |value: &f64| match value.is_nan() {
        true => "·".to_owned(),
        false => {
            let text = number::float(*value);
            text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
        }
    };
    let values: Vec<String> = series.values.iter().map(value).collect();
    let tags: Vec<String> = series
        .tags
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    let place = match (series.start - T, series.step) {
        (0, 60) => String::new(),
        (offset, step) => format!(" @{offset:+}/{step}"),
    };
    format!(
        "{}{place} [{}] {} in {} by {}",
        series.name,
        values.join(","),
        tags.join(" "),
        series.path_expression,
        series.fold.name()
    )
}

fn answer(request: &str) -> Vec<String> {
    let mut context = context();
    let mut target = request;
    if let Some((options, rest)) = request.strip_prefix('[').and_then(|it| it.split_once("] ")) {
        target = rest;
        for option in options.split(' ') {
            let (key, value) = option.split_once('=').expect("an option");
            match key {
                "from" => context.from = value.parse().expect("seconds"),
                "more" => context.until += value.parse::<i64>().expect("seconds"),
                _ => context.x_files_factor = value.parse().expect("a share"),
            }
        }
    }
    match ask_noted(target, &context) {
        Ok(series) if series.is_empty() => vec!["nothing".to_owned()],
        Ok(series) => series.iter().map(show_whole).collect(),
        Err(QueryError::Invalid(_)) => vec!["an error".to_owned()],
        Err(other) => vec![format!("{other:?}")],
    }
}

/// Whether every request of `noted` is answered just so.
#[track_caller]
pub(super) fn check_noted(noted: &str) {
    let lines: Vec<&str> = noted.lines().collect();
    let mut faults = Vec::new();
    let mut requests = 0;
    for (i, request) in lines.iter().enumerate() {
        if request.is_empty() || request.starts_with(['#', ' ']) {
            continue;
        }
        requests += 1;
        let below = lines
            .iter()
            .skip(i + 1)
            .map_while(|line| line.strip_prefix("  "));
        let want: Vec<&str> = below
            .map(|line| match line {
                "400" | "500" => "an error",
                other => other,
            })
            .collect();
        let got = answer(request);
        if got != want {
            faults.push(format!(
                "{request}\n  wanted {}\n  got    {}",
                want.join("\n         "),
                got.join("\n         ")
            ));
        }
    }
    assert!(100 < requests, "only {requests} requests were found");
    assert!(
        faults.is_empty(),
        "{} differ:\n{}",
        faults.len(),
        faults.join("\n")
    );
}
