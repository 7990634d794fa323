"""Writes the first inputs of a fuzz target: seeds.py TARGET FOLDER. A target without seeds is fine."""
import json
import pathlib
import sys

CORPUS = pathlib.Path(__file__).resolve().parent.parent / "corpus"


def pickle():
    for vector in json.loads((CORPUS / "pickle_vectors.json").read_text()):
        payload = bytes.fromhex(vector["hex_payload_without_header"])
        if len(payload) < 4096:
            yield payload
            yield len(payload).to_bytes(4, "big") + payload


def texts(*names):
    """Every line of some corpus files."""
    for name in names:
        yield from (CORPUS / name).read_bytes().splitlines(keepends=True)


def lines():
    edges = list(texts("edge-lines.txt"))
    usual = [b"dc1.h%06d.cpu.c%02d.user %d.%d 17%08d\n" % (i, i, i, i, i) for i in range(20)]
    streams = [*edges, *usual, b"".join(edges), b"".join(usual), b"\r\n".join(edges)]
    # In front eight bytes that say where it is cut: see the target.
    for number, stream in enumerate(streams):
        yield number.to_bytes(8, "little") + stream[:4000]


def names():
    yield from (line.split(b" ")[0].strip() for line in texts("edge-lines.txt"))
    yield from (b"a.b;z=1;b=2", b"a..b.", b"~a;name=x;k=v=w", b"a;k=~v", b"a;k\\==v\\;w")
    yield b'a.b{x="1",b="q\\"u"}'


def globs():
    """Two texts: libFuzzer's helper takes the length of the first from the end of the input."""
    for pattern, path in [("a.{b,c}*.[a-z]?", "a.b1.x7"), ("*.*", "a.b"), ("{a,{b,c}}[^0-9]", "bx")]:
        yield (pattern + path).encode() + bytes([len(pattern)])


def targets():
    for text in [
        "alias(sumSeries(a.*.b), 'x')", "summarize(scale(a.{b,c}, 1.5e3), '5min', 'max', true)",
        "seriesByTag('name=a','host!=~b.*')|aliasByNode(0)", "template(a.$x, x='b')",
        "perSecond(consolidateBy(a.[0-9], 'sum'))", "-5min", "20150308", "04:00_20150308", "now+1d",
    ]:
        yield text.encode()


def log():
    """Payloads: a definition; two reads; numbers 0..5; one time; tokens."""
    definition = bytes([0, 0, 0, 0, 0, 0, 3]) + b"a.b"
    sections = [(1, definition), (2, bytes([0, 3, 5, 2])), (3, b"\0"), (4, bytes([0, 3]))]
    sections += [(5, bytes([8])), (6, bytes([0, 3])), (7, bytes([2, 0, 0xFF, 0, 2, 4, 6, 1]))]
    payload = b"".join(bytes([kind, len(data)]) + data for kind, data in sections)
    yield from (payload, payload + bytes(9), b"CLOB\1" + bytes(59) + payload, b"CORELOG\n\1" + bytes(99))


def kairos_rest():
    tags = '"tags":{"host":"a","dc":"x"}'
    for text in [
        '[{"name":"disk.used","timestamp":1700000000000,"value":17,%s}]' % tags,
        '{"name":"temp","datapoints":[[1700000000000,21.5],["1e3",22,"long"],[1,"-.5"]],%s,"ttl":"30"}' % tags,
        '[{"datapoints":[[],[1],[,2],[2,],[1,{"a":[]}],null],"type":"double","name":"m",%s}]' % tags,
        "[{name='m';time=>5,'value':\"\\u00fc\\ud83d\\ude00\",tags:{a:b,c:null}/* x */}]",
        '[{"name":"m","skip_validate":true,"timestamp":-1,"value":9223372036854775807},{},', '{"tags":[]}',
    ]:
        for first in (0, 77, 255):
            yield bytes([first]) + text.encode()


SEEDS = {"globs": globs, "kairos_rest": kairos_rest, "lines": lines, "log": log, "names": names, "pickle": pickle, "targets": targets}

target, folder = sys.argv[1], pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
for number, seed in enumerate(SEEDS.get(target, lambda: ())()):
    (folder / f"seed-{number:04}").write_bytes(seed)
