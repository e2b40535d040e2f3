"""What Kafka tells of quotas, and what is said of those that the spec does not name."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.kafka.port import ClusterView
from provisioner.kinds.quota import KIND
from provisioner.kinds.quota.requests import DescribeQuotas, Entity, named
from provisioner.kinds.registry import asks
from provisioner.plan.model import Unknown
from tests.unit.plan.model_cluster import ModelCluster, spec_of

NAMES = st.none() | st.text("<>=,%2C default", min_size=1, max_size=6)
ENTITIES = st.one_of(
    st.tuples(st.tuples(st.just("user"), NAMES)),
    st.tuples(st.tuples(st.just("client-id"), NAMES)),
    st.tuples(st.tuples(st.just("user"), NAMES), st.tuples(st.just("client-id"), NAMES)),
)


def answer(*parts: tuple[str, str | None], **values: float) -> Any:
    entity = [SimpleNamespace(entity_type=kind, entity_name=name) for kind, name in parts]
    rates = [SimpleNamespace(key=key, value=value) for key, value in values.items()]
    return SimpleNamespace(entries=[SimpleNamespace(entity=entity, values=rates)])


def test_the_order_of_the_parts_is_of_no_account() -> None:
    for parts in permutations([("user", "alice"), ("client-id", None)]):
        told = DescribeQuotas().read(answer(*parts, producer_byte_rate=1048576.0))
        assert told == {(("user", "alice"), ("client-id", None)): {"producer_byte_rate": 1048576}}


def test_whole_numbers_are_told_as_such() -> None:
    told = DescribeQuotas().read(answer(("user", None), a=3.0, b=12.5))
    assert repr(told) == "{(('user', None),): {'a': 3, 'b': 12.5}}"


def test_no_quotas_and_those_of_addresses_are_none() -> None:
    assert DescribeQuotas().read(SimpleNamespace(entries=None)) == {}
    assert DescribeQuotas().read(answer(("ip", None), connection_creation_rate=1.0)) == {}


@given(ENTITIES, ENTITIES)
def test_two_entities_never_have_one_name(one: Entity, other: Entity) -> None:
    assert (named(one) == named(other)) is (one == other)


def test_what_is_asked_where_nobody_speaks_of_quotas() -> None:
    assert DescribeQuotas() not in asks(spec_of("kraft"))
    assert DescribeQuotas() in asks(spec_of("lab"))
    assert asks(spec_of("lab"), ["topic"]) == ()
    assert DescribeQuotas() in asks(replace(spec_of("kraft"), quotas=()))


@pytest.mark.parametrize(
    ("errors", "why"),
    [
        ({"quotas": "CLUSTER_AUTHORIZATION_FAILED"}, "CLUSTER_AUTHORIZATION_FAILED"),
        ({}, "Kafka did not tell its quotas"),
    ],
)
def test_what_was_refused_is_unknown_and_not_absent(errors: dict[str, str], why: str) -> None:
    spec = spec_of("lab")
    found = KIND.read(ClusterView("id", 1, (), (), errors=errors), spec)
    assert found == dict.fromkeys(KIND.of_cluster(spec), Unknown(why))


@pytest.mark.parametrize(
    ("policy", "changes", "unmanaged"),
    [
        ("report", [], {"user=alice": ("request_percentage",), "user=bob": ()}),
        ("ignore", [], {}),
        ("delete", ["user=alice"], {"user=bob": ()}),
    ],
)
def test_what_the_spec_does_not_name(
    policy: str, changes: list[str], unmanaged: dict[str, tuple[str, ...]]
) -> None:
    """A quota of somebody else is never taken away."""
    spec = spec_of("lab")
    model = ModelCluster(replace(spec, policy=replace(spec.policy, unmanaged_config=policy)))
    model.apply()
    model.quota({"user": "alice"}, {"request_percentage": 5})
    model.quota({"user": "bob"}, {"request_percentage": 5})
    plan = model.plan()
    assert [change.id.name for change in plan.changes] == changes
    assert {item.id.name: item.fields for item in plan.unmanaged} == unmanaged
    model.apply()
    assert dict(model.quotas[(("user", "bob"),)]) == {"request_percentage": 5}
    assert ("request_percentage" in model.quotas[(("user", "alice"),)]) is (policy != "delete")
    assert not model.plan().changes
