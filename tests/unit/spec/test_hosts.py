"""What is used of a host's variables: the cases are in ``hosts.yaml``."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import ProvisionError
from provisioner.inventory.files import read_inventory
from provisioner.inventory.inventory import Inventory, Var
from provisioner.inventory.ranges import RangeError, expand_host
from provisioner.inventory.variables import HostReader
from provisioner.spec.scalars import Dialect
from provisioner.spec.yamlfile import read

CASES = read(Path(__file__).parent / "hosts.yaml", Dialect.ANSIBLE, "invalid-inventory")


@pytest.mark.parametrize(
    ("number", "case"), list(enumerate(CASES.data)), ids=[case["name"] for case in CASES.data]
)
def test_variables(number: int, case: dict[str, Any]) -> None:
    inventory = Inventory("hosts.yaml")
    inventory.hosts["h"] = {
        key: Var(value, CASES, (number, "vars", key)) for key, value in case["vars"].items()
    }
    reader = HostReader(inventory, "h", {"HOME": "/home/me"})
    host = reader.host()
    for path, wanted in case.get("values", {}).items():
        found = functools.reduce(getattr, path.split("."), host)
        assert (list(found) if isinstance(found, tuple) else found) == wanted, path
    found = sorted(problem.message for problem in reader.problems)
    wanted = sorted(case.get("problems", []))
    assert [m[: len(w)] for m, w in zip(found, [*wanted, *found], strict=False)] == wanted
    assert all(problem.line and problem.file for problem in reader.problems)
    assert "s3cret" not in repr(host)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a", ["a"]),
        ("a[1:3]", ["a1", "a2", "a3"]),
        ("a[08:10]", ["a08", "a09", "a10"]),
        ("[x:z]-[1:5:4]", ["x-1", "x-5", "y-1", "y-5", "z-1", "z-5"]),
    ],
)
def test_ranges(pattern: str, names: list[str]) -> None:
    assert expand_host(pattern) == (names, None)
    assert expand_host(f"h{pattern}:22") == ([f"h{name}" for name in names], 22)


@pytest.mark.parametrize(
    "pattern",
    ["a[1", "a[1:]", "a[1:2:3:4]", "a[01:100]", "a[c:a]", "a[x:9]", "a[0:999999]", "a[1:2:0]"],
)
def test_ranges_that_are_none(pattern: str) -> None:
    with pytest.raises(RangeError):
        expand_host(pattern)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[web\nh1\n", 2, "is not valid YAML"),
        ("- a\n", 1, "is not an inventory in YAML"),
        ("plugin: aws_ec2\n", 1, "configures an inventory plugin"),
        ("all:\n  hosts: [a, b]\n", 2, "'hosts' of group all must be a mapping"),
        ("a: {children: {b: {children: {a: }}}}\n", 1, "group b is a child of itself"),
        ("all:\n  hosts:\n    h[1:\n", 3, "'h[1': "),
        ("all:\n  hosts:\n    h: 3\n", 3, "the variables of host h"),
        ("all: {vars: {ansible_group_priority: x}}\n", 1, "ansible_group_priority"),
        ("all: {hosts: {a: }}\n---\nall: {hosts: {b: }}\n", 2, "a second document"),
    ],
)
def test_inventories_that_are_none(tmp_path: Path, text: str, line: int, message: str) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(text)
    with pytest.raises(ProvisionError) as raised:
        read_inventory(path)
    problem = raised.value.problems[0]
    assert (problem.code, problem.line) == ("invalid-inventory", line)
    assert problem.message.startswith(message)


def test_an_inventory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError) as raised:
        read_inventory(tmp_path / "none.yaml")
    assert "cannot be read" in str(raised.value)


def test_a_password_is_in_no_excerpt(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text("all: {hosts: {h: {ansible_become_password: hunter2, ansible_port: x}}}\n")
    reader = HostReader(read_inventory(path), "h", {})
    reader.host()
    assert [p.message for p in reader.problems] == ["ansible_port: 'x' is not a port (host h)"]
    assert "hunter2" not in str(reader.problems[0])
