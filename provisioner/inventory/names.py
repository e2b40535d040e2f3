"""What hosts and groups of an inventory may be called.

    refuse_host(name), refuse_group(name) -> None    raise BadName with what is wrong

Ansible takes any text. These names reach file paths, programs' arguments, terminals and ``--limit``
patterns, so a host is letters, digits and ``. _ - @ +`` or an IPv6 address, and a group has no
blanks, slashes or invisible characters.
"""

from __future__ import annotations

import re

from provisioner.errors import cut

LONGEST = 255
HOST = re.compile(r"\w[\w.@+-]*")
ADDRESS = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(%[\w.-]+)?")


class BadName(ValueError):
    """Why a name is refused."""


def refuse_host(name: str) -> None:
    """Raises BadName."""
    refuse(name, "host")
    if HOST.fullmatch(name) or ADDRESS.fullmatch(name):
        return
    if name.startswith(("-", ".")):
        raise BadName(f"host name '{cut(name)}' begins with '{name[0]}'")
    bad = next(char for char in name if not HOST.fullmatch(f"a{char}"))
    raise BadName(f"host name '{cut(name)}' has the character '{bad}' in it")


def refuse_group(name: str) -> None:
    """Raises BadName."""
    refuse(name, "group")
    if "/" in name:
        raise BadName(f"group name '{cut(name)}' has the character '/' in it")


def refuse(name: str, what: str) -> None:
    """What neither may be: empty, too long, blank or invisible in parts."""
    if not name:
        raise BadName(f"a {what} without a name")
    if len(name) > LONGEST:
        raise BadName(f"{what} name '{cut(name)}' is too long: {LONGEST} characters are the most")
    for char in name:
        if char.isspace():
            raise BadName(f"{what} name '{cut(seen(name))}' has a blank or line break in it")
        if not char.isprintable():
            raise BadName(f"{what} name '{cut(seen(name))}' has U+{ord(char):04X} in it")


def seen(name: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in name)
