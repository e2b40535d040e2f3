"""The command line: verbs, their options, and errors in the words of the contract."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from provisioner.errors import fail

ALLOW = (
    "delete-topic",
    "wipe-log-dir",
    "shrink-replicas",
    "offline",
    "data-loss",
    "format-controller",
    "lower-feature",
    "finalize-migration",
)
DRY = ("--dry-run", "--check", "--diff")
ANYWHERE = ("--json", "-v", "--verbose", "--debug")
"""Options that may stand before the verb too."""
ALONE = ("-h", "--help", "--version")

SUMMARIES = {
    "init": "write a commented starting spec and inventory",
    "validate": "read spec and inventory; no host is contacted (--hosts: preflight)",
    "plan": "show what apply would do",
    "apply": "make it so, then verify",
    "verify": "is the plan empty and the cluster healthy?",
    "drift": "what differs from the spec, and what is there besides",
    "status": "the cluster as it is: by broker and by topic",
    "start": "start processes",
    "stop": "stop processes",
    "restart": "restart processes one at a time",
    "drill": "the fault-tolerance exercise",
    "destroy": "remove what the spec made",
    "import": "a running cluster → spec and inventory (not yet supported)",
    "lock": "who holds the lock",
    "log": "what was done to this cluster",
    "schema": "JSON Schema of the spec",
    "fetch": "Kafka and Java into the cache",
}
SPEC_VERBS = frozenset(SUMMARIES) - {"init", "schema", "fetch", "import"}


class Parser(argparse.ArgumentParser):
    """Errors become ``usage`` problems, so that --json has them too. No option has a short form
    but its own: ``--js`` must not mean --json today and something else tomorrow."""

    def __init__(self, **more: Any):
        super().__init__(allow_abbrev=False, **more)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Flushed here, where a reader that has gone is no traceback at the end."""
        print(message, end="", file=file, flush=True)

    def error(self, message: str) -> NoReturn:
        raise fail("usage", message, f"see `{self.prog} --help`")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Raises ProvisionError ``usage``."""
    for word in argv:
        if word in DRY:
            raise fail("usage", f"there is no {word}", "`provision plan` shows what would be done")
    first = next((word for word in argv if word not in ANYWHERE), "")
    if first.startswith("-") and first not in ALONE:
        listed = ", ".join(ANYWHERE)
        hint = f"provision VERB … {first}: before the verb stand only {listed}"
        raise fail("usage", f"{first} stands before the verb", hint)
    return build().parse_args(list(argv))


def build() -> Parser:
    parser = Parser(prog="provision", description="Kafka clusters in the state a file describes")
    parser.add_argument("--version", action="store_true", help="print the version")
    _common(parser, False)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)
    verbs.required = True
    for verb, summary in SUMMARIES.items():
        sub = verbs.add_parser(verb, help=summary, description=summary)
        # Without a default: a verb's own would undo what stood before the verb.
        _common(sub, argparse.SUPPRESS)
        if verb in SPEC_VERBS:
            _for_specs(sub)
        OWN.get(verb, lambda _: None)(sub)
    return parser


def at_least_one(word: str) -> int:
    """A count for argparse, which puts the message after the option's name."""
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word!r} is not a number from 1 up")
    return int(word)


def _common(parser: Parser, default: Any) -> None:
    """What may stand before the verb and after it."""
    for names, text in (
        (("--json",), "one JSON document on stdout"),
        (("-v", "--verbose"), "say more"),
        (("--debug",), "tracebacks for internal errors"),
    ):
        parser.add_argument(*names, action="store_true", default=default, help=text)


def _for_specs(sub: Parser) -> None:
    sub.add_argument("spec", nargs="+", metavar="SPEC", help="one YAML file is one cluster")
    sub.add_argument("-i", "--inventory", help="Ansible's YAML inventory; overrides the spec's")
    sub.add_argument("-l", "--limit", help="hosts to change and judge, as Ansible's patterns")
    sub.add_argument("--each", metavar="GROUP", help="a one-host spec, on each host of GROUP")
    sub.add_argument(
        "--parallel", type=at_least_one, default=10, metavar="N", help="hosts at once (10)"
    )
    sub.add_argument("-K", "--ask-become-pass", action="store_true", help="ask sudo's password")
    sub.add_argument("-k", "--ask-pass", action="store_true", help="ask the SSH password")
    sub.add_argument("--accept-new-host-keys", action="store_true", help="for a fresh lab")
    sub.add_argument("--replace-host-key", metavar="HOST|GROUP", action="append", default=[])


def _allow(sub: Parser) -> None:
    sub.add_argument(
        "--allow",
        metavar="NAME[=VALUE]",
        action="append",
        default=[],
        help="permit by name: " + ", ".join(ALLOW),
    )


def _init(sub: Parser) -> None:
    sub.add_argument("directory", metavar="DIR")
    sub.add_argument("--template", required=True, choices=("lab", "kraft-lab", "cluster"))


def _plan(sub: Parser) -> None:
    _allow(sub)
    sub.add_argument("-o", "--out", metavar="FILE", help="save the plan for `provision apply FILE`")
    sub.add_argument("--exit-code", action="store_true", help="changes exit 2")


def _apply(sub: Parser) -> None:
    _allow(sub)
    sub.add_argument("--rebuild", action="store_true", help="stop, empty, and make anew")
    sub.add_argument("--round-trip", action="store_true", help="verify by writing and reading too")


def _verify(sub: Parser) -> None:
    sub.add_argument("--round-trip", action="store_true", help="write and read a temporary topic")


def _drift(sub: Parser) -> None:
    sub.add_argument("--strict", action="store_true", help="what is not in the spec is drift too")


def _validate(sub: Parser) -> None:
    sub.add_argument("--hosts", action="store_true", help="the preflight of all hosts, read-only")


def _processes(sub: Parser) -> None:
    _allow(sub)
    sub.add_argument("--node", help="broker-1,controller-2: these only, one at a time, gated")


def _stop(sub: Parser) -> None:
    _processes(sub)
    sub.add_argument("--hold", metavar="WHY", help="keep apply from starting them until `start`")


def _drill(sub: Parser) -> None:
    _allow(sub)
    sub.add_argument("--node", required=True, help="the broker to stop: broker-1")
    sub.add_argument("--topic", help="an existing topic instead of one of its own")


def _destroy(sub: Parser) -> None:
    _allow(sub)
    sub.add_argument("--confirm", metavar="CLUSTER", required=True, help="the cluster's name")


def _lock(sub: Parser) -> None:
    sub.add_argument("--break", dest="break_id", metavar="ID", help="end the holder with that id")


def _fetch(sub: Parser) -> None:
    sub.add_argument(
        "--version",
        dest="kafka_version",
        metavar="V",
        action="append",
        default=[],
        help="Kafka's version; may be given several times",
    )
    sub.add_argument("--arch", metavar="A", action="append", default=[], help="x86_64 or aarch64")
    sub.add_argument("-o", "--out", metavar="BUNDLE", help="write a bundle")
    sub.add_argument("--bundle", metavar="FILE", help="load a bundle")


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
    "start": _processes,
    "restart": _processes,
    "stop": _stop,
    "drill": _drill,
    "destroy": _destroy,
    "lock": _lock,
    "fetch": _fetch,
    "import": _import,
}


def allowed(words: Sequence[str]) -> dict[str, frozenset[str]]:
    """``--allow NAME[=VALUE]`` → name → values; an empty set allows all. Raises ``usage``."""
    found: dict[str, frozenset[str]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if name not in ALLOW:
            raise fail("usage", f"--allow {name} is not known", f"known: {', '.join(ALLOW)}")
        values = frozenset(value.split(",")) if equals else frozenset()
        bare = name in found and not found[name]
        found[name] = frozenset() if bare or not equals else found.get(name, frozenset()) | values
    return found
