"""What quotas Kafka has, and how one is changed (KIP-546).

An entity is a tuple of (type, name), user before client id, whose name None is the default of that
type; Kafka gives an entity's parts in any order. Rates are numbers; Kafka has them as doubles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from provisioner.kafka.requests.request import ANY, Ask, Message, Part, Request

TYPES = ("user", "client-id")
DEFAULT = "<default>"

Entity = tuple[tuple[str, str | None], ...]
Rates = Mapping[str, float]


def named(entity: Entity) -> str:
    """``user=alice,client-id=<default>``. What would make two entities read alike is encoded."""
    return ",".join(
        f"{kind}={DEFAULT if name is None else _encoded(name)}" for kind, name in entity
    )


def _encoded(name: str) -> str:
    return name.replace("%", "%25").replace(",", "%2C").replace("<", "%3C")


@dataclass(frozen=True)
class AlterQuota(Request):
    """Rates that are not named stay as they are."""

    entity: Entity
    set: Rates = field(default_factory=dict)
    remove: Sequence[str] = ()

    @property
    def to(self) -> Literal["any"]:
        return ANY

    @property
    def what(self) -> str:
        return f"quota {named(self.entity)}"

    @property
    def messages(self) -> tuple[Message, ...]:
        ops: list[dict[str, Any]]
        ops = [{"key": k, "value": float(v), "remove": False} for k, v in self.set.items()]
        ops += [{"key": k, "value": 0.0, "remove": True} for k in self.remove]
        parts = [{"entity_type": kind, "entity_name": name} for kind, name in self.entity]
        fields = {"entries": [{"entity": parts, "ops": ops}], "validate_only": False}
        thing = frozenset((kind, name) for kind, name in self.entity)
        part = Part("entries", thing, _altered)
        return (Message("AlterClientQuotas", fields, lambda answer: answer.entries, part=part),)


def _altered(answer: Any) -> Iterator[tuple[frozenset[tuple[str, str | None]], Any]]:
    for item in answer.entries:
        yield frozenset((part.entity_type, part.entity_name) for part in item.entity), item


@dataclass(frozen=True)
class DescribeQuotas(Ask):
    """All of users and client ids: {entity: {key: rate}}. Those of addresses are none of ours."""

    @property
    def what(self) -> str:
        return "quotas"

    @property
    def message(self) -> Message:
        return Message("DescribeClientQuotas", {"components": [], "strict": False})

    def read(self, answer: Any) -> dict[Entity, dict[str, float]]:
        found = {}
        for entry in answer.entries or ():
            parts = {part.entity_type: part.entity_name for part in entry.entity}
            if parts.keys() <= set(TYPES):
                entity = tuple((kind, parts[kind]) for kind in TYPES if kind in parts)
                found[entity] = {each.key: _number(each.value) for each in entry.values}
        return found


def _number(value: float) -> float:
    """Whole ones as people write them."""
    return int(value) if value.is_integer() else value
