"""``provision abort``: cancels the moves that this tool began, and removes its throttles."""

from __future__ import annotations

import argparse

from provisioner.errors import Exit
from provisioner.plan.model import Report
from provisioner.run.abort import begun, take_back
from provisioner.run.session import session
from provisioner.verbs.shared.context import Context
from provisioner.verbs.shared.failures import kept_in
from provisioner.verbs.shared.opening import open_context
from provisioner.verbs.shared.verb import Verb


def story(args: argparse.Namespace, context: Context) -> Report:
    """lock → what was begun → taken back. The next apply begins again what the spec still wants."""
    console = context.console
    with open_context(args, context) as site:
        report = Report(site.spec.cluster)
        with session(site, "abort", console.event) as run:
            report.plan, seen = begun(run)
            if report.plan.changes or report.plan.unread:
                console.say(console.errors.plan(report.plan, brief=True))
            run.results.into(report)
            with kept_in(report, when=lambda: bool(report.applied)):
                take_back(run, report.plan, seen)
        report.complete = report.plan.complete and not site.unreachable
        report.exit_code = report.exit_code or _exit(report, run.signal)
    console.answer(_told(report))
    return report


def _exit(report: Report, signal: int) -> int:
    if signal:
        return 128 + signal
    if report.failed or report.not_started:
        return Exit.NO
    return Exit.YES if report.complete else Exit.CANNOT_TELL


def _told(report: Report) -> str:
    if report.failed or report.not_started:
        left = len(report.failed) + len(report.not_started)
        return f"{len(report.applied)} taken back, {left} not: run provision abort again"
    if not report.applied:
        return "nothing to abort" if report.complete else "it is not known what moves"
    return f"{len(report.applied)} taken back; the next apply begins again what the spec wants"


VERB = Verb(
    "abort",
    "cancel the moves of replicas that this tool began, and remove its throttles",
    rank=14,
    story=story,
    examples=("provision abort specs/prod.yaml",),
    changes=True,
    asks_kafka=True,
)
