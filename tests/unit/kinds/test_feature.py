"""What is said of features, and what of Kafka's tables it stands on."""

from __future__ import annotations

import pytest

from provisioner.kinds.registry import KINDS
from provisioner.notices import few
from provisioner.report.formats.json import text as json_text
from provisioner.site.status import features as of_status
from provisioner.spec import features, properties
from tests.unit.plan.model_cluster import ModelCluster

OLD = {"metadata.version": 21, "group.version": 0, "share.version": 0, "streams.version": 0}


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        (21, 29, "3.9"),  # 23 changed the format: from 29 it goes back to 23, which 4.0 takes
        (25, 29, ""),
        (29, 30, "4.2"),
        (25, 30, "4.2"),
        (17, 21, ""),
        (16, 21, ""),
        (14, 21, "3.6"),
    ],
)
def test_which_release_is_lost(before: int, after: int, lost: str) -> None:
    assert features.lost_by(before, after) == lost


def test_levels_and_their_names() -> None:
    assert features.level("metadata.version", "4.2-IV1") == 29
    assert features.level("metadata.version", "29") == 29
    assert features.level("group.version", "4.2-IV1") is None
    assert features.shown("metadata.version", 29) == "29 (4.2-IV1)"
    assert features.shown("group.version", 1) == "1"


def test_every_table_agrees_on_what_a_level_is_called() -> None:
    found: dict[str, int] = {}
    for version in properties.versions():
        for name, level in features.features(version)["metadata.version"].names.items():
            assert found.setdefault(name, level) == level


def told(model: ModelCluster) -> list[str]:
    view = model.view()
    assert view is not None
    found = [rule for kind in KINDS.values() for rule in kind.warnings(view, model.spec)]
    return [notice.message for notice in few(found, lambda notice: notice)]


def test_what_could_be_finalised_is_said_where_the_spec_names_none() -> None:
    model = ModelCluster.made("kraft")
    assert told(model) == []
    model.finalize({"metadata.version": 29, "group.version": 0})
    (said,) = told(model)
    assert said == (
        "features could be raised, which every broker supports: metadata.version from 29 (4.2-IV1) "
        "to 30 (4.3-IV0), group.version to 1. Name them below features, or "
        "write features: latest; after this you cannot go back to 4.2"
    )


def test_nothing_is_said_while_a_broker_is_older() -> None:
    model = ModelCluster.made("kraft")
    model.runs_version("4.2.0", "broker-1")
    model.finalize({"metadata.version": 29})
    assert told(model) == []


def test_clients_are_said_to_be_a_matter_of_an_upgrade_to_4() -> None:
    model = ModelCluster.made("kraft")
    model.runs_version("3.9.2")
    model.finalize({**OLD, "transaction.version": 0, "eligible.leader.replicas.version": 0})
    (said,) = told(model)
    assert "clients older than 2.1" in said


def test_status_has_levels_as_numbers() -> None:
    model = ModelCluster.made("three")
    model.finalize({"metadata.version": 29, "group.version": 0})
    model.runs_version("4.2.0", "broker-1")
    view = model.view()
    assert view is not None
    found = {each["name"]: each for each in of_status(view)}
    assert found["metadata.version"] == {
        "name": "metadata.version",
        "finalized": 29,
        "supported": [7, 29],
    }
    assert found["group.version"]["finalized"] == 0
    assert found["group.version"]["supported"] == [0, 1]
    assert "4.2-IV1" not in json_text(found)
