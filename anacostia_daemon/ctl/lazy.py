"""A group of commands that imports a command when it is typed, and knows what was meant when it is mistyped."""

from __future__ import annotations

from importlib import import_module
from typing import cast

import click


class LazyGroup(click.Group):
    """Each of `names` is a module of `package` with a click command called `command`."""

    def __init__(self, *args: object, package: str, names: tuple[str, ...], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._package, self._names = package, names

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of a pipeline's life, not of the alphabet."""
        return list(self._names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in self._names:
            return None
        return cast(click.Command, import_module(f"{self._package}.{cmd_name}").command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click has it, but with a guess at what was meant."""
        if args and not args[0].startswith("-") and args[0] not in self._names and not ctx.resilient_parsing:
            from anacostia_daemon.ctl.text import did_you_mean, printable

            guess = did_you_mean(args[0], self._names)
            raise click.UsageError(f"no such command '{printable(args[0])}'{guess}", ctx)
        return super().resolve_command(ctx, args)
