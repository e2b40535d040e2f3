"""The quorum as a controller tells it at its own listener: brokers in ZooKeeper mode do not know
it, though they take part in a migration."""

from __future__ import annotations

from provisioner.kafka import messages, reading
from provisioner.kafka.dialing import Deadline
from provisioner.kafka.port import Address, Dial, QuorumView
from provisioner.kafka.wire import Pool


def told(dial: Dial, address: Address, seconds: float) -> QuorumView:
    """Raises OSError where it does not answer or does not lead, and what ``dial`` raises."""
    pool = Pool(dial)
    try:
        (answer,) = pool.ask(address, [messages.quorum_request()], Deadline(seconds))
    finally:
        pool.close()
    if isinstance(answer, Exception):
        raise OSError(str(answer)) from answer
    errors: dict[str, str] = {}
    try:
        found = reading.quorum(answer, errors)
    except (ValueError, TypeError, AttributeError) as error:  # what no Kafka answers
        raise OSError(f"{address[0]}:{address[1]}: no quorum can be read: {error}") from error
    if found is None:
        raise OSError(errors["quorum"])
    return found
