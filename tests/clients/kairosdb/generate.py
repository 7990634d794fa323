"""Queries made by chance, always the same ones: every aggregator, alone and behind others, groupers, zones,
alignment, order and limits."""
import random

import data

SEED = 20261130

UNITS = {
    "milliseconds": 1, "seconds": data.SECOND, "minutes": data.MINUTE, "hours": data.HOUR, "days": data.DAY,
    "weeks": 7 * data.DAY, "months": 30 * data.DAY, "years": 365 * data.DAY,
}
ZONES = [
    "UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns", "+02:00",
    "-03:30", "EST", "Etc/GMT+5", "Asia/Kathmandu", "America/Sao_Paulo", "",
]
RANGE = ["avg", "count", "dev", "first", "gaps", "last", "least_squares", "max", "min", "percentile", "sum"]
PLAIN = ["diff", "div", "filter", "rate", "sampler", "scale", "score", "sma", "trim"]
ALL = RANGE + PLAIN
# Empty buckets in one answer.
GAPS_MAX = 120
# No aggregator but these can stand behind `gaps`.
BEHIND_GAPS = ["count", "trim", "first", "last", "gaps"]
METRICS = ["long", "long", "double", "double", "mix", "text", "both", "tags"]
METRICS += ["hours", "days", "meet", "large", "small", "old", "one"]

TAGS = {
    "long": {"host": ["a", "b", "c", "nosuch"], "dc": ["x", "y"]},
    "mix": {"host": ["a", "b"], "rack": ["1"]},
    "tags": {"a": ["1", "z", "10"], "b": ["2", "x y"], "c": ["ü"], "nosuch": ["1"]},
}
HOST = {"host": ["a", "b"]}


class Maker:
    """Makes queries from one source of chance."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.ranges = data.ranges()

    def maybe(self, part):
        return self.chance.random() < part

    def number(self, value):
        """A number, now and then as text."""
        return str(value) if self.maybe(0.1) else value

    def span(self, metric):
        """Start and end of a query: all of it, a part, or more than there is."""
        first, last = self.ranges[metric]
        length = max(last - first, 1000)
        start, end = first, last
        if self.maybe(0.4):
            start = first + self.chance.randrange(-length // 4, length // 2)
        if self.maybe(0.4):
            end = last + self.chance.randrange(-length // 3, length // 4)
        return start, max(start, end)

    def sampling(self, span, few=False):
        """A bucket that cuts `span` milliseconds into some pieces; `few` holds their number down."""
        pieces = self.chance.choice([2, 3, 7, 20, 60])
        fits = [unit for unit, size in UNITS.items() if span / size >= 0.4 and span / size <= 5000] or ["milliseconds"]
        unit = self.chance.choice(fits)
        value = max(1, round(span / UNITS[unit] / pieces))
        if few:
            value = max(value, span // UNITS[unit] // GAPS_MAX + 1)
        if self.maybe(0.2):
            unit = unit.upper()
        return {"value": self.number(int(value)), "unit": unit}

    def aggregator(self, name, start, end):
        one = {"name": name}
        span = end - start
        if name in RANGE:
            few = name == "gaps"
            if few or self.maybe(0.95):
                one["sampling"] = self.sampling(span, few)
            for key in ("align_sampling", "align_start_time", "align_end_time"):
                if self.maybe(0.35):
                    one[key] = self.chance.choice([True, True, False])
            if self.maybe(0.1):
                one["time_zone"] = self.chance.choice(ZONES)
            if self.maybe(0.07) and not few:
                one["start_time"] = start + self.chance.randrange(-span // 2 - 1, span // 2 + 1)
        if name == "gaps" and self.maybe(0.5):
            one["trim"] = self.maybe(0.6)
        if name == "dev" and self.maybe(0.6):
            one["return_type"] = self.chance.choice(["value", "pos_sd", "neg_sd"])
            if self.maybe(0.5):
                one["dev_count"] = self.number(self.chance.choice([1, 2, 3, 0]))
        if name == "percentile":
            one["percentile"] = self.number(self.chance.choice([0.5, 0.75, 0.1, 0.95, 0.99, 1, 0.01, 0.333]))
        if name == "div":
            one["divisor"] = self.number(self.chance.choice([2, 3.0, -0.5, 1000, 1e-3]))
        if name == "scale" and self.maybe(0.9):
            one["factor"] = self.number(self.chance.choice([2, 0.1, -3, 1e6, 0]))
        if name == "sma":
            one["size"] = self.number(self.chance.choice([1, 2, 3, 5, 50]))
        if name == "filter":
            one["filter_op"] = self.case(self.chance.choice(["lte", "lt", "gte", "gt", "equal", "ne"]))
            if self.maybe(0.9):
                one["threshold"] = self.chance.choice([0, 5, 10.5, "gamma", "3", "t2", -20, 100])
        if name == "trim" and self.maybe(0.9):
            one["trim"] = self.case(self.chance.choice(["first", "last", "both"]))
        if name == "score":
            edges = [self.chance.choice([0, 5, 10, 10, 50.5, -3]) for _ in range(self.chance.randrange(0, 4))]
            one["thresholds"] = [self.threshold(edge) for edge in edges]
            if self.maybe(0.5):
                one["order"] = self.chance.choice(["ascending", "descending"])
        if name == "rate":
            if self.maybe(0.5):
                value = self.number(self.chance.choice([1, 2, 10]))
                one["sampling"] = {"value": value, "unit": self.chance.choice(list(UNITS))}
            elif self.maybe(0.8):
                one["unit"] = self.chance.choice(list(UNITS))
            if self.maybe(0.2):
                one["time_zone"] = self.chance.choice(ZONES)
        if name == "sampler" and self.maybe(0.9):
            one["unit"] = self.chance.choice(list(UNITS))
        return one

    def case(self, word):
        """Some names may be in any case."""
        return word.upper() if self.maybe(0.2) else word

    def threshold(self, value):
        one = {"value": value}
        if self.maybe(0.6):
            one["boundary"] = self.chance.choice(["superior", "inferior"])
        return one

    def grouper(self, metric, start, end):
        kind = self.chance.choice(["tag", "tag", "value", "time", "bin"])
        tags = sorted(TAGS.get(metric, HOST))
        if kind == "tag":
            names = self.chance.sample(tags, self.chance.randrange(1, len(tags) + 1))
            return {"name": "tag", "tags": names}
        if kind == "value":
            return {"name": "value", "range_size": self.number(self.chance.choice([1, 5, 10, 100]))}
        if kind == "time":
            count = self.number(self.chance.choice([1, 2, 3, 7]))
            return {"name": "time", "range_size": self.sampling(end - start), "group_count": count}
        bins = sorted(self.chance.sample([-10, 0, 2, 5, 7.5, 20, 100], self.chance.randrange(1, 4)))
        return {"name": "bin", "bins": [self.number(one) for one in bins]}

    def query(self, metric=None, aggregators=None, groupers=None):
        """One query for one metric. `aggregators` are names, `groupers` how many."""
        chance = self.chance
        name = metric or chance.choice(METRICS)
        start, end = self.span(name)
        one = {"name": name}
        if aggregators is None:
            aggregators = [chance.choice(ALL) for _ in range(chance.choice([0, 1, 1, 2, 2, 3]))]
        if "gaps" in aggregators:
            behind = aggregators.index("gaps") + 1
            if not self.maybe(0.1):
                aggregators[behind:] = [one if one in BEHIND_GAPS else "count" for one in aggregators[behind:]]
        if aggregators:
            one["aggregators"] = [self.aggregator(each, start, end) for each in aggregators]
        if groupers is None:
            groupers = chance.choice([0, 0, 0, 1, 1, 2, 3])
        if groupers:
            one["group_by"] = [self.grouper(name, start, end) for _ in range(groupers)]
        if self.maybe(0.25):
            known = TAGS.get(name, HOST)
            keys = chance.sample(sorted(known), chance.randrange(1, len(known) + 1))
            one["tags"] = {key: self.filter(known[key]) for key in keys}
        if self.maybe(0.2):
            one["order"] = chance.choice(["desc", "desc", "asc", "DESC"])
        if self.maybe(0.15):
            one["limit"] = self.number(chance.choice([1, 2, 3, 10, 0]))
        if self.maybe(0.1):
            one["exclude_tags"] = True
        out = {"start_absolute": self.number(start), "end_absolute": self.number(end), "metrics": [one]}
        if self.maybe(0.5):
            out["time_zone"] = chance.choice(ZONES)
        if self.maybe(0.1):
            out["cache_time"] = 0
        return out

    def filter(self, values):
        """One value, or a list of some."""
        some = self.chance.sample(values, self.chance.randrange(0, len(values) + 1))
        return some[0] if len(some) == 1 and self.maybe(0.5) else some


def each_aggregator(times, seed=SEED):
    """Every aggregator alone, so often, over all kinds of data."""
    maker = Maker(seed)
    for name in ALL:
        for nth in range(times):
            yield "%s %d" % (name, nth), maker.query(aggregators=[name], groupers=maker.chance.choice([0, 0, 1]))


def calendars(count, seed=SEED + 1):
    """Long buckets over hours and days, in every zone."""
    maker = Maker(seed)
    for nth in range(count):
        name = maker.chance.choice(RANGE)
        query = maker.query(maker.chance.choice(["hours", "days"]), [name], 0)
        query["time_zone"] = maker.chance.choice(ZONES)
        yield "calendar %d" % nth, query


def groups(count, seed=SEED + 2):
    """Groupers, with and without aggregators."""
    maker = Maker(seed)
    for nth in range(count):
        some = [maker.chance.choice(["sum", "count", "first", "avg"])] if maker.maybe(0.3) else []
        metric = maker.chance.choice(["long", "double", "mix", "both", "text", "tags", "meet", "old"])
        yield "groups %d" % nth, maker.query(metric, some, maker.chance.choice([1, 1, 2, 3]))


def chains(count, seed=SEED + 3):
    """Anything behind anything."""
    maker = Maker(seed)
    for nth in range(count):
        yield "chain %d" % nth, maker.query()


def relative(count, seed=SEED + 4):
    """Times counted back from now. Nothing in them may tell one moment of asking from the next."""
    maker = Maker(seed)
    chance = maker.chance
    for nth in range(count):
        name = chance.choice([one for one in ALL if one not in ("gaps", "rate")])
        query = maker.query(chance.choice(["days", "hours", "long", "old"]), [name], 0)
        for aggregator in query["metrics"][0]["aggregators"]:
            aggregator.pop("align_sampling", None)
            aggregator.pop("start_time", None)
            if "sampling" in aggregator:
                unit = chance.choice(["days", "weeks", "months", "years"])
                aggregator["sampling"] = {"value": chance.choice([1, 2, "3"]), "unit": unit}
        del query["start_absolute"]
        value = maker.number(chance.choice([10, 30, 60]))
        query["start_relative"] = {"value": value, "unit": chance.choice(["years", "YEARS"])}
        if chance.random() < 0.5:
            del query["end_absolute"]
            value = maker.number(chance.choice([0, 1, 5]))
            query["end_relative"] = {"value": value, "unit": chance.choice(list(UNITS))}
        yield "relative %d" % nth, query
