"""Who holds the lock of each host, and how a holder is ended."""

from __future__ import annotations

import re

from provisioner.cleaning import clean
from provisioner.errors import fail
from provisioner.hosts.observer import Reading
from provisioner.hosts.shell import Frame
from provisioner.hosts.transport import TransportError, understood
from provisioner.kinds.ids import file_id
from provisioner.plan.model import HostLock, UnknownState
from provisioner.run.journal import Journal, whoami
from provisioner.run.lock import Breaker, showing
from provisioner.run.session import lock_file
from provisioner.site.site import Site

SHORT = 8
LONGEST = 500
"""Characters of a host's output that are shown."""


def checked(word: str) -> str:
    """The id as ``lock`` shows it. Raises ``usage``: a prefix could mean two holders."""
    if not re.fullmatch(rf"[0-9a-f]{{{SHORT}}}", word):
        raise fail(
            "usage", f"--break {word}: not the id of a holder", "provision lock SPEC shows the ids"
        )
    return word


def survey(site: Site) -> tuple[list[HostLock], list[UnknownState]]:
    """Every host's lock, side by side, one exec each."""
    locks, unread = [], [_unread(h, str(e)) for h, e in sorted(site.unreachable.items())]
    for answer in site.side_by_side(lambda host: _look(site, host)).values():
        if isinstance(answer, UnknownState):
            unread.append(answer)
        else:
            locks.append(answer)
    return locks, unread


def _look(site: Site, host: str) -> HostLock | UnknownState:
    places = site.places[host]
    reading = Reading(showing(), (places.state,), places.state_user)
    try:
        frame = site.observer(host).read([reading])[0]
        if frame is None or frame.status != 0:
            return _unread(host, _said(frame))
        with understood(host):
            return parsed(host, frame.text)
    except TransportError as error:
        return _unread(host, str(error))


def parsed(host: str, text: str) -> HostLock:
    """Parses the output of SHOW; a free lock has no holder, even if its file is left."""
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if values.get("held") != "yes":
        return HostLock(host, False)
    pid, silent = values.get("pid", ""), values.get("silent", "")
    return HostLock(
        host,
        True,
        values.get("id") or None,
        clean(values.get("who", ""))[:LONGEST] or None,
        int(pid) if pid.isdigit() else None,
        max(0, int(silent)) if silent.lstrip("-").isdigit() else None,
    )


def _unread(host: str, why: str) -> UnknownState:
    return UnknownState(file_id(host, "lock"), why)


def _said(frame: Frame | None) -> str:
    text = frame.text.strip() if frame else ""
    return text.splitlines()[-1][:LONGEST] if text else "the host gave no answer"


def end(site: Site, wanted: str, locks: list[HostLock]) -> list[str]:
    """Ends the holder on each host where its token is the wanted one; returns a message per
    host. Raises ``usage`` where no host has it: then nothing was done."""
    mine = [lock.host for lock in locks if lock.held and lock.id == wanted]
    if not mine:
        held = sorted({str(lock.id) for lock in locks if lock.held})
        others = f"held now: {', '.join(held)}" if held else "nobody holds the lock"
        raise fail("usage", f"no host's lock is held by {wanted}", others)
    note = f"ended the lock's holder {wanted}"
    journal = Journal(wanted, "lock --break", site.spec.digest, f"{whoami()}")

    def one(host: str) -> str:
        line = journal.line("done", 0, (), note)
        try:
            return _said(Breaker(lock_file(site, host)).end(wanted, line))
        except TransportError as error:
            return str(error)

    words = {"ended": "its holder has ended", "gone": "its holder had ended already"}
    answers = site.side_by_side(one, mine)
    return [f"{host}: {clean(words.get(said, said))}" for host, said in answers.items()]
