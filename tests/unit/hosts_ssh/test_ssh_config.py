"""From the configuration's text and the inventory's settings to the hops of a route."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from provisioner.hosts import ssh_config
from provisioner.hosts.ssh_config import Hop, route, text_of
from provisioner.hosts.transport import TransportError
from provisioner.spec.types import SshSettings

KNOWN = ("/known",)


def lookups(**hosts: Mapping[str, Any]) -> Callable[[str], Mapping[str, Any]]:
    """A configuration by name of host, with ``_`` for ``-``; ``every`` holds for all."""
    every = hosts.pop("every", {})
    return lambda name: {**every, **hosts.get(name, {})}


def one(settings: SshSettings, **hosts: Mapping[str, Any]) -> Hop:
    return route("lab", settings, lookups(**hosts), KNOWN)[-1]


# --- the text -----------------------------------------------------------------------------------


def text(tmp_path: Path, **files: str) -> list[str]:
    """The lines that hold, of ``config`` and what it includes."""
    for name, content in files.items():
        (tmp_path / name).write_text(content.replace("DIR", str(tmp_path)))
    return text_of([str(tmp_path / "config")]).split("\n")[1:-1]


def test_comments_and_spelling(tmp_path: Path) -> None:
    lines = text(tmp_path, config='# all\n\nHost a\n\tPORT = 22 # note\n User "a # b"\n')
    assert lines == ["host a", "port 22", 'user "a # b"']


def test_include_at_the_top(tmp_path: Path) -> None:
    lines = text(tmp_path, config="Include DIR/x\nUser u\n", x="Host a\n  Port 1\n")
    assert lines == ["host a", "port 1", "host *", "user u"]


def test_include_inside_a_block_holds_for_that_block_only(tmp_path: Path) -> None:
    lines = text(
        tmp_path,
        config="Host a* !ab\n  Include DIR/x\n  User u\nMatch user z\n  Include DIR/x\n",
        x="Port 1\nHost b\n  Port 2\n",
    )
    assert lines == [
        "host a* !ab",
        "port 1",
        'match originalhost "a*,!ab" originalhost "b"',
        "port 2",
        "host a* !ab",
        "user u",
        "match user z",
        "port 1",
        'match user z originalhost "b"',
        "port 2",
        "match user z",
    ]


def test_include_of_many_in_order_and_of_none(tmp_path: Path) -> None:
    lines = text(tmp_path, config="Include DIR/c*.conf DIR/no\n", **{"c2.conf": "Port 2\n"})
    assert lines == ["port 2", "host *"]


def test_include_without_end(tmp_path: Path) -> None:
    with pytest.raises(TransportError) as caught:
        text(tmp_path, config="Include DIR/config\n")
    assert caught.value.code == "invalid-inventory"


def test_no_configuration_at_all(tmp_path: Path) -> None:
    assert text_of([str(tmp_path / "none")]).strip() == ""


# --- one hop ------------------------------------------------------------------------------------


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("LOGNAME", "me")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/agent")
    hop = one(SshSettings())
    assert (hop.host, hop.port, hop.user) == ("lab", 22, "me")
    assert hop.key_files[0] == "/home/me/.ssh/id_ed25519"
    assert not hop.explicit_keys
    assert hop.known_hosts == KNOWN
    assert hop.global_known_hosts == ssh_config.GLOBAL_KNOWN_HOSTS
    assert hop.agent == "/agent"


CONFIG = {
    "hostname": "10.0.0.9",
    "port": "2200",
    "user": "cfg",
    "identityfile": ["/cfg/key"],
    "userknownhostsfile": '/a "/b c"',
    "connecttimeout": "7",
    "hostkeyalias": "alias",
    "hashknownhosts": "yes",
    "identitiesonly": "yes",
    "identityagent": "none",
}


def test_the_configuration() -> None:
    hop = one(SshSettings(), lab=CONFIG)
    assert (hop.host, hop.port, hop.user) == ("10.0.0.9", 2200, "cfg")
    assert hop.key_files == ("/cfg/key",)
    assert hop.explicit_keys
    assert hop.known_hosts == ("/a", "/b c")
    assert (hop.connect_timeout, hop.key_alias, hop.agent) == (7.0, "alias", "")
    assert hop.hash_names
    assert hop.identities_only


def test_the_inventory_goes_first() -> None:
    settings = SshSettings(
        port=22, user="inv", key_files=("/inv/key",), known_hosts=("/inv/known",), connect_timeout=3
    )
    hop = one(settings, lab=CONFIG)
    assert (hop.port, hop.user, hop.connect_timeout) == (22, "inv", 3)
    assert hop.key_files == ("/inv/key", "/cfg/key")
    assert hop.known_hosts == ("/inv/known",)


def test_the_address_is_what_is_looked_up() -> None:
    hop = one(SshSettings(address="10.0.0.1"), **{"10.0.0.1": {"user": "u"}, "lab": CONFIG})
    assert (hop.name, hop.host, hop.user) == ("lab", "10.0.0.1", "u")


def test_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("KEYS", "/keys")
    hop = one(
        SshSettings(port=7, user="u"),
        lab={
            "hostname": "h",
            "identityfile": ["~/%h-%r", "${KEYS}/%n"],
            "userknownhostsfile": "%d/known.%p.%%",
            "rawproxycommand": "nc %h %p",
        },
    )
    assert hop.key_files == ("/home/me/h-u", "/keys/lab")
    assert hop.known_hosts == ("/home/me/known.7.%",)
    assert hop.proxy_command == "nc h 7"


def test_no_file_of_known_hosts() -> None:
    assert one(SshSettings(), lab={"userknownhostsfile": "none"}).known_hosts == ()


@pytest.mark.parametrize("config", [{"port": "ssh"}, {"connecttimeout": "soon"}])
def test_nonsense(config: dict[str, str]) -> None:
    with pytest.raises(TransportError) as caught:
        one(SshSettings(), lab=config)
    assert caught.value.code == "invalid-inventory"


# --- the way ------------------------------------------------------------------------------------


def hosts(jumps: tuple[str, ...], **config: Mapping[str, Any]) -> list[str]:
    hops = route("lab", SshSettings(jumps=jumps, user="u"), lookups(**config), KNOWN)
    return [str(hop) for hop in hops]


@pytest.mark.parametrize(
    ("jumps", "config", "expected"),
    [
        ((), {}, ["u@lab"]),
        (("x@a",), {}, ["x@a", "u@lab"]),
        (("x@a:24", "x@b"), {}, ["x@a:24", "x@b", "u@lab"]),
        (("x@a,y@b",), {}, ["x@a", "y@b", "u@lab"]),
        (("ssh://x@[::1]:24/",), {}, ["x@::1:24", "u@lab"]),
        ((), {"lab": {"proxyjump": "x@a, x@b"}}, ["x@a", "x@b", "u@lab"]),
        ((), {"lab": {"proxyjump": "none"}}, ["u@lab"]),
        (("none",), {"lab": {"proxyjump": "x@a"}}, ["u@lab"]),
        (("x@c",), {"lab": {"proxyjump": "x@a"}}, ["x@c", "u@lab"]),
        # the first of several may need another, the later ones are reached from the one before
        (("x@a", "x@b"), {"a": {"proxyjump": "x@z"}}, ["x@z", "x@a", "x@b", "u@lab"]),
        (("x@a", "x@b"), {"b": {"proxyjump": "x@z"}}, ["x@a", "x@b", "u@lab"]),
        ((), {"every": {"proxyjump": "x@a"}}, ["x@a", "u@lab"]),
        (("bast",), {"bast": {"hostname": "h", "user": "b", "port": "24"}}, ["b@h:24", "u@lab"]),
    ],
)
def test_jumps(jumps: tuple[str, ...], config: dict[str, Any], expected: list[str]) -> None:
    assert hosts(jumps, **config) == expected


@pytest.mark.parametrize("jump", ["", "a:ssh", "u@", "a b"])
def test_what_is_no_jump(jump: str) -> None:
    with pytest.raises(TransportError) as caught:
        hosts((f"ok,{jump}",))
    assert caught.value.code == "invalid-inventory"


def test_a_jump_goes_before_a_command() -> None:
    config = {"proxyjump": "x@a", "rawproxycommand": "nc"}
    hops = route("lab", SshSettings(), lookups(lab=config), KNOWN)
    assert [hop.proxy_command for hop in hops] == ["", ""]
