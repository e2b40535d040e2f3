"""One thing in other words: the properties of a file that somebody else wrote.

Such a file leaves out what is Kafka's default, names a folder with a slash at its end, or this
machine by another of its names. What means the same as the spec stays as it is written: a file is
not rewritten, nor a process restarted, for a spelling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from provisioner.kinds.live import plain
from provisioner.spec.types import Node, Role, Spec
from provisioner.spec.words import WILDCARD, is_loopback

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
LISTENERS = "PLAINTEXT://:9092"
"""What Kafka listens on where its file does not say."""
LOG_DIR = "/tmp/kafka-logs"
Values = Mapping[str, str]


@dataclass(frozen=True)
class Around:
    """Whose file it is, what it has, and ``HOST:PORT`` as which Kafka says that the broker is
    registered (empty: not known)."""

    spec: Spec
    node: Node
    found: Values
    registered: str = ""


def spelled(around: Around, wanted: Values) -> dict[str, str]:
    """``wanted`` in the words of the file, where they mean the same."""
    found, result = around.found, dict(wanted)
    for key in sorted(wanted.keys() | found.keys()):
        mine, theirs = wanted.get(key), found.get(key)
        if mine == theirs or not _same(around, key, mine, theirs):
            continue
        if theirs is None:
            del result[key]
        else:
            result[key] = theirs
    return result


def _same(around: Around, key: str, mine: str | None, theirs: str | None) -> bool:
    rule = RULES.get(key) or (_server if key.startswith("server.") else None)
    if rule is not None:
        return rule(around, mine, theirs)
    return mine is not None and theirs is not None and plain(mine) == plain(theirs)


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def _host(text: str) -> str:
    """A host's name as it compares: all names of the loopback address are one."""
    bare = text.strip("[]").lower()
    return "localhost" if is_loopback(bare) else bare


def _listener(text: str) -> tuple[str, str, str]:
    name, _, rest = text.partition("://")
    host, _, port = rest.rpartition(":")
    return name.upper(), _host(host), port


def _listeners(around: Around, mine: str | None, theirs: str | None) -> bool:
    default = LISTENERS if around.node.is_broker else ""
    one, other = (_words(text or default) for text in (mine, theirs))
    return sorted(map(_listener, one)) == sorted(map(_listener, other))


def _advertised(around: Around, mine: str | None, theirs: str | None) -> bool:
    """What clients are told. A file that does not say it advertises what it listens on, and for an
    empty host the machine's own name, which Kafka then tells."""
    names = {x.name for x in (around.node.controller_listener,) if x}
    one = [x for x in map(_listener, _words(mine)) if x[0] not in names]
    other = [x for x in map(_listener, _words(theirs)) if x[0] not in names]
    if not mine or not theirs:
        bound = [_listener(x) for x in _words(around.found.get("listeners", LISTENERS))]
        bound = [x for x in bound if x[0] not in names]
        given = one or other
        if len(given) != len(bound):
            return False
        pairs = zip(sorted(given), sorted(bound), strict=True)
        return all(_stands_for(around, told, listens) for told, listens in pairs)
    return sorted(one) == sorted(other)


def _stands_for(around: Around, told: tuple[str, str, str], listens: tuple[str, str, str]) -> bool:
    if told[0] != listens[0] or told[2] != listens[2]:
        return False
    if listens[1] not in WILDCARD:
        return told[1] == listens[1]
    if around.found.get("advertised.listeners"):
        return False
    host, _, port = around.registered.rpartition(":")
    return not around.registered or port != told[2] or _host(host) == told[1]


def _path(text: str) -> str:
    return text.strip().rstrip("/") or "/"


def _log_dirs(around: Around, mine: str | None, theirs: str | None) -> bool:
    given = theirs if theirs is not None else around.found.get("log.dir", LOG_DIR)
    return [_path(x) for x in _words(mine)] == [_path(x) for x in _words(given)]


def _first_log_dir(around: Around, mine: str | None, theirs: str | None) -> bool:
    """``log.dir`` and ``metadata.log.dir``, which the spec does not write: they stay where they
    change nothing."""
    return (
        mine is None
        and theirs is not None
        and _path(theirs) in {_path(around.node.log_dirs[0].path)}
    )


def _log_dir(around: Around, mine: str | None, theirs: str | None) -> bool:
    return "log.dirs" in around.found or _log_dirs(
        around, ",".join(d.path for d in around.node.log_dirs), None
    )


def _id(around: Around, mine: str | None, theirs: str | None) -> bool:
    said = [around.found[key] for key in ("broker.id", "node.id") if key in around.found]
    return bool(said) and all(value.strip() == str(around.node.id) for value in said)


def _set(around: Around, mine: str | None, theirs: str | None) -> bool:
    return set(_words(mine)) == set(_words(theirs))


def _server_name(text: str) -> tuple[str, str]:
    host, _, port = text.rpartition(":")
    return _host(host.rpartition("@")[2]), f"{host.rpartition('@')[0]}:{port}"


def _servers(around: Around, mine: str | None, theirs: str | None) -> bool:
    return {_server_name(x) for x in _words(mine)} == {_server_name(x) for x in _words(theirs)}


def _bootstrap(around: Around, mine: str | None, theirs: str | None) -> bool:
    """Any of the controllers leads to all."""
    every, some = ({_server_name(x) for x in _words(text)} for text in (mine, theirs))
    return bool(some) and some <= every


def _inter_broker(around: Around, mine: str | None, theirs: str | None) -> bool:
    return (mine or "PLAINTEXT").upper() == (theirs or "PLAINTEXT").upper()


def _protocols(around: Around, mine: str | None, theirs: str | None) -> bool:
    """The same protocol for each listener that is used."""
    node = around.node
    used = [*node.listeners, *(c.controller_listener for c in around.spec.controllers)]
    names = {listener.name for listener in used if listener}
    return all(_protocol(name, mine) == _protocol(name, theirs) for name in names)


def _protocol(name: str, text: str | None) -> str:
    pairs = dict(word.upper().partition(":")[::2] for word in _words(text))
    return pairs.get(name) or (name if name in PROTOCOLS else "PLAINTEXT")


def _folder(around: Around, mine: str | None, theirs: str | None) -> bool:
    return mine is not None and theirs is not None and _path(mine) == _path(theirs)


def _server(around: Around, mine: str | None, theirs: str | None) -> bool:
    """``server.N=HOST:PEER:ELECTION``; its own host may be any that is this machine."""
    if mine is None or theirs is None or around.node.role is not Role.ZOOKEEPER:
        return False
    one, other = (text.split(";")[0].split(":") for text in (mine, theirs))
    own = one[0] in WILDCARD
    return one[1:3] == other[1:3] and (own or _host(one[0]) == _host(other[0]))


RULES: Mapping[str, Callable[[Around, str | None, str | None], bool]] = {
    "listeners": _listeners,
    "advertised.listeners": _advertised,
    "log.dirs": _log_dirs,
    "log.dir": _log_dir,
    "metadata.log.dir": _first_log_dir,
    "broker.id": _id,
    "node.id": _id,
    "process.roles": _set,
    "controller.listener.names": _set,
    "controller.quorum.voters": _servers,
    "controller.quorum.bootstrap.servers": _bootstrap,
    "zookeeper.connect": _servers,
    "inter.broker.listener.name": _inter_broker,
    "listener.security.protocol.map": _protocols,
    "dataDir": _folder,
}
