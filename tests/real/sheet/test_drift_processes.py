"""What runs otherwise than the files say, or not at all, or twice: named, and mended alone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.real.kafka_processes import free_ports
from tests.real.lab import Lab, item, items, until


@contextlib.contextmanager
def by_hand(lab: Lab, argv: Sequence[str], name: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """A student's terminal: the command in the foreground, from Kafka's folder, until the block's
    end at the latest. Waits until the broker has joined."""
    with (lab.spec.parent / f"terminal{name}.log").open("wb") as log:
        running = subprocess.Popen(
            argv, cwd=lab.home, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield running
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()


def joined(lab: Lab, broker: int) -> bool:
    """Whether that broker is registered, and every replica is in sync."""
    brokers = {b["id"]: b for b in lab.json("status", code=None)["brokers"]}
    return bool(broker in brokers and brokers[broker]["up"]) and not any(
        b["behind"] for b in brokers.values()
    )


def others(lab: Lab, pids: dict[str, int]) -> dict[str, int]:
    return {node: pid for node, pid in pids.items() if node != "broker-1"}


def test_a_killed_broker_is_started_again_alone(lab: Lab) -> None:
    pids = lab.pids_now()
    lab.end(pids["broker-1"], how=signal.SIGKILL)
    change = item(lab.json("drift", code=2), "changes", kind="service")
    assert (change["name"], change["action"]) == ("broker-1", "start")
    assert (change["before"], change["after"]) == ({"running": False}, {"running": True})
    assert ("start", "service", "broker-1") in lab.applied()
    now = lab.pids_now()
    assert others(lab, now) == others(lab, pids)
    assert now["broker-1"] != pids["broker-1"]


def test_started_by_hand_as_on_the_sheet_is_in_sync(lab: Lab) -> None:
    lab.end(lab.pid("broker-1"))
    with by_hand(lab, ["./bin/kafka-server-start.sh", "config/server-1.properties"]) as terminal:
        until(lambda: joined(lab, 1))
        assert lab.pid("broker-1") == terminal.pid, "the launcher became java"
        cluster = lab.json("drift")
        assert cluster["in_sync"] is True
        assert not cluster["unmanaged"]
        assert lab.applied() == []
        assert lab.pid("broker-1") == terminal.pid
        # The terminal's Ctrl-C ends it as the sheet says.
        terminal.send_signal(signal.SIGINT)
        terminal.wait(timeout=300)


EDIT = ("queued.max.requests=600", "queued.max.requests=700")


def with_the_sheets_command(lab: Lab, old: list[str]) -> list[str]:
    return ["bin/kafka-server-start.sh", "config/server-1.properties"]


def with_the_old_command_line(lab: Lab, old: list[str]) -> list[str]:
    """The digest of the file as it was is copied along."""
    return old


@pytest.mark.parametrize(
    "command",
    [
        with_the_sheets_command,
        pytest.param(with_the_old_command_line, marks=pytest.mark.soak),
    ],
)
def test_edited_restarted_by_hand_and_put_back_only_that_broker_restarts(
    lab: Lab, command: object
) -> None:
    pids = lab.pids_now()
    old = [w for w in Path(f"/proc/{pids['broker-1']}/cmdline").read_text().split("\0") if w]
    file = lab.properties("broker-1")
    text = file.read_text()
    file.write_text(text.replace(*EDIT))
    lab.end(lab.pid("broker-1"))
    argv = command(lab, old)  # type: ignore[operator]
    with by_hand(lab, argv):
        until(lambda: joined(lab, 1))
        both = lab.json("drift", code=2)["changes"]
        assert {(c["kind"], c["action"]) for c in both} == {
            ("file", "update"),
            ("service", "restart"),
        }
        file.write_text(text)
        by_hand_pid = lab.pid("broker-1")
        change = item(lab.json("drift", code=2), "changes")
        assert (change["kind"], change["name"]) == ("service", "broker-1")
        alone = lab.leader("atu") == 1
        assert (change["action"], change["effect"]) == (
            "restart",
            "offline" if alone else "restart",
        )
        assert change["before"] == {"queued.max.requests": "700"}
        assert change["after"] == {"queued.max.requests": "600"}
        assert lab.applied() == [("restart", "service", "broker-1")]
        now = lab.pids_now()
        assert now["broker-1"] != by_hand_pid
        assert others(lab, now) == others(lab, pids)


@pytest.mark.soak
def test_started_by_something_else_it_is_taken_over(lab: Lab) -> None:
    pids = lab.pids_now()
    old = [w for w in Path(f"/proc/{pids['broker-1']}/cmdline").read_text().split("\0") if w]
    lab.end(lab.pid("broker-1"))
    with by_hand(lab, [w for w in old if not w.startswith("-Dprovision.")]):
        until(lambda: joined(lab, 1))
        change = item(lab.json("drift", code=2), "changes")
        assert (change["kind"], change["name"]) == ("service", "broker-1")
        assert change["action"] == "restart"
        assert "not started by the launcher" in change["reason"]
        assert lab.applied() == [("restart", "service", "broker-1")]
        assert others(lab, lab.pids_now()) == others(lab, pids)


@pytest.mark.soak
def test_a_restart_waits_until_the_others_are_in_sync(lab: Lab) -> None:
    """Edited and restarted broker 1, and broker 2 is dead: it is started before 1 is stopped."""
    pids = lab.pids_now()
    lab.end(pids["broker-2"], how=signal.SIGKILL)
    file = lab.properties("broker-1")
    text = file.read_text()
    file.write_text(text.replace(*EDIT))
    lab.end(lab.pid("broker-1"))
    with by_hand(lab, ["bin/kafka-server-start.sh", "config/server-1.properties"]):
        until(lambda: lab.json("status", code=None)["brokers"][1]["up"])
        file.write_text(text)
        plan = lab.json("plan")
        waves = {
            c["name"]: (c["action"], c["wave"]) for c in items(plan, "changes", kind="service")
        }
        assert waves["broker-2"][0] == "start"
        assert waves["broker-1"][0] == "restart"
        assert waves["broker-2"][1] < waves["broker-1"][1]
        assert {("start", "service", "broker-2"), ("restart", "service", "broker-1")} <= set(
            lab.applied()
        )
    now = lab.pids_now()
    assert (now["broker-0"], now["zookeeper-1"]) == (pids["broker-0"], pids["zookeeper-1"])


def test_a_broker_started_twice_runs_once_again(lab: Lab, tmp_path: Path) -> None:
    pids = lab.pids_now()
    (port,) = free_ports(1)
    overrides = [f"log.dirs={tmp_path}/second", f"listeners=PLAINTEXT://localhost:{port}"]
    argv = ["bin/kafka-server-start.sh", "config/server-1.properties"]
    for word in [*overrides, "broker.id=9"]:
        argv += ["--override", word]
    with by_hand(lab, argv):
        until(lambda: 9 in brokers(lab))
        cluster = lab.json("drift", code=2)
        change = item(cluster, "changes", kind="service")
        assert (change["name"], change["action"]) == ("broker-1", "restart")
        assert change["before"]["processes"] == 2
        assert change["after"]["processes"] == 1
        assert "started 2 times" in change["reason"]
        assert ("restart", "service", "broker-1") in lab.applied()
        assert others(lab, lab.pids_now()) == others(lab, pids), "and one process of broker 1"
        assert 9 not in brokers(lab)


def brokers(lab: Lab) -> set[int]:
    with lab.cluster() as kafka:
        return set(kafka.liveness().alive)


def test_a_process_of_no_node_is_reported_and_left_alone(lab: Lab, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    own = lab.home / "config/server-7.properties"
    text = lab.properties("broker-1").read_text()
    text = text.replace("broker.id=1", "broker.id=7").replace(f":{lab.ports[1]}", f":{port}")
    own.write_text(text.replace(f"{lab.home}/logs-1", f"{tmp_path}/seven"))
    try:
        with by_hand(lab, ["bin/kafka-server-start.sh", "config/server-7.properties"]) as terminal:
            until(lambda: 7 in brokers(lab))
            cluster = lab.drift()
            found = item(cluster, "unmanaged", kind="service")
            assert found["name"] == str(own)
            assert str(terminal.pid) in found["detail"]
            assert not items(cluster, "changes", kind="service")
            assert lab.json("apply", code=None)["applied"] == []
            assert terminal.poll() is None
            terminal.terminate()
            terminal.wait(timeout=300)
    finally:
        own.unlink()
    until(lambda: 7 not in brokers(lab))
