"""Three hosts and a fourth that comes and goes, changed in every way while clients work: what they
were told stays true. A host that the network loses in the middle of a change ends the run.

One cluster is taken through all of it. How long a partition took no writes is printed, and not
timed: on a machine that is busy with other tests everything takes longer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from provisioner.kafka.requests.reassignments import ListReassignments
from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.kafka_client import Both, connect
from tests.ledger.book import Book, ledger
from tests.ledger.checker import clean, kept
from tests.real_hosts.clusters import (
    CLEANER,
    JVM,
    KRAFT,
    Begun,
    Place,
    all_processes,
    bounced,
    leftovers,
    on,
    processes,
    until,
)
from tests.soak import SOAK

OLD = "4.2.0"
SESSION = 4
DATA = "/var/lib/kafka/data"
PIECE = b"x" * 100_000
RATE = "{rebalance: add-brokers, move: {rate: %s}}"
WIPE = ("--allow", "wipe-log-dir")


def broker(number: int, machine: Machine) -> str:
    listeners = "listeners: ['PLAINTEXT://:9092']"
    return f"  - {{id: {number}, host: {machine.name}, {listeners}, log_dirs: [{DATA}]}}\n"


def gone(number: int, machine: Machine) -> str:
    return f"  - {{id: {number}, host: {machine.name}, state: absent}}\n"


def spec(machines: list[Machine]) -> str:
    """A combined node on each of the first three."""
    three = list(enumerate(machines[:3], start=1))
    settings = [
        CLEANER,
        "min.insync.replicas: 2",
        f"broker.session.timeout.ms: {SESSION * 1000}",
        "broker.heartbeat.interval.ms: 500",
        "offsets.topic.num.partitions: 3",
        "transaction.state.log.num.partitions: 3",
        "group.initial.rebalance.delay.ms: 0",
    ]
    lines = [
        "cluster: orders",
        f'kafka: {{version: "{OLD if SOAK else KRAFT}", supervisor: systemd}}',
        "defaults:",
        "  heap: 256m",
        f"  {JVM}",
        f"  config: {{{', '.join(settings)}}}",
        f"policy: {RATE % '100MB/s'}",
        "controllers:",
        *(f"  - {{id: {n}, host: {m.name}, port: 9093}}" for n, m in three),
        "topics:",
        "  orders: {partitions: 6, replication: 3}",
        "brokers:",
    ]
    return "\n".join(lines) + "\n" + "".join(broker(n, m) for n, m in three)


@pytest.fixture(scope="module")
def hosts(module_machines: MachineFactory) -> list[Machine]:
    return module_machines(4)


@pytest.fixture(scope="module")
def cluster(hosts: list[Machine], tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("ledger"), hosts)
    place.write(spec(hosts))
    place.ok("apply")
    return place


@pytest.fixture(scope="module")
def book(cluster: Place, hosts: list[Machine]) -> Iterator[Book]:
    with ledger([f"{machine.address}:9092" for machine in hosts[:3]]) as found:
        yield found


@pytest.fixture(autouse=True)
def fresh(book: Book) -> None:
    book.begin()


@contextlib.contextmanager
def kafka(hosts: list[Machine]) -> Iterator[Both]:
    with contextlib.closing(connect([(m.address, 9092) for m in hosts[:3]])) as found:
        yield found


def filled(hosts: list[Machine]) -> None:
    """What is worth moving: the topic has some megabytes."""
    with kafka(hosts) as found:
        told = found.produce("orders", [PIECE] * 120, seconds=600)
    assert not [each for each in told if isinstance(each, Exception)]


def moving(hosts: list[Machine]) -> bool:
    with kafka(hosts) as found:
        return bool(found.view([ListReassignments()]).answers[ListReassignments()])


def names(changed: set[str]) -> set[str]:
    """Hosts of processes."""
    return {name.partition("/")[0] for name in changed}


def all_three(hosts: list[Machine]) -> set[str]:
    return {machine.name for machine in hosts[:3]}


def ended(run: Begun, lost: Machine) -> None:
    """The run did not reach its goal, and says which host it lost."""
    code = run.end()
    print(run.text)
    assert code == 2, run.text
    assert f"{lost.name}: the connection to {lost.address} was lost" in run.text
    assert "this run's lock there" in run.text
    assert "to continue: provision apply" in run.text


def whole(cluster: Place, hosts: list[Machine]) -> None:
    """Nothing is left to do, and nothing is left behind."""
    assert cluster.run("drift").code == 0
    assert not cluster.json("status").cluster["throttles"]
    assert [leftovers(machine) for machine in hosts] == [[]] * len(hosts)


def test_a_fourth_host_comes(cluster: Place, hosts: list[Machine], book: Book) -> None:
    before = all_processes(hosts)
    filled(hosts)
    cluster.edit(broker(3, hosts[2]), broker(3, hosts[2]) + broker(4, hosts[3]))
    cluster.ok("apply")
    assert names(bounced(before, all_processes(hosts))) == {hosts[3].name}
    clean(book.verdict("scale out"))


if SOAK:

    def test_a_drain_ends_where_a_host_is_lost_and_goes_on_afterwards(
        cluster: Place, hosts: list[Machine], book: Book
    ) -> None:
        """The broker that is to go still holds replicas: it is not stopped."""
        before, lost = all_processes(hosts), hosts[1]
        cluster.edit(broker(4, hosts[3]), gone(4, hosts[3]))
        cluster.edit("rate: 100MB/s", "rate: 1MB/s")
        with cluster.begun("apply", *WIPE) as draining:
            until(lambda: moving(hosts) or draining.process.poll() is not None, "a move")
            lost.cut()
            try:
                ended(draining, lost)
                assert all_processes(hosts) == before, draining.text
                book.serves()
            finally:
                lost.heal()
        cluster.edit("rate: 1MB/s", "rate: 100MB/s")
        cluster.ok("apply", *WIPE)
        kept(book.verdict("drain that goes on"))


def test_it_goes_again(cluster: Place, hosts: list[Machine], book: Book) -> None:
    """In the long run it went in the test before, and is only taken out of the file."""
    before = all_processes(hosts[:3])
    if broker(4, hosts[3]) in cluster.spec.read_text():
        cluster.edit(broker(4, hosts[3]), gone(4, hosts[3]))
        cluster.ok("apply", *WIPE)
    assert not processes(hosts[3])
    assert all_processes(hosts[:3]) == before
    cluster.edit(gone(4, hosts[3]), "")
    whole(cluster, hosts)
    clean(book.verdict("scale in"))


@pytest.mark.soak
def test_every_broker_is_restarted(cluster: Place, hosts: list[Machine], book: Book) -> None:
    before = all_processes(hosts)
    cluster.edit("heap: 256m", "heap: 260m")
    cluster.ok("apply")
    assert names(bounced(before, all_processes(hosts))) == all_three(hosts)
    clean(book.verdict("roll"))


def test_a_roll_ends_where_a_host_is_lost_and_goes_on_afterwards(
    cluster: Place, hosts: list[Machine], book: Book
) -> None:
    before = all_processes(hosts)
    (heap,) = (h for h in ("heap: 256m", "heap: 260m") if h in cluster.spec.read_text())
    cluster.edit(heap, "heap: 264m")
    order = cluster.json("plan").cluster["forecast"]["restarts"]
    of = {f"broker-{number}": machine for number, machine in enumerate(hosts[:3], start=1)}
    first, _, lost = (of[name] for name in order)
    with cluster.begun("apply") as rolling:
        until(lambda: names(bounced(before, all_processes(hosts))), "the first restart")
        lost.cut()
        try:
            ended(rolling, lost)
            assert names(bounced(before, all_processes(hosts))) == {first.name}, rolling.text
            book.serves()
        finally:
            lost.heal()
    cluster.ok("apply")
    assert names(bounced(before, all_processes(hosts))) == all_three(hosts)
    whole(cluster, hosts)
    # How long one host that is cut off and one that just restarts take is no matter here.
    kept(book.verdict("roll that goes on"))


if SOAK:

    def test_a_host_that_was_installed_anew_is_filled_again(
        cluster: Place, hosts: list[Machine], book: Book
    ) -> None:
        lost, others = hosts[1], [hosts[0], hosts[2]]
        before = all_processes(others)
        lost.rebuild()
        lost.rekey()
        lost.boot()
        lost.wait()
        assert on(lost, "ls -d /opt/kafka 2>/dev/null; true") == ""
        again = ("--replace-host-key", lost.name, "--allow", "format-controller")
        done = cluster.json("apply", *again)
        assert done.code == 0, str(done)
        order = [f"{change['action']} {change['kind']}" for change in done.cluster["applied"]]
        wanted = ["create storage", "create throttle", "start service", "delete throttle"]
        assert [each for each in order if each in wanted] == wanted
        assert "update voter" in order
        assert all_processes(others) == before
        whole(cluster, hosts)
        kept(book.verdict("rebuild"))

    def test_all_hosts_are_maintained(cluster: Place, hosts: list[Machine], book: Book) -> None:
        before = {machine.name: machine.boot_id() for machine in hosts[:3]}
        done = cluster.run("maintain", "--all", "--reboot", "--", "touch", "/var/tmp/patched")
        assert done.code == 0, str(done)
        assert all(machine.boot_id() != before[machine.name] for machine in hosts[:3])
        whole(cluster, hosts)
        clean(book.verdict("maintain --all"))

    def test_to_the_next_version_with_its_features(
        cluster: Place, hosts: list[Machine], book: Book
    ) -> None:
        before = all_processes(hosts)
        cluster.edit(f'version: "{OLD}"', f'version: "{KRAFT}"')
        cluster.edit("topics:\n", "features: latest\ntopics:\n")
        cluster.ok("apply")
        assert names(bounced(before, all_processes(hosts))) == all_three(hosts)
        levels = {f["name"]: f["finalized"] for f in cluster.json("status").cluster["features"]}
        assert levels["metadata.version"] == 30
        whole(cluster, hosts)
        clean(book.verdict("upgrade"))
