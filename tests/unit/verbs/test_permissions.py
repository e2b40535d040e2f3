"""``--allow`` that permits nothing is a warning; one that does is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from provisioner.verbs.shared.permissions import of_gates, warn_of_paths, warn_unused
from provisioner.verbs.shared.permitted import ALLOW
from tests.unit.plan.model_cluster import ModelCluster


def said(model: ModelCluster, *words: str) -> list[str]:
    """The warnings of a plan with these permissions."""
    options, heard = model.site.options, list[str]()
    options.allow = dict.fromkeys(words, frozenset())
    options.warn = heard.append
    warn_unused(model.site, model.planned())
    return heard


def lost_disk() -> ModelCluster:
    model = ModelCluster.made("three")
    model.kill("broker-2")
    model.wipe("h2:logs-2")
    return model


def lost_controller() -> ModelCluster:
    model = ModelCluster.made("kraft")
    model.kill("broker-1")
    model.wipe("logs-1")
    return model


def offline(policy: str) -> ModelCluster:
    """A broker is to be bounced that has the only replica of a partition."""
    model = ModelCluster.made("lab")
    spec = replace(model.spec, policy=replace(model.spec.policy, offline_partitions=policy))
    model.spec = model.site.spec = spec
    model.topic("alone", 3, 1, {})
    model.edit("config/server-1.properties", {"num.network.threads": "9"})
    model.bounce("broker-1")
    return model


@pytest.mark.parametrize("name", ALLOW)
def test_on_a_cluster_in_sync_nothing_is_permitted(name: str) -> None:
    assert said(ModelCluster.made("kraft"), name) == [
        f"--allow {name} permits nothing in this plan"
    ]


@pytest.mark.parametrize(
    ("model", "words", "useless"),
    [
        (lost_disk, ["data-loss"], []),
        (lost_disk, ["data-loss", "format-controller"], ["format-controller"]),
        (lost_controller, ["data-loss", "format-controller"], []),
        (lambda: offline("refuse"), ["offline"], []),
        (lambda: offline("allow"), ["offline"], ["offline"]),
    ],
)
def test_what_permits_something_is_no_warning(
    model: Callable[[], ModelCluster], words: list[str], useless: list[str]
) -> None:
    assert said(model(), *words) == [f"--allow {w} permits nothing in this plan" for w in useless]


def test_the_value_is_named() -> None:
    model, heard = ModelCluster.made("lab"), list[str]()
    model.site.options.warn = heard.append
    model.site.options.allow = {"delete-topic": frozenset({"old", "new"})}
    warn_unused(model.site, model.planned())
    assert heard == ["--allow delete-topic=new,old permits nothing in this plan"]


@pytest.mark.parametrize(("policy", "words"), [("allow", ()), ("refuse", ("offline",))])
def test_what_gates_ask_for(policy: str, words: tuple[str, ...]) -> None:
    assert tuple(of_gates(offline(policy).site)) == words


def test_destroy_names_folders_that_are_none_of_the_cluster() -> None:
    model, heard = ModelCluster.made("lab"), list[str]()
    model.site.options.warn = heard.append
    paths = frozenset({"/srv/kafka/logs-1", "/srv/kafka/logs-9"})
    model.site.options.allow = {"wipe-log-dir": paths, "data-loss": frozenset()}
    warn_of_paths(model.site)
    assert heard == [
        "--allow wipe-log-dir=/srv/kafka/logs-9 permits nothing: "
        "no node of the spec has that folder",
        "--allow data-loss permits nothing: destroy asks only for wipe-log-dir",
    ]
