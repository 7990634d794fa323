//! The machine: its name, and how much memory this process may have, which is the machine's or less if a
//! control group says so.

use std::fs;
use std::path::Path;

/// Given when nothing can be read: enough to start anywhere.
const FALLBACK_BYTES: u64 = 1 << 30;

/// What the machine is called, or `corelane` if it does not say.
pub fn node_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => "corelane".to_owned(),
        name => name.to_owned(),
    }
}

/// Bytes of memory of the machine, or of the tightest control group (version 2, or version 1's
/// memory controller) around this process, whichever is less.
pub fn memory_bytes() -> u64 {
    memory_bytes_below(Path::new("/"))
}

/// The same with `/proc` and `/sys` looked for below `root`.
fn memory_bytes_below(root: &Path) -> u64 {
    let installed = fs::read_to_string(root.join("proc/meminfo"))
        .ok()
        .and_then(|text| installed_bytes(&text));
    let allowed = group_bytes(root);
    match (installed, allowed) {
        (Some(installed), Some(allowed)) => installed.min(allowed),
        (Some(bytes), None) | (None, Some(bytes)) => bytes,
        (None, None) => FALLBACK_BYTES,
    }
}

/// The `MemTotal` line of `/proc/meminfo`, which counts in KiB.
fn installed_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kib: u64 = line.split_ascii_whitespace().nth(1)?.parse().ok()?;
    kib.checked_mul(1024)
}

/// The least limit on the way from this process' group to the root of the hierarchy.
fn group_bytes(root: &Path) -> Option<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    groups
        .lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            let (mount, file) = match controllers {
                "" => ("sys/fs/cgroup", "memory.max"),
                "memory" => ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                _ => return None,
            };
            least_limit(&root.join(mount), path.trim_start_matches('/'), file)
        })
        .min()
}

fn least_limit(mount: &Path, group: &str, file: &str) -> Option<u64> {
    Path::new(group)
        .ancestors()
        .filter_map(|path| fs::read_to_string(mount.join(path).join(file)).ok())
        .filter_map(|text| text.trim().parse().ok()) // "max" is no number, and no limit
        .min()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A folder with the given files, gone when the test ends.
    struct World(PathBuf);

    impl World {
        fn new(name: &str, files: &[(&str, &str)]) -> World {
            let root = std::env::temp_dir().join(format!("corelane-{}-{name}", std::process::id()));
            for (path, text) in files {
                let path = root.join(path);
                fs::create_dir_all(path.parent().expect("a folder")).expect("made");
                fs::write(path, text).expect("written");
            }
            World(root)
        }
    }

    impl Drop for World {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[track_caller]
    fn check(name: &str, files: &[(&str, &str)], want_bytes: u64) {
        let world = World::new(name, files);
        assert_eq!(memory_bytes_below(&world.0), want_bytes);
    }

    const MACHINE: (&str, &str) = ("proc/meminfo", "MemTotal:  4096 kB\nMemFree: 1 kB\n");

    #[test]
    fn the_tightest_limit_holds() {
        check("bare", &[MACHINE], 4096 * 1024);
        check("nothing", &[], FALLBACK_BYTES);
        let inside = ("proc/self/cgroup", "0::/a/b\n");
        check(
            "parent",
            &[
                MACHINE,
                inside,
                ("sys/fs/cgroup/a/memory.max", "65536\n"),
                ("sys/fs/cgroup/a/b/memory.max", "max\n"),
            ],
            65536,
        );
        check(
            "generous",
            &[
                MACHINE,
                inside,
                ("sys/fs/cgroup/a/b/memory.max", "99999999999"),
            ],
            4096 * 1024,
        );
        check(
            "version-1",
            &[
                MACHINE,
                ("proc/self/cgroup", "5:cpu:/x\n4:memory:/x\n"),
                ("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "8192"),
            ],
            8192,
        );
    }

    #[test]
    fn this_machine_has_memory() {
        assert!(memory_bytes() > 1 << 20);
    }
}
