"""From the configuration's text and the inventory's settings to the hops of a route."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.hosts.observer import Become, Shell
from provisioner.hosts.ssh import config as ssh_config
from provisioner.hosts.ssh.config import Config, Hop, Lookup, route
from provisioner.hosts.transport import TransportError
from provisioner.spec.types import SshSettings
from tests.unit.hosts.scripted import ScriptedTransport

KNOWN = ("/known",)


def lookups(**hosts: Mapping[str, Any]) -> Lookup:
    """A configuration by name of host; ``every`` holds for all. A list is a keyword's lines."""
    every = hosts.pop("every", {})

    def lookup(name: str, user: str | None, port: int | None) -> Config:
        found = {**every, **hosts.get(name, {})}
        return {k: tuple(v) if isinstance(v, list) else (v,) for k, v in found.items()}

    return lookup


def one(settings: SshSettings, **hosts: Mapping[str, Any]) -> Hop:
    return route("lab", settings, lookups(**hosts), KNOWN)[-1]


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
    "userknownhostsfile": "/a /b c",
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
            "proxycommand": "nc %h %p",
        },
    )
    assert hop.key_files == ("/home/me/h-u", "/keys/lab")
    assert hop.known_hosts == ("/home/me/known.7.%",)
    assert hop.proxy_command == "nc h 7"


def test_no_file_of_known_hosts() -> None:
    assert one(SshSettings(), lab={"userknownhostsfile": "none"}).known_hosts == ()


@pytest.mark.parametrize("config", [{"port": "ssh"}, {"connecttimeout": "none"}])
def test_what_is_no_number_is_the_default(config: dict[str, str]) -> None:
    hop = one(SshSettings(), lab=config)
    assert (hop.port, hop.connect_timeout) == (22, None)


# --- names reach command lines ------------------------------------------------------------------

NO_HOSTS = ["x$(touch${IFS}pwned)", "-oProxyCommand=id", "a b", "a;b", "`id`", "a\nb", "", "a'b"]
NO_USERS = ["-x", "a b", "$(id)", "a;b", "a'b", "x\\", "root -- true & touch pwned #"]


@pytest.mark.parametrize("name", NO_HOSTS)
def test_what_is_no_host_name_is_never_looked_up(name: str) -> None:
    def never(name: str, user: str | None, port: int | None) -> Config:
        raise AssertionError(f"ssh was asked about {name!r}")

    with pytest.raises(TransportError) as caught:
        route(name and "lab", SshSettings(address=name), never, KNOWN)
    assert caught.value.code == "invalid-inventory"


@pytest.mark.parametrize("name", NO_HOSTS[:-2])
def test_nor_one_that_the_configuration_names(name: str) -> None:
    for config in ({"hostname": name or "-"}, {"proxyjump": f"u@{name or '-'}"}):
        with pytest.raises(TransportError):
            one(SshSettings(), lab=config)


@pytest.mark.parametrize("user", NO_USERS)
def test_what_is_no_user_reaches_no_command(user: str) -> None:
    for settings, config in (
        (SshSettings(user=user), {}),
        (SshSettings(), {"lab": {"user": user}}),
        (SshSettings(), {"lab": {"proxyjump": f"{user}@b"}}),
    ):
        with pytest.raises(TransportError):
            one(settings, **config)
    with pytest.raises(ValueError, match="not a user name"):
        Become(True, user)


@given(
    host=st.text(min_size=1, max_size=20),
    user=st.text(min_size=1, max_size=20),
    word=st.sampled_from(["nc %h %p", "ssh -W %h:%p %r@b", "%n"]),
)
def test_no_name_is_more_than_one_word_of_a_proxy_command(host: str, user: str, word: str) -> None:
    try:
        hop = one(SshSettings(address=host, user=user), **{host: {"proxycommand": word}})
    except TransportError:
        return
    filled = word.replace("%h", host).replace("%p", "22").replace("%r", user).replace("%n", host)
    assert hop.proxy_command == filled
    assert len(shlex.split(hop.proxy_command)) == len(word.split())
    # the last character of a login may be a dollar sign: no command, whatever comes after it
    assert not set(hop.proxy_command) & set("`;&|<>(){}'\"\n")
    assert not set(host + user[:-1]) & set("$")


@given(user=st.text(max_size=20), password=st.none() | st.text(max_size=8))
def test_becoming_is_one_of_two_commands(user: str, password: str | None) -> None:
    try:
        become = Become(True, user, password)
    except ValueError:
        return
    words = shlex.split(Shell(ScriptedTransport(), become).command())
    who = [] if user == "root" else ["-u", user]
    asked = ["-n"] if password is None else ["-k", "-S", "-p", ""]
    assert words == ["exec", "sudo", *asked, *who, "--", "/bin/sh"]
    assert "password=" not in repr(become)


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
        ((), {"lab": {"hostname": "h", "proxyjump": "x@jump-%n:24"}}, ["x@jump-lab:24", "u@h"]),
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
    config = {"proxyjump": "x@a", "proxycommand": "nc"}
    hops = route("lab", SshSettings(), lookups(lab=config), KNOWN)
    assert [hop.proxy_command for hop in hops] == ["", ""]


def test_the_inventory_goes_before_a_command() -> None:
    config = lookups(lab={"proxycommand": "nc %h"})
    for jumps, ways in ((("none",), ["u@lab"]), (("x@a",), ["x@a", "u@lab"])):
        hops = route("lab", SshSettings(jumps=jumps, user="u"), config, KNOWN)
        assert [str(hop) for hop in hops] == ways
        assert {hop.proxy_command for hop in hops} == {""}


def test_a_command_that_passes_a_descriptor_is_said_to_be_none_of_ours() -> None:
    with pytest.raises(TransportError, match="ProxyUseFdpass"):
        one(SshSettings(), lab={"proxycommand": "nc -F %h %p", "proxyusefdpass": "yes"})
