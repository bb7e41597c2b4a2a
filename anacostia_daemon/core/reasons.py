"""The words for why things happen, as people read them in the status and the journal. Pure text."""

from __future__ import annotations

import signal

from anacostia_daemon.core.events import Exited, LastWords
from node_sdk.policy import RestartPolicy


def seconds(value: float) -> str:
    """'30 s', '0.5 s'."""
    return f"{value:g} s"


def no_heartbeat(timeout: float) -> str:
    return f"no heartbeat for {seconds(timeout)}"


def not_ready(timeout: float) -> str:
    return f"did not become ready within {seconds(timeout)}"


def not_stopped(timeout: float) -> str:
    return f"did not stop within {seconds(timeout)}"


def exited(event: Exited) -> str:
    """How a process ended: 'killed by SIGSEGV', 'exited with code 3'."""
    if event.signal is not None:
        plain = f"killed by {_signal_name(event.signal)}"
        if event.out_of_memory:
            plain += ": the machine or its limit was out of memory"
    elif event.exit_code is not None:
        plain = f"exited with code {event.exit_code}"
    else:
        return event.how or "ended, nobody knows how"
    return f"{plain} ({event.how})" if event.how else plain


def last_words(words: LastWords) -> str:
    """Why a process ended by itself, as it said."""
    if words.kind == "fenced":
        return f"gave way to incarnation {words.current}: {words.message}"
    return words.message


def budget_spent(policy: RestartPolicy, cause: str) -> str:
    if policy.max_restarts == 0:
        return f"{cause}; its restart policy allows no restart"
    times = "1 restart" if policy.max_restarts == 1 else f"{policy.max_restarts} restarts"
    return f"{cause}; {times} within {seconds(policy.window)} are spent"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
