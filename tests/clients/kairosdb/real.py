"""The real KairosDB, on its H2 store, on free ports of the loopback, in a folder of the test's own."""
import os
import shutil
import socket
import subprocess
import time

from doors import Doors

START_SECONDS = 120
STOP_SECONDS = 20
TRIES = 4

# Without a logging configuration everything is logged, and that costs more than all else.
LOGBACK = """<configuration>
<appender name="out" class="ch.qos.logback.core.ConsoleAppender">
<encoder><pattern>%d{HH:mm:ss.SSS} %-5level %logger{0} %msg%n%rEx{3}</pattern></encoder>
</appender>
<root level="WARN"><appender-ref ref="out"/></root>
</configuration>
"""

# A short wait for a batch makes points visible sooner and changes nothing else.
CONFIG = """include classpath("kairosdb.conf")
kairosdb.telnetserver {{ port = {telnet}, address = "127.0.0.1" }}
kairosdb.jetty {{ port = {http}, address = "127.0.0.1", static_web_root = "{folder}/webroot" }}
kairosdb.datastore.h2.database_path = "{folder}/store"
kairosdb.queue_processor {{ queue_path = "{folder}/queue", min_batch_size = 1, min_batch_wait = 20 }}
kairosdb.query_cache.cache_dir = "{folder}/cache"
kairosdb.service.reporter = "<disabled>"
"""
# Off by default, there as here.
ROLLUPS = """kairosdb.service.rollups = org.kairosdb.rollup.RollUpModule
kairosdb.rollups.server_assignment.check_update_delay_millseconds = 200
"""

# What KairosDB and what it stands on reach into, and newer Javas keep closed.
OPENED = ["java.lang", "java.util", "java.nio", "sun.nio.ch", "jdk.internal.ref"]


def free_ports(count):
    """Ports that nobody held a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Real:
    """A running KairosDB. `jars` is the folder that Maven filled; `folder` is emptied and used, and `more` stands
    behind the usual configuration."""

    def __init__(self, folder, jars, more=""):
        self.more = more
        self.folder = os.path.abspath(folder)
        self.jars = os.path.abspath(jars)
        self.process = None
        for _ in range(TRIES):
            if self.start(*free_ports(2)):
                return
        raise SystemExit("KairosDB does not start:\n" + self.log()[-2000:])

    def start(self, telnet, http):
        """Whether it answers on these ports; somebody else may have taken one of them."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder + "/webroot")
        self.write("logback.xml", LOGBACK)
        # A name of its own: on the class path `kairosdb.conf` is the one that it includes.
        self.write("test.conf", CONFIG.format(telnet=telnet, http=http, folder=self.folder) + self.more)
        self.ports = (telnet, http)
        return self.launch()

    def launch(self):
        """Start it on what is in its folder."""
        telnet, http = self.ports
        with open(self.folder + "/log", "ab") as log:
            command = self.command("run")
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.time() + START_SECONDS
        while time.time() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", telnet), 1).close()
            except OSError:
                time.sleep(0.05)
                continue
            self.doors = Doors("KairosDB", telnet, http)
            return self.doors.get("/api/v1/version").status == 200
        self.stop()
        return False

    def command(self, *words):
        """Its command line; the first word is what it does."""
        command = [os.environ.get("JAVA", "java"), "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        for package in OPENED:
            command += ["--add-opens", "java.base/%s=ALL-UNNAMED" % package]
        command += ["-Duser.timezone=UTC", "-Djava.io.tmpdir=" + self.folder]
        command += ["-cp", "%s:%s/*" % (self.folder, self.jars), "org.kairosdb.core.Main"]
        return command + ["-p", self.folder + "/test.conf", "-c", *words]

    def leave(self):
        """End it in order: what it took is in its store."""
        self.process.terminate()
        self.process.wait(STOP_SECONDS)

    def tool(self, *words):
        """Its export or import on its store, while it does not run."""
        done = subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, capture_output=True, timeout=START_SECONDS)
        if done.returncode:
            raise SystemExit("%s: %r" % (words, done))

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def log(self):
        """What it wrote so far."""
        with open(self.folder + "/log", errors="replace") as file:
            return file.read()

    def stop(self):
        """End it; what it stored is of no further use."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
