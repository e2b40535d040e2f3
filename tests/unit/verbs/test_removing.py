"""What destroy removes, in which order, and as whom."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from provisioner.kinds.layout import HostLayout
from provisioner.plan.model import PRIVILEGED, Id
from provisioner.run.removal import Removal, changes, entries, permitted, removals
from provisioner.spec.types import Supervisor

HOME = "/opt/kafka"
DATA = "/var/lib/kafka/data"


def places(supervisor: Supervisor, *data: str, home: str = HOME, user: str = "kafka") -> HostLayout:
    systemd = supervisor is Supervisor.SYSTEMD
    state = "/var/lib/provision/one" if systemd else f"{home}/.provision"
    nodes: Any = (SimpleNamespace(log_dirs=[SimpleNamespace(path=path) for path in data]),)
    return HostLayout("h", home, state, user, user, supervisor, nodes, "one", True)


def of(kind: str, *names: str) -> list[tuple[str, str]]:
    return [(kind, name) for name in names]


def both(*names: str, user: str = "kafka") -> list[Removal]:
    """Kafka's user removes what he can, root what is left."""
    return [Removal("mine", names, user), Removal("directory", names, PRIVILEGED)]


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
        Removal("unit", ("/etc/systemd/system/kafka-one-broker-1.service",), PRIVILEGED),
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
        *both(DATA, "/var/lib/kafka"),
        Removal("state", (f"{HOME}/.provision",), "kafka"),
        *both(HOME),
        Removal("state", ("/var/lib/provision/one",), PRIVILEGED),
        *both("/var/lib/provision/one", "/var/lib/provision"),
        Removal("account", ("kafka",), PRIVILEGED),
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
        # Whoever may write this manifest is not root: neither is it that does what it says, but for
        # what the spec itself names.
        *both("/data/1", user="u"),
        Removal("directory", ("/mnt/strange", "/data"), "u"),
        Removal("state", (f"{home}/.provision",), "u"),
        *both(home, user="u"),
        Removal("directory", tuple(reversed(above)), "u"),
    ]


def test_what_is_in_a_log_dir_is_kafkas_users_to_remove() -> None:
    ours = of("directory", DATA, f"{DATA}/a")
    found = removals(places(Supervisor.SYSTEMD, DATA), ours, [])
    assert Removal("directory", (f"{DATA}/a",), "kafka") in found
    assert all(f"{DATA}/a" not in step.names for step in found if step.user == PRIVILEGED)


def test_without_kafkas_user_only_root_s_own_goes() -> None:
    where = replace(places(Supervisor.SYSTEMD, DATA), user_exists=False)
    assert {step.user for step in removals(where, OURS, [])} == {PRIVILEGED}


def test_nothing_made_is_nothing_removed() -> None:
    names = ("/opt/kafka/.provision", "/var/lib/provision/one")
    found = removals(places(Supervisor.SYSTEMD, DATA), [], [])
    assert [(step.what, step.names) for step in found] == [("state", (name,)) for name in names]
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
    assert changes("h", entries(text), [Removal("file", ("/b c",), "kafka")])[0].id == Id(
        "h", "file", "/b c"
    )


HOSTILE = [
    ("file", "/etc/systemd/system/sshd.service"),
    ("file", "/etc/systemd/system/kafka-two-broker-1.service"),
    ("file", "/etc/systemd/system/kafka-one-broker-1.service.d/x.conf"),
    ("file", "/etc/passwd"),
    ("java", "/home"),
    ("kafka", "/opt/kafka-neighbour/.provision/dist/x"),
    ("account", "root"),
    ("account", "somebody"),
    ("unit", "sshd"),
]


def test_what_a_manifest_may_not_claim() -> None:
    for supervisor in Supervisor:
        assert permitted(places(supervisor), HOSTILE) == []
    mine = of("file", "/etc/systemd/system/kafka-one-broker-1.service")
    assert permitted(places(Supervisor.SYSTEMD), mine) == mine
    # Where a user keeps it, it says nothing of what is root's.
    assert permitted(places(Supervisor.PROCESS), [*mine, ("account", "kafka")]) == []


def test_a_path_that_is_not_normal_is_no_entry() -> None:
    names = [
        "/etc/systemd/../../srv/x", "/srv/./x", "/srv//x", "srv/x", "/", "/srv/x/", "/srv/..",
        "/srv/a\x1bb", "",
    ]  # fmt: skip
    assert entries("".join(f"file\t{name}\n" for name in names)) == []
    assert entries("file\t/srv/..x\nfile\t/srv/...\n") == of("file", "/srv/..x", "/srv/...")
