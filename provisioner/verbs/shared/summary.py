"""The end of ``apply``'s output: what is up now, or how to continue."""

from __future__ import annotations

from provisioner.errors import Exit
from provisioner.kinds.service.kind import HELD
from provisioner.plan.model import Plan, Report
from provisioner.report.text import Text
from provisioner.site.site import bootstrap
from provisioner.spec.types import Spec
from provisioner.verbs.shared.context import Context


def closing(report: Report, spec: Spec, context: Context) -> list[str]:
    """The lines after the plan was shown and carried out."""
    lines = context.console.text.checks(report)
    if not report.failed:
        lines += _left(report, context.console.text)
    if report.exit_code == Exit.YES:
        brokers = ", ".join(f"{host}:{port}" for host, port in bootstrap(spec))
        topics = ", ".join(f"{t.name} ({t.partitions} × {t.replication})" for t in spec.topics)
        lines.append(f"{spec.cluster} is up: Kafka {spec.version} at {brokers}; topics {topics}")
        lines.append(f"try: provision status {context.words}; provision drift {context.words}")
        return lines
    if report.failed:
        lines.append(
            f"{len(report.applied)} done, {len(report.failed)} failed, "
            f"{len(report.not_started)} not started"
        )
    return [*lines, *_go_on(report, context)]


def _left(report: Report, text: Text) -> list[str]:
    """The plan of verify, where it has more than the one shown before."""
    left, shown = report.verified, report.plan or Plan()
    if left is None:
        return []
    new = left.changes or (left.refused, left.unread) != (shown.refused, shown.unread)
    return [text.plan(left)] if new and not left.in_sync else []


def _go_on(report: Report, context: Context) -> list[str]:
    """The next command: start held nodes, apply the rest again."""
    plan: Plan = report.verified or report.plan or Plan()
    held = [refused.id.name for refused in plan.refused if refused.reason.startswith(HELD)]
    lines = []
    if held:
        nodes = ",".join(sorted(held))
        lines.append(f"to release the hold: provision start {context.words} --node {nodes}")
    others = plan.changes or plan.unread or len(plan.refused) > len(held)
    if others or not held or report.failed or report.not_started:
        lines.append(f"to continue: provision apply {context.words}")
    return lines
