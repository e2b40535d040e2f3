"""``provision start``, ``stop``, ``restart``: processes only."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from provisioner.errors import Exit
from provisioner.plan.model import Report
from provisioner.run.converge import prefer_leaders
from provisioner.run.executor import Executor
from provisioner.run.processes import (
    WAVES,
    check_installed,
    check_not_refused,
    chosen,
    hold,
    without_held,
)
from provisioner.run.session import session
from provisioner.site import planning
from provisioner.site.health import settle
from provisioner.spec.types import Node
from provisioner.verbs.shared.context import Context
from provisioner.verbs.shared.failures import kept_in
from provisioner.verbs.shared.opening import open_context
from provisioner.verbs.shared.permissions import of_gates, warn_unused


def bounce(args: argparse.Namespace, context: Context) -> Report:
    """lock → observe → waves of processes → done."""
    console = context.console
    with open_context(args, context) as site:
        nodes = chosen(site, args.node)
        report = Report(site.spec.cluster)
        if args.verb != "stop":
            check_installed(planning.make_plan(site), nodes)
        with session(site, args.verb, console.event) as run:
            if args.verb == "start":
                hold(run, nodes, "")
            planned = planning.make_plan(site)
            if args.verb == "restart":
                nodes = without_held(planned, nodes, console.say, named=bool(args.node))
            warn_unused(site, planned, of_gates(site))
            waves = WAVES[args.verb](site, planned, nodes, bool(args.node))
            check_not_refused(planned, nodes)
            run.results.into(report)
            with kept_in(report, when=lambda: bool(report.applied)):
                Executor(run, planned.wanted, planned.seen.things).carry_out(waves)
                if args.verb == "stop" and args.hold and not run.stop.is_set():
                    hold(run, nodes, args.hold)
                if report.applied and args.verb != "stop" and not report.failed:
                    site.cluster().refresh()
                    settle(site, console.event, run.stop)
                    prefer_leaders(run)
        report.complete = not site.unreachable
        report.exit_code = report.exit_code or _exit(report, run.signal)
    console.answer(_told(report, args, nodes))
    return report


def _exit(report: Report, signal: int) -> int:
    if signal:
        return 128 + signal
    if report.failed or report.not_started:
        return Exit.NO
    return Exit.YES if report.complete else Exit.CANNOT_TELL


def _told(report: Report, args: argparse.Namespace, nodes: Sequence[Node]) -> str:
    past = {"start": "started", "stop": "stopped", "restart": "restarted"}[args.verb]
    done = [change.id.name for change in report.applied]
    if report.failed:
        left = len(report.not_started)
        return f"{len(done)} {past}, {len(report.failed)} failed, {left} not started"
    if not done:
        which = ", ".join(node.name for node in nodes)
        return f"nothing to {args.verb}" + (f": {which}" if which else "")
    return f"{past}: {', '.join(done)}"
