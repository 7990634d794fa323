"""The bundled load generator, as this bench calls it: the only file that knows its flags."""

import json
import os
import subprocess
import time

from machine import ROOT, sender_core
from process import Failed

BINARY = ROOT / "target" / "release" / "loadgen"
RUN_SECONDS = 900
DATAGRAM_POINTS_PER_SECOND = 1_000_000


class Workload:
    """Series, their order and their clock. Each `send` goes on where the last one ended."""

    def __init__(self, protocol, series, connections=4, order="stable", seed=1, span_seconds=3000, more=()):
        # As the rows call it, and as the load generator does.
        self.protocol = self.door = protocol
        # Flags of every send.
        self.more = more
        self.series = series
        self.connections = connections
        self.order = order
        self.seed = seed
        # Recent enough for a whisper file of one hour, with room for the rounds to come.
        self.next_second = int(time.time()) - span_seconds
        # Where rounds follow from the first one: their number so far. None while each send starts anew.
        self.rounds_sent = None
        self.command = []

    def keep_start(self):
        """From now on all sends are one run, so that questions know all of its values."""
        self.rounds_sent = 0

    def send(self, port, rounds, *more):
        """Send `rounds` points of every series as fast as the server takes them; datagrams, which no
        server can slow down, at their rate. Gives the report."""
        behind = self._going_on() or ("--start", self.next_second)
        if self.rounds_sent is None:
            self.next_second += rounds
        pace = ("--rate", DATAGRAM_POINTS_PER_SECOND) if self.protocol == "udp" else ("--max",)
        return self._run(self._words(port, *pace, "--rounds", rounds, *behind, *more))

    def send_for(self, port, seconds, *more):
        """Send for some seconds as fast as the server takes it."""
        return self._run(self._words(port, "--max", "--duration", seconds, *more))

    def send_at_rate(self, port, points_per_second, seconds, *more):
        """Send on a schedule; the points carry the time of day."""
        return self._run(self._words(port, "--rate", points_per_second, "--duration", seconds,
                                     *self._going_on(), *more))

    def ask(self, http_port, rounds, seconds, *more):
        """Ask about the `rounds` that were sent from `next_second` on, as dashboards do; any answer that is not
        what was sent fails. Gives the report."""
        words = self._words(1, "--query-only", "--query", f"http://127.0.0.1:{http_port}", "--rounds", rounds,
                            "--start", self.next_second, "--duration", seconds, *more)
        return self._run(words)["query"]

    def _going_on(self):
        return () if self.rounds_sent is None else ("--start", self.next_second, "--resume", self.rounds_sent)

    def start_at_rate(self, port, points_per_second, seconds, folder, *more):
        """The same beside other work: gives the child."""
        words = self._words(port, "--rate", points_per_second, "--duration", seconds, *more)
        with open(folder / "loadgen.log", "ab") as log:
            return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    start_new_session=True, preexec_fn=pin)

    def last_report(self, folder):
        """What the last child that was started in `folder` and has ended reported."""
        text = (folder / "loadgen.log").read_text(errors="replace")
        try:
            return json.loads(text.strip().splitlines()[-1])
        except (ValueError, IndexError) as error:
            raise Failed(f"loadgen wrote no JSON: {text[-800:]}") from error

    def crash(self, command, port, http_port, points_per_second, loops, flow_seconds, *more):
        """Let loadgen start, kill and ask the server; gives its summary. Loss is reported, not judged,
        and a point that was acknowledged and is gone fails."""
        words = self._words(port, "--crash", command, "--verify", f"http://127.0.0.1:{http_port}",
                            "--rate", points_per_second, "--crash-loops", loops, "--crash-flow", flow_seconds,
                            "--lost-ms-max", 3_600_000, *more)
        return self._run(words)

    def _words(self, port, *more):
        self.command = [str(word) for word in (
            BINARY, "--protocol", self.door, "--target", f"127.0.0.1:{port}", "--series", self.series,
            "--connections", self.connections, "--order", self.order, "--seed", self.seed, "--json", *self.more, *more)]
        return self.command

    def command_line(self):
        """The last command, as it can be typed at the root of the project."""
        return " ".join(self.command).replace(f"{ROOT}/", "")

    def _run(self, command):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False,
                                  timeout=RUN_SECONDS, preexec_fn=pin)
        except OSError as error:
            raise Failed(f"{BINARY} does not start: run 'cargo build --release --workspace' ({error})") from error
        except subprocess.TimeoutExpired as error:
            raise Failed(f"loadgen did not end in {RUN_SECONDS} s: {self.command_line()}") from error
        if done.returncode != 0:
            raise Failed(f"loadgen ended with {done.returncode}: {self.command_line()}\n"
                         f"{done.stdout[-800:]}{done.stderr[-800:]}")
        try:
            report = json.loads(done.stdout.strip().splitlines()[-1])
        except (ValueError, IndexError) as error:
            raise Failed(f"loadgen wrote no JSON: {done.stdout[-500:]}") from error
        if self.rounds_sent is not None and "rounds_max" in report:
            self.rounds_sent = report["rounds_max"]
        return report


def pin():
    """Keep the sender on its own core, away from a server that has only the first."""
    os.sched_setaffinity(0, {sender_core()})
