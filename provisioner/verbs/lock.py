"""``provision lock``: who holds the lock of each host; ``--break ID`` ends that holder."""

from __future__ import annotations

import argparse
import re
from dataclasses import asdict, dataclass

from provisioner.errors import Exit, fail
from provisioner.hosts.observer import Reading
from provisioner.hosts.shell import Frame
from provisioner.hosts.transport import TransportError, understood
from provisioner.kinds.ids import file_id
from provisioner.plan.model import Plan, Report, UnknownState
from provisioner.report.cleaning import clean
from provisioner.report.text import table
from provisioner.run.journal import Journal, whoami
from provisioner.run.lock import Breaker, showing
from provisioner.run.session import lock_file
from provisioner.site.site import Site
from provisioner.verbs.shared.command import Context
from provisioner.verbs.shared.opening import open_context
from provisioner.verbs.shared.verb import Verb

SHORT = 8
LONGEST = 500
"""Characters of a host's output that are shown."""


@dataclass(frozen=True)
class Held:
    """The lock of one host. ``id`` is the short name of its holder, for ``--break``;
    ``silent_seconds`` is the age of the holder's last beat (a living run beats every 2 s)."""

    host: str
    held: bool
    id: str | None = None
    who: str | None = None
    pid: int | None = None
    silent_seconds: int | None = None


def story(args: argparse.Namespace, context: Context) -> Report:
    """read every host's lock → show; or end the named holder, on every host."""
    wanted = None if args.break_id is None else checked(args.break_id)
    with open_context(args, context, fetch=True) as site:
        report = Report(site.spec.cluster)
        locks, unread = survey(site)
        if wanted is not None:
            broken = end(site, wanted, locks)
            context.console.answer("\n".join(broken))
            locks, unread = survey(site)
    report.plan = Plan(unread=tuple(unread))
    report.extra["locks"] = [asdict(lock) for lock in locks]
    report.complete = not unread
    report.exit_code = Exit.YES if report.complete else Exit.CANNOT_TELL
    if wanted is not None and any(lock.held and lock.id == wanted for lock in locks):
        report.exit_code = Exit.NO
    context.console.answer("\n".join(as_text(locks, unread, context)))
    return report


def checked(word: str) -> str:
    """The id as ``lock`` shows it. Raises ``usage``: a prefix could mean two holders."""
    if not re.fullmatch(rf"[0-9a-f]{{{SHORT}}}", word):
        raise fail(
            "usage", f"--break {word}: not the id of a holder", "provision lock SPEC shows the ids"
        )
    return word


def survey(site: Site) -> tuple[list[Held], list[UnknownState]]:
    """Every host's lock, side by side, one exec each."""
    locks, unread = [], [_unread(h, str(e)) for h, e in sorted(site.unreachable.items())]
    for answer in site.side_by_side(lambda host: _look(site, host)).values():
        if isinstance(answer, UnknownState):
            unread.append(answer)
        else:
            locks.append(answer)
    return locks, unread


def _look(site: Site, host: str) -> Held | UnknownState:
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


def parsed(host: str, text: str) -> Held:
    """Parses the output of SHOW; a free lock has no holder, even if its file is left."""
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if values.get("held") != "yes":
        return Held(host, False)
    pid, silent = values.get("pid", ""), values.get("silent", "")
    return Held(
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


# -- --break


def end(site: Site, wanted: str, locks: list[Held]) -> list[str]:
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


# -- as text


def as_text(locks: list[Held], unread: list[UnknownState], context: Context) -> list[str]:
    rows = [row(lock) for lock in locks]
    lines = [table([("HOST", "LOCK", "HELD BY", "LAST BEAT"), *rows])] if rows else []
    lines += [f"? {u.id.host}: its lock could not be read: {clean(u.reason)}" for u in unread]
    ids = sorted({lock.id for lock in locks if lock.id})
    lines += [f"to end it: provision lock {context.words} --break {id}" for id in ids]
    return lines


def row(lock: Held) -> tuple[str, ...]:
    if not lock.held:
        return (lock.host, "free")
    beat = "?" if lock.silent_seconds is None else f"{lock.silent_seconds} s ago"
    return (lock.host, lock.id or "held", lock.who or "unknown", beat)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--break", dest="break_id", metavar="ID", help="end the run that holds it")


VERB = Verb(
    "lock",
    "show or break the cluster's lock",
    rank=15,
    story=story,
    options=_options,
    examples=(
        "provision lock specs/prod.yaml",
        "provision lock --break 1a2b3c specs/prod.yaml",
    ),
)
