"""Names and addresses. They follow from a host's number alone, so every host knows all of them.

outer  10.77.0.0/16  this machine is 10.77.0.1; host N is `hN`, 10.77.0.(10+N)
inner  10.78.0.0/24  this machine is not on it; host N is `hN.inner`, 10.78.0.(10+N)

Each world has its own network: the same addresses serve any number of worlds at once.
"""

from __future__ import annotations

MOST = 64  # hosts of a lab, counted from 1
OUTER_BRIDGE, INNER_BRIDGE = "outer", "inner"
OUTER_BITS, INNER_BITS = 16, 24
GATEWAY = "10.77.0.1"


def name(number: int) -> str:
    return f"h{number}"


def outer(number: int) -> str:
    return f"10.77.0.{10 + number}"


def inner(number: int) -> str:
    return f"10.78.0.{10 + number}"


def extra(number: int, count: int) -> list[str]:
    """`count` more outer addresses of one host, at most 250."""
    return [f"10.77.{100 + number}.{last}" for last in range(1, count + 1)]


def hosts_file(own: str = "") -> str:
    """/etc/hosts of a host (or of the world): Debian's own lines, then every host of the lab."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost"]
    if own:
        lines.append(f"127.0.1.1 {own}")  # Debian's installer writes this: a real trap, kept
    for number in range(1, MOST + 1):
        if name(number) != own:
            lines.append(f"{outer(number)} {name(number)}")
        lines.append(f"{inner(number)} {name(number)}.inner")
    return "\n".join(lines) + "\n"
