"""Looks at a Kafka of which nobody has written a spec. Nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.errors import Exit, ProvisionError, fail
from provisioner.importing.found import FoundKafka
from provisioner.importing.kafka import ASKS, found_kafka, not_read
from provisioner.kafka.port import ClusterView, KafkaUnavailable
from provisioner.kafka.routes import Routes

SECONDS = 60.0
"""Limit of the look: it is made once, of whatever size the cluster is."""


@dataclass(frozen=True)
class Told:
    """What Kafka told, and what of it could not be read (``unread``, one sentence each)."""

    kafka: FoundKafka
    unread: tuple[str, ...]


def look(bootstrap: Sequence[tuple[str, int]], routes: Routes | None = None) -> Told:
    """Asks the Kafka behind these addresses. ``routes``: how its brokers are dialled; None: from
    this machine, wherever they are registered. Raises ``unreachable``, with exit code 3."""
    from provisioner.kafka.client import connect

    client = connect(bootstrap, timeout=SECONDS, routes=routes or Routes.anywhere())
    try:
        view: ClusterView = client.view(ASKS)
    except KafkaUnavailable as error:
        raise _away(error) from None
    finally:
        client.close()
    return Told(found_kafka(view, [_written(*each) for each in bootstrap]), tuple(not_read(view)))


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _away(error: KafkaUnavailable) -> ProvisionError:
    problem: ProvisionError = fail(
        "unreachable",
        f"Kafka does not answer: {error}",
        "name brokers that this machine reaches, at a listener without TLS and login",
    )
    problem.exit_code = Exit.CANNOT_TELL
    return problem
