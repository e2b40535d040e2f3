"""``provision plan``: what apply would do. Read-only by construction: it has no Actor."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from provisioner.errors import Exit
from provisioner.plan.model import Report
from provisioner.run import planning
from provisioner.verbs.command import Context
from provisioner.verbs.permissions import warn_unused
from provisioner.verbs.session import open_context


def command(args: argparse.Namespace, context: Context) -> Report:
    """observe → plan → show (and save)."""
    started = time.monotonic()
    with open_context(args, context) as target:
        planned = planning.make_plan(target)
        warn_unused(target, planned)
        report = Report(
            target.spec.cluster,
            plan=planned.plan,
            complete=planned.plan.complete,
            in_sync=planned.plan.in_sync,
        )
        if args.out:
            from provisioner.verbs.saved_plan import save

            save(Path(args.out), context, args, target.spec, planned.plan)
    context.console.answer(context.console.text.plan(planned.plan))
    report.exit_code = _exit(args, report)
    report.seconds = time.monotonic() - started
    return report


def _exit(args: argparse.Namespace, report: Report) -> int:
    if args.exit_code and report.in_sync is False:
        return Exit.NO
    return Exit.YES if report.complete else Exit.CANNOT_TELL
