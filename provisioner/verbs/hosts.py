"""``provision hosts``: how each host would be reached. None is contacted."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from provisioner.errors import Notice, Problem, ProvisionError
from provisioner.hosts.reach import Reach, reach
from provisioner.hosts.ssh.lookup import DEFAULT_FILES, lookup_of
from provisioner.hosts.transport import TransportError
from provisioner.plan.model import Report
from provisioner.report.cleaning import clean
from provisioner.report.text import table
from provisioner.spec.types import Host
from provisioner.verbs.shared.command import Context
from provisioner.verbs.shared.loading import limit_of, load
from provisioner.verbs.shared.verb import Verb
from provisioner.workers import each, workers

KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
SHOWN = (
    *("connection", "address", "port", "user", "keys", "jumps", "proxy_command", "known_hosts"),
    *("connect_timeout", "become", "become_user", "kafka_address", "groups"),
)
Values = Mapping[str, Any]


def story(args: argparse.Namespace, context: Context) -> Report:
    """files → inventory and SSH configuration → a table. Raises ProvisionError."""
    loaded = load(args, context)
    limit = limit_of(args, loaded)
    used = dict.fromkeys(node.host for node in loaded.spec.nodes)
    names = [name for name in used if limit is None or name in limit]
    report = Report(loaded.spec.cluster)
    report.extra["hosts"] = values([loaded.spec.hosts[name] for name in names], args, context)
    lines = [line for entry in report.extra["hosts"] for line in as_text(entry)]
    context.console.answer("\n".join(lines))
    return report


def values(hosts: Sequence[Host], args: argparse.Namespace, context: Context) -> list[Values]:
    """Side by side. Raises ProvisionError with what is wrong of every host."""
    lookup = lookup_of(DEFAULT_FILES, lambda text: context.warn(Notice(text)))

    def one(host: Host) -> Reach | Problem:
        try:
            return reach(host, lookup, KNOWN_HOSTS, args.ask_become_pass)
        except TransportError as error:
            return Problem(error.code, str(error), error.hint, host=host.name)

    with workers(max(1, min(len(hosts), args.parallel))) as pool:
        found = list(each(pool, one, hosts))
    if problems := [item for item in found if isinstance(item, Problem)]:
        raise ProvisionError(problems)
    return [
        {**item.values, "from": dict(item.origins)} for item in found if isinstance(item, Reach)
    ]


def as_text(entry: Values) -> list[str]:
    """The host's name, then a row per setting: its value and its source."""
    rows: list[tuple[str, str, str]] = []
    for key in SHOWN:
        value = entry[key]
        if value in (None, []):
            continue
        title, origin = f"  {key.replace('_', ' ')}", clean(entry["from"].get(key, ""))
        for part in value if isinstance(value, list) else [value]:
            rows.append((title, _shown(part), origin))
            title = origin = ""
    return [clean(entry["name"]), table(rows)]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return clean(f"{value:g} s" if isinstance(value, float) else str(value))


VERB = Verb(
    "hosts",
    "show how each host would be reached, and where each setting comes from",
    rank=3,
    story=story,
    examples=("provision hosts -i inventories/prod.yaml specs/prod.yaml",),
)
