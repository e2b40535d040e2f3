"""The id of a cluster: made only where every node could be read and none has one."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.kinds.cluster_id import cluster_id, kept, storages
from provisioner.plan.model import Absent, Id, Observation, Present, Unknown
from tests.unit.plan.model_cluster import FRESH, spec_of

SPEC = spec_of("three")
A, B = "A" * 22, "B" * 22


def seen(**differing: Any) -> dict[Id, Observation]:
    """Nothing on any storage, but what is said: ``h1`` = its broker's log dir."""
    every: dict[Id, Observation] = {
        id: Present({"cluster_id": None}) if id.kind == "storage" else Absent()
        for id in storages(SPEC) + kept(SPEC)
    }
    for host, what in differing.items():
        kind = "file" if host.startswith("kept_") else "storage"
        host = host.removeprefix("kept_")
        id = next(
            i for i in every if (i.host, i.kind) == (host, kind) and "controller" not in i.name
        )
        every[id] = what
    return every


def has(value: str) -> Present:
    return Present({"cluster_id": value})


def test_none_has_one() -> None:
    found = cluster_id(SPEC, seen())
    assert (found.value, found.fresh) == (FRESH, True)


@pytest.mark.parametrize(
    "observed",
    [
        seen(h1=Unknown("no")),
        seen(kept_h1=Unknown("no")),
        {id: what for id, what in seen().items() if id.host != "h3"},
    ],
    ids=["a storage", "a kept file", "a host"],
)
def test_one_that_could_not_be_read_might_have_one(observed: dict[Id, Observation]) -> None:
    found = cluster_id(SPEC, observed)
    assert found.value is None
    assert not found.fresh
    assert "could be read" in found.reason


def test_what_exists_is_used_even_if_not_all_could_be_read() -> None:
    found = cluster_id(SPEC, seen(h1=has(A), h2=Unknown("no")))
    assert (found.value, found.fresh) == (A, False)


def test_the_kept_file_counts_before_anything_is_formatted() -> None:
    found = cluster_id(SPEC, seen(kept_h2=Present({"cluster.id": A})))
    assert (found.value, found.fresh) == (A, False)


def test_two_ids_are_named_with_their_places() -> None:
    found = cluster_id(SPEC, seen(h1=has(A), h2=has(B)))
    assert found.value is None
    assert f"{A} in h1:/srv/kafka/logs-1" in found.reason
    assert f"{B} in h2:/srv/kafka/logs-2" in found.reason


def test_the_specs_id_does_not_overrule_what_exists() -> None:
    from dataclasses import replace

    spec = replace(SPEC, cluster_id=B)
    found = cluster_id(spec, seen(h1=has(A)))
    assert found.value is None
    assert A in found.reason
    assert B in found.reason
    assert cluster_id(spec, seen()).value == B
    assert cluster_id(spec, seen(h1=has(B))).value == B
