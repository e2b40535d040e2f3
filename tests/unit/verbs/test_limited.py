"""``limited`` of each cluster, where a command has several; and arguments, which nobody changes."""

from __future__ import annotations

import argparse
import json
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from provisioner.plan.model import Report
from provisioner.site.stopping import Stop
from provisioner.verbs import apply
from provisioner.verbs.shared import arguments, command
from provisioner.verbs.shared.console import Console
from provisioner.verbs.shared.context import Context
from provisioner.verbs.shared.saved_plan import FORMAT, SCHEMA


def saved_plan(path: Path) -> Path:
    body = {
        "format": FORMAT,
        "schema": SCHEMA,
        "made_from": [],
        "spec": "/specs/one.yaml",
        "inventory": "/inventories/own.yaml",
        "limit": "h1",
        "allow": ["offline"],
        "fresh_cluster_id": None,
    }
    path.write_text(json.dumps(body))
    return path


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any, Any, list[str], str]]:
    """What ``apply`` opened: spec, inventory, limit, permissions, and the spec in its hints."""
    opened: list[tuple[str, Any, Any, list[str], str]] = []

    @contextmanager
    def open_context(args: argparse.Namespace, context: Context, **_: Any) -> Any:
        opened.append((str(context.path), args.inventory, args.limit, args.allow, context.words))
        yield SimpleNamespace(spec=SimpleNamespace(cluster=context.path.stem), aims=None)

    monkeypatch.setattr(apply, "open_context", open_context)
    monkeypatch.setattr(apply, "apply", lambda target, *_, **__: Report(target.spec.cluster))
    monkeypatch.setattr(apply, "closing", lambda *_: [])
    monkeypatch.setattr(apply, "replace", replace_some)
    return opened


def replace_some(thing: Any, **values: Any) -> Any:
    from dataclasses import is_dataclass, replace

    return replace(thing, **values) if is_dataclass(thing) else thing


def run(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    args = arguments.parse(["apply", *words, "--json"])
    before = dict(vars(args))
    command._dispatch(args, Console(True), Stop(), command.Passwords())
    assert vars(args) == before
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_saved_plan_alone(seen: Any, tmp_path: Path, capsys: Any) -> None:
    plan = saved_plan(tmp_path / "plan.json")
    document = run(capsys, str(plan))
    assert [c["limited"] for c in document["clusters"]] == ["h1"]


def test_a_saved_plan_beside_another_spec(seen: Any, tmp_path: Path, capsys: Any) -> None:
    plan = saved_plan(tmp_path / "plan.json")
    document = run(capsys, str(plan), str(tmp_path / "two.yaml"))
    assert [c["limited"] for c in document["clusters"]] == ["h1", None]
    by_spec = {spec: rest for spec, *rest in seen}
    assert by_spec["/specs/one.yaml"][:3] == ["/inventories/own.yaml", "h1", ["offline"]]
    assert by_spec[str(tmp_path / "two.yaml")][:3] == [None, None, []]
    assert "--limit h1" in by_spec["/specs/one.yaml"][3]


def test_nobody_changes_arguments() -> None:
    args = arguments.parse(["plan", "lab.yaml"])
    with pytest.raises(AttributeError, match="limit"):
        args.limit = "h1"
    other = arguments.changed(args, limit="h1")
    assert (args.limit, other.limit, other.verb) == (None, "h1", "plan")
