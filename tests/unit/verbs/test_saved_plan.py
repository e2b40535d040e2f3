"""What of a saved plan must still hold when it is applied."""

from __future__ import annotations

from dataclasses import replace

from provisioner.kinds.layout import Distribution
from provisioner.plan.model import Plan
from provisioner.verbs.shared.saved_plan import digest
from tests.unit.plan.model_cluster import ModelCluster, spec_of


def test_it_holds_whether_or_not_this_machine_has_the_class_data_archive() -> None:
    """It is made by ``fetch`` or by another cluster's ``apply``, after the plan was saved."""
    model = ModelCluster(spec_of("lab"))
    named, made = plan_with_archive(model, made=False), plan_with_archive(model, made=True)
    assert len(made.changes) == len(named.changes) + 1
    assert digest(made, model.spec) == digest(named, model.spec)


def plan_with_archive(model: ModelCluster, *, made: bool) -> Plan:
    for host, places in model.site.places.items():
        folder = f"{places.home}/.provision/dist/cds-1"
        archive = Distribution("cds-bytes", folder, "", "3.9.1", made)
        model.site.places[host] = replace(places, archive=archive)
    return model.plan()


def test_it_does_not_hold_for_anything_else_that_came_up() -> None:
    model = ModelCluster.made("lab")
    before = digest(model.plan(), model.spec)
    model.topic_config("purchases", {"retention.ms": "1"})
    assert digest(model.plan(), model.spec) != before
