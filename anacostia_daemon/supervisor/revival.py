"""Takes up the pipelines of the journal when a daemon starts, and sees to processes of this home that nobody knows."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, cast

from anacostia_daemon.core.events import Desired
from anacostia_daemon.journal.journal import PipelineRow
from anacostia_daemon.paths import BadPath
from anacostia_daemon.process.family import Head
from anacostia_daemon.process.identity import boot_id, is_alive
from anacostia_daemon.process.marks import Mark, marks
from anacostia_daemon.supervisor import record
from anacostia_daemon.supervisor.keeper import LoaderKeeper, see_off
from anacostia_daemon.supervisor.loader_link import CannotReachLoader, connect_loader
from anacostia_daemon.supervisor.log import report
from anacostia_daemon.supervisor.pipeline import Pipeline
from anacostia_daemon.supervisor.reconcile import Reconciliation, clear_mark
from anacostia_daemon.supervisor.writing import CannotWrite
from node_sdk.errors import BadMessage
from node_sdk.graph import GraphSpec

if TYPE_CHECKING:
    from anacostia_daemon.supervisor.daemon import Daemon


def revive(daemon: Daemon) -> None:
    """Every pipeline of the journal is supervised again; what is wanted up comes up, once it is known what lives."""
    alive = {mark for _, mark in marks() if mark.home == daemon.home.hash}
    for row in daemon.journal.pipelines():
        try:
            daemon.home.prepare_pipeline(row.name)
            if _is_to_be_loaded_anew(daemon, row, alive):
                continue  # by the listing, and then registered as it is listed now
            _revive(daemon, daemon.hide_values(row), alive)
        except (BadMessage, BadPath, CannotWrite, OSError, ValueError) as error:
            report(f"{row.name}: cannot take it up again: {error}; start it again from its file, {row.file}", "error")
    _dismiss_strays(daemon, alive)


def _is_to_be_loaded_anew(daemon: Daemon, row: PipelineRow, alive: set[Mark]) -> bool:
    """Whether it is wanted up, the configuration has it otherwise than it was registered, and nothing of it lives."""
    if row.desired != "up" or not daemon.listing.replaces(row.name, record.recipe_of(row, daemon.home)):
        return False
    if any(mark.pipeline == row.name for mark in alive):
        return False
    rows = (each for each in daemon.journal.nodes(row.name).values() if each.boot_id == boot_id())
    return not any(is_alive(*process) for each in rows if (process := record.process_of(each)) is not None)


def _dismiss_strays(daemon: Daemon, alive: set[Mark]) -> None:
    """A journal that was lost, or a daemon that died before it had written one down, leaves what nobody knows."""
    for path in daemon.home.loader_sockets():
        if path.parent.name not in daemon.members:
            with contextlib.suppress(CannotReachLoader):
                sock, handle = connect_loader(path)
                stranger = f"a loader (pid {handle.pid}) of '{path.parent.name}'"
                report(f"dismissing {stranger}, which is not registered here", "warning")
                daemon.departures.append(see_off(daemon.loop, sock, handle))
    for mark in alive:
        if mark.pipeline not in daemon.members:
            report(f"killing a process of pipeline '{mark.pipeline}', which is not registered here", "warning")
            clear_mark(daemon.loop, mark, lambda: None)


def _revive(daemon: Daemon, row: PipelineRow, alive: set[Mark]) -> None:
    graph = GraphSpec.from_json(row.graph or "")
    whole = cast(Desired, row.desired)
    rows = daemon.journal.nodes(row.name)
    nodes = {
        spec.name: record.node_of(
            spec, rows.get(spec.name), daemon.journal.last_incarnation(row.name, spec.name), whole, daemon.moments
        )
        for spec in graph.nodes
    }
    for name in rows.keys() - nodes.keys():
        nodes[name] = record.removed_node(rows[name], daemon.moments)
    keeper = LoaderKeeper(
        daemon.loop, daemon.home, daemon.around.reaper, record.recipe_of(row, daemon.home), daemon.around.settings
    )
    pipeline = Pipeline(daemon.around, graph, keeper, whole, nodes)
    daemon.enlist(pipeline, row.created)
    processes = {}
    for name, node_row in rows.items():
        pipeline.nodes[name].shape = node_row.shape
        if not pipeline.nodes[name].state.orphan:
            continue
        end, process = record.certain_end(node_row), record.process_of(node_row)
        if end is not None:
            pipeline.feed(name, end)
        elif process is not None:
            processes[name] = process
            pipeline.nodes[name].died_unseen[node_row.incarnation] = Head(*process, unseen=True)
        if node_row.ready_at is not None:
            pipeline.nodes[name].ready_before[node_row.incarnation] = daemon.moments.moment(node_row.ready_at)
    known = [(each.pid, each.started) for each in daemon.journal.loaders(row.name) if each.boot_id == boot_id()]
    Reconciliation(pipeline, known, processes, alive)
