"""``provision drift``: what differs from the spec, and what is not in it. Read-only."""

from __future__ import annotations

import argparse

from provisioner.errors import Exit, Notice
from provisioner.plan.model import Report
from provisioner.site import planning
from provisioner.site.holds import left_alone
from provisioner.verbs.shared import options
from provisioner.verbs.shared.context import Context
from provisioner.verbs.shared.opening import open_context
from provisioner.verbs.shared.regrets import warn_of_cluster
from provisioner.verbs.shared.verb import Verb


def story(args: argparse.Namespace, context: Context) -> Report:
    """observe → resolve → diff → report."""
    with open_context(args, context) as site:
        planned = planning.make_plan(site)
        plan = planned.plan
        warn_of_cluster(context, site, planned)
        for text in left_alone(site, planned):
            context.warn(Notice(text))
        report = Report(site.spec.cluster, plan=plan, complete=plan.complete, in_sync=plan.in_sync)
        if args.strict and plan.unmanaged:
            report.in_sync = False
    context.console.answer(context.console.text.plan(plan))
    report.exit_code = {True: Exit.YES, False: Exit.NO, None: Exit.CANNOT_TELL}[report.in_sync]
    return report


def _options(parser: argparse.ArgumentParser) -> None:
    options.formats(parser)
    parser.add_argument("--strict", action="store_true", help="count unmanaged resources as drift")


VERB = Verb(
    "drift",
    "show what differs from the spec, and what the spec does not manage",
    rank=7,
    story=story,
    options=_options,
    examples=(
        "provision drift specs/lab.yaml",
        "provision drift --format prometheus --output kafka.prom specs/lab.yaml specs/prod.yaml",
    ),
    asks_kafka=True,
)
