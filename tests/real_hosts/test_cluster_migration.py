"""ZooKeeper → KRaft on three systemd hosts while clients work: a ZooKeeper server, a controller and
a broker on each. There, back, there again and to the end; runs are killed, hosts are cut off,
rebooted and lose a disk on the way."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.ledger.book import Book, ledger
from tests.ledger.checker import kept
from tests.real_hosts.clusters import (
    CLEANER,
    JVM,
    ZOOKEEPER,
    ZOOKEEPER_SESSION,
    Answer,
    Begun,
    Java,
    Place,
    all_processes,
    bounced,
    leftovers,
    on,
    unit,
    until,
)

CLUSTER = "billing"
HOME, DATA = "/opt/kafka", "/var/lib/kafka/data"
STATE = f"/var/lib/provision/{CLUSTER}"
BACK, END = ("--allow", "revert-migration"), ("--allow", "finalize-migration")
METADATA = f"{DATA}/__cluster_metadata-0"
SETTINGS = (
    CLEANER,
    "min.insync.replicas: 2",
    ZOOKEEPER_SESSION,
    "offsets.topic.num.partitions: 3",
    "transaction.state.log.num.partitions: 3",
    "group.initial.rebalance.delay.ms: 0",
)
TOPICS = "  invoices: {partitions: 3, replication: 3}\n"
FOUR = "  invoices: {partitions: 4, replication: 3, config: {retention.ms: 864000000}}\n"
BROKER = "server-"
"""What the files of brokers begin with."""


def unit_of(role: str, id: int) -> str:
    return f"kafka-{CLUSTER}-{role}-{id}.service"


def spec(machines: Sequence[Machine], phase: str, topics: str = TOPICS) -> str:
    """``phase``: ``plain``, ``hybrid``, ``dual-write``, ``kraft``."""
    nodes = list(enumerate(machines, start=1))
    migration = [f"migration: {phase}"] if phase in ("hybrid", "dual-write") else []
    zookeeper = [f"  - {{id: {n}, host: {m.name}, data_dir: /var/lib/zookeeper}}" for n, m in nodes]
    controllers = [
        f"  - {{id: {100 + n}, host: {m.name}, port: 9093, log_dir: /var/lib/kafka/controller}}"
        for n, m in nodes
    ]
    brokers = [
        f"  - {{id: {n}, host: {m.name}, listeners: ['PLAINTEXT://:9092'], log_dirs: [{DATA}]}}"
        for n, m in nodes
    ]
    lines = [
        f"cluster: {CLUSTER}",
        f'kafka: {{version: "{ZOOKEEPER}", supervisor: systemd}}',
        *migration,
        "defaults:",
        "  heap: 200m",
        f"  {JVM}",
        f"  config: {{{', '.join(SETTINGS)}}}",
        *(["zookeeper:", *zookeeper] if phase != "kraft" else []),
        *(["controllers:", *controllers] if phase != "plain" else []),
        "brokers:",
        *brokers,
        "topics:",
    ]
    return "\n".join(lines) + "\n" + topics


@pytest.fixture(scope="module")
def hosts(module_machines: MachineFactory) -> list[Machine]:
    return module_machines(3)


@pytest.fixture(scope="module")
def place(hosts: list[Machine], tmp_path_factory: pytest.TempPathFactory) -> Place:
    """In ZooKeeper mode."""
    found = Place(tmp_path_factory.mktemp("migration"), hosts)
    found.write(spec(hosts, "plain"))
    found.ok("apply")
    return found


@pytest.fixture(scope="module")
def book(place: Place, hosts: list[Machine]) -> Iterator[Book]:
    with ledger([f"{machine.address}:9092" for machine in hosts]) as found:
        yield found


@pytest.fixture(autouse=True)
def fresh(book: Book) -> None:
    book.begin()


# --- what a test looks at -------------------------------------------------------------------------


def mode(machine: Machine) -> str:
    """``ZooKeeper``, ``migrating`` or ``KRaft``, by the file of the broker there."""
    text = on(machine, f"cat {HOME}/config/server-*.properties")
    if "process.roles" in text:
        return "KRaft"
    return "migrating" if "migration.enable=true" in text else "ZooKeeper"


def modes(hosts: Sequence[Machine]) -> list[str]:
    return sorted(mode(machine) for machine in hosts)


def phase(place: Place) -> str | None:
    found = place.json("status").cluster.get("migration")
    return None if found is None else str(found["phase"])


def since(place: Place) -> str:
    return str(place.json("status").cluster["migration"]["since"])


def whole(place: Place) -> None:
    """Nothing differs, nothing is unknown, nothing is half written, nothing runs twice."""
    drift = place.json("drift")
    assert drift.code == 0, str(drift)
    assert (drift.cluster["in_sync"], drift.cluster["complete"]) == (True, True), str(drift)
    assert all(leftovers(m) == [] for m in place.machines)
    assert all(len(found) == 1 for found in all_processes(place.machines).values())


def healthy(place: Place) -> None:
    until(lambda: place.run("verify").code == 0, "a cluster that is whole")


def free(hosts: Sequence[Machine]) -> None:
    """Wait until the run before holds nothing any more."""
    held = f"[ ! -e {STATE}/lock ] || flock -n {STATE}/lock true"
    for host in hosts:
        until(lambda host=host: on(host, f"{{ {held}; }} && echo free; true"), "the lock")


def other(hosts: Sequence[Machine], before: Mapping[str, list[Java]], what: str) -> set[str]:
    """Hosts on which a broker, a controller or a ZooKeeper server is not the process of before."""
    changed = bounced(before, all_processes(hosts))
    return {name.partition("/")[0] for name in changed if name.partition("/")[2].startswith(what)}


@contextlib.contextmanager
def interrupted(place: Place, moment: Callable[[], object], *words: str) -> Iterator[Begun]:
    """An apply at a moment, if it did not end before: what is asked of it afterwards holds then
    too."""
    with place.begun("apply", *words) as begun:
        until(lambda: moment() or begun.process.poll() is not None, "the moment")
        yield begun
        begun.end()
    print(begun.process.returncode, begun.text)
    free(place.machines)


def killed(place: Place, moment: Callable[[], object], *words: str) -> None:
    """An apply that is killed -9 at a moment."""
    with interrupted(place, moment, *words) as begun:
        begun.process.kill()


def refused(answer: Answer) -> dict[str | None, set[str]]:
    """Why, by what would allow it."""
    found: dict[str | None, set[str]] = {}
    for each in answer.cluster["refused"]:
        found.setdefault(each["allow"], set()).add(each["reason"])
    return found


def done(answer: Answer) -> list[tuple[str, str]]:
    assert answer.code == 0, str(answer)
    return [(c["action"], c["name"]) for c in answer.cluster["applied"]]


def znode(machine: Machine, name: str) -> Any:
    """What ZooKeeper keeps under it; None for nothing."""
    script = f"cd {HOME} && echo 'get {name}' | bin/zookeeper-shell.sh localhost:2181 2>&1 || true"
    lines = on(machine, script).splitlines()
    found = [line for line in lines if line.startswith("{")]
    return json.loads(found[0]) if found else None


def epoch(machine: Machine) -> int:
    """Of who is in charge, as ZooKeeper counts."""
    script = f"cd {HOME} && echo 'get /controller_epoch' | bin/zookeeper-shell.sh localhost:2181"
    return int(next(line for line in on(machine, script).splitlines() if line.isdecimal()))


# --- the way --------------------------------------------------------------------------------------


def test_hybrid_is_reached_though_the_run_is_killed(
    place: Place, hosts: list[Machine], book: Book
) -> None:
    place.write(spec(hosts, "hybrid"))
    saved = Place(place.folder, hosts, name="before")
    place.ok("plan", "--out", str(saved.spec))
    before = all_processes(hosts)
    killed(place, lambda: other(hosts, before, BROKER))
    print(place.ok("apply"))
    assert modes(hosts) == ["migrating"] * 3
    whole(place)
    assert phase(place) == "hybrid"
    kept(book.verdict("hybrid"))

    # A plan of before the phase is refused as a whole.
    before = all_processes(hosts)
    answer = saved.json("apply")
    print(answer)
    assert answer.code == 1
    assert all_processes(hosts) == before

    # Topics and controllers are as ever, though no broker knows of a quorum.
    place.write(spec(hosts, "hybrid", TOPICS + "  refunds: {partitions: 2, replication: 3}\n"))
    assert done(place.json("apply")) == [("create", "refunds")]
    assert all_processes(hosts) == before
    print(place.ok("restart", "--node", "controller-101"))
    assert bounced(before, all_processes(hosts)) == {f"{hosts[0].name}/controller-101.properties"}
    whole(place)
    kept(book.verdict("hybrid as ever"))


def test_dual_write_stops_where_a_host_is_cut_off_and_goes_on(
    place: Place, hosts: list[Machine], book: Book
) -> None:
    hybrid = since(place)
    place.write(spec(hosts, "dual-write"))
    before = all_processes(hosts)
    with interrupted(place, lambda: other(hosts, before, BROKER)) as begun:
        names = other(hosts, before, BROKER)
        lost = next(m for m in hosts if m.name not in names)
        lost.cut()
    assert begun.process.returncode == 2
    assert lost.name in begun.text
    assert "internal" not in begun.text
    looked = place.json("drift")
    assert {u["host"] for u in looked.cluster["unknown"] if u["host"]} == {lost.name}
    lost.heal()
    free(hosts)
    print(place.ok("apply"))
    assert modes(hosts) == ["KRaft"] * 3
    whole(place)
    assert phase(place) == "dual-write"
    assert since(place) > hybrid
    kept(book.verdict("dual-write"))


def test_in_dual_write_a_reboot_topics_and_restarts_are_as_ever(
    place: Place, hosts: list[Machine], book: Book
) -> None:
    hosts[1].power_cycle()
    healthy(place)
    whole(place)
    before = all_processes(hosts)
    place.write(spec(hosts, "dual-write", FOUR))
    print(place.ok("apply"))
    assert all_processes(hosts) == before
    place.ok("restart", "--node", "broker-3")
    assert bounced(before, all_processes(hosts)) == {f"{hosts[2].name}/server-3.properties"}
    whole(place)
    assert phase(place) == "dual-write"
    kept(book.verdict("as ever"))


def test_in_dual_write_a_controller_loses_its_disk(
    place: Place, hosts: list[Machine], book: Book
) -> None:
    on(hosts[0], f"systemctl stop {unit_of('controller', 101)}; rm -rf /var/lib/kafka/controller")
    answer = place.run("apply")
    print(answer)
    if answer.code == 2:
        print(place.ok("apply", "--allow", "format-controller"))
    whole(place)
    assert phase(place) == "dual-write"
    kept(book.verdict("a controller's disk"))


def test_the_way_back_waits_for_every_host_and_is_killed(
    place: Place, hosts: list[Machine], book: Book
) -> None:
    place.write(spec(hosts, "plain", FOUR))
    before = all_processes(hosts)
    assert set(refused(place.json("apply"))) == {"revert-migration"}
    hosts[2].cut()
    answer = place.run("apply", *BACK)
    print(answer)
    assert answer.code == 2
    hosts[2].heal()
    free(hosts)
    assert all_processes(hosts) == before

    theirs = znode(hosts[0], "/controller")["kraftControllerEpoch"]
    first = unit_of("controller", 101)
    killed(place, lambda: unit(hosts[0], first)["ActiveState"] != "active", *BACK)
    back = place.ok("apply", *BACK)
    print(back)
    # With an earlier epoch than the controllers wrote into partitions nobody could be elected.
    assert epoch(hosts[0]) > theirs
    assert "not elected" not in back.progress
    assert modes(hosts) == ["ZooKeeper"] * 3
    whole(place)
    assert phase(place) is None
    assert znode(hosts[0], "/migration") is None
    assert znode(hosts[0], "/controller")["kraftControllerEpoch"] == -1
    for host in hosts:
        found = on(host, f"find / -xdev -name '*controller-10*' -print; ls -d {METADATA} || true")
        assert found == "", found
    kept(book.verdict("back"))


def test_there_again_a_host_is_rebooted_in_the_middle(
    place: Place, hosts: list[Machine], book: Book
) -> None:
    place.write(spec(hosts, "dual-write", FOUR))
    before = all_processes(hosts)
    with interrupted(place, lambda: other(hosts, before, BROKER)) as begun:
        names = other(hosts, before, BROKER)
        next(m for m in hosts if m.name not in names).power_cycle()
    assert begun.process.returncode in (0, 2)
    assert "internal" not in begun.text
    print(place.ok("apply"))
    assert modes(hosts) == ["KRaft"] * 3
    whole(place)
    kept(book.verdict("dual-write again"))


def test_the_end_waits_for_every_host(place: Place, hosts: list[Machine], book: Book) -> None:
    place.write(spec(hosts, "kraft", FOUR))
    before = all_processes(hosts[:2])
    assert set(refused(place.json("apply"))) == {"finalize-migration"}
    hosts[2].power_cut()
    answer = place.run("apply", *END)
    print(answer)
    assert answer.code in (2, 3)
    assert all_processes(hosts[:2]) == before
    hosts[2].boot()
    hosts[2].wait()
    free(hosts)

    before = all_processes(hosts)
    killed(place, lambda: "zookeeper" in str(bounced(before, all_processes(hosts))), *END)
    answer = place.json("apply", *END)
    print(answer)
    assert answer.code == 0
    whole(place)
    assert not other(hosts, before, BROKER)
    finalised(place)
    kept(book.verdict("finalised"))

    hosts[0].power_cycle()
    healthy(place)
    whole(place)
    finalised(place)
    kept(book.verdict("a reboot after the end"))


def finalised(place: Place) -> None:
    assert phase(place) is None
    assert not [name for name in all_processes(place.machines) if "zookeeper" in name]
    units = [unit(m, unit_of("zookeeper", n)) for n, m in enumerate(place.machines, start=1)]
    assert {(u["ActiveState"], u["UnitFileState"]) for u in units} == {("inactive", "disabled")}
    left = [u for u in place.json("drift").cluster["unmanaged"] if u["kind"] == "service"]
    assert {u["name"] for u in left} == {"zookeeper-1", "zookeeper-2", "zookeeper-3"}
