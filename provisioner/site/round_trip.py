"""Records that are written and read back: whether the cluster does what it is there for."""

from __future__ import annotations

import re
import time

from provisioner.kafka.port import KafkaRefused, KafkaUnavailable
from provisioner.kafka.temporary import PREFIX, temporary_topic
from provisioner.plan.model import Check
from provisioner.site.health import wait_whole
from provisioner.site.site import Site

SECONDS = 600.0
"""How long a round trip may take: it takes no lock, so its topic is left alone that long."""

IN_USE = re.compile(f"{PREFIX}verify-([0-9]{{1,12}})-")


def round_trip(site: Site, run: str) -> Check:
    """Through a temporary topic of our own with a replica on every broker."""
    name = f"{PREFIX}verify-{int(time.time())}-{run}"
    started = time.monotonic()
    try:
        brokers = len(site.spec.brokers) or len(site.cluster().liveness().alive)
        values = [f"{run}-{number}".encode() for number in range(10 * brokers)]
        with temporary_topic(site.cluster(), name, brokers, min(3, brokers)) as write:
            wait_whole(site, name)
            failed = write(values)
            found = site.cluster().consume(name, count=len(values), seconds=30)
    except (KafkaUnavailable, KafkaRefused) as error:
        return Check("round-trip", False, str(error))
    seconds = time.monotonic() - started
    read = sorted(record.value for record in found)
    if failed or read != sorted(values):
        detail = failed[0] if failed else f"wrote {len(values)} records and read {len(read)}"
        return Check("round-trip", False, detail)
    return Check(
        "round-trip",
        True,
        f"{len(values)} records written to {brokers} partitions and read back in {seconds:.1f} s",
    )


def in_use(topic: str) -> bool:
    """Whether a temporary topic may belong to a round trip that another command is making."""
    found = IN_USE.match(topic)
    return found is not None and time.time() - int(found[1]) < SECONDS
