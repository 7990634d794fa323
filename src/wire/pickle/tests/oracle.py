"""Pickles random batches by every protocol and pickler that this Python has.

Writes lines: a label, the payload in hexadecimal, then what the batch must be read as:
name:milliseconds:bits of the value, and at the end reason:count in the order of the reasons.
The rules are restated here, not taken from the decoder.
"""
import io
import pickle
import random
import struct
import sys

NOW_MS = 1800000000000
REASONS = ["value", "nan", "timestamp", "too_old", "too_far_ahead", "item", "pickle"]
chance = random.Random(int(sys.argv[1]))


class Refused(Exception):
    pass


def finite(value, infinite):
    if value is None or isinstance(value, (list, tuple, dict)):
        raise Refused("item")
    if isinstance(value, (str, bytes)):
        text = value.decode() if isinstance(value, bytes) else value
        if "_" in text or not text.isascii():
            raise Refused(infinite)
    try:
        number = float(value)
    except (OverflowError, ValueError):
        raise Refused(infinite)
    if number != number:
        raise Refused("nan" if infinite == "value" else infinite)
    if number in (float("inf"), float("-inf")):
        raise Refused(infinite)
    return number


def milliseconds(time):
    try:
        seconds = finite(time, "timestamp")
    except Refused as refused:
        if isinstance(time, int):
            raise Refused("too_old" if time < 0 else "too_far_ahead")
        raise refused
    if int(seconds) == -1:
        return NOW_MS
    exact = int(time) * 1000 if isinstance(time, int) else int(seconds * 1000 + 0.0005)
    if exact <= 0:
        raise Refused("too_old")
    if exact > NOW_MS + 86400000:
        raise Refused("too_far_ahead")
    return exact


def read(batch):
    """What `batch` must be read as."""
    points, counts = [], dict.fromkeys(REASONS, 0)
    if not isinstance(batch, (list, tuple)):
        return ["pickle:1"]
    for item in batch:
        if not isinstance(item, (list, tuple)) or len(item) < 2 or not isinstance(item[0], (str, bytes)):
            counts["item"] += 1
            continue
        name = item[0] if isinstance(item[0], bytes) else item[0].encode()
        for point in item[1:]:
            try:
                if not isinstance(point, (list, tuple)) or len(point) != 2:
                    raise Refused("item")
                value = finite(point[1], "value")
                time_ms = milliseconds(point[0])
                points.append("%s:%d:%s" % (name.hex(), time_ms, struct.pack(">d", value).hex()))
            except Refused as refused:
                counts[refused.args[0]] += 1
    return points + ["%s:%d" % (r, counts[r]) for r in REASONS if counts[r]]


def some_name():
    alphabet = chance.choice(["abc.-_", "abc.\\'\"\n\t u00U;=~", "a.\u00e9\u00ff\u0100\u0436\U0001f600\\"])
    length = chance.choice([1, 8, 8, 30, 30, 255, 256, 300])
    return "".join(chance.choice(alphabet) for _ in range(length))


def some_value():
    return chance.choice([
        lambda: chance.uniform(-1000, 1000),
        lambda: struct.unpack(">d", struct.pack(">Q", chance.getrandbits(64)))[0],
        lambda: chance.randint(-300, 70000),
        lambda: chance.randint(-2**80, 2**80),
        lambda: chance.choice([1, -1]) * chance.getrandbits(chance.randint(1, 1030)),
        lambda: chance.choice([1, -1]) * (2**chance.randint(53, 1020) + 2**chance.randint(0, 52)),
        lambda: chance.choice([2**31 - 1, 2**31, -2**31, 2**63, -2**63, 2**64, 2**1024, 2**2100]),
        lambda: repr(chance.uniform(-10, 10)),
        lambda: chance.choice(["42", " 42.5\n", "NaN", "inf", "1_000", "0x10", "", "x", "1e400", "\u0664\u0662"]),
        lambda: chance.choice([True, False, None, float("nan"), float("inf"), -0.0]),
        lambda: chance.choice([[], (), {}, [1, 2], (1,)]),
    ])()


def some_time():
    return chance.choice([
        lambda: chance.randint(1, 1800000000),
        lambda: chance.randint(1, 1800000000),
        lambda: chance.uniform(1, 1800000000),
        lambda: chance.randint(1500000000000, 1800000000000) / 1000,
        lambda: chance.choice([-1, -1.5, 0, -2, 0.5, 1800086400, 1800086401, 2**40, -2**70, 2**70, True]),
        lambda: chance.choice([float("nan"), float("inf"), None, "1700000000", "1700000000.25", "now", []]),
    ])()


def some_point():
    pair = (some_time(), some_value())
    return list(pair) if chance.random() < 0.2 else pair


def some_item(shared):
    if shared and chance.random() < 0.2:
        return chance.choice(shared)
    kind = chance.random()
    if kind < 0.05:
        return chance.choice([None, 1, "ab", (), ("a",), {}, (1, (2, 3)), ("a", 1, 2), [["a"], (1, 2)]])
    points = [some_point() for _ in range(1 if kind < 0.9 else 3)]
    if shared and chance.random() < 0.2:
        name = next((i[0] for i in shared if isinstance(i, (list, tuple)) and i), "x")
    else:
        name = some_name()
    item = (name, *points)
    return list(item) if chance.random() < 0.2 else item


def some_batch():
    items = []
    for _ in range(chance.choice([0, 1, 2, 5, 20])):
        items.append(some_item(items))
    if chance.random() < 0.03:
        return chance.choice([None, 7, "abc", {"a": (1, 2)}])
    return tuple(items) if chance.random() < 0.1 else items


def plain(batch):
    """A batch as a relay sends it: float pairs, all names different."""
    return [("%s.%d" % (some_name(), i), (float(chance.randint(1, 1800000000)), chance.uniform(-9, 9)))
            for i in range(chance.choice([1, 2, 300]))]


def dumped(batch, protocol, pickler):
    to = io.BytesIO()
    pickler(to, protocol).dump(batch)
    return to.getvalue()


for turn in range(120):
    batch = plain(None) if turn % 12 == 0 else some_batch()
    want = read(batch)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for label, pickler in ("C", pickle.Pickler), ("py", pickle._Pickler):
            payload = dumped(batch, protocol, pickler)
            print("%d/p%d/%s" % (turn, protocol, label), payload.hex(), *want)
