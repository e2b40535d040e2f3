"""Plans and results for a person: a plan is a diff, coloured on a terminal, ends in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from provisioner.cleaning import block, clean
from provisioner.errors import Notice, Problem
from provisioner.plan.model import (
    Change,
    Deferred,
    Event,
    Forecast,
    Id,
    Pending,
    Plan,
    Report,
    UnknownState,
)
from provisioner.plan.order import ACCEPTED, MAY_STOP
from provisioner.report import forecast
from provisioner.report.events import words

COLOURS = {"green": "32", "yellow": "33", "red": "31", "dim": "2", "bold": "1", "cyan": "36"}
GATES = {
    MAY_STOP: "rolling: one at a time, once safe",
    ACCEPTED: "once Kafka's own code accepts the new properties",
}
SIGNS = {
    "create": ("+", "green"),
    "start": ("+", "green"),
    "update": ("~", "yellow"),
    "restart": ("~", "yellow"),
    "delete": ("-", "red"),
    "stop": ("-", "red"),
}
MANY = 8
CROWD = 4


class Text:
    """Renders for one stream; ``colour`` says whether it is a terminal that wants it."""

    def __init__(self, colour: bool = False, verbose: bool = False):
        self._colour = colour
        self.verbose = verbose

    def paint(self, text: str, colour: str) -> str:
        return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if self._colour else text

    # -- plans

    def plan(self, plan: Plan, *, brief: bool = False, foreseen: Forecast | None = None) -> str:
        """The whole plan, by wave. ``brief``: what is made in great numbers only by its number."""
        lines: list[str] = []
        brief = brief and not self.verbose
        for wave in plan.waves:
            gate = f"  ({forecast.gate(foreseen, GATES[wave.gate])})" if wave.gate else ""
            lines.append(self.paint(f"wave {wave.number}{gate}", "dim"))
            many = crowds(wave.changes) if brief else {}
            for change in wave.changes:
                if (change.id.host, change.id.kind, change.action) not in many:
                    lines += self.change(change)
            for (host, kind, action), count in many.items():
                text = f"  {SIGNS[action][0]} {action} {count} × {kind} on {clean(host)}"
                lines.append(self.paint(text, SIGNS[action][1]))
        lines += [f"  ? {text}" for text in self._by_reason(plan.deferred, "deferred")]
        for refusal in plan.refused:
            how = f" (--allow {clean(refusal.word)})" if refusal.allow else ""
            text = f"  ! {label(refusal.id)}: refused: {clean(refusal.reason)}{how}"
            lines.append(self.paint(text, "red"))
        lines += self._unread(plan.unread)
        for thing in plan.unmanaged:
            keys = f" [{clean(', '.join(thing.fields))}]" if thing.fields else ""
            detail = f": {clean(thing.detail)}" if thing.detail else ""
            text = f"  * {label(thing.id)}{keys}: not in the spec{detail}"
            lines.append(self.paint(text, "cyan"))
        lines += [f"  > {clean(line)}" for line in forecast.lines(foreseen)]
        lines.append(self.paint(summary(plan), "bold"))
        return "\n".join(lines)

    def _unread(self, unread: Iterable[UnknownState]) -> list[str]:
        return [self.paint(f"  ? {x}", "yellow") for x in self._by_reason(unread, "unknown")]

    def _by_reason(self, items: Iterable[Deferred | UnknownState], word: str) -> list[str]:
        """A phrase each; what is so on one host for one reason is one phrase when it is much."""
        groups: dict[tuple[str, str], list[Id]] = {}
        for found in items:
            groups.setdefault((found.id.host, found.reason), []).append(found.id)
        texts = []
        for (host, reason), ids in groups.items():
            crowd = len(ids) > MANY and not self.verbose
            where = f"on {clean(host)}" if host else "of the cluster"
            names = [f"{len(ids)} things {where} (-v lists them)"] if crowd else map(label, ids)
            texts += [f"{name}: {word}: {clean(reason)}" for name in names]
        return texts

    def change(self, change: Change) -> list[str]:
        sign, colour = SIGNS[change.action]
        effect = f"  [{change.effect}]" if change.effect not in ("none", "restart") else ""
        reason = f"  {clean(change.reason)}" if change.reason else ""
        head = f"  {sign} {change.action} {label(change.id)}{effect}"
        lines = [self.paint(head, colour) + self.paint(reason, "dim")]
        if change.action in ("update", "restart", "create"):
            lines += self._fields(change)
        return lines

    def _fields(self, change: Change) -> list[str]:
        before, after = change.before or {}, change.after or {}
        names = [n for n in dict.fromkeys([*before, *after]) if n != "running_digest"]
        if change.action == "create" and not self.verbose:
            return []
        lines = []
        for name in names if self.verbose else names[:MANY]:
            if "\n" in f"{before.get(name)}{after.get(name)}":
                lines += self._lines(str(before.get(name, "")), str(after.get(name, "")))
                continue
            if change.before is not None:
                text = f"      - {clean(name)} = {shown(before.get(name))}"
                lines.append(self.paint(text, "red"))
            lines.append(self.paint(f"      + {clean(name)} = {shown(after.get(name))}", "green"))
        if len(names) > MANY and not self.verbose:
            lines.append(self.paint(f"      … {len(names) - MANY} more (-v shows all)", "dim"))
        return lines

    def _lines(self, before: str, after: str) -> list[str]:
        """What differs in a text of several lines, by line."""
        colours = {"-": "red", "+": "green"}
        return [
            self.paint(f"      {line[0]} {clean(line[2:])}", colours[line[0]])
            for line in difflib.ndiff(before.splitlines(), after.splitlines())
            if line[0] in colours
        ]

    # -- while it runs

    def event(self, event: Event) -> str:
        """One line of progress, or nothing."""
        where = f"{clean(event.host)}: " if event.host else ""
        match event.kind:
            case "wave":
                done = clean(words(event))
                return f"  {self.paint('✓', 'green')} {where}{done} ({event.seconds:.1f} s)"
            case "done" if event.change:
                done = f"{event.change.action} {label(event.change.id)}"
                return f"  {self.paint('✓', 'green')} {done} ({event.seconds:.1f} s)"
            case "failed":
                name = f"{event.change.action} {label(event.change.id)}: " if event.change else ""
                return self.paint(f"  ✗ {name}{block(event.message)}", "red")
            case "waiting":
                return self.paint(f"  … {where}{clean(words(event))}", "dim")
            case "note":
                return "\n".join(f"  {where}{clean(line)}" for line in words(event).split("\n"))
        return ""

    # -- results

    def checks(self, report: Report) -> list[str]:
        marks = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}
        lines = []
        for check in report.checks:
            mark, colour = marks[check.ok]
            lines.append(f"  {self.paint(mark, colour)} {check.name}: {clean(check.detail)}")
        return lines

    def warning(self, notice: Notice) -> str:
        return self.paint("warning", "yellow") + f": {clean(str(notice))}"

    def problem(self, problem: Problem) -> str:
        return self.paint("error", "red") + f": {_problem(problem)}"


def _problem(problem: Problem) -> str:
    """The error in lines of its own: message, excerpt and hint each clean."""
    plain = replace(problem, message=block(problem.message), hint=block(problem.hint), excerpt="")
    head, excerpt = str(replace(plain, hint="")), problem.excerpt.split("\n")
    lines = [head, *(clean(line) for line in excerpt if line)]
    return "\n".join([*lines, f"  {plain.hint}"] if plain.hint else lines)


def crowds(changes: Iterable[Change]) -> dict[tuple[str, str, str], int]:
    """(host, kind, action) of which there are more than a person wants to read, and how many."""
    counts: dict[tuple[str, str, str], int] = {}
    for change in changes:
        if change.action == "create":
            key = (change.id.host, change.id.kind, change.action)
            counts[key] = counts.get(key, 0) + 1
    return {key: count for key, count in counts.items() if count >= CROWD}


def label(id: Id) -> str:
    where = f" on {clean(id.host)}" if id.host else ""
    return f"{id.kind} {clean(id.name)}{where}"


def shown(value: Any) -> str:
    if isinstance(value, dict) and value.get("secret"):
        return "(secret)"
    if isinstance(value, Pending):
        return f"(known later: {value.what})"
    if value is None:
        return "(not set)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(shown(part) for part in value)}]"
    return clean(str(value))


def summary(plan: Plan) -> str:
    """'3 to create, 1 to restart, 0 to delete; 2 deferred, 1 refused; 1 partition offline …'."""
    if plan.in_sync:
        extra = f"; {len(plan.unmanaged)} not in the spec" if plan.unmanaged else ""
        return "in sync: nothing to change" + extra
    verbs: dict[str, int] = {}
    for change in plan.changes:
        verbs[change.action] = verbs.get(change.action, 0) + 1
    counted = [
        f"{verbs.get(v, 0)} to {v}"
        for v in ("create", "update", "start", "restart", "stop")
        if verbs.get(v) or v in ("create", "restart")
    ]
    text = ", ".join([*counted, f"{verbs.get('delete', 0)} to delete"])
    rest = [
        f"{len(items)} {word}"
        for items, word in (
            (plan.deferred, "deferred"),
            (plan.refused, "refused"),
            (plan.unread, "unknown"),
            (plan.unmanaged, "not in the spec"),
        )
        if items
    ]
    text += "; " + ", ".join(rest) if rest else ""
    lost = [change.id.name for change in plan.changes if change.effect == "loss"]
    if lost:
        more = f" and {len(lost) - MANY} more" if len(lost) > MANY else ""
        text += f"; {len(lost)} destroy data: {clean(', '.join(lost[:MANY]))}{more}"
    offline = sorted({name for change in plan.changes for name in change.offline})
    if offline:
        plural = "partition" if len(offline) == 1 else "partitions"
        text += f"; {len(offline)} {plural} offline meanwhile: {', '.join(offline)}"
    return text


def table(rows: Iterable[Iterable[object]]) -> str:
    """Columns aligned by their longest cell."""
    cells = [[str(cell) for cell in row] for row in rows]
    if not cells:
        return ""
    widths = [
        max(len(row[i]) for row in cells if i < len(row)) for i in range(max(map(len, cells)))
    ]
    return "\n".join(
        "  ".join(cell.ljust(widths[i]) for i, cell in enumerate(row)).rstrip() for row in cells
    )
