//! When something is done, as Quartz writes it, where that is as good as "each so many seconds".

/// How many fields there are: seconds, minutes, hours, day of the month, month, day of the week, and often a
/// year.
const FIELDS: [usize; 2] = [6, 7];

/// A field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    /// Each one.
    Each,
    /// One of so many.
    EachOf(u64),
    /// A certain one.
    At,
}

/// The seconds between two times of a schedule, if they are always the same; from a second to a day.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if !FIELDS.contains(&fields.len()) {
        return None;
    }
    let (clock, days) = fields.split_at(3);
    if !days
        .iter()
        .all(|&day| matches!(day, "*" | "?" | "*/1" | "1/1"))
    {
        return None;
    }
    let mut unit = 1;
    let mut fields = clock.iter().zip([60, 60, 24]);
    // The first that is not a certain one tells the period; all behind it have to be each one.
    while let Some((text, most)) = fields.next() {
        let period = match field(text, most)? {
            Field::At => {
                unit *= most;
                continue;
            }
            Field::Each => unit,
            Field::EachOf(count) => unit * count,
        };
        let rest = fields.all(|(text, most)| field(text, most) == Some(Field::Each));
        return rest.then_some(period);
    }
    Some(unit)
}

fn field(text: &str, most: u64) -> Option<Field> {
    if text == "*" {
        return Some(Field::Each);
    }
    let number = |text: &str| text.parse().ok().filter(|number| *number < most);
    let Some((begin, count)) = text.split_once('/') else {
        return number(text).map(|_| Field::At);
    };
    if begin != "*" {
        number(begin)?;
    }
    match number(count)? {
        0 => None,
        1 => Some(Field::Each),
        // Of what does not go into the next unit the last is shorter.
        count => most.is_multiple_of(count).then_some(Field::EachOf(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods() {
        let check = |text: &str, want: Option<u64>| assert_eq!(seconds(text), want, "{text}");
        check("0 */1 * * * ?", Some(60));
        check("0 * * * * ?", Some(60));
        check("30 0/5 * ? * *", Some(300));
        check("0 2/15 * * * ? *", Some(900));
        check("* * * * * ?", Some(1));
        check("*/10 * * * * ?", Some(10));
        check("0 0 * * * ?", Some(3600));
        check("0 0 */6 * * ?", Some(21_600));
        check("0 0 12 * * ?", Some(86_400));
        check("0 0 12 1/1 * ? *", Some(86_400));
        check("0 0 12 ? * SUN *", None);
        check("0 */7 * * * ?", None);
        check("0 */1 8-17 * * ?", None);
        check("0,30 * * * * ?", None);
        check("*/10 5 * * * ?", None);
        check("0 */0 * * * ?", None);
        check("60 * * * * ?", None);
        check("0 * * * *", None);
        check("", None);
    }
}
