"""``provision drift``: what differs from the spec, and what is not in it. Read-only."""

from __future__ import annotations

import argparse
import time

from provisioner.errors import Exit
from provisioner.plan.model import Report
from provisioner.run import planning
from provisioner.verbs.command import Context
from provisioner.verbs.session import open_context


def command(args: argparse.Namespace, context: Context) -> Report:
    """observe → resolve → diff → report."""
    started = time.monotonic()
    with open_context(args, context) as target:
        plan = planning.make_plan(target).plan
        report = Report(
            target.spec.cluster, plan=plan, complete=plan.complete, in_sync=plan.in_sync
        )
        if args.strict and plan.unmanaged:
            report.in_sync = False
    context.console.answer(context.console.text.plan(plan))
    report.exit_code = {True: Exit.YES, False: Exit.NO, None: Exit.CANNOT_TELL}[report.in_sync]
    report.seconds = time.monotonic() - started
    return report
