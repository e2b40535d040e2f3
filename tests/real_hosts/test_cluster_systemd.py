"""The lab of the sheet under systemd: its units, its way up after a power cut, and every drift that
somebody makes by hand: seen, named, mended, and nothing restarted that need not be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.real_hosts.clusters import (
    Answer,
    Place,
    bounced,
    lab,
    leftovers,
    on,
    processes,
    unit,
    until,
    without_python,
)

UNITS = ["zookeeper-1", "broker-0", "broker-1", "broker-2"]
BROKER = "/opt/kafka/config/server-1.properties"
MENDED = "server-1.properties"
AS_KAFKA = 'runuser -u kafka -- sh -c "cd /opt/kafka && $1"'
TOPICS = "bin/kafka-topics.sh --bootstrap-server localhost:9092"
CONFIGS = "bin/kafka-configs.sh --bootstrap-server localhost:9092 --alter"


@pytest.fixture(scope="module")
def host(module_machines: MachineFactory) -> Machine:
    (machine,) = module_machines()
    without_python(machine)
    return machine


@pytest.fixture(scope="module")
def place(host: Machine, tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("systemd"), [host])
    text = lab(
        host.name, more="  supervisor: systemd\n", config=", num.io.threads: 4, num.partitions: 4"
    )
    place.write(
        text.replace("replication: 3}", "replication: 3, config: {retention.ms: 604800000}}")
    )
    done = place.run("apply")
    assert done.code == 0, str(done)
    return place


def name(node: str) -> str:
    return f"kafka-lab-{node}.service"


def by_kafka(host: Machine, command: str) -> None:
    on(host, AS_KAFKA, command)


# --- what was made -------------------------------------------------------------------------------


def test_units_are_clean_enabled_and_their_own(place: Place, host: Machine) -> None:
    for node in UNITS:
        shown = unit(host, name(node))
        assert shown["ActiveState"] == "active"
        assert shown["UnitFileState"] == "enabled"
        assert shown["User"] == "kafka"
        assert shown["Restart"] == "on-failure"
        assert shown["NoNewPrivileges"] == "yes"
        assert shown["TimeoutStopUSec"] == "6min"
    files = [f"/etc/systemd/system/{name(node)}" for node in UNITS]
    verified = on(host, 'systemd-analyze verify "$@" 2>&1 | grep kafka; true', *files)
    assert verified == ""
    uid = int(on(host, "id -u kafka"))
    assert {java.uid for found in processes(host).values() for java in found} == {uid}


def test_root_made_nothing_below_the_home_and_secrets_are_closed(
    place: Place, host: Machine
) -> None:
    assert on(host, "find /opt/kafka ! -user kafka") == ""
    assert on(host, "find /opt/kafka -perm /022 ! -type l") == ""
    assert on(host, "stat -c '%a %U' /opt/kafka/.provision/key").strip() == "400 kafka"
    assert on(host, f"stat -c '%a %U' {BROKER}").strip() == "640 kafka"
    assert on(host, "stat -c '%a %U' /var/lib/provision/lab").strip() == "750 root"
    assert leftovers(host) == []


def test_the_commands_of_the_sheet_work_on_the_host(place: Place, host: Machine) -> None:
    by_kafka(host, f"{TOPICS} --describe --topic purchases")


def test_it_comes_back_by_itself_after_a_power_cut(place: Place, host: Machine) -> None:
    before = processes(host)
    host.power_cycle()
    until(lambda: place.run("verify").code == 0, "the lab after the power came back")
    assert bounced(before, processes(host)) == set(before)
    drift = place.json("drift")
    assert drift.code == 0, str(drift)
    assert drift.cluster["in_sync"] is True


# --- drifts --------------------------------------------------------------------------------------


@dataclass
class Case:
    """What somebody did, what drift names (``KIND NAME`` or ``unmanaged KIND NAME``) and says, and
    which processes apply bounces. ``undo`` is for what apply leaves alone."""

    name: str
    make: Callable[[Machine], object]
    named: str
    bounces: set[str] = field(default_factory=set)
    undo: Callable[[Machine], object] = lambda host: None
    says: str = ""


def edit(host: Machine) -> None:
    on(host, f"sed -i s/num.partitions=4/num.partitions=3/ {BROKER}")


def edit_and_restart(host: Machine) -> None:
    edit(host)
    on(host, "systemctl restart kafka-lab-broker-1")
    until(lambda: listens(host, 9093), "broker 1 with another number of partitions")


def edit_restart_and_revert(host: Machine) -> None:
    edit_and_restart(host)
    on(host, f"sed -i s/num.partitions=3/num.partitions=4/ {BROKER}")


def listens(host: Machine, port: int) -> bool:
    return f":{port} " in on(host, "ss -ltnH")


def by_hand(host: Machine) -> None:
    """As a student does it in a second terminal."""
    on(host, "systemctl stop kafka-lab-broker-1")
    start = f"setsid bin/kafka-server-start.sh {BROKER} >/tmp/by-hand.log 2>&1 </dev/null &"
    on(host, AS_KAFKA, start)
    until(lambda: listens(host, 9093), "broker 1 started by hand")


def stranger(host: Machine) -> None:
    """A fourth broker with a unit of its own, that nobody wrote into the spec."""
    on(
        host,
        """set -e; cd /opt/kafka; mkdir -p /srv/kafka-9; chown kafka: /srv/kafka-9
        sed 's/^broker.id=.*/broker.id=9/; s/:9093/:9099/g
          s#^log.dirs=.*#log.dirs=/srv/kafka-9#' \\
          config/server-1.properties >/srv/server-9.properties; chmod 644 /srv/server-9.properties
        d=$(tr '\\0' '\\n' </proc/$(systemctl show -p MainPID --value kafka-lab-broker-1)/cmdline |
          grep -A1 -x -e -cp -e -classpath -e --class-path | tail -n 1)
        j=$(readlink /proc/$(systemctl show -p MainPID --value kafka-lab-broker-1)/exe)
        cat >/etc/systemd/system/kafka-9.service <<END
        [Service]
        User=kafka
        ExecStart=$j -Xmx200m -cp $d kafka.Kafka /srv/server-9.properties
END
        sed -i 's/^ *//' /etc/systemd/system/kafka-9.service
        systemctl daemon-reload; systemctl start kafka-9""",
    )
    until(lambda: listens(host, 9099), "the stranger's port")


def end_stranger(host: Machine) -> None:
    on(
        host,
        "systemctl stop kafka-9; rm -rf /etc/systemd/system/kafka-9.service /srv/kafka-9 "
        "/srv/server-9.properties; systemctl daemon-reload",
    )


def drop_in(text: str) -> Callable[[Machine], None]:
    def put(host: Machine) -> None:
        folder = f"/etc/systemd/system/{name('broker-1')}.d"
        on(host, f"mkdir -p {folder}; printf '{text}' >{folder}/mine.conf; systemctl daemon-reload")

    return put


def drop_in_and_restart(host: Machine) -> None:
    drop_in('[Service]\\nEnvironment="KAFKA_HEAP_OPTS=-Xmx150m"\\nLimitNOFILE=4000\\n')(host)
    on(host, "systemctl restart kafka-lab-broker-1")
    until(lambda: listens(host, 9093), "broker 1 with the drop-in")


def edit_unit(old: str, new: str) -> Callable[[Machine], object]:
    return lambda host: on(host, f"sed -i s/{old}/{new}/ {UNIT}")


def by_command(command: str) -> Callable[[Machine], None]:
    return lambda host: by_kafka(host, command)


def as_root(command: str) -> Callable[[Machine], object]:
    return lambda host: on(host, command)


PURCHASES = f"{CONFIGS} --entity-type topics --entity-name purchases"
ATU = f"{CONFIGS} --entity-type topics --entity-name atu"
ONE = f"{CONFIGS} --entity-type brokers --entity-name 1"
EVERY = f"{CONFIGS} --entity-type brokers --entity-default"
UNIT = f"/etc/systemd/system/{name('broker-1')}"

CASES = [
    Case(
        "a broker is stopped",
        as_root("systemctl stop kafka-lab-broker-1"),
        "service broker-1",
        {MENDED},
        says="not running",
    ),
    Case("properties edited, broker left running", edit, f"file {BROKER}"),
    Case(
        "edited, restarted with it, edit reverted",
        edit_restart_and_revert,
        "service broker-1",
        {MENDED},
        says="num.partitions",
    ),
    Case("edited and restarted with it", edit_and_restart, "service broker-1", {MENDED}),
    Case(
        "unit file edited, no daemon-reload",
        edit_unit("RestartSec=2", "RestartSec=9"),
        f"file {UNIT}",
    ),
    Case(
        "unit file edited and reloaded",
        lambda host: (
            edit_unit("LimitNOFILE=100000", "LimitNOFILE=5000")(host),
            on(host, "systemctl daemon-reload"),
        ),
        f"file {UNIT}",
    ),
    Case(
        "a unit is disabled",
        as_root("systemctl disable kafka-lab-broker-1"),
        "service broker-1",
        says="at boot",
    ),
    Case(
        "a topic is deleted", by_command(f"{TOPICS} --delete --topic purchases"), "topic purchases"
    ),
    Case(
        "a topic's configuration by hand",
        by_command(f"{PURCHASES} --add-config retention.ms=1000"),
        "topic purchases",
        says="retention.ms",
    ),
    Case(
        "a topic's configuration that the spec does not have",
        by_command(f"{ATU} --add-config retention.ms=1000"),
        "unmanaged topic atu",
        says="retention.ms",
        undo=by_command(f"{ATU} --delete-config retention.ms"),
    ),
    Case(
        "a dynamic broker configuration over ours",
        by_command(f"{ONE} --add-config num.io.threads=5"),
        "broker-config broker-1",
        says="num.io.threads",
    ),
    Case(
        "a dynamic broker configuration that the spec does not have",
        by_command(f"{EVERY} --add-config log.retention.ms=600000000"),
        "unmanaged broker-config cluster",
        says="log.retention.ms",
        undo=by_command(f"{EVERY} --delete-config log.retention.ms"),
    ),
    Case(
        "an extra topic",
        by_command(f"{TOPICS} --create --topic scratch"),
        "unmanaged topic scratch",
        undo=by_command(f"{TOPICS} --delete --topic scratch"),
    ),
    Case(
        "an extra process and unit",
        stranger,
        "unmanaged service /srv/server-9.properties",
        undo=end_stranger,
    ),
    Case(
        "a jar is removed from the installation",
        as_root("rm /opt/kafka/.provision/dist/kafka-3*/libs/zstd-jni-*.jar"),
        "kafka *",
    ),
    Case(
        "a drop-in that the process does not run with",
        drop_in("[Service]\\nTimeoutStopSec=20\\n"),
        "service broker-1",
        says="TimeoutStopSec=20",
    ),
    Case(
        "a drop-in that the process runs with",
        drop_in_and_restart,
        "service broker-1",
        {MENDED},
        says="LimitNOFILE=4000",
    ),
    Case(
        "a process started by hand beside systemd",
        by_hand,
        "service broker-1",
        {MENDED},
        says="systemd",
    ),
]


LATER = {
    "properties edited, broker left running",
    "a topic is deleted",
    "a topic's configuration by hand",
    "a topic's configuration that the spec does not have",
    "a dynamic broker configuration over ours",
    "a dynamic broker configuration that the spec does not have",
    "an extra topic",
    "an extra process and unit",
    "edited and restarted with it",
    "unit file edited and reloaded",
}
"""In `make soak`: tests/real/sheet sees what is the same without systemd."""


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=[pytest.mark.soak] if case.name in LATER else [])
        for case in CASES
    ],
)
def test_drift(case: Case, place: Place, host: Machine) -> None:
    """What the spec does not know is reported and left; all else is mended."""
    unmanaged = case.named.startswith("unmanaged ")
    case.make(host)
    try:
        before = processes(host)
        seen = place.json("drift")
        assert seen.code == (0 if unmanaged else 2), str(seen)
        assert case.named in named(seen), str(seen)
        assert case.says in place.run("drift").text
        if unmanaged:
            assert place.run("drift", "--strict").code == 2
        assert processes(host) == before
        done = place.json("apply")
        assert done.code == 0, str(done)
        assert bounced(before, processes(host)) == case.bounces
    finally:
        case.undo(host)
    left = place.json("drift", "--strict")
    assert left.code == 0, str(left)
    assert leftovers(host) == []
    assert {len(found) for found in processes(host).values()} == {1}


def test_a_killed_broker_is_brought_back_by_systemd(place: Place, host: Machine) -> None:
    before = processes(host)
    (java,) = before[MENDED]
    on(host, "kill -9 $1", str(java.pid))
    until(lambda: place.run("verify").code == 0, "broker 1, started by systemd")
    assert bounced(before, processes(host)) == {MENDED}
    assert len(processes(host)[MENDED]) == 1


@pytest.mark.soak
def test_a_partition_more_is_refused_for_ever(place: Place, host: Machine) -> None:
    """The last of this module: Kafka cannot take a partition away."""
    before = processes(host)
    by_kafka(host, f"{TOPICS} --alter --topic atu --partitions 2")
    for verb in ("drift", "apply"):
        seen = place.json(verb)
        assert seen.code == 2, str(seen)
        (refused,) = seen.cluster["refused"]
        assert (refused["kind"], refused["name"], refused["allow"]) == ("topic", "atu", None)
        assert "partition" in refused["reason"]
    assert processes(host) == before


def named(seen: Answer) -> set[str]:
    """What the answer names; a distribution's path is ``*``."""
    found = {
        "kafka *" if change["kind"] == "kafka" else f"{change['kind']} {change['name']}"
        for change in seen.cluster["changes"]
    }
    found |= {f"unmanaged {u['kind']} {u['name']}" for u in seen.cluster["unmanaged"]}
    return found | {f"refused {r['kind']} {r['name']}" for r in seen.cluster["refused"]}
