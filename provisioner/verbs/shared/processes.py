"""``provision start``, ``stop``, ``restart``: processes only."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Sequence
from dataclasses import replace

from provisioner.errors import Exit
from provisioner.plan.model import Report
from provisioner.report.forecast import held_against
from provisioner.report.roll import ended, until
from provisioner.run.converge import prefer_leaders
from provisioner.run.executor import Executor
from provisioner.run.processes import (
    WAVES,
    check_installed,
    check_not_refused,
    chosen,
    hold,
    without_held,
    without_spec_hold,
)
from provisioner.run.session import session
from provisioner.run.settling import wait_in_sync
from provisioner.site import planning
from provisioner.site.forecast import of_bounces
from provisioner.spec.types import Node
from provisioner.verbs.shared import limits
from provisioner.verbs.shared.context import Context, narrowed
from provisioner.verbs.shared.failures import kept_in
from provisioner.verbs.shared.opening import open_context
from provisioner.verbs.shared.permissions import of_gates, warn_unused


def bounce(args: argparse.Namespace, context: Context) -> Report:
    """lock → observe → waves of processes → done."""
    console = context.console
    with open_context(args, context) as site:
        nodes = chosen(site, args.node)
        if args.verb != "stop":
            nodes = without_spec_hold(nodes, console.say, named=bool(args.node))
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
            if args.verb == "restart":
                names = [c.id.name for w in waves for c in w.changes if c.action == "restart"]
                foreseen = of_bounces(site, planned, names)
                run.allowance.limits = limits.limits(args, time.time(), foreseen.expected)
                console.say(until(run.allowance.limits.until_words))
                report.forecast = foreseen
            with kept_in(report, when=lambda: bool(report.applied)):
                Executor(run, planned.wanted, planned.seen.things).carry_out(waves)
                report.ended = run.allowance.ended
                if report.forecast is not None and run.roll.bounced:
                    report.forecast = replace(report.forecast, took=run.roll.took)
                if args.verb == "stop" and args.hold and not run.stop.is_set():
                    hold(run, nodes, args.hold)
                if report.applied and args.verb != "stop" and not report.failed:
                    site.cluster().refresh()
                    wait_in_sync(run)
                    prefer_leaders(run)
        report.complete = not site.unreachable
        report.exit_code = report.exit_code or _exit(report, run.signal)
    lines = [*ended(report), *held_against(report.forecast)]
    console.answer("\n".join([*lines, *_told(report, args, nodes, context)]))
    return report


def _exit(report: Report, signal: int) -> int:
    if signal:
        return 128 + signal
    if report.failed or report.not_started:
        return Exit.NO
    return Exit.YES if report.complete else Exit.CANNOT_TELL


def _told(
    report: Report, args: argparse.Namespace, nodes: Sequence[Node], context: Context
) -> list[str]:
    past = {"start": "started", "stop": "stopped", "restart": "restarted"}[args.verb]
    done = [change.id.name for change in report.applied]
    if report.failed:
        left = len(report.not_started)
        return [f"{len(done)} {past}, {len(report.failed)} failed, {left} not started"]
    if report.ended:
        left_over = ",".join(change.id.name for change in report.not_started)
        # --limit and --node exclude each other.
        spec = [str(context.path), *narrowed(args, context.each_host)]
        words = shlex.join(["provision", args.verb, *spec, "--node", left_over])
        again = f"to continue: {words}"
        return [f"{past}: {', '.join(done) or 'none'}", again]
    if not done:
        which = ", ".join(node.name for node in nodes)
        return [f"nothing to {args.verb}" + (f": {which}" if which else "")]
    return [f"{past}: {', '.join(done)}"]
