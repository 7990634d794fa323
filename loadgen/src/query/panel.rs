//! What a dashboard asks for: kinds of panels, and which series of the workload each shows.
//!
//! A panel is a pure function of its kind and number; which hosts it shows follows from the seed.
//! Names are those of [`Naming`](crate::workload::Naming), so that dotted ones are chosen by globs
//! and tagged ones by tags.

use std::fmt;
use std::ops::Range;

use super::Window;
use crate::random::word_at;
use crate::workload::{CORES, SERIES_PER_HOST, STATES, Workload};

const PANEL_SALT: u64 = 0x7061_6e65_6c21;

/// Hosts whose numbers differ in the last three digits only: so many series a sum has.
const BLOCK_HOSTS: u64 = 1_000;

/// Hosts whose numbers differ in the last digit only.
const GROUP_HOSTS: u64 = 10;

/// Points of a moving average.
pub const MOVING_POINTS: u64 = 10;

/// Points that are summarized into one.
pub const SUMMARIZED_POINTS: u64 = 60;

/// What a panel shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// All series of one host as they are.
    Raw,
    /// The sum of one state of one core over up to 1,000 hosts.
    Sum,
    /// The average of each of ten hosts.
    Group,
    /// Averages of 60 points, one core of one host.
    Summarize,
    /// Moving averages of ten points, one core of one host.
    Moving,
    /// The children of a level: up to 1,000 hosts. Dotted names only.
    FindLevel,
    /// A glob on two levels: the cores of up to 1,000 hosts. Dotted names only.
    FindGlob,
    /// One state of one core of ten hosts, by a regular expression on a tag. Tagged names only.
    Tag,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 8] = [
        Kind::Raw,
        Kind::Sum,
        Kind::Group,
        Kind::Summarize,
        Kind::Moving,
        Kind::FindLevel,
        Kind::FindGlob,
        Kind::Tag,
    ];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Raw => "raw",
            Kind::Sum => "sum",
            Kind::Group => "group",
            Kind::Summarize => "summarize",
            Kind::Moving => "moving",
            Kind::FindLevel => "find-level",
            Kind::FindGlob => "find-glob",
            Kind::Tag => "tag",
        }
    }

    /// True if it can be asked of names of this shape.
    pub const fn suits(self, tagged: bool) -> bool {
        match self {
            Kind::Raw | Kind::Sum | Kind::Group | Kind::Summarize | Kind::Moving => true,
            Kind::FindLevel | Kind::FindGlob => !tagged,
            Kind::Tag => tagged,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A request: path and parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Begins with `/`.
    pub path: &'static str,
    /// In this order; not encoded yet.
    pub parameters: Vec<(&'static str, String)>,
}

impl fmt::Display for Question {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = '?';
        formatter.write_str(self.path)?;
        for (key, value) in &self.parameters {
            write!(formatter, "{separator}{key}={value}")?;
            separator = '&';
        }
        Ok(())
    }
}

/// One panel of somebody's dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panel {
    kind: Kind,
    host: u64,
    core: u64,
    state: u64,
}

impl Panel {
    /// The panel of this number over all users.
    pub fn new(kind: Kind, number: u64, workload: &Workload) -> Panel {
        let parameters = workload.parameters();
        // Of the last host a part may be missing.
        let hosts = (parameters.series / SERIES_PER_HOST).max(1);
        let draw = |what: u64, bound: u64| {
            word_at(word_at(parameters.seed ^ PANEL_SALT, number), what) % bound
        };
        Panel {
            kind,
            host: draw(0, hosts),
            core: draw(1, CORES),
            state: draw(2, STATES.len() as u64),
        }
    }

    /// What it shows.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The request for a window.
    pub fn question(&self, workload: &Workload, window: Window) -> Question {
        if let Kind::FindLevel | Kind::FindGlob = self.kind {
            return Question {
                path: "/metrics/find",
                parameters: vec![("query", self.find(workload))],
            };
        }
        // The start is exclusive, and a slot begins at a multiple of its step, as rounds do.
        let from = workload.timestamp_s(window.first).saturating_sub(1);
        let until = workload.timestamp_s(window.end.saturating_sub(1));
        Question {
            path: "/render",
            parameters: vec![
                ("target", self.target(workload)),
                ("from", from.to_string()),
                ("until", until.to_string()),
                ("format", "json".to_owned()),
            ],
        }
    }

    /// The series of the answer: what each is called, none where there is only one, and the places
    /// that it is made of. Names of finds are not among them.
    pub fn series(&self, workload: &Workload) -> Vec<(Option<String>, Vec<u64>)> {
        let known = |place: &u64| *place < workload.parameters().series;
        match self.kind {
            Kind::Raw => self.each(workload, place_range(self.host), |name| name),
            Kind::Tag => {
                let hosts = self.hosts_of(GROUP_HOSTS);
                let places = hosts.map(|host| self.place_on(host));
                self.each(workload, places, |name| name)
            }
            Kind::Sum => {
                let places = self
                    .hosts_of(BLOCK_HOSTS)
                    .map(|host| self.place_on(host))
                    .filter(known);
                vec![(None, places.collect())]
            }
            Kind::Group => self
                .hosts_of(GROUP_HOSTS)
                .map(|host| {
                    (
                        Some(host_name(host)),
                        place_range(host).filter(known).collect(),
                    )
                })
                .filter(|(_, places): &(_, Vec<u64>)| !places.is_empty())
                .collect(),
            Kind::Summarize => {
                let interval_s = interval_s(workload);
                self.each(workload, self.core_range(), |name| {
                    format!("summarize({name}, \"{interval_s}s\", \"avg\")")
                })
            }
            Kind::Moving => self.each(workload, self.core_range(), |name| {
                format!("movingAverage({name},{MOVING_POINTS})")
            }),
            Kind::FindLevel | Kind::FindGlob => Vec::new(),
        }
    }

    /// The nodes that a find answers with: the `id` of each.
    pub fn nodes(&self, workload: &Workload) -> Vec<String> {
        let find = self.find(workload);
        let stem = find.rsplit_once('.').map_or("", |(stem, _)| stem);
        let hosts_end = workload.parameters().series.div_ceil(SERIES_PER_HOST);
        match self.kind {
            Kind::FindLevel => self
                .hosts_of(BLOCK_HOSTS)
                .filter(|&host| host < hosts_end)
                .map(|host| format!("{stem}.{}", host_name(host)))
                .collect(),
            Kind::FindGlob => (0..CORES)
                .map(|core| format!("{stem}.c{core:02}"))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn find(&self, workload: &Workload) -> String {
        let stem = stem(workload);
        let block = self.host / BLOCK_HOSTS;
        match self.kind {
            Kind::FindGlob => format!("{stem}dc1.h{block:03}???.cpu.*"),
            _ => format!("{stem}dc1.h{block:03}???"),
        }
    }

    fn target(&self, workload: &Workload) -> String {
        let series = if workload.parameters().naming.tagged {
            self.by_tags(workload)
        } else {
            self.by_glob(workload)
        };
        match self.kind {
            Kind::Sum => format!("sumSeries({series})"),
            Kind::Group => format!("groupByNode({series},{},\"average\")", host_node(workload)),
            Kind::Summarize => {
                format!("summarize({series},\"{}s\",\"avg\")", interval_s(workload))
            }
            Kind::Moving => format!("movingAverage({series},{MOVING_POINTS})"),
            _ => series,
        }
    }

    fn by_glob(&self, workload: &Workload) -> String {
        let (stem, host) = (stem(workload), self.host);
        let (core, state) = (self.core, self.state_name());
        match self.kind {
            Kind::Sum => {
                format!(
                    "{stem}dc1.h{:03}???.cpu.c{core:02}.{state}",
                    host / BLOCK_HOSTS
                )
            }
            Kind::Group => format!("{stem}dc1.h{:05}?.cpu.*.*", host / GROUP_HOSTS),
            Kind::Summarize | Kind::Moving => {
                format!("{stem}dc1.{}.cpu.c{core:02}.*", host_name(host))
            }
            _ => format!("{stem}dc1.{}.cpu.*.*", host_name(host)),
        }
    }

    fn by_tags(&self, workload: &Workload) -> String {
        let (stem, host, core) = (stem(workload), self.host, self.core);
        let one = format!("'name={stem}cpu.{}','core=c{core:02}'", self.state_name());
        let all = format!("'name=~^{}cpu[.]'", stem.replace('.', "[.]"));
        let here = format!("'host={}'", host_name(host));
        let ten = format!("'host=~^h{:05}.$'", host / GROUP_HOSTS);
        let tests = match self.kind {
            Kind::Sum => format!("{one},'host=~^h{:03}...$'", host / BLOCK_HOSTS),
            Kind::Tag => format!("{one},{ten}"),
            Kind::Group => format!("{all},{ten}"),
            Kind::Summarize | Kind::Moving => format!("{all},'core=c{core:02}',{here}"),
            _ => format!("{all},{here}"),
        };
        format!("seriesByTag({tests})")
    }

    /// Each of these places that exists as a series of its own, under a name made from its name.
    fn each(
        &self,
        workload: &Workload,
        places: impl Iterator<Item = u64>,
        named: impl Fn(String) -> String,
    ) -> Vec<(Option<String>, Vec<u64>)> {
        places
            .filter(|&place| place < workload.parameters().series)
            .map(|place| (Some(named(workload.name(place, 0))), vec![place]))
            .collect()
    }

    /// The hosts whose numbers begin as this panel's does.
    fn hosts_of(&self, count: u64) -> Range<u64> {
        let first = self.host - self.host % count;
        first..first + count
    }

    fn core_range(&self) -> Range<u64> {
        let states = STATES.len() as u64;
        let first = self.host * SERIES_PER_HOST + self.core * states;
        first..first + states
    }

    fn place_on(&self, host: u64) -> u64 {
        host * SERIES_PER_HOST + self.core * STATES.len() as u64 + self.state
    }

    fn state_name(&self) -> &'static str {
        STATES.get(self.state as usize).copied().unwrap_or_default()
    }
}

/// Seconds of [`SUMMARIZED_POINTS`].
pub fn interval_s(workload: &Workload) -> u64 {
    workload.parameters().step_s * SUMMARIZED_POINTS
}

fn place_range(host: u64) -> Range<u64> {
    host * SERIES_PER_HOST..(host + 1) * SERIES_PER_HOST
}

fn host_name(host: u64) -> String {
    format!("h{host:06}")
}

/// The prefix with its dot, if there is one.
fn stem(workload: &Workload) -> String {
    match workload.parameters().naming.prefix.as_str() {
        "" => String::new(),
        prefix => format!("{prefix}."),
    }
}

/// Which node of a name, or which tag, is the host.
fn host_node(workload: &Workload) -> String {
    if workload.parameters().naming.tagged {
        return "\"host\"".to_owned();
    }
    (stem(workload).matches('.').count() + 1).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{Naming, Parameters};

    fn workload(prefix: &str, tagged: bool) -> Workload {
        Workload::new(Parameters {
            series: 40_010,
            naming: Naming {
                prefix: prefix.into(),
                tagged,
                more_tags: 0,
            },
            ..Parameters::default()
        })
        .expect("valid")
    }

    #[track_caller]
    fn check(kind: Kind, prefix: &str, tagged: bool, question: &str, series: &[(&str, usize)]) {
        let workload = workload(prefix, tagged);
        let panel = Panel {
            kind,
            host: 1_248,
            core: 3,
            state: 1,
        };
        let window = Window {
            first: 10,
            end: 70,
            settled: 70,
        };
        assert_eq!(panel.question(&workload, window).to_string(), question);
        let all = panel.series(&workload);
        let first = all.iter().take(series.len());
        let got: Vec<(&str, usize)> = first
            .map(|(name, places)| (name.as_deref().unwrap_or(""), places.len()))
            .collect();
        assert_eq!(got, series);
    }

    const SPAN: &str = "&from=1700000009&until=1700000069&format=json";

    #[test]
    fn dotted_names_are_chosen_by_globs() {
        let check = |kind, target: &str, series: &[(&str, usize)]| {
            check(
                kind,
                "",
                false,
                &format!("/render?target={target}{SPAN}"),
                series,
            );
        };
        check(
            Kind::Raw,
            "dc1.h001248.cpu.*.*",
            &[
                ("dc1.h001248.cpu.c00.user", 1),
                ("dc1.h001248.cpu.c00.nice", 1),
            ],
        );
        // Hosts 1000 to 1249, and of the last only 10 series.
        check(
            Kind::Sum,
            "sumSeries(dc1.h001???.cpu.c03.nice)",
            &[("", 250)],
        );
        check(
            Kind::Group,
            "groupByNode(dc1.h00124?.cpu.*.*,1,\"average\")",
            &[("h001240", 32)],
        );
        check(
            Kind::Summarize,
            "summarize(dc1.h001248.cpu.c03.*,\"60s\",\"avg\")",
            &[("summarize(dc1.h001248.cpu.c03.user, \"60s\", \"avg\")", 1)],
        );
        check(
            Kind::Moving,
            "movingAverage(dc1.h001248.cpu.c03.*,10)",
            &[("movingAverage(dc1.h001248.cpu.c03.user,10)", 1)],
        );
    }

    #[test]
    fn tagged_names_are_chosen_by_tags() {
        let check = |kind, target: &str, series: &[(&str, usize)]| {
            check(
                kind,
                "a.b",
                true,
                &format!("/render?target={target}{SPAN}"),
                series,
            );
        };
        check(
            Kind::Group,
            "groupByNode(seriesByTag('name=~^a[.]b[.]cpu[.]','host=~^h00124.$'),\"host\",\"average\")",
            &[("h001240", 32)],
        );
        check(
            Kind::Tag,
            "seriesByTag('name=a.b.cpu.nice','core=c03','host=~^h00124.$')",
            &[("a.b.cpu.nice;core=c03;host=h001240", 1)],
        );
    }

    #[test]
    fn finds_know_their_nodes() {
        check(
            Kind::FindLevel,
            "a.b",
            false,
            "/metrics/find?query=a.b.dc1.h001???",
            &[],
        );
        check(
            Kind::FindGlob,
            "a.b",
            false,
            "/metrics/find?query=a.b.dc1.h001???.cpu.*",
            &[],
        );
        let workload = workload("a.b", false);
        let nodes = |kind| Panel::new(kind, 0, &workload).nodes(&workload);
        let level = nodes(Kind::FindLevel);
        assert!(
            level.len() == 1_000 || level.len() == 251,
            "{}",
            level.len()
        );
        assert!(level.iter().all(|node| node.starts_with("a.b.dc1.h00")));
        assert_eq!(nodes(Kind::FindGlob).len(), 8);
    }

    #[test]
    fn panels_differ_and_repeat_with_their_number() {
        let workload = workload("", false);
        let panels: Vec<Panel> = (0..50)
            .map(|number| Panel::new(Kind::Raw, number, &workload))
            .collect();
        assert_eq!(panels[7], Panel::new(Kind::Raw, 7, &workload));
        let hosts: std::collections::HashSet<u64> = panels.iter().map(|panel| panel.host).collect();
        assert!(30 < hosts.len());
    }
}
