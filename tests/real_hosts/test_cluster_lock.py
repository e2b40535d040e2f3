"""The lock over SSH: one run at a time, whoever and from wherever; the dead free it, the slow keep
it, and who woke too late changes nothing."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import pytest

from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.real_hosts.clusters import (
    Begun,
    Java,
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
        config=f", num.partitions: {number}",
    )
    place.write(text)


def held(place: Place) -> dict[str, object]:
    (lock,) = place.json("lock").cluster["locks"]
    return dict(lock)


def free(host: Machine) -> bool:
    """Whether the kernel would give the lock to the next who asks."""
    return on(host, f"flock -n {STATE}/lock true && echo free; true").strip() == "free"


def broker(host: Machine) -> Java | None:
    """The broker's process, from its first moment on."""
    (only,) = processes(host).get("server-1.properties", [None])
    return only


@contextlib.contextmanager
def restarting(place: Place, host: Machine) -> Iterator[Begun]:
    """A run that has restarted the broker and waits for it, for as long as `go_on` is not called:
    the new broker is stopped in its start."""
    before = broker(host)
    with place.begun("apply") as run:

        def new() -> bool:
            return broker(host) not in (None, before)

        until(lambda: run.process.poll() is not None or new(), "another broker")
        assert run.process.poll() is None, run.text
        signal_broker(host, "STOP")
        try:
            yield run
        finally:
            go_on(host)


def signal_broker(host: Machine, name: str) -> None:
    if (found := broker(host)) is not None:
        on(host, f"kill -{name} {found.pid}")


def go_on(host: Machine) -> None:
    signal_broker(host, "CONT")


def test_ten_at_once_from_two_logins(place: Place, ops: Place, host: Machine) -> None:
    threads(place, 9)
    ops.spec.write_text(place.spec.read_text())
    before = int(on(host, "grep -c num.partitions /opt/kafka/config/server-1.properties; true"))
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
    assert on(host, f"grep -c num.partitions=9 {CONFIG}").strip() == "1"
    assert place.run("drift").code == 0
    assert free(host)
    assert held(place)["held"] is False


def test_who_holds_it_is_shown_and_a_killed_holder_frees_it(
    place: Place, ops: Place, host: Machine
) -> None:
    threads(place, 10)
    with restarting(place, host) as run:
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
    with restarting(place, host) as run:
        host.cut()
        assert not free(host)
        until(lambda: free(host), "the lock of a run that was cut off")
        go_on(host)
        host.heal()
        assert run.end() != 0, run.text
    place.ok("apply")
    assert place.run("drift").code == 0
    assert len(processes(host)["server-1.properties"]) == 1
    assert leftovers(host) == []


@pytest.mark.soak
def test_a_holder_that_wakes_after_another_took_over_changes_nothing(
    place: Place, ops: Place, host: Machine
) -> None:
    threads(place, 12)
    with restarting(place, host) as run:
        run.process.send_signal(signal.SIGSTOP)
        until(lambda: free(host), "the lock of a run that sleeps")
        go_on(host)
        threads(place, 13)
        ops.spec.write_text(place.spec.read_text())
        ops.ok("apply")
        journal = on(host, f"cat {STATE}/journal.jsonl")
        before = processes(host)
        run.process.send_signal(signal.SIGCONT)
        assert run.end() != 0, run.text
    assert on(host, f"grep -c num.partitions=13 {CONFIG}").strip() == "1"
    assert processes(host) == before
    assert on(host, f"cat {STATE}/journal.jsonl") == journal
    assert place.run("drift").code == 0


@pytest.mark.soak
def test_a_slow_but_living_holder_keeps_it(place: Place, host: Machine) -> None:
    """The broker does not get on with its start; the run waits, and holds the lock."""
    threads(place, 14)
    with restarting(place, host) as run:
        age = held(place)["silent_seconds"]
        assert isinstance(age, int)
        assert not free(host)
        assert run.process.poll() is None
        go_on(host)
        assert run.end() == 0, run.text
    assert free(host)


def test_break_ends_the_holder(place: Place, ops: Place, host: Machine) -> None:
    threads(place, 15)
    with restarting(place, host) as run:
        broken = ops.run("lock", "--break", str(held(ops)["id"]))
        assert broken.code == 0, str(broken)
        assert free(host)
        go_on(host)
        run.end()
    place.ok("apply")
    assert "lock --break" in place.run("log").text
    assert place.run("drift").code == 0
