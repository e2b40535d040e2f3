"""``provision verify``: the plan is empty and the cluster is healthy."""

from __future__ import annotations

import argparse
import secrets
import time

from provisioner.errors import Exit
from provisioner.plan.model import Plan, Report
from provisioner.site.verification import verify
from provisioner.verbs.command import Context
from provisioner.verbs.session import open_context


def command(args: argparse.Namespace, context: Context) -> Report:
    """observe → plan → health (→ round trip)."""
    started = time.monotonic()
    console = context.console
    with open_context(args, context) as site:
        report = Report(site.spec.cluster)
        verify(site, trip=secrets.token_hex(4) if args.round_trip else "").into(report)
    console.answer("\n".join([*console.text.checks(report), console.text.plan(_plan(report))]))
    if report.in_sync is False or report.healthy is False:
        report.exit_code = Exit.NO
    elif report.in_sync is None or report.healthy is None:
        report.exit_code = Exit.CANNOT_TELL
    report.seconds = time.monotonic() - started
    return report


def _plan(report: Report) -> Plan:
    assert report.plan is not None
    return report.plan
