"""What the limit should be: on the brokers and topics that take part, as long as replicas move, or
a broker is filled again that came back without its data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from provisioner.kinds.ids import service_id, storage_id, throttle_id
from provisioner.kinds.refilling import begins, continues
from provisioner.kinds.throttled import BROKER, TOPIC, Late
from provisioner.plan.model import Gone, Id, Observed, Present, State, Unknown
from provisioner.plan.order import FOR_ANY, ONLY_FOR
from provisioner.spec.types import Node, Spec

TARGETS = "targets"
"""Where the partitions go for which it was set: in the journal ``to TOPIC PARTITION`` → brokers."""
REFILLS = "refills"
"""The brokers that are filled again, by name."""


@dataclass(frozen=True)
class _Copied:
    """A partition of which the brokers ``to`` get replicas from ``sources``."""

    topic: str
    partition: str
    sources: tuple[int, ...]
    to: tuple[int, ...]


def resolve(
    spec: Spec, mine: Mapping[Id, State], every: Mapping[Id, State], observed: Observed
) -> Mapping[Id, State]:
    """As long as something moves or is filled it is wanted, of the brokers and topics that take
    part."""
    moving = tuple(id for id, state in every.items() if _moves(id, state, observed))
    new, known = begins(spec, observed), continues(spec, observed)
    if not moving and not new and not known:
        return {throttle_id(): Gone()}
    others = {id.name for id in observed if id.kind == "throttle" and id != throttle_id()}
    moved, filled = list(_moved({id: every[id] for id in moving}, observed)), {**known, **new}
    copied = [*moved, *_filled(filled)]
    fields = _lists(copied)
    fields |= _as_set(fields, {each.topic for each in moved}, observed)
    alive = _alive(observed) - new.keys()
    fields |= dict.fromkeys(_rates(alive, copied), spec.policy.move.rate)
    fields = {name: value for name, value in fields.items() if name not in others}
    more: dict[str, Any] = {ONLY_FOR: moving, TARGETS: _to_come(every, observed)}
    if known:
        more[ONLY_FOR] = ()
    elif new:
        more[FOR_ANY] = tuple(_start_of(node) for node in spec.brokers if node.id in new)
    more[REFILLS] = tuple(node.name for node in spec.brokers if node.id in filled)
    return {throttle_id(): State(fields, args=more)}


def _start_of(node: Node) -> tuple[Id, ...]:
    """Its process, and what that is started from."""
    dirs = (storage_id(node.host, each.path) for each in node.log_dirs)
    return (service_id(node), *dirs)


def _to_come(every: Mapping[Id, State], observed: Observed) -> dict[str, list[int]]:
    """Where all that is to move goes, as the journal has it."""
    return {
        f"to {id.name} {name}": list(to)
        for id, state in every.items()
        if id.kind == "placement" and isinstance(seen := observed.get(id), Present)
        for name, to in state.fields.items()
        if name in seen.fields and to != seen.fields[name]
    }


def _moves(id: Id, state: State, observed: Observed) -> bool:
    """Whether replicas of a topic are copied, now or later. Where Kafka puts new partitions of one
    that has its own placement is not known before."""
    seen = observed.get(id)
    if id.kind != "placement" or not isinstance(seen, Present):
        return False
    if any(isinstance(observed.get(input), Unknown) for input in state.inputs):
        return False
    if state.args.get("grows") and state.args.get("placement"):
        return True
    lost = state.args.get("lost", ())  # nothing is copied of what has no copy
    return any(
        set(to) - set(seen.fields.get(n, ()))
        for n, to in state.fields.items()
        if n != "replicas" and n not in lost
    )


def _alive(observed: Observed) -> set[int]:
    return {
        int(id.name)
        for id, seen in observed.items()
        if id.kind == "broker" and isinstance(seen, Present) and not seen.fields["fenced"]
    }


def _moved(every: Mapping[Id, State], observed: Observed) -> Iterator[_Copied]:
    """What is moved in this round."""
    for id, state in every.items():
        seen = observed.get(id)
        if id.kind != "placement" or not isinstance(seen, Present):
            continue
        now = set(state.args.get("now", ())) - set(state.args.get("lost", ()))
        for name in sorted(now, key=int):
            was = seen.fields.get(name)
            new = tuple(b for b in state.fields[name] if b not in was) if was is not None else ()
            if new:
                yield _Copied(id.name, name, tuple(was or ()), new)


def _filled(refills: Mapping[int, Sequence[Late]]) -> Iterator[_Copied]:
    for broker, late in refills.items():
        for each in late:
            yield _Copied(each.topic, str(each.partition), each.others, (broker,))


def _lists(copied: Iterable[_Copied]) -> dict[str, Any]:
    """Each replica once, in the order of the partitions."""
    by_topic: dict[str, tuple[dict[str, None], dict[str, None]]] = defaultdict(lambda: ({}, {}))
    for each in sorted(copied, key=lambda each: (each.topic, int(each.partition))):
        leaders, followers = by_topic[each.topic]
        leaders |= dict.fromkeys(f"{each.partition}:{id}" for id in each.sources)
        followers |= dict.fromkeys(f"{each.partition}:{id}" for id in each.to)
    return {
        f"{TOPIC}{name}": (",".join(leaders), ",".join(followers))
        for name, (leaders, followers) in by_topic.items()
    }


def _as_set(fields: Mapping[str, Any], moved: Iterable[str], observed: Observed) -> dict[str, Any]:
    """Lists that already have all that is still to be filled stay as they are: what has arrived is
    not taken out of them one by one."""
    seen = observed.get(throttle_id())
    known = seen.fields if isinstance(seen, Present) else {}
    exact = {f"{TOPIC}{name}" for name in moved}
    return {
        name: known[name]
        for name, wanted in fields.items()
        if name not in exact and name in known and all(map(_within, wanted, known[name]))
    }


def _within(some: str, all_: str) -> bool:
    return set(some.split(",")) <= set(all_.split(","))


def _rates(alive: set[int], copied: Iterable[_Copied]) -> list[str]:
    part = set(chain.from_iterable((*each.sources, *each.to) for each in copied))
    return [f"{BROKER}{id}" for id in sorted(alive & part)]
