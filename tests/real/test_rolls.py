"""A roll that is foreseen, ends early and goes on; batches and a canary; nodes that are held."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.real.provisioned import Provisioned, provisioned
from tests.soak import modes


@pytest.fixture(scope="module", params=modes("kraft", soak=("zookeeper",)))
def lab(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Provisioned]:
    with provisioned(tmp_path_factory.mktemp(f"rolls-{request.param}"), request.param) as found:
        yield found


def edit(lab: Provisioned, *pairs: tuple[str, str]) -> None:
    """Replaces a text of the spec by another."""
    text = lab.spec.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    lab.spec.write_text(text)


def heap(lab: Provisioned, size: int) -> None:
    """Every broker has to be restarted for it."""
    head, _, rest = lab.spec.read_text().partition("  heap: ")
    lab.spec.write_text(f"{head}  heap: {size}m\n{rest.partition(chr(10))[2]}")


@contextmanager
def rolled_by(lab: Provisioned, roll: str) -> Iterator[None]:
    """With this ``policy.roll`` for a while; what else was changed meanwhile stays."""
    line = f"policy: {{roll: {{{roll}}}}}\n"
    lab.spec.write_text(lab.spec.read_text() + line)
    try:
        yield
    finally:
        edit(lab, (line, ""))


def forecast(lab: Provisioned) -> dict[str, Any]:
    return dict(lab.run("plan", "--json").cluster["forecast"])


def pids(lab: Provisioned) -> dict[str, int]:
    return {f"broker-{id}": lab.broker_pid(id) for id in (0, 1, 2)}


def bounced(lab: Provisioned, before: dict[str, int]) -> set[str]:
    return {name for name, pid in pids(lab).items() if pid != before[name]}


def test_a_roll_is_foreseen_and_ends_where_it_is_told_to(lab: Provisioned) -> None:
    heap(lab, 260)
    first = forecast(lab)
    order = [name for name in first["restarts"] if name.startswith("broker-")]
    assert sorted(order) == ["broker-0", "broker-1", "broker-2"]
    before, count = pids(lab), len(first["restarts"])
    assert first["offline"] == ["atu-0"]
    assert first["blocked"] == []
    assert first["moves"]["partitions"] == 0
    assert first["seconds"] is None, "none of them was restarted before"

    some = lab.run("apply", "--max-restarts", str(count - 2))
    assert some.code == 2, some.text + some.progress
    assert bounced(lab, before) == set(order[:-2])
    assert f"--max-restarts is reached; not restarted: {', '.join(order[-2:])}" in some.text
    assert f"to continue: provision apply {lab.spec}" in some.text
    assert lab.run("plan", "--json").cluster["forecast"]["restarts"] == order[-2:]

    document = lab.run("apply", "--json", "--max-restarts", "1")
    assert document.code == 2
    assert document.cluster["ended"] == "max-restarts"
    left = [item for item in document.cluster["not_started"] if item["action"] == "restart"]
    assert [item["name"] for item in left] == order[-1:]

    last = lab.run("apply", "--max-restarts", "1")
    assert last.code == 0, last.text + last.progress
    assert "the restarts took " in last.text
    assert lab.run("drift").code == 0


@pytest.mark.soak
def test_the_next_roll_takes_as_long_as_the_last(lab: Provisioned) -> None:
    heap(lab, 264)
    found = forecast(lab)
    assert found["seconds"] > 0
    done = lab.run("apply", "--json")
    assert done.code == 0, done.progress
    took = done.cluster["forecast"]["took"]
    # A machine that is busy with other tests is slower; that it says nothing at all would be wrong.
    assert found["seconds"] / 5 < took < found["seconds"] * 5
    assert done.cluster["forecast"]["seconds"] == found["seconds"]


@pytest.mark.soak
def test_nothing_is_begun_that_would_not_be_over_in_time(lab: Provisioned) -> None:
    heap(lab, 268)
    before = pids(lab)
    # The next minute begins before all of them, one after the other, can be over.
    soon = time.strftime("%H:%M", time.localtime(time.time() + 5))
    if soon == time.strftime("%H:%M"):
        soon = time.strftime("%H:%M", time.localtime(time.time() + 60))
    done = lab.run("restart", "--until", soon)
    assert "--until: nothing is begun that is expected to end after " in done.progress
    if done.code == 2:
        assert "to continue: provision restart " in done.text
        assert bounced(lab, before) != set(before)
    lab.apply()


@pytest.mark.soak
def test_a_restart_goes_on_with_those_that_are_left(lab: Provisioned) -> None:
    before = pids(lab)
    some = lab.run("restart", "--node", "broker-0,broker-1,broker-2", "--max-restarts", "1")
    assert some.code == 2, some.text + some.progress
    (first,) = bounced(lab, before)
    (line,) = [line for line in some.text.splitlines() if line.startswith("to continue: ")]
    words = line.split()
    assert words[2:5] == ["provision", "restart", str(lab.spec)]
    rest = lab.run("restart", *words[5:])
    assert rest.code == 0, rest.text + rest.progress
    assert bounced(lab, before) == set(before)
    assert first not in words[-1].split(",")


def test_a_node_that_the_spec_holds_is_left_alone_and_the_first_of_the_others_is_a_canary(
    lab: Provisioned,
) -> None:
    edit(
        lab,
        (
            "{id: 1, host: localhost, listeners",
            '{id: 1, hold: "disk swap", host: localhost, listeners',
        ),
    )
    heap(lab, 272)
    before = pids(lab)
    with rolled_by(lab, "parallel: 2, canary: 1, pause: 2s"):
        done = lab.run("apply")
    assert done.code == 2, done.text + done.progress
    assert bounced(lab, before) == {"broker-0", "broker-2"}
    assert "checking its log, its replicas and a round trip" in done.progress
    assert "pausing for 2 s before the next restart" in done.progress
    drift = lab.run("drift", "--json")
    (refused,) = drift.cluster["refused"]
    assert refused["name"] == "broker-1"
    assert refused["reason"].startswith("it is held: disk swap (hold in the spec, for ")
    (hold,) = lab.status()["holds"]
    assert (hold["name"], hold["reason"], hold["spec"]) == ("broker-1", "disk swap", True)
    assert hold["seconds"] >= 0
    assert "broker-1 is left alone for " in lab.run("status").text

    stopped = lab.run("stop", "--node", "broker-1")
    assert stopped.code == 0, stopped.text + stopped.progress
    assert lab.run("start", "--node", "broker-1").code == 1
    assert lab.run("apply").code == 2
    assert lab.pids("server-1.properties") == []

    edit(lab, (' hold: "disk swap",', ""))
    lab.apply()
    assert lab.run("drift").code == 0


@pytest.mark.soak
def test_brokers_that_share_no_partition_are_bounced_together(lab: Provisioned) -> None:
    """Three brokers and replication 3 leave none to spare; with a minimum of 1 there is one."""
    heap(lab, 280)
    with rolled_by(lab, "parallel: 3"):
        found = forecast(lab)
        batches = [names for names in found["together"] if names[0].startswith("broker-")]
        assert max(map(len, batches)) == (1 if lab.kraft else 2)
        done = lab.run("apply", "--json")
        assert done.code == 0, done.progress
