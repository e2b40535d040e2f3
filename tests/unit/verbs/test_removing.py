"""What destroy removes, in which order, and as whom."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from provisioner.kinds.layout import HostLayout
from provisioner.plan.model import Id
from provisioner.spec.types import Supervisor
from provisioner.verbs.removal import Removal, changes, entries, removals

HOME = "/opt/kafka"
DATA = "/var/lib/kafka/data"


def places(supervisor: Supervisor, *data: str, home: str = HOME, user: str = "kafka") -> HostLayout:
    systemd = supervisor is Supervisor.SYSTEMD
    state = "/var/lib/provision/one" if systemd else f"{home}/.provision"
    nodes: Any = (SimpleNamespace(log_dirs=[SimpleNamespace(path=path) for path in data]),)
    return HostLayout("h", home, state, user, user, supervisor, nodes, "one", True, kafka_user=user)


def of(kind: str, *names: str) -> list[tuple[str, str]]:
    return [(kind, name) for name in names]


OURS = [
    *of("account", "kafka"),
    *of("directory", HOME, f"{HOME}/.provision", f"{HOME}/.provision/dist", f"{HOME}/logs"),
    *of("directory", f"{HOME}/logs/broker-1", f"{HOME}/logs/broker-9"),
    *of("directory", "/var/lib/kafka", DATA, "/var/lib/provision", "/var/lib/provision/one"),
    *of("file", "/etc/systemd/system/kafka-one-broker-1.service", f"{HOME}/config/a.properties"),
    *of("java", f"{HOME}/.provision/dist/java-21-aaaaaaaa"),
    *of("storage", DATA),
]


def test_under_systemd_everything_with_what_was_made_above_it() -> None:
    found = removals(places(Supervisor.SYSTEMD, DATA), OURS, [])
    assert found == [
        Removal("unit", ("/etc/systemd/system/kafka-one-broker-1.service",)),
        Removal("file", (f"{HOME}/config/a.properties",), "kafka"),
        Removal(
            "tree",
            (
                f"{HOME}/.provision/dist/java-21-aaaaaaaa",
                f"{HOME}/logs/broker-1",
                f"{HOME}/logs/broker-9",
            ),
            "kafka",
        ),
        Removal(
            "directory",
            (
                f"{HOME}/.provision/dist",
                f"{HOME}/logs/broker-1",
                f"{HOME}/logs/broker-9",
                f"{HOME}/logs",
            ),
            "kafka",
        ),
        Removal("directory", (DATA, "/var/lib/kafka")),
        Removal("state", (f"{HOME}/.provision",)),
        Removal("directory", (HOME,)),
        Removal("state", ("/var/lib/provision/one",)),
        Removal("directory", ("/var/lib/provision/one", "/var/lib/provision")),
        Removal("account", ("kafka",)),
    ]
    named = {str(change.id) for change in changes("h", OURS, found)}
    assert f"h/directory/{DATA}" in named
    assert f"h/storage/{DATA}" in named
    assert "h/account/kafka" in named


def test_data_that_stays_keeps_what_it_stands_in_and_the_manifest() -> None:
    found = removals(places(Supervisor.SYSTEMD, DATA), OURS, [DATA])
    gone = {name for step in found for name in step.names}
    assert {step.what for step in found} == {"unit", "file", "tree", "directory"}
    kept = {HOME, f"{HOME}/.provision", DATA, "/var/lib/kafka", "/var/lib/provision"}
    assert not gone & kept
    assert f"{HOME}/logs" in gone


def test_data_among_the_logs_is_no_log() -> None:
    data = f"{HOME}/logs/data"
    old = f"{HOME}/logs/old-data"
    ours = [*OURS, *of("directory", data, old), *of("storage", old)]
    (tree,) = [s for s in removals(places(Supervisor.SYSTEMD, data), ours, []) if s.what == "tree"]
    assert f"{HOME}/logs/broker-1" in tree.names
    assert not {data, old} & set(tree.names)


def test_a_process_cluster_of_a_user_in_folders_that_were_made_for_it() -> None:
    home = "/home/u/.local/share/provision/lab"
    above = ["/home/u/.local", "/home/u/.local/share", "/home/u/.local/share/provision"]
    ours = of("directory", f"{home}/.provision", home, *above, "/data", "/data/1", "/mnt/strange")
    ours += [*of("account", "u", "somebody")]
    found = removals(places(Supervisor.PROCESS, "/data/1", home=home, user="u"), ours, [])
    assert found == [
        Removal("directory", ("/data/1", "/data")),
        # Whoever may write this manifest is not root: neither is it that does what it says.
        Removal("directory", ("/mnt/strange",), "u"),
        Removal("state", (f"{home}/.provision",)),
        Removal("directory", (home, *reversed(above))),
        Removal("account", ("u",)),
    ]


def test_nothing_made_is_nothing_removed() -> None:
    names = ("/opt/kafka/.provision", "/var/lib/provision/one")
    found = removals(places(Supervisor.SYSTEMD, DATA), [], [])
    assert found == [Removal("state", (name,)) for name in names]
    assert changes("h", [], found) == []


def test_lines_of_a_manifest() -> None:
    text = (
        "directory\t/a\nfile\t/b c\nstorage\t/d\text4:1\tbroker\ndirectory\t/a\n\0\0\ncut\nfile\t"
    )
    assert entries(text) == [
        ("directory", "/a"),
        ("file", "/b c"),
        ("storage", "/d"),
    ]
    assert changes("h", entries(text), [Removal("file", ("/b c",))])[0].id == Id(
        "h", "file", "/b c"
    )
