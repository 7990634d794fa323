"""Bodies for `POST /api/v1/datapoints` made by chance, always the same ones: good ones, written as strictly
or as laxly as KairosDB reads, and such as are nearly good."""
import json
import random

SEED = 20261202

# Of each, what is good, and what is odd.
VALUES = [1, 0, -5, 42, 1.5, -0.25, 100.0, 1e16, 9007199254740993, "text", "two words", "123", "123.3"], [
    "+102", ".5", "-.5", "3.", ".", "-", "+.", "1e5", "1.2.3", " 1", "1 ", "0x10", "--1", "NaN", True, False, None, "",
    [], {}, [1], {"a": 1}, "\u00e4\u2028</x>", "\x7f", 9223372036854775807, -9223372036854775808,
    "9223372036854775807", "0.000000",
]
# Numbers as they are written, which no value of Python's tells.
WRITTEN = ["1e5", "1E3", "1.50", "-0", "-0.0", "1.5e3", "0.1e1", "1.5E+2"], [
    "1e-5", "9223372036854775808", "1e19", "1.0e400", "012", "1.", ".5", "+1",
]
TIMES = [1700000000000, 1, 0, -1, 1600000000123, 12345], [
    "12", "-3", 1000.0, 1.5, "", "abc", None, True, [], {}, "1.5", 9223372036854775807, "9223372036854775808",
]
TYPES = ["long", "double", "string"], ["complex", "null", "", None, 5, True]
TTLS = [0, 2000000000, "2000000007"], [None, "", "x", 1.5, -1, True, 99999999999]
TAGS = [("host", "a"), ("host", "b"), ("dc", "x y"), ("k:/", "v=1"), ("\u00fc", "\u00f6")], [
    ("", "x"), ("k", ""), ("k", None), ("k", 5), ("k", 1.5), ("k", True), ("k", []), ("k", {}), ("k", ["a"]),
]
ALL_TAGS = [{}, None, [], "x", 5]


class Written:
    """A number by its text."""

    def __init__(self, text):
        self.text = text


class Maker:
    """Makes bodies from one source of chance."""

    def __init__(self, seed, lax):
        self.chance, self.lax, self.odd = random.Random(seed), lax, 0.0

    def maybe(self, part):
        return self.chance.random() < part

    def pick(self, good_and_odd):
        """Something good, or odd as often as this body is."""
        return self.chance.choice(good_and_odd[self.maybe(self.odd)])

    def value(self):
        return Written(self.pick(WRITTEN)) if self.maybe(0.12) else self.pick(VALUES)

    def point(self):
        point = [self.pick(TIMES), self.value()]
        if self.maybe(0.15):
            point.append(self.pick(TYPES))
        if self.maybe(self.odd / 8):
            return self.chance.choice([[], point[:1], point + [1, 2], None, 5, "x", {}])
        return point

    def tags(self):
        if self.maybe(self.odd / 8):
            return self.chance.choice(ALL_TAGS)
        return dict(self.pick(TAGS) for _ in range(self.chance.choice([1, 1, 2, 3])))

    def metric(self, name):
        """A metric object, as a list of its members, for one may come twice."""
        if self.maybe(self.odd / 10):
            return self.chance.choice([None, 5, "x", [], {}, True])
        pairs = [("name", name)]
        if self.maybe(self.odd / 8):
            pairs = [("name", self.chance.choice(["", None, 5, True, [], {}]))]
        if self.maybe(0.6):
            pairs.append(("datapoints", [self.point() for _ in range(self.chance.choice([0, 1, 1, 2, 3, 5]))]))
            if self.maybe(self.odd / 8):
                pairs[-1] = ("datapoints", self.chance.choice([None, {}, "x", 5, [[]]]))
        if len(pairs) == 1 or self.maybe(0.15):
            if not self.maybe(self.odd / 4):
                pairs.append((self.chance.choice(["timestamp", "timestamp", "time"]), self.pick(TIMES)))
            if not self.maybe(self.odd / 4):
                pairs.append(("value", self.value()))
        if not self.maybe(self.odd / 8):
            pairs.append(("tags", self.tags()))
        if self.maybe(0.15):
            pairs.append(("type", self.pick(TYPES)))
        if self.maybe(0.15):
            pairs.append(("ttl", self.pick(TTLS)))
        if self.maybe(0.05):
            pairs.append(("unknown", self.chance.choice([5, {"a": [1, {}]}, "x", None])))
        if self.maybe(0.03):
            pairs.append(self.chance.choice(pairs))
        self.chance.shuffle(pairs)
        return ("object", pairs)

    def write(self, value):
        """The text of a value."""
        if isinstance(value, Written):
            return value.text
        if isinstance(value, dict):
            value = ("object", list(value.items()))
        if isinstance(value, tuple):
            members = [self.key(key) + self.sign(":", "=") + self.write(one) for key, one in value[1]]
            return self.blank("{") + self.joined(members) + self.blank("}")
        if isinstance(value, list):
            return self.blank("[") + self.joined([self.write(one) for one in value]) + self.blank("]")
        if isinstance(value, str):
            return self.string(value)
        return json.dumps(value)

    def joined(self, parts):
        text = ""
        for nth, part in enumerate(parts):
            text += (self.sign(",", ";") if nth else "") + part
        return text

    def sign(self, strict, lax):
        return self.blank(lax if self.lax and self.maybe(0.1) else strict)

    def blank(self, sign):
        """`sign`, with blanks or comments around it now and then."""
        if self.lax and self.maybe(0.05):
            return sign + self.chance.choice(["/* c */", "// c\n", "# c\n", " \t\n"])
        return sign + (" " if self.maybe(0.1) else "")

    def key(self, text):
        if self.lax and text.isidentifier() and self.maybe(0.2):
            return text
        return self.string(text)

    def string(self, text):
        if self.lax and self.maybe(0.15) and "'" not in text and "\\" not in text:
            return "'%s'" % text
        return json.dumps(text, ensure_ascii=self.maybe(0.3))

    def body(self, names):
        """A body that is one object or a list of some."""
        self.odd = self.chance.choice([0, 0, 0.1, 0.3])
        metrics = [self.metric(name) for name in names]
        value = metrics[0] if len(metrics) == 1 and self.maybe(0.4) else metrics
        text = self.write(value)
        if self.maybe(self.odd / 2):
            cut = self.chance.randrange(len(text))
            letter = self.chance.choice('{}[]",:x\\')
            more, less = text[:cut] + letter + text[cut:], text[:cut] + text[cut + 1 :]
            text = self.chance.choice([text[:cut], more, less, text + "x"])
        return text


def some(count, lax):
    """Pairs of the names in a body, and the body."""
    maker = Maker(SEED + lax, lax)
    for nth in range(count):
        name = "body.%s.%d" % ("lax" if lax else "strict", nth)
        names = ["%s.%d" % (name, one) for one in range(maker.chance.choice([1, 1, 1, 2, 3]))]
        yield names, maker.body(names)
