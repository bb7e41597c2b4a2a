"""Feeds one decoder, or each in turn, with what atheris finds: `python -m tests.fuzz TARGET --seconds N`, `make fuzz`.

libFuzzer ends the process that it runs in, so each target gets one of its own. A finding ends it with status 77 and
leaves the bytes in `.fuzz/TARGET/`; give that file as INPUT to see what it does.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.fuzz import targets
from tests.fuzz.alter import alter

PLACE = Path(__file__).resolve().parents[2] / ".fuzz"
LONGEST = 4096  # bytes of one input
MISSING = (
    "cannot fuzz: atheris is not installed for this Python ({version}); install the extra: pip install -e '.[fuzz]' "
    "-c constraints.txt. It has wheels for Linux on x86-64 and CPython 3.11 to 3.13 only; the same decoders are tested "
    "without it by tests/property/test_decoders.py"
)
NAMES = sorted(each.name for each in pkgutil.iter_modules(targets.__path__))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=[*NAMES, "all"])
    parser.add_argument("input", nargs="?", type=Path, help="only this file, once")
    parser.add_argument("--seconds", type=int, default=60, help="of each target (60)")
    given = parser.parse_args()
    if given.input is not None:
        importlib.import_module(f"tests.fuzz.targets.{given.target}").check(given.input.read_bytes())
        return 0
    if given.target == "all":
        return max(fuzz_elsewhere(name, given.seconds) for name in NAMES)
    return fuzz(given.target, given.seconds)


def fuzz_elsewhere(name: str, seconds: int) -> int:
    """In a process of its own; returns its status, and says in one line how it went."""
    command = [sys.executable, "-m", "tests.fuzz", name, "--seconds", str(seconds)]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, cwd=PLACE.parent)
    if done.returncode != 0:
        print(done.stdout + done.stderr)
    said = [line for line in done.stderr.splitlines() if line.startswith("Done ")]
    print(f"{name}: status {done.returncode}, {said[-1] if said else f'{time.monotonic() - began:.0f} s'}", flush=True)
    return done.returncode


def fuzz(name: str, seconds: int) -> int:
    """Until `seconds` have passed, or something is found; atheris does not return."""
    try:
        import atheris
    except ImportError:
        print(MISSING.format(version=sys.version.split()[0]), file=sys.stderr)
        return 1
    with atheris.instrument_imports(include=["node_sdk", "anacostia_daemon"]):
        target = importlib.import_module(f"tests.fuzz.targets.{name}")
    corpus = PLACE / name / "corpus"
    write_seeds(corpus, target)
    options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-artifact_prefix={PLACE / name}/", "-timeout=5"]

    def mutate(data: bytes, longest: int, seed: int) -> bytes:
        other = alter(data, random.Random(seed)) if seed % 2 else data
        return other[:longest] if other != data else bytes(atheris.Mutate(data, longest))

    options += ["-rss_limit_mb=1024", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], str(corpus), *options], target.check, custom_mutator=mutate)
    atheris.Fuzz()
    return 0


def write_seeds(corpus: Path, target: Any) -> None:
    """Real messages; what an earlier run found stays beside them."""
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.SEEDS):
        (corpus / f"seed-{number}").write_bytes(seed)


if __name__ == "__main__":
    sys.exit(main())
