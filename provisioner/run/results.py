"""What became of the changes of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from provisioner.plan.diff import because
from provisioner.plan.model import Change, Desired, Event, Gone, Id, Report


class Interrupted(Exception):
    """SIGINT or SIGTERM came; ``number`` is the signal's."""

    def __init__(self, number: int):
        self.number = number
        super().__init__(f"signal {number}")


class StepFailed(Exception):
    """A step of ``change`` failed; the message is for a person. ``written``: it is already in
    the host's journal."""

    def __init__(self, change: Change, message: str, *, written: bool = False):
        self.change, self.written = change, written
        super().__init__(message)


class Overtaken(Exception):
    """A broker that is to go got a replica since it was seen to hold none: it is left running, and
    the next round moves that one too."""

    def __init__(self, change: Change):
        self.change = change
        super().__init__(str(change.id))


class NotAccepted(Exception):
    """A gate refused the wave, and nothing of it was started: id → why."""

    def __init__(self, reasons: Mapping[Id, str]):
        self.reasons = reasons
        super().__init__("; ".join(reasons.values()))


@dataclass
class Results:
    """What became of each change. ``refused``: the failed ones to which Kafka said no: what is not
    made from them goes on."""

    applied: list[Change] = field(default_factory=list)
    failed: list[tuple[Change, str]] = field(default_factory=list)
    not_started: list[Change] = field(default_factory=list)
    refused: set[Id] = field(default_factory=set)
    overtaken: list[Change] = field(default_factory=list)

    @property
    def broken(self) -> bool:
        """Whether something failed of which it is not known how far it came, so that nothing more
        is begun."""
        return any(change.id not in self.refused for change, _ in self.failed)

    def without(self, changes: Sequence[Change], desired: Desired) -> list[Change]:
        """Those that neither failed nor come after what failed."""
        gone = {change.id for change, _ in self.failed}
        return [c for c in changes if c.id not in gone and not _made_from(c.id, desired, gone)]

    def into(self, report: Report) -> None:
        """The report has the same lists, and so what comes to be in them."""
        report.applied, report.failed = self.applied, self.failed
        report.not_started = self.not_started

    def undone(
        self,
        again: Iterable[Change],
        emit: Callable[[Event], None],
        passes: Callable[[Change], int] = lambda change: 1,
    ) -> None:
        """Takes back what was applied where a later look finds a difference of the same thing; of
        a chain only where it is the same change again, and was made as often as it ``passes``."""
        by_id: dict[Id, list[Change]] = {}
        for change in again:
            by_id.setdefault(change.id, []).append(change)
        found = [_back(done, by_id.get(done.id, ())) for done in self.applied]
        times = Counter(id(back) for back in found)
        kept = []
        for done, back in zip(self.applied, found, strict=True):
            if back is None or times[id(back)] < passes(back):
                kept.append(done)
                continue
            words = back.reason or because(back.before or {}, back.after or {})
            why = f"applied, but it differs again: {words}"
            self.failed.append((done, why))
            emit(Event("failed", why, done.id.host, done))
        self.applied[:] = kept


def _made_from(id: Id, desired: Desired, gone: Collection[Id]) -> bool:
    state = desired.get(id)
    inputs = state.after if isinstance(state, Gone) else state.inputs if state is not None else ()
    return any(each in gone or _made_from(each, desired, gone) for each in inputs)


def _back(done: Change, again: Iterable[Change]) -> Change | None:
    """The one among them that makes what was done a difference again."""
    return next((change for change in again if _is_back(done, change)), None)


def _is_back(done: Change, again: Change) -> bool:
    if done.id != again.id:
        return False
    return not done.more or (done.action, done.after) == (again.action, again.after)
