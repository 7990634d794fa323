"""A server under measurement: its CPU, its memory, whether it is quiet, its end.

Processes are started in sessions of their own and ended by their id, also when the run is
interrupted. Nothing else is ever signalled.
"""

import atexit
import os
import signal
import socket
import subprocess
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
START_SECONDS = 30
STOP_SECONDS = 30
# A server that uses less than this share of a core for this long has nothing left to do.
QUIET_SHARE = 0.05
QUIET_SECONDS = 2.0

_running = []


class Failed(Exception):
    """What stopped a run; its text says what to do."""


def _end_all():
    for process in list(_running):
        process.kill()


atexit.register(_end_all)


def free_port():
    """A port that nobody holds, by TCP nor UDP."""
    for _ in range(200):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise Failed("no port is free by TCP and UDP")


class Process:
    """A started program."""

    quiet_share, quiet_seconds = QUIET_SHARE, QUIET_SECONDS

    def __init__(self, what, command, folder, cores=None):
        self.what = what
        self.command = [str(word) for word in command]
        self.log = folder / f"{what}.log"
        pin = (lambda: os.sched_setaffinity(0, cores)) if cores else None
        with open(self.log, "ab") as log:
            try:
                self.child = subprocess.Popen(
                    self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    cwd=folder, start_new_session=True, preexec_fn=pin)
            except OSError as error:
                raise Failed(f"{what} did not start: {error}") from error
        _running.append(self)

    @property
    def pid(self):
        return self.child.pid

    def tail(self):
        """The end of what it wrote, for an error message."""
        try:
            return self.log.read_text(errors="replace")[-1500:]
        except OSError:
            return ""

    def check_alive(self):
        if self.child.poll() is not None:
            raise Failed(f"{self.what} ended with {self.child.returncode}:\n{self.tail()}")

    def wait_for(self, what, probe, seconds, pause=0.2):
        """Wait until `probe()` gives something true, and give that; failures of connecting are no."""
        end = time.monotonic() + seconds
        while True:
            self.check_alive()
            try:
                found = probe()
            except (OSError, ValueError):
                found = None
            if found:
                return found
            if time.monotonic() > end:
                raise Failed(f"{self.what}: no {what} after {seconds} s:\n{self.tail()}")
            time.sleep(pause)

    def wait_for_port(self, port, seconds=START_SECONDS):
        def probe():
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
        self.wait_for(f"answer on port {port}", probe, seconds)

    def _roots(self):
        return [self.pid]

    def _family(self):
        """Its id and those of all processes below it."""
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                stat = _stat(int(entry))
                if stat:
                    parents.setdefault(int(stat[1]), []).append(int(entry))
        found, queue = [], self._roots()
        while queue:
            pid = queue.pop()
            found.append(pid)
            queue.extend(parents.get(pid, []))
        return found

    def cpu_seconds(self):
        """User and system time so far, of all threads, of children that live and that ended."""
        ticks = 0
        for pid in self._family():
            stat = _stat(pid)
            if stat:
                ticks += sum(int(field) for field in stat[11:15])
        return ticks / TICKS_PER_SECOND

    def cpu_nanoseconds(self):
        """The same by the scheduler's own account, for work that is shorter than a tick. Threads and children
        that ended are not in it."""
        total = 0
        for pid in self._family():
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/schedstat") as file:
                        total += int(file.read().split()[0])
            except OSError:
                continue
        return total

    def _status_kib(self, key):
        total = 0
        for pid in self._family():
            try:
                with open(f"/proc/{pid}/status") as status:
                    for line in status:
                        if line.startswith(key + ":"):
                            total += int(line.split()[1])
            except OSError:
                continue
        return total

    def rss_mib(self):
        return self._status_kib("VmRSS") / 1024

    def peak_rss_mib(self):
        return self._status_kib("VmHWM") / 1024

    def written_bytes(self):
        """Bytes it has sent to the disk so far, as the kernel counts them: direct writes and io_uring's
        included, less what was removed before it was written."""
        total = 0
        for pid in self._family():
            try:
                with open(f"/proc/{pid}/io") as file:
                    counts = dict(line.split(": ") for line in file.read().splitlines())
            except OSError:
                continue
            total += int(counts["write_bytes"]) - int(counts["cancelled_write_bytes"])
        return total

    def wait_until_quiet(self, seconds):
        """Wait until it has nothing left to do, and give the CPU seconds it has used by then."""
        end = time.monotonic() + seconds
        before = self.cpu_seconds()
        while True:
            time.sleep(self.quiet_seconds)
            self.check_alive()
            now = self.cpu_seconds()
            if now - before <= self.quiet_share * self.quiet_seconds:
                return now
            if time.monotonic() > end:
                raise Failed(f"{self.what} is still busy after {seconds} s")
            before = now

    def kill(self):
        if self in _running:
            _running.remove(self)
        if self.child.poll() is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.child.wait()

    def stop(self):
        """End it in order; gives its exit code, or None where it had to be killed."""
        code = None
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                code = self.child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                pass
        self.kill()
        return code


class Group(Process):
    """Several programs that are one system; the first is the one that is spoken to."""

    def __init__(self, *members, quiet_share=QUIET_SHARE, quiet_seconds=QUIET_SECONDS):
        self.members = members
        self.what = members[0].what
        self.child = members[0].child
        self.quiet_share, self.quiet_seconds = quiet_share, quiet_seconds

    def _roots(self):
        return [member.pid for member in self.members]

    def tail(self):
        return "\n".join(member.tail() for member in self.members)

    def check_alive(self):
        for member in self.members:
            member.check_alive()

    def kill(self):
        for member in self.members:
            member.kill()

    def stop(self):
        codes = [member.stop() for member in self.members]
        return codes[0]


def _stat(pid):
    """The fields of /proc/PID/stat from the state on, or nothing where it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None
