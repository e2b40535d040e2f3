"""Errors of ports as problems that a person can act on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from provisioner.errors import Exit, Problem, ProvisionError
from provisioner.hosts.transport import TransportError
from provisioner.kafka.port import KafkaRefused, KafkaUnavailable
from provisioner.plan.model import Report
from provisioner.site.stopping import AGAIN

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


@contextmanager
def kept_in(report: Report, when: Callable[[], bool]) -> Iterator[None]:
    """Errors after the first change are no 'nothing was touched': they go into the report, which
    then says 2, with what was done. ``when`` tells whether anything has been changed."""
    try:
        yield
    except (ProvisionError, *PORT_ERRORS) as error:
        if not when() and not report.failed:
            raise
        report.problems = problems_of(error)
        report.exit_code = Exit.NO


def exit_of(error: Exception) -> Exit:
    """The exit code before anything was changed: 'cannot tell' for what could not be read, else
    'stopped'."""
    if isinstance(error, ProvisionError):
        return error.exit_code
    return Exit.CANNOT_TELL if isinstance(error, PORT_ERRORS) else Exit.STOPPED
