"""What a process has of the environment of who started it: who and where its user is."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path

from tests.real.lab import Lab, until

KEPT = {"PATH", "LC_ALL", "HOME", "USER", "LOGNAME", "PWD"}
OPERATORS = {
    "PROVISION_BECOME_PASSWORD": "instructors-sudo",
    "PROVISION_SSH_PASSWORD": "instructors-ssh",
    "SOME_DB_PASSWORD": "s3cret",
    "JAVA_TOOL_OPTIONS": "-Dfrom.outside=1",
    "JDK_JAVA_OPTIONS": "-Dfrom.outside=1",
    "KAFKA_OPTS": "-Dfrom.outside=1",
    "TZ": "Asia/Tokyo",
}


def environment(pid: int) -> dict[str, str]:
    text = Path(f"/proc/{pid}/environ").read_text()
    return dict(entry.split("=", 1) for entry in text.split("\0") if entry)


def test_nothing_of_the_operators_environment_is_in_a_process(one: Lab) -> None:
    one.data["defaults"]["env"] = {"FROM_THE_SPEC": "yes"}
    one.write()
    theirs = dataclasses.replace(one, env=OPERATORS)
    theirs.apply()
    (node,) = one.nodes
    found = environment(one.pid(node))
    assert set(found) - KEPT == {"FROM_THE_SPEC"}
    assert found["FROM_THE_SPEC"] == "yes"
    assert one.json("drift")["in_sync"] is True

    # From a student's own shell, with all of that in it: the same process.
    one.end(one.pid(node))
    file = str(one.properties(node).relative_to(one.home))
    with subprocess.Popen(
        ["bin/kafka-server-start.sh", file],
        cwd=one.home, env=os.environ | OPERATORS, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as by_hand:  # fmt: skip
        try:
            until(lambda: one.json("status", code=None)["brokers"][0]["up"])
            assert one.pid(node) == by_hand.pid
            assert set(environment(by_hand.pid)) - KEPT == {"FROM_THE_SPEC"}
            assert one.json("drift")["in_sync"] is True
        finally:
            by_hand.terminate()
            by_hand.wait(60)
