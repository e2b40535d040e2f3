"""What the artifact store tells while it fetches, as values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from provisioner.plan.model import Progress

if TYPE_CHECKING:
    from provisioner.artifacts.model import Progress as Counts


@contextmanager
def fetching(tell: Callable[[Progress], None]) -> Iterator[Counts]:
    """What the store counts (``done, total, label``), told on as ``Progress``; each label is over
    at the end, however that comes."""
    labels: dict[str, None] = {}

    def progress(done: int, total: int, label: str) -> None:
        labels[label] = None
        tell(Progress("fetch", label, "", done, total, "bytes"))

    try:
        yield progress
    finally:
        for label in labels:
            tell(Progress("fetch", label, over=True))
