"""Ansible's host patterns: ``a:b``, ``a,b``, ``!x``, ``&y``, ``web*``, ``group[0]``, ``~regex``.

Read as Ansible reads them, with one difference: a part that matches neither a host nor a group is
an error, because ``all:!vm2`` with a typing error in it would change vm2.
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

from provisioner.errors import ProvisionError, fail

if TYPE_CHECKING:
    from provisioner.spec.inventory import Inventory

PART = re.compile(r"(?:[^\s:\[\]]|\[[^\]]*\])+")
SUBSCRIPT = re.compile(r"^(.+)\[(?:(-?[0-9]+)|([0-9]+)[:-]([0-9]*))\]$")


def match(inventory: Inventory, pattern: str) -> list[str]:
    """The hosts, in the inventory's order of matches. Raises ``limit-matches-nothing``."""
    hosts: list[str] = []
    for part in in_order(split(inventory, pattern)):
        word = part[1:] if part[0] in "!&" else part
        found = matching(inventory, word, pattern)
        if part[0] == "!":
            hosts = [host for host in hosts if host not in found]
        elif part[0] == "&":
            hosts = [host for host in hosts if host in found]
        else:
            hosts += [host for host in found if host not in hosts]
    if not hosts:
        raise nothing(inventory, pattern, f"'{pattern}' matches no host")
    return list(dict.fromkeys(hosts))


def split(inventory: Inventory, pattern: str) -> list[str]:
    if pattern in inventory.hosts:
        return [pattern]
    parts = pattern.split(",") if "," in pattern else PART.findall(pattern)
    return [part.strip() for part in parts if part.strip()]


def in_order(parts: list[str]) -> list[str]:
    """What adds first, then ``&``, then ``!``; without any that adds, everything is added."""
    adding = [part for part in parts if part[0] not in "!&"]
    narrowing = [part for part in parts if part[0] == "&"]
    return [*(adding or ["all"]), *narrowing, *(part for part in parts if part[0] == "!")]


def matching(inventory: Inventory, word: str, pattern: str) -> list[str]:
    if word in inventory.hosts:
        return [word]
    name, subscript = word, None
    if not word.startswith("~") and (subscript := SUBSCRIPT.match(word)):
        name = subscript[1]
    groups = names_like(inventory, list(inventory.groups), name, pattern)
    found = [host for group in groups for host in inventory.members(group)]
    if not groups or name.startswith("~") or any(c in name for c in ".?*["):
        found += names_like(inventory, list(inventory.hosts), name, pattern)
    if not found and not groups:
        raise nothing(
            inventory, pattern, f"'{word}' is neither a host nor a group of the inventory"
        )
    return subscripted(inventory, list(dict.fromkeys(found)), subscript, pattern)


def names_like(inventory: Inventory, names: list[str], word: str, pattern: str) -> list[str]:
    try:
        regex = re.compile(word[1:] if word.startswith("~") else fnmatch.translate(word))
    except re.error as error:
        raise nothing(inventory, pattern, f"'{word}' is not a pattern: {error}") from None
    return [name for name in names if regex.match(name)]


def subscripted(
    inventory: Inventory, hosts: list[str], found: re.Match[str] | None, pattern: str
) -> list[str]:
    """``[0]``, ``[-1]``, ``[1:3]`` (both ends in), ``[1:]``."""
    if found is None or not hosts:
        return hosts
    if found[2] is None:
        end = int(found[4]) if found[4] else len(hosts) - 1
        return hosts[int(found[3]) : end + 1]
    try:
        return [hosts[int(found[2])]]
    except IndexError:
        raise nothing(inventory, pattern, f"'{found[0]}': there are {len(hosts)} hosts") from None


def nothing(inventory: Inventory, pattern: str, message: str) -> ProvisionError:
    import difflib

    known = [*inventory.groups, *inventory.hosts]
    words = [part.lstrip("!&~") for part in split(inventory, pattern)]
    near = [
        n
        for w in words
        if w not in known
        for n in difflib.get_close_matches(w, known, n=1, cutoff=0.6)
    ]
    hint = (
        f"did you mean '{near[0]}'?" if near else f"groups: {', '.join(sorted(inventory.groups))}"
    )
    return fail("limit-matches-nothing", message, hint, file=inventory.file)
