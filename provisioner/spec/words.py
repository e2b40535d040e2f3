"""Single words of a spec: versions, paths, listeners, heaps, names. Text in, text out.

Each raises (through ``refuse``) a ``Refusal``: a ``ValueError`` whose message says what is wrong
and whose ``hint`` says what to write.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any, NoReturn

from provisioner.spec.types import Listener


class Refusal(ValueError):
    """Why a word is refused, and what to write instead."""

    def __init__(self, message: str, hint: str = ""):
        super().__init__(message)
        self.hint = hint


def refuse(message: str, hint: str = "") -> NoReturn:
    raise Refusal(message, hint)


VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})")
LISTENER = re.compile(r"([A-Za-z][A-Za-z0-9_]*)://(\[[0-9A-Fa-f:.%]+\]|[^:/\s\[\]]*):(\d+)")
HOSTNAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
IPV6 = re.compile(r"(?=.*:.*:)[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?")
HEAP = re.compile(r"[1-9][0-9]{0,9}[kKmMgG]")
TOPIC = re.compile(r"[a-zA-Z0-9._-]+")
ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Ends up in a class path (':'), in lists of properties (','), in unit files ('%', quotes, '$').
UNSAFE_IN_PATH = re.compile(r"[:,*?\"'\\$%`;|<>#]")
# Folders that Kafka must not own, nor a log dir be.
SYSTEM_FOLDERS = frozenset(
    f"/{name}"
    for name in (
        *("", "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32"),
        *("lost+found", "media", "mnt", "opt", "proc", "root", "run", "sbin", "snap", "srv"),
        *("sys", "tmp", "usr", "usr/bin", "usr/lib", "usr/local", "usr/sbin", "usr/share"),
        *("var", "var/cache", "var/lib", "var/log", "var/run", "var/spool", "var/tmp"),
    )
)
SYSTEM_TREES = ("/proc/", "/sys/", "/dev/", "/etc/", "/boot/", "/bin/", "/sbin/", "/run/")


def version(value: Any) -> Any:
    """``"3.9.1"``. A number lost its last zero before anyone could look at it, so it is refused."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        text = getattr(value, "text", None) or str(value)
        refuse(
            f"version {text} is not quoted: YAML reads it as a number ({text} as {value:g}), "
            "not as a version",
            f'write "{text}.0", or whichever release of {text} you mean, in quotes',
        )
    if isinstance(value, str) and not VERSION.fullmatch(value):
        refuse(f"'{value[:40]}' is not a version of Kafka", 'write three numbers: "3.9.1"')
    return value


def release(text: str) -> tuple[int, int, int]:
    """``"3.9.1"`` → ``(3, 9, 1)``."""
    found = VERSION.fullmatch(text)
    if not found:
        raise ValueError(text)
    return int(found[1]), int(found[2]), int(found[3])


def path(text: str) -> str:
    """A path in its shortest form; relative ones stay relative."""
    if not text.strip():
        refuse("the path is empty", "write a folder")
    if text != text.strip():
        refuse("the path begins or ends with a blank", "take the blank out")
    if text.startswith("~") and text != "~" and not text.startswith("~/"):
        refuse(
            f"'{text}': only the home folder of the user who runs Kafka has a short form",
            "write ~/… or an absolute path",
        )
    if ".." in text.split("/"):
        refuse(f"'{text}' goes up with '..'", "write the path that is meant")
    bad = UNSAFE_IN_PATH.search(text)
    if bad:
        refuse(
            f"the path has {bad[0]!r} in it, which Kafka or its start would misread",
            "use letters, digits, '.', '_', '-', '+', '@', '=' and '/'",
        )
    if len(text) > 1024:
        refuse("the path is longer than 1024 characters", "use a shorter one")
    clean = posixpath.normpath(text)
    clean = clean[1:] if clean.startswith("//") else clean
    if clean in SYSTEM_FOLDERS or (clean + "/").startswith(SYSTEM_TREES):
        refuse(f"'{clean}' belongs to the system", "use a folder of Kafka's own")
    if clean in ("~", "."):
        refuse(f"'{text}' is a whole home folder", "use a folder below it")
    return clean


LOGIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\-]*\$?")


def is_address(text: str) -> bool:
    """Whether it is a host name or an IP address, without brackets."""
    return bool(HOSTNAME.fullmatch(text) or (":" in text and IPV6.fullmatch(text)))


def is_login(text: str) -> bool:
    """Whether it is a user name that no command line reads as anything else."""
    return bool(LOGIN.fullmatch(text)) and not text.endswith("\\") and len(text) < 257


def login(text: str) -> str:
    """A user name."""
    if is_login(text):
        return text
    refuse(f"'{text[:60]}' is not a user name", "use letters, digits and . _ @ -, no leading '-'")


def address(text: str) -> str:
    """A host name or IP address."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if is_address(bare):
        if bare in ("0.0.0.0", "::"):
            refuse(
                f"'{text}' means every interface; nobody can be reached there",
                "write the address that the other nodes use",
            )
        return bare
    refuse(f"'{text[:60]}' is neither a host name nor an IP address", "write it without a port")


LOOPBACK = ("localhost", "localhost.localdomain", "ip6-localhost", "::1")
WILDCARD = ("", "0.0.0.0", "::")


def is_loopback(host: str) -> bool:
    return host.lower() in LOOPBACK or host.startswith("127.")


def listener(text: str) -> str:
    """``NAME://HOST:PORT``, as it stands. See ``to_listener`` for the value."""
    to_listener(text)
    return text


def to_listener(text: str) -> Listener:
    found = LISTENER.fullmatch(text)
    if not found:
        refuse(
            f"'{text[:80]}' is not a listener", "write NAME://HOST:PORT, such as PLAINTEXT://:9092"
        )
    name, host, port = found[1], found[2], int(found[3]) if len(found[3]) < 6 else 0
    if not 1 <= port <= 65535:
        refuse(f"port {found[3][:12]} is not between 1 and 65535", "")
    host = host[1:-1] if host.startswith("[") else host
    if host and not HOSTNAME.fullmatch(host) and not (":" in host and IPV6.fullmatch(host)):
        refuse(f"'{host}' is neither a host name nor an IP address", "")
    return Listener(name.upper(), host, port)


def heap(text: Any) -> Any:
    if isinstance(text, int) and not isinstance(text, bool):
        refuse(f"a heap of {text} lacks its unit", f"write {text}m for megabytes")
    if not isinstance(text, str):
        return text
    if not HEAP.fullmatch(text):
        refuse(f"'{text[:40]}' is not a size of a heap", "write a number and k, m or g: 512m, 1g")
    size = heap_bytes(text)
    if size < 32 << 20:
        refuse(
            f"a heap of {text} is too small for Kafka to start",
            "give it at least 32m; 512m is a lab",
        )
    if size > 1 << 42:
        refuse(f"a heap of {text} is more than 4 TB", "check the unit")
    return text


def heap_bytes(text: str) -> int:
    """``512m`` → bytes."""
    return int(text[:-1]) * {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[text[-1].lower()]


def jvm_option(text: str) -> str:
    if not text.startswith("-") or any(c.isspace() for c in text):
        refuse(
            f"'{text[:60]}' is not one option of the JVM",
            "write one option an item, each beginning with '-'",
        )
    if re.match(r"-(Xm[sx]|XX:(Max|Initial)HeapSize)", text):
        refuse(f"'{text}' is the heap", "write heap: 512m")
    if re.match(r"-(cp|classpath|jar|-class-path|m|-module)\b", text):
        refuse(f"'{text}' changes what is run", "leave the class path to the tool")
    if text.startswith("-Dcom.sun.management.jmxremote.port"):
        refuse(f"'{text}' is the JMX port", "write jmx_port: PORT")
    return text


def topic_name(text: str) -> str:
    """Kafka's own rules (``org.apache.kafka.common.internals.Topic``)."""
    if text in (".", ".."):
        refuse(f"a topic cannot be called '{text}'", "Kafka refuses '.' and '..'")
    if len(text) > 249:
        refuse(f"the topic's name has {len(text)} characters", "Kafka takes at most 249")
    if not TOPIC.fullmatch(text):
        refuse(
            f"'{text[:60]}' is not a topic name that Kafka takes",
            "use letters, digits, '.', '_' and '-'",
        )
    if text in (
        "__consumer_offsets",
        "__transaction_state",
        "__share_group_state",
        "__cluster_metadata",
    ):
        refuse(f"'{text}' is Kafka's own topic", "Kafka makes it; its replication is looked after")
    return text


def property_value(value: Any) -> Any:
    """``true`` and numbers → Kafka's strings; text stays as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return getattr(value, "text", None) or str(value)
    if isinstance(value, list):
        refuse("a list is not a value here", "write the items as one text with commas: a,b,c")
    return value


def java(text: str) -> str:
    if text in ("bundled", "system"):
        return text
    if not text.startswith("/"):
        refuse(
            f"'{text[:60]}' is not a valid value of java",
            "write bundled, system, or the absolute path of a Java home",
        )
    return path(text)
