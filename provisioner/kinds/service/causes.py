"""Why a process exited while starting, from the last lines of its log."""

from __future__ import annotations

import re

CAUSES: tuple[tuple[str, str], ...] = (
    (
        r"Invalid cluster\.id in: (\S+?)\.? Expected (\S+), but read (\S+)",
        "its log dir {1} belongs to cluster {3}, but ZooKeeper to {2}; restore ZooKeeper's data, "
        "or recreate the cluster with --rebuild",
    ),
    (
        r"Stored node id (\d+) doesn't match previous node id (\d+)|"
        r"Configured broker\.id (\d+) doesn't match stored broker\.id (\d+)",
        "its log dir belongs to another node id",
    ),
    (r"No readable meta\.properties files found", "its log dirs are not formatted"),
    (
        r"Failed to acquire lock on file (\S+)",
        "another process holds the lock file {1}: is a second Kafka running on this log dir?",
    ),
    (
        r"(?:Socket server failed to bind to|java\.net\.BindException:?)\s*(\S*)",
        "its port is taken by another process",
    ),
    (r"Address already in use", "its port is taken by another process"),
    (
        r"KeeperException\$NodeExistsException|NodeExists for /brokers/ids/(\d+)",
        "ZooKeeper still has the session of its predecessor; it ends within the session timeout",
    ),
    (
        r"No snapshot found, but there are log entries",
        "its snapshots (version-2/snapshot.*) are missing from its data dir, and its "
        "transaction log needs them: restore them, or recreate the cluster with --rebuild",
    ),
    (
        r"checkpoint file \W?(/.*?-checkpoint)",
        "its checkpoint file {1} cannot be read: move it away, and Kafka writes a new one (log "
        "recovery then takes longer)",
    ),
    (r"No space left on device", "the disk is full"),
    (r"There is insufficient memory|Cannot allocate memory|OutOfMemoryError", "out of memory"),
    (
        r"UnsupportedClassVersionError|class file version \d+",
        "this Java is too old for this Kafka (3.9: 11 or newer, 4.x: 17 or newer)",
    ),
    (r"Unrecognized VM option '?([^'\s]+)", "this Java does not know the option {1}"),
    (
        r"Conflicting collector|Multiple garbage collectors",
        "more than one garbage collector is selected",
    ),
    (r"Invalid maximum heap size|Initial heap size set to a larger", "the heap size is not valid"),
    (r"Could not reserve enough space|os::commit_memory", "the heap does not fit into memory"),
    (r"Permission denied|AccessDeniedException: (\S+)", "permission denied: {1}"),
    (
        r"Class (\S+) cannot be found|ClassNotFoundException: (\S+)",
        "the class {1}{2} is not on its class path",
    ),
    (r"ConfigException: (.+)", "invalid property: {1}"),
    (r"provision-launch: (.+)", "{1}"),
    (
        r"ZooKeeperClientTimeoutException|Timed out waiting for connection while in state",
        "ZooKeeper cannot be reached",
    ),
)
SESSION = r"NodeExists"


def cause(text: str) -> str:
    """The first known cause in the text, or an empty string."""
    for pattern, words in CAUSES:
        match = re.search(pattern, text)
        if match:
            groups = [match.group(0), *(g or "" for g in match.groups())]
            return words.format(*groups).rstrip(": ")
    return ""
