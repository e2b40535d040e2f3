"""Broken networks: the nftables rules a host is given to lose or refuse packets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

How = Literal["drop", "reject"]
Direction = Literal["both", "in", "out"]

TABLE = "inet provision_faults"
HEAL = f"add table {TABLE}\ndelete table {TABLE}\n"  # `add` first: healing twice is no error

_HOOKS = {"in": ("input", "iif", "saddr"), "out": ("output", "oif", "daddr")}


def rules(how: How, peers: Sequence[str], port: int | None, direction: Direction) -> str:
    """An nft script that adds one fault; faults add up until HEAL.

    `peers` are IPv4 addresses; none of them means everybody. `port` is the TCP port dialled.
    `drop` is silence, as of a cut cable; `reject` answers a connection with a reset.
    """
    wanted = ("in", "out") if direction == "both" else (direction,)
    script = [f"add table {TABLE}"]
    for side in wanted:
        hook = _HOOKS[side][0]
        script.append(f"add chain {TABLE} {side} {{ type filter hook {hook} priority 0; }}")
        script.append(f"add rule {TABLE} {side} {' '.join(_match(side, how, peers, port))}")
    return "\n".join(script) + "\n"


def _match(side: str, how: How, peers: Sequence[str], port: int | None) -> Iterable[str]:
    _, interface, address = _HOOKS[side]
    # a host's talk with itself goes on, and so does the reset that a reject in `out` sends over lo
    yield f"{interface} != lo"
    if peers:
        yield f"ip {address} {{ {', '.join(peers)} }}"
    if port is not None:
        yield f"tcp dport {port}"
    elif how == "reject":
        # nor may it catch the reset with which the rule in `in` refuses
        yield "tcp flags & rst == 0"
    yield "drop" if how == "drop" else "reject with tcp reset"
