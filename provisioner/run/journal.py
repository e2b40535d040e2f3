"""The journal: one JSON line before and after each wave, on the host that it changed."""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count

from provisioner import __version__
from provisioner.hosts.shell import ENTER, constant
from provisioner.plan.masking import masked
from provisioner.plan.model import Change

NOW = "@NOW@"


def journal_lines() -> str:
    """The script that reads a host's journal: STATE COUNT BYTES."""
    return ENTER + constant("journal_lines.sh", __package__)


def whoami() -> str:
    """``user@machine``, and whose sudo it is."""
    try:
        user = os.environ.get("SUDO_USER") or getpass.getuser()
    except KeyError:
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


@dataclass
class Journal:
    """Makes the lines of one run. No secret values: changes are named, their content is not."""

    run: str
    command: str
    spec_digest: str
    who: str = field(default_factory=whoami)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def line(
        self,
        outcome: str,
        wave: int,
        changes: Iterable[Change],
        note: str = "",
        *,
        noted: Mapping[str, object] | None = None,
        waited: float = 0.0,
    ) -> str:
        """``outcome`` is intent, done or failed. ``noted``: by id, what a later run must know of
        what this one did. ``waited``: seconds before it, for its gate."""
        entry = {
            "run": self.run,
            "seq": next(self._numbers),
            # Put in on the host, when the line is written.
            "time": NOW,
            "who": self.who,
            "version": __version__,
            "command": self.command,
            "spec": self.spec_digest[:16],
            "wave": wave,
            "outcome": outcome,
            "changes": [f"{change.action} {change.id}" for change in changes],
        }
        if noted:
            entry["noted"] = noted
        if waited >= 0.1:
            entry["waited"] = round(waited, 1)
        if note:
            entry["note"] = masked(note)
        return json.dumps(entry, ensure_ascii=False)
