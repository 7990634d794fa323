//! What names a series: tenant, metric name, sorted tags.

use super::points::Duplicates;
use super::refusal::Reason;

/// Bytes of a metric name.
pub const NAME_BYTES_MAX: usize = 4 * 1024;
/// Tags of a series.
pub const TAGS_MAX: usize = 32;
/// Bytes of a tag's key.
pub const TAG_KEY_BYTES_MAX: usize = 256;
/// Bytes of a tag's value.
pub const TAG_VALUE_BYTES_MAX: usize = 4 * 1024;
/// Bytes of a series' canonical text.
pub const SERIES_BYTES_MAX: usize = 16 * 1024;

/// Series of one name that differ by how long their points stay.
pub const TTLS_MAX: usize = 256;
/// Bytes of a value that is a text.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Whose series it is. Part of the identity from the first version on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(pub u32);

impl TenantId {
    /// The only tenant while access is off.
    pub const DEFAULT: TenantId = TenantId(0);
}

/// A series on one shard: dense from 0, at most 2^24 of them, meaningless elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub u32);

/// The keyed 128-bit hash of a series' identity bytes: the same on every shard of an appliance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(pub u128);

/// What the values of a series are. Points of one name with another type of value are another series,
/// as in KairosDB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Values {
    /// Floating point, kept as decimals where they are some.
    #[default]
    Double = 0,
    /// Whole numbers of 64 bits.
    Long = 1,
    /// Texts.
    Text = 2,
}

/// Which of the series of one name: they differ by the type of their values, and by how long their points
/// stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Variant {
    /// What its values are.
    pub values: Values,
    /// Seconds after its arrival for which a point stays; 0 is for ever.
    pub ttl_seconds: u32,
}

impl From<Values> for Variant {
    /// The one whose points stay for ever.
    fn from(values: Values) -> Variant {
        Variant {
            values,
            ttl_seconds: 0,
        }
    }
}

/// What the numbers of a series mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// What was there at a time.
    #[default]
    Gauge = 0,
    /// A count that only grows, but for starting again.
    Counter = 1,
    /// What was added at a time.
    Increment = 2,
}

/// What is fixed for a series when it is defined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Properties {
    /// What its values are; part of the identity.
    pub values: Values,
    /// What its numbers mean.
    pub kind: Kind,
    /// What becomes of two points with one timestamp.
    pub duplicates: Duplicates,
    /// Step that its tiers are normalised to, in seconds; 0 is none.
    pub base_step_seconds: u32,
    /// Seconds after its arrival for which a point stays, 0 for ever; part of the identity.
    pub ttl_seconds: u32,
}

impl Properties {
    /// Which of the series of its name it is.
    pub fn variant(&self) -> Variant {
        Variant {
            values: self.values,
            ttl_seconds: self.ttl_seconds,
        }
    }

    /// Points whose stamp is below have expired when the clock of arrivals says `now`, in microseconds.
    pub fn expired_below(&self, now: u64) -> u64 {
        let micros = u64::from(self.ttl_seconds) * 1_000_000;
        match micros {
            0 => 0,
            // As much as the ttl is over at this stamp.
            _ => now.checked_sub(micros).map_or(0, |last| last + 1),
        }
    }
}

/// A name exactly as a peer sent it, with whatever key or fingerprint stands in front. Only
/// `access` may turn it into a tenant and a name; the type keeps everyone else from forgetting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentName<'a>(pub &'a [u8]);

/// Metric name and tags, checked, tags sorted by the bytes of `key=value` and of distinct keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SeriesName {
    metric: String,
    tags: Vec<(String, String)>,
}

impl SeriesName {
    /// Check and sort. Of two tags with one key the later wins, as in carbon.
    ///
    /// # Errors
    /// The limit that is passed, or [`Reason::NameEmpty`].
    pub fn new(metric: String, tags: Vec<(String, String)>) -> Result<SeriesName, Reason> {
        if metric.is_empty() {
            return Err(Reason::NameEmpty);
        }
        if metric.len() > NAME_BYTES_MAX {
            return Err(Reason::NameLong);
        }
        let mut distinct: Vec<(String, String)> = Vec::with_capacity(tags.len());
        for (key, value) in tags {
            if key.len() > TAG_KEY_BYTES_MAX {
                return Err(Reason::TagKeyLong);
            }
            if value.len() > TAG_VALUE_BYTES_MAX {
                return Err(Reason::TagValueLong);
            }
            if let Some(known) = distinct.iter_mut().find(|known| known.0 == key) {
                known.1 = value;
            } else if distinct.len() < TAGS_MAX {
                distinct.push((key, value));
            } else {
                return Err(Reason::TagsMany);
            }
        }
        distinct.sort_by(|a, b| pair_bytes(a).cmp(pair_bytes(b)));
        let name = SeriesName {
            metric,
            tags: distinct,
        };
        if name.text_len() > SERIES_BYTES_MAX {
            return Err(Reason::SeriesLong);
        }
        Ok(name)
    }

    /// The metric name.
    pub fn metric(&self) -> &str {
        &self.metric
    }

    /// The tags in canonical order.
    pub fn tags(&self) -> &[(String, String)] {
        &self.tags
    }

    /// `name;k=v;k2=v2`. A backslash escapes `\` and `;` anywhere, and `=` in a tag's key; Graphite
    /// itself allows `=` in metric names and tag values, so there it stands bare.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.text_len());
        escape(&self.metric, false, &mut text);
        for (key, value) in &self.tags {
            text.push(';');
            escape(key, true, &mut text);
            text.push('=');
            escape(value, false, &mut text);
        }
        text
    }

    /// The name that [`SeriesName::text`] was called on.
    ///
    /// # Errors
    /// [`Reason::Tag`] where `text` is no canonical text.
    pub fn from_text(text: &str) -> Result<SeriesName, Reason> {
        let mut parts = vec![String::new()];
        let mut keys: Vec<Option<String>> = vec![None];
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            let last = parts.len() - 1;
            match c {
                '\\' => parts[last].push(chars.next().ok_or(Reason::Tag)?),
                ';' => {
                    parts.push(String::new());
                    keys.push(None);
                }
                '=' if last > 0 && keys[last].is_none() => {
                    keys[last] = Some(std::mem::take(&mut parts[last]));
                }
                c => parts[last].push(c),
            }
        }
        let metric = std::mem::take(&mut parts[0]);
        let tags = keys
            .into_iter()
            .zip(parts)
            .skip(1)
            .map(|(key, value)| Some((key?, value)));
        SeriesName::new(metric, tags.collect::<Option<_>>().ok_or(Reason::Tag)?)
    }

    /// Bytes of [`SeriesName::text`], at most: what is escaped takes two.
    pub fn text_bytes_max(&self) -> usize {
        2 * self.text_len()
    }

    fn text_len(&self) -> usize {
        let tags = self
            .tags
            .iter()
            .map(|(key, value)| key.len() + value.len() + 2);
        self.metric.len() + tags.sum::<usize>()
    }

    /// Bytes that no other series of any tenant has: every part is preceded by its length, so no
    /// name can be forged from another's tags. Values other than floats are one part more, and so is a time
    /// to live.
    pub fn identity_bytes(&self, tenant: TenantId, variant: impl Into<Variant>) -> Vec<u8> {
        let Variant {
            values,
            ttl_seconds,
        } = variant.into();
        let mut bytes = Vec::with_capacity(self.text_len() + 4 * (4 + 2 * self.tags.len()));
        let mut put = |part: &[u8]| {
            bytes.extend_from_slice(&(part.len() as u32).to_le_bytes());
            bytes.extend_from_slice(part);
        };
        put(&tenant.0.to_le_bytes());
        put(self.metric.as_bytes());
        for (key, value) in &self.tags {
            put(key.as_bytes());
            put(value.as_bytes());
        }
        // One part, so that both are told from a tag, which is two.
        let [a, b, c, d] = ttl_seconds.to_le_bytes();
        match (values, ttl_seconds) {
            (Values::Double, 0) => {}
            (values, 0) => put(&[values as u8]),
            (values, _) => put(&[values as u8, a, b, c, d]),
        }
        bytes
    }
}

fn pair_bytes((key, value): &(String, String)) -> impl Iterator<Item = u8> + '_ {
    key.bytes()
        .chain(std::iter::once(b'='))
        .chain(value.bytes())
}

fn escape(part: &str, equals: bool, out: &mut String) {
    let special = |byte: u8| matches!(byte, b'\\' | b';') || (equals && byte == b'=');
    if !part.bytes().any(special) {
        out.push_str(part);
        return;
    }
    for c in part.chars() {
        if matches!(c, '\\' | ';') || (equals && c == '=') {
            out.push('\\');
        }
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(metric: &str, tags: &[(&str, &str)]) -> SeriesName {
        let tags = tags
            .iter()
            .map(|&(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        SeriesName::new(metric.to_owned(), tags).expect("a good name")
    }

    #[test]
    fn text_goes_there_and_back() {
        for series in [
            name("web.cpu", &[]),
            name("a=b", &[("k", "v=w"), ("K", "x")]),
            name("semi;colon", &[("ta;g=", "back\\slash;")]),
        ] {
            assert_eq!(SeriesName::from_text(&series.text()), Ok(series));
        }
        assert_eq!(name("a.b", &[("z", "1"), ("b", "2")]).text(), "a.b;b=2;z=1");
        assert_eq!(name("a", &[("b", "2"), ("b", "3")]).text(), "a;b=3");
    }

    #[test]
    fn no_name_can_be_forged_from_anothers_tags() {
        let forged = name("a;k=v", &[]);
        let tagged = name("a", &[("k", "v")]);
        assert_ne!(forged.text(), tagged.text());
        let tenant = TenantId::DEFAULT;
        let bytes = |name: &SeriesName, values| name.identity_bytes(tenant, values);
        let mortal = |name: &SeriesName, values, ttl_seconds| {
            let variant = Variant {
                values,
                ttl_seconds,
            };
            name.identity_bytes(tenant, variant)
        };
        let all = [
            bytes(&forged, Values::Double),
            bytes(&tagged, Values::Double),
            bytes(&tagged, Values::Long),
            bytes(&tagged, Values::Text),
            mortal(&tagged, Values::Double, 1),
            mortal(&tagged, Values::Long, 1),
            mortal(&tagged, Values::Long, 1 << 24),
            mortal(&forged, Values::Long, 1),
        ];
        for (i, one) in all.iter().enumerate() {
            assert!(!all[..i].contains(one), "{i}");
        }
    }

    #[test]
    fn a_point_expires_when_its_time_is_over() {
        let properties = |ttl_seconds| Properties {
            ttl_seconds,
            ..Properties::default()
        };
        assert_eq!(properties(0).expired_below(u64::MAX), 0);
        assert_eq!(properties(3).expired_below(2_999_999), 0);
        assert_eq!(properties(3).expired_below(3_000_000), 1, "that of stamp 0");
        assert_eq!(properties(3).expired_below(3_000_007), 8);
        assert_eq!(properties(u32::MAX).expired_below(9), 0);
    }
}
