"""Arguments and options that several commands have, with completion of live names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from anacostia_daemon.ctl.exits import UNKNOWN, CommandFailed

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any] | click.Command)


def _pipelines(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from anacostia_daemon.ctl.names import pipelines

    return pipelines(ctx, incomplete)


def _targets(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from anacostia_daemon.ctl.names import targets

    return targets(ctx, incomplete)


def _files_and_targets(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str] | list[CompletionItem]:
    from click.shell_completion import CompletionItem

    # A file is a file for the shell, which completes directories step by step; that is asked for only without a name.
    return _targets(ctx, parameter, incomplete) or [CompletionItem(incomplete, type="file")]


def _whole(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and "/" in value and not ctx.resilient_parsing:
        whole = value.partition("/")[0]
        raise click.UsageError(f"a PIPELINE is wanted, not a node of one: '{whole}' instead of '{value}'", ctx)
    return value


def node_names(
    kind: str | None = None,
) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """For `shell_complete`: the nodes of the pipeline on the line."""

    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        from anacostia_daemon.ctl.names import nodes

        return nodes(ctx, incomplete, kind)

    return complete


class RunNumber(click.IntRange):
    """The number of a run. One that no store can hold is that of no run, not a mistake in the command line."""

    def __init__(self) -> None:
        super().__init__(1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """As click has it."""
        number = int(super().convert(value, param, ctx))
        if number >= 2**63:
            raise CommandFailed(f"cannot find run {number}: no such run in any pipeline", UNKNOWN)
        return number

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The newest runs of the pipeline on the line."""
        from click.shell_completion import CompletionItem

        from anacostia_daemon.ctl.names import runs

        return [CompletionItem(number, help=state) for number, state in runs(ctx, incomplete)]


def moment(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """A moment of the past as a person writes it, in ISO 8601 UTC."""
    if value is None or ctx.resilient_parsing:
        return None
    from anacostia_daemon.ctl.logline import stamp
    from anacostia_daemon.ctl.text import past

    found = past(value)
    if found is None:
        raise click.BadParameter(f"'{value}' is no time: write 15m, 2h, 3d, 14:03 or 2026-11-23T14:03", ctx, parameter)
    return stamp(found)


def pipeline_argument(required: bool = True) -> Callable[[_Decorated], _Decorated]:
    """PIPELINE."""
    return click.argument("pipeline", required=required, shell_complete=_pipelines, callback=_whole)


def target_argument(required: bool = True) -> Callable[[_Decorated], _Decorated]:
    """PIPELINE[/NODE]."""
    return click.argument("target", metavar="PIPELINE[/NODE]", required=required, shell_complete=_targets)


def file_or_target_argument() -> Callable[[_Decorated], _Decorated]:
    """FILE[:NAME] or PIPELINE[/NODE]."""
    return click.argument("target", metavar="FILE[:NAME]|PIPELINE[/NODE]", shell_complete=_files_and_targets)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
wait_option = click.option("--wait/--no-wait", default=True, help="Return once it is so, or at once.")
limit_option = click.option(
    "-n", "--limit", type=click.IntRange(1), default=100, show_default=True, help="How many at most; the newest."
)
