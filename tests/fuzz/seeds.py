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


SEEDS = {"pickle": pickle}

target, folder = sys.argv[1], pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
for number, seed in enumerate(SEEDS.get(target, lambda: ())()):
    (folder / f"seed-{number:04}").write_bytes(seed)
