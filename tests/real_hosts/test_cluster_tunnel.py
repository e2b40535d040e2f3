"""What a run over SSH opens on the machine that it runs on: nothing, but for the library's producer
and consumer, and that lets nobody else in."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from provisioner.site.site import Options, Site, open_site
from provisioner.spec.load import load_all
from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.kafka_client import Both
from tests.real_hosts.clusters import Place, on, one_node, until

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "bash", "-c"]
TALK = r"""
exec 3<>"/dev/tcp/127.0.0.1/$1"; shift
for word do
  printf "$word" >&3
  timeout 5 head -c 2 <&3 | od -An -tx1
done
"""


@pytest.fixture(scope="module")
def host(module_machines: MachineFactory) -> Machine:
    (machine,) = module_machines()
    return machine


@pytest.fixture(scope="module")
def place(host: Machine, tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("tunnel"), [host])
    place.write(one_node(host.name))
    place.ok("apply", "--round-trip")
    return place


@pytest.fixture
def site(place: Place) -> Iterator[Site]:
    spec = load_all(place.spec, env=os.environ).spec
    with open_site(spec, Options(), place.folder) as site:
        yield site


def listeners() -> list[int]:
    """The ports on which this very process listens."""
    files = [fd for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()]
    mine = {str(fd.readlink()) for fd in files}
    found = []
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/self/net/{name}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and f"socket:[{words[9]}]" in mine:
                found.append(int(words[1].rpartition(":")[2], 16))
    return found


def as_nobody(port: int, *words: str) -> list[str]:
    """What another local user is told there, two bytes for each word that he says."""
    done = subprocess.run(
        [*NOBODY, TALK, "bash", str(port), *words], capture_output=True, text=True, check=False
    )
    return [line.replace(" ", "") for line in done.stdout.splitlines()]


def login(user: str, password: str) -> str:
    return rf"\x01\x{len(user):02x}{user}\x{len(password):02x}{password}"


def connect(name: str, port: int) -> str:
    high, low = divmod(port, 256)
    return rf"\x05\x01\x00\x03\x{len(name):02x}{name}\x{high:02x}\x{low:02x}"


def test_administration_listens_nowhere(site: Site, host: Machine) -> None:
    view = site.cluster().view()
    assert [broker.id for broker in view.brokers] == [1]
    assert view.broker_configs[1], "it was asked, through SSH"
    assert not view.errors
    assert listeners() == []


def test_the_tunnel_lives_while_the_library_does_and_lets_nobody_in(
    site: Site, host: Machine
) -> None:
    until_now = threads_of("tunnel")
    traffic = Both(site.cluster()).producer("atu")
    try:
        (port,) = listeners()
        until(lambda: len(traffic.acked()) > 5, "records through the tunnel")
        # without a login, with another, and with an empty one
        assert as_nobody(port, r"\x05\x01\x00") == ["05ff"]
        assert as_nobody(port, r"\x05\x01\x02", login("a", "b")) == ["0502", "0101"]
        assert as_nobody(port, r"\x05\x01\x02", r"\x01\x00\x00") == ["0502", "0101"]
        # even with the right one there is nothing but this cluster behind it
        user, password = secret_of(traffic)
        hello = (r"\x05\x01\x02", login(user, password))
        for name, number in (("localhost", 22), ("127.0.0.1", 22), (host.address, 22)):
            said = as_nobody(port, *hello, connect(name, number))
            assert said == ["0502", "0100", "0502"], name
        assert as_nobody(port, *hello, connect("localhost", 9092)) == ["0502", "0100", "0500"]
    finally:
        traffic.stop(10)
    assert not traffic.failed()
    assert listeners() == []
    assert threads_of("tunnel") == until_now
    assert as_nobody(port, r"\x05\x01\x00") == []


def test_nor_is_anything_left_of_a_round_trip(site: Site) -> None:
    cluster = Both(site.cluster())
    written = cluster.produce("atu", [b"one", b"two"], seconds=30)
    assert [type(each) for each in written] == [tuple, tuple]
    read = [record.value for record in cluster.consume("atu", seconds=30)]
    assert {b"one", b"two"} <= set(read)
    assert listeners() == []


def test_a_broker_elsewhere_is_dialled_from_its_host_alone(site: Site, host: Machine) -> None:
    """What the broker calls localhost is its own machine's; ours is never asked."""
    assert on(host, "ss -Hltn sport = :9092 | wc -l").strip() != "0"
    assert site.cluster().liveness().alive == {1}


def secret_of(traffic: object) -> tuple[str, str]:
    """The login that the library was given."""
    producer = traffic._producer  # type: ignore[attr-defined]
    url = urlsplit(producer.config["proxy_url"])
    assert url.username
    assert url.password
    return url.username, url.password


def threads_of(name: str) -> list[str]:
    import threading

    return [thread.name for thread in threading.enumerate() if thread.name.startswith(name)]
