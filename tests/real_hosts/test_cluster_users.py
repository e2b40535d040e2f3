"""Two more users of the host, who own nothing of the cluster: what they start in a broker's
likeness counts as nothing, and nobody's process ends by it. Both supervisors, as root."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.hosts.options import DEPLOY, User
from tests.real_hosts.clusters import Place, on, one_node, processes, until
from tests.soak import modes

STUDENT, OTHER, KAFKA = User("student", 1003), User("other", 1004), User("owner", 1005)
KEPT = {"PATH", "LC_ALL", "HOME", "USER", "LOGNAME", "PWD"}
HOMES = {"systemd": "/opt/kafka", "process": "/home/owner/kafka"}


@pytest.fixture(scope="module")
def host(module_machines: MachineFactory) -> Machine:
    (machine,) = module_machines(users=(DEPLOY, STUDENT, OTHER, KAFKA))
    return machine


@pytest.fixture(scope="module", params=modes("systemd", soak=("process",)))
def place(
    request: pytest.FixtureRequest, host: Machine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    kind = str(request.param)
    user = "  user: owner\n" if kind == "process" else ""
    more = f"  supervisor: {kind}\n  home: {HOMES[kind]}\n{user}"
    secrets = {"PROVISION_SSH_PASSWORD": "instructors", "SOME_DB_PASSWORD": "s3cret"}
    place = Place(tmp_path_factory.mktemp(kind), [host], name=kind, environment=secrets)
    place.write(one_node(host.name, more=more))
    place.ok("apply")
    yield place
    place.ok("destroy", "--confirm", "one", "--allow", "wipe-log-dir")


def ours(host: Machine, place: Place) -> int:
    """The pid of the broker: the oldest one that runs its file as its user."""
    owner = on(host, 'stat -c %u "$1"', f"{HOMES[place.name]}/config").strip()
    found = [j for j in processes(host)["server-1.properties"] if str(j.uid) == owner]
    assert len(found) == 1, found
    return found[0].pid


def unit(host: Machine, name: str, user: str, *words: str) -> int:
    """Starts a program as that user, beside everything else; its pid."""
    on(host, f'systemd-run -q --unit={name} --uid={user} -- "$@"', *words)
    until(lambda: on(host, f"systemctl show -p MainPID --value {name}").strip() != "0", name)
    return int(on(host, f"systemctl show -p MainPID --value {name}"))


UNITS = ("victim", "copied", "header", "lines")


@pytest.fixture
def forged(host: Machine, place: Place) -> Iterator[dict[str, int]]:
    """Likenesses of the running broker with its digest, and a victim of theirs: root's process."""
    line = on(host, "tr '\\0' '\\n' <\"$1\"", f"/proc/{ours(host, place)}/cmdline").splitlines()
    on(host, "install -m 755 /bin/bash /home/student/java")
    victim = unit(host, "victim", "root", "/bin/sleep", "100000")
    header = f"==> /proc/{victim}/cmdline <=="
    argv = shlex.join(line[1:])
    wait = "while :; do read -t 1000 x <>/home/student/fifo; done"
    on(host, "mkfifo -m 666 /home/student/fifo 2>/dev/null; chmod 755 /home/student")
    found = {
        "victim": victim,
        "copied": unit(
            host, "copied", "student", "/home/student/java", "-c", wait, *line[1:]
        ),
        "header": unit(
            host, "header", "other", "/bin/bash", "-c",
            f"exec -a java perl -e 'sleep 100000' -- {shlex.quote(header)} java {argv}",
        ),
        "lines": unit(
            host, "lines", "other", "/bin/bash", "-c",
            "exec -a java perl -e 'sleep 100000' -- "
            + shlex.quote("\n".join(["x", header, *line]))
            + " "
            + argv,
        ),
    }  # fmt: skip
    until(lambda: len(processes(host)["server-1.properties"]) >= 1, "the likenesses")
    yield found
    on(host, f"systemctl stop {' '.join(UNITS)} 2>/dev/null; systemctl reset-failed; true")


def alive(host: Machine, forged: dict[str, int]) -> set[str]:
    return {
        name
        for name, pid in forged.items()
        if on(host, f"[ -d /proc/{pid} ] && grep -v '^State:.Z' /proc/{pid}/status; true")
    }


def test_likenesses_of_a_broker_are_nothing(
    place: Place, host: Machine, forged: dict[str, int]
) -> None:
    before = ours(host, place)
    seen = place.json("drift")
    assert seen.code == 0, str(seen)
    told = [u["detail"] for u in seen.cluster["unmanaged"] if u["kind"] == "service"]
    assert any(f"run by uid {STUDENT.uid}" in words for words in told), told
    assert not any(f"pid {forged['victim']}," in words for words in told)
    assert place.json("apply").cluster["applied"] == []
    assert ours(host, place) == before

    place.ok("restart")
    assert ours(host, place) != before
    assert alive(host, forged) == set(UNITS)

    place.ok("stop")
    assert alive(host, forged) == set(UNITS)
    down = place.json("drift")
    assert down.code == 2, str(down)
    assert [(c["name"], c["action"]) for c in down.cluster["changes"]] == [("broker-1", "start")]
    place.ok("apply")
    assert place.run("drift").code == 0
    assert alive(host, forged) == set(UNITS)


def test_rebuild_ends_only_what_can_be_seen_to_be_java(
    place: Place, host: Machine, forged: dict[str, int]
) -> None:
    done = place.ok("apply", "--rebuild")
    assert "victim" in alive(host, forged)
    assert {"header", "lines"} <= alive(host, forged)
    assert f"ended pid {forged['copied']} of student" in done.progress
    assert place.run("drift").code == 0


def test_a_process_has_nothing_of_the_operators_environment(place: Place, host: Machine) -> None:
    text = on(host, "tr '\\0' '\\n' <\"$1\"", f"/proc/{ours(host, place)}/environ")
    assert {line.partition("=")[0] for line in text.splitlines()} <= KEPT
    assert "s3cret" not in text
    assert "instructors" not in text


TRAP = r"""cp -p "$1" "$1.real"
printf '#!/bin/sh\nid -u >>/tmp/told/ran\nexec /bin/sh %s "$@"\n' "$1.real" """
VERBS = ("plan", "drift", "status", "verify", "apply", "restart", "log")


def test_no_verb_runs_the_launcher_of_a_home_as_root(
    place: Place, host: Machine, tmp_path: Path
) -> None:
    """Kafka's user puts something else into its place: it is run as that user only."""
    home = HOMES[place.name]
    launcher = on(host, 'readlink -f "$1"', f"{home}/bin/provision-launch.sh").strip()
    owner = on(host, 'stat -c %u "$1"', f"{home}/config").strip()
    on(host, "install -d -m 777 /tmp/told; rm -f /tmp/told/*")
    on(
        host,
        TRAP + ' >"$1.new"; chmod --reference="$1" "$1.new"; chown --reference="$1" "$1.new";'
        ' mv "$1.new" "$1"',
        launcher,
    )
    try:
        for verb in VERBS:
            place.run(verb)
        ran = set(on(host, "cat /tmp/told/ran").split())
        assert ran == {owner}
    finally:
        on(host, 'if [ -e "$1.real" ]; then mv "$1.real" "$1"; fi', launcher)
        place.ok("apply")
