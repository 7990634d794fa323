//! A configuration as commented TOML that can be read back.

use std::fmt::Write;

use super::error::Origin;
use super::keys::{KEYS, SECTIONS};
use super::load::Loaded;

const HEAD: &str = "\
# The configuration of corelane: every key with its meaning, its unit and its default.
#
# A flag goes before an environment variable (CORELANE_SECTION_KEY, lists with commas), that before
# this file, this file before a configuration of KairosDB (--kairosdb-conf), and that before the
# defaults. A key that is left out keeps its default; one that is not known is an error.
# Show what is in effect: corelane --config FILE --print-config
";

/// Every key with its value and, where somebody chose it, who did.
pub fn print(loaded: &Loaded) -> String {
    let mut text = HEAD.to_owned();
    if !loaded.ignored.is_empty() {
        text.push_str("#\n# What KairosDB's configuration says that does nothing here:\n");
    }
    for ignored in &loaded.ignored {
        let _ = writeln!(text, "# {}", ignored.to_string().replace('\n', " "));
    }
    let mut section = "";
    for (key, origin) in KEYS.iter().zip(&loaded.origins) {
        if key.section() != section {
            section = key.section();
            let about = SECTIONS.iter().find(|(name, _)| *name == section);
            let about = about.map_or("", |(_, about)| about);
            let _ = write!(text, "\n# {about}\n[{section}]\n"); // a String takes all
        }
        text.push('\n');
        for line in key.help {
            let _ = writeln!(text, "# {line}");
        }
        if *origin != Origin::Default {
            let _ = writeln!(text, "# Set by {}.", origin.to_string().replace('\n', " "));
        }
        let _ = writeln!(text, "{} = {}", key.bare(), key.kind.show(&loaded.config));
    }
    text
}
