"""Settings of running brokers that are no difference from the spec, and a worry."""

from __future__ import annotations

from provisioner import topic_rules as rules
from provisioner.errors import Notice
from provisioner.kafka.port import ClusterView
from provisioner.kinds.broker_config.leaving import cordons
from provisioner.notices import Findings
from provisioner.spec.types import Spec


def warnings(view: ClusterView, spec: Spec) -> list[Findings[Notice]]:
    return [*_unclean(view, spec), *_cordons(view, spec)]


def _cordons(view: ClusterView, spec: Spec) -> list[Findings[Notice]]:
    """Brokers that the spec cordons, where Kafka cannot."""
    names = [node.name for node in spec.brokers if node.cordon]
    if not names or cordons(view):
        return []
    told = (
        f"Kafka gives {', '.join(names)} new replicas all the same: it has a cordon only from "
        "metadata.version 4.3-IV0 on. What provision creates, grows or moves is placed elsewhere"
    )
    return [Findings("about cordons", [Notice(told)])]


def _unclean(view: ClusterView, spec: Spec) -> list[Findings[Notice]]:
    """Unclean leader election for every topic, where the spec does not itself ask for it."""
    asked = {node.id for node in spec.brokers if node.config.get(rules.UNCLEAN_KEY) == "true"}
    found = []
    for id, config in sorted(view.broker_configs.items()):
        entry = config.get(rules.UNCLEAN_KEY)
        if id not in asked and entry is not None and entry.value == "true":
            found.append(f"broker-{id}")
    if not found:
        return []
    whose = f"every topic without a value of its own that {', '.join(found)} leads"
    return [Findings(rules.UNCLEAN, [Notice(rules.unclean(whose))])]
