"""The command line: verbs, their options, and errors in the words of the contract."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from provisioner.errors import fail
from provisioner.report.formats import FORMATS, TEXT
from provisioner.verbs.examples import epilog

ALLOW = (
    "delete-topic",
    "wipe-log-dir",
    "shrink-replicas",
    "offline",
    "data-loss",
    "format-controller",
    "lower-feature",
    "finalize-migration",
    "revert-migration",
)
NAMING = frozenset({"delete-topic", "wipe-log-dir"})
"""The ``--allow`` names that take a VALUE. Others with a VALUE permit nothing: the user meant
less than they would permit."""
DRY = ("--dry-run", "--check", "--diff")
ANYWHERE = ("--json", "-v", "--verbose", "--debug")
"""Options that may stand before the verb too."""
ALONE = ("-h", "--help", "--version")

SUMMARIES = {
    "init": "write a commented starting spec and inventory",
    "validate": "check spec and inventory without contacting a host (--hosts: preflight too)",
    "hosts": "show how each host would be reached, and where each setting comes from",
    "plan": "show what apply would change",
    "apply": "bring hosts, processes and topics into the state of the spec, then verify",
    "verify": "check that the plan is empty and the cluster healthy",
    "drift": "show what differs from the spec, and what the spec does not manage",
    "status": "show the cluster as it is, by broker and by topic",
    "start": "start nodes",
    "stop": "stop nodes",
    "restart": "restart nodes one at a time, once safe",
    "drill": "stop a broker, prove that nothing was lost, and heal it",
    "destroy": "remove what provision made",
    "import": "write spec and inventory of a running cluster (not yet supported)",
    "lock": "show or break the cluster's lock",
    "log": "show what was done to the cluster, when and by whom",
    "schema": "print the JSON Schema of a spec",
    "completion": "print the completion script of a shell",
    "fetch": "download Kafka and Java into the cache, or write and load a bundle",
}
SPEC_VERBS = frozenset(SUMMARIES) - {"init", "schema", "fetch", "import", "completion"}


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
    for word in argv:
        if word in DRY:
            raise fail("usage", f"there is no {word}", "`provision plan` shows what would be done")
    first = next((word for word in argv if word not in ANYWHERE), "")
    if first.startswith("-") and first not in ALONE:
        listed = ", ".join(ANYWHERE)
        hint = f"provision VERB … {first}: before the verb only these may stand: {listed}"
        raise fail("usage", f"{first} stands before the verb", hint)
    # The options of eighteen other verbs would cost a look at a cluster a few milliseconds.
    verbs = {first: SUMMARIES[first]} if first in SUMMARIES else SUMMARIES
    return _with_format(build(verbs).parse_args(list(argv)))


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


def build(summaries: Mapping[str, str] = SUMMARIES) -> Parser:
    """The parser of these verbs, with all their options."""
    parser = Parser(
        prog="provision",
        description="Bring Kafka clusters into the state that a YAML spec describes.",
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    _common(parser, False)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)
    verbs.required = True
    for verb, summary in summaries.items():
        sub = verbs.add_parser(
            verb,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=epilog(verb),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        # Without a default: a verb's own would undo what stood before the verb.
        _common(sub, argparse.SUPPRESS)
        if verb in SPEC_VERBS:
            _for_specs(sub)
        OWN.get(verb, lambda _: None)(sub)
    return parser


def at_least_one(word: str) -> int:
    """A count for argparse, which puts the message after the option's name."""
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word!r} is not a whole number of 1 or more")
    return int(word)


def _common(parser: Parser, default: Any) -> None:
    """Options that may stand before or after the verb."""
    for names, text in (
        (("--json",), "print one JSON document to stdout"),
        (("-v", "--verbose"), "show every change and value"),
        (("--debug",), "show tracebacks of internal errors"),
    ):
        parser.add_argument(*names, action="store_true", default=default, help=text)


def _for_specs(sub: Parser) -> None:
    sub.add_argument("spec", nargs="+", metavar="SPEC", help="cluster spec(s)")
    sub.add_argument("-i", "--inventory", help="Ansible inventory; overrides the spec's")
    sub.add_argument("-l", "--limit", help="limit to these hosts (Ansible patterns)")
    sub.add_argument(
        "--each", metavar="GROUP", help="apply a single-host spec to every host in GROUP"
    )
    sub.add_argument(
        "--parallel",
        type=at_least_one,
        default=10,
        metavar="N",
        help="hosts at a time (default 10)",
    )
    sub.add_argument(
        "-K", "--ask-become-pass", action="store_true", help="use sudo, and ask for its password"
    )
    sub.add_argument("-k", "--ask-pass", action="store_true", help="ask for the SSH password")
    sub.add_argument("--accept-new-host-keys", action="store_true", help="record unknown host keys")
    sub.add_argument(
        "--replace-host-key",
        metavar="HOST|GROUP",
        action="append",
        default=[],
        help="replace the recorded host key after a reinstall",
    )


def _allow(sub: Parser) -> None:
    sub.add_argument(
        "--allow",
        metavar="NAME[=VALUE]",
        action="append",
        default=[],
        help="permit a dangerous change by name: " + ", ".join(ALLOW),
    )


def _formats(sub: Parser) -> None:
    sub.add_argument("--format", choices=FORMATS, help="how to print the answer (default text)")
    sub.add_argument("--output", metavar="FILE", help="write the answer to FILE, not to stdout")


def _status(sub: Parser) -> None:
    _formats(sub)


def _init(sub: Parser) -> None:
    sub.add_argument("directory", metavar="DIR")
    sub.add_argument("--template", required=True, choices=("lab", "kraft-lab", "cluster"))


def _plan(sub: Parser) -> None:
    _allow(sub)
    _formats(sub)
    sub.add_argument("-o", "--out", metavar="FILE", help="save the plan for `provision apply FILE`")
    sub.add_argument("--exit-code", action="store_true", help="exit 2 if there are changes")


def _apply(sub: Parser) -> None:
    _allow(sub)
    sub.add_argument(
        "--rebuild", action="store_true", help="stop Kafka, empty its log dirs, then apply"
    )
    sub.add_argument("--round-trip", action="store_true", help="verify with a temporary topic too")


def _verify(sub: Parser) -> None:
    _formats(sub)
    sub.add_argument(
        "--round-trip", action="store_true", help="write to and read from a temporary topic"
    )


def _drift(sub: Parser) -> None:
    _formats(sub)
    sub.add_argument("--strict", action="store_true", help="count unmanaged resources as drift")


def _validate(sub: Parser) -> None:
    sub.add_argument(
        "--hosts", action="store_true", help="run the preflight checks on all hosts (read-only)"
    )


def _processes(sub: Parser) -> None:
    _allow(sub)
    sub.add_argument(
        "--node",
        metavar="NAME,…",
        help="only these, e.g. broker-1,controller-2: one at a time, once safe",
    )


def _stop(sub: Parser) -> None:
    _processes(sub)
    sub.add_argument(
        "--hold", metavar="WHY", help="and keep apply from starting them until `start`"
    )


def _drill(sub: Parser) -> None:
    _allow(sub)
    sub.add_argument("--node", required=True, help="the broker to stop, e.g. broker-1")
    sub.add_argument("--topic", help="use this topic instead of a temporary one")


def _destroy(sub: Parser) -> None:
    _allow(sub)
    sub.add_argument(
        "--confirm", metavar="CLUSTER", required=True, help="the cluster's name, as a confirmation"
    )


def _lock(sub: Parser) -> None:
    sub.add_argument("--break", dest="break_id", metavar="ID", help="end the run that holds it")


def _fetch(sub: Parser) -> None:
    sub.add_argument(
        "--version",
        dest="kafka_version",
        metavar="V",
        action="append",
        default=[],
        help="Kafka version (repeatable)",
    )
    sub.add_argument("--arch", metavar="A", action="append", default=[], help="x86_64 or aarch64")
    sub.add_argument("-o", "--out", metavar="BUNDLE", help="write a bundle")
    sub.add_argument("--bundle", metavar="FILE", help="load a bundle")


def _completion(sub: Parser) -> None:
    sub.add_argument("shell", choices=("bash", "zsh", "fish"))


def _import(sub: Parser) -> None:
    for name in ("--hosts", "-i", "--bootstrap", "-o"):
        sub.add_argument(name)


OWN: dict[str, Any] = {
    "init": _init,
    "validate": _validate,
    "plan": _plan,
    "apply": _apply,
    "verify": _verify,
    "drift": _drift,
    "status": _status,
    "start": _processes,
    "restart": _processes,
    "stop": _stop,
    "drill": _drill,
    "destroy": _destroy,
    "lock": _lock,
    "fetch": _fetch,
    "completion": _completion,
    "import": _import,
}


def allowed(words: Sequence[str]) -> dict[str, frozenset[str]]:
    """``--allow NAME[=VALUE]`` → name → values; an empty set allows all; what ``useless`` names is
    left out. Raises ``usage``."""
    found: dict[str, frozenset[str]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if name not in ALLOW:
            raise fail("usage", f"--allow {name} is not known", f"known: {', '.join(ALLOW)}")
        if equals and name not in NAMING:
            continue
        values = frozenset(value.split(",")) if equals else frozenset()
        bare = name in found and not found[name]
        found[name] = frozenset() if bare or not equals else found.get(name, frozenset()) | values
    return found


def useless(words: Sequence[str]) -> list[str]:
    """Warnings about permissions that never permit anything, whatever the plan."""
    named = [(word, word.partition("=")[0]) for word in words if "=" in word]
    return [
        f"--allow {word} permits nothing: {name} takes no value"
        for word, name in named
        if name in ALLOW and name not in NAMING
    ]
