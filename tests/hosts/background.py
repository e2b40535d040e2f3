"""A named world with hosts, kept in the background for a person to work with."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.hosts import base, lab, world
from tests.hosts.shell import HarnessError

_UP_SECONDS = 180
_DOWN_SECONDS = 180
_TOOL = [sys.executable, "-m", "tests.hosts"]


def up(name: str, hosts: int) -> str:
    """Start a world with that many hosts; return how to reach them. Raises HarnessError."""
    directory = world.worlds_dir() / name
    try:
        world.World.named(name)
    except HarnessError:
        _launch(name, hosts)
    return f"world {name!r} is up\n{(directory / 'welcome').read_text()}"


def _log(name: str) -> Path:
    """What a world printed: outside its directory, as it is wanted when there is none."""
    return base.cache_dir() / f"{name}.log"


def _launch(name: str, hosts: int) -> None:
    log = _log(name)
    served = [*_TOOL, "serve", str(hosts)]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*_TOOL, "world", "--name", name, "--", *served],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # it outlives this terminal
        )
    end = time.monotonic() + _UP_SECONDS
    while not (world.worlds_dir() / name / "welcome").exists():
        if process.poll() is not None:
            raise HarnessError(f"world {name!r} did not start:\n{log.read_text()}")
        if time.monotonic() > end:
            process.send_signal(signal.SIGTERM)
            raise HarnessError(f"world {name!r} is not up after {_UP_SECONDS} s, see {log}")
        time.sleep(0.05)


def serve(hosts: int) -> None:
    """Inside a world: boot hosts, say how to reach them, keep them until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    here = lab.current()
    if here is None:
        raise HarnessError("`serve` is for `up`: it runs inside a world")
    try:
        here.start([here.add() for _ in range(hosts)])
        _publish(here.directory / "welcome", _welcome(here))
        while True:
            signal.pause()
    finally:
        here.stop()


def _publish(file: Path, text: str) -> None:
    """Write a file that a waiting process never sees half of."""
    draft = file.with_suffix(".draft")
    draft.write_text(text)
    draft.rename(file)


def _welcome(here: lab.Lab) -> str:
    name = here.world.name
    tool = [*_TOOL, "enter", name, "--"]
    lines = [f"  {machine.name}  {machine.address}" for machine in here.machines]
    lines.append("users deploy (sudo), ops (sudo with password s3cret), plain; a login:")
    login = [*tool, "ssh", "-F", str(here.ssh_config), f"deploy@{here.machines[0].name}"]
    lines += [f"  {shlex.join(login)}", "any tool, this shell's network being theirs:"]
    lines += [f"  {shlex.join([*tool, 'bash'])}", "away with it:"]
    lines.append(f"  {shlex.join([*_TOOL, 'down', '--name', name])}")
    return "\n".join(lines)


def down(name: str) -> None:
    """End a world and wait until nothing of it is left. Raises HarnessError."""
    running = world.World.named(name)
    os.kill(running.pid("owner"), signal.SIGTERM)
    end = time.monotonic() + _DOWN_SECONDS
    while running.directory.is_dir():  # its owner removes that last
        if running.is_dead():
            world.reap()
        if time.monotonic() > end:
            os.kill(running.pid("init"), signal.SIGKILL)
            raise HarnessError(f"world {name!r} did not end in {_DOWN_SECONDS} s and was killed")
        time.sleep(0.05)
    _log(name).unlink(missing_ok=True)
