"""The picture that `status` gives: one line that answers whether all is well, a table, and why a node is not.

Imported at nearly each start of `anacostiactl`; what is rarely needed is imported where it is.
"""

from __future__ import annotations

from anacostia_daemon.ctl import exits, screen
from anacostia_daemon.ctl.desire import as_desired, node_as_desired
from anacostia_daemon.ctl.table import Column, Row, cut, render
from anacostia_daemon.ctl.text import ago, printable, shown, size, until

TYPE_CHECKING = False  # as `typing` has it, whose import takes 3 ms
if TYPE_CHECKING:
    from typing import Any

_LAST_WORDS = 5  # lines of the log of a node that failed
_TROUBLE = 3  # nodes that the first line names
_EXPLAINED = 8  # nodes of a pipeline; the table has all


def lines(status: dict[str, Any], as_json: bool) -> list[str]:
    """What `status` prints."""
    if not as_json:
        return overview(status)
    import json  # most of the time it is for people

    return [json.dumps(status, indent=2, ensure_ascii=False)]


def exit_code(status: dict[str, Any], pipeline: str | None) -> int:
    """OK where everything is as desired, and the `pipeline` that was named is not stopped."""
    stopped = pipeline is not None and any(each["desired"] == "down" for each in status["pipelines"])
    missing = stopped or bool(status.get("not_started"))
    return exits.NOT_RUNNING if missing or not all(map(as_desired, status["pipelines"])) else exits.OK


def overview(status: dict[str, Any]) -> list[str]:
    """The lines of it, coloured and cut as the screen wants them."""
    daemon = status["daemon"]
    about = f"daemon {daemon['version']}, pid {daemon['pid']}, up {ago(daemon['started_at'])}, home {daemon['home']}"
    about += ", shutting down" if daemon.get("shutting_down") else ""
    lines = [screen.styled(_cut(about), screen.DIM)]
    if daemon.get("trouble"):
        lines += _wrapped(shown(daemon["trouble"]), screen.RED)
    named = {each["name"] for each in status["pipelines"]}  # those that are being loaded
    waiting = [each for each in status.get("not_started", []) if each["name"] not in named]
    if status["pipelines"] or waiting:
        lines.append(_verdict(status["pipelines"], waiting))
    for pipeline in status["pipelines"]:
        lines += ["", _head(pipeline)]
        if pipeline.get("reason"):
            lines += _wrapped(shown(pipeline["reason"]), screen.YELLOW)
        if pipeline["nodes"]:
            lines += [*_table(pipeline["nodes"]), *_explanations(pipeline)]
    for each in waiting:
        lines += ["", f"{screen.styled(shown(each['name']), screen.BOLD)}  listed, and not started"]
        lines += _wrapped(shown(each["reason"] or "it is about to be"), screen.YELLOW)
    return lines


def _verdict(pipelines: list[dict[str, Any]], waiting: list[dict[str, Any]]) -> str:
    nodes = [(pipeline["name"], node) for pipeline in pipelines for node in pipeline["nodes"]]
    wrong = [(name, node) for name, node in nodes if not node_as_desired(node)]
    whole = [each for each in pipelines if not each["nodes"] and not as_desired(each)] + waiting
    if whole and not wrong:
        names = ", ".join(shown(each["name"]) for each in whole[:_TROUBLE])
        more = f" and {len(whole) - _TROUBLE} more" if len(whole) > _TROUBLE else ""
        text = f"not all as desired: {_count(len(whole), 'pipeline')} not started yet: {names}{more}"
        return screen.styled(_cut(text), screen.YELLOW)
    if not wrong:
        text = f"all as desired: {_count(len(nodes), 'node')} of {_count(len(pipelines), 'pipeline')}"
        return screen.styled(_cut(text), screen.GREEN)
    verb = "is" if len(wrong) == 1 else "are"
    some = ", ".join(f"{shown(name)}/{shown(node['name'])} {node['phase']}" for name, node in wrong[:_TROUBLE])
    more = f" and {len(wrong) - _TROUBLE} more" if len(wrong) > _TROUBLE else ""
    serious = any(node["phase"] in ("failed", "backoff") for _, node in wrong)
    text = f"{len(wrong)} of {_count(len(nodes), 'node')} {verb} not as desired: {some}{more}"
    return screen.styled(_cut(text), screen.RED if serious else screen.YELLOW)


def _head(pipeline: dict[str, Any]) -> str:
    wanted = "" if pipeline["desired"] == "up" else f", wanted {pipeline['desired']}"
    name, phase = shown(pipeline["name"]), pipeline["phase"]
    places = f"{shown(pipeline['file'])}  {shown(pipeline['store']['uri'])}"
    width = screen.width()
    left = f"{name}  {phase}{wanted}"
    if width is not None:
        places = cut(places, max(1, width - len(left) - 2)) if width - len(left) > 12 else ""
    colour = screen.word(phase).style or screen.BOLD
    return f"{screen.styled(name, screen.BOLD)}  {screen.styled(phase, colour)}{wanted}  {places}".rstrip()


def _table(nodes: list[dict[str, Any]]) -> list[str]:
    columns = [
        Column("NODE", flexible=True),
        Column("KIND", may_go=6),
        Column("WANTED", may_go=3),
        Column("PHASE"),
        Column("PID", right=True, may_go=5),
        Column("RESTARTS", right=True, may_go=2),
        Column("SINCE", right=True, may_go=1),
        Column("CPU", right=True, may_go=7),
        Column("RSS", right=True, may_go=4),
        Column("WORK", flexible=True),
    ]
    return render(columns, [_row(node) for node in nodes], screen.width())


def _row(node: dict[str, Any]) -> Row:
    cpu = node["cpu_percent"]
    return [
        shown(node["name"]),
        shown(node["kind"]).replace("_", " "),
        screen.word(node["desired"]),
        screen.word(node["phase"]),
        shown(node["pid"]),
        shown(node["restarts"]),
        _since(node),
        "-" if cpu is None else f"{cpu:.1f}%",
        size(node["rss_bytes"]),
        shown(node["work"] if node["phase"] == "ready" else _why(node)),
    ]


def _since(node: dict[str, Any]) -> str:
    """How long it has been in its phase, as far as we are told."""
    ended = (node["last_end"] or {}).get("at")
    if node["pid"] is None:
        return ago(ended)
    return ago(node["ready_at"] if node["phase"] == "ready" else node["started_at"])


def _why(node: dict[str, Any]) -> str | None:
    reason, ended = node.get("reason"), (node["last_end"] or {}).get("reason")
    if node["phase"] == "backoff" and node.get("next_start_at"):
        return f"again in {until(node['next_start_at'])}: {ended or reason}"
    return reason or ended


def _explanations(pipeline: dict[str, Any]) -> list[str]:
    wrong = [node for node in pipeline["nodes"] if not node_as_desired(node)]
    wrong.sort(key=lambda node: node["phase"] not in ("failed", "backoff"))
    lines = [line for node in wrong[:_EXPLAINED] for line in _explained(pipeline["name"], node)]
    if len(wrong) > _EXPLAINED:
        lines += ["", f"  and {len(wrong) - _EXPLAINED} more are not as desired"]
    return lines


def _explained(pipeline: str, node: dict[str, Any]) -> list[str]:
    """Why a node is not as desired, and what comes next; of one that keeps failing also its last words."""
    name, phase, end = shown(node["name"]), node["phase"], node["last_end"] or {}
    since, ended, reason = _since(node), end.get("reason"), node.get("reason") or "-"
    lasts = "" if since == "-" else f" for {since}"
    if phase == "failed":
        parts = [f"{name} has failed{lasts}: {shown(reason)}"]
        parts.append(f"it stays down until `anacostiactl restart {shown(pipeline)}/{name}`")
    elif phase == "backoff":
        parts = [f"{name} crashed{'' if since == '-' else f' {since} ago'}: {shown(ended or reason)}"]
        parts.append(f"restart {node['restarts'] + 1} follows in {until(node.get('next_start_at'))}")
    else:
        parts = [f"{name} is {phase}{lasts}: {shown(reason)}"]
        if ended and ended not in reason:
            parts.append(f"its last process ended {ago(end['at'])} ago: {shown(ended)}")
    lines = ["", *_wrapped("; ".join(parts), screen.RED if phase in ("failed", "backoff") else screen.YELLOW)]
    return lines + (_last_words(node) if phase in ("failed", "backoff") else [])


def _last_words(node: dict[str, Any]) -> list[str]:
    from pathlib import Path  # only when something went wrong

    from anacostia_daemon.ctl.logfile import LogFile

    if not node.get("log"):
        return []
    file = LogFile(Path(node["log"]))
    try:
        said = file.last(_LAST_WORDS)
    except OSError:  # another user's
        return []
    finally:
        file.close()
    texts = [printable(each.text.decode("utf-8", "backslashreplace").rstrip("\r"), tabs=True) for each in said]
    return [screen.styled(_cut(f"    {text.replace(chr(9), '    ')}"), screen.DIM) for text in texts]


def _wrapped(text: str, style: str) -> list[str]:
    from textwrap import wrap

    width = screen.width()
    lines = [text] if width is None else wrap(text, max(20, width - 2), subsequent_indent="  ")
    return [screen.styled(f"  {line}", style) for line in lines]


def _cut(text: str) -> str:
    width = screen.width()
    return text if width is None else cut(text, width)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
