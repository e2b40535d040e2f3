"""The JSON document, shown with data: the contract's shape, entry by entry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from provisioner.errors import Notice, Problem
from provisioner.plan.model import (
    Change,
    Check,
    Deferred,
    Id,
    Loss,
    Pending,
    Plan,
    Refused,
    Report,
    UnknownState,
    Unmanaged,
    Wave,
)
from provisioner.report.formats.json import document, text

CASES = YAML(typ="safe", pure=True).load((Path(__file__).parent / "documents.yaml").read_text())


def id_of(words: str) -> Id:
    """``vm/service/broker-1``; ``topic/atu`` is of the cluster."""
    parts = words.split("/", 2)
    return Id(*parts) if len(parts) == 3 else Id("", *parts)


def change_of(given: dict[str, Any]) -> Change:
    values = {"before": None, "after": None, **given}
    values["after"] = waiting(values["after"])
    for name in ("fields", "offline"):
        values[name] = tuple(values.get(name, ()))
    if "loss" in values:
        lost = dict(values["loss"])
        values["loss"] = Loss(**{**lost, **({"readers": tuple(lost["readers"])} if lost else {})})
    return Change(**{**values, "id": id_of(values["id"])})


def waiting(fields: Any) -> Any:
    """``{pending: WHAT}`` as a value is one that is not known yet."""
    return fields and {
        name: Pending(value["pending"]) if isinstance(value, dict) and "pending" in value else value
        for name, value in fields.items()
    }


def plan_of(given: dict[str, Any]) -> Plan:
    changes = tuple(change_of(item) for item in given.get("changes", []))
    waves = (Wave(1, changes),) if changes else ()
    return Plan(
        waves,
        tuple(
            Deferred(id_of(d["id"]), d["reason"], d.get("action"))
            for d in given.get("deferred", [])
        ),
        tuple(
            Refused(
                id_of(r["id"]),
                r["reason"],
                r.get("allow"),
                change_of(r["change"]) if "change" in r else None,
                r.get("value", ""),
            )
            for r in given.get("refused", [])
        ),
        tuple(
            Unmanaged(id_of(u["id"]), tuple(u.get("fields", ())), u.get("detail", ""))
            for u in given.get("unmanaged", [])
        ),
        tuple(UnknownState(id_of(u["id"]), u["reason"]) for u in given.get("unknown", [])),
    )


def report_of(given: dict[str, Any]) -> Report:
    plan = plan_of(given.get("plan", {}))
    done = {
        "applied": [change_of(c) for c in given.get("applied", [])],
        "failed": [(change_of(f["change"]), f["message"]) for f in given.get("failed", [])],
        "not_started": [change_of(c) for c in given.get("not_started", [])],
    }
    more = ("target", "healthy", "limited", "seconds", "kept", "problems")
    told = {key: given[key] for key in more if key in given}
    return Report(
        given.get("cluster", "lab"),
        plan=plan,
        exit_code=given.get("exit_code", 0),
        complete=plan.complete,
        in_sync=plan.in_sync,
        checks=[Check(c["name"], c["ok"], c.get("detail", "")) for c in given.get("checks", [])],
        **done,
        **told,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_documents(case: dict[str, Any]) -> None:
    """What the case names is exactly so; it round-trips as JSON."""
    reports = [report_of(item) for item in case.get("reports", [])]
    problems = [Problem(**item) for item in case.get("problems", [])]
    warnings = [Notice(**item) for item in case.get("warnings", [])]
    found = json.loads(
        text(document("drift", case.get("exit_code", 0), reports, problems, warnings))
    )
    for key, wanted in case["document"].items():
        assert found[key] == wanted, key
    for entry, wanted in zip(found["clusters"], case.get("clusters", []), strict=False):
        for key, value in wanted.items():
            assert entry[key] == value, key


def test_every_key_of_the_contract_is_always_there() -> None:
    found = document("drift", 0, [Report("lab")])
    assert list(found) == [
        "schema",
        "command",
        "exit_code",
        "in_sync",
        "complete",
        "errors",
        "warnings",
        "clusters",
    ]
    assert {
        "cluster",
        "target",
        "exit_code",
        "in_sync",
        "complete",
        "healthy",
        "limited",
        "changes",
        "deferred",
        "unmanaged",
        "unknown",
        "refused",
        "checks",
        "applied",
        "failed",
        "not_started",
        "seconds",
    } <= set(found["clusters"][0])
