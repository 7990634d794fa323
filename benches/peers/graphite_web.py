"""graphite-web over whisper files: how it is installed and started, and how its files are made.

The files are those that carbon writes, laid out by the format's description and not by carbon, which
would take an hour for ten thousand of them. What is in them comes from the load generator over a
socket, as for every other system.
"""

import array
import itertools
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading

from machine import WORK
from process import Failed, Process, free_port
from systems import INSTALL_SECONDS, System, fetch

GRAPHITE_VERSION = "1.1.10"
# Django 3.0, which it needs, wants a Python that still has distutils.
PACKAGES = (f"graphite-web=={GRAPHITE_VERSION}", f"whisper=={GRAPHITE_VERSION}", "gunicorn<22", "setuptools<70")
PYTHONS = ("python3.9", "python3.10", "python3.11", sys.executable)

# A slot of a file: seconds and a double. Room behind the points, so that the file reaches back far enough.
SLOT_BYTES = 12
# What is still on its way when the last line is sent is read by then.
READ_SECONDS = 300
SPARE_SLOTS = 6 * 3600
AVERAGE = 1

SETTINGS = """SECRET_KEY = "of a bench"
ALLOWED_HOSTS = ["*"]
TIME_ZONE = "UTC"
STORAGE_DIR = CONF_DIR = LOG_DIR = {here!r}
WHISPER_DIR = {whisper!r}
INDEX_FILE = {here!r} + "/index"
LOG_ROTATION = False
LOG_FILE_INFO = LOG_FILE_EXCEPTION = LOG_FILE_CACHE = LOG_FILE_RENDERING = "-"
MEMCACHE_HOSTS = []
# It gives up after seconds, and ten thousand series take more.
FIND_TIMEOUT = FETCH_TIMEOUT = 900
"""


class GraphiteWeb(System):
    """One worker. `whisper` is the folder of its files, made before it starts."""

    name = "graphite-web"
    venv = WORK / "graphite-web"
    whisper = None
    # It takes a minute for ten thousand series: one run of it, and one question of each kind.
    pairs_max = 1
    variants_max = 1

    @classmethod
    def install(cls):
        if (cls.venv / "installed").exists():
            return None
        python = next((path for path in map(shutil.which, PYTHONS) if path and _runs(path)), None)
        if not python:
            return "there is no Python of 3.9 to 3.11, which its Django needs"
        shutil.rmtree(cls.venv, ignore_errors=True)
        for command in ([python, "-m", "venv", cls.venv], [cls.venv / "bin" / "pip", "install", "-q", *PACKAGES]):
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
            if done.returncode != 0:
                return f"{' '.join(map(str, command))} failed: {(done.stdout + done.stderr).strip()[-300:]}"
        (cls.venv / "installed").touch()
        return None

    @classmethod
    def version(cls):
        return GRAPHITE_VERSION

    def start(self):
        if self.whisper is None:
            raise Failed("graphite-web has no files to read")
        http, here = free_port(), self.folder
        (here / "bench_settings.py").write_text(SETTINGS.format(here=str(here), whisper=f"{self.whisper}/"))
        environment = ("GRAPHITE_SETTINGS_MODULE=bench_settings", "DJANGO_SETTINGS_MODULE=graphite.settings",
                       f"PYTHONPATH={here}")
        command = ["env", *environment, self.venv / "bin" / "gunicorn", "--workers", 1, "--timeout", 900,
                   "--bind", f"127.0.0.1:{http}", "graphite.wsgi:application"]
        self.process = Process("graphite-web", command, here)
        self.ports = {"http": http}
        self.process.wait_for("answer of /version", lambda: fetch(http, "/version/"), 60)


def _runs(python):
    done = subprocess.run([python, "-c", "import distutils, ensurepip, sys; sys.exit(sys.version_info > (3, 12))"],
                          capture_output=True, check=False)
    return done.returncode == 0


def write_whisper(folder, workload, rounds, wanted):
    """Let the load generator send `rounds` of `workload`, and put every series whose name `wanted` takes
    into a file below `folder`."""
    begin = workload.next_second
    names, values = _received(workload, rounds, wanted)
    slots = rounds + SPARE_SLOTS
    head = struct.pack("!2LfL", AVERAGE, slots, 0.0, 1) + struct.pack("!3L", 28, 1, slots)
    points = struct.Struct("!" + "Ld" * rounds)
    flat = [0.0] * (2 * rounds)
    flat[0::2] = range(begin, begin + rounds)
    for number, name in enumerate(names):
        flat[1::2] = values[number::len(names)]
        path = folder.joinpath(*name.split(".")).with_suffix(".wsp")
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            file.write(head)
            file.write(points.pack(*flat))
            file.truncate(len(head) + slots * SLOT_BYTES)


def _received(workload, rounds, wanted):
    """The names that are wanted, in their order, and the values of all of them, round after round."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        found = {}
        reader = threading.Thread(target=lambda: found.update(_read(door, workload.series, wanted)), daemon=True)
        reader.start()
        workload.send(port, rounds)
        reader.join(READ_SECONDS)
    if reader.is_alive() or len(found.get("values", ())) != rounds * len(found.get("names", ())) or not found["names"]:
        raise Failed("not all points came through for the whisper files")
    return found["names"], found["values"]


def _read(door, series, wanted):
    """Lines of one connection: in every round all series in one order."""
    stream, _ = door.accept()
    names, mask, values = [], [], array.array("d")
    at, rest = 0, b""
    with stream:
        while chunk := stream.recv(1 << 20):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(mask) < series:
                # The first round tells which places are wanted.
                fresh, lines = lines[:series - len(mask)], lines[series - len(mask):]
                for name, value, _ in (line.split(b" ") for line in fresh):
                    mask.append(wanted(name.decode()))
                    if mask[-1]:
                        names.append(name.decode())
                        values.append(float(value))
                at = len(mask) % series
            if lines:
                taken = itertools.compress(lines, itertools.islice(itertools.cycle(mask), at, at + len(lines)))
                values.extend(float(line.split(b" ", 2)[1]) for line in taken)
                at = (at + len(lines)) % series
    return {"names": names, "values": values}
