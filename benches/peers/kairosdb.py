"""KairosDB as its users run it: on Cassandra, as shipped. Its CPU, memory and writes are those of both."""

import json
import shutil
import subprocess
import urllib.parse
from pathlib import Path

from machine import ROOT, WORK
from process import Failed, Group, Process, free_port
from systems import INSTALL_SECONDS, System, fetch

VERSION = "1.3.0-1"
CASSANDRA_VERSION = "5.0.4"
# What Maven is told to fetch, and where it puts it.
POMS = {
    "kairosdb": ROOT / "tests" / "clients" / "kairosdb" / "pom.xml",
    "cassandra": ROOT / "benches" / "peers" / "cassandra.pom.xml",
}
START_SECONDS = 300
COUNT_SECONDS = 600
METRICS = ("cpu.user", "cpu.nice", "cpu.idle", "cpu.wait")

# Without a logging configuration everything is logged, which costs more than all else.
LOGBACK = """<configuration>
<appender name="out" class="ch.qos.logback.core.ConsoleAppender">
<encoder><pattern>%d{HH:mm:ss.SSS} %-5level %logger{0} %msg%n%rEx{3}</pattern></encoder>
</appender>
<logger name="com.datastax" level="ERROR"/>
<root level="INFO"><appender-ref ref="out"/></root>
</configuration>
"""

CASSANDRA = """cluster_name: peers
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
commitlog_sync: periodic
commitlog_sync_period: 10000ms
data_file_directories: [ {here}/data ]
commitlog_directory: {here}/commitlog
hints_directory: {here}/hints
saved_caches_directory: {here}/saved_caches
cdc_raw_directory: {here}/cdc
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [ {{ seeds: "127.0.0.1:{storage}" }} ]
listen_address: 127.0.0.1
storage_port: {storage}
ssl_storage_port: {secure}
rpc_address: 127.0.0.1
native_transport_port: {cql}
start_native_transport: true
endpoint_snitch: SimpleSnitch
batch_size_warn_threshold: 500KiB
batch_size_fail_threshold: 5000KiB
unlogged_batch_across_partitions_warn_threshold: 60000
"""

KAIROSDB = """include classpath("kairosdb.conf")
kairosdb.telnetserver {{ port = {telnet}, address = "127.0.0.1" }}
kairosdb.jetty {{ port = {http}, address = "127.0.0.1", static_web_root = "{here}/webroot" }}
kairosdb.queue_processor.queue_path = "{here}/queue"
kairosdb.query_cache.cache_dir = "{here}/cache"
kairosdb.service.datastore = "org.kairosdb.datastore.cassandra.CassandraModule"
kairosdb.datastore.cassandra.write_cluster.cql_host_list = ["127.0.0.1:{cql}"]
"""

# What each reaches into that newer Javas keep closed.
EXPORTED = (
    "java.base/jdk.internal.misc", "java.management.rmi/com.sun.jmx.remote.internal.rmi", "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server", "java.rmi/sun.rmi.transport.tcp", "java.sql/java.sql", "java.base/java.lang.ref",
    "jdk.unsupported/sun.misc",
)
OPENED = (
    "java.lang", "java.lang.module", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util",
    "java.util.concurrent", "java.util.concurrent.atomic", "sun.nio.ch", "jdk.internal.loader", "jdk.internal.ref",
    "jdk.internal.reflect", "jdk.internal.math", "jdk.internal.module", "jdk.internal.util.jar", "jdk.internal.vm",
)
OPENED_FOR_KAIROSDB = ("java.lang", "java.util", "java.nio", "sun.nio.ch", "jdk.internal.ref")


def _opened(packages):
    return [word for package in packages for word in ("--add-opens", f"java.base/{package}=ALL-UNNAMED")]


class KairosDb(System):
    name = "kairosdb"
    protocols = ("telnet", "rest")
    doors = {"rest": "kairos-rest"}
    series_max = 10_000
    rounds_by_series = ((10_000, 200),)
    # A million points, until its code is compiled.
    warm_rounds = 100
    warm_questions = 25
    # It swallows points faster than it stores them, and what it stored is dear to count.
    counts_cheaply = False

    @classmethod
    def install(cls):
        for program in ("java", "mvn"):
            if not shutil.which(program):
                return f"no {program} on PATH (Debian: openjdk-17-jdk-headless, maven)"
        for name, pom in POMS.items():
            reason = _fetch_jars(pom, WORK / name)
            if reason:
                return reason
        return None

    @classmethod
    def version(cls):
        return f"{VERSION} on Cassandra {CASSANDRA_VERSION}"

    def start(self):
        cql, telnet, http = free_port(), free_port(), free_port()
        cassandra = self._start_cassandra(cql)
        # Known to `stop` before KairosDB is.
        self.process = Group(cassandra)
        cassandra.wait_for_port(cql, START_SECONDS)
        here = self.folder / "kairosdb"
        (here / "webroot").mkdir(parents=True)
        (here / "logback.xml").write_text(LOGBACK)
        config = here / "peers.conf"
        config.write_text(KAIROSDB.format(telnet=telnet, http=http, cql=cql, here=here))
        kairosdb = Process("kairosdb", [
            "java", "-Xmx2g", *_opened(OPENED_FOR_KAIROSDB), "-Duser.timezone=UTC", f"-Djava.io.tmpdir={here}",
            "-cp", f"{here}:{WORK / 'kairosdb'}/*", "org.kairosdb.core.Main", "-c", "run", "-p", config,
        ], here)
        # Idle, it still collects and writes its own metrics.
        self.process = Group(kairosdb, cassandra, quiet_share=0.08, quiet_seconds=8.0)
        kairosdb.wait_for_port(telnet, START_SECONDS)
        self.ports = {"telnet": telnet, "kairos-rest": http, "http": http}

    def _start_cassandra(self, cql):
        here, jars = self.folder / "cassandra", WORK / "cassandra"
        here.mkdir()
        (here / "logback.xml").write_text(LOGBACK)
        config = here / "cassandra.yaml"
        config.write_text(CASSANDRA.format(here=here, cql=cql, storage=free_port(), secure=free_port()))
        agent = next(jars.glob("jamm-*.jar"), None)
        if not agent:
            raise Failed(f"there is no jamm jar in {jars}: remove that folder and start again")
        exports = [word for one in EXPORTED for word in ("--add-exports", f"{one}=ALL-UNNAMED")]
        return Process("cassandra", [
            "java", "-Xms4g", "-Xmx4g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=300", "-Djdk.attach.allowAttachSelf=true",
            f"-javaagent:{agent}", *exports, *_opened(OPENED),
            "--add-opens", "jdk.management/com.sun.management.internal=ALL-UNNAMED", f"-Djava.io.tmpdir={here}",
            f"-Dcassandra.config=file://{config}", f"-Dcassandra.storagedir={here}", f"-Dcassandra.logdir={here}",
            "-Dcassandra-foreground=yes", f"-Dcassandra.jmx.local.port={free_port()}", "-cp", f"{here}:{jars}/*",
            "org.apache.cassandra.service.CassandraDaemon",
        ], here)

    def stored(self):
        """Every point, read and counted."""
        count = {"name": "count", "sampling": {"value": 100, "unit": "years"}}
        query = {"start_absolute": 0, "metrics": [{"name": name, "aggregators": [count]} for name in METRICS]}
        path = "/api/v1/datapoints/query?" + urllib.parse.urlencode({"query": json.dumps(query)})
        answer = json.loads(fetch(self.ports["http"], path, COUNT_SECONDS))
        return sum(one["sample_size"] for one in answer["queries"])


def _fetch_jars(pom, folder):
    """Why Maven did not get what `pom` names, or nothing."""
    done = folder / "installed"
    if done.exists() and done.read_bytes() == pom.read_bytes():
        return None
    shutil.rmtree(folder, ignore_errors=True)
    command = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime",
               f"-DoutputDirectory={folder}"]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        return f"Maven did not end in {INSTALL_SECONDS} s"
    if ended.returncode != 0:
        return f"Maven did not get {pom.name}: {(ended.stdout + ended.stderr).strip()[-300:]}"
    Path(done).write_bytes(pom.read_bytes())
    return None
