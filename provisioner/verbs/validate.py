"""``provision validate``: reads spec and inventory; --hosts also asks every host, read-only."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from provisioner.errors import Exit, ProvisionError
from provisioner.kinds.ids import service_id
from provisioner.plan.model import Change, Plan, Report, UnknownState
from provisioner.spec.types import Node, Spec
from provisioner.verbs.shared.context import Context
from provisioner.verbs.shared.loading import limit_of, load, load_spec
from provisioner.verbs.shared.verb import Verb

if TYPE_CHECKING:
    from provisioner.site.site import Site


def story(args: argparse.Namespace, context: Context) -> Report:
    """files → Spec (→ preflight of its hosts). Raises ProvisionError with every problem."""
    spec = load_spec(args, context)
    report = Report(spec.cluster)
    if args.hosts:
        from provisioner.verbs.shared.opening import open_context

        with open_context(args, context, fetch=True) as site:
            _preflight(site, report, context)
    else:
        _check_limit(args, context)
    lines = [f"{context.path} is valid: {summary(spec)}"]
    lines += [f"  ? {item.id.host}: not checked: {item.reason}" for item in _unread(report)]
    if args.hosts and report.complete:
        lines.append(f"{_listed(sorted(spec.hosts))}: ready for apply")
    context.console.answer("\n".join(lines))
    return report


def _check_limit(args: argparse.Namespace, context: Context) -> None:
    """Raises ProvisionError where --limit leaves no host of the spec."""
    if args.limit:
        limit_of(args, load(args, context))


def _preflight(site: Site, report: Report, context: Context) -> None:
    """Hosts that cannot be reached leave the answer open; every other problem is raised."""
    from provisioner.site.preflight import preflight

    found = preflight(site, _changes(site))
    unread = [
        UnknownState(service_id(node), str(error))
        for host, error in sorted(site.unreachable.items())
        for node in site.spec.on(host)[:1]
    ]
    # A host that was not reached is named once, as what is unknown.
    problems = [p for p in found.problems if p.host not in site.unreachable]
    for warning in found.warnings:
        site.options.warn(warning)
    if problems:
        raise ProvisionError(problems)
    if unread:
        report.plan, report.complete = Plan(unread=tuple(unread)), False
        report.exit_code = Exit.CANNOT_TELL


def _changes(site: Site) -> tuple[Change, ...] | None:
    """What apply would do: our own running processes are then in nobody's way. None where that is
    not known before the first download: everything is asked for as if it were to be made."""
    if any(prepared.pending for prepared in site.prepared.values()):
        return None
    from provisioner.site.planning import make_plan

    return make_plan(site).plan.changes


def _unread(report: Report) -> tuple[UnknownState, ...]:
    return report.plan.unread if report.plan else ()


def summary(spec: Spec) -> str:
    """'atu-lab, Kafka 3.9.1 with ZooKeeper; 1 ZooKeeper server and 3 brokers on localhost; …'."""
    if spec.bootstrap:
        where = _listed([f"{host}:{port}" for host, port in spec.bootstrap])
        topics = counted(len(spec.topics), "topic")
        return f"{spec.cluster}, Kafka {spec.version} at {where}, its hosts unknown; {topics}"
    mode = "KRaft" if spec.is_kraft else "with ZooKeeper"
    combined = [node for node in spec.nodes if node.is_broker and node.is_controller]
    brokers = [node for node in spec.brokers if node not in combined]
    controllers = [node for node in spec.controllers if node not in combined]
    groups: list[tuple[tuple[Node, ...] | list[Node], str]] = [
        (spec.zookeeper, "ZooKeeper server"),
        (controllers, "controller"),
        (combined, "broker and controller in one"),
        (brokers, "broker"),
    ]
    nodes = " and ".join(counted(len(nodes), word) for nodes, word in groups if nodes)
    hosts = _listed(list(dict.fromkeys(node.host for node in spec.nodes)))
    topics = counted(len(spec.topics), "topic")
    return f"{spec.cluster}, Kafka {spec.version} {mode}; {nodes} on {hosts}; {topics}"


def counted(number: int, word: str) -> str:
    """'1 broker', '3 brokers', '3 × broker and controller in one'."""
    if " in one" in word:
        return f"{number} × {word}"
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _listed(names: list[str]) -> str:
    """The first few names, and how many more."""
    few = 4
    more = f" and {len(names) - few} more" if len(names) > few else ""
    return ", ".join(names[:few]) + more


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--hosts", action="store_true", help="run the preflight checks on all hosts (read-only)"
    )


VERB = Verb(
    "validate",
    "check spec and inventory without contacting a host (--hosts: preflight too)",
    rank=2,
    story=story,
    options=_options,
    examples=(
        "provision validate specs/lab.yaml",
        "provision validate --hosts -i inventories/prod.yaml specs/prod.yaml",
    ),
)
