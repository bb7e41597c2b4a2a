"""What every figure is made with. A module `benchmarks/NAME.py` measures, in `measure()`, and knows nothing of tables,
files or pictures; the harness knows nothing of what is measured.
"""

from benchmarks.harness.daemon import Daemon, daemon
from benchmarks.harness.figure import Figure, Goal, at_least, at_most, percentile
from benchmarks.harness.peers import Peer, PeerMissing, installed, opened
from benchmarks.harness.talk import Talk, talk
from benchmarks.harness.turns import quick, rounds, take_turns

__all__ = [
    "Daemon",
    "Figure",
    "Goal",
    "Peer",
    "PeerMissing",
    "Talk",
    "at_least",
    "at_most",
    "daemon",
    "installed",
    "opened",
    "percentile",
    "quick",
    "rounds",
    "take_turns",
    "talk",
]
