"""Arguments and options that several commands have, with completion of live names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

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


def pipeline_argument(required: bool = True) -> Callable[[_Decorated], _Decorated]:
    """PIPELINE."""
    return click.argument("pipeline", required=required, shell_complete=_pipelines)


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
