"""Queries that are nearly right: those of `mistakes.txt`, and good ones in which chance changed one thing."""
import copy
import json
import os
import random
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import generate
from known import lines

SEED = 20261203
HERE = os.path.dirname(os.path.abspath(__file__))

ODD = [
    None, "", "x", "abc", "12", "-1", "1.5", 0, 1, -1, 2, 1.5, -0.5, True, False, "true", [], {}, ["x", "y"], [1, 2],
    {"a": "b"}, {"value": 1, "unit": "days"}, {"value": -1, "unit": "days"}, {"value": 1}, {"unit": "days"},
    {"value": 1, "unit": "bogus"}, {"value": "2", "unit": "Hours"}, [{"name": "sum"}], {"name": "sum"}, [{"name": ""}],
    [{}], "sum", "desc", "Europe/Paris", "bogus",
]
KEYS = ["foo", "name", "unit", "value", "sampling", "tags", "align_sampling", "trim", "limit", "time_zone",
"plugins", "start_time", "Name"]


def places(value, path=()):
    """Every place in a JSON value, as a path."""
    if path:
        yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in members:
        yield from places(one, path + (key,))


def changed(chance, query):
    """`query` with one thing changed."""
    query = copy.deepcopy(query)
    path = chance.choice(list(places(query)))
    inside = query
    for key in path[:-1]:
        inside = inside[key]
    key, kind = path[-1], chance.random()
    if kind < 0.65:
        inside[key] = copy.deepcopy(chance.choice(ODD))
    elif kind < 0.8:
        del inside[key]
    elif isinstance(inside[key], dict):
        inside[key][chance.choice(KEYS)] = copy.deepcopy(chance.choice(ODD))
    elif isinstance(inside[key], list):
        inside[key].insert(0, copy.deepcopy(chance.choice(ODD)))
    else:
        inside[key] = str(inside[key])
    return query


def mangled(chance, text):
    """The text of a query with a letter more, less, or none behind some place."""
    cut = chance.randrange(len(text))
    letter = chance.choice('{}[]",:x\\;=#')
    more, less = text[:cut] + letter + text[cut:], text[:cut] + text[cut + 1 :]
    return chance.choice([text[:cut], more, less, text + "x", text + "{}"])


def some(count):
    """Pairs of a place and the text of a query."""
    for place, line in lines(HERE, "mistakes.txt"):
        yield place, line
    chance, maker = random.Random(SEED), generate.Maker(SEED)
    for nth in range(count):
        # Not `gaps`: without an end, or with a wrong one, it fills the memory.
        names = [name for name in chance.choices(generate.ALL, k=chance.choice([0, 1, 1, 2])) if name != "gaps"]
        query = maker.query("one", names)
        if chance.random() < 0.3:
            unit = chance.choice(["days", "YEARS", "bogus"])
            query["start_relative"] = {"value": chance.choice([1, "2", 0, -1]), "unit": unit}
        text = json.dumps(changed(chance, query))
        if chance.random() < 0.1:
            text = mangled(chance, text)
        yield "mistakes.py:%d" % nth, text
