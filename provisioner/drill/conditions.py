"""Whether a drill may begin."""

from __future__ import annotations

from provisioner.drill.exercise import READING
from provisioner.errors import fail
from provisioner.kafka.port import KafkaRefused, KafkaUnavailable, Record, TopicView
from provisioner.plan.model import Id, Present
from provisioner.site.planning import Planned
from provisioner.site.site import Site
from provisioner.spec.types import Node, Spec


def chosen(spec: Spec, name: str) -> Node:
    """The broker of that name. Raises ``usage``, and ``refused`` for a cluster of one."""
    brokers = ", ".join(node.name for node in spec.brokers)
    found = next((node for node in spec.nodes if node.name == name), None)
    if found is None:
        raise fail("usage", f"there is no node {name}", f"the brokers are {brokers}")
    if not found.is_broker:
        raise fail("usage", f"{name} is not a broker", f"the brokers are {brokers}")
    if len(spec.brokers) < 2:
        hint = "a drill needs two brokers or more"
        raise fail("refused", f"{name} is the only broker: without it there is no cluster", hint)
    return found


def otherwise(planned: Planned, service: Id) -> str:
    """Why the process would not start again as it runs now; empty when it would. It starts from
    the files on the host, so a difference from the spec alone does not matter."""
    mine = {service, *planned.wanted[service].inputs}
    troubles = [(item.id, item.reason) for item in planned.plan.unread]
    troubles += [(item.id, item.reason) for item in planned.plan.refused]
    for id, reason in troubles:
        if id in mine:
            return f"might not start again: {id}: {reason}"
    seen = planned.seen.things.get(service)
    if not isinstance(seen, Present):
        return "could not be observed"
    if seen.fields["running_digest"] != seen.fields["files_digest"]:
        return "would start with another configuration than it runs with"
    return ""


def before(site: Site, planned: Planned, topic: str | None) -> list[Record]:
    """The records of an existing topic. Raises ``usage`` and ``refused`` for an unsuitable one."""
    if topic is None:
        return []
    view = planned.seen.view
    known = view.topics if view else ()
    found = next((each for each in known if each.name == topic), None)
    if found is None:
        names = ", ".join(each.name for each in known if not _internal(each))
        raise fail("usage", f"there is no topic {topic}", f"the topics are {names}")
    if _internal(found):
        raise fail("refused", f"{topic} is one of Kafka's internal topics: choose another")
    if "compact" in found.config.get("cleanup.policy", ""):
        raise fail("refused", f"{topic} is compacted: Kafka would remove records by design")
    try:
        return site.cluster().consume(topic, seconds=READING)
    except (KafkaRefused, KafkaUnavailable) as error:
        hint = "leave out --topic to use a temporary topic"
        raise fail("refused", f"{topic} could not be read before: {error}", hint) from error


def _internal(topic: TopicView) -> bool:
    return topic.internal or topic.name.startswith("__")
