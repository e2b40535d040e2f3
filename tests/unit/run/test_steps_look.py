"""The order of the steps of a unit; records of probes; lines of the journal; gates."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provisioner.hosts.shell import Frame
from provisioner.kinds.registry import KINDS
from provisioner.kinds.safety_view import safety_view
from provisioner.plan.model import (
    Absent,
    Await,
    Call,
    Change,
    Id,
    Present,
    Put,
    Run,
    Step,
    Unknown,
    Unpack,
)
from provisioner.plan.pipeline import allowed
from provisioner.run.journal import Journal
from provisioner.run.steps import sequence, shell_step
from provisioner.site.look import parsed, record, records
from provisioner.site.scripts import LIBRARIES, text_of
from tests.as_login import Probe
from tests.as_login import Put as put
from tests.as_login import Run as run
from tests.unit.plan.model_cluster import ModelCluster, spec_of

STOP, START = run("service/stop"), run("service/start")
WAIT = Await(Id("h", "service", "b"))
FILE = put("/f", "x", "0640")
JAR = Unpack("bytes", "/d", "kafka")


def shape(groups: list[list[tuple[int, Step]]]) -> list[list[tuple[int, str]]]:
    return [[(n, getattr(s, "function", type(s).__name__)) for n, s in group] for group in groups]


def test_processes_go_column_by_column() -> None:
    chains: list[list[Step]] = [[STOP, START, WAIT], [STOP, START, WAIT]]
    assert shape(sequence(chains, together=True)) == [
        [(0, "service/stop"), (1, "service/stop"), (0, "service/start"), (1, "service/start")],
        [(0, "Await"), (1, "Await")],
    ]


def test_files_go_chain_after_chain_in_one_exec() -> None:
    assert shape(sequence([[FILE], [FILE, START], [FILE]], together=False)) == [
        [(0, "Put"), (1, "Put"), (1, "service/start"), (2, "Put")]
    ]


def test_what_is_streamed_stands_alone() -> None:
    groups = sequence([[FILE], [JAR], [FILE]], together=False)
    assert shape(groups) == [[(0, "Put")], [(1, "Unpack")], [(2, "Put")]]


CHAINS = st.lists(
    st.lists(st.sampled_from([STOP, START, FILE, JAR, WAIT, Call(None)]), min_size=1, max_size=5),
    max_size=5,
)


@given(CHAINS, st.booleans())
def test_no_step_is_lost_or_overtakes_its_predecessor(
    chains: list[list[Step]], together: bool
) -> None:
    groups = sequence(chains, together=together)
    for number, chain in enumerate(chains):
        assert [s for group in groups for n, s in group if n == number] == chain
    for group in groups:
        assert len({Run if isinstance(s, Run | Put) else type(s) for _, s in group}) == 1


def test_every_script_that_a_step_names_is_there() -> None:
    names = {"kinds"}
    for name in ("lab", "kraft", "three"):
        planned = ModelCluster(spec_of(name)).planned()
        for change in planned.plan.changes:
            for step in KINDS[change.id.kind].steps(change, planned.wanted[change.id]):
                if isinstance(step, Run):
                    names.add(step.function)
                    assert text_of(step.function).strip()
    assert {"service/start", "storage/format", "directory/make"} <= names
    assert all(text_of(name) for name in LIBRARIES)


def test_content_goes_to_stdin_and_never_to_argv() -> None:
    step = shell_step(put("/f", "s3cret", "0400", "kafka"))
    assert step.input == "s3cret"
    assert "s3cret" not in " ".join(step.args)


# --- records -----------------------------------------------------------------------------------

LINES = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=9)
BODIES = st.lists(LINES.map(lambda line: "|" + line), max_size=4)


@given(st.lists(BODIES, max_size=5))
def test_records_come_back_one_by_one(bodies: list[list[str]]) -> None:
    text = "".join("=\n" + "".join(line + "\n" for line in body) for body in bodies)
    found = records(text)
    assert [record(item).lines for item in found] == [tuple(x[1:] for x in b) for b in bodies]
    assert "".join("=\n" + item for item in found) == text


def test_a_record() -> None:
    found = record("a=1\n~b=x=y\na=2\n|text\n|=\nneither\n")
    assert found.values == {"a": "2", "b": "x=y"}
    assert found.many["a"] == ("1", "2")
    assert found.lines == ("text", "=")


IDS = tuple(Id("h", "directory", f"/{n}") for n in range(3))


def seen(text: str, status: int = 0) -> list[Any]:
    found = parsed(Probe("", IDS, ("/0", "/1", "/2"), 1), Frame(text, status))
    return [type(found[id]) for id in IDS]


def test_what_a_probe_did_not_come_to_is_unknown() -> None:
    whole = "=\ntype=directory\n=\nabsent=\n=\nabsent=\n"
    assert seen(whole) == [Present, Absent, Absent]
    assert seen("=\ntype=directory\n=\nabsent=\n") == [Present, Absent, Unknown]
    assert seen("=\ntype=directory\n=\nabsent=\n", 124) == [Present, Unknown, Unknown]
    assert seen("", 0) == [Unknown] * 3
    assert seen("sh: Permission denied\n", 126) == [Unknown] * 3
    assert [type(o) for o in parsed(Probe("", IDS, (), 1), None).values()] == [Unknown] * 3


@given(st.sets(st.sampled_from(IDS)))
def test_a_probe_of_some_has_the_arguments_of_these(wanted: set[Id]) -> None:
    words = tuple(f"{id.name}{n}" for id in IDS for n in "ab")
    some = Probe("s", IDS, ("shared", *words), 2, shared=1).only(wanted)
    assert list(some.ids) == sorted(wanted)
    assert some.args == ("shared", *(f"{id.name}{n}" for id in some.ids for n in "ab"))


# --- journal and gates -------------------------------------------------------------------------


def test_journal_lines_count_and_name_changes_without_their_content() -> None:
    journal = Journal("run1", "apply", "d" * 64, who="me")
    change = Change(Id("h", "file", "/f"), "update", {"p": "s3cret"}, {"p": "other"}, ("p",))
    lines = [json.loads(journal.line(o, 2, [change])) for o in ("intent", "done")]
    assert [line["seq"] for line in lines] == [1, 2]
    assert lines[0]["changes"] == ["update h/file//f"]
    assert (lines[0]["run"], lines[0]["outcome"], lines[0]["wave"]) == ("run1", "intent", 2)
    assert "s3cret" not in json.dumps(lines)
    assert "\n" not in journal.line("done", 1, [change], "a\nb")


def test_a_view_for_the_rules() -> None:
    model = ModelCluster.made("kraft")
    model.kill("broker-2")
    view = model.view()
    assert view is not None
    found = safety_view(view)
    assert found.alive == {0, 1}
    assert {p.min_isr for p in found.partitions} == {2}
    assert all(2 not in p.isr and 2 in p.replicas for p in found.partitions)
    assert found.quorum_leader == 0


def test_a_log_dir_that_moved_is_taken_for_what_it_is_once_that_is_allowed() -> None:
    id = Id("h", "storage", "/data/1")
    text = "=\nempty=false\n|cluster.id=A\nfilesystem=uuid:1\nrecorded=uuid:77\nrole=controller\n"
    seen = parsed(Probe("", (id,), (), 1), Frame(text, 0))
    assert isinstance(allowed(seen, {"data-loss"})[id], Unknown)
    found = allowed(seen, {"format-controller"})[id]
    assert isinstance(found, Present)
    assert (found.fields["cluster_id"], found.volatile["recorded"]) == ("A", None)
    assert found.text == text.removeprefix("=\n"), "what a change is checked against"
