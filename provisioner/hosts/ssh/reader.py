"""The SSH configuration on a machine without ``ssh``: the SSH library's reader, which knows less.

What it does not understand is said by keyword and place, so that nobody is surprised by it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from provisioner.hosts.ssh.config import Config, Lookup, broken
from provisioner.hosts.ssh.libraries import paramiko

NOT_UNDERSTOOD = re.compile(
    r"""\s*(?P<key>include\b|canonical\w+|revokedhostkeys\b|match\b(?!\s+all\s*$)|proxycommand\b
    |(?:hostname|identityfile|userknownhostsfile|globalknownhostsfile)\b(?=.*[%"$])|\w+(?=.*\s\#))""",
    re.IGNORECASE | re.VERBOSE,
)
"""Lines that the library's reader leaves out or may understand in another way than OpenSSH does."""
STOPS = re.compile(
    r"\s*match\b.*\b(final|canonical|localnetwork|tagged|version|sessiontype)\b", re.I
)


def library_lookup(files: tuple[str, ...], say: Callable[[str], None]) -> Lookup:
    """Raises TransportError (``invalid-inventory``) for a file that cannot be read."""
    texts = []
    for file in map(Path, files):
        path = file.expanduser()
        if path.is_file():
            try:
                text = path.read_text(errors="replace")
            except OSError as error:
                raise broken(f"{path}: {error.strerror}") from error
            for line, key in not_understood(text):
                say(
                    f"{path}:{line}: {key} may mean something else to OpenSSH, which is not "
                    "installed here: install openssh-client"
                )
            # a block of the file before must not take in the first lines of this one
            texts.append("Host *\n" + without(text))
    try:
        config = paramiko.SSHConfig.from_text("\n".join(texts) + "\n")
    except (paramiko.SSHException, ValueError) as error:
        raise broken(f"the SSH configuration: {error}") from error

    def lookup(name: str, user: str | None, port: int | None) -> Config:
        try:
            found: Mapping[str, Any] = config.lookup(name)
        except Exception as error:  # the library raises its own, ValueError, OSError, KeyError
            raise broken(f"the SSH configuration for {name}: {error}") from error
        return {
            key: tuple(value) if isinstance(value, list) else (_seconds(key, value),)
            for key, value in {**found, "hostname": found["hostname"].lower()}.items()
            if value is not None
        }

    return lookup


def not_understood(text: str) -> Iterator[tuple[int, str]]:
    """(line from 1, keyword) of what the library's reader lacks."""
    for number, line in enumerate(text.split("\n"), 1):
        if found := NOT_UNDERSTOOD.match(line):
            yield number, found["key"]


def without(text: str) -> str:
    """The text without the blocks that the library would stop at: they hold for nobody."""
    lines = text.split("\n")
    return "\n".join("Host !*" if STOPS.match(line) else line for line in lines)


def _seconds(key: str, value: str) -> str:
    """``1m`` → ``60``, as ssh_config(5) writes times."""
    parts = re.findall(r"(\d+)([smhdw]?)", value.lower())
    if key != "connecttimeout" or "".join(n + u for n, u in parts) != value.lower():
        return value
    units = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
    return str(sum(int(number) * units[unit] for number, unit in parts))
