"""``provision plan``: what apply would do. Read-only by construction: it has no Actor."""

from __future__ import annotations

import argparse
from pathlib import Path

from provisioner.errors import Exit
from provisioner.plan.model import Report
from provisioner.site import planning
from provisioner.site.forecast import foreseen
from provisioner.verbs.shared import options
from provisioner.verbs.shared.context import Context
from provisioner.verbs.shared.opening import open_context
from provisioner.verbs.shared.permissions import warn_unused
from provisioner.verbs.shared.regrets import warn_of_cluster
from provisioner.verbs.shared.verb import Verb


def story(args: argparse.Namespace, context: Context) -> Report:
    """observe → plan → show (and save)."""
    with open_context(args, context) as site:
        planned = planning.make_plan(site)
        warn_unused(site, planned)
        warn_of_cluster(context, site, planned)
        report = Report(
            site.spec.cluster,
            plan=planned.plan,
            complete=planned.plan.complete,
            in_sync=planned.plan.in_sync,
            forecast=foreseen(site, planned),
        )
        if args.out:
            from provisioner.verbs.shared.saved_plan import save

            save(Path(args.out), context, args, site.spec, planned)
    text = context.console.text.plan(planned.plan, foreseen=report.forecast)
    context.console.answer(text)
    report.exit_code = _exit(args, report)
    return report


def _exit(args: argparse.Namespace, report: Report) -> int:
    if args.exit_code and report.in_sync is False:
        return Exit.NO
    return Exit.YES if report.complete else Exit.CANNOT_TELL


def _options(parser: argparse.ArgumentParser) -> None:
    options.allow(parser)
    options.formats(parser)
    parser.add_argument(
        "-o", "--out", metavar="FILE", help="save the plan for `provision apply FILE`"
    )
    parser.add_argument("--exit-code", action="store_true", help="exit 2 if there are changes")


VERB = Verb(
    "plan",
    "show what apply would change",
    rank=4,
    story=story,
    options=_options,
    examples=(
        "provision plan specs/lab.yaml",
        "provision plan --exit-code --out prod.plan specs/prod.yaml",
        "provision plan --format markdown --output comment.md specs/prod.yaml",
    ),
    asks_kafka=True,
)
