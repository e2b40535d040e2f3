"""What a host may answer to a script, and what is made of it: never a hang, never a crash."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.hosts.observer import Become, Observer, Shell
from provisioner.hosts.shell import Script
from provisioner.hosts.transport import NONSENSE, Result, TransportError, understood
from provisioner.kinds.registry import KINDS
from provisioner.plan.model import Unknown
from provisioner.site.facts import read_facts
from provisioner.site.look import parsed, probes_of, record
from tests.as_login import Reading
from tests.unit.hosts.scripted import ScriptedTransport
from tests.unit.plan.model_cluster import ModelCluster, spec_of


@dataclass
class Hostile(ScriptedTransport):
    """Knows the marker, as every host does, and says with it what it likes."""

    says: Callable[[bytes], bytes] = field(default=lambda mark: b"")

    def execute(
        self,
        command: str,
        stdin: bytes | Iterable[bytes] = b"",
        *,
        seconds: float,
        progress: Callable[[int], None] | None = None,
    ) -> Result:
        assert isinstance(stdin, bytes)
        found = re.search(rb"^MARK=(\S+)$", stdin, re.M)
        assert found
        return Result(self.says(b"\n" + found.group(1) + b" "), b"", 0)


def read(says: Callable[[bytes], bytes]) -> list[str | None]:
    frames = Observer(Shell(Hostile(says=says))).read([Reading("a", ()), Reading("b", ())])
    return [frame.text if frame else None for frame in frames]


GOOD = b"0 0 2\nok"


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "header",
    [
        b"0 0 -26\n",  # back to itself: read for ever
        b"0 0 -1\n",
        b"0 0 +2\nok",
        b"0 0 1_0\n0123456789",
        b"0 0 \xd9\xa2\nok",
        b"-1 0 2\nok",
        b"0 0\n",
        b"0 0 2 2\nok",
        b"0  0 2\nok",
        b"one 0 2\nok",
        b"0 nought 2\nok",
        b"0 -1 2\nok",
        b"0 1e3 2\nok",
        b"0 0 99999999999999999999\nok",
        b"0 0 " + b"9" * 5000 + b"\nok",
        b"\n",
        b" \n",
        b"\xff\xfe\n",
    ],
)
def test_what_is_no_header_is_no_frame(header: bytes) -> None:
    assert read(lambda mark: mark + header + mark + b"1 0 2\nok") == [None, "ok"]


@pytest.mark.timeout(30)
def test_a_length_beyond_the_end_is_no_frame() -> None:
    with pytest.raises(TransportError):
        read(lambda mark: mark + b"0 0 999999999\nok")


@pytest.mark.timeout(60)
def test_a_marker_without_end_is_read_once() -> None:
    assert read(lambda mark: mark * 200_000 + mark + GOOD) == ["ok", None]


def test_frames_that_nobody_asked_for_are_not_kept() -> None:
    script = Script()
    script.add("part", 1, "", "")
    mark = b"\n" + script.marker.encode() + b" "
    many = b"".join(mark + b"%d 0 1\nx" % n for n in range(5000))
    assert set(script.read(many)) == {0}


@given(st.binary(max_size=200), st.lists(st.sampled_from([b"0 0 ", b"-", b"9", b"\n", b" "])))
def test_any_bytes_at_all(data: bytes, more: list[bytes]) -> None:
    script = Script()
    script.add("part", 1, "", "")
    mark = b"\n" + script.marker.encode() + b" "
    for frame in script.read(mark + b"".join(more) + data + mark + data).values():
        assert frame.status is None or 0 <= frame.status <= 999


@pytest.mark.parametrize("error", NONSENSE)
def test_every_error_of_reading_is_the_hosts(error: type[Exception]) -> None:
    said = "what vm1 said cannot be understood"
    with pytest.raises(TransportError, match=said) as caught, understood("vm1"):
        raise error("x" * 10_000)
    assert caught.value.code == "connection-lost"
    assert len(str(caught.value)) < 300


FACTS = {
    "login": "root",
    "uid": "0",
    "hostname": "vm1",
    "user": "kafka",
    "exists": "true",
    "group": "kafka",
    "home": "/home/kafka",
    "arch": "x86_64",
    "system": "Linux",
}


def facts_of(**other: str) -> Any:
    lines = {**FACTS, **other}
    return read_facts("".join(f"{name}={value}\n" for name, value in lines.items()))


def test_facts() -> None:
    facts = facts_of()
    assert (facts.uid, facts.root, facts.libc, facts.hostname) == (0, True, "glibc", "vm1")
    assert facts_of(uid="4242", libc="musl", hostname="\x1b[2J").hostname == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("uid", "nobody"),
        ("uid", ""),
        ("uid", "-1"),
        ("uid", "9" * 5000),
        ("home", "kafka"),
        ("home", ""),
        ("home", "/home/\x1b[2J"),
        ("login", ""),
        ("login", "a/../b"),
        ("arch", "../../etc"),
        ("system", "Linux/../.."),
        ("exists", "perhaps"),
    ],
)
def test_facts_that_cannot_be(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        facts_of(**{name: value})


LINES = st.sampled_from(
    [
        "=",
        "",
        "|x",
        "~",
        "pid=x",
        "pid=\u00b2",
        "mode=rwx",
        "size=-1",
        "=\t",
        "absent=",
        "\t\t",
        "process=1",
        "process=1\t2",
        "text",
    ]
)


def names_of(kind_specs: Iterable[str]) -> list[Any]:
    probes = []
    for name in kind_specs:
        for places in ModelCluster(spec_of(name)).site.places.values():
            probes += probes_of(places)
    return probes


PROBES = names_of(["lab", "kraft"])


@given(st.lists(st.one_of(LINES, st.text(max_size=12)), max_size=12))
def test_no_text_of_a_host_crashes_a_kind(lines: list[str]) -> None:
    """Whatever a probe prints, its things are something, or Unknown with a reason."""
    from provisioner.hosts.shell import Frame

    for probe in PROBES:
        text = "".join(f"=\n{line}\n" for line in ["\n".join(lines)] * len(probe.ids))
        for seen in parsed(probe, Frame(text, 0)).values():
            assert not isinstance(seen, Unknown) or seen.reason


def test_a_key_that_is_a_number_and_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind that trips over a text makes that thing Unknown, and no other."""
    from dataclasses import replace

    from provisioner.hosts.shell import Frame

    probe = next(p for p in PROBES if len(p.ids) > 1)
    kind = probe.ids[0].kind
    first = probe.ids[0]
    real = KINDS[kind]

    def parse(id: Any, found: Any) -> Any:
        return {"": 1}["x"] if id == first else real.parse(id, found)

    monkeypatch.setitem(KINDS, kind, replace(real, parse=parse))
    text = "".join("=\nabsent=\n" for _ in probe.ids)
    seen = parsed(probe, Frame(text, 0))
    trouble = seen[first]
    assert isinstance(trouble, Unknown)
    assert "cannot be understood" in trouble.reason
    assert record("a=b").values == {"a": "b"}
    others = [id for id in probe.ids if id != first]
    assert all("understood" not in str(getattr(seen[id], "reason", "")) for id in others)


def test_a_password_is_in_no_repr_and_in_no_core_dump() -> None:
    import resource

    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        assert "hunter2" not in repr(Become(True, "root", "hunter2"))
        assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
