"""The forecast of a plan, from the look that it was made from and from the journals."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.kinds.registry import KINDS
from provisioner.plan.forecast import bounces, forecast
from provisioner.plan.model import Copy, Forecast
from provisioner.plan.rules import Seen
from provisioner.site.planning import Planned
from provisioner.site.site import Site
from provisioner.site.verdicts import How, batch, verdict
from provisioner.spec.types import Node, Spec


def foreseen(site: Site, planned: Planned) -> Forecast:
    """The journals are read only where something is bounced."""
    return of_bounces(site, planned, [c.id.name for c in bounces(planned.plan)])


def of_bounces(site: Site, planned: Planned, names: Sequence[str]) -> Forecast:
    """The same of these nodes, bounced in this order."""
    spec, how = site.spec, How(site.options.allow)
    nodes = [spec.node(name) for name in names]
    known = _last_time(site) if nodes else {}
    blocked = [
        (node.name, found.reason)
        for node in nodes
        if not (found := verdict(spec, [node], planned.seen, how)).allowed
    ]
    batches = in_batches(spec, nodes, planned.seen, how)
    policy = spec.policy
    return forecast(
        planned.plan,
        batches,
        known,
        blocked,
        pause=policy.roll.pause,
        copies=copies(planned),
        rate=policy.move.rate,
    )


def copies(planned: Planned) -> list[Copy]:
    """What Kafka copies between brokers, of every kind."""
    return [
        copy
        for id, state in planned.wanted.items()
        if id in planned.seen.things
        for copy in KINDS[id.kind].copies(state, planned.seen.things[id])
    ]


def _last_time(site: Site) -> dict[str, float]:
    # What reads journals is loaded only where somebody needs them.
    from provisioner.site.journals import gather
    from provisioner.site.timings import last_bounces

    return last_bounces(gather(site).entries)


def in_batches(spec: Spec, nodes: Sequence[Node], seen: Seen, how: How) -> list[list[str]]:
    """As they would go if every replica were in sync again before each batch."""
    rolling, left, found = spec.policy.roll, list(nodes), list[list[str]]()
    while left:
        done = sum(map(len, found))
        canary = rolling.canary - done
        most = min(rolling.parallel, canary) if canary > 0 else rolling.parallel
        chosen = batch(spec, left, seen, how, most)
        found.append([node.name for node in chosen])
        left = [node for node in left if node not in chosen]
    return found
