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
TOPIC_PATTERN = re.compile(r"([a-zA-Z0-9._*?-]|\[!?[a-zA-Z0-9._-]+\])+")
BRACKETS = re.compile(r"\[[^\]]+\]")
RANGE = re.compile(r"([^\[!])-([^\]])")
PARTITION = re.compile(r"0|[1-9][0-9]{0,9}")
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


RATE = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,3}))? ?(kB|KiB|MB|MiB|GB|GiB)/s")
RATE_UNITS = {"kB": 10**3, "KiB": 2**10, "MB": 10**6, "MiB": 2**20, "GB": 10**9, "GiB": 2**30}
LEAST_RATE = 10**6


def rate(value: Any) -> Any:
    """``50MB/s``. Kafka never ends a move whose limit is near what is written meanwhile."""
    text = str(value)
    if not isinstance(value, str) or not RATE.fullmatch(text):
        refuse(
            f"'{text[:40]}' is not a rate with its unit",
            "write 50MB/s (kB, MB and GB are powers of 1,000; KiB, MiB and GiB of 1,024)",
        )
    if rate_bytes(text) < LEAST_RATE:
        refuse(f"{text} is below 1MB/s, at which Kafka may never finish", "write 1MB/s or more")
    return value


def rate_bytes(text: str) -> int:
    """Bytes per second of a valid rate."""
    found = RATE.fullmatch(text)
    assert found
    whole, part, unit = found.groups()
    return int(int(whole + (part or "")) * RATE_UNITS[unit] // 10 ** len(part or ""))


DURATION = re.compile(r"([0-9]{1,6})(s|m|h)")
SECONDS = {"s": 1, "m": 60, "h": 3600}
LONGEST_REASON = 200


def duration(value: Any) -> Any:
    """``30s``, ``5m``, ``1h`` → seconds."""
    found = DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        refuse(f"{str(value)[:40]!r} is not a duration", "write a number and s, m or h: 30s, 5m")
    seconds = int(found[1]) * SECONDS[found[2]]
    if seconds > 24 * 3600:
        refuse(f"{found[0]} is longer than a day", "write at most 24h")
    return float(seconds)


def reason(text: str) -> str:
    """Why something is so, in one line."""
    plain = " ".join(text.split())
    if not plain or not plain.isprintable() or len(plain) > LONGEST_REASON:
        refuse("a reason is a line of text", f"write 1 to {LONGEST_REASON} characters")
    return plain


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


FEATURE = re.compile(r"[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*")
LEVEL = re.compile(r"0|[1-9][0-9]{0,3}|[0-9]{1,2}\.[0-9]{1,3}-IV[0-9]{1,2}")


def feature_name(text: str) -> str:
    """``metadata.version``."""
    if not FEATURE.fullmatch(text):
        refuse(f"'{text[:40]}' is not a feature of Kafka", "write metadata.version, or another")
    return text


def feature_level(value: Any) -> Any:
    """``29`` and ``4.2-IV1`` as text."""
    text = getattr(value, "text", None) or str(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        text = "?"
    if not LEVEL.fullmatch(text):
        refuse(
            f"'{text[:40]}' is not the level of a feature",
            "write its number (29), or of metadata.version its name (4.2-IV1)",
        )
    return text


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


UNIT = re.compile(r"[A-Za-z0-9:_.@-]{1,240}\.service")
CONFIG_TREES = ("/etc/",)


def config_file(text: str) -> str:
    """The path of a properties file. Unlike a folder of Kafka's it may be below /etc."""
    tree = next((tree for tree in CONFIG_TREES if text.startswith(tree)), "")
    clean = tree + path(text.removeprefix(tree)) if tree else path(text)
    if not clean.endswith(".properties"):
        refuse(f"'{text}' is not a properties file", "its name ends with .properties")
    return clean


def unit(text: str) -> str:
    """The name of a systemd service; a template only with its instance."""
    if not UNIT.fullmatch(text) or "@." in text or text.startswith(("-", ".")):
        refuse(f"'{text[:60]}' is not the name of a systemd service", "write NAME.service")
    return text


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


def bootstrap(text: str) -> str:
    """``HOST:PORT``, as it stands. See ``to_address`` for the value."""
    to_address(text)
    return text


BOOTSTRAP = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^:/\s\[\]]+):(\d{1,5})")


def to_address(text: str) -> tuple[str, int]:
    """``kafka1:9092`` → (``kafka1``, 9092); an IPv6 address stands in brackets."""
    found = BOOTSTRAP.fullmatch(text)
    if not found:
        refuse(f"'{text[:80]}' is not an address of a broker", "write HOST:PORT, as kafka1:9092")
    if not 1 <= int(found[2]) <= 65535:
        refuse(f"port {found[2]} is not between 1 and 65535", "")
    return address(found[1]), int(found[2])


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


def topic_pattern(text: str) -> str:
    """A shell pattern of topic names: ``*``, ``?``, ``[a-z]``, ``[!a-z]``. What can match no name
    is refused: nobody would see that it does nothing."""
    if "[^" in text:
        refuse(f"'{text[:60]}': '[^' means something else to some shells", "write [!…]")
    if not TOPIC_PATTERN.fullmatch(text):
        refuse(
            f"'{text[:60]}' can match no topic",
            "write a topic's name, with '*' for anything, '?' for one character, [a-z] for one of "
            "several",
        )
    for first, last in RANGE.findall("".join(BRACKETS.findall(text))):
        if first > last:
            refuse(f"'{text[:60]}': the range {first}-{last} is empty", f"write {last}-{first}")
    return text


def partition_number(text: str) -> str:
    """The key of one partition's placement."""
    if not PARTITION.fullmatch(text):
        refuse(f"'{text[:60]}' is not the number of a partition", "write 0, 1, 2, …")
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
