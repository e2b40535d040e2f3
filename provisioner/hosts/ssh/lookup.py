"""What the SSH configuration says for a host, as OpenSSH itself reads it: ``ssh -G``.

Where there is no ``ssh``, the SSH library's own reader is used, and what it does not understand of
the files is said (``ssh_reader``).
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

from provisioner.hosts.ssh.config import Config, Lookup, broken
from provisioner.hosts.ssh.wire import environment
from provisioner.hosts.transport import TransportError

DEFAULT_FILES = ("~/.ssh/config", "/etc/ssh/ssh_config")
NO_KEY = "/nonexistent/provision"
"""A key file on the command line: ssh then leaves out its default keys, which it would list as if
somebody had named them."""
ASKING = ("-G", "-T", "-o", f"IdentityFile={NO_KEY}", "-o", "ControlPath=%C")
"""``ControlPath`` is for us: what ``%C`` stands for depends on the version of ssh."""
SECONDS = 20.0
"""A ``Match exec`` may ask a network; one that hangs must not hold the run up for ever."""


def lookup_of(files: tuple[str, ...], say: Callable[[str], None] = lambda text: None) -> Lookup:
    """How a name is looked up in ``files``: the defaults, one file, or none.

    ``say`` is told what could not be understood. Raises TransportError for a file that the
    library cannot read.
    """
    program = shutil.which("ssh")
    if program is None:
        from provisioner.hosts.ssh.reader import library_lookup

        return library_lookup(files, say)
    words = (program, *ASKING, *_file_option(files))
    home = str(Path("~").expanduser())

    def lookup(name: str, user: str | None, port: int | None) -> Config:
        return _without_defaults(_asked(words, name, user, port, _stamps(files)), home)

    return lookup


def _file_option(files: tuple[str, ...]) -> tuple[str, ...]:
    """``ssh`` finds its files by the account's home, whatever HOME says; here HOME counts, as it
    does for known_hosts and keys."""
    if files != DEFAULT_FILES:
        return ("-F", str(Path(files[0]).expanduser())) if files else ("-F", "none")
    own = Path("~/.ssh/config").expanduser()
    if str(Path("~").expanduser()) == pwd.getpwuid(os.getuid()).pw_dir:
        return ()
    system = Path(DEFAULT_FILES[1])
    found = next((file for file in (own, system) if file.is_file()), Path("none"))
    return ("-F", str(found))


def _stamps(files: tuple[str, ...]) -> tuple[tuple[int, int] | None, ...]:
    """When the files were changed, for what is remembered of them."""
    paths = [Path(file).expanduser() for file in files]
    found = [path.stat() if path.is_file() else None for path in paths]
    return tuple(s and (s.st_mtime_ns, s.st_size) for s in found)


@cache
def _asked(
    words: tuple[str, ...], name: str, user: str | None, port: int | None, _stamp: object
) -> Config:
    """The answer of ``ssh -G``: once for each name. Names were checked (``check_names``)."""
    more = [*(("-l", user) if user else ()), *(("-p", str(port)) if port else ())]
    try:
        done = subprocess.run(
            [*words, *more, "--", name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            env=environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise broken(f"ssh -G {name} did not answer within {SECONDS:.0f} s") from None
    except OSError as error:
        raise TransportError("invalid-inventory", f"ssh cannot be run: {error}") from error
    text = done.stdout.decode("utf-8", "surrogateescape")
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise broken(f"the SSH configuration for {name}: {said[0] if said else 'ssh -G failed'}")
    return parsed(text)


def parsed(text: str) -> Config:
    """Lines ``keyword value`` → keyword → values in their order."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.split("\n"):
        key, _, value = line.partition(" ")
        if value and value != NO_KEY:
            found[key.lower()] = (*found.get(key.lower(), ()), value)
    return found


def _without_defaults(config: Config, home: str) -> Config:
    """Without the known_hosts that ``ssh -G`` names where nobody does: which these are, this tool
    says."""
    account = pwd.getpwuid(os.getuid()).pw_dir
    usual = " ".join(f"{account}/.ssh/known_hosts{number}" for number in ("", "2"))
    if config.get("userknownhostsfile") != (usual,):
        return config
    return {key: value for key, value in config.items() if key != "userknownhostsfile"}
