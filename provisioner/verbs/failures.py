"""Errors of ports as problems that a person can act on."""

from __future__ import annotations

from provisioner.errors import Exit, Problem, ProvisionError
from provisioner.hosts.transport import TransportError
from provisioner.kafka.port import KafkaRefused, KafkaUnavailable
from provisioner.run.stopping import AGAIN

PORT_ERRORS = (TransportError, KafkaUnavailable, KafkaRefused)


def problems_of(error: Exception) -> list[Problem]:
    """Any error as problems; an unexpected one is ``internal``."""
    if isinstance(error, ProvisionError):
        return list(error.problems)
    if isinstance(error, TransportError):
        return [Problem(error.code, str(error), error.hint or AGAIN)]
    if isinstance(error, KafkaUnavailable):
        return [Problem("unreachable", str(error), AGAIN)]
    if isinstance(error, KafkaRefused):
        return [Problem("step-failed", f"Kafka refused: {error}", AGAIN)]
    what = f"{type(error).__name__}: {error}"
    return [Problem("internal", what, "this is a bug; --debug shows where")]


def exit_of(error: Exception) -> Exit:
    """The exit code before anything was changed: 'cannot tell' for what could not be read, else
    'stopped'."""
    if isinstance(error, ProvisionError):
        return error.exit_code
    return Exit.CANNOT_TELL if isinstance(error, PORT_ERRORS) else Exit.STOPPED
