//! Points gathered to be written: as a body of `POST /api/v1/datapoints`, or as the lines of KairosDB's own
//! export, one object each, in which every point has its type.

use super::point::{Series, Type, push_number};
use crate::base::decimal::push_integer;
use crate::wire::json::push_text;

/// Bytes of the points of one object. KairosDB holds an object whole, and so does corelane.
const OBJECT_BYTES_MAX: usize = 256 * 1024;

/// How points are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// An array of objects, with a time to live if there is one.
    Body { ttl_seconds: Option<u32> },
    /// A line for each object.
    Lines,
}

/// Points on their way.
#[derive(Debug)]
pub(super) struct Batch {
    form: Form,
    out: Vec<u8>,
    series: Series,
    /// Points of the series that are in no object yet, by their type.
    columns: [Vec<u8>; Type::ALL.len()],
}

impl Batch {
    pub(super) fn new(form: Form) -> Batch {
        Batch {
            form,
            out: Vec::new(),
            series: Series::default(),
            columns: Default::default(),
        }
    }

    /// The next points are of `series`.
    pub(super) fn begin(&mut self, series: &Series) {
        if self.series != *series {
            self.close();
            self.series = series.clone();
        }
    }

    /// A point of it. `None`, and nothing is written, if the value is no finite number of its type.
    pub(super) fn push(&mut self, at: i64, kind: Type, value: &str) -> Option<()> {
        let [longs, doubles, texts] = &mut self.columns;
        let column = match kind {
            Type::Long => longs,
            Type::Double => doubles,
            Type::Text => texts,
        };
        let before = column.len();
        column.extend_from_slice(if before == 0 { b"[" } else { b",[" });
        push_integer(at, column);
        column.push(b',');
        let pushed = match kind {
            Type::Text => {
                push_text(value, column);
                Some(())
            }
            _ => push_number(value, kind, column),
        };
        if pushed.is_none() {
            column.truncate(before);
            return None;
        }
        if self.form == Form::Lines {
            column.extend_from_slice(b",\"");
            column.extend_from_slice(kind.name().as_bytes());
            column.push(b'"');
        }
        column.push(b']');
        if OBJECT_BYTES_MAX <= column.len() {
            self.close();
        }
        Some(())
    }

    /// Put what there is of the series into objects.
    fn close(&mut self) {
        for (kind, column) in Type::ALL.into_iter().zip(&mut self.columns) {
            if column.is_empty() {
                continue;
            }
            let out = &mut self.out;
            if let Form::Body { .. } = self.form {
                out.extend_from_slice(if out.is_empty() { b"[" } else { b",\n" });
            }
            out.push(b'{');
            self.series.push(out);
            if let Form::Body { ttl_seconds } = self.form {
                if kind == Type::Text {
                    out.extend_from_slice(b",\"type\":\"string\"");
                }
                if let Some(seconds) = ttl_seconds {
                    out.extend_from_slice(format!(",\"ttl\":{seconds}").as_bytes());
                }
                if self.series.tags.is_empty() {
                    out.extend_from_slice(b",\"skip_validate\":true");
                }
            }
            out.extend_from_slice(b",\"datapoints\":[");
            out.append(column);
            out.extend_from_slice(b"]}");
            if self.form == Form::Lines {
                out.push(b'\n');
            }
        }
    }

    /// Bytes of what is written.
    pub(super) fn bytes(&self) -> usize {
        self.out.len()
    }

    /// All of it; the batch is empty then, and its series goes on.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.close();
        let mut out = std::mem::take(&mut self.out);
        if self.form != Form::Lines && !out.is_empty() {
            out.push(b']');
        }
        out
    }

    /// Throw away what there is.
    pub(super) fn clear(&mut self) {
        self.out.clear();
        self.columns.iter_mut().for_each(Vec::clear);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(form: Form) -> String {
        let mut batch = Batch::new(form);
        let tags = vec![("h".to_owned(), "a\"b".to_owned())];
        let name = "m".to_owned();
        batch.begin(&Series { name, tags });
        assert_eq!(batch.push(-1, Type::Long, "5"), Some(()));
        assert_eq!(batch.push(2, Type::Text, "12"), Some(()));
        assert_eq!(batch.push(3, Type::Double, "NaN"), None);
        assert_eq!(batch.push(4, Type::Double, "5"), Some(()));
        assert_eq!(batch.push(5, Type::Long, "6"), Some(()));
        batch.begin(&Series::default());
        assert_eq!(batch.push(6, Type::Long, "7"), Some(()));
        let text = String::from_utf8(batch.take()).expect("UTF-8");
        assert!(batch.take().is_empty());
        text
    }

    #[test]
    fn a_body() {
        let ttl_seconds = Some(60);
        let want = concat!(
            r#"[{"name":"m","tags":{"h":"a\"b"},"ttl":60,"datapoints":[[-1,5],[5,6]]},"#,
            "\n",
            r#"{"name":"m","tags":{"h":"a\"b"},"ttl":60,"datapoints":[[4,5.0]]},"#,
            "\n",
            r#"{"name":"m","tags":{"h":"a\"b"},"type":"string","ttl":60,"datapoints":[[2,"12"]]},"#,
            "\n",
            r#"{"name":"","tags":{},"ttl":60,"skip_validate":true,"datapoints":[[6,7]]}]"#,
        );
        assert_eq!(some(Form::Body { ttl_seconds }), want);
    }

    #[test]
    fn lines() {
        let want = concat!(
            r#"{"name":"m","tags":{"h":"a\"b"},"datapoints":[[-1,5,"long"],[5,6,"long"]]}"#,
            "\n",
            r#"{"name":"m","tags":{"h":"a\"b"},"datapoints":[[4,5.0,"double"]]}"#,
            "\n",
            r#"{"name":"m","tags":{"h":"a\"b"},"datapoints":[[2,"12","string"]]}"#,
            "\n",
            r#"{"name":"","tags":{},"datapoints":[[6,7,"long"]]}"#,
            "\n",
        );
        assert_eq!(some(Form::Lines), want);
    }

    #[test]
    fn objects_are_bounded() {
        let mut batch = Batch::new(Form::Lines);
        for at in 0..100_000 {
            assert_eq!(batch.push(at, Type::Long, "1234567"), Some(()));
        }
        let text = batch.take();
        let lines = text.split(|&byte| byte == b'\n');
        assert!(lines.clone().count() > 5);
        assert!(
            lines
                .map(<[u8]>::len)
                .all(|bytes| bytes < OBJECT_BYTES_MAX + 100)
        );
    }
}
