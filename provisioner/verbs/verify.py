"""``provision verify``: the plan is empty and the cluster is healthy."""

from __future__ import annotations

import argparse
import secrets

from provisioner.errors import Exit
from provisioner.plan.model import Plan, Report
from provisioner.site.verification import verify
from provisioner.verbs.shared import options
from provisioner.verbs.shared.context import Context
from provisioner.verbs.shared.opening import open_context
from provisioner.verbs.shared.verb import Verb


def story(args: argparse.Namespace, context: Context) -> Report:
    """observe → plan → health (→ round trip)."""
    console = context.console
    with open_context(args, context) as site:
        report = Report(site.spec.cluster)
        verify(site, trip=secrets.token_hex(4) if args.round_trip else "").into(report)
    console.answer("\n".join([*console.text.checks(report), console.text.plan(_plan(report))]))
    if report.in_sync is False or report.healthy is False:
        report.exit_code = Exit.NO
    elif report.in_sync is None or report.healthy is None:
        report.exit_code = Exit.CANNOT_TELL
    return report


def _plan(report: Report) -> Plan:
    assert report.plan is not None
    return report.plan


def _options(parser: argparse.ArgumentParser) -> None:
    options.formats(parser)
    parser.add_argument(
        "--round-trip", action="store_true", help="write to and read from a temporary topic"
    )


VERB = Verb(
    "verify",
    "check that the plan is empty and the cluster healthy",
    rank=6,
    story=story,
    options=_options,
    examples=("provision verify --round-trip specs/lab.yaml",),
    asks_kafka=True,
)
