"""The series that both are asked about, and how they get into corelane and into whisper files."""
import os
import random
import re
import socket
import urllib.parse

ORIGIN = 1699999200
HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 20261130
HISTORY_SECONDS = 36000


def counter(chance):
    value = 0
    for i in range(120):
        value = 3 if i in (40, 90) else value + chance.randrange(50)
        yield None if i % 17 == 5 else float(value)


def season(chance):
    for i in range(240):
        yield 50 + 10 * (i % 10) + i / 8 + chance.randrange(100) / 16


RUNS = {
    "counter": counter,
    "season": season,
    "count": lambda chance: (float(i) for i in range(120)),
    "random": lambda chance: (chance.randrange(10**6) / 1000 for _ in range(120)),
    "negative": lambda chance: (chance.uniform(-100, 100) for _ in range(120)),
    "gaps": lambda chance: (
        None if chance.random() < 0.3 else chance.randrange(10**4) / 100 for _ in range(120)
    ),
    "short": lambda chance: (
        None if chance.random() < 0.15 else float(chance.randrange(100)) for _ in range(37)
    ),
}


def series():
    """Name, step, and points as pairs of seconds and value, by time."""
    chance = random.Random(SEED)
    with open(os.path.join(HERE, "data.txt")) as file:
        for line in file:
            if line.startswith("#") or not line.strip():
                continue
            name, offset, step, *values = line.split()
            start, step = ORIGIN + int(offset), int(step)
            if values[0].startswith("{"):
                values = list(RUNS[values[0][1:-1]](chance))
            else:
                values = [None if value == "-" else float(value) for value in values]
            early = [(ORIGIN - HISTORY_SECONDS + i * step, 1.0) for i in range(4)]
            own = [(start + i * step, value) for i, value in enumerate(values) if value is not None]
            yield name, step, early + own


def send(port):
    """Send everything to corelane's door for lines. Gives the name and the newest point of the last."""
    lines = []
    for name, _, points in series():
        lines += ["%s %r %d\n" % (name, value, at) for at, value in points]
    with socket.create_connection(("127.0.0.1", port)) as door:
        door.sendall("".join(lines).encode())
    return name, points[-1]


def write_whisper(folder, now):
    """Write the untagged series as whisper files of one archive that spans all of them."""
    import whisper

    for name, step, points in series():
        if ";" in name:
            continue
        path = os.path.join(folder, *name.split(".")) + ".wsp"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        whisper.create(path, [(step, 2 * 86400 // step)])
        whisper.update_many(path, points, now=now)


def register(reference):
    """Tell graphite-web the tagged series, for a database of its own."""
    for name, _, _ in series():
        if ";" in name:
            answer = reference.ask("/tags/tagSeries", "", urllib.parse.urlencode({"path": name}))
            assert answer.status == 200, answer.body


def matching(text):
    """How many series the paths and tags in a target name, about, and no fewer."""
    names = [name for name, _, _ in series()]
    count = names.count(text) + sum(";" in name for name in names if "seriesByTag" in text)
    for path in re.findall(r"[\w*?{}\[\]!,-]+(?:\.[\w*?{}\[\]!,-]+)+", text):
        for one in path.lstrip(",").split(",") if "{" not in path else [path]:
            pattern = re.escape(one).replace(r"\*", "[^.]*").replace(r"\?", "[^.]")
            pattern = re.sub(r"\\{(.*?)\\}", lambda m: "(%s)" % m.group(1).replace(",", "|"), pattern)
            pattern = pattern.replace(r"\[!", "[^").replace(r"\[", "[").replace(r"\]", "]").replace(r"\-", "-")
            count += sum(re.fullmatch(pattern, name) is not None for name in names)
    return max(count, 1)
