"""The lock over SSH: one run at a time, whoever and from wherever; the dead free it, the slow keep
it, and who woke too late changes nothing."""

from __future__ import annotations

import contextlib
import os
import signal

import pytest

from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.real_hosts.clusters import (
    Begun,
    Place,
    leftovers,
    on,
    one_node,
    processes,
    until,
)

CONFIG = "/opt/kafka/config/server-1.properties"
STATE = "/var/lib/provision/one"


@pytest.fixture(scope="module")
def host(module_machines: MachineFactory) -> Machine:
    (machine,) = module_machines()
    return machine


@pytest.fixture(scope="module")
def place(host: Machine, tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("lock"), [host])
    place.write(one_node(host.name, more="  supervisor: systemd\n"))
    place.ok("apply")
    return place


@pytest.fixture
def ops(place: Place, host: Machine) -> Place:
    """The same spec for another login."""
    secret = {"PROVISION_BECOME_PASSWORD": "s3cret"}
    other = Place(place.folder / "ops", [host], user="ops", environment=secret)
    other.inventory()
    other.spec.write_text(place.spec.read_text())
    return other


def threads(place: Place, number: int) -> None:
    """A change that takes the broker down and up: long enough to be met."""
    text = one_node(
        place.machines[0].name,
        more="  supervisor: systemd\n",
        config=f", num.io.threads: {number}",
    )
    place.write(text)


def held(place: Place) -> dict[str, object]:
    (lock,) = place.json("lock").cluster["locks"]
    return dict(lock)


def free(host: Machine) -> bool:
    """Whether the kernel would give the lock to the next who asks."""
    return on(host, f"flock -n {STATE}/lock true && echo free; true").strip() == "free"


def begin_to_restart(begun: Begun, host: Machine) -> None:
    """Until the run that was begun has stopped the broker."""
    until(lambda: begun.process.poll() is not None or not processes(host), "the broker to stop")
    assert begun.process.poll() is None, begun.text


def test_ten_at_once_from_two_logins(place: Place, ops: Place, host: Machine) -> None:
    threads(place, 9)
    ops.spec.write_text(place.spec.read_text())
    before = int(on(host, "grep -c num.io.threads /opt/kafka/config/server-1.properties; true"))
    assert before == 0
    with contextlib.ExitStack() as stack:
        runs = [
            stack.enter_context((place if n % 2 else ops).begun("apply", "--json"))
            for n in range(10)
        ]
        codes = [run.end() for run in runs]
    assert set(codes) <= {0, 1}, [run.text for run in runs]
    assert 0 in codes
    assert 1 in codes, "they came one after the other: nothing was tried"
    for run, code in zip(runs, codes, strict=True):
        if code == 1:
            assert '"lock-held"' in run.text
    # One of them restarted the broker, once: none interleaved.
    assert len(processes(host)["server-1.properties"]) == 1
    assert on(host, f"grep -c num.io.threads=9 {CONFIG}").strip() == "1"
    assert place.run("drift").code == 0
    assert free(host)
    assert held(place)["held"] is False


def test_who_holds_it_is_shown_and_a_killed_holder_frees_it(
    place: Place, ops: Place, host: Machine
) -> None:
    threads(place, 10)
    with place.begun("apply") as run:
        begin_to_restart(run, host)
        shown = held(ops)
        assert shown["held"] is True
        assert str(run.process.pid) in str(shown["who"])
        refused = ops.json("apply")
        assert refused.code == 1, str(refused)
        assert refused.document["errors"][0]["code"] == "lock-held"
        run.process.kill()
        until(lambda: free(host), "the lock of a killed run")
    place.ok("apply")
    assert place.run("drift").code == 0
    assert len(processes(host)["server-1.properties"]) == 1


def test_a_cut_cable_frees_it_after_the_silence(place: Place, host: Machine) -> None:
    threads(place, 11)
    with place.begun("apply") as run:
        begin_to_restart(run, host)
        host.cut()
        assert not free(host)
        until(lambda: free(host), "the lock of a run that was cut off")
        host.heal()
        assert run.end() != 0, run.text
    place.ok("apply")
    assert place.run("drift").code == 0
    assert len(processes(host)["server-1.properties"]) == 1
    assert leftovers(host) == []


def test_a_holder_that_wakes_after_another_took_over_changes_nothing(
    place: Place, ops: Place, host: Machine
) -> None:
    threads(place, 12)
    with place.begun("apply") as run:
        begin_to_restart(run, host)
        run.process.send_signal(signal.SIGSTOP)
        until(lambda: free(host), "the lock of a run that sleeps")
        threads(place, 13)
        ops.spec.write_text(place.spec.read_text())
        ops.ok("apply")
        journal = on(host, f"cat {STATE}/journal.jsonl")
        before = processes(host)
        run.process.send_signal(signal.SIGCONT)
        assert run.end() != 0, run.text
    assert on(host, f"grep -c num.io.threads=13 {CONFIG}").strip() == "1"
    assert processes(host) == before
    assert on(host, f"cat {STATE}/journal.jsonl") == journal
    assert place.run("drift").code == 0


def test_a_slow_but_living_holder_keeps_it(place: Place, host: Machine) -> None:
    """The broker cannot start while its port is taken; the run waits, and holds the lock."""
    threads(place, 14)
    with place.begun("apply") as run:
        begin_to_restart(run, host)
        age = held(place)["silent_seconds"]
        assert isinstance(age, int)
        assert not free(host)
        os.kill(run.process.pid, 0)
        assert run.end() == 0, run.text
    assert free(host)


def test_break_ends_the_holder(place: Place, ops: Place, host: Machine) -> None:
    threads(place, 15)
    with place.begun("apply") as run:
        begin_to_restart(run, host)
        broken = ops.run("lock", "--break", str(held(ops)["id"]))
        assert broken.code == 0, str(broken)
        assert free(host)
        run.end()
    place.ok("apply")
    assert "lock --break" in place.run("log").text
    assert place.run("drift").code == 0
