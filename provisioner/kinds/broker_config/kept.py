"""The dynamic configuration of a Kafka that somebody else runs (``bootstrap``).

Nothing is known of the files of its brokers: what the spec has is what Kafka keeps, layer by layer,
and no layer is judged by another. A secret is compared by being set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioner.kafka.port import ClusterView, ConfigEntry
from provisioner.kinds.broker_config.names import BROKER, CLUSTER, THROTTLES, own
from provisioner.kinds.ids import config_id
from provisioner.kinds.kind import Difference
from provisioner.kinds.live import WIDE_ONLY, in_steps, later_steps, next_step, plain, same
from provisioner.plan.diff import change
from provisioner.plan.model import (
    Absent,
    Change,
    Deferred,
    Id,
    Observation,
    Present,
    Refused,
    State,
    Unknown,
)
from provisioner.spec.types import Spec

KEPT = "kept"
"""Marks these states among those of brokers on hosts."""
NO_SECRET = "secret values cannot be set yet: set them with Kafka's own tool"


def of_cluster(spec: Spec) -> Mapping[Id, State]:
    """Nothing where the spec does not speak of it."""
    closed = spec.policy.unmanaged_config == "delete"
    wanted = spec.broker_config
    return {
        config_id(name): State(
            {key: plain(value) for key, value in given.config.items()},
            args={KEPT: True, "closed": closed, "secrets": given.secrets},
        )
        for name, given in (wanted or {}).items()
    }


def read(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    """Of all registered brokers; nothing where the spec does not speak of it."""
    if spec.broker_config is None:
        return {}
    seen: dict[Id, Observation] = {
        config_id(name): Absent() for name in spec.broker_config if name != CLUSTER
    }
    for broker in view.brokers:
        name = f"{BROKER}{broker.id}"
        configs = view.broker_configs.get(broker.id)
        if configs is None:
            seen[config_id(name)] = Unknown(view.errors.get(name, "the broker does not answer"))
        else:
            seen[config_id(name)] = _of_broker(configs)
    if "cluster-config" in view.errors:
        seen[config_id(CLUSTER)] = Unknown(view.errors["cluster-config"])
    else:
        values = {k: v for k, v in view.cluster_config.items() if k not in THROTTLES}
        seen[config_id(CLUSTER)] = _present(values, {k for k, v in values.items() if v is None}, {})
    return seen


def _of_broker(configs: Mapping[str, ConfigEntry]) -> Present:
    values = own(configs)
    secrets = {key for key in values if configs[key].sensitive}
    running = {key: entry.value for key, entry in configs.items() if in_steps(key)}
    return _present(values, secrets, running)


def _present(
    values: Mapping[str, str | None], secrets: set[str], running: Mapping[str, str | None]
) -> Present:
    fields = {key: plain(value) for key, value in values.items() if key not in secrets}
    volatile = {"secrets": tuple(sorted(secrets)), "running": running}
    return Present(fields, volatile=volatile)


def judge(id: Id, state: State, seen: Observation, fields: Sequence[str]) -> Difference:
    """A broker that is not registered has none to set. Thread counts go in steps."""
    if not isinstance(seen, Present):
        return Refused(id, "no such broker is registered") if state.fields else None
    secrets: tuple[str, ...] = seen.volatile["secrets"]
    known = {*state.fields, *state.args["secrets"]}
    missing = [key for key in state.args["secrets"] if key not in secrets]
    gone: list[str] = []
    if state.args["closed"]:
        gone = [key for key in sorted({*seen.fields, *secrets} - known) if key != WIDE_ONLY]
    found: list[Change | Deferred | Refused] = []
    if missing:
        found.append(Refused(id, f"{', '.join(missing)} is not set; {NO_SECRET}"))
    if names := [*fields, *gone]:
        found += _steps(id, state, seen, names)
    return tuple(found)


def _steps(id: Id, state: State, seen: Present, names: Sequence[str]) -> list[Change | Deferred]:
    """The change that Kafka takes now, and what is foreseen after it."""
    made = change(id, state, seen, names)
    after, later = dict(made.after or {}), []
    for key in names:
        target = state.fields.get(key)
        now = seen.fields.get(key, seen.volatile["running"].get(key))
        if target is None or now is None:
            continue
        after[key] = next_step(key, [now], target)
        if not same(after[key], target):
            steps = ", ".join(later_steps(key, after[key], target))
            why = f"{key} to {steps}: Kafka takes no more than double or half at once"
            later.append(Deferred(id, why, "update"))
    ordered = Change(
        id, "update", made.before, after, made.fields, reason=made.reason, more=bool(later)
    )
    return [ordered, *later]


def extra(id: Id, state: State | None, seen: Present) -> list[str]:
    """The keys that the spec does not have, and that stay. Kafka 4 keeps one cluster-wide of its
    own accord. What the spec does not name at all is never removed."""
    if state is not None and state.args["closed"]:
        return []
    known = {*state.fields, *state.args["secrets"]} if state else set()
    found = {*seen.fields, *seen.volatile["secrets"]} - known
    return sorted(found - ({WIDE_ONLY} if id.name == CLUSTER else set()))
