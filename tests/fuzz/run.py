"""Fuzz one target, guided by coverage where atheris is installed: `python -m tests.fuzz.run TARGET --runs N`.

The last line printed is the number of executions. A crash ends with its traceback and the input in hex.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

MAX_LENGTH = 2048


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    try:
        import atheris
    except ImportError:
        atheris = None
    if atheris is None:
        blind(wanted)
        return
    with atheris.instrument_imports(include=["interfaces", "controller"]):
        from tests.fuzz.targets import TARGETS
    from tests.fuzz.seeds import seeds

    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    for index, data in enumerate(seeds(wanted.target)):
        (folder / f"{index:04}").write_bytes(data)
    options = [f"-runs={wanted.runs}", f"-seed={wanted.seed}", f"-max_len={MAX_LENGTH}", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={folder}/", str(folder)], TARGETS[wanted.target])
    print(wanted.runs, flush=True)  # the fuzzer ends the process itself
    atheris.Fuzz()


def blind(wanted):
    """Without coverage: good inputs, hurt at random."""
    from tests.fuzz.seeds import seeds
    from tests.fuzz.targets import TARGETS

    rng, target, known = random.Random(wanted.seed), TARGETS[wanted.target], seeds(wanted.target)
    for _ in range(wanted.runs):
        data = hurt(rng, bytearray(rng.choice(known)))
        try:
            target(data)
        except BaseException:
            print(f"input: {data.hex()}", file=sys.stderr)
            raise
    print(wanted.runs)


def hurt(rng, data):
    """A copy with bits flipped, parts cut out, doubled or made up."""
    for _ in range(rng.choice([0, 1, 1, 2, 5, 20])):
        at = rng.randrange(len(data) + 1)
        deed = rng.randrange(4)
        if deed == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif deed == 1:
            del data[at : at + rng.randrange(20)]
        elif deed == 2:
            data[at:at] = data[at : at + rng.randrange(30)]
        else:
            data[at:at] = rng.randbytes(rng.randrange(12))
    return bytes(data[:MAX_LENGTH])


if __name__ == "__main__":
    main()
