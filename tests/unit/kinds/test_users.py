"""Who reads and changes what: below what Kafka's user can change, Kafka's user does it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

import provisioner
from provisioner.hosts.actor import LockToken, ShellStep
from provisioner.hosts.observer import Reading
from provisioner.kinds.kind import Probe
from provisioner.kinds.layout import HostLayout
from provisioner.kinds.registry import KINDS
from provisioner.plan.model import (
    PRIVILEGED,
    Absent,
    Change,
    Id,
    Present,
    Put,
    Refused,
    Run,
    Unpack,
)
from provisioner.run.removal import Removal
from provisioner.site.scripts import ENTERING, text_of
from provisioner.spec.types import Source, Spec, Supervisor
from tests.unit.plan.model_cluster import AS_ROOT, places_of, spec_of

ROOT = Path(provisioner.__file__).parent
WORDS_ONLY = {"account/make", "storage/record", "service/systemd"}
"""Scripts of root's that are told such a path, and only compare it, write it down, or ask which
file system it is on: what is below it is neither opened nor changed."""
CALLS = {"Probe", "Reading", "Run", "Put", "Unpack", "ShellStep", "Removal", "LockToken"}


def layouts() -> Iterator[tuple[Spec, HostLayout]]:
    """Every spec of the planner's tests, for root, under both supervisors; also with a broker that
    is to go."""
    for spec in (*map(spec_of, ("lab", "kraft", "three")), going(spec_of("three"))):
        for supervisor in Supervisor:
            one = replace(spec, supervisor=supervisor)
            for made in (one, preinstalled(one)):
                for host in sorted({node.host for node in made.known}):
                    yield made, places_of(made, host, AS_ROOT)


def preinstalled(spec: Spec) -> Spec:
    """The same nodes of a Kafka that was there already."""
    systemd = spec.supervisor is Supervisor.SYSTEMD
    nodes = tuple(
        replace(node, unit=f"{node.name}.service" if systemd else "") for node in spec.nodes
    )
    return replace(spec, source=Source("preinstalled"), nodes=nodes, leaving=(), java="system")


def going(spec: Spec) -> Spec:
    *stay, last = spec.nodes
    return replace(spec, nodes=tuple(stay), leaving=(last,))


def theirs(places: HostLayout, words: Any) -> list[str]:
    """The arguments that lie where Kafka's user can change things."""
    roots = [places.home, *(d.path for node in places.known for d in node.log_dirs)]
    if places.supervisor is Supervisor.PROCESS:
        roots.append(places.state)
    parts = [part for word in words for part in str(word).split("\n")]
    return [p for p in parts if any(p == root or p.startswith(root + "/") for root in roots)]


def test_probes() -> None:
    looked_at = 0
    for _, places in layouts():
        for kind in KINDS.values():
            for probe in kind.probe(places):
                if not theirs(places, probe.args):
                    continue
                looked_at += 1
                if probe.user != places.user:
                    # Processes, and lines of root's manifest, are compared by it.
                    assert probe.user == PRIVILEGED
                    assert kind.name in ("service", "storage")
                    assert kind.name == "service" or "awk" in probe.script
    assert looked_at > 50


def test_steps() -> None:
    looked_at = 0
    for spec, places in layouts():
        for kind in KINDS.values():
            for id, state in kind.desired(spec, places).items():
                for action in ("create", "update", "delete", "start", "stop", "restart"):
                    change = Change(id, action, {}, {}, tuple(state.fields))  # type: ignore[arg-type]
                    try:
                        steps = kind.steps(change, state)
                    except (KeyError, AssertionError, ValueError):
                        continue  # that cannot happen to a thing of this kind
                    for step in steps:
                        looked_at += judged(places, step)
    assert looked_at > 200


def judged(places: HostLayout, step: object) -> bool:
    match step:
        case Run(function=function, args=args, user=user):
            if user == PRIVILEGED and theirs(places, args):
                assert function in (*ENTERING, *WORDS_ONLY), step
            return bool(theirs(places, args))
        case Put(path=path, user=user) | Unpack(path=path, user=user):
            assert user == places.user or not theirs(places, [path]), step
            return True
    return False


def test_nothing_has_a_default_user() -> None:
    for cls in (Probe, Reading, Run, Put, Unpack, ShellStep, Removal):
        (user,) = [f for f in fields(cls) if f.name == "user"]
        assert user.default is user.default_factory, cls  # both are MISSING
    (owner,) = [f for f in fields(LockToken) if f.name == "state_owner"]
    assert owner.default is owner.default_factory


PLACES = {
    ("kinds/account/kind.py", "probe"): "the table of accounts",
    ("kinds/account/kind.py", "steps"): "accounts",
    ("kinds/directory/kind.py", "desired"): "by enter.sh alone",
    ("kinds/directory/kind.py", "judge"): "a comparison",
    ("kinds/directory/kind.py", "probe"): "/var/lib/provision",
    ("kinds/directory/preinstalled.py", "desired"): "by enter.sh alone",
    ("kinds/directory/kind.py", "steps"): "by enter.sh alone",
    ("kinds/file/desired.py", "desired"): "units",
    ("kinds/file/dropin.py", "folder_step"): "drop-ins of units, by enter.sh alone",
    ("kinds/file/dropin.py", "state"): "drop-ins of units",
    ("kinds/file/desired.py", "_of_leaving"): "units",
    ("kinds/service/migration.py", "disabled"): "units",
    ("kinds/file/kind.py", "probe"): "units",
    ("kinds/file/preinstalled.py", "_adopted"): "files in folders of root's, by enter.sh alone",
    ("kinds/file/preinstalled.py", "steps"): "files in folders of root's, by enter.sh alone",
    ("kinds/service/kind.py", "probe"): "/proc and systemctl",
    ("kinds/service/steps.py", "mend_steps"): "systemctl",
    ("kinds/service/steps.py", "start_step"): "systemctl",
    ("kinds/service/steps.py", "stop_steps"): "systemctl",
    ("kinds/service/steps.py", "tell_step"): "systemctl",
    ("site/preflight.py", "_ask"): "ports, disks, /proc; root's manifests",
    ("run/rebuild.py", "_stop"): "/proc and signals",
    ("run/sweep.py", "_sweep"): "/etc/systemd/system",
    ("site/site.py", "_gather_facts"): "who we are",
    ("site/survey.py", "_survey"): "/proc and systemctl",
    ("run/waits.py", "_why_dead"): "systemctl and journalctl",
    ("run/removal.py", "_as_root"): "by enter.sh alone",
    ("run/maintenance.py", "boot_id"): "/proc",
    ("run/maintenance.py", "command"): "the user's own command",
    ("run/maintenance.py", "reboot"): "systemctl and reboot",
    ("run/removal.py", "_end"): "accounts",
    ("run/removal.py", "removals"): "units",
}
"""Everywhere that something is done as root, and why nobody else can have a hand in it."""


def uses() -> Iterator[tuple[str, str]]:
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text())
        for function in ast.walk(tree):
            names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
            if isinstance(function, ast.FunctionDef) and "PRIVILEGED" in names:
                yield str(path.relative_to(ROOT)), function.name


def test_where_root_acts_is_written_down() -> None:
    assert set(uses()) - {(file, name) for file, name in PLACES} == set()


def test_no_user_is_an_empty_word() -> None:
    """Who acts is named: an empty text in its place would be root by accident."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text())):
            named = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
            if named and call.func.id in CALLS and any(map(_is_empty, user_words(call))):
                found.append(f"{path.relative_to(ROOT)}:{call.lineno}")
            if isinstance(call, ast.Dict) and any(map(_is_empty, user_values(call))):
                found.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    assert found == []


def user_values(words: ast.Dict) -> Iterator[ast.expr]:
    """What a table of arguments says of who acts."""
    for key, value in zip(words.keys, words.values, strict=True):
        if isinstance(key, ast.Constant) and key.value == "user":
            yield value


def user_words(call: ast.Call) -> list[ast.expr]:
    place = {"Probe": 4, "Put": 3}.get(call.func.id, 2)  # type: ignore[attr-defined]
    given = [keyword.value for keyword in call.keywords if keyword.arg == "user"]
    return [*given, *call.args[place : place + 1]]


def _is_empty(word: ast.expr) -> bool:
    return isinstance(word, ast.Constant) and word.value == ""


@pytest.mark.parametrize("function", ENTERING)
def test_what_root_does_to_a_folder_it_does_by_entering_it(function: str) -> None:
    assert "enter()" in text_of(function)


def test_root_gives_away_only_what_is_its_own() -> None:
    """A folder of a third user's, which the spec names as a log dir, is that one's."""
    for _, places in layouts():
        if places.preinstalled:
            continue  # there an owner is nobody's to compare
        path = places.home
        id = Id(places.host, "directory", path)
        state = KINDS["directory"].desired(spec_of("lab"), places)[id]
        for owner, refused in (("root:root", False), ("other:other", True)):
            seen = Present({"type": "directory", "mode": "0755", "owner": owner})
            decided, difference = KINDS["directory"].judge(id, state, seen, ("owner",))
            assert isinstance(difference, Refused) is refused
            assert decided is refused


def test_without_systemd_a_user_who_is_not_there_is_refused() -> None:
    for _, places in layouts():
        spec = replace(spec_of("lab"), user="kafka")
        (id,) = KINDS["account"].desired(spec, places)
        state = KINDS["account"].desired(spec, places)[id]
        decided, difference = KINDS["account"].judge(id, state, Absent(), ("exists",))
        rooted = places.supervisor is Supervisor.SYSTEMD
        assert (decided, isinstance(difference, Refused)) == (not rooted, not rooted)
