"""Judges a history. A pure function: the same events and the same audit give the same verdict.

Only what was acknowledged has to be there. What was sent and not acknowledged may be there or not,
and a transaction of which the end is unknown is there as a whole or not at all.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.ledger.history import (
    Acknowledged,
    Assigned,
    Audit,
    Committed,
    Ended,
    Event,
    Failed,
    Message,
    Place,
    Read,
    Sent,
)

SHOWN = 5
STALLED = 120.0
"""Seconds without an acknowledgement: then something waits for what does not come."""


@dataclass(frozen=True)
class Gap:
    """The longest time without an acknowledgement of a partition: how long, and when it began
    (seconds after the first acknowledgement of all)."""

    seconds: float
    began: float


@dataclass(frozen=True)
class Verdict:
    """``anomalies``: name → each case in words; empty when all is well. ``gaps``: by partition.
    ``failed``: messages that were given up, but for those of transactions of unknown end."""

    name: str
    anomalies: Mapping[str, Sequence[str]]
    gaps: Mapping[Place, Gap]
    acknowledged: int = 0
    read: int = 0
    failed: int = 0
    transactions: Mapping[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Nothing lost, duplicated, out of order, or otherwise wrong."""
        return not self.anomalies

    @property
    def longest(self) -> float:
        """The longest gap of any partition, in seconds."""
        return max((gap.seconds for gap in self.gaps.values()), default=0.0)

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self.transactions.items())
        lines = [
            f"{self.name}: {self.acknowledged} acknowledged, {self.read} read, {self.failed} given "
            f"up; transactions: {counts or 'none'}",
            f"  {', '.join(f'{name} {len(self.anomalies.get(name, ()))}' for name in MAIN)}; "
            f"longest gap {self.longest:.2f} s",
        ]
        for place, gap in sorted(self.gaps.items()):
            lines.append(f"  {place}: gap {gap.seconds:.2f} s, from {gap.began:.1f} s on")
        for name, cases in self.anomalies.items():
            more = f" and {len(cases) - SHOWN} more" if len(cases) > SHOWN else ""
            lines.append(f"  {name}: {'; '.join(cases[:SHOWN])}{more}")
        return "\n".join(lines)


MAIN = ("lost", "duplicated", "out of order")


def check(
    events: Sequence[Event], audit: Audit, name: str = "", known: int | None = None, since: int = 0
) -> Verdict:
    """``known``: how many events there were when the audit began; an acknowledgement after that
    need not be in it. ``since``: the first event of which gaps are measured."""
    before = events if known is None else events[:known]
    acked = [event for event in before if isinstance(event, Acknowledged)]
    fates = _fates(events)
    found = {
        "lost": list(_lost(acked, audit, fates)),
        "duplicated": list(_duplicated(audit)),
        "out of order": [*_out_of_order(audit), *_read_out_of_order(events)],
        "moved": list(_moved(acked, audit)),
        "vanished": list(_vanished(before, audit)),
        "aborted and read": list(_aborted(events, audit, fates)),
        "torn transaction": list(_torn(acked, audit, fates)),
        "commit went back": [*_went_back(events), *_forgotten(before, audit)],
        "skipped by a group": list(_skipped(events, audit)),
    }
    outcomes: dict[str, int] = defaultdict(int)
    for event in events:
        if isinstance(event, Ended):
            outcomes[event.outcome] += 1
    return Verdict(
        name,
        {name: cases for name, cases in found.items() if cases},
        gaps(events[since:] if known is None else events[since:known]),
        len(acked),
        sum(isinstance(event, Read) for event in events),
        sum(isinstance(event, Failed) and not _open(event.message, fates) for event in events),
        dict(outcomes),
    )


def kept(verdict: Verdict) -> None:
    """Raises AssertionError where something is wrong or was given up."""
    assert verdict.clean, verdict
    assert not verdict.failed, verdict


def clean(verdict: Verdict) -> None:
    """Raises it where a partition waited for what does not come, too."""
    kept(verdict)
    assert verdict.longest <= STALLED, verdict


def gaps(events: Iterable[Event]) -> dict[Place, Gap]:
    """The longest of each partition, between the first and the last acknowledgement of all."""
    times: dict[Place, list[float]] = defaultdict(list)
    for event in events:
        if isinstance(event, Acknowledged):
            times[event.place].append(event.at)
    if not times:
        return {}
    first = min(min(found) for found in times.values())
    last = max(max(found) for found in times.values())
    return {place: _longest(sorted([*found, last]), first) for place, found in times.items()}


def _longest(times: Sequence[float], first: float) -> Gap:
    pairs = itertools.pairwise(times)
    seconds, began = max(((then - now, now) for now, then in pairs), default=(0.0, first))
    return Gap(seconds, began - first)


def _fates(events: Sequence[Event]) -> dict[Message, tuple[str, str]]:
    """Message of a transaction → the transaction and its outcome; open ones are unknown."""
    ended = {event.transaction: event.outcome for event in events if isinstance(event, Ended)}
    return {
        event.message: (event.transaction, ended.get(event.transaction, "unknown"))
        for event in events
        if isinstance(event, Sent) and event.transaction
    }


def _open(message: Message, fates: Mapping[Message, tuple[str, str]]) -> bool:
    """Whether it is of a transaction of unknown end: the client gave up all of it at once, and
    began another one."""
    return fates.get(message, ("", ""))[1] == "unknown"


def _offsets(audit: Audit) -> dict[Place, dict[Message, list[int]]]:
    found: dict[Place, dict[Message, list[int]]] = {}
    for place, kept in audit.kept.items():
        here = found.setdefault(place, defaultdict(list))
        for offset in sorted(kept):
            here[kept[offset]].append(offset)
    return found


def _lost(
    acked: Iterable[Acknowledged], audit: Audit, fates: Mapping[Message, tuple[str, str]]
) -> Iterator[str]:
    offsets = _offsets(audit)
    for event in acked:
        if fates.get(event.message, ("", "committed"))[1] != "committed":
            continue
        if event.message not in offsets.get(event.place, {}):
            yield f"{event.message} (acknowledged at {event.place}:{event.offset})"


def _duplicated(audit: Audit) -> Iterator[str]:
    for place, messages in _offsets(audit).items():
        for message, offsets in messages.items():
            if len(offsets) > 1:
                yield f"{message} is in {place} at {', '.join(map(str, offsets))}"


def _out_of_order(audit: Audit) -> Iterator[str]:
    """A writer's numbers go up in each partition."""
    for place, kept in audit.kept.items():
        last: dict[str, int] = {}
        for offset in sorted(kept):
            writer, number = kept[offset]
            if number < last.get(writer, -1):
                yield f"{writer}.{number} is after {writer}.{last[writer]} in {place} at {offset}"
            last[writer] = max(number, last.get(writer, -1))


def _read_out_of_order(events: Iterable[Event]) -> Iterator[str]:
    """A reader's offsets go up as long as it is not told to begin anew."""
    last: dict[tuple[str, Place], int] = {}
    for event in events:
        if isinstance(event, Assigned):
            for place in event.places:
                last.pop((event.reader, place), None)
        elif isinstance(event, Read):
            key = event.reader, event.place
            if event.offset <= last.get(key, -1):
                yield f"{event.reader} read {event.place}:{event.offset} after {last[key]}"
            last[key] = event.offset


def _moved(acked: Iterable[Acknowledged], audit: Audit) -> Iterator[str]:
    """It is there, but not where its writer was told."""
    offsets = _offsets(audit)
    for event in acked:
        found = offsets.get(event.place, {}).get(event.message)
        if found and event.offset >= 0 and event.offset not in found:
            yield f"{event.message} is in {event.place} at {found[0]}, not {event.offset}"


def _vanished(events: Iterable[Event], audit: Audit) -> Iterator[str]:
    """Somebody read it, and now something else is there, or nothing."""
    for event in events:
        if isinstance(event, Read):
            now = audit.kept.get(event.place, {}).get(event.offset)
            if now != event.message:
                yield f"{event.message} was read from {event.place}:{event.offset}, now: {now}"


def _aborted(
    events: Iterable[Event], audit: Audit, fates: Mapping[Message, tuple[str, str]]
) -> Iterator[str]:
    def aborted(message: Message) -> bool:
        return fates.get(message, ("", ""))[1] == "aborted"

    for event in events:
        if isinstance(event, Read) and aborted(event.message):
            yield f"{event.reader} read {event.message} from {event.place}:{event.offset}"
    for place, kept in audit.kept.items():
        for offset, message in kept.items():
            if aborted(message):
                yield f"{message} is in {place} at {offset}"


def _torn(
    acked: Iterable[Acknowledged], audit: Audit, fates: Mapping[Message, tuple[str, str]]
) -> Iterator[str]:
    """Of what was acknowledged in a transaction of unknown end a part is there."""
    there = {message for kept in audit.kept.values() for message in kept.values()}
    parts: dict[str, list[bool]] = defaultdict(list)
    for event in acked:
        transaction, outcome = fates.get(event.message, ("", ""))
        if outcome == "unknown":
            parts[transaction].append(event.message in there)
    for transaction, found in parts.items():
        if any(found) and not all(found):
            yield f"{transaction}: {sum(found)} of {len(found)} messages are there"


def _went_back(events: Iterable[Event]) -> Iterator[str]:
    """A group begins anew before what it committed, or a member's commits go down."""
    highest: dict[tuple[str, Place], int] = {}
    mine: dict[tuple[str, Place], int] = {}
    begins: dict[tuple[str, Place], int] = {}
    for event in events:
        if isinstance(event, Assigned):
            for place in event.places:
                begins[event.reader, place] = highest.get((event.group, place), 0)
                mine.pop((event.reader, place), None)
        elif isinstance(event, Read):
            least = begins.pop((event.reader, event.place), 0)
            if event.offset < least:
                yield f"{event.group} begins {event.place} at {event.offset}, not {least}"
        elif isinstance(event, Committed):
            own, key = (event.reader, event.place), (event.group, event.place)
            if event.offset < mine.get(own, 0):
                yield f"{event.reader} committed {event.offset} of {event.place} after {mine[own]}"
            mine[own] = event.offset
            highest[key] = max(event.offset, highest.get(key, 0))


def _forgotten(events: Iterable[Event], audit: Audit) -> Iterator[str]:
    """What Kafka has of a group is less than what it acknowledged."""
    highest: dict[tuple[str, Place], int] = defaultdict(int)
    for event in events:
        if isinstance(event, Committed):
            key = event.group, event.place
            highest[key] = max(event.offset, highest[key])
    for (group, place), offset in highest.items():
        stored = audit.stored.get((group, place))
        if stored is not None and stored < offset:
            yield f"{group} committed {offset} of {place}, Kafka has {stored}"


def _skipped(events: Iterable[Event], audit: Audit) -> Iterator[str]:
    """The group goes on after it, and no member ever had it."""
    read: dict[tuple[str, Place], set[int]] = defaultdict(set)
    for event in events:
        if isinstance(event, Read):
            read[event.group, event.place].add(event.offset)
    for (group, place), stored in audit.stored.items():
        for offset, message in audit.kept.get(place, {}).items():
            if offset < stored and offset not in read[group, place]:
                yield f"{group} never read {message} at {place}:{offset}, and goes on at {stored}"
