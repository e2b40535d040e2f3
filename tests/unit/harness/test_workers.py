"""How tests are dealt out to several processes, and which ports each of those has."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ports, workers

TESTS = Path(__file__).parents[2]
ROOT = TESTS.parent


def collected(seed: str) -> list[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        ["env", f"PYTHONHASHSEED={seed}", *command, "tests"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_every_process_collects_the_same_tests() -> None:
    """In the same order, with the same names: xdist deals them out by number."""
    assert collected("1") == collected("2")


@pytest.mark.parametrize(
    ("test", "unit"),
    [
        ("tests/real/test_drill.py::test_x[kraft]", "tests/real/test_drill.py"),
        ("tests/unit/a/test_b.py::TestC::test_x[a::b]", "tests/unit/a/test_b.py"),
        ("tests/real/sheet/test_verbs.py::test_x", "tests/real/sheet"),
        ("tests/real/sheets/test_verbs.py::test_x", "tests/real/sheets/test_verbs.py"),
    ],
)
def test_what_shares_a_fixture_is_one_unit(test: str, unit: str) -> None:
    assert workers.unit(test) == unit


def test_folders_with_a_fixture_for_all_their_files_are_known() -> None:
    found = {
        str(file.parent.relative_to(ROOT))
        for file in TESTS.rglob("*.py")
        if re.search(r"""scope=["']package["']""", file.read_text()) and file != Path(__file__)
    }
    assert found == set(workers.SHARED)


def test_the_long_units_are_there() -> None:
    assert [name for name in workers.LONGEST if not (ROOT / name).exists()] == []


ASK = "from tests.ports import free_ports; print(*free_ports(60)); input()"


def test_two_processes_never_get_the_same_port() -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", ASK],
            cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for _ in range(3)
    ]  # fmt: skip
    try:
        given = []
        for process in running:
            assert process.stdout is not None
            given += [int(port) for port in process.stdout.readline().split()]
    finally:
        for process in running:
            process.communicate("\n")
    assert len(given) == len(set(given)) == 180
    assert all(ports.FIRST < port < ports.LAST + ports.BLOCK for port in given)


def test_a_port_is_given_again_only_after_all_others() -> None:
    first = ports.free_ports(40)
    assert len({*first, *ports.free_ports(40)}) == 80
