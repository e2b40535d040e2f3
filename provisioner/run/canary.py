"""What is wrong with the first nodes of a roll, before the others follow."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence

from provisioner.hosts.observer import Reading
from provisioner.hosts.shell import constant
from provisioner.hosts.transport import TransportError
from provisioner.plan.model import Change, Desired, Event
from provisioner.site.health import settle
from provisioner.site.round_trip import round_trip
from provisioner.site.site import Site

SHOWN = 5
"""Lines of a log that are shown."""


def complaints(
    site: Site,
    changes: Sequence[Change],
    desired: Desired,
    emit: Callable[[Event], None],
    stop: threading.Event,
) -> list[tuple[Change, str]]:
    """(bounced node, what is wrong): errors in its log since it started; of the last one also that
    records do not get through. Replicas are waited for first, as long as there is progress."""
    site.cluster().refresh()
    settle(site, emit, stop)
    if stop.is_set():
        return []
    found = [(change, why) for change in changes if (why := _in_its_log(site, change, desired))]
    check = round_trip(site, secrets.token_hex(4))
    if check.ok is not True:
        found.append((changes[-1], f"after its restart records do not get through: {check.detail}"))
    return found


def _in_its_log(site: Site, change: Change, desired: Desired) -> str:
    """The errors that a node has logged since it started; that its log cannot be read is one."""
    log = str(desired[change.id].args["log"])
    reading = Reading(
        constant("errors.sh", __package__), (log,), site.places[change.id.host].kafka_user
    )
    try:
        frame = site.observer(change.id.host).read([reading])[0]
    except TransportError as error:
        return f"its log {log} could not be read after its restart: {error}"
    if frame is None or frame.status != 0:
        return f"its log {log} could not be read after its restart"
    lines = [line for line in frame.text.splitlines() if line.strip()]
    if not lines:
        return ""
    more = f"\n    and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return f"restarted, but since then its log has errors ({log}):\n    " + (
        "\n    ".join(lines[:SHOWN]) + more
    )
