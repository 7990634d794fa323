//! Why a line, an item or a connection was refused, and the counters of it.

/// The doors bytes come in by; the `protocol` label of the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Protocol {
    /// Graphite lines over TCP.
    Graphite,
    /// Graphite lines in datagrams.
    GraphiteUdp,
    /// Pickled Graphite batches.
    Pickle,
    /// HTTP requests.
    Http,
    /// KairosDB's points in HTTP requests.
    KairosRest,
    /// KairosDB's and OpenTSDB's lines over TCP.
    KairosTelnet,
    /// OpenTSDB's points in HTTP requests.
    OpenTsdb,
}

impl Protocol {
    /// Every door, in the order of their discriminants.
    pub const ALL: [Protocol; 7] = [
        Protocol::Graphite,
        Protocol::GraphiteUdp,
        Protocol::Pickle,
        Protocol::Http,
        Protocol::KairosRest,
        Protocol::KairosTelnet,
        Protocol::OpenTsdb,
    ];

    /// The label in `/metrics`.
    pub fn label(self) -> &'static str {
        match self {
            Protocol::Graphite => "graphite",
            Protocol::GraphiteUdp => "graphite_udp",
            Protocol::Pickle => "pickle",
            Protocol::Http => "http",
            Protocol::KairosRest => "kairos_rest",
            Protocol::KairosTelnet => "kairos_telnet",
            Protocol::OpenTsdb => "opentsdb_http",
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $label:literal,)*) => {
        /// Why something was refused. Bad input costs its sender this and nobody else anything.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// Every reason, in the order of their discriminants.
            pub const ALL: &[Reason] = &[$(Reason::$name,)*];

            /// The label in `/metrics`.
            pub fn label(self) -> &'static str {
                match self { $(Reason::$name => $label,)* }
            }
        }
    };
}

reasons! {
    /// A line without two or three fields; of KairosDB, without a timestamp or a value.
    Fields = "fields",
    /// A line that begins with no command its door knows.
    Command = "command",
    /// A path that the tag parser of the Graphite doors makes nothing of.
    Path = "path",
    /// A value that is no decimal number, or is not finite.
    Value = "value",
    /// A value that is a text over its limit.
    TextLong = "text_long",
    /// A value that is NaN: not an error of form, so counted apart.
    NotANumber = "nan",
    /// A timestamp that is no number.
    Timestamp = "timestamp",
    /// A timestamp at or below zero.
    TooOld = "too_old",
    /// A timestamp too far ahead of the wall clock.
    TooFarAhead = "too_far_ahead",
    /// A name with nothing in it.
    NameEmpty = "name_empty",
    /// A metric name over its limit.
    NameLong = "name_long",
    /// A name that is not UTF-8.
    NameUtf8 = "name_utf8",
    /// A name with a NUL byte inside.
    NameNul = "name_nul",
    /// A tag that breaks the rules of Graphite tags.
    Tag = "tag",
    /// More tags than the limit.
    TagsMany = "tags_many",
    /// A tag key over its limit.
    TagKeyLong = "tag_key_long",
    /// A tag value over its limit.
    TagValueLong = "tag_value_long",
    /// Name and tags together over the limit of a series' text.
    SeriesLong = "series_long",
    /// A new series beyond the limit of series.
    SeriesFull = "series_full",
    /// One more time to live of a name than the limit.
    TtlsMany = "ttls_many",
    /// A point older than everything the full head still keeps.
    HeadFull = "head_full",
    /// A line over the line limit.
    LineLong = "line_long",
    /// A last line that the peer closed on before its newline.
    LineCut = "line_cut",
    /// A frame over the frame limit; ends the connection.
    FrameLong = "frame_long",
    /// A frame that is no pickle, or a pickle that asks for more than data.
    Pickle = "pickle",
    /// An item of a frame that is no (name, (timestamp, value)).
    Item = "item",
    /// A body that is no JSON, or not of the shape its door reads.
    Json = "json",
    /// The connection that left most unfinished, when all of its shard left more than they may.
    Buffers = "buffers",
    /// A connection beyond the limit of connections.
    Connections = "connections",
    /// A reader that took nothing of its answer for too long; ends the connection.
    Reader = "reader",
    /// An answer that would have been one too many of those that wait for their readers.
    Answers = "answers",
    /// A decoder failed on its input; ends the connection. Always a defect of ours.
    Panic = "panic",
}

/// How often each thing was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusals([u64; Reason::ALL.len()]);

impl Default for Refusals {
    fn default() -> Self {
        Refusals([0; Reason::ALL.len()])
    }
}

impl Refusals {
    /// One more of `reason`.
    #[inline]
    pub fn count(&mut self, reason: Reason) {
        self.add(reason, 1);
    }

    /// `n` more of `reason`.
    #[inline]
    pub fn add(&mut self, reason: Reason, n: u64) {
        self.0[reason as usize] += n;
    }

    /// How many of `reason`.
    pub fn of(&self, reason: Reason) -> u64 {
        self.0[reason as usize]
    }

    /// How many in all.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Add every counter of `other`, and set `other` to zero.
    pub fn absorb(&mut self, other: &mut Refusals) {
        for (mine, theirs) in self.0.iter_mut().zip(&mut other.0) {
            *mine += std::mem::take(theirs);
        }
    }

    /// What was counted since this was `before`.
    pub fn since(&self, before: &Refusals) -> Refusals {
        let mut since = self.clone();
        for (mine, theirs) in since.0.iter_mut().zip(&before.0) {
            *mine = mine.saturating_sub(*theirs);
        }
        since
    }

    /// Whether nothing was refused.
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }

    /// The reasons that occurred, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL
            .iter()
            .map(|&reason| (reason, self.of(reason)))
            .filter(|&(_, n)| n > 0)
    }
}
