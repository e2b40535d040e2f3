"""What differs between the dynamic configuration and what the spec wants a broker to run with.

A key that Kafka takes live is in sync when its effective value is the wanted one. Else it is set:
cluster-wide where all brokers want the same, thread counts in steps. A dynamic value that hides the
wanted one, which the process has from its file, is deleted (decision 39).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provisioner.kinds.broker_config.layers import Layers, Told
from provisioner.kinds.kind import Difference
from provisioner.kinds.leaving import CORDON
from provisioner.kinds.live import WIDE_ONLY, in_steps, later_steps, next_step, same
from provisioner.plan.model import Change, Deferred, Id, Present, State

OF_BROKER, OF_CLUSTER = "DYNAMIC_BROKER_CONFIG", "DYNAMIC_DEFAULT_BROKER_CONFIG"
"""Kafka's names of the two sources, as its own tools print them."""


@dataclass
class Findings:
    """What is to be set (``None``: deleted), and what later rounds do."""

    seen: Present
    source: str
    after: dict[str, Any] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)

    def take(self, key: str, value: str | None, reason: str) -> None:
        self.after[key] = value
        self.reasons.append(reason)

    def toward(self, key: str, now: Sequence[str | None], target: str, delete: bool) -> None:
        """``target``, or the nearest that Kafka takes now; deleted in the end where what is below
        has it."""
        step = next_step(key, now, target)
        there = same(step, target)
        hidden = self.seen.fields.get(key)
        if hidden is None:
            was = next((value for value in now if not same(value, target)), None)
            what = "is not set" if was is None else f"is {was!r}"
            reason = f"{key} {what}, should be {target!r}: Kafka takes it without a restart"
        elif delete:
            reason = self.dynamic(key, "overrides the properties file")
        else:
            reason = self.dynamic(key, f"is not {target!r}")
        self.take(key, None if there and delete else step, reason)
        if not there:
            steps = ", ".join(later_steps(key, step, target))
            self.later.append(f"{key} to {steps}: Kafka takes no more than double or half at once")

    def dynamic(self, key: str, why: str) -> str:
        return f"the dynamic value {key}={self.seen.fields[key]} {why} (source {self.source})"

    def without_refused(self) -> Findings:
        """Values that the version of the spec does not take go, whatever the policy."""
        for key, why in self.seen.volatile.get("refused", {}).items():
            if key not in self.after:
                self.take(key, None, self.dynamic(key, f"has to go: {why}"))
        return self

    def difference(self, id: Id) -> Difference:
        if not self.after:
            return None
        names = tuple(sorted(self.after))
        before = {key: self.seen.fields.get(key) for key in names}
        after = {key: self.after[key] for key in names}
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        reason = self.reasons[0] + others
        # What an older version took may differ once more when the new one runs.
        more = bool(self.later or self.seen.volatile.get("refused", {}))
        change = Change(id, "update", before, after, names, reason=reason, more=more)
        return (change, *(Deferred(id, reason, "update") for reason in self.later))


def of_broker(id: Id, state: State, seen: Present, fields: Sequence[str]) -> Difference:
    """Its own values: those of keys that it does not have in common with all, and those that hide
    a value."""
    told: Told = seen.volatile["told"]
    wanted: Mapping[str, str] = state.args["wanted"]
    found = Findings(seen, OF_BROKER)
    for key, target in wanted.items():
        layers = told.get(key)
        if layers is None:
            continue
        common = key in state.args["common"] and key not in seen.volatile["mixed"]
        if common or (key == WIDE_ONLY and state.args["stored"]):
            if layers.own is not None and not same(layers.own, target):
                found.toward(key, [layers.own], target, delete=True)
        else:
            _by_itself(found, key, layers, target, key in state.args["common"])
    for key in fields:
        kafkas = key == WIDE_ONLY and state.args["stored"] and key not in state.fields
        if key == CORDON and state.fields.get(key):
            found.take(key, state.fields[key], "the spec says so: Kafka gives it no new replicas")
        elif key not in wanted and not kafkas:
            _extra(found, key, state)
    return found.without_refused().difference(id)


def _by_itself(found: Findings, key: str, layers: Layers, target: str, wide: bool) -> None:
    """A key whose value is this broker's affair. ``wide``: the cluster-wide value stays; one that
    does not suit all brokers goes."""
    below = layers.below if wide else layers.started
    now = layers.own if layers.own is not None else below
    if not same(now, target):
        suits = layers.own is not None and same(below, target)
        found.toward(key, [layers.effective], target, delete=suits)


def _extra(found: Findings, key: str, state: State) -> None:
    """A dynamic value that only a restart could bring about, or that the spec does not have."""
    why = "overrides the properties file" if key in state.fields else "is not in the spec"
    found.take(key, None, found.dynamic(key, why))


def of_cluster(id: Id, state: State, seen: Present, fields: Sequence[str]) -> Difference:
    """The values for all brokers: of the keys that they have in common."""
    brokers: Mapping[int, Told] = seen.volatile["brokers"]
    common: Mapping[str, str] = state.args["common"]
    found = Findings(seen, OF_CLUSTER)
    for key, target in common.items():
        now = seen.fields.get(key)
        if same(now, target):
            continue
        if key == WIDE_ONLY and state.args["stored"]:
            words = "is not set" if now is None else f"is {now!r}"
            found.take(key, target, f"{key} {words} cluster-wide, not {target!r}")
        elif key not in seen.volatile["mixed"]:
            _for_all(found, key, [t[key] for t in brokers.values() if key in t], target)
    for key in fields:
        if key not in common and not (key == WIDE_ONLY and state.args["stored"]):
            _hides(found, key, state, [t[key] for t in brokers.values() if key in t])
    return found.without_refused().difference(id)


def _for_all(found: Findings, key: str, brokers: Sequence[Layers], target: str) -> None:
    needed = any(not same(each.started, target) for each in brokers)
    if needed or found.seen.fields.get(key) is not None:
        now = [each.effective for each in brokers if each.own is None]
        found.toward(key, now, target, delete=not needed)


def _hides(found: Findings, key: str, state: State, brokers: Sequence[Layers]) -> None:
    """A cluster-wide value of a key that not all brokers want alike, or nobody."""
    now = [each.effective for each in brokers if each.own is None]
    targets = {each.started for each in brokers if each.own is None}
    if key in state.fields and in_steps(key) and len(targets) == 1:
        target = next(iter(targets))
        if target is not None:
            return found.toward(key, now, target, delete=True)
    return _extra(found, key, state)
