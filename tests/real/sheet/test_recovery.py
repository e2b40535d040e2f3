"""'The VM restarted': everything was killed, and one apply brings it back with all its data."""

from __future__ import annotations

import signal

from tests.real.lab import Lab


def test_after_everything_was_killed_one_apply_recovers_with_all_data(lab: Lab) -> None:
    written = {
        topic: [f"{topic}-{n}".encode() for n in range(200)] for topic in ("atu", "purchases")
    }
    for topic, values in written.items():
        lab.produce(topic, values)
    pids = lab.pids_now()
    lab.end(*pids.values(), how=signal.SIGKILL)
    assert not lab.pids()
    plan = lab.json("plan")
    assert {(c["action"], c["name"]) for c in plan["changes"]} == {
        ("start", node) for node in lab.nodes
    }
    done = lab.json("apply", "--round-trip")
    assert (done["in_sync"], done["healthy"]) == (True, True)
    assert {(c["action"], c["name"]) for c in done["applied"]} == {
        ("start", node) for node in lab.nodes
    }
    now = lab.pids_now()
    assert not set(now.values()) & set(pids.values())
    for topic, values in written.items():
        assert set(values) <= set(lab.consume(topic)), (
            f"{topic}: all that was acknowledged is there"
        )


def test_killed_brokers_wait_for_their_old_sessions(lab: Lab) -> None:
    """ZooKeeper stays, and with it the registrations of the dead, until the sessions end."""
    pids = lab.pids_now()
    dead = [pids[f"broker-{id}"] for id in (0, 1, 2)]
    lab.end(*dead, how=signal.SIGKILL)
    done = lab.run("apply", "--json")
    assert done.code == 0, done.text + done.progress
    assert "sessions to end" in done.progress
    assert lab.pid("zookeeper-1") == pids["zookeeper-1"]
    assert len(lab.pids_now()) == 4
