"""``provision maintain``: work on hosts, one after the other, while their nodes are down."""

from __future__ import annotations

import argparse
import time

from provisioner.errors import Exit, ProvisionError, fail
from provisioner.plan.model import Change, Report, Wave
from provisioner.report.maintenance import told
from provisioner.run.limits import Allowance
from provisioner.run.maintenance import running
from provisioner.run.processes import change_of
from provisioner.site import planning
from provisioner.site.site import Site
from provisioner.site.verdicts import leads
from provisioner.spec.types import Node
from provisioner.verbs.shared import limits, options
from provisioner.verbs.shared.context import Context
from provisioner.verbs.shared.maintaining import Visit
from provisioner.verbs.shared.opening import open_context
from provisioner.verbs.shared.verb import Verb


def story(args: argparse.Namespace, context: Context) -> Report:
    """choose → for each host: stop its nodes, work, start them, all in sync → the next."""
    _fit(args)
    with open_context(args, context) as site:
        report = Report(site.spec.cluster)
        visits = _chosen(args, site)
        _reachable(site, [host for host, _ in visits])
    allowance = Allowance(limits.limits(args, time.time()))
    done: list[str] = []
    left = [change_of(node, "restart") for _, nodes in visits for node in nodes]
    for host, nodes in visits:
        mine = [change for change in left if change.id.host == host]
        if _ends(allowance, mine):
            break
        began = time.monotonic()
        fine = Visit(args, context, host, report).carry_out([node.name for node in nodes])
        left = [change for change in left if change not in mine]
        allowance.took(mine, time.monotonic() - began)
        if not fine:
            break
        done.append(host)
    report.ended = allowance.ended
    report.not_started = left
    report.exit_code = report.exit_code or _exit(report, len(done) < len(visits))
    if context.stop is not None and context.stop.is_set():
        report.exit_code = 128 + context.stop.number
    context.console.answer("\n".join(told(done, [h for h, _ in visits], report, context.words)))
    return report


def _ends(allowance: Allowance, changes: list[Change]) -> bool:
    return allowance.ends(Wave(1, tuple(changes)))


def _exit(report: Report, unfinished: bool) -> int:
    return Exit.NO if unfinished or report.failed or report.problems else Exit.YES


def _fit(args: argparse.Namespace) -> None:
    if bool(args.host) == bool(args.all):
        raise fail("usage", "say which host: --host HOST, or --all for one after the other")
    if args.limit:
        raise fail("usage", "--limit selects hosts, and so do --host and --all: leave it out")


def _chosen(args: argparse.Namespace, site: Site) -> list[tuple[str, list[Node]]]:
    """The hosts and what runs there, in the order in which they are visited: that of the active
    controller last."""
    hosts = site.used_hosts
    if args.host and args.host not in hosts:
        raise fail("usage", f"no host {args.host}", f"the hosts are {', '.join(hosts)}")
    planned = planning.make_plan(site)
    chosen = [args.host] if args.host else hosts
    found = [(host, running(planned, site.spec.on(host))) for host in chosen]
    return sorted(found, key=lambda each: (any(leads(n, planned.seen) for n in each[1]), each[0]))


def _reachable(site: Site, hosts: list[str]) -> None:
    away = [host for host in hosts if host in site.unreachable]
    if away:
        error: ProvisionError = fail(
            site.unreachable[away[0]].code, f"{away[0]}: {site.unreachable[away[0]]}", host=away[0]
        )
        error.exit_code = Exit.CANNOT_TELL
        raise error


def _options(parser: argparse.ArgumentParser) -> None:
    options.allow(parser)
    limits.options(parser)
    parser.add_argument("--host", metavar="HOST", help="only this host")
    parser.add_argument(
        "--all",
        action="store_true",
        help="one host after the other, ending at the first that does not come back",
    )
    parser.add_argument("--reboot", action="store_true", help="reboot it, and wait for it")


VERB = Verb(
    "maintain",
    "run a command on a host, or reboot it, while its nodes are down",
    rank=12,
    story=story,
    options=_options,
    examples=(
        "provision maintain specs/prod.yaml --all --reboot -- apt-get -y upgrade",
        "provision maintain specs/prod.yaml --host kafka2 -- sh -c 'mount /data && df -h'",
    ),
    changes=True,
    takes_command=True,
    of_hosts=True,
)
