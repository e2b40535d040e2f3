"""The command line: verbs, their options, and errors in the words of the contract."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from provisioner.errors import fail
from provisioner.report.formats import FORMATS, TEXT
from provisioner.verbs.shared import options, registry

DRY = ("--dry-run", "--check", "--diff")
ANYWHERE = ("--json", "-v", "--verbose", "--debug")
"""Options that may stand before the verb too."""
ALONE = ("-h", "--help", "--version")


class Parser(argparse.ArgumentParser):
    """Errors become ``usage`` problems, so that --json has them too. No option has a short form
    but its own: ``--js`` must not mean --json today and something else tomorrow."""

    def __init__(self, **more: Any):
        super().__init__(allow_abbrev=False, **more)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Flushed here, so that a closed pipe is no traceback at exit."""
        print(message, end="", file=file, flush=True)

    def error(self, message: str) -> NoReturn:
        raise fail("usage", message, f"see `{self.prog} --help`")


class Arguments(argparse.Namespace):
    """The parsed command line. Immutable: to change a value, copy it (``changed``)."""

    def __init__(self, **values: Any):
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"arguments are not changed: {name}")


def changed(args: argparse.Namespace, **values: Any) -> Arguments:
    """A copy that has these values."""
    return Arguments(**{**vars(args), **values})


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Raises ProvisionError ``usage``."""
    command: Sequence[str] | None = None
    if (first := _verb_of(argv)) and registry.verb(first).takes_command:
        argv, command = _split(argv)
    for word in argv:
        if word in DRY:
            raise fail("usage", f"there is no {word}", "`provision plan` shows what would be done")
    first = next((word for word in argv if word not in ANYWHERE), "")
    if first.startswith("-") and first not in ALONE:
        listed = ", ".join(ANYWHERE)
        hint = f"provision VERB … {first}: before the verb only these may stand: {listed}"
        raise fail("usage", f"{first} stands before the verb", hint)
    only = first if first in registry.files() else None
    args = _with_format(build(only).parse_args(list(argv)))
    return args if command is None else changed(args, command=tuple(command))


def _verb_of(argv: Sequence[str]) -> str | None:
    """The verb, where the first word is one."""
    first = next((word for word in argv if word not in ANYWHERE), "")
    return first if first in registry.files() else None


def _split(argv: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """What is before ``--`` and what is after it."""
    at = list(argv).index("--") if "--" in argv else len(argv)
    return argv[:at], argv[at + 1 :]


def _with_format(args: argparse.Namespace) -> argparse.Namespace:
    """``format`` and ``output`` for every verb; ``--json`` is ``--format json``."""
    asked = getattr(args, "format", None)
    if args.json and asked not in (None, "json"):
        raise fail("usage", f"--json cannot be used with --format {asked}", "leave one of them out")
    format = asked or ("json" if args.json else TEXT)
    output = getattr(args, "output", None)
    return changed(args, format=format, json=format == "json", output=output)


def format_of(argv: Sequence[str]) -> tuple[str, str | None]:
    """Format and output file of a command line that cannot be parsed otherwise."""
    found: dict[str, str] = {}
    for number, word in enumerate(argv):
        name, equals, value = word.partition("=")
        if name in ("--format", "--output"):
            found[name] = value if equals else next(iter(argv[number + 1 : number + 2]), "")
    asked = "json" if "--json" in argv else found.get("--format", TEXT)
    return asked if asked in FORMATS else TEXT, found.get("--output")


def build(only: str | None = None) -> Parser:
    """The parser of all verbs, or of one: no other's file is imported then."""
    parser = Parser(
        prog="provision",
        description="Bring Kafka clusters into the state that a YAML spec describes.",
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    _common(parser, False)
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)
    subparsers.required = True
    for verb in [registry.verb(only)] if only else registry.every():
        sub = subparsers.add_parser(
            verb.name,
            help=verb.summary,
            description=f"{verb.summary[0].upper()}{verb.summary[1:]}.",
            epilog=verb.epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        # Without a default: a verb's own would undo what stood before the verb.
        _common(sub, argparse.SUPPRESS)
        if verb.of_clusters:
            options.of_clusters(sub)
        verb.options(sub)
    return parser


def _common(parser: Parser, default: Any) -> None:
    """Options that may stand before or after the verb."""
    for names, text in (
        (("--json",), "print one JSON document to stdout"),
        (("-v", "--verbose"), "show every change and value"),
        (("--debug",), "show tracebacks of internal errors"),
    ):
        parser.add_argument(*names, action="store_true", default=default, help=text)
