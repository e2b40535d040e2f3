"""Which properties must not be written now: they would convert a quorum or lose a log dir."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.kinds.file.quorum import guard_quorum
from provisioner.kinds.file.removed_log_dirs import guard_removed_log_dirs
from provisioner.kinds.kind import Question, Verdict


def guard(question: Question) -> Iterator[Verdict]:
    """A change that the quorum rule refuses is not checked again."""
    refused = set()
    for verdict in guard_quorum(question):
        refused.add(verdict.id)
        yield verdict
    for verdict in guard_removed_log_dirs(question):
        if verdict.id not in refused:
            yield verdict
