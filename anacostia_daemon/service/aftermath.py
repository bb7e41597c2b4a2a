"""What the end of the daemon means for its nodes, as systemd tells it to the commands of ExecStopPost=. Pure.

A daemon that crashed comes back and takes its nodes over, so they live on. One that was told to end, and could not
see to it, comes back to nobody: then its nodes have to be ended after it.
"""

from __future__ import annotations

from collections.abc import Mapping

STOPPING = "stopping"  # what a daemon writes behind its pid in its lock once it has been told to end


def may_live_on(environ: Mapping[str, str], lock: str) -> bool:
    """Whether the nodes of a daemon that has ended are to live on: after a crash, and where it left them on purpose.

    `lock` is what its lock file says. Where no service has ended ($SERVICE_RESULT is not set), nobody asks for that.
    """
    result = environ.get("SERVICE_RESULT")
    if result is None or lock.split()[1:] == [STOPPING]:
        return False
    end = environ.get("EXIT_STATUS")
    told_too_early = result == "success" and environ.get("EXIT_CODE") == "killed"  # before it could listen
    # Told to end, it hung, and TimeoutStopSec passed. A start that takes too long ends by SIGABRT (see the unit).
    hung = result == "timeout" and end == "KILL"
    return not (told_too_early or hung)
