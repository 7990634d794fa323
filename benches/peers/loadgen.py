"""The bundled load generator, as this bench calls it: the only file that knows its flags."""

import json
import os
import subprocess
import time

from machine import ROOT, sender_core
from process import Failed

BINARY = ROOT / "target" / "release" / "loadgen"
RUN_SECONDS = 900


class Workload:
    """Series, their order and their clock. Each `send` goes on where the last one ended."""

    def __init__(self, protocol, series, connections=4, order="stable", seed=1, span_rounds=3000):
        self.protocol = protocol
        self.series = series
        self.connections = connections
        self.order = order
        self.seed = seed
        # Recent enough for a whisper file of one hour, with room for the rounds to come.
        self.next_second = int(time.time()) - span_rounds
        self.command = []

    def words(self, port, extra):
        return [str(word) for word in (
            BINARY, "--protocol", self.protocol, "--target", f"127.0.0.1:{port}",
            "--series", self.series, "--connections", self.connections, "--order", self.order,
            "--seed", self.seed, "--json", *extra)]

    def send(self, port, rounds):
        """Send `rounds` points of every series as fast as the server takes them."""
        extra = ["--max", "--rounds", rounds, "--start", self.next_second]
        self.next_second += rounds
        return self._run(self.words(port, extra))

    def start_rate(self, port, points_per_second, seconds, folder):
        """Start a sender of a fixed rate; gives the child. Its points carry the wall clock's time."""
        extra = ["--rate", points_per_second, "--seconds", seconds]
        with open(folder / "loadgen.log", "ab") as log:
            return subprocess.Popen(self.words(port, extra), stdin=subprocess.DEVNULL, stdout=log,
                                    stderr=log, start_new_session=True, preexec_fn=pin)

    def _run(self, command):
        self.command = command
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False,
                                  timeout=RUN_SECONDS, preexec_fn=pin)
        except OSError as error:
            raise Failed(f"{BINARY} is not built: run 'cargo build --release --workspace' ({error})") from error
        except subprocess.TimeoutExpired as error:
            raise Failed(f"loadgen did not end in {RUN_SECONDS} s: {' '.join(command)}") from error
        if done.returncode != 0:
            raise Failed(f"loadgen ended with {done.returncode}: {' '.join(command)}\n{done.stderr[-1500:]}")
        try:
            return json.loads(done.stdout.strip().splitlines()[-1])
        except (ValueError, IndexError) as error:
            raise Failed(f"loadgen wrote no JSON: {done.stdout[-500:]}") from error


def pin():
    """Keep the sender on its own core, away from a server that has only the first."""
    os.sched_setaffinity(0, {sender_core()})
