"""`python -m tests.mutants [WORDS …]`: take every guard away in turn, or those whose name has all of WORDS; exit 1
unless each is missed by a test.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from tests.mutants.guard import Guard
from tests.mutants.guards import GUARDS
from tests.mutants.trial import Trial, attempt, copy_tree, run_tests

TAIL = 1500  # characters of pytest's output shown for a guard that was not caught


def main(arguments: Sequence[str]) -> int:
    """Try, tell, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("words", nargs="*", metavar="WORDS", help="only guards whose name has all of these words")
    parser.add_argument("--workers", type=int, default=max(2, os.cpu_count() or 2), help="trials at the same time")
    parser.add_argument("--list", action="store_true", help="only list the guards")
    given = parser.parse_args(arguments)
    chosen = [guard for guard in GUARDS if all(word.lower() in guard.name.lower() for word in given.words)]
    if not chosen:
        print(f"cannot try anything: no guard is called {' '.join(given.words)!r}; --list shows all", file=sys.stderr)
        return 1
    if given.list:
        print(*(f"{guard.name} ({guard.file})" for guard in chosen), sep="\n")
        return 0
    with _room() as room:
        return _try_all(chosen, room, given.workers)


@contextmanager
def _room() -> Iterator[Path]:
    room = Path(tempfile.mkdtemp(prefix="mu", dir="/tmp"))  # short: sockets lie below
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _try_all(chosen: list[Guard], room: Path, workers: int) -> int:
    began, pristine = time.monotonic(), room / "pristine"
    copy_tree(pristine)
    # A test that fails anyway would catch every mutant. This also compiles everything once, for all copies.
    tests = sorted({test for guard in chosen for test in guard.caught_by})
    code, output = run_tests(tests, pristine, room, "-n", str(workers))
    if code != 0:
        print(f"cannot try anything: with every guard in its place the tests say:\n{output[-4 * TAIL :]}")
        return 1
    print(f"with every guard in its place {len(tests)} tests pass ({time.monotonic() - began:.0f} s)", flush=True)
    missed = 0
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(_alone, guard, pristine, room / str(n)) for n, guard in enumerate(chosen)]
        for future in as_completed(futures):
            trial = future.result()
            missed += trial.verdict != "caught"
            _tell(trial)
    print(f"{len(chosen)} guards, {len(chosen) - missed} caught, {missed} not; {time.monotonic() - began:.0f} s")
    return 1 if missed else 0


def _alone(guard: Guard, pristine: Path, folder: Path) -> Trial:
    folder.mkdir()
    try:
        return attempt(guard, pristine, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tell(trial: Trial) -> None:
    print(f"{trial.verdict:<14} {trial.guard.name}", flush=True)
    if trial.verdict != "caught":
        print("    " + trial.output[-TAIL:].strip().replace("\n", "\n    "), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
