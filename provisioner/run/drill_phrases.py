"""Phrases of a drill: one line per observation. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.kafka.port import PartitionView
from provisioner.run.drill_account import Account, Moved


def layout(partitions: Mapping[int, PartitionView]) -> str:
    return "; ".join(
        f"partition {id} led by broker {p.leader}, replicas on {', '.join(map(str, p.replicas))}"
        for id, p in partitions.items()
    )


def moves(moved: list[Moved]) -> str:
    return ", ".join(f"{m.topic}-{m.partition}: broker {m.origin} → {m.to}" for m in moved)


def bad(found: Account) -> str:
    return f"{found.lost} lost, {found.duplicated} duplicated, {found.out_of_order} out of order"


def order(found: Account) -> str:
    """Says it with the numbers the records were sent with."""
    kept = (
        "numbers only increase within each partition" if not found.out_of_order else "order broken"
    )
    shown = ", ".join(map(str, found.example))
    if found.across is None:
        return f"{kept}; there is one partition, so one order: {shown}, …"
    if found.across:
        return f"{kept}; this time also across partitions, by chance"
    return f"{kept}; across partitions they arrived as …, {shown}, …"
