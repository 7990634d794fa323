"""The systems that are fed: how each is installed, started, asked what it holds, and flushed.

`stored()` is what the system itself says it has: never what a sender says it sent.
"""

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from machine import ROOT, WORK, server_cores
from process import Failed, Process, free_port

VICTORIA_VERSION = "v1.150.0"
VICTORIA_PACKAGE = f"github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics@{VICTORIA_VERSION}"
INSTALL_SECONDS = 900
ANSWER_SECONDS = 60
MERGE_SECONDS = 600
FLUSH_SECONDS = 60


def fetch(port, path, seconds=ANSWER_SECONDS):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=seconds) as answer:
        return answer.read().decode()


def post(port, path, seconds):
    """POST without a body; gives the status."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=b"", method="POST")
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            answer.read()
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def used_bytes(folder):
    """What the files below `folder` take on the disk; one with several names counts once."""
    seen, total = set(), 0
    for path in Path(folder).rglob("*"):
        try:
            stat = path.lstat()
        except OSError:
            continue  # Merged away meanwhile.
        if path.is_file() and stat.st_ino not in seen:
            seen.add(stat.st_ino)
            total += stat.st_blocks * 512
    return total


def metric_sum(page, name, *labels):
    """The sum of all series of `name` in a Prometheus page whose labels hold all of `labels`."""
    total = 0.0
    for line in page.splitlines():
        if line.startswith(name) and line[len(name):len(name) + 1] in ("{", " "):
            series, _, value = line.rpartition(" ")
            if all(label in series for label in labels):
                total += float(value)
    return total


def output_of(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except OSError:
        return ""
    return (done.stdout + done.stderr).strip()


def debian_install(package):
    """Why it could not be installed, or nothing. Daemons of the package are kept from starting."""
    if not shutil.which("apt-get"):
        return "there is no apt-get here"
    if os.geteuid() != 0:
        return f"apt-get needs root: run 'apt-get install --no-install-recommends {package}'"
    policy = Path("/usr/sbin/policy-rc.d")
    kept = (policy.read_bytes(), policy.stat().st_mode) if policy.exists() else None
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        for command in (["install", "-y", "--no-install-recommends", package], ["update"],
                        ["install", "-y", "--no-install-recommends", package]):
            done = subprocess.run(["apt-get", *command], capture_output=True, text=True,
                                  check=False, timeout=INSTALL_SECONDS, env=environment)
            if command[0] == "install" and done.returncode == 0:
                return None
        return f"apt-get install {package} failed: {done.stderr.strip()[-300:]}"
    finally:
        policy.unlink()
        if kept:
            policy.write_bytes(kept[0])
            policy.chmod(kept[1])


def debian_version(package):
    return output_of("dpkg-query", "-W", "-f", "${Version}", package)


class System:
    """One server. `ports` maps a protocol to where it is taken."""

    name = ""
    protocols = ()
    # Where a protocol of the table is another one of the load generator's.
    doors = {}
    series_max = 10_000_000
    stores = True
    # Rounds before those that are timed, besides the first, and questions before those.
    warm_rounds = 1
    warm_questions = 0
    # Whether it can be asked again and again how many points it holds.
    counts_cheaply = True
    # Rounds of one point a series in a run of full length, by number of series.
    rounds_by_series = ((10_000, 4_500), (100_000, 250), (10_000_000, 30))

    def __init__(self, folder):
        self.folder = folder
        self.ports = {}
        self.process = None

    @classmethod
    def install(cls):
        """Why it cannot run here, or nothing."""
        return None

    @classmethod
    def version(cls):
        return ""

    @classmethod
    def rounds(cls, series):
        return next(rounds for most, rounds in cls.rounds_by_series if series <= most)

    def start(self):
        raise NotImplementedError

    def stored(self):
        """How many points it says it holds."""
        raise NotImplementedError

    def flush(self):
        """Ask it to bring everything to where it keeps it, where it can be asked."""

    def merge(self):
        """Ask it to merge its files as far as it goes, and wait for it."""
        raise Failed(f"{self.name} cannot be asked to merge")

    def at_rest(self):
        """Bytes of its points and their index on the disk, and of what it keeps beside them."""
        raise Failed(f"{self.name} has no figure of its bytes at rest")

    def stop(self):
        if self.process:
            return self.process.stop()
        return None


class Corelane(System):
    name = "corelane"
    protocols = ("plaintext", "pickle", "udp", "telnet", "rest")
    doors = {"rest": "kairos-rest"}
    shards = 1
    binary = ROOT / "target" / "release" / "corelane"

    @classmethod
    def install(cls):
        if not cls.binary.exists():
            return f"{cls.binary} is not built: run 'cargo build --release'"
        return None

    @classmethod
    def version(cls):
        return output_of(str(cls.binary), "--version").replace("corelane ", "")

    def start(self):
        ports = {"plaintext": free_port(), "udp": free_port(), "pickle": free_port(), "telnet": free_port(),
                 "http": free_port()}
        command = self.command(ports)
        ports["kairos-rest"] = ports["http"]
        self.process = Process(f"corelane-{self.shards}", command, self.folder, server_cores(self.shards))
        self.ports = ports
        self.process.wait_for("200 from /ready", lambda: fetch(ports["http"], "/ready") is not None, 30)

    def command(self, ports):
        """How it is started with these ports."""
        return [self.binary, "serve", "--data", self.folder / "data", "--shards", self.shards,
                "--graphite-port", ports["plaintext"], "--graphite-udp-port", ports["udp"],
                "--pickle-port", ports["pickle"], "--kairos-telnet-port", ports["telnet"], "--http-port", ports["http"]]

    def flush(self):
        """Seal, and merge as far as that is worth it; a build that keeps nothing on disk has nothing to bring there."""
        status = post(self.ports["http"], "/admin/seal", MERGE_SECONDS)
        if status not in (200, 204, 404):
            raise Failed(f"{self.name} answers {status} on POST /admin/seal")
        return status != 404

    def merge(self):
        if not self.flush():
            raise Failed("this corelane has no POST /admin/seal")

    def at_rest(self):
        page = self.page()
        raw = metric_sum(page, "corelane_segment_bytes", 'kind="raw"')
        cells = metric_sum(page, "corelane_segment_bytes", 'kind="cells"')
        on_disk = used_bytes(self.folder / "data" / "segments")
        # Whole files are what the disk must hold: what the gauges leave out is counted as points.
        return max(raw, on_disk - cells), cells

    def page(self):
        return fetch(self.ports["http"], "/metrics")

    def stored(self):
        return int(metric_sum(self.page(), "corelane_points_accepted_total"))

    def index_bytes(self):
        return metric_sum(self.page(), "corelane_index_bytes")

    def datagrams_dropped(self):
        return int(metric_sum(self.page(), "corelane_datagrams_dropped_total"))

    def sample_last_value(self, target, at):
        """The newest value of `target` at or before the second `at`, by `/render`."""
        path = f"/render?format=json&target={target}&from={at - 30}&until={at + 1}"
        answer = json.loads(fetch(self.ports["http"], path))
        values = [value for series in answer for value, _ in series["datapoints"] if value is not None]
        return values[-1] if values else None


class CorelaneTwoShards(Corelane):
    name = "corelane-2"
    shards = 2


class VictoriaMetrics(System):
    name = "victoriametrics"
    protocols = ("plaintext", "udp", "telnet", "rest")
    # OpenTSDB's form of it, which is the nearest that it has.
    doors = {"rest": "opentsdb-http"}
    built = WORK / "bin" / "victoria-metrics"

    def __init__(self, folder):
        super().__init__(folder)
        # The most points that it has said to hold.
        self.most_held = 0

    @classmethod
    def binary(cls):
        if cls.built.exists():
            return str(cls.built)
        return shutil.which("victoria-metrics")

    @classmethod
    def install(cls):
        if cls.built.exists():
            return None
        if shutil.which("go"):
            cls.built.parent.mkdir(parents=True, exist_ok=True)
            done = subprocess.run(["go", "install", VICTORIA_PACKAGE], capture_output=True, text=True,
                                  check=False, timeout=INSTALL_SECONDS,
                                  env=dict(os.environ, GOBIN=str(cls.built.parent)))
            if done.returncode == 0 and cls.built.exists():
                return None
        if shutil.which("victoria-metrics"):
            return None
        return debian_install("victoria-metrics")

    @classmethod
    def version(cls):
        if cls.built.exists():
            return VICTORIA_VERSION.lstrip("v")
        return debian_version("victoria-metrics")

    def start(self):
        graphite, telnet, opentsdb, http = free_port(), free_port(), free_port(), free_port()
        command = [self.binary(), f"-storageDataPath={self.folder / 'data'}", "-retentionPeriod=1",
                   f"-httpListenAddr=127.0.0.1:{http}", f"-graphiteListenAddr=127.0.0.1:{graphite}",
                   f"-opentsdbListenAddr=127.0.0.1:{telnet}", f"-opentsdbHTTPListenAddr=127.0.0.1:{opentsdb}",
                   "-loggerLevel=WARN", "-search.maxUniqueTimeseries=3000000", "-search.maxSeries=3000000",
                   "-search.graphiteStorageStep=1s", "-search.maxGraphiteSeries=3000000"]
        self.process = Process("victoria-metrics", command, self.folder)
        self.ports = {"plaintext": graphite, "udp": graphite, "telnet": telnet, "opentsdb-http": opentsdb, "http": http}
        self.process.wait_for("answer of /health", lambda: fetch(http, "/health"), 30)
        self.process.wait_for_port(graphite)

    def stored(self):
        page = fetch(self.ports["http"], "/metrics")
        rows = metric_sum(page, "vm_rows", 'type="storage/')
        held = int(rows + metric_sum(page, "vm_pending_rows", 'type="storage"'))
        self.most_held = max(self.most_held, held)
        return held

    def flush(self):
        """Make everything searchable, and wait until all of it is in files: the disk gets it a few seconds
        later."""
        fetch(self.ports["http"], "/internal/force_flush")
        self.process.wait_for("flush of all points to files", self._flushed, FLUSH_SECONDS)

    def _flushed(self):
        page = fetch(self.ports["http"], "/metrics")
        # Rows on their way from one place to the next are in neither for a moment, so both are asked.
        in_files = sum(metric_sum(page, "vm_rows", f'type="storage/{size}"') for size in ("small", "big"))
        return in_files >= self.most_held and metric_sum(page, "vm_rows", 'type="storage/inmemory"') == 0

    def merge(self):
        self.flush()
        fetch(self.ports["http"], "/internal/force_merge")
        self.process.wait_until_quiet(MERGE_SECONDS)
        self.process.wait_for("end of the forced merge", self._merged, MERGE_SECONDS)

    def _merged(self):
        return metric_sum(fetch(self.ports["http"], "/metrics"), "vm_active_force_merges") == 0

    def at_rest(self):
        return used_bytes(self.folder / "data" / "data"), 0

    def taken(self):
        """Lines it has read from its Graphite door since its start."""
        return int(metric_sum(fetch(self.ports["http"], "/metrics"), "vm_rows_inserted_total", 'type="graphite"'))


# A point in a whisper file is a big-endian u32 of seconds and a double.
WHISPER_POINT_BYTES = 12
WHISPER_HEAD_BYTES = 16 + 12


def whisper_points(folder):
    """All points in the whisper files below `folder`, each with one archive.

    A slot that was written has a time, whose first byte is not 0 (it is from 1970-07 on); a free
    slot is all zeros.
    """
    points = 0
    for path in Path(folder).rglob("*.wsp"):
        slots = path.read_bytes()[WHISPER_HEAD_BYTES:][::WHISPER_POINT_BYTES]
        points += len(slots) - slots.count(0)
    return points


# One archive of an hour, as long as a run's timestamps reach.
SCHEMAS = "[all]\npattern = .*\nretentions = 1s:1h\n"


class CarbonCache(System):
    name = "carbon-cache"
    protocols = ("plaintext", "pickle")
    # A file a series, at a millisecond each.
    series_max = 10_000
    rounds_by_series = ((10_000, 30),)

    @classmethod
    def install(cls):
        return None if shutil.which("carbon-cache") else debian_install("graphite-carbon")

    @classmethod
    def version(cls):
        return debian_version("graphite-carbon")

    def start(self):
        line, pickle, query = free_port(), free_port(), free_port()
        here = self.folder
        config = f"""[cache]
USER =
LOCAL_DATA_DIR = {here}/whisper/
STORAGE_DIR = {here}/
CONF_DIR = {here}/
LOG_DIR = {here}/
PID_DIR = {here}/
MAX_CACHE_SIZE = inf
MAX_UPDATES_PER_SECOND = inf
MAX_CREATES_PER_MINUTE = inf
MIN_TIMESTAMP_RESOLUTION = 1
CACHE_WRITE_STRATEGY = naive
WHISPER_AUTOFLUSH = False
WHISPER_FALLOCATE_CREATE = False
ENABLE_TAGS = False
CARBON_METRIC_INTERVAL = 0
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = {line}
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = {pickle}
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = {query}
LOG_UPDATES = False
LOG_CREATES = False
LOG_CACHE_HITS = False
"""
        (here / "carbon.conf").write_text(config)
        (here / "storage-schemas.conf").write_text(SCHEMAS)
        command = ["carbon-cache", "--config", here / "carbon.conf", "--nodaemon", "--logdir", here,
                   "--pidfile", here / "pid", "start"]
        self.process = Process("carbon-cache", command, here)
        self.ports = {"plaintext": line, "pickle": pickle}
        self.process.wait_for_port(line)

    def stored(self):
        return whisper_points(self.folder / "whisper")


class GoCarbon(System):
    name = "go-carbon"
    protocols = ("plaintext", "pickle")
    series_max = 100_000
    rounds_by_series = ((10_000, 200), (100_000, 30))

    @classmethod
    def install(cls):
        return None if shutil.which("go-carbon") else "no go-carbon on PATH (no package of ours brings it)"

    @classmethod
    def version(cls):
        return output_of("go-carbon", "--version").splitlines()[0]

    def start(self):
        line, pickle = free_port(), free_port()
        here = self.folder
        (here / "storage-schemas.conf").write_text(SCHEMAS)
        (here / "go-carbon.conf").write_text(f"""[common]
user = ""
max-cpu = 2
metric-interval = "1h0m0s"
[whisper]
data-dir = "{here}/whisper"
schemas-file = "{here}/storage-schemas.conf"
workers = 2
max-updates-per-second = 0
enabled = true
[cache]
max-size = 100000000
write-strategy = "noop"
[udp]
enabled = false
[tcp]
listen = "127.0.0.1:{line}"
enabled = true
[pickle]
listen = "127.0.0.1:{pickle}"
enabled = true
[grpc]
enabled = false
[carbonlink]
enabled = false
[[logging]]
logger = ""
file = "{here}/go-carbon.out"
level = "warn"
""")
        self.process = Process("go-carbon", ["go-carbon", "-config", here / "go-carbon.conf"], here)
        self.ports = {"plaintext": line, "pickle": pickle}
        self.process.wait_for_port(line)

    def stored(self):
        return whisper_points(self.folder / "whisper")


class CarbonCRelay(System):
    """Parses and routes to nowhere: what a fast parser costs that keeps nothing."""

    name = "carbon-c-relay"
    protocols = ("plaintext",)
    stores = False
    rounds_by_series = ((10_000, 4_500), (100_000, 250), (10_000_000, 30))

    @classmethod
    def install(cls):
        return None if shutil.which("carbon-c-relay") else debian_install("carbon-c-relay")

    @classmethod
    def version(cls):
        return debian_version("carbon-c-relay")

    def start(self):
        port = free_port()
        here = self.folder
        (here / "relay.conf").write_text(f"""cluster numbers file {here}/numbers ;
match ^relay_numbers\\. send to numbers stop ;
match * send to blackhole stop ;
listen type linemode 127.0.0.1:{port} proto tcp ;
statistics submit every 1 seconds prefix with relay_numbers ;
""")
        command = ["carbon-c-relay", "-f", here / "relay.conf", "-w", "2", "-q", "1000000", "-b", "10000"]
        self.process = Process("carbon-c-relay", command, here)
        self.ports = {"plaintext": port}
        self.process.wait_for_port(port)

    def stored(self):
        """What it says it sent to nowhere: its newest `metricsBlackholed`."""
        try:
            lines = (self.folder / "numbers").read_text(errors="replace").splitlines()
        except OSError:
            return 0
        for line in reversed(lines):
            name, _, rest = line.partition(" ")
            if name == "relay_numbers.metricsBlackholed":
                return int(float(rest.split()[0]))
        return 0


ALL = (Corelane, CorelaneTwoShards, VictoriaMetrics, CarbonCache, GoCarbon, CarbonCRelay)
BY_NAME = {system.name: system for system in ALL}


def chosen(names):
    """The classes of these names."""
    unknown = [name for name in names if name not in BY_NAME]
    if unknown:
        raise Failed(f"unknown system {', '.join(unknown)}; there are {', '.join(BY_NAME)}")
    return [BY_NAME[name] for name in names]
