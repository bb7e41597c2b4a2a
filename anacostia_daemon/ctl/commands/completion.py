"""`completion`: the script that teaches a shell the Tab key."""

from __future__ import annotations

import click


@click.command(name="completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    It completes the names of live pipelines and nodes, and the numbers of runs, too.

    \b
    bash: echo 'eval "$(anacostiactl completion bash)"' >> ~/.bashrc
    zsh:  echo 'eval "$(anacostiactl completion zsh)"' >> ~/.zshrc
    fish: anacostiactl completion fish > ~/.config/fish/completions/anacostiactl.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for shell '{shell}'")
    click.echo(kind(ctx.find_root().command, {}, "anacostiactl", "_ANACOSTIACTL_COMPLETE").source())
