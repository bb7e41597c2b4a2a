"""What only the system can say or do of processes, for the daemon and for what runs under it: both must measure and
judge alike. Nothing here knows of pipelines or nodes.

Start times are on a clock that nobody sets. Linux: seconds since the machine was booted, exactly as the kernel keeps
them: no jump of the wall clock makes a process look like another (psutil adds the boot time, which jumps along).
Elsewhere: psutil's create_time.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from dataclasses import dataclass
from functools import cache

LINUX = sys.platform.startswith("linux")

_PR_SET_CHILD_SUBREAPER = 36
_UCRED = struct.Struct("3i")  # Linux: pid, uid, gid
_XUCRED = struct.Struct("=IIh2x16I")  # macOS: version, uid, number of groups, groups
_SO_PEERGROUPS = 59  # Linux, from 4.13 on
_MOST_GROUPS = 256  # that Python has room for
_SOL_LOCAL, _LOCAL_PEERCRED, _LOCAL_PEERPID = 0, 1, 2  # macOS


@dataclass(frozen=True, slots=True)
class Facts:
    """What the process table says of one process."""

    pid: int
    parent: int
    group: int
    session: int
    started: float
    zombie: bool


def facts(pid: int) -> Facts | None:
    """The facts of `pid`, None where there is no such process."""
    return _facts_linux(pid) if LINUX else _facts_elsewhere(pid)


def pids() -> list[int]:
    """All process ids of the machine."""
    if LINUX:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208  (names, not paths)
    import psutil

    return psutil.pids()


def proc_file(pid: int, name: str, size: int = 4096) -> bytes | None:
    """The first `size` bytes of /proc/PID/NAME, None where there is nothing to read. Bare system calls: a family is
    looked for between the death of a node and its restart, in every process of the machine."""
    try:
        fd = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, size)
    except OSError:
        return None
    finally:
        os.close(fd)


def be_subreaper() -> bool:
    """Orphans among our descendants become our children, so that we can wait for them (law 7); False where the system
    cannot."""
    if not LINUX:
        return False
    import ctypes

    try:
        return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def peer_pid(sock: socket.socket) -> int:
    """The process at the other end of a unix socket; of a listener, the one that began to listen. OSError where the
    system cannot tell."""
    if sys.platform == "darwin":
        return sock.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)
    pid, _, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return int(pid)


def peer_uid(sock: socket.socket) -> int:
    """The user id of the process that connected `sock`; OSError where the system cannot tell. The kernel says so;
    nothing the peer sends is believed."""
    if sys.platform == "darwin":
        return parse_xucred(sock.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED.size))
    _, uid, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return int(uid)


def peer_groups(sock: socket.socket) -> set[int]:
    """The groups of the process that connected `sock`, as the kernel knew them then; none where it does not say. One
    with more than 256 counts with its first alone."""
    if not LINUX:
        return set()
    _, _, gid = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    try:
        found = sock.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 4 * _MOST_GROUPS)
    except OSError:
        return {gid}
    return {gid, *(each for (each,) in struct.iter_unpack("=I", found))}


def parse_xucred(data: bytes) -> int:
    """The user id in macOS' struct xucred; OSError where it is none that we know."""
    if len(data) < _XUCRED.size:
        raise OSError("cannot read the peer's credentials: the system's answer is too short")
    version, uid, *_ = _XUCRED.unpack(data[: _XUCRED.size])
    if version != 0:
        raise OSError(f"cannot read the peer's credentials: version {version} of struct xucred is not known")
    return int(uid)


def allowed(uid: int) -> bool:
    """Whether that user may connect to a socket of ours."""
    return uid in welcome()


def welcome() -> set[int]:
    """Who may connect to our sockets: our own user, and root."""
    return {os.geteuid(), 0}


def _facts_linux(pid: int) -> Facts | None:
    text = proc_file(pid, "stat")
    if not text:
        return None
    # The command's name stands in parentheses and may hold anything, parentheses too.
    fields = text[text.rindex(b")") + 2 :].split()
    started = int(fields[19]) / _ticks()
    return Facts(pid, int(fields[1]), int(fields[2]), int(fields[3]), started, fields[0] in (b"Z", b"X"))


@cache
def _ticks() -> int:
    return os.sysconf("SC_CLK_TCK")


def _facts_elsewhere(pid: int) -> Facts | None:
    import psutil

    try:
        process = psutil.Process(pid)
        with process.oneshot():
            zombie = process.status() == psutil.STATUS_ZOMBIE
            parent, started = process.ppid(), process.create_time()
        return Facts(pid, parent, os.getpgid(pid), os.getsid(pid), started, zombie)
    except (psutil.Error, OSError):
        return None
