"""Rules for every test: what its folder means, who runs it, no network in unit tests, no skipping
in CI."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import pytest

from tests import workers
from tests.soak import SOAK

TESTS = Path(__file__).parent
IN_CI = os.environ.get("CI", "").lower() in ("1", "true")

# A shell that starts us in the background has SIGINT ignored, and so would all that we start: then
# no test could press Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

if not IN_CI:  # Hypothesis has a profile of its own for CI.
    hypothesis.settings.register_profile("here", deadline=None)
    hypothesis.settings.load_profile("here")


# --- a folder says what its tests need ---------------------------------------------------------


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if workers.is_worker(config):
        workers.longest_first(items)
    if not SOAK:
        later = [item for item in items if item.get_closest_marker("soak")]
        items[:] = [item for item in items if item not in later]
        config.hook.pytest_deselected(items=later)
    for item in items:
        match _folder(item):
            case "real":
                item.add_marker(pytest.mark.kafka)
            case "real_hosts":
                item.add_marker(pytest.mark.hosts)


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""


@pytest.hookimpl(optionalhook=True)  # -p no:xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> workers.Units | None:
    return workers.scheduler(config, log)


# --- tests/unit has no network -----------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if _folder(item) != "unit":
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        _switch_network_off(patch)
        return (yield)


def _switch_network_off(patch: pytest.MonkeyPatch) -> None:
    def unless_unix(method: Any) -> Any:
        def guarded(self: socket.socket, *args: Any) -> Any:
            if self.family != socket.AF_UNIX:
                _refuse(args[-1])
            return method(self, *args)

        return guarded

    for name in ("connect", "connect_ex", "sendto"):
        patch.setattr(socket.socket, name, unless_unix(getattr(socket.socket, name)))
    patch.setattr(socket, "getaddrinfo", lambda host, *_args, **_kw: _refuse(host))


def _refuse(address: object) -> NoReturn:
    # Not an OSError: code that handles a network failure must not swallow this one.
    raise AssertionError(f"a unit test has no network: {address!r} (see tests/conftest.py)")


# --- in CI a skipped test is a failed one ------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if not hasattr(report, "wasxfail"):
        _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_skipped(report)
    return report


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not (IN_CI and report.skipped):
        return
    reason = report.longrepr
    if isinstance(reason, tuple):  # (path, line, "Skipped: why")
        path, line, why = reason
        reason = f"{path}:{line}: {why}"
    report.outcome = "failed"
    report.longrepr = f"skipped, which CI does not allow: {reason}"
