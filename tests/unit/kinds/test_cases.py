"""Runs the cases of ``records/``, ``plans/`` and ``steps/``: see README.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, is_dataclass
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from provisioner.hosts.shell import Frame
from provisioner.kafka.messages import Versions, admin_request, encode
from provisioner.kafka.requests.request import Message
from provisioner.kinds.registry import KINDS
from provisioner.plan.model import (
    Absent,
    Await,
    Call,
    Change,
    Deferred,
    Id,
    Present,
    Put,
    Refused,
    Run,
    State,
    Step,
    Unknown,
    UnknownState,
    Unpack,
)
from provisioner.plan.pipeline import NOT_UP
from provisioner.site.look import parsed
from provisioner.spec.types import Spec
from tests.as_login import Probe
from tests.unit.plan.model_cluster import ModelCluster, spec_of

HERE = Path(__file__).parent
MADE: dict[str, ModelCluster] = {}


def cases(folder: str) -> Iterator[Any]:
    for path in sorted((HERE / folder).glob("*.yaml")):
        for case in YAML(typ="safe", pure=True).load(path.read_text()):
            marks = [pytest.mark.xfail(reason=case["defect"])] if "defect" in case else []
            yield pytest.param(path.stem, case, id=f"{path.stem}: {case['name']}", marks=marks)


def plain(value: Any) -> Any:
    """Tuples as lists, steps as mappings: what YAML can say."""
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields_of(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def within(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """What the case names is so; what it does not name may be anything."""
    assert {key: plain(found.get(key)) for key in wanted} == plain(wanted)


# --- what a probe printed → what is known ------------------------------------------------------


@pytest.mark.parametrize(("kind", "case"), list(cases("records")))
def test_records(kind: str, case: dict[str, Any]) -> None:
    id = Id("h", kind, str(case["id"]))
    frame = Frame("=\n" + case["output"], case.get("status", 0))
    seen = parsed(Probe("", (id,), (), 1), frame)[id]
    if "unknown" in case:
        assert isinstance(seen, Unknown)
        assert seen.reason.startswith(case["unknown"])
    elif "absent" in case:
        assert isinstance(seen, Absent)
    else:
        assert isinstance(seen, Present)
        within(case["present"], seen.fields)
        within(case.get("volatile", {}), seen.volatile)
        for name in case.get("without", []):
            assert name not in seen.fields


# --- what somebody did → the plan --------------------------------------------------------------


def short(id: Id, spec: Spec) -> str:
    """``kind name``, below the home without it, with ``HOST:`` where there are several."""
    if not id.host:
        return f"{id.kind} {id.name}"
    name = id.name.removeprefix(spec.home_on(id.host) + "/")
    several = len({node.host for node in spec.nodes}) > 1
    return f"{id.kind} {id.host}:{name}" if several else f"{id.kind} {name}"


def short_of(item: Refused | Deferred | UnknownState, model: ModelCluster) -> str:
    """``the cluster`` for all that Kafka cannot tell while it is not up (test_silent.py)."""
    down = item.id.host == "" and item.reason == NOT_UP
    return "the cluster" if down else short(item.id, model.spec)


def model_of(case: dict[str, Any]) -> ModelCluster:
    name = case.get("spec", "lab")
    if case.get("fresh"):
        model = ModelCluster(spec_of(name))
    else:
        if name not in MADE:
            MADE[name] = ModelCluster.made(name)
        model = MADE[name].copy()
    for deed in case.get("done", []):
        for method, args in deed.items():
            getattr(model, method)(*args)
    return model


@pytest.mark.parametrize(("kind", "case"), list(cases("plans")))
def test_plans(kind: str, case: dict[str, Any]) -> None:
    model = model_of(case)
    plan = model.plan()
    found = {f"{c.action} {short(c.id, model.spec)}": c for c in plan.changes}
    wanted = [item if isinstance(item, dict) else {item: {}} for item in case.get("changes", [])]
    named = {name: what or {} for item in wanted for name, what in item.items()}
    if case.get("only") is None:
        assert list(found) == list(named)
    for name, what in named.items():
        assert name in found
        aspects = dict(what)
        reason = aspects.pop("reason", "")
        assert found[name].reason.startswith(reason)
        within(aspects, plain(found[name]))
    for part in ("refused", "deferred", "unread"):
        items = {short_of(item, model): item for item in getattr(plan, part)}
        if case.get("only") is None:
            assert sorted(items) == sorted(case.get(part, {}))
        for name, words in case.get(part, {}).items():
            aspects = dict(words) if isinstance(words, dict) else {"reason": words}
            assert items[name].reason.startswith(aspects.pop("reason", ""))
            within(aspects, plain(items[name]))
    unmanaged = {short(item.id, model.spec): list(item.fields) for item in plan.unmanaged}
    assert unmanaged == {name: fields or [] for name, fields in case.get("unmanaged", {}).items()}
    if "in_sync" in case:
        assert plan.in_sync is case["in_sync"]


# --- a change → steps --------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "case"), list(cases("steps")))
def test_steps(kind: str, case: dict[str, Any]) -> None:
    given = case["change"]
    host = "" if KINDS[kind].layer == 3 else "h"
    change = Change(
        Id(host, kind, str(given["name"])),
        given["action"],
        given.get("before"),
        given.get("after"),
        tuple(given.get("fields", ())),
        given.get("effect", "none"),
    )
    given_state = case.get("state", {})
    state = State(given_state.get("fields", {}), args=given_state.get("args", {}))
    steps = KINDS[kind].steps(change, state)
    assert len(steps) == len(case["steps"])
    for step, wanted in zip(steps, case["steps"], strict=True):
        aspects = dict(wanted)
        assert type(step).__name__.lower() == aspects.pop("do")
        assert said(step) == {**DEFAULTS[type(step)], **aspects}
        if isinstance(step, Call):
            assert all(sent(message) for message in step.request.messages)


def sent(message: Message) -> bytes:
    """On the wire, as the newest Kafka has it: a request has nothing that Kafka does not know."""
    request = admin_request(message, 1000, "id")
    return encode(request, Versions({request.API_KEY: (0, 99)}), 1)


def said(step: Step) -> dict[str, Any]:
    if isinstance(step, Call):
        request = type(step.request).__name__
        return {"request": request, "args": plain(step.request)}
    found = {f.name: plain(getattr(step, f.name)) for f in fields_of(step)}
    return found | ({"id": str(step.id)} if isinstance(step, Await) else {})


DEFAULTS = {
    sort: {f.name: f.default for f in fields_of(sort) if f.default is not MISSING}
    | ({"args": []} if sort is Run else {})
    | ({"user": ""} if sort in (Run, Put, Unpack) else {})
    for sort in (Run, Put, Unpack, Call, Await)
}
"""What a case of ``steps/`` need not name."""


def test_every_kind_that_changes_anything_has_cases_of_its_steps() -> None:
    told = {path.stem for path in (HERE / "steps").glob("*.yaml")}
    assert told | {"java"} == set(KINDS), "java's are kafka's"
