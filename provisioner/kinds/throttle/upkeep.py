"""What becomes of the limit while replicas move: set again where somebody took it away (Kafka's own
``--verify`` does), and raised where more is written than it lets through."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.reassignments import ListReassignments, Moving
from provisioner.kinds.ids import throttle_id
from provisioner.kinds.throttled import BROKER, TOPIC, being_filled
from provisioner.plan.model import Change, Id, Observed, Present, State, Unknown

FACTOR = 1.5
"""The rate is at least so many times what is written: replicas that only keep up never arrive."""
MEASURED = 5.0
"""Seconds over which the growth of partitions is measured, at least."""
STEP = 100_000
"""Bytes per second to which a raised rate is rounded up."""


def upkeep(
    id: Id, state: State, seen: Observed, view: ClusterView, first: ClusterView, seconds: float
) -> Change | None:
    """What has to be set now. ``first``: what was seen so many ``seconds`` ago, with sizes."""
    if isinstance(seen.get(throttle_id(), Unknown("")), Unknown):
        return None
    raised, why = _raised(state, view, first, seconds)
    again = _taken_away(state, seen, view)
    after = {**{name: state.fields[name] for name in again}, **raised}
    if not after:
        return None
    taken = f"somebody removed the replication throttle of {', '.join(again)}: set again"
    reason = "; ".join([*([taken] if again else []), *([why] if raised else [])])
    return Change(id, "update", None, after, tuple(sorted(after)), reason=reason)


def _taken_away(state: State, seen: Observed, view: ClusterView) -> list[str]:
    """Of brokers that are up and topics that are there, without what somebody else has set."""
    mine = seen[throttle_id()]
    have = mine.fields if isinstance(mine, Present) else {}
    others = {id.name for id in seen if id.kind == "throttle" and id != throttle_id()}
    can = {f"{BROKER}{id}" for id in view.broker_configs}
    can |= {f"{TOPIC}{t.name}" for t in view.topics if f"topic-{t.name}" not in view.errors}
    return [n for n in sorted(state.fields) if n in can and n not in have and n not in others]


def _raised(
    state: State, view: ClusterView, first: ClusterView, seconds: float
) -> tuple[Mapping[str, int], str]:
    """The new rates, and why; nothing where those that are set suffice."""
    rates = {n: r for n, r in state.fields.items() if n.startswith(BROKER) and isinstance(r, int)}
    if seconds < MEASURED or not rates:
        return {}, ""
    written, now = inflow(view, first, seconds), min(rates.values())
    needed = math.ceil(FACTOR * written / STEP) * STEP
    if needed <= now:
        return {}, ""
    up = {name for name in rates if int(name.removeprefix(BROKER)) in view.broker_configs}
    why = (
        f"the rate of {_mb(now)} is below {FACTOR} × the {_mb(written)} that are written to what "
        f"moves: raised to {_mb(needed)}"
    )
    return dict.fromkeys(sorted(up), needed), why


def inflow(view: ClusterView, first: ClusterView, seconds: float) -> float:
    """Bytes per second that are written to moving partitions, of the broker that takes or sends
    most of them."""
    moving: Mapping[tuple[str, int], Moving] = view.answers.get(ListReassignments()) or {}
    before, after = first.sizes, view.sizes
    leaders = {(t.name, p.id): p.leader for t in view.topics for p in t.partitions}
    found: Counter[int | None] = Counter()
    for place, move in moving.items():
        if place in before and place in after:
            grown = max(after[place] - before[place], 0)
            found.update(dict.fromkeys(move.adding, grown))
            found[leaders.get(place)] += grown * len(move.adding)
    for broker, late in being_filled(view).items():
        for each in late:
            grown = max(after.get(each.place, 0) - before.get(each.place, 0), 0)
            found[broker] += grown
            # Of a partition that is named, what followers in sync fetch counts too.
            found[leaders.get(each.place)] += grown * len(each.others)
    return max(found.values(), default=0) / seconds


def _mb(rate: float) -> str:
    return f"{rate / 1e6:.1f} MB/s"
