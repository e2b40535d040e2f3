"""The cluster as it is, for a person: a table of brokers, and each topic's partitions × brokers.

Takes the plain values of ``status --json`` (``clusters[].brokers`` and ``clusters[].topics``), so
that text and JSON cannot differ. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from provisioner.cleaning import clean
from provisioner.report.text import Text, table
from provisioner.report.units import size as size

LEADER, IN_SYNC, BEHIND, OFFLINE, NONE = "L", "s", "b", "x", "·"
LEGEND = (
    f"{LEADER} leader: takes all reads and writes   {IN_SYNC} in sync: has every record\n"
    f"{BEHIND} behind: still copying   {OFFLINE} offline: broker or disk is down   "
    f"{NONE} no replica"
)
COLOURS = {LEADER: "green", BEHIND: "yellow", OFFLINE: "red", NONE: "dim"}
UNKNOWN = "?"

Values = Mapping[str, Any]


def cell(partition: Values, broker: int) -> str:
    """What ``broker`` holds of a partition, as one of the legend's letters."""
    if broker not in partition["replicas"]:
        return NONE
    if broker in partition["offline"]:
        return OFFLINE
    if broker == partition["leader"]:
        return LEADER
    return IN_SYNC if broker in partition["isr"] else BEHIND


def remark(partition: Values) -> str:
    """What is unusual about a partition, in a few words; empty when nothing is."""
    words = []
    if partition["leader"] is None:
        words.append("no leader: cannot be read or written")
    elif partition["leader"] != partition["replicas"][0]:
        words.append(f"preferred leader is {partition['replicas'][0]}")
    missing = [r for r in partition["replicas"] if r not in partition["isr"]]
    if missing and partition["leader"] is not None:
        words.append(f"out of sync: {_numbers(missing)}")
    return "; ".join(words)


def topic(values: Values, brokers: Sequence[int]) -> list[list[str]]:
    """The rows of one topic: partition, a cell for each broker, leader, replicas, isr, remark."""
    return [
        [
            str(partition["id"]),
            *(cell(partition, broker) for broker in brokers),
            _shown(partition["leader"], "none"),
            _numbers(partition["replicas"]),
            _numbers(partition["isr"]) or "none",
            remark(partition),
        ]
        for partition in values["partitions"]
    ]


def topics(text: Text, found: Sequence[Values], brokers: Sequence[int]) -> str:
    """Every topic with its matrix, aligned over all topics, and the legend below."""
    if not found:
        return "no topics"
    head = ["partition", *(f"broker {broker}" for broker in brokers)]
    head += ["leader", "replicas", "in sync", ""]
    rows = [row for values in found for row in topic(values, brokers)]
    lines = table([head, *rows]).split("\n")
    shown = ["  " + text.paint(lines[0], "dim")]
    painted = iter(_painted(text, lines[1:], rows))
    for values in found:
        shown.append(text.paint(title(values), "bold"))
        shown += ["  " + next(painted) for _ in values["partitions"]]
    return "\n".join([*shown, "", text.paint(LEGEND, "dim")])


def title(values: Values) -> str:
    """``purchases: 3 partitions, 3 replicas each``."""
    partitions = values["partitions"]
    copies = max((len(p["replicas"]) for p in partitions), default=0)
    each = "1 replica" if copies == 1 else f"{copies} replicas"
    return f"{clean(values['name'])}: {_many(len(partitions), 'partition')}, {each} each"


def _painted(text: Text, lines: Iterable[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A line in the colour of the worst it shows; whole ones stay plain."""
    found = []
    for line, row in zip(lines, rows, strict=True):
        bad = next((COLOURS[mark] for mark in (OFFLINE, BEHIND) if mark in row[1:]), None)
        found.append(text.paint(line, bad) if bad else line)
    return found


def brokers(text: Text, found: Sequence[Values]) -> str:
    """The table of brokers; a number that could not be read is ``?``."""
    head = ["broker", "host", "state", "leads", "follows", "in sync", "behind", "rack", "disk"]
    rows = [
        [
            str(values["id"]),
            clean(values["host"]),
            _state(values),
            *(_shown(values[key]) for key in ("leads", "follows", "in_sync", "behind")),
            clean(values["rack"] or "-"),
            _disk(values["log_dirs"]),
        ]
        for values in found
    ]
    lines = table([head, *rows]).split("\n")
    shown = [text.paint(lines[0], "dim")]
    for line, values in zip(lines[1:], found, strict=True):
        shown.append(line if values["up"] else text.paint(line, "red"))
    return "\n".join("  " + line for line in shown)


def _state(values: Values) -> str:
    if values["up"]:
        return "up, controller" if values["controller"] else "up"
    if values["up"] is None:
        return UNKNOWN
    # A process without a place in the cluster: starting, fenced, or cut off.
    return "process runs, not in the cluster" if values["running"] else "down"


def _disk(log_dirs: Sequence[Values] | None) -> str:
    if not log_dirs:
        return UNKNOWN
    return ", ".join(f"{clean(d['path'])} {_state_of(d)}" for d in log_dirs)


def _state_of(log_dir: Values) -> str:
    """Its size; or that the broker, which is up, gave it up."""
    error = log_dir.get("error")
    if error == "KAFKA_STORAGE_ERROR":
        return "offline after a disk error"
    return clean(error) if error else size(log_dir["bytes"])


def controllers(text: Text, found: Sequence[Values]) -> str:
    """KRaft's voters: who leads the quorum, and how far the others are behind it."""
    lines = []
    for values in found:
        role = "leads the quorum" if values["leader"] else _lag(values["lag"])
        where = f" on {clean(values['host'])}" if values["host"] else ""
        name = f"controller {values['id']}{where}"
        line = f"  {name}: {_up(values['up'])}, {role}"
        lines.append(line if values["up"] else text.paint(line, "red"))
    return "\n".join(lines)


def zookeeper(text: Text, found: Sequence[Values]) -> str:
    lines = []
    for values in found:
        line = f"  zookeeper {values['id']} on {clean(values['host'])}: {_up(values['up'])}"
        lines.append(line if values["up"] else text.paint(line, "red"))
    return "\n".join(lines)


def _lag(lag: int | None) -> str:
    if lag is None:
        return "lag unknown"
    return "caught up" if lag == 0 else f"{_many(lag, 'record')} behind"


def _up(up: bool | None) -> str:
    return {True: "up", False: "down", None: "unknown"}[up]


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count:,} {what}s"


def _numbers(found: Iterable[int]) -> str:
    return ",".join(map(str, found))


def _shown(value: object, none: str = UNKNOWN) -> str:
    return none if value is None else str(value)
