"""Which processes are started, stopped and restarted by hand, and in which waves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from provisioner.errors import fail
from provisioner.kinds.ids import service_id, storage_id
from provisioner.kinds.service.desired import TIERS
from provisioner.kinds.service.holds import HELD, OF_SPEC
from provisioner.kinds.service.kind import last, not_serving
from provisioner.kinds.service.steps import LED, WIPED
from provisioner.plan.model import Change, Id, Present, Refused, Run, Wave
from provisioner.plan.order import MAY_STOP
from provisioner.run.session import Session
from provisioner.run.steps import shell_step
from provisioner.site.planning import Planned
from provisioner.site.site import Site
from provisioner.spec.types import Node


def check_installed(planned: Planned, nodes: Sequence[Node]) -> None:
    """Raises ``refused`` where something a node needs to start does not exist yet."""
    missing = {c.id for c in planned.plan.changes if c.action == "create"}
    for node in nodes:
        state = planned.wanted.get(service_id(node))
        lacks = [i for i in (state.inputs if state else ()) if i in missing]
        if lacks:
            raise fail(
                "refused",
                f"{node.name} cannot be started: {lacks[0]} does not exist",
                "provision apply creates it",
            )


def chosen(site: Site, words: str | None) -> list[Node]:
    """The named nodes, or all on hosts that can be reached. Raises ``usage``."""
    if words is None:
        limit = site.options.limit
        return [
            node
            for node in site.spec.known
            if node.host in site.shells and (limit is None or node.host in limit)
        ]
    if site.options.limit is not None:
        raise fail("usage", "--node selects nodes and --limit hosts: give one of them")
    known: dict[str, Node] = {}
    for node in site.spec.known:
        known.setdefault(node.name, node)  # of one that moves, where it goes to
    names = [name for name in words.split(",") if name]
    strange = [name for name in names if name not in known]
    if strange or not names:
        raise fail("usage", f"no node {', '.join(strange)}", f"the nodes are {', '.join(known)}")
    return [known[name] for name in names]


def starts(site: Site, planned: Planned, nodes: Sequence[Node], one: bool) -> list[Wave]:
    """The nodes that are down, by tier."""
    ids = {service_id(node) for node in nodes}
    changes = [
        # What else differs of it (a file, say) is no matter of start.
        replace(c, asked=True)
        for c in planned.plan.changes
        if c.id in ids and c.action == "start"
    ]
    held = [d for d in planned.plan.deferred if d.id in ids and d.action == "start"]
    if held:
        raise fail("refused", f"{held[0].id.name}: {held[0].reason}", "provision plan shows why")
    return _tiers(site, changes)


def stops(
    site: Site,
    planned: Planned,
    nodes: Sequence[Node],
    one: bool,
    wiped: Collection[str] = (),
) -> list[Wave]:
    """All: brokers together, then controllers or ZooKeeper. Named ones: one at a time, gated.
    ``wiped``: the names of those whose data goes."""
    changes = [change_of(node, "stop") for node in nodes if runs(planned, node)]
    if one:
        return [Wave(n, (c,), MAY_STOP) for n, c in enumerate(changes, 1)]
    led = any(runs(planned, n) for n in site.spec.nodes if not n.is_broker or n.is_controller)

    def before(change: Change) -> dict[str, Any]:
        gone = {WIPED: True} if change.id.name in wiped else {}
        return {**(change.before or {}), LED: led, **gone}

    together = [replace(change, effect="offline", before=before(change)) for change in changes]
    tiers = _tiers(site, together)
    return [Wave(n, wave.changes) for n, wave in enumerate(reversed(tiers), 1)]


def restarts(site: Site, planned: Planned, nodes: Sequence[Node], one: bool) -> list[Wave]:
    """Nodes that are down are started first, ungated; the rest are restarted one at a time,
    gated, controllers before brokers, what does not serve first and the leaders last."""
    nodes = [n for n in nodes if n not in (*site.spec.going, *site.spec.former)]
    _bare(planned, nodes)
    down = [change_of(node, "start") for node in nodes if not runs(planned, node)]
    up = [node for node in nodes if runs(planned, node)]
    leaders, broken = set(last(site.spec, planned.seen)), set(not_serving(site.spec, planned.seen))

    def turn(node: Node) -> tuple[int, bool, bool, int]:
        id = service_id(node)
        return TIERS[node.role], id not in broken, id in leaders, node.id

    order = sorted(up, key=turn)
    waves = [wave.changes for wave in _tiers(site, down)]
    first = len(waves)
    waves += [(change_of(node, "restart"),) for node in order]
    return [
        Wave(number, changes, MAY_STOP if number > first else "")
        for number, changes in enumerate(waves, 1)
    ]


def _bare(planned: Planned, nodes: Sequence[Node]) -> None:
    """Raises ``refused`` where a log dir is not mounted or not as recorded: a node started there
    would be empty, and in ZooKeeper mode it would create new logs and lead with them."""
    why = {item.id: item.reason for item in planned.plan.unread}
    why |= {item.id: item.reason for item in planned.plan.refused}
    for node in nodes:
        for id in (storage_id(node.host, log_dir.path) for log_dir in node.log_dirs):
            if id in why:
                raise fail(
                    "refused",
                    f"{node.name} may not be started: {id.name} on {id.host}: {why[id]}",
                    "provision plan shows why",
                )


WAVES = {"start": starts, "stop": stops, "restart": restarts}


def change_of(node: Node, action: str) -> Change:
    running = action != "stop"
    return Change(
        service_id(node),
        action,  # type: ignore[arg-type]
        {"running": not running},
        {"running": running},
        ("running",),
        effect="restart" if action == "restart" else "none",
        reason="asked for",
        asked=True,
    )


def runs(planned: Planned, node: Node) -> bool:
    """Its process exists, or systemd is about to start it, after a crash or at boot."""
    seen = planned.seen.things.get(service_id(node))
    if not isinstance(seen, Present):
        return False
    return bool(seen.fields["running"]) or seen.volatile.get("ActiveState") in STATES_OF_LIFE


STATES_OF_LIFE = ("active", "activating", "reloading", "deactivating")


def _tiers(site: Site, changes: Sequence[Change]) -> list[Wave]:
    groups: dict[int, list[Change]] = {}
    for change in changes:
        groups.setdefault(TIERS[site.spec.node(change.id.name).role], []).append(change)
    return [Wave(n, tuple(groups[t])) for n, t in enumerate(sorted(groups), 1)]


def check_not_refused(planned: Planned, nodes: Sequence[Node]) -> None:
    ids: set[Id] = {service_id(node) for node in nodes}
    found: list[Refused] = [r for r in planned.plan.refused if r.id in ids]
    if found and not found[0].reason.startswith(HELD):
        raise fail("refused", f"{found[0].id.name}: {found[0].reason}")


def without_held(
    planned: Planned, nodes: Sequence[Node], say: Callable[[str], None], *, named: bool
) -> list[Node]:
    """Whoever put a node on hold releases it with ``start``. Raises ``refused`` for a named one."""
    why = {r.id: r.reason for r in planned.plan.refused if r.reason.startswith(HELD)}
    kept = []
    for node in nodes:
        reason = why.get(service_id(node))
        if reason is None:
            kept.append(node)
        elif named:
            raise fail("refused", f"{node.name} is not restarted: {reason}")
        else:
            say(f"  {node.name} stays down: {reason}")
    return kept


def without_spec_hold(
    nodes: Sequence[Node], say: Callable[[str], None], *, named: bool
) -> list[Node]:
    """What the spec holds is neither started nor restarted. Raises ``refused`` for a named one."""
    for node in nodes:
        if node.hold and named:
            why = f"{node.name} is held by the spec: {node.hold}"
            raise fail("refused", why, "take its hold out of the spec, then provision apply")
        if node.hold:
            say(f"  {node.name} is left alone: {HELD}{node.hold} ({OF_SPEC})")
    return [node for node in nodes if not node.hold]


def hold(run: Session, nodes: Sequence[Node], why: str) -> None:
    """Keeps nodes down for that reason; without one the hold ends."""
    for node in nodes:
        places = run.site.places[node.host]
        words = (places.state, node.name, " ".join(why.split()), "")
        run.act(node.host, [shell_step(Run("service/hold", words, places.state_owner))])
