"""``provision completion``: a shell's completion script, made from the command line's parser."""

from __future__ import annotations

import argparse

from provisioner.errors import Exit
from provisioner.verbs.shared import arguments
from provisioner.verbs.shared.console import Console, show_answer
from provisioner.verbs.shared.verb import Verb


def story(args: argparse.Namespace, console: Console) -> int:
    """Prints the script, with and without --json: it is the answer."""
    import shtab  # wanted by this verb only

    show_answer(shtab.complete(with_files(arguments.build()), args.shell))
    return Exit.YES


def with_files(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Marks arguments that are files or folders, so that the shell completes them as such."""
    import shtab

    kinds = {
        "spec": shtab.FILE,
        "inventory": shtab.FILE,
        "out": shtab.FILE,
        "output": shtab.FILE,
        "bundle": shtab.FILE,
        "directory": shtab.DIRECTORY,
    }
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                with_files(sub)
        elif action.dest in kinds:
            action.complete = kinds[action.dest]  # type: ignore[attr-defined]
    return parser


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


VERB = Verb(
    "completion",
    "print the completion script of a shell",
    rank=19,
    story=story,
    options=_options,
    examples=(
        "provision completion bash > ~/.local/share/bash-completion/completions/provision",
        "provision completion fish > ~/.config/fish/completions/provision.fish",
    ),
    of_clusters=False,
)
