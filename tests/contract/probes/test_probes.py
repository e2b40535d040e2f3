"""Every probe script for real, on this machine: what it sees, and that it leaves no trace."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provisioner.hosts.observer import Observer, Shell
from provisioner.kinds.layout import Distribution, HostLayout, layout_for
from provisioner.plan.model import Absent, Id, Observation, Present, Unknown
from provisioner.site.look import probes_of, reading, together
from provisioner.spec.types import Spec
from tests.contract.probes.shells import SHELLS, ShellConnection, tree
from tests.unit.plan.model_cluster import FACTS, spec_of

NAMES = [
    "plain",
    "a space",
    "it's",
    'a "quoted" one',
    "$(touch x)",
    "`touch x`; touch x",
    "a*b?[c]",
    "-n",
    "a\\nb\\c",
    "a\nb",
    "é√",
    "a=b",
    "%s",
]


# busybox's shell takes its own find, which has no -printf.
GNU = {"dash": True, "bash": True, "busybox": False}


@pytest.fixture(params=SHELLS)
def observer(request: pytest.FixtureRequest, tmp_path: Path) -> Observer:
    return Observer(Shell(ShellConnection(request.param, tmp_path / "shell")))


def at(home: Path, name: str = "lab") -> Spec:
    """The lab with its home in a temporary folder."""
    spec = spec_of(name)
    old, new = spec.home, str(home)
    return dataclasses.replace(
        spec,
        home=new,
        nodes=tuple(
            dataclasses.replace(
                node,
                properties=node.properties.replace(old, new, 1),
                log_dirs=tuple(
                    dataclasses.replace(d, path=d.path.replace(old, new, 1)) for d in node.log_dirs
                ),
            )
            for node in spec.nodes
        ),
    )


def places_at(home: Path, name: str = "lab") -> HostLayout:
    me = dataclasses.replace(FACTS, user="root", group="root", login="root", uid=os.getuid())
    own = f"{home}/.provision/dist"
    found = layout_for(
        at(home, name),
        "localhost",
        me,
        kafka=Distribution("k", f"{own}/kafka", "k"),
        java=Distribution("j", f"{own}/java", "j"),
    )
    return dataclasses.replace(found, user="")


def look(
    observer: Observer, where: HostLayout, change: Callable[[Any], Any] = lambda probe: probe
) -> dict[Id, Observation]:
    probes = [change(probe) for probe in probes_of(where)]
    return together(probes, observer.read([reading(probe) for probe in probes]))


def furnish(where: HostLayout) -> None:
    """A home with a bit of everything in it."""
    home = Path(where.home)
    for folder in ("config", "logs", ".provision/launch", ".provision/dist/kafka/libs"):
        (home / folder).mkdir(parents=True)
    kafka = home / ".provision/dist/kafka"
    (kafka / "libs" / "a b.jar").write_text("a")
    digest = hashlib.sha256(b"a").hexdigest()
    (kafka / "SHA256SUMS").write_text(f"{digest}  libs/a b.jar\n")
    (home / "libs").symlink_to(kafka / "libs")
    (home / ".provision/key").write_text("5ecre7\n")
    (home / ".provision/manifest").write_text("")
    for node in where.nodes:
        Path(node.properties).write_text(f"id={node.id}\n")
        for log_dir in node.log_dirs:
            Path(log_dir.path).mkdir()
    data = Path(where.nodes[0].log_dirs[0].path)
    (data / "myid").write_text("1\n")
    (data / "version-2").mkdir()
    (data / "version-2" / "log.1").write_bytes(
        b"\0\0ZKLG\0" + b'{"version":"1","id":"AAAAAAAAAAAAAAAAAAAAAA"}' + b"\0" * 1000
    )
    one = Path(where.nodes[1].log_dirs[0].path)
    (one / "meta.properties").write_text(
        "version=0\nbroker.id=0\ncluster.id=AAAAAAAAAAAAAAAAAAAAAA"
    )


def id_of(where: HostLayout, kind: str, path: str) -> Id:
    return Id("localhost", kind, path if path.startswith("/") else f"{where.home}/{path}")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_there_in_homes_of_any_name(observer: Observer, tmp_path: Path, name: str) -> None:
    where = places_at(tmp_path / name)
    furnish(where)
    before = tree(tmp_path)
    seen = look(observer, where)
    assert tree(tmp_path) == before
    assert not [path for path in tmp_path.rglob("x") if path.name == "x"]

    def fields(kind: str, path: str) -> Any:
        observation = seen[id_of(where, kind, path)]
        assert isinstance(observation, Present), observation
        return observation.fields

    assert fields("directory", "config")["type"] == "directory"
    assert fields("file", "config/server-1.properties")["id"] == "1"
    assert fields("file", ".provision/key")["type"] == "file"
    kafka = seen[id_of(where, "kafka", ".provision/dist/kafka")]
    if GNU[observer.name]:
        assert isinstance(kafka, Present)
        assert kafka.fields["intact"] is True
    else:
        assert isinstance(kafka, Unknown)
    storage = fields("storage", "zookeeper")
    assert (storage["myid"], storage["cluster_id"]) == ("1", "A" * 22)
    storage = fields("storage", "logs-0")
    assert (storage["cluster_id"], storage["node_id"]) == ("A" * 22, "0")
    assert fields("storage", "logs-1")["empty"] is True
    if "\n" not in name:
        assert fields("file", "libs")["target"] == f"{where.home}/.provision/dist/kafka/libs"
    service = seen[Id("localhost", "service", "broker-1")]
    assert isinstance(service, Present)
    assert service.fields["running"] is False
    assert service.volatile["key"] == "5ecre7"
    assert isinstance(seen[id_of(where, "java", ".provision/dist/java")], Absent)
    assert isinstance(seen[id_of(where, "file", "bin")], Absent)


def test_nothing_is_there(observer: Observer, tmp_path: Path) -> None:
    where = places_at(tmp_path / "no" / "home")
    before = tree(tmp_path)
    seen = look(observer, where)
    assert tree(tmp_path) == before
    for id, observation in seen.items():
        wanted = Present if id.kind == "service" else Absent
        assert isinstance(observation, wanted), (id, observation)


def test_a_read_that_hangs_makes_only_its_own_things_unknown(
    observer: Observer, tmp_path: Path
) -> None:
    """The digest of one file never ends: a fifo behind the launcher."""
    if observer.name == "busybox":
        pytest.xfail("its timeout ends only the child, not what the child has started")
    where = places_at(tmp_path / "home")
    furnish(where)
    last = where.nodes[-1]
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    launcher = Path(where.home) / "bin" / "provision-launch.sh"
    launcher.parent.mkdir()
    name = Path(last.properties).name
    launcher.write_text(f"#!/bin/sh\nfor f do case $f in */{name}) cat '{fifo}' ;; esac; done\n")
    launcher.chmod(0o755)
    before = tree(tmp_path)
    seen = look(observer, where, lambda probe: dataclasses.replace(probe, seconds=3))
    assert tree(tmp_path) == before
    unknown = {id for id, observation in seen.items() if isinstance(observation, Unknown)}
    unknown -= {id for id in unknown if id.kind == "kafka" and not GNU[observer.name]}
    assert Id("localhost", "service", last.name) in unknown
    assert {id.kind for id in unknown} == {"service"}


def test_a_fifo_in_the_place_of_a_file_hangs_nothing(observer: Observer, tmp_path: Path) -> None:
    where = places_at(tmp_path / "home")
    furnish(where)
    site = Path(where.nodes[-1].properties)
    site.unlink()
    os.mkfifo(site)
    seen = look(observer, where)
    fifo = seen[Id("localhost", "file", str(site))]
    assert isinstance(fifo, Present)
    assert fifo.fields["type"] == "fifo"
    assert isinstance(seen[Id("localhost", "service", where.nodes[-1].name)], Present)


@pytest.mark.parametrize(
    ("do", "wrong"),
    [
        (lambda d: (d / "libs" / "a b.jar").write_text("b"), ("changed libs/a b.jar",)),
        (lambda d: (d / "libs" / "a b.jar").unlink(), ("missing libs/a b.jar",)),
        (lambda d: (d / "libs" / "evil $(x).jar").touch(), ("extra libs/evil $(x).jar",)),
        (lambda d: (d / "SHA256SUMS").unlink(), ("missing SHA256SUMS",)),
    ],
    ids=["changed", "missing", "extra", "without its list"],
)
def test_a_distribution_that_is_not_as_it_was(
    observer: Observer, tmp_path: Path, do: Callable[[Path], object], wrong: tuple[str, ...]
) -> None:
    where = places_at(tmp_path / "home")
    furnish(where)
    do(Path(where.home) / ".provision/dist/kafka")
    seen = look(observer, where)[id_of(where, "kafka", ".provision/dist/kafka")]
    if GNU[observer.name]:
        assert isinstance(seen, Present)
        assert (seen.fields["intact"], seen.fields["files"]) == (False, wrong)
    elif "SHA256SUMS" not in wrong[0]:
        assert isinstance(seen, Unknown), "a missing tool is not read as nothing is wrong"
        assert "GNU" in seen.reason


def test_other_things_in_the_place_of_files(observer: Observer, tmp_path: Path) -> None:
    where = places_at(tmp_path / "home")
    furnish(where)
    config = Path(where.home) / "config"
    (config / "server-1.properties").unlink()
    (config / "server-1.properties").mkdir()
    (config / "server-2.properties").unlink()
    (config / "server-2.properties").symlink_to("/nowhere")
    seen = look(observer, where)
    one = seen[id_of(where, "file", "config/server-1.properties")]
    two = seen[id_of(where, "file", "config/server-2.properties")]
    assert isinstance(one, Present)
    assert one.fields["type"] == "directory"
    assert isinstance(two, Present)
    assert (two.fields["type"], two.fields["target"]) == ("link", "/nowhere")


def test_text_of_files_as_it_is(observer: Observer, tmp_path: Path) -> None:
    where = places_at(tmp_path / "home")
    furnish(where)
    text = "a=1\r\n=\n~b=2\n|c=3\nabsent=\nerror=no\n\n  d : é\\\n x\nlast=without end"
    (Path(where.home) / "config/server-1.properties").write_text(text)
    seen = look(observer, where)[id_of(where, "file", "config/server-1.properties")]
    assert isinstance(seen, Present)
    assert seen.volatile["text"] == text.replace("\r\n", "\r\n")
    assert seen.fields["last"] == "without end"
    assert seen.fields["d"] == "éx"


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become somebody else")
def test_what_may_not_be_read_is_unknown(observer: Observer, tmp_path: Path) -> None:
    """Read as nobody: closed folders hide what is in them, and say so."""
    where = places_at(tmp_path / "home")
    furnish(where)
    for folder in [tmp_path, *tmp_path.parents]:
        if folder == Path("/tmp"):
            break
        folder.chmod(0o755)
    (Path(where.home) / "config").chmod(0o700)
    (Path(where.home) / "logs-0").chmod(0o700)
    (Path(where.home) / ".provision").chmod(0o700)
    seen = look(observer, where, lambda probe: dataclasses.replace(probe, user="nobody"))
    for kind, path in [
        ("file", "config/server-1.properties"),
        ("file", ".provision/key"),
        ("directory", ".provision/launch"),
        ("storage", "logs-0"),
        ("kafka", ".provision/dist/kafka"),
        ("java", ".provision/dist/java"),
    ]:
        observation = seen[id_of(where, kind, path)]
        assert isinstance(observation, Unknown), (kind, path, observation)


def test_a_links_target_of_several_lines(observer: Observer, tmp_path: Path) -> None:
    where = places_at(tmp_path / "home")
    furnish(where)
    (Path(where.home) / "libs").unlink()
    (Path(where.home) / "bin").symlink_to("x\n=\nabsent=\n=\nabsent=")
    seen = look(observer, where)
    assert isinstance(seen[id_of(where, "file", "config/server-1.properties")], Present)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become somebody else")
def test_a_name_like_an_error_is_not_absent(observer: Observer, tmp_path: Path) -> None:
    where = places_at(tmp_path / "No such file or directory")
    furnish(where)
    for folder in [tmp_path, *tmp_path.parents]:
        if folder == Path("/tmp"):
            break
        folder.chmod(0o755)
    (Path(where.home) / "config").chmod(0o700)
    seen = look(observer, where, lambda probe: dataclasses.replace(probe, user="nobody"))
    assert isinstance(seen[id_of(where, "file", "config/server-1.properties")], Unknown)


@pytest.mark.parametrize("text", ["it is held", r"a \n b \\ c"])
def test_a_hold_is_read_as_it_was_written(observer: Observer, tmp_path: Path, text: str) -> None:
    where = places_at(tmp_path / "home")
    furnish(where)
    Path(where.state, "hold.broker-1").write_text(text + "\n")
    seen = look(observer, where)[Id("localhost", "service", "broker-1")]
    assert isinstance(seen, Present)
    assert seen.fields["hold"] == text


def test_folders_that_kafka_takes_for_no_partition_are_named(
    observer: Observer, tmp_path: Path
) -> None:
    spec = at(tmp_path / "home", "kraft")
    places = dataclasses.replace(layout_for(spec, "localhost", FACTS), user="")
    (log_dir,) = spec.brokers[0].log_dirs
    folder = Path(log_dir.path)
    good = ["atu-0", "__cluster_metadata-0", "a-b.c-12", "a-1.0af3-delete", "a-1.0af3-future"]
    bad = [".Trash", "a-b", "backup", "x-"]
    for name in [*good, *bad, "lost+found", "remote-log-index-cache"]:
        (folder / name).mkdir(parents=True)
    (folder / "meta.properties").write_text("")
    id = Id("localhost", "storage", log_dir.path)
    probes = [p for p in probes_of(places) if id in p.ids]
    seen = together(probes, observer.read([reading(probe) for probe in probes]))[id]
    assert isinstance(seen, Present)
    assert set(seen.fields["stray"]) <= set(bad)
    assert len(seen.fields["stray"]) == 3, "a few of them"
    assert seen.fields["lost_and_found"]
    assert seen.fields["meta_lost"]
    assert seen.fields["partitions"]
