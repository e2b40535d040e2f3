"""The end of ``apply``'s output: what is up now, or how to continue."""

from __future__ import annotations

from provisioner.errors import Exit
from provisioner.kinds.service.holds import HELD, OF_SPEC
from provisioner.plan.model import Id, Plan, Report
from provisioner.report.forecast import held_against
from provisioner.report.roll import ended
from provisioner.report.text import Text
from provisioner.site.site import bootstrap
from provisioner.spec.types import Spec
from provisioner.verbs.shared.context import Context

NAMED = 20
"""Values that a command is printed with; nobody types more."""


def closing(report: Report, spec: Spec, context: Context) -> list[str]:
    """The lines after the plan was shown and carried out."""
    lines = [*ended(report), *held_against(report.forecast)]
    lines += context.console.text.checks(report)
    if not report.failed and not report.ended:
        lines += _left(report, context.console.text)
    if report.exit_code == Exit.YES:
        brokers = ", ".join(f"{host}:{port}" for host, port in bootstrap(spec))
        lines.append(
            f"{spec.cluster} is up: Kafka {spec.version} at {brokers}; topics {_topics(spec)}"
        )
        lines.append(f"try: provision status {context.words}; provision drift {context.words}")
        return lines
    if report.failed:
        lines.append(
            f"{len(report.applied)} done, {len(report.failed)} failed, "
            f"{len(report.not_started)} not started"
        )
    return [*lines, *_go_on(report, context)]


def _topics(spec: Spec) -> str:
    """The first ones by name: thousands of them are no line."""
    named = [f"{t.name} ({t.partitions} × {t.replication})" for t in spec.topics[:NAMED]]
    left = len(spec.topics) - len(named)
    return ", ".join(named) + (f" and {left:,} more" if left else "")


def _left(report: Report, text: Text) -> list[str]:
    """The plan of verify, where it has more than the one shown before."""
    left, shown = report.verified, report.plan or Plan()
    if left is None:
        return []
    new = left.changes or _refusals(left) != _refusals(shown) or left.unread != shown.unread
    return [text.plan(left)] if new and not left.in_sync else []


def _refusals(plan: Plan) -> set[tuple[Id, str | None]]:
    """Without their reasons, which may say for how long something has been so."""
    return {(item.id, item.allow) for item in plan.refused}


def _permits(plan: Plan) -> str:
    """The options that would permit what was refused, as far as there are any."""
    words: dict[str, list[str]] = {}
    for refused in plan.refused:
        if refused.allow:
            words.setdefault(refused.allow, []).extend([refused.value] if refused.value else [])
    return " ".join(
        f"--allow {name}{'=' if values else ''}{_listed(values)}" for name, values in words.items()
    )


def _listed(values: list[str]) -> str:
    return ",".join(values[:NAMED]) + (",…" if len(values) > NAMED else "")


def _go_on(report: Report, context: Context) -> list[str]:
    """The next command: start held nodes, apply the rest again."""
    plan: Plan = report.verified or report.plan or Plan()
    left_alone = [refused for refused in plan.refused if refused.reason.startswith(HELD)]
    held = [refused.id.name for refused in left_alone if OF_SPEC not in refused.reason]
    lines = []
    if held:
        nodes = ",".join(sorted(held))
        lines.append(f"to release the hold: provision start {context.words} --node {nodes}")
    others = plan.changes or plan.unread or len(plan.refused) > len(left_alone)
    if permits := _permits(plan):
        lines.append(f"to permit what was refused: provision apply {context.words} {permits}")
    if others or not left_alone or report.failed or report.not_started:
        lines.append(f"to continue: provision apply {context.words}")
    return lines
