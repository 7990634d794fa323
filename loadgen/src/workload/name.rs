//! What series are called: cores and states of hosts, dotted or tagged.

/// Cores of one host.
pub const CORES: u64 = 8;

/// States of one core. All have four letters, so that all names have one length.
pub const STATES: [&str; 4] = ["user", "nice", "idle", "wait"];

/// Series of one host.
pub const SERIES_PER_HOST: u64 = CORES * STATES.len() as u64;

/// The shape of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// Put before each name with a dot; empty for none.
    pub prefix: String,
    /// `cpu.user;core=c03;host=h000012` instead of `dc1.h000012.cpu.c03.user`.
    pub tagged: bool,
    /// Tags of a tagged name besides those two: `;more00=value00` and so on.
    pub more_tags: u64,
}

/// The parts of one series' name.
struct Parts {
    host: String,
    core: u64,
    state: &'static str,
}

impl Naming {
    /// The name of the series at a place of the workload. A later generation lives on another host.
    pub fn name(&self, place: u64, generation: u64) -> String {
        let Parts { host, core, state } = parts(place, generation);
        let dot = if self.prefix.is_empty() { "" } else { "." };
        let prefix = &self.prefix;
        if self.tagged {
            let more = (0..self.more_tags).map(|n| format!(";more{n:02}=value{n:02}"));
            let more: String = more.collect();
            format!("{prefix}{dot}cpu.{state};core=c{core:02};host={host}{more}")
        } else {
            format!("{prefix}{dot}dc1.{host}.cpu.c{core:02}.{state}")
        }
    }

    /// The `/render` target that selects exactly this series.
    pub fn target(&self, place: u64, generation: u64) -> String {
        if !self.tagged {
            return self.name(place, generation);
        }
        let Parts { host, core, state } = parts(place, generation);
        let dot = if self.prefix.is_empty() { "" } else { "." };
        let prefix = &self.prefix;
        format!("seriesByTag('name={prefix}{dot}cpu.{state}','core=c{core:02}','host={host}')")
    }
}

fn parts(place: u64, generation: u64) -> Parts {
    let within = place % SERIES_PER_HOST;
    let number = place / SERIES_PER_HOST;
    let host = match generation {
        0 => format!("h{number:06}"),
        _ => format!("h{number:06}x{generation}"),
    };
    let states = STATES.len() as u64;
    Parts {
        host,
        core: within / states,
        state: STATES[(within % states) as usize],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_like_infrastructure() {
        let plain = Naming {
            prefix: String::new(),
            tagged: false,
            more_tags: 0,
        };
        assert_eq!(
            plain.name(12 * SERIES_PER_HOST + 12, 0),
            "dc1.h000012.cpu.c03.user"
        );
        assert_eq!(plain.name(1, 2), "dc1.h000000x2.cpu.c00.nice");
        let tagged = Naming {
            prefix: "run7".into(),
            tagged: true,
            more_tags: 0,
        };
        assert_eq!(tagged.name(0, 0), "run7.cpu.user;core=c00;host=h000000");
        assert_eq!(
            tagged.target(0, 0),
            "seriesByTag('name=run7.cpu.user','core=c00','host=h000000')"
        );
        let more = Naming {
            more_tags: 2,
            ..tagged
        };
        assert_eq!(
            more.name(0, 0),
            "run7.cpu.user;core=c00;host=h000000;more00=value00;more01=value01"
        );
    }

    #[test]
    fn no_two_places_share_a_name() {
        let plain = Naming {
            prefix: String::new(),
            tagged: false,
            more_tags: 0,
        };
        let names: std::collections::HashSet<String> = (0..5_000)
            .flat_map(|place| (0..3).map(move |generation| (place, generation)))
            .map(|(place, generation)| plain.name(place, generation))
            .collect();
        assert_eq!(names.len(), 15_000);
    }
}
