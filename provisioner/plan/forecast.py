"""What a plan does to those who use the cluster, in numbers and names, before anything is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from provisioner.plan.model import Change, Copy, Forecast, Moves, Plan


def bounces(plan: Plan) -> list[Change]:
    """The running nodes that are stopped and started, in their order."""
    return [change for change in plan.changes if change.action == "restart"]


def forecast(
    plan: Plan,
    together: Sequence[Sequence[str]],
    known: Mapping[str, float],
    blocked: Sequence[tuple[str, str]],
    *,
    pause: float = 0.0,
    copies: Sequence[Copy] = (),
    rate: int = 1,
) -> Forecast:
    """``together``: the nodes that are bounced, in batches. ``known``: seconds that the last bounce
    of a node took, with what it waited for. ``pause``: seconds between two batches. ``copies``:
    what Kafka copies, at ``rate`` bytes per second into and out of each broker."""
    names = tuple(name for batch in together for name in batch)
    expected = {name: known[name] for name in names if name in known}
    untimed = tuple(name for name in names if name not in known)
    seconds = sum(max((expected.get(n, 0.0) for n in batch), default=0.0) for batch in together)
    seconds = round(seconds + pause * max(0, len(together) - 1), 1)
    return Forecast(
        names,
        tuple(tuple(batch) for batch in together),
        None if untimed else seconds,
        seconds,
        untimed,
        expected,
        tuple(sorted({name for change in plan.changes for name in change.offline})),
        tuple(blocked),
        moved(copies, rate, None if untimed else seconds),
    )


def moved(copies: Sequence[Copy], rate: int, before: float | None) -> Moves:
    """What is copied; ``before``: seconds of the rest of the run. A broker sends and takes at its
    rate, so the busiest says how long it lasts at least."""
    sizes = [copy.bytes for copy in copies]
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes):
        return Moves(len(copies), None, None)
    busy: Counter[tuple[str, int]] = Counter()
    for copy, size in zip(copies, known, strict=True):
        busy["out", copy.source] += size * len(copy.to)
        for broker in copy.to:
            busy["in", broker] += size
    longest = max(busy.values(), default=0) / rate
    total = sum(size * len(copy.to) for copy, size in zip(copies, known, strict=True))
    return Moves(len(copies), total, None if before is None else round(before + longest, 1))
