"""How many restarts a node has left, and how long it waits before the next: arithmetic on RestartPolicy, no state.

One budget over a window, whatever phase the node crashed in: a node that crashes after its start window must not
loop for ever.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from node_sdk.policy import RestartPolicy


@dataclass(frozen=True, slots=True)
class Budget:
    """The restarts spent: their moments within the window, and how many since the backoff began anew."""

    times: tuple[float, ...] = ()
    streak: int = 0

    def healthy(self) -> Budget:
        """The node was ready for long enough: the backoff begins anew; what the window counts stays."""
        return Budget(self.times, 0)


def spend(budget: Budget, policy: RestartPolicy, now: float, seed: str, at_once: bool) -> tuple[Budget, float] | None:
    """One restart more: the budget after it and the seconds to wait; None where none is left.

    `at_once=False`: even the first of a window waits (there was no process to lose, so haste has no use).
    """
    recent = tuple(each for each in budget.times if now - each < policy.window)
    if policy.max_restarts is not None and len(recent) >= policy.max_restarts:
        return None
    streak = budget.streak if recent else 0
    # Without a limit only "was there one in this window" matters; the tuple must not grow with a crash loop.
    keep = 1 if policy.max_restarts is None else policy.max_restarts
    wait = delay(policy, streak if at_once else max(streak, 1), seed)
    return Budget((*recent, now)[-keep:], streak + 1), wait


def delay(policy: RestartPolicy, streak: int, seed: str) -> float:
    """Seconds before the restart that follows `streak` others: 0, then growing, capped, and jittered by `seed`."""
    if streak == 0 or policy.backoff_initial == 0:
        return 0.0
    # The exponent is bounded: a float overflows after a thousand doublings, and a node may crash that often.
    grown: float = policy.backoff_initial * policy.backoff_factor ** min(streak - 1, 150)
    return min(grown, policy.backoff_max) * (1.0 + policy.jitter * _spread(seed))


def _spread(seed: str) -> float:
    """A number between -1 and 1, the same for the same seed: nodes that crash together do not return together."""
    digest = hashlib.blake2b(seed.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / (2**63) - 1.0
