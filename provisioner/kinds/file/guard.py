"""Which properties must not be written now: they would convert a quorum, lose a log dir, or begin
an upgrade that cannot be ended."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.kinds.file.migration_guard import guard_migration
from provisioner.kinds.file.quorum import guard_quorum
from provisioner.kinds.file.rehearsal import guard_upgrade
from provisioner.kinds.file.removed_log_dirs import guard_removed_log_dirs
from provisioner.kinds.kind import Question, Verdict
from provisioner.plan.model import Id


def guard(question: Question) -> Iterator[Verdict]:
    """A change that one rule refuses is not checked again."""
    refused: set[Id] = set()
    for rule in (guard_migration, guard_quorum, guard_removed_log_dirs):
        found = [verdict for verdict in rule(question) if verdict.id not in refused]
        refused |= {verdict.id for verdict in found}
        yield from found
    yield from guard_upgrade(question, refused)
