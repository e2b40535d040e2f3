"""A Kafka that was there before: what its files mean, what its processes are proved to run with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provisioner.kinds.file.spelling import Around, spelled
from provisioner.kinds.jvm import Jvm, differences, environment, heap_of, understood
from provisioner.kinds.layout import HostLayout
from provisioner.kinds.registry import KINDS
from provisioner.kinds.service.kind import judge
from provisioner.plan.model import Change, Deferred, Id, Present, Refused, State
from provisioner.spec.types import Listener, Node, Role, Source, Spec, Supervisor
from tests.unit.plan.model_cluster import places_of, spec_of

ID = Id("h", "service", "broker-1")


def lab(name: str = "lab", **changes: Any) -> Spec:
    return replace(spec_of(name), source=Source("preinstalled"), java="system", **changes)


def broker(**changes: Any) -> Node:
    listener = Listener("PLAINTEXT", "", 9092)
    node = Node(Role.BROKER, 1, "h", "/k/config/server.properties", listeners=(listener,))
    return replace(node, **changes)


# -- spelling -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "mine", "theirs"),
    [
        ("listeners", "PLAINTEXT://:9092", None),
        ("listeners", "PLAINTEXT://localhost:9092", "plaintext://127.0.0.1:9092"),
        ("log.dirs", "/d/one,/d/two", "/d/one/, /d/two"),
        ("broker.id", "1", " 1"),
        ("zookeeper.connect", "a:1,b:2", "b:2, a:1"),
        ("zookeeper.connect", "localhost:2181", "127.0.0.1:2181"),
        ("process.roles", "broker,controller", "controller,broker"),
        ("controller.quorum.voters", "1@a:9093,2@b:9093", "2@b:9093,1@a:9093"),
        ("controller.quorum.bootstrap.servers", "a:9093,b:9093", "b:9093"),
        ("inter.broker.listener.name", None, "PLAINTEXT"),
        ("listener.security.protocol.map", None, "PLAINTEXT:PLAINTEXT,SSL:SSL"),
        ("num.io.threads", "8", "8 "),
        ("auto.create.topics.enable", "true", "TRUE"),
    ],
)
def test_what_means_the_same_stays_as_it_is_written(
    key: str, mine: str | None, theirs: str | None
) -> None:
    found = {} if theirs is None else {key: theirs}
    wanted = {} if mine is None else {key: mine}
    assert spelled(Around(lab(), broker(), found), wanted) == found


@pytest.mark.parametrize(
    ("key", "mine", "theirs"),
    [
        ("listeners", "PLAINTEXT://:9093", None),
        ("listeners", "PLAINTEXT://:9092", "PLAINTEXT://localhost:9092"),
        ("log.dirs", "/d/one", "/d/one,/d/two"),
        ("broker.id", "1", "2"),
        ("zookeeper.connect", "a:1", "a:1/kafka"),
        ("controller.quorum.voters", "1@a:9093", "2@a:9093"),
        ("controller.quorum.bootstrap.servers", "a:9093", "c:9093"),
        ("inter.broker.listener.name", None, "INTERNAL"),
        ("listener.security.protocol.map", None, "PLAINTEXT:SSL"),
        ("num.io.threads", "8", "9"),
        ("num.io.threads", "8", None),
        ("num.io.threads", None, "8"),
    ],
)
def test_what_means_something_else_is_a_difference(
    key: str, mine: str | None, theirs: str | None
) -> None:
    found = {} if theirs is None else {key: theirs}
    wanted = {} if mine is None else {key: mine}
    assert spelled(Around(lab(), broker(), found), wanted) == wanted


@pytest.mark.parametrize(
    ("told", "registered", "same"),
    [("vm", "vm:9092", True), ("vm", "", True), ("vm", "other:9092", False)],
)
def test_a_file_that_advertises_nothing_is_what_kafka_tells(
    told: str, registered: str, same: bool
) -> None:
    found = {"listeners": "PLAINTEXT://:9092"}
    wanted = {**found, "advertised.listeners": f"PLAINTEXT://{told}:9092"}
    around = Around(lab(), broker(), found, registered)
    assert (spelled(around, wanted) == found) is same


# -- the command line ---------------------------------------------------------------------------

LINE = (
    "-Xmx1G -Xms1G -server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 "
    "-XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent "
    "-XX:MaxInlineLevel=15 -Djava.awt.headless=true "
    "-Xlog:gc*:file=/opt/kafka/logs/kafkaServer-gc.log:time,tags:filecount=10,filesize=100M "
    "-Dcom.sun.management.jmxremote -Dcom.sun.management.jmxremote.authenticate=false "
    "-Dcom.sun.management.jmxremote.ssl=false -Dkafka.logs.dir=/opt/kafka/logs "
    "-Dlog4j.configuration=file:./bin/../config/log4j.properties"
)
OFFICIAL = LINE.split()


def test_what_kafkas_own_script_adds_is_nobodys_choice() -> None:
    found = understood(OFFICIAL, ("java", "/usr/lib/jvm/java-17/bin/java"))
    assert found == Jvm(("-Xms1G", "-Xmx1G"), java=("/usr/lib/jvm/java-17/bin/java",))
    assert heap_of(found) == "1G"


def test_what_a_person_gave_is_found_again_in_its_order() -> None:
    words = [*OFFICIAL, "-Dcom.sun.management.jmxremote.port=9999", "-javaagent:/a.jar", "-Dx=1"]
    found = understood(words)
    assert found.options == ("-javaagent:/a.jar", "-Dx=1")
    assert (found.jmx_port, found.jmx_address) == ("9999", "0.0.0.0")


def test_two_sizes_are_no_heap() -> None:
    assert heap_of(understood(["-Xms512m", "-Xmx1g"])) is None
    assert heap_of(understood(["-Xmx1g"])) is None
    assert heap_of(understood(["-Xms1024m", "-Xmx1g"])) == "1g"


def test_only_what_the_spec_names_is_compared() -> None:
    running = understood([*OFFICIAL, "-javaagent:/a.jar"], ("/j/bin/java",))
    assert differences(Jvm(), running) == {}
    assert differences(Jvm(("-Xms1g", "-Xmx1g")), running) == {}
    assert differences(Jvm(("-Xms2g", "-Xmx2g")), running) == {"heap": ("1g", "2g")}
    assert differences(Jvm(java=("/other/bin/java",)), running) == {
        "java": ("/j/bin/java", "/other/bin/java")
    }
    assert set(differences(Jvm(options=("-Dx=1",)), running)) == {"jvm_opts"}


@pytest.mark.parametrize("options", [("-Dx=1",), ("-XX:+UseZGC", "-Dx=1")])
@pytest.mark.parametrize("unit", [False, True])
def test_kafkas_script_makes_of_the_variables_what_was_wanted(
    options: tuple[str, ...], unit: bool
) -> None:
    wanted = Jvm(("-Xms300m", "-Xmx300m"), options, "9999", "127.0.0.1", ("/j/bin/java",))
    values = environment(wanted, unit=unit)
    own = " ".join(OFFICIAL[2:9])
    line = " ".join(
        [
            values["KAFKA_HEAP_OPTS"],
            values.get("KAFKA_JVM_PERFORMANCE_OPTS") or own,
            values["KAFKA_JMX_OPTS"],
            f"-Dcom.sun.management.jmxremote.port={values['JMX_PORT']}",
            values["KAFKA_OPTS"],
        ]
    )
    running = understood(line.split(), (f"{values['JAVA_HOME']}/bin/java",))
    assert differences(wanted, running) == {}
    assert not ("-XX:+UseG1GC" in line and "-XX:+UseZGC" in line)


# -- what a process is proved to run with -------------------------------------------------------

WANTED = {"num.io.threads": "8", "log.dirs": "/d"}


def state(*, broker: bool = True, jvm: Jvm | None = None) -> State:
    args = {
        "preinstalled": True,
        "jvm": jvm or Jvm(),
        "version": "3.9.1",
        "properties": "/k/config/server.properties",
        "static": WANTED,
        "live": frozenset({"log.retention.ms"}),
        "broker": 1 if broker else None,
        "log_dirs": ("/d",),
    }
    return State({"running": True, "processes": 1}, args=args)


def running(**volatile: Any) -> Present:
    known = {
        "jvm": understood(OFFICIAL),
        "since": "older",
        "version": "3.9.1",
        "file": "/k/config/server.properties",
        "file_keys": WANTED,
        **volatile,
    }
    return Present({"running": True, "processes": 1}, volatile=known)


def verdict(state: State, seen: Present) -> Any:
    _, found = judge(ID, state, seen, ())
    return found


TOLD = {"static": WANTED, "opaque": frozenset(), "changeable": frozenset({"log.retention.ms"})}


def test_a_file_older_than_the_process_is_what_it_runs_with() -> None:
    assert verdict(state(broker=False), running()) is None
    assert verdict(state(), running()) is None


def test_a_broker_tells_what_it_runs_with_whatever_was_written_since() -> None:
    seen = running(since="newer", file_keys={"num.io.threads": "1"}, **TOLD)
    assert verdict(state(), seen) is None
    seen = running(since="newer", **{**TOLD, "static": {**WANTED, "num.io.threads": "9"}})
    found = verdict(state(), seen)
    assert isinstance(found, Change)
    assert (found.action, found.before, found.after) == (
        "restart",
        {"num.io.threads": "9"},
        {"num.io.threads": "8"},
    )


def test_what_nobody_tells_is_a_restart_in_words() -> None:
    found = verdict(state(broker=False), running(since="newer"))
    assert isinstance(found, Change)
    assert found.reason == "config files changed since it started"
    found = verdict(state(broker=False), running(since=None))
    assert isinstance(found, Change)


def test_what_only_kafka_could_tell_waits_for_its_answer() -> None:
    found = verdict(state(), running(since="newer"))
    assert isinstance(found, Deferred)
    assert "does not answer" in found.reason


def test_a_secret_is_known_only_from_an_unchanged_file() -> None:
    hidden = replace(state(), args={**state().args, "static": {**WANTED, "x.password": "p"}})
    told = {**TOLD, "opaque": frozenset({"x.password"})}
    assert verdict(hidden, running(since="older", **told)) is None
    found = verdict(hidden, running(since="newer", **told))
    assert isinstance(found, Change)
    assert "Kafka does not tell x.password" in found.reason
    gone = verdict(state(), running(since="older", **told))
    assert isinstance(gone, Change)


def test_a_live_key_restarts_nobody() -> None:
    wanted = replace(state(), args={**state().args, "static": {**WANTED, "log.retention.ms": "5"}})
    assert verdict(wanted, running(since="newer", **TOLD)) is None


@pytest.mark.parametrize(
    ("volatile", "reason"),
    [
        ({"version": "3.9.0"}, "Kafka is 3.9.0, should be 3.9.1"),
        ({"file": "/k/config/other.properties"}, "its file is /k/config/other.properties"),
        ({"jvm": None}, "its command line cannot be read"),
        ({"jvm": understood(["-Xms9m", "-Xmx9m"])}, "its heap is 9m, should be 1g"),
    ],
)
def test_what_its_command_line_says(volatile: dict[str, Any], reason: str) -> None:
    wanted = state(jvm=Jvm(("-Xms1g", "-Xmx1g")))
    found = verdict(wanted, running(**TOLD, **volatile))
    assert isinstance(found, Change)
    assert found.action == "restart"
    assert found.reason.startswith(reason)


# -- over all kinds -----------------------------------------------------------------------------


def layout(spec: Spec) -> HostLayout:
    return places_of(spec, spec.nodes[0].host)


@pytest.mark.parametrize("supervisor", Supervisor)
@pytest.mark.parametrize("name", ["lab", "kraft"])
def test_nothing_of_its_folder_is_made(name: str, supervisor: Supervisor) -> None:
    """No distribution, link, launch file, logging configuration, key or unit."""
    spec = lab(name, supervisor=supervisor)
    unit = "x.service" if supervisor is Supervisor.SYSTEMD else ""
    spec = replace(spec, nodes=tuple(replace(node, unit=unit) for node in spec.nodes))
    places = layout(spec)
    wanted = {id for kind in KINDS.values() for id in kind.desired(spec, places)}
    files = {id.name for id in wanted if id.kind == "file"}
    own = {node.properties for node in spec.nodes}
    rest = files - own - {places.cluster_id_file}
    assert all(name.startswith("/etc/systemd/system/x.service.d/") for name in rest)
    assert {id.name for id in wanted if id.kind in ("kafka", "java")} == {places.home}
    folders = {id.name for id in wanted if id.kind == "directory"}
    data = {d.path for node in spec.nodes for d in node.log_dirs}
    assert folders == {places.home, *data, *(path.rpartition("/")[0] for path in own)}


def test_another_version_is_refused_and_never_replaced() -> None:
    places = layout(lab())
    (id,) = KINDS["kafka"].desired(lab(), places)
    wanted = KINDS["kafka"].desired(lab(), places)[id]
    seen = Present({"version": "3.8.0"})
    _, found = KINDS["kafka"].judge(id, wanted, seen, ("version",))
    assert isinstance(found, Refused)
    assert "never replaced" in found.reason
    assert found.allow is None


def test_a_single_zookeeper_needs_no_myid() -> None:
    """One that was set up by hand has none."""
    for spec, wanted in ((lab(), {}), (spec_of("lab"), {"myid": "1"})):
        states = KINDS["storage"].desired(spec, layout(spec))
        (state,) = [s for s in states.values() if s.args["role"] == "zookeeper"]
        assert state.fields == wanted
