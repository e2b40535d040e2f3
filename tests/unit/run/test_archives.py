"""A class-data archive is brought last, and not by a run that may no longer change anything."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from provisioner.kinds.registry import KINDS
from provisioner.plan.model import Change, Id, Plan
from provisioner.run import archives
from provisioner.run.session import Session


@pytest.mark.parametrize(("lost", "planned"), [([], 1), (["h"], 0)])
def test_after_the_lock_was_lost_nothing_more_is_planned(
    monkeypatch: pytest.MonkeyPatch, lost: list[str], planned: int
) -> None:
    """It took a while to make it, and another run may hold the lock by now."""
    artifact = next(name for name, kind in KINDS.items() if kind.artifact)
    sent = Change(Id("h", artifact, "/k"), "create", None, {})
    run: Any = SimpleNamespace(
        site=None,
        results=SimpleNamespace(applied=[sent]),
        stop=threading.Event(),
        lock=SimpleNamespace(lost=lost),
        emit=lambda event: None,
    )
    asked: list[Any] = []
    monkeypatch.setattr(archives, "awaited_archives", lambda site: True)
    monkeypatch.setattr(archives, "make_archives", lambda site: True)
    monkeypatch.setattr(archives, "converge", lambda run, planned: asked.append(planned))
    monkeypatch.setattr(archives, "make_plan", lambda site: SimpleNamespace(plan=Plan()))
    archives.bring_archives(cast(Session, run))
    assert len(asked) == planned
