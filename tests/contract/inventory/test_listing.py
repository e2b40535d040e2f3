"""What we read of an inventory equals what ``ansible-inventory --list`` prints."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import ProvisionError
from provisioner.inventory.files import read_inventory
from provisioner.inventory.inventory import Inventory
from tests.contract.inventory.ansible import Listing
from tests.contract.inventory.cases import CORPUS, EQUAL, REFUSED


def ours(path: Path) -> tuple[Inventory, Any]:
    """Raises ProvisionError for what is wrong in any file of it."""
    inventory = read_inventory(path)
    found = comparable(inventory.listing())
    if inventory.problems:
        raise ProvisionError(inventory.problems)
    return inventory, found


def comparable(listing: dict[str, Any]) -> Any:
    """Hosts and children in any order, values as JSON prints them, Ansible's marks taken off."""
    listing = {key: value for key, value in listing.items() if key != "_meta"} | {
        "_meta": {"hostvars": listing["_meta"]["hostvars"]}
    }
    for value in listing.values():
        for key in ("hosts", "children"):
            if key in value:
                value[key] = sorted(value[key])
    return plain(json.loads(json.dumps(listing, default=str)))


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        for mark in ("__ansible_vault", "__ansible_unsafe"):
            if set(value) == {mark}:
                return value[mark]
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return int(value)
    return value


@pytest.mark.parametrize("name", EQUAL)
def test_equals_ansible_inventory(
    name: str, inventories: dict[str, Path], ansibles: dict[str, Listing]
) -> None:
    theirs = ansibles[name]
    assert theirs.refused is CORPUS.get(name, {}).get("unparsed", False), theirs.words
    inventory, found = ours(inventories[name])
    assert found == comparable(theirs.data)
    warned = [f"{notice.line}:{notice.column} {notice.message}" for notice in inventory.warnings]
    wanted = CORPUS.get(name, {}).get("warnings", [])
    assert len(warned) == len(wanted), warned
    assert [w for w, begin in zip(warned, wanted, strict=True) if not w.startswith(begin)] == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_ansible_leaves_out_is_an_error_with_its_place(
    name: str, inventories: dict[str, Path], ansibles: dict[str, Listing]
) -> None:
    case = CORPUS[name]
    # What Ansible reads and we refuse says why in the case.
    assert ansibles[name].refused is not ("because" in case), ansibles[name].words
    with pytest.raises(ProvisionError) as raised:
        ours(inventories[name])
    problem = raised.value.problems[0]
    assert problem.code == "invalid-inventory"
    assert problem.file is not None
    shown = f"{Path(problem.file).name}:{problem.line}:{problem.column} {problem.message}"
    assert shown.startswith(case["refused"])
    assert case.get("hint", "") in problem.hint
