"""Which temporary topics are left alone: those that another command's round trip may be using."""

from __future__ import annotations

import time

import pytest

from provisioner.site.round_trip import SECONDS, in_use


def test_of_a_round_trip_that_may_still_run() -> None:
    assert in_use(f"__provision-verify-{int(time.time())}-a1b2")
    assert not in_use(f"__provision-verify-{int(time.time() - SECONDS - 1)}-a1b2")


@pytest.mark.parametrize(
    "rest", ["verify", "verify-", "verify-x-1", "drill-1-2", "", "verify-" + "9" * 4000 + "-a"]
)
def test_any_other_name(rest: str) -> None:
    """Whoever may make topics names them as he likes."""
    assert not in_use(f"__provision-{rest}")
