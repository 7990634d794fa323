"""What this machine is, and which core is whose."""

import os
import platform
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "peers"


def cores():
    """The cores this process may use, in order."""
    return sorted(os.sched_getaffinity(0))


def server_cores(count):
    """The first `count` cores, or all where there are fewer."""
    return cores()[:count]


def sender_core():
    """The last core: the sender's, and a second shard's where there are only two."""
    return cores()[-1]


def cpu_model():
    """The processor's name, with family, model and stepping, since clouds hide the former."""
    fields = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    name = fields.get("model name") or platform.machine()
    detail = [fields[key] for key in ("cpu family", "model", "stepping") if key in fields]
    return name if not detail else f"{name} {'.'.join(detail)}"


def cpu_slug():
    """The same as the name of a folder."""
    return re.sub(r"[^a-z0-9]+", "-", cpu_model().lower()).strip("-")


def commit():
    """The commit that is measured; `+` behind it where tracked files differ from it."""
    def git(*words):
        done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    name = git("rev-parse", "--short=12", "HEAD") or "unknown"
    changed = git("status", "--porcelain", "--untracked-files=no")
    return name + ("+" if changed else "")


def load_average():
    """Processes that wanted a core during the last minute."""
    return os.getloadavg()[0]
